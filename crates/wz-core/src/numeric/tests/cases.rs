//! Results that are known, and results for all operands.

use std::hint::black_box;

use wz_api::{Trap, V128, ValueType};
use wz_decode::ops::{BinaryOp, TernaryOp, UnaryOp};

use super::{Numbers, join, operands, reference_vector, split};
use crate::numeric::*;

#[test]
fn all_pairs_of_bytes() {
    for &op in
        BinaryOp::ALL.iter().filter(|op| op.name().starts_with("i8x16.") && op.params()[1] == ValueType::V128)
    {
        if op.name().contains("narrow") || op.name().contains("swizzle") {
            continue;
        }
        for (a, high) in (0..256).flat_map(|a| (0..16).map(move |high| (a, high))) {
            let a = join(&[a; 16], 8);
            let b = join(&std::array::from_fn::<_, 16, _>(|low| high << 4 | low as u128), 8);
            assert_eq!(eval::binary(op, a, b), reference_vector::of(op.name(), &[a, b]), "{op} {a:x} {b:x}");
        }
    }
}

#[test]
fn swizzles_with_all_indices() {
    let a = V128::from_bytes(std::array::from_fn(|lane| 0xa0 | lane as u8));
    for first in (0..=255).step_by(16) {
        let b = V128::from_bytes(std::array::from_fn(|lane| first + lane as u8));
        let expected = if first == 0 { a } else { V128(0) };
        assert_eq!(i8x16_swizzle(a, b), expected);
        assert_eq!(i8x16_relaxed_swizzle(a, b), expected);
    }
}

#[test]
fn rounding_of_f32_everywhere() {
    // A step that meets every exponent and all kinds of fractions.
    for bits in (0..=u32::MAX).step_by(4099) {
        let a = f32::from_bits(bits);
        let all = [
            (f32_ceil(a), a.ceil()),
            (f32_floor(a), a.floor()),
            (f32_trunc(a), a.trunc()),
            (f32_nearest(a), a.round_ties_even()),
        ];
        for (actual, expected) in all {
            if a.is_nan() {
                assert_eq!(actual.to_bits(), bits | 0x0040_0000);
            } else {
                assert_eq!(actual.to_bits(), expected.to_bits(), "{a}");
            }
        }
        let v: V128 = f32x4_splat(a);
        let rounded = [f32x4_ceil(v), f32x4_floor(v), f32x4_trunc(v), f32x4_nearest(v)];
        assert_eq!(
            rounded.map(|vector| f32x4_extract_lane(vector, 3).to_bits()),
            all.map(|(actual, _)| actual.to_bits())
        );
    }
}

#[test]
fn rounding_of_f64_between_integers() {
    let mut numbers = Numbers(5);
    for _ in 0..200_000 {
        let scale = 2_f64.powi((numbers.next() % 70) as i32 - 60);
        let a = (numbers.next() as i64 >> 3) as f64 * scale;
        let a = if numbers.next().is_multiple_of(4) { (2.0 * a).round() / 2.0 } else { a };
        assert_eq!(f64_ceil(a).to_bits(), a.ceil().to_bits(), "{a}");
        assert_eq!(f64_floor(a).to_bits(), a.floor().to_bits(), "{a}");
        assert_eq!(f64_trunc(a).to_bits(), a.trunc().to_bits(), "{a}");
        assert_eq!(f64_nearest(a).to_bits(), a.round_ties_even().to_bits(), "{a}");
    }
}

