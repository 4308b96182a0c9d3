//! Selection for what moves lanes: splats, single lanes, swizzles. For `i8x16.shuffle`, see
//! [`pattern`].

use wz_decode::ops::{ExtractLaneOp, ReplaceLaneOp, UnaryOp};
use wz_jit::ir::Value;
use wz_jit::mach::Reg;

use crate::features::Features;

use super::constants::splat8;
use super::inst::{Source, VectorInst};
use super::opcode::Opcode;
use super::pattern::{self, Pattern};
use super::selection::Selection;

/// A scalar in every lane.
pub(super) fn splat(s: &mut Selection<'_, '_>, op: UnaryOp, to: Reg, a: Value) {
    let avx2 = s.has(Features::AVX2);
    let a = s.reg(a);
    match op {
        UnaryOp::I8x16Splat => {
            let byte = s.unary(Opcode::MovdFromInt, a, 0);
            if avx2 {
                s.unary_to(to, Opcode::Vpbroadcastb, byte, 0);
            } else {
                let zero = s.zero();
                s.binary_to(to, Opcode::Pshufb, byte, zero);
            }
        }
        UnaryOp::I16x8Splat => {
            let lane = s.unary(Opcode::MovdFromInt, a, 0);
            if avx2 {
                s.unary_to(to, Opcode::Vpbroadcastw, lane, 0);
            } else {
                let lanes = s.unary(Opcode::Pshuflw, lane, 0);
                s.unary_to(to, Opcode::Pshufd, lanes, 0);
            }
        }
        UnaryOp::I32x4Splat => {
            let lane = s.unary(Opcode::MovdFromInt, a, 0);
            s.unary_to(to, Opcode::Pshufd, lane, 0);
        }
        UnaryOp::I64x2Splat => {
            let lane = s.unary(Opcode::MovqFromInt, a, 0);
            s.binary_to(to, Opcode::Punpcklqdq, lane, lane);
        }
        UnaryOp::F32x4Splat if avx2 => s.unary_to(to, Opcode::Vbroadcastss, a, 0),
        UnaryOp::F32x4Splat => s.binary_imm_to(to, Opcode::Shufps, a, a, 0),
        UnaryOp::F64x2Splat => s.unary_to(to, Opcode::Movddup, a, 0),
        _ => unreachable!("{op} is no splat"),
    }
}

/// One lane.
pub(super) fn extract_lane(s: &mut Selection<'_, '_>, op: ExtractLaneOp, lane: u8, to: Reg, a: Value) {
    use ExtractLaneOp::*;
    let from = s.reg(a);
    match op {
        I8x16ExtractLaneU => s.unary_to(to, Opcode::Pextrb, from, lane),
        I16x8ExtractLaneU => s.unary_to(to, Opcode::Pextrw, from, lane),
        I8x16ExtractLaneS => {
            let form = s.form(Opcode::Pextrb, lane);
            s.push(VectorInst::ExtractSigned { form, to, from });
        }
        I16x8ExtractLaneS => {
            let form = s.form(Opcode::Pextrw, lane);
            s.push(VectorInst::ExtractSigned { form, to, from });
        }
        I32x4ExtractLane if lane == 0 => s.unary_to(to, Opcode::MovdToInt, from, 0),
        I32x4ExtractLane => s.unary_to(to, Opcode::Pextrd, from, lane),
        I64x2ExtractLane if lane == 0 => s.unary_to(to, Opcode::MovqToInt, from, 0),
        I64x2ExtractLane => s.unary_to(to, Opcode::Pextrq, from, lane),
        F32x4ExtractLane | F64x2ExtractLane if lane == 0 => s.move_to(to, from),
        F32x4ExtractLane if s.vex => s.unary_to(to, Opcode::Vpermilps, from, lane),
        F32x4ExtractLane => s.unary_to(to, Opcode::Pshufd, from, lane),
        F64x2ExtractLane if s.vex => s.unary_to(to, Opcode::Vpermilps, from, 0xee),
        F64x2ExtractLane => s.unary_to(to, Opcode::Pshufd, from, 0xee),
    }
}

