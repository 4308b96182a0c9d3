//! Tests of the host functions without an engine: a fake caller with a memory, and one method per
//! WASI function. Files are tested over every implementation with the same functions.

mod basics;
#[cfg(unix)]
mod escapes;
mod files;
mod malformed;
mod polling;
#[cfg(unix)]
mod readonly;
mod sockets;
mod streams;
mod traits;

use std::any::{Any, TypeId};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use wz_api::sealed::{CallerInner, MemoryInner, References};
use wz_api::{Caller, Context, Error, ExternRef, Function, HostModule, Memory, MemoryDefinition, Module};

use crate::{Errno, FsResult, WasiConfig, WasiState, snapshot_preview1};

/// Two pages.
const MEMORY_LEN: usize = 2 << 16;
/// Where results go.
const RESULT: u32 = 0x100;
/// Where paths go.
const PATH: u32 = 0x2000;
const PATH2: u32 = 0x4000;
/// Where data goes.
const DATA: u32 = 0x8000;
/// The last byte and the first that is not there.
const END: u32 = MEMORY_LEN as u32;

/// A guest: an instance's state, its memory, and the module of functions.
struct Guest {
    memory: Memory,
    state: Arc<WasiState>,
    module: HostModule,
    context: Context,
    interruption: Mutex<Option<u32>>,
    wakes: Mutex<Vec<(u64, crate::WakeFn)>>,
}

/// Name, next cookie and type of a directory's entry.
type Entry = (String, u64, u8);

/// What `filestat` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    inode: u64,
    file_type: u8,
    links: u64,
    size: u64,
    accessed: u64,
    modified: u64,
}

impl Guest {
    fn new(config: &WasiConfig) -> Self {
        Self::with_state(Arc::new(config.build().unwrap()))
    }

    /// Another thread of the same instance, with a memory of its own for its arguments.
    fn sharing(&self) -> Self {
        Self::with_state(self.state.clone())
    }

    fn with_state(state: Arc<WasiState>) -> Self {
        Self {
            memory: Memory::from_inner(Arc::new(FakeMemory::new(MEMORY_LEN))),
            state,
            module: snapshot_preview1(),
            context: Context::background(),
            interruption: Mutex::new(None),
            wakes: Mutex::default(),
        }
    }

    /// Calls a function with what is in the slots; the errno, or the error that ends the guest.
    fn try_call(&self, name: &str, args: &[u64]) -> Result<Errno, Error> {
        let functions = self.module.functions();
        let (_, function) = functions.iter().find(|(export, _)| **export == *name).expect(name);
        assert_eq!(function.ty().params().len(), args.len(), "{name}");
        let mut slots = args.to_vec();
        slots.resize(function.ty().stack_slots().max(1), 0);
        function.body()(&mut Caller::from_inner(self), &mut slots)?;
        Ok(Errno::from_raw(slots[0] as u16).unwrap())
    }

    fn call(&self, name: &str, args: &[u64]) -> FsResult<()> {
        match self.try_call(name, args).unwrap() {
            Errno::Success => Ok(()),
            errno => Err(errno),
        }
    }

    fn interrupt(&self, code: u32) {
        *self.interruption.lock().unwrap() = Some(code);
        for (_, wake) in &*self.wakes.lock().unwrap() {
            wake();
        }
    }

    fn put(&self, at: u32, bytes: &[u8]) -> u64 {
        self.memory.write(at, bytes).unwrap();
        u64::from(at)
    }

    fn u32_at(&self, at: u32) -> u32 {
        self.memory.read_u32(at).unwrap()
    }

    fn u64_at(&self, at: u32) -> u64 {
        self.memory.read_u64(at).unwrap()
    }

    fn bytes(&self, at: u32, len: u32) -> Vec<u8> {
        self.memory.read_vec(at, len).unwrap()
    }

    fn path(&self, path: &str) -> [u64; 2] {
        [self.put(PATH, path.as_bytes()), path.len() as u64]
    }

    /// A `path_*` function with one path after the descriptor.
    fn on_path(&self, name: &str, fd: u32, path: &str) -> FsResult<()> {
        let [at, len] = self.path(path);
        self.call(name, &[u64::from(fd), at, len])
    }

    fn open_with(
        &self,
        fd: u32,
        path: &str,
        follow: bool,
        oflags: u16,
        rights: (u64, u64),
        fdflags: u16,
    ) -> FsResult<u32> {
        let [at, len] = self.path(path);
        self.call(
            "path_open",
            &[
                u64::from(fd),
                u64::from(follow),
                at,
                len,
                u64::from(oflags),
                rights.0,
                rights.1,
                u64::from(fdflags),
                u64::from(RESULT),
            ],
        )?;
        Ok(self.u32_at(RESULT))
    }

