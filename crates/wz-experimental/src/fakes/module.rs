//! [`FakeModule`]: a module that host functions see as their caller.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use wz_api::sealed::{FunctionInner, Keep, ModuleInner, References};
use wz_api::{
    Context, CustomSection, ExportDefinition, ExternRef, Function, FunctionDefinition, FunctionParts, Global,
    GlobalDefinition, HostFunction, Memory, MemoryDefinition, Module, Result, Table, TableDefinition, Value,
};

use super::call::call;
use super::global::FakeGlobal;
use super::memory::FakeMemory;
use super::{NoReferences, TAG};

/// What a fake module is made of; [`build`](Self::build) makes it. Everything is exported.
#[derive(Default)]
pub struct FakeModule {
    name: String,
    memory: Option<Memory>,
    globals: Vec<(Arc<str>, Global)>,
    functions: Vec<(Arc<str>, HostFunction)>,
    extensions: Vec<(TypeId, Arc<dyn Any + Send + Sync>)>,
}

impl FakeModule {
    /// A module of that name without anything in it.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Gives it a memory of this size in pages of 65,536 bytes, exported as `memory`. Without a
    /// maximum it cannot grow.
    #[must_use]
    pub fn with_memory(mut self, min_pages: u64, max_pages: Option<u64>) -> Self {
        self.memory = Some(Memory::from_inner(Arc::new(FakeMemory::new(min_pages, max_pages))));
        self
    }

    /// Adds a global.
    #[must_use]
    pub fn with_global(mut self, name: &str, value: impl Into<Value>, mutable: bool) -> Self {
        let global = FakeGlobal::new(name, self.globals.len() as u32, value.into(), mutable);
        self.globals.push((name.into(), Global::from_inner(Arc::new(global))));
        self
    }

    /// Adds a function that host functions may call back. It sees the module as its caller.
    #[must_use]
    pub fn with_function(mut self, name: &str, function: HostFunction) -> Self {
        self.functions.push((name.into(), function));
        self
    }

    /// Adds host state, found again by its type.
    #[must_use]
    pub fn with_extension<T: Any + Send + Sync>(mut self, value: T) -> Self {
        self.extensions.push((TypeId::of::<T>(), Arc::new(value)));
        self
    }

    /// The module.
    #[must_use]
    pub fn build(self) -> Module {
        let Self { name, memory, globals, functions, extensions } = self;
        let instance = Arc::new_cyclic(|this| {
            let functions = (0..).zip(functions).map(|(index, (export, function))| {
                let parts = FunctionParts {
                    export: ExportDefinition {
                        module_name: (&*name).into(),
                        index,
                        export_names: vec![export.clone()],
                        ..Default::default()
                    },
                    name: export.clone(),
                    ty: function.ty().clone(),
                    ..Default::default()
                };
                let definition = FunctionDefinition::new(parts);
                (export, Arc::new(FakeFunction { definition, function, module: Weak::clone(this) }))
            });
            FakeInstance {
                functions: functions.collect(),
                name,
                memory,
                globals,
                extensions,
                closed: AtomicU64::new(0),
            }
        });
        instance.handle()
    }
}

impl fmt::Debug for FakeModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeModule").field("name", &self.name).finish_non_exhaustive()
    }
}

struct FakeInstance {
    name: String,
    memory: Option<Memory>,
    globals: Vec<(Arc<str>, Global)>,
    functions: Vec<(Arc<str>, Arc<FakeFunction>)>,
    extensions: Vec<(TypeId, Arc<dyn Any + Send + Sync>)>,
    /// 0, or `CLOSED` and the exit code.
    closed: AtomicU64,
}

const CLOSED: u64 = 1 << 32;

impl FakeInstance {
    fn handle(self: Arc<Self>) -> Module {
        Module::from_parts(self.clone(), self)
    }

    /// The function; `keep` is the instance.
    fn function_handle(&self, keep: &Keep, index: usize) -> Option<Function> {
        let function = self.functions.get(index)?.1.clone();
        Some(Function::from_inner(Arc::new(Kept { function, keep: keep.clone() })))
    }
}

fn by_name<'a, T>(items: &'a [(Arc<str>, T)], name: &str) -> Option<&'a T> {
    items.iter().find(|(own, _)| **own == *name).map(|(_, item)| item)
}

