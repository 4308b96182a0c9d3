//! [`CompiledModule`]: a module that can be instantiated in its store any number of times.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use wz_api::{
    CompileProgress, Context, CustomSection, FunctionDefinition, GlobalDefinition, MemoryDefinition, Result,
    TableDefinition,
};
use wz_decode::ModuleInfo;
use wz_decode::info::{ExportItem, ImportItem};
use wz_experimental::FunctionListenerFactory;

use crate::engine::EngineModule;
use crate::listen::ListenerCell;
use crate::listing::CodeListing;
use crate::store::StoreInner;

/// A compiled module. Cheap to clone; freed with the last handle or instance.
#[derive(Clone)]
pub struct CompiledModule(Arc<Inner>);

struct Inner {
    info: Arc<ModuleInfo>,
    engine_module: Arc<dyn EngineModule>,
    type_ids: Box<[u32]>,
    /// The listeners of defined functions in every instance, by function index; empty if none.
    listeners: Vec<(u32, Arc<ListenerCell>)>,
    /// What made them.
    factory: Option<Arc<dyn FunctionListenerFactory>>,
    /// How many instances listen to a defined function.
    listened: Mutex<HashMap<u32, usize>>,
    runtime_tag: u64,
}

impl CompiledModule {
    pub(crate) fn new(store: &StoreInner, cx: &Context, info: Arc<ModuleInfo>) -> Result<Self> {
        let (engine, options) = (&store.config().engine, store.config().compile_options());
        let engine_module = match CompileProgress::of_context(cx) {
            Some(progress) => engine.compile_watched(&info, &options, progress)?,
            None => engine.compile(&info, &options)?,
        };
        let type_ids = info.types.iter().map(|ty| store.types().id(ty)).collect();
        let factory = wz_experimental::function_listener_factory(cx).cloned();
        let listeners = factory.as_ref().map_or_else(Vec::new, |factory| listener_cells(&**factory, &info));
        let listened = Mutex::default();
        let runtime_tag = store.tag();
        Ok(Self(Arc::new(Inner { info, engine_module, type_ids, listeners, factory, listened, runtime_tag })))
    }