    /// Opens with all rights.
    fn open(&self, fd: u32, path: &str, oflags: u16) -> FsResult<u32> {
        self.open_with(fd, path, true, oflags, (ALL, ALL), 0)
    }

    /// Opens a directory.
    fn open_dir(&self, fd: u32, path: &str) -> FsResult<u32> {
        self.open_with(fd, path, true, DIRECTORY, (ALL & !FD_WRITE, ALL), 0)
    }

    /// Opens for reading, following.
    fn open_read(&self, fd: u32, path: &str) -> FsResult<u32> {
        self.open_with(fd, path, true, 0, (ALL & !FD_WRITE, ALL), 0)
    }

    fn close(&self, fd: u32) -> FsResult<()> {
        self.call("fd_close", &[u64::from(fd)])
    }

    fn write(&self, fd: u32, bytes: &[u8]) -> FsResult<u32> {
        self.put(DATA, bytes);
        self.iovec(DATA, bytes.len() as u32);
        self.call("fd_write", &[u64::from(fd), 0, 1, u64::from(RESULT)])?;
        Ok(self.u32_at(RESULT))
    }

    /// Puts one buffer at address 0.
    fn iovec(&self, at: u32, len: u32) {
        self.memory.write_u32(0_u32, at).unwrap();
        self.memory.write_u32(4_u32, len).unwrap();
    }

    fn read(&self, fd: u32, len: u32) -> FsResult<Vec<u8>> {
        self.iovec(DATA, len);
        self.call("fd_read", &[u64::from(fd), 0, 1, u64::from(RESULT)])?;
        Ok(self.bytes(DATA, self.u32_at(RESULT)))
    }

    fn pread(&self, fd: u32, len: u32, offset: u64) -> FsResult<Vec<u8>> {
        self.iovec(DATA, len);
        self.call("fd_pread", &[u64::from(fd), 0, 1, offset, u64::from(RESULT)])?;
        Ok(self.bytes(DATA, self.u32_at(RESULT)))
    }

    fn pwrite(&self, fd: u32, bytes: &[u8], offset: u64) -> FsResult<u32> {
        self.put(DATA, bytes);
        self.iovec(DATA, bytes.len() as u32);
        self.call("fd_pwrite", &[u64::from(fd), 0, 1, offset, u64::from(RESULT)])?;
        Ok(self.u32_at(RESULT))
    }

    fn seek(&self, fd: u32, offset: i64, whence: u32) -> FsResult<u64> {
        self.call("fd_seek", &[u64::from(fd), offset as u64, u64::from(whence), u64::from(RESULT)])?;
        Ok(self.u64_at(RESULT))
    }

    fn tell(&self, fd: u32) -> FsResult<u64> {
        self.call("fd_tell", &[u64::from(fd), u64::from(RESULT)])?;
        Ok(self.u64_at(RESULT))
    }

    fn decode_stat(&self) -> Stat {
        Stat {
            inode: self.u64_at(RESULT + 8),
            file_type: self.memory.read_u8(RESULT + 16).unwrap(),
            links: self.u64_at(RESULT + 24),
            size: self.u64_at(RESULT + 32),
            accessed: self.u64_at(RESULT + 40),
            modified: self.u64_at(RESULT + 48),
        }
    }

    fn stat_fd(&self, fd: u32) -> FsResult<Stat> {
        self.call("fd_filestat_get", &[u64::from(fd), u64::from(RESULT)])?;
        Ok(self.decode_stat())
    }

    fn stat(&self, fd: u32, path: &str, follow: bool) -> FsResult<Stat> {
        let [at, len] = self.path(path);
        self.call("path_filestat_get", &[u64::from(fd), u64::from(follow), at, len, u64::from(RESULT)])?;
        Ok(self.decode_stat())
    }

    /// File type, flags, base and inheriting rights.
    fn fdstat(&self, fd: u32) -> FsResult<(u8, u16, u64, u64)> {
        self.call("fd_fdstat_get", &[u64::from(fd), u64::from(RESULT)])?;
        Ok((
            self.memory.read_u8(RESULT).unwrap(),
            self.memory.read_u16(RESULT + 2).unwrap(),
            self.u64_at(RESULT + 8),
            self.u64_at(RESULT + 16),
        ))
    }

    fn mkdir(&self, fd: u32, path: &str) -> FsResult<()> {
        self.on_path("path_create_directory", fd, path)
    }

    fn rmdir(&self, fd: u32, path: &str) -> FsResult<()> {
        self.on_path("path_remove_directory", fd, path)
    }

    fn unlink(&self, fd: u32, path: &str) -> FsResult<()> {
        self.on_path("path_unlink_file", fd, path)
    }

    fn symlink(&self, target: &str, fd: u32, path: &str) -> FsResult<()> {
        let [at, len] = self.path(path);
        let target_at = self.put(PATH2, target.as_bytes());
        self.call("path_symlink", &[target_at, target.len() as u64, u64::from(fd), at, len])
    }

