//! [`StoreConfig`] and [`InstanceOptions`]: what a store and an instance are made with.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;

use wz_api::CoreFeatures;
use wz_decode::DecodeLimits;
use wz_experimental::ImportResolver;

use crate::engine::{CompileOptions, Engine};

/// How a store is made.
#[derive(Clone)]
pub struct StoreConfig {
    /// What runs the code.
    pub engine: Arc<dyn Engine>,
    /// The features that modules may use.
    pub features: CoreFeatures,
    /// The limits that modules have to keep, their length among them.
    pub decode_limits: DecodeLimits,
    /// Whether compiled modules keep their custom sections.
    pub custom_sections: bool,
    /// Whether stack traces say where in the source code their frames are, by the modules' DWARF.
    pub debug_info: bool,
    /// The largest size of memories with 32-bit addresses, in pages; at most 65,536.
    pub memory_limit_pages: u64,
    /// The largest size of memories with 64-bit addresses, in pages.
    pub memory64_limit_pages: u64,
    /// Whether memories have address space up to their maximum from the start, or are an error,
    /// so that growing does not fail for lack of it. (Their bytes never move in any case.)
    pub memory_capacity_from_max: bool,
    /// The largest size of tables, in elements.
    pub table_limit_elements: u64,
    /// How many instances may exist at once, host modules included.
    pub max_instances: usize,
    /// The limit of the guest's stack in bytes.
    pub max_stack_bytes: usize,
    /// Whether calls end when their context is done or their module is closed.
    pub close_on_context_done: bool,
    /// Whether calls consume [`Fuel`](crate::fuel::Fuel).
    pub fuel: bool,
    /// Whether everything is compiled at once instead of functions at their first call.
    pub eager: bool,
    /// Canonical NaNs and fixed results of relaxed operators.
    pub deterministic: bool,
    /// How many threads may compile; 0 for as many as the host has cores.
    pub threads: usize,
    /// Whether stacks can be walked in signal handlers, where that costs something.
    pub sampling: bool,
}

impl StoreConfig {
    /// The defaults with an engine.
    #[must_use]
    pub fn new(engine: Arc<dyn Engine>) -> Self {
        Self {
            engine,
            features: CoreFeatures::default(),
            decode_limits: DecodeLimits::default(),
            custom_sections: false,
            debug_info: true,
            memory_limit_pages: 65_536,
            // 64 GiB: more has to be asked for.
            memory64_limit_pages: 1 << 20,
            memory_capacity_from_max: false,
            table_limit_elements: 10_000_000,
            max_instances: usize::MAX,
            max_stack_bytes: 8 << 20,
            close_on_context_done: false,
            fuel: false,
            eager: false,
            deterministic: false,
            threads: 0,
            sampling: false,
        }
    }

    pub(crate) fn compile_options(&self) -> CompileOptions {
        let threads = match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        CompileOptions {
            fuel: self.fuel,
            interruption: self.close_on_context_done,
            eager: self.eager,
            deterministic: self.deterministic,
            threads,
            sampling: self.sampling,
        }
    }
}

impl fmt::Debug for StoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreConfig")
            .field("engine", &self.engine.name())
            .field("features", &self.features)
            .finish_non_exhaustive()
    }
}

/// A value per instance and type, shared with the handles of the instance.
pub type Extension = (TypeId, Arc<dyn Any + Send + Sync>);

/// Told the exit code when an instance is closed, or 0 when it is freed without that.
pub type CloseHook = Box<dyn FnOnce(u32) + Send + Sync>;

/// How an instance is made.
#[derive(Default)]
pub struct InstanceOptions {
    /// The name that others import it by. `None`: the module's own; empty: anonymous.
    pub name: Option<String>,
    /// Host state by type; of several of one type the last counts.
    pub extensions: Vec<Extension>,
    /// What is told when the instance is closed, in order.
    pub on_close: Vec<CloseHook>,
    /// Where imports are looked for first; unless given, the resolver of the context.
    pub import_resolver: Option<ImportResolver>,
}

impl InstanceOptions {
    /// Adds host state, found again by its type.
    #[must_use]
    pub fn with_extension<T: Any + Send + Sync>(mut self, value: T) -> Self {
        self.extensions.push((TypeId::of::<T>(), Arc::new(value)));
        self
    }
}

impl fmt::Debug for InstanceOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstanceOptions").field("name", &self.name).finish_non_exhaustive()
    }
}
