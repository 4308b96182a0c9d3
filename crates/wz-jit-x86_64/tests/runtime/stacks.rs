//! The guest's stack: its end is found wherever it is met, and is a trap.

use std::sync::Arc;

use dynasm::dynasm;
use dynasmrt::{DynasmApi, DynasmLabelApi};
use wz_api::{Context, HostModule, Trap};
use wz_jit::runtime::slots::SlotRef;

use super::support::{Bodies, Hand, HandEngine, Request, add, call, instance, trap_of};

/// Calls itself until `eax` is 0, with this many bytes of frame.
fn recursive(bytes: u32) -> Bodies {
    Bodies::new().with("recurse", move |request| recurse(request, bytes))
}

fn recurse(request: &Request<'_>, bytes: u32) -> wz_jit::runtime::module::CompiledFunction {
    let mut hand = Hand::calling(request, bytes);
    dynasm!(hand.ops
        ; .arch x64
        ; test eax, eax
        ; jz >done
        ; sub eax, 1
    );
    hand.at(5).call(SlotRef::Function(0));
    dynasm!(hand.ops; .arch x64; done:);
    hand.end()
}

const RECURSE: &str = r#"(module (func (export "recurse") (param i32) (result i32) local.get 0))"#;

#[test]
fn recursion_without_end_overflows() {
    // Frames below and above the size of the guard, and of the stack.
    for bytes in [0, 8, 100, 4000, 60_000, 70_000, 200_000, 1 << 20, 20 << 20, 200 << 20] {
        let instance = instance(recursive(bytes), RECURSE);
        for _ in 0..3 {
            let error = instance.call("recurse", &[u64::from(u32::MAX)]).unwrap_err();
            let (trap, trace) = trap_of(&error);
            assert_eq!(trap, Some(Trap::StackOverflow), "{bytes}");
            assert!(trace.iter().all(|frame| *frame == (0, Some(5))), "{bytes}");
            let expected = (8 << 20) / (bytes as usize + 32);
            assert!(trace.len() + 2 > expected && trace.len() < expected * 4 + 4, "{bytes}: {}", trace.len());
        }
        if bytes < 100_000 {
            assert_eq!(instance.call("recurse", &[50]).unwrap(), [0]);
        }
    }
}

#[test]
fn the_configured_size_counts() {
    let depth = |max_stack_bytes: usize| {
        let store = recursive(0).engine().store(|config| config.max_stack_bytes = max_stack_bytes);
        let module = add(&store, RECURSE);
        trap_of(&call(&module, "recurse", &[u64::from(u32::MAX)]).unwrap_err()).1.len()
    };
    let (small, large) = (depth(64 * 1024), depth(1 << 20));
    assert!(small > 1000 && small < 3000, "{small}");
    assert!(large > 30_000 && large < 35_000, "{large}");
}

#[test]
fn overflow_is_found_in_stubs_too() {
    // The depth at which the stack ends is met by calls of a host function with many results, whose
    // stub needs a large frame, of builtins, and of listened and lazily compiled functions.
    let values = "i64 ".repeat(900);
    let bodies = Bodies::new().with("recurse", |request| {
        let layout = request.layout();
        let mut hand = Hand::calling(request, 8000 + 64);
        assert_eq!(layout.stack_bytes, 0);
        dynasm!(hand.ops
            ; .arch x64
            ; mov [rbp - 16], rax
            ; lea r10, [rbp - 8000]
        );
        hand.at(1).call_import(0, 0);
        dynasm!(hand.ops; .arch x64; mov rax, [rbp - 16]; sub eax, 1);
        hand.at(2).call(SlotRef::Function(0));
        hand.end()
    });
    let ty = wz_api::FunctionType::new([], vec![wz_api::ValueType::I64; 900]);
    for extra in 0..8 {
        let store = bodies.clone().engine().store(|config| config.max_stack_bytes = (1 << 20) + extra * 4096);
        let host = HostModule::new("host").with_function_raw("many", ty.clone(), |_, _| Ok(()));
        store.instantiate_host(&Context::background(), &host).unwrap();
        let module = add(
            &store,
            &format!(
                r#"(module (type (func (result {values})))
                    (import "host" "many" (func (type 0)))
                    (func (export "recurse") (param i32) unreachable))"#
            ),
        );
        let (trap, trace) = trap_of(&call(&module, "recurse", &[0]).unwrap_err());
        assert_eq!(trap, Some(Trap::StackOverflow));
        assert!(trace.len() > 100 && trace[1..].iter().all(|frame| *frame == (1, Some(2))));
    }
}

