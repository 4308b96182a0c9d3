//! Address space where the system is unknown: zeroed allocations. There are no guards, and what
//! is reserved may count as used, so large reservations are refused.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::io;

const PAGE: usize = 65_536;
const LARGEST: usize = 1 << 28;

/// Rounds up to whole pages; `None` if that overflows.
pub(super) fn round_to_pages(len: usize) -> Option<usize> {
    len.checked_next_multiple_of(PAGE)
}

fn layout(len: usize) -> io::Result<Layout> {
    Layout::from_size_align(len, PAGE).map_err(|_| io::ErrorKind::OutOfMemory.into())
}

pub(super) fn reserve(len: usize) -> io::Result<*mut u8> {
    if len > LARGEST {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    // SAFETY: the length is not 0.
    let base = unsafe { alloc_zeroed(layout(len)?) };
    if base.is_null() { Err(io::ErrorKind::OutOfMemory.into()) } else { Ok(base) }
}

/// # Safety
/// The range is part of a reservation.
pub(super) unsafe fn commit(_base: *mut u8, _from: usize, _to: usize) -> io::Result<()> {
    Ok(())
}

/// # Safety
/// The range is a whole reservation that nothing uses any more.
pub(super) unsafe fn release(base: *mut u8, len: usize) {
    if let Ok(layout) = layout(len) {
        // SAFETY: allocated with this layout.
        unsafe { dealloc(base, layout) }
    }
}
