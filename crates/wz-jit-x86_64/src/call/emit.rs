//! How calls and what leaves are encoded, and what of them is out of line.

use std::mem::offset_of;

use dynasm::dynasm;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi};
use wz_api::Trap;
use wz_core::records::{FunctionRecord, InstanceContext};
use wz_jit::mach::{Emission, Isa as _};
use wz_jit::runtime::builtins::Builtin;
use wz_jit::runtime::slots::SlotRef;
use wz_jit::runtime::state::{ACTIVATION_FUEL, HEADER_ACTIVATION, HEADER_INTERRUPT, STACK_MASK};
use wz_jit::runtime::stubs::Relocation;

use crate::abi;
use crate::encode::{Opcode, Place};
use crate::frame::reload_pinned;
use crate::isa::X64Isa;
use crate::probe::{Limited, emit_below_limit};
use crate::stubs::PC_RELATIVE;

use super::inst::{Call, CallInst, Callee, TailCall};

/// Code that is seldom executed, and comes after the function's.
#[derive(Debug)]
pub(crate) struct OutOfLine {
    /// Where it is branched to.
    at: DynamicLabel,
    /// The operator that it is of.
    code_offset: u32,
    what: Seldom,
}

/// What is done out of line.
#[derive(Debug)]
pub(crate) enum Seldom {
    /// Calls the core because the activation is to be interrupted, and goes back.
    Interrupted { back: DynamicLabel },
    /// The fuel at `[activation]` does not suffice.
    OutOfFuel { activation: u8 },
    /// Calls the host's record in `r12`, and goes back.
    HostCall { ty: u32, stack_bytes: u32, back: DynamicLabel },
    /// The same with a guest's in `r11`, whose context is in `r12`.
    GuestCall { stack_bytes: u32, reloads: bool, back: DynamicLabel },
    /// Counts up to a limit, and goes back.
    BelowLimit { limited: Limited, back: DynamicLabel },
}

/// Encodes an instruction.
pub(super) fn emit(inst: &CallInst, cx: &mut Emission<'_, X64Isa>) {
    match inst {
        CallInst::Entry(_) => {}
        CallInst::Call(it) => call(cx, it),
        CallInst::TailCall(it) => tail_call(cx, it),
        CallInst::Return(_) => {
            let frame = cx.assembler.frame;
            frame.end(&mut cx.assembler.ops);
        }
        CallInst::Trap(trap) => cx.isa.emit_trap(cx, *trap),
        CallInst::CheckType { record, type_ids, index } => {
            let (record, type_ids) = (record.preg().hw_enc() as u8, type_ids.preg().hw_enc() as u8);
            let null = trap_label(cx, Trap::InvalidTableAccess);
            let other = trap_label(cx, Trap::IndirectCallTypeMismatch);
            let at = *index as i32 * size_of::<u32>() as i32;
            let id = offset_of!(FunctionRecord, type_id) as i8;
            dynasm!(cx.assembler.ops
                ; .arch x64
                ; test Rq(record), Rq(record)
                ; jz =>null
                ; mov r11d, [Rq(type_ids) + at]
                ; cmp r11d, [BYTE Rq(record) + id]
                ; jne =>other
            );
        }
        CallInst::InterruptFlag(to) => {
            let to = to.preg().hw_enc() as u8;
            dynasm!(cx.assembler.ops
                ; .arch x64
                ; mov r11, rsp
                ; or r11, STACK_MASK as i32
                ; mov Rq(to), [r11 + HEADER_INTERRUPT]
            );
        }
        CallInst::Activation(to) => {
            let to = to.preg().hw_enc() as u8;
            dynasm!(cx.assembler.ops
                ; .arch x64
                ; mov r11, rsp
                ; or r11, STACK_MASK as i32
                ; mov Rq(to), [r11 + HEADER_ACTIVATION]
            );
        }
        CallInst::Interrupt(flag) => {
            let flag = flag.preg().hw_enc() as u8;
            let back = cx.assembler.ops.new_dynamic_label();
            let at = out_of_line(cx, Seldom::Interrupted { back });
            // test [flag], flag: a set flag has all bits, its address not none, and the processor makes
            // one operation of both instructions, which it does not with a constant.
            cx.assembler.ops.op(false, Opcode::one(0x85), flag, Place::at(flag, 0));
            dynasm!(cx.assembler.ops; .arch x64; jne =>at; =>back);
        }
        CallInst::Fuel(activation, units) => {
            let activation = activation.preg().hw_enc() as u8;
            let at = out_of_line(cx, Seldom::OutOfFuel { activation });
            match i32::try_from(*units) {
                Ok(units) => dynasm!(cx.assembler.ops
                    ; .arch x64
                    ; sub QWORD [Rq(activation) + ACTIVATION_FUEL], units
                ),
                Err(_) => dynasm!(cx.assembler.ops
                    ; .arch x64
                    ; mov r11d, *units as i32
                    ; sub [Rq(activation) + ACTIVATION_FUEL], r11
                ),
            }
            dynasm!(cx.assembler.ops; .arch x64; jb =>at);
        }
    }
}

