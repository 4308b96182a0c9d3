//! [`Code`]: a translated function, and [`FunctionSlot`]: through which it is called.

use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use wz_core::probes::FunctionProbes;

use crate::exec::op::Op;
use crate::pc_map::PcMap;

/// A translated function. Without probes it is never freed before its module.
#[derive(Debug)]
pub(crate) struct Code {
    /// First the length of the frame in bytes, then the instructions.
    words: Box<[u64]>,
    /// The function's index, imports included.
    pub(crate) function: u32,
    /// The slot of the frame's header.
    pub(crate) header: u32,
    pcs: PcMap,
    /// Instructions point to what is in it.
    #[expect(dead_code, reason = "is kept as long as the instructions")]
    probes: Option<Arc<FunctionProbes>>,
}

impl Code {
    pub(crate) fn new(
        words: Box<[u64]>,
        function: u32,
        header: u32,
        pcs: PcMap,
        probes: Option<Arc<FunctionProbes>>,
    ) -> Self {
        debug_assert!(words.len() > 1, "code is never empty");
        Self { words, function, header, pcs, probes }
    }

    /// What a slot holds: the address of the first word.
    pub(crate) fn entry(&self) -> *const u64 {
        self.words.as_ptr()
    }

    /// The first instruction.
    pub(crate) fn start(&self) -> *const u64 {
        self.words[1..].as_ptr()
    }

    /// The length of the frame.
    pub(crate) fn frame_bytes(&self) -> u64 {
        self.words[0]
    }

    /// The addresses that the instructions take.
    pub(crate) fn addresses(&self) -> std::ops::Range<usize> {
        let range = self.words.as_ptr_range();
        range.start.addr()..range.end.addr()
    }

    /// The offset in the Code section of the instruction at or before an address.
    pub(crate) fn code_offset(&self, address: usize) -> Option<u32> {
        let position = (address - self.entry().addr()) / size_of::<u64>();
        self.pcs.code_offset(position as u32)
    }

    /// How many bytes it takes.
    pub(crate) fn len_bytes(&self) -> usize {
        size_of_val(&*self.words) + self.pcs.len_bytes()
    }

    /// The words, for dumps.
    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }
}

/// Through which a function is called: its code, or a stub that translates it first or, if its code
/// is another engine's, calls that.
#[derive(Debug)]
pub(crate) struct FunctionSlot {
    code: AtomicPtr<u64>,
    /// Like code: the length of a frame that always fits, and one instruction.
    stub: [u64; 3],
}

impl FunctionSlot {
    /// The slots of functions without code, whose stubs have these operands.
    pub(crate) fn stubs(op: &'static Op, operands: impl Iterator<Item = u64>) -> Box<[Self]> {
        let mut slots: Box<[Self]> = operands
            .map(|operand| Self { code: AtomicPtr::default(), stub: [0, op.word(), operand] })
            .collect();
        for slot in &mut slots {
            // Only now does the stub have its place.
            slot.code = AtomicPtr::new(slot.stub_code().cast_mut());
        }
        slots
    }

    fn stub_code(&self) -> *const u64 {
        self.stub.as_ptr()
    }

    /// The code to execute.
    #[inline(always)]
    pub(crate) fn code(&self) -> *const u64 {
        self.code.load(Ordering::Acquire)
    }

    /// The next calls execute this.
    pub(crate) fn set(&self, code: Option<&Code>) {
        let code = code.map_or(self.stub_code(), Code::entry);
        self.code.store(code.cast_mut(), Ordering::Release);
    }
}
