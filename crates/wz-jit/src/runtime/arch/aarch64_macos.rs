//! Registers in a signal's context: AArch64, macOS. The pinned context is in `x28`.

use std::ffi::c_void;

use super::Registers;

/// Reads the registers of the interrupted code.
///
/// # Safety
/// `context` is what a signal handler got.
pub(in super::super) unsafe fn registers(context: *mut c_void) -> Registers {
    // SAFETY: as the caller says.
    let state = unsafe { &(*(*context.cast::<libc::ucontext_t>()).uc_mcontext).__ss };
    Registers {
        pc: state.__pc as usize,
        sp: state.__sp as usize,
        fp: state.__fp as usize,
        context: state.__x[28] as usize,
        link: state.__lr as usize,
    }
}

/// Makes the handler return to `pc` with this stack pointer and first argument.
///
/// # Safety
/// As for [`registers`]; what is at `pc` expects that.
pub(in super::super) unsafe fn redirect(context: *mut c_void, pc: usize, sp: usize, argument: usize) {
    // SAFETY: as the caller says.
    let state = unsafe { &mut (*(*context.cast::<libc::ucontext_t>()).uc_mcontext).__ss };
    state.__pc = pc as u64;
    state.__sp = sp as u64;
    state.__x[0] = argument as u64;
}
