//! Selection of addition, subtraction and multiplication.

use wz_jit::ir::{Inst, Value};
use wz_jit::mach::Reg;

use super::inst::{AluOp, IntInst, Size, UnaryOp};
use super::operand::{Cx, Kind, constant, immediate, load, low_in_reg, only_use_of, operand, push};
use crate::address::{Address, Base, Rm};
use crate::isa::X64Isa;

pub(super) fn add(isa: &X64Isa, cx: Cx<'_, '_>, inst: Inst, size: Size, a: Value, b: Value) {
    let (a, b) = if cx.f.constant_int(a).is_some() { (b, a) } else { (a, b) };
    let to = cx.result(inst);
    if let Some(address) = sum(cx, size, a, b) {
        push(cx, IntInst::Lea { size, to, address }, None);
    } else if let Some(right) = immediate(cx, b, size) {
        let left = low_in_reg(cx, a, size);
        // What lives on needs no copy.
        if cx.use_count(a) > 1 {
            push(cx, IntInst::Lea { size, to, address: Address::reg(left, right) }, None);
        } else {
            push(cx, IntInst::AluImm { op: AluOp::Add, size, to, left, right }, None);
        }
    } else if cx.use_count(a) > 1 && cx.use_count(b) > 1 && cx.f.constant_int(b).is_none() {
        let (base, index) = (low_in_reg(cx, a, size), low_in_reg(cx, b, size));
        push(cx, IntInst::Lea { size, to, address: indexed(base, index, 0, 0) }, None);
    } else {
        commutative(isa, cx, inst, (AluOp::Add, size), a, b);
    }
}

const fn indexed(base: Reg, index: Reg, scale_log2: u8, offset: i32) -> Address {
    Address { base: Base::Reg(base), index: Some(index), scale_log2, offset }
}

/// A sum that an address can compute in one instruction, and addition cannot.
fn sum(cx: Cx<'_, '_>, size: Size, a: Value, b: Value) -> Option<Address> {
    if let Some(offset) = immediate(cx, b, size) {
        // (x + y) + offset, where neither is a constant.
        let (x, y) = only_use_of(cx, a, Kind::Add, size)?;
        if cx.f.constant_int(y).is_some() || cx.f.constant_int(x).is_some() {
            return None;
        }
        return Some(match (scaled(cx, size, x), scaled(cx, size, y)) {
            (_, Some((index, scale))) => {
                indexed(low_in_reg(cx, x, size), low_in_reg(cx, index, size), scale, offset)
            }
            (Some((index, scale)), None) => {
                indexed(low_in_reg(cx, y, size), low_in_reg(cx, index, size), scale, offset)
            }
            (None, None) => indexed(low_in_reg(cx, x, size), low_in_reg(cx, y, size), 0, offset),
        });
    }
    if cx.f.constant_int(b).is_some() {
        return None;
    }
    let (base, index, scale) = match (scaled(cx, size, b), scaled(cx, size, a)) {
        (Some((index, scale)), _) => (a, index, scale),
        (None, Some((index, scale))) => (b, index, scale),
        (None, None) => {
            // (x + offset) + y
            let (base, offset, index) = match (displaced(cx, size, a), displaced(cx, size, b)) {
                (Some((base, offset)), _) => (base, offset, b),
                (None, Some((base, offset))) => (base, offset, a),
                (None, None) => return None,
            };
            return Some(indexed(low_in_reg(cx, base, size), low_in_reg(cx, index, size), 0, offset));
        }
    };
    let (base, offset) = displaced(cx, size, base).unwrap_or((base, 0));
    Some(indexed(low_in_reg(cx, base, size), low_in_reg(cx, index, size), scale, offset))
}

/// A value that is another one shifted so far as addresses scale, and used nowhere else.
fn scaled(cx: Cx<'_, '_>, size: Size, value: Value) -> Option<(Value, u8)> {
    let (inner, amount) = only_use_of(cx, value, Kind::Shl, size)?;
    let amount = cx.f.constant_int(amount)?;
    (1..=3).contains(&amount).then_some((inner, amount as u8))
}

