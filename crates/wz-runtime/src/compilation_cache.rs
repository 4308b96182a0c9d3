//! [`CompilationCache`]: compiled functions that runtimes share, and that outlive the process in a
//! directory.

use std::path::Path;
use std::sync::Arc;

use wz_api::Result;
use wz_jit::cache::CodeCache;

pub use wz_jit::cache::CacheStats;

/// The version of everything that compiles, or is known to compiled code.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), env!("WZ_SOURCES"));

/// Compiled functions, for runtimes that are configured with it
/// ([`RuntimeConfig::with_compilation_cache`](crate::RuntimeConfig::with_compilation_cache)). Clones
/// are the same cache.
///
/// A module's functions are found again by runtimes with options that give the same code. The
/// interpreter compiles nothing, and uses no cache.
///
/// ```
/// use wz::prelude::*;
/// use wz::CompilationCache;
///
/// # fn main() -> wz::Result<()> {
/// # let wasm = wat::parse_str(r#"(module (func (export "f")))"#).unwrap();
/// let cache = CompilationCache::new();
/// let config = RuntimeConfig::new().with_compilation_cache(&cache);
/// for _ in 0..2 {
///     // The second runtime finds what the first has compiled.
///     let runtime = Runtime::with_config(config.clone())?;
///     runtime.instantiate(&wasm)?.typed_function::<(), ()>("f")?.call(())?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// # In a directory
///
/// The next process finds what this one compiled. Entries are verified when they are read: what is
/// damaged, or of another version, processor or module, is compiled again. Functions that are
/// compiled when they are first called are written when their module is freed, by
/// [`flush`](Self::flush) and by [`close`](Self::close); with
/// [eager compilation](crate::RuntimeConfig::with_eager_compilation) all are, at once.
///
/// **Whoever can write to the directory can run code with your rights.** A directory that others can
/// write to is refused, where the system tells.
///
/// ```
/// use wz::prelude::*;
/// use wz::CompilationCache;
///
/// # fn main() -> wz::Result<()> {
/// # let temporary = tempfile::tempdir().unwrap();
/// # let directory = temporary.path().join("wz");
/// # let wasm = wat::parse_str(r#"(module (func (export "f")))"#).unwrap();
/// let cache = CompilationCache::with_dir(&directory)?;
/// let config = RuntimeConfig::new().with_compilation_cache(&cache).with_eager_compilation(true);
/// let compiled = Runtime::with_config(config)?.compile(&wasm)?;
/// # drop(compiled);
/// cache.close()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct CompilationCache(Arc<CodeCache>);

impl CompilationCache {
    /// A cache in memory, of at most 512 MiB unless
    /// [`with_limit_bytes`](Self::with_limit_bytes) says otherwise.
    #[must_use]
    pub fn new() -> Self {
        Self(CodeCache::in_memory(VERSION))
    }

    /// A cache in a directory, which is made if there is none: for this user alone. At most 2 GiB
    /// unless [`with_limit_bytes`](Self::with_limit_bytes) says otherwise.
    ///
    /// # Errors
    /// If the directory cannot be made, or others can write to it.
    pub fn with_dir(directory: impl AsRef<Path>) -> Result<Self> {
        Ok(Self(CodeCache::in_directory(VERSION, directory.as_ref())?))
    }

    /// How much is kept: in the directory, or else in memory. What is over, and was not used for
    /// longest, is let go when something is added. Holds for all clones.
    #[must_use]
    pub fn with_limit_bytes(self, bytes: u64) -> Self {
        self.0.set_limit_bytes(bytes);
        self
    }

    /// The directory, as an absolute path.
    #[must_use]
    pub fn dir(&self) -> Option<&Path> {
        self.0.directory()
    }

    /// What it did so far.
    #[must_use]
    pub fn stats(&self) -> CacheStats {
        self.0.stats()
    }

    /// Writes to the directory what was compiled and is not there yet.
    ///
    /// # Errors
    /// If something could not be written. It is tried again later.
    pub fn flush(&self) -> Result<()> {
        self.0.flush()
    }

    /// Writes to the directory what is not there yet, and lets go of everything in memory. Runtimes
    /// with this cache go on without it. Closing again does nothing.
    ///
    /// Dropping the last clone, those of runtimes included, does the same.
    ///
    /// # Errors
    /// If something could not be written.
    pub fn close(&self) -> Result<()> {
        self.0.close()
    }

    /// What engines take.
    pub(crate) fn code_cache(&self) -> &Arc<CodeCache> {
        &self.0
    }
}

impl Default for CompilationCache {
    fn default() -> Self {
        Self::new()
    }
}
