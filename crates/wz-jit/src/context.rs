//! [`Context`]: all memory that compiling a function takes, kept for the next one. One per thread.

use wz_decode::ModuleInfo;

use crate::build::{BuildError, BuildState, build};
use crate::dump::dump;
use crate::ir::{Function, ProbeList};
use crate::opt::{Optimizer, StageName};
use crate::options::Options;
use crate::verify::{Stage, verify};

/// The memory of compilations.
#[derive(Debug, Default)]
pub struct Context {
    /// The function compiled last.
    pub function: Function,
    build: BuildState,
    optimizer: Optimizer,
}

/// The text of a function after a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump {
    /// `build`, or the name of the pass.
    pub stage: &'static str,
    /// The function.
    pub text: String,
}

impl Context {
    /// Compiles a function, given by its index, imports included, to optimized SSA with critical
    /// edges split and blocks in the order of their code.
    ///
    /// # Errors
    /// If the function is too complex: the caller runs it in the interpreter.
    ///
    /// # Panics
    /// If the function is imported or does not exist, or `info` is not of a valid module. In
    /// debug builds and with [`Options::verify`], if a stage breaks the function.
    pub fn compile(
        &mut self,
        info: &ModuleInfo,
        function: u32,
        options: &Options,
    ) -> Result<&Function, BuildError> {
        self.run(info, function, options, ProbeList::NONE, &mut |_, _| {})
    }

    /// Compiles a function with probes.
    ///
    /// # Errors
    /// As [`compile`](Self::compile).
    ///
    /// # Panics
    /// As [`compile`](Self::compile).
    pub fn compile_probed(
        &mut self,
        info: &ModuleInfo,
        function: u32,
        options: &Options,
        probes: &ProbeList,
    ) -> Result<&Function, BuildError> {
        self.run(info, function, options, probes, &mut |_, _| {})
    }

    /// Compiles a function with probes, and shows it after each stage.
    ///
    /// # Errors
    /// As [`compile`](Self::compile).
    ///
    /// # Panics
    /// As [`compile`](Self::compile).
    pub fn compile_with_dumps(
        &mut self,
        info: &ModuleInfo,
        function: u32,
        options: &Options,
        probes: &ProbeList,
    ) -> Result<Vec<Dump>, BuildError> {
        let mut dumps: Vec<Dump> = Vec::new();
        self.run(info, function, options, probes, &mut |stage, f| {
            let text = dump(f);
            // A pass that changes nothing is not worth reading.
            if dumps.last().is_none_or(|last| last.text != text) {
                dumps.push(Dump { stage, text });
            }
        })?;
        Ok(dumps)
    }

    fn run(
        &mut self,
        info: &ModuleInfo,
        function: u32,
        options: &Options,
        probes: &ProbeList,
        look: &mut dyn FnMut(StageName, &Function),
    ) -> Result<&Function, BuildError> {
        let Self { function: f, build: state, optimizer } = self;
        build(info, function, options, probes, f, state)?;
        let mut after = |stage: StageName, f: &Function, is: Stage| {
            if (cfg!(debug_assertions) || options.verify)
                && let Err(error) = verify(info, f, is)
            {
                panic!("function {function} after {stage}: {error}\n{}", dump(f));
            }
            look(stage, f);
        };
        after("build", f, Stage::Built);
        optimizer.run(f, options, &mut after);
        Ok(f)
    }
}
