//! [`CodeArena`]: a module's executable memory. Slots first, which are written and never executed,
//! then code within reach of them, which is executed and never written again.
//!
//! Bodies are written in batches into pages that nobody executed before; then the pages become
//! executable and read-only for good. A batch whose bodies were all replaced goes when nobody can be
//! running them any more; its addresses come back as fresh pages. That there is no executable
//! memory, or no more, is a value: the function runs in the interpreter then.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Range;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;
use wz_core::reclaim::Queue;

use super::arch;
use super::body::{Batch, BodyKind};
use super::page_map::{self, ArenaPages, UNIT};
use super::sys::{Access, Reservation, page_size};
use wz_decode::ModuleInfo;

/// The most that an arena reserves: everything in it reaches everything else with 32 bits.
pub const MAX_ARENA_BYTES: usize = (1 << 31) - UNIT;

/// Why code cannot be made executable.
#[derive(Debug)]
pub enum CodeError {
    /// The system does not allow it.
    Refused(io::Error),
    /// The arena is full, or the limit reached.
    Exhausted,
}

impl fmt::Display for CodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => write!(f, "executable memory is refused: {error}"),
            Self::Exhausted => write!(f, "executable memory is used up"),
        }
    }
}

impl std::error::Error for CodeError {}

/// How much executable memory there may be. Shared by the arenas of an engine.
#[derive(Debug)]
pub struct CodeMemory {
    limit_bytes: usize,
    used_bytes: AtomicUsize,
    refused: AtomicBool,
}

impl CodeMemory {
    /// As much as the system grants.
    #[must_use]
    pub fn unlimited() -> Arc<Self> {
        Self::limited(usize::MAX)
    }

    /// Up to a number of bytes at once.
    #[must_use]
    pub fn limited(limit_bytes: usize) -> Arc<Self> {
        Arc::new(Self { limit_bytes, used_bytes: AtomicUsize::new(0), refused: AtomicBool::new(false) })
    }

    /// From now on behaves as systems do that refuse executable memory.
    pub fn refuse(&self, refused: bool) {
        self.refused.store(refused, Ordering::Relaxed);
    }

    /// How many bytes of pages hold code.
    #[must_use]
    pub fn used_bytes(&self) -> usize {
        self.used_bytes.load(Ordering::Relaxed)
    }

    /// Whether the system lets this process execute what it wrote.
    #[must_use]
    pub fn is_available(self: &Arc<Self>) -> bool {
        self.check().is_ok()
    }

    /// Tries whether the system lets this process execute what it wrote.
    ///
    /// # Errors
    /// If not, or the limit is reached.
    pub fn check(self: &Arc<Self>) -> Result<(), CodeError> {
        let arena = CodeArena::new(self, 0, page_size(), 0)?;
        arena.install(vec![NewBody { code: &[0], kind: None }], |_, _, _| Ok(())).map(drop)
    }

    fn take(&self, len: usize, limit: Limit) -> Result<(), CodeError> {
        if self.refused.load(Ordering::Relaxed) {
            return Err(CodeError::Refused(io::ErrorKind::PermissionDenied.into()));
        }
        let fits = |used: &usize| *used <= self.limit_bytes || limit == Limit::Ignored;
        let more = |used: usize| used.checked_add(len).filter(fits);
        let taken = self.used_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.map(drop).map_err(|_| CodeError::Exhausted)
    }

    fn give_back(&self, len: usize) {
        self.used_bytes.fetch_sub(len, Ordering::Relaxed);
    }
}

/// Whether the limit of [`CodeMemory`] is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// For functions: without room they run elsewhere.
    Kept,
    /// For the little that a module is not without: it counts, but has to be.
    Ignored,
}

/// A body to be installed.
#[derive(Debug)]
pub struct NewBody<'a> {
    /// The code as it was emitted.
    pub code: &'a [u8],
    /// What it is; none for what nobody needs to find.
    pub kind: Option<BodyKind>,
}

/// What the starts of bodies are aligned to: a line of the cache, so that back ends can place loops.
pub const BODY_ALIGN: usize = 64;

