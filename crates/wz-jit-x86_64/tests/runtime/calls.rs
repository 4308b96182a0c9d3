//! The host calls guests, guests call each other, the host, and builtins.

use dynasm::dynasm;
use dynasmrt::DynasmApi;
use wz_api::{Context, HostModule};
use wz_jit::runtime::builtins::Builtin;
use wz_jit::runtime::slots::SlotRef;

use super::support::{Bodies, Hand, add, call, instance};

fn add_one() -> Bodies {
    Bodies::new().with("add_one", |request| {
        let mut hand = Hand::leaf(request);
        dynasm!(hand.ops; .arch x64; add eax, 1);
        hand.end()
    })
}

#[test]
fn the_host_calls_a_guest() {
    let instance =
        instance(add_one(), r#"(module (func (export "add_one") (param i32) (result i32) local.get 0))"#);
    for number in [0, 1, 0x7fff_ffff, 0xffff_ffff_u64] {
        assert_eq!(instance.call("add_one", &[number]).unwrap(), [(number + 1) & 0xffff_ffff]);
    }
    // Whatever is in the upper half of the word does not come back.
    let mut stack = [0xdead_beef_0000_0001_u64];
    instance.exported_function("add_one").unwrap().call_with_stack(&mut stack).unwrap();
    assert_eq!(stack, [2]);
}

#[test]
fn guests_call_guests_through_slots() {
    let bodies = add_one().with("twice", |request| {
        let mut hand = Hand::calling(request, 0);
        hand.call(SlotRef::Function(0)).call(SlotRef::Function(0));
        hand.end()
    });
    let compiled = bodies.compiled.clone();
    let instance = instance(
        bodies,
        r#"(module
            (func (export "add_one") (param i32) (result i32) local.get 0)
            (func (export "twice") (param i32) (result i32) local.get 0))"#,
    );
    for _ in 0..3 {
        assert_eq!(instance.call("twice", &[40]).unwrap(), [42]);
    }
    assert_eq!(compiled.load(std::sync::atomic::Ordering::SeqCst), 2, "each is compiled once");
}

#[test]
fn guests_call_the_host() {
    let bodies = Bodies::new().with("run", |request| {
        let mut hand = Hand::calling(request, 0);
        hand.call_import(0, 0);
        dynasm!(hand.ops; .arch x64; add eax, 1);
        hand.end()
    });
    let store = bodies.store();
    let host = HostModule::new("host").with_function("double", |value: i32| value.wrapping_mul(2));
    store.instantiate_host(&Context::background(), &host).unwrap();
    let module = add(
        &store,
        r#"(module
            (import "host" "double" (func (param i32) (result i32)))
            (func (export "run") (param i32) (result i32) local.get 0))"#,
    );
    assert_eq!(call(&module, "run", &[21]).unwrap(), [43]);
    assert_eq!(call(&module, "run", &[0xc000_0000]).unwrap(), [0x8000_0001]);
}

#[test]
fn guests_call_functions_of_other_instances() {
    // Each instance adds the first byte of its own memory.
    let bodies = Bodies::new()
        .with("own", |request| {
            let mut hand = Hand::leaf(request);
            dynasm!(hand.ops; .arch x64; movzx eax, BYTE [r15]);
            hand.end()
        })
        .with("both", |request| {
            let mut hand = Hand::calling(request, 16);
            hand.call_import(0, 0);
            dynasm!(hand.ops
                ; .arch x64
                ; movzx ecx, BYTE [r15]
                ; shl ecx, 8
                ; or eax, ecx
            );
            hand.end()
        });
    let store = bodies.store();
    let _other = add(
        &store,
        r#"(module $other
            (memory 1) (data (i32.const 0) "\07")
            (func (export "own") (result i32) i32.const 0))"#,
    );
    let module = add(
        &store,
        r#"(module
            (import "other" "own" (func (result i32)))
            (memory 1) (data (i32.const 0) "\05")
            (func (export "both") (result i32) i32.const 0))"#,
    );
    assert_eq!(call(&module, "both", &[]).unwrap(), [0x0507]);
}

#[test]
fn builtins_work_on_the_calling_instance() {
    let bodies = Bodies::new()
        .with("grow", |request| {
            let mut hand = Hand::calling(request, 0);
            dynasm!(hand.ops; .arch x64; mov eax, eax);
            hand.builtin(Builtin::MemoryGrow, 0);
            hand.end()
        })
        .with("fill", |request| {
            let mut hand = Hand::calling(request, 0);
            hand.at(77);
            hand.builtin(Builtin::MemoryFill, 0);
            hand.end()
        });
    let instance = instance(
        bodies,
        r#"(module
            (memory (export "memory") 1 3)
            (func (export "grow") (param i32) (result i32) local.get 0)
            (func (export "fill") (param i64 i64 i64)))"#,
    );
    assert_eq!(instance.call("grow", &[1]).unwrap(), [1]);
    assert_eq!(instance.call("grow", &[2]).unwrap(), [0xffff_ffff], "the result is an i32");
    assert_eq!(instance.call("grow", &[0]).unwrap(), [2]);
    instance.call("fill", &[131_070, 0xab, 2]).unwrap();
    assert_eq!(instance.memory().unwrap().read_u16(131_070_u32), Some(0xabab));
    let error = instance.call("fill", &[131_070, 1, 3]).unwrap_err();
    let (trap, trace) = super::support::trap_of(&error);
    assert_eq!(trap, Some(wz_api::Trap::OutOfBoundsMemoryAccess));
    assert_eq!(trace, [(1, Some(77))]);
}

