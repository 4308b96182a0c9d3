//! Systems whose signals are not handled: no fault is recognized.

use std::ffi::c_void;

use super::Registers;

/// Nothing is known of the interrupted code.
pub(in super::super) unsafe fn registers(_: *mut c_void) -> Registers {
    Registers::default()
}

/// Never called: nothing is recognized.
pub(in super::super) unsafe fn redirect(_: *mut c_void, _: usize, _: usize, _: usize) {}
