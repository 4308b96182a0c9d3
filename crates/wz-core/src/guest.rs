//! The only file that touches guest bytes: checks, loads, stores, and bulk operations over raw
//! pointers. No reference to guest bytes is ever made, because other threads may run the guest.
//!
//! Racing accesses are the one deviation from Rust's memory model, see `docs/concurrency.md`.
//! Numbers are little-endian in guest memory, whatever the host is.

use std::sync::atomic::AtomicU8;

/// Where an access of `size` bytes at `address + offset` begins, if it is within `len_bytes`.
#[inline(always)]
#[must_use]
pub fn check(address: u64, offset: u64, size: u64, len_bytes: usize) -> Option<usize> {
    let at = address.checked_add(offset)?;
    let end = at.checked_add(size)?;
    if end <= len_bytes as u64 { Some(at as usize) } else { None }
}

/// A number as guest memory holds it.
pub trait GuestNumber: Copy + sealed::Sealed {
    /// Converts a number as it was read from guest memory.
    #[must_use]
    fn from_guest(raw: Self) -> Self;
    /// Converts to the order of bytes in guest memory.
    #[must_use]
    fn to_guest(self) -> Self;
}

mod sealed {
    /// Keeps [`GuestNumber`](super::GuestNumber) to types for which every bit pattern is valid.
    pub trait Sealed {}
}

macro_rules! guest_numbers {
    ($($ty:ty)*) => {$(
        impl sealed::Sealed for $ty {}
        impl GuestNumber for $ty {
            #[inline(always)]
            fn from_guest(raw: Self) -> Self {
                Self::from_le(raw)
            }
            #[inline(always)]
            fn to_guest(self) -> Self {
                self.to_le()
            }
        }
    )*};
}
guest_numbers!(u8 i8 u16 i16 u32 i32 u64 i64 u128 i128);

/// Loads a number.
///
/// # Safety
/// `at + size_of::<T>()` bytes from `base` are committed memory.
#[inline(always)]
#[must_use]
pub unsafe fn load<T: GuestNumber>(base: *const u8, at: usize) -> T {
    // SAFETY: the caller says that the bytes are there; every bit pattern is a `T`.
    unsafe { T::from_guest(base.add(at).cast::<T>().read_unaligned()) }
}

/// Stores a number.
///
/// # Safety
/// As for [`load`].
#[inline(always)]
pub unsafe fn store<T: GuestNumber>(base: *mut u8, at: usize, value: T) {
    // SAFETY: the caller says that the bytes are there.
    unsafe { base.add(at).cast::<T>().write_unaligned(value.to_guest()) }
}

/// Copies within guest memory, or between two; the ranges may overlap.
///
/// # Safety
/// Both ranges are committed memory.
#[inline]
pub unsafe fn copy(to_base: *mut u8, to: usize, from_base: *const u8, from: usize, len: usize) {
    // SAFETY: the caller says that the bytes are there.
    unsafe { std::ptr::copy(from_base.add(from), to_base.add(to), len) }
}

/// Sets `len` bytes from `base` to zero, of memory that is going to be used again. Most of it was
/// never written: what is zero already is only read, which costs half of writing it.
///
/// # Safety
/// The bytes are committed, nobody else accesses them, and `base` is aligned to 8 bytes.
pub unsafe fn clear(base: *mut u8, len: usize) {
    debug_assert!(base.addr().is_multiple_of(8));
    let blocks = len / CLEARED_AT_ONCE;
    for block in 0..blocks {
        // SAFETY: the block is within the bytes, aligned, and nobody else accesses it.
        let block = unsafe { &mut *base.cast::<[u64; CLEARED_AT_ONCE / 8]>().add(block) };
        if block.iter().fold(0, |all, word| all | word) != 0 {
            block.fill(0);
        }
    }
    // SAFETY: the rest is within the bytes, too.
    unsafe { fill(base, blocks * CLEARED_AT_ONCE, 0, len % CLEARED_AT_ONCE) };
}

/// How many bytes [`clear`] looks at before it decides.
pub const CLEARED_AT_ONCE: usize = 1024;

/// Fills a range with one byte.
///
/// # Safety
/// The range is committed memory.
#[inline]
pub unsafe fn fill(base: *mut u8, at: usize, value: u8, len: usize) {
    // SAFETY: the caller says that the bytes are there.
    unsafe { std::ptr::write_bytes(base.add(at), value, len) }
}

/// Copies host bytes into guest memory.
///
/// # Safety
/// `source.len()` bytes at `at` are committed memory.
#[inline]
pub unsafe fn write(base: *mut u8, at: usize, source: &[u8]) {
    // SAFETY: the caller says that the bytes are there; host slices are never guest memory, and
    // `copy` would cope if they were.
    unsafe { std::ptr::copy(source.as_ptr(), base.add(at), source.len()) }
}

