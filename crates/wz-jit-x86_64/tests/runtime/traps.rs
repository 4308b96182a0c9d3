//! Traps: on purpose, by memory accesses, and where backtraces say they were.

use dynasm::dynasm;
use dynasmrt::DynasmApi;
use wz_api::{Context, Error, HostModule, Trap};
use wz_jit::runtime::slots::SlotRef;

use super::support::{Bodies, Hand, add, call, instance, trap_of};

/// `outer` calls `middle` calls `inner`, which does something bad.
fn chain(inner: impl Fn(&mut Hand) + Send + Sync + 'static, is_leaf: bool) -> Bodies {
    let calling = |target: u32, offset: u32| {
        move |request: &super::support::Request<'_>| {
            let mut hand = Hand::calling(request, 32);
            hand.at(offset).call(SlotRef::Function(target)).at(offset + 5);
            hand.end()
        }
    };
    Bodies::new()
        .with("inner", move |request| {
            let mut hand = if is_leaf { Hand::leaf(request) } else { Hand::calling(request, 0) };
            hand.at(11);
            inner(&mut hand);
            hand.end()
        })
        .with("middle", calling(0, 22))
        .with("outer", calling(1, 33))
}

const CHAIN: &str = r#"(module
    (memory 1)
    (func (export "inner") (param i64) (result i64) local.get 0)
    (func (export "middle") (param i64) (result i64) local.get 0)
    (func (export "outer") (param i64) (result i64) local.get 0))"#;

const TRACE: [(u32, Option<u32>); 3] = [(0, Some(11)), (1, Some(22)), (2, Some(33))];

#[test]
fn every_trap_is_told_with_its_frames() {
    for trap in Trap::ALL {
        for is_leaf in [true, false] {
            let bodies = chain(move |hand| _ = hand.trap(trap), is_leaf);
            let instance = instance(bodies, CHAIN);
            // Several times, so that lazily compiled code and compiled code both trap.
            for _ in 0..3 {
                let error = instance.call("outer", &[1]).unwrap_err();
                assert_eq!(trap_of(&error), (Some(trap), TRACE.to_vec()));
            }
        }
    }
}

#[test]
fn accesses_beyond_the_memory_trap() {
    for is_leaf in [true, false] {
        let bodies = chain(|hand| dynasm!(hand.ops; .arch x64; mov rax, [r15 + rax]), is_leaf);
        let instance = instance(bodies, CHAIN);
        assert_eq!(instance.call("outer", &[65_528]).unwrap(), [0]);
        for address in [65_529, 65_536, 1 << 20, 0x7fff_ffff, 0xffff_ffff, 0x1_ffff_fff8] {
            let error = instance.call("outer", &[address]).unwrap_err();
            assert_eq!(
                trap_of(&error),
                (Some(Trap::OutOfBoundsMemoryAccess), TRACE.to_vec()),
                "{address:#x}"
            );
        }
        assert_eq!(instance.call("outer", &[0]).unwrap(), [0]);
    }
}

#[test]
fn accesses_to_other_memories_of_the_instance_trap() {
    // The second memory's base is found through its record.
    let bodies = Bodies::new().with("load", |request| {
        let mut hand = Hand::leaf(request);
        let memories = std::mem::offset_of!(wz_core::records::InstanceContext, memories) as i32;
        hand.at(5);
        dynasm!(hand.ops
            ; .arch x64
            ; mov rcx, [r14 + memories]
            ; mov rcx, [rcx + 8]
            ; mov rcx, [rcx]
            ; mov rax, [rcx + rax]
        );
        hand.end()
    });
    let instance = instance(
        bodies,
        r#"(module (memory 1) (memory 2)
            (func (export "load") (param i64) (result i64) local.get 0))"#,
    );
    assert_eq!(instance.call("load", &[131_064]).unwrap(), [0]);
    let error = instance.call("load", &[131_072]).unwrap_err();
    assert_eq!(trap_of(&error), (Some(Trap::OutOfBoundsMemoryAccess), vec![(0, Some(5))]));
}

/// A store that faults has written nothing: the bytes before the end of the memory are as before.
#[test]
fn stores_across_the_end_write_nothing() {
    let bodies = chain(|hand| dynasm!(hand.ops; .arch x64; mov QWORD [r15 + rax], -1), true);
    let text = CHAIN.replace("(memory 1)", r#"(memory (export "memory") 1)"#);
    let instance = instance(bodies, &text);
    assert!(instance.call("outer", &[65_532]).is_err());
    assert_eq!(instance.memory().unwrap().read_u32(65_532_u32), Some(0));
    instance.call("outer", &[65_528]).unwrap();
    assert_eq!(instance.memory().unwrap().read_u64(65_528_u32), Some(u64::MAX));
}

#[test]
fn errors_of_host_functions_pass_through_guest_frames() {
    let bodies = Bodies::new()
        .with("inner", |request| {
            let mut hand = Hand::calling(request, 0);
            hand.at(7).call_import(0, 0);
            hand.end()
        })
        .with("outer", |request| {
            let mut hand = Hand::calling(request, 100);
            hand.at(9).call(SlotRef::Function(0));
            hand.end()
        });
    let store = bodies.store();
    let host = HostModule::new("host")
        .with_function("fail", || -> wz_api::Result<()> { Err(Error::host("no luck")) });
    store.instantiate_host(&Context::background(), &host).unwrap();
    let module = add(
        &store,
        r#"(module (import "host" "fail" (func)) (func (export "inner")) (func (export "outer")))"#,
    );
    for _ in 0..2 {
        let error = call(&module, "outer", &[]).unwrap_err();
        let (trap, trace) = trap_of(&error);
        assert_eq!(trap, None);
        assert_eq!(trace, [(0, None), (1, Some(7)), (2, Some(9))]);
        assert!(error.to_string().contains("no luck"));
    }
}

#[test]
fn panics_of_host_functions_resume_outside() {
    let bodies = Bodies::new().with("run", |request| {
        let mut hand = Hand::calling(request, 0);
        hand.call_import(0, 0);
        hand.end()
    });
    let store = bodies.store();
    let host = HostModule::new("host").with_function("panic", || -> () { std::panic::panic_any(42_i32) });
    store.instantiate_host(&Context::background(), &host).unwrap();
    let module = add(&store, r#"(module (import "host" "panic" (func)) (func (export "run")))"#);
    for _ in 0..3 {
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| call(&module, "run", &[])));
        assert_eq!(caught.unwrap_err().downcast_ref::<i32>(), Some(&42));
    }
    assert!(wz_jit::runtime::fault::current_call().is_null());
}
