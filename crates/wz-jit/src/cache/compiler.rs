//! [`CachedCompiler`]: a compiler that looks into a cache first, and puts into it what it has to
//! compile.

use std::fmt;
use std::sync::Arc;

use wz_api::Result;
use wz_decode::ModuleInfo;

use super::CodeCache;
use super::module::{CachedModule, record_id};
use super::record::Shape;
use crate::ir::ProbeList;
use crate::runtime::module::{CompiledFunction, FunctionCompiler, Version};
use crate::runtime::stubs::Relocation;

/// How many bytes of functions that the directory has come along with one that is called: they
/// cost little, and share its pages.
const COMPANION_BYTES: u32 = 32 << 10;

/// A compiler of one module with a cache.
pub struct CachedCompiler {
    compiler: Arc<dyn FunctionCompiler>,
    relocates: Box<Relocates>,
    cache: Arc<CodeCache>,
    module: Arc<CachedModule>,
}

/// Whether the instruction set knows a relocation of code. It may change the code.
type Relocates = dyn Fn(&mut [u8], &Relocation) -> bool + Send + Sync;

impl CachedCompiler {
    /// A compiler of a module with a cache. `settings` is everything that code depends on besides the
    /// module and wz, such as [`Compiler::fingerprint`](crate::compile::Compiler::fingerprint);
    /// `relocates` says whether the instruction set knows a relocation of code, which it may change.
    #[must_use]
    pub fn new(
        compiler: Arc<dyn FunctionCompiler>,
        relocates: impl Fn(&mut [u8], &Relocation) -> bool + Send + Sync + 'static,
        cache: &Arc<CodeCache>,
        info: &ModuleInfo,
        settings: &str,
    ) -> Self {
        let module = cache.module(info, settings);
        Self { compiler, relocates: Box::new(relocates), cache: cache.clone(), module }
    }
}

impl FunctionCompiler for CachedCompiler {
    fn compile(&self, info: &Arc<ModuleInfo>, function: u32, version: Version) -> Result<CompiledFunction> {
        let shape = Shape { info, function, relocates: &*self.relocates };
        let compile = || self.compiler.compile(info, function, version);
        let compiled = self.module.get_or_compile(record_id(function, version), &shape, compile);
        self.cache.trim();
        compiled
    }

    fn compile_probed(
        &self,
        info: &Arc<ModuleInfo>,
        function: u32,
        version: Version,
        probes: &ProbeList,
    ) -> Result<CompiledFunction> {
        // Its code has addresses of this process.
        self.compiler.compile_probed(info, function, version, probes)
    }

    fn companions(&self, info: &Arc<ModuleInfo>, function: u32, code_bytes: usize) -> Vec<u32> {
        let mut companions = self.compiler.companions(info, function, code_bytes);
        for stored in self.module.stored_after(function, COMPANION_BYTES) {
            if !companions.contains(&stored) {
                companions.push(stored);
            }
        }
        companions
    }

    fn compiled_all(&self) {
        self.compiler.compiled_all();
        self.cache.save_module(&self.module);
    }

    fn tells_listeners(&self, info: &Arc<ModuleInfo>, function: u32) -> bool {
        self.compiler.tells_listeners(info, function)
    }
}

impl fmt::Debug for CachedCompiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedCompiler").field("compiler", &self.compiler).finish_non_exhaustive()
    }
}
