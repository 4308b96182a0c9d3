//! Counts how often each function is called, with a counter in its code instead of a listener:
//! `cargo run -p wz-runtime --example call_counter`.

use std::error::Error;
use std::io::Write;

use wz::experimental::{Counters, ProbePoint, Probes};
use wz::prelude::*;

const GUEST: &str = r#"(module
  (func $is_small (param i32) (result i32) (i32.lt_u (local.get 0) (i32.const 2)))
  (func $fib (export "fib") (param i32) (result i32)
    (if (result i32) (call $is_small (local.get 0))
      (then (local.get 0))
      (else (i32.add
        (call $fib (i32.sub (local.get 0) (i32.const 1)))
        (call $fib (i32.sub (local.get 0) (i32.const 2))))))))"#;

/// Prints the counts.
pub(crate) fn run(out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::new();
    let compiled = runtime.compile(wat::parse_str(GUEST)?)?;
    let module = runtime.instantiate_module(&compiled, ModuleConfig::new())?;

    let functions = 0..compiled.info().functions.len() as u32;
    let counters = Counters::new(functions.len());
    let probes = functions.clone().fold(Probes::new(), |probes, function| {
        probes.count(ProbePoint::Entry(function), &counters, function as usize)
    });
    let attachment = compiled.attach_probes(&probes)?;
    module.typed_function::<i32, i32>("fib")?.call(10)?;
    attachment.detach();
    // The code is again as it was.
    module.typed_function::<i32, i32>("fib")?.call(10)?;

    for function in functions {
        let definition = compiled.info().function_definition(function);
        writeln!(out, "{}: {}", definition.name(), counters.get(function as usize))?;
    }
    Ok(())
}

#[allow(dead_code)]
fn main() -> Result<(), Box<dyn Error>> {
    run(&mut std::io::stdout())
}
