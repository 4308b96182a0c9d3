//! Conversions between number types: section 4.3.4 of the specification.

use std::hint::cold_path;

use wz_api::Trap;

use super::float::Parts;

/// Why a number has no integer: it is not one, or it is out of range.
#[inline(always)]
fn inconvertible(nan: bool) -> Trap {
    cold_path();
    if nan { Trap::InvalidConversionToInteger } else { Trap::IntegerOverflow }
}

/// Defines the conversions that trap. A row reads: name, operand, result, the integer type that
/// the truncated operand must fit, and how that is seen.
macro_rules! truncations {
    ($($name:ident($a:ident: $F:ident) -> $I:ident via $T:ident where $fits:expr;)+) => {$(
        #[doc = concat!("Truncates to an integer that must fit `", stringify!($T), "`.")]
        ///
        /// # Errors
        /// [`Trap::InvalidConversionToInteger`] for NaN, else [`Trap::IntegerOverflow`].
        #[inline(always)]
        pub fn $name($a: $F) -> Result<$I, Trap> {
            if $fits { Ok($a as $T as $I) } else { Err(inconvertible($a.is_nan())) }
        }
    )+};
}

const TWO_31: f64 = 2_147_483_648.0;
const TWO_32: f64 = 4_294_967_296.0;
const TWO_63: f64 = 9_223_372_036_854_775_808.0;
const TWO_64: f64 = 18_446_744_073_709_551_616.0;

truncations! {
    i32_trunc_f32_s(a: f32) -> i32 via i32 where (-TWO_31 as f32..TWO_31 as f32).contains(&a);
    i32_trunc_f32_u(a: f32) -> i32 via u32 where a > -1.0 && a < TWO_32 as f32;
    i32_trunc_f64_s(a: f64) -> i32 via i32 where a > -TWO_31 - 1.0 && a < TWO_31;
    i32_trunc_f64_u(a: f64) -> i32 via u32 where a > -1.0 && a < TWO_32;
    i64_trunc_f32_s(a: f32) -> i64 via i64 where (-TWO_63 as f32..TWO_63 as f32).contains(&a);
    i64_trunc_f32_u(a: f32) -> i64 via u64 where a > -1.0 && a < TWO_64 as f32;
    i64_trunc_f64_s(a: f64) -> i64 via i64 where (-TWO_63..TWO_63).contains(&a);
    i64_trunc_f64_u(a: f64) -> i64 via u64 where a > -1.0 && a < TWO_64;
}

/// Defines conversions that always have a result. A row reads: name, operand, result, definition.
macro_rules! conversions {
    ($($(#[$doc:meta])+ $name:ident($a:ident: $A:ident) -> $R:ident = $body:expr;)+) => {$(
        $(#[$doc])+
        #[inline(always)]
        #[must_use]
        pub fn $name($a: $A) -> $R { $body }
    )+};
}

conversions! {
    /// The low 32 bits.
    i32_wrap_i64(a: i64) -> i32 = a as i32;
    /// Extends with the sign.
    i64_extend_i32_s(a: i32) -> i64 = i64::from(a);
    /// Extends with zeros.
    i64_extend_i32_u(a: i32) -> i64 = i64::from(a.cast_unsigned());

    /// Truncates, to the nearest of the range, NaN to 0.
    i32_trunc_sat_f32_s(a: f32) -> i32 = a as i32;
    /// Truncates, to the nearest of the unsigned range, NaN to 0.
    i32_trunc_sat_f32_u(a: f32) -> i32 = (a as u32).cast_signed();
    /// Truncates, to the nearest of the range, NaN to 0.
    i32_trunc_sat_f64_s(a: f64) -> i32 = a as i32;
    /// Truncates, to the nearest of the unsigned range, NaN to 0.
    i32_trunc_sat_f64_u(a: f64) -> i32 = (a as u32).cast_signed();
    /// Truncates, to the nearest of the range, NaN to 0.
    i64_trunc_sat_f32_s(a: f32) -> i64 = a as i64;
    /// Truncates, to the nearest of the unsigned range, NaN to 0.
    i64_trunc_sat_f32_u(a: f32) -> i64 = (a as u64).cast_signed();
    /// Truncates, to the nearest of the range, NaN to 0.
    i64_trunc_sat_f64_s(a: f64) -> i64 = a as i64;
    /// Truncates, to the nearest of the unsigned range, NaN to 0.
    i64_trunc_sat_f64_u(a: f64) -> i64 = (a as u64).cast_signed();

    /// The nearest number, the even one of two.
    f32_convert_i32_s(a: i32) -> f32 = a as f32;
    /// The nearest number to the unsigned integer, the even one of two.
    f32_convert_i32_u(a: i32) -> f32 = a.cast_unsigned() as f32;
    /// The nearest number, the even one of two.
    f32_convert_i64_s(a: i64) -> f32 = a as f32;
    /// The nearest number to the unsigned integer, the even one of two.
    f32_convert_i64_u(a: i64) -> f32 = a.cast_unsigned() as f32;
    /// The same number.
    f64_convert_i32_s(a: i32) -> f64 = f64::from(a);
    /// The same number, of the unsigned integer.
    f64_convert_i32_u(a: i32) -> f64 = f64::from(a.cast_unsigned());
    /// The nearest number, the even one of two.
    f64_convert_i64_s(a: i64) -> f64 = a as f64;
    /// The nearest number to the unsigned integer, the even one of two.
    f64_convert_i64_u(a: i64) -> f64 = a.cast_unsigned() as f64;

    /// The nearest number, the even one of two; a NaN becomes a quiet one.
    f32_demote_f64(a: f64) -> f32 = (a as f32).mostly_number();
    /// The same number; a NaN becomes a quiet one.
    f64_promote_f32(a: f32) -> f64 = f64::from(a).mostly_number();

    /// The bits.
    i32_reinterpret_f32(a: f32) -> i32 = a.to_bits().cast_signed();
    /// The bits.
    i64_reinterpret_f64(a: f64) -> i64 = a.to_bits().cast_signed();
    /// The number with these bits.
    f32_reinterpret_i32(a: i32) -> f32 = f32::from_bits(a.cast_unsigned());
    /// The number with these bits.
    f64_reinterpret_i64(a: i64) -> f64 = f64::from_bits(a.cast_unsigned());
}
