//! The [`Memory`] handle. Bytes are copied in and out or seen as atomics: other threads may
//! run the guest at the same time.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU8;

use crate::definition::MemoryDefinition;
use crate::sealed::MemoryInner;

/// A linear memory of an instance. Cheap to clone; lives as long as a handle does.
///
/// Offsets and sizes are in bytes. All numbers are little-endian. Whatever is out of range gives
/// `None` and changes nothing.
#[derive(Clone)]
pub struct Memory {
    inner: Arc<dyn MemoryInner>,
}

macro_rules! accessors {
    ($($read:ident $write:ident $ty:ty, $len:literal, $text:literal;)*) => {$(
        #[doc = concat!("Reads ", $text, " at `offset`.")]
        #[must_use]
        pub fn $read(&self, offset: impl Into<u64>) -> Option<$ty> {
            let bytes = self.inner.load(offset.into(), $len)?.to_le_bytes();
            Some(<$ty>::from_le_bytes(bytes[..$len].try_into().ok()?))
        }

        #[doc = concat!("Writes ", $text, " at `offset`.")]
        #[must_use]
        pub fn $write(&self, offset: impl Into<u64>, value: $ty) -> Option<()> {
            let mut word = [0; 8];
            word[..$len].copy_from_slice(&value.to_le_bytes());
            self.inner.store(offset.into(), $len, u64::from_le_bytes(word))
        }
    )*};
}

impl Memory {
    /// Wraps what an engine provides.
    #[doc(hidden)]
    pub fn from_inner(inner: Arc<dyn MemoryInner>) -> Self {
        Self { inner }
    }

    /// What is behind the handle.
    #[doc(hidden)]
    #[must_use]
    pub fn inner(&self) -> &Arc<dyn MemoryInner> {
        &self.inner
    }

    /// What the defining module says of this memory.
    #[must_use]
    pub fn definition(&self) -> MemoryDefinition {
        self.inner.definition()
    }

    /// The current size in bytes; never overflows, also at 4 GiB.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.inner.size()
    }

    /// The current size in pages of 65,536 bytes.
    #[must_use]
    pub fn pages(&self) -> u64 {
        self.size() / 65_536
    }

    /// Grows by `delta_pages` pages of 65,536 bytes and gives the size before in pages, or
    /// `None` if that exceeds the maximum or a limit (as `memory.grow` gives -1).
    #[must_use]
    pub fn grow(&self, delta_pages: impl Into<u64>) -> Option<u64> {
        self.inner.grow(delta_pages.into())
    }

    accessors! {
        read_u8 write_u8 u8, 1, "a byte";
        read_u16 write_u16 u16, 2, "a `u16`";
        read_u32 write_u32 u32, 4, "a `u32`";
        read_u64 write_u64 u64, 8, "a `u64`";
        read_f32 write_f32 f32, 4, "an `f32`";
        read_f64 write_f64 f64, 8, "an `f64`";
    }

    /// Copies `target.len()` bytes from `offset` into `target`.
    #[must_use]
    pub fn read(&self, offset: impl Into<u64>, target: &mut [u8]) -> Option<()> {
        self.inner.read(offset.into(), target)
    }

    /// Copies `len` bytes from `offset`. The range is checked before anything is allocated.
    #[must_use]
    pub fn read_vec(&self, offset: impl Into<u64>, len: impl Into<u64>) -> Option<Vec<u8>> {
        let (offset, len) = (offset.into(), len.into());
        if offset.checked_add(len)? > self.size() {
            return None;
        }
        let mut bytes = vec![0; usize::try_from(len).ok()?];
        self.inner.read(offset, &mut bytes)?;
        Some(bytes)
    }

    /// Copies `len` bytes from `offset` as UTF-8; `None` also if they are not UTF-8.
    #[must_use]
    pub fn read_string(&self, offset: impl Into<u64>, len: impl Into<u64>) -> Option<String> {
        String::from_utf8(self.read_vec(offset, len)?).ok()
    }

    /// Copies `source` to `offset`.
    #[must_use]
    pub fn write(&self, offset: impl Into<u64>, source: &[u8]) -> Option<()> {
        self.inner.write(offset.into(), source)
    }

    /// Copies the bytes of `text` to `offset`.
    #[must_use]
    pub fn write_string(&self, offset: impl Into<u64>, text: &str) -> Option<()> {
        self.write(offset, text.as_bytes())
    }

    /// Sets `len` bytes from `offset` to `value`.
    #[must_use]
    pub fn fill(&self, offset: impl Into<u64>, len: impl Into<u64>, value: u8) -> Option<()> {
        self.inner.fill(offset.into(), len.into(), value)
    }

    /// A write-through view of `len` bytes from `offset`: the guest's writes are seen in it, and
    /// its writes by the guest. The base never moves, so it stays valid when the memory grows.
    #[must_use]
    pub fn view(&self, offset: impl Into<u64>, len: impl Into<u64>) -> Option<&[AtomicU8]> {
        self.inner.view(offset.into(), len.into())
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("size", &self.size()).finish_non_exhaustive()
    }
}
