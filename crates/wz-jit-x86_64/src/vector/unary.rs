//! Selection for operators with one operand.

use wz_decode::ops::UnaryOp;
use wz_jit::ir::Value;
use wz_jit::mach::Reg;

use crate::inst::Inst;
use crate::int::IntInst;

use super::constants::{signs, splat8, splat16, splat32};
use super::inst::Source;
use super::opcode::Opcode;
use super::scalar::{self, Rounding};
use super::selection::Selection;
use super::{condition, convert, shuffle};

/// Selects an operator. `to` is a vector register, or a general-purpose register if the result is
/// an integer.
pub(super) fn select(s: &mut Selection<'_, '_>, op: UnaryOp, to: Reg, a: Value) {
    use Opcode as O;
    use UnaryOp::*;
    match op {
        F32Abs | F32x4Abs => scalar::masked(s, O::Andps, to, a, !signs(false)),
        F64Abs | F64x2Abs => scalar::masked(s, O::Andps, to, a, !signs(true)),
        F32Neg | F32x4Neg => scalar::masked(s, O::Xorps, to, a, signs(false)),
        F64Neg | F64x2Neg => scalar::masked(s, O::Xorps, to, a, signs(true)),
        F32Ceil => scalar::unary(s, O::Roundss, to, a, Rounding::Up as u8),
        F32Floor => scalar::unary(s, O::Roundss, to, a, Rounding::Down as u8),
        F32Trunc => scalar::unary(s, O::Roundss, to, a, Rounding::In as u8),
        F32Nearest => scalar::unary(s, O::Roundss, to, a, Rounding::Nearest as u8),
        F32Sqrt => scalar::unary(s, O::Sqrtss, to, a, 0),
        F64Ceil => scalar::unary(s, O::Roundsd, to, a, Rounding::Up as u8),
        F64Floor => scalar::unary(s, O::Roundsd, to, a, Rounding::Down as u8),
        F64Trunc => scalar::unary(s, O::Roundsd, to, a, Rounding::In as u8),
        F64Nearest => scalar::unary(s, O::Roundsd, to, a, Rounding::Nearest as u8),
        F64Sqrt => scalar::unary(s, O::Sqrtsd, to, a, 0),

        I32TruncF32S | I32TruncF32U | I32TruncF64S | I32TruncF64U | I64TruncF32S | I64TruncF32U
        | I64TruncF64S | I64TruncF64U | I32TruncSatF32S | I32TruncSatF32U | I32TruncSatF64S
        | I32TruncSatF64U | I64TruncSatF32S | I64TruncSatF32U | I64TruncSatF64S | I64TruncSatF64U => {
            scalar::truncate(s, op, to, a);
        }
        F32ConvertI32S => scalar::unary(s, O::Cvtsi2ss, to, a, 0),
        F32ConvertI64S => scalar::unary(s, O::Cvtsi2ssWide, to, a, 0),
        F64ConvertI32S => scalar::unary(s, O::Cvtsi2sd, to, a, 0),
        F64ConvertI64S => scalar::unary(s, O::Cvtsi2sdWide, to, a, 0),
        F32ConvertI32U => scalar::convert_unsigned(s, false, false, to, a),
        F32ConvertI64U => scalar::convert_unsigned(s, false, true, to, a),
        F64ConvertI32U => scalar::convert_unsigned(s, true, false, to, a),
        F64ConvertI64U => scalar::convert_unsigned(s, true, true, to, a),
        F32DemoteF64 => scalar::unary(s, O::Cvtsd2ss, to, a, 0),
        F64PromoteF32 => scalar::unary(s, O::Cvtss2sd, to, a, 0),
        I32ReinterpretF32 => simple_reg(s, O::MovdToInt, to, a),
        I64ReinterpretF64 => simple_reg(s, O::MovqToInt, to, a),
        F32ReinterpretI32 => simple_reg(s, O::MovdFromInt, to, a),
        F64ReinterpretI64 => simple_reg(s, O::MovqFromInt, to, a),

        I8x16Splat | I16x8Splat | I32x4Splat | I64x2Splat | F32x4Splat | F64x2Splat => {
            shuffle::splat(s, op, to, a);
        }

        V128Not => {
            let a = s.reg(a);
            s.not_to(to, a);
        }
        V128AnyTrue | I8x16AllTrue | I16x8AllTrue | I32x4AllTrue | I64x2AllTrue => {
            let condition = condition::test(s.isa, s.cx, op, a, true);
            match condition.of {
                Some(load) => s.cx.push_of(condition.producer, load),
                None => s.cx.push(condition.producer),
            }
            s.cx.push(Inst::Int(IntInst::Set { test: condition.test, to }));
        }
        I8x16Bitmask => simple_reg(s, O::Pmovmskb, to, a),
        I16x8Bitmask => {
            let (a, zero) = (s.reg(a), s.zero());
            let bytes = s.binary(O::Packsswb, a, zero);
            s.unary_to(to, O::Pmovmskb, bytes, 0);
        }
        I32x4Bitmask => simple_reg(s, O::Movmskps, to, a),
        I64x2Bitmask => simple_reg(s, O::Movmskpd, to, a),

        I8x16Abs => simple(s, O::Pabsb, to, a),
        I16x8Abs => simple(s, O::Pabsw, to, a),
        I32x4Abs => simple(s, O::Pabsd, to, a),
        I64x2Abs => abs_i64x2(s, to, a),
        I8x16Neg => negate(s, O::Psubb, to, a),
        I16x8Neg => negate(s, O::Psubw, to, a),
        I32x4Neg => negate(s, O::Psubd, to, a),
        I64x2Neg => negate(s, O::Psubq, to, a),
        I8x16Popcnt => popcnt(s, to, a),

        I16x8ExtAddPairwiseI8x16S => {
            // The first operand's lanes are unsigned.
            let ones = s.constant(splat8(1));
            let a = s.source(a);
            s.binary_to(to, O::Pmaddubsw, ones, a);
        }
        I16x8ExtAddPairwiseI8x16U => scalar::masked(s, O::Pmaddubsw, to, a, splat8(1)),
        I32x4ExtAddPairwiseI16x8S => scalar::masked(s, O::Pmaddwd, to, a, splat16(1)),
        I32x4ExtAddPairwiseI16x8U => {
            let a = s.reg(a);
            let odd = s.shift(O::PsrldBy, a, 16);
            let even = s.binary(O::Pand, a, Source::constant(splat32(0xffff)));
            s.binary_to(to, O::Paddd, odd, even);
        }
        I16x8ExtendLowI8x16S => simple_reg(s, O::Pmovsxbw, to, a),
        I16x8ExtendLowI8x16U => simple_reg(s, O::Pmovzxbw, to, a),
        I32x4ExtendLowI16x8S => simple_reg(s, O::Pmovsxwd, to, a),
        I32x4ExtendLowI16x8U => simple_reg(s, O::Pmovzxwd, to, a),
        I64x2ExtendLowI32x4S => simple_reg(s, O::Pmovsxdq, to, a),
        I64x2ExtendLowI32x4U => simple_reg(s, O::Pmovzxdq, to, a),
        I16x8ExtendHighI8x16S => extend_high_signed(s, O::Pmovsxbw, to, a),
        I32x4ExtendHighI16x8S => extend_high_signed(s, O::Pmovsxwd, to, a),
        I64x2ExtendHighI32x4S => extend_high_signed(s, O::Pmovsxdq, to, a),
        I16x8ExtendHighI8x16U => extend_high_unsigned(s, O::Punpckhbw, to, a),
        I32x4ExtendHighI16x8U => extend_high_unsigned(s, O::Punpckhwd, to, a),
        I64x2ExtendHighI32x4U => extend_high_unsigned(s, O::Punpckhdq, to, a),

        F32x4Ceil => rounded(s, O::Roundps, to, a, Rounding::Up),
        F32x4Floor => rounded(s, O::Roundps, to, a, Rounding::Down),
        F32x4Trunc => rounded(s, O::Roundps, to, a, Rounding::In),
        F32x4Nearest => rounded(s, O::Roundps, to, a, Rounding::Nearest),
        F32x4Sqrt => simple(s, O::Sqrtps, to, a),
        F64x2Ceil => rounded(s, O::Roundpd, to, a, Rounding::Up),
        F64x2Floor => rounded(s, O::Roundpd, to, a, Rounding::Down),
        F64x2Trunc => rounded(s, O::Roundpd, to, a, Rounding::In),
        F64x2Nearest => rounded(s, O::Roundpd, to, a, Rounding::Nearest),
        F64x2Sqrt => simple(s, O::Sqrtpd, to, a),

        F32x4ConvertI32x4S => simple(s, O::Cvtdq2ps, to, a),
        F32x4ConvertI32x4U => convert::f32x4_of_u32x4(s, to, a),
        F64x2ConvertLowI32x4S => simple_reg(s, O::Cvtdq2pd, to, a),
        F64x2ConvertLowI32x4U => convert::f64x2_of_u32x4(s, to, a),
        F32x4DemoteF64x2Zero => simple(s, O::Cvtpd2ps, to, a),
        F64x2PromoteLowF32x4 => simple_reg(s, O::Cvtps2pd, to, a),
        I32x4TruncSatF32x4S | I32x4RelaxedTruncF32x4S => convert::i32x4_of_f32x4(s, to, a),
        I32x4TruncSatF32x4U | I32x4RelaxedTruncF32x4U => convert::u32x4_of_f32x4(s, to, a),
        I32x4TruncSatF64x2SZero | I32x4RelaxedTruncF64x2SZero => convert::i32x4_of_f64x2(s, to, a),
        I32x4TruncSatF64x2UZero | I32x4RelaxedTruncF64x2UZero => convert::u32x4_of_f64x2(s, to, a),

        I32Eqz | I64Eqz | I32Clz | I32Ctz | I32Popcnt | I64Clz | I64Ctz | I64Popcnt | I32WrapI64
        | I64ExtendI32S | I64ExtendI32U | I32Extend8S | I32Extend16S | I64Extend8S | I64Extend16S
        | I64Extend32S => unreachable!("{op} is over integers"),
    }
}

