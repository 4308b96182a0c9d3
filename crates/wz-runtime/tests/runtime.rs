//! Runtimes: names, start functions, exits, closing.

mod support;

use std::sync::{Arc, Mutex};

use support::{fails, wasm};
use wz::prelude::*;
use wz::{ErrorKind, ExitError, Trap};

const _: fn() = || {
    fn is_send_and_sync<T: Send + Sync + Clone + std::fmt::Debug>() {}
    is_send_and_sync::<Runtime>();
    is_send_and_sync::<RuntimeConfig>();
    is_send_and_sync::<ModuleConfig>();
    is_send_and_sync::<CompiledModule>();
    is_send_and_sync::<Module>();
};

const NAMED: &str = "(module $named)";

#[test]
fn modules_are_found_by_name() {
    let runtime = Runtime::new();
    assert!(runtime.module("named").is_none());
    let module = runtime.instantiate(wasm(NAMED)).unwrap();
    assert_eq!((module.name(), module.to_string()), ("named", "Module[named]".to_owned()));
    assert!(runtime.module("named").unwrap().same(&module));
    fails(runtime.instantiate(wasm(NAMED)), "module[named] has already been instantiated");

    let compiled = runtime.compile(wasm(NAMED)).unwrap();
    let other = runtime.instantiate_module(&compiled, ModuleConfig::new().with_name("other")).unwrap();
    assert!(runtime.module("other").unwrap().same(&other));
    for _ in 0..2 {
        let anonymous = runtime.instantiate_module(&compiled, ModuleConfig::new().with_name("")).unwrap();
        assert_eq!(anonymous.name(), "");
    }
    assert!(runtime.module("").is_none());

    module.close().unwrap();
    assert!(runtime.module("named").is_none());
    runtime.instantiate(wasm(NAMED)).unwrap();
}

