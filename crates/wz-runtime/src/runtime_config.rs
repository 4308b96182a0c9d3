//! [`RuntimeConfig`]: what a runtime accepts, and its limits.

use wz_api::{CoreFeatures, Error, Result};
use wz_core::StoreConfig;

use crate::compilation_cache::CompilationCache;
use crate::engine::EngineKind;
use crate::jit::JitConfig;

/// The largest stack that can be asked for.
const MAX_STACK_BYTES: usize = 1 << 30;

/// The configuration of a [`Runtime`](crate::Runtime): a plain value.
///
/// | Option | Default |
/// |---|---|
/// | [`with_engine`](Self::with_engine) | the fastest that this machine has |
/// | [`with_jit`](Self::with_jit) | every optimization, no limit of machine code |
/// | [`with_core_features`](Self::with_core_features) | every finished proposal that wz implements |
/// | [`with_memory_limit_pages`](Self::with_memory_limit_pages) | 65,536 (4 GiB); 64 GiB with 64-bit addresses |
/// | [`with_memory_capacity_from_max`](Self::with_memory_capacity_from_max) | off |
/// | [`with_table_limit_elements`](Self::with_table_limit_elements) | 10,000,000 |
/// | [`with_instance_limit`](Self::with_instance_limit) | none |
/// | [`with_module_limit_bytes`](Self::with_module_limit_bytes) | 1 GiB |
/// | [`with_max_stack_bytes`](Self::with_max_stack_bytes) | 8 MiB |
/// | [`with_close_on_context_done`](Self::with_close_on_context_done) | off |
/// | [`with_fuel`](Self::with_fuel) | off |
/// | [`with_custom_sections`](Self::with_custom_sections) | off |
/// | [`with_debug_info`](Self::with_debug_info) | on |
/// | [`with_eager_compilation`](Self::with_eager_compilation) | off |
/// | [`with_compilation_threads`](Self::with_compilation_threads) | one per core |
/// | [`with_deterministic`](Self::with_deterministic) | off |
/// | [`with_compilation_cache`](Self::with_compilation_cache) | none |
/// | [`with_sampling`](Self::with_sampling) | off |
///
/// ```
/// use wz::prelude::*;
/// use wz::CoreFeatures;
///
/// # fn main() -> wz::Result<()> {
/// let config = RuntimeConfig::new()
///     .with_core_features(CoreFeatures::V2)
///     .with_memory_limit_pages(256)
///     .with_max_stack_bytes(1 << 20);
/// let runtime = Runtime::with_config(config)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct RuntimeConfig {
    engine: EngineKind,
    jit: JitConfig,
    features: CoreFeatures,
    memory_limit_pages: Option<u64>,
    memory64_limit_pages: Option<u64>,
    memory_capacity_from_max: bool,
    table_limit_elements: Option<u64>,
    instance_limit: Option<usize>,
    module_limit_bytes: Option<usize>,
    max_stack_bytes: Option<usize>,
    close_on_context_done: bool,
    fuel: bool,
    custom_sections: bool,
    no_debug_info: bool,
    eager: bool,
    threads: usize,
    deterministic: bool,
    sampling: bool,
    cache: Option<CompilationCache>,
}

impl RuntimeConfig {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The defaults, with the JIT: an error where it is not available.
    #[must_use]
    pub fn jit() -> Self {
        Self::new().with_engine(EngineKind::Jit)
    }

    /// The defaults, with the interpreter.
    #[must_use]
    pub fn interpreter() -> Self {
        Self::new().with_engine(EngineKind::Interpreter)
    }

    /// Which engine runs the code.
    #[must_use]
    pub fn with_engine(mut self, engine: EngineKind) -> Self {
        self.engine = engine;
        self
    }

    /// How the JIT compiles.
    #[must_use]
    pub fn with_jit(mut self, jit: JitConfig) -> Self {
        self.jit = jit;
        self
    }

