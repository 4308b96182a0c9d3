//! Functions on paths, which are relative to a directory's descriptor.

use std::sync::Arc;

use wz_api::Caller;

use super::{Outcome, fd};
use crate::abi::{self, Guest, LOOKUP_SYMLINK_FOLLOW, checked_flags, fdflags, oflags, rights};
use crate::descriptor::{Descriptor, Rights};
use crate::fs::{Directory, GuestPath, OpenOptions, Opened};
use crate::path::MAX_PATH_LEN;
use crate::state::WasiState;
use crate::{Errno, FsResult};

/// The descriptor of a directory with these rights.
fn directory(caller: &Caller<'_>, fd: u32, needed: u64) -> FsResult<Arc<Descriptor>> {
    let descriptor = WasiState::of(caller).descriptors.get(fd)?;
    descriptor.as_directory(needed)?;
    Ok(descriptor)
}

fn path(caller: &Caller<'_>, at: u32, len: u32) -> FsResult<GuestPath> {
    GuestPath::new(&Guest::of(caller)?.read_string(at, len, MAX_PATH_LEN)?)
}

/// Whether something could be made in the directory.
fn writable(directory: &dyn Directory) -> FsResult<()> {
    if directory.is_read_only() { Err(Errno::ReadOnlyFileSystem) } else { Ok(()) }
}

/// Whether the lookup flags say to follow.
fn follow(flags: u32) -> FsResult<bool> {
    if flags & !LOOKUP_SYMLINK_FOLLOW == 0 { Ok(flags != 0) } else { Err(Errno::Invalid) }
}

pub(super) fn path_create_directory(caller: &mut Caller<'_>, fd: u32, at: u32, len: u32) -> Outcome {
    let descriptor = directory(caller, fd, rights::PATH_CREATE_DIRECTORY)?;
    Ok(descriptor.as_directory(0)?.directory.create_directory(&path(caller, at, len)?)?)
}

pub(super) fn path_remove_directory(caller: &mut Caller<'_>, fd: u32, at: u32, len: u32) -> Outcome {
    let descriptor = directory(caller, fd, rights::PATH_REMOVE_DIRECTORY)?;
    Ok(descriptor.as_directory(0)?.directory.remove_directory(&path(caller, at, len)?)?)
}

pub(super) fn path_unlink_file(caller: &mut Caller<'_>, fd: u32, at: u32, len: u32) -> Outcome {
    let descriptor = directory(caller, fd, rights::PATH_UNLINK_FILE)?;
    Ok(descriptor.as_directory(0)?.directory.unlink(&path(caller, at, len)?)?)
}

pub(super) fn path_filestat_get(
    caller: &mut Caller<'_>,
    fd: u32,
    flags: u32,
    at: u32,
    len: u32,
    stat: u32,
) -> Outcome {
    let descriptor = directory(caller, fd, rights::PATH_FILESTAT_GET)?;
    let follow = follow(flags)?;
    let guest = Guest::of(caller)?;
    let metadata = descriptor.as_directory(0)?.directory.metadata_at(&path(caller, at, len)?, follow)?;
    Ok(guest.write(u64::from(stat), &abi::filestat(&metadata))?)
}

#[expect(clippy::too_many_arguments, reason = "the guest's signature")]
pub(super) fn path_filestat_set_times(
    caller: &mut Caller<'_>,
    fd: u32,
    flags: u32,
    at: u32,
    len: u32,
    atim: u64,
    mtim: u64,
    fst_flags: u32,
) -> Outcome {
    let descriptor = directory(caller, fd, rights::PATH_FILESTAT_SET_TIMES)?;
    let follow = follow(flags)?;
    let times = fd::times(atim, mtim, fst_flags)?;
    Ok(descriptor.as_directory(0)?.directory.set_times_at(&path(caller, at, len)?, follow, times)?)
}

#[expect(clippy::too_many_arguments, reason = "the guest's signature")]
pub(super) fn path_link(
    caller: &mut Caller<'_>,
    old_fd: u32,
    flags: u32,
    old_at: u32,
    old_len: u32,
    new_fd: u32,
    new_at: u32,
    new_len: u32,
) -> Outcome {
    let old = directory(caller, old_fd, rights::PATH_LINK_SOURCE)?;
    let new = directory(caller, new_fd, rights::PATH_LINK_TARGET)?;
    // Following here could only be done in two steps, between which the link may change; no
    // runtime does it, and wasi-libc never asks for it.
    if follow(flags)? {
        return Err(Errno::Invalid.into());
    }
    let (old_path, new_path) = (path(caller, old_at, old_len)?, path(caller, new_at, new_len)?);
    let new_directory = &*new.as_directory(0)?.directory;
    writable(new_directory)?;
    Ok(old.as_directory(0)?.directory.link(&old_path, new_directory, &new_path)?)
}

