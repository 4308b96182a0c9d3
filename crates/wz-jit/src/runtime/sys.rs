//! Address space, page protection and barriers, per operating system. Where a system is not
//! supported, everything is refused, and functions run in the interpreter.

#[cfg(unix)]
#[path = "sys/unix.rs"]
mod imp;
#[cfg(not(unix))]
#[path = "sys/unsupported.rs"]
mod imp;

#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
#[path = "sys/barrier_linux.rs"]
mod barrier;
#[cfg(all(not(target_os = "linux"), target_arch = "aarch64"))]
#[path = "sys/barrier_other.rs"]
mod barrier;

use std::io;

// The others keep their instruction fetch coherent.
#[cfg(target_arch = "aarch64")]
pub(super) use barrier::instruction_barrier;
pub(crate) use imp::page_size;

/// What may be done with pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing: the address space is only reserved.
    None,
    /// Reading.
    Read,
    /// Reading and writing.
    ReadWrite,
    /// Reading and executing.
    ReadExecute,
}

/// A reserved range of address space that does not move until it is dropped. Nothing in it may be
/// accessed until [`protect`](Self::protect) says so; what becomes accessible is zero.
#[derive(Debug)]
pub struct Reservation {
    start: usize,
    len_bytes: usize,
}

impl Reservation {
    /// Reserves `len_bytes`, rounded up to pages, at a multiple of `align`, a power of two.
    ///
    /// # Errors
    /// If the system has no room.
    pub fn new(len_bytes: usize, align: usize) -> io::Result<Self> {
        let len = round_up(len_bytes, page_size())?;
        let align = align.max(page_size());
        let total = len.checked_add(align).ok_or(io::ErrorKind::OutOfMemory)?;
        let start = imp::reserve(total)?;
        let aligned = start.next_multiple_of(align);
        Ok(Self::trimmed(start, total, aligned, len))
    }

    /// Reserves `len_bytes`, rounded up to pages, that end at a multiple of `align`.
    ///
    /// # Errors
    /// If the system has no room.
    pub fn ending_at(len_bytes: usize, align: usize) -> io::Result<Self> {
        let len = round_up(len_bytes, page_size())?;
        let total = len.checked_add(align).ok_or(io::ErrorKind::OutOfMemory)?;
        match imp::reserve(total) {
            Ok(start) => {
                let end = (start + total) & !(align - 1);
                Ok(Self::trimmed(start, total, end - len, len))
            }
            Err(error) => Self::ending_at_a_free_place(len, align).ok_or(error),
        }
    }

    /// The same for a process that may not use much address space (`ulimit -v`): without more than
    /// is kept, at a place that happens to be free.
    fn ending_at_a_free_place(len_bytes: usize, align: usize) -> Option<Self> {
        let free = imp::reserve(len_bytes).ok()?;
        imp::release(free, len_bytes);
        // The neighbourhood first; then ever further, past what is reserved there.
        let steps = (0..64).chain((0..20).map(|power| 64 << power));
        let ends = steps.map_while(|step| (free & !(align - 1)).checked_sub(step * align));
        let start = ends
            .filter_map(|end| end.checked_sub(len_bytes))
            .find_map(|start| imp::reserve_at(start, len_bytes).ok())?;
        Some(Self { start, len_bytes })
    }

    /// Keeps a part of what was reserved.
    fn trimmed(start: usize, total: usize, keep: usize, len_bytes: usize) -> Self {
        debug_assert!(keep >= start && keep + len_bytes <= start + total);
        imp::release(start, keep - start);
        imp::release(keep + len_bytes, start + total - keep - len_bytes);
        Self { start: keep, len_bytes }
    }

    /// The address of the first byte.
    #[must_use]
    pub fn start(&self) -> usize {
        self.start
    }

    /// The length in bytes.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        self.len_bytes
    }

    /// Changes what may be done with a range of whole pages, offsets counted from the start.
    ///
    /// # Errors
    /// If the system refuses.
    ///
    /// # Panics
    /// If the range is not within the reservation.
    pub fn protect(&self, offset: usize, len_bytes: usize, access: Access) -> io::Result<()> {
        assert!(offset <= self.len_bytes && len_bytes <= self.len_bytes - offset, "the range is reserved");
        imp::protect(self.start + offset, len_bytes, access)
    }

    /// Replaces a range of whole pages by fresh ones: zero, with this access.
    ///
    /// # Errors
    /// If the system refuses.
    ///
    /// # Panics
    /// If the range is not within the reservation.
    pub fn renew(&self, offset: usize, len_bytes: usize, access: Access) -> io::Result<()> {
        assert!(offset <= self.len_bytes && len_bytes <= self.len_bytes - offset, "the range is reserved");
        imp::renew(self.start + offset, len_bytes, access)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        imp::release(self.start, self.len_bytes);
    }
}

/// Rounds up to a multiple of a power of two.
pub(super) fn round_up(len: usize, multiple: usize) -> io::Result<usize> {
    len.checked_next_multiple_of(multiple).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reservations_are_aligned_at_the_end_that_was_asked_for() {
        let at_start = Reservation::new(100_000, 1 << 22).unwrap();
        assert_eq!(at_start.start() % (1 << 22), 0);
        let at_end = Reservation::ending_at(100_000, 1 << 28).unwrap();
        assert_eq!((at_end.start() + at_end.len_bytes()) % (1 << 28), 0);
        assert!(Reservation::new(usize::MAX, 4096).is_err());
        assert!(Reservation::ending_at(usize::MAX - 4096, 1 << 28).is_err());
    }

    #[test]
    fn free_places_are_aligned_too_and_used_once() {
        let places: Vec<_> =
            (0..4).map(|_| Reservation::ending_at_a_free_place(1 << 16, 1 << 28).unwrap()).collect();
        for (index, place) in places.iter().enumerate() {
            assert_eq!((place.start() + place.len_bytes()) % (1 << 28), 0);
            assert!(places[..index].iter().all(|other| other.start() != place.start()));
            place.protect(0, place.len_bytes(), Access::ReadWrite).unwrap();
        }
    }
}
