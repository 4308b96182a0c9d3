//! The file-system trait set that host ABIs stand on: [`FileSystem`] gives a root [`Directory`],
//! directories open [`File`]s and further directories. Paths are [`GuestPath`]s relative to a
//! directory *handle*; an implementation resolves them and never leaves the directory.
//!
//! Every operation has a default that says "not supported", so that an implementation writes
//! only what it has.

mod adapter;
mod memory;
mod readonly;
mod real;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

pub use adapter::{AdaptedTree, SourceEntry, SourceTree};
pub use memory::MemoryFs;
pub use readonly::ReadOnly;
pub use real::RealDirectory;
pub(crate) use real::RealFile;

pub use crate::path::{GuestPath, LastComponent, MAX_PATH_LEN};
use crate::stream::WakeFn;
use crate::{Errno, FsResult};

/// A tree of files that can be mounted.
pub trait FileSystem: Send + Sync + fmt::Debug {
    /// The directory that guests see at the mount point.
    ///
    /// # Errors
    /// Whatever prevents using it.
    fn root(&self) -> FsResult<Arc<dyn Directory>>;
}

/// What an open gives.
#[derive(Clone, Debug)]
pub enum Opened {
    /// Anything that is not a directory.
    File(Arc<dyn File>),
    /// A directory.
    Directory(Arc<dyn Directory>),
}

/// An open directory. It stays the same directory when it is renamed.
///
/// Paths are resolved below the directory: symbolic links too, and a path or link that leads out
/// of it, or is absolute, is `EPERM`. The last component is not followed unless a `follow` says so.
#[allow(unused_variables)]
pub trait Directory: Send + Sync + fmt::Debug {
    /// For recognizing a directory of the same implementation in [`link`](Self::link) and
    /// [`rename`](Self::rename).
    fn as_any(&self) -> &dyn Any;

    /// Whether nothing below can be changed through this, so that what would be made in it is
    /// `EROFS` rather than of another file system.
    fn is_read_only(&self) -> bool {
        false
    }

    /// What is known of the directory itself.
    ///
    /// # Errors
    /// The host's.
    fn metadata(&self) -> FsResult<Metadata>;

    /// Opens or creates what is at `path`.
    ///
    /// # Errors
    /// As POSIX `openat`.
    fn open(&self, path: &GuestPath, options: &OpenOptions) -> FsResult<Opened> {
        Err(Errno::NoEntry)
    }

    /// What is known of what is at `path`.
    ///
    /// # Errors
    /// As POSIX `fstatat`.
    fn metadata_at(&self, path: &GuestPath, follow: bool) -> FsResult<Metadata> {
        Err(Errno::NoEntry)
    }

    /// The entries, without `.` and `..`, in any order.
    ///
    /// # Errors
    /// The host's, or `ENOMEM` if there are more than `limit`.
    fn entries(&self, limit: usize) -> FsResult<Vec<DirectoryEntry>> {
        Ok(Vec::new())
    }

    /// Creates a directory.
    ///
    /// # Errors
    /// As POSIX `mkdirat`.
    fn create_directory(&self, path: &GuestPath) -> FsResult<()> {
        Err(Errno::ReadOnlyFileSystem)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// As POSIX `unlinkat` with `AT_REMOVEDIR`.
    fn remove_directory(&self, path: &GuestPath) -> FsResult<()> {
        Err(Errno::ReadOnlyFileSystem)
    }

    /// Removes a file or symbolic link.
    ///
    /// # Errors
    /// As POSIX `unlinkat`; `EISDIR` for a directory.
    fn unlink(&self, path: &GuestPath) -> FsResult<()> {
        Err(Errno::ReadOnlyFileSystem)
    }

    /// Creates a symbolic link. The caller has refused absolute targets.
    ///
    /// # Errors
    /// As POSIX `symlinkat`.
    fn symlink(&self, target: &str, path: &GuestPath) -> FsResult<()> {
        Err(Errno::ReadOnlyFileSystem)
    }

    /// The target of a symbolic link.
    ///
    /// # Errors
    /// As POSIX `readlinkat`.
    fn read_link(&self, path: &GuestPath) -> FsResult<String> {
        Err(Errno::Invalid)
    }

    /// Creates a hard link at `new_path` below `new_directory` to what is at `path`, not
    /// following a symbolic link there.
    ///
    /// # Errors
    /// As POSIX `linkat`; `EXDEV` if `new_directory` is of another file system.
    fn link(&self, path: &GuestPath, new_directory: &dyn Directory, new_path: &GuestPath) -> FsResult<()> {
        Err(Errno::ReadOnlyFileSystem)
    }

    /// Renames, replacing what is at the new place where POSIX does.
    ///
    /// # Errors
    /// As POSIX `renameat`; `EXDEV` if `new_directory` is of another file system.
    fn rename(&self, path: &GuestPath, new_directory: &dyn Directory, new_path: &GuestPath) -> FsResult<()> {
        Err(Errno::ReadOnlyFileSystem)
    }

    /// Sets the times of the directory itself.
    ///
    /// # Errors
    /// As POSIX `futimens`.
    fn set_times(&self, times: Times) -> FsResult<()> {
        Err(Errno::ReadOnlyFileSystem)
    }

    /// Sets the times of what is at `path`.
    ///
    /// # Errors
    /// As POSIX `utimensat`.
    fn set_times_at(&self, path: &GuestPath, follow: bool, times: Times) -> FsResult<()> {
        Err(Errno::ReadOnlyFileSystem)
    }

    /// Waits until the directory is on stable storage.
    ///
    /// # Errors
    /// The host's.
    fn sync(&self) -> FsResult<()> {
        Ok(())
    }
}

/// An open file, pipe, terminal, socket or other stream of bytes.
///
/// No operation blocks for long: a stream that has nothing to read, or no room, answers `EAGAIN`,
/// and the caller waits with [`readiness`](Self::readiness) and [`watch`](Self::watch), so that it
/// can be interrupted.
#[allow(unused_variables)]
pub trait File: Send + Sync + fmt::Debug {
    /// What is known of the file.
    ///
    /// # Errors
    /// The host's.
    fn metadata(&self) -> FsResult<Metadata>;

