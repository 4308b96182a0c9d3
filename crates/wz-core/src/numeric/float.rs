//! Floating-point operators: section 4.3.3 of the specification.
//!
//! # NaN
//! `abs`, `neg` and `copysign` are operations on bits. A NaN that any other operator gives is
//! quiet, and is canonical if no operand is a NaN of another kind; its payload is otherwise the
//! machine's choice, as section 4.3.3 allows, and `min` and `max` always give the canonical NaN.
//! Rust does not promise quiet results, because the compiler may rewrite `x * 1.0` to `x`: hence
//! `quieted`.

use std::hint::cold_path;

/// What the operators are made of.
pub(super) trait Parts: Copy {
    /// The positive canonical NaN.
    const CANONICAL: Self;
    /// The value, as a quiet NaN if it is a NaN.
    fn quieted(self) -> Self;
    /// The same, of a value that is rarely a NaN: a branch, where `quieted` is arithmetic that
    /// the compiler can vectorize.
    fn mostly_number(self) -> Self;
    /// The value, as the positive canonical NaN if it is a NaN.
    fn canonical(self) -> Self;
    /// Whether one of the two is a NaN.
    fn unordered(self, other: Self) -> bool;
    /// The lesser, or the canonical NaN. The lesser of two zeros is the negative one.
    fn lesser(self, other: Self) -> Self;
    /// The greater, or the canonical NaN. The greater of two zeros is the positive one.
    fn greater(self, other: Self) -> Self;
    /// Rounded towards positive infinity.
    fn rounded_up(self) -> Self;
    /// Rounded towards negative infinity.
    fn rounded_down(self) -> Self;
    /// Rounded towards zero.
    fn rounded_in(self) -> Self;
    /// Rounded to the nearest integer, to the even one of two.
    fn rounded(self) -> Self;
    /// `rounded` of a number that is small.
    fn near(self) -> Self;
    /// Whether it is so small that it may have a fraction: not a NaN, not infinite.
    fn is_small(self) -> bool;
}

/// Whether the target rounds with one instruction. Without one, the compiler calls a library
/// function: a few additions that it can inline and vectorize are better.
const ROUNDS: bool = cfg!(any(
    target_feature = "sse4.1",
    target_arch = "aarch64",
    target_arch = "powerpc64",
    target_arch = "s390x",
    target_arch = "wasm32",
));

macro_rules! parts {
    ($F:ident, canonical $bits:literal) => {
        impl Parts for $F {
            const CANONICAL: Self = Self::from_bits($bits);

            #[inline(always)]
            fn quieted(self) -> Self {
                // Of the canonical NaN's bits, a NaN lacks at most the quiet bit.
                Self::from_bits(self.to_bits() | if self.is_nan() { $bits } else { 0 })
            }

            #[inline(always)]
            fn mostly_number(self) -> Self {
                if self.is_nan() {
                    cold_path();
                    return self.quieted();
                }
                self
            }

            #[inline(always)]
            fn canonical(self) -> Self {
                if self.is_nan() { Self::CANONICAL } else { self }
            }

            #[inline(always)]
            fn unordered(self, other: Self) -> bool {
                self.is_nan() || other.is_nan()
            }

            // Of two operands that differ both comparisons find the same one, of two zeros
            // the first finds one and the second the other: their signs are the only bits
            // to differ. These are x86's `minss` and `maxss`.
            #[inline(always)]
            fn lesser(self, other: Self) -> Self {
                let one = if self < other { self } else { other };
                let two = if other < self { other } else { self };
                let both = Self::from_bits(one.to_bits() | two.to_bits());
                if self.unordered(other) { Self::CANONICAL } else { both }
            }

            #[inline(always)]
            fn greater(self, other: Self) -> Self {
                let one = if self > other { self } else { other };
                let two = if other > self { other } else { self };
                let both = Self::from_bits(one.to_bits() & two.to_bits());
                if self.unordered(other) { Self::CANONICAL } else { both }
            }

            #[inline(always)]
            fn rounded_up(self) -> Self {
                if ROUNDS {
                    return self.ceil().quieted();
                }
                let near = self.near();
                // Zero takes its sign from the operand: it may be -1 + 1.
                let up = (near + if near < self { 1.0 } else { 0.0 }).copysign(self);
                let as_it_is = self.quieted();
                if self.is_small() { up } else { as_it_is }
            }

            #[inline(always)]
            fn rounded_down(self) -> Self {
                if ROUNDS {
                    return self.floor().quieted();
                }
                let near = self.near();
                let down = near - if near > self { 1.0 } else { 0.0 };
                let as_it_is = self.quieted();
                if self.is_small() { down } else { as_it_is }
            }

            #[inline(always)]
            fn rounded_in(self) -> Self {
                if ROUNDS {
                    return self.trunc().quieted();
                }
                let near = self.abs().near();
                let down = (near - if near > self.abs() { 1.0 } else { 0.0 }).copysign(self);
                let as_it_is = self.quieted();
                if self.is_small() { down } else { as_it_is }
            }

            #[inline(always)]
            fn rounded(self) -> Self {
                if ROUNDS {
                    return self.round_ties_even().quieted();
                }
                let (near, as_it_is) = (self.near(), self.quieted());
                if self.is_small() { near } else { as_it_is }
            }

            // The numbers from 1 / EPSILON on are 1 apart, so adding it rounds to an integer, and
            // to nearest and even as every addition does.
            #[inline(always)]
            fn near(self) -> Self {
                ((self.abs() + 1.0 / Self::EPSILON) - 1.0 / Self::EPSILON).copysign(self)
            }

            #[inline(always)]
            fn is_small(self) -> bool {
                self.abs() < 1.0 / Self::EPSILON
            }
        }
    };
}

