//! Selection of `and`, `or` and `xor`, and of what counts bits.

use wz_jit::ir::{Inst, Value};
use wz_jit::mach::Reg;

use super::arithmetic::{commutative, mul_by};
use super::inst::{AluOp, CountOp, Extension, IntInst, LowBitOp, ShiftOp, Size, UnaryOp};
use super::operand::{Cx, Kind, constant, low_in_reg, only_use_of, operand, push, temp};
use crate::address::Rm;
use crate::features::Features;
use crate::isa::X64Isa;

pub(super) fn and(isa: &X64Isa, cx: Cx<'_, '_>, inst: Inst, size: Size, a: Value, b: Value) {
    let (a, b) = if cx.f.constant_int(a).is_some() { (b, a) } else { (a, b) };
    if let Some(bits) = cx.f.constant_int(b) {
        return mask(isa, cx, inst, size, a, bits);
    }
    if isa.features.has(Features::BMI1) {
        for (x, y) in [(a, b), (b, a)] {
            // !x & y
            if let Some((inner, ones)) = only_use_of(cx, x, Kind::Xor, size)
                && is_minus_one(cx, ones, size)
            {
                let to = cx.result(inst);
                let inverted = low_in_reg(cx, inner, size);
                let (other, load) = operand(isa, cx, y, size);
                return push(cx, IntInst::Andn { size, to, inverted, other }, load);
            }
            // (y - 1) & y
            if let Some((inner, minus_one)) = only_use_of(cx, x, Kind::Add, size)
                && inner == y
                && is_minus_one(cx, minus_one, size)
            {
                return low_bit(cx, inst, LowBitOp::Blsr, size, y);
            }
            // -y & y
            if let Some((zero, inner)) = only_use_of(cx, x, Kind::Sub, size)
                && inner == y
                && cx.f.constant_int(zero) == Some(0)
            {
                return low_bit(cx, inst, LowBitOp::Blsi, size, y);
            }
        }
    }
    commutative(isa, cx, inst, (AluOp::And, size), a, b);
}

fn is_minus_one(cx: Cx<'_, '_>, value: Value, size: Size) -> bool {
    cx.f.constant_int(value) == Some(if size.is_wide() { u64::MAX } else { u32::MAX.into() })
}

fn low_bit(cx: Cx<'_, '_>, inst: Inst, op: LowBitOp, size: Size, value: Value) {
    let to = cx.result(inst);
    let from = Rm::Reg(low_in_reg(cx, value, size));
    push(cx, IntInst::LowBit { op, size, to, from }, None);
}

/// `a & bits`
fn mask(isa: &X64Isa, cx: Cx<'_, '_>, inst: Inst, size: Size, a: Value, bits: u64) {
    let to = cx.result(inst);
    let extension = match bits {
        0xff => Some(Extension::U8),
        0xffff => Some(Extension::U16),
        0xffff_ffff => Some(Extension::U32),
        _ => None,
    };
    // 32 bits of a longer number are enough if no other is kept.
    let short = if bits <= u32::MAX.into() { Size::S32 } else { size };
    if let Some(op) = extension {
        let from = Rm::Reg(low_in_reg(cx, a, short));
        return push(cx, IntInst::Extend { op, to, from }, None);
    }
    let immediate = match short {
        Size::S32 => Some(bits as u32 as i32),
        Size::S64 => i32::try_from(bits.cast_signed()).ok(),
    };
    if let Some(right) = immediate {
        let left = low_in_reg(cx, a, short);
        return push(cx, IntInst::AluImm { op: AluOp::And, size: short, to, left, right }, None);
    }
    let (right, load) = operand(isa, cx, a, size);
    let left = constant(cx, bits);
    push(cx, IntInst::Alu { op: AluOp::And, size, to, left, right }, load);
}

pub(super) fn or(isa: &X64Isa, cx: Cx<'_, '_>, inst: Inst, size: Size, a: Value, b: Value) {
    commutative(isa, cx, inst, (AluOp::Or, size), a, b);
}

