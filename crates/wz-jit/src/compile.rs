//! [`Compiler`]: the functions of a module to machine code, for any [`Target`].
//!
//! Everything that compiling a function takes is kept in a `Memory`, of which an engine has a pool:
//! as many as there were threads that compiled at once. What depends on the module, the instruction
//! set's view of it, is in a pool of the module's own. Compiling runs on the caller's thread if that
//! has the room on its native stack, and on a thread of its own if not.

mod companions;
mod dump;
mod memory;
mod pool;
mod room;

use std::any::Any;
use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use wz_api::{Error, Result};
use wz_decode::ModuleInfo;

use crate::context::Dump;
use crate::ir::ProbeList;
use crate::mach::EmissionNote;
use crate::options::Options;
use crate::runtime::module::{CompiledFunction, FunctionCompiler, Version};
use crate::target::{CodeOptions, Target};

pub use dump::DumpFolder;
use memory::Memory;
use pool::Pool;

/// The memory of compilations for a target, shared by the modules of an engine.
pub struct Compilation<T: Target> {
    target: T,
    memory: Pool<Memory<T::Isa>>,
}

impl<T: Target> Compilation<T> {
    /// Compilations for a target.
    #[must_use]
    pub fn new(target: T) -> Arc<Self> {
        Arc::new(Self { target, memory: Pool::default() })
    }

    /// The target.
    #[must_use]
    pub fn target(&self) -> &T {
        &self.target
    }
}

impl<T: Target> fmt::Debug for Compilation<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compilation").field("target", &self.target).finish_non_exhaustive()
    }
}

/// Bodies longer than this leave so much memory behind that it is not kept.
const LARGE_BODY_BYTES: usize = 128 << 10;

/// Compiles the functions of one module.
pub struct Compiler<T: Target> {
    compilation: Arc<Compilation<T>>,
    info: Arc<ModuleInfo>,
    options: Options,
    deterministic: bool,
    isas: Pool<T::Isa>,
    listened_isas: Pool<T::Isa>,
    dump: Option<Arc<DumpFolder>>,
}

/// A function's way to code, for people.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The function after each stage that changed it: SSA after `build` and each pass, then
    /// machine instructions after `select` and `allocate`.
    pub stages: Vec<Dump>,
    /// The code, before it has an address.
    pub code: Vec<u8>,
    /// Which code comes from which operator, by its offset in the body of the Code section, in order
    /// of the code. An operator may have several ranges, or none.
    pub operators: Vec<(Range<u32>, u32)>,
    /// The instructions, in order of the code: before they are encoded, with their registers.
    pub instructions: Vec<EmissionNote>,
}

impl<T: Target> Compiler<T> {
    /// A compiler of the functions of a module.
    #[must_use]
    pub fn new(
        compilation: &Arc<Compilation<T>>,
        info: &Arc<ModuleInfo>,
        options: Options,
        deterministic: bool,
    ) -> Self {
        Self {
            compilation: compilation.clone(),
            info: info.clone(),
            options,
            deterministic,
            isas: Pool::default(),
            listened_isas: Pool::default(),
            dump: None,
        }
    }

    /// Has functions written to a folder as they are compiled.
    #[must_use]
    pub fn with_dump(self, dump: Option<Arc<DumpFolder>>) -> Self {
        Self { dump, ..self }
    }

