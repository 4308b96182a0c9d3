//! Stubs through which guests call Rust: parameters go to slots in the stub's frame, the function
//! is called on the native stack, results come back from the slots.
//!
//! ```text
//! rbp      │ caller's rbp             │
//! rbp - 8  │ (unused)                 │
//! rbp - 16 │ r10: area for results    │
//! rsp      │ slots                    │
//! ```

use std::mem::offset_of;

use dynasm::dynasm;
use dynasmrt::{DynasmApi, DynasmLabelApi};
use wz_api::FunctionType;
use wz_api::direct::is_direct;
use wz_core::records::{FunctionRecord, InstanceContext};
use wz_jit::runtime::body::StubKind;
use wz_jit::runtime::code_memory::BODY_ALIGN;
use wz_jit::runtime::stubs::{AssembledStub, HostCalls};

use super::direct;
use super::exit::{call_native, leave_guest, note_exit, note_return};
use super::{PADDING, stub};
use crate::abi::{CallLayout, FRAME_POINTER, INCOMING, RESULT_AREA, STACK_POINTER};
use crate::assembler::{self, Assembler, len_bytes};
use crate::frame::return_popping;
use crate::values::{Memory, from_slots, to_slots};

/// What is in the frame besides slots.
const FIXED_BYTES: u32 = 16;

/// See [`StubAssembler::record_call`](wz_jit::runtime::stubs::StubAssembler::record_call). `r11` has
/// the record; only a guest's has a context.
pub(super) fn record_call(ty: &FunctionType, host: &HostCalls) -> AssembledStub {
    let mut ops = assembler::new();
    dynasm!(ops
        ; .arch x64
        ; mov r12, [BYTE r11 + offset_of!(FunctionRecord, context) as i8]
        ; test r12, r12
        ; jz >host
        ; mov r14, r12
        ; mov r15, [BYTE r12 + offset_of!(InstanceContext, memory0_base) as i8]
        ; mov r11, [BYTE r11 + offset_of!(FunctionRecord, target) as i8]
        ; jmp QWORD [r11]
    );
    // Calls of hosts begin here, where they are in the fewest lines.
    ops.align(BODY_ALIGN, PADDING);
    dynasm!(ops; .arch x64; host:);
    let frame_at = len_bytes(&ops);
    let layout = CallLayout::new(ty);
    begin(&mut ops);
    if is_direct(ty) {
        direct::call(&mut ops, &layout, host);
    }
    call(&mut ops, &layout, host.call);
    stub(ops, StubKind::Exit, frame_at)
}

/// See [`StubAssembler::native_call`](wz_jit::runtime::stubs::StubAssembler::native_call).
pub(super) fn native_call(ty: &FunctionType, function: usize) -> AssembledStub {
    let mut ops = assembler::new();
    let layout = CallLayout::new(ty);
    begin(&mut ops);
    call(&mut ops, &layout, function);
    stub(ops, StubKind::Exit, 0)
}

/// Begins the frame.
fn begin(ops: &mut Assembler) {
    dynasm!(ops; .arch x64; push rbp; mov rbp, rsp);
}

/// Calls a function with values in slots, and returns.
fn call(ops: &mut Assembler, layout: &CallLayout, function: usize) {
    // Builtins get a word even if nothing is passed.
    let slot_bytes = (layout.slots().max(1) * 8).next_multiple_of(16);
    let frame_bytes = (FIXED_BYTES + slot_bytes) as i32;
    let slots = Memory::new(FRAME_POINTER, -frame_bytes);
    dynasm!(ops
        ; .arch x64
        ; sub rsp, frame_bytes
        // If the slots are in the guard, this finds it, not the function that writes results.
        ; test [rsp], eax
    );
    if layout.result_area_bytes > 0 {
        dynasm!(ops; .arch x64; mov [rbp - 16], r10);
    }
    to_slots(ops, &layout.params, Memory::new(STACK_POINTER, 0), Memory::new(FRAME_POINTER, INCOMING));
    note_exit(ops);
    dynasm!(ops
        ; .arch x64
        ; mov rsi, r11
        ; mov rdx, rsp
        ; mov rcx, r14
    );
    call_native(ops, function);
    dynasm!(ops
        ; .arch x64
        ; test eax, eax
        ; jnz >raised
    );
    note_return(ops);
    if layout.result_area_bytes > 0 {
        dynasm!(ops; .arch x64; mov r10, [rbp - 16]);
    }
    from_slots(ops, &layout.results, slots, Some(Memory::new(RESULT_AREA, 0)));
    dynasm!(ops; .arch x64; leave);
    return_popping(ops, layout.stack_bytes);
    dynasm!(ops; .arch x64; raised:);
    leave_guest(ops);
}

/// The registers that C functions clobber and guests use, but for the scratch ones.
const CLOBBERED: [u8; 9] = [0, 1, 2, 3, 6, 7, 8, 9, 10];
const VECTORS: u8 = 15;

/// See [`StubAssembler::preserving_call`](wz_jit::runtime::stubs::StubAssembler::preserving_call).
pub(super) fn preserving_call(function: usize) -> AssembledStub {
    let mut ops = assembler::new();
    let frame_bytes = (i32::from(VECTORS) * 16 + CLOBBERED.len() as i32 * 8 + 15) & !15;
    let ints = Memory::new(FRAME_POINTER, -frame_bytes + i32::from(VECTORS) * 16);
    dynasm!(ops
        ; .arch x64
        ; push rbp
        ; mov rbp, rsp
        ; sub rsp, frame_bytes
    );
    for (register, offset) in CLOBBERED.into_iter().zip((ints.offset..).step_by(8)) {
        dynasm!(ops; .arch x64; mov [rbp + offset], Rq(register));
    }
    for (register, offset) in (0..VECTORS).zip((-frame_bytes..).step_by(16)) {
        dynasm!(ops; .arch x64; movups [rbp + offset], Rx(register));
    }
    note_exit(&mut ops);
    dynasm!(ops
        ; .arch x64
        ; mov rsi, r11
        ; mov rdx, rsp
        ; mov rcx, r14
    );
    call_native(&mut ops, function);
    dynasm!(ops
        ; .arch x64
        ; test eax, eax
        ; jnz >raised
    );
    note_return(&mut ops);
    for (register, offset) in CLOBBERED.into_iter().zip((ints.offset..).step_by(8)) {
        dynasm!(ops; .arch x64; mov Rq(register), [rbp + offset]);
    }
    for (register, offset) in (0..VECTORS).zip((-frame_bytes..).step_by(16)) {
        dynasm!(ops; .arch x64; movups Rx(register), [rbp + offset]);
    }
    dynasm!(ops
        ; .arch x64
        ; leave
        ; ret
        ; raised:
    );
    leave_guest(&mut ops);
    stub(ops, StubKind::Exit, 0)
}
