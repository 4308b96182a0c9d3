//! Selection for shifts of lanes. The processor's give zero for what is too far; the operators take
//! the number of bits modulo the width of a lane. There are none for bytes, and none to the right with
//! the sign for 64 bits.

use wz_decode::ops::BinaryOp;
use wz_jit::ir::Value;
use wz_jit::mach::Reg;

use super::constants::{splat8, splat64};
use super::inst::{Source, VectorInst};
use super::opcode::Opcode;
use super::selection::Selection;

/// A shift: the instruction by a variable number of bits, that by a constant, and the width of a
/// lane.
struct Shift(Opcode, Opcode, u8);

/// Selects a shift.
pub(super) fn select(s: &mut Selection<'_, '_>, op: BinaryOp, to: Reg, a: Value, count: Value) {
    use BinaryOp::*;
    use Opcode as O;
    let plain = match op {
        I16x8Shl => Shift(O::Psllw, O::PsllwBy, 16),
        I16x8ShrS => Shift(O::Psraw, O::PsrawBy, 16),
        I16x8ShrU => Shift(O::Psrlw, O::PsrlwBy, 16),
        I32x4Shl => Shift(O::Pslld, O::PslldBy, 32),
        I32x4ShrS => Shift(O::Psrad, O::PsradBy, 32),
        I32x4ShrU => Shift(O::Psrld, O::PsrldBy, 32),
        I64x2Shl => Shift(O::Psllq, O::PsllqBy, 64),
        I64x2ShrU => Shift(O::Psrlq, O::PsrlqBy, 64),
        I64x2ShrS => return signed_i64x2(s, to, a, count),
        I8x16Shl => return bytes(s, true, to, a, count),
        I8x16ShrU => return bytes(s, false, to, a, count),
        I8x16ShrS => return signed_bytes(s, to, a, count),
        _ => unreachable!("{op} does not shift lanes"),
    };
    let Shift(variable, constant, width) = plain;
    match constant_count(s, count, width) {
        Some(count) => {
            let a = s.reg(a);
            s.shift_to(to, constant, a, count);
        }
        None => {
            let count = variable_count(s, count, width, 0);
            let a = s.reg(a);
            s.binary_to(to, variable, a, count);
        }
    }
}

fn constant_count(s: &Selection<'_, '_>, count: Value, width: u8) -> Option<u8> {
    let count = s.cx.f.constant_int(count)?;
    Some((count % u64::from(width)) as u8)
}

/// A number of bits, modulo the width, plus something.
fn variable_count(s: &mut Selection<'_, '_>, count: Value, width: u8, extra: u8) -> Reg {
    let (from, to, vex) = (s.reg(count), s.temp(), s.vex);
    s.push(VectorInst::ShiftCount { vex, to, from, mask: width - 1, extra });
    to
}

/// The sign comes in as what is one too much where the highest bit was one.
fn signed_i64x2(s: &mut Selection<'_, '_>, to: Reg, a: Value, count: Value) {
    const SIGNS: u128 = splat64(1 << 63);
    if let Some(count) = constant_count(s, count, 64) {
        let a = s.reg(a);
        let shifted = s.shift(Opcode::PsrlqBy, a, count);
        let signs = Source::constant(splat64(1 << (63 - count)));
        let inverted = s.binary(Opcode::Pxor, shifted, signs);
        return s.binary_to(to, Opcode::Psubq, inverted, signs);
    }
    let count = variable_count(s, count, 64, 0);
    let a = s.reg(a);
    let shifted = s.binary(Opcode::Psrlq, a, count);
    let signs = s.constant(SIGNS);
    let signs = s.binary(Opcode::Psrlq, signs, count);
    let inverted = s.binary(Opcode::Pxor, shifted, signs);
    s.binary_to(to, Opcode::Psubq, inverted, signs);
}

/// Pairs of bytes are shifted, and what came from the neighbour goes.
fn bytes(s: &mut Selection<'_, '_>, left: bool, to: Reg, a: Value, count: Value) {
    if let Some(count) = constant_count(s, count, 8) {
        let a = s.reg(a);
        let (opcode, mask) =
            if left { (Opcode::PsllwBy, 0xff << count) } else { (Opcode::PsrlwBy, 0xff >> count) };
        let shifted = s.shift(opcode, a, count);
        return s.binary_to(to, Opcode::Pand, shifted, Source::constant(splat8(mask)));
    }
    let count = variable_count(s, count, 8, 0);
    let a = s.reg(a);
    // Of ones, the byte that nothing came into from a neighbour is the mask.
    let (opcode, byte) = if left { (Opcode::Psllw, 0) } else { (Opcode::Psrlw, 1) };
    let shifted = s.binary(opcode, a, count);
    let mask = s.ones();
    let mask = s.binary(opcode, mask, count);
    let mask = s.binary(Opcode::Pshufb, mask, Source::constant(splat8(byte)));
    s.binary_to(to, Opcode::Pand, shifted, mask);
}

fn signed_bytes(s: &mut Selection<'_, '_>, to: Reg, a: Value, count: Value) {
    if let Some(count) = constant_count(s, count, 8) {
        let a = s.reg(a);
        let shifted = s.shift(Opcode::PsrlwBy, a, count);
        let shifted = s.binary(Opcode::Pand, shifted, Source::constant(splat8(0xff >> count)));
        let signs = Source::constant(splat8(0x80 >> count));
        let inverted = s.binary(Opcode::Pxor, shifted, signs);
        return s.binary_to(to, Opcode::Psubb, inverted, signs);
    }
    // As upper halves of 16 bits.
    let count = variable_count(s, count, 8, 8);
    let a = s.reg(a);
    let low = s.binary(Opcode::Punpcklbw, a, a);
    let low = s.binary(Opcode::Psraw, low, count);
    let high = s.binary(Opcode::Punpckhbw, a, a);
    let high = s.binary(Opcode::Psraw, high, count);
    s.binary_to(to, Opcode::Packsswb, low, high);
}
