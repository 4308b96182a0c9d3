//! Address space with POSIX.

use std::io;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Access;

/// The size of a page of the host.
pub(crate) fn page_size() -> usize {
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

const PRIVATE: libc::c_int = libc::MAP_PRIVATE | libc::MAP_ANON | libc::MAP_NORESERVE;

pub(super) fn reserve(len: usize) -> io::Result<usize> {
    // SAFETY: a new private mapping at a place that the system chooses touches nothing of ours.
    let start = unsafe { libc::mmap(ptr::null_mut(), len, libc::PROT_NONE, PRIVATE, -1, 0) };
    if start == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(start.expose_provenance()) }
}

/// Reserves at an address, a multiple of the page size, unless something is there.
pub(super) fn reserve_at(start: usize, len: usize) -> io::Result<usize> {
    let wanted = ptr::without_provenance_mut(start);
    // SAFETY: the address is a wish; a new private mapping never takes the place of another.
    let given = unsafe { libc::mmap(wanted, len, libc::PROT_NONE, PRIVATE, -1, 0) };
    if given == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    let given = given.expose_provenance();
    if given == start {
        return Ok(given);
    }
    release(given, len);
    Err(io::ErrorKind::AddrInUse.into())
}

/// Gives back what `Reservation` owns.
pub(super) fn release(start: usize, len: usize) {
    if len > 0 {
        // SAFETY: only `Reservation` calls this, with parts of what it reserved and nobody uses.
        unsafe { libc::munmap(ptr::with_exposed_provenance_mut(start), len) };
    }
}

fn flags(access: Access) -> libc::c_int {
    match access {
        Access::None => libc::PROT_NONE,
        Access::Read => libc::PROT_READ,
        Access::ReadWrite => libc::PROT_READ | libc::PROT_WRITE,
        Access::ReadExecute => libc::PROT_READ | libc::PROT_EXEC,
    }
}

pub(super) fn protect(start: usize, len: usize, access: Access) -> io::Result<()> {
    // SAFETY: only `Reservation` calls this, with parts of what it reserved.
    let result = unsafe { libc::mprotect(ptr::with_exposed_provenance_mut(start), len, flags(access)) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

pub(super) fn renew(start: usize, len: usize, access: Access) -> io::Result<()> {
    let at = ptr::with_exposed_provenance_mut(start);
    // SAFETY: only `Reservation` calls this, with parts of what it reserved; whose contents they
    // are gives them up.
    let result = unsafe { libc::mmap(at, len, flags(access), PRIVATE | libc::MAP_FIXED, -1, 0) };
    if result == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(()) }
}
