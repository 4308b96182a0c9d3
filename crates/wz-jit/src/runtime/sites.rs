//! [`Site`]: what is known of an address in code, and [`Sites`], those that a thread has looked up
//! lately: walks come to the same return addresses again and again.

use std::cell::Cell;
use std::ptr;

use super::body::{Body, BodyKind};
use super::page_map;

/// What is known of an address in code.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site<'a> {
    pub(super) body: &'a Body,
    /// The operator's offset in the body of the Code section, in a function.
    pub(super) code_offset: u32,
}

impl<'a> Site<'a> {
    /// What an address in a body is.
    pub(super) fn of(body: &'a Body, address: usize) -> Self {
        let code_offset = match body.kind() {
            BodyKind::Function(code) => code.pc_map.lookup(body.offset_of(address)).unwrap_or_default(),
            BodyKind::Stub(_) => 0,
        };
        Self { body, code_offset }
    }

    /// What is at an address, for signal handlers too.
    ///
    /// # Safety
    /// As for [`page_map::find`].
    pub(super) unsafe fn find(address: usize) -> Option<Self> {
        // SAFETY: as the caller says.
        Some(Self::of(unsafe { page_map::find(address) }?, address))
    }
}

/// How many are kept.
const COUNT_LOG2: u32 = 6;

/// The sites that a thread has looked up lately. Not for signal handlers, which may interrupt it.
pub(super) struct Sites([Cell<Kept>; 1 << COUNT_LOG2]);

#[derive(Clone, Copy)]
struct Kept {
    address: usize,
    /// What [`page_map::generation`] was.
    generation: u64,
    body: *const Body,
    code_offset: u32,
}

impl Sites {
    pub(super) const fn new() -> Self {
        const NONE: Kept = Kept { address: 0, generation: 0, body: ptr::null(), code_offset: 0 };
        Self([const { Cell::new(NONE) }; 1 << COUNT_LOG2])
    }

    /// What is at an address.
    ///
    /// # Safety
    /// As for [`page_map::find`].
    #[inline]
    pub(super) unsafe fn find<'a>(&self, address: usize) -> Option<Site<'a>> {
        // Before the lookup, so that what is found is not taken for newer than it is.
        let generation = page_map::generation();
        let hash = (address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - COUNT_LOG2);
        let kept = &self.0[hash as usize];
        let Kept { address: known, generation: then, body, code_offset } = kept.get();
        if known == address && then == generation {
            // SAFETY: it was found since anything was last taken out of the map, so it is still there
            // for all who are inside a call.
            return Some(Site { body: unsafe { &*body }, code_offset });
        }
        // SAFETY: as the caller says.
        let site = unsafe { Site::find(address) }?;
        let Site { body, code_offset } = site;
        kept.set(Kept { address, generation, body, code_offset });
        Some(site)
    }
}