/// `to = op(a)`, of a whole vector that may be in memory.
fn simple(s: &mut Selection<'_, '_>, opcode: Opcode, to: Reg, a: Value) {
    let a = s.source(a);
    s.unary_to(to, opcode, a, 0);
}

/// `to = op(a)`, where a memory operand would have another length.
fn simple_reg(s: &mut Selection<'_, '_>, opcode: Opcode, to: Reg, a: Value) {
    let a = s.reg(a);
    s.unary_to(to, opcode, a, 0);
}

fn rounded(s: &mut Selection<'_, '_>, opcode: Opcode, to: Reg, a: Value, rounding: Rounding) {
    let a = s.source(a);
    s.unary_to(to, opcode, a, rounding as u8);
}

/// `to = 0 - a`
fn negate(s: &mut Selection<'_, '_>, opcode: Opcode, to: Reg, a: Value) {
    let a = s.source(a);
    let zero = s.zero();
    s.binary_to(to, opcode, zero, a);
}

/// Inverts and adds one where the sign is set.
fn abs_i64x2(s: &mut Selection<'_, '_>, to: Reg, a: Value) {
    let a = s.reg(a);
    if s.vex {
        let zero = s.zero();
        let negated = s.binary(Opcode::Psubq, zero, a);
        return s.blend_to(to, Opcode::Blendvpd, a, negated, a);
    }
    let signs = s.unary(Opcode::Pshufd, a, 0xf5);
    let signs = s.shift(Opcode::PsradBy, signs, 31);
    let inverted = s.binary(Opcode::Pxor, a, signs);
    s.binary_to(to, Opcode::Psubq, inverted, signs);
}

/// Looks up halves of bytes.
fn popcnt(s: &mut Selection<'_, '_>, to: Reg, a: Value) {
    const COUNTS: u128 = u128::from_le_bytes([0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4]);
    let nibbles = Source::constant(splat8(0xf));
    let a = s.reg(a);
    let low = s.binary(Opcode::Pand, a, nibbles);
    let high = s.shift(Opcode::PsrlwBy, a, 4);
    let high = s.binary(Opcode::Pand, high, nibbles);
    let counts = s.constant(COUNTS);
    let low = s.binary(Opcode::Pshufb, counts, low);
    let high = s.binary(Opcode::Pshufb, counts, high);
    s.binary_to(to, Opcode::Paddb, low, high);
}

fn extend_high_signed(s: &mut Selection<'_, '_>, opcode: Opcode, to: Reg, a: Value) {
    let a = s.source(a);
    let high = s.unary(Opcode::Pshufd, a, 0xee);
    s.unary_to(to, opcode, high, 0);
}

fn extend_high_unsigned(s: &mut Selection<'_, '_>, opcode: Opcode, to: Reg, a: Value) {
    let (a, zero) = (s.reg(a), s.zero());
    s.binary_to(to, opcode, a, zero);
}