pub(super) fn path_rename(
    caller: &mut Caller<'_>,
    old_fd: u32,
    old_at: u32,
    old_len: u32,
    new_fd: u32,
    new_at: u32,
    new_len: u32,
) -> Outcome {
    let old = directory(caller, old_fd, rights::PATH_RENAME_SOURCE)?;
    let new = directory(caller, new_fd, rights::PATH_RENAME_TARGET)?;
    let (old_path, new_path) = (path(caller, old_at, old_len)?, path(caller, new_at, new_len)?);
    let new_directory = &*new.as_directory(0)?.directory;
    writable(new_directory)?;
    Ok(old.as_directory(0)?.directory.rename(&old_path, new_directory, &new_path)?)
}

pub(super) fn path_symlink(
    caller: &mut Caller<'_>,
    target_at: u32,
    target_len: u32,
    fd: u32,
    at: u32,
    len: u32,
) -> Outcome {
    let descriptor = directory(caller, fd, rights::PATH_SYMLINK)?;
    let target = Guest::of(caller)?.read_string(target_at, target_len, MAX_PATH_LEN)?;
    // As for any path: not empty, no NUL. An absolute link would lead other programs of the host,
    // which follow it, out of the mount: EPERM.
    GuestPath::new(&target)?;
    Ok(descriptor.as_directory(0)?.directory.symlink(&target, &path(caller, at, len)?)?)
}

pub(super) fn path_readlink(
    caller: &mut Caller<'_>,
    fd: u32,
    at: u32,
    len: u32,
    buf: u32,
    buf_len: u32,
    used: u32,
) -> Outcome {
    let descriptor = directory(caller, fd, rights::PATH_READLINK)?;
    let guest = Guest::of(caller)?;
    guest.check(buf, u64::from(buf_len))?;
    guest.check(used, 4)?;
    let target = descriptor.as_directory(0)?.directory.read_link(&path(caller, at, len)?)?;
    // As POSIX, and the WASI documents: what does not fit is cut off.
    let part = &target.as_bytes()[..target.len().min(buf_len as usize)];
    guest.write(u64::from(buf), part)?;
    Ok(guest.write_u32(used, part.len() as u32)?)
}

#[expect(clippy::too_many_arguments, reason = "the guest's signature")]
pub(super) fn path_open(
    caller: &mut Caller<'_>,
    fd: u32,
    dirflags: u32,
    at: u32,
    len: u32,
    open_flags: u32,
    base: u64,
    inheriting: u64,
    fd_flags: u32,
    opened_fd: u32,
) -> Outcome {
    let state = WasiState::of(caller);
    let descriptor = directory(caller, fd, rights::PATH_OPEN)?;
    let follow = follow(dirflags)?;
    let open_flags = checked_flags(open_flags, oflags::ALL)?;
    let fd_flags = checked_flags(fd_flags, fdflags::ALL)?;
    let has = |flag: u16| open_flags & flag != 0;
    if has(oflags::CREAT) {
        descriptor.require(rights::PATH_CREATE_FILE)?;
        if has(oflags::DIRECTORY) {
            return Err(Errno::Invalid.into());
        }
    }
    if has(oflags::TRUNC) {
        descriptor.require(rights::PATH_FILESTAT_SET_SIZE)?;
    }
    let path = path(caller, at, len)?;
    let guest = Guest::of(caller)?;
    guest.check(opened_fd, 4)?;
    // Rights that the directory cannot hand on are left out, not refused: language runtimes ask
    // for every right there is.
    let allowed = descriptor.rights().inheriting;
    let wanted = Rights { base: base & allowed, inheriting: inheriting & allowed };
    let options = OpenOptions {
        read: wanted.base & (rights::FD_READ | rights::FD_READDIR) != 0,
        write: wanted.base & rights::FD_WRITE != 0,
        append: fd_flags & fdflags::APPEND != 0 && wanted.base & rights::FD_WRITE != 0,
        create: has(oflags::CREAT),
        exclusive: has(oflags::EXCL),
        truncate: has(oflags::TRUNC),
        directory: has(oflags::DIRECTORY),
        follow,
    };
    // Nothing is created or cut off for a descriptor that there is no number for.
    state.descriptors.check_room()?;
    let new = match descriptor.as_directory(0)?.directory.open(&path, &options)? {
        Opened::File(file) => Descriptor::file(file, wanted.base, fd_flags),
        Opened::Directory(directory) => Descriptor::directory(directory, wanted, fd_flags),
    };
    let number = state.descriptors.insert(new)?;
    Ok(guest.write_u32(opened_fd, number)?)
}
