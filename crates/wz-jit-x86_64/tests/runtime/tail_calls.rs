//! Tail calls run in constant space, whatever the callee takes on the stack.

use std::mem::offset_of;

use dynasm::dynasm;
use dynasmrt::{DynasmApi, DynasmLabelApi};
use wz_api::{Context, HostModule, Trap};
use wz_core::records::FunctionRecord;
use wz_jit::runtime::module::CompiledFunction;
use wz_jit::runtime::slots::SlotRef;
use wz_jit_x86_64::abi::INCOMING;

use super::support::{Bodies, Hand, Request, add, call, instance, trap_of};

/// A function with `count` parameters of type `i64`, of which the first is a counter and all others
/// are its value plus their position: checks them, and goes on to `next` with one less.
pub(super) fn step(request: &Request<'_>, next: u32, next_count: u32) -> CompiledFunction {
    let own = request.layout();
    let outgoing = next_count.saturating_sub(8).next_multiple_of(2) * 8;
    let mut hand = Hand::calling(request, outgoing + 16);
    dynasm!(hand.ops; .arch x64; mov r12, rax);
    for position in 1..own.params.len() as i32 {
        match position {
            0..8 => {
                let register = wz_jit_x86_64::abi::INT_ARGS[position as usize];
                dynasm!(hand.ops; .arch x64; mov r11, Rq(register));
            }
            _ => dynasm!(hand.ops; .arch x64; mov r11, [rbp + INCOMING + (position - 8) * 8]),
        }
        dynasm!(hand.ops
            ; .arch x64
            ; sub r11, position
            ; cmp r11, r12
            ; jne >wrong
        );
    }
    dynasm!(hand.ops; .arch x64; test r12, r12; jz >done);
    for position in 0..next_count as i32 {
        match position {
            0..8 => {
                let register = wz_jit_x86_64::abi::INT_ARGS[position as usize];
                dynasm!(hand.ops; .arch x64; lea Rq(register), [r12 + position - 1]);
            }
            _ => dynasm!(hand.ops
                ; .arch x64
                ; lea r11, [r12 + position - 1]
                ; mov [rsp + (position - 8) * 8], r11
            ),
        }
    }
    let frame = hand.frame;
    // The other ends come first, so that the tail call is the last.
    dynasm!(hand.ops; .arch x64; jmp >go; wrong:);
    hand.at(3).trap(Trap::Unreachable);
    dynasm!(hand.ops; .arch x64; done:);
    frame.end(&mut hand.ops);
    dynasm!(hand.ops; .arch x64; go:);
    hand.tail_call(SlotRef::Function(next), outgoing)
}

/// Functions with these numbers of parameters call each other in turn.
fn ring(counts: &'static [u32]) -> (Bodies, String) {
    let mut bodies = Bodies::new();
    let mut text = String::from("(module ");
    for (index, count) in counts.iter().enumerate() {
        let next = (index + 1) % counts.len();
        bodies = bodies.with(&format!("f{index}"), move |request| step(request, next as u32, counts[next]));
        text += &format!(r#"(func (export "f{index}") (param {}))"#, "i64 ".repeat(*count as usize));
    }
    (bodies, text + ")")
}

#[test]
fn a_million_tail_calls_with_growing_and_shrinking_parameters() {
    for counts in [&[1][..], &[8, 9], &[1, 30], &[12, 10, 8, 9, 11, 40, 3], &[1, 200, 2, 1, 9]] {
        let (bodies, text) = ring(counts);
        let store = bodies.engine().store(|config| config.max_stack_bytes = 64 * 1024);
        let module = add(&store, &text);
        for start in 0..counts.len() {
            let rounds = 1_000_000 / counts.len() as u64;
            let params: Vec<_> = (0..u64::from(counts[start])).map(|position| rounds + position).collect();
            call(&module, &format!("f{start}"), &params).unwrap();
        }
    }
}

#[test]
fn tail_calls_through_records_reach_hosts_and_other_instances() {
    // `go` leaves for what it imports; the caller finds its own instance again.
    let bodies = Bodies::new()
        .with("go", |request| {
            let mut hand = Hand::calling(request, 0);
            hand.load_import(0);
            dynasm!(hand.ops; .arch x64; mov r12, r11);
            let range = hand.frame.end_for_tail_call(&mut hand.ops, 0);
            assert_eq!(range.len(), 1);
            dynasm!(hand.ops; .arch x64; mov r11, r12);
            hand.tail_call_from_here(SlotRef::RecordCall(0))
        })
        .with("run", |request| {
            let mut hand = Hand::calling(request, 0);
            hand.at(5).call(SlotRef::Function(0));
            dynasm!(hand.ops; .arch x64; add al, [r15]);
            hand.end()
        })
        .with("bytes", |request| {
            let mut hand = Hand::leaf(request);
            dynasm!(hand.ops; .arch x64; movzx eax, BYTE [r15]);
            hand.end()
        });
    let store = bodies.store();
    let host = HostModule::new("host").with_function("bytes", |caller: &mut wz_api::Caller<'_>| {
        i32::from(caller.memory().unwrap().read_u8(0_u32).unwrap()) * 2
    });
    store.instantiate_host(&Context::background(), &host).unwrap();
    let _other = add(
        &store,
        r#"(module $other (memory 1) (data (i32.const 0) "\20")
            (func (export "bytes") (result i32) i32.const 0))"#,
    );
    for (from, expected) in [("other", 0x20 + 1), ("host", 2 + 1)] {
        let module = add(
            &store,
            &format!(
                r#"(module (import "{from}" "bytes" (func (result i32)))
                    (memory 1) (data (i32.const 0) "\01")
                    (func (export "go") (result i32) i32.const 0)
                    (func (export "run") (result i32) i32.const 0))"#
            ),
        );
        assert_eq!(call(&module, "run", &[]).unwrap(), [expected], "{from}");
        assert_eq!(call(&module, "go", &[]).unwrap(), [expected - 1], "{from}");
    }
    assert_eq!(offset_of!(FunctionRecord, context), 0);
}

#[test]
fn backtraces_do_not_have_frames_that_are_gone() {
    let bodies = Bodies::new()
        .with("trap", |request| {
            let mut hand = Hand::leaf(request);
            hand.at(1).trap(Trap::IntegerOverflow);
            hand.finish()
        })
        .with("tail", |request| {
            let hand = Hand::calling(request, 0);
            hand.tail_call(SlotRef::Function(0), 0)
        })
        .with("call", |request| {
            let mut hand = Hand::calling(request, 0);
            hand.at(3).call(SlotRef::Function(1));
            hand.end()
        });
    let instance =
        instance(bodies, r#"(module (func (export "trap")) (func (export "tail")) (func (export "call")))"#);
    let error = instance.call("call", &[]).unwrap_err();
    assert_eq!(trap_of(&error), (Some(Trap::IntegerOverflow), vec![(0, Some(1)), (2, Some(3))]));
}
