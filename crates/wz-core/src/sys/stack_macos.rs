//! The bounds of the native stack on macOS.

use std::ops::Range;

/// The addresses of this thread's stack.
pub(crate) fn stack_bounds() -> Option<Range<usize>> {
    // SAFETY: always allowed for the own thread.
    let (high, len) = unsafe {
        let thread = libc::pthread_self();
        (libc::pthread_get_stackaddr_np(thread) as usize, libc::pthread_get_stacksize_np(thread))
    };
    Some(high.checked_sub(len)?..high)
}
