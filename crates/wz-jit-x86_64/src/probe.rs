//! Probes: counting in place, everything else by a call that preserves all registers.

use dynasm::dynasm;
use dynasmrt::{DynasmApi, DynasmLabelApi};
use regalloc2::PRegSet;
use wz_jit::ir::{self, Op, Probe};
use wz_jit::mach::{Emission, Lower};
use wz_jit::runtime::builtins::Builtin;
use wz_jit::runtime::slots::SlotRef;

use crate::call::{Seldom, call_slot, out_of_line, set_scratch};
use crate::inst::Inst;
use crate::isa::{X64Isa, int};

const RAX: u8 = 0;
const RCX: u8 = 1;

/// A probe of the function.
#[derive(Clone, Copy, Debug)]
pub struct ProbeInst(pub Probe);

/// Selects an instruction if it is one of these. False if it is not.
pub fn select(cx: &mut Lower<'_, X64Isa>, inst: ir::Inst) -> bool {
    let Op::Probe(id) = cx.f.inst(inst).op else { return false };
    cx.push(Inst::Probe(ProbeInst(cx.f.probes[id.index()])));
    true
}

/// What is done when a count is below its limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BelowLimit {
    limit: u64,
    atomic: bool,
    record: usize,
}

impl ProbeInst {
    /// What it overwrites.
    #[must_use]
    pub fn clobbers(self) -> PRegSet {
        let set = PRegSet::empty();
        match self.0 {
            Probe::Count { .. } | Probe::Call { .. } => set,
            Probe::CountUpTo { atomic: false, .. } => set.with(int(RAX)),
            Probe::CountUpTo { atomic: true, .. } => set.with(int(RAX)).with(int(RCX)),
        }
    }

    /// Encodes it.
    pub fn emit(self, cx: &mut Emission<'_, X64Isa>) {
        match self.0 {
            Probe::Count { counter, atomic } => count(cx, counter, atomic),
            Probe::CountUpTo { counter, limit, atomic, record } => {
                set_scratch(cx, counter as u64);
                dynasm!(cx.assembler.ops; .arch x64; mov rax, [r11]);
                compare(cx, RAX, limit);
                let back = cx.assembler.ops.new_dynamic_label();
                let what = Seldom::BelowLimit { below: BelowLimit { limit, atomic, record }, back };
                let at = out_of_line(cx, what);
                dynasm!(cx.assembler.ops; .arch x64; jb =>at; =>back);
            }
            Probe::Call { record } => call(cx, record),
        }
    }
}

/// Adds one to a counter.
fn count(cx: &mut Emission<'_, X64Isa>, counter: usize, atomic: bool) {
    set_scratch(cx, counter as u64);
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

/// Encodes what is done when a count is below its limit. The counter's address is in the scratch
/// register, the count in `rax`.
pub(crate) fn emit_below(cx: &mut Emission<'_, X64Isa>, below: BelowLimit, back: dynasmrt::DynamicLabel) {
    let BelowLimit { limit, atomic, record } = below;
    if atomic {
        let (again, done) = (cx.assembler.ops.new_dynamic_label(), cx.assembler.ops.new_dynamic_label());
        dynasm!(cx.assembler.ops
            ; .arch x64
            ; =>again
            ; lea rcx, [rax + 1]
            ; lock cmpxchg [r11], rcx
            ; je =>done
        );
        compare(cx, RAX, limit);
        dynasm!(cx.assembler.ops; .arch x64; jb =>again; jmp =>back; =>done);
        compare(cx, RCX, limit);
    } else {
        dynasm!(cx.assembler.ops; .arch x64; inc rax; mov [r11], rax);
        compare(cx, RAX, limit);
    }
    dynasm!(cx.assembler.ops; .arch x64; jb =>back);
    call(cx, record);
    dynasm!(cx.assembler.ops; .arch x64; jmp =>back);
}