#[test]
fn known_results() {
    assert_eq!(i32_div_s(i32::MIN, -1), Err(Trap::IntegerOverflow));
    assert_eq!(i32_rem_s(i32::MIN, -1), Ok(0));
    assert_eq!(i64_div_s(i64::MIN, -1), Err(Trap::IntegerOverflow));
    assert_eq!(i64_rem_s(i64::MIN, -1), Ok(0));
    assert_eq!(i64_div_u(i64::MIN, -1), Ok(0));
    assert_eq!(i32_rem_s(-7, 2), Ok(-1));
    assert_eq!(i32_rem_u(5, 0), Err(Trap::IntegerDivideByZero));
    assert_eq!(i32_rotl(0x1234_5678, 36), 0x2345_6781);
    assert_eq!(i64_shl(1, 0x1_0000_0041), 2);
    assert_eq!(i32_trunc_f64_s(2_147_483_647.9), Ok(i32::MAX));
    assert_eq!(i32_trunc_f64_s(-2_147_483_648.9), Ok(i32::MIN));
    assert_eq!(i32_trunc_f64_s(-2_147_483_649.0), Err(Trap::IntegerOverflow));
    assert_eq!(i32_trunc_f32_u(-0.999), Ok(0));
    assert_eq!(i64_trunc_f32_s(f32::NAN), Err(Trap::InvalidConversionToInteger));
    assert_eq!(i64_trunc_f64_u(f64::INFINITY), Err(Trap::IntegerOverflow));
    assert_eq!(f64_add(0.1, 0.2).to_bits(), 0x3fd3_3333_3333_3334);
    assert_eq!(f64_div(1.0, 3.0).to_bits(), 0x3fd5_5555_5555_5555);
    assert_eq!(f32_sqrt(2.0).to_bits(), 0x3fb5_04f3);
    assert_eq!(f32_sqrt(-0.0).to_bits(), 0x8000_0000);
    assert_eq!(f32_convert_i64_u(i64::MAX).to_bits(), 0x5f00_0000);
    assert_eq!(f32_convert_i32_s(16_777_217), 16_777_216.0);
    assert_eq!(f64_convert_i64_u(-1).to_bits(), 0x43f0_0000_0000_0000);
    assert_eq!(f32_demote_f64(1e-45).to_bits(), 1);
    assert_eq!(f32_nearest(-0.5).to_bits(), 0x8000_0000);
    assert_eq!(f64_nearest(2.5), 2.0);
    assert_eq!(f32_min(0.0, -0.0).to_bits(), 0x8000_0000);
    assert_eq!(f32_max(-0.0, 0.0).to_bits(), 0);
    let least: V128 = i16x8_splat(-0x8000);
    assert_eq!(i16x8_q15mulr_sat_s(least, least), i16x8_splat(0x7fff));
    assert_eq!(i32x4_dot_i16x8_s(least, least), i32x4_splat(i32::MIN));
    assert_eq!(i16x8_abs(least), least);
    let least: V128 = i8x16_splat(-0x80);
    assert_eq!(i16x8_relaxed_dot_i8x16_i7x16_s(least, least), i16x8_splat(0x7fff));
    assert_eq!(i8x16_avgr_u(least, i8x16_splat(0x7f)), least);
    // The sum of the exact product and `c` is not zero.
    let (a, c) = (1.0 + f64::EPSILON, -(1.0 + 2.0 * f64::EPSILON));
    let [a, c]: [V128; 2] = [f64x2_splat(a), f64x2_splat(c)];
    assert_eq!(f64x2_relaxed_madd(a, a, c), V128(0));
}

#[test]
fn bytes_and_v128_are_the_same() {
    let vectors = operands(ValueType::V128, 20);
    for pair in vectors.windows(2) {
        let (a, b) = (V128(pair[0]), V128(pair[1]));
        let bytes = f32x4_add(a.to_bytes(), b.to_bytes());
        assert_eq!(f32x4_add(a, b).to_bytes(), bytes);
        assert_eq!(i64x2_mul(a, b).to_bytes(), i64x2_mul(a.to_bytes(), b.to_bytes()));
        assert_eq!(i8x16_bitmask(a), i8x16_bitmask(a.to_bytes()));
    }
}

/// A NaN that is not quiet, of which the compiler knows that it is one only if it is not asked to
/// forget it.
const SIGNALING: (f32, f64) = (f32::from_bits(0xff81_2345), f64::from_bits(0x7ff0_0000_dead_beef));

#[test]
fn nans_become_quiet() {
    fn quiet_f32(results: impl IntoIterator<Item = f32>) {
        for (index, result) in results.into_iter().enumerate() {
            assert_eq!(result.to_bits() & 0x7fc0_0000, 0x7fc0_0000, "{index}");
        }
    }
    fn quiet_f64(results: impl IntoIterator<Item = f64>) {
        for (index, result) in results.into_iter().enumerate() {
            assert_eq!(result.to_bits() & 0x7ff8_0000_0000_0000, 0x7ff8_0000_0000_0000, "{index}");
        }
    }
    let once = |a: f32, b: f64| {
        // What a compiler may see to be its operand, quiet or not.
        quiet_f32([f32_add(a, -0.0), f32_sub(a, 0.0), f32_mul(a, 1.0), f32_div(a, 1.0), f32_mul(1.0, a)]);
        quiet_f64([f64_add(b, -0.0), f64_sub(b, 0.0), f64_mul(b, 1.0), f64_div(b, 1.0), f64_sub(-0.0, b)]);
        quiet_f32([f32_min(a, 1.0), f32_max(1.0, a), f32_min(a, a), f32_max(a, f32::INFINITY), f32_sqrt(a)]);
        quiet_f64([f64_min(b, 1.0), f64_max(1.0, b), f64_min(b, b), f64_max(b, f64::INFINITY), f64_sqrt(b)]);
        quiet_f32([f32_ceil(a), f32_floor(a), f32_trunc(a), f32_nearest(a), f32_demote_f64(b)]);
        quiet_f64([f64_ceil(b), f64_floor(b), f64_trunc(b), f64_nearest(b), f64_promote_f32(a)]);
        quiet_f32([f32_demote_f64(f64_promote_f32(a))]);
        let (v, w): (Bytes, Bytes) = (f32x4_splat(a), f64x2_splat(b));
        let (zero, one): (Bytes, Bytes) = ([0; 16], f32x4_splat(1.0));
        let vectors = [f32x4_add(v, f32x4_neg(zero)), f32x4_add(f32x4_neg(zero), v)];
        quiet_f32(vectors.map(|vector| f32x4_extract_lane(vector, 0)));
        let vectors =
            [f32x4_sub(v, zero), f32x4_mul(v, one), f32x4_div(v, one), f32x4_min(v, zero), f32x4_ceil(v)];
        quiet_f32(vectors.map(|vector| f32x4_extract_lane(vector, 2)));
        quiet_f32([f32x4_extract_lane(f32x4_relaxed_madd(one, v, zero), 1)]);
        quiet_f64(
            [f64x2_sub(w, zero), f64x2_max(zero, w), f64x2_sqrt(w)]
                .map(|vector| f64x2_extract_lane(vector, 1)),
        );
    };
    once(SIGNALING.0, SIGNALING.1);
    once(black_box(SIGNALING.0), black_box(SIGNALING.1));
}

