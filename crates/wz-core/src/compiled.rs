//! [`CompiledModule`]: a module that can be instantiated in its store any number of times.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use wz_api::{
    CompileProgress, Context, CustomSection, FunctionDefinition, GlobalDefinition, MemoryDefinition, Result,
    SourceLocation, Symbols, TableDefinition,
};
use wz_decode::ModuleInfo;
use wz_decode::info::{ExportItem, ImportItem};
use wz_experimental::{Attachment, CodeId, FunctionListenerFactory};
use wz_symbols::ModuleSymbols;

use crate::engine::EngineModule;
use crate::instance::Instance;
use crate::listen::{AttachmentId, Made};
use crate::listing::CodeListing;
use crate::probes::ModuleProbes;
use crate::sample::next_code_id;
use crate::store::StoreInner;

/// A compiled module. Cheap to clone; freed with the last handle or instance.
#[derive(Clone)]
pub struct CompiledModule(Arc<Inner>);

pub(crate) struct Inner {
    info: Arc<ModuleInfo>,
    engine_module: Arc<dyn EngineModule>,
    type_ids: Box<[u32]>,
    /// What knows the source; none if that is turned off.
    symbols: Option<Arc<dyn Symbols>>,
    /// The factory of the context that it was compiled in.
    factory: Option<Arc<dyn FunctionListenerFactory>>,
    everywhere: Mutex<Everywhere>,
    probes: Mutex<ModuleProbes>,
    /// How many instances listen to a defined function.
    listened: Mutex<HashMap<u32, usize>>,
    runtime_tag: u64,
    code_id: CodeId,
}

/// The listeners in every instance, and where these are.
#[derive(Default)]
struct Everywhere {
    /// In the order in which they were attached.
    attached: Vec<(AttachmentId, Arc<[Made]>)>,
    instances: Vec<Weak<Instance>>,
}

impl CompiledModule {
    pub(crate) fn new(store: &StoreInner, cx: &Context, info: Arc<ModuleInfo>) -> Result<Self> {
        let (engine, options) = (&store.config().engine, store.config().compile_options());
        let engine_module = match CompileProgress::of_context(cx) {
            Some(progress) => engine.compile_watched(&info, &options, progress)?,
            None => engine.compile(&info, &options)?,
        };
        let symbols = || Arc::new(ModuleSymbols::new(info.bytes.clone())) as _;
        let symbols = store.config().debug_info.then(symbols);
        let type_ids = info.types.iter().map(|ty| store.types().id(ty)).collect();
        let factory = wz_experimental::function_listener_factory(cx).cloned();
        let made = factory.as_ref().map(|factory| made_by(&**factory, &info));
        let mut everywhere = Everywhere::default();
        everywhere.attached.extend(made.map(|made| (AttachmentId::new(), made.into())));
        let everywhere = Mutex::new(everywhere);
        let (listened, probes) = Default::default();
        let runtime_tag = store.tag();
        Ok(Self(Arc::new(Inner {
            info,
            engine_module,
            type_ids,
            symbols,
            factory,
            everywhere,
            probes,
            listened,
            runtime_tag,
            code_id: next_code_id(),
        })))
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

    /// What frames of its functions have in [`SampledFrame::code`](wz_experimental::SampledFrame).
    #[must_use]
    pub fn code_id(&self) -> CodeId {
        self.0.code_id
    }

    /// Whether both are one compilation.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.0
    }

    pub(crate) fn from_inner(inner: Arc<Inner>) -> Self {
        Self(inner)
    }

    pub(crate) fn probes(&self) -> &Mutex<ModuleProbes> {
        &self.0.probes
    }

    pub(crate) fn symbols(&self) -> Option<&Arc<dyn Symbols>> {
        self.0.symbols.as_ref()
    }

    /// The places in the source code that an offset in the body of the Code section comes from, by
    /// the module's DWARF: the innermost inlined function first. Empty if it is unknown.
    #[must_use]
    pub fn source_locations(&self, code_offset: u32) -> Vec<SourceLocation> {
        self.symbols().map(|symbols| symbols.locations(code_offset)).unwrap_or_default()
    }

    /// The canonical number of each type.
    pub(crate) fn type_ids(&self) -> &[u32] {
        &self.0.type_ids
    }

    pub(crate) fn runtime_tag(&self) -> u64 {
        self.0.runtime_tag
    }

    /// Attaches the listeners that a factory makes for the functions that the module defines, in
    /// every instance that there is and will be, until the attachment is dropped. Calls that are
    /// running keep their listeners; other threads may run the functions meanwhile.
    #[must_use = "dropping the attachment detaches"]
    pub fn attach_listeners(&self, factory: &dyn FunctionListenerFactory) -> Attachment {
        let id = AttachmentId::new();
        let made: Arc<[Made]> = made_by(factory, &self.0.info).into();
        let mut everywhere = self.0.everywhere.lock();
        everywhere.attached.push((id, made.clone()));
        // Under the lock, so that a detaching does not overtake it.
        let instances: Vec<_> = everywhere.instances.iter().filter_map(Weak::upgrade).collect();
        for instance in &instances {
            instance.attach(id, &made);
        }
        drop(everywhere);
        let this = Arc::downgrade(&self.0);
        Attachment::new(move || {
            if let Some(inner) = this.upgrade() {
                Self(inner).detach(id);
            }
        })
    }

    fn detach(&self, id: AttachmentId) {
        let mut everywhere = self.0.everywhere.lock();
        let removed: Vec<_> = everywhere.attached.extract_if(.., |(own, _)| *own == id).collect();
        let instances: Vec<_> = everywhere.instances.iter().filter_map(Weak::upgrade).collect();
        for instance in &instances {
            instance.detach(id);
        }
        drop(everywhere);
        drop((removed, instances));
    }

    /// A new instance gets the listeners of all, and then those that the factory of the context
    /// makes that it is made with. None of these if the module was compiled with the same factory:
    /// nobody is told twice.
    pub(crate) fn listen(&self, cx: &Context, instance: &Instance) {
        {
            let mut everywhere = self.0.everywhere.lock();
            everywhere.instances.retain(|other| other.strong_count() > 0);
            everywhere.instances.push(instance.weak());
            for (id, made) in &everywhere.attached {
                instance.attach(*id, made);
            }
        }
        let own = self.0.factory.as_ref();
        match wz_experimental::function_listener_factory(cx) {
            Some(factory) if own.is_none_or(|own| !Arc::ptr_eq(own, factory)) => {
                instance.attach(AttachmentId::new(), &made_by(&**factory, &self.0.info));
            }
            _ => {}
        }
    }

    /// An instance begins or ends to listen to a function, which the module defines.
    pub(crate) fn count_listened(&self, function: u32, begins: bool) {
        let defined = function - self.0.info.imported.functions;
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
pub(crate) fn made_by(factory: &dyn FunctionListenerFactory, info: &ModuleInfo) -> Vec<Made> {
    let defined = info.imported.functions..info.functions.len() as u32;
    Made::by(factory, defined.map(|function| (function, info.function_definition(function))))
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
