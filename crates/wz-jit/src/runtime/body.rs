//! [`Body`]: a piece of executable code and what is known of it; [`Batch`]: bodies that share
//! pages. Immutable once they can be found.

use std::fmt;

use super::call_sites::CallSites;
use super::pc_map::PcMap;
use super::trap_table::TrapTable;

/// A piece of executable code.
#[derive(Debug)]
pub struct Body {
    start: usize,
    len_bytes: u32,
    kind: BodyKind,
}

/// What a body is.
#[derive(Clone, Debug)]
pub enum BodyKind {
    /// A function of a module.
    Function(FunctionCode),
    /// Something that the runtime made.
    Stub(Stub),
}

/// What is known of a function's code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionCode {
    /// The function's index in its module, imports included.
    pub function: u32,
    /// Whether it makes no calls but into stubs that note the context, and has none at `[fp-8]`.
    pub is_leaf: bool,
    /// How long the code is that makes the frame. A stack overflow in it is one of the caller.
    pub prologue_bytes: u32,
    /// So far below the frame pointer are slots that have what the function was called with; 0 if
    /// there are none.
    pub params_below: u32,
    /// How many memories the module has.
    pub memory_count: u32,
    /// Native program counter → operator.
    pub pc_map: PcMap,
    /// Where it calls the trap stub, and why.
    pub traps: TrapTable,
    /// Where its calls return to.
    pub calls: CallSites,
    /// Ranges in which the frame is neither whole nor absent, in increasing order: the ends of
    /// tail calls.
    pub unwalkable: Box<[(u32, u32)]>,
}

/// What is known of a stub's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stub {
    /// What it does.
    pub kind: StubKind,
    /// The offset of the instruction that pushes the frame pointer; before, the return address is
    /// on top of the stack. `u32::MAX` if there is no frame at all.
    pub frame_at: u32,
}

/// What a stub does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StubKind {
    /// The host calls a guest: the end of a walk.
    Entry,
    /// A guest calls into Rust.
    Exit,
    /// The frame of a function that runs elsewhere.
    Elsewhere {
        /// The offset from which on the frame has its words.
        framed_at: u32,
        /// Where it goes on after what it called for a run: it resumes that.
        resumes_at: u32,
    },
    /// A function that ran elsewhere is replaced by the one it calls: nothing to walk meanwhile.
    TailCall,
    /// The frame of a listened function's wrapper.
    Listener {
        /// So far below the frame pointer are the slots, which have the parameters while the function
        /// runs.
        slots: u32,
    },
    /// A row of thunks.
    Thunks,
    /// The lazy-compile stub: two return addresses are on the stack at first.
    Lazy,
}

impl Body {
    /// The address of the first instruction.
    #[must_use]
    pub fn start(&self) -> usize {
        self.start
    }

    /// The length of the code.
    #[must_use]
    pub fn len_bytes(&self) -> u32 {
        self.len_bytes
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> &BodyKind {
        &self.kind
    }

    /// How far below the frame pointer the parameters are, if this is a listened function's wrapper.
    pub(super) fn listened_slots(&self) -> Option<u32> {
        match &self.kind {
            BodyKind::Stub(Stub { kind: StubKind::Listener { slots }, .. }) => Some(*slots),
            _ => None,
        }
    }

    /// Where an address in the body is, counted from its start.
    #[must_use]
    pub fn offset_of(&self, address: usize) -> u32 {
        address.wrapping_sub(self.start) as u32
    }

    fn end(&self) -> usize {
        self.start + self.len_bytes as usize
    }
}

/// Bodies that were made executable together, and own their pages.
pub struct Batch {
    start: usize,
    page_log2: u32,
    /// In order of address.
    bodies: Box<[Body]>,
    /// For each page the first body that ends in it or after it.
    first_in_page: Box<[u32]>,
}

impl Batch {
    /// A batch from bodies in order of address: start, length and what they are.
    pub(super) fn new(
        start: usize,
        page_count: usize,
        page_size: usize,
        bodies: impl IntoIterator<Item = (usize, u32, BodyKind)>,
    ) -> Self {
        let bodies: Box<[Body]> =
            bodies.into_iter().map(|(start, len_bytes, kind)| Body { start, len_bytes, kind }).collect();
        let mut first = 0;
        let first_in_page = (0..page_count)
            .map(|page| {
                let page_start = start + page * page_size;
                while bodies.get(first).is_some_and(|body| body.end() <= page_start) {
                    first += 1;
                }
                first as u32
            })
            .collect();
        Self { start, page_log2: page_size.trailing_zeros(), bodies, first_in_page }
    }

    /// The body that an address is in. At most the bodies of one page are looked at.
    pub(super) fn find(&self, address: usize) -> Option<&Body> {
        let page = address.checked_sub(self.start)? >> self.page_log2;
        let first = *self.first_in_page.get(page)? as usize;
        // The first body of the next page may begin in this one.
        let end = self.first_in_page.get(page + 1).map_or(self.bodies.len(), |next| *next as usize + 1);
        let bodies = self.bodies.get(first..end.min(self.bodies.len()))?;
        let body = bodies.get(bodies.partition_point(|body| body.end() <= address))?;
        (address >= body.start).then_some(body)
    }

    pub(super) fn start(&self) -> usize {
        self.start
    }

    pub(super) fn len_bytes(&self) -> usize {
        self.first_in_page.len() << self.page_log2
    }

    /// The bodies, in order of address.
    #[must_use]
    pub fn bodies(&self) -> &[Body] {
        &self.bodies
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Batch[{} bodies at {:#x}]", self.bodies.len(), self.start)
    }
}