/// Changes a body's bytes for the last time: its number, its bytes, the address of the first.
type Relocate<'a> = dyn FnMut(usize, &mut [u8], usize) -> Result<(), CodeError> + 'a;

/// Where bodies of these lengths are in a batch, and how long that is.
pub(super) fn layout(lens: impl IntoIterator<Item = usize>) -> Option<(Vec<usize>, usize)> {
    let (mut offsets, mut end) = (Vec::new(), 0_usize);
    for len in lens {
        end = end.checked_next_multiple_of(BODY_ALIGN)?;
        offsets.push(end);
        end = end.checked_add(len)?;
    }
    Some((offsets, end))
}

/// A module's executable memory.
pub struct CodeArena {
    memory: Arc<CodeMemory>,
    pages: Box<ArenaPages>,
    reservation: Reservation,
    slot_bytes: usize,
    /// What is between bodies: an instruction that traps.
    padding: u8,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Where pages begin that never held code.
    next: usize,
    /// Ranges whose code is gone: offset and length.
    free: Vec<(usize, usize)>,
    /// By address. The number of bodies that were not retired.
    batches: BTreeMap<usize, (Box<Batch>, usize)>,
}

impl CodeArena {
    /// Reserves an arena with room for `slots` slots, which are zero, and `code_bytes` of code.
    ///
    /// # Errors
    /// If there is no room for it, or it would be larger than [`MAX_ARENA_BYTES`].
    pub fn new(
        memory: &Arc<CodeMemory>,
        slots: usize,
        code_bytes: usize,
        padding: u8,
    ) -> Result<Arc<Self>, CodeError> {
        let round = |len: usize, to: usize| len.checked_next_multiple_of(to).ok_or(CodeError::Exhausted);
        let slot_bytes =
            round(slots.checked_mul(size_of::<usize>()).ok_or(CodeError::Exhausted)?, page_size())?;
        let len = slot_bytes.checked_add(round(code_bytes, page_size())?).ok_or(CodeError::Exhausted)?;
        let len = round(len, UNIT)?;
        if len > MAX_ARENA_BYTES {
            return Err(CodeError::Exhausted);
        }
        let reservation = Reservation::new(len, UNIT).map_err(CodeError::Refused)?;
        if slot_bytes > 0 {
            reservation.protect(0, slot_bytes, Access::ReadWrite).map_err(CodeError::Refused)?;
        }
        let pages = Box::new(ArenaPages::new(reservation.start(), len, page_size()));
        // SAFETY: the table lives as long as the arena, which is only dropped when nobody is inside
        // who may have found it (see `retire`).
        unsafe { page_map::add(&raw const *pages, reservation.start(), len) }.ok_or(CodeError::Exhausted)?;
        let state = Mutex::new(State { next: slot_bytes, ..State::default() });
        Ok(Arc::new(Self { memory: memory.clone(), pages, reservation, slot_bytes, padding, state }))
    }

    /// Whose code it has. The first call counts.
    pub(super) fn set_module(&self, module: &Arc<ModuleInfo>) {
        self.pages.set_module(module);
    }

    /// The address of the first slot.
    #[must_use]
    #[inline]
    pub fn slots_start(&self) -> usize {
        self.reservation.start()
    }

    /// The addresses of slots and code.
    #[must_use]
    pub fn addresses(&self) -> Range<usize> {
        let start = self.reservation.start();
        start..start + self.reservation.len_bytes()
    }

    /// How many slots there is room for.
    #[must_use]
    pub fn slot_count(&self) -> usize {
        self.slot_bytes / size_of::<usize>()
    }

    /// Whether an address is in the arena.
    #[must_use]
    pub fn contains(&self, address: usize) -> bool {
        address.wrapping_sub(self.reservation.start()) < self.reservation.len_bytes()
    }

    /// How many bytes of code a batch may have now, in whole pages. Others may be faster.
    #[must_use]
    pub fn room_bytes(&self) -> usize {
        let left = self.memory.limit_bytes.saturating_sub(self.memory.used_bytes());
        let left = left - left % page_size();
        let state = self.state.lock();
        let fresh = self.reservation.len_bytes() - state.next;
        let freed = state.free.iter().map(|(_, len)| *len).max().unwrap_or_default();
        left.min(fresh.max(freed))
    }

