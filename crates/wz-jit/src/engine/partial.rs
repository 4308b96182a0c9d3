//! [`PartialCompiler`]: leaves functions out, so that they run elsewhere.

use std::num::NonZeroU32;
use std::sync::Arc;

use wz_api::{Error, Result};
use wz_decode::ModuleInfo;

use crate::ir::ProbeList;
use crate::runtime::module::{CompiledFunction, FunctionCompiler, Version};

/// Compiles functions, but not every n-th one.
#[derive(Debug)]
pub(super) struct PartialCompiler {
    pub(super) compiler: Arc<dyn FunctionCompiler>,
    pub(super) every: NonZeroU32,
}

impl PartialCompiler {
    fn check(&self, module: &ModuleInfo, function: u32) -> Result<()> {
        let index = module.imported.functions + function;
        match index.is_multiple_of(self.every.get()) {
            true => Err(Error::limit(format!("function[{index}] is not to be compiled"))),
            false => Ok(()),
        }
    }
}

impl FunctionCompiler for PartialCompiler {
    fn compile(&self, module: &Arc<ModuleInfo>, function: u32, version: Version) -> Result<CompiledFunction> {
        self.check(module, function)?;
        self.compiler.compile(module, function, version)
    }

    fn compile_probed(
        &self,
        module: &Arc<ModuleInfo>,
        function: u32,
        version: Version,
        probes: &ProbeList,
    ) -> Result<CompiledFunction> {
        self.check(module, function)?;
        self.compiler.compile_probed(module, function, version, probes)
    }

    fn companions(&self, module: &Arc<ModuleInfo>, function: u32, code_bytes: usize) -> Vec<u32> {
        self.compiler.companions(module, function, code_bytes)
    }

    fn compiled_all(&self) {
        self.compiler.compiled_all();
    }

    fn tells_listeners(&self, module: &Arc<ModuleInfo>, function: u32) -> bool {
        self.compiler.tells_listeners(module, function)
    }
}
