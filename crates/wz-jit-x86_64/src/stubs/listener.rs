//! The wrapper of listened functions: tells listeners, calls the plain body, tells them again.
//!
//! ```text
//! rbp + 16 │ parameters on the stack  │
//! rbp      │ caller's rbp             │
//! rbp - 8  │ context                  │
//! rbp - 16 │ r11: function's index    │
//! rbp - 24 │ r10: area for results    │
//! rbp - 32 │ (unused)                 │
//!          │ slots                    │
//! rsp      │ parameters on the stack  │ for the plain body
//! ```

use dynasm::dynasm;
use dynasmrt::{DynasmApi, DynasmLabelApi};
use wz_api::FunctionType;
use wz_jit::runtime::body::StubKind;
use wz_jit::runtime::state::{
    HEADER_ACTIVATION, HEADER_NATIVE_SP, HEADER_STATE, LISTENED_CONTEXT, LISTENED_FUNCTION, STACK_MASK,
    STATE_EXIT_FP, STATE_EXIT_SP,
};
use wz_jit::runtime::stubs::AssembledStub;

use super::exit::{leave_guest, note_return};
use super::stub;
use crate::abi::{CallLayout, FRAME_POINTER, INCOMING, RESULT_AREA, STACK_POINTER};
use crate::assembler::{self, Assembler};
use crate::frame::return_popping;
use crate::values::{Memory, from_slots, to_slots};

/// What is in the frame besides values.
const FIXED_BYTES: u32 = 32;

/// See [`StubAssembler::listener`](wz_jit::runtime::stubs::StubAssembler::listener).
pub(super) fn assemble(ty: &FunctionType, plain: usize, before: usize, after: usize) -> AssembledStub {
    let layout = CallLayout::new(ty);
    let slot_bytes = (layout.slots() * 8).next_multiple_of(16);
    let slots = Memory::new(FRAME_POINTER, -((FIXED_BYTES + slot_bytes) as i32));
    let frame_bytes = (FIXED_BYTES + slot_bytes + layout.stack_bytes) as i32;
    let has_area = layout.result_area_bytes > 0;
    let mut ops = assembler::new();
    dynasm!(ops
        ; .arch x64
        ; push rbp
        ; mov rbp, rsp
        ; sub rsp, frame_bytes
        // If a part of the frame is in the guard, this finds it, not a guest that listeners call.
        ; test [rsp], eax
        ; mov [BYTE rbp + LISTENED_CONTEXT as i8], r14
        ; mov [BYTE rbp + LISTENED_FUNCTION as i8], r11
    );
    if has_area {
        dynasm!(ops; .arch x64; mov [rbp - 24], r10);
    }
    to_slots(&mut ops, &layout.params, slots, Memory::new(FRAME_POINTER, INCOMING));
    leave(&mut ops);
    dynasm!(ops
        ; .arch x64
        ; mov esi, r11d
        ; lea rdx, [rbp + slots.offset]
        ; mov rcx, r14
    );
    tell(&mut ops, before);
    dynasm!(ops; .arch x64; lea rsp, [rbp - frame_bytes]);
    from_slots(&mut ops, &layout.params, slots, Some(Memory::new(STACK_POINTER, 0)));
    if has_area {
        dynasm!(ops; .arch x64; mov r10, [rbp - 24]);
    }
    dynasm!(ops
        ; .arch x64
        ; mov r12, [BYTE rbp + LISTENED_FUNCTION as i8]
        ; mov r11, QWORD plain as i64
        ; call QWORD [r11 + r12 * 8]
    );
    if layout.stack_bytes > 0 {
        // The plain body has popped its parameters.
        dynasm!(ops; .arch x64; lea rsp, [rbp - frame_bytes]);
    }
    if has_area {
        dynasm!(ops; .arch x64; mov r10, [rbp - 24]);
    }
    to_slots(&mut ops, &layout.results, slots, Memory::new(RESULT_AREA, 0));
    leave(&mut ops);
    dynasm!(ops; .arch x64; lea rsi, [rbp + slots.offset]);
    tell(&mut ops, after);
    from_slots(&mut ops, &layout.results, slots, None);
    dynasm!(ops; .arch x64; leave);
    return_popping(&mut ops, layout.stack_bytes);
    dynasm!(ops; .arch x64; raised:);
    leave_guest(&mut ops);
    stub(ops, StubKind::Listener { slots: slots.offset.unsigned_abs() }, 0)
}

/// Notes where the guest is. Leaves the call's state in `rbx`, the activation in `rdi`, and the native
/// stack pointer in `rax`. The context is in the frame.
fn leave(ops: &mut Assembler) {
    dynasm!(ops
        ; .arch x64
        ; mov rbx, rsp
        ; or rbx, STACK_MASK as i32
        ; mov rax, [BYTE rbx + HEADER_NATIVE_SP as i8]
        ; mov rdi, [BYTE rbx + HEADER_ACTIVATION as i8]
        ; mov rbx, [BYTE rbx + HEADER_STATE as i8]
        ; mov [BYTE rbx + STATE_EXIT_SP as i8], rsp
        // Last: a signal handler that finds it uses the others.
        ; mov [BYTE rbx + STATE_EXIT_FP as i8], rbp
    );
}

/// Calls what tells listeners.
fn tell(ops: &mut Assembler, function: usize) {
    dynasm!(ops
        ; .arch x64
        ; mov rsp, rax
        ; mov rax, QWORD function as i64
        ; call rax
        ; test eax, eax
        ; jnz >raised
    );
    note_return(ops);
}