/// The vector with another lane.
pub(super) fn replace_lane(
    s: &mut Selection<'_, '_>,
    op: ReplaceLaneOp,
    lane: u8,
    to: Reg,
    a: Value,
    b: Value,
) {
    use ReplaceLaneOp::*;
    let opcode = match op {
        I8x16ReplaceLane => Opcode::Pinsrb,
        I16x8ReplaceLane => Opcode::Pinsrw,
        I32x4ReplaceLane => Opcode::Pinsrd,
        I64x2ReplaceLane => Opcode::Pinsrq,
        F32x4ReplaceLane => {
            let (a, b) = (s.reg(a), s.source(b));
            return s.binary_imm_to(to, Opcode::Insertps, a, b, lane << 4);
        }
        F64x2ReplaceLane => {
            let (a, b) = (s.reg(a), s.reg(b));
            let opcode = if lane == 0 { Opcode::Movsd } else { Opcode::Unpcklpd };
            return s.binary_to(to, opcode, a, b);
        }
    };
    let b = match op {
        // Loads of fewer bits extend: they cannot be folded.
        I8x16ReplaceLane | I16x8ReplaceLane => s.reg(b).into(),
        _ => s.source(b),
    };
    let a = s.reg(a);
    s.binary_imm_to(to, opcode, a, b, lane);
}

/// The bytes of `a` that those of `b` select. The processor gives zero for those above 127.
pub(super) fn swizzle(s: &mut Selection<'_, '_>, to: Reg, a: Value, b: Value) {
    let a = s.reg(a);
    if let Some(bits) = s.cx.f.constant(b) {
        let indices = bits.to_le_bytes().map(|index| if index < 16 { index } else { 0x80 });
        return s.binary_to(to, Opcode::Pshufb, a, Source::constant(u128::from_le_bytes(indices)));
    }
    let b = s.reg(b);
    // Saturated, so that it stays above.
    let indices = s.binary(Opcode::Paddusb, b, Source::constant(splat8(0x70)));
    s.binary_to(to, Opcode::Pshufb, a, indices);
}

/// `i8x16.shuffle`: bytes of two vectors.
pub(super) fn shuffle(s: &mut Selection<'_, '_>, lanes: [u8; 16], to: Reg, a: Value, b: Value) {
    let f = s.cx.f;
    let is_zero = |value: Value| f.constant(value) == Some(0);
    let (lanes, a, b) = pattern::normalized(lanes, a, b, is_zero);
    match pattern::find(lanes, is_zero(b)) {
        Pattern::Identity => {
            let a = s.reg(a);
            s.move_to(to, a);
        }
        Pattern::Unary(opcode, imm) => {
            let a = s.source(a);
            s.unary_to(to, opcode, a, imm);
        }
        Pattern::Shift(opcode, count) => {
            let a = s.reg(a);
            s.shift_to(to, opcode, a, count);
        }
        Pattern::Twice(opcode, imm) => {
            let a = s.reg(a);
            s.binary_imm_to(to, opcode, a, a, imm);
        }
        Pattern::Bytes(indices) => {
            let a = s.reg(a);
            s.binary_to(to, Opcode::Pshufb, a, Source::constant(u128::from_le_bytes(indices)));
        }
        Pattern::Binary(opcode, imm) => {
            let b = s.source(b);
            let a = s.reg(a);
            s.binary_imm_to(to, opcode, a, b, imm);
        }
        Pattern::Swapped(opcode, imm) => {
            let a = s.source(a);
            let b = s.reg(b);
            s.binary_imm_to(to, opcode, b, a, imm);
        }
        Pattern::Blend(mask) => {
            let b = s.source(b);
            let (a, mask) = (s.reg(a), s.constant(u128::from_le_bytes(mask)));
            s.blend_to(to, Opcode::Pblendvb, a, b, mask);
        }
        Pattern::Both(of_a, of_b) => {
            let (a, b) = (s.reg(a), s.reg(b));
            let a = s.binary(Opcode::Pshufb, a, Source::constant(u128::from_le_bytes(of_a)));
            let b = s.binary(Opcode::Pshufb, b, Source::constant(u128::from_le_bytes(of_b)));
            s.binary_to(to, Opcode::Por, a, b);
        }
    }
}
