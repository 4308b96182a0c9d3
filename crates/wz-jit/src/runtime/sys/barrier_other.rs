//! Systems without barriers on other threads: every thread fences for itself.

/// Whether [`process_barrier`] does something.
pub(crate) fn process_barrier_available() -> bool {
    false
}

/// Makes every running thread of the process execute a full memory barrier.
pub(crate) fn process_barrier() {}

/// Makes every running thread of the process fetch instructions anew: systems that need it do so
/// when pages become executable.
#[cfg_attr(target_arch = "x86_64", expect(dead_code, reason = "x86-64 keeps its instruction fetch coherent"))]
pub(crate) fn instruction_barrier() {}