    /// The file's type, which does not change while it is open.
    fn file_type(&self) -> FileType {
        self.metadata().map_or(FileType::Unknown, |metadata| metadata.file_type)
    }

    /// Whether the file has a position that can be moved.
    fn is_seekable(&self) -> bool {
        self.file_type() == FileType::RegularFile
    }

    /// Reads at the position and moves it. 0 is the end.
    ///
    /// # Errors
    /// `EAGAIN` if there is nothing to read yet.
    fn read(&self, target: &mut [u8]) -> FsResult<usize> {
        Err(Errno::BadDescriptor)
    }

    /// Reads at `offset`; the position stays.
    ///
    /// # Errors
    /// `ESPIPE` if the file has no positions.
    fn read_at(&self, target: &mut [u8], offset: u64) -> FsResult<usize> {
        Err(Errno::IllegalSeek)
    }

    /// Writes at the position, or at the end in append mode, and moves it.
    ///
    /// # Errors
    /// `EAGAIN` if there is no room yet.
    fn write(&self, source: &[u8]) -> FsResult<usize> {
        Err(Errno::BadDescriptor)
    }

    /// Writes at `offset`, append mode or not; the position stays.
    ///
    /// # Errors
    /// `ESPIPE` if the file has no positions.
    fn write_at(&self, source: &[u8], offset: u64) -> FsResult<usize> {
        Err(Errno::IllegalSeek)
    }

    /// Moves the position and gives the new one.
    ///
    /// # Errors
    /// `ESPIPE` if the file has no positions, `EINVAL` for a position before the start.
    fn seek(&self, from: std::io::SeekFrom) -> FsResult<u64> {
        Err(Errno::IllegalSeek)
    }

    /// Cuts or extends the file.
    ///
    /// # Errors
    /// `EINVAL` if it is not a regular file open for writing.
    fn set_size(&self, size: u64) -> FsResult<()> {
        Err(Errno::Invalid)
    }

    /// Makes sure that there is room for `len` bytes from `offset`, extending the file.
    ///
    /// # Errors
    /// `ENOSPC` if there is not.
    fn allocate(&self, offset: u64, len: u64) -> FsResult<()> {
        Err(Errno::NotSupported)
    }

    /// Announces how the file will be used.
    ///
    /// # Errors
    /// The host's.
    fn advise(&self, offset: u64, len: u64, advice: Advice) -> FsResult<()> {
        Ok(())
    }

    /// Waits until data and metadata are on stable storage.
    ///
    /// # Errors
    /// The host's.
    fn sync(&self) -> FsResult<()> {
        Ok(())
    }

    /// Waits until the data is on stable storage.
    ///
    /// # Errors
    /// The host's.
    fn sync_data(&self) -> FsResult<()> {
        self.sync()
    }

    /// Sets the times.
    ///
    /// # Errors
    /// As POSIX `futimens`.
    fn set_times(&self, times: Times) -> FsResult<()> {
        Err(Errno::NotSupported)
    }

    /// Turns append mode on or off.
    ///
    /// # Errors
    /// If the file cannot.
    fn set_append(&self, append: bool) -> FsResult<()> {
        if append { Err(Errno::NotSupported) } else { Ok(()) }
    }

    /// Whether a read or write would go on at once.
    fn readiness(&self, interest: Interest) -> Readiness {
        Readiness::Ready { bytes: 0, hangup: false }
    }

    /// Has `wake` called whenever [`readiness`](Self::readiness) may have changed, until
    /// [`unwatch`](Self::unwatch). Not called for files with a [`host_stream`](Self::host_stream).
    fn watch(&self, interest: Interest, wake: WakeFn) -> u64 {
        0
    }

    /// Ends a [`watch`](Self::watch).
    fn unwatch(&self, id: u64) {}

    /// The host's descriptor, if reads and writes may go straight to it.
    #[cfg(unix)]
    fn host_stream(&self) -> Option<HostStream<'_>> {
        None
    }

