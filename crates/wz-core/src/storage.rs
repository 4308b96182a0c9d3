//! [`Storage`]: where the bytes of a linear memory are, in address space that was reserved for it or
//! in what an embedder's allocator gave.

use std::panic::{AssertUnwindSafe, catch_unwind};

use wz_api::{Error, Result};
use wz_experimental::{MemoryAllocator, MemoryRequest};

use crate::guest;
use crate::pool;
use crate::sys::Mapping;

/// The bytes of a memory. Their place never changes.
#[derive(Debug)]
pub(crate) enum Storage {
    /// Reserved by the core, and committed as it grows.
    Reserved {
        mapping: Mapping,
        /// Whether the mapping is of an earlier memory.
        reused: bool,
    },
    /// An embedder's.
    Given(Given),
}

/// What an allocator gave.
pub(crate) struct Given {
    base: *mut u8,
    len: usize,
    /// What the bytes are borrowed from until this is dropped.
    owner: *mut (dyn AsMut<[u8]> + Send + Sync),
    allow_growth: Option<Box<dyn Fn(usize) -> bool + Send + Sync>>,
}

// SAFETY: the owner may be dropped on any thread; who may access the bytes is the memory's matter.
unsafe impl Send for Given {}
// SAFETY: nothing of the owner is used while the bytes are.
unsafe impl Sync for Given {}

impl Given {
    /// Asks an allocator, and sets what the guest will see at first to zero.
    pub(crate) fn new(allocator: &dyn MemoryAllocator, request: &MemoryRequest) -> Result<Self> {
        let (storage, allow_growth) = allocator.allocate(request)?.into_parts();
        let owner = Box::into_raw(storage);
        // From here on the owner is dropped with this.
        let mut given = Self { base: std::ptr::dangling_mut(), len: 0, owner, allow_growth };
        // SAFETY: made from a box just now. It stays borrowed until `drop`, which is what makes the
        // bytes good for as long, whatever it does.
        let bytes: &mut [u8] = unsafe { (*owner).as_mut() };
        (given.base, given.len) = (bytes.as_mut_ptr(), bytes.len());
        if given.len < request.min_bytes {
            let (len, min) = (given.len, request.min_bytes);
            return Err(Error::limit(format!("the allocator gave {len} bytes for a memory of {min}")));
        }
        given.grow(0, request.min_bytes);
        Ok(given)
    }

    /// Whether the memory may have so many bytes.
    fn allows(&self, bytes: usize) -> bool {
        let Some(allow) = &self.allow_growth else { return true };
        catch_unwind(AssertUnwindSafe(|| allow(bytes))).unwrap_or(false)
    }

    /// The bytes from `from` to `to` belong to the memory from now on.
    fn grow(&self, from: usize, to: usize) {
        debug_assert!(from <= to && to <= self.len);
        // SAFETY: the bytes are borrowed from the owner, and no guest has seen them yet.
        unsafe { guest::fill(self.base, from, 0, to - from) };
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        // SAFETY: made from a box, and nothing uses the bytes any more.
        drop(unsafe { Box::from_raw(self.owner) });
    }
}

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Given").field("len", &self.len).finish_non_exhaustive()
    }
}

impl Storage {
    /// The first byte.
    pub(crate) fn base(&self) -> *mut u8 {
        match self {
            Self::Reserved { mapping, .. } => mapping.base(),
            Self::Given(given) => given.base,
        }
    }

    /// How many bytes there can be.
    pub(crate) fn capacity(&self) -> usize {
        match self {
            Self::Reserved { mapping, .. } => mapping.len(),
            Self::Given(given) => given.len,
        }
    }

    /// How much address space was reserved, in which faults are the guest's.
    pub(crate) fn reserved(&self) -> usize {
        match self {
            Self::Reserved { mapping, .. } => mapping.len(),
            Self::Given(_) => 0,
        }
    }

    /// Whether the memory may have so many bytes. Calls the embedder.
    pub(crate) fn allows(&self, bytes: usize) -> bool {
        match self {
            Self::Reserved { .. } => true,
            Self::Given(given) => given.allows(bytes),
        }
    }

    /// Makes more bytes accessible, which are zero.
    pub(crate) fn grow(&self, from: usize, to: usize) -> std::io::Result<()> {
        match self {
            Self::Reserved { mapping, .. } => mapping.commit(from, to),
            Self::Given(given) => {
                given.grow(from, to);
                Ok(())
            }
        }
    }

    /// Nothing uses the memory any more, which had so many bytes.
    pub(crate) fn free(&mut self, len: usize) {
        if let Self::Reserved { mapping, reused } = self {
            pool::give(std::mem::replace(mapping, Mapping::none()), len, *reused);
        }
    }
}
