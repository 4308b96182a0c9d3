//! Systems where pages that become executable are fetched anew by all threads.

/// Makes every running thread of the process fetch instructions anew: systems that need it do so
/// when pages become executable.
pub(crate) fn instruction_barrier() {}
