//! Operators that move lanes or do not care for them: sections 4.4.3 (splat, lanes, shuffle,
//! swizzle) and 4.3.2 (bitwise operations of vectors) of the specification.
//!
//! Lane immediates are valid: below the number of lanes, in `i8x16.shuffle` below 32.

use wz_api::V128;

use super::lanes::{F32x4, F64x2, I8x16, I16x8, I32x4, I64x2, Lanes, U8x16, U16x8, U64x2, Vector};

/// Defines `splat` and `replace_lane`. A row reads: names, lanes, scalar, how it becomes a lane.
macro_rules! fills {
    ($($splat:ident, $replace_lane:ident [$Lanes:ident] ($scalar:ident: $Scalar:ident) = $lane:expr;)+) => {$(
        /// The vector with the scalar, as far as it fits, in every lane.
        #[inline(always)]
        #[must_use]
        pub fn $splat<V: Vector>($scalar: $Scalar) -> V {
            $Lanes::by(|_| $lane).to()
        }

        /// The vector with the scalar, as far as it fits, in that lane.
        #[inline(always)]
        #[must_use]
        pub fn $replace_lane<V: Vector>(a: V, lane: u8, $scalar: $Scalar) -> V {
            // Blending is faster than writing a part of a vector in memory and reading all of it,
            // and must not look like a choice between as many cases as there are lanes.
            const COUNT: usize = size_of::<V128>() / size_of::<<$Lanes as Lanes>::Lane>();
            const MASKS: [<$Lanes as Lanes>::Masks; COUNT] = {
                let mut masks = [[0; COUNT]; COUNT];
                let mut lane = 0;
                while lane < COUNT {
                    masks[lane][lane] = -1;
                    lane += 1;
                }
                masks
            };
            let (lanes, mask) = ($Lanes::of(a), MASKS[usize::from(lane) % COUNT]);
            $Lanes::by(|lane| if mask[lane] != 0 { $lane } else { lanes[lane] }).to()
        }
    )+};
}

fills! {
    i8x16_splat, i8x16_replace_lane [I8x16] (value: i32) = value as i8;
    i16x8_splat, i16x8_replace_lane [I16x8] (value: i32) = value as i16;
    i32x4_splat, i32x4_replace_lane [I32x4] (value: i32) = value;
    i64x2_splat, i64x2_replace_lane [I64x2] (value: i64) = value;
    f32x4_splat, f32x4_replace_lane [F32x4] (value: f32) = value;
    f64x2_splat, f64x2_replace_lane [F64x2] (value: f64) = value;
}

/// Defines `extract_lane`. A row reads: name, lanes, scalar.
macro_rules! extracts {
    ($($extract_lane:ident [$Lanes:ident] -> $Scalar:ident;)+) => {$(
        /// The lane with that index.
        #[inline(always)]
        #[must_use]
        pub fn $extract_lane<V: Vector>(a: V, lane: u8) -> $Scalar {
            let lanes = $Lanes::of(a);
            lanes[usize::from(lane) % lanes.len()].into()
        }
    )+};
}

extracts! {
    i8x16_extract_lane_s [I8x16] -> i32;
    i8x16_extract_lane_u [U8x16] -> i32;
    i16x8_extract_lane_s [I16x8] -> i32;
    i16x8_extract_lane_u [U16x8] -> i32;
    i32x4_extract_lane [I32x4] -> i32;
    i64x2_extract_lane [I64x2] -> i64;
    f32x4_extract_lane [F32x4] -> f32;
    f64x2_extract_lane [F64x2] -> f64;
}

/// The bytes that `lanes` selects: 0 to 15 are of `a`, 16 to 31 of `b`.
#[inline(always)]
#[must_use]
pub fn i8x16_shuffle<V: Vector>(lanes: [u8; 16], a: V, b: V) -> V {
    let [low, high] = U64x2::of(lanes);
    let table = table(a.to_bytes(), b.to_bytes());
    [select(&table, low), select(&table, high)].to()
}

/// The bytes of `a` that the bytes of `b` select, zero for 16 and above.
#[inline(always)]
#[must_use]
pub fn i8x16_swizzle<V: Vector>(a: V, b: V) -> V {
    // Bit 4 of an index, which means the zeros, is whether one of its bits 4 to 7 is one.
    let index = |bytes: u64| {
        let above = (bytes >> 4 & 0x0f0f_0f0f_0f0f_0f0f) + 0x0f0f_0f0f_0f0f_0f0f;
        bytes & 0x0f0f_0f0f_0f0f_0f0f | above & 0x1010_1010_1010_1010
    };
    let [low, high] = U64x2::of(b);
    let table = table(a.to_bytes(), [0; 16]);
    [select(&table, index(low)), select(&table, index(high))].to()
}

/// The bytes of two vectors.
#[inline(always)]
fn table(a: [u8; 16], b: [u8; 16]) -> [u8; 32] {
    let mut table = [0; 32];
    let mut index = 0;
    while index < 16 {
        table[index] = a[index];
        table[index + 16] = b[index];
        index += 1;
    }
    table
}

/// The bytes that the lowest five bits of each byte of `indices` select.
#[inline(always)]
fn select(table: &[u8; 32], indices: u64) -> u64 {
    let mut selected = 0;
    let mut shift = 0;
    while shift < 64 {
        selected |= u64::from(table[(indices >> shift) as usize % 32]) << shift;
        shift += 8;
    }
    selected
}

/// Defines the bitwise operators.
macro_rules! bitwise {
    ($($(#[$doc:meta])+ $name:ident($($x:ident),+) = $body:expr;)+) => {$(
        $(#[$doc])+
        #[inline(always)]
        #[must_use]
        pub fn $name<V: Vector>($($x: V),+) -> V {
            $(let $x = U64x2::of($x);)+
            U64x2::by(|half| {
                $(let $x = $x[half];)+
                $body
            })
            .to()
        }
    )+};
}

bitwise! {
    /// Bitwise not.
    v128_not(a) = !a;
    /// Bitwise and.
    v128_and(a, b) = a & b;
    /// Bitwise and of `a` and the inverse of `b`.
    v128_andnot(a, b) = a & !b;
    /// Bitwise or.
    v128_or(a, b) = a | b;
    /// Bitwise exclusive or.
    v128_xor(a, b) = a ^ b;
    /// The bits of `a` where the mask is one, those of `b` where it is zero.
    v128_bitselect(a, b, mask) = (a & mask) | (b & !mask);
}

/// Whether any bit is one.
#[inline(always)]
#[must_use]
pub fn v128_any_true<V: Vector>(a: V) -> i32 {
    let [low, high] = U64x2::of(a);
    i32::from(low | high != 0)
}
