//! Barriers on all threads of the process with `membarrier`.

use std::sync::OnceLock;

const PRIVATE_EXPEDITED_SYNC_CORE: libc::c_int = 1 << 5;
const REGISTER_PRIVATE_EXPEDITED_SYNC_CORE: libc::c_int = 1 << 6;

fn membarrier(command: libc::c_int) -> bool {
    // SAFETY: `membarrier` touches no memory.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}

/// Makes every running thread of the process fetch instructions anew.
pub(crate) fn instruction_barrier() {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    if *AVAILABLE.get_or_init(|| membarrier(REGISTER_PRIVATE_EXPEDITED_SYNC_CORE)) {
        membarrier(PRIVATE_EXPEDITED_SYNC_CORE);
    }
}
