//! Registers in a signal's context: x86-64, Linux.

use std::ffi::c_void;

use super::Registers;

/// Reads the registers of the interrupted code.
///
/// # Safety
/// `context` is what a signal handler got.
pub(in super::super) unsafe fn registers(context: *mut c_void) -> Registers {
    // SAFETY: as the caller says.
    let registers = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    let register = |number: libc::c_int| registers[number as usize] as usize;
    Registers {
        pc: register(libc::REG_RIP),
        sp: register(libc::REG_RSP),
        fp: register(libc::REG_RBP),
        context: register(libc::REG_R14),
        link: 0,
    }
}

/// Makes the handler return to `pc` with this stack pointer and first argument.
///
/// # Safety
/// As for [`registers`]; what is at `pc` expects that.
pub(in super::super) unsafe fn redirect(context: *mut c_void, pc: usize, sp: usize, argument: usize) {
    // SAFETY: as the caller says.
    let registers = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    registers[libc::REG_RIP as usize] = pc as libc::greg_t;
    registers[libc::REG_RSP as usize] = sp as libc::greg_t;
    registers[libc::REG_RDI as usize] = argument as libc::greg_t;
}
