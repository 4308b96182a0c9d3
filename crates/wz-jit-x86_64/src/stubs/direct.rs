//! Calls of host functions over a few numbers with the values in registers: the address of the body and
//! five words as the platform's convention passes them (System V: `rdi`, then `rsi rdx rcx r8 r9`; back
//! come a failure in `rax` and a word in `rdx`).

use std::mem::offset_of;
use std::ptr;

use dynasm::dynasm;
use dynasmrt::{DynasmApi, DynasmLabelApi};
use wz_api::ValueType;
use wz_api::direct::DIRECT_PARAMS;
use wz_core::records::InstanceContext;
use wz_core::{Activation, CLOSES, EventKinds, HostRecord};
use wz_jit::runtime::state::{
    HEADER_ACTIVATION, HEADER_NATIVE_SP, HEADER_STATE, STACK_MASK, STATE_EXIT_CONTEXT, STATE_EXIT_FP,
    STATE_EXIT_SP,
};
use wz_jit::runtime::stubs::HostCalls;

use super::exit::{leave_guest, note_return};
use crate::abi::{CallLayout, Passed, Place};
use crate::assembler::Assembler;

/// The bit of the kinds of events that says that somebody wants to be told of calls. The processor has
/// the lowest byte first.
const HOST_CALL_EVENTS: i8 = EventKinds::HOST_CALL.bits() as i8;

/// What words are passed in.
const WORDS: [u8; DIRECT_PARAMS] = [6, 2, 1, 8, 9];
/// Not among them, and free until they are where they belong.
const SPARE: u8 = 10;

/// Calls the host function whose record is in `r11`, and returns; or goes on behind, with everything as
/// it was, if that may not be called so. The frame has nothing yet, nor needs it: the stack pointer is the
/// frame pointer.
pub(super) fn call(ops: &mut Assembler, layout: &CallLayout, host: &HostCalls) {
    dynasm!(ops
        ; .arch x64
        ; mov r13, [BYTE r11 + HostRecord::DIRECT_ENTRY as i8]
        ; test r13, r13
        ; jz >by_slots
        ; test BYTE [BYTE r14 + offset_of!(InstanceContext, event_kinds) as i8], HOST_CALL_EVENTS
        ; jnz >by_slots
    );
    pass(ops, &layout.params);
    dynasm!(ops
        ; .arch x64
        ; mov rbx, rsp
        ; or rbx, STACK_MASK as i32
        ; mov rax, [BYTE rbx + HEADER_NATIVE_SP as i8]
        ; mov r12, [BYTE rbx + HEADER_ACTIVATION as i8]
        ; mov rbx, [BYTE rbx + HEADER_STATE as i8]
        ; mov [BYTE r12 + Activation::HOST as i8], r11
        ; mov [BYTE rbx + STATE_EXIT_SP as i8], rsp
        ; mov [BYTE rbx + STATE_EXIT_CONTEXT as i8], r14
        // Last: a signal handler that finds it uses the others.
        ; mov [BYTE rbx + STATE_EXIT_FP as i8], rbp
        ; mov rdi, [BYTE r11 + HostRecord::DIRECT_BODY as i8]
        ; mov rsp, rax
        ; call r13
        ; mov rcx, QWORD ptr::from_ref(&CLOSES).expose_provenance() as i64
        ; mov rcx, [rcx]
        ; sub rcx, [BYTE r12 + Activation::CLOSES as i8]
        // One branch for both.
        ; or rcx, rax
        ; jnz >not_simply
        ; returned:
        ; mov QWORD [BYTE r12 + Activation::HOST as i8], 0
    );
    note_return(ops);
    let result = layout.results.first();
    match result.map(|result| (result.place, result.ty)) {
        Some((Place::Int(to), ValueType::I32)) => dynasm!(ops; .arch x64; mov Rd(to), edx),
        Some((Place::Int(to), _)) => dynasm!(ops; .arch x64; mov Rq(to), rdx),
        Some((Place::Vector(to), ValueType::F32)) => dynasm!(ops; .arch x64; movd Rx(to), edx),
        Some((Place::Vector(to), _)) => dynasm!(ops; .arch x64; movq Rx(to), rdx),
        Some((Place::Memory(_), _)) => unreachable!("one result is in a register"),
        None => {}
    }
    dynasm!(ops
        ; .arch x64
        // Faster than `leave`.
        ; mov rsp, rbp
        ; pop rbp
        ; ret
        ; not_simply:
        ; test rax, rax
        ; jz >late
        ; mov rdi, rbx
        ; mov rsi, rax
        ; mov rax, QWORD host.failed as i64
        ; call rax
        ; jmp >leave_guest
        ; late:
        ; push rdx
        ; sub rsp, 8
        ; mov rdi, rbx
        ; mov rax, QWORD host.returned_late as i64
        ; call rax
        ; add rsp, 8
        ; pop rdx
        ; test eax, eax
        ; jz <returned
        ; leave_guest:
    );
    leave_guest(ops);
    dynasm!(ops; .arch x64; by_slots:);
}

/// Moves parameters to where words are passed.
fn pass(ops: &mut Assembler, params: &[Passed]) {
    let places = params.iter().zip(WORDS);
    let mut ints: Vec<(u8, u8, ValueType)> = places
        .clone()
        .filter_map(|(param, to)| match param.place {
            Place::Int(from) => Some((from, to, param.ty)),
            _ => None,
        })
        .collect();
    while !ints.is_empty() {
        // One that nobody has to read any more is written first.
        let is_read = |register: u8, own: usize| {
            ints.iter().enumerate().any(|(index, (from, ..))| index != own && *from == register)
        };
        let next = (0..ints.len()).find(|index| !is_read(ints[*index].1, *index));
        let Some(next) = next else {
            // They go round: the first leaves the circle.
            let (from, _, _) = ints[0];
            dynasm!(ops; .arch x64; mov Rq(SPARE), Rq(from));
            ints[0].0 = SPARE;
            continue;
        };
        match ints.swap_remove(next) {
            (from, to, ValueType::I32) => dynasm!(ops; .arch x64; mov Rd(to), Rd(from)),
            (from, to, _) => dynasm!(ops; .arch x64; mov Rq(to), Rq(from)),
        }
    }
    for (param, to) in places {
        match (param.place, param.ty) {
            (Place::Vector(from), ValueType::F32) => dynasm!(ops; .arch x64; movd Rd(to), Rx(from)),
            (Place::Vector(from), _) => dynasm!(ops; .arch x64; movq Rq(to), Rx(from)),
            (Place::Memory(_), _) => unreachable!("five parameters are in registers"),
            (Place::Int(_), _) => {}
        }
    }
}
