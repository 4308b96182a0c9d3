//! Constants of 128 bits that are the same in every lane.

/// A byte in every lane.
pub(super) const fn splat8(lane: u8) -> u128 {
    u128::from_le_bytes([lane; 16])
}

/// 16 bits in every lane.
pub(super) const fn splat16(lane: u16) -> u128 {
    splat32((lane as u32) << 16 | lane as u32)
}

/// 32 bits in every lane.
pub(super) const fn splat32(lane: u32) -> u128 {
    splat64((lane as u64) << 32 | lane as u64)
}

/// 64 bits in every lane.
pub(super) const fn splat64(lane: u64) -> u128 {
    (lane as u128) << 64 | lane as u128
}

/// The signs of numbers.
pub(super) const fn signs(double: bool) -> u128 {
    if double { splat64(1 << 63) } else { splat32(1 << 31) }
}
