//! The register-bytecode interpreter of the wz WebAssembly runtime.
//!
//! [`Interpreter`] is an engine as `wz-core` defines it. A function is translated when it is first
//! called: the walker of `wz-decode` drives the translator, which turns operators into
//! instructions whose operands are slots of a frame, constants and accumulators. The executor
//! goes from one instruction's handler to the next. `docs/interpreter.md` describes the encoding,
//! frames, dispatch and calls. It knows nothing of the JIT, but can run single functions of another
//! engine's instances ([`wz_core::elsewhere`]).
#![deny(unsafe_code)]

mod class;
mod code;
#[allow(unsafe_code)]
mod entry;
#[allow(unsafe_code)]
mod exec;
#[allow(unsafe_code)]
mod frames;
#[allow(unsafe_code)]
mod machine;
#[allow(unsafe_code)]
mod mixed;
#[allow(unsafe_code)]
mod module;
mod pc_map;
#[allow(unsafe_code)]
mod snapshot;
mod translate;

use std::sync::Arc;

use wz_api::Result;
use wz_core::activation::Activation;
use wz_core::elsewhere::{Elsewhere, ElsewhereModule};
use wz_core::engine::{CompileOptions, Engine, EngineModule, Frame, FrameCursor, InterruptedWalk};
use wz_core::snapshot::SavedFrames;
use wz_decode::ModuleInfo;

use mixed::MixedModule;
use module::InterpreterModule;

/// The interpreter.
#[derive(Clone, Copy, Debug, Default)]
pub struct Interpreter;

impl Interpreter {
    /// The interpreter; it has no state.
    #[must_use]
    pub fn new() -> Self {
        Self
    }

    /// The bytecode of a function as text, for people and golden tests. The index counts imports.
    ///
    /// # Panics
    /// If the function is imported or does not exist.
    #[must_use]
    pub fn dump(info: &Arc<ModuleInfo>, options: &CompileOptions, function: u32) -> String {
        let options = CompileOptions { eager: false, ..options.clone() };
        InterpreterModule::new(info, &options).dump(function)
    }

    /// Translates every function and tells how many bytes of bytecode that makes, for benches.
    #[must_use]
    pub fn code_bytes(info: &Arc<ModuleInfo>, options: &CompileOptions) -> usize {
        let options = CompileOptions { eager: true, ..options.clone() };
        InterpreterModule::new(info, &options).code_bytes()
    }
}

impl Elsewhere for Interpreter {
    fn module(&self, info: &Arc<ModuleInfo>, options: &CompileOptions) -> Arc<dyn ElsewhereModule> {
        Arc::new(MixedModule::new(info, options))
    }
}

impl Engine for Interpreter {
    fn name(&self) -> &'static str {
        "interpreter"
    }

    fn compile(&self, module: &Arc<ModuleInfo>, options: &CompileOptions) -> Result<Arc<dyn EngineModule>> {
        Ok(Arc::new(InterpreterModule::new(module, options)))
    }

    fn next_frame(&self, activation: &Activation, cursor: &mut FrameCursor) -> Option<Frame> {
        frames::next_frame(activation, cursor)
    }

    fn save(&self, activation: &Activation) -> Option<SavedFrames> {
        snapshot::save(activation)
    }

    fn interrupted_walk(&self) -> InterruptedWalk {
        frames::walk_interrupted
    }
}
