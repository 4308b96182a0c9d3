//! The memory of a fake.

use std::any::Any;
use std::ops::Range;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use wz_api::sealed::MemoryInner;
use wz_api::{ExportDefinition, MemoryDefinition, MemoryType};

use super::TAG;

const PAGE_BYTES: u64 = 65_536;

/// A memory that has room for its maximum from the start.
pub(super) struct FakeMemory {
    definition: MemoryDefinition,
    bytes: Box<[AtomicU8]>,
    /// How many of the bytes there are.
    size: AtomicU64,
}

impl FakeMemory {
    pub(super) fn new(min_pages: u64, max_pages: Option<u64>) -> Self {
        let ty = MemoryType { min_pages, max_pages, memory64: false, shared: false };
        let export = ExportDefinition { export_names: vec!["memory".into()], ..Default::default() };
        let room = max_pages.unwrap_or(min_pages).max(min_pages) * PAGE_BYTES;
        let bytes = std::iter::repeat_with(AtomicU8::default).take(room as usize).collect();
        Self { definition: MemoryDefinition { export, ty }, bytes, size: (min_pages * PAGE_BYTES).into() }
    }

    fn range(&self, offset: u64, len: u64) -> Option<&[AtomicU8]> {
        let end = offset.checked_add(len).filter(|end| *end <= self.size.load(Ordering::Acquire))?;
        self.bytes.get(usize::try_from(offset).ok()?..usize::try_from(end).ok()?)
    }
}

impl MemoryInner for FakeMemory {
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn definition(&self) -> MemoryDefinition {
        self.definition.clone()
    }
    fn runtime_tag(&self) -> u64 {
        TAG
    }
    fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }
    fn grow(&self, delta_pages: u64) -> Option<u64> {
        let larger = |size: u64| {
            let new = delta_pages.checked_mul(PAGE_BYTES)?.checked_add(size)?;
            (new <= self.bytes.len() as u64).then_some(new)
        };
        let before = self.size.fetch_update(Ordering::AcqRel, Ordering::Acquire, larger).ok()?;
        Some(before / PAGE_BYTES)
    }
    fn load(&self, offset: u64, len: u32) -> Option<u64> {
        let mut word = [0; 8];
        self.read(offset, word.get_mut(..len as usize)?)?;
        Some(u64::from_le_bytes(word))
    }
    fn store(&self, offset: u64, len: u32, value: u64) -> Option<()> {
        self.write(offset, value.to_le_bytes().get(..len as usize)?)
    }
    fn read(&self, offset: u64, target: &mut [u8]) -> Option<()> {
        let source = self.range(offset, target.len() as u64)?;
        for (to, from) in target.iter_mut().zip(source) {
            *to = from.load(Ordering::Relaxed);
        }
        Some(())
    }
    fn write(&self, offset: u64, source: &[u8]) -> Option<()> {
        for (to, from) in self.range(offset, source.len() as u64)?.iter().zip(source) {
            to.store(*from, Ordering::Relaxed);
        }
        Some(())
    }
    fn fill(&self, offset: u64, len: u64, value: u8) -> Option<()> {
        self.range(offset, len)?.iter().for_each(|byte| byte.store(value, Ordering::Relaxed));
        Some(())
    }
    fn view(&self, offset: u64, len: u64) -> Option<&[AtomicU8]> {
        self.range(offset, len)
    }
    #[cfg(unix)]
    fn read_fd(
        &self,
        fd: std::os::fd::BorrowedFd<'_>,
        ranges: &[Range<u64>],
        at: Option<u64>,
    ) -> Option<std::io::Result<usize>> {
        files::read(self, fd, ranges, at)
    }
    #[cfg(unix)]
    fn write_fd(
        &self,
        fd: std::os::fd::BorrowedFd<'_>,
        ranges: &[Range<u64>],
        at: Option<u64>,
    ) -> Option<std::io::Result<usize>> {
        files::write(self, fd, ranges, at)
    }
}

/// Input and output of ranges, by way of a buffer.
#[cfg(unix)]
mod files {
    use std::fs::File;
    use std::io::{Read, Result, Write};
    use std::ops::Range;
    use std::os::fd::BorrowedFd;
    use std::os::unix::fs::FileExt;

    use wz_api::sealed::MemoryInner;

    use super::FakeMemory;

    pub(super) fn read(
        memory: &FakeMemory,
        fd: BorrowedFd<'_>,
        ranges: &[Range<u64>],
        at: Option<u64>,
    ) -> Option<Result<usize>> {
        let lens = lens(memory, ranges)?;
        let mut buffer = vec![0; lens.iter().sum()];
        let count = fd.try_clone_to_owned().map(File::from).and_then(|mut file| match at {
            None => file.read(&mut buffer),
            Some(at) => file.read_at(&mut buffer, at),
        });
        let Ok(count) = count else { return Some(count) };
        let mut rest = &buffer[..count];
        for (range, len) in ranges.iter().zip(lens) {
            let (part, after) = rest.split_at(len.min(rest.len()));
            memory.write(range.start, part)?;
            rest = after;
        }
        Some(Ok(count))
    }

    pub(super) fn write(
        memory: &FakeMemory,
        fd: BorrowedFd<'_>,
        ranges: &[Range<u64>],
        at: Option<u64>,
    ) -> Option<Result<usize>> {
        let mut buffer = Vec::new();
        for (range, len) in ranges.iter().zip(lens(memory, ranges)?) {
            let start = buffer.len();
            buffer.resize(start + len, 0);
            memory.read(range.start, &mut buffer[start..])?;
        }
        Some(fd.try_clone_to_owned().map(File::from).and_then(|mut file| match at {
            None => file.write(&buffer),
            Some(at) => file.write_at(&buffer, at),
        }))
    }

    /// The lengths of ranges that are all in the memory.
    fn lens(memory: &FakeMemory, ranges: &[Range<u64>]) -> Option<Vec<usize>> {
        let len = |range: &Range<u64>| {
            memory.range(range.start, range.end.checked_sub(range.start)?).map(<[_]>::len)
        };
        ranges.iter().map(len).collect()
    }
}