    /// Makes bodies executable. `relocate` is called for each with its number, its bytes and the
    /// address of the first, and may change them for the last time. Gives their addresses.
    ///
    /// # Errors
    /// If there is no more memory, or the system refuses.
    pub fn install(
        &self,
        bodies: Vec<NewBody<'_>>,
        relocate: impl FnMut(usize, &mut [u8], usize) -> Result<(), CodeError>,
    ) -> Result<Vec<usize>, CodeError> {
        self.install_with(Limit::Kept, bodies, relocate)
    }

    /// As [`install`](Self::install), or without regard to the limit.
    ///
    /// # Errors
    /// As [`install`](Self::install).
    pub fn install_with(
        &self,
        limit: Limit,
        bodies: Vec<NewBody<'_>>,
        mut relocate: impl FnMut(usize, &mut [u8], usize) -> Result<(), CodeError>,
    ) -> Result<Vec<usize>, CodeError> {
        let (offsets, len) = layout(bodies.iter().map(|body| body.code.len())).ok_or(CodeError::Exhausted)?;
        let len = len.checked_next_multiple_of(page_size()).ok_or(CodeError::Exhausted)?;
        if len == 0 {
            return Ok(offsets);
        }
        let at = self.allocate(len, limit)?;
        let written = self.write(at, len, &bodies, &offsets, &mut relocate);
        if let Err(error) = written {
            self.free(at, len);
            return Err(error);
        }
        let start = self.reservation.start() + at;
        let live = bodies.len();
        let known = bodies
            .into_iter()
            .zip(&offsets)
            .filter_map(|(body, offset)| Some((start + offset, body.code.len() as u32, body.kind?)));
        let batch = Box::new(Batch::new(start, len / page_size(), page_size(), known));
        self.pages.set(start, len, &raw const *batch);
        self.state.lock().batches.insert(start, (batch, live));
        Ok(offsets.into_iter().map(|offset| start + offset).collect())
    }

    fn allocate(&self, len: usize, limit: Limit) -> Result<usize, CodeError> {
        self.memory.take(len, limit)?;
        let mut state = self.state.lock();
        if let Some(index) = state.free.iter().position(|(_, free)| *free >= len) {
            let (at, free) = state.free.swap_remove(index);
            if free > len {
                state.free.push((at + len, free - len));
            }
            return Ok(at);
        }
        if len > self.reservation.len_bytes() - state.next {
            self.memory.give_back(len);
            return Err(CodeError::Exhausted);
        }
        let at = state.next;
        state.next += len;
        Ok(at)
    }

