//! x86-64: frames begin with `push rbp; mov rbp, rsp`, the return address is on the stack.

use std::ops::Range;
use std::ptr;

use super::{FrameState, Registers};

/// How many bytes of a body there are before its frame is whole.
pub(in super::super) const PUSHED_BYTES: u32 = 2;

/// How many bytes of the stack a thunk uses to tell where it is.
pub(in super::super) const THUNK_PUSHES: usize = 8;

/// How far the frame is at an instruction that is `past_push` bytes after that which pushes the
/// frame pointer, if it is.
///
/// # Safety
/// The program counter is that of an instruction of ours.
pub(in super::super) unsafe fn frame_state(registers: &Registers, past_push: Option<u32>) -> FrameState {
    match past_push {
        None | Some(0) => return FrameState::Absent,
        Some(1) => return FrameState::Begun,
        Some(_) => {}
    }
    // SAFETY: our code is readable, and bodies end in instructions of at least so many bytes or in
    // `ret`.
    let byte = |at: usize| unsafe { ptr::with_exposed_provenance::<u8>(registers.pc + at).read() };
    // `ret`, `ret n` and `jmp r12` come after the frame was taken down.
    let gone = match byte(0) {
        0xc3 | 0xc2 => true,
        0x41 => byte(1) == 0xff && byte(2) == 0xe4,
        _ => false,
    };
    if gone { FrameState::Absent } else { FrameState::Whole }
}

/// The context that a frame had which was taken down just now: below the stack pointer, where
/// signal handlers leave some bytes alone.
///
/// # Safety
/// The stack pointer is one of ours, at the return address of that frame.
pub(in super::super) unsafe fn context_of_gone_frame(
    registers: &Registers,
    frames: &Range<usize>,
) -> Option<usize> {
    let at = registers.sp.checked_sub(16).filter(|at| frames.contains(at))?;
    // SAFETY: within the part of the stack that may be accessed.
    Some(unsafe { ptr::with_exposed_provenance::<usize>(at).read() })
}

/// The return address of a frame that is not whole.
///
/// # Safety
/// The stack pointer is one of ours, and the frame is in this state.
pub(in super::super) unsafe fn return_address(registers: &Registers, state: FrameState) -> usize {
    let at = registers.sp + if state == FrameState::Begun { 8 } else { 0 };
    // SAFETY: as the caller says.
    unsafe { ptr::with_exposed_provenance::<usize>(at).read() }
}

/// Where a call returns to that was made with this stack pointer.
///
/// # Safety
/// It was made, on the calling thread's stack.
pub(in super::super) unsafe fn native_return(sp: usize) -> usize {
    // SAFETY: as the caller says.
    unsafe { ptr::with_exposed_provenance::<usize>(sp - 8).read() }
}

/// New code is in memory: instruction fetch sees it without further ado.
pub(in super::super) fn code_was_written(_: usize, _: usize) {}