/// Registers as they are after a call of the builtin that preserves all.
#[test]
fn the_interruption_builtin_preserves_registers() {
    let bodies = Bodies::new().with("sum", |request| {
        let mut hand = Hand::calling(request, 0);
        dynasm!(hand.ops
            ; .arch x64
            ; mov eax, 1
            ; mov ecx, 2
            ; mov edx, 4
            ; mov ebx, 8
            ; mov esi, 16
            ; mov edi, 32
            ; mov r8d, 64
            ; mov r9d, 128
            ; mov r10d, 256
            ; mov r12d, 512
            ; mov r13d, 1024
        );
        for register in 0..15_u8 {
            dynasm!(hand.ops
                ; .arch x64
                ; mov r11d, 2048 << register
                ; movq Rx(register), r11
            );
        }
        hand.builtin(Builtin::Interrupted, 0);
        for register in [1, 2, 3, 6, 7, 8, 9, 10, 12, 13_u8] {
            dynasm!(hand.ops; .arch x64; add rax, Rq(register));
        }
        for register in 0..15_u8 {
            dynasm!(hand.ops
                ; .arch x64
                ; movq r11, Rx(register)
                ; add rax, r11
            );
        }
        hand.end()
    });
    let instance = instance(bodies, r#"(module (func (export "sum") (result i64) i64.const 0))"#);
    assert_eq!(instance.call("sum", &[]).unwrap(), [(1 << 26) - 1]);
}

/// The sequence that code has at loop headers.
#[test]
fn endless_loops_are_interrupted() {
    use dynasmrt::DynasmLabelApi;
    use wz_jit::runtime::state::{HEADER_INTERRUPT, STACK_MASK};
    let bodies = Bodies::new().with("forever", |request| {
        let mut hand = Hand::calling(request, 0);
        dynasm!(hand.ops
            ; .arch x64
            ; again:
            ; mov r11, rsp
            ; or r11, STACK_MASK as i32
            ; mov r11, [BYTE r11 + HEADER_INTERRUPT as i8]
            ; cmp DWORD [r11], 0
            ; je <again
        );
        hand.at(12).builtin(Builtin::Interrupted, 0);
        dynasm!(hand.ops; .arch x64; jmp <again);
        hand.end()
    });
    let store = bodies.engine().store(|config| config.close_on_context_done = true);
    for _ in 0..3 {
        let module = add(&store, r#"(module (func (export "forever")))"#);
        let (cx, token) = Context::background().with_cancel();
        let begun = std::time::Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(std::time::Duration::from_millis(20));
                token.cancel();
            });
            let error = module.exported_function("forever").unwrap().call_with(&cx, &[]).unwrap_err();
            assert!(error.exit_code().is_some(), "{error}");
        });
        assert!(begun.elapsed() < std::time::Duration::from_secs(5));
    }
}

/// Fuel is a word of the activation, found through the stack's header, also after nested calls.
#[test]
fn fuel_is_found_and_counted() {
    use wz_jit::runtime::state::{ACTIVATION_FUEL, HEADER_ACTIVATION, STACK_MASK};
    let bodies = Bodies::new().with("burn", |request| {
        let mut hand = Hand::calling(request, 0);
        hand.call_import(0, 0);
        dynasm!(hand.ops
            ; .arch x64
            ; mov r11, rsp
            ; or r11, STACK_MASK as i32
            ; mov r11, [BYTE r11 + HEADER_ACTIVATION as i8]
            ; sub QWORD [r11 + ACTIVATION_FUEL], 3
        );
        hand.end()
    });
    let store = bodies.engine().store(|config| config.fuel = true);
    let host = HostModule::new("host")
        .with_function("spend", |caller: &mut wz_api::Caller<'_>| caller.consume_fuel(10));
    store.instantiate_host(&Context::background(), &host).unwrap();
    let module = add(&store, r#"(module (import "host" "spend" (func)) (func (export "burn")))"#);
    let fuel = wz_core::Fuel::new(100);
    let cx = wz_core::with_fuel(&Context::background(), &fuel);
    module.exported_function("burn").unwrap().call_with(&cx, &[]).unwrap();
    assert_eq!(fuel.remaining(), 87);
}