    fn readlink(&self, fd: u32, path: &str, buf_len: u32) -> FsResult<Vec<u8>> {
        let [at, len] = self.path(path);
        let args = [u64::from(fd), at, len, u64::from(DATA), u64::from(buf_len), u64::from(RESULT)];
        self.call("path_readlink", &args)?;
        Ok(self.bytes(DATA, self.u32_at(RESULT)))
    }

    fn two_paths(&self, name: &str, old: (u32, &str), flags: Option<u32>, new: (u32, &str)) -> FsResult<()> {
        let [at, len] = self.path(old.1);
        let new_at = self.put(PATH2, new.1.as_bytes());
        let mut args = vec![u64::from(old.0)];
        args.extend(flags.map(u64::from));
        args.extend([at, len, u64::from(new.0), new_at, new.1.len() as u64]);
        self.call(name, &args)
    }

    fn link(&self, old: (u32, &str), new: (u32, &str)) -> FsResult<()> {
        self.two_paths("path_link", old, Some(0), new)
    }

    fn rename(&self, old: (u32, &str), new: (u32, &str)) -> FsResult<()> {
        self.two_paths("path_rename", old, None, new)
    }

    fn set_times(&self, fd: u32, path: &str, follow: bool, times: (u64, u64), flags: u32) -> FsResult<()> {
        let [at, len] = self.path(path);
        let args = [u64::from(fd), u64::from(follow), at, len, times.0, times.1, u64::from(flags)];
        self.call("path_filestat_set_times", &args)
    }

    /// Creates a file with these contents.
    fn create(&self, fd: u32, path: &str, contents: &[u8]) -> FsResult<()> {
        let file = self.open(fd, path, CREAT | TRUNC)?;
        assert_eq!(self.write(file, contents)?, contents.len() as u32);
        self.close(file)
    }

    /// The contents of a small file.
    fn contents(&self, fd: u32, path: &str) -> FsResult<Vec<u8>> {
        let file = self.open_read(fd, path)?;
        let contents = self.read(file, 0x4000);
        self.close(file)?;
        contents
    }

    /// Names, next cookies and types from `cookie` in a buffer of `len` bytes, entries that are cut
    /// off left out; and how much of the buffer was used.
    fn readdir(&self, fd: u32, len: u32, cookie: u64) -> FsResult<(Vec<Entry>, u32)> {
        let args = [u64::from(fd), u64::from(DATA), u64::from(len), cookie, u64::from(RESULT)];
        self.call("fd_readdir", &args)?;
        let used = self.u32_at(RESULT);
        let bytes = self.bytes(DATA, used);
        let mut entries = Vec::new();
        let mut rest = &bytes[..];
        while rest.len() >= 24 {
            let next = u64::from_le_bytes(rest[..8].try_into().unwrap());
            let name_len = u32::from_le_bytes(rest[16..20].try_into().unwrap()) as usize;
            assert_eq!(rest[21..24], [0; 3], "padding");
            let Some(name) = rest.get(24..24 + name_len) else { break };
            entries.push((String::from_utf8(name.to_vec()).unwrap(), next, rest[20]));
            rest = &rest[24 + name_len..];
        }
        Ok((entries, used))
    }
}

const ALL: u64 = (1 << 30) - 1;
const FD_READ: u64 = crate::abi::rights::FD_READ;
const FD_WRITE: u64 = crate::abi::rights::FD_WRITE;
const CREAT: u16 = 1;
const DIRECTORY: u16 = 2;
const EXCL: u16 = 4;
const TRUNC: u16 = 8;
const APPEND: u16 = 1;
const NONBLOCK: u16 = 4;

impl References for Guest {
    fn function_to_word(&self, _: &Function) -> wz_api::Result<u64> {
        unreachable!()
    }
    fn word_to_function(&self, _: u64) -> wz_api::Result<Option<Function>> {
        unreachable!()
    }
    fn extern_to_word(&self, _: &ExternRef) -> wz_api::Result<u64> {
        unreachable!()
    }
    fn word_to_extern(&self, _: u64) -> wz_api::Result<Option<ExternRef>> {
        unreachable!()
    }
}