pub(super) fn xor(isa: &X64Isa, cx: Cx<'_, '_>, inst: Inst, size: Size, a: Value, b: Value) {
    let (a, b) = if cx.f.constant_int(a).is_some() { (b, a) } else { (a, b) };
    if is_minus_one(cx, b, size) {
        let to = cx.result(inst);
        let from = low_in_reg(cx, a, size);
        return push(cx, IntInst::Unary { op: UnaryOp::Not, size, to, from }, None);
    }
    if isa.features.has(Features::BMI1) {
        for (x, y) in [(a, b), (b, a)] {
            // (y - 1) ^ y
            if let Some((inner, minus_one)) = only_use_of(cx, x, Kind::Add, size)
                && inner == y
                && is_minus_one(cx, minus_one, size)
            {
                return low_bit(cx, inst, LowBitOp::Blsmsk, size, y);
            }
        }
    }
    commutative(isa, cx, inst, (AluOp::Xor, size), a, b);
}

/// `clz`, `ctz` or `popcnt`.
pub(super) fn count(isa: &X64Isa, cx: Cx<'_, '_>, inst: Inst, op: CountOp, size: Size, a: Value) {
    let to = cx.result(inst);
    let feature = match op {
        CountOp::Lzcnt => Features::LZCNT,
        CountOp::Tzcnt => Features::BMI1,
        CountOp::Popcnt => Features::POPCNT,
    };
    if isa.features.has(feature) {
        let (from, load) = operand(isa, cx, a, size);
        return push(cx, IntInst::Count { op, size, to, from }, load);
    }
    let from = low_in_reg(cx, a, size);
    match op {
        CountOp::Lzcnt => push(cx, IntInst::Scan { highest: true, size, to, from }, None),
        CountOp::Tzcnt => push(cx, IntInst::Scan { highest: false, size, to, from }, None),
        CountOp::Popcnt => count_ones(cx, to, size, from),
    }
}

/// Counts bits in pairs, then in groups of four, then in bytes, which a multiplication adds.
fn count_ones(cx: Cx<'_, '_>, to: Reg, size: Size, from: Reg) {
    let repeat = |byte: u8| u64::from_ne_bytes([byte; 8]) & (u64::MAX >> (64 - size.bits()));
    let half = shifted(cx, size, from, 1);
    let half = masked(cx, size, half, repeat(0x55));
    let pairs = temp(cx);
    push(cx, IntInst::Alu { op: AluOp::Sub, size, to: pairs, left: from, right: Rm::Reg(half) }, None);
    let upper = shifted(cx, size, pairs, 2);
    let upper = masked(cx, size, upper, repeat(0x33));
    let lower = masked(cx, size, pairs, repeat(0x33));
    let fours = added(cx, size, lower, upper);
    let upper = shifted(cx, size, fours, 4);
    let bytes = added(cx, size, fours, upper);
    let bytes = masked(cx, size, bytes, repeat(0x0f));
    let product = temp(cx);
    mul_by(cx, product, size, bytes, repeat(1));
    push(cx, IntInst::ShiftImm { op: ShiftOp::Shr, size, to, from: product, amount: size.bits() - 8 }, None);
}

fn shifted(cx: Cx<'_, '_>, size: Size, from: Reg, amount: u8) -> Reg {
    let to = temp(cx);
    push(cx, IntInst::ShiftImm { op: ShiftOp::Shr, size, to, from, amount }, None);
    to
}

fn added(cx: Cx<'_, '_>, size: Size, left: Reg, right: Reg) -> Reg {
    let to = temp(cx);
    push(cx, IntInst::Alu { op: AluOp::Add, size, to, left, right: Rm::Reg(right) }, None);
    to
}

fn masked(cx: Cx<'_, '_>, size: Size, left: Reg, bits: u64) -> Reg {
    let mask = constant(cx, bits);
    let to = temp(cx);
    push(cx, IntInst::Alu { op: AluOp::And, size, to, left, right: Rm::Reg(mask) }, None);
    to
}
