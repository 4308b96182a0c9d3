//! A listener that tells which functions of the host a guest calls:
//! `cargo run -p wz-runtime --example listener`.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::Write;
use std::sync::{Arc, Mutex};

use wz::experimental::{
    FunctionListener, FunctionListenerFactory, StackIterator, with_function_listener_factory,
};
use wz::prelude::*;
use wz::{Error as WzError, FunctionDefinition};

/// Fetches random bytes and writes them to standard output.
const GUEST: &str = r#"(module
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $rand (export "rand") (param $len i32)
    (drop (call $random_get (i32.const 16) (local.get $len)))
    (i32.store (i32.const 0) (i32.const 16))
    (i32.store (i32.const 4) (local.get $len))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#;

/// The names of the host functions that were called.
#[derive(Clone, Default)]
struct HostFunctions(Arc<Mutex<BTreeSet<String>>>);

impl FunctionListenerFactory for HostFunctions {
    fn new_function_listener(&self, definition: &FunctionDefinition) -> Option<Arc<dyn FunctionListener>> {
        // Functions without a listener carry no trace of listening.
        definition.is_host_function().then(|| Arc::new(self.clone()) as _)
    }
}

impl FunctionListener for HostFunctions {
    fn before(
        &self,
        _: &Context,
        _: &Module,
        definition: &FunctionDefinition,
        _: &[u64],
        _: &mut dyn StackIterator,
    ) -> Option<Context> {
        self.0.lock().expect("no listener panics").insert(definition.debug_name().to_owned());
        None
    }

    fn after(&self, _: &Context, _: &Module, _: &FunctionDefinition, _: &[u64]) {}

    fn abort(&self, _: &Context, _: &Module, _: &FunctionDefinition, _: &WzError) {}
}

/// Prints the names, each once.
pub(crate) fn run(out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let called = HostFunctions::default();
    let cx = with_function_listener_factory(&Context::background(), Arc::new(called.clone()));

    let runtime = Runtime::new();
    wz::wasi::instantiate_with(&cx, &runtime)?;
    let module = runtime.instantiate_with(&cx, wat::parse_str(GUEST)?, ModuleConfig::new())?;

    let rand = module.typed_function::<u32, ()>("rand")?;
    for _ in 0..5 {
        rand.call(4)?;
    }
    // Each was called several times, and is here once.
    for name in called.0.lock().expect("no listener panics").iter() {
        writeln!(out, "{name}")?;
    }
    Ok(())
}

#[allow(dead_code)]
fn main() -> Result<(), Box<dyn Error>> {
    run(&mut std::io::stdout())
}
