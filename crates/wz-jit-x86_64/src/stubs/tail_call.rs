//! The stub behind those of functions that ran elsewhere: takes the frame of such a stub down and
//! goes on to the function that was called last, with parameters from slots.
//!
//! The call's state is in `rbx`, the length of the frame's own parameters on the stack in `r11`, and
//! the area for results in `r10`, where it stays.

use std::mem::offset_of;

use dynasm::dynasm;
use dynasmrt::DynasmApi;
use wz_api::FunctionType;
use wz_core::records::{FunctionRecord, InstanceContext};
use wz_jit::runtime::body::StubKind;
use wz_jit::runtime::state::{STATE_TAIL_ARGUMENTS, STATE_TAIL_RECORD};
use wz_jit::runtime::stubs::AssembledStub;

use super::stub;
use crate::abi::{CallLayout, INCOMING, STACK_POINTER};
use crate::assembler;
use crate::values::{Memory, from_slots};

const R12: u8 = 12;

/// See [`StubAssembler::tail_call`](wz_jit::runtime::stubs::StubAssembler::tail_call).
pub(super) fn assemble(ty: &FunctionType) -> AssembledStub {
    let layout = CallLayout::new(ty);
    let mut ops = assembler::new();
    dynasm!(ops
        ; .arch x64
        ; mov r12, [BYTE rbx + STATE_TAIL_ARGUMENTS as i8]
        ; mov r13, [BYTE rbx + STATE_TAIL_RECORD as i8]
        // The end of the own parameters, which is that of the callee's.
        ; lea r11, [rbp + r11 + INCOMING]
        ; mov rbx, [rbp + 8]
        ; mov rbp, [rbp]
        ; lea rsp, [r11 - (layout.stack_bytes as i32 + 8)]
        ; mov [rsp], rbx
    );
    from_slots(&mut ops, &layout.params, Memory::new(R12, 0), Some(Memory::new(STACK_POINTER, 8)));
    dynasm!(ops
        ; .arch x64
        ; mov r14, [BYTE r13 + offset_of!(FunctionRecord, context) as i8]
        ; mov r15, [BYTE r14 + offset_of!(InstanceContext, memory0_base) as i8]
        ; mov r11, [BYTE r13 + offset_of!(FunctionRecord, target) as i8]
        ; jmp QWORD [r11]
    );
    AssembledStub { stack_bytes: layout.stack_bytes + 8, ..stub(ops, StubKind::TailCall, u32::MAX) }
}
