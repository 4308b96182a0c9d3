//! Memory allocators: where the bytes of linear memories are.

use std::fmt;
use std::sync::Arc;

use wz_api::{Context, MemoryType, Result};

/// What a linear memory needs.
#[derive(Clone, Copy, Debug)]
pub struct MemoryRequest {
    /// Its type.
    pub ty: MemoryType,
    /// How many bytes it begins with.
    pub min_bytes: usize,
    /// How many it may grow to, by its type and the runtime's limits.
    pub max_bytes: usize,
}

/// Gives linear memories their bytes.
pub trait MemoryAllocator: Send + Sync {
    /// The bytes of a memory: at least as many as it begins with. It can grow as far as these go.
    ///
    /// # Errors
    /// If there are none: instantiating fails with it.
    fn allocate(&self, request: &MemoryRequest) -> Result<LinearMemory>;
}

/// A closure is an allocator.
impl<F: Fn(&MemoryRequest) -> Result<LinearMemory> + Send + Sync> MemoryAllocator for F {
    fn allocate(&self, request: &MemoryRequest) -> Result<LinearMemory> {
        self(request)
    }
}

/// Whether a memory may grow to so many bytes.
type AllowGrowth = Box<dyn Fn(usize) -> bool + Send + Sync>;

/// What owns bytes.
type Storage = Box<dyn AsMut<[u8]> + Send + Sync>;

/// The bytes of a linear memory: all that it can ever have, because it never moves. Dropped with the
/// memory, when nothing uses that any more.
pub struct LinearMemory {
    storage: Storage,
    allow_growth: Option<AllowGrowth>,
}

impl LinearMemory {
    /// A memory in what owns bytes: a `Vec<u8>`, a mapped file. It is asked for them once. What the
    /// guest sees of them is set to zero.
    pub fn new(storage: impl AsMut<[u8]> + Send + Sync + 'static) -> Self {
        Self { storage: Box::new(storage), allow_growth: None }
    }

    /// Asks `allow` before each growth, with the size in bytes that it would have. A panic of it
    /// refuses.
    #[must_use]
    pub fn with_growth(mut self, allow: impl Fn(usize) -> bool + Send + Sync + 'static) -> Self {
        self.allow_growth = Some(Box::new(allow));
        self
    }

    #[doc(hidden)]
    #[must_use]
    pub fn into_parts(self) -> (Storage, Option<AllowGrowth>) {
        (self.storage, self.allow_growth)
    }
}

impl fmt::Debug for LinearMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinearMemory").finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct AllocatorValue(Arc<dyn MemoryAllocator>);

/// Derives a context with which modules that are instantiated have the memories that they define
/// from `allocator`. Accesses to such memories are checked by code; memories without an allocator
/// mostly need no code for it.
#[must_use]
pub fn with_memory_allocator(cx: &Context, allocator: Arc<dyn MemoryAllocator>) -> Context {
    cx.with_value(AllocatorValue(allocator))
}

/// The innermost allocator of a context.
#[must_use]
pub fn memory_allocator(cx: &Context) -> Option<&Arc<dyn MemoryAllocator>> {
    cx.value::<AllocatorValue>().map(|value| &value.0)
}
