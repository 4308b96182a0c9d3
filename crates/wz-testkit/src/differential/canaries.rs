//! [`Canaries`]: an allocator whose memories lie among bytes with a pattern, which guests can reach if
//! a check is missing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wz::experimental::{LinearMemory, MemoryAllocator, MemoryRequest};

/// How many bytes there are on either side of a memory.
const AROUND: usize = 128 << 10;
const CANARY: u8 = 0xc7;

/// Notes whether a memory was left through its ends.
#[derive(Clone, Debug, Default)]
pub(super) struct Canaries(Arc<AtomicBool>);

impl Canaries {
    /// Whether bytes around a memory were changed. Known when it is freed.
    pub(super) fn are_broken(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

struct Bytes {
    all: Vec<u8>,
    canaries: Canaries,
}

impl AsMut<[u8]> for Bytes {
    fn as_mut(&mut self) -> &mut [u8] {
        let end = self.all.len() - AROUND;
        &mut self.all[AROUND..end]
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        let end = self.all.len() - AROUND;
        let intact = [CANARY; AROUND];
        if self.all[..AROUND] != intact || self.all[end..] != intact {
            self.canaries.0.store(true, Ordering::Relaxed);
        }
    }
}

impl MemoryAllocator for Canaries {
    fn allocate(&self, request: &MemoryRequest) -> wz::Result<LinearMemory> {
        let all = vec![CANARY; request.max_bytes + 2 * AROUND];
        Ok(LinearMemory::new(Bytes { all, canaries: self.clone() }))
    }
}
