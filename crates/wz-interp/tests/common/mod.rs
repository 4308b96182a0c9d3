//! Short ways to run text on the interpreter.
#![allow(dead_code, reason = "every test uses some of it")]

use std::sync::Arc;

use wz_api::{Context, Error, Module, Result, Trap};
use wz_core::engine::CompileOptions;
use wz_core::{InstanceOptions, Store, StoreConfig};
use wz_decode::{DecodeOptions, decode};
use wz_interp::Interpreter;

/// The default configuration on the interpreter.
pub(crate) fn config() -> StoreConfig {
    StoreConfig::new(Arc::new(Interpreter::new()))
}

/// A store.
pub(crate) fn store() -> Store {
    Store::new(config()).unwrap()
}

/// Instantiates text.
pub(crate) fn instantiate(store: &Store, text: &str) -> Module {
    let cx = Context::background();
    let compiled = store.compile(&cx, wat::parse_str(text).unwrap()).unwrap();
    store.instantiate(&cx, &compiled, InstanceOptions::default()).unwrap()
}

/// Calls an exported function.
pub(crate) fn call(module: &Module, name: &str, params: &[u64]) -> Result<Vec<u64>> {
    module.try_exported_function(name)?.call(params)
}

/// Checks what the function `run` of a module gives.
pub(crate) fn check(text: &str, params: &[u64], results: &[u64]) {
    check_with(config(), text, params, results);
}

/// The same in a store of this configuration.
pub(crate) fn check_with(config: StoreConfig, text: &str, params: &[u64], results: &[u64]) {
    let store = Store::new(config).unwrap();
    let module = instantiate(&store, text);
    assert_eq!(call(&module, "run", params).unwrap(), results);
}

/// Checks that `run` traps.
pub(crate) fn check_trap(text: &str, params: &[u64], trap: Trap) -> Error {
    let store = store();
    let module = instantiate(&store, text);
    let error = call(&module, "run", params).unwrap_err();
    assert_eq!(error.trap(), Some(trap), "{error}");
    error
}

/// Options for dumps.
pub(crate) fn options() -> CompileOptions {
    CompileOptions {
        fuel: false,
        interruption: false,
        eager: false,
        deterministic: false,
        threads: 1,
        sampling: false,
    }
}

/// The bytecode of the first defined function.
pub(crate) fn dump(text: &str) -> String {
    let info = Arc::new(decode(wat::parse_str(text).unwrap(), &DecodeOptions::default()).unwrap());
    Interpreter::dump(&info, &options(), info.imported.functions)
}
