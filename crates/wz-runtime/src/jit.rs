//! [`JitConfig`]: how the JIT compiles; and the JIT for the machine that this runs on.

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;

use wz_api::Error;
use wz_core::engine::Engine;
use wz_interp::Interpreter;
use wz_jit::Passes;
use wz_jit::compile::DumpFolder;
use wz_jit::engine::EngineOptions;

use crate::compilation_cache::CompilationCache;

pub use wz_jit::runtime::code_memory::CodeMemory;

/// How the JIT compiles: for [`RuntimeConfig::with_jit`](crate::RuntimeConfig::with_jit). Other
/// engines take no notice of it.
///
/// ```
/// use wz::prelude::*;
/// use wz::{CodeMemory, JitConfig};
///
/// # fn main() -> wz::Result<()> {
/// // At most 16 MiB of machine code at once, for all runtimes with this configuration.
/// let memory = CodeMemory::limited(16 << 20);
/// let jit = JitConfig::new().with_code_memory(&memory);
/// let runtime = Runtime::with_config(RuntimeConfig::new().with_jit(jit))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct JitConfig {
    code_memory: Option<Arc<CodeMemory>>,
    explicit_checks: bool,
    cpu_features: Option<String>,
    passes: Option<String>,
    dump: Option<Arc<DumpFolder>>,
    /// What [`RuntimeConfig::with_compilation_cache`](crate::RuntimeConfig::with_compilation_cache)
    /// was given.
    cache: Option<CompilationCache>,
    interpreted: Option<NonZeroU32>,
}

impl JitConfig {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where machine code goes: limits how much there is at once. What has no room for its code runs
    /// in the interpreter.
    #[must_use]
    pub fn with_code_memory(mut self, memory: &Arc<CodeMemory>) -> Self {
        self.code_memory = Some(memory.clone());
        self
    }

    /// Whether code checks every access to memory. By default guard pages do, where the memory has
    /// them.
    #[must_use]
    pub fn with_explicit_checks(mut self, enabled: bool) -> Self {
        self.explicit_checks = enabled;
        self
    }

    /// The features of the processor that code may use, if it has them: names separated by commas.
    /// `base` is what code cannot do without, `all` the default.
    #[must_use]
    pub fn with_cpu_features(mut self, names: impl Into<String>) -> Self {
        self.cpu_features = Some(names.into());
        self
    }

    /// The optimizations, to find out which one is to blame: names separated by commas; after `-`
    /// one is left out.
    #[must_use]
    pub fn with_passes(mut self, names: impl Into<String>) -> Self {
        self.passes = Some(names.into());
        self
    }

    /// Has functions written to a folder as they are compiled, after each stage. `filter` is a
    /// function's index, imports included, or a part of its name; an empty one is for all functions.
    #[must_use]
    pub fn with_dump(mut self, folder: impl Into<PathBuf>, filter: impl Into<String>) -> Self {
        self.dump = Some(Arc::new(DumpFolder::new(folder, filter)));
        self
    }

    /// Has every n-th function of a module run in the interpreter, to find out whether the JIT is to
    /// blame, or to test both together. By default the interpreter has functions only that are too
    /// complex, or that there is no code memory for. 0 stands for none.
    #[must_use]
    pub fn with_interpreted_functions(mut self, every: u32) -> Self {
        self.interpreted = NonZeroU32::new(every);
        self
    }

    /// With a runtime's cache.
    pub(crate) fn with_cache(self, cache: Option<CompilationCache>) -> Self {
        Self { cache, ..self }
    }

    /// Whether it is the default.
    fn is_default(&self) -> bool {
        let Self { code_memory, explicit_checks, cpu_features, passes, dump, cache, interpreted } = self;
        !explicit_checks
            && code_memory.is_none()
            && cpu_features.is_none()
            && passes.is_none()
            && dump.is_none()
            && cache.is_none()
            && interpreted.is_none()
    }

