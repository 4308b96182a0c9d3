//! Streams that live in the process: [`MemoryPipe`], [`OutputBuffer`], input from bytes, custom
//! readers and writers, and what stands for a closed stream. Each is a [`File`] that never blocks:
//! whoever waits is woken through [`Watchers`].

use std::collections::VecDeque;
use std::fmt;
use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::fs::{File, FileType, Interest, Metadata, Readiness};
use crate::{Errno, FsResult};

/// What is called when a stream may have become ready.
pub type WakeFn = Arc<dyn Fn() + Send + Sync>;

/// Custom streams look like block devices, as in wazero: they are no terminals.
const STREAM: Metadata = Metadata::of_type(FileType::BlockDevice);

/// How many bytes a custom reader is asked for at once.
const READER_CHUNK: usize = 64 * 1024;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who waits for a stream. For implementations of [`File`] whose readiness changes.
#[derive(Default)]
pub struct Watchers {
    inner: Mutex<(u64, Vec<(u64, WakeFn)>)>,
}

impl Watchers {
    /// Adds a waiter; gives the number that [`remove`](Self::remove) takes.
    pub fn add(&self, wake: WakeFn) -> u64 {
        let mut inner = lock(&self.inner);
        inner.0 += 1;
        let id = inner.0;
        inner.1.push((id, wake));
        id
    }

    /// Removes a waiter.
    pub fn remove(&self, id: u64) {
        lock(&self.inner).1.retain(|(other, _)| *other != id);
    }

    /// Wakes everybody.
    pub fn notify(&self) {
        // Collected first: a waiter may remove itself while it is called.
        let all: Vec<WakeFn> = lock(&self.inner).1.iter().map(|(_, wake)| wake.clone()).collect();
        for wake in all {
            wake();
        }
    }
}

impl fmt::Debug for Watchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watchers").field("count", &lock(&self.inner).1.len()).finish()
    }
}

/// The end of every read, and a sink for every write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NullStream;

impl File for NullStream {
    fn metadata(&self) -> FsResult<Metadata> {
        Ok(STREAM)
    }
    fn read(&self, _: &mut [u8]) -> FsResult<usize> {
        Ok(0)
    }
    fn write(&self, source: &[u8]) -> FsResult<usize> {
        Ok(source.len())
    }
}

/// Bytes to read, once.
#[derive(Debug)]
pub(crate) struct InputBytes {
    bytes: Arc<[u8]>,
    position: Mutex<usize>,
}

impl InputBytes {
    pub(crate) fn new(bytes: Arc<[u8]>) -> Self {
        Self { bytes, position: Mutex::new(0) }
    }
}

impl File for InputBytes {
    fn metadata(&self) -> FsResult<Metadata> {
        Ok(STREAM)
    }
    fn read(&self, target: &mut [u8]) -> FsResult<usize> {
        let mut position = lock(&self.position);
        let rest = &self.bytes[*position..];
        let len = rest.len().min(target.len());
        target[..len].copy_from_slice(&rest[..len]);
        *position += len;
        Ok(len)
    }
    fn readiness(&self, _: Interest) -> Readiness {
        let bytes = (self.bytes.len() - *lock(&self.position)) as u64;
        Readiness::Ready { bytes, hangup: bytes == 0 }
    }
}

/// Keeps what a guest writes. Clones share the contents.
#[derive(Clone, Debug)]
pub struct OutputBuffer {
    contents: Arc<Mutex<Vec<u8>>>,
    limit: usize,
}

impl OutputBuffer {
    /// A buffer that takes up to 64 MiB.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limit(64 << 20)
    }

    /// A buffer that takes up to `limit` bytes; what does not fit is `ENOSPC` for the guest.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self { contents: Arc::default(), limit }
    }

    /// What has been written.
    #[must_use]
    pub fn contents(&self) -> Vec<u8> {
        lock(&self.contents).clone()
    }

    /// What has been written, with invalid UTF-8 replaced.
    #[must_use]
    pub fn to_string_lossy(&self) -> String {
        String::from_utf8_lossy(&lock(&self.contents)).into_owned()
    }

    /// Takes out what has been written.
    #[must_use]
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *lock(&self.contents))
    }
}

impl Default for OutputBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl File for OutputBuffer {
    fn metadata(&self) -> FsResult<Metadata> {
        Ok(STREAM)
    }
    fn write(&self, source: &[u8]) -> FsResult<usize> {
        let mut contents = lock(&self.contents);
        let len = source.len().min(self.limit.saturating_sub(contents.len()));
        if len == 0 && !source.is_empty() {
            return Err(Errno::NoSpace);
        }
        contents.extend_from_slice(&source[..len]);
        Ok(len)
    }
}

