//! [`MemoryInstance`]: a linear memory. Address space is reserved once, committed as the memory
//! grows, and released with the last handle; the base never moves.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use parking_lot::Mutex;
use wz_api::sealed::MemoryInner;
use wz_api::{Error, MemoryDefinition, MemoryType, Result};
use wz_decode::ModuleInfo;
use wz_experimental::{MemoryAllocator, MemoryRequest};

use crate::config::StoreConfig;
use crate::guest;
use crate::pool;
use crate::records::MemoryRecord;
use crate::storage::{Given, Storage};
use crate::sys::Mapping;

/// The size of a page of linear memory.
pub const PAGE_BYTES: u64 = 65_536;

/// What a memory with 32-bit addresses reserves where the host has the address space: every byte
/// that an access at `address + offset`, both below 2^32, can touch, so that code may leave the
/// bounds check to the host.
pub const FULL_RESERVATION: u64 = (8 << 30) + PAGE_BYTES;

/// A linear memory.
#[derive(Debug)]
pub struct MemoryInstance {
    record: MemoryRecord,
    storage: Storage,
    ty: MemoryType,
    /// What it may grow to: the declared maximum, the configured limit, the reservation.
    max_pages: u64,
    growing: Mutex<()>,
    info: Arc<ModuleInfo>,
    index: u32,
    runtime_tag: u64,
}

impl MemoryInstance {
    /// The memory with this index of a module, of which it is a defined one.
    ///
    /// # Errors
    /// If its minimum exceeds the configured limit, or the host has no room.
    pub(crate) fn new(
        info: &Arc<ModuleInfo>,
        index: u32,
        config: &StoreConfig,
        runtime_tag: u64,
        allocator: Option<&dyn MemoryAllocator>,
    ) -> Result<Self> {
        let ty = info.memories[index as usize];
        let max_pages = effective_max(&ty, config)?;
        let too_large = || {
            let message =
                format!("memory[{index}]: {} pages do not fit the host's address space", ty.min_pages);
            Error::limit(message)
        };
        let min = pages_to_bytes(ty.min_pages).ok_or_else(too_large)?;
        let at_least = if config.memory_capacity_from_max { max_pages } else { ty.min_pages };
        let at_least = pages_to_bytes(at_least).ok_or_else(too_large)?;
        let storage = match allocator {
            None => reserve(&ty, min, at_least, max_pages)?,
            Some(allocator) => {
                let request = MemoryRequest { ty, min_bytes: min, max_bytes: most_bytes(max_pages) };
                Storage::Given(Given::new(allocator, &request)?)
            }
        };
        let max_pages = max_pages.min(storage.capacity() as u64 / PAGE_BYTES);
        let record = MemoryRecord {
            base: storage.base(),
            len_bytes: AtomicUsize::new(min),
            reserved_bytes: storage.reserved(),
        };
        let info = Arc::clone(info);
        let growing = Mutex::new(());
        Ok(Self { record, storage, ty, max_pages, growing, info, index, runtime_tag })
    }

    /// What code sees of the memory.
    #[must_use]
    pub fn record(&self) -> &MemoryRecord {
        &self.record
    }

    /// The type it was declared with.
    #[must_use]
    pub fn ty(&self) -> &MemoryType {
        &self.ty
    }

    /// How many bytes from the base belong to the memory, accessible or not.
    #[must_use]
    pub fn reserved_bytes(&self) -> usize {
        self.storage.reserved()
    }

    /// Whether every access at `address + offset`, both below 2^32, that is behind the end faults,
    /// so that code need not check. Never for memories with 64-bit addresses.
    #[must_use]
    pub fn is_guarded(&self) -> bool {
        !self.ty.memory64 && self.storage.reserved() as u64 >= FULL_RESERVATION
    }

