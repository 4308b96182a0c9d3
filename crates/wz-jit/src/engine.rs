//! [`JitEngine`]: the engine that compiles to machine code, for any [`Target`].

mod module;
mod partial;

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use wz_api::{CompileProgress, Result};
use wz_core::Activation;
use wz_core::elsewhere::Elsewhere;
use wz_core::engine::{
    CodeAddress, CompileOptions, Engine, EngineModule, Frame, FrameCursor, InterruptedWalk,
};
use wz_core::snapshot::SavedFrames;
use wz_decode::ModuleInfo;

use crate::cache::CodeCache;
use crate::compile::{Compilation, Compiler, DumpFolder, Explanation};
use crate::options::{Options, Passes};
use crate::runtime::code_memory::{CodeError, CodeMemory};
use crate::runtime::stubs::Stubs;
use crate::runtime::{page_map, snapshot, walk};
use crate::target::Target;

use module::JitEngineModule;

/// What an engine is made with.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Where code goes.
    pub memory: Arc<CodeMemory>,
    /// Whether every access to memory is checked by code, even where guard pages would do.
    pub explicit_checks: bool,
    /// Which optimizations are on.
    pub passes: Passes,
    /// Whether every stage of compiling is checked, which debug builds always do.
    pub verify: bool,
    /// What runs functions that cannot have code.
    pub elsewhere: Option<Arc<dyn Elsewhere>>,
    /// Has every n-th function of a module, by its index with imports, run elsewhere.
    pub elsewhere_every: Option<NonZeroU32>,
    /// What keeps compiled functions. Nothing is taken from it while functions are dumped.
    pub cache: Option<Arc<CodeCache>>,
    /// Where to write what functions look like after each stage.
    pub dump: Option<Arc<DumpFolder>>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            memory: CodeMemory::unlimited(),
            explicit_checks: false,
            passes: Passes::ALL,
            verify: false,
            elsewhere: None,
            elsewhere_every: None,
            cache: None,
            dump: None,
        }
    }
}

/// The engine. It serves many runtimes.
pub struct JitEngine<T: Target>(Arc<Shared<T>>);

/// What an engine and its modules have in common.
struct Shared<T: Target> {
    compilation: Arc<Compilation<T>>,
    stubs: &'static Stubs,
    options: EngineOptions,
}

impl<T: Target> JitEngine<T> {
    /// An engine for a target.
    ///
    /// # Errors
    /// If there is no executable memory to be had.
    pub fn new(target: T, options: EngineOptions) -> Result<Self, CodeError> {
        Self::with_compilation(&Compilation::new(target), options)
    }

    /// An engine that shares its memory for compiling with others.
    ///
    /// # Errors
    /// If there is no executable memory to be had.
    pub fn with_compilation(
        compilation: &Arc<Compilation<T>>,
        options: EngineOptions,
    ) -> Result<Self, CodeError> {
        let stubs = Stubs::get(compilation.target().stubs())?;
        match options.memory.check() {
            // What finds no room runs elsewhere.
            Err(CodeError::Exhausted) if options.elsewhere.is_some() => {}
            checked => checked?,
        }
        Ok(Self(Arc::new(Shared { compilation: compilation.clone(), stubs, options })))
    }

    /// What the engine was made with.
    #[must_use]
    pub fn options(&self) -> &EngineOptions {
        &self.0.options
    }

    /// How a function of a module becomes code, given by its index, imports included. `guarded` says
    /// for which instances: see [`EngineModule::code`].
    ///
    /// # Errors
    /// If the function is imported, or does not exist, or is too complex.
    pub fn explain(
        &self,
        info: &Arc<ModuleInfo>,
        options: &CompileOptions,
        guarded: bool,
        function: u32,
    ) -> Result<Explanation> {
        let defined = function.checked_sub(info.imported.functions);
        let defined = defined.filter(|defined| (*defined as usize) < info.bodies.len());
        let defined =
            defined.ok_or_else(|| wz_api::Error::argument(format!("function[{function}] has no body")))?;
        self.0.compiler(info, options, guarded).explain(defined)
    }
}

impl<T: Target> Shared<T> {
    /// What compiles the functions of a module.
    fn compiler(&self, info: &Arc<ModuleInfo>, options: &CompileOptions, guarded: bool) -> Compiler<T> {
        let function_options = Options {
            passes: self.options.passes,
            fuel: options.fuel,
            interrupt: options.interruption,
            explicit_checks: !guarded || self.options.explicit_checks,
            verify: self.options.verify,
        };
        let compiler = Compiler::new(&self.compilation, info, function_options, options.deterministic);
        compiler.with_dump(self.options.dump.clone())
    }
}

impl<T: Target> fmt::Debug for JitEngine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JitEngine").field("target", self.0.compilation.target()).finish_non_exhaustive()
    }
}

impl<T: Target> Engine for JitEngine<T> {
    fn name(&self) -> &'static str {
        "jit"
    }

    fn compile(&self, module: &Arc<ModuleInfo>, options: &CompileOptions) -> Result<Arc<dyn EngineModule>> {
        Ok(Arc::new(JitEngineModule::new(&self.0, module, options, None)?))
    }

    fn compile_watched(
        &self,
        module: &Arc<ModuleInfo>,
        options: &CompileOptions,
        progress: &CompileProgress,
    ) -> Result<Arc<dyn EngineModule>> {
        Ok(Arc::new(JitEngineModule::new(&self.0, module, options, Some(progress))?))
    }

    fn next_frame(&self, activation: &Activation, cursor: &mut FrameCursor) -> Option<Frame> {
        walk::next_frame(activation, cursor)
    }

    fn save(&self, activation: &Activation) -> Option<SavedFrames> {
        snapshot::save(activation)
    }

    fn resolve(&self, address: usize) -> Option<CodeAddress> {
        page_map::resolve(address)
    }

    fn interrupted_walk(&self) -> InterruptedWalk {
        walk::walk_interrupted
    }
}
