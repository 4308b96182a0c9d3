//! Integer operators on the lanes of vectors: the operations of section 4.3.2 of the
//! specification that keep the number of lanes.

use super::lanes::{
    I8x16, I16x8, I32x4, I64x2, Lanes, U8x16, U16x8, U32x4, U64x2, Vector, compare, lanewise_operators, map,
    zip,
};

lanewise_operators! {
    /// The absolute value; that of the least number is itself.
    i8x16_abs[I8x16], i16x8_abs[I16x8], i32x4_abs[I32x4], i64x2_abs[I64x2] (a) -> lanes = a.wrapping_abs();
    /// The negation, modulo 2^N.
    i8x16_neg[I8x16], i16x8_neg[I16x8], i32x4_neg[I32x4], i64x2_neg[I64x2] (a) -> lanes = a.wrapping_neg();
    /// The number of bits that are one.
    i8x16_popcnt[U8x16] (a) -> lanes = a.count_ones() as u8;

    /// The sum, modulo 2^N.
    i8x16_add[I8x16], i16x8_add[I16x8], i32x4_add[I32x4], i64x2_add[I64x2] (a, b) -> lanes
        = a.wrapping_add(b);
    /// The difference, modulo 2^N.
    i8x16_sub[I8x16], i16x8_sub[I16x8], i32x4_sub[I32x4], i64x2_sub[I64x2] (a, b) -> lanes
        = a.wrapping_sub(b);
    /// The product, modulo 2^N.
    i16x8_mul[I16x8], i32x4_mul[I32x4], i64x2_mul[I64x2] (a, b) -> lanes = a.wrapping_mul(b);
    /// The signed sum, or the nearest of the range.
    i8x16_add_sat_s[I8x16], i16x8_add_sat_s[I16x8] (a, b) -> lanes = a.saturating_add(b);
    /// The unsigned sum, or the nearest of the range.
    i8x16_add_sat_u[U8x16], i16x8_add_sat_u[U16x8] (a, b) -> lanes = a.saturating_add(b);
    /// The signed difference, or the nearest of the range.
    i8x16_sub_sat_s[I8x16], i16x8_sub_sat_s[I16x8] (a, b) -> lanes = a.saturating_sub(b);
    /// The unsigned difference, or the nearest of the range.
    i8x16_sub_sat_u[U8x16], i16x8_sub_sat_u[U16x8] (a, b) -> lanes = a.saturating_sub(b);
    /// The lesser, signed.
    i8x16_min_s[I8x16], i16x8_min_s[I16x8], i32x4_min_s[I32x4] (a, b) -> lanes = a.min(b);
    /// The lesser, unsigned.
    i8x16_min_u[U8x16], i16x8_min_u[U16x8], i32x4_min_u[U32x4] (a, b) -> lanes = a.min(b);
    /// The greater, signed.
    i8x16_max_s[I8x16], i16x8_max_s[I16x8], i32x4_max_s[I32x4] (a, b) -> lanes = a.max(b);
    /// The greater, unsigned.
    i8x16_max_u[U8x16], i16x8_max_u[U16x8], i32x4_max_u[U32x4] (a, b) -> lanes = a.max(b);
    /// The unsigned average, rounded up.
    i8x16_avgr_u[U8x16] (a, b) -> lanes = ((u16::from(a) + u16::from(b) + 1) >> 1) as u8;
    /// The unsigned average, rounded up.
    i16x8_avgr_u[U16x8] (a, b) -> lanes = ((u32::from(a) + u32::from(b) + 1) >> 1) as u16;
    /// The product of two fractions of 2^15, rounded to nearest, halves up, or the greatest.
    i16x8_q15mulr_sat_s[I16x8] (a, b) -> lanes
        = ((i32::from(a) * i32::from(b) + 0x4000) >> 15).clamp(i16::MIN.into(), i16::MAX.into()) as i16;

    /// Shifts left by `count` modulo N.
    i8x16_shl[I8x16], i16x8_shl[I16x8], i32x4_shl[I32x4], i64x2_shl[I64x2] (a; count: i32) -> lanes
        = a.wrapping_shl(count.cast_unsigned());
    /// Shifts right by `count` modulo N; the sign comes in.
    i8x16_shr_s[I8x16], i16x8_shr_s[I16x8], i32x4_shr_s[I32x4], i64x2_shr_s[I64x2] (a; count: i32) -> lanes
        = a.wrapping_shr(count.cast_unsigned());
    /// Shifts right by `count` modulo N; zeros come in.
    i8x16_shr_u[U8x16], i16x8_shr_u[U16x8], i32x4_shr_u[U32x4], i64x2_shr_u[U64x2] (a; count: i32) -> lanes
        = a.wrapping_shr(count.cast_unsigned());

    /// Where the lanes are equal.
    i8x16_eq[I8x16], i16x8_eq[I16x8], i32x4_eq[I32x4], i64x2_eq[I64x2] (a, b) -> masks = a == b;
    /// Where the lanes differ.
    i8x16_ne[I8x16], i16x8_ne[I16x8], i32x4_ne[I32x4], i64x2_ne[I64x2] (a, b) -> masks = a != b;
    /// Where the lane of `a` is less, signed.
    i8x16_lt_s[I8x16], i16x8_lt_s[I16x8], i32x4_lt_s[I32x4], i64x2_lt_s[I64x2] (a, b) -> masks = a < b;
    /// Where the lane of `a` is less, unsigned.
    i8x16_lt_u[U8x16], i16x8_lt_u[U16x8], i32x4_lt_u[U32x4] (a, b) -> masks = a < b;
    /// Where the lane of `a` is greater, signed.
    i8x16_gt_s[I8x16], i16x8_gt_s[I16x8], i32x4_gt_s[I32x4], i64x2_gt_s[I64x2] (a, b) -> masks = a > b;
    /// Where the lane of `a` is greater, unsigned.
    i8x16_gt_u[U8x16], i16x8_gt_u[U16x8], i32x4_gt_u[U32x4] (a, b) -> masks = a > b;
    /// Where the lane of `a` is not greater, signed.
    i8x16_le_s[I8x16], i16x8_le_s[I16x8], i32x4_le_s[I32x4], i64x2_le_s[I64x2] (a, b) -> masks = a <= b;
    /// Where the lane of `a` is not greater, unsigned.
    i8x16_le_u[U8x16], i16x8_le_u[U16x8], i32x4_le_u[U32x4] (a, b) -> masks = a <= b;
    /// Where the lane of `a` is not less, signed.
    i8x16_ge_s[I8x16], i16x8_ge_s[I16x8], i32x4_ge_s[I32x4], i64x2_ge_s[I64x2] (a, b) -> masks = a >= b;
    /// Where the lane of `a` is not less, unsigned.
    i8x16_ge_u[U8x16], i16x8_ge_u[U16x8], i32x4_ge_u[U32x4] (a, b) -> masks = a >= b;
}

