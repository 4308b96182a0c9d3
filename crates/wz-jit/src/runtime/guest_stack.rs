//! [`GuestStack`]: what guest code runs on, and the pool of stacks that are not in use.
//!
//! ```text
//!          ┌────────────────────┐ a multiple of STACK_ALIGN
//!          │ StackHeader        │
//!          ├────────────────────┤ first frame
//!          │ frames grow down   │
//!  limit   ├────────────────────┤
//!          │ guard: no access   │ at least GUARD_BYTES
//!          └────────────────────┘
//! ```
//! Only the top is aligned, so that a stack takes no more address space than it needs.

use std::ops::Range;
use std::ptr;
use std::{fmt, io};

use parking_lot::Mutex;

use super::state::StackHeader;
use super::sys::{Access, Reservation, page_size};

/// What the tops of stacks are multiples of: the largest stack with its guard.
pub const STACK_ALIGN: usize = 1 << 28;

/// The least size of the guard: stubs may leave out probes for frames of [`PROBE_BYTES`] on top of
/// those that functions leave out.
pub const GUARD_BYTES: usize = 2 * PROBE_BYTES;

/// Functions with larger frames touch every page of them on entry.
pub const PROBE_BYTES: usize = 64 * 1024;

/// The least that a guest gets.
const MIN_BYTES: usize = 64 * 1024;

/// How many stacks of all sizes wait in the pool.
const POOLED: usize = 64;

const CANARY: u64 = 0x776a_6361_6e61_7279;

/// A mapping that guest code runs on.
pub struct GuestStack {
    reservation: Reservation,
    /// What the guest was promised.
    len_bytes: usize,
    /// The address of the lowest byte that may be accessed.
    limit: usize,
    /// The address of the header.
    first_sp: usize,
}

impl GuestStack {
    /// A new stack with this many bytes for frames; less if it would be larger than
    /// [`STACK_ALIGN`].
    ///
    /// # Errors
    /// If the system has no room.
    pub fn new(len_bytes: usize) -> io::Result<Self> {
        let page = page_size();
        let most = STACK_ALIGN - GUARD_BYTES - 2 * page;
        let usable = (len_bytes.clamp(MIN_BYTES, most) + size_of::<StackHeader>()).next_multiple_of(page);
        let guard = GUARD_BYTES.next_multiple_of(page);
        let reservation = Reservation::ending_at(guard + usable, STACK_ALIGN)?;
        reservation.protect(guard, usable, Access::ReadWrite)?;
        let limit = reservation.start() + guard;
        let first_sp = reservation.start() + reservation.len_bytes() - size_of::<StackHeader>();
        let stack = Self { reservation, len_bytes, limit, first_sp };
        // SAFETY: the header is part of the stack, zero, and nobody else knows it.
        unsafe { (*stack.header().cast_mut()).canary = CANARY };
        Ok(stack)
    }

    /// A stack of this size from the pool, or a new one.
    ///
    /// # Errors
    /// If the system has no room for a new one.
    pub fn acquire(len_bytes: usize) -> io::Result<Self> {
        let mut pool = POOL.lock();
        let fitting = pool.iter().rposition(|stack| stack.len_bytes == len_bytes);
        if let Some(stack) = fitting.map(|index| pool.swap_remove(index)) {
            return Ok(stack);
        }
        drop(pool);
        Self::new(len_bytes)
    }

    /// Puts the stack into the pool, as clean as a new one, or frees it.
    pub fn release(self) {
        // The pages are given back, so that nothing is left of what was on them.
        let guard = self.limit - self.reservation.start();
        let usable = self.reservation.len_bytes() - guard;
        debug_assert_eq!(self.canary(), CANARY, "the header is intact");
        if self.reservation.renew(guard, usable, Access::ReadWrite).is_err() {
            return;
        }
        // SAFETY: the header is part of the stack, and nobody else knows it.
        unsafe { (*self.header().cast_mut()).canary = CANARY };
        let mut pool = POOL.lock();
        if pool.len() < POOLED {
            pool.push(self);
        }
    }

    /// The size that was asked for.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        self.len_bytes
    }

    /// Where the first frame begins: right below the header.
    #[must_use]
    pub fn first_sp(&self) -> usize {
        self.first_sp
    }

    /// The addresses that frames may have.
    #[must_use]
    pub fn frames(&self) -> Range<usize> {
        self.limit..self.first_sp()
    }

    /// The addresses of the guard.
    #[must_use]
    pub fn guard(&self) -> Range<usize> {
        self.reservation.start()..self.limit
    }

    /// The header. Only the thread that runs on the stack uses it.
    #[must_use]
    pub fn header(&self) -> *const StackHeader {
        ptr::with_exposed_provenance(self.first_sp)
    }

    fn canary(&self) -> u64 {
        // SAFETY: the header is part of the stack.
        unsafe { (*self.header()).canary }
    }
}

