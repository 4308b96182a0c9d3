//! Cleaning up when a module closes: `cargo run -p wz-runtime --example close_notifier`.

use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc;

use wz::experimental::with_close_notifier;
use wz::prelude::*;

/// Prints the exit code that the module was closed with.
pub(crate) fn run(out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let (sender, closed) = mpsc::channel();
    let notifier = move |_: &Context, exit_code: u32| {
        // Nobody may be left to be told.
        let _ = sender.send(exit_code);
    };
    let cx = with_close_notifier(&Context::background(), Arc::new(notifier));

    let runtime = Runtime::new();
    let wasm = wat::parse_str(r#"(module (func (export "work")))"#)?;
    let module = runtime.instantiate_with(&cx, &wasm, ModuleConfig::new())?;
    module.typed_function::<(), ()>("work")?.call(())?;
    assert!(closed.try_recv().is_err(), "it is not closed yet");

    // Some time later, maybe on another thread:
    module.close_with_exit_code(2)?;
    writeln!(out, "closed with {}", closed.recv()?)?;
    Ok(())
}

#[allow(dead_code)]
fn main() -> Result<(), Box<dyn Error>> {
    run(&mut std::io::stdout())
}
