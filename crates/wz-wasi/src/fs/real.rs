//! [`RealDirectory`] and [`RealFile`]: directories of the host, by handle.
//!
//! Whatever resolves more than one component goes through cap-std, which uses `openat2` where the
//! kernel has it and walks component by component elsewhere, so that nothing leads out of the
//! directory. Operations on a name first open the directory that holds it that way, and then act
//! on that single name, which the host does not follow. No path is ever joined.

use std::any::Any;
use std::fs::File as StdFile;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt, SystemTimeSpec};
use cap_std::fs::Dir;
use cap_std::time::SystemTime;

use super::{
    Advice, Directory, DirectoryEntry, File, FileSystem, FileType, GuestPath, Interest, LastComponent,
    Metadata, OpenOptions, Opened, Readiness, TimeChange, Times,
};
use crate::{Errno, FsResult, sys};

/// A directory of the host.
#[derive(Debug)]
pub struct RealDirectory {
    directory: Dir,
}

impl RealDirectory {
    /// Opens a directory of the host, with the authority of the process.
    ///
    /// # Errors
    /// The host's; also if it is not a directory.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        Ok(Self { directory: sys::open_root(path.as_ref())? })
    }

    /// The directory that holds the last component of `path`, and that component.
    fn parent<'p>(&self, path: &'p GuestPath) -> FsResult<(Parent<'_>, LastComponent<'p>)> {
        let (parent, last) = path.split();
        let directory = match last {
            LastComponent::Name(_) if parent.is_empty() => Parent::Own(&self.directory),
            LastComponent::Name(_) => Parent::Opened(self.directory.open_dir(parent)?),
            // Whether it is there, and inside, is what callers want to know.
            _ => Parent::Opened(self.directory.open_dir(path.as_str())?),
        };
        Ok((directory, last))
    }

    /// The directory and name of `path` for an operation that cannot be done on `.` and `..`.
    fn parent_and_name<'p>(&self, path: &'p GuestPath, otherwise: Errno) -> FsResult<(Parent<'_>, &'p str)> {
        match self.parent(path)? {
            (parent, LastComponent::Name(name)) => Ok((parent, name)),
            _ => Err(otherwise),
        }
    }
}

/// An own or a borrowed directory handle.
enum Parent<'a> {
    Own(&'a Dir),
    Opened(Dir),
}

impl Deref for Parent<'_> {
    type Target = Dir;
    fn deref(&self) -> &Dir {
        match self {
            Self::Own(directory) => directory,
            Self::Opened(directory) => directory,
        }
    }
}

impl FileSystem for RealDirectory {
    fn root(&self) -> FsResult<Arc<dyn Directory>> {
        Ok(Arc::new(Self { directory: self.directory.try_clone()? }))
    }
}

impl Directory for RealDirectory {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn metadata(&self) -> FsResult<Metadata> {
        sys::directory_metadata(&self.directory)
    }

    fn open(&self, path: &GuestPath, options: &OpenOptions) -> FsResult<Opened> {
        let mut options = *options;
        if path.requires_directory() {
            if options.create {
                return Err(Errno::IsDirectory);
            }
            options.directory = true;
            options.follow = true;
        }
        let mut host = sys::host_open_options(&options);
        host.follow(if options.follow { FollowSymlinks::Yes } else { FollowSymlinks::No });
        let file = self.directory.open_with(path.as_str(), &host)?.into_std();
        let metadata = sys::file_metadata(&file)?;
        if metadata.file_type == FileType::Directory {
            return Ok(Opened::Directory(Arc::new(Self { directory: Dir::from_std_file(file) })));
        }
        if options.directory {
            return Err(Errno::NotDirectory);
        }
        Ok(Opened::File(Arc::new(RealFile::opened(
            file,
            metadata.file_type,
            options.append && options.write,
        ))))
    }

    fn metadata_at(&self, path: &GuestPath, follow: bool) -> FsResult<Metadata> {
        if follow || path.requires_directory() {
            let metadata = sys::cap_metadata(&self.directory.metadata(path.as_str())?);
            if path.requires_directory() && metadata.file_type != FileType::Directory {
                return Err(Errno::NotDirectory);
            }
            return Ok(metadata);
        }
        match self.parent(path)? {
            (parent, LastComponent::Name(name)) => sys::entry_metadata(&parent, name),
            (directory, _) => sys::directory_metadata(&directory),
        }
    }

    fn entries(&self, limit: usize) -> FsResult<Vec<DirectoryEntry>> {
        sys::directory_entries(&self.directory, limit)
    }

    fn create_directory(&self, path: &GuestPath) -> FsResult<()> {
        let (parent, name) = self.parent_and_name(path, Errno::Exist)?;
        Ok(parent.create_dir(name)?)
    }

    fn remove_directory(&self, path: &GuestPath) -> FsResult<()> {
        match self.parent(path)? {
            (parent, LastComponent::Name(name)) => Ok(parent.remove_dir(name)?),
            (_, LastComponent::Current) => Err(Errno::Invalid),
            (_, LastComponent::Parent) => Err(Errno::NotEmpty),
        }
    }

