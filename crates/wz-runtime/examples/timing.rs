//! A listener that measures calls, with the beginning in the context of each call, so that nested
//! calls do not overwrite each other's: `cargo run -p wz-runtime --example timing`.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use wz::experimental::{FunctionListener, StackIterator, attach_listeners};
use wz::prelude::*;
use wz::{Error as WzError, FunctionDefinition};

const GUEST: &str = r#"(module
  (func $inner (param $n i32)
    (loop $again (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func $outer (export "outer")
    (call $inner (i32.const 10000))
    (call $inner (i32.const 20000))))"#;

/// When a call began.
struct Since(Instant);

/// The calls of each function and the time that they took, the calls in them included.
#[derive(Default)]
struct Timing(Mutex<BTreeMap<String, (u32, Duration)>>);

impl FunctionListener for Timing {
    fn before(
        &self,
        cx: &Context,
        _: &Module,
        _: &FunctionDefinition,
        _: &[u64],
        _: &mut dyn StackIterator,
    ) -> Option<Context> {
        Some(cx.with_value(Since(Instant::now())))
    }

    fn after(&self, cx: &Context, _: &Module, definition: &FunctionDefinition, _: &[u64]) {
        let Some(Since(since)) = cx.value() else { return };
        let mut calls = self.0.lock().expect("no listener panics");
        let (count, time) = calls.entry(definition.name().to_owned()).or_default();
        *count += 1;
        *time += since.elapsed();
    }

    fn abort(&self, cx: &Context, module: &Module, definition: &FunctionDefinition, _: &WzError) {
        self.after(cx, module, definition, &[]);
    }
}

/// Prints how often each function was called.
pub(crate) fn run(out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let module = Runtime::new().instantiate(wat::parse_str(GUEST)?)?;
    let timing = Arc::new(Timing::default());
    let listener: Arc<dyn FunctionListener> = timing.clone();
    // Any number of times, while it runs too.
    let attachment = attach_listeners(&module, &move |_: &FunctionDefinition| Some(listener.clone()))?;
    module.typed_function::<(), ()>("outer")?.call(())?;
    attachment.detach();
    module.typed_function::<(), ()>("outer")?.call(())?;

    let calls = timing.0.lock().expect("no listener panics");
    for (name, (count, time)) in &*calls {
        assert!(!time.is_zero());
        writeln!(out, "{name}: {count} measured")?;
    }
    assert!(calls["outer"].1 >= calls["inner"].1, "it takes longer than what it calls");
    Ok(())
}

#[allow(dead_code)]
fn main() -> Result<(), Box<dyn Error>> {
    run(&mut std::io::stdout())
}
