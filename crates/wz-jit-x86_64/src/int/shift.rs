//! Selection of shifts and rotations.

use wz_jit::ir::{Inst, Value};

use super::inst::{IntInst, ShiftOp, Size};
use super::operand::{Cx, Kind, low_in_reg, operand, push};
use crate::address::{Address, Base, Rm};
use crate::features::Features;
use crate::isa::X64Isa;

pub(super) fn shift(
    isa: &X64Isa,
    cx: Cx<'_, '_>,
    inst: Inst,
    (kind, size): (Kind, Size),
    a: Value,
    b: Value,
) {
    let op = match kind {
        Kind::Shl => ShiftOp::Shl,
        Kind::ShrS => ShiftOp::Sar,
        Kind::ShrU => ShiftOp::Shr,
        Kind::Rotl => ShiftOp::Rol,
        _ => ShiftOp::Ror,
    };
    match cx.f.constant_int(b) {
        Some(amount) => by_constant(isa, cx, inst, op, size, a, amount as u8 & (size.bits() - 1)),
        None => by_register(isa, cx, inst, op, size, a, b),
    }
}

fn by_constant(isa: &X64Isa, cx: Cx<'_, '_>, inst: Inst, op: ShiftOp, size: Size, a: Value, amount: u8) {
    let to = cx.result(inst);
    let lives_on = cx.use_count(a) > 1;
    if let (ShiftOp::Rol | ShiftOp::Ror, true) = (op, isa.features.has(Features::BMI2)) {
        let (from, load) = operand(isa, cx, a, size);
        if lives_on || load.is_some() {
            let amount = if op == ShiftOp::Ror { amount } else { (size.bits() - amount) & (size.bits() - 1) };
            return push(cx, IntInst::Rorx { size, to, from, amount }, load);
        }
    }
    let from = low_in_reg(cx, a, size);
    if let (ShiftOp::Shl, 1, true) = (op, amount, lives_on) {
        let address = Address { base: Base::Reg(from), index: Some(from), scale_log2: 0, offset: 0 };
        return push(cx, IntInst::Lea { size, to, address }, None);
    }
    push(cx, IntInst::ShiftImm { op, size, to, from, amount }, None);
}

fn by_register(isa: &X64Isa, cx: Cx<'_, '_>, inst: Inst, op: ShiftOp, size: Size, a: Value, b: Value) {
    let to = cx.result(inst);
    // The amount is taken modulo the width.
    let amount = low_in_reg(cx, b, size);
    let has_form = isa.features.has(Features::BMI2) && !matches!(op, ShiftOp::Rol | ShiftOp::Ror);
    if has_form {
        let (from, load) = match cx.f.constant_int(a) {
            Some(_) => (Rm::Reg(low_in_reg(cx, a, size)), None),
            None => operand(isa, cx, a, size),
        };
        return push(cx, IntInst::Shiftx { op, size, to, from, amount }, load);
    }
    let from = low_in_reg(cx, a, size);
    push(cx, IntInst::ShiftCl { op, size, to, from, amount }, None);
}
