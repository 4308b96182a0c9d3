//! What the runtime needs of the processor it runs on: registers in a signal's context, frames
//! that are half made, and instruction caches. One file per processor, with the same items.

#[cfg(target_arch = "x86_64")]
#[path = "arch/x86_64.rs"]
mod imp;
#[cfg(target_arch = "aarch64")]
#[path = "arch/aarch64.rs"]
mod imp;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
#[path = "arch/other.rs"]
mod imp;

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[path = "arch/x86_64_linux.rs"]
mod signal;
#[cfg(all(target_arch = "x86_64", target_os = "macos"))]
#[path = "arch/x86_64_macos.rs"]
mod signal;
#[cfg(all(target_arch = "aarch64", target_os = "linux"))]
#[path = "arch/aarch64_linux.rs"]
mod signal;
#[cfg(all(target_arch = "aarch64", target_os = "macos"))]
#[path = "arch/aarch64_macos.rs"]
mod signal;
#[cfg(not(any(
    all(target_arch = "x86_64", any(target_os = "linux", target_os = "macos")),
    all(target_arch = "aarch64", any(target_os = "linux", target_os = "macos")),
)))]
#[path = "arch/signal_other.rs"]
mod signal;

pub(super) use imp::{
    PUSHED_BYTES, THUNK_PUSHES, code_was_written, context_of_gone_frame, frame_state, native_return,
    return_address,
};
pub(super) use signal::{redirect, registers};

/// The registers that frames are found with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Registers {
    /// The program counter.
    pub pc: usize,
    /// The stack pointer.
    pub sp: usize,
    /// The frame pointer.
    pub fp: usize,
    /// The pinned register with the instance's context.
    pub context: usize,
    /// The link register, where the processor has one.
    pub link: usize,
}

/// How far the frame is that a program counter belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameState {
    /// Not begun, or taken down.
    Absent,
    /// The caller's frame pointer is saved, but the frame pointer is still the caller's.
    Begun,
    /// Complete.
    Whole,
}
