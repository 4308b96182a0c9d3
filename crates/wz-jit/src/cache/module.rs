//! [`CachedModule`]: the compiled functions of one origin, shared by everything that compiles it in
//! a process: those in memory, and those in the entry on disk.
//!
//! With a directory, memory has only what was compiled since the entry was written; without, all.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::{Condvar, Mutex};
use wz_api::{Error, ErrorKind, Result};

use super::entry::Entry;
use super::origin::{Origin, VERSIONS};
use super::record::{Record, Shape};
use super::store::Store;
use crate::runtime::module::{CompiledFunction, Version};

/// The compiled functions of one origin.
#[derive(Debug)]
pub(super) struct CachedModule {
    store: Arc<Store>,
    origin: Origin,
    state: Mutex<State>,
    /// A function was compiled, or was not after all.
    changed: Condvar,
    /// Held while the entry is written.
    writing: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    records: HashMap<u32, Arc<Record>>,
    /// How much memory the records take.
    len_bytes: usize,
    /// What some thread is compiling.
    running: HashSet<u32>,
    entry: Option<Arc<Entry>>,
    /// Records of the entry that were not good.
    damaged: HashSet<u32>,
}

/// The number of a version of a function in its module.
pub(super) fn record_id(function: u32, version: Version) -> u32 {
    let version = match version {
        Version::Plain => 0,
        Version::Listened => VERSIONS - 1,
    };
    function * VERSIONS + version
}

/// The function of a record, if it is of the plain version.
fn plain_function(id: u32) -> Option<u32> {
    id.is_multiple_of(VERSIONS).then_some(id / VERSIONS)
}

