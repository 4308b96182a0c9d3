//! Integer operators: sections 4.3.2 (integer operations) of the specification. The interpretation
//! of an operand as signed or unsigned is part of the operator; the type is signed always.

use wz_api::Trap;

/// Defines each operator for `i32` and for `i64`. A row reads: names, operands, kind of result
/// (`int`, `bool` or `trap`: an integer, 0 or 1, an integer or a trap), definition.
macro_rules! integer_operators {
    ($($(#[$doc:meta])* $i32:ident, $i64:ident($($x:ident),+) -> $kind:ident = $body:expr;)+) => {$(
        integer_operators!(@ $kind i32 [$(#[$doc])*] $i32($($x),+) $body);
        integer_operators!(@ $kind i64 [$(#[$doc])*] $i64($($x),+) $body);
    )+};
    (@ int $T:ident [$(#[$doc:meta])*] $name:ident($($x:ident),+) $body:expr) => {
        $(#[$doc])*
        #[inline(always)]
        #[must_use]
        pub fn $name($($x: $T),+) -> $T { $body }
    };
    (@ bool $T:ident [$(#[$doc:meta])*] $name:ident($($x:ident),+) $body:expr) => {
        $(#[$doc])*
        #[inline(always)]
        #[must_use]
        pub fn $name($($x: $T),+) -> i32 { i32::from($body) }
    };
    (@ trap $T:ident [$(#[$doc:meta])*] $name:ident($($x:ident),+) $body:expr) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// [`Trap::IntegerDivideByZero`], and [`Trap::IntegerOverflow`] if the result is out of range.
        #[inline(always)]
        pub fn $name($($x: $T),+) -> Result<$T, Trap> { $body }
    };
}

integer_operators! {
    /// The number of leading zero bits.
    i32_clz, i64_clz(a) -> int = a.leading_zeros() as _;
    /// The number of trailing zero bits.
    i32_ctz, i64_ctz(a) -> int = a.trailing_zeros() as _;
    /// The number of bits that are one.
    i32_popcnt, i64_popcnt(a) -> int = a.count_ones() as _;

    /// The sum, modulo 2^N.
    i32_add, i64_add(a, b) -> int = a.wrapping_add(b);
    /// The difference, modulo 2^N.
    i32_sub, i64_sub(a, b) -> int = a.wrapping_sub(b);
    /// The product, modulo 2^N.
    i32_mul, i64_mul(a, b) -> int = a.wrapping_mul(b);

    /// The signed quotient, rounded towards zero.
    i32_div_s, i64_div_s(a, b) -> trap = match a.checked_div(b) {
        Some(quotient) => Ok(quotient),
        None if b == 0 => Err(Trap::IntegerDivideByZero),
        None => Err(Trap::IntegerOverflow),
    };
    /// The unsigned quotient, rounded towards zero.
    i32_div_u, i64_div_u(a, b) -> trap = match a.cast_unsigned().checked_div(b.cast_unsigned()) {
        Some(quotient) => Ok(quotient.cast_signed()),
        None => Err(Trap::IntegerDivideByZero),
    };
    /// The remainder of the signed division; its sign is the dividend's. Never overflows.
    i32_rem_s, i64_rem_s(a, b) -> trap = match b {
        0 => Err(Trap::IntegerDivideByZero),
        b => Ok(a.wrapping_rem(b)),
    };
    /// The remainder of the unsigned division.
    i32_rem_u, i64_rem_u(a, b) -> trap = match a.cast_unsigned().checked_rem(b.cast_unsigned()) {
        Some(remainder) => Ok(remainder.cast_signed()),
        None => Err(Trap::IntegerDivideByZero),
    };

    /// Bitwise and.
    i32_and, i64_and(a, b) -> int = a & b;
    /// Bitwise or.
    i32_or, i64_or(a, b) -> int = a | b;
    /// Bitwise exclusive or.
    i32_xor, i64_xor(a, b) -> int = a ^ b;
    /// Shifts left by `b` modulo N.
    i32_shl, i64_shl(a, b) -> int = a.wrapping_shl(b as u32);
    /// Shifts right by `b` modulo N; the sign comes in.
    i32_shr_s, i64_shr_s(a, b) -> int = a.wrapping_shr(b as u32);
    /// Shifts right by `b` modulo N; zeros come in.
    i32_shr_u, i64_shr_u(a, b) -> int = a.cast_unsigned().wrapping_shr(b as u32).cast_signed();
    /// Rotates left by `b` modulo N.
    i32_rotl, i64_rotl(a, b) -> int = a.rotate_left(b as u32);
    /// Rotates right by `b` modulo N.
    i32_rotr, i64_rotr(a, b) -> int = a.rotate_right(b as u32);

    /// Whether the operand is zero.
    i32_eqz, i64_eqz(a) -> bool = a == 0;
    /// Whether the operands are equal.
    i32_eq, i64_eq(a, b) -> bool = a == b;
    /// Whether the operands differ.
    i32_ne, i64_ne(a, b) -> bool = a != b;
    /// Whether `a` is less than `b`, signed.
    i32_lt_s, i64_lt_s(a, b) -> bool = a < b;
    /// Whether `a` is less than `b`, unsigned.
    i32_lt_u, i64_lt_u(a, b) -> bool = a.cast_unsigned() < b.cast_unsigned();
    /// Whether `a` is greater than `b`, signed.
    i32_gt_s, i64_gt_s(a, b) -> bool = a > b;
    /// Whether `a` is greater than `b`, unsigned.
    i32_gt_u, i64_gt_u(a, b) -> bool = a.cast_unsigned() > b.cast_unsigned();
    /// Whether `a` is at most `b`, signed.
    i32_le_s, i64_le_s(a, b) -> bool = a <= b;
    /// Whether `a` is at most `b`, unsigned.
    i32_le_u, i64_le_u(a, b) -> bool = a.cast_unsigned() <= b.cast_unsigned();
    /// Whether `a` is at least `b`, signed.
    i32_ge_s, i64_ge_s(a, b) -> bool = a >= b;
    /// Whether `a` is at least `b`, unsigned.
    i32_ge_u, i64_ge_u(a, b) -> bool = a.cast_unsigned() >= b.cast_unsigned();

    /// Extends the low 8 bits with their sign.
    i32_extend8_s, i64_extend8_s(a) -> int = (a as i8).into();
    /// Extends the low 16 bits with their sign.
    i32_extend16_s, i64_extend16_s(a) -> int = (a as i16).into();
}

/// Extends the low 32 bits with their sign.
#[inline(always)]
#[must_use]
pub fn i64_extend32_s(a: i64) -> i64 {
    i64::from(a as i32)
}
