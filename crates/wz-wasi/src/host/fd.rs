//! Functions on descriptors.

use std::io::SeekFrom;

use wz_api::Caller;

use super::{Outcome, transfer};
use crate::abi::{self, Guest, checked_flags, fdflags, rights};
use crate::descriptor::{Descriptor, Object, Rights};
use crate::fs::{Advice, File, TimeChange, Times};
use crate::state::WasiState;
use crate::{Errno, FsResult};

pub(super) fn fd_advise(caller: &mut Caller<'_>, fd: u32, offset: u64, len: u64, advice: u32) -> Outcome {
    let descriptor = WasiState::of(caller).descriptors.get(fd)?;
    let advice = match advice {
        0 => Advice::Normal,
        1 => Advice::Sequential,
        2 => Advice::Random,
        3 => Advice::WillNeed,
        4 => Advice::DontNeed,
        5 => Advice::NoReuse,
        _ => return Err(Errno::Invalid.into()),
    };
    match &descriptor.object {
        // Advice on a directory is as good as on a file, but nothing is done with it.
        Object::Directory(_) => Ok(descriptor.require(rights::FD_ADVISE)?),
        Object::File(file) => {
            seekable(&**file)?;
            descriptor.require(rights::FD_ADVISE)?;
            // Hosts take signed numbers; a range that ends nowhere is one to the end.
            i64::try_from(offset).map_err(|_| Errno::Invalid)?;
            let len = if i64::try_from(len).is_ok() { len } else { 0 };
            Ok(file.advise(offset, len, advice)?)
        }
    }
}

pub(super) fn fd_allocate(caller: &mut Caller<'_>, fd: u32, offset: u64, len: u64) -> Outcome {
    let descriptor = WasiState::of(caller).descriptors.get(fd)?;
    let file = descriptor.as_file(0)?;
    seekable(&**file)?;
    descriptor.require(rights::FD_ALLOCATE)?;
    Ok(file.allocate(offset, len)?)
}

pub(super) fn fd_close(caller: &mut Caller<'_>, fd: u32) -> Outcome {
    Ok(WasiState::of(caller).descriptors.close(fd)?)
}

pub(super) fn fd_datasync(caller: &mut Caller<'_>, fd: u32) -> Outcome {
    let descriptor = WasiState::of(caller).descriptors.get(fd)?;
    descriptor.require(rights::FD_DATASYNC)?;
    match &descriptor.object {
        Object::File(file) => Ok(file.sync_data()?),
        Object::Directory(directory) => Ok(directory.directory.sync()?),
    }
}

pub(super) fn fd_sync(caller: &mut Caller<'_>, fd: u32) -> Outcome {
    let descriptor = WasiState::of(caller).descriptors.get(fd)?;
    descriptor.require(rights::FD_SYNC)?;
    match &descriptor.object {
        Object::File(file) => Ok(file.sync()?),
        Object::Directory(directory) => Ok(directory.directory.sync()?),
    }
}

pub(super) fn fd_fdstat_get(caller: &mut Caller<'_>, fd: u32, stat: u32) -> Outcome {
    let descriptor = WasiState::of(caller).descriptors.get(fd)?;
    let Rights { base, inheriting } = descriptor.rights();
    let bytes = abi::fdstat(descriptor.file_type() as u8, descriptor.flags(), base, inheriting);
    Ok(Guest::of(caller)?.write(u64::from(stat), &bytes)?)
}

pub(super) fn fd_fdstat_set_flags(caller: &mut Caller<'_>, fd: u32, flags: u32) -> Outcome {
    let descriptor = WasiState::of(caller).descriptors.get(fd)?;
    let flags = checked_flags(flags, fdflags::ALL)?;
    descriptor.require(rights::FD_FDSTAT_SET_FLAGS)?;
    if let Object::File(file) = &descriptor.object
        && (flags ^ descriptor.flags()) & fdflags::APPEND != 0
    {
        file.set_append(flags & fdflags::APPEND != 0)?;
    }
    // The others are kept here: blocking and flushing are done by the functions that read and write.
    descriptor.set_flags(flags);
    Ok(())
}

