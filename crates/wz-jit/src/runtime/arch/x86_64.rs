//! x86-64: frames begin with `push rbp; mov rbp, rsp`, the return address is on the stack.

use std::ptr;

use super::{FrameState, Registers};

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
    // SAFETY: our code is readable.
    let byte = unsafe { ptr::with_exposed_provenance::<u8>(registers.pc).read() };
    // `ret` and `ret n` come after the frame was taken down.
    if matches!(byte, 0xc3 | 0xc2) { FrameState::Absent } else { FrameState::Whole }
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

/// New code is in memory: instruction fetch sees it without further ado.
pub(in super::super) fn code_was_written(_: usize, _: usize) {}
