//! [`Store`]: what all modules of a cache share: the directory, limits, and [`CacheStats`].

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use wz_api::Error;

use super::directory::Directory;
use super::entry::Entry;
use super::origin::{Key, Origin};

/// What all modules of a cache share.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) directory: Option<Directory>,
    /// How long all entries may be together.
    pub(super) limit_bytes: AtomicU64,
    /// How much memory all records take.
    pub(super) memory_bytes: AtomicUsize,
    pub(super) stats: Counters,
    closed: AtomicBool,
}

/// What a cache did so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStats {
    /// How often a function was found.
    pub functions_reused: u64,
    /// How often one had to be compiled.
    pub functions_compiled: u64,
    /// How often one, found or compiled, exceeded a limit of the compiler: it has no code.
    pub functions_refused: u64,
    /// How many entries were written to the directory.
    pub entries_written: u64,
    /// How long they were.
    pub bytes_written: u64,
    /// Why an entry could not be written, the last time that happened.
    pub last_failure: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) functions_reused: AtomicU64,
    pub(super) functions_compiled: AtomicU64,
    pub(super) functions_refused: AtomicU64,
    entries_written: AtomicU64,
    bytes_written: AtomicU64,
    last_failure: Mutex<Option<String>>,
}

impl Store {
    pub(super) fn new(directory: Option<Directory>, limit_bytes: u64) -> Self {
        Self {
            directory,
            limit_bytes: AtomicU64::new(limit_bytes),
            memory_bytes: AtomicUsize::new(0),
            stats: Counters::default(),
            closed: AtomicBool::new(false),
        }
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// The entry of an origin, if the directory has a good one.
    pub(super) fn open(&self, origin: &Origin) -> Option<Entry> {
        Entry::open(self.directory.as_ref()?.open(&origin.key)?, origin)
    }

    /// An entry was written: others may have to go.
    pub(super) fn written(&self, key: &Key, len_bytes: u64) {
        self.stats.entries_written.fetch_add(1, Ordering::Relaxed);
        self.stats.bytes_written.fetch_add(len_bytes, Ordering::Relaxed);
        if let Some(directory) = &self.directory {
            directory.clean(self.limit_bytes.load(Ordering::Relaxed), key);
        }
    }

    /// An entry could not be written.
    pub(super) fn failed_to_write(&self, error: io::Error) -> Error {
        let path = self.directory.as_ref().map(|directory| directory.path().display().to_string());
        let what = format!("cannot write compiled code to the cache directory {}", path.unwrap_or_default());
        let error = Error::system(what, error);
        *self.stats.last_failure.lock() = Some(error.to_string());
        error
    }

    pub(super) fn stats(&self) -> CacheStats {
        let Counters {
            functions_reused,
            functions_compiled,
            functions_refused,
            entries_written,
            bytes_written,
            last_failure,
        } = &self.stats;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CacheStats {
            functions_reused: read(functions_reused),
            functions_compiled: read(functions_compiled),
            functions_refused: read(functions_refused),
            entries_written: read(entries_written),
            bytes_written: read(bytes_written),
            last_failure: last_failure.lock().clone(),
        }
    }
}