    /// What code depends on besides the module, as text: code for one is not code for another.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let Options { passes, fuel, interrupt, explicit_checks, verify: _ } = self.options;
        let options = [
            ("fuel", fuel),
            ("interrupt", interrupt),
            ("explicit-checks", explicit_checks),
            ("deterministic", self.deterministic),
        ];
        let mut text = format!("{}; passes {passes}", self.compilation.target.fingerprint());
        for (name, _) in options.iter().filter(|(_, is_on)| *is_on) {
            text.push_str("; ");
            text.push_str(name);
        }
        text
    }

    /// How a defined function is compiled.
    ///
    /// # Errors
    /// As [`FunctionCompiler::compile`].
    pub fn explain(&self, function: u32) -> Result<Explanation> {
        self.explain_probed(function, ProbeList::NONE)
    }

    /// How a defined function is compiled with probes.
    ///
    /// # Errors
    /// As [`FunctionCompiler::compile`].
    pub fn explain_probed(&self, function: u32, probes: &ProbeList) -> Result<Explanation> {
        let (_, explanation) = room::with_room(|| self.run_explained(function, Version::Plain, probes))??;
        Ok(explanation)
    }

    fn run_explained(
        &self,
        function: u32,
        version: Version,
        probes: &ProbeList,
    ) -> Result<(CompiledFunction, Explanation)> {
        let mut stages = Vec::new();
        let (compiled, operators, instructions) =
            self.run(function, version, probes, Some(&mut stages), |compiled, memory| {
                let metadata = memory.metadata();
                let ends = metadata.operators.iter().skip(1).map(|(at, _)| *at).chain([metadata.len_bytes]);
                let ranges =
                    metadata.operators.iter().zip(ends).map(|((at, offset), end)| (*at..end, *offset));
                let operators = ranges.collect();
                (compiled, operators, memory.take_notes())
            })?;
        let code = compiled.code.clone();
        Ok((compiled, Explanation { stages, code, operators, instructions }))
    }

    /// Compiles a function on the calling thread, and makes something of the result.
    fn run<R>(
        &self,
        function: u32,
        version: Version,
        probes: &ProbeList,
        dumps: Option<&mut Vec<Dump>>,
        finish: impl FnOnce(CompiledFunction, &mut Memory<T::Isa>) -> R,
    ) -> Result<R> {
        let index = self.info.imported.functions + function;
        let compilation = &self.compilation;
        let isas = match version {
            Version::Plain => &self.isas,
            Version::Listened => &self.listened_isas,
        };
        let compile = || {
            let isa = isas.take().unwrap_or_else(|| {
                let code = CodeOptions {
                    explicit_checks: self.options.explicit_checks,
                    deterministic: self.deterministic,
                    listened: version == Version::Listened,
                };
                Box::new(compilation.target.isa(&self.info, code))
            });
            let mut memory = compilation.memory.take().unwrap_or_default();
            let (target, info, options) = (&compilation.target, &self.info, &self.options);
            let result = memory.compile(target, &isa, info, index, options, probes, dumps);
            let result = result.map(|compiled| finish(compiled, &mut memory));
            isas.give(isa);
            if self.info.bodies[function as usize].range.len() <= LARGE_BODY_BYTES {
                compilation.memory.give(memory);
            }
            result
        };
        // What panicked is not used again: pools only get back what was left in order.
        match catch_unwind(AssertUnwindSafe(compile)) {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(error)) => Err(Error::limit(format!("function[{index}]: {error}"))),
            Err(panic) => Err(failed(index, &*panic)),
        }
    }
}

/// The compiler made a mistake.
#[cold]
fn failed(index: u32, panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("unknown reason");
    let first = text.lines().next().unwrap_or_default();
    let source = std::io::Error::other(first.to_owned());
    Error::system(format!("compiling function[{index}]"), source)
}

impl<T: Target> fmt::Debug for Compiler<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiler").field("module", &self.info.name).finish_non_exhaustive()
    }
}

impl<T: Target> Compiler<T> {
    fn compile_with(&self, function: u32, version: Version, probes: &ProbeList) -> Result<CompiledFunction> {
        let index = self.info.imported.functions + function;
        let dump = self.dump.as_ref().filter(|dump| dump.wants(&self.info, index));
        room::with_room(|| match dump {
            None => self.run(function, version, probes, None, |compiled, _| compiled),
            Some(dump) => {
                let (compiled, explanation) = self.run_explained(function, version, probes)?;
                let probed = if probes.is_empty() { "" } else { "-probed" };
                dump.write(&self.info, index, &format!("{}{probed}", version.name()), &explanation);
                Ok(compiled)
            }
        })?
    }
}

impl<T: Target> FunctionCompiler for Compiler<T> {
    fn compile(&self, _: &Arc<ModuleInfo>, function: u32, version: Version) -> Result<CompiledFunction> {
        self.compile_with(function, version, ProbeList::NONE)
    }

    fn compile_probed(
        &self,
        _: &Arc<ModuleInfo>,
        function: u32,
        version: Version,
        probes: &ProbeList,
    ) -> Result<CompiledFunction> {
        self.compile_with(function, version, probes)
    }

    fn companions(&self, module: &Arc<ModuleInfo>, function: u32, code_bytes: usize) -> Vec<u32> {
        companions::companions(module, function, code_bytes)
    }

    fn tells_listeners(&self, module: &Arc<ModuleInfo>, function: u32) -> bool {
        module.bodies[function as usize].makes_tail_calls
    }
}
