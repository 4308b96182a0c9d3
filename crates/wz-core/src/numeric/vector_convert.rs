//! Operators whose results have other lanes than their operands: section 4.3.4 (conversions of
//! vectors) of the specification, and the products and sums that widen.

use super::float::Parts;
use super::lanes::{
    F32x4, F64x2, I8x16, I16x8, I32x4, I64x2, Lanes, U8x16, U16x8, U32x4, U64x2, Vector, map,
};

/// Defines what makes lanes of half as many lanes of double width. A row reads: names of what
/// takes the low and the high half, then of their products; lanes before and after.
macro_rules! widenings {
    ($($low:ident, $high:ident, $mul_low:ident, $mul_high:ident [$Narrow:ident -> $Wide:ident];)+) => {
        $(widenings!(@ "low" 0 $low $mul_low $Narrow $Wide);)+
        $(widenings!(@ "high" 1 $high $mul_high $Narrow $Wide);)+
    };
    (@ $half:literal $number:literal $extend:ident $extmul:ident $Narrow:ident $Wide:ident) => {
        #[doc = concat!("The lanes of the ", $half, " half, extended.")]
        #[inline(always)]
        #[must_use]
        pub fn $extend<V: Vector>(a: V) -> V {
            let a = $Narrow::of(a);
            $Wide::by(|lane| a[lane + a.len() / 2 * $number].into()).to()
        }

        #[doc = concat!("The products of the lanes of the ", $half, " half, extended.")]
        #[inline(always)]
        #[must_use]
        pub fn $extmul<V: Vector>(a: V, b: V) -> V {
            let (a, b) = ($Wide::of($extend(a.to_bytes())), $Wide::of($extend(b.to_bytes())));
            $Wide::by(|lane| a[lane].wrapping_mul(b[lane])).to()
        }
    };
}

widenings! {
    i16x8_extend_low_i8x16_s, i16x8_extend_high_i8x16_s, i16x8_extmul_low_i8x16_s, i16x8_extmul_high_i8x16_s
        [I8x16 -> I16x8];
    i16x8_extend_low_i8x16_u, i16x8_extend_high_i8x16_u, i16x8_extmul_low_i8x16_u, i16x8_extmul_high_i8x16_u
        [U8x16 -> U16x8];
    i32x4_extend_low_i16x8_s, i32x4_extend_high_i16x8_s, i32x4_extmul_low_i16x8_s, i32x4_extmul_high_i16x8_s
        [I16x8 -> I32x4];
    i32x4_extend_low_i16x8_u, i32x4_extend_high_i16x8_u, i32x4_extmul_low_i16x8_u, i32x4_extmul_high_i16x8_u
        [U16x8 -> U32x4];
    i64x2_extend_low_i32x4_s, i64x2_extend_high_i32x4_s, i64x2_extmul_low_i32x4_s, i64x2_extmul_high_i32x4_s
        [I32x4 -> I64x2];
    i64x2_extend_low_i32x4_u, i64x2_extend_high_i32x4_u, i64x2_extmul_low_i32x4_u, i64x2_extmul_high_i32x4_u
        [U32x4 -> U64x2];
}

/// Defines the sums of neighbours. A row reads: name, lanes before and after.
macro_rules! pairwise {
    ($($name:ident [$Narrow:ident -> $Wide:ident];)+) => {$(
        /// The sums of each two neighbouring lanes, extended.
        #[inline(always)]
        #[must_use]
        pub fn $name<V: Vector>(a: V) -> V {
            let a = $Narrow::of(a);
            let wide = |lane: usize| <$Wide as Lanes>::Lane::from(a[lane]);
            $Wide::by(|lane| wide(2 * lane) + wide(2 * lane + 1)).to()
        }
    )+};
}

pairwise! {
    i16x8_extadd_pairwise_i8x16_s [I8x16 -> I16x8];
    i16x8_extadd_pairwise_i8x16_u [U8x16 -> U16x8];
    i32x4_extadd_pairwise_i16x8_s [I16x8 -> I32x4];
    i32x4_extadd_pairwise_i16x8_u [U16x8 -> U32x4];
}

/// The sums of the products of each two neighbouring lanes, modulo 2^32.
#[inline(always)]
#[must_use]
pub fn i32x4_dot_i16x8_s<V: Vector>(a: V, b: V) -> V {
    let (a, b) = (I32x4::of(a), I32x4::of(b));
    let low = |pair: i32| i32::from(pair as i16);
    let high = |pair: i32| pair >> 16;
    I32x4::by(|lane| (low(a[lane]) * low(b[lane])).wrapping_add(high(a[lane]) * high(b[lane]))).to()
}