/// A bounded pipe in memory, between the embedder and a guest or between two guests. Clones are
/// the same pipe. The embedder's side blocks through [`Read`] and [`Write`] on `&MemoryPipe`.
#[derive(Clone, Debug)]
pub struct MemoryPipe {
    shared: Arc<PipeShared>,
}

#[derive(Debug)]
struct PipeShared {
    state: Mutex<PipeState>,
    changed: Condvar,
    watchers: Watchers,
    capacity: usize,
}

#[derive(Debug, Default)]
struct PipeState {
    bytes: VecDeque<u8>,
    closed: bool,
}

impl MemoryPipe {
    /// A pipe that holds up to `capacity` bytes, at least one.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            shared: Arc::new(PipeShared {
                state: Mutex::default(),
                changed: Condvar::new(),
                watchers: Watchers::default(),
                capacity: capacity.max(1),
            }),
        }
    }

    /// Closes it: reads give what is left and then the end, writes are `EPIPE`.
    pub fn close(&self) {
        lock(&self.shared.state).closed = true;
        self.shared.notify();
    }

    fn try_read(&self, target: &mut [u8]) -> FsResult<usize> {
        let mut state = lock(&self.shared.state);
        if state.bytes.is_empty() && !state.closed && !target.is_empty() {
            return Err(Errno::Again);
        }
        // A VecDeque reads its first slice at most.
        let len = Read::read(&mut state.bytes, target).map_err(Errno::from)?;
        drop(state);
        self.shared.notify();
        Ok(len)
    }

    fn try_write(&self, source: &[u8]) -> FsResult<usize> {
        let mut state = lock(&self.shared.state);
        if state.closed {
            return Err(Errno::Pipe);
        }
        let len = source.len().min(self.shared.capacity - state.bytes.len());
        if len == 0 && !source.is_empty() {
            return Err(Errno::Again);
        }
        state.bytes.extend(&source[..len]);
        drop(state);
        self.shared.notify();
        Ok(len)
    }

    fn wait_while(&self, condition: impl Fn(&PipeState) -> bool) {
        let state = lock(&self.shared.state);
        drop(self.shared.changed.wait_while(state, |state| condition(state)));
    }
}

impl PipeShared {
    fn notify(&self) {
        self.changed.notify_all();
        self.watchers.notify();
    }
}

impl File for MemoryPipe {
    fn metadata(&self) -> FsResult<Metadata> {
        Ok(STREAM)
    }
    fn read(&self, target: &mut [u8]) -> FsResult<usize> {
        self.try_read(target)
    }
    fn write(&self, source: &[u8]) -> FsResult<usize> {
        self.try_write(source)
    }
    fn readiness(&self, interest: Interest) -> Readiness {
        let state = lock(&self.shared.state);
        let bytes = match interest {
            Interest::Read => state.bytes.len(),
            Interest::Write => self.shared.capacity - state.bytes.len(),
        };
        if bytes == 0 && !state.closed {
            return Readiness::Pending;
        }
        Readiness::Ready { bytes: bytes as u64, hangup: state.closed }
    }
    fn watch(&self, _: Interest, wake: WakeFn) -> u64 {
        self.shared.watchers.add(wake)
    }
    fn unwatch(&self, id: u64) {
        self.shared.watchers.remove(id);
    }
}

/// Blocks until there is something to read or the pipe is closed.
impl Read for &MemoryPipe {
    fn read(&mut self, target: &mut [u8]) -> std::io::Result<usize> {
        loop {
            match self.try_read(target) {
                Err(_) => self.wait_while(|state| state.bytes.is_empty() && !state.closed),
                Ok(len) => return Ok(len),
            }
        }
    }
}

