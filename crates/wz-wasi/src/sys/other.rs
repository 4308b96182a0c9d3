//! Hosts that are no Unix: what the standard library and cap-std offer. Streams cannot be polled
//! here, so they count as ready; directories' times and append mode cannot be changed.

use std::fs::File as StdFile;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::SystemTime;

use cap_fs_ext::{DirExt, MetadataExt, OpenOptionsMaybeDirExt, SystemTimeSpec};
use cap_std::fs::Dir;

use crate::fs::{DirectoryEntry, FileType, Interest, Metadata, OpenOptions, Readiness, TimeChange, Times};
use crate::{Errno, FsResult};

/// The kind of an error says more here than its number.
pub(crate) fn errno_from_host(_: i32) -> Option<Errno> {
    None
}

/// Nothing can be shared that would have to be left in blocking mode.
pub(crate) const ATOMIC_WRITE: usize = usize::MAX;

pub(crate) fn host_open_options(options: &OpenOptions) -> cap_std::fs::OpenOptions {
    let write = options.write || options.truncate || options.create;
    let mut host = cap_std::fs::OpenOptions::new();
    host.read(options.read || !write).write(write).append(options.append && options.write);
    host.truncate(options.truncate);
    host.create(options.create && !options.exclusive).create_new(options.create && options.exclusive);
    host.maybe_dir(true);
    host
}

pub(crate) fn open_root(path: &Path) -> io::Result<Dir> {
    Dir::open_ambient_dir(path, cap_std::ambient_authority())
}

pub(crate) fn directory_metadata(directory: &Dir) -> FsResult<Metadata> {
    Ok(cap_metadata(&directory.dir_metadata()?))
}

pub(crate) fn file_metadata(file: &StdFile) -> FsResult<Metadata> {
    Ok(cap_metadata(&cap_std::fs::Metadata::from_file(file)?))
}

pub(crate) fn entry_metadata(directory: &Dir, name: &str) -> FsResult<Metadata> {
    Ok(cap_metadata(&directory.symlink_metadata(name)?))
}

pub(crate) fn cap_metadata(metadata: &cap_std::fs::Metadata) -> Metadata {
    let time_ns = |time: io::Result<cap_std::time::SystemTime>| {
        let since = time.ok().and_then(|time| time.into_std().duration_since(SystemTime::UNIX_EPOCH).ok());
        since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    };
    Metadata {
        device: metadata.dev(),
        inode: metadata.ino(),
        file_type: file_type(metadata.file_type()),
        links: metadata.nlink(),
        size: metadata.len(),
        accessed_ns: time_ns(metadata.accessed()),
        modified_ns: time_ns(metadata.modified()),
        changed_ns: time_ns(metadata.modified()),
    }
}

fn file_type(host: cap_std::fs::FileType) -> FileType {
    if host.is_file() {
        FileType::RegularFile
    } else if host.is_dir() {
        FileType::Directory
    } else if host.is_symlink() {
        FileType::SymbolicLink
    } else {
        FileType::Unknown
    }
}

pub(crate) fn directory_entries(directory: &Dir, limit: usize) -> FsResult<Vec<DirectoryEntry>> {
    let mut entries = Vec::new();
    for entry in directory.entries()? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if entries.len() == limit {
            return Err(Errno::NoMemory);
        }
        let inode = entry_metadata(directory, &name).map_or(0, |metadata| metadata.inode);
        entries.push(DirectoryEntry { name, inode, file_type: file_type(entry.file_type()?) });
    }
    Ok(entries)
}

fn std_time(change: TimeChange) -> FsResult<Option<SystemTime>> {
    match change {
        TimeChange::Keep => Ok(None),
        TimeChange::Now => Ok(Some(SystemTime::now())),
        TimeChange::At(ns) => {
            let time = SystemTime::UNIX_EPOCH.checked_add(std::time::Duration::from_nanos(ns));
            time.map(Some).ok_or(Errno::Overflow)
        }
    }
}

pub(crate) fn set_file_times(file: &StdFile, times: Times) -> FsResult<()> {
    let mut host = std::fs::FileTimes::new();
    if let Some(time) = std_time(times.accessed)? {
        host = host.set_accessed(time);
    }
    if let Some(time) = std_time(times.modified)? {
        host = host.set_modified(time);
    }
    Ok(file.set_times(host)?)
}

pub(crate) fn set_directory_times(_: &Dir, _: Times) -> FsResult<()> {
    Err(Errno::NotSupported)
}

pub(crate) fn set_entry_times(directory: &Dir, name: &str, times: Times) -> FsResult<()> {
    let spec = |time: Option<SystemTime>| {
        time.map(|time| SystemTimeSpec::Absolute(cap_std::time::SystemTime::from_std(time)))
    };
    let (accessed, modified) = (spec(std_time(times.accessed)?), spec(std_time(times.modified)?));
    Ok(directory.set_symlink_times(name, accessed, modified)?)
}

pub(crate) fn set_append(_: &StdFile, _: bool) -> FsResult<()> {
    Err(Errno::NotSupported)
}

#[expect(clippy::unnecessary_wraps, reason = "its twin can fail")]
pub(crate) fn sync_directory(_: &Dir) -> FsResult<()> {
    Ok(())
}

/// The process's streams cannot be duplicated safely here.
pub(crate) fn inherited(_: Interest, _: bool) -> std::io::Result<Option<(StdFile, bool)>> {
    Ok(None)
}

pub(crate) fn own_description(file: StdFile) -> (StdFile, bool) {
    (file, false)
}

pub(crate) fn is_terminal(file: &StdFile) -> bool {
    std::io::IsTerminal::is_terminal(file)
}

pub(crate) fn is_stream_ready(_: &StdFile, _: Interest) -> bool {
    true
}

pub(crate) fn stream_readiness<T>(_: &T, _: Interest) -> Readiness {
    Readiness::Ready { bytes: 0, hangup: false }
}

/// Reads at an offset, by moving the position there and back.
pub(crate) fn read_at(mut file: &StdFile, target: &mut [u8], offset: u64) -> io::Result<usize> {
    let position = file.stream_position()?;
    file.seek(SeekFrom::Start(offset))?;
    let result = file.read(target);
    file.seek(SeekFrom::Start(position))?;
    result
}

/// Writes at an offset, by moving the position there and back.
pub(crate) fn write_at(mut file: &StdFile, source: &[u8], offset: u64) -> io::Result<usize> {
    let position = file.stream_position()?;
    file.seek(SeekFrom::Start(offset))?;
    let result = file.write(source);
    file.seek(SeekFrom::Start(position))?;
    result
}

pub(crate) fn cpu_time_ns(_: bool) -> Option<u64> {
    None
}
