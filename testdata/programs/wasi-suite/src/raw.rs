//! The imported functions, and short ways to call them.

pub type Fd = u32;
pub type Errno = u16;

#[repr(C)]
pub struct Iovec {
    pub at: *mut u8,
    pub len: usize,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filestat {
    pub device: u64,
    pub inode: u64,
    pub file_type: u8,
    pub links: u64,
    pub size: u64,
    pub accessed: u64,
    pub modified: u64,
    pub changed: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fdstat {
    pub file_type: u8,
    pub flags: u16,
    pub base: u64,
    pub inheriting: u64,
}

#[link(wasm_import_module = "wasi_snapshot_preview1")]
extern "C" {
    fn fd_advise(fd: Fd, offset: u64, len: u64, advice: u32) -> Errno;
    fn fd_allocate(fd: Fd, offset: u64, len: u64) -> Errno;
    fn fd_close(fd: Fd) -> Errno;
    fn fd_fdstat_get(fd: Fd, stat: *mut Fdstat) -> Errno;
    fn fd_fdstat_set_flags(fd: Fd, flags: u32) -> Errno;
    fn fd_fdstat_set_rights(fd: Fd, base: u64, inheriting: u64) -> Errno;
    fn fd_filestat_get(fd: Fd, stat: *mut Filestat) -> Errno;
    fn fd_filestat_set_size(fd: Fd, size: u64) -> Errno;
    fn fd_filestat_set_times(fd: Fd, atim: u64, mtim: u64, flags: u32) -> Errno;
    fn fd_pread(fd: Fd, iovs: *const Iovec, count: usize, offset: u64, len: *mut usize) -> Errno;
    fn fd_prestat_get(fd: Fd, prestat: *mut [u32; 2]) -> Errno;
    fn fd_prestat_dir_name(fd: Fd, path: *mut u8, len: usize) -> Errno;
    fn fd_pwrite(fd: Fd, iovs: *const Iovec, count: usize, offset: u64, len: *mut usize) -> Errno;
    fn fd_read(fd: Fd, iovs: *const Iovec, count: usize, len: *mut usize) -> Errno;
    fn fd_readdir(fd: Fd, buf: *mut u8, len: usize, cookie: u64, used: *mut usize) -> Errno;
    fn fd_renumber(from: Fd, to: Fd) -> Errno;
    fn fd_seek(fd: Fd, offset: i64, whence: u32, position: *mut u64) -> Errno;
    fn fd_tell(fd: Fd, position: *mut u64) -> Errno;
    fn fd_write(fd: Fd, iovs: *const Iovec, count: usize, len: *mut usize) -> Errno;
    fn path_create_directory(fd: Fd, path: *const u8, len: usize) -> Errno;
    fn path_filestat_get(fd: Fd, flags: u32, path: *const u8, len: usize, stat: *mut Filestat) -> Errno;
    fn path_filestat_set_times(
        fd: Fd,
        flags: u32,
        path: *const u8,
        len: usize,
        atim: u64,
        mtim: u64,
        fst_flags: u32,
    ) -> Errno;
    fn path_link(
        old_fd: Fd,
        flags: u32,
        old: *const u8,
        old_len: usize,
        new_fd: Fd,
        new: *const u8,
        new_len: usize,
    ) -> Errno;
    fn path_open(
        fd: Fd,
        dirflags: u32,
        path: *const u8,
        len: usize,
        oflags: u32,
        base: u64,
        inheriting: u64,
        fdflags: u32,
        opened: *mut Fd,
    ) -> Errno;
    fn path_readlink(
        fd: Fd,
        path: *const u8,
        len: usize,
        buf: *mut u8,
        buf_len: usize,
        used: *mut usize,
    ) -> Errno;
    fn path_remove_directory(fd: Fd, path: *const u8, len: usize) -> Errno;
    fn path_rename(
        old_fd: Fd,
        old: *const u8,
        old_len: usize,
        new_fd: Fd,
        new: *const u8,
        new_len: usize,
    ) -> Errno;
    fn path_symlink(target: *const u8, target_len: usize, fd: Fd, path: *const u8, len: usize) -> Errno;
    fn path_unlink_file(fd: Fd, path: *const u8, len: usize) -> Errno;
    fn poll_oneoff(subscriptions: *const u8, events: *mut u8, count: usize, nevents: *mut usize) -> Errno;
    fn clock_res_get(id: u32, resolution: *mut u64) -> Errno;
    fn clock_time_get(id: u32, precision: u64, time: *mut u64) -> Errno;
    fn random_get(buf: *mut u8, len: usize) -> Errno;
    fn sched_yield() -> Errno;
    fn sock_shutdown(fd: Fd, how: u32) -> Errno;
}

pub const BADF: Errno = 8;
pub const EXIST: Errno = 20;
pub const INVAL: Errno = 28;
pub const ISDIR: Errno = 31;
pub const LOOP: Errno = 32;
pub const NAMETOOLONG: Errno = 37;
pub const NOENT: Errno = 44;
pub const NOTDIR: Errno = 54;
pub const NOTEMPTY: Errno = 55;
pub const NOTSOCK: Errno = 57;
pub const PERM: Errno = 63;
pub const NOTCAPABLE: Errno = 76;

pub const READ: u64 = 1 << 1;
pub const SEEK: u64 = 1 << 2;
pub const SET_FLAGS: u64 = 1 << 3;
pub const TELL: u64 = 1 << 5;
pub const WRITE: u64 = 1 << 6;
pub const ADVISE: u64 = 1 << 7;
pub const ALLOCATE: u64 = 1 << 8;
pub const PATH_SET_SIZE: u64 = 1 << 19;
pub const STAT: u64 = 1 << 21;
pub const SET_SIZE: u64 = 1 << 22;
pub const SET_TIMES: u64 = 1 << 23;
pub const ALL: u64 = (1 << 30) - 1;

pub const FOLLOW: u32 = 1;
pub const CREAT: u32 = 1;
pub const DIRECTORY: u32 = 2;
pub const EXCL: u32 = 4;
pub const TRUNC: u32 = 8;
pub const APPEND: u32 = 1;
pub const NONBLOCK: u32 = 4;
pub const SYNC: u32 = 16;

pub const TYPE_DIRECTORY: u8 = 3;
pub const TYPE_FILE: u8 = 4;
pub const TYPE_LINK: u8 = 7;

pub type Result<T = ()> = std::result::Result<T, Errno>;

fn check(errno: Errno) -> Result {
    if errno == 0 {
        Ok(())
    } else {
        Err(errno)
    }
}

macro_rules! plain {
    ($($name:ident = $raw:ident($($arg:ident: $ty:ty),*);)*) => {
        $(pub fn $name($($arg: $ty),*) -> Result {
            check(unsafe { $raw($($arg),*) })
        })*
    };
}

plain! {
    advise = fd_advise(fd: Fd, offset: u64, len: u64, advice: u32);
    allocate = fd_allocate(fd: Fd, offset: u64, len: u64);
    close = fd_close(fd: Fd);
    set_flags = fd_fdstat_set_flags(fd: Fd, flags: u32);
    set_rights = fd_fdstat_set_rights(fd: Fd, base: u64, inheriting: u64);
    set_size = fd_filestat_set_size(fd: Fd, size: u64);
    set_times = fd_filestat_set_times(fd: Fd, atim: u64, mtim: u64, flags: u32);
    renumber = fd_renumber(from: Fd, to: Fd);
    yield_now = sched_yield();
    shutdown = sock_shutdown(fd: Fd, how: u32);
}

/// Calls with a place for the result.
fn give<T: Default>(call: impl FnOnce(*mut T) -> Errno) -> Result<T> {
    let mut result = T::default();
    check(call(&mut result)).map(|()| result)
}

pub fn fdstat(fd: Fd) -> Result<Fdstat> {
    give(|stat| unsafe { fd_fdstat_get(fd, stat) })
}

pub fn filestat(fd: Fd) -> Result<Filestat> {
    give(|stat| unsafe { fd_filestat_get(fd, stat) })
}

pub fn prestat(fd: Fd) -> Result<[u32; 2]> {
    give(|prestat| unsafe { fd_prestat_get(fd, prestat) })
}

pub fn prestat_name(fd: Fd, len: usize) -> Result<Vec<u8>> {
    let mut name = vec![0; len];
    check(unsafe { fd_prestat_dir_name(fd, name.as_mut_ptr(), len) }).map(|()| name)
}

pub fn seek(fd: Fd, offset: i64, whence: u32) -> Result<u64> {
    give(|position| unsafe { fd_seek(fd, offset, whence, position) })
}

pub fn tell(fd: Fd) -> Result<u64> {
    give(|position| unsafe { fd_tell(fd, position) })
}

fn iovec(bytes: &[u8]) -> Iovec {
    Iovec { at: bytes.as_ptr().cast_mut(), len: bytes.len() }
}

pub fn read(fd: Fd, len: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    let iov = iovec(&bytes);
    let len = give(|len| unsafe { fd_read(fd, &iov, 1, len) })?;
    bytes.truncate(len);
    Ok(bytes)
}

pub fn pread(fd: Fd, len: usize, offset: u64) -> Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    let iov = iovec(&bytes);
    let len = give(|len| unsafe { fd_pread(fd, &iov, 1, offset, len) })?;
    bytes.truncate(len);
    Ok(bytes)
}

pub fn write(fd: Fd, parts: &[&[u8]]) -> Result<usize> {
    let iovs: Vec<_> = parts.iter().map(|part| iovec(part)).collect();
    give(|len| unsafe { fd_write(fd, iovs.as_ptr(), iovs.len(), len) })
}

pub fn pwrite(fd: Fd, parts: &[&[u8]], offset: u64) -> Result<usize> {
    let iovs: Vec<_> = parts.iter().map(|part| iovec(part)).collect();
    give(|len| unsafe { fd_pwrite(fd, iovs.as_ptr(), iovs.len(), offset, len) })
}

/// Name, next cookie, inode and type of each whole entry, and whether the buffer was full.
pub fn readdir(fd: Fd, len: usize, cookie: u64) -> Result<(Vec<(String, u64, u64, u8)>, bool)> {
    let mut buffer = vec![0; len];
    let used: usize = give(|used| unsafe { fd_readdir(fd, buffer.as_mut_ptr(), len, cookie, used) })?;
    let (mut entries, mut rest) = (Vec::new(), &buffer[..used]);
    while rest.len() >= 24 {
        let number = |at: usize| u64::from_le_bytes(rest[at..at + 8].try_into().unwrap());
        let (next, inode, name_len, file_type) = (number(0), number(8), number(16) as u32 as usize, rest[20]);
        let Some(name) = rest.get(24..24 + name_len) else { break };
        entries.push((String::from_utf8(name.to_vec()).unwrap(), next, inode, file_type));
        rest = &rest[24 + name_len..];
    }
    Ok((entries, used == len))
}

pub fn mkdir(fd: Fd, path: &str) -> Result {
    check(unsafe { path_create_directory(fd, path.as_ptr(), path.len()) })
}

pub fn rmdir(fd: Fd, path: &str) -> Result {
    check(unsafe { path_remove_directory(fd, path.as_ptr(), path.len()) })
}

pub fn unlink(fd: Fd, path: &str) -> Result {
    check(unsafe { path_unlink_file(fd, path.as_ptr(), path.len()) })
}

pub fn stat(fd: Fd, path: &str, flags: u32) -> Result<Filestat> {
    give(|stat| unsafe { path_filestat_get(fd, flags, path.as_ptr(), path.len(), stat) })
}

pub fn set_times_at(fd: Fd, flags: u32, path: &str, atim: u64, mtim: u64, fst_flags: u32) -> Result {
    check(unsafe { path_filestat_set_times(fd, flags, path.as_ptr(), path.len(), atim, mtim, fst_flags) })
}

pub fn link(old_fd: Fd, flags: u32, old: &str, new_fd: Fd, new: &str) -> Result {
    check(unsafe { path_link(old_fd, flags, old.as_ptr(), old.len(), new_fd, new.as_ptr(), new.len()) })
}

pub fn rename(old_fd: Fd, old: &str, new_fd: Fd, new: &str) -> Result {
    check(unsafe { path_rename(old_fd, old.as_ptr(), old.len(), new_fd, new.as_ptr(), new.len()) })
}

pub fn symlink(target: &str, fd: Fd, path: &str) -> Result {
    check(unsafe { path_symlink(target.as_ptr(), target.len(), fd, path.as_ptr(), path.len()) })
}

pub fn readlink(fd: Fd, path: &str, buffer: &mut [u8]) -> Result<usize> {
    give(|used| unsafe {
        path_readlink(fd, path.as_ptr(), path.len(), buffer.as_mut_ptr(), buffer.len(), used)
    })
}

pub fn open(fd: Fd, follow: u32, path: &str, oflags: u32, rights: (u64, u64), fdflags: u32) -> Result<Fd> {
    give(|opened| unsafe {
        path_open(fd, follow, path.as_ptr(), path.len(), oflags, rights.0, rights.1, fdflags, opened)
    })
}

pub fn resolution(id: u32) -> Result<u64> {
    give(|resolution| unsafe { clock_res_get(id, resolution) })
}

pub fn time(id: u32) -> Result<u64> {
    give(|time| unsafe { clock_time_get(id, 0, time) })
}

pub fn random(bytes: &mut [u8]) -> Result {
    check(unsafe { random_get(bytes.as_mut_ptr(), bytes.len()) })
}

/// What is waited for: a clock with id, timeout and flags, or a descriptor to read or to write.
pub enum Wait {
    Clock(u32, u64, u16),
    Read(Fd),
    Write(Fd),
}

/// Position in the list, errno, and how many bytes are ready, of each event.
pub fn poll(list: &[Wait]) -> Result<Vec<(u64, Errno, u64)>> {
    let mut subscriptions = vec![0_u8; list.len() * 48];
    for (index, (wait, at)) in list.iter().zip(subscriptions.chunks_mut(48)).enumerate() {
        at[..8].copy_from_slice(&(index as u64).to_le_bytes());
        let (kind, id) = match wait {
            Wait::Clock(id, timeout, flags) => {
                at[24..32].copy_from_slice(&timeout.to_le_bytes());
                at[40..42].copy_from_slice(&flags.to_le_bytes());
                (0, *id)
            }
            Wait::Read(fd) => (1, *fd),
            Wait::Write(fd) => (2, *fd),
        };
        at[8] = kind;
        at[16..20].copy_from_slice(&id.to_le_bytes());
    }
    let mut events = vec![0_u8; list.len() * 32];
    let count: usize =
        give(|count| unsafe { poll_oneoff(subscriptions.as_ptr(), events.as_mut_ptr(), list.len(), count) })?;
    let decode = |event: &[u8]| {
        let word = |at: usize| u64::from_le_bytes(event[at..at + 8].try_into().unwrap());
        (word(0), word(8) as u16, word(16))
    };
    Ok(events.chunks(32).take(count).map(decode).collect())
}

/// The descriptor of the directory that is mounted at `/`.
pub fn root() -> Fd {
    (3..)
        .find(|fd| prestat(*fd).is_ok_and(|stat| prestat_name(*fd, stat[1] as usize).unwrap() == b"/"))
        .unwrap()
}

/// Opens with all rights; a directory without the one to write.
pub fn open_dir(fd: Fd, path: &str) -> Result<Fd> {
    open(fd, FOLLOW, path, DIRECTORY, (ALL & !WRITE, ALL), 0)
}

/// Opens to read and write, creating it.
pub fn create(fd: Fd, path: &str) -> Fd {
    open(fd, 0, path, CREAT, (ALL, ALL), 0).unwrap()
}

/// An empty file that is not kept open.
pub fn touch(fd: Fd, path: &str) {
    close(open(fd, 0, path, CREAT, (0, 0), 0).unwrap()).unwrap();
}

/// A fresh directory for a test, removed at the end, when it has to be empty.
pub fn in_scratch(test: impl FnOnce(Fd)) {
    let root = root();
    mkdir(root, "scratch").unwrap();
    let fd = open_dir(root, "scratch").unwrap();
    test(fd);
    let _ = close(fd);
    rmdir(root, "scratch").unwrap();
}