    fn write(
        &self,
        at: usize,
        len: usize,
        bodies: &[NewBody<'_>],
        offsets: &[usize],
        relocate: &mut Relocate<'_>,
    ) -> Result<(), CodeError> {
        self.reservation.protect(at, len, Access::ReadWrite).map_err(CodeError::Refused)?;
        let start = self.reservation.start() + at;
        {
            // SAFETY: the pages were just made writable, nobody knows them, and they are zero.
            let pages =
                unsafe { std::slice::from_raw_parts_mut(ptr::with_exposed_provenance_mut::<u8>(start), len) };
            let mut end = 0;
            for (number, (body, offset)) in bodies.iter().zip(offsets).enumerate() {
                pages[end..*offset].fill(self.padding);
                end = offset + body.code.len();
                let code = &mut pages[*offset..end];
                code.copy_from_slice(body.code);
                relocate(number, code, start + offset)?;
            }
            pages[end..].fill(self.padding);
        }
        self.reservation.protect(at, len, Access::ReadExecute).map_err(CodeError::Refused)?;
        arch::code_was_written(start, len);
        Ok(())
    }

    /// Gives up pages that nobody executes.
    fn free(&self, at: usize, len: usize) {
        // If the system does not take the pages back, they are lost.
        if self.reservation.renew(at, len, Access::None).is_ok() {
            self.state.lock().free.push((at, len));
        }
        self.memory.give_back(len);
    }

    /// The body that begins at `address` was replaced: no slot leads to it any more. Its batch is
    /// freed when that holds for all of its bodies and nobody can be running them.
    pub fn retire_body(self: &Arc<Self>, address: usize) {
        let start = {
            let mut state = self.state.lock();
            let Some((start, (_, live))) = state.batches.range_mut(..=address).next_back() else { return };
            *live = live.saturating_sub(1);
            if *live > 0 {
                return;
            }
            *start
        };
        RETIRED.retire(Box::new(RetiredBatch { arena: self.clone(), start }));
        RETIRED.collect();
    }

    /// Frees the arena when nobody can be running its code any more.
    pub fn retire(self: Arc<Self>) {
        RETIRED.retire(Box::new(self));
        RETIRED.collect();
    }
}

/// Code that was taken away and may still run.
static RETIRED: Queue = Queue::new();

/// Frees the code that was taken away and cannot run any more. Happens by itself whenever more is
/// taken away.
pub fn collect() {
    RETIRED.collect();
}

struct RetiredBatch {
    arena: Arc<CodeArena>,
    start: usize,
}

impl Drop for RetiredBatch {
    fn drop(&mut self) {
        let batch = self.arena.state.lock().batches.remove(&self.start);
        if let Some((batch, _)) = batch {
            self.arena.pages.set(batch.start(), batch.len_bytes(), ptr::null());
            self.arena.free(batch.start() - self.arena.reservation.start(), batch.len_bytes());
        }
    }
}

impl Drop for CodeArena {
    fn drop(&mut self) {
        page_map::remove(self.reservation.start(), self.reservation.len_bytes());
        let used: usize = self.state.get_mut().batches.values().map(|(batch, _)| batch.len_bytes()).sum();
        self.memory.give_back(used);
    }
}

impl fmt::Debug for CodeArena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, len) = (self.reservation.start(), self.reservation.len_bytes());
        write!(f, "CodeArena[{len} bytes at {start:#x}]")
    }
}

#[cfg(test)]
mod tests {
    use super::super::body::{Stub, StubKind};
    use super::*;

    fn stub() -> Option<BodyKind> {
        Some(BodyKind::Stub(Stub { kind: StubKind::Exit, frame_at: 0 }))
    }

    fn find(address: usize) -> Option<(usize, u32)> {
        // SAFETY: only used while the arena lives.
        unsafe { page_map::find(address) }.map(|body| (body.start(), body.len_bytes()))
    }

    fn accesses(address: usize) -> String {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
        let line = maps.lines().find(|line| {
            let (range, _) = line.split_once(' ').unwrap();
            let (start, end) = range.split_once('-').unwrap();
            let parse = |text| usize::from_str_radix(text, 16).unwrap();
            (parse(start)..parse(end)).contains(&address)
        });
        line.map(|line| line.split(' ').nth(1).unwrap().to_owned()).unwrap_or_default()
    }

