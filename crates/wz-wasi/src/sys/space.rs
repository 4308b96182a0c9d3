//! Reserving space and announcing use, where the system has calls for both.

use std::fs::File;
use std::num::NonZeroU64;

use rustix::fs::{Advice as HostAdvice, FallocateFlags};

use crate::fs::Advice;
use crate::{Errno, FsResult};

/// Reserves room for `len` bytes from `offset`, extending the file.
pub(crate) fn allocate(file: &File, offset: u64, len: u64) -> FsResult<()> {
    if len == 0 || offset.checked_add(len).is_none_or(|end| i64::try_from(end).is_err()) {
        return Err(if len == 0 { Errno::Invalid } else { Errno::FileTooBig });
    }
    Ok(rustix::fs::fallocate(file, FallocateFlags::empty(), offset, len)?)
}

/// Announces how a range will be used; 0 bytes are all bytes.
pub(crate) fn advise(file: &File, offset: u64, len: u64, advice: Advice) -> FsResult<()> {
    let advice = match advice {
        Advice::Normal => HostAdvice::Normal,
        Advice::Sequential => HostAdvice::Sequential,
        Advice::Random => HostAdvice::Random,
        Advice::WillNeed => HostAdvice::WillNeed,
        Advice::DontNeed => HostAdvice::DontNeed,
        Advice::NoReuse => HostAdvice::NoReuse,
    };
    Ok(rustix::fs::fadvise(file, offset, NonZeroU64::new(len), advice)?)
}
