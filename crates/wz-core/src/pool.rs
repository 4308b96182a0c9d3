//! Reservations of freed memories and tables, kept for new ones: reserving, committing and releasing costs
//! more than all the rest of instantiating a small module.
//!
//! What is in the pool is all zeros: the system took the pages back, or, of small memories that
//! come and go, they were overwritten, so that the next one finds them in place. No more is
//! committed than a new memory asks for, so that everything behind its end stays inaccessible.

use parking_lot::Mutex;

use crate::guest;
use crate::sys::Mapping;

/// How many reservations are kept at most.
const MAX_KEPT: usize = 32;

/// Reservations of which more is committed are not kept: giving the pages back takes longer than
/// making new ones.
const MAX_COMMITTED: usize = 64 << 20;

/// Up to this size overwriting is faster than having the pages taken and given again.
const MAX_OVERWRITTEN: usize = 64 << 10;

struct Kept {
    mapping: Mapping,
    committed: usize,
}

static POOL: Mutex<Vec<Kept>> = Mutex::new(Vec::new());

/// A reservation of exactly `len` bytes of which at most `committed` bytes, zeros, are committed,
/// and how many are.
pub(crate) fn take(len: usize, committed: usize) -> Option<(Mapping, usize)> {
    let mut pool = POOL.lock();
    let fits = |kept: &Kept| kept.mapping.len() == len && kept.committed <= committed;
    // The one that needs the least committing.
    let candidates = pool.iter().enumerate().filter(|(_, kept)| fits(kept));
    let (position, _) = candidates.max_by_key(|(_, kept)| kept.committed)?;
    let Kept { mapping, committed } = pool.swap_remove(position);
    Some((mapping, committed))
}

/// Keeps a reservation of which `committed` bytes are committed, or releases it. `reused` says
/// whether it is from here.
pub(crate) fn give(mapping: Mapping, committed: usize, reused: bool) {
    if committed > MAX_COMMITTED || POOL.lock().len() >= MAX_KEPT {
        return;
    }
    let zeroed = if reused && committed <= MAX_OVERWRITTEN {
        // SAFETY: the bytes are committed and aligned, and nobody else has the mapping.
        unsafe { guest::clear(mapping.base(), committed) };
        true
    } else {
        mapping.reset(committed)
    };
    let kept = Kept { mapping, committed };
    let mut pool = POOL.lock();
    if zeroed && pool.len() < MAX_KEPT {
        pool.push(kept);
    }
}
