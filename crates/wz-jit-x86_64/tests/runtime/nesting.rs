//! Host → guest → host → guest: every activation has its own frames, also on one stack.

use std::sync::{Arc, Mutex};

use dynasm::dynasm;
use dynasmrt::DynasmApi;
use wz_api::{Caller, Context, Error, HostModule, Module, Result, Trap};

use super::support::{Bodies, Hand, HandEngine, add, call, trap_of};

/// `run` calls the host function with its parameter minus one; `stop` traps.
fn engine() -> HandEngine {
    Bodies::new()
        .with("run", |request| {
            let mut hand = Hand::calling(request, 48);
            dynasm!(hand.ops; .arch x64; sub eax, 1);
            hand.at(4).call_import(0, 0);
            dynasm!(hand.ops; .arch x64; add eax, 1);
            hand.end()
        })
        .with("stop", |request| {
            let mut hand = Hand::leaf(request);
            hand.at(6).trap(Trap::IntegerOverflow);
            hand.finish()
        })
        .engine()
}

const TEXT: &str = r#"(module
    (import "host" "back" (func (param i32) (result i32)))
    (func (export "run") (param i32) (result i32) local.get 0)
    (func (export "stop") (param i32) (result i32) local.get 0))"#;

fn back(caller: &mut Caller<'_>, depth: i32) -> Result<i32> {
    let name = if depth == 0 { "stop" } else { "run" };
    let function = caller.module().unwrap().exported_function(name).unwrap();
    function.typed::<i32, i32>()?.call(depth)
}

fn nested(max_stack_bytes: usize) -> Module {
    let store = engine().store(|config| config.max_stack_bytes = max_stack_bytes);
    let host = HostModule::new("host").with_function("back", back);
    store.instantiate_host(&Context::background(), &host).unwrap();
    let module = add(&store, TEXT);
    std::mem::forget(store);
    module
}

#[test]
fn a_trap_ends_all_activations_with_all_frames() {
    let module = nested(8 << 20);
    for depth in [1, 2, 10, 50] {
        let error = call(&module, "run", &[depth]).unwrap_err();
        let (trap, trace) = trap_of(&error);
        assert_eq!(trap, Some(Trap::IntegerOverflow));
        assert_eq!(trace[0], (2, Some(6)));
        assert_eq!(trace.len() as u64, 1 + 2 * depth, "a frame of the guest and one of the host each");
        for pair in trace[1..].chunks(2) {
            assert_eq!(pair, [(0, None), (1, Some(4))]);
        }
    }
}

#[test]
fn errors_can_be_handled_in_between() {
    let store = engine().store(|_| {});
    let host = HostModule::new("host").with_function("back", |caller: &mut Caller<'_>, depth: i32| -> i32 {
        match back(caller, depth) {
            Ok(value) => value,
            Err(error) => {
                assert_eq!(error.trap(), Some(Trap::IntegerOverflow));
                100
            }
        }
    });
    store.instantiate_host(&Context::background(), &host).unwrap();
    let module = add(&store, TEXT);
    for depth in [1, 2, 3, 30] {
        assert_eq!(call(&module, "run", &[depth]).unwrap(), [100 + depth]);
    }
}

/// Two runtimes with stacks of different sizes call each other.
#[test]
fn runtimes_with_different_stacks_nest() {
    let inner = nested(2 << 20);
    let store = engine().store(|config| config.max_stack_bytes = 1 << 20);
    let host = {
        let inner = inner.clone();
        HostModule::new("host").with_function("back", move |depth: i32| -> Result<i32> {
            let run = inner.exported_function("run").unwrap();
            run.typed::<i32, i32>()?.call(depth).map_err(Error::from)
        })
    };
    store.instantiate_host(&Context::background(), &host).unwrap();
    let outer = add(&store, TEXT);
    for _ in 0..20 {
        let (trap, trace) = trap_of(&call(&outer, "run", &[3]).unwrap_err());
        assert_eq!(trap, Some(Trap::IntegerOverflow));
        assert_eq!(trace.len(), 1 + 2 * 2 + 2);
    }
}

#[test]
fn nesting_without_end_is_a_trap() {
    let module = nested(8 << 20);
    for size in [256 * 1024, 2 << 20] {
        let module = module.clone();
        let thread = std::thread::Builder::new().stack_size(size).spawn(move || {
            let error = call(&module, "run", &[u64::from(u32::MAX >> 1)]).unwrap_err();
            assert_eq!(error.trap(), Some(Trap::StackOverflow));
            let error = call(&module, "run", &[1]).unwrap_err();
            assert_eq!(error.trap(), Some(Trap::IntegerOverflow));
        });
        thread.unwrap().join().unwrap();
    }
}

/// A panic in the inner activation's host function passes through both.
#[test]
fn panics_pass_through_several_activations() {
    let store = engine().store(|_| {});
    let told = Arc::new(Mutex::new(Vec::new()));
    let host = {
        let told = told.clone();
        HostModule::new("host").with_function(
            "back",
            move |caller: &mut Caller<'_>, depth: i32| -> Result<i32> {
                told.lock().unwrap().push(depth);
                if depth == 0 {
                    std::panic::panic_any("deep");
                }
                back(caller, depth)
            },
        )
    };
    store.instantiate_host(&Context::background(), &host).unwrap();
    let module = add(&store, TEXT);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| call(&module, "run", &[4])));
    assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"deep"));
    assert_eq!(*told.lock().unwrap(), [3, 2, 1, 0]);
}