    /// The size in bytes.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        self.record.len_bytes.load(Ordering::Acquire)
    }

    /// Grows; gives the size before in pages.
    pub(crate) fn grow_pages(&self, delta: u64) -> Option<u64> {
        loop {
            let old_bytes = self.len_bytes();
            let old = old_bytes as u64 / PAGE_BYTES;
            let new = old.checked_add(delta).filter(|new| *new <= self.max_pages)?;
            let new_bytes = pages_to_bytes(new)?;
            // The embedder is asked without the lock: it may use the memory.
            if !self.storage.allows(new_bytes) {
                return None;
            }
            let _growing = self.growing.lock();
            if self.len_bytes() != old_bytes {
                continue;
            }
            self.storage.grow(old_bytes, new_bytes).ok()?;
            self.record.len_bytes.store(new_bytes, Ordering::Release);
            return Some(old);
        }
    }

    /// The size in pages.
    #[must_use]
    pub fn pages(&self) -> u64 {
        self.len_bytes() as u64 / PAGE_BYTES
    }

    /// Where `len` bytes at `offset` begin, if they are within the memory.
    fn range(&self, offset: u64, len: u64) -> Option<usize> {
        guest::check(offset, 0, len, self.len_bytes())
    }

    /// Copies host bytes, part of a data segment, to `to`.
    pub(crate) fn init(&self, to: u64, source: &[u8]) -> Option<()> {
        let at = self.range(to, source.len() as u64)?;
        // SAFETY: the range was checked, and memory is never uncommitted.
        unsafe { guest::write(self.record.base, at, source) };
        Some(())
    }

    /// Fills a range with one byte.
    pub(crate) fn fill_range(&self, to: u64, len: u64, value: u8) -> Option<()> {
        let at = self.range(to, len)?;
        // SAFETY: the range was checked, and memory is never uncommitted.
        unsafe { guest::fill(self.record.base, at, value, len as usize) };
        Some(())
    }

    /// Copies between memories, or within one.
    pub(crate) fn copy_from(&self, to: u64, other: &Self, from: u64, len: u64) -> Option<()> {
        let (from, to) = (other.range(from, len)?, self.range(to, len)?);
        // SAFETY: both ranges were checked, and memory is never uncommitted.
        unsafe { guest::copy(self.record.base, to, other.record.base, from, len as usize) };
        Some(())
    }
}

/// The largest size that a memory of this type may have, in pages.
///
/// # Errors
/// If the minimum is above the configured limit already.
pub(crate) fn effective_max(ty: &MemoryType, config: &StoreConfig) -> Result<u64> {
    let limit = if ty.memory64 { config.memory64_limit_pages } else { config.memory_limit_pages.min(65_536) };
    let over = |what: &str, pages: u64| {
        let (size, limit_size) = (pages_in_units(pages), pages_in_units(limit));
        Error::limit(format!("{what} {pages} pages ({size}) over limit of {limit} pages ({limit_size})"))
    };
    if ty.min_pages > limit {
        return Err(over("min", ty.min_pages));
    }
    match ty.max_pages {
        // Without room for the declared maximum there is no capacity from it.
        Some(max) if max > limit && config.memory_capacity_from_max => Err(over("max", max)),
        Some(max) => Ok(max.min(limit)),
        None => Ok(limit),
    }
}

fn pages_to_bytes(pages: u64) -> Option<usize> {
    usize::try_from(pages.checked_mul(PAGE_BYTES)?).ok().filter(|bytes| isize::try_from(*bytes).is_ok())
}

/// A number of pages in the largest unit of which it has a whole one.
fn pages_in_units(pages: u64) -> String {
    let mut size = u128::from(pages) * 64;
    for unit in ["Ki", "Mi", "Gi", "Ti"] {
        if size < 1024 {
            return format!("{size} {unit}");
        }
        size /= 1024;
    }
    format!("{size} Pi")
}

impl Drop for MemoryInstance {
    fn drop(&mut self) {
        let len = self.len_bytes();
        self.storage.free(len);
    }
}

/// So many pages in bytes, as far as the host can count them.
fn most_bytes(pages: u64) -> usize {
    pages_to_bytes(pages).unwrap_or(isize::MAX as usize & !(PAGE_BYTES as usize - 1))
}

/// Reserves the most useful amount that the host grants, `at_least` bytes, for a memory of `min`
/// bytes, which are committed.
fn reserve(ty: &MemoryType, min: usize, at_least: usize, max_pages: u64) -> Result<Storage> {
    let (mapping, committed, reused) = reserve_mapping(ty, min, at_least, max_pages)?;
    mapping
        .commit(committed, min)
        .map_err(|source| Error::system(format!("committing {min} bytes of memory"), source))?;
    Ok(Storage::Reserved { mapping, reused })
}

