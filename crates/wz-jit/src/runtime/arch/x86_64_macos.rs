//! Registers in a signal's context: x86-64, macOS.

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
        pc: state.__rip as usize,
        sp: state.__rsp as usize,
        fp: state.__rbp as usize,
        context: state.__r14 as usize,
        link: 0,
    }
}

/// Makes the handler return to `pc` with this stack pointer and first argument.
///
/// # Safety
/// As for [`registers`]; what is at `pc` expects that.
pub(in super::super) unsafe fn redirect(context: *mut c_void, pc: usize, sp: usize, argument: usize) {
    // SAFETY: as the caller says.
    let state = unsafe { &mut (*(*context.cast::<libc::ucontext_t>()).uc_mcontext).__ss };
    state.__rip = pc as u64;
    state.__rsp = sp as u64;
    state.__rdi = argument as u64;
}
