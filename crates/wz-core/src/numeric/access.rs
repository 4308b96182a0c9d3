//! What loads make of the bytes in memory and stores write there: section 4.4.7 (memory
//! instructions) of the specification, without the memory. Every function takes or gives the bytes
//! at the address.

use super::lanes::{Bytes, Vector};
use super::{
    i8x16_extract_lane_u, i8x16_replace_lane, i8x16_splat, i16x8_extend_low_i8x16_s,
    i16x8_extend_low_i8x16_u, i16x8_extract_lane_u, i16x8_replace_lane, i16x8_splat,
    i32x4_extend_low_i16x8_s, i32x4_extend_low_i16x8_u, i32x4_extract_lane, i32x4_replace_lane, i32x4_splat,
    i64x2_extend_low_i32x4_s, i64x2_extend_low_i32x4_u, i64x2_extract_lane, i64x2_replace_lane, i64x2_splat,
};

/// Defines the loads of scalars. A row reads: name, number of bytes, the integer that they are,
/// what is made of it.
macro_rules! loads {
    ($($name:ident($count:literal bytes as $I:ident) -> $R:ident = $convert:path;)+) => {$(
        #[doc = concat!("The bytes as an `", stringify!($I), "`, made an `", stringify!($R), "`.")]
        #[inline(always)]
        #[must_use]
        pub fn $name(bytes: [u8; $count]) -> $R {
            $convert($I::from_le_bytes(bytes))
        }
    )+};
}

loads! {
    i32_load(4 bytes as i32) -> i32 = i32::from;
    i64_load(8 bytes as i64) -> i64 = i64::from;
    f32_load(4 bytes as u32) -> f32 = f32::from_bits;
    f64_load(8 bytes as u64) -> f64 = f64::from_bits;
    i32_load8_s(1 bytes as i8) -> i32 = i32::from;
    i32_load8_u(1 bytes as u8) -> i32 = i32::from;
    i32_load16_s(2 bytes as i16) -> i32 = i32::from;
    i32_load16_u(2 bytes as u16) -> i32 = i32::from;
    i64_load8_s(1 bytes as i8) -> i64 = i64::from;
    i64_load8_u(1 bytes as u8) -> i64 = i64::from;
    i64_load16_s(2 bytes as i16) -> i64 = i64::from;
    i64_load16_u(2 bytes as u16) -> i64 = i64::from;
    i64_load32_s(4 bytes as i32) -> i64 = i64::from;
    i64_load32_u(4 bytes as u32) -> i64 = i64::from;
}

/// Defines the loads of vectors. A row reads: name, number of bytes, definition.
macro_rules! vector_loads {
    ($($(#[$doc:meta])+ $name:ident($bytes:ident: $count:literal) = $body:expr;)+) => {$(
        $(#[$doc])+
        #[inline(always)]
        #[must_use]
        pub fn $name<V: Vector>($bytes: [u8; $count]) -> V { $body }
    )+};
}

vector_loads! {
    /// All of the vector.
    v128_load(bytes: 16) = V::from_bytes(bytes);
    /// Eight lanes of 16 bits, extended with their signs.
    v128_load8x8_s(bytes: 8) = i16x8_extend_low_i8x16_s(low(bytes));
    /// Eight lanes of 16 bits, extended with zeros.
    v128_load8x8_u(bytes: 8) = i16x8_extend_low_i8x16_u(low(bytes));
    /// Four lanes of 32 bits, extended with their signs.
    v128_load16x4_s(bytes: 8) = i32x4_extend_low_i16x8_s(low(bytes));
    /// Four lanes of 32 bits, extended with zeros.
    v128_load16x4_u(bytes: 8) = i32x4_extend_low_i16x8_u(low(bytes));
    /// Two lanes of 64 bits, extended with their signs.
    v128_load32x2_s(bytes: 8) = i64x2_extend_low_i32x4_s(low(bytes));
    /// Two lanes of 64 bits, extended with zeros.
    v128_load32x2_u(bytes: 8) = i64x2_extend_low_i32x4_u(low(bytes));
    /// The bytes in every lane.
    v128_load8_splat(bytes: 1) = i8x16_splat(i32_load8_u(bytes));
    /// The bytes in every lane.
    v128_load16_splat(bytes: 2) = i16x8_splat(i32_load16_u(bytes));
    /// The bytes in every lane.
    v128_load32_splat(bytes: 4) = i32x4_splat(i32_load(bytes));
    /// The bytes in every lane.
    v128_load64_splat(bytes: 8) = i64x2_splat(i64_load(bytes));
    /// The bytes in lane 0, zeros elsewhere.
    v128_load32_zero(bytes: 4) = low(bytes);
    /// The bytes in lane 0, zeros elsewhere.
    v128_load64_zero(bytes: 8) = low(bytes);
}

/// The vector with these bytes first and zeros behind them.
#[inline(always)]
fn low<V: Vector, const COUNT: usize>(bytes: [u8; COUNT]) -> V {
    let mut all: Bytes = [0; 16];
    let mut index = 0;
    while index < COUNT {
        all[index] = bytes[index];
        index += 1;
    }
    V::from_bytes(all)
}

/// Defines the loads and stores of lanes. A row reads: names, number of bytes; how the lane is put
/// in, the load that makes it a scalar; how it is taken out, the integer that it becomes.
macro_rules! lane_accesses {
    ($($load:ident, $store:ident: $count:literal,
        $replace:ident($scalar:ident), $extract:ident as $I:ident;)+) => {$(
        /// The vector with the bytes in that lane.
        #[inline(always)]
        #[must_use]
        pub fn $load<V: Vector>(bytes: [u8; $count], a: V, lane: u8) -> V {
            $replace(a, lane, $scalar(bytes))
        }

        /// The bytes of that lane.
        #[inline(always)]
        #[must_use]
        pub fn $store<V: Vector>(a: V, lane: u8) -> [u8; $count] {
            ($extract(a, lane) as $I).to_le_bytes()
        }
    )+};
}

lane_accesses! {
    v128_load8_lane, v128_store8_lane: 1, i8x16_replace_lane(i32_load8_u), i8x16_extract_lane_u as u8;
    v128_load16_lane, v128_store16_lane: 2, i16x8_replace_lane(i32_load16_u), i16x8_extract_lane_u as u16;
    v128_load32_lane, v128_store32_lane: 4, i32x4_replace_lane(i32_load), i32x4_extract_lane as u32;
    v128_load64_lane, v128_store64_lane: 8, i64x2_replace_lane(i64_load), i64x2_extract_lane as u64;
}
