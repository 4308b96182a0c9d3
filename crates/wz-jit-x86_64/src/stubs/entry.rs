//! The stub that the host calls a guest with. On the native side it saves what the platform's
//! convention says (System V: `rbx`, `rbp`, `r12`–`r15`); on the guest's it makes a frame that ends
//! walks:
//!
//! ```text
//!          ┌──────────────────────────┐ guest_sp
//! rbp + 8  │ 0                        │ where a return address would be
//! rbp      │ the native rbp           │
//! rbp - 8  │ context                  │
//! rbp - 16 │ values                   │
//! rbp - 24 │ state                    │
//! rbp - 32 │ (unused)                 │
//!          │ area for results         │
//! rsp      │ parameters on the stack  │
//!          └──────────────────────────┘
//! ```

use std::mem::offset_of;

use dynasm::dynasm;
use dynasmrt::DynasmApi;
use wz_api::FunctionType;
use wz_core::records::InstanceContext;
use wz_jit::runtime::body::StubKind;
use wz_jit::runtime::native::OK;
use wz_jit::runtime::state::{HEADER_NATIVE_SP, STACK_MASK, STATE_EXIT_CONTEXT, STATE_NATIVE_SP};
use wz_jit::runtime::stubs::AssembledStub;

use super::exit::{enter_from_host, return_to_host};
use super::stub;
use crate::abi::{CallLayout, FRAME_POINTER, STACK_POINTER};
use crate::assembler;
use crate::values::{Memory, from_slots, to_slots};

/// What is in the frame besides values.
const FIXED_BYTES: u32 = 32;

const R12: u8 = 12;

/// See [`StubAssembler::entry`](wz_jit::runtime::stubs::StubAssembler::entry).
pub(super) fn assemble(ty: &FunctionType) -> AssembledStub {
    let layout = CallLayout::new(ty);
    let frame_bytes = FIXED_BYTES + layout.result_area_bytes + layout.stack_bytes;
    let area = Memory::new(FRAME_POINTER, -((FIXED_BYTES + layout.result_area_bytes) as i32));
    let mut ops = assembler::new();
    enter_from_host(&mut ops);
    dynasm!(ops
        ; .arch x64
        // rdi: state, rsi: slot, rdx: context, rcx: values, r8: guest_sp
        ; mov QWORD [r8 - 8], 0
        ; mov [r8 - 16], rbp
        ; lea r11, [r8 - 16]
        ; or r11, STACK_MASK as i32
        ; mov [BYTE r11 + HEADER_NATIVE_SP as i8], rsp
        ; lea rbp, [r8 - 16]
        ; lea rsp, [rbp - frame_bytes as i32]
        ; mov [rbp - 8], rdx
        ; mov [rbp - 16], rcx
        ; mov [rbp - 24], rdi
        ; mov r14, rdx
        ; mov r15, [BYTE rdx + offset_of!(InstanceContext, memory0_base) as i8]
        ; mov r11, rsi
        ; mov r12, rcx
    );
    if layout.result_area_bytes > 0 {
        dynasm!(ops; .arch x64; lea r10, [rbp + area.offset]);
    }
    from_slots(&mut ops, &layout.params, Memory::new(R12, 0), Some(Memory::new(STACK_POINTER, 0)));
    dynasm!(ops
        ; .arch x64
        ; call QWORD [r11]
        ; mov r12, [rbp - 16]
    );
    to_slots(&mut ops, &layout.results, Memory::new(R12, 0), area);
    dynasm!(ops
        ; .arch x64
        ; mov r11, [rbp - 24]
        ; mov rsp, [BYTE r11 + STATE_NATIVE_SP as i8]
    );
    return_to_host(&mut ops, OK);
    AssembledStub { stack_bytes: frame_bytes + 16, ..stub(ops, StubKind::Entry, u32::MAX) }
}

/// See [`StubAssembler::resume`](wz_jit::runtime::stubs::StubAssembler::resume). What it goes on with
/// finds the state in `rbx`, a status in `eax` and the context that the state has in `r14`, on the native
/// stack, as after a call of Rust.
pub(super) fn resume() -> AssembledStub {
    let mut ops = assembler::new();
    enter_from_host(&mut ops);
    dynasm!(ops
        ; .arch x64
        // rdi: state, rsi: fp, rdx: code
        ; mov rbx, rdi
        ; mov rbp, rsi
        // After calls of hosts, the pinned registers are what they were.
        ; mov r14, [BYTE rdi + STATE_EXIT_CONTEXT as i8]
        ; mov r15, [BYTE r14 + offset_of!(InstanceContext, memory0_base) as i8]
        ; or rsi, STACK_MASK as i32
        ; mov [BYTE rsi + HEADER_NATIVE_SP as i8], rsp
        ; mov eax, OK as i32
        ; jmp rdx
    );
    stub(ops, StubKind::Entry, u32::MAX)
}
