//! A WASI program whose output is captured: `cargo run -p wz-runtime --example wasi`.

use std::error::Error;
use std::io::Write;

use wz::prelude::*;
use wz::wasi::{OutputBuffer, Stdio};

/// Copies its standard input to its standard output and exits with 3.
const PROGRAM: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 1024))
    (i32.store (i32.const 4) (i32.const 1024))
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (i32.store (i32.const 4) (i32.load (i32.const 8)))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    (call $exit (i32.const 3))))"#;

/// Prints what the program wrote and how it ended.
pub(crate) fn run(out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::new();
    wz::wasi::instantiate(&runtime)?;
    let program = runtime.compile(wat::parse_str(PROGRAM)?)?;

    let output = OutputBuffer::new();
    let config = ModuleConfig::new()
        .with_args(["program"])
        .with_stdin(Stdio::bytes("some input"))
        .with_stdout(Stdio::buffer(&output));
    match runtime.instantiate_module(&program, config) {
        Ok(_) => writeln!(out, "it succeeded")?,
        Err(error) => match error.exit_code() {
            Some(code) => writeln!(out, "it exited with {code}")?,
            None => return Err(error.into()),
        },
    }
    writeln!(out, "it wrote {:?}", output.to_string_lossy())?;
    Ok(())
}

#[allow(dead_code)]
fn main() -> Result<(), Box<dyn Error>> {
    run(&mut std::io::stdout())
}