/// What a host function returns is written by the host: where the stack ends within the stub's
/// frame, that must not be what faults. Functions elsewhere are the same.
#[test]
fn results_of_functions_outside_are_not_written_beyond_the_stack() {
    for shift in 0..8 {
        let bodies = Bodies::new()
            .with("run", move |request| {
                let mut hand = Hand::calling(request, shift * 16);
                hand.at(1).call(SlotRef::Function(1));
                hand.end()
            })
            .with("recurse", |request| {
                let mut hand = Hand::calling(request, 48);
                hand.at(2).call_import(0, 0);
                hand.at(3).call(SlotRef::Function(2));
                hand.at(4).call(SlotRef::Function(1));
                hand.end()
            });
        let interpreter = Arc::new(wz_interp::Interpreter::new());
        let engine = HandEngine { elsewhere: Some(interpreter), ..bodies.engine() };
        let store = engine.store(|config| config.max_stack_bytes = 64 << 10);
        let host = HostModule::new("host").with_function("one", || 1_i32);
        store.instantiate_host(&Context::background(), &host).unwrap();
        let module = add(
            &store,
            r#"(module (import "host" "one" (func (result i32)))
                (func (export "run") (result i32) unreachable)
                (func (export "recurse") (result i32) unreachable)
                (func (export "elsewhere") (result i32) i32.const 2))"#,
        );
        for _ in 0..2 {
            let (trap, trace) = trap_of(&call(&module, "run", &[]).unwrap_err());
            assert_eq!(trap, Some(Trap::StackOverflow));
            assert!(trace.len() > 100, "{shift}: {}", trace.len());
            assert!([2, 3, 4].map(|offset| (2, Some(offset))).contains(&trace[0]), "{shift}: {:?}", trace[0]);
        }
    }
}

#[test]
fn what_the_host_passes_has_to_fit() {
    // A host function that calls back with many parameters while the stack is nearly used up.
    let store = Bodies::new()
        .with("many", |request| Hand::leaf(request).end())
        .with("deep", |request| {
            let mut hand = Hand::calling(request, 0);
            dynasm!(hand.ops; .arch x64; sub eax, 1; jz >bottom);
            hand.at(3).call(SlotRef::Function(1));
            dynasm!(hand.ops; .arch x64; jmp >done; bottom:);
            hand.at(4).call_import(0, 0);
            dynasm!(hand.ops; .arch x64; done:);
            hand.end()
        })
        .engine()
        .store(|config| config.max_stack_bytes = 256 * 1024);
    let host = HostModule::new("host").with_function("back", |caller: &mut wz_api::Caller<'_>| {
        let many = caller.module().unwrap().exported_function("many").unwrap();
        many.call(&[0; 1000]).map(drop)
    });
    store.instantiate_host(&Context::background(), &host).unwrap();
    let module = add(
        &store,
        &format!(
            r#"(module (import "host" "back" (func))
                (func (export "many") (param {}))
                (func (export "deep") (param i32)))"#,
            "i64 ".repeat(1000)
        ),
    );
    let depths: Vec<_> = (1..9000).step_by(37).collect();
    let results: Vec<_> = depths.iter().map(|depth| call(&module, "deep", &[*depth])).collect();
    assert!(results[0].is_ok() && results.last().unwrap().is_err());
    for result in results {
        if let Err(error) = result {
            assert_eq!(error.trap(), Some(Trap::StackOverflow));
        }
    }
    assert!(call(&module, "deep", &[1]).is_ok(), "the stack is good as before");
}

/// The native stack of threads may be small: guests have their own.
#[test]
fn guests_recurse_on_small_native_stacks() {
    let instance = instance(recursive(100), RECURSE);
    std::thread::Builder::new()
        .stack_size(256 * 1024)
        .spawn(move || {
            assert_eq!(instance.call("recurse", &[50_000]).unwrap(), [0]);
            let error = instance.call("recurse", &[u64::from(u32::MAX)]).unwrap_err();
            assert_eq!(error.trap(), Some(Trap::StackOverflow));
        })
        .unwrap()
        .join()
        .unwrap();
}
