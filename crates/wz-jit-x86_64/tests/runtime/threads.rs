//! Many threads: the same function compiled at once, code replaced while it runs, threads that come
//! and go.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};

use dynasm::dynasm;
use dynasmrt::{DynasmApi, DynasmLabelApi};
use wz_api::{Context, HostModule, Trap};
use wz_core::InstanceOptions;
use wz_jit::runtime::slots::SlotRef;

use super::support::{Bodies, Hand, add, call};

fn bodies() -> Bodies {
    Bodies::new()
        .with("leaf", |request| {
            let mut hand = Hand::leaf(request);
            dynasm!(hand.ops; .arch x64; add rax, 1);
            hand.end()
        })
        .with("many", |request| {
            let mut hand = Hand::calling(request, 8);
            dynasm!(hand.ops; .arch x64; mov DWORD [rbp - 16], 100; again:);
            hand.at(4).call(SlotRef::Function(0));
            dynasm!(hand.ops; .arch x64; sub DWORD [rbp - 16], 1; jnz <again);
            hand.end()
        })
        .with("bad", |request| {
            let mut hand = Hand::calling(request, 8);
            hand.at(6).call(SlotRef::Function(0));
            dynasm!(hand.ops; .arch x64; mov rax, [r15 + rax]);
            hand.end()
        })
        .with("deep", |request| {
            let mut hand = Hand::calling(request, 8);
            hand.at(7).call(SlotRef::Function(3));
            hand.end()
        })
}

const TEXT: &str = r#"(module (memory 1)
    (func (export "leaf") (param i64) (result i64) local.get 0)
    (func (export "many") (param i64) (result i64) local.get 0)
    (func (export "bad") (param i64) (result i64) local.get 0)
    (func (export "deep") (param i64) (result i64) local.get 0))"#;

#[test]
fn threads_compile_call_and_trap_at_once() {
    for _ in 0..20 {
        let store = bodies().engine().store(|config| config.max_stack_bytes = 256 * 1024);
        let module = add(&store, TEXT);
        let barrier = Arc::new(Barrier::new(4));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let (module, barrier) = (module.clone(), barrier.clone());
                scope.spawn(move || {
                    barrier.wait();
                    assert_eq!(call(&module, "many", &[1]).unwrap(), [101]);
                    let error = call(&module, "bad", &[1 << 20]).unwrap_err();
                    assert_eq!(error.trap(), Some(Trap::OutOfBoundsMemoryAccess));
                    let error = call(&module, "deep", &[0]).unwrap_err();
                    assert_eq!(error.trap(), Some(Trap::StackOverflow));
                    assert_eq!(call(&module, "many", &[1]).unwrap(), [101]);
                });
            }
        });
    }
}

#[test]
fn versions_change_while_threads_run() {
    let store = bodies().store();
    let cx = Context::background();
    let compiled = store.compile(&cx, wat::parse_str(TEXT).unwrap()).unwrap();
    let module = store.instantiate(&cx, &compiled, InstanceOptions::default()).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    assert_eq!(call(&module, "many", &[1]).unwrap(), [101]);
                }
            });
        }
        for round in 0..2000 {
            compiled.engine_module().set_listened(round % 2, round / 2 % 2 == 0);
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn modules_come_and_go_while_others_run() {
    let stop = AtomicBool::new(false);
    let store = bodies().store();
    let module = add(&store, TEXT);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                assert_eq!(call(&module, "many", &[1]).unwrap(), [101]);
            }
        });
        for _ in 0..300 {
            let store = bodies().store();
            let module = add(&store, TEXT);
            assert_eq!(call(&module, "many", &[2]).unwrap(), [102]);
            assert!(call(&module, "bad", &[1 << 20]).is_err());
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn threads_give_back_what_they_had() {
    let store = bodies().engine().store(|config| config.max_stack_bytes = 128 * 1024);
    let module = add(&store, TEXT);
    for _ in 0..300 {
        let module = module.clone();
        let thread = std::thread::spawn(move || {
            assert!(call(&module, "deep", &[0]).is_err());
            assert_eq!(call(&module, "many", &[1]).unwrap(), [101]);
        });
        thread.join().unwrap();
    }
}

/// A guest whose host function drops the last handle of its module goes on until it returns.
#[test]
fn a_running_module_is_not_freed() {
    let slot = Arc::new(std::sync::Mutex::new(None::<wz_api::Module>));
    let bodies = Bodies::new().with("run", |request| {
        let mut hand = Hand::calling(request, 0);
        hand.call_import(0, 0);
        dynasm!(hand.ops; .arch x64; mov eax, 5);
        hand.end()
    });
    let store = bodies.store();
    let host = {
        let slot = slot.clone();
        HostModule::new("host").with_function("drop", move || {
            drop(slot.lock().unwrap().take());
            wz_jit::runtime::code_memory::collect();
        })
    };
    store.instantiate_host(&Context::background(), &host).unwrap();
    let text = r#"(module (import "host" "drop" (func)) (func (export "run") (result i32) i32.const 0))"#;
    for _ in 0..100 {
        let module = add(&store, text);
        let function = module.exported_function("run").unwrap();
        *slot.lock().unwrap() = Some(module);
        assert_eq!(function.call(&[]).unwrap(), [5]);
    }
}
