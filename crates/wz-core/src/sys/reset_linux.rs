//! Giving pages back on Linux, where private anonymous memory is zeros afterwards.

/// Makes committed bytes zeros again. Whether that succeeded.
///
/// # Safety
/// The range is committed, and nothing uses it.
pub(crate) unsafe fn reset(base: *mut u8, len: usize) -> bool {
    // SAFETY: as the caller says.
    len == 0 || unsafe { libc::madvise(base.cast(), len, libc::MADV_DONTNEED) } == 0
}