    /// The socket, if it is one.
    fn socket(&self) -> Option<&dyn Socket> {
        None
    }
}

/// What a socket can do besides [`File`].
#[allow(unused_variables)]
pub trait Socket: Send + Sync {
    /// Accepts a connection.
    ///
    /// # Errors
    /// `EAGAIN` if there is none yet, `EINVAL` if it does not listen.
    fn accept(&self) -> FsResult<Arc<dyn File>> {
        Err(Errno::Invalid)
    }

    /// Reads; `peek` leaves the bytes there.
    ///
    /// # Errors
    /// `EAGAIN` if there is nothing to read yet, `ENOTCONN` on a listener.
    fn receive(&self, target: &mut [u8], peek: bool) -> FsResult<usize> {
        Err(Errno::NotConnected)
    }

    /// Closes one or both directions.
    ///
    /// # Errors
    /// `ENOTCONN` on a listener.
    fn shutdown(&self, how: std::net::Shutdown) -> FsResult<()> {
        Err(Errno::NotConnected)
    }
}

/// A host descriptor that reads and writes go straight to.
#[cfg(unix)]
#[derive(Clone, Copy, Debug)]
pub struct HostStream<'a> {
    /// The descriptor.
    pub fd: std::os::fd::BorrowedFd<'a>,
    /// Whether an operation on it may block: a pipe or terminal whose open file description is
    /// shared with other processes and therefore left in blocking mode.
    pub may_block: bool,
    /// Whether waiting for readiness makes sense (not for regular files).
    pub can_wait: bool,
}

/// What somebody wants to do with a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interest {
    /// Read.
    Read,
    /// Write.
    Write,
}

/// Whether a stream can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Not now.
    Pending,
    /// Now.
    Ready {
        /// How many bytes at least, where that is known.
        bytes: u64,
        /// Whether the other side is gone.
        hangup: bool,
    },
}

/// The type of a file, with WASI's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FileType {
    /// None of the others, for example a pipe.
    Unknown = 0,
    /// A block device; also what custom streams look like, so that they are no terminals.
    BlockDevice = 1,
    /// A character device.
    CharacterDevice = 2,
    /// A directory.
    Directory = 3,
    /// A regular file.
    RegularFile = 4,
    /// A datagram socket.
    SocketDatagram = 5,
    /// A stream socket.
    SocketStream = 6,
    /// A symbolic link.
    SymbolicLink = 7,
}

/// What is known of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Identifies the file system.
    pub device: u64,
    /// Identifies the file in it.
    pub inode: u64,
    /// The type.
    pub file_type: FileType,
    /// The number of hard links.
    pub links: u64,
    /// The size in bytes.
    pub size: u64,
    /// The time of the last access, in nanoseconds since 1970; times before are 0.
    pub accessed_ns: u64,
    /// The time of the last change of the contents, in nanoseconds since 1970.
    pub modified_ns: u64,
    /// The time of the last change of contents or metadata, in nanoseconds since 1970.
    pub changed_ns: u64,
}

impl Metadata {
    /// The metadata of something that has only a type.
    #[must_use]
    pub const fn of_type(file_type: FileType) -> Self {
        Self {
            device: 0,
            inode: 0,
            file_type,
            links: 1,
            size: 0,
            accessed_ns: 0,
            modified_ns: 0,
            changed_ns: 0,
        }
    }
}

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// The name.
    pub name: String,
    /// Identifies the file, as in [`Metadata::inode`].
    pub inode: u64,
    /// The type; a symbolic link is not followed.
    pub file_type: FileType,
}

/// How to set one of a file's times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeChange {
    /// Leave it.
    #[default]
    Keep,
    /// The file system's current time.
    Now,
    /// Nanoseconds since 1970.
    At(u64),
}

/// How to set a file's times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// The time of the last access.
    pub accessed: TimeChange,
    /// The time of the last change of the contents.
    pub modified: TimeChange,
}

/// How to open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// Open for reading.
    pub read: bool,
    /// Open for writing.
    pub write: bool,
    /// Start in append mode.
    pub append: bool,
    /// Create a regular file if there is nothing.
    pub create: bool,
    /// With `create`: fail if there is something.
    pub exclusive: bool,
    /// Cut a regular file to size 0.
    pub truncate: bool,
    /// Fail unless it is a directory.
    pub directory: bool,
    /// Follow a symbolic link in the last component.
    pub follow: bool,
}

impl OpenOptions {
    /// Whether opening this way can change the file system, or lets the file be changed.
    #[must_use]
    pub const fn mutates(&self) -> bool {
        self.write || self.append || self.create || self.truncate
    }
}

/// What a guest says about how it will use a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Advice {
    /// Nothing special.
    Normal = 0,
    /// In order.
    Sequential = 1,
    /// In random order.
    Random = 2,
    /// Soon.
    WillNeed = 3,
    /// Not soon.
    DontNeed = 4,
    /// Once.
    NoReuse = 5,
}
