//! [`CodeCache`]: what keeps the code of modules; [`CachedCompiler`], which asks it first.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use wz_api::Result;
use wz_decode::ModuleInfo;

use crate::runtime::module::{CompiledFunction, FunctionCompiler, Version};

/// Keeps the code of modules from one process to the next, or in one.
///
/// Code is trusted: whoever can write to where a cache keeps it decides what runs.
pub trait CodeCache: Send + Sync + fmt::Debug {
    /// The code of a module's functions, by their index among the defined ones, if it was stored
    /// with this fingerprint. There is an entry for each function, none for those that have no
    /// code.
    fn load(&self, module: &ModuleInfo, fingerprint: &str) -> Option<Vec<Option<CompiledFunction>>>;

    /// Stores the code of a module's functions. Failures are the cache's matter.
    fn store(&self, module: &ModuleInfo, fingerprint: &str, functions: &[Option<CompiledFunction>]);
}

/// Compiles functions unless the cache has them, and notes those that it did not have.
#[derive(Debug)]
pub(super) struct CachedCompiler<C> {
    compiler: Arc<C>,
    cache: Arc<dyn CodeCache>,
    fingerprint: String,
    functions: Functions,
}

#[derive(Debug)]
enum Functions {
    /// From the cache, until they are asked for.
    Found(Mutex<Vec<Option<CompiledFunction>>>),
    /// Compiled by now, until they are stored.
    Made(Mutex<Vec<Option<CompiledFunction>>>),
}

impl<C: FunctionCompiler> CachedCompiler<C> {
    /// A compiler for a module, which the cache is asked for.
    pub(super) fn new(
        compiler: Arc<C>,
        cache: Arc<dyn CodeCache>,
        info: &ModuleInfo,
        fingerprint: String,
    ) -> Self {
        let count = info.bodies.len();
        let found = cache.load(info, &fingerprint).filter(|functions| functions.len() == count);
        let functions = match found {
            Some(functions) => Functions::Found(Mutex::new(functions)),
            None => Functions::Made(Mutex::new(vec![None; count])),
        };
        Self { compiler, cache, fingerprint, functions }
    }

    /// Stores what was compiled.
    pub(super) fn store(&self, info: &ModuleInfo) {
        if let Functions::Made(functions) = &self.functions {
            let functions = std::mem::take(&mut *functions.lock());
            self.cache.store(info, &self.fingerprint, &functions);
        }
    }
}

impl<C: FunctionCompiler> FunctionCompiler for CachedCompiler<C> {
    fn compile(&self, module: &Arc<ModuleInfo>, function: u32, version: Version) -> Result<CompiledFunction> {
        let index = function as usize;
        if let (Functions::Found(functions), Version::Plain) = (&self.functions, version)
            && let Some(compiled) = functions.lock()[index].take()
        {
            return Ok(compiled);
        }
        let compiled = self.compiler.compile(module, function, version)?;
        if let (Functions::Made(functions), Version::Plain) = (&self.functions, version)
            && let Some(place) = functions.lock().get_mut(index)
        {
            *place = Some(compiled.clone());
        }
        Ok(compiled)
    }

    fn companions(&self, module: &Arc<ModuleInfo>, function: u32, code_bytes: usize) -> Vec<u32> {
        self.compiler.companions(module, function, code_bytes)
    }

    fn tells_listeners(&self, module: &Arc<ModuleInfo>, function: u32) -> bool {
        self.compiler.tells_listeners(module, function)
    }
}