    /// The features that modules may use. A module that uses another is invalid.
    #[must_use]
    pub fn with_core_features(mut self, features: CoreFeatures) -> Self {
        self.features = features;
        self
    }

    /// The largest size of every memory in pages of 65,536 bytes, at most 65,536. A module whose
    /// memory begins larger is an error; one that declares a larger maximum cannot grow to it.
    ///
    /// The limit holds for memories with 64-bit addresses too, unless
    /// [`with_memory64_limit_pages`](Self::with_memory64_limit_pages) sets theirs.
    #[must_use]
    pub fn with_memory_limit_pages(mut self, pages: u64) -> Self {
        self.memory_limit_pages = Some(pages);
        self
    }

    /// The largest size of memories with 64-bit addresses, in pages of 65,536 bytes.
    #[must_use]
    pub fn with_memory64_limit_pages(mut self, pages: u64) -> Self {
        self.memory64_limit_pages = Some(pages);
        self
    }

    /// Whether memories get their maximum size from the system at once, so that growing cannot
    /// fail later. (Memories never move, with or without.)
    #[must_use]
    pub fn with_memory_capacity_from_max(mut self, enabled: bool) -> Self {
        self.memory_capacity_from_max = enabled;
        self
    }

    /// The largest size of every table in elements.
    #[must_use]
    pub fn with_table_limit_elements(mut self, elements: u64) -> Self {
        self.table_limit_elements = Some(elements);
        self
    }

    /// How many instances may exist at once, host modules included.
    #[must_use]
    pub fn with_instance_limit(mut self, instances: usize) -> Self {
        self.instance_limit = Some(instances);
        self
    }

    /// The largest module in bytes.
    #[must_use]
    pub fn with_module_limit_bytes(mut self, bytes: usize) -> Self {
        self.module_limit_bytes = Some(bytes);
        self
    }

    /// The guest's stack in bytes, at most 1 GiB. A call that needs more traps with
    /// `stack overflow`.
    #[must_use]
    pub fn with_max_stack_bytes(mut self, bytes: usize) -> Self {
        self.max_stack_bytes = Some(bytes);
        self
    }

