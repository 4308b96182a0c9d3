//! Who keeps whom alive, seen through a value that each instance owns.

use std::sync::{Arc, Weak};

use wz_api::{Context, Function, HostModule, Module, Value};

use crate::testing::FakeEngine;
use crate::{InstanceOptions, Store};

/// An anonymous instance, and a way to see whether it is alive. Imports are from the modules.
fn instance(store: &Store, text: &str, imports: &[(&str, &Module)]) -> (Module, Weak<u8>) {
    let mark = Arc::new(0_u8);
    let weak = Arc::downgrade(&mark);
    let imports: Vec<_> =
        imports.iter().map(|(name, module)| (name.to_string(), (*module).clone())).collect();
    let resolver =
        move |name: &str| imports.iter().find(|(known, _)| known == name).map(|(_, module)| module.clone());
    let options = InstanceOptions { import_resolver: Some(Arc::new(resolver)), ..Default::default() }
        .with_extension(mark);
    (store.text_with(&Context::background(), text, options).unwrap(), weak)
}

fn alive(weak: &Weak<u8>) -> bool {
    weak.strong_count() > 0
}

#[test]
fn anonymous_instances_are_freed_with_their_last_handle() {
    let store = FakeEngine::default().store();
    let text =
        r#"(module (func (export "f")) (memory (export "m") 1) (global (export "g") i32 (i32.const 1)))"#;
    let (module, weak) = instance(&store, text, &[]);
    let (function, memory) = (module.exported_function("f").unwrap(), module.memory().unwrap());
    drop(module);
    assert!(alive(&weak), "a function keeps its instance");
    assert!(function.module().is_some_and(|module| module.exported_global("g").is_some()));
    function.call(&[]).unwrap();
    drop(function);
    assert!(!alive(&weak), "a memory does not");
    assert_eq!(memory.read_u8(65_535_u32), Some(0));
}

#[test]
fn named_instances_live_until_closed_or_until_the_store_is_gone() {
    for close in [true, false] {
        let store = FakeEngine::default().store();
        let mark = Arc::new(0_u8);
        let weak = Arc::downgrade(&mark);
        let options = InstanceOptions::default().with_extension(mark);
        drop(store.text_with(&Context::background(), "(module $m)", options).unwrap());
        assert!(alive(&weak));
        if close {
            store.module("m").unwrap().close().unwrap();
        } else {
            drop(store);
        }
        assert!(!alive(&weak));
    }
}

