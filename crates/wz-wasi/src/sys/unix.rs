//! Unix: error numbers, polling, open flags, clocks, sockets.

use std::fs::File as StdFile;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use cap_fs_ext::OpenOptionsMaybeDirExt;
use cap_std::fs::{Dir, OpenOptionsExt};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{FileType as HostFileType, OFlags, Timestamps};
use rustix::io::Errno as Host;

use super::Waker;
use crate::fs::{DirectoryEntry, FileType, Interest, Metadata, OpenOptions, Readiness, TimeChange, Times};
use crate::{Errno, FsResult};

macro_rules! host_errnos {
    ($($host:ident => $errno:ident,)*) => {
        /// The WASI error for an error number of the operating system.
        pub(crate) fn errno_from_host(raw: i32) -> Option<Errno> {
            // Compared as numbers: a custom stream may give any, also such as no system has.
            $(if raw == Host::$host.raw_os_error() { return Some(Errno::$errno); })*
            None
        }
    };
}

host_errnos! {
    NOENT => NoEntry, EXIST => Exist, AGAIN => Again, NOTDIR => NotDirectory, ISDIR => IsDirectory,
    ACCESS => Access, PERM => Permission, LOOP => Loop, INVAL => Invalid, NOTEMPTY => NotEmpty,
    BADF => BadDescriptor, IO => Io, INTR => Interrupted, PIPE => Pipe, ROFS => ReadOnlyFileSystem,
    NOSPC => NoSpace, DQUOT => Quota, FBIG => FileTooBig, MFILE => TooManyOpen,
    NFILE => TooManyOpenInSystem, MLINK => TooManyLinks, NAMETOOLONG => NameTooLong,
    XDEV => CrossDevice, BUSY => Busy, TXTBSY => TextBusy, NOMEM => NoMemory, NOBUFS => NoBuffers,
    FAULT => Fault, SPIPE => IllegalSeek, NXIO => NoSuchDevice, NODEV => NoDevice, NOTTY => NotTerminal,
    OVERFLOW => Overflow, RANGE => Range, DOM => Domain, ILSEQ => IllegalSequence, NOSYS => NoSystem,
    NOTSUP => NotSupported, OPNOTSUPP => NotSupported, NOLCK => NoLocks, DEADLK => Deadlock,
    STALE => Stale, TIMEDOUT => TimedOut, TOOBIG => TooBig, CANCELED => Canceled,
    CONNRESET => ConnectionReset, CONNABORTED => ConnectionAborted, CONNREFUSED => ConnectionRefused,
    NOTCONN => NotConnected, ISCONN => Connected, NOTSOCK => NotSocket, ALREADY => Already,
    INPROGRESS => InProgress, ADDRINUSE => AddressInUse, ADDRNOTAVAIL => AddressNotAvailable,
    AFNOSUPPORT => AddressFamily, DESTADDRREQ => DestinationRequired, HOSTUNREACH => HostUnreachable,
    NETDOWN => NetworkDown, NETRESET => NetworkReset, NETUNREACH => NetworkUnreachable,
    MSGSIZE => MessageSize, PROTO => Protocol, PROTONOSUPPORT => ProtocolNotSupported,
    PROTOTYPE => ProtocolType, NOPROTOOPT => NoProtocolOption, BADMSG => BadMessage,
    CHILD => NoChild, SRCH => NoProcess, NOEXEC => NotExecutable,
}

impl From<Host> for Errno {
    fn from(host: Host) -> Self {
        errno_from_host(host.raw_os_error()).unwrap_or(Self::Io)
    }
}

/// A descriptor that somebody waits for.
pub(crate) struct HostPoll<'a> {
    pub(crate) fd: BorrowedFd<'a>,
    pub(crate) interest: Interest,
    /// Filled by [`poll`]: whether it is ready, and then whether the other side is gone.
    pub(crate) ready: Option<bool>,
}

