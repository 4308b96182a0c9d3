//! Selection for operators over vectors that take several instructions.

use wz_decode::ops::TernaryOp;
use wz_jit::ir::Value;
use wz_jit::mach::Reg;

use super::constants::splat16;
use super::inst::Source;
use super::opcode::Opcode;
use super::selection::{Predicate, Selection};

/// Selects an operator with three operands.
pub(super) fn ternary(s: &mut Selection<'_, '_>, op: TernaryOp, to: Reg, [a, b, c]: [Value; 3]) {
    use Opcode as O;
    use TernaryOp::*;
    match op {
        V128Bitselect
        | I8x16RelaxedLaneselect
        | I16x8RelaxedLaneselect
        | I32x4RelaxedLaneselect
        | I64x2RelaxedLaneselect => {
            let (a, b, mask) = (s.reg(a), s.reg(b), s.reg(c));
            let b = s.binary(O::Pandn, mask, b);
            let a = s.binary(O::Pand, a, mask);
            s.binary_to(to, O::Por, a, b);
        }
        // Rounded twice, as everywhere: not fused.
        F32x4RelaxedMadd => multiply_add(s, O::Mulps, O::Addps, to, [a, b, c]),
        F64x2RelaxedMadd => multiply_add(s, O::Mulpd, O::Addpd, to, [a, b, c]),
        F32x4RelaxedNmadd => multiply_subtract(s, O::Mulps, O::Subps, to, [a, b, c]),
        F64x2RelaxedNmadd => multiply_subtract(s, O::Mulpd, O::Subpd, to, [a, b, c]),
        I32x4RelaxedDotI8x16I7x16AddS => {
            let (a, b) = (s.reg(a), s.reg(b));
            let pairs = s.temp();
            dot_i8x16_to(s, pairs, a, b);
            let sums = s.binary(O::Pmaddwd, pairs, Source::constant(splat16(1)));
            let c = s.source(c);
            s.binary_to(to, O::Paddd, sums, c);
        }
    }
}

fn multiply_add(s: &mut Selection<'_, '_>, multiply: Opcode, add: Opcode, to: Reg, [a, b, c]: [Value; 3]) {
    let (a, b) = (s.reg(a), s.reg(b));
    let product = s.binary(multiply, a, b);
    let c = s.source(c);
    s.binary_to(to, add, product, c);
}

fn multiply_subtract(
    s: &mut Selection<'_, '_>,
    multiply: Opcode,
    subtract: Opcode,
    to: Reg,
    [a, b, c]: [Value; 3],
) {
    let product = s.values(multiply, a, b);
    let c = s.reg(c);
    s.binary_to(to, subtract, c, product);
}

/// Where lanes differ.
pub(super) fn not_equal(s: &mut Selection<'_, '_>, equal: Opcode, to: Reg, a: Value, b: Value) {
    let equal = s.values(equal, a, b);
    s.not_to(to, equal);
}

/// Where the lesser or greater of two lanes is that of `a`, or is not.
pub(super) fn is_extreme(
    s: &mut Selection<'_, '_>,
    extreme: Opcode,
    equal: Opcode,
    to: Reg,
    a: Value,
    b: Value,
    is: bool,
) {
    let b = s.source(b);
    let a = s.reg(a);
    let extreme = s.binary(extreme, a, b);
    if is {
        s.binary_to(to, equal, extreme, a);
    } else {
        let equal = s.binary(equal, extreme, a);
        s.not_to(to, equal);
    }
}

/// Where the lane of `a` is greater, or is not.
pub(super) fn greater_i64x2(s: &mut Selection<'_, '_>, to: Reg, a: Value, b: Value, is: bool) {
    let result = if is { to } else { s.temp() };
    if s.vex {
        s.values_to(result, Opcode::Vpcmpgtq, a, b);
    } else {
        // The upper halves decide; if they are equal, the upper half of the difference does, which is
        // the borrow of the lower halves.
        let (a, b) = (s.reg(a), s.reg(b));
        let greater = s.binary(Opcode::Pcmpgtd, a, b);
        let equal = s.binary(Opcode::Pcmpeqd, a, b);
        let difference = s.binary(Opcode::Psubq, b, a);
        let borrow = s.binary(Opcode::Pand, difference, equal);
        let either = s.binary(Opcode::Por, borrow, greater);
        s.unary_to(result, Opcode::Pshufd, either, 0xf5);
    }
    if !is {
        s.not_to(to, result);
    }
}

