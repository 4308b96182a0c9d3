//! What differs between operating systems: address space, the bounds of the native stack,
//! vectored input and output on raw memory, fences of other threads. Everything else of the crate is portable.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as memory;
#[cfg(unix)]
pub(crate) use unix::{read_vectored, write_vectored};

#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as memory;

#[cfg(not(any(unix, windows)))]
mod portable;
#[cfg(not(any(unix, windows)))]
use portable as memory;

#[cfg(target_os = "linux")]
#[path = "sys/stack_linux.rs"]
mod stack;
#[cfg(target_os = "macos")]
#[path = "sys/stack_macos.rs"]
mod stack;
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
#[path = "sys/stack_unknown.rs"]
mod stack;

#[cfg(target_os = "linux")]
#[path = "sys/reset_linux.rs"]
mod reset;
#[cfg(not(target_os = "linux"))]
#[path = "sys/reset_unknown.rs"]
mod reset;

#[cfg(target_os = "linux")]
#[path = "sys/barrier_linux.rs"]
mod barrier;
#[cfg(not(target_os = "linux"))]
#[path = "sys/barrier_unknown.rs"]
mod barrier;

pub(crate) use barrier::{process_barrier, process_barrier_available};
pub(crate) use stack::stack_bounds;

use std::io;

/// A range of address space that does not move until it is dropped. What is not committed cannot
/// be accessed; what is committed starts as zeros.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: *mut u8,
    len: usize,
}

// SAFETY: a mapping is an address range; who may access what in it is its owner's matter.
unsafe impl Send for Mapping {}
// SAFETY: as above; committing is safe from any thread.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Reserves `len` bytes, rounded up to pages of the host, without committing any.
    pub(crate) fn reserve(len: usize) -> io::Result<Self> {
        let len = memory::round_to_pages(len.max(1)).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { base: memory::reserve(len)?, len })
    }

    /// How long a reservation of `len` bytes becomes; 0 if that is impossible.
    pub(crate) fn rounded(len: usize) -> usize {
        memory::round_to_pages(len).unwrap_or_default()
    }

    /// The first byte.
    pub(crate) fn base(&self) -> *mut u8 {
        self.base
    }

    /// The length of the reservation in bytes.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Makes the bytes from `from` to `to` accessible, where they are not yet.
    pub(crate) fn commit(&self, from: usize, to: usize) -> io::Result<()> {
        assert!(from <= to && to <= self.len, "committed range is within the reservation");
        if from == to {
            return Ok(());
        }
        // SAFETY: the range is ours, and committing what is committed does not change it.
        unsafe { memory::commit(self.base, from, to) }
    }
}

impl Mapping {
    /// A mapping of nothing.
    pub(crate) fn none() -> Self {
        Self { base: std::ptr::dangling_mut(), len: 0 }
    }

    /// Makes the first `committed` bytes, which are committed, zeros again. Whether that
    /// succeeded.
    pub(crate) fn reset(&self, committed: usize) -> bool {
        assert!(committed <= self.len, "committed range is within the reservation");
        // SAFETY: the bytes are committed; who owns the mapping does not use them.
        unsafe { reset::reset(self.base, committed) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if self.len == 0 {
            return;
        }
        // SAFETY: the range is ours, and nothing uses it any more.
        unsafe { memory::release(self.base, self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn committed_bytes_are_zero_and_keep_their_place() {
        let mapping = Mapping::reserve(1 << 32).unwrap();
        mapping.commit(0, 65_536).unwrap();
        // SAFETY: the bytes are committed.
        unsafe {
            assert_eq!(*mapping.base().add(65_535), 0);
            *mapping.base().add(65_535) = 7;
        }
        mapping.commit(65_536, 1 << 20).unwrap();
        // SAFETY: the bytes are committed.
        unsafe {
            assert_eq!(*mapping.base().add(65_535), 7);
            assert_eq!(*mapping.base().add((1 << 20) - 1), 0);
        }
        assert!(Mapping::reserve(usize::MAX).is_err());
    }

    #[test]
    fn the_stack_pointer_is_within_the_bounds() {
        if let Some(bounds) = stack_bounds() {
            let here = 0_u8;
            assert!(bounds.contains(&(&raw const here as usize)));
            std::thread::Builder::new()
                .stack_size(256 * 1024)
                .spawn(|| {
                    let here = 0_u8;
                    let bounds = stack_bounds().unwrap();
                    assert!(bounds.contains(&(&raw const here as usize)));
                    assert!(bounds.len() < 1 << 20, "{}", bounds.len());
                })
                .unwrap()
                .join()
                .unwrap();
        }
    }
}