#[test]
fn importers_keep_exporters_but_not_the_other_way() {
    let store = FakeEngine::default().store();
    let (a, in_a) = instance(&store, r#"(module (func (export "f")))"#, &[]);
    let (b, in_b) = instance(&store, r#"(module (import "a" "f" (func)))"#, &[("a", &a)]);
    let (c, in_c) = instance(&store, r#"(module (import "a" "f" (func)))"#, &[("a", &a)]);
    drop(c);
    assert!(!alive(&in_c), "siblings are not kept by what they share");
    drop(a);
    assert!(alive(&in_a));
    drop(b);
    assert!(!alive(&in_a) && !alive(&in_b));
}

#[test]
fn whatever_functions_can_pass_through_ties_both_ways() {
    let exports = r#"(module (table (export "t") 1 funcref) (func (export "p") (param funcref))
        (func (export "r") (result funcref) ref.null func) (global (export "g") (mut funcref) (ref.null func))
        (table (export "e") 1 externref) (memory (export "m") 1))"#;
    for (import, together) in [
        ("\"t\" (table 1 funcref)", true),
        ("\"p\" (func (param funcref))", true),
        ("\"r\" (func (result funcref))", true),
        ("\"g\" (global (mut funcref))", true),
        ("\"e\" (table 1 externref)", false),
        ("\"m\" (memory 1)", false),
    ] {
        let store = FakeEngine::default().store();
        let (a, in_a) = instance(&store, exports, &[]);
        let (b, in_b) = instance(&store, &format!("(module (import \"a\" {import}))"), &[("a", &a)]);
        drop(b);
        assert_eq!(alive(&in_b), together, "{import}");
        drop(a);
        assert!(!alive(&in_a) && !alive(&in_b));
    }
}

#[test]
fn references_that_cross_at_the_api_tie_instances() {
    let text = r#"(module (table (export "t") 1 funcref) (func (export "f") (param funcref))
        (global (export "g") (mut funcref) (ref.null func)))"#;
    type Cross = fn(&Module, Function);
    let ways: [Cross; 5] = [
        |to, function| to.exported_table("t").unwrap().set(0_u32, Some(function)).unwrap(),
        |to, function| {
            let grown = to.exported_table("t").unwrap().grow(1_u32, Some(function)).unwrap();
            assert_eq!(grown, Some(1));
        },
        |to, function| to.exported_global("g").unwrap().set(Some(function)).unwrap(),
        |to, function| {
            let call = to.exported_function("f").unwrap();
            drop(call.call_values(&[Value::FuncRef(Some(function))]).unwrap());
        },
        |to, function| {
            let word = function.inner().identity() as u64;
            drop(to.exported_function("f").unwrap().call(&[word]).unwrap());
        },
    ];
    for cross in ways {
        let store = FakeEngine::default().store();
        let ((a, in_a), (b, in_b)) = (instance(&store, text, &[]), instance(&store, text, &[]));
        cross(&a, b.exported_function("f").unwrap());
        drop(b);
        assert!(alive(&in_b));
        drop(a);
        assert!(!alive(&in_a) && !alive(&in_b));
    }
}

#[test]
fn a_function_in_anothers_table_can_be_called_when_its_module_is_gone() {
    let store = FakeEngine::default().with("seven", |call| {
        call.set(0, 7);
        Ok(())
    });
    let store = store.store();
    let (a, _in_a) = instance(&store, r#"(module (table (export "t") 1 funcref))"#, &[]);
    let (b, in_b) = instance(
        &store,
        r#"(module (import "a" "t" (table 1 funcref)) (func $seven (result i32) i32.const 7) (elem (i32.const 0) $seven))"#,
        &[("a", &a)],
    );
    drop(b);
    let Some(Value::FuncRef(Some(seven))) = a.exported_table("t").unwrap().get(0_u32) else {
        panic!("a function")
    };
    drop(a);
    assert_eq!(seven.call(&[]).unwrap(), [7]);
    drop(seven);
    assert!(!alive(&in_b));
}

#[test]
fn host_functions_tie_nothing() {
    let store = FakeEngine::default().store();
    let module =
        HostModule::new("env").with_function("f", || {}).with_function("g", |_: Option<Function>| {});
    store.instantiate_host(&Context::background(), &module).unwrap();
    let text = r#"(module (import "env" "f" (func)) (import "env" "g" (func (param funcref))) (export "f" (func 0))
        (table (export "t") 1 funcref))"#;
    let ((a, in_a), (b, in_b)) = (instance(&store, text, &[]), instance(&store, text, &[]));
    drop(b);
    assert!(alive(&in_a) && !alive(&in_b));
    // Closing the host module frees its name, its functions stay for those who import them.
    store.module("env").unwrap().close().unwrap();
    assert!(store.module("env").is_none());
    let function = a.exported_function("f").unwrap();
    let (c, _in_c) = instance(&store, r#"(module (table (export "t") 1 funcref))"#, &[]);
    c.exported_table("t").unwrap().set(0_u32, Some(function)).unwrap();
    drop(a);
    let Some(Value::FuncRef(Some(function))) = c.exported_table("t").unwrap().get(0_u32) else {
        panic!("a function")
    };
    drop(c);
    function.call(&[]).unwrap();
    assert!(!alive(&in_a), "the host function does not keep who passed it on");
}

#[test]
fn words_that_are_no_functions_are_refused() {
    let store = FakeEngine::default().store();
    let (module, _weak) = instance(&store, r#"(module (func (export "f") (param funcref)) (func))"#, &[]);
    let function = module.exported_function("f").unwrap();
    let word = function.inner().identity() as u64;
    function.call(&[word]).unwrap();
    function.call(&[0]).unwrap();
    let unused = word + size_of::<crate::records::FunctionRecord>() as u64;
    for wrong in [1, word + 8, word - 8, unused, u64::MAX] {
        let error = function.call(&[wrong]).unwrap_err();
        assert_eq!(error.to_string(), format!("0x{wrong:x} is not a function of this runtime"));
    }
    let other = FakeEngine::default().store();
    let (foreign, _weak) = instance(&other, r#"(module (func (export "f")))"#, &[]);
    let foreign = foreign.exported_function("f").unwrap();
    assert!(function.call(&[foreign.inner().identity() as u64]).is_err());
    assert!(function.call_values(&[Value::FuncRef(Some(foreign))]).is_err());
}

#[test]
fn long_chains_of_instances_are_freed_on_small_stacks() {
    let chain = || {
        let store = FakeEngine::default().store();
        let compile =
            |text: &str| store.compile(&Context::background(), wat::parse_str(text).unwrap()).unwrap();
        let first = compile(r#"(module (func (export "f")))"#);
        let next = compile(r#"(module (import "a" "f" (func)) (func (export "f")))"#);
        let mut last = store.instantiate(&Context::background(), &first, InstanceOptions::default()).unwrap();
        for _ in 0..100_000 {
            let previous = last.clone();
            let options = InstanceOptions {
                import_resolver: Some(Arc::new(move |_: &str| Some(previous.clone()))),
                ..Default::default()
            };
            last = store.instantiate(&Context::background(), &next, options).unwrap();
        }
        drop(last);
    };
    std::thread::Builder::new().stack_size(256 * 1024).spawn(chain).unwrap().join().unwrap();
}

#[test]
fn closing_tells_the_notifier_then_the_hooks_once() {
    use std::sync::Mutex;
    use wz_experimental::with_close_notifier;
    for by_drop in [false, true] {
        let log = Arc::new(Mutex::new(Vec::new()));
        let (notified, hooked) = (log.clone(), log.clone());
        let notifier =
            move |_: &Context, code: u32| notified.lock().unwrap().push(format!("notified {code}"));
        let cx = with_close_notifier(&Context::background(), Arc::new(notifier));
        let store = FakeEngine::default().store();
        let options = InstanceOptions {
            on_close: vec![Box::new(move |code| hooked.lock().unwrap().push(format!("hook {code}")))],
            ..Default::default()
        };
        let module = store.text_with(&cx, "(module)", options).unwrap();
        let expected = if by_drop {
            drop(module);
            ["notified 0", "hook 0"]
        } else {
            module.close_with_exit_code(5).unwrap();
            module.close_with_exit_code(6).unwrap();
            assert_eq!(module.exit_code(), Some(5));
            drop(module);
            ["notified 5", "hook 5"]
        };
        assert_eq!(*log.lock().unwrap(), expected);
    }
}

#[test]
fn instances_that_fail_to_start_are_freed_and_their_hooks_run() {
    let store = FakeEngine::default().store();
    let code = Arc::new(std::sync::Mutex::new(None));
    let hooked = code.clone();
    let options = InstanceOptions {
        on_close: vec![Box::new(move |code| *hooked.lock().unwrap() = Some(code))],
        ..Default::default()
    };
    let text = r#"(module (memory 1) (data (i32.const 65536) "x"))"#;
    assert!(store.text_with(&Context::background(), text, options).is_err());
    assert_eq!(*code.lock().unwrap(), Some(0));
}