/// Blocks until there is room.
impl Write for &MemoryPipe {
    fn write(&mut self, source: &[u8]) -> std::io::Result<usize> {
        loop {
            match self.try_write(source) {
                Ok(len) => return Ok(len),
                Err(Errno::Pipe) => return Err(std::io::ErrorKind::BrokenPipe.into()),
                Err(_) => {
                    let capacity = self.shared.capacity;
                    self.wait_while(|state| state.bytes.len() >= capacity && !state.closed);
                }
            }
        }
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A custom reader. It may block, so it is read on a thread of its own, which begins with the
/// guest's first read and reads no further than guests ask; a guest that waits can be interrupted.
pub(crate) struct ReaderStream {
    shared: Arc<ReaderShared>,
}

struct ReaderShared {
    state: Mutex<ReaderState>,
    requested: Condvar,
    watchers: Watchers,
}

#[derive(Default)]
struct ReaderState {
    /// Taken by the thread when it starts.
    reader: Option<Box<dyn Read + Send>>,
    bytes: Vec<u8>,
    position: usize,
    wanted: bool,
    ended: bool,
    error: Option<Errno>,
    /// The stream was dropped, or the thread could not be started.
    gone: bool,
}

impl ReaderStream {
    pub(crate) fn new(reader: Box<dyn Read + Send>) -> Self {
        Self {
            shared: Arc::new(ReaderShared {
                state: Mutex::new(ReaderState { reader: Some(reader), ..Default::default() }),
                requested: Condvar::new(),
                watchers: Watchers::default(),
            }),
        }
    }

    /// Asks for more, starting the thread if need be.
    fn request(&self, state: &mut ReaderState) -> FsResult<()> {
        state.wanted = true;
        self.shared.requested.notify_one();
        if let Some(reader) = state.reader.take() {
            let shared = self.shared.clone();
            let thread = std::thread::Builder::new().name("wz-wasi reader".into());
            thread.spawn(move || shared.serve(reader)).map_err(|_| {
                state.gone = true;
                Errno::NoMemory
            })?;
        }
        if state.gone { Err(Errno::Io) } else { Ok(()) }
    }
}

impl ReaderShared {
    fn serve(&self, mut reader: Box<dyn Read + Send>) {
        let mut chunk = vec![0; READER_CHUNK];
        loop {
            let state = lock(&self.state);
            let state = self.requested.wait_while(state, |state| !state.wanted && !state.gone);
            let state = state.unwrap_or_else(PoisonError::into_inner);
            if state.gone {
                return;
            }
            drop(state);
            let result = loop {
                match reader.read(&mut chunk) {
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    other => break other,
                }
            };
            let mut state = lock(&self.state);
            state.wanted = false;
            match result {
                // The end is asked for again each time, as a terminal's is.
                Ok(0) => state.ended = true,
                Ok(len) => {
                    state.bytes.clear();
                    state.bytes.extend_from_slice(&chunk[..len.min(READER_CHUNK)]);
                    state.position = 0;
                }
                Err(error) => state.error = Some(error.into()),
            }
            drop(state);
            self.watchers.notify();
        }
    }
}

impl File for ReaderStream {
    fn metadata(&self) -> FsResult<Metadata> {
        Ok(STREAM)
    }
    fn read(&self, target: &mut [u8]) -> FsResult<usize> {
        let mut state = lock(&self.shared.state);
        if target.is_empty() {
            return Ok(0);
        }
        if let Some(error) = state.error.take() {
            return Err(error);
        }
        if std::mem::take(&mut state.ended) {
            return Ok(0);
        }
        if state.position == state.bytes.len() {
            self.request(&mut state)?;
            return Err(Errno::Again);
        }
        let rest = &state.bytes[state.position..];
        let len = rest.len().min(target.len());
        target[..len].copy_from_slice(&rest[..len]);
        state.position += len;
        Ok(len)
    }
    fn readiness(&self, _: Interest) -> Readiness {
        let mut state = lock(&self.shared.state);
        let bytes = (state.bytes.len() - state.position) as u64;
        if bytes > 0 || state.ended || state.error.is_some() {
            return Readiness::Ready { bytes, hangup: state.ended };
        }
        match self.request(&mut state) {
            Ok(()) => Readiness::Pending,
            Err(_) => Readiness::Ready { bytes: 0, hangup: true },
        }
    }
    fn watch(&self, _: Interest, wake: WakeFn) -> u64 {
        self.shared.watchers.add(wake)
    }
    fn unwatch(&self, id: u64) {
        self.shared.watchers.remove(id);
    }
}

impl Drop for ReaderStream {
    fn drop(&mut self) {
        lock(&self.shared.state).gone = true;
        self.shared.requested.notify_one();
    }
}

impl fmt::Debug for ReaderStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReaderStream").finish_non_exhaustive()
    }
}

/// A custom writer. A write that blocks holds the guest; it cannot be interrupted.
pub(crate) struct WriterStream(Mutex<Box<dyn Write + Send>>);

impl WriterStream {
    pub(crate) fn new(writer: Box<dyn Write + Send>) -> Self {
        Self(Mutex::new(writer))
    }
}

impl File for WriterStream {
    fn metadata(&self) -> FsResult<Metadata> {
        Ok(STREAM)
    }
    fn write(&self, source: &[u8]) -> FsResult<usize> {
        let mut writer = lock(&self.0);
        loop {
            match writer.write(source) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
                // A writer that takes nothing is full.
                Ok(0) if !source.is_empty() => return Err(Errno::NoSpace),
                Ok(len) => {
                    // Guests have buffers of their own; what they write they want seen.
                    writer.flush()?;
                    return Ok(len.min(source.len()));
                }
            }
        }
    }
    fn sync(&self) -> FsResult<()> {
        Ok(lock(&self.0).flush()?)
    }
}

impl fmt::Debug for WriterStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriterStream").finish_non_exhaustive()
    }
}
