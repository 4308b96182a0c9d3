//! Probes: counting in place, everything else by a call that preserves all registers. Nothing is
//! overwritten but the scratch registers, so that the function is allocated as without probes.

use dynasm::dynasm;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi};
use wz_jit::ir::{self, Op, Probe};
use wz_jit::mach::{Emission, Lower};
use wz_jit::runtime::builtins::Builtin;
use wz_jit::runtime::slots::SlotRef;
use wz_jit::runtime::stubs::CounterReference;

use crate::call::{Seldom, call_slot, out_of_line, set_scratch};
use crate::inst::Inst;
use crate::isa::X64Isa;

const RAX: u8 = 0;
const RCX: u8 = 1;
const SCRATCH: u8 = 11;

/// A probe of the function.
#[derive(Clone, Copy, Debug)]
pub struct ProbeInst(pub Probe);

/// Selects an instruction if it is one of these. False if it is not.
pub fn select(cx: &mut Lower<'_, X64Isa>, inst: ir::Inst) -> bool {
    let Op::Probe(id) = cx.f.inst(inst).op else { return false };
    cx.push(Inst::Probe(ProbeInst(cx.f.probes[id.index()])));
    true
}

/// Counting up to a limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limited {
    counter: usize,
    limit: u64,
    atomic: bool,
    removed: usize,
    record: usize,
}

impl ProbeInst {
    /// Encodes it.
    pub fn emit(self, cx: &mut Emission<'_, X64Isa>) {
        match self.0 {
            Probe::Count { counter, atomic, near } => count(cx, counter, atomic, near),
            Probe::CountUpTo { counter, limit, atomic, removed, record } => {
                let limited = Limited { counter, limit, atomic, removed, record };
                let back = cx.assembler.ops.new_dynamic_label();
                let at = out_of_line(cx, Seldom::BelowLimit { limited, back });
                set_scratch(cx, counter as u64);
                match i32::try_from(limit) {
                    Ok(limit) => dynasm!(cx.assembler.ops; .arch x64; cmp QWORD [r11], limit),
                    Err(_) => {
                        dynasm!(cx.assembler.ops; .arch x64; mov r11, [r11]);
                        compare(cx, SCRATCH, limit);
                    }
                }
                dynasm!(cx.assembler.ops; .arch x64; jb =>at; =>back);
            }
            Probe::Call { record } => call(cx, record),
        }
    }
}

/// Adds one to a counter.
fn count(cx: &mut Emission<'_, X64Isa>, address: usize, atomic: bool, near: bool) {
    if near {
        let ops = &mut cx.assembler.ops;
        match atomic {
            false => dynasm!(ops; .arch x64; inc QWORD [rip + 0i32]),
            true => dynasm!(ops; .arch x64; lock inc QWORD [rip + 0i32]),
        }
        let offset = cx.offset() - 4;
        cx.metadata.counters.push(CounterReference { offset, address });
        return;
    }
    set_scratch(cx, address as u64);
    let ops = &mut cx.assembler.ops;
    match atomic {
        false => dynasm!(ops; .arch x64; inc QWORD [r11]),
        true => dynasm!(ops; .arch x64; lock inc QWORD [r11]),
    }
}

/// Compares a register with a limit.
fn compare(cx: &mut Emission<'_, X64Isa>, register: u8, limit: u64) {
    match i32::try_from(limit) {
        Ok(limit) => dynasm!(cx.assembler.ops; .arch x64; cmp Rq(register), limit),
        Err(_) => {
            let limit = cx.assembler.constant(u128::from(limit));
            dynasm!(cx.assembler.ops; .arch x64; cmp Rq(register), [=>limit]);
        }
    }
}

/// Calls the core.
fn call(cx: &mut Emission<'_, X64Isa>, record: usize) {
    set_scratch(cx, record as u64);
    call_slot(cx, SlotRef::Builtin(Builtin::Probe));
}

/// Encodes what is done where a count was below its limit: adds one unless others have done so meanwhile,
/// and calls the core if that gives the limit. `xmm15` has what is in other registers meanwhile.
pub(crate) fn emit_below_limit(cx: &mut Emission<'_, X64Isa>, limited: Limited, back: DynamicLabel) {
    let Limited { counter, limit, atomic, removed, record } = limited;
    let restore = cx.assembler.ops.new_dynamic_label();
    if i32::try_from(limit).is_err() {
        set_scratch(cx, counter as u64);
    }
    dynasm!(cx.assembler.ops
        ; .arch x64
        ; movq xmm15, rax
        ; mov rax, QWORD removed as i64
        ; cmp BYTE [rax], 0
        ; jne =>restore
        ; mov rax, [r11]
    );
    if atomic {
        let again = cx.assembler.ops.new_dynamic_label();
        dynasm!(cx.assembler.ops; .arch x64; pinsrq xmm15, rcx, 1; =>again);
        compare(cx, RAX, limit);
        dynasm!(cx.assembler.ops
            ; .arch x64
            ; jae >full
            ; lea rcx, [rax + 1]
            ; lock cmpxchg [r11], rcx
            ; jne =>again
        );
        compare(cx, RCX, limit);
        dynasm!(cx.assembler.ops
            ; .arch x64
            ; pextrq rcx, xmm15, 1
            ; movq rax, xmm15
            ; jb =>back
            ; jmp >reached
            ; full:
            ; pextrq rcx, xmm15, 1
            ; jmp =>restore
            ; reached:
        );
    } else {
        compare(cx, RAX, limit);
        dynasm!(cx.assembler.ops; .arch x64; jae =>restore; inc rax; mov [r11], rax);
        compare(cx, RAX, limit);
        dynasm!(cx.assembler.ops; .arch x64; movq rax, xmm15; jb =>back);
    }
    call(cx, record);
    dynasm!(cx.assembler.ops; .arch x64; jmp =>back; =>restore; movq rax, xmm15; jmp =>back);
}
