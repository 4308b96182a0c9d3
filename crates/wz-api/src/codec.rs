//! Conversions between Rust values and the `u64` words of calls, globals and listeners.
//! Words hold integers zero-extended and floats as their bits.

/// Encodes an `i32`, zero-extended.
#[must_use]
pub const fn encode_i32(value: i32) -> u64 {
    value as u32 as u64
}

/// Decodes an `i32`; the upper 32 bits are ignored.
#[must_use]
pub const fn decode_i32(word: u64) -> i32 {
    word as i32
}

/// Encodes a `u32` as an `i32`.
#[must_use]
pub const fn encode_u32(value: u32) -> u64 {
    value as u64
}

/// Decodes an `i32` as unsigned; the upper 32 bits are ignored.
#[must_use]
pub const fn decode_u32(word: u64) -> u32 {
    word as u32
}

/// Encodes an `i64`.
#[must_use]
pub const fn encode_i64(value: i64) -> u64 {
    value as u64
}

/// Decodes an `i64`.
#[must_use]
pub const fn decode_i64(word: u64) -> i64 {
    word as i64
}

/// Encodes an `f32` as its bits.
#[must_use]
pub const fn encode_f32(value: f32) -> u64 {
    value.to_bits() as u64
}

/// Decodes an `f32`; the upper 32 bits are ignored.
#[must_use]
pub const fn decode_f32(word: u64) -> f32 {
    f32::from_bits(word as u32)
}

/// Encodes an `f64` as its bits.
#[must_use]
pub const fn encode_f64(value: f64) -> u64 {
    value.to_bits()
}

/// Decodes an `f64`.
#[must_use]
pub const fn decode_f64(word: u64) -> f64 {
    f64::from_bits(word)
}

/// Encodes a `v128` as two words, low half first.
#[must_use]
pub const fn encode_v128(value: u128) -> [u64; 2] {
    [value as u64, (value >> 64) as u64]
}

/// Decodes a `v128` from two words, low half first.
#[must_use]
pub const fn decode_v128(words: [u64; 2]) -> u128 {
    words[0] as u128 | (words[1] as u128) << 64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_round_trip() {
        for value in [0, 1, -1, i32::MAX, i32::MIN] {
            assert_eq!(decode_i32(encode_i32(value)), value);
            assert_eq!(encode_i32(value) >> 32, 0);
            assert_eq!(decode_u32(encode_u32(value as u32)), value as u32);
        }
        for value in [0, 1, -1, i64::MAX, i64::MIN] {
            assert_eq!(decode_i64(encode_i64(value)), value);
        }
        assert_eq!(decode_i32(0xffff_ffff_0000_0001), 1, "upper bits are ignored");
    }

    #[test]
    fn floats_keep_every_bit() {
        for bits in [0, 0x8000_0000, 0x7fc0_0000, 0x7fa0_0001, 0x7f80_0000, 0x3f80_0000] {
            assert_eq!(encode_f32(f32::from_bits(bits)), u64::from(bits));
            assert_eq!(decode_f32(u64::from(bits)).to_bits(), bits);
        }
        for bits in [0, 1 << 63, 0x7ff8 << 48, 0x7ff4_0000_0000_0001, 0x3ff0 << 48] {
            assert_eq!(encode_f64(f64::from_bits(bits)), bits);
            assert_eq!(decode_f64(bits).to_bits(), bits);
        }
    }

    #[test]
    fn vectors_round_trip() {
        let value = 0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100_u128;
        assert_eq!(encode_v128(value), [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908]);
        assert_eq!(decode_v128(encode_v128(value)), value);
    }
}
