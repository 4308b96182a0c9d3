//! Cleaning up when a module closes: `cargo run -p wz-runtime --example close_notifier`.
//! It prints nothing.

use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc;

use wz::experimental::with_close_notifier;
use wz::prelude::*;

/// Works with a module until it is closed.
pub(crate) fn run(_: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let (sender, closed) = mpsc::channel();
    let notifier = move |_: &Context, exit_code: u32| {
        // Nobody may be left to be told.
        let _ = sender.send(exit_code);
    };
    let cx = with_close_notifier(&Context::background(), Arc::new(notifier));

    let runtime = Runtime::new();
    let wasm = wat::parse_str(r#"(module (func (export "work")))"#)?;
    let module = runtime.instantiate_with(&cx, &wasm, ModuleConfig::new())?;

    // Some time later it is closed, maybe on another thread.
    let mut work = 0;
    let exit_code = loop {
        if let Ok(exit_code) = closed.try_recv() {
            // Here is what the module used cleaned up.
            break exit_code;
        }
        module.typed_function::<(), ()>("work")?.call(())?;
        work += 1;
        if work == 3 {
            module.close_with_exit_code(2)?;
        }
    };
    assert_eq!((work, exit_code), (3, 2));
    Ok(())
}

#[allow(dead_code)]
fn main() -> Result<(), Box<dyn Error>> {
    run(&mut std::io::stdout())
}