    /// Whether running guests are ended when their [`Context`](crate::Context) is done or their
    /// module is closed. The module is closed then, with
    /// [`CONTEXT_CANCELED`](crate::ExitError::CONTEXT_CANCELED) or
    /// [`DEADLINE_EXCEEDED`](crate::ExitError::DEADLINE_EXCEEDED) as its exit code if that was the
    /// context's doing.
    ///
    /// ```
    /// use std::time::Duration;
    /// use wz::prelude::*;
    ///
    /// # fn main() -> wz::Result<()> {
    /// let runtime = Runtime::with_config(RuntimeConfig::new().with_close_on_context_done(true))?;
    /// let forever = wat::parse_str(r#"(module (func (export "run") (loop (br 0))))"#).unwrap();
    /// let run = runtime.instantiate(&forever)?.typed_function::<(), ()>("run")?;
    /// let cx = Context::background().with_timeout(Duration::from_millis(10));
    /// let error = run.call_with(&cx, ()).unwrap_err();
    /// assert_eq!(error.to_string(), "module closed with context deadline exceeded");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_close_on_context_done(mut self, enabled: bool) -> Self {
        self.close_on_context_done = enabled;
        self
    }

    /// Whether guests consume [`Fuel`](crate::Fuel), of which a call finds its tank in its
    /// context ([`with_fuel`](crate::with_fuel)).
    ///
    /// ```
    /// use wz::prelude::*;
    /// use wz::{Fuel, Trap, with_fuel};
    ///
    /// # fn main() -> wz::Result<()> {
    /// let runtime = Runtime::with_config(RuntimeConfig::new().with_fuel(true))?;
    /// let fuel = Fuel::new(10_000);
    /// let cx = with_fuel(&Context::background(), &fuel);
    /// let forever = wat::parse_str(r#"(module (func (export "run") (loop (br 0))))"#).unwrap();
    /// let run = runtime.instantiate(&forever)?.typed_function::<(), ()>("run")?;
    /// assert_eq!(run.call_with(&cx, ()).unwrap_err().trap(), Some(Trap::OutOfFuel));
    /// assert_eq!(fuel.remaining(), 0);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_fuel(mut self, enabled: bool) -> Self {
        self.fuel = enabled;
        self
    }

    /// Whether compiled modules keep their custom sections.
    #[must_use]
    pub fn with_custom_sections(mut self, enabled: bool) -> Self {
        self.custom_sections = enabled;
        self
    }

    /// Whether stack traces say where in the source code their frames are, for modules that have
    /// DWARF. It is read when a trace is printed, not before.
    #[must_use]
    pub fn with_debug_info(mut self, enabled: bool) -> Self {
        self.no_debug_info = !enabled;
        self
    }

    /// Whether a module's functions are all compiled at once, instead of each when it is first
    /// called.
    #[must_use]
    pub fn with_eager_compilation(mut self, enabled: bool) -> Self {
        self.eager = enabled;
        self
    }

    /// How many threads may work on compiling a module; 0 for one per core.
    #[must_use]
    pub fn with_compilation_threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Whether what WebAssembly leaves open is fixed: NaNs are canonical, relaxed vector operators
    /// give the same results everywhere.
    #[must_use]
    pub fn with_deterministic(mut self, enabled: bool) -> Self {
        self.deterministic = enabled;
        self
    }

    /// Whether [`walk_interrupted`](crate::sampling::walk_interrupted) can walk the stacks of
    /// guests that the interpreter runs, which costs a few instructions at calls and in loops. The
    /// JIT needs nothing for it.
    #[must_use]
    pub fn with_sampling(mut self, enabled: bool) -> Self {
        self.sampling = enabled;
        self
    }

    /// Where compiled functions are looked for and kept. Runtimes with the same cache share what
    /// they compile; with a directory, processes do. The interpreter takes no notice of it.
    #[must_use]
    pub fn with_compilation_cache(mut self, cache: &CompilationCache) -> Self {
        self.cache = Some(cache.clone());
        self
    }

    /// As the core takes it.
    pub(crate) fn into_store_config(self) -> Result<StoreConfig> {
        let jit = self.jit.with_cache(self.cache);
        let mut store = StoreConfig::new(self.engine.engine(&jit)?);
        store.features = self.features;
        if let Some(pages) = self.memory_limit_pages {
            store.memory_limit_pages = pages;
            store.memory64_limit_pages = pages;
        }
        store.memory64_limit_pages = self.memory64_limit_pages.unwrap_or(store.memory64_limit_pages);
        store.memory_capacity_from_max = self.memory_capacity_from_max;
        store.table_limit_elements = self.table_limit_elements.unwrap_or(store.table_limit_elements);
        store.max_instances = self.instance_limit.unwrap_or(store.max_instances);
        store.decode_limits.module_bytes =
            self.module_limit_bytes.unwrap_or(store.decode_limits.module_bytes);
        store.max_stack_bytes = self.max_stack_bytes.unwrap_or(store.max_stack_bytes);
        if store.max_stack_bytes > MAX_STACK_BYTES {
            let bytes = store.max_stack_bytes;
            return Err(Error::argument(format!("stack of {bytes} bytes is over {MAX_STACK_BYTES} bytes")));
        }
        store.close_on_context_done = self.close_on_context_done;
        store.fuel = self.fuel;
        store.custom_sections = self.custom_sections;
        store.debug_info = !self.no_debug_info;
        store.eager = self.eager;
        store.threads = self.threads;
        store.deterministic = self.deterministic;
        store.sampling = self.sampling;
        Ok(store)
    }
}
