//! What guests and host agree on in memory: numbers, flags and structures. Structures are written
//! byte by byte into zeroed arrays, so that no padding carries anything of the host's.

use std::ops::Range;

use wz_api::{Caller, Memory};

use crate::fs::Metadata;
use crate::{Errno, FsResult};

/// What a descriptor may be used for.
pub(crate) mod rights {
    pub(crate) const FD_DATASYNC: u64 = 1 << 0;
    pub(crate) const FD_READ: u64 = 1 << 1;
    pub(crate) const FD_SEEK: u64 = 1 << 2;
    pub(crate) const FD_FDSTAT_SET_FLAGS: u64 = 1 << 3;
    pub(crate) const FD_SYNC: u64 = 1 << 4;
    pub(crate) const FD_TELL: u64 = 1 << 5;
    pub(crate) const FD_WRITE: u64 = 1 << 6;
    pub(crate) const FD_ADVISE: u64 = 1 << 7;
    pub(crate) const FD_ALLOCATE: u64 = 1 << 8;
    pub(crate) const PATH_CREATE_DIRECTORY: u64 = 1 << 9;
    pub(crate) const PATH_CREATE_FILE: u64 = 1 << 10;
    pub(crate) const PATH_LINK_SOURCE: u64 = 1 << 11;
    pub(crate) const PATH_LINK_TARGET: u64 = 1 << 12;
    pub(crate) const PATH_OPEN: u64 = 1 << 13;
    pub(crate) const FD_READDIR: u64 = 1 << 14;
    pub(crate) const PATH_READLINK: u64 = 1 << 15;
    pub(crate) const PATH_RENAME_SOURCE: u64 = 1 << 16;
    pub(crate) const PATH_RENAME_TARGET: u64 = 1 << 17;
    pub(crate) const PATH_FILESTAT_GET: u64 = 1 << 18;
    pub(crate) const PATH_FILESTAT_SET_SIZE: u64 = 1 << 19;
    pub(crate) const PATH_FILESTAT_SET_TIMES: u64 = 1 << 20;
    pub(crate) const FD_FILESTAT_GET: u64 = 1 << 21;
    pub(crate) const FD_FILESTAT_SET_SIZE: u64 = 1 << 22;
    pub(crate) const FD_FILESTAT_SET_TIMES: u64 = 1 << 23;
    pub(crate) const PATH_SYMLINK: u64 = 1 << 24;
    pub(crate) const PATH_REMOVE_DIRECTORY: u64 = 1 << 25;
    pub(crate) const PATH_UNLINK_FILE: u64 = 1 << 26;
    pub(crate) const POLL_FD_READWRITE: u64 = 1 << 27;
    pub(crate) const SOCK_SHUTDOWN: u64 = 1 << 28;
    pub(crate) const SOCK_ACCEPT: u64 = 1 << 29;

    /// What makes sense for a stream without positions.
    pub(crate) const STREAM: u64 = FD_READ
        | FD_WRITE
        | FD_DATASYNC
        | FD_SYNC
        | FD_FDSTAT_SET_FLAGS
        | FD_FILESTAT_GET
        | FD_FILESTAT_SET_TIMES
        | POLL_FD_READWRITE;
    /// What makes sense for a regular file.
    pub(crate) const FILE: u64 = STREAM | FD_SEEK | FD_TELL | FD_ADVISE | FD_ALLOCATE | FD_FILESTAT_SET_SIZE;
    /// What makes sense for a socket.
    pub(crate) const SOCKET: u64 = FD_READ
        | FD_WRITE
        | FD_FDSTAT_SET_FLAGS
        | FD_FILESTAT_GET
        | POLL_FD_READWRITE
        | SOCK_SHUTDOWN
        | SOCK_ACCEPT;
    /// What makes sense for a directory. Neither seeking nor writing: guests ask for a directory's
    /// rights when they open it again, and asking to write is `EISDIR`.
    pub(crate) const DIRECTORY: u64 = PATH_CREATE_DIRECTORY
        | PATH_CREATE_FILE
        | PATH_LINK_SOURCE
        | PATH_LINK_TARGET
        | PATH_OPEN
        | FD_READDIR
        | PATH_READLINK
        | PATH_RENAME_SOURCE
        | PATH_RENAME_TARGET
        | PATH_FILESTAT_GET
        | PATH_FILESTAT_SET_SIZE
        | PATH_FILESTAT_SET_TIMES
        | PATH_SYMLINK
        | PATH_REMOVE_DIRECTORY
        | PATH_UNLINK_FILE
        | FD_SYNC
        | FD_DATASYNC
        | FD_ADVISE
        | FD_FDSTAT_SET_FLAGS
        | FD_FILESTAT_GET
        | FD_FILESTAT_SET_TIMES;
    /// What a directory can hand on to what is opened in it.
    pub(crate) const INHERITING: u64 = DIRECTORY | FILE;
}

