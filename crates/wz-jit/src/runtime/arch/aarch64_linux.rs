//! Registers in a signal's context: AArch64, Linux. The pinned context is in `x28`.

use std::ffi::c_void;

use super::Registers;

/// Reads the registers of the interrupted code.
///
/// # Safety
/// `context` is what a signal handler got.
pub(in super::super) unsafe fn registers(context: *mut c_void) -> Registers {
    // SAFETY: as the caller says.
    let state = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext };
    Registers {
        pc: state.pc as usize,
        sp: state.sp as usize,
        fp: state.regs[29] as usize,
        context: state.regs[28] as usize,
        link: state.regs[30] as usize,
    }
}

/// Makes the handler return to `pc` with this stack pointer and first argument.
///
/// # Safety
/// As for [`registers`]; what is at `pc` expects that.
pub(in super::super) unsafe fn redirect(context: *mut c_void, pc: usize, sp: usize, argument: usize) {
    // SAFETY: as the caller says.
    let state = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext };
    state.pc = pc as u64;
    state.sp = sp as u64;
    state.regs[0] = argument as u64;
}