impl CachedModule {
    /// What there is of an origin: nothing, or what the directory has.
    pub(super) fn new(store: &Arc<Store>, origin: Origin) -> Self {
        let entry = store.open(&origin).map(Arc::new);
        if let Some(entry) = &entry {
            entry.touch();
        }
        let state = Mutex::new(State { entry, ..State::default() });
        Self { store: store.clone(), origin, state, changed: Condvar::new(), writing: Mutex::new(()) }
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// How much memory the records take.
    pub(super) fn len_bytes(&self) -> usize {
        self.state.lock().len_bytes
    }

    /// A function, from here or by compiling it. Whoever wants what another thread compiles waits.
    pub(super) fn get_or_compile(
        &self,
        id: u32,
        shape: &Shape<'_>,
        compile: impl FnOnce() -> Result<CompiledFunction>,
    ) -> Result<CompiledFunction> {
        let mut state = self.state.lock();
        loop {
            if let Some(record) = state.records.get(&id).cloned() {
                drop(state);
                return self.found(&record);
            }
            let entry = state.entry.clone().filter(|entry| entry.has(id) && !state.damaged.contains(&id));
            if let Some(entry) = entry {
                drop(state);
                if let Some(record) = entry.read(id).and_then(|bytes| Record::decode(&bytes, shape)) {
                    return self.found(&record);
                }
                state = self.state.lock();
                state.damaged.insert(id);
            } else if state.running.insert(id) {
                break;
            } else {
                self.changed.wait(&mut state);
            }
        }
        drop(state);
        let running = Running { module: self, id };
        self.store.stats.functions_compiled.fetch_add(1, Ordering::Relaxed);
        let compiled = compile();
        let record = match &compiled {
            Ok(function) => Some(Record::Code(function.clone())),
            // Limits are the same the next time; what else goes wrong may not.
            Err(error) => match error.kind() {
                ErrorKind::Limit(text) => {
                    self.store.stats.functions_refused.fetch_add(1, Ordering::Relaxed);
                    Some(Record::Refused(text.clone()))
                }
                _ => None,
            },
        };
        if let Some(record) = record {
            self.insert(id, record);
        }
        drop(running);
        compiled
    }

    fn found(&self, record: &Record) -> Result<CompiledFunction> {
        self.store.stats.functions_reused.fetch_add(1, Ordering::Relaxed);
        match record {
            Record::Code(function) => Ok(function.clone()),
            Record::Refused(text) => {
                self.store.stats.functions_refused.fetch_add(1, Ordering::Relaxed);
                Err(Error::limit(text.clone()))
            }
        }
    }

    fn insert(&self, id: u32, record: Record) {
        if self.store.is_closed() {
            return;
        }
        let len_bytes = record.len_bytes();
        let mut state = self.state.lock();
        if state.records.insert(id, Arc::new(record)).is_none() {
            state.len_bytes += len_bytes;
            self.store.memory_bytes.fetch_add(len_bytes, Ordering::Relaxed);
        }
    }

    /// Functions after this one that the entry has, so that they need not be compiled: up to so many
    /// bytes of records.
    pub(super) fn stored_after(&self, function: u32, len_bytes: u32) -> Vec<u32> {
        let state = self.state.lock();
        let Some(entry) = &state.entry else { return Vec::new() };
        let mut left = len_bytes;
        entry
            .after(record_id(function, Version::Listened))
            .filter_map(|(id, len)| Some((plain_function(id)?, id, len)))
            .take_while(|(.., len)| {
                let fits = *len <= left;
                left = left.saturating_sub(*len);
                fits
            })
            .filter(|(_, id, _)| !state.damaged.contains(id))
            .map(|(function, ..)| function)
            .collect()
    }

    /// Writes an entry with what is in memory and what the directory has already. Nothing if there
    /// is no directory or nothing new.
    ///
    /// # Errors
    /// If the entry could not be written. It stays in memory then.
    pub(super) fn save(&self) -> Result<()> {
        let Some(directory) = &self.store.directory else { return Ok(()) };
        let _writing = self.writing.lock();
        let (records, known) = {
            let state = self.state.lock();
            (state.records.clone(), state.entry.clone())
        };
        if records.is_empty() {
            return Ok(());
        }
        // Another process may have written one since.
        let newest = self.store.open(&self.origin);
        let old: Vec<&Entry> = newest.iter().chain(known.as_deref()).collect();
        let mut ids: Vec<u32> = old.iter().flat_map(|entry| entry.ids()).collect();
        ids.extend(records.keys());
        ids.sort_unstable();
        ids.dedup();
        let copied = |id: u32| old.iter().find_map(|entry| entry.read(id));
        let record = |id: u32| records.get(&id).map(|record| record.encode()).or_else(|| copied(id));
        let written =
            directory.write(&self.origin.key, |file| Entry::write(file, &self.origin, &ids, record));
        let entry = written.map_err(|error| self.store.failed_to_write(error))?;
        self.store.written(&self.origin.key, entry.len_bytes());
        let mut state = self.state.lock();
        state.entry = Some(Arc::new(entry));
        state.damaged.clear();
        let is_new = |id: &u32, record: &mut Arc<Record>| {
            !records.get(id).is_some_and(|written| Arc::ptr_eq(written, record))
        };
        state.records.retain(is_new);
        self.count_again(&mut state);
        Ok(())
    }

    /// Lets go of what is in memory.
    pub(super) fn forget(&self) {
        let mut state = self.state.lock();
        state.records.clear();
        self.count_again(&mut state);
    }

    /// Lets go of everything.
    pub(super) fn close(&self) {
        self.forget();
        self.state.lock().entry = None;
    }

    fn count_again(&self, state: &mut State) {
        let len_bytes = state.records.values().map(|record| record.len_bytes()).sum();
        let before = std::mem::replace(&mut state.len_bytes, len_bytes);
        self.store.memory_bytes.fetch_sub(before - len_bytes, Ordering::Relaxed);
    }
}

/// What is being compiled. Another may try when it is gone.
struct Running<'a> {
    module: &'a CachedModule,
    id: u32,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.module.state.lock().running.remove(&self.id);
        self.module.changed.notify_all();
    }
}

impl Drop for CachedModule {
    fn drop(&mut self) {
        if !self.store.is_closed() {
            // What went wrong is noted, for whoever asks.
            let _ = self.save();
        }
        self.forget();
    }
}