/// Waits until a descriptor is ready, the waker wakes (that is true) or the time is up. It may
/// also come back without a reason.
pub(crate) fn poll(
    waker: Option<&Waker>,
    targets: &mut [HostPoll<'_>],
    timeout: Option<Duration>,
) -> io::Result<bool> {
    let mut fds = Vec::with_capacity(targets.len() + 1);
    for target in &*targets {
        let flags = match target.interest {
            Interest::Read => PollFlags::IN,
            Interest::Write => PollFlags::OUT,
        };
        fds.push(PollFd::from_borrowed_fd(target.fd, flags));
    }
    if let Some(waker) = waker {
        fds.push(PollFd::from_borrowed_fd(waker.fd(), PollFlags::IN));
    }
    // A timeout that does not fit is as good as none.
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    match rustix::event::poll(&mut fds, timeout.as_ref()) {
        Ok(_) => {}
        Err(Host::INTR) => return Ok(false),
        Err(error) => return Err(error.into()),
    }
    for (target, fd) in targets.iter_mut().zip(&fds) {
        let events = fd.revents();
        target.ready = (!events.is_empty()).then(|| events.contains(PollFlags::HUP));
    }
    Ok(waker.is_some() && fds.last().is_some_and(|fd| !fd.revents().is_empty()))
}

/// Whether a descriptor is ready now; true if that cannot be found out.
pub(crate) fn is_ready(fd: BorrowedFd<'_>, interest: Interest) -> bool {
    let mut target = [HostPoll { fd, interest, ready: None }];
    poll(None, &mut target, Some(Duration::ZERO)).is_err() || target[0].ready.is_some()
}

/// As [`is_ready`], for a file.
pub(crate) fn is_stream_ready(file: &StdFile, interest: Interest) -> bool {
    is_ready(file.as_fd(), interest)
}

/// The most that a write to a descriptor in blocking mode takes without blocking, once it is
/// ready (POSIX: `PIPE_BUF` is at least 512; every Unix has 4096 or this).
pub(crate) const ATOMIC_WRITE: usize = rustix::pipe::PIPE_BUF;

/// Reads at an offset.
pub(crate) fn read_at(file: &StdFile, target: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, target, offset)
}

/// Writes at an offset.
pub(crate) fn write_at(file: &StdFile, source: &[u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::write_at(file, source, offset)
}

/// How many bytes can be read at once, where the host says so.
pub(crate) fn bytes_available(fd: BorrowedFd<'_>) -> u64 {
    rustix::io::ioctl_fionread(fd).unwrap_or(0)
}

/// Sets flags for opening below a directory, exactly as `openat` takes them. Everything is opened
/// in non-blocking mode: opening or reading a pipe must not hang where nothing can interrupt it.
pub(crate) fn host_open_options(options: &OpenOptions) -> cap_std::fs::OpenOptions {
    let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    flags.set(OFlags::APPEND, options.append && options.write);
    flags.set(OFlags::CREATE, options.create);
    flags.set(OFlags::EXCL, options.create && options.exclusive);
    flags.set(OFlags::TRUNC, options.truncate);
    flags.set(OFlags::DIRECTORY, options.directory);
    // Cutting a file off needs write access, whatever the descriptor will be used for.
    let write = options.write || options.truncate;
    let mut host = cap_std::fs::OpenOptions::new();
    host.read(options.read || !write).write(write).maybe_dir(true);
    host.custom_flags(flags.bits() as i32);
    host
}

/// Opens the root of a mount for reading, so that its times and entries are at hand too.
pub(crate) fn open_root(path: &Path) -> io::Result<Dir> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match rustix::fs::open(path, flags, rustix::fs::Mode::empty()) {
        Ok(fd) => Ok(Dir::from_std_file(StdFile::from(fd))),
        // A directory may be searchable without being readable.
        Err(Host::ACCESS) => Dir::open_ambient_dir(path, cap_std::ambient_authority()),
        Err(error) => Err(error.into()),
    }
}

/// What is known of an open directory.
pub(crate) fn directory_metadata(directory: &Dir) -> FsResult<Metadata> {
    file_metadata(directory)
}

/// What cap-std found out by following a path.
pub(crate) fn cap_metadata(metadata: &cap_std::fs::Metadata) -> Metadata {
    use cap_std::fs::MetadataExt;
    Metadata {
        device: metadata.dev(),
        inode: metadata.ino(),
        file_type: file_type(HostFileType::from_raw_mode(metadata.mode() as _)),
        links: metadata.nlink(),
        size: metadata.len(),
        accessed_ns: time_ns(metadata.atime(), metadata.atime_nsec()),
        modified_ns: time_ns(metadata.mtime(), metadata.mtime_nsec()),
        changed_ns: time_ns(metadata.ctime(), metadata.ctime_nsec()),
    }
}

