//! AArch64: frames begin with `stp x29, x30, [sp, #-16]!; mov x29, sp`, the return address is in
//! the link register until then.

use std::arch::asm;
use std::ops::Range;
use std::ptr;

use super::super::sys::instruction_barrier;
use super::{FrameState, Registers};

/// How many bytes of a body there are before its frame is whole.
pub(in super::super) const PUSHED_BYTES: u32 = 8;

/// How many bytes of the stack a thunk uses to tell where it is.
pub(in super::super) const THUNK_PUSHES: usize = 0;

/// How far the frame is at an instruction that is `past_push` bytes after that which saves the
/// frame pointer, if it is.
///
/// # Safety
/// The program counter is that of an instruction of ours.
pub(in super::super) unsafe fn frame_state(registers: &Registers, past_push: Option<u32>) -> FrameState {
    match past_push {
        None | Some(0) => return FrameState::Absent,
        Some(4) => return FrameState::Begun,
        Some(_) => {}
    }
    // SAFETY: our code is readable.
    let word = unsafe { ptr::with_exposed_provenance::<u32>(registers.pc).read() };
    // `ret` comes after the frame was taken down.
    if word == 0xd65f_03c0 { FrameState::Absent } else { FrameState::Whole }
}

/// The return address of a frame that is not whole.
///
/// # Safety
/// The stack pointer is one of ours, and the frame is in this state.
pub(in super::super) unsafe fn return_address(registers: &Registers, _: FrameState) -> usize {
    registers.link
}

/// The context that a frame had which was taken down just now: nothing below the stack pointer is
/// left alone.
pub(in super::super) unsafe fn context_of_gone_frame(_: &Registers, _: &Range<usize>) -> Option<usize> {
    None
}

/// Calls leave no trace of where they return to.
pub(in super::super) unsafe fn native_return(_: usize) -> usize {
    0
}

/// New code is in memory: cleans the data cache and invalidates the instruction cache over it, then
/// has all threads fetch instructions anew.
pub(in super::super) fn code_was_written(start: usize, len: usize) {
    let cache_type: u64;
    // SAFETY: reads a register that tells line sizes.
    unsafe { asm!("mrs {}, ctr_el0", out(reg) cache_type, options(nomem, nostack, preserves_flags)) };
    let data_line = 4_usize << ((cache_type >> 16) & 15);
    let instruction_line = 4_usize << (cache_type & 15);
    for address in (start & !(data_line - 1)..start + len).step_by(data_line) {
        // SAFETY: maintains the cache of memory that is ours.
        unsafe { asm!("dc cvau, {}", in(reg) address, options(nostack, preserves_flags)) };
    }
    // SAFETY: a barrier.
    unsafe { asm!("dsb ish", options(nostack, preserves_flags)) };
    for address in (start & !(instruction_line - 1)..start + len).step_by(instruction_line) {
        // SAFETY: maintains the cache of memory that is ours.
        unsafe { asm!("ic ivau, {}", in(reg) address, options(nostack, preserves_flags)) };
    }
    // SAFETY: barriers.
    unsafe { asm!("dsb ish", "isb", options(nostack, preserves_flags)) };
    instruction_barrier();
}
