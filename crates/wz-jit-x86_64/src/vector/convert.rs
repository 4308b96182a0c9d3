//! Selection for conversions between the lanes of vectors.

use wz_jit::ir::Value;
use wz_jit::mach::Reg;

use super::constants::{splat32, splat64};
use super::inst::Source;
use super::opcode::Opcode;
use super::scalar::Rounding;
use super::selection::{Predicate, Selection};

/// A number in every lane of `f32`.
const fn f32x4(number: f32) -> u128 {
    splat32(number.to_bits())
}

/// A number in every lane of `f64`.
const fn f64x2(number: f64) -> u128 {
    splat64(number.to_bits())
}

const TWO_31: f32 = 2_147_483_648.0;
const TWO_52: f64 = 4_503_599_627_370_496.0;

/// Each half of a lane becomes the low bits of a number with an exponent that puts them where they
/// belong. Only the last addition rounds.
pub(super) fn f32x4_of_u32x4(s: &mut Selection<'_, '_>, to: Reg, a: Value) {
    /// 2^23, whose lowest bit is 1.
    const LOW: f32 = 8_388_608.0;
    /// 2^39, whose lowest bit is 2^16.
    const HIGH: f32 = 549_755_813_888.0;
    /// The upper halves of lanes.
    const UPPER: u8 = 0xaa;
    let a = s.reg(a);
    let low = s.binary_imm(Opcode::Pblendw, a, Source::constant(f32x4(LOW)), UPPER);
    let high = s.shift(Opcode::PsrldBy, a, 16);
    let high = s.binary_imm(Opcode::Pblendw, high, Source::constant(f32x4(HIGH)), UPPER);
    let high = s.binary(Opcode::Subps, high, Source::constant(f32x4(HIGH + LOW)));
    s.binary_to(to, Opcode::Addps, high, low);
}

/// The low bits of a number whose lowest bit is 1, without that number.
pub(super) fn f64x2_of_u32x4(s: &mut Selection<'_, '_>, to: Reg, a: Value) {
    let a = s.reg(a);
    let exponents = splat32((TWO_52.to_bits() >> 32) as u32);
    let wide = s.binary(Opcode::Unpcklps, a, Source::constant(exponents));
    s.binary_to(to, Opcode::Subpd, wide, Source::constant(f64x2(TWO_52)));
}

/// The processor gives the least integer for what does not fit. The greatest is its inverse.
pub(super) fn i32x4_of_f32x4(s: &mut Selection<'_, '_>, to: Reg, a: Value) {
    let a = s.reg(a);
    let numbers = s.compare(false, Predicate::Equal, a, a);
    let a = s.binary(Opcode::Andps, a, numbers);
    let large = s.compare(false, Predicate::NotLess, a, Source::constant(f32x4(TWO_31)));
    let integers = s.unary(Opcode::Cvttps2dq, a, 0);
    s.binary_to(to, Opcode::Pxor, integers, large);
}

/// The integer, or the least one where it is at least 2^31; added to what is above 2^31, where there
/// is such.
pub(super) fn u32x4_of_f32x4(s: &mut Selection<'_, '_>, to: Reg, a: Value) {
    let (a, zero) = (s.reg(a), s.zero());
    // NaN becomes zero: if in doubt, the processor takes the second operand.
    let a = s.binary(Opcode::Maxps, a, zero);
    let excess = s.binary(Opcode::Subps, a, Source::constant(f32x4(TWO_31)));
    let low = s.unary(Opcode::Cvttps2dq, a, 0);
    let large = s.compare(false, Predicate::NotLess, excess, Source::constant(f32x4(TWO_31)));
    let excess = s.unary(Opcode::Cvttps2dq, excess, 0);
    let excess = s.binary(Opcode::Pxor, excess, large);
    let excess = s.binary(Opcode::Pmaxsd, excess, zero);
    s.binary_to(to, Opcode::Paddd, low, excess);
}

/// What is too large becomes the greatest before. What is too small gives the least.
pub(super) fn i32x4_of_f64x2(s: &mut Selection<'_, '_>, to: Reg, a: Value) {
    let a = s.reg(a);
    let numbers = s.compare(true, Predicate::Equal, a, a);
    // Of a NaN and zero, the second operand is taken.
    let greatest = s.binary(Opcode::Andps, numbers, Source::constant(f64x2(2_147_483_647.0)));
    let a = s.binary(Opcode::Minpd, a, greatest);
    s.unary_to(to, Opcode::Cvttpd2dq, a, 0);
}

/// The low bits of the sum with a number whose lowest bit is 1.
pub(super) fn u32x4_of_f64x2(s: &mut Selection<'_, '_>, to: Reg, a: Value) {
    let (a, zero) = (s.reg(a), s.zero());
    let a = s.binary(Opcode::Maxpd, a, zero);
    let a = s.binary(Opcode::Minpd, a, Source::constant(f64x2(4_294_967_295.0)));
    let a = s.unary(Opcode::Roundpd, a, Rounding::In as u8);
    let a = s.binary(Opcode::Addpd, a, Source::constant(f64x2(TWO_52)));
    s.binary_imm_to(to, Opcode::Shufps, a, zero, 0x88);
}