/// The mapping, how much of it is committed, and whether it was used before.
fn reserve_mapping(
    ty: &MemoryType,
    min: usize,
    at_least: usize,
    max_pages: u64,
) -> Result<(Mapping, usize, bool)> {
    let max = most_bytes(max_pages);
    let full = usize::try_from(FULL_RESERVATION).ok().filter(|_| !ty.memory64);
    if let Some((mapping, committed)) = full.and_then(|len| pool::take(Mapping::rounded(len), min)) {
        return Ok((mapping, committed, true));
    }
    if let Some(mapping) = full.and_then(|len| Mapping::reserve(len).ok()) {
        return Ok((mapping, 0, false));
    }
    // A smaller reservation limits growth, which is better than no memory.
    let halves = std::iter::successors(Some(max), |size| Some(size / 2)).take_while(|size| *size > at_least);
    for size in halves {
        let Ok(mapping) = Mapping::reserve(size) else { continue };
        if size == max {
            return Ok((mapping, 0, false));
        }
        // Where address space is scarce, as much as this takes is left for stacks and code.
        drop(mapping);
        if let Ok(mapping) = Mapping::reserve((size / 2).max(at_least)) {
            return Ok((mapping, 0, false));
        }
    }
    match Mapping::reserve(at_least) {
        Ok(mapping) => Ok((mapping, 0, false)),
        Err(error) => Err(Error::system(format!("reserving {at_least} bytes of memory"), error)),
    }
}

impl MemoryInner for MemoryInstance {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn definition(&self) -> MemoryDefinition {
        self.info.memory_definition(self.index)
    }

    fn runtime_tag(&self) -> u64 {
        self.runtime_tag
    }

    fn size(&self) -> u64 {
        self.len_bytes() as u64
    }

    fn grow(&self, delta_pages: u64) -> Option<u64> {
        self.grow_pages(delta_pages)
    }

    fn load(&self, offset: u64, len: u32) -> Option<u64> {
        let at = self.range(offset, u64::from(len)).filter(|_| len <= 8)?;
        // SAFETY: the range was checked, and memory is never uncommitted.
        Some(unsafe { guest::load_word(self.record.base, at, len) })
    }

    fn store(&self, offset: u64, len: u32, value: u64) -> Option<()> {
        let at = self.range(offset, u64::from(len)).filter(|_| len <= 8)?;
        // SAFETY: the range was checked, and memory is never uncommitted.
        unsafe { guest::store_word(self.record.base, at, len, value) };
        Some(())
    }

    fn read(&self, offset: u64, target: &mut [u8]) -> Option<()> {
        let at = self.range(offset, target.len() as u64)?;
        // SAFETY: the range was checked, and memory is never uncommitted.
        unsafe { guest::read(self.record.base, at, target) };
        Some(())
    }

    fn write(&self, offset: u64, source: &[u8]) -> Option<()> {
        self.init(offset, source)
    }

    fn fill(&self, offset: u64, len: u64, value: u8) -> Option<()> {
        self.fill_range(offset, len, value)
    }

    fn view(&self, offset: u64, len: u64) -> Option<&[AtomicU8]> {
        let at = self.range(offset, len)?;
        // SAFETY: the range was checked, memory is never uncommitted while the instance lives.
        Some(unsafe { guest::view(self.record.base, at, len as usize) })
    }

    #[cfg(unix)]
    fn read_fd(
        &self,
        fd: std::os::fd::BorrowedFd<'_>,
        ranges: &[std::ops::Range<u64>],
        at: Option<u64>,
    ) -> Option<std::io::Result<usize>> {
        let ranges = self.raw_ranges(ranges)?;
        // SAFETY: the ranges were checked, and memory is never uncommitted.
        Some(unsafe { crate::sys::read_vectored(fd, &ranges, at) })
    }

    #[cfg(unix)]
    fn write_fd(
        &self,
        fd: std::os::fd::BorrowedFd<'_>,
        ranges: &[std::ops::Range<u64>],
        at: Option<u64>,
    ) -> Option<std::io::Result<usize>> {
        let ranges = self.raw_ranges(ranges)?;
        // SAFETY: the ranges were checked, and memory is never uncommitted.
        Some(unsafe { crate::sys::write_vectored(fd, &ranges, at) })
    }
}