fn trap_label(cx: &mut Emission<'_, X64Isa>, trap: Trap) -> DynamicLabel {
    let label = cx.trap_label(trap);
    cx.assembler.label(label)
}

/// The label of something out of line.
pub(crate) fn out_of_line(cx: &mut Emission<'_, X64Isa>, what: Seldom) -> DynamicLabel {
    let at = cx.assembler.ops.new_dynamic_label();
    let code_offset = cx.code_offset();
    cx.assembler.out_of_line.push(OutOfLine { at, code_offset, what });
    at
}

/// The last four bytes refer to a slot.
pub(crate) fn refer(cx: &mut Emission<'_, X64Isa>, target: SlotRef) {
    let offset = cx.offset() - 4;
    cx.metadata.relocations.push(Relocation { offset, kind: PC_RELATIVE, addend: 0, target });
}

/// Calls what a slot holds.
pub(crate) fn call_slot(cx: &mut Emission<'_, X64Isa>, slot: SlotRef) {
    dynasm!(cx.assembler.ops; .arch x64; call QWORD [rip + 0i32]);
    refer(cx, slot);
    cx.note_call();
}

/// Puts a constant into the scratch register.
pub(crate) fn set_scratch(cx: &mut Emission<'_, X64Isa>, value: u64) {
    let ops = &mut cx.assembler.ops;
    match u32::try_from(value) {
        Ok(0) => dynasm!(ops; .arch x64; xor r11d, r11d),
        Ok(value) => dynasm!(ops; .arch x64; mov r11d, value as i32),
        Err(_) => dynasm!(ops; .arch x64; mov r11, QWORD value as i64),
    }
}

fn call(cx: &mut Emission<'_, X64Isa>, call: &Call) {
    if call.has_area {
        dynasm!(cx.assembler.ops; .arch x64; lea r10, [rsp + call.stack_bytes as i32]);
    }
    match call.callee {
        Callee::Slot(slot) => call_slot(cx, slot),
        Callee::Builtin(builtin, extra) => {
            set_scratch(cx, extra);
            call_slot(cx, SlotRef::Builtin(builtin));
        }
        Callee::Import(index, ty) => {
            let (stack_bytes, reloads) = (call.stack_bytes, call.reloads);
            let back = cx.assembler.ops.new_dynamic_label();
            let guest = out_of_line(cx, Seldom::GuestCall { stack_bytes, reloads, back });
            load_import(cx, index);
            dynasm!(cx.assembler.ops; .arch x64; mov r12, [BYTE r11 + RECORD_CONTEXT]; test r12, r12; jne =>guest);
            call_slot(cx, SlotRef::HostCall(ty));
            // A host leaves the pinned registers alone.
            take_back(cx, stack_bytes);
            dynasm!(cx.assembler.ops; .arch x64; =>back);
            return;
        }
        Callee::Record(_, ty) => {
            let (stack_bytes, reloads) = (call.stack_bytes, call.reloads);
            let back = cx.assembler.ops.new_dynamic_label();
            let host = out_of_line(cx, Seldom::HostCall { ty, stack_bytes, back });
            dynasm!(cx.assembler.ops; .arch x64; mov r11, [BYTE r12 + RECORD_CONTEXT]; test r11, r11; jz =>host);
            guest_call(cx, stack_bytes, reloads);
            dynasm!(cx.assembler.ops; .arch x64; =>back);
            return;
        }
    }
    end_call(cx, call.stack_bytes, call.reloads);
}