/// A value that is another one and a constant, and used nowhere else.
fn displaced(cx: Cx<'_, '_>, size: Size, value: Value) -> Option<(Value, i32)> {
    let (inner, offset) = only_use_of(cx, value, Kind::Add, size)?;
    Some((inner, immediate(cx, offset, size)?))
}

/// An operator whose operands may be swapped, with a load as one of them if there is one, or a
/// constant on the right.
pub(super) fn commutative(
    isa: &X64Isa,
    cx: Cx<'_, '_>,
    inst: Inst,
    (op, size): (AluOp, Size),
    a: Value,
    b: Value,
) {
    let (a, b) = if cx.f.constant_int(a).is_some() { (b, a) } else { (a, b) };
    let to = cx.result(inst);
    if let Some(right) = immediate(cx, b, size) {
        let left = low_in_reg(cx, a, size);
        return push(cx, IntInst::AluImm { op, size, to, left, right }, None);
    }
    let (left, right, load) = operands(isa, cx, size, a, b);
    push(cx, IntInst::Alu { op, size, to, left, right }, load);
}

/// Operands that may be swapped: one that is overwritten, and one that may be a load.
fn operands(isa: &X64Isa, cx: Cx<'_, '_>, size: Size, a: Value, b: Value) -> (Reg, Rm, Option<Inst>) {
    if let Some((memory, load)) = load(isa, cx, b, size) {
        return (low_in_reg(cx, a, size), memory, Some(load));
    }
    if let Some((memory, load)) = load(isa, cx, a, size) {
        return (low_in_reg(cx, b, size), memory, Some(load));
    }
    // Rather overwrite what is used nowhere else.
    let swap = cx.use_count(a) > 1 && cx.use_count(b) == 1 || cx.f.constant_int(b).is_some();
    let (left, right) = if swap { (b, a) } else { (a, b) };
    (low_in_reg(cx, left, size), Rm::Reg(low_in_reg(cx, right, size)), None)
}

pub(super) fn sub(isa: &X64Isa, cx: Cx<'_, '_>, inst: Inst, size: Size, a: Value, b: Value) {
    let to = cx.result(inst);
    if cx.f.constant_int(a) == Some(0) {
        let from = low_in_reg(cx, b, size);
        return push(cx, IntInst::Unary { op: UnaryOp::Neg, size, to, from }, None);
    }
    let left = low_in_reg(cx, a, size);
    if let Some(right) = immediate(cx, b, size) {
        return push(cx, IntInst::AluImm { op: AluOp::Sub, size, to, left, right }, None);
    }
    let (right, load) = operand(isa, cx, b, size);
    push(cx, IntInst::Alu { op: AluOp::Sub, size, to, left, right }, load);
}

pub(super) fn mul(isa: &X64Isa, cx: Cx<'_, '_>, inst: Inst, size: Size, a: Value, b: Value) {
    let (a, b) = if cx.f.constant_int(a).is_some() { (b, a) } else { (a, b) };
    let to = cx.result(inst);
    let Some(factor) = immediate(cx, b, size) else {
        let (left, right, load) = operands(isa, cx, size, a, b);
        return push(cx, IntInst::Mul { size, to, left, right }, load);
    };
    if let 3 | 5 | 9 = factor {
        let from = low_in_reg(cx, a, size);
        let address = indexed(from, from, (factor - 1).trailing_zeros() as u8, 0);
        return push(cx, IntInst::Lea { size, to, address }, None);
    }
    let (from, load) = operand(isa, cx, a, size);
    push(cx, IntInst::MulImm { size, to, from, factor }, load);
}

/// `a * factor`, for a factor of any size.
pub(super) fn mul_by(cx: Cx<'_, '_>, to: Reg, size: Size, a: Reg, factor: u64) {
    let short = match size {
        Size::S32 => Some(factor as u32 as i32),
        Size::S64 => i32::try_from(factor.cast_signed()).ok(),
    };
    if let Some(factor) = short {
        return push(cx, IntInst::MulImm { size, to, from: Rm::Reg(a), factor }, None);
    }
    let left = constant(cx, factor);
    push(cx, IntInst::Mul { size, to, left, right: Rm::Reg(a) }, None);
}