/// The product of the lower halves, and those of each lower with the other's upper half.
pub(super) fn multiply_i64x2(s: &mut Selection<'_, '_>, to: Reg, a: Value, b: Value) {
    let (a, b) = (s.reg(a), s.reg(b));
    let upper_a = s.shift(Opcode::PsrlqBy, a, 32);
    let one = s.binary(Opcode::Pmuludq, upper_a, b);
    let upper_b = s.shift(Opcode::PsrlqBy, b, 32);
    let two = s.binary(Opcode::Pmuludq, upper_b, a);
    let upper = s.binary(Opcode::Paddq, one, two);
    let upper = s.shift(Opcode::PsllqBy, upper, 32);
    let lower = s.binary(Opcode::Pmuludq, a, b);
    s.binary_to(to, Opcode::Paddq, lower, upper);
}

/// The processor's multiplication does not saturate: -1 times -1 gives -1.
pub(super) fn q15mulr(s: &mut Selection<'_, '_>, to: Reg, a: Value, b: Value) {
    let product = s.values(Opcode::Pmulhrsw, a, b);
    let overflow = s.binary(Opcode::Pcmpeqw, product, Source::constant(splat16(1 << 15)));
    s.binary_to(to, Opcode::Pxor, product, overflow);
}

pub(super) fn extmul_low(
    s: &mut Selection<'_, '_>,
    extend: Opcode,
    multiply: Opcode,
    to: Reg,
    a: Value,
    b: Value,
) {
    let (a, b) = (s.reg(a), s.reg(b));
    let a = s.unary(extend, a, 0);
    let b = s.unary(extend, b, 0);
    s.binary_to(to, multiply, a, b);
}

pub(super) fn extmul_high_signed_bytes(s: &mut Selection<'_, '_>, to: Reg, a: Value, b: Value) {
    let (a, b) = (s.reg(a), s.reg(b));
    let [a, b] = [a, b].map(|x| {
        let twice = s.binary(Opcode::Punpckhbw, x, x);
        s.shift(Opcode::PsrawBy, twice, 8)
    });
    s.binary_to(to, Opcode::Pmullw, a, b);
}

pub(super) fn extmul_high_unsigned_bytes(s: &mut Selection<'_, '_>, to: Reg, a: Value, b: Value) {
    let (a, b, zero) = (s.reg(a), s.reg(b), s.zero());
    let a = s.binary(Opcode::Punpckhbw, a, zero);
    let b = s.binary(Opcode::Punpckhbw, b, zero);
    s.binary_to(to, Opcode::Pmullw, a, b);
}

/// Products whose halves are in two vectors, put together.
pub(super) fn extmul_of_halves(
    s: &mut Selection<'_, '_>,
    multiply_high: Opcode,
    unpack: Opcode,
    to: Reg,
    a: Value,
    b: Value,
) {
    let (a, b) = (s.reg(a), s.reg(b));
    let low = s.binary(Opcode::Pmullw, a, b);
    let high = s.binary(multiply_high, a, b);
    s.binary_to(to, unpack, low, high);
}

/// The products of the lanes that end up at even places.
pub(super) fn extmul_of_words(
    s: &mut Selection<'_, '_>,
    multiply: Opcode,
    places: u8,
    to: Reg,
    a: Value,
    b: Value,
) {
    let (a, b) = (s.reg(a), s.reg(b));
    let a = s.unary(Opcode::Pshufd, a, places);
    let b = s.unary(Opcode::Pshufd, b, places);
    s.binary_to(to, multiply, a, b);
}

/// The saturated sums of the products of signed neighbours: those of the lanes at even places, as upper
/// halves of products, and those at odd places.
pub(super) fn dot_i8x16_to(s: &mut Selection<'_, '_>, to: Reg, a: Reg, b: Reg) {
    let [even_a, even_b] = [a, b].map(|x| s.shift(Opcode::PsllwBy, x, 8));
    let even = s.binary(Opcode::Pmulhw, even_a, even_b);
    let [odd_a, odd_b] = [a, b].map(|x| s.shift(Opcode::PsrawBy, x, 8));
    let odd = s.binary(Opcode::Pmullw, odd_a, odd_b);
    s.binary_to(to, Opcode::Paddsw, even, odd);
}

/// The lesser or greater of two lanes. Both orders of operands give the same, except for zeros, whose
/// signs `combine` combines, and NaN, which becomes the canonical one.
pub(super) fn extreme(
    s: &mut Selection<'_, '_>,
    double: bool,
    extreme: Opcode,
    combine: Opcode,
    to: Reg,
    a: Value,
    b: Value,
) {
    let (a, b) = (s.reg(a), s.reg(b));
    let one = s.binary(extreme, a, b);
    let two = s.binary(extreme, b, a);
    let both = s.binary(combine, one, two);
    let unordered = s.compare(double, Predicate::Unordered, a, b);
    s.replace_nan_to(to, double, both, unordered);
}
