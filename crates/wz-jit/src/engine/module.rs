//! [`JitEngineModule`]: a compiled module, with up to two kinds of code: for instances whose
//! memories are all guarded, and for others. Each is a [`JitModule`], made when first needed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use wz_api::{CompileProgress, Error, Result};
use wz_core::CodeListing;
use wz_core::engine::{CompileOptions, EngineModule, ModuleCode};
use wz_core::probes::FunctionProbes;
use wz_decode::ModuleInfo;

use super::Shared;
use super::partial::PartialCompiler;
use crate::cache::CachedCompiler;
use crate::runtime::code_memory::CodeError;
use crate::runtime::elsewhere::Elsewhere;
use crate::runtime::module::{FunctionCompiler, JitModule, ModuleOptions};
use crate::runtime::stubs::Relocation;
use crate::target::Target;

/// A module in one runtime.
pub(super) struct JitEngineModule<T: Target> {
    engine: Arc<Shared<T>>,
    info: Arc<ModuleInfo>,
    options: CompileOptions,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// For instances whose memories are all guarded.
    guarded: Option<Arc<JitModule>>,
    /// For the others.
    checked: Option<Arc<JitModule>>,
    /// The functions that are listened to.
    listened: BTreeSet<u32>,
    /// The functions that have probes.
    probed: BTreeMap<u32, Arc<FunctionProbes>>,
}

impl<T: Target> JitEngineModule<T> {
    /// A module with the code that its instances are likely to need.
    ///
    /// # Errors
    /// If there is no executable memory for it, or a function exceeds a limit that is compiled
    /// already.
    pub(super) fn new(
        engine: &Arc<Shared<T>>,
        info: &Arc<ModuleInfo>,
        options: &CompileOptions,
        progress: Option<&CompileProgress>,
    ) -> Result<Self> {
        let (engine, info, options) = (engine.clone(), info.clone(), options.clone());
        let module = Self { engine, info, options, state: Mutex::default() };
        let guarded = module.likely_guarded();
        module.jit_module(guarded, progress)?;
        Ok(module)
    }

    /// Which code instances are likely to need.
    fn likely_guarded(&self) -> bool {
        self.info.memories.iter().all(|memory| !memory.memory64)
    }

    /// The code for instances whose memories are all guarded, or for the others.
    fn jit_module(&self, guarded: bool, progress: Option<&CompileProgress>) -> Result<Arc<JitModule>> {
        // Modules without a memory have nothing to check.
        let guarded = !self.engine.options.explicit_checks && guarded || self.info.memories.is_empty();
        let mut state = self.state.lock();
        let known = if guarded { &state.guarded } else { &state.checked };
        if let Some(module) = known {
            return Ok(module.clone());
        }
        let module = self.make(guarded, progress)?;
        for function in &state.listened {
            module.set_listened(*function, true);
        }
        for (function, probes) in &state.probed {
            module.set_probes(*function, Some(probes.clone()));
        }
        let place = if guarded { &mut state.guarded } else { &mut state.checked };
        Ok(place.insert(module).clone())
    }

    fn make(&self, guarded: bool, progress: Option<&CompileProgress>) -> Result<Arc<JitModule>> {
        let Shared { stubs, options: engine, .. } = &*self.engine;
        let compiler = self.engine.compiler(&self.info, &self.options, guarded);
        let cache = engine.cache.as_ref().filter(|_| engine.dump.is_none());
        let compiler: Arc<dyn FunctionCompiler> = match cache {
            Some(cache) => {
                let (settings, assembler) = (compiler.fingerprint(), stubs.assembler());
                // Whether code can be relocated does not depend on where it is.
                let relocates = move |code: &mut [u8], relocation: &Relocation| {
                    assembler.relocate(code, relocation, 0, 0)
                };
                Arc::new(CachedCompiler::new(Arc::new(compiler), relocates, cache, &self.info, &settings))
            }
            None => Arc::new(compiler),
        };
        let compiler = match engine.elsewhere_every {
            Some(every) => Arc::new(PartialCompiler { compiler, every }),
            None => compiler,
        };
        let memory = engine.memory.clone();
        let elsewhere = engine.elsewhere.clone();
        let elsewhere = elsewhere.map(|engine| Elsewhere { engine, options: self.options.clone() });
        let options = ModuleOptions { stubs, memory, compiler, elsewhere };
        let module = JitModule::new(&self.info, options).map_err(|error| no_code(&error))?;
        if self.options.eager {
            module.compile_all(self.options.threads, progress)?;
        }
        Ok(module)
    }
}

#[cold]
fn no_code(error: &CodeError) -> Error {
    Error::limit(error.to_string())
}

impl<T: Target> EngineModule for JitEngineModule<T> {
    fn code(self: Arc<Self>, guarded: bool) -> Result<Arc<dyn ModuleCode>> {
        Ok(self.jit_module(guarded, None)?)
    }

    fn listing(&self, defined_index: u32) -> Option<CodeListing> {
        let compiler = self.engine.compiler(&self.info, &self.options, self.likely_guarded());
        Some(compiler.explain(defined_index).ok()?.listing(self.engine.compilation.target().stubs().name()))
    }

    fn set_listened(&self, defined_index: u32, listened: bool) {
        let mut state = self.state.lock();
        match listened {
            true => state.listened.insert(defined_index),
            false => state.listened.remove(&defined_index),
        };
        for module in state.guarded.iter().chain(&state.checked) {
            module.set_listened(defined_index, listened);
        }
    }

    fn has_probes(&self) -> bool {
        true
    }

    fn set_probes(&self, defined_index: u32, probes: Option<Arc<FunctionProbes>>) {
        let mut state = self.state.lock();
        match probes.clone() {
            Some(probes) => state.probed.insert(defined_index, probes),
            None => state.probed.remove(&defined_index),
        };
        for module in state.guarded.iter().chain(&state.checked) {
            module.set_probes(defined_index, probes.clone());
        }
    }
}
