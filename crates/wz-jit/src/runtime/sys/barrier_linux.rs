//! Barriers on all threads of the process with `membarrier`.

use std::sync::OnceLock;

const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;
const PRIVATE_EXPEDITED_SYNC_CORE: libc::c_int = 1 << 5;
const REGISTER_PRIVATE_EXPEDITED_SYNC_CORE: libc::c_int = 1 << 6;

fn membarrier(command: libc::c_int) -> bool {
    // SAFETY: `membarrier` touches no memory.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}

/// Whether [`process_barrier`] does something.
pub(crate) fn process_barrier_available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| membarrier(REGISTER_PRIVATE_EXPEDITED) && membarrier(PRIVATE_EXPEDITED))
}

/// Makes every running thread of the process execute a full memory barrier.
pub(crate) fn process_barrier() {
    if process_barrier_available() {
        membarrier(PRIVATE_EXPEDITED);
    }
}

/// Makes every running thread of the process fetch instructions anew.
#[cfg_attr(target_arch = "x86_64", expect(dead_code, reason = "x86-64 keeps its instruction fetch coherent"))]
pub(crate) fn instruction_barrier() {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    if *AVAILABLE.get_or_init(|| membarrier(REGISTER_PRIVATE_EXPEDITED_SYNC_CORE)) {
        membarrier(PRIVATE_EXPEDITED_SYNC_CORE);
    }
}
