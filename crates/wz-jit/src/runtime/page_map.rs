//! From an address to the code that it is in: a map of the whole address space that is read
//! without locks and from signal handlers.
//!
//! Arenas begin at multiples of [`UNIT`]. Two levels of tables, which are never freed, lead from an
//! address to the arena's own table of pages, and that to the batch of bodies that the page holds.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use wz_core::engine::CodeAddress;
use wz_core::reclaim::Pin;
use wz_decode::ModuleInfo;

use super::body::{Batch, Body, BodyKind};

/// What arenas are aligned to, and their lengths multiples of.
pub const UNIT: usize = 1 << UNIT_LOG2;

const UNIT_LOG2: u32 = 22;
const LEVEL_LOG2: u32 = 13;
const ADDRESS_LOG2: u32 = UNIT_LOG2 + 2 * LEVEL_LOG2;
const LEVEL: usize = 1 << LEVEL_LOG2;

/// How often anything was taken out of the map.
static GENERATION: AtomicU64 = AtomicU64::new(1);

/// A number that is another one once anything was taken out of the map. What was found while it was
/// the same can still be found.
#[inline]
pub(super) fn generation() -> u64 {
    GENERATION.load(Ordering::Acquire)
}

/// Something was taken out, and was not freed yet: who finds it nevertheless has an older number.
fn something_went() {
    GENERATION.fetch_add(1, Ordering::SeqCst);
}

struct Leaf([AtomicPtr<ArenaPages>; LEVEL]);

static TOP: [AtomicPtr<Leaf>; LEVEL] = [const { AtomicPtr::new(ptr::null_mut()) }; LEVEL];

/// An arena's table of pages.
#[derive(Debug)]
pub struct ArenaPages {
    start: usize,
    page_log2: u32,
    pages: Box<[AtomicPtr<Batch>]>,
    /// The module whose code it is.
    module: OnceLock<Arc<ModuleInfo>>,
}

impl ArenaPages {
    /// An empty table for an arena.
    pub(super) fn new(start: usize, len_bytes: usize, page_size: usize) -> Self {
        let count = len_bytes.div_ceil(page_size);
        // SAFETY: zeros are null pointers.
        let pages = unsafe { Box::new_zeroed_slice(count).assume_init() };
        Self { start, page_log2: page_size.trailing_zeros(), pages, module: OnceLock::new() }
    }

    /// Whose code it is. The first call counts.
    pub(super) fn set_module(&self, module: &Arc<ModuleInfo>) {
        self.module.get_or_init(|| module.clone());
    }

    /// Lets pages be found, or not any more.
    pub(super) fn set(&self, address: usize, len_bytes: usize, batch: *const Batch) {
        let first = (address - self.start) >> self.page_log2;
        let count = len_bytes >> self.page_log2;
        for page in &self.pages[first..first + count] {
            page.store(batch.cast_mut(), Ordering::Release);
        }
        if batch.is_null() {
            something_went();
        }
    }
}

impl ArenaPages {
    /// # Safety
    /// As for [`find`].
    unsafe fn body<'a>(&self, address: usize) -> Option<&'a Body> {
        let page = self.pages.get((address - self.start) >> self.page_log2)?;
        // SAFETY: batches are only freed when nobody is inside who may have found them.
        unsafe { page.load(Ordering::Acquire).as_ref()?.find(address) }
    }
}

fn split(address: usize) -> Option<(usize, usize)> {
    let unit = address >> UNIT_LOG2;
    (address >> ADDRESS_LOG2 == 0).then_some((unit >> LEVEL_LOG2, unit & (LEVEL - 1)))
}

fn leaf(top: usize) -> &'static Leaf {
    let present = TOP[top].load(Ordering::Acquire);
    // SAFETY: leaves are never freed.
    if let Some(leaf) = unsafe { present.as_ref() } {
        return leaf;
    }
    // SAFETY: zeros are null pointers.
    let fresh = Box::into_raw(unsafe { Box::<Leaf>::new_zeroed().assume_init() });
    match TOP[top].compare_exchange(ptr::null_mut(), fresh, Ordering::AcqRel, Ordering::Acquire) {
        // SAFETY: leaves are never freed.
        Ok(_) => unsafe { &*fresh },
        Err(other) => {
            // SAFETY: it was just made from a box and not published.
            drop(unsafe { Box::from_raw(fresh) });
            // SAFETY: leaves are never freed.
            unsafe { &*other }
        }
    }
}

/// Lets an arena be found; none if its addresses are beyond what the map covers.
///
/// # Safety
/// `pages` lives until [`remove`] was called and all who may have found it before are gone.
pub(super) unsafe fn add(pages: *const ArenaPages, start: usize, len_bytes: usize) -> Option<()> {
    debug_assert!(start.is_multiple_of(UNIT) && len_bytes.is_multiple_of(UNIT));
    split(start.checked_add(len_bytes)? - 1)?;
    set(pages, start, len_bytes);
    Some(())
}

/// Lets an arena not be found any more.
pub(super) fn remove(start: usize, len_bytes: usize) {
    set(ptr::null(), start, len_bytes);
    something_went();
}

fn set(pages: *const ArenaPages, start: usize, len_bytes: usize) {
    for address in (start..start + len_bytes).step_by(UNIT) {
        let (top, low) = split(address).expect("checked when it was added");
        leaf(top).0[low].store(pages.cast_mut(), Ordering::Release);
    }
}

/// The body that an address is in. Takes no lock, allocates nothing, may be called in signal
/// handlers.
///
/// # Safety
/// What is found may be used as long as the thread is inside the call it was in when it was found,
/// or [pinned](wz_core::reclaim::Pin), or otherwise keeps the code from being freed.
#[must_use]
pub unsafe fn find<'a>(address: usize) -> Option<&'a Body> {
    // SAFETY: as the caller says.
    unsafe { arena(address)?.body(address) }
}

/// The arena that an address is in.
///
/// # Safety
/// As for [`find`].
unsafe fn arena<'a>(address: usize) -> Option<&'a ArenaPages> {
    let (top, low) = split(address)?;
    // SAFETY: leaves are never freed; arenas are only freed when nobody is inside who may have found
    // them, as the caller says.
    unsafe {
        let leaf = TOP[top].load(Ordering::Acquire).as_ref()?;
        leaf.0[low].load(Ordering::Acquire).as_ref()
    }
}

/// The function and the operator of code that an address is in; none of stubs. Not for signal
/// handlers.
#[must_use]
pub fn resolve(address: usize) -> Option<CodeAddress> {
    let _pin = Pin::new();
    // SAFETY: pinned.
    let (arena, body) = unsafe { (arena(address)?, find(address)?) };
    let BodyKind::Function(code) = body.kind() else { return None };
    let code_offset = code.pc_map.lookup(body.offset_of(address)).unwrap_or_default();
    Some(CodeAddress { module: arena.module.get()?.clone(), function: code.function, code_offset })
}
