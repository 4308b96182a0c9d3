//! The executor: what every instruction does.
//!
//! An instruction is a type that implements [`Instruction`]; generic parameters stand for where
//! operands come from and where the result goes, so that the compiler writes the variants. A
//! handler is an instruction wrapped for the kind of dispatch that the build chose: one of the
//! twins `tail` and `looped`.
//!
//! Rules for the speed and the safety of handlers:
//! - [`Regs`] lives in machine registers. Nothing takes its address but what is inlined: a call
//!   that is given `&mut Regs` would put it on the native stack and with that end tail calls.
//! - What is slow is a function of its own that takes words and gives a word or a status.
//! - `regs.ip` and `regs.sp` have moved only when the instruction has succeeded: a trap finds them
//!   where it happened.

pub(crate) mod branch;
pub(crate) mod bulk;
pub(crate) mod call;
pub(crate) mod choose;
pub(crate) mod copy;
#[cfg_attr(wz_tail_dispatch, path = "dispatch_tail.rs")]
#[cfg_attr(not(wz_tail_dispatch), path = "dispatch_loop.rs")]
pub(crate) mod dispatch;
pub(crate) mod host;
pub(crate) mod memory;
pub(crate) mod note;
pub(crate) mod op;
pub(crate) mod operand;
pub(crate) mod probe;
pub(crate) mod scalar;
pub(crate) mod state;
pub(crate) mod vector;
pub(crate) mod vector_memory;

use std::sync::atomic::Ordering::Acquire;
use wz_api::Trap;
use wz_core::records::{InstanceContext, MemoryRecord};

use crate::machine::Machine;

/// The registers of the virtual machine.
#[derive(Clone, Copy)]
pub(crate) struct Regs {
    /// The current instruction.
    pub(crate) ip: *const u64,
    /// The current frame's slot 0.
    pub(crate) sp: *mut u64,
    /// The accumulator of integers and references.
    pub(crate) acc: u64,
    /// The base of memory 0.
    pub(crate) base: *mut u8,
    /// The length of memory 0 when it was last looked at.
    pub(crate) len: usize,
    /// The instance whose code runs.
    pub(crate) cx: *const InstanceContext,
    /// The accumulator of `f32`.
    pub(crate) f: f32,
    /// The accumulator of `f64`.
    pub(crate) d: f64,
    /// What belongs to the activation.
    pub(crate) machine: *mut Machine,
}

/// Why execution stops: a trap's code, or one of the constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Stop(pub(crate) u64);

impl Stop {
    /// The outermost function of the activation returned.
    pub(crate) const RETURNED: Self = Self(0x100);
    /// The reason is in the core's activation.
    pub(crate) const RAISED: Self = Self(0x101);
    /// Not a reason: the instruction is to be executed by its slow variant.
    pub(crate) const SLOW: Self = Self(0x102);
    /// A call's frame does not fit: `regs.sp` is that frame already, `regs.ip` still the call.
    pub(crate) const OVERFLOW: Self = Self(0x103);
    /// Another engine is to call a function, which the machine has.
    pub(crate) const LEAVE: Self = Self(0x104);
}

impl From<Trap> for Stop {
    #[inline(always)]
    fn from(trap: Trap) -> Self {
        Self(trap as u64)
    }
}

impl From<wz_core::engine::Raised> for Stop {
    #[inline(always)]
    fn from(_: wz_core::engine::Raised) -> Self {
        Self::RAISED
    }
}

/// An instruction that is followed by another, found at `regs.ip`.
pub(crate) trait Instruction {
    /// Executes it.
    ///
    /// # Safety
    /// `regs` are those of an activation that runs valid code, and `regs.ip` is at an instruction
    /// of this kind.
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop>;

    /// Whether [`run`](Self::run) may give [`Stop::SLOW`], having done nothing.
    const SLOW: bool = false;

    /// Executes it where `run` would not: in a function of its own, so that the calls it makes
    /// cost the fast path nothing.
    ///
    /// # Safety
    /// As for `run`.
    unsafe fn run_slow(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: as the caller says.
        unsafe { Self::run(regs) }
    }
}

/// An instruction that goes on at one of two places: the next instruction, or its target.
///
/// Not an [`Instruction`] that computes `regs.ip`, because then the processor could not go on
/// before it has the condition: both ways have their own dispatch.
pub(crate) trait Fork {
    /// The length in words.
    const WORDS: usize;
    /// Whether to go to the target.
    ///
    /// # Safety
    /// As for [`Instruction::run`].
    unsafe fn taken(regs: &mut Regs) -> bool;
}

impl Regs {
    /// The operand in 16 bits at position `I` of the instruction's second word.
    ///
    /// # Safety
    /// The instruction has that operand.
    #[inline(always)]
    pub(crate) unsafe fn u16<const I: usize>(&self) -> u16 {
        // SAFETY: instructions with operands are two words or more.
        unsafe { self.ip.cast::<u16>().add(4 + I).read() }
    }

    /// The operand in 32 bits at position `I` (2 is the low half of the second word).
    ///
    /// # Safety
    /// The instruction has that operand.
    #[inline(always)]
    pub(crate) unsafe fn u32<const I: usize>(&self) -> u32 {
        // SAFETY: the caller says that the instruction is long enough.
        unsafe { self.ip.cast::<u32>().add(I).read() }
    }

    /// The word at position `I` of the instruction.
    ///
    /// # Safety
    /// The instruction has that word.
    #[inline(always)]
    pub(crate) unsafe fn word<const I: usize>(&self) -> u64 {
        // SAFETY: the caller says that the instruction is long enough.
        unsafe { self.ip.add(I).read() }
    }

    /// A slot of the frame.
    ///
    /// # Safety
    /// The frame has that slot.
    #[inline(always)]
    pub(crate) unsafe fn slot(&self, index: impl Into<u64>) -> *mut u64 {
        // SAFETY: the caller says that the frame is large enough.
        unsafe { self.sp.add(index.into() as usize) }
    }

    /// Goes to the instruction `words` after this one.
    ///
    /// # Safety
    /// There is an instruction.
    #[inline(always)]
    pub(crate) unsafe fn advance(&mut self, words: usize) {
        // SAFETY: the caller says that there is code.
        self.ip = unsafe { self.ip.add(words) };
    }

    /// Goes to the instruction that the operand in the upper half of the second word names,
    /// relative to this one.
    ///
    /// # Safety
    /// The operand is a branch offset.
    #[inline(always)]
    pub(crate) unsafe fn jump(&mut self) {
        // SAFETY: the caller says that it is a branch offset; those lead to instructions.
        self.ip = unsafe { self.ip.offset(self.u32::<3>() as i32 as isize) };
    }

    /// Looks at memory 0 of `self.cx`, after the context changed.
    ///
    /// # Safety
    /// `self.cx` is a live instance's context.
    #[inline(always)]
    pub(crate) unsafe fn reload_memory(&mut self) {
        // SAFETY: contexts hold the base and a record, also of instances without a memory.
        unsafe {
            self.base = (*self.cx).memory0_base;
            self.reload_len();
        }
    }

    /// Looks at the length of memory 0, which others may have grown.
    ///
    /// # Safety
    /// `self.cx` is a live instance's context.
    #[inline(always)]
    pub(crate) unsafe fn reload_len(&mut self) {
        // SAFETY: contexts hold a record, also of instances without a memory.
        self.len = unsafe {
            let record: *const MemoryRecord = (*self.cx).memory0;
            (*record).len_bytes.load(Acquire)
        };
    }
}