parts!(f32, canonical 0x7fc0_0000);
parts!(f64, canonical 0x7ff8_0000_0000_0000);

/// The result of an operator that seldom has this one.
#[inline(always)]
fn not_a_number<F: Parts>() -> F {
    cold_path();
    F::CANONICAL
}

/// Rounds what is mostly small: a branch, where `round` is arithmetic.
#[inline(always)]
fn integer<F: Parts>(a: F, round: impl Fn(F) -> F) -> F {
    if ROUNDS || a.is_small() { round(a) } else { a.mostly_number() }
}

/// Defines each operator for `f32` and for `f64`. A row reads: names, operands, kind of result
/// (`float`, or `bool` for 0 or 1), definition.
macro_rules! float_operators {
    ($($(#[$doc:meta])* $f32:ident, $f64:ident($($x:ident),+) -> $kind:ident = $body:expr;)+) => {$(
        float_operators!(@ $kind f32 [$(#[$doc])*] $f32($($x),+) $body);
        float_operators!(@ $kind f64 [$(#[$doc])*] $f64($($x),+) $body);
    )+};
    (@ float $F:ident [$(#[$doc:meta])*] $name:ident($($x:ident),+) $body:expr) => {
        $(#[$doc])*
        #[inline(always)]
        #[must_use]
        pub fn $name($($x: $F),+) -> $F { $body }
    };
    (@ bool $F:ident [$(#[$doc:meta])*] $name:ident($($x:ident),+) $body:expr) => {
        $(#[$doc])*
        #[inline(always)]
        #[must_use]
        pub fn $name($($x: $F),+) -> i32 { i32::from($body) }
    };
}

float_operators! {
    /// Clears the sign bit, of NaNs too.
    f32_abs, f64_abs(a) -> float = a.abs();
    /// Inverts the sign bit, of NaNs too.
    f32_neg, f64_neg(a) -> float = -a;
    /// `a` with the sign of `b`; either may be a NaN.
    f32_copysign, f64_copysign(a, b) -> float = a.copysign(b);

    /// Rounds towards positive infinity.
    f32_ceil, f64_ceil(a) -> float = integer(a, Parts::rounded_up);
    /// Rounds towards negative infinity.
    f32_floor, f64_floor(a) -> float = integer(a, Parts::rounded_down);
    /// Rounds towards zero.
    f32_trunc, f64_trunc(a) -> float = integer(a, Parts::rounded_in);
    /// Rounds to the nearest integer, to the even one of two.
    f32_nearest, f64_nearest(a) -> float = integer(a, Parts::rounded);
    /// The square root; NaN of negative numbers other than -0.
    f32_sqrt, f64_sqrt(a) -> float = a.sqrt().mostly_number();

    /// The sum.
    f32_add, f64_add(a, b) -> float = (a + b).mostly_number();
    /// The difference.
    f32_sub, f64_sub(a, b) -> float = (a - b).mostly_number();
    /// The product.
    f32_mul, f64_mul(a, b) -> float = (a * b).mostly_number();
    /// The quotient.
    f32_div, f64_div(a, b) -> float = (a / b).mostly_number();
    /// The lesser, where -0 is less than +0; NaN if an operand is.
    f32_min, f64_min(a, b) -> float = match a.unordered(b) {
        true => not_a_number(),
        false => a.lesser(b),
    };
    /// The greater, where +0 is greater than -0; NaN if an operand is.
    f32_max, f64_max(a, b) -> float = match a.unordered(b) {
        true => not_a_number(),
        false => a.greater(b),
    };

    /// Whether the operands are equal: zeros are, NaNs never.
    f32_eq, f64_eq(a, b) -> bool = a == b;
    /// Whether the operands are not equal.
    f32_ne, f64_ne(a, b) -> bool = a != b;
    /// Whether `a` is less than `b`.
    f32_lt, f64_lt(a, b) -> bool = a < b;
    /// Whether `a` is greater than `b`.
    f32_gt, f64_gt(a, b) -> bool = a > b;
    /// Whether `a` is at most `b`.
    f32_le, f64_le(a, b) -> bool = a <= b;
    /// Whether `a` is at least `b`.
    f32_ge, f64_ge(a, b) -> bool = a >= b;
}
