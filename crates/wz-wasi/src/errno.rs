//! [`Errno`]: the error numbers of `wasi_snapshot_preview1`, their names, and how the host's own
//! errors become them. Every host error that has a counterpart keeps its meaning.

use std::fmt;
use std::io;

macro_rules! errnos {
    ($($value:literal $variant:ident $name:literal $text:literal;)*) => {
        /// An error number of `wasi_snapshot_preview1`, as guests see it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum Errno {
            $(#[doc = $text] $variant = $value,)*
        }

        impl Errno {
            /// Every error number, in order from 0.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The conventional name, for example `ENOENT`; `ESUCCESS` for 0.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// What it means, in words.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

errnos! {
    0 Success "ESUCCESS" "No error occurred.";
    1 TooBig "E2BIG" "Argument list too long.";
    2 Access "EACCES" "Permission denied.";
    3 AddressInUse "EADDRINUSE" "Address in use.";
    4 AddressNotAvailable "EADDRNOTAVAIL" "Address not available.";
    5 AddressFamily "EAFNOSUPPORT" "Address family not supported.";
    6 Again "EAGAIN" "Resource unavailable, or operation would block.";
    7 Already "EALREADY" "Connection already in progress.";
    8 BadDescriptor "EBADF" "Bad file descriptor.";
    9 BadMessage "EBADMSG" "Bad message.";
    10 Busy "EBUSY" "Device or resource busy.";
    11 Canceled "ECANCELED" "Operation canceled.";
    12 NoChild "ECHILD" "No child processes.";
    13 ConnectionAborted "ECONNABORTED" "Connection aborted.";
    14 ConnectionRefused "ECONNREFUSED" "Connection refused.";
    15 ConnectionReset "ECONNRESET" "Connection reset.";
    16 Deadlock "EDEADLK" "Resource deadlock would occur.";
    17 DestinationRequired "EDESTADDRREQ" "Destination address required.";
    18 Domain "EDOM" "Argument out of the function's domain.";
    19 Quota "EDQUOT" "Disk quota exceeded.";
    20 Exist "EEXIST" "File exists.";
    21 Fault "EFAULT" "Bad address.";
    22 FileTooBig "EFBIG" "File too large.";
    23 HostUnreachable "EHOSTUNREACH" "Host is unreachable.";
    24 IdentifierRemoved "EIDRM" "Identifier removed.";
    25 IllegalSequence "EILSEQ" "Illegal byte sequence.";
    26 InProgress "EINPROGRESS" "Operation in progress.";
    27 Interrupted "EINTR" "Interrupted function.";
    28 Invalid "EINVAL" "Invalid argument.";
    29 Io "EIO" "Input/output error.";
    30 Connected "EISCONN" "Socket is connected.";
    31 IsDirectory "EISDIR" "Is a directory.";
    32 Loop "ELOOP" "Too many levels of symbolic links.";
    33 TooManyOpen "EMFILE" "File descriptor value too large.";
    34 TooManyLinks "EMLINK" "Too many links.";
    35 MessageSize "EMSGSIZE" "Message too large.";
    36 Multihop "EMULTIHOP" "Reserved.";
    37 NameTooLong "ENAMETOOLONG" "Filename too long.";
    38 NetworkDown "ENETDOWN" "Network is down.";
    39 NetworkReset "ENETRESET" "Connection aborted by network.";
    40 NetworkUnreachable "ENETUNREACH" "Network unreachable.";
    41 TooManyOpenInSystem "ENFILE" "Too many files open in system.";
    42 NoBuffers "ENOBUFS" "No buffer space available.";
    43 NoDevice "ENODEV" "No such device.";
    44 NoEntry "ENOENT" "No such file or directory.";
    45 NotExecutable "ENOEXEC" "Executable file format error.";
    46 NoLocks "ENOLCK" "No locks available.";
    47 NoLink "ENOLINK" "Reserved.";
    48 NoMemory "ENOMEM" "Not enough space.";
    49 NoMessage "ENOMSG" "No message of the desired type.";
    50 NoProtocolOption "ENOPROTOOPT" "Protocol not available.";
    51 NoSpace "ENOSPC" "No space left on device.";
    52 NoSystem "ENOSYS" "Function not supported.";
    53 NotConnected "ENOTCONN" "The socket is not connected.";
    54 NotDirectory "ENOTDIR" "Not a directory or a symbolic link to a directory.";
    55 NotEmpty "ENOTEMPTY" "Directory not empty.";
    56 NotRecoverable "ENOTRECOVERABLE" "State not recoverable.";
    57 NotSocket "ENOTSOCK" "Not a socket.";
    58 NotSupported "ENOTSUP" "Not supported, or operation not supported on socket.";
    59 NotTerminal "ENOTTY" "Inappropriate I/O control operation.";
    60 NoSuchDevice "ENXIO" "No such device or address.";
    61 Overflow "EOVERFLOW" "Value too large to be stored in data type.";
    62 OwnerDead "EOWNERDEAD" "Previous owner died.";
    63 Permission "EPERM" "Operation not permitted.";
    64 Pipe "EPIPE" "Broken pipe.";
    65 Protocol "EPROTO" "Protocol error.";
    66 ProtocolNotSupported "EPROTONOSUPPORT" "Protocol not supported.";
    67 ProtocolType "EPROTOTYPE" "Protocol wrong type for socket.";
    68 Range "ERANGE" "Result too large.";
    69 ReadOnlyFileSystem "EROFS" "Read-only file system.";
    70 IllegalSeek "ESPIPE" "Invalid seek.";
    71 NoProcess "ESRCH" "No such process.";
    72 Stale "ESTALE" "Reserved.";
    73 TimedOut "ETIMEDOUT" "Connection timed out.";
    74 TextBusy "ETXTBSY" "Text file busy.";
    75 CrossDevice "EXDEV" "Cross-device link.";
    76 NotCapable "ENOTCAPABLE" "Extension: Capabilities insufficient.";
}

impl Errno {
    /// The number as guests see it.
    #[must_use]
    pub const fn raw(self) -> u16 {
        self as u16
    }

    /// The error of this number.
    #[must_use]
    pub fn from_raw(raw: u16) -> Option<Self> {
        Self::ALL.get(usize::from(raw)).copied()
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::error::Error for Errno {}

/// The operating system's number decides where there is one. Errors without a number come from
/// Rust libraries: cap-std reports a path that leaves its directory as `PermissionDenied`, which
/// is `EPERM`, while the operating system's own refusal has a number and stays `EACCES`.
impl From<io::Error> for Errno {
    fn from(error: io::Error) -> Self {
        if let Some(errno) = error.raw_os_error().and_then(crate::sys::errno_from_host) {
            return errno;
        }
        match error.kind() {
            io::ErrorKind::NotFound => Self::NoEntry,
            io::ErrorKind::PermissionDenied => {
                if error.raw_os_error().is_some() {
                    Self::Access
                } else {
                    Self::Permission
                }
            }
            io::ErrorKind::ConnectionRefused => Self::ConnectionRefused,
            io::ErrorKind::ConnectionReset => Self::ConnectionReset,
            io::ErrorKind::ConnectionAborted => Self::ConnectionAborted,
            io::ErrorKind::NotConnected => Self::NotConnected,
            io::ErrorKind::AddrInUse => Self::AddressInUse,
            io::ErrorKind::AddrNotAvailable => Self::AddressNotAvailable,
            io::ErrorKind::BrokenPipe => Self::Pipe,
            io::ErrorKind::AlreadyExists => Self::Exist,
            io::ErrorKind::WouldBlock => Self::Again,
            io::ErrorKind::NotADirectory => Self::NotDirectory,
            io::ErrorKind::IsADirectory => Self::IsDirectory,
            io::ErrorKind::DirectoryNotEmpty => Self::NotEmpty,
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnlyFileSystem,
            io::ErrorKind::InvalidInput => Self::Invalid,
            io::ErrorKind::InvalidData => Self::IllegalSequence,
            io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::StorageFull => Self::NoSpace,
            io::ErrorKind::QuotaExceeded => Self::Quota,
            io::ErrorKind::FileTooLarge => Self::FileTooBig,
            io::ErrorKind::ResourceBusy => Self::Busy,
            io::ErrorKind::CrossesDevices => Self::CrossDevice,
            io::ErrorKind::TooManyLinks => Self::TooManyLinks,
            io::ErrorKind::NotSeekable => Self::IllegalSeek,
            io::ErrorKind::Interrupted => Self::Interrupted,
            io::ErrorKind::Unsupported => Self::NotSupported,
            io::ErrorKind::OutOfMemory => Self::NoMemory,
            _ => Self::Io,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_those_of_the_witx_file() {
        for (position, errno) in Errno::ALL.iter().enumerate() {
            assert_eq!(usize::from(errno.raw()), position);
            assert_eq!(Errno::from_raw(errno.raw()), Some(*errno));
        }
        assert_eq!(Errno::ALL.len(), 77);
        assert_eq!(Errno::from_raw(77), None);
        for (raw, name) in [(0, "ESUCCESS"), (8, "EBADF"), (44, "ENOENT"), (76, "ENOTCAPABLE")] {
            assert_eq!(Errno::from_raw(raw).map(Errno::name), Some(name));
        }
    }

    #[cfg(unix)]
    #[test]
    fn host_errors_keep_their_meaning() {
        use rustix::io::Errno as Host;
        for (host, errno) in [
            (Host::NOSPC, Errno::NoSpace),
            (Host::MFILE, Errno::TooManyOpen),
            (Host::XDEV, Errno::CrossDevice),
            (Host::PIPE, Errno::Pipe),
            (Host::NAMETOOLONG, Errno::NameTooLong),
            (Host::LOOP, Errno::Loop),
            (Host::ROFS, Errno::ReadOnlyFileSystem),
            (Host::ACCESS, Errno::Access),
            (Host::PERM, Errno::Permission),
            (Host::CONNRESET, Errno::ConnectionReset),
        ] {
            assert_eq!(Errno::from(io::Error::from(host)), errno);
        }
        assert_eq!(Errno::from(io::Error::from(io::ErrorKind::PermissionDenied)), Errno::Permission);
    }
}