/// Defines what makes lanes of half the width. A row reads: name, lanes before and after, type of
/// a lane after. Operands are signed always.
macro_rules! narrowings {
    ($($name:ident [$Wide:ident -> $Narrow:ident of $Lane:ident];)+) => {$(
        /// The lanes of `a`, then those of `b`, each or the nearest of the narrower range.
        #[inline(always)]
        #[must_use]
        pub fn $name<V: Vector>(a: V, b: V) -> V {
            let (a, b) = ($Wide::of(a), $Wide::of(b));
            let wide = |lane: usize| if lane < a.len() { a[lane] } else { b[lane - a.len()] };
            $Narrow::by(|lane| wide(lane).clamp($Lane::MIN.into(), $Lane::MAX.into()) as $Lane).to()
        }
    )+};
}

narrowings! {
    i8x16_narrow_i16x8_s [I16x8 -> I8x16 of i8];
    i8x16_narrow_i16x8_u [I16x8 -> U8x16 of u8];
    i16x8_narrow_i32x4_s [I32x4 -> I16x8 of i16];
    i16x8_narrow_i32x4_u [I32x4 -> U16x8 of u16];
}

/// Defines conversions that keep the number of lanes, or have two. A row reads: name, lanes
/// before and after (`low`: only the low two; `zero`: the high two become zero), definition.
macro_rules! conversions {
    ($($(#[$doc:meta])+ $name:ident [$From:ident $(($low:ident))? -> $To:ident $(($zero:ident))?]
        ($a:ident) = $body:expr;)+) => {
        $(conversions!(@ [$($low)? $($zero)?] $name $From $To [$(#[$doc])+] $a $body);)+
    };
    (@ [] $name:ident $From:ident $To:ident [$(#[$doc:meta])+] $a:ident $body:expr) => {
        $(#[$doc])+
        #[inline(always)]
        #[must_use]
        pub fn $name<V: Vector>($a: V) -> V {
            map::<$From, $To, V>($a, |$a| $body)
        }
    };
    (@ [low] $name:ident $From:ident $To:ident [$(#[$doc:meta])+] $a:ident $body:expr) => {
        $(#[$doc])+
        #[inline(always)]
        #[must_use]
        pub fn $name<V: Vector>($a: V) -> V {
            let lanes = $From::of($a);
            $To::by(|lane| { let $a = lanes[lane]; $body }).to()
        }
    };
    (@ [zero] $name:ident $From:ident $To:ident [$(#[$doc:meta])+] $a:ident $body:expr) => {
        $(#[$doc])+
        #[inline(always)]
        #[must_use]
        pub fn $name<V: Vector>($a: V) -> V {
            let [low, high] = $From::of($a).map(|$a| $body);
            [low, high, Default::default(), Default::default()].to()
        }
    };
}

conversions! {
    /// Truncates, to the nearest of the range, NaN to 0.
    i32x4_trunc_sat_f32x4_s [F32x4 -> I32x4] (a) = a as i32;
    /// Truncates, to the nearest of the unsigned range, NaN to 0.
    i32x4_trunc_sat_f32x4_u [F32x4 -> U32x4] (a) = a as u32;
    /// Truncates, to the nearest of the range, NaN to 0.
    i32x4_trunc_sat_f64x2_s_zero [F64x2 -> I32x4 (zero)] (a) = a as i32;
    /// Truncates, to the nearest of the unsigned range, NaN to 0.
    i32x4_trunc_sat_f64x2_u_zero [F64x2 -> U32x4 (zero)] (a) = a as u32;
    /// The nearest number, the even one of two.
    f32x4_convert_i32x4_s [I32x4 -> F32x4] (a) = a as f32;
    /// The nearest number to the unsigned integer, the even one of two.
    f32x4_convert_i32x4_u [U32x4 -> F32x4] (a) = a as f32;
    /// The same number.
    f64x2_convert_low_i32x4_s [I32x4 (low) -> F64x2] (a) = f64::from(a);
    /// The same number, of the unsigned integer.
    f64x2_convert_low_i32x4_u [U32x4 (low) -> F64x2] (a) = f64::from(a);
    /// The nearest number, the even one of two; a NaN becomes a quiet one.
    f32x4_demote_f64x2_zero [F64x2 -> F32x4 (zero)] (a) = (a as f32).quieted();
    /// The same number; a NaN becomes a quiet one.
    f64x2_promote_low_f32x4 [F32x4 (low) -> F64x2] (a) = f64::from(a).quieted();
}
