//! Stubs around functions that run elsewhere: the one that stands for such a function, and those that
//! do what its runs ask for.

use std::mem::offset_of;

use dynasm::dynasm;
use dynasmrt::{DynasmApi, DynasmLabelApi};
use wz_api::FunctionType;
use wz_core::records::{FunctionRecord, InstanceContext};
use wz_jit::runtime::body::StubKind;
use wz_jit::runtime::native::{CALL, TAIL_CALL};
use wz_jit::runtime::state::{
    ELSEWHERE_CONTEXT, ELSEWHERE_FUNCTION, ELSEWHERE_RUN, STATE_NEXT_RECORD, STATE_NEXT_STUB,
    STATE_NEXT_VALUES,
};
use wz_jit::runtime::stubs::AssembledStub;

use super::exit::{call_native, leave_guest, note_exit, note_return};
use super::stub;
use crate::abi::{CallLayout, FRAME_POINTER, INCOMING, RESULT_AREA, STACK_POINTER};
use crate::assembler::{self, Assembler, len_bytes};
use crate::frame::return_popping;
use crate::values::{Memory, from_slots, to_slots};

const R12: u8 = 12;

/// Where the area for results is noted, from `rbp`.
const AREA: i32 = -16;
/// What is in the frame besides slots.
const FIXED_BYTES: u32 = 32;

/// See [`StubAssembler::elsewhere_call`](wz_jit::runtime::stubs::StubAssembler::elsewhere_call).
///
/// ```text
/// rbp      │ caller's rbp             │
/// rbp - 8  │ context                  │
/// rbp - 16 │ r10: area for results    │
/// rbp - 24 │ the run                  │
/// rbp - 32 │ r11: the function        │
/// rsp      │ slots                    │
/// ```
pub(super) fn call(ty: &FunctionType, begin: usize, resume: usize) -> AssembledStub {
    let layout = CallLayout::new(ty);
    let frame_bytes = (FIXED_BYTES + (layout.slots() * 8).next_multiple_of(16)) as i32;
    let slots = Memory::new(FRAME_POINTER, -frame_bytes);
    let mut ops = assembler::new();
    dynasm!(ops
        ; .arch x64
        ; push rbp
        ; mov rbp, rsp
        ; sub rsp, frame_bytes
        // If the slots are in the guard, this finds it, not what writes results.
        ; test [rsp], eax
        ; mov [BYTE rbp + ELSEWHERE_CONTEXT as i8], r14
        ; mov [BYTE rbp + AREA as i8], r10
        ; mov QWORD [BYTE rbp + ELSEWHERE_RUN as i8], 0
        ; mov [BYTE rbp + ELSEWHERE_FUNCTION as i8], r11
    );
    let framed_at = len_bytes(&ops);
    let incoming = Memory::new(FRAME_POINTER, INCOMING);
    to_slots(&mut ops, &layout.params, Memory::new(STACK_POINTER, 0), incoming);
    step(&mut ops, begin);
    dynasm!(ops
        ; .arch x64
        ; stepped:
        ; test eax, eax
        ; jnz >more
    );
    note_return(&mut ops);
    dynasm!(ops; .arch x64; mov r10, [BYTE rbp + AREA as i8]);
    from_slots(&mut ops, &layout.results, slots, Some(Memory::new(RESULT_AREA, 0)));
    dynasm!(ops; .arch x64; leave);
    return_popping(&mut ops, layout.stack_bytes);
    dynasm!(ops
        ; .arch x64
        ; more:
        ; cmp eax, CALL as i32
        ; je >call
        ; cmp eax, TAIL_CALL as i32
        ; je >tail_call
    );
    leave_guest(&mut ops);
    dynasm!(ops; .arch x64; call:);
    note_return(&mut ops);
    dynasm!(ops
        ; .arch x64
        ; lea rsp, [rbp - frame_bytes]
        ; call QWORD [BYTE rbx + STATE_NEXT_STUB as i8]
    );
    let resumes_at = len_bytes(&ops);
    dynasm!(ops
        ; .arch x64
        // Who resumes a run that was put back comes on the native stack.
        ; lea rsp, [rbp - frame_bytes]
        // The function may have left through another instance.
        ; mov r14, [BYTE rbp + ELSEWHERE_CONTEXT as i8]
    );
    step(&mut ops, resume);
    dynasm!(ops
        ; .arch x64
        ; jmp <stepped
        ; tail_call:
    );
    note_return(&mut ops);
    dynasm!(ops
        ; .arch x64
        ; mov r10, [BYTE rbp + AREA as i8]
        ; mov r11d, layout.stack_bytes as i32
        ; jmp QWORD [BYTE rbx + STATE_NEXT_STUB as i8]
    );
    stub(ops, StubKind::Elsewhere { framed_at, resumes_at }, 0)
}

