//! Address space with `VirtualAlloc`.

use std::ffi::c_void;
use std::{io, ptr};

const MEM_COMMIT: u32 = 0x1000;
const MEM_RESERVE: u32 = 0x2000;
const MEM_RELEASE: u32 = 0x8000;
const PAGE_NOACCESS: u32 = 0x01;
const PAGE_READWRITE: u32 = 0x04;
/// Reservations begin at multiples of this on every version of Windows.
const GRANULARITY: usize = 65_536;

#[link(name = "kernel32")]
unsafe extern "system" {
    fn VirtualAlloc(address: *mut c_void, size: usize, kind: u32, protection: u32) -> *mut c_void;
    fn VirtualFree(address: *mut c_void, size: usize, kind: u32) -> i32;
}

/// Rounds up to whole units of allocation; `None` if that overflows.
pub(super) fn round_to_pages(len: usize) -> Option<usize> {
    len.checked_next_multiple_of(GRANULARITY)
}

pub(super) fn reserve(len: usize) -> io::Result<*mut u8> {
    // SAFETY: a new reservation at a place that the system chooses touches nothing of ours.
    let base = unsafe { VirtualAlloc(ptr::null_mut(), len, MEM_RESERVE, PAGE_NOACCESS) };
    if base.is_null() { Err(io::Error::last_os_error()) } else { Ok(base.cast()) }
}

/// # Safety
/// The range is part of a reservation.
pub(super) unsafe fn commit(base: *mut u8, from: usize, to: usize) -> io::Result<()> {
    // SAFETY: the range is part of a reservation; committing twice changes nothing.
    let result = unsafe { VirtualAlloc(base.add(from).cast(), to - from, MEM_COMMIT, PAGE_READWRITE) };
    if result.is_null() { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// # Safety
/// The range is a whole reservation that nothing uses any more.
pub(super) unsafe fn release(base: *mut u8, _len: usize) {
    // SAFETY: as the caller says. There is nothing to be done about a failure.
    unsafe { VirtualFree(base.cast(), 0, MEM_RELEASE) };
}
