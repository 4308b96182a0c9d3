//! [`CodeCache`]: compiled functions, for everything that compiles the same module again: other
//! runtimes of the process, and other processes through a directory. `docs/cache.md` describes
//! what is shared when, and what is trusted.
//!
//! An engine wraps its compiler in a [`CachedCompiler`], which asks the cache first. Nothing else
//! knows that there is a cache.

mod compiler;
mod directory;
mod entry;
mod module;
mod origin;
mod record;
mod store;
mod sys;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use wz_api::Result;
use wz_decode::ModuleInfo;

use directory::Directory;
use module::CachedModule;
use origin::{Key, Origin};
use store::Store;

pub use compiler::CachedCompiler;
pub use directory::UNUSED_LIMIT;
pub use store::CacheStats;

/// How much compiled code a cache keeps in memory unless that is set.
pub const MEMORY_LIMIT_BYTES: u64 = 512 << 20;
/// How long the entries in a directory may be together unless that is set.
pub const DIRECTORY_LIMIT_BYTES: u64 = 2 << 30;
/// How much is compiled, with a directory, before it is written even though nothing ends.
const UNSAVED_LIMIT_BYTES: u64 = 64 << 20;

/// Compiled functions.
#[derive(Debug)]
pub struct CodeCache {
    version: String,
    store: Arc<Store>,
    modules: Mutex<HashMap<Key, Listed>>,
    /// Counts how often modules were asked for.
    clock: AtomicU64,
}

/// A module that is known.
#[derive(Debug)]
struct Listed {
    module: Weak<CachedModule>,
    /// Keeps it, if there is no directory that does.
    kept: Option<Arc<CachedModule>>,
    last_used: u64,
}

impl CodeCache {
    /// A cache in memory. `version` is that of everything that compiles, or is known to compiled
    /// code.
    #[must_use]
    pub fn in_memory(version: &str) -> Arc<Self> {
        Self::new(version, Store::new(None, MEMORY_LIMIT_BYTES))
    }

    /// A cache in a directory, which is made if there is none.
    ///
    /// # Errors
    /// If it cannot be made, or others than the user may write to it.
    pub fn in_directory(version: &str, path: &Path) -> Result<Arc<Self>> {
        let directory = Directory::new(path)?;
        Ok(Self::new(version, Store::new(Some(directory), DIRECTORY_LIMIT_BYTES)))
    }

    fn new(version: &str, store: Store) -> Arc<Self> {
        Arc::new(Self {
            version: version.to_owned(),
            store: Arc::new(store),
            modules: Mutex::default(),
            clock: AtomicU64::new(0),
        })
    }

    /// The directory, if it has one.
    #[must_use]
    pub fn directory(&self) -> Option<&Path> {
        self.store.directory.as_ref().map(Directory::path)
    }

    /// How much it may keep, in the directory or else in memory. What is over is the least recently
    /// used.
    pub fn set_limit_bytes(&self, limit_bytes: u64) {
        self.store.limit_bytes.store(limit_bytes, Ordering::Relaxed);
    }

    /// What it did so far.
    #[must_use]
    pub fn stats(&self) -> CacheStats {
        self.store.stats()
    }

    /// Writes what was compiled and is not in the directory yet.
    ///
    /// # Errors
    /// If an entry could not be written; the others are.
    pub fn flush(&self) -> Result<()> {
        if self.store.is_closed() {
            return Ok(());
        }
        let mut result = Ok(());
        for module in self.living() {
            result = result.and(module.save());
        }
        result
    }

    /// Writes what is not in the directory yet, and forgets everything. Modules go on, but what they
    /// compile from now on is neither looked for nor kept.
    ///
    /// # Errors
    /// If an entry could not be written.
    pub fn close(&self) -> Result<()> {
        let result = self.flush();
        self.store.close();
        for module in self.living() {
            module.close();
        }
        let modules = std::mem::take(&mut *self.modules.lock());
        drop(modules);
        result
    }

    /// The module's functions.
    fn module(&self, info: &ModuleInfo, settings: &str) -> Arc<CachedModule> {
        let origin = Origin::new(info, &self.version, settings);
        let now = self.clock.fetch_add(1, Ordering::Relaxed);
        let known = |modules: &mut HashMap<Key, Listed>| {
            let listed = modules.get_mut(&origin.key)?;
            listed.last_used = now;
            listed.module.upgrade()
        };
        if let Some(module) = known(&mut self.modules.lock()) {
            return module;
        }
        // Files are not opened with the lock held.
        let module = Arc::new(CachedModule::new(&self.store, origin.clone()));
        let mut modules = self.modules.lock();
        if let Some(faster) = known(&mut modules) {
            drop(modules);
            return faster;
        }
        if self.store.is_closed() {
            return module;
        }
        modules.retain(|_, listed| listed.module.strong_count() > 0);
        let kept = self.store.directory.is_none().then(|| module.clone());
        modules.insert(origin.key, Listed { module: Arc::downgrade(&module), kept, last_used: now });
        module
    }

    /// The modules, the least recently used first.
    fn living(&self) -> Vec<Arc<CachedModule>> {
        let mut living: Vec<_> = self
            .modules
            .lock()
            .values()
            .filter_map(|listed| Some((listed.last_used, listed.module.upgrade()?)))
            .collect();
        living.sort_by_key(|(last_used, _)| *last_used);
        living.into_iter().map(|(_, module)| module).collect()
    }

    /// Writes an entry if there is a directory. What goes wrong is noted.
    fn save_module(&self, module: &CachedModule) {
        if !self.store.is_closed() {
            let _ = module.save();
        }
    }

    /// Lets go of what is too much in memory.
    fn trim(&self) {
        let limit = match &self.store.directory {
            Some(_) => UNSAVED_LIMIT_BYTES,
            None => self.store.limit_bytes.load(Ordering::Relaxed),
        };
        let is_over = || self.store.memory_bytes.load(Ordering::Relaxed) as u64 > limit;
        if !is_over() {
            return;
        }
        for module in self.living() {
            if !is_over() {
                break;
            }
            if module.len_bytes() == 0 {
                continue;
            }
            self.save_module(&module);
            module.forget();
            let mut modules = self.modules.lock();
            // What nobody uses goes altogether; one reference is the one above.
            let is_unused = |listed: &Listed| listed.kept.is_some() && Arc::strong_count(&module) == 2;
            if modules.get(&module.origin().key).is_some_and(is_unused) {
                modules.remove(&module.origin().key);
            }
        }
    }
}
