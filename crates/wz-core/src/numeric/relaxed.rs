//! The relaxed vector operators. The specification (section 4.3) lets an implementation choose
//! among results. The choice here is one and the same everywhere: the first alternative of each
//! operator's definition, which is what the deterministic profile has.
//!
//! | Operator             | Choices differ on        | The choice                                |
//! |----------------------|--------------------------|-------------------------------------------|
//! | `relaxed_swizzle`    | indices 16 to 127        | zero, as `swizzle`                        |
//! | `relaxed_trunc_*`    | NaN, out of range        | zero, the nearest, as `trunc_sat_*`       |
//! | `relaxed_madd`       | rounding                 | the product is rounded, then the sum      |
//! | `relaxed_nmadd`      | rounding                 | the product is rounded, then the sum      |
//! | `relaxed_laneselect` | lanes of mixed mask bits | bit by bit, as `v128.bitselect`           |
//! | `relaxed_min`, `_max`| NaN, zeros of both signs | as `min`, `max`                           |
//! | `relaxed_q15mulr_s`  | -1 times -1              | the greatest, as `q15mulr_sat_s`          |
//! | `relaxed_dot_*`      | negative lanes of `b`    | signed; sums of two products saturate     |
//!
//! Rounding twice is possible on every machine, and needs no fused multiplication, which not
//! every x86-64 has.

use super::float::Parts;
use super::lanes::{F32x4, F64x2, I8x16, I16x8, I32x4, Lanes, Vector};
use super::{
    f32x4_max, f32x4_min, f64x2_max, f64x2_min, i8x16_swizzle, i16x8_q15mulr_sat_s, i32x4_trunc_sat_f32x4_s,
    i32x4_trunc_sat_f32x4_u, i32x4_trunc_sat_f64x2_s_zero, i32x4_trunc_sat_f64x2_u_zero, v128_bitselect,
};

/// Defines relaxed operators that are strict ones.
macro_rules! strict {
    ($($name:ident($($x:ident),+) = $strict:ident;)+) => {$(
        #[doc = concat!("As [`", stringify!($strict), "`].")]
        #[inline(always)]
        #[must_use]
        pub fn $name<V: Vector>($($x: V),+) -> V { $strict($($x),+) }
    )+};
}

strict! {
    i8x16_relaxed_swizzle(a, b) = i8x16_swizzle;
    i32x4_relaxed_trunc_f32x4_s(a) = i32x4_trunc_sat_f32x4_s;
    i32x4_relaxed_trunc_f32x4_u(a) = i32x4_trunc_sat_f32x4_u;
    i32x4_relaxed_trunc_f64x2_s_zero(a) = i32x4_trunc_sat_f64x2_s_zero;
    i32x4_relaxed_trunc_f64x2_u_zero(a) = i32x4_trunc_sat_f64x2_u_zero;
    i8x16_relaxed_laneselect(a, b, mask) = v128_bitselect;
    i16x8_relaxed_laneselect(a, b, mask) = v128_bitselect;
    i32x4_relaxed_laneselect(a, b, mask) = v128_bitselect;
    i64x2_relaxed_laneselect(a, b, mask) = v128_bitselect;
    f32x4_relaxed_min(a, b) = f32x4_min;
    f32x4_relaxed_max(a, b) = f32x4_max;
    f64x2_relaxed_min(a, b) = f64x2_min;
    f64x2_relaxed_max(a, b) = f64x2_max;
    i16x8_relaxed_q15mulr_s(a, b) = i16x8_q15mulr_sat_s;
}

/// Defines the multiplications with addition. A row reads: names, lanes.
macro_rules! multiply_add {
    ($($madd:ident, $nmadd:ident [$Lanes:ident];)+) => {$(
        /// `a * b + c`, rounded twice.
        #[inline(always)]
        #[must_use]
        pub fn $madd<V: Vector>(a: V, b: V, c: V) -> V {
            let (a, b, c) = ($Lanes::of(a), $Lanes::of(b), $Lanes::of(c));
            $Lanes::by(|lane| (a[lane] * b[lane] + c[lane]).quieted()).to()
        }

        /// `-(a * b) + c`, rounded twice.
        #[inline(always)]
        #[must_use]
        pub fn $nmadd<V: Vector>(a: V, b: V, c: V) -> V {
            let (a, b, c) = ($Lanes::of(a), $Lanes::of(b), $Lanes::of(c));
            $Lanes::by(|lane| (c[lane] - a[lane] * b[lane]).quieted()).to()
        }
    )+};
}

multiply_add! {
    f32x4_relaxed_madd, f32x4_relaxed_nmadd [F32x4];
    f64x2_relaxed_madd, f64x2_relaxed_nmadd [F64x2];
}

/// The sums of the signed products of each two neighbouring lanes, saturated.
#[inline(always)]
#[must_use]
pub fn i16x8_relaxed_dot_i8x16_i7x16_s<V: Vector>(a: V, b: V) -> V {
    let (a, b) = (I8x16::of(a), I8x16::of(b));
    let product = |lane: usize| i16::from(a[lane]) * i16::from(b[lane]);
    I16x8::by(|lane| product(2 * lane).saturating_add(product(2 * lane + 1))).to()
}

/// The sums of each two neighbouring lanes of [`i16x8_relaxed_dot_i8x16_i7x16_s`], and of `c`.
#[inline(always)]
#[must_use]
pub fn i32x4_relaxed_dot_i8x16_i7x16_add_s<V: Vector>(a: V, b: V, c: V) -> V {
    let (a, b, c) = (I32x4::of(a), I32x4::of(b), I32x4::of(c));
    let byte = |four: i32, byte: i32| four << (24 - 8 * byte) >> 24;
    let dot = |lane: usize, first: i32| {
        let product = |index: i32| byte(a[lane], index) * byte(b[lane], index);
        (product(first) + product(first + 1)).min(i16::MAX.into())
    };
    I32x4::by(|lane| (dot(lane, 0) + dot(lane, 2)).wrapping_add(c[lane])).to()
}