/// Calls a function on the native stack, with the slots at the stack pointer.
fn step(ops: &mut Assembler, function: usize) {
    note_exit(ops);
    dynasm!(ops
        ; .arch x64
        ; mov rdx, rsp
        ; mov rcx, r14
    );
    call_native(ops, function);
}

/// See [`StubAssembler::guest_call`](wz_jit::runtime::stubs::StubAssembler::guest_call). The call's
/// state is in `rbx`.
///
/// ```text
/// rbp      │ caller's rbp             │
/// rbp - 8  │ where the values are     │
/// rbp - 16 │ (unused)                 │
///          │ area for results         │
/// rsp      │ parameters on the stack  │
/// ```
pub(super) fn guest_call(ty: &FunctionType) -> AssembledStub {
    let layout = CallLayout::new(ty);
    let area = Memory::new(FRAME_POINTER, -((16 + layout.result_area_bytes) as i32));
    let frame_bytes = (16 + layout.result_area_bytes + layout.stack_bytes) as i32;
    let mut ops = assembler::new();
    dynasm!(ops
        ; .arch x64
        ; push rbp
        ; mov rbp, rsp
        ; sub rsp, frame_bytes
        ; mov r12, [BYTE rbx + STATE_NEXT_VALUES as i8]
        ; mov r13, [BYTE rbx + STATE_NEXT_RECORD as i8]
        ; mov [rbp - 8], r12
        ; lea r10, [rbp + area.offset]
    );
    from_slots(&mut ops, &layout.params, Memory::new(R12, 0), Some(Memory::new(STACK_POINTER, 0)));
    load_record(&mut ops);
    dynasm!(ops
        ; .arch x64
        ; call QWORD [r11]
        ; mov r12, [rbp - 8]
    );
    to_slots(&mut ops, &layout.results, Memory::new(R12, 0), area);
    dynasm!(ops
        ; .arch x64
        ; leave
        ; ret
    );
    stub(ops, StubKind::Exit, 0)
}

/// See [`StubAssembler::tail_call`](wz_jit::runtime::stubs::StubAssembler::tail_call). The call's
/// state is in `rbx`, the length of the parameters on the stack of the frame that goes in `r11`, and
/// the area for results in `r10`, where it stays.
pub(super) fn tail_call(ty: &FunctionType) -> AssembledStub {
    let layout = CallLayout::new(ty);
    let mut ops = assembler::new();
    dynasm!(ops
        ; .arch x64
        ; mov r12, [BYTE rbx + STATE_NEXT_VALUES as i8]
        ; mov r13, [BYTE rbx + STATE_NEXT_RECORD as i8]
        // The end of those parameters is that of the callee's.
        ; lea r11, [rbp + r11 + INCOMING]
        ; mov rbx, [rbp + 8]
        ; mov rbp, [rbp]
        ; lea rsp, [r11 - (layout.stack_bytes as i32 + 8)]
        ; mov [rsp], rbx
    );
    from_slots(&mut ops, &layout.params, Memory::new(R12, 0), Some(Memory::new(STACK_POINTER, 8)));
    load_record(&mut ops);
    dynasm!(ops; .arch x64; jmp QWORD [r11]);
    AssembledStub { stack_bytes: layout.stack_bytes + 8, ..stub(ops, StubKind::TailCall, u32::MAX) }
}

/// Switches to the instance of the record in `r13`, and has in `r11` where its slot is.
fn load_record(ops: &mut Assembler) {
    dynasm!(ops
        ; .arch x64
        ; mov r14, [BYTE r13 + offset_of!(FunctionRecord, context) as i8]
        ; mov r15, [BYTE r14 + offset_of!(InstanceContext, memory0_base) as i8]
        ; mov r11, [BYTE r13 + offset_of!(FunctionRecord, target) as i8]
    );
}
