//! Threads that do everything at once in one store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use wz_api::{Context, ExternRef, HostModule, Value};

use crate::InstanceOptions;
use crate::testing::FakeEngine;

#[test]
fn threads_link_merge_call_and_free_at_once() {
    let store = FakeEngine::default().with("f", |call| call.call(0)).store();
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    let host = HostModule::new("env").with_function("host", move || {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    store.instantiate_host(&Context::background(), &host).unwrap();
    let compile = |text: &str| store.compile(&Context::background(), wat::parse_str(text).unwrap()).unwrap();
    let base = compile(
        r#"(module $base (table (export "t") 8 100 funcref) (memory (export "m") 1 1000)
            (func (export "n") (param i32)) (table (export "e") 4 externref))"#,
    );
    let user = compile(
        r#"(module (import "env" "host" (func $host)) (import "base" "t" (table 1 funcref))
            (import "base" "m" (memory 1)) (func $f (export "f")) (elem (i32.const 3) $f $host))"#,
    );
    let loose = compile(
        r#"(module (import "env" "host" (func $host)) (import "base" "n" (func (param i32)))
            (func $f (export "f")) (table (export "t") 2 funcref))"#,
    );
    let shared = store.instantiate(&Context::background(), &base, InstanceOptions::default()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let (store, shared, user, loose) = (&store, &shared, &user, &loose);
            scope.spawn(move || {
                for round in 0..300_u64 {
                    let options = || InstanceOptions { name: Some(String::new()), ..Default::default() };
                    let user = store.instantiate(&Context::background(), user, options()).unwrap();
                    let loose = store.instantiate(&Context::background(), loose, options()).unwrap();
                    let table = shared.exported_table("t").unwrap();
                    let function = loose.exported_function("f");
                    if round % 3 == 0 {
                        table.set(thread, function.clone()).unwrap();
                    }
                    loose.exported_table("t").unwrap().set(0_u32, user.exported_function("f")).unwrap();
                    drop((user, loose));
                    function.unwrap().call(&[]).unwrap();
                    for index in 0..8_u64 {
                        if let Some(Value::FuncRef(Some(function))) = table.get(index) {
                            function.call(&[]).unwrap();
                        }
                    }
                    if round % 10 == 0 {
                        assert!(shared.memory().unwrap().grow(1_u32).is_some());
                    }
                    let values = shared.exported_table("e").unwrap();
                    values.set(thread, Some(ExternRef::new(thread * 1000 + round))).unwrap();
                    let Some(Value::ExternRef(Some(value))) = values.get(thread) else { panic!("a value") };
                    assert_eq!(value.downcast_ref(), Some(&(thread * 1000 + round)));
                }
            });
        }
    });
    assert_eq!(shared.memory().unwrap().pages(), 1 + 4 * 30);
    assert!(calls.load(Ordering::Relaxed) > 1200);
}

#[test]
fn closing_races_with_calls_and_instantiation() {
    for _ in 0..50 {
        let store = FakeEngine::default().store();
        let compiled = store
            .compile(&Context::background(), wat::parse_str(r#"(module (func (export "f")))"#).unwrap())
            .unwrap();
        std::thread::scope(|scope| {
            for thread in 0..3 {
                let (store, compiled) = (&store, &compiled);
                scope.spawn(move || {
                    for round in 0..20 {
                        let name = format!("{}", (thread + round) % 5);
                        let options = InstanceOptions { name: Some(name), ..Default::default() };
                        let Ok(module) = store.instantiate(&Context::background(), compiled, options) else {
                            continue;
                        };
                        let result = module.exported_function("f").unwrap().call(&[]);
                        assert!(result.is_ok() || module.is_closed());
                        module.close().unwrap();
                    }
                });
            }
            scope.spawn(|| {
                std::thread::yield_now();
                store.close(&Context::background(), 1).unwrap();
            });
        });
        assert!((0..5).all(|name| store.module(&name.to_string()).is_none()));
    }
}
