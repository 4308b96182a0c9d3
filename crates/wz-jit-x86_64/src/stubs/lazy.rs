//! The stub behind thunks of slots without code: has the function compiled and goes on to it with
//! all arguments as they were.

use dynasm::dynasm;
use dynasmrt::{DynasmApi, DynasmLabelApi};
use wz_jit::runtime::body::StubKind;
use wz_jit::runtime::stubs::AssembledStub;

use super::exit::{call_native, leave_guest, note_exit, note_return};
use super::stub;
use crate::abi::{INT_ARGS, RESULT_AREA, VECTOR_ARGS};
use crate::assembler::{self, len_bytes};

/// See [`StubAssembler::lazy`](wz_jit::runtime::stubs::StubAssembler::lazy). On top of the stack is
/// what the thunk pushed, then the caller's return address.
pub(super) fn assemble(function: usize) -> AssembledStub {
    let ints: Vec<_> = INT_ARGS.into_iter().chain([RESULT_AREA]).collect();
    let vector_bytes = i32::from(VECTOR_ARGS) * 16;
    let frame_bytes = (vector_bytes + ints.len() as i32 * 8 + 15) & !15;
    let mut ops = assembler::new();
    dynasm!(ops; .arch x64; pop r11);
    let frame_at = len_bytes(&ops);
    dynasm!(ops
        ; .arch x64
        ; push rbp
        ; mov rbp, rsp
        ; sub rsp, frame_bytes
    );
    for (register, offset) in ints.iter().zip((vector_bytes - frame_bytes..).step_by(8)) {
        dynasm!(ops; .arch x64; mov [rbp + offset], Rq(*register));
    }
    for (register, offset) in (0..VECTOR_ARGS).zip((-frame_bytes..).step_by(16)) {
        dynasm!(ops; .arch x64; movups [rbp + offset], Rx(register));
    }
    note_exit(&mut ops);
    dynasm!(ops
        ; .arch x64
        ; mov rsi, r11
        ; mov rdx, r14
    );
    call_native(&mut ops, function);
    dynasm!(ops
        ; .arch x64
        ; test rax, rax
        ; jz >raised
    );
    note_return(&mut ops);
    dynasm!(ops
        ; .arch x64
        ; mov r12, rax
        ; mov r11, rdx
    );
    for (register, offset) in ints.iter().zip((vector_bytes - frame_bytes..).step_by(8)) {
        dynasm!(ops; .arch x64; mov Rq(*register), [rbp + offset]);
    }
    for (register, offset) in (0..VECTOR_ARGS).zip((-frame_bytes..).step_by(16)) {
        dynasm!(ops; .arch x64; movups Rx(register), [rbp + offset]);
    }
    dynasm!(ops
        ; .arch x64
        ; leave
        ; jmp r12
        ; raised:
    );
    leave_guest(&mut ops);
    stub(ops, StubKind::Lazy, frame_at)
}