/// The entries of a directory, without `.` and `..`.
pub(crate) fn directory_entries(directory: &Dir, limit: usize) -> FsResult<Vec<DirectoryEntry>> {
    let mut entries = Vec::new();
    for entry in rustix::fs::Dir::read_from(directory)? {
        let entry = entry?;
        // A name that is not UTF-8 cannot be passed to a guest, nor by a guest to us.
        let Ok(name) = entry.file_name().to_str() else { continue };
        if name == "." || name == ".." {
            continue;
        }
        if entries.len() == limit {
            return Err(Errno::NoMemory);
        }
        let file_type = match entry.file_type() {
            // Some file systems leave it out. The entry may be gone by now.
            HostFileType::Unknown => {
                entry_metadata(directory, name).map_or(FileType::Unknown, |metadata| metadata.file_type)
            }
            known => file_type(known),
        };
        entries.push(DirectoryEntry { name: name.to_owned(), inode: entry.ino(), file_type });
    }
    Ok(entries)
}

/// What `fstat` knows.
pub(crate) fn file_metadata(file: impl AsFd) -> FsResult<Metadata> {
    Ok(metadata_from_stat(&rustix::fs::fstat(file)?))
}

/// What `fstatat` knows of a name in a directory, not following it.
pub(crate) fn entry_metadata(directory: &Dir, name: &str) -> FsResult<Metadata> {
    let stat = rustix::fs::statat(directory, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(metadata_from_stat(&stat))
}

#[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
fn metadata_from_stat(stat: &rustix::fs::Stat) -> Metadata {
    Metadata {
        device: stat.st_dev as u64,
        inode: stat.st_ino as u64,
        file_type: file_type(HostFileType::from_raw_mode(stat.st_mode)),
        links: stat.st_nlink as u64,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        accessed_ns: time_ns(stat.st_atime as i64, stat.st_atime_nsec as i64),
        modified_ns: time_ns(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
        changed_ns: time_ns(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
    }
}

/// Times before 1970 do not exist in WASI: they are 0.
fn time_ns(seconds: i64, nanoseconds: i64) -> u64 {
    u64::try_from(i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds)).unwrap_or(if seconds < 0 {
        0
    } else {
        u64::MAX
    })
}

fn file_type(host: HostFileType) -> FileType {
    match host {
        HostFileType::RegularFile => FileType::RegularFile,
        HostFileType::Directory => FileType::Directory,
        HostFileType::Symlink => FileType::SymbolicLink,
        HostFileType::CharacterDevice => FileType::CharacterDevice,
        HostFileType::BlockDevice => FileType::BlockDevice,
        HostFileType::Socket => FileType::SocketStream,
        _ => FileType::Unknown,
    }
}

fn host_times(times: Times) -> FsResult<Timestamps> {
    let convert = |change| -> FsResult<Timespec> {
        Ok(match change {
            TimeChange::Keep => Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT },
            TimeChange::Now => Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW },
            TimeChange::At(ns) => Timespec {
                tv_sec: i64::try_from(ns / 1_000_000_000).map_err(|_| Errno::Overflow)?,
                tv_nsec: (ns % 1_000_000_000) as _,
            },
        })
    };
    Ok(Timestamps { last_access: convert(times.accessed)?, last_modification: convert(times.modified)? })
}

/// Sets the times of an open file or directory.
pub(crate) fn set_file_times(file: impl AsFd, times: Times) -> FsResult<()> {
    Ok(rustix::fs::futimens(file, &host_times(times)?)?)
}

/// Sets the times of an open directory.
pub(crate) fn set_directory_times(directory: &Dir, times: Times) -> FsResult<()> {
    set_file_times(directory, times)
}

/// Sets the times of a name in a directory, not following it.
pub(crate) fn set_entry_times(directory: &Dir, name: &str, times: Times) -> FsResult<()> {
    let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
    Ok(rustix::fs::utimensat(directory, name, &host_times(times)?, flags)?)
}

/// Turns the host's append mode of an open file on or off.
pub(crate) fn set_append(file: &StdFile, append: bool) -> FsResult<()> {
    let mut flags = rustix::fs::fcntl_getfl(file)?;
    flags.set(OFlags::APPEND, append);
    Ok(rustix::fs::fcntl_setfl(file, flags)?)
}

/// Flushes a directory.
pub(crate) fn sync_directory(directory: impl AsFd) -> FsResult<()> {
    Ok(rustix::fs::fsync(directory)?)
}