    #[test]
    fn bodies_are_found_from_every_address_in_them() {
        let memory = CodeMemory::unlimited();
        let arena = CodeArena::new(&memory, 100, 1 << 20, 0xcc).unwrap();
        let codes: Vec<Vec<u8>> = (0..3000_usize).map(|index| vec![0x90; index * 7 % 300 + 1]).collect();
        let bodies: Vec<_> = codes.iter().map(|code| NewBody { code, kind: stub() }).collect();
        let addresses = arena.install(bodies, |_, _, _| Ok(())).unwrap();
        for (address, code) in addresses.iter().zip(&codes) {
            assert_eq!(address % BODY_ALIGN, 0);
            for offset in [0, code.len() / 2, code.len() - 1] {
                assert_eq!(find(address + offset), Some((*address, code.len() as u32)));
            }
            assert!(code.len() % 16 == 0 || find(address + code.len()).is_none());
        }
        assert_eq!(find(arena.slots_start()), None);
        assert_eq!(find(0), None);
        assert_eq!(find(usize::MAX), None);
        assert_eq!(find(&raw const memory as usize), None);
        let known = addresses[7];
        drop(arena);
        assert_eq!(find(known), None);
        assert_eq!(memory.used_bytes(), 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn no_page_is_writable_and_executable() {
        let memory = CodeMemory::unlimited();
        let arena = CodeArena::new(&memory, 1, 1 << 20, 0xcc).unwrap();
        let mut seen = String::new();
        let install = |seen: &mut String| {
            arena
                .install(vec![NewBody { code: &[1, 2, 3], kind: stub() }], |_, code, address| {
                    *seen = accesses(address);
                    code[1] = 9;
                    Ok(())
                })
                .unwrap()[0]
        };
        let first = install(&mut seen);
        assert_eq!((seen.as_str(), accesses(first).as_str()), ("rw-p", "r-xp"));
        let second = install(&mut seen);
        assert_ne!(first & !4095, second & !4095, "pages that were executable are not written again");
        assert_eq!((seen.as_str(), accesses(first).as_str()), ("rw-p", "r-xp"));
        assert_eq!(accesses(arena.slots_start()), "rw-p");
        // SAFETY: the body is there and readable.
        assert_eq!(unsafe { *ptr::with_exposed_provenance::<[u8; 3]>(first) }, [1, 9, 3]);
    }

    #[test]
    fn refusal_and_exhaustion_are_values_and_lose_nothing() {
        let memory = CodeMemory::limited(3 * page_size());
        let arena = CodeArena::new(&memory, 0, 1 << 20, 0xcc).unwrap();
        let install = || arena.install(vec![NewBody { code: &[0x90], kind: stub() }], |_, _, _| Ok(()));
        memory.refuse(true);
        assert!(!memory.is_available());
        assert!(matches!(install(), Err(CodeError::Refused(_))));
        memory.refuse(false);
        assert!(memory.is_available());
        let failed =
            arena.install(vec![NewBody { code: &[0x90], kind: stub() }], |_, _, _| Err(CodeError::Exhausted));
        assert!(failed.is_err());
        assert_eq!(memory.used_bytes(), 0);
        for _ in 0..3 {
            install().unwrap();
        }
        assert!(matches!(install(), Err(CodeError::Exhausted)));
        let needed = || vec![NewBody { code: &[0x90], kind: stub() }];
        arena.install_with(Limit::Ignored, needed(), |_, _, _| Ok(())).unwrap();
        assert_eq!(memory.used_bytes(), 4 * page_size());
        let small = CodeArena::new(&CodeMemory::unlimited(), 0, 1, 0xcc).unwrap();
        let large = vec![0x90; UNIT + 1];
        let install = small.install(vec![NewBody { code: &large, kind: stub() }], |_, _, _| Ok(()));
        assert!(matches!(install, Err(CodeError::Exhausted)));
        assert!(CodeArena::new(&memory, 0, usize::MAX, 0).is_err());
        assert!(CodeArena::new(&memory, usize::MAX, 0, 0).is_err());
        assert!(CodeArena::new(&memory, 0, MAX_ARENA_BYTES + 1, 0).is_err());
    }

    #[test]
    fn batches_go_when_nobody_can_run_them() {
        let memory = CodeMemory::unlimited();
        let arena = CodeArena::new(&memory, 0, 1 << 20, 0xcc).unwrap();
        let body = || NewBody { code: &[0x90], kind: stub() };
        let both = arena.install(vec![body(), body()], |_, _, _| Ok(())).unwrap();
        let inside = wz_core::reclaim::Pin::new();
        arena.retire_body(both[0]);
        assert_eq!(find(both[0]), Some((both[0], 1)), "the other body holds the batch");
        arena.retire_body(both[1]);
        RETIRED.collect();
        assert_eq!(find(both[0]), Some((both[0], 1)), "somebody may be running it");
        drop(inside);
        while find(both[0]).is_some() {
            RETIRED.collect();
            std::thread::yield_now();
        }
        assert_eq!(memory.used_bytes(), 0);
        // The addresses come back as fresh pages.
        let again = arena.install(vec![body()], |_, code, _| {
            assert_eq!(code, [0x90]);
            Ok(())
        });
        assert_eq!(again.unwrap()[0], both[0]);
    }
}