#[cfg(unix)]
impl MemoryInstance {
    fn raw_ranges(&self, ranges: &[std::ops::Range<u64>]) -> Option<Vec<(*mut u8, usize)>> {
        let raw = |range: &std::ops::Range<u64>| {
            let len = range.end.checked_sub(range.start)?;
            let at = self.range(range.start, len)?;
            Some((self.record.base.wrapping_add(at), len as usize))
        };
        ranges.iter().map(raw).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{config, module};

    fn memory(text: &str, config: &StoreConfig) -> Result<MemoryInstance> {
        MemoryInstance::new(&module(&format!("(module (memory {text}))")), 0, config, 1, None)
    }

    #[test]
    fn grows_to_its_maximum_in_place() {
        let memory = memory("1 3", &config()).unwrap();
        let base = memory.record.base;
        assert_eq!(memory.store(65_532, 4, 0x0102_0304), Some(()));
        assert_eq!(memory.load(65_536, 1), None);
        assert_eq!(memory.grow(3), None);
        assert_eq!(memory.grow(u64::MAX), None);
        assert_eq!(memory.grow(2), Some(1));
        assert_eq!(memory.grow(0), Some(3));
        assert_eq!(memory.grow(1), None);
        assert_eq!((memory.load(65_532, 8), memory.size()), (Some(0x0102_0304), 3 * PAGE_BYTES));
        assert_eq!(memory.record.base, base);
    }

    #[test]
    fn the_whole_of_four_gigabytes_is_there() {
        let memory = memory("65536", &config()).unwrap();
        assert_eq!(memory.size(), 1 << 32);
        assert_eq!(memory.load((1 << 32) - 8, 8), Some(0));
        assert_eq!(memory.load((1 << 32) - 7, 8), None);
        assert_eq!(memory.load(u64::MAX - 3, 4), None);
        assert!(memory.reserved_bytes() as u64 >= FULL_RESERVATION && memory.is_guarded());
        assert_eq!(memory.grow(1), None);
    }

    #[test]
    fn limits_are_wazeros() {
        let limited = StoreConfig { memory_limit_pages: 10, ..config() };
        let error = memory("20", &limited).unwrap_err();
        assert_eq!(error.to_string(), "min 20 pages (1 Mi) over limit of 10 pages (640 Ki)");
        let clamped = memory("1 20", &limited).unwrap();
        assert_eq!((clamped.grow(9), clamped.grow(1)), (Some(1), None));
        let from_max = StoreConfig { memory_capacity_from_max: true, ..limited };
        let error = memory("1 20", &from_max).unwrap_err();
        assert_eq!(error.to_string(), "max 20 pages (1 Mi) over limit of 10 pages (640 Ki)");
        assert_eq!(memory("1", &from_max).unwrap().grow(9), Some(1));
    }

    #[test]
    fn wide_memories_have_their_own_limit() {
        let config = StoreConfig { memory64_limit_pages: 100_000, ..config() };
        let memory = memory("i64 70000 0x1000000000000", &config).unwrap();
        assert!(!memory.is_guarded());
        assert_eq!(memory.load(70_000 * PAGE_BYTES - 1, 1), Some(0));
        assert_eq!((memory.grow(30_001), memory.grow(30_000)), (None, Some(70_000)));
    }

    #[test]
    fn memories_that_were_used_before_are_zeros_again() {
        for round in 0..100_u64 {
            let memory = memory("1 20", &config()).unwrap();
            assert_eq!(memory.grow(round % 10), Some(1));
            let len = memory.size();
            let view = memory.view(0, len).unwrap();
            assert!(view.iter().all(|byte| byte.load(Ordering::Relaxed) == 0), "round {round}");
            assert_eq!(memory.load(len, 1), None);
            memory.fill(0, len, 0xff).unwrap();
        }
    }

    #[test]
    fn ranges_out_of_bounds_change_nothing() {
        let memory = memory("1", &config()).unwrap();
        assert_eq!(memory.write(65_534, b"abc"), None);
        assert_eq!(memory.fill(65_534, 3, 1), None);
        assert_eq!(memory.fill(1, u64::MAX, 1), None);
        assert_eq!(memory.load(65_534, 2), Some(0));
        assert_eq!(memory.write(65_536, b""), Some(()));
        assert_eq!(memory.write(65_537, b""), None);
        assert!(memory.view(65_530, 6).is_some_and(|view| view.len() == 6));
        assert!(memory.view(65_530, 7).is_none());
    }

    #[cfg(unix)]
    #[test]
    fn files_are_read_and_written_in_place() {
        use std::os::fd::AsFd;
        let memory = memory("1", &config()).unwrap();
        let (mut reader, writer) = std::io::pipe().unwrap();
        memory.write(10, b"hello world").unwrap();
        let write = |ranges: &[std::ops::Range<u64>]| memory.write_fd(writer.as_fd(), ranges, None);
        assert_eq!(write(&[10..15, 15..21]).unwrap().unwrap(), 11);
        assert!(write(&[10..15, 65_530..65_537]).is_none());
        let read = memory.read_fd(reader.as_fd(), &[100..102, 200..203], None);
        assert_eq!(read.unwrap().unwrap(), 5);
        assert_eq!((memory.load(100, 2), memory.load(200, 3)), (Some(0x6568), Some(0x6f_6c6c)));
        let mut rest = [0; 6];
        std::io::Read::read_exact(&mut reader, &mut rest).unwrap();
        assert_eq!(&rest, b" world");
    }
}