#[test]
fn a_named_module_stays_without_handles() {
    let runtime = Runtime::new();
    drop(runtime.instantiate(wasm(r#"(module $m (func (export "f")))"#)).unwrap());
    let importing = wasm(r#"(module (import "m" "f" (func)))"#);
    runtime.instantiate(&importing).unwrap();
}

#[test]
fn closing_ends_everything() {
    let runtime = Runtime::new();
    let module = runtime.instantiate(wasm(r#"(module $m (func (export "f")))"#)).unwrap();
    let compiled = runtime.compile(wasm("(module)")).unwrap();
    let function = module.exported_function("f").unwrap();
    assert!(!runtime.is_closed());
    runtime.close_with_exit_code(2).unwrap();
    runtime.close_with_exit_code(3).unwrap();
    assert!(runtime.clone().is_closed());
    assert_eq!(module.exit_code(), Some(2));
    assert!(runtime.module("m").is_none());
    fails(function.call(&[]), "module closed with exit_code(2)");

    let closed = "runtime closed with exit_code(2)";
    fails(runtime.compile(wasm("(module)")), closed);
    fails(runtime.instantiate(wasm("(module)")), closed);
    fails(runtime.instantiate_module(&compiled, ModuleConfig::new()), closed);
    fails(runtime.instantiate_host_module(&HostModule::new("env")), closed);
    fails(runtime.host_module_builder("env").compile(), closed);
    fails(runtime.host_module_builder("env").instantiate(), closed);
}

/// A runtime with a function `env.log` and what it was given, and `env.exit`.
fn logging() -> (Runtime, Arc<Mutex<Vec<i32>>>) {
    let runtime = Runtime::new();
    let log = Arc::new(Mutex::new(Vec::new()));
    let seen = log.clone();
    runtime
        .host_module_builder("env")
        .function("log", move |value: i32| seen.lock().unwrap().push(value))
        .function("exit", |code: u32| -> wz::Result<()> { Err(wz::Error::exit(code)) })
        .instantiate()
        .unwrap();
    (runtime, log)
}

const STARTS: &str = r#"(module $m
  (import "env" "log" (func $log (param i32)))
  (func (export "a") (call $log (i32.const 1)))
  (func (export "b") (call $log (i32.const 2)))
  (func (export "_initialize") (call $log (i32.const 3)))
  (func (export "_start") (call $log (i32.const 4)))
  (func $section (call $log (i32.const 5)))
  (start $section))"#;

#[test]
fn start_functions_run_in_order() {
    let check = |config: ModuleConfig, expected: &[i32]| {
        let (runtime, log) = logging();
        runtime.instantiate_with(&Context::background(), wasm(STARTS), config).unwrap();
        assert_eq!(*log.lock().unwrap(), expected);
    };
    check(ModuleConfig::new(), &[5, 4]);
    check(ModuleConfig::new().with_start_functions(["b", "missing", "a", "b"]), &[5, 2, 1, 2]);
    check(ModuleConfig::new().with_start_functions(["_initialize"]), &[5, 3]);
    check(ModuleConfig::new().with_start_functions([""; 0]), &[5]);
}

/// A module whose `_start` exits with `code`.
fn exits(code: u32) -> Vec<u8> {
    wasm(&format!(
        r#"(module $m (import "env" "exit" (func $exit (param i32))) (import "env" "log" (func $log (param i32)))
            (func (export "_start") (call $exit (i32.const {code})) (call $log (i32.const 9)))
            (func (export "later") (call $log (i32.const 8))))"#
    ))
}

#[test]
fn exiting_with_zero_is_success() {
    let (runtime, log) = logging();
    let config = ModuleConfig::new().with_start_functions(["_start", "later"]);
    let module = runtime.instantiate_with(&Context::background(), exits(0), config).unwrap();
    assert_eq!((module.is_closed(), module.exit_code()), (true, Some(0)));
    assert!(runtime.module("m").is_none());
    assert!(log.lock().unwrap().is_empty(), "nothing runs after the exit");
}

#[test]
fn the_start_section_may_exit_too() {
    let (runtime, log) = logging();
    let exits = |code: u32| {
        wasm(&format!(
            r#"(module $m (import "env" "exit" (func $exit (param i32))) (import "env" "log" (func $log (param i32)))
                (func $section (call $exit (i32.const {code})))
                (start $section)
                (func (export "_start") (call $log (i32.const 9))))"#
        ))
    };
    let module = runtime.instantiate(exits(0)).unwrap();
    assert_eq!(module.exit_code(), Some(0));
    let error = runtime.instantiate(exits(4)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Exit(ExitError { code: 4 })));
    assert!(log.lock().unwrap().is_empty());
    assert!(runtime.module("m").is_none());
}

#[test]
fn exiting_with_another_code_is_that_error() {
    let (runtime, _) = logging();
    let error = runtime.instantiate(exits(3)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Exit(ExitError { code: 3 })));
    assert_eq!(error.to_string(), "module closed with exit_code(3)");
    assert!(runtime.module("m").is_none());
}

#[test]
fn failing_start_functions_are_named() {
    let (runtime, _) = logging();
    let traps = wasm(r#"(module $m (func $go (export "_start") unreachable))"#);
    let error = runtime.instantiate(&traps).unwrap_err();
    assert_eq!(error.trap(), Some(Trap::Unreachable));
    fails::<()>(
        Err(error),
        "module[m] function[_start] failed: wasm error: unreachable\nwasm stack trace:\n\tm.go()\n\t\t0x",
    );
    assert!(runtime.module("m").is_none());
    let parameters = wasm(r#"(module $m (func (export "_start") (param i32)))"#);
    fails(
        runtime.instantiate(&parameters),
        "module[m] function[_start] failed: expected 1 params, but passed 0",
    );
    let section = wasm(r#"(module $m (func $go unreachable) (start $go))"#);
    let error = runtime.instantiate(&section).unwrap_err();
    assert_eq!(error.trap(), Some(Trap::Unreachable));
    fails::<()>(Err(error), "start function[");
    assert!(runtime.module("m").is_none());
}

#[test]
fn link_errors_are_complete() {
    let (runtime, _) = logging();
    let module = wasm(
        r#"(module
          (import "env" "log" (func (param i64)))
          (import "env" "gone" (func))
          (import "other" "f" (func))
          (import "env" "exit" (memory 1)))"#,
    );
    let error = runtime.instantiate(&module).unwrap_err();
    assert_eq!(
        error.to_string(),
        "import func[env.log]: signature mismatch: i64_v != i32_v\n\
         \"gone\" is not exported in module \"env\"\n\
         module[other] not instantiated\n\
         import memory[env.exit]: export \"exit\" in module \"env\" is a func, not a memory"
    );
}

#[test]
fn host_modules() {
    let runtime = Runtime::new();
    fails(runtime.host_module_builder("").instantiate(), "a module name must not be empty");
    let named = HostFunction::new(|_: i32| ()).with_parameter_names(["a", "b"]);
    let error = "func[m.f] has 1 params, but 2 params names";
    fails(runtime.host_module_builder("m").host_function("f", named).compile(), error);

    let module = runtime
        .host_module_builder("m")
        .function("f", || 1_i32)
        .function("g", || 2_i32)
        .function("f", || 3_i32)
        .compile()
        .unwrap();
    assert_eq!(module.functions().len(), 2);
    let instance = runtime.instantiate_host_module(&module).unwrap();
    fails(runtime.instantiate_host_module(&module), "module[m] has already been instantiated");
    fails(instance.try_exported_function("f"), "directly calling host function is not supported");
    runtime.instantiate_host_module(&module.with_name("n")).unwrap();
    let sum = wasm(
        r#"(module (import "m" "f" (func $f (result i32))) (import "n" "g" (func $g (result i32)))
          (func (export "sum") (result i32) (i32.add (call $f) (call $g))))"#,
    );
    let sum = runtime.instantiate(&sum).unwrap().typed_function::<(), i32>("sum").unwrap();
    assert_eq!(sum.call(()).unwrap(), 5);
}

#[test]
fn modules_and_runtimes_do_not_mix() {
    let (one, two) = (Runtime::new(), Runtime::new());
    let compiled = one.compile(wasm("(module)")).unwrap();
    assert!(two.instantiate_module(&compiled, ModuleConfig::new()).is_err());
    one.instantiate(wasm(r#"(module $m (func (export "f")))"#)).unwrap();
    fails(two.instantiate(wasm(r#"(module (import "m" "f" (func)))"#)), "module[m] not instantiated");
}

#[test]
fn listeners_and_notifiers_come_with_the_context() {
    use wz::experimental::{
        FunctionListener, StackIterator, with_close_notifier, with_function_listener_factory,
    };
    let events = Arc::new(Mutex::new(Vec::new()));
    let (seen, told) = (events.clone(), events.clone());
    let factory = move |_: &wz::FunctionDefinition| {
        let seen = seen.clone();
        let listener = move |_: &Context,
                             _: &Module,
                             definition: &wz::FunctionDefinition,
                             _: &[u64],
                             _: &mut dyn StackIterator| {
            seen.lock().unwrap().push(definition.debug_name().to_owned());
        };
        Some(Arc::new(listener) as Arc<dyn FunctionListener>)
    };
    let notifier = move |_: &Context, code: u32| told.lock().unwrap().push(format!("closed {code}"));
    let cx = with_function_listener_factory(&Context::background(), Arc::new(factory));
    let cx = with_close_notifier(&cx, Arc::new(notifier));

    let runtime = Runtime::new();
    let host = runtime.host_module_builder("env").function("h", || ()).instantiate_with(&cx).unwrap();
    let guest = wasm(r#"(module $m (import "env" "h" (func $h)) (func $f (export "_start") (call $h)))"#);
    let take = || std::mem::take(&mut *events.lock().unwrap());
    runtime.instantiate_with(&cx, &guest, ModuleConfig::new().with_name("")).unwrap();
    assert_eq!(take(), ["m.f", "env.h", "closed 0"]);

    let compiled = runtime.compile_with(&cx, &guest).unwrap();
    runtime.instantiate_module(&compiled, ModuleConfig::new()).unwrap();
    assert_eq!(take(), ["m.f", "env.h"]);
    host.close_with_exit_code(3).unwrap();
    assert_eq!(take(), ["closed 3"]);
}