pub(super) fn fd_fdstat_set_rights(caller: &mut Caller<'_>, fd: u32, base: u64, inheriting: u64) -> Outcome {
    Ok(WasiState::of(caller).descriptors.get(fd)?.narrow(Rights { base, inheriting })?)
}

pub(super) fn fd_filestat_get(caller: &mut Caller<'_>, fd: u32, stat: u32) -> Outcome {
    let descriptor = WasiState::of(caller).descriptors.get(fd)?;
    descriptor.require(rights::FD_FILESTAT_GET)?;
    let metadata = match &descriptor.object {
        Object::File(file) => file.metadata()?,
        Object::Directory(directory) => directory.directory.metadata()?,
    };
    Ok(Guest::of(caller)?.write(u64::from(stat), &abi::filestat(&metadata))?)
}

pub(super) fn fd_filestat_set_size(caller: &mut Caller<'_>, fd: u32, size: u64) -> Outcome {
    let descriptor = WasiState::of(caller).descriptors.get(fd)?;
    let file = descriptor.as_file(0)?;
    if !file.is_seekable() {
        return Err(Errno::Invalid.into());
    }
    descriptor.require(rights::FD_FILESTAT_SET_SIZE)?;
    Ok(file.set_size(size)?)
}

pub(super) fn fd_filestat_set_times(
    caller: &mut Caller<'_>,
    fd: u32,
    atim: u64,
    mtim: u64,
    flags: u32,
) -> Outcome {
    let descriptor = WasiState::of(caller).descriptors.get(fd)?;
    let times = times(atim, mtim, flags)?;
    descriptor.require(rights::FD_FILESTAT_SET_TIMES)?;
    match &descriptor.object {
        Object::File(file) => Ok(file.set_times(times)?),
        Object::Directory(directory) => Ok(directory.directory.set_times(times)?),
    }
}

/// What the flags of `*_set_times` ask for.
pub(super) fn times(atim: u64, mtim: u64, flags: u32) -> FsResult<Times> {
    let flags = checked_flags(flags, 0b1111)?;
    let change = |set: bool, now: bool, ns: u64| match (set, now) {
        (true, true) => Err(Errno::Invalid),
        (true, false) => Ok(TimeChange::At(ns)),
        (false, true) => Ok(TimeChange::Now),
        (false, false) => Ok(TimeChange::Keep),
    };
    Ok(Times {
        accessed: change(flags & 1 != 0, flags & 2 != 0, atim)?,
        modified: change(flags & 4 != 0, flags & 8 != 0, mtim)?,
    })
}

pub(super) fn fd_read(caller: &mut Caller<'_>, fd: u32, iovs: u32, count: u32, nread: u32) -> Outcome {
    read(caller, fd, (iovs, count), None, nread)
}

pub(super) fn fd_pread(
    caller: &mut Caller<'_>,
    fd: u32,
    iovs: u32,
    count: u32,
    offset: u64,
    nread: u32,
) -> Outcome {
    read(caller, fd, (iovs, count), Some(offset), nread)
}

fn read(caller: &Caller<'_>, fd: u32, iovs: (u32, u32), at: Option<u64>, nread: u32) -> Outcome {
    let descriptor = WasiState::of(caller).descriptors.get(fd)?;
    let file = descriptor.as_file(rights::FD_READ)?;
    check_position(&descriptor, &**file, at)?;
    let guest = Guest::of(caller)?;
    guest.check(nread, 4)?;
    let ranges = guest.buffers(iovs.0, iovs.1)?;
    let len = transfer::read(caller, &descriptor, &**file, ranges, at)?;
    Ok(guest.write_u32(nread, len)?)
}

pub(super) fn fd_write(caller: &mut Caller<'_>, fd: u32, iovs: u32, count: u32, nwritten: u32) -> Outcome {
    write(caller, fd, (iovs, count), None, nwritten)
}

pub(super) fn fd_pwrite(
    caller: &mut Caller<'_>,
    fd: u32,
    iovs: u32,
    count: u32,
    offset: u64,
    nwritten: u32,
) -> Outcome {
    write(caller, fd, (iovs, count), Some(offset), nwritten)
}