    fn unlink(&self, path: &GuestPath) -> FsResult<()> {
        let (parent, name) = self.parent_and_name(path, Errno::IsDirectory)?;
        if path.requires_directory() {
            let is_directory = sys::entry_metadata(&parent, name)?.file_type == FileType::Directory;
            return Err(if is_directory { Errno::IsDirectory } else { Errno::NotDirectory });
        }
        Ok(parent.remove_file_or_symlink(name)?)
    }

    fn symlink(&self, target: &str, path: &GuestPath) -> FsResult<()> {
        let (parent, name) = self.parent_and_name(path, Errno::Exist)?;
        if path.requires_directory() {
            return Err(sys::entry_metadata(&parent, name).map_or_else(|error| error, |_| Errno::Exist));
        }
        Ok(DirExt::symlink(&*parent, target, name)?)
    }

    fn read_link(&self, path: &GuestPath) -> FsResult<String> {
        if path.requires_directory() {
            self.metadata_at(path, true)?;
            return Err(Errno::Invalid);
        }
        let (parent, name) = self.parent_and_name(path, Errno::Invalid)?;
        // An absolute target is the host's business: EPERM, as when it is followed.
        let target = parent.read_link(name)?;
        target.into_os_string().into_string().map_err(|_| Errno::IllegalSequence)
    }

    fn link(&self, path: &GuestPath, new_directory: &dyn Directory, new_path: &GuestPath) -> FsResult<()> {
        let new_directory = new_directory.as_any().downcast_ref::<Self>().ok_or(Errno::CrossDevice)?;
        let (parent, name) = self.parent_and_name(path, Errno::Permission)?;
        if path.requires_directory() {
            self.metadata_at(path, true)?;
            return Err(Errno::Permission);
        }
        let (new_parent, new_name) = new_directory.parent_and_name(new_path, Errno::Exist)?;
        if new_path.requires_directory() {
            let existing = sys::entry_metadata(&new_parent, new_name);
            return Err(existing.map_or_else(|error| error, |_| Errno::Exist));
        }
        Ok(parent.hard_link(name, &new_parent, new_name)?)
    }

    fn rename(&self, path: &GuestPath, new_directory: &dyn Directory, new_path: &GuestPath) -> FsResult<()> {
        let new_directory = new_directory.as_any().downcast_ref::<Self>().ok_or(Errno::CrossDevice)?;
        let (parent, name) = self.parent_and_name(path, Errno::Busy)?;
        let (new_parent, new_name) = new_directory.parent_and_name(new_path, Errno::Busy)?;
        // Names go to the host without their slashes, so what those demand is checked here.
        if (path.requires_directory() || new_path.requires_directory())
            && sys::entry_metadata(&parent, name)?.file_type != FileType::Directory
        {
            return Err(Errno::NotDirectory);
        }
        Ok(parent.rename(name, &new_parent, new_name)?)
    }

    fn set_times(&self, times: Times) -> FsResult<()> {
        sys::set_directory_times(&self.directory, times)
    }

    fn set_times_at(&self, path: &GuestPath, follow: bool, times: Times) -> FsResult<()> {
        let follow = follow || path.requires_directory();
        if path.requires_directory() {
            self.metadata_at(path, true)?;
        }
        match self.parent(path)? {
            (parent, LastComponent::Name(name)) => {
                if follow && sys::entry_metadata(&parent, name)?.file_type == FileType::SymbolicLink {
                    let (accessed, modified) = (cap_time(times.accessed)?, cap_time(times.modified)?);
                    return Ok(DirExt::set_times(&self.directory, path.as_str(), accessed, modified)?);
                }
                sys::set_entry_times(&parent, name, times)
            }
            (directory, _) => {
                let (accessed, modified) = (cap_time(times.accessed)?, cap_time(times.modified)?);
                Ok(DirExt::set_times(&*directory, ".", accessed, modified)?)
            }
        }
    }

    fn sync(&self) -> FsResult<()> {
        sys::sync_directory(&self.directory)
    }
}

fn cap_time(change: TimeChange) -> FsResult<Option<SystemTimeSpec>> {
    Ok(match change {
        TimeChange::Keep => None,
        TimeChange::Now => Some(SystemTimeSpec::SymbolicNow),
        TimeChange::At(ns) => {
            let time = std::time::UNIX_EPOCH.checked_add(std::time::Duration::from_nanos(ns));
            Some(SystemTimeSpec::Absolute(SystemTime::from_std(time.ok_or(Errno::Overflow)?)))
        }
    })
}

/// A regular file, pipe, terminal or device of the host.
#[derive(Debug)]
pub(crate) struct RealFile {
    file: StdFile,
    file_type: FileType,
    terminal: bool,
    /// An operation may block, see [`super::HostStream::may_block`].
    may_block: bool,
    /// Whether append mode is on. A positioned write of a host file in append mode appends, so it
    /// is turned off for the time of such a write; others that append wait meanwhile.
    append: RwLock<bool>,
}