/// How a descriptor behaves.
pub(crate) mod fdflags {
    pub(crate) const APPEND: u16 = 1 << 0;
    pub(crate) const DSYNC: u16 = 1 << 1;
    pub(crate) const NONBLOCK: u16 = 1 << 2;
    pub(crate) const RSYNC: u16 = 1 << 3;
    pub(crate) const SYNC: u16 = 1 << 4;
    pub(crate) const ALL: u16 = APPEND | DSYNC | NONBLOCK | RSYNC | SYNC;
}

/// How to open.
pub(crate) mod oflags {
    pub(crate) const CREAT: u16 = 1 << 0;
    pub(crate) const DIRECTORY: u16 = 1 << 1;
    pub(crate) const EXCL: u16 = 1 << 2;
    pub(crate) const TRUNC: u16 = 1 << 3;
    pub(crate) const ALL: u16 = CREAT | DIRECTORY | EXCL | TRUNC;
}

/// Follow a symbolic link in the last component.
pub(crate) const LOOKUP_SYMLINK_FOLLOW: u32 = 1;

/// The most bytes that one call transfers, as on Linux.
const MAX_TRANSFER: u64 = 0x7fff_f000;
/// The most buffers that one call looks at, as `IOV_MAX`; the others are left to the next call.
const MAX_BUFFERS: usize = 1024;
/// The most empty buffers that one call skips.
const MAX_EMPTY_BUFFERS: u32 = 1 << 20;

/// A range of flags that must hold nothing else.
pub(crate) fn checked_flags(raw: u32, all: u16) -> FsResult<u16> {
    u16::try_from(raw).ok().filter(|flags| flags & !all == 0).ok_or(Errno::Invalid)
}

/// The calling guest's memory. Whatever is out of range is `EFAULT`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guest<'a> {
    memory: &'a Memory,
}

impl<'a> Guest<'a> {
    /// The memory of the caller; `EFAULT` if it has none.
    pub(crate) fn of(caller: &Caller<'a>) -> FsResult<Self> {
        Ok(Self { memory: caller.memory().ok_or(Errno::Fault)? })
    }