/// Defines the operators that make a scalar of a vector's lanes. A row reads: names, lanes, how
/// `bitmask` is made of the lanes or the halves.
macro_rules! reductions {
    ($($all_true:ident, $bitmask:ident [$Lanes:ident] = |$x:ident: $As:ident| $bits:expr;)+) => {$(
        /// Whether no lane is zero.
        #[inline(always)]
        #[must_use]
        pub fn $all_true<V: Vector>(a: V) -> i32 {
            i32::from($Lanes::of(a).iter().fold(true, |all, &lane| all & (lane != 0)))
        }

        /// The sign bits of the lanes, that of lane 0 the lowest.
        #[inline(always)]
        #[must_use]
        pub fn $bitmask<V: Vector>(a: V) -> i32 {
            let $x = $As::of(a);
            $bits
        }
    )+};
}

reductions! {
    i8x16_all_true, i8x16_bitmask [I8x16] = |x: U64x2| eight_signs(x[0]) | eight_signs(x[1]) << 8;
    i16x8_all_true, i16x8_bitmask [I16x8] = |x: U64x2| four_signs(x[0]) | four_signs(x[1]) << 4;
    i32x4_all_true, i32x4_bitmask [I32x4] = |x: I32x4| x.iter().rev().fold(0, sign_below);
    i64x2_all_true, i64x2_bitmask [I64x2] = |x: I64x2| x.iter().rev().fold(0, sign_below);
}

/// The sign bits of eight bytes. The product has each of them 7 bits further left than its
/// neighbour, and thus all of them next to each other at the top.
#[inline(always)]
fn eight_signs(half: u64) -> i32 {
    ((half & 0x8080_8080_8080_8080).wrapping_mul(0x0002_0408_1020_4081) >> 56) as i32
}

/// The sign bits of four lanes of 16 bits, in the same way.
#[inline(always)]
fn four_signs(half: u64) -> i32 {
    ((half & 0x8000_8000_8000_8000).wrapping_mul(0x0000_2000_4000_8001) >> 60) as i32
}

/// The sign bits of the lanes above, and below them that of one more.
#[inline(always)]
fn sign_below<T: Copy + Into<i64>>(signs: i32, lane: &T) -> i32 {
    let lane: i64 = (*lane).into();
    signs << 1 | i32::from(lane < 0)
}
