//! Processors that the JIT has no code for.

use std::ops::Range;

use super::{FrameState, Registers};

/// There are no frames of ours.
pub(in super::super) const PUSHED_BYTES: u32 = 0;

/// There are no thunks.
pub(in super::super) const THUNK_PUSHES: usize = 0;

/// There are no instructions of ours.
pub(in super::super) unsafe fn frame_state(_: &Registers, _: Option<u32>) -> FrameState {
    FrameState::Absent
}

/// There are no frames of ours.
pub(in super::super) unsafe fn return_address(_: &Registers, _: FrameState) -> usize {
    0
}

/// There are no frames of ours.
pub(in super::super) unsafe fn context_of_gone_frame(_: &Registers, _: &Range<usize>) -> Option<usize> {
    None
}

/// Calls leave no trace of where they return to.
pub(in super::super) unsafe fn native_return(_: usize) -> usize {
    0
}

/// There is no code.
pub(in super::super) fn code_was_written(_: usize, _: usize) {}