    pub(crate) fn memory(self) -> &'a Memory {
        self.memory
    }

    /// Checks that `len` bytes from `at` are there.
    pub(crate) fn check(self, at: u32, len: u64) -> FsResult<()> {
        if u64::from(at) + len > self.memory.size() { Err(Errno::Fault) } else { Ok(()) }
    }

    pub(crate) fn read_array<const N: usize>(self, at: u64) -> FsResult<[u8; N]> {
        let mut bytes = [0; N];
        self.memory.read(at, &mut bytes).ok_or(Errno::Fault)?;
        Ok(bytes)
    }

    pub(crate) fn write_u32(self, at: u32, value: u32) -> FsResult<()> {
        self.memory.write_u32(at, value).ok_or(Errno::Fault)
    }

    pub(crate) fn write_u64(self, at: u32, value: u64) -> FsResult<()> {
        self.memory.write_u64(at, value).ok_or(Errno::Fault)
    }

    pub(crate) fn write(self, at: u64, bytes: &[u8]) -> FsResult<()> {
        self.memory.write(at, bytes).ok_or(Errno::Fault)
    }

    /// A string of at most `limit` bytes; longer ones are `ENAMETOOLONG`, others than UTF-8
    /// `EILSEQ`. Nothing is allocated before both are known.
    pub(crate) fn read_string(self, at: u32, len: u32, limit: usize) -> FsResult<String> {
        self.check(at, u64::from(len))?;
        if len as usize > limit {
            return Err(Errno::NameTooLong);
        }
        let bytes = self.memory.read_vec(at, len).ok_or(Errno::Fault)?;
        String::from_utf8(bytes).map_err(|_| Errno::IllegalSequence)
    }

    /// The ranges of `count` buffers (iovecs) at `at`: those that are not empty, up to what one
    /// call transfers. Each range is within the memory.
    pub(crate) fn buffers(self, at: u32, count: u32) -> FsResult<Vec<Range<u64>>> {
        self.check(at, u64::from(count) * 8)?;
        let mut ranges = Vec::with_capacity((count as usize).min(16));
        let mut total = 0;
        let mut empty = 0;
        for index in 0..count {
            let [a, b, c, d, e, f, g, h] = self.read_array(u64::from(at) + u64::from(index) * 8)?;
            let start = u32::from_le_bytes([a, b, c, d]);
            let len = u64::from(u32::from_le_bytes([e, f, g, h]));
            self.check(start, len)?;
            if len == 0 {
                empty += 1;
                if empty > MAX_EMPTY_BUFFERS {
                    return Err(Errno::Invalid);
                }
                continue;
            }
            let start = u64::from(start);
            let len = len.min(MAX_TRANSFER - total);
            ranges.push(start..start + len);
            total += len;
            if ranges.len() == MAX_BUFFERS || total == MAX_TRANSFER {
                break;
            }
        }
        Ok(ranges)
    }
}

/// `filestat`: 64 bytes.
pub(crate) fn filestat(metadata: &Metadata) -> [u8; 64] {
    let mut bytes = [0; 64];
    bytes[0..8].copy_from_slice(&metadata.device.to_le_bytes());
    bytes[8..16].copy_from_slice(&metadata.inode.to_le_bytes());
    bytes[16] = metadata.file_type as u8;
    bytes[24..32].copy_from_slice(&metadata.links.to_le_bytes());
    bytes[32..40].copy_from_slice(&metadata.size.to_le_bytes());
    bytes[40..48].copy_from_slice(&metadata.accessed_ns.to_le_bytes());
    bytes[48..56].copy_from_slice(&metadata.modified_ns.to_le_bytes());
    bytes[56..64].copy_from_slice(&metadata.changed_ns.to_le_bytes());
    bytes
}

/// `fdstat`: 24 bytes.
pub(crate) fn fdstat(file_type: u8, flags: u16, base: u64, inheriting: u64) -> [u8; 24] {
    let mut bytes = [0; 24];
    bytes[0] = file_type;
    bytes[2..4].copy_from_slice(&flags.to_le_bytes());
    bytes[8..16].copy_from_slice(&base.to_le_bytes());
    bytes[16..24].copy_from_slice(&inheriting.to_le_bytes());
    bytes
}

/// `dirent`: 24 bytes, which the name follows.
pub(crate) fn dirent(next: u64, inode: u64, name_len: u32, file_type: u8) -> [u8; 24] {
    let mut bytes = [0; 24];
    bytes[0..8].copy_from_slice(&next.to_le_bytes());
    bytes[8..16].copy_from_slice(&inode.to_le_bytes());
    bytes[16..20].copy_from_slice(&name_len.to_le_bytes());
    bytes[20] = file_type;
    bytes
}

/// `event`: 32 bytes.
pub(crate) fn event(userdata: u64, errno: Errno, kind: u8, bytes_ready: u64, hangup: bool) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0..8].copy_from_slice(&userdata.to_le_bytes());
    bytes[8..10].copy_from_slice(&errno.raw().to_le_bytes());
    bytes[10] = kind;
    bytes[16..24].copy_from_slice(&bytes_ready.to_le_bytes());
    bytes[24] = u8::from(hangup);
    bytes
}
