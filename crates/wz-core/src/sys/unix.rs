//! Address space and vectored input and output with POSIX.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Rounds up to whole pages of the host; `None` if that overflows.
pub(super) fn round_to_pages(len: usize) -> Option<usize> {
    len.checked_next_multiple_of(page_size())
}

fn page_size() -> usize {
    static PAGE: AtomicUsize = AtomicUsize::new(0);
    match PAGE.load(Ordering::Relaxed) {
        0 => {
            // SAFETY: always allowed.
            let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
            let size = usize::try_from(size).ok().filter(|size| size.is_power_of_two()).unwrap_or(65_536);
            PAGE.store(size, Ordering::Relaxed);
            size
        }
        size => size,
    }
}

pub(super) fn reserve(len: usize) -> io::Result<*mut u8> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANON | libc::MAP_NORESERVE;
    // SAFETY: a new private mapping at a place that the system chooses touches nothing of ours.
    let base = unsafe { libc::mmap(ptr::null_mut(), len, libc::PROT_NONE, flags, -1, 0) };
    if base == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    Ok(base.cast())
}

/// # Safety
/// The range is part of a reservation.
pub(super) unsafe fn commit(base: *mut u8, from: usize, to: usize) -> io::Result<()> {
    let from = from / page_size() * page_size();
    // SAFETY: the range is part of a reservation, of which access is only ever added.
    let result =
        unsafe { libc::mprotect(base.add(from).cast(), to - from, libc::PROT_READ | libc::PROT_WRITE) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// # Safety
/// The range is a whole reservation that nothing uses any more.
pub(super) unsafe fn release(base: *mut u8, len: usize) {
    // SAFETY: as the caller says. There is nothing to be done about a failure.
    unsafe { libc::munmap(base.cast(), len) };
}

/// Reads into ranges of raw memory; `at` is the position in the file, none the current one.
///
/// # Safety
/// The ranges are committed memory.
pub(crate) unsafe fn read_vectored(
    fd: BorrowedFd<'_>,
    ranges: &[(*mut u8, usize)],
    at: Option<u64>,
) -> io::Result<usize> {
    let (vector, count) = vector(ranges);
    // SAFETY: the ranges are committed memory, as the caller says.
    let result = unsafe {
        match at {
            None => libc::readv(fd.as_raw_fd(), vector.as_ptr(), count),
            Some(at) => libc::preadv(fd.as_raw_fd(), vector.as_ptr(), count, position(at)?),
        }
    };
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// Writes ranges of raw memory.
///
/// # Safety
/// The ranges are committed memory.
pub(crate) unsafe fn write_vectored(
    fd: BorrowedFd<'_>,
    ranges: &[(*mut u8, usize)],
    at: Option<u64>,
) -> io::Result<usize> {
    let (vector, count) = vector(ranges);
    // SAFETY: the ranges are committed memory, as the caller says.
    let result = unsafe {
        match at {
            None => libc::writev(fd.as_raw_fd(), vector.as_ptr(), count),
            Some(at) => libc::pwritev(fd.as_raw_fd(), vector.as_ptr(), count, position(at)?),
        }
    };
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// How many ranges POSIX systems take at once. More is a short read or write, which is allowed.
const MAX_RANGES: usize = 1024;

fn vector(ranges: &[(*mut u8, usize)]) -> (Vec<libc::iovec>, libc::c_int) {
    let ranges = &ranges[..ranges.len().min(MAX_RANGES)];
    let entry = |(base, len): &(*mut u8, usize)| libc::iovec { iov_base: base.cast(), iov_len: *len };
    (ranges.iter().map(entry).collect(), ranges.len() as libc::c_int)
}

fn position(at: u64) -> io::Result<libc::off_t> {
    libc::off_t::try_from(at).map_err(|_| io::ErrorKind::InvalidInput.into())
}
