//! The wrapper of listened functions: tells listeners, calls the plain body, tells them again.
//!
//! ```text
//! rbp + 16 │ parameters on the stack  │
//! rbp      │ caller's rbp             │
//! rbp - 8  │ context                  │
//! rbp - 16 │ r11: slot of plain body  │
//! rbp - 24 │ r10: area for results    │
//! rbp - 32 │ (unused)                 │
//!          │ slots                    │
//! rsp      │ parameters on the stack  │ for the plain body
//! ```

use dynasm::dynasm;
use dynasmrt::{DynasmApi, DynasmLabelApi};
use wz_api::FunctionType;
use wz_jit::runtime::body::StubKind;
use wz_jit::runtime::state::LISTENED_PLAIN;
use wz_jit::runtime::stubs::AssembledStub;

use super::exit::{call_native, leave_guest, note_exit, note_return};
use super::stub;
use crate::abi::{CallLayout, FRAME_POINTER, INCOMING, RESULT_AREA, STACK_POINTER};
use crate::assembler::{self, Assembler};
use crate::frame::return_popping;
use crate::values::{Memory, from_slots, to_slots};

/// What is in the frame besides values.
const FIXED_BYTES: u32 = 32;

/// See [`StubAssembler::listener`](wz_jit::runtime::stubs::StubAssembler::listener).
pub(super) fn assemble(ty: &FunctionType, before: usize, after: usize) -> AssembledStub {
    let layout = CallLayout::new(ty);
    let slot_bytes = (layout.slots() * 8).next_multiple_of(16);
    let slots = Memory::new(FRAME_POINTER, -((FIXED_BYTES + slot_bytes) as i32));
    let frame_bytes = (FIXED_BYTES + slot_bytes + layout.stack_bytes) as i32;
    let mut ops = assembler::new();
    dynasm!(ops
        ; .arch x64
        ; push rbp
        ; mov rbp, rsp
        ; sub rsp, frame_bytes
        // If a part of the frame is in the guard, this finds it, not a guest that listeners call.
        ; test [rsp], eax
        ; mov [rbp - 8], r14
        ; mov [BYTE rbp + LISTENED_PLAIN as i8], r11
        ; mov [rbp - 24], r10
    );
    to_slots(&mut ops, &layout.params, slots, Memory::new(FRAME_POINTER, INCOMING));
    tell(&mut ops, before, slots);
    dynasm!(ops; .arch x64; lea rsp, [rbp - frame_bytes]);
    from_slots(&mut ops, &layout.params, slots, Some(Memory::new(STACK_POINTER, 0)));
    dynasm!(ops
        ; .arch x64
        ; mov r10, [rbp - 24]
        ; mov r11, [BYTE rbp + LISTENED_PLAIN as i8]
        ; call QWORD [r11]
        ; lea rsp, [rbp - frame_bytes]
    );
    if layout.result_area_bytes > 0 {
        dynasm!(ops; .arch x64; mov r10, [rbp - 24]);
    }
    to_slots(&mut ops, &layout.results, slots, Memory::new(RESULT_AREA, 0));
    // The body may have left through another instance.
    dynasm!(ops
        ; .arch x64
        ; mov r14, [rbp - 8]
        ; mov r11, [BYTE rbp + LISTENED_PLAIN as i8]
    );
    tell(&mut ops, after, slots);
    from_slots(&mut ops, &layout.results, slots, None);
    dynasm!(ops; .arch x64; leave);
    return_popping(&mut ops, layout.stack_bytes);
    dynasm!(ops; .arch x64; raised:);
    leave_guest(&mut ops);
    stub(ops, StubKind::Listener { slots: slots.offset.unsigned_abs() }, 0)
}

/// Calls what tells listeners, with the slot of the plain body in `r11`.
fn tell(ops: &mut Assembler, function: usize, slots: Memory) {
    note_exit(ops);
    dynasm!(ops
        ; .arch x64
        ; mov rsi, r11
        ; lea rdx, [rbp + slots.offset]
        ; mov rcx, r14
    );
    call_native(ops, function);
    dynasm!(ops
        ; .arch x64
        ; test eax, eax
        ; jnz >raised
    );
    note_return(ops);
}
