//! [`CachedCompiler`]: a compiler that looks into a cache first, and puts into it what it has to
//! compile.

use std::sync::Arc;

use wz_api::Result;
use wz_decode::ModuleInfo;

use super::CodeCache;
use super::module::{CachedModule, record_id};
use super::record::Shape;
use crate::runtime::module::{CompiledFunction, FunctionCompiler, Version};
use crate::runtime::stubs::{Relocation, StubAssembler};

/// How many bytes of functions that the directory has come along with one that is called: they
/// cost little, and share its pages.
const COMPANION_BYTES: u32 = 32 << 10;

/// A compiler of one module with a cache.
#[derive(Debug)]
pub struct CachedCompiler {
    compiler: Arc<dyn FunctionCompiler>,
    assembler: &'static dyn StubAssembler,
    cache: Arc<CodeCache>,
    module: Arc<CachedModule>,
}

impl CachedCompiler {
    /// A compiler of a module with a cache. `settings` is everything that code depends on besides the
    /// module and wz, such as [`Compiler::fingerprint`](crate::compile::Compiler::fingerprint);
    /// `assembler` is what relocates its code.
    #[must_use]
    pub fn new(
        compiler: Arc<dyn FunctionCompiler>,
        assembler: &'static dyn StubAssembler,
        cache: &Arc<CodeCache>,
        info: &ModuleInfo,
        settings: &str,
    ) -> Self {
        Self { compiler, assembler, cache: cache.clone(), module: cache.module(info, settings) }
    }
}

impl FunctionCompiler for CachedCompiler {
    fn compile(&self, info: &Arc<ModuleInfo>, function: u32, version: Version) -> Result<CompiledFunction> {
        let relocates = |code: &mut [u8], relocation: &Relocation| {
            // Anywhere will do: what counts is whether it can be done.
            self.assembler.relocate(code, relocation, 0, 0)
        };
        let shape = Shape { info, function, relocates: &relocates };
        let compile = || self.compiler.compile(info, function, version);
        let compiled = self.module.get_or_compile(record_id(function, version), &shape, compile);
        self.cache.trim();
        compiled
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
