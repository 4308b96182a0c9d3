//! Barriers on Linux: one thread makes all threads of the process fence.

use std::sync::OnceLock;

const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;

/// Whether [`process_barrier`] does anything. Asking makes it possible.
pub(crate) fn process_barrier_available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| membarrier(REGISTER_PRIVATE_EXPEDITED) && membarrier(PRIVATE_EXPEDITED))
}

/// Every thread of the process executes a full fence before this returns.
pub(crate) fn process_barrier() {
    if process_barrier_available() {
        membarrier(PRIVATE_EXPEDITED);
    }
}

fn membarrier(command: libc::c_int) -> bool {
    // SAFETY: the call has no effect but fences.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}
