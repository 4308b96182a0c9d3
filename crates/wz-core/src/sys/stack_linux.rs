//! The bounds of the native stack on Linux.

use std::ops::Range;
use std::{mem, ptr};

/// The addresses of this thread's stack, without its guard. Slow on the main thread.
pub(crate) fn stack_bounds() -> Option<Range<usize>> {
    let mut attributes = mem::MaybeUninit::uninit();
    // SAFETY: the attributes are initialized by the first call, and destroyed once.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return None;
        }
        let mut attributes = attributes.assume_init();
        let (mut low, mut len, mut guard) = (ptr::null_mut(), 0, 0);
        let stack = libc::pthread_attr_getstack(&raw const attributes, &raw mut low, &raw mut len);
        let guards = libc::pthread_attr_getguardsize(&raw const attributes, &raw mut guard);
        libc::pthread_attr_destroy(&raw mut attributes);
        if stack != 0 || guards != 0 {
            return None;
        }
        let low = low as usize;
        // Some versions of the C library count the guard as part of the stack.
        Some(low.saturating_add(guard)..low.saturating_add(len))
    }
}
