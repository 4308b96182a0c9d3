//! Floating-point operators on the lanes of vectors: the operations of section 4.3.3 of the
//! specification. What `float` says of NaN is true of every lane.

use super::float::Parts;
use super::lanes::{F32x4, F64x2, Vector, compare, lanewise_operators, map, zip};

lanewise_operators! {
    /// Clears the sign bits, of NaNs too.
    f32x4_abs[F32x4], f64x2_abs[F64x2] (a) -> lanes = a.abs();
    /// Inverts the sign bits, of NaNs too.
    f32x4_neg[F32x4], f64x2_neg[F64x2] (a) -> lanes = -a;
    /// Rounds towards positive infinity.
    f32x4_ceil[F32x4], f64x2_ceil[F64x2] (a) -> lanes = a.rounded_up();
    /// Rounds towards negative infinity.
    f32x4_floor[F32x4], f64x2_floor[F64x2] (a) -> lanes = a.rounded_down();
    /// Rounds towards zero.
    f32x4_trunc[F32x4], f64x2_trunc[F64x2] (a) -> lanes = a.rounded_in();
    /// Rounds to the nearest integer, to the even one of two.
    f32x4_nearest[F32x4], f64x2_nearest[F64x2] (a) -> lanes = a.rounded();
    /// The square root; NaN of negative numbers other than -0.
    f32x4_sqrt[F32x4], f64x2_sqrt[F64x2] (a) -> lanes = a.sqrt().quieted();

    /// The sum.
    f32x4_add[F32x4], f64x2_add[F64x2] (a, b) -> lanes = (a + b).quieted();
    /// The difference.
    f32x4_sub[F32x4], f64x2_sub[F64x2] (a, b) -> lanes = (a - b).quieted();
    /// The product.
    f32x4_mul[F32x4], f64x2_mul[F64x2] (a, b) -> lanes = (a * b).quieted();
    /// The quotient.
    f32x4_div[F32x4], f64x2_div[F64x2] (a, b) -> lanes = (a / b).quieted();
    /// The lesser, where -0 is less than +0; NaN if an operand is.
    f32x4_min[F32x4], f64x2_min[F64x2] (a, b) -> lanes = a.lesser(b);
    /// The greater, where +0 is greater than -0; NaN if an operand is.
    f32x4_max[F32x4], f64x2_max[F64x2] (a, b) -> lanes = a.greater(b);
    /// `b` if it is less, else `a`, of which both may be NaN.
    f32x4_pmin[F32x4], f64x2_pmin[F64x2] (a, b) -> lanes = if b < a { b } else { a };
    /// `b` if it is greater, else `a`, of which both may be NaN.
    f32x4_pmax[F32x4], f64x2_pmax[F64x2] (a, b) -> lanes = if a < b { b } else { a };

    /// Where the lanes are equal: zeros are, NaNs never.
    f32x4_eq[F32x4], f64x2_eq[F64x2] (a, b) -> masks = a == b;
    /// Where the lanes are not equal.
    f32x4_ne[F32x4], f64x2_ne[F64x2] (a, b) -> masks = a != b;
    /// Where the lane of `a` is less.
    f32x4_lt[F32x4], f64x2_lt[F64x2] (a, b) -> masks = a < b;
    /// Where the lane of `a` is greater.
    f32x4_gt[F32x4], f64x2_gt[F64x2] (a, b) -> masks = a > b;
    /// Where the lane of `a` is at most that of `b`.
    f32x4_le[F32x4], f64x2_le[F64x2] (a, b) -> masks = a <= b;
    /// Where the lane of `a` is at least that of `b`.
    f32x4_ge[F32x4], f64x2_ge[F64x2] (a, b) -> masks = a >= b;
}