fn write(caller: &Caller<'_>, fd: u32, iovs: (u32, u32), at: Option<u64>, nwritten: u32) -> Outcome {
    let descriptor = WasiState::of(caller).descriptors.get(fd)?;
    let file = descriptor.as_file(rights::FD_WRITE)?;
    check_position(&descriptor, &**file, at)?;
    let guest = Guest::of(caller)?;
    guest.check(nwritten, 4)?;
    let ranges = guest.buffers(iovs.0, iovs.1)?;
    let len = transfer::write(caller, &descriptor, &**file, ranges, at)?;
    Ok(guest.write_u32(nwritten, len)?)
}

/// Positioned transfers need a file with positions, the right to seek, and a position.
fn check_position(descriptor: &Descriptor, file: &dyn File, at: Option<u64>) -> FsResult<()> {
    let Some(offset) = at else { return Ok(()) };
    seekable(file)?;
    descriptor.require(rights::FD_SEEK)?;
    i64::try_from(offset).map_err(|_| Errno::Invalid)?;
    Ok(())
}

fn seekable(file: &dyn File) -> FsResult<()> {
    if file.is_seekable() { Ok(()) } else { Err(Errno::IllegalSeek) }
}

pub(super) fn fd_prestat_get(caller: &mut Caller<'_>, fd: u32, prestat: u32) -> Outcome {
    let descriptor = WasiState::of(caller).descriptors.get(fd)?;
    let name = descriptor.preopen.as_ref().ok_or(Errno::BadDescriptor)?;
    // The tag of a directory is 0.
    let mut bytes = [0; 8];
    bytes[4..].copy_from_slice(&u32::try_from(name.len()).map_err(|_| Errno::Overflow)?.to_le_bytes());
    Ok(Guest::of(caller)?.write(u64::from(prestat), &bytes)?)
}

pub(super) fn fd_prestat_dir_name(caller: &mut Caller<'_>, fd: u32, path: u32, len: u32) -> Outcome {
    let descriptor = WasiState::of(caller).descriptors.get(fd)?;
    let name = descriptor.preopen.as_ref().ok_or(Errno::BadDescriptor)?;
    if name.len() > len as usize {
        return Err(Errno::NameTooLong.into());
    }
    Ok(Guest::of(caller)?.write(u64::from(path), name.as_bytes())?)
}

pub(super) fn fd_renumber(caller: &mut Caller<'_>, fd: u32, to: u32) -> Outcome {
    Ok(WasiState::of(caller).descriptors.renumber(fd, to)?)
}

pub(super) fn fd_seek(caller: &mut Caller<'_>, fd: u32, offset: i64, whence: u32, position: u32) -> Outcome {
    let descriptor = WasiState::of(caller).descriptors.get(fd)?;
    let file = descriptor.as_file(0)?;
    seekable(&**file)?;
    let from = match whence {
        0 => SeekFrom::Start(u64::try_from(offset).map_err(|_| Errno::Invalid)?),
        1 => SeekFrom::Current(offset),
        2 => SeekFrom::End(offset),
        _ => return Err(Errno::Invalid.into()),
    };
    // Asking where the position is needs less than moving it.
    if from == SeekFrom::Current(0) {
        require_tell(&descriptor)?
    } else {
        descriptor.require(rights::FD_SEEK)?
    }
    seek(caller, &**file, from, position)
}

pub(super) fn fd_tell(caller: &mut Caller<'_>, fd: u32, position: u32) -> Outcome {
    let descriptor = WasiState::of(caller).descriptors.get(fd)?;
    let file = descriptor.as_file(0)?;
    seekable(&**file)?;
    require_tell(&descriptor)?;
    seek(caller, &**file, SeekFrom::Current(0), position)
}

/// The right to seek implies the right to ask for the position.
fn require_tell(descriptor: &Descriptor) -> FsResult<()> {
    descriptor.require(rights::FD_TELL).or_else(|_| descriptor.require(rights::FD_SEEK))
}

fn seek(caller: &Caller<'_>, file: &dyn File, from: SeekFrom, position: u32) -> Outcome {
    let guest = Guest::of(caller)?;
    guest.check(position, 8)?;
    Ok(guest.write_u64(position, file.seek(from)?)?)
}