    /// The name from the name section; empty if there is none.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.info.name
    }

    /// The decoded module.
    #[must_use]
    pub fn info(&self) -> &Arc<ModuleInfo> {
        &self.0.info
    }

    /// The engine's part.
    #[must_use]
    pub fn engine_module(&self) -> &Arc<dyn EngineModule> {
        &self.0.engine_module
    }

    /// The engine's code of a function, for people; the index counts imports. None for imported
    /// functions, for functions that do not exist, and if the engine cannot show it.
    #[must_use]
    pub fn listing(&self, function: u32) -> Option<CodeListing> {
        let defined = function.checked_sub(self.0.info.imported.functions)?;
        let exists = (defined as usize) < self.0.info.bodies.len();
        exists.then(|| self.0.engine_module.listing(defined)).flatten()
    }

    /// The imported functions, in order; one may be imported several times.
    #[must_use]
    pub fn imported_functions(&self) -> Vec<FunctionDefinition> {
        (0..self.0.info.imported.functions).map(|index| self.0.info.function_definition(index)).collect()
    }

    /// The imported memories, in order.
    #[must_use]
    pub fn imported_memories(&self) -> Vec<MemoryDefinition> {
        (0..self.0.info.imported.memories).map(|index| self.0.info.memory_definition(index)).collect()
    }

    /// The imported tables, in order.
    #[must_use]
    pub fn imported_tables(&self) -> Vec<TableDefinition> {
        (0..self.0.info.imported.tables).map(|index| self.0.info.table_definition(index)).collect()
    }

    /// The imported globals, in order.
    #[must_use]
    pub fn imported_globals(&self) -> Vec<GlobalDefinition> {
        (0..self.0.info.imported.globals).map(|index| self.0.info.global_definition(index)).collect()
    }

    /// The names of the modules that this one imports from, each once, in order.
    #[must_use]
    pub fn imported_modules(&self) -> Vec<Arc<str>> {
        let mut names: Vec<Arc<str>> = Vec::new();
        for import in &self.0.info.imports {
            if !names.contains(&import.module) {
                names.push(import.module.clone());
            }
        }
        names
    }

    /// The exported functions, by export name.
    #[must_use]
    pub fn exported_functions(&self) -> BTreeMap<Arc<str>, FunctionDefinition> {
        exported_functions(&self.0.info)
    }

    /// The exported memories, by export name.
    #[must_use]
    pub fn exported_memories(&self) -> BTreeMap<Arc<str>, MemoryDefinition> {
        exported_memories(&self.0.info)
    }

    /// The exported tables, by export name.
    #[must_use]
    pub fn exported_tables(&self) -> BTreeMap<Arc<str>, TableDefinition> {
        exported_tables(&self.0.info)
    }

    /// The exported globals, by export name.
    #[must_use]
    pub fn exported_globals(&self) -> BTreeMap<Arc<str>, GlobalDefinition> {
        exported_globals(&self.0.info)
    }

    /// The custom sections, if the store keeps them.
    #[must_use]
    pub fn custom_sections(&self) -> &[CustomSection] {
        &self.0.info.custom_sections
    }

    /// Whether both are one compilation.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The canonical number of each type.
    pub(crate) fn type_ids(&self) -> &[u32] {
        &self.0.type_ids
    }

    pub(crate) fn runtime_tag(&self) -> u64 {
        self.0.runtime_tag
    }

    pub(crate) fn listeners(&self) -> &[(u32, Arc<ListenerCell>)] {
        &self.0.listeners
    }

    /// The listeners that an instance gets from the context it is made with. None if the module
    /// was compiled with the same factory: nobody is told twice.
    pub(crate) fn instance_listeners(&self, cx: &Context) -> Vec<(u32, Arc<ListenerCell>)> {
        let own = self.0.factory.as_ref();
        match wz_experimental::function_listener_factory(cx) {
            Some(factory) if own.is_none_or(|own| !Arc::ptr_eq(own, factory)) => {
                listener_cells(&**factory, &self.0.info)
            }
            _ => Vec::new(),
        }
    }

    /// An instance begins or ends to listen to a defined function.
    pub(crate) fn count_listened(&self, defined: u32, begins: bool) {
        let mut listened = self.0.listened.lock();
        let count = listened.entry(defined).or_default();
        let before = *count;
        *count = if begins { before + 1 } else { before.saturating_sub(1) };
        if (before == 0) != (*count == 0) {
            self.0.engine_module.set_listened(defined, begins);
        }
    }
}

/// The listeners that a factory makes for the functions that a module defines.
fn listener_cells(factory: &dyn FunctionListenerFactory, info: &ModuleInfo) -> Vec<(u32, Arc<ListenerCell>)> {
    let defined = info.imported.functions..info.functions.len() as u32;
    let cell = |function: u32| {
        let definition = info.function_definition(function);
        let listener = factory.new_function_listener(&definition)?;
        Some((function, ListenerCell::new([listener], definition)))
    };
    defined.filter_map(cell).collect()
}

macro_rules! exported {
    ($($function:ident $item:ident $definition:ident $define:ident;)*) => {$(
        pub(crate) fn $function(info: &ModuleInfo) -> BTreeMap<Arc<str>, $definition> {
            let define = |export: &wz_decode::info::Export| match export.item {
                ExportItem::$item(index) => Some((export.name.clone(), info.$define(index))),
                _ => None,
            };
            info.exports.iter().filter_map(define).collect()
        }
    )*};
}
exported! {
    exported_functions Function FunctionDefinition function_definition;
    exported_memories Memory MemoryDefinition memory_definition;
    exported_tables Table TableDefinition table_definition;
    exported_globals Global GlobalDefinition global_definition;
}

impl fmt::Debug for CompiledModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CompiledModule[{}]", self.name())
    }
}

/// The kind of an import.
pub(crate) fn import_kind(item: &ImportItem) -> wz_api::ExternType {
    match item {
        ImportItem::Function(_) => wz_api::ExternType::FUNC,
        ImportItem::Table(_) => wz_api::ExternType::TABLE,
        ImportItem::Memory(_) => wz_api::ExternType::MEMORY,
        ImportItem::Global(_) => wz_api::ExternType::GLOBAL,
    }
}
