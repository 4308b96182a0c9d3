//! Moving bytes between guest memory and files: straight between memory and host descriptors, in
//! chunks through a buffer for everything else; blocking, where the descriptor does, in a way that
//! can be interrupted.

use std::ops::Range;

use wz_api::Caller;

use super::{Failure, Outcome};
use crate::abi::{Guest, fdflags};
use crate::descriptor::Descriptor;
use crate::fs::{File, Interest};
use crate::wait::{Target, Waiter};
use crate::{Errno, FsResult};

/// How much goes through a buffer at once.
const CHUNK: u64 = 64 * 1024;

/// Reads into the ranges of guest memory, at the position or at `at`; gives the number of bytes.
pub(super) fn read(
    caller: &Caller<'_>,
    descriptor: &Descriptor,
    file: &dyn File,
    mut ranges: Vec<Range<u64>>,
    at: Option<u64>,
) -> Outcome<u32> {
    let guest = Guest::of(caller)?;
    let mut done = 0;
    // Regular files fill the ranges; streams give what they have.
    while total(&ranges) > 0 {
        let offset = at.map(|at| at.checked_add(done).ok_or(Errno::Invalid)).transpose()?;
        match read_once(guest, file, &ranges, offset) {
            Ok(0) => break,
            Ok(len) => {
                advance(&mut ranges, len);
                done += len;
                // The host has given all there is; what goes through the buffer comes in chunks.
                if !file.is_seekable() || direct::applies(file) {
                    break;
                }
            }
            Err(_) if done > 0 => break,
            Err(Errno::Interrupted) => check_interruption(caller)?,
            Err(Errno::Again) if !descriptor.is_nonblocking() => wait(caller, file, Interest::Read)?,
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(done as u32)
}

/// Writes the ranges of guest memory, at the position, at the end or at `at`; gives the number of
/// bytes. A descriptor in blocking mode takes all of them unless something fails.
pub(super) fn write(
    caller: &Caller<'_>,
    descriptor: &Descriptor,
    file: &dyn File,
    mut ranges: Vec<Range<u64>>,
    at: Option<u64>,
) -> Outcome<u32> {
    let guest = Guest::of(caller)?;
    let flags = descriptor.flags();
    let mut done = 0;
    while total(&ranges) > 0 {
        let offset = at.map(|at| at.checked_add(done).ok_or(Errno::FileTooBig)).transpose()?;
        match write_once(guest, file, &ranges, offset, flags & fdflags::APPEND != 0) {
            Ok(0) => break,
            Ok(len) => {
                advance(&mut ranges, len);
                done += len;
                // What took only a part is full: another try would be refused.
                if total(&ranges) > 0 && !descriptor.is_nonblocking() && direct::fills_up(file) {
                    wait(caller, file, Interest::Write)?;
                }
            }
            Err(Errno::Interrupted) => check_interruption(caller)?,
            Err(Errno::Again) if !descriptor.is_nonblocking() => wait(caller, file, Interest::Write)?,
            Err(_) if done > 0 => break,
            Err(errno) => return Err(errno.into()),
        }
    }
    if file.is_seekable() && flags & fdflags::SYNC != 0 {
        file.sync()?;
    } else if file.is_seekable() && flags & fdflags::DSYNC != 0 {
        file.sync_data()?;
    }
    Ok(done as u32)
}

fn total(ranges: &[Range<u64>]) -> u64 {
    ranges.iter().map(|range| range.end - range.start).sum()
}

/// Takes `len` bytes off the front.
pub(super) fn advance(ranges: &mut Vec<Range<u64>>, mut len: u64) {
    let whole = ranges.iter().take_while(|range| {
        let fits = range.end - range.start <= len;
        if fits {
            len -= range.end - range.start;
        }
        fits
    });
    let whole = whole.count();
    ranges.drain(..whole);
    if let Some(first) = ranges.first_mut() {
        first.start += len;
    }
}

fn check_interruption(caller: &Caller<'_>) -> Outcome {
    caller.interruption().map_or(Ok(()), |error| Err(Failure::Stop(error)))
}

/// Waits until the file is ready; the call ends if it should meanwhile.
pub(super) fn wait(caller: &Caller<'_>, file: &dyn File, interest: Interest) -> Outcome {
    Waiter::new(caller)?.wait(&[Target { file, interest }], None)?;
    Ok(())
}

/// Reads through a buffer with `read`, in chunks, and scatters into the ranges.
pub(super) fn scatter(
    guest: Guest<'_>,
    ranges: &[Range<u64>],
    mut read: impl FnMut(&mut [u8]) -> FsResult<usize>,
) -> FsResult<u64> {
    let mut chunk = vec![0; total(ranges).min(CHUNK) as usize];
    let len = read(&mut chunk)?.min(chunk.len());
    let mut rest = &chunk[..len];
    for range in ranges {
        let part = rest.len().min((range.end - range.start) as usize);
        guest.write(range.start, &rest[..part])?;
        rest = &rest[part..];
    }
    Ok(len as u64)
}

/// Gathers from the ranges into a buffer, and writes that.
fn gather(
    guest: Guest<'_>,
    ranges: &[Range<u64>],
    write: impl FnOnce(&[u8]) -> FsResult<usize>,
) -> FsResult<u64> {
    let mut chunk = vec![0; total(ranges).min(CHUNK) as usize];
    let mut filled = 0;
    for range in ranges {
        let part = (chunk.len() - filled).min((range.end - range.start) as usize);
        let target = &mut chunk[filled..filled + part];
        guest.memory().read(range.start, target).ok_or(Errno::Fault)?;
        filled += part;
    }
    Ok(write(&chunk)?.min(chunk.len()) as u64)
}

fn read_once(guest: Guest<'_>, file: &dyn File, ranges: &[Range<u64>], at: Option<u64>) -> FsResult<u64> {
    if let Some(result) = direct::read(guest, file, ranges, at) {
        return result;
    }
    scatter(guest, ranges, |chunk| match at {
        Some(offset) => file.read_at(chunk, offset),
        None => file.read(chunk),
    })
}

fn write_once(
    guest: Guest<'_>,
    file: &dyn File,
    ranges: &[Range<u64>],
    at: Option<u64>,
    append: bool,
) -> FsResult<u64> {
    // In append mode the file has to arrange for positioned writes not to append.
    if !append && let Some(result) = direct::write(guest, file, ranges, at) {
        return result;
    }
    gather(guest, ranges, |chunk| match at {
        Some(offset) => file.write_at(chunk, offset),
        None => file.write(chunk),
    })
}

/// Transfers without a buffer, where the host has descriptors.
#[cfg(unix)]
mod direct {
    use std::ops::Range;

    use crate::abi::Guest;
    use crate::fs::{File, Interest};
    use crate::{Errno, FsResult, sys};

    pub(super) fn applies(file: &dyn File) -> bool {
        file.host_stream().is_some()
    }

    /// Whether a write that takes only a part says that there is no room for more now.
    pub(super) fn fills_up(file: &dyn File) -> bool {
        file.host_stream().is_some_and(|stream| stream.can_wait && !stream.may_block)
    }

    pub(super) fn read(
        guest: Guest<'_>,
        file: &dyn File,
        ranges: &[Range<u64>],
        at: Option<u64>,
    ) -> Option<FsResult<u64>> {
        let stream = file.host_stream()?;
        if stream.may_block && !sys::is_ready(stream.fd, Interest::Read) {
            return Some(Err(Errno::Again));
        }
        Some(finish(guest.memory().inner().read_fd(stream.fd, ranges, at)))
    }

    pub(super) fn write(
        guest: Guest<'_>,
        file: &dyn File,
        ranges: &[Range<u64>],
        at: Option<u64>,
    ) -> Option<FsResult<u64>> {
        let stream = file.host_stream()?;
        if !stream.may_block {
            return Some(finish(guest.memory().inner().write_fd(stream.fd, ranges, at)));
        }
        if !sys::is_ready(stream.fd, Interest::Write) {
            return Some(Err(Errno::Again));
        }
        // More than this could block although the descriptor is ready.
        let mut room = sys::ATOMIC_WRITE as u64;
        let mut some = Vec::new();
        for range in ranges {
            let len = (range.end - range.start).min(room);
            room -= len;
            if len > 0 {
                some.push(range.start..range.start + len);
            }
        }
        Some(finish(guest.memory().inner().write_fd(stream.fd, &some, at)))
    }

    fn finish(result: Option<std::io::Result<usize>>) -> FsResult<u64> {
        Ok(result.ok_or(Errno::Fault)?? as u64)
    }
}

/// The host has no descriptors: everything goes through the buffer.
#[cfg(not(unix))]
mod direct {
    use std::ops::Range;

    use crate::FsResult;
    use crate::abi::Guest;
    use crate::fs::File;

    pub(super) fn applies(_: &dyn File) -> bool {
        false
    }

    pub(super) fn fills_up(_: &dyn File) -> bool {
        false
    }

    pub(super) fn read(
        _: Guest<'_>,
        _: &dyn File,
        _: &[Range<u64>],
        _: Option<u64>,
    ) -> Option<FsResult<u64>> {
        None
    }

    pub(super) fn write(
        _: Guest<'_>,
        _: &dyn File,
        _: &[Range<u64>],
        _: Option<u64>,
    ) -> Option<FsResult<u64>> {
        None
    }
}