/// Where a record has the context.
const RECORD_CONTEXT: i8 = offset_of!(FunctionRecord, context) as i8;

/// Puts the record of an imported function into the scratch register.
fn load_import(cx: &mut Emission<'_, X64Isa>, index: u32) {
    dynasm!(cx.assembler.ops
        ; .arch x64
        ; mov r11, [BYTE r14 + offset_of!(InstanceContext, imported_functions) as i8]
        ; mov r11, [r11 + index as i32 * size_of::<*const FunctionRecord>() as i32]
    );
}

/// Calls the guest's record in `r12`, whose context is in `r11`, as the stub for records does it.
fn guest_call(cx: &mut Emission<'_, X64Isa>, stack_bytes: u32, reloads: bool) {
    dynasm!(cx.assembler.ops
        ; .arch x64
        ; mov r14, r11
        ; mov r15, [BYTE r14 + offset_of!(InstanceContext, memory0_base) as i8]
        ; mov r11, [BYTE r12 + offset_of!(FunctionRecord, target) as i8]
        ; call QWORD [r11]
    );
    cx.note_call();
    end_call(cx, stack_bytes, reloads);
}

/// What comes after a call of a guest.
fn end_call(cx: &mut Emission<'_, X64Isa>, stack_bytes: u32, reloads: bool) {
    take_back(cx, stack_bytes);
    if reloads {
        reload_pinned(&mut cx.assembler.ops);
    }
}

/// The callee has popped its parameters.
fn take_back(cx: &mut Emission<'_, X64Isa>, stack_bytes: u32) {
    if stack_bytes > 0 {
        dynasm!(cx.assembler.ops; .arch x64; sub rsp, stack_bytes as i32);
    }
}

fn tail_call(cx: &mut Emission<'_, X64Isa>, call: &TailCall) {
    let frame = cx.assembler.frame;
    let range = frame.end_for_tail_call(&mut cx.assembler.ops, call.stack_bytes);
    let slot = match call.callee {
        Callee::Slot(slot) => slot,
        Callee::Builtin(builtin, extra) => {
            set_scratch(cx, extra);
            SlotRef::Builtin(builtin)
        }
        Callee::Import(index, ty) => {
            load_import(cx, index);
            SlotRef::RecordCall(ty)
        }
        Callee::Record(_, ty) => {
            dynasm!(cx.assembler.ops; .arch x64; mov r11, r12);
            SlotRef::RecordCall(ty)
        }
    };
    dynasm!(cx.assembler.ops; .arch x64; jmp QWORD [rip + 0i32]);
    refer(cx, slot);
    let end = cx.offset();
    cx.metadata.unwalkable.push((range.start, end));
}

/// Encodes what is out of line.
pub fn emit_out_of_line(cx: &mut Emission<'_, X64Isa>) {
    for OutOfLine { at, code_offset, what } in std::mem::take(&mut cx.assembler.out_of_line) {
        cx.operator(code_offset);
        dynasm!(cx.assembler.ops; .arch x64; =>at);
        match what {
            Seldom::Interrupted { back } => {
                call_slot(cx, SlotRef::Builtin(Builtin::Interrupted));
                dynasm!(cx.assembler.ops; .arch x64; jmp =>back);
            }
            Seldom::OutOfFuel { activation } => {
                dynasm!(cx.assembler.ops; .arch x64; mov QWORD [Rq(activation) + ACTIVATION_FUEL], 0);
                cx.isa.emit_trap(cx, Trap::OutOfFuel);
            }
            Seldom::HostCall { ty, stack_bytes, back } => {
                dynasm!(cx.assembler.ops; .arch x64; mov r11, r12);
                call_slot(cx, SlotRef::HostCall(ty));
                take_back(cx, stack_bytes);
                dynasm!(cx.assembler.ops; .arch x64; jmp =>back);
            }
            Seldom::GuestCall { stack_bytes, reloads, back } => {
                dynasm!(cx.assembler.ops; .arch x64; xchg r11, r12);
                guest_call(cx, stack_bytes, reloads);
                dynasm!(cx.assembler.ops; .arch x64; jmp =>back);
            }
            Seldom::BelowLimit { limited, back } => emit_below_limit(cx, limited, back),
        }
    }
}

const _: () = assert!(abi::SCRATCH == 11 && abi::TAIL_TARGET == 12 && abi::RESULT_AREA == 10);