#[test]
fn nans_that_are_only_moved_keep_their_bits() {
    let (a, b) = black_box(SIGNALING);
    assert_eq!(f32_abs(a).to_bits(), 0x7f81_2345);
    assert_eq!(f32_neg(a).to_bits(), 0x7f81_2345);
    assert_eq!(f32_copysign(a, 1.0).to_bits(), 0x7f81_2345);
    assert_eq!(f64_neg(b).to_bits(), 0xfff0_0000_dead_beef);
    let (v, zero): (V128, V128) = (f32x4_splat(a), V128(0));
    assert_eq!(f32x4_pmin(v, zero), v);
    assert_eq!(f32x4_pmax(zero, v), zero);
    assert_eq!(f32x4_neg(v), f32x4_abs(v));
    assert_eq!(f32x4_replace_lane(zero, 1, a).0, 0xff81_2345 << 32);
    assert_eq!(i32_reinterpret_f32(f32_load(0xff81_2345_u32.to_le_bytes())).cast_unsigned(), 0xff81_2345);
}

#[test]
fn nans_are_made_canonical() {
    let (a, b) = black_box(SIGNALING);
    assert_eq!(canonicalize_f32(a).to_bits(), 0x7fc0_0000);
    assert_eq!(canonicalize_f64(-b).to_bits(), 0x7ff8_0000_0000_0000);
    assert_eq!(canonicalize_f32(-0.0).to_bits(), 0x8000_0000);
    assert_eq!(canonicalize_f64(f64::NEG_INFINITY), f64::NEG_INFINITY);
    let v: V128 = f32x4_replace_lane(f32x4_splat(a), 2, 1.5);
    let lanes = split(canonicalize_f32x4(v).0, 32);
    assert_eq!(lanes, [0x7fc0_0000, 0x7fc0_0000, 0x3fc0_0000, 0x7fc0_0000]);
    assert_eq!(
        canonicalize_f64x2::<V128>(f64x2_splat(b)),
        f64x2_splat(f64::from_bits(0x7ff8_0000_0000_0000))
    );
    assert_eq!(Floats::F32x4.canonicalize(v.0), canonicalize_f32x4(v).0);
    assert_eq!(Floats::F64.canonicalize(b.to_bits().into()), 0x7ff8_0000_0000_0000);
}

#[test]
fn operators_that_may_give_nan_are_listed() {
    fn listed(op: impl MayBeNan, name: &str) {
        let (ty, rest) = name.split_once('.').expect("a name has a type");
        let arithmetic = [
            "ceil", "floor", "trunc", "nearest", "sqrt", "add", "sub", "mul", "div", "min", "max", "demote",
            "promote", "relaxed",
        ];
        let expected = match ty {
            "f32" => Floats::F32,
            "f64" => Floats::F64,
            "f32x4" => Floats::F32x4,
            "f64x2" => Floats::F64x2,
            _ => return assert_eq!(result_may_be_nan(op), None, "{name}"),
        };
        let is = arithmetic.contains(&rest.split('_').next().expect("a first part"));
        assert_eq!(result_may_be_nan(op), is.then_some(expected), "{name}");
    }
    UnaryOp::ALL.iter().for_each(|op| listed(*op, op.name()));
    BinaryOp::ALL.iter().for_each(|op| listed(*op, op.name()));
    TernaryOp::ALL.iter().for_each(|op| listed(*op, op.name()));
}