impl RealFile {
    /// A file that was opened for a guest, in non-blocking mode.
    pub(crate) fn opened(file: StdFile, file_type: FileType, append: bool) -> Self {
        let terminal = file_type == FileType::CharacterDevice && sys::is_terminal(&file);
        // A named pipe that nobody writes to yet has no end: it is waited for, not read.
        let may_block = file_type == FileType::Unknown;
        Self { file, file_type, terminal, may_block, append: RwLock::new(append) }
    }

    /// A file that the embedder opened.
    pub(crate) fn foreign(file: StdFile) -> Self {
        let (file, may_block) = sys::own_description(file);
        Self::inherited(file, may_block)
    }

    /// A stream of the process.
    pub(crate) fn inherited(file: StdFile, may_block: bool) -> Self {
        let file_type = sys::file_metadata(&file).map_or(FileType::Unknown, |metadata| metadata.file_type);
        Self { may_block, ..Self::opened(file, file_type, false) }
    }

    /// `EAGAIN` if an operation would block.
    fn check_ready(&self, interest: Interest) -> FsResult<()> {
        if self.may_block && !sys::is_stream_ready(&self.file, interest) {
            return Err(Errno::Again);
        }
        Ok(())
    }
}

impl File for RealFile {
    fn metadata(&self) -> FsResult<Metadata> {
        sys::file_metadata(&self.file)
    }

    fn file_type(&self) -> FileType {
        self.file_type
    }

    fn is_seekable(&self) -> bool {
        // Devices that are no terminals can be asked to seek: guests tell terminals by this.
        match self.file_type {
            FileType::RegularFile | FileType::BlockDevice => true,
            FileType::CharacterDevice => !self.terminal,
            _ => false,
        }
    }

    fn read(&self, target: &mut [u8]) -> FsResult<usize> {
        self.check_ready(Interest::Read)?;
        Ok((&self.file).read(target)?)
    }

    fn read_at(&self, target: &mut [u8], offset: u64) -> FsResult<usize> {
        Ok(sys::read_at(&self.file, target, offset)?)
    }

    fn write(&self, source: &[u8]) -> FsResult<usize> {
        self.check_ready(Interest::Write)?;
        let _append = self.append.read().unwrap_or_else(PoisonError::into_inner);
        let source = if self.may_block { &source[..source.len().min(sys::ATOMIC_WRITE)] } else { source };
        Ok((&self.file).write(source)?)
    }

    fn write_at(&self, source: &[u8], offset: u64) -> FsResult<usize> {
        let append = self.append.write().unwrap_or_else(PoisonError::into_inner);
        if *append {
            sys::set_append(&self.file, false)?;
        }
        let result = sys::write_at(&self.file, source, offset);
        if *append {
            sys::set_append(&self.file, true)?;
        }
        Ok(result?)
    }

    fn seek(&self, from: SeekFrom) -> FsResult<u64> {
        Ok((&self.file).seek(from)?)
    }

    fn set_size(&self, size: u64) -> FsResult<()> {
        Ok(self.file.set_len(size)?)
    }

    fn allocate(&self, offset: u64, len: u64) -> FsResult<()> {
        sys::allocate(&self.file, offset, len)
    }

    fn advise(&self, offset: u64, len: u64, advice: Advice) -> FsResult<()> {
        sys::advise(&self.file, offset, len, advice)
    }

    fn sync(&self) -> FsResult<()> {
        Ok(self.file.sync_all()?)
    }

    fn sync_data(&self) -> FsResult<()> {
        Ok(self.file.sync_data()?)
    }

    fn set_times(&self, times: Times) -> FsResult<()> {
        sys::set_file_times(&self.file, times)
    }

    fn set_append(&self, append: bool) -> FsResult<()> {
        let mut current = self.append.write().unwrap_or_else(PoisonError::into_inner);
        if *current != append {
            sys::set_append(&self.file, append)?;
            *current = append;
        }
        Ok(())
    }

    fn readiness(&self, interest: Interest) -> Readiness {
        match (self.file_type, interest) {
            (FileType::RegularFile, Interest::Read) => {
                let size = self.metadata().map_or(0, |metadata| metadata.size);
                let position = (&self.file).stream_position().unwrap_or(0);
                Readiness::Ready { bytes: size.saturating_sub(position), hangup: false }
            }
            (FileType::RegularFile, Interest::Write) => Readiness::Ready { bytes: 0, hangup: false },
            _ => sys::stream_readiness(&self.file, interest),
        }
    }

    #[cfg(unix)]
    fn host_stream(&self) -> Option<super::HostStream<'_>> {
        use std::os::fd::AsFd;
        let can_wait = self.file_type != FileType::RegularFile;
        Some(super::HostStream { fd: self.file.as_fd(), may_block: self.may_block, can_wait })
    }
}