impl fmt::Debug for GuestStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frames = self.frames();
        write!(f, "GuestStack[{:#x}..{:#x}]", frames.start, frames.end)
    }
}

/// Stacks that are not in use.
static POOL: Mutex<Vec<GuestStack>> = Mutex::new(Vec::new());

const _: () = assert!(size_of::<StackHeader>().is_multiple_of(16), "frames begin aligned");

#[cfg(test)]
mod tests {
    use super::*;

    /// A size that no other test uses, so that the pool's stacks are this test's own.
    fn size(number: usize) -> usize {
        (1 << 20) + number * 4096
    }

    #[test]
    fn the_header_is_found_from_every_stack_pointer() {
        let stack = GuestStack::new(8 << 20).unwrap();
        let frames = stack.frames();
        assert!(frames.len() >= 8 << 20);
        for sp in [frames.start, frames.start - GUARD_BYTES, frames.end - 16, frames.end] {
            let header = (sp | (STACK_ALIGN - 1)) + 1 - size_of::<StackHeader>();
            assert_eq!(header, stack.header().addr());
        }
        assert!(stack.guard().len() >= GUARD_BYTES);
        assert_eq!(stack.first_sp() % 16, 0);
    }

    #[test]
    fn sizes_beyond_reason_are_cut() {
        for len in [0, 1, usize::MAX, STACK_ALIGN, STACK_ALIGN - GUARD_BYTES] {
            let stack = GuestStack::new(len).unwrap();
            assert!(stack.frames().len() >= MIN_BYTES);
            assert!(stack.frames().len() + GUARD_BYTES <= STACK_ALIGN);
        }
    }

    #[test]
    fn reused_stacks_are_clean() {
        for round in 0..1000_u64 {
            let stack = GuestStack::acquire(size(1)).unwrap();
            let frames = stack.frames();
            for address in [frames.start, frames.end - 8] {
                let word = ptr::with_exposed_provenance_mut::<u64>(address);
                // SAFETY: the stack is ours, and this is within it.
                unsafe {
                    assert_eq!(word.read(), 0, "round {round}");
                    word.write(round + 1);
                }
            }
            // SAFETY: the stack is ours.
            unsafe {
                let header = &*stack.header();
                assert!(header.state.get().is_null() && header.activation.get().is_null());
                header.state.set(ptr::dangling());
                header.activation.set(ptr::dangling());
            }
            stack.release();
        }
    }

    #[test]
    fn a_thousand_stacks_at_once() {
        let stacks: Vec<_> = (0..1000).map(|_| GuestStack::acquire(size(2)).unwrap()).collect();
        let mut tops: Vec<_> = stacks.iter().map(GuestStack::first_sp).collect();
        tops.sort_unstable();
        tops.dedup();
        assert_eq!(tops.len(), 1000);
        stacks.into_iter().for_each(GuestStack::release);
        assert!(POOL.lock().iter().filter(|stack| stack.len_bytes == size(2)).count() <= POOLED);
    }

    /// Pages right above and below a stack, where the system lets us have them, stay as they are.
    #[cfg(target_os = "linux")]
    #[test]
    fn neighbours_are_not_touched() {
        let page = page_size();
        let stack = GuestStack::new(size(3)).unwrap();
        let (low, high) = (stack.guard().start - page, stack.first_sp() + size_of::<StackHeader>());
        let canaries: Vec<_> = [low, high]
            .into_iter()
            .filter_map(|address| {
                let flags = libc::MAP_PRIVATE | libc::MAP_ANON | libc::MAP_FIXED_NOREPLACE;
                let at = ptr::with_exposed_provenance_mut(address);
                // SAFETY: nothing that exists is replaced.
                let page = unsafe { libc::mmap(at, page, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
                (page != libc::MAP_FAILED).then_some(page.cast::<u8>())
            })
            .collect();
        for canary in &canaries {
            // SAFETY: the page is ours.
            unsafe { canary.write_bytes(0xa5, page) };
        }
        stack.release();
        let stack = GuestStack::acquire(size(3)).unwrap();
        // SAFETY: the stack is ours.
        unsafe {
            ptr::with_exposed_provenance_mut::<u8>(stack.limit).write_bytes(1, stack.frames().len());
        }
        drop(stack);
        for canary in canaries {
            // SAFETY: the page is ours.
            unsafe {
                assert!(std::slice::from_raw_parts(canary, page).iter().all(|byte| *byte == 0xa5));
                libc::munmap(canary.cast(), page);
            }
        }
    }
}