impl CallerInner for Guest {
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn context(&self) -> &Context {
        &self.context
    }
    fn module(&self) -> Option<Module> {
        None
    }
    fn memory(&self) -> Option<&Memory> {
        Some(&self.memory)
    }
    fn extension(&self, id: TypeId) -> Option<&(dyn Any + Send + Sync)> {
        (id == TypeId::of::<WasiState>()).then_some(&*self.state as _)
    }
    fn interruption(&self) -> Option<Error> {
        self.interruption.lock().unwrap().map(Error::exit)
    }
    fn register_wake(&self, wake: Arc<dyn Fn() + Send + Sync>) -> u64 {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let id = u64::from(NEXT.fetch_add(1, Ordering::Relaxed));
        self.wakes.lock().unwrap().push((id, wake.clone()));
        if self.interruption.lock().unwrap().is_some() {
            wake();
        }
        id
    }
    fn unregister_wake(&self, id: u64) {
        self.wakes.lock().unwrap().retain(|(other, _)| *other != id);
    }
    fn fuel(&self) -> Option<u64> {
        None
    }
    fn consume_fuel(&self, _: u64) -> wz_api::Result<()> {
        Ok(())
    }
}

/// A memory without an engine.
struct FakeMemory(Box<[AtomicU8]>);

impl FakeMemory {
    fn new(len: usize) -> Self {
        Self((0..len).map(|_| AtomicU8::new(0)).collect())
    }
}

impl MemoryInner for FakeMemory {
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn definition(&self) -> MemoryDefinition {
        unreachable!()
    }
    fn runtime_tag(&self) -> u64 {
        0
    }
    fn size(&self) -> u64 {
        self.0.len() as u64
    }
    fn grow(&self, _: u64) -> Option<u64> {
        None
    }
    fn load(&self, offset: u64, len: u32) -> Option<u64> {
        let mut word = [0; 8];
        self.read(offset, &mut word[..len as usize])?;
        Some(u64::from_le_bytes(word))
    }
    fn store(&self, offset: u64, len: u32, value: u64) -> Option<()> {
        self.write(offset, &value.to_le_bytes()[..len as usize])
    }
    fn read(&self, offset: u64, target: &mut [u8]) -> Option<()> {
        let source = self.view(offset, target.len() as u64)?;
        target.iter_mut().zip(source).for_each(|(to, from)| *to = from.load(Ordering::Relaxed));
        Some(())
    }
    fn write(&self, offset: u64, source: &[u8]) -> Option<()> {
        let target = self.view(offset, source.len() as u64)?;
        target.iter().zip(source).for_each(|(to, from)| to.store(*from, Ordering::Relaxed));
        Some(())
    }
    fn fill(&self, offset: u64, len: u64, value: u8) -> Option<()> {
        self.view(offset, len)?.iter().for_each(|byte| byte.store(value, Ordering::Relaxed));
        Some(())
    }
    fn view(&self, offset: u64, len: u64) -> Option<&[AtomicU8]> {
        let end = offset.checked_add(len)?;
        self.0.get(usize::try_from(offset).ok()?..usize::try_from(end).ok()?)
    }
    #[cfg(unix)]
    fn read_fd(
        &self,
        fd: std::os::fd::BorrowedFd<'_>,
        ranges: &[Range<u64>],
        at: Option<u64>,
    ) -> Option<std::io::Result<usize>> {
        let total: u64 = ranges.iter().map(|range| range.end - range.start).sum();
        let mut bytes = vec![0; total as usize];
        let len = match at {
            Some(at) => rustix::io::pread(fd, &mut bytes, at),
            None => rustix::io::read(fd, &mut bytes),
        };
        let len = match len {
            Ok(len) => len,
            Err(error) => return Some(Err(error.into())),
        };
        let mut rest = &bytes[..len];
        for range in ranges {
            let part = rest.len().min((range.end - range.start) as usize);
            self.write(range.start, &rest[..part])?;
            rest = &rest[part..];
        }
        Some(Ok(len))
    }
    #[cfg(unix)]
    fn write_fd(
        &self,
        fd: std::os::fd::BorrowedFd<'_>,
        ranges: &[Range<u64>],
        at: Option<u64>,
    ) -> Option<std::io::Result<usize>> {
        let mut bytes = Vec::new();
        for range in ranges {
            let mut part = vec![0; (range.end - range.start) as usize];
            self.read(range.start, &mut part)?;
            bytes.extend(part);
        }
        let len = match at {
            Some(at) => rustix::io::pwrite(fd, &bytes, at),
            None => rustix::io::write(fd, &bytes),
        };
        Some(len.map_err(Into::into))
    }
}

/// A directory of the host that is removed in the end.
struct TempDir(PathBuf);

impl TempDir {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("wz-wasi-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs a test on each writable file system, mounted as descriptor 3.
fn on_each_file_system(test: impl Fn(&Guest)) {
    let directory = TempDir::new();
    test(&Guest::new(&WasiConfig::new().with_dir(directory.path(), "/")));
    test(&Guest::new(&WasiConfig::new().with_mount(crate::fs::MemoryFs::new(), "/")));
}

/// Fails if the test takes longer than it should.
fn within(limit: Duration, test: impl FnOnce()) {
    let started = Instant::now();
    test();
    let elapsed = started.elapsed();
    assert!(elapsed < limit, "took {elapsed:?}");
}