    fn options(&self) -> Result<EngineOptions, Failure> {
        let mut options = EngineOptions::default();
        if let Some(memory) = &self.code_memory {
            options.memory = memory.clone();
        }
        if let Some(passes) = &self.passes {
            let unknown = |name| Failure::Argument(format!("there is no optimization \"{name}\""));
            options.passes = Passes::parse(passes).map_err(unknown)?;
        }
        options.explicit_checks = self.explicit_checks;
        options.elsewhere = Some(Arc::new(Interpreter::new()));
        options.dump = self.dump.clone();
        options.cache = self.cache.as_ref().map(|cache| cache.code_cache().clone());
        options.elsewhere_every = self.interpreted;
        Ok(options)
    }
}

impl fmt::Debug for JitConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JitConfig")
            .field("code_memory", &self.code_memory)
            .field("explicit_checks", &self.explicit_checks)
            .field("cpu_features", &self.cpu_features)
            .field("passes", &self.passes)
            .field("interpreted", &self.interpreted)
            .finish_non_exhaustive()
    }
}

/// Why there is no JIT.
pub(crate) enum Failure {
    /// The machine does not have what it takes.
    Unavailable(String),
    /// The configuration has an error.
    Argument(String),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unavailable(why) => Self::limit(format!("the JIT is not available: {why}")),
            Failure::Argument(what) => Self::argument(what),
        }
    }
}

/// The JIT. With the default configuration all runtimes of the process share one.
pub(crate) fn engine(config: &JitConfig) -> Result<Arc<dyn Engine>, Failure> {
    native::engine(config)
}

#[cfg(target_arch = "x86_64")]
mod native {
    use std::sync::{Arc, OnceLock};

    use wz_core::engine::Engine;
    use wz_jit::compile::Compilation;
    use wz_jit::engine::JitEngine;
    use wz_jit_x86_64::X64Target;
    use wz_jit_x86_64::features::Features;

    use super::{Failure, JitConfig};

    /// What all engines share that use every feature of the processor.
    fn shared() -> Option<&'static Arc<Compilation<X64Target>>> {
        static SHARED: OnceLock<Option<Arc<Compilation<X64Target>>>> = OnceLock::new();
        let make = || Features::detect().map(|features| Compilation::new(X64Target::new(features)));
        SHARED.get_or_init(make).as_ref()
    }

    fn make(config: &JitConfig) -> Result<JitEngine<X64Target>, Failure> {
        let options = config.options()?;
        let unsupported = || Failure::Unavailable("the processor has no SSE4.1".into());
        let mut compilation = shared().ok_or_else(unsupported)?.clone();
        if let Some(names) = &config.cpu_features {
            let unknown = |name| Failure::Argument(format!("there is no processor feature \"{name}\""));
            let mask = Features::parse(names).map_err(unknown)?;
            let features = compilation.target().features().masked(mask);
            compilation = Compilation::new(X64Target::new(features));
        }
        let refused =
            |error: wz_jit::runtime::code_memory::CodeError| Failure::Unavailable(error.to_string());
        JitEngine::with_compilation(&compilation, options).map_err(refused)
    }

    pub(super) fn engine(config: &JitConfig) -> Result<Arc<dyn Engine>, Failure> {
        static DEFAULT: OnceLock<Arc<JitEngine<X64Target>>> = OnceLock::new();
        if !config.is_default() {
            return Ok(Arc::new(make(config)?));
        }
        // A failure is not kept: what refused memory may grant it later.
        match DEFAULT.get() {
            Some(engine) => Ok(engine.clone()),
            None => {
                let engine = Arc::new(make(config)?);
                Ok(DEFAULT.get_or_init(|| engine).clone())
            }
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod native {
    use std::sync::Arc;

    use wz_core::engine::Engine;

    use super::{Failure, JitConfig};

    pub(super) fn engine(config: &JitConfig) -> Result<Arc<dyn Engine>, Failure> {
        config.options()?;
        Err(Failure::Unavailable(format!("it does not support {}", std::env::consts::ARCH)))
    }
}