/// Copies guest bytes out.
///
/// # Safety
/// `target.len()` bytes at `at` are committed memory.
#[inline]
pub unsafe fn read(base: *const u8, at: usize, target: &mut [u8]) {
    // SAFETY: the caller says that the bytes are there.
    unsafe { std::ptr::copy(base.add(at), target.as_mut_ptr(), target.len()) }
}

/// Whether guest bytes equal host bytes.
///
/// # Safety
/// `bytes.len()` bytes at `at` are committed memory.
#[must_use]
pub unsafe fn equal(base: *const u8, at: usize, bytes: &[u8]) -> bool {
    // SAFETY: the caller says that the bytes are there.
    bytes.iter().enumerate().all(|(position, byte)| unsafe { load::<u8>(base, at + position) } == *byte)
}

/// Loads up to 8 bytes as a little-endian number.
///
/// # Safety
/// `len` bytes at `at` are committed memory, and `len` is at most 8.
#[must_use]
pub unsafe fn load_word(base: *const u8, at: usize, len: u32) -> u64 {
    // SAFETY: the caller says that the bytes are there.
    unsafe {
        match len {
            1 => u64::from(load::<u8>(base, at)),
            2 => u64::from(load::<u16>(base, at)),
            4 => u64::from(load::<u32>(base, at)),
            8 => load::<u64>(base, at),
            _ => {
                let mut bytes = [0; 8];
                read(base, at, &mut bytes[..len as usize]);
                u64::from_le_bytes(bytes)
            }
        }
    }
}

/// Stores the low `len` bytes of a number, up to 8, little-endian.
///
/// # Safety
/// As for [`load_word`].
pub unsafe fn store_word(base: *mut u8, at: usize, len: u32, value: u64) {
    // SAFETY: the caller says that the bytes are there.
    unsafe {
        match len {
            1 => store(base, at, value as u8),
            2 => store(base, at, value as u16),
            4 => store(base, at, value as u32),
            8 => store(base, at, value),
            _ => write(base, at, &value.to_le_bytes()[..len as usize]),
        }
    }
}

/// A range as atomics.
///
/// # Safety
/// The range is committed memory for `'a`.
#[must_use]
pub unsafe fn view<'a>(base: *const u8, at: usize, len: usize) -> &'a [AtomicU8] {
    // SAFETY: the caller says that the bytes are there; atomics may be shared with anyone.
    unsafe { std::slice::from_raw_parts(base.add(at).cast::<AtomicU8>(), len) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_do_not_overflow() {
        assert_eq!(check(0, 0, 0, 0), Some(0));
        assert_eq!(check(0, 0, 1, 0), None);
        assert_eq!(check(1, 2, 5, 8), Some(3));
        assert_eq!(check(1, 2, 6, 8), None);
        assert_eq!(check(u64::MAX, 1, 1, usize::MAX), None);
        assert_eq!(check(1, u64::MAX, 1, usize::MAX), None);
        assert_eq!(check(u64::MAX, 0, 1, usize::MAX), None);
        assert_eq!(check(u64::MAX - 1, 0, 1, usize::MAX), Some(usize::MAX - 1));
    }

    #[test]
    fn numbers_are_little_endian() {
        let mut bytes = [1_u8, 2, 3, 4, 5, 6, 7, 8, 9];
        let base = bytes.as_mut_ptr();
        // SAFETY: every access is within the array.
        unsafe {
            assert_eq!(load::<u32>(base, 1), 0x0504_0302);
            assert_eq!(load_word(base, 0, 3), 0x03_0201);
            store(base, 7, 0x0a0b_u16);
            store_word(base, 0, 3, 0xff_eedd_ccbb);
            assert!(equal(base, 0, &[0xbb, 0xcc, 0xdd, 4]));
            copy(base, 1, base, 0, 8);
            fill(base, 4, 0, 2);
        }
        assert_eq!(bytes, [0xbb, 0xbb, 0xcc, 0xdd, 0, 0, 6, 7, 0x0b]);
    }

    #[test]
    fn clearing_finds_every_byte() {
        #[repr(align(8))]
        struct Bytes([u8; 3 * CLEARED_AT_ONCE + 24]);
        let last = size_of::<Bytes>() - 1;
        for dirty in [0, 7, CLEARED_AT_ONCE - 1, CLEARED_AT_ONCE, 3 * CLEARED_AT_ONCE, last] {
            let mut bytes = Bytes([0; _]);
            bytes.0[dirty] = 1;
            // SAFETY: the array is aligned and this test's own.
            unsafe { clear(bytes.0.as_mut_ptr(), bytes.0.len()) };
            assert!(bytes.0.iter().all(|byte| *byte == 0), "byte {dirty} is left");
        }
    }
}
