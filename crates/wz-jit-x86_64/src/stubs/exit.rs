//! Leaving the guest: the common parts of stubs that call Rust, and the stubs for traps.

use dynasm::dynasm;
use dynasmrt::DynasmApi;
use wz_jit::runtime::body::StubKind;
use wz_jit::runtime::native::RAISED;
use wz_jit::runtime::state::{
    HEADER_NATIVE_SP, HEADER_STATE, STACK_MASK, STATE_EXIT_CONTEXT, STATE_EXIT_FP, STATE_EXIT_SP,
    STATE_NATIVE_SP,
};
use wz_jit::runtime::stubs::AssembledStub;

use super::stub;
use crate::assembler::{self, Assembler};

/// Finds the call's state, leaves it in `rbx` and the native stack pointer in `rax`, and notes where the
/// guest is. The stub's frame is complete, the stack pointer the lowest of it.
pub(super) fn note_exit(ops: &mut Assembler) {
    dynasm!(ops
        ; .arch x64
        ; mov rbx, rsp
        ; or rbx, STACK_MASK as i32
        ; mov rax, [BYTE rbx + HEADER_NATIVE_SP as i8]
        ; mov rbx, [BYTE rbx + HEADER_STATE as i8]
        ; mov [BYTE rbx + STATE_EXIT_SP as i8], rsp
        ; mov [BYTE rbx + STATE_EXIT_CONTEXT as i8], r14
        // Last: a signal handler that finds it uses the others.
        ; mov [BYTE rbx + STATE_EXIT_FP as i8], rbp
    );
}

/// Calls a function on the native stack, with the state in `rbx` and the native stack pointer in `rax`.
pub(super) fn call_native(ops: &mut Assembler, function: usize) {
    dynasm!(ops
        ; .arch x64
        ; mov rdi, rbx
        ; mov rsp, rax
        ; mov rax, QWORD function as i64
        ; call rax
    );
}

/// The guest goes on.
pub(super) fn note_return(ops: &mut Assembler) {
    dynasm!(ops
        ; .arch x64
        ; mov QWORD [BYTE rbx + STATE_EXIT_FP as i8], 0
    );
}

/// Pushes what the platform's convention wants kept, and notes the native stack pointer in the state
/// that `rdi` has.
pub(super) fn enter_from_host(ops: &mut Assembler) {
    dynasm!(ops
        ; .arch x64
        ; push rbp
        ; push rbx
        ; push r12
        ; push r13
        ; push r14
        ; push r15
        ; sub rsp, 8
        ; mov [BYTE rdi + STATE_NATIVE_SP as i8], rsp
    );
}

/// Pops what [`enter_from_host`] pushed and returns to the host. The native stack pointer is that of the
/// state.
pub(super) fn return_to_host(ops: &mut Assembler, status: u32) {
    dynasm!(ops
        ; .arch x64
        ; add rsp, 8
        ; pop r15
        ; pop r14
        ; pop r13
        ; pop r12
        ; pop rbx
        ; pop rbp
        ; mov eax, status as i32
        ; ret
    );
}

/// Leaves the guest, with the state in `rbx`. Its frames are dropped.
pub(super) fn leave_guest(ops: &mut Assembler) {
    dynasm!(ops
        ; .arch x64
        ; mov rsp, [BYTE rbx + STATE_NATIVE_SP as i8]
    );
    return_to_host(ops, RAISED);
}

/// See [`StubAssembler::trap_exit`](wz_jit::runtime::stubs::StubAssembler::trap_exit).
pub(super) fn trap_exit(function: usize) -> AssembledStub {
    let mut ops = assembler::new();
    dynasm!(ops
        ; .arch x64
        ; push rbp
        ; mov rbp, rsp
    );
    note_exit(&mut ops);
    call_native(&mut ops, function);
    leave_guest(&mut ops);
    stub(ops, StubKind::Exit, 0)
}

/// See [`StubAssembler::fault_exit`](wz_jit::runtime::stubs::StubAssembler::fault_exit).
pub(super) fn fault_exit(function: usize) -> AssembledStub {
    let mut ops = assembler::new();
    dynasm!(ops
        ; .arch x64
        ; mov rbx, rdi
        ; mov rax, [BYTE rbx + STATE_NATIVE_SP as i8]
    );
    call_native(&mut ops, function);
    leave_guest(&mut ops);
    stub(ops, StubKind::Entry, u32::MAX)
}