impl ModuleInner for FakeInstance {
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn name(&self) -> &str {
        &self.name
    }
    fn runtime_tag(&self) -> u64 {
        TAG
    }
    fn is_host_module(&self) -> bool {
        false
    }
    fn exported_function(&self, keep: &Keep, name: &str) -> Option<Function> {
        self.function_handle(keep, self.functions.iter().position(|(own, _)| **own == *name)?)
    }
    fn exported_memory(&self, _: &Keep, name: &str) -> Option<Memory> {
        self.memory.clone().filter(|_| name == "memory")
    }
    fn exported_global(&self, _: &Keep, name: &str) -> Option<Global> {
        by_name(&self.globals, name).cloned()
    }
    fn exported_table(&self, _: &Keep, _: &str) -> Option<Table> {
        None
    }
    fn exported_function_definitions(&self) -> BTreeMap<Arc<str>, FunctionDefinition> {
        self.functions.iter().map(|(name, function)| (name.clone(), function.definition.clone())).collect()
    }
    fn exported_memory_definitions(&self) -> BTreeMap<Arc<str>, MemoryDefinition> {
        self.memory.iter().map(|memory| ("memory".into(), memory.definition())).collect()
    }
    fn exported_global_definitions(&self) -> BTreeMap<Arc<str>, GlobalDefinition> {
        self.globals.iter().map(|(name, global)| (name.clone(), global.definition())).collect()
    }
    fn exported_table_definitions(&self) -> BTreeMap<Arc<str>, TableDefinition> {
        BTreeMap::new()
    }
    fn counts(&self) -> [u32; 4] {
        let memories = u32::from(self.memory.is_some());
        [self.functions.len() as u32, 0, memories, self.globals.len() as u32]
    }
    fn function(&self, keep: &Keep, index: u32) -> Option<Function> {
        self.function_handle(keep, index as usize)
    }
    fn memory(&self, _: &Keep, index: u32) -> Option<Memory> {
        self.memory.clone().filter(|_| index == 0)
    }
    fn global(&self, _: &Keep, index: u32) -> Option<Global> {
        self.globals.get(index as usize).map(|(_, global)| global.clone())
    }
    fn table(&self, _: &Keep, _: u32) -> Option<Table> {
        None
    }
    fn custom_sections(&self) -> &[CustomSection] {
        &[]
    }
    fn extension(&self, id: TypeId) -> Option<&(dyn Any + Send + Sync)> {
        self.extensions.iter().rev().find(|(own, _)| *own == id).map(|(_, value)| &**value)
    }
    fn close(&self, _: &Keep, _: &Context, exit_code: u32) -> Result<()> {
        let state = CLOSED | u64::from(exit_code);
        // Only the first close counts.
        let _ = self.closed.compare_exchange(0, state, Ordering::SeqCst, Ordering::SeqCst);
        Ok(())
    }
    fn exit_code(&self) -> Option<u32> {
        match self.closed.load(Ordering::SeqCst) {
            0 => None,
            state => Some(state as u32),
        }
    }
}

struct FakeFunction {
    definition: FunctionDefinition,
    function: HostFunction,
    module: Weak<FakeInstance>,
}

/// A function's handle, which keeps the module.
struct Kept {
    function: Arc<FakeFunction>,
    #[expect(dead_code, reason = "keeps the module alive")]
    keep: Keep,
}

impl FunctionInner for Kept {
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn definition(&self) -> &FunctionDefinition {
        &self.function.definition
    }
    fn runtime_tag(&self) -> u64 {
        TAG
    }
    fn identity(&self) -> usize {
        Arc::as_ptr(&self.function).addr()
    }
    fn module(&self) -> Option<Module> {
        self.function.module.upgrade().map(FakeInstance::handle)
    }
    fn call(&self, cx: &Context, stack: &mut [u64]) -> Result<()> {
        let module = self.module().ok_or_else(super::no_references)?;
        call(&self.function.function, &module, cx, stack)
    }
}

impl References for Kept {
    fn function_to_word(&self, function: &Function) -> Result<u64> {
        NoReferences.function_to_word(function)
    }
    fn word_to_function(&self, word: u64) -> Result<Option<Function>> {
        NoReferences.word_to_function(word)
    }
    fn extern_to_word(&self, value: &ExternRef) -> Result<u64> {
        NoReferences.extern_to_word(value)
    }
    fn word_to_extern(&self, word: u64) -> Result<Option<ExternRef>> {
        NoReferences.word_to_extern(word)
    }
}