/// Duplicates one of the process's own streams. None if the process has it closed.
///
/// # Errors
/// The host's, such as no descriptor being left.
pub(crate) fn inherited(interest: Interest, error_stream: bool) -> io::Result<Option<(StdFile, bool)>> {
    let fd = match (interest, error_stream) {
        (Interest::Read, _) => io::stdin().as_fd().try_clone_to_owned(),
        (Interest::Write, false) => io::stdout().as_fd().try_clone_to_owned(),
        (Interest::Write, true) => io::stderr().as_fd().try_clone_to_owned(),
    };
    match fd {
        Ok(fd) => Ok(Some(own_description(StdFile::from(fd)))),
        Err(error) if error.raw_os_error() == Some(Host::BADF.raw_os_error()) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A file whose open file description others may share, or one of its own in its place; and
/// whether operations on it may block.
pub(crate) fn own_description(file: StdFile) -> (StdFile, bool) {
    match reopen_nonblocking(&file) {
        Some(own) => (StdFile::from(own), false),
        None => {
            let may_block = may_block(&file);
            (file, may_block)
        }
    }
}

/// Whether reads or writes of a descriptor in blocking mode may block: pipes, terminals, sockets.
fn may_block(fd: impl AsFd) -> bool {
    let Ok(stat) = rustix::fs::fstat(&fd) else { return false };
    let blocking_type = match HostFileType::from_raw_mode(stat.st_mode) {
        HostFileType::Fifo | HostFileType::Socket => true,
        HostFileType::CharacterDevice => is_terminal(&fd),
        _ => false,
    };
    blocking_type && !rustix::fs::fcntl_getfl(&fd).is_ok_and(|flags| flags.contains(OFlags::NONBLOCK))
}

pub(crate) fn is_terminal(fd: impl AsFd) -> bool {
    rustix::termios::isatty(fd)
}

/// A pipe's end opened once more through `/proc`: an open file description of our own, which can be
/// put in non-blocking mode without every process that shares the first one noticing.
fn reopen_nonblocking(fd: &StdFile) -> Option<OwnedFd> {
    use std::os::fd::AsRawFd;
    let stat = rustix::fs::fstat(fd).ok()?;
    if HostFileType::from_raw_mode(stat.st_mode) != HostFileType::Fifo {
        return None;
    }
    let access = rustix::fs::fcntl_getfl(fd).ok()? & OFlags::ACCMODE;
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let flags = access | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let own = rustix::fs::open(path, flags, rustix::fs::Mode::empty()).ok()?;
    let same = rustix::fs::fstat(&own).ok()?;
    ((same.st_dev, same.st_ino) == (stat.st_dev, stat.st_ino)).then_some(own)
}

/// Whether a socket, pipe or terminal can go on.
pub(crate) fn stream_readiness(socket: impl AsFd, interest: Interest) -> Readiness {
    let mut target = [HostPoll { fd: socket.as_fd(), interest, ready: None }];
    match (poll(None, &mut target, Some(Duration::ZERO)), target[0].ready) {
        (Ok(_), None) => Readiness::Pending,
        (_, ready) => {
            let bytes = if interest == Interest::Read { bytes_available(target[0].fd) } else { 0 };
            Readiness::Ready { bytes, hangup: ready == Some(true) }
        }
    }
}

/// The CPU time of the process or the calling thread, in nanoseconds.
pub(crate) fn cpu_time_ns(thread: bool) -> Option<u64> {
    use rustix::time::{ClockId, clock_gettime};
    let id = if thread { ClockId::ThreadCPUTime } else { ClockId::ProcessCPUTime };
    let time = clock_gettime(id);
    u64::try_from(i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_gets_a_description_of_its_own() {
        let (read, write) = rustix::pipe::pipe().unwrap();
        let shared = (read.try_clone().unwrap(), write.try_clone().unwrap());
        let (own, may_block) = own_description(StdFile::from(read));
        if may_block {
            return; // There is no /proc here.
        }
        assert!(rustix::fs::fcntl_getfl(&own).unwrap().contains(OFlags::NONBLOCK));
        assert!(!rustix::fs::fcntl_getfl(&shared.0).unwrap().contains(OFlags::NONBLOCK));
        assert_eq!(rustix::io::read(&own, &mut [0; 4]), Err(Host::AGAIN));
        let (own_write, _) = own_description(StdFile::from(write));
        rustix::io::write(&own_write, b"abc").unwrap();
        assert_eq!(rustix::io::read(&own, &mut [0; 4]), Ok(3));
        drop((shared, own_write));
        assert_eq!(rustix::io::read(&own, &mut [0; 4]), Ok(0), "no writer is left");
    }

    #[test]
    fn errors_of_the_host_have_numbers_of_their_own() {
        assert_eq!(errno_from_host(Host::DQUOT.raw_os_error()), Some(Errno::Quota));
        for nonsense in [0, -1, i32::MAX, i32::MIN, 4096, 0xf001] {
            assert_eq!(errno_from_host(nonsense), None);
        }
    }
}
