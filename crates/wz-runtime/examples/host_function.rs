//! A guest that calls a function of the host: `cargo run -p wz-runtime --example host_function`.

use std::error::Error;
use std::io::Write;
use std::sync::{Arc, Mutex};

use wz::prelude::*;

/// Greets by name: the text is in the guest's memory, the guest passes its place.
const GREETER: &str = r#"(module $greeter
  (import "env" "greet" (func $greet (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "WebAssembly")
  (func (export "run") (call $greet (i32.const 8) (i32.const 11))))"#;

/// Prints `Hello, WebAssembly!`.
pub(crate) fn run(out: &mut (impl Write + Send)) -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::new();
    let greetings = Arc::new(Mutex::new(Vec::new()));
    let seen = greetings.clone();
    runtime
        .host_module_builder("env")
        .function("greet", move |caller: &mut Caller<'_>, at: u32, len: u32| -> wz::Result<()> {
            let memory = caller.memory().ok_or_else(|| wz::Error::host("the guest has no memory"))?;
            let name = memory.read_string(at, len).ok_or_else(|| wz::Error::host("there is no such text"))?;
            seen.lock().expect("no greeting panics").push(format!("Hello, {name}!"));
            Ok(())
        })
        .instantiate()?;

    let module = runtime.instantiate(wat::parse_str(GREETER)?)?;
    module.typed_function::<(), ()>("run")?.call(())?;
    for greeting in greetings.lock().expect("no greeting panics").iter() {
        writeln!(out, "{greeting}")?;
    }
    Ok(())
}

#[allow(dead_code)]
fn main() -> Result<(), Box<dyn Error>> {
    run(&mut std::io::stdout())
}
