//! Selection for operators over single numbers.

use wz_decode::ops::UnaryOp;
use wz_jit::ir::Value;
use wz_jit::mach::Reg;

use super::constants::signs;
use super::inst::{Source, VectorInst};
use super::opcode::Opcode;
use super::selection::Selection;
use super::truncate::Truncation;

/// What the byte of a rounding instruction says: how to round, and that being inexact is no
/// exception.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum Rounding {
    Nearest = 8,
    Down = 9,
    Up = 10,
    In = 11,
}

/// `to = op(a)`, of the low lane.
pub(super) fn unary(s: &mut Selection<'_, '_>, opcode: Opcode, to: Reg, a: Value, imm: u8) {
    let from = s.source(a);
    s.scalar_to(to, opcode, from, imm);
}

/// `to = op(a, constant)`: signs of one or of all lanes.
pub(super) fn masked(s: &mut Selection<'_, '_>, opcode: Opcode, to: Reg, a: Value, mask: u128) {
    let a = s.reg(a);
    s.binary_to(to, opcode, a, Source::constant(mask));
}

/// A sum or a product: with the operand that is in memory as the second.
pub(super) fn commuted(s: &mut Selection<'_, '_>, opcode: Opcode, to: Reg, a: Value, b: Value) {
    let (a, b) = s.swapped(a, b);
    s.values_to(to, opcode, a, b);
}

/// `a` with the sign of `b`.
pub(super) fn copysign(s: &mut Selection<'_, '_>, double: bool, to: Reg, a: Value, b: Value) {
    let signs = signs(double);
    if let Some(bits) = s.cx.f.constant(b) {
        let (opcode, mask) = if bits & signs != 0 { (Opcode::Orps, signs) } else { (Opcode::Andps, !signs) };
        return masked(s, opcode, to, a, mask);
    }
    let (a, b) = (s.reg(a), s.reg(b));
    let magnitude = s.binary(Opcode::Andps, a, Source::constant(!signs));
    let sign = s.binary(Opcode::Andps, b, Source::constant(signs));
    s.binary_to(to, Opcode::Orps, magnitude, sign);
}

/// The lesser or the greater.
pub(super) fn extreme(s: &mut Selection<'_, '_>, double: bool, greater: bool, to: Reg, a: Value, b: Value) {
    let (a, b, vex) = (s.reg(a), s.reg(b), s.vex);
    s.push(VectorInst::Extreme { vex, double, greater, to, a, b });
}

/// An integer of a number.
pub(super) fn truncate(s: &mut Selection<'_, '_>, op: UnaryOp, to: Reg, a: Value) {
    use UnaryOp::*;
    let truncation = |double, wide, signed, saturating| Truncation { double, wide, signed, saturating };
    let truncation = match op {
        I32TruncF32S => truncation(false, false, true, false),
        I32TruncF32U => truncation(false, false, false, false),
        I32TruncF64S => truncation(true, false, true, false),
        I32TruncF64U => truncation(true, false, false, false),
        I64TruncF32S => truncation(false, true, true, false),
        I64TruncF32U => truncation(false, true, false, false),
        I64TruncF64S => truncation(true, true, true, false),
        I64TruncF64U => truncation(true, true, false, false),
        I32TruncSatF32S => truncation(false, false, true, true),
        I32TruncSatF32U => truncation(false, false, false, true),
        I32TruncSatF64S => truncation(true, false, true, true),
        I32TruncSatF64U => truncation(true, false, false, true),
        I64TruncSatF32S => truncation(false, true, true, true),
        I64TruncSatF32U => truncation(false, true, false, true),
        I64TruncSatF64S => truncation(true, true, true, true),
        I64TruncSatF64U => truncation(true, true, false, true),
        _ => unreachable!("{op} truncates nothing"),
    };
    let (from, vex) = (s.reg(a), s.vex);
    s.push(VectorInst::Truncate { vex, truncation, to, from });
}

/// The number of an unsigned integer.
pub(super) fn convert_unsigned(s: &mut Selection<'_, '_>, double: bool, wide: bool, to: Reg, a: Value) {
    let (from, vex) = (s.reg(a), s.vex);
    s.push(if wide {
        VectorInst::ConvertU64 { vex, double, to, from }
    } else {
        VectorInst::ConvertU32 { vex, double, to, from }
    });
}
