//! Selection of selects, branches and branch tables.

use wz_jit::ir::{Inst, SwitchId, Type};

use super::compare::{condition, next_round, push_producer};
use super::inst::IntInst;
use super::operand::{Cx, low_in_reg, push, size_of_type, temp};
use crate::address::Rm;
use crate::condition::{Condition, Test};
use crate::isa::X64Isa;
use crate::vector;

pub(super) fn select(isa: &X64Isa, cx: Cx<'_, '_>, inst: Inst) {
    let [value, a, b] = *cx.f.args(inst) else { return };
    if vector::select_compared(isa, cx, inst) {
        return;
    }
    let condition = condition(isa, cx, value);
    let ty = cx.ty(a);
    if !matches!(ty, Type::I32 | Type::I64) {
        return vector::select_by(isa, cx, inst, condition);
    }
    let size = size_of_type(ty);
    let to = cx.result(inst);
    match (cx.f.constant_int(a), cx.f.constant_int(b)) {
        (Some(1), Some(0)) => return set(cx, &condition, condition.test, to),
        (Some(0), Some(1)) => return set(cx, &condition, condition.test.inverted(), to),
        _ => {}
    }
    // Rather overwrite what is used nowhere else.
    let prefers_a = cx.use_count(a) == 1 && cx.use_count(b) > 1;
    let (test, a, b) = match condition.test {
        Test::Both(..) => (condition.test.inverted(), b, a),
        Test::One(_) if prefers_a => (condition.test.inverted(), b, a),
        test => (test, a, b),
    };
    let left = low_in_reg(cx, b, size);
    let right = Rm::Reg(low_in_reg(cx, a, size));
    push_producer(cx, &condition);
    push(cx, IntInst::Select { size, test, to, left, right }, None);
}

fn set(cx: Cx<'_, '_>, condition: &Condition, test: Test, to: wz_jit::mach::Reg) {
    push_producer(cx, condition);
    push(cx, IntInst::Set { test, to }, None);
}

pub(super) fn branch(isa: &X64Isa, cx: Cx<'_, '_>, inst: Inst) {
    let value = cx.f.args(inst)[0];
    let condition = match next_round(cx, inst, value) {
        Some(condition) => condition,
        None => condition(isa, cx, value),
    };
    push_producer(cx, &condition);
    push(cx, IntInst::Branch { test: condition.test }, None);
}

/// Tables with so few indices are comparisons.
const SMALL: u32 = 4;

pub(super) fn switch(cx: Cx<'_, '_>, inst: Inst, id: SwitchId) {
    let index = low_in_reg(cx, cx.f.args(inst)[0], super::Size::S32);
    if cx.f.switches[id.index()].targets.len <= SMALL {
        return push(cx, IntInst::SmallSwitch { id, index }, None);
    }
    let scratch = temp(cx);
    push(cx, IntInst::Switch { id, index, scratch }, None);
}
