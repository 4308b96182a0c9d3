//! Reserving space and announcing use, where the system has no calls for it: extending the file
//! is all that guests can observe of the first, and nothing of the second.

use std::fs::File;

use crate::fs::Advice;
use crate::{Errno, FsResult};

/// Extends the file so that it holds `len` bytes from `offset`.
pub(crate) fn allocate(file: &File, offset: u64, len: u64) -> FsResult<()> {
    if len == 0 {
        return Err(Errno::Invalid);
    }
    let end = offset.checked_add(len).filter(|end| i64::try_from(*end).is_ok()).ok_or(Errno::FileTooBig)?;
    if file.metadata()?.len() < end {
        file.set_len(end)?;
    }
    Ok(())
}

/// Does nothing.
#[allow(clippy::unnecessary_wraps)]
pub(crate) fn advise(_: &File, _: u64, _: u64, _: Advice) -> FsResult<()> {
    Ok(())
}
