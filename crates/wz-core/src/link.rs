//! Linking: finds what a module imports and checks that it fits. All imports that do not are
//! reported, not only the first.

use std::sync::Arc;

use wz_api::{
    Error, ExternType, GlobalType, ImportError, ImportProblem, LinkError, MemoryType, Module, Result,
    TableType, ValueType,
};
use wz_decode::info::{ExportItem, Import, ImportItem};

use crate::compiled::{CompiledModule, import_kind};
use crate::global::GlobalRef;
use crate::host::{HostInstance, HostRecord};
use crate::instance::{Instance, InstanceIsland};
use crate::memory::MemoryInstance;
use crate::records::FunctionRecord;
use crate::store::StoreInner;
use crate::table::TableInstance;
use crate::words::Found;
use wz_experimental::ImportResolver;

/// What the imports of a module are, by kind and index.
#[derive(Default)]
pub(crate) struct Imports {
    pub(crate) functions: Vec<*const FunctionRecord>,
    /// The host functions among `functions`.
    pub(crate) hosts: Vec<Arc<HostRecord>>,
    pub(crate) tables: Vec<Arc<TableInstance>>,
    pub(crate) memories: Vec<Arc<MemoryInstance>>,
    pub(crate) globals: Vec<GlobalRef>,
    /// The islands that the importing instance gets to do with.
    pub(crate) edges: Vec<Edge>,
}

/// An island that an import leads to.
pub(crate) struct Edge {
    pub(crate) island: Arc<InstanceIsland>,
    /// Whether references can pass: then the islands become one.
    pub(crate) merge: bool,
}

/// Finds the imports of a module.
///
/// # Errors
/// A [`LinkError`] with everything that is missing or does not fit.
pub(crate) fn link(
    store: &StoreInner,
    compiled: &CompiledModule,
    resolver: Option<&ImportResolver>,
) -> Result<Imports> {
    let info = compiled.info();
    let mut linker = Linker { store, compiled, imports: Imports::default() };
    let mut errors = Vec::new();
    let mut last: Option<(&str, Option<Module>)> = None;
    for import in &info.imports {
        // Imports from one module usually follow each other.
        let module = match &last {
            Some((name, module)) if **name == *import.module => module.clone(),
            _ => {
                let module = linker.module(&import.module, resolver)?;
                last = Some((&import.module, module.clone()));
                module
            }
        };
        let problem = match module {
            None => Some(ImportProblem::NoModule),
            Some(module) => linker.resolve(&module, import).err(),
        };
        if let Some(problem) = problem {
            errors.push(ImportError {
                module: import.module.to_string(),
                name: import.name.to_string(),
                kind: import_kind(&import.item),
                problem,
            });
        }
    }
    if errors.is_empty() { Ok(linker.imports) } else { Err(LinkError { imports: errors }.into()) }
}

struct Linker<'a> {
    store: &'a StoreInner,
    compiled: &'a CompiledModule,
    imports: Imports,
}

impl Linker<'_> {
    fn module(&self, name: &str, resolver: Option<&ImportResolver>) -> Result<Option<Module>> {
        let Some(module) = resolver.and_then(|resolver| resolver(name)) else {
            return Ok(self.store.module(name));
        };
        if module.inner().runtime_tag() != self.store.tag() {
            return Err(Error::argument(format!("module[{name}] is of another runtime")));
        }
        Ok(Some(module))
    }

    fn resolve(&mut self, module: &Module, import: &Import) -> Result<(), ImportProblem> {
        let any = module.inner().as_any();
        if let Some(host) = any.downcast_ref::<HostInstance>() {
            let function = host.exported_host_function(&import.name).ok_or(ImportProblem::NoExport)?;
            let ImportItem::Function(ty) = import.item else {
                return Err(ImportProblem::Kind { given: ExternType::FUNC });
            };
            return self.host_function(ty, function.clone());
        }
        let instance =
            any.downcast_ref::<Instance>().and_then(Instance::shared).ok_or(ImportProblem::NoModule)?;
        let export = instance.info().export(&import.name).ok_or(ImportProblem::NoExport)?;
        match (import.item, export) {
            (ImportItem::Function(ty), ExportItem::Function(index)) => self.function(ty, &instance, index),
            (ImportItem::Table(expected), ExportItem::Table(index)) => {
                let table = instance.table_instance(index).ok_or(ImportProblem::NoExport)?;
                check_table(&expected, table.ty(), table.len() as u64)?;
                if expected.element == ValueType::FuncRef {
                    self.edge(&instance, true)?;
                }
                self.imports.tables.push(table.clone());
                Ok(())
            }
            (ImportItem::Memory(expected), ExportItem::Memory(index)) => {
                let memory = instance.memory_instance(index).ok_or(ImportProblem::NoExport)?;
                check_memory(&expected, memory.ty(), memory.pages())?;
                self.imports.memories.push(memory.clone());
                Ok(())
            }
            (ImportItem::Global(expected), ExportItem::Global(index)) => {
                let global = instance.global_ref(index).ok_or(ImportProblem::NoExport)?;
                check_global(&expected, &global.ty())?;
                if expected.value == ValueType::FuncRef {
                    // Even an immutable one may hold a function that takes functions.
                    self.edge(&instance, true)?;
                }
                self.imports.globals.push(global);
                Ok(())
            }
            (_, export) => Err(ImportProblem::Kind { given: export_kind(export) }),
        }
    }

    fn function(&mut self, ty: u32, instance: &Arc<Instance>, index: u32) -> Result<(), ImportProblem> {
        if index >= instance.info().imported.functions {
            return self.guest_function(ty, instance, index);
        }
        // Re-exported: what counts is the instance that defines it.
        match self.store.words().find(instance.record(index) as u64) {
            Some(Found::Guest(definer, index)) => self.guest_function(ty, &definer, index),
            Some(Found::Host(host)) => self.host_function(ty, host),
            None => Err(ImportProblem::NoExport),
        }
    }

    fn guest_function(&mut self, ty: u32, instance: &Arc<Instance>, index: u32) -> Result<(), ImportProblem> {
        let given = instance.info().functions[index as usize] as usize;
        if instance.compiled().type_ids()[given] != self.compiled.type_ids()[ty as usize] {
            return Err(self.signature(ty, &instance.info().types[given]));
        }
        // A function that takes no functions cannot get at anything of the importer; one that
        // gives none cannot lead it to others that do.
        let ty = &self.compiled.info().types[ty as usize];
        let merge = ty.params().iter().chain(ty.results()).any(|ty| *ty == ValueType::FuncRef);
        self.edge(instance, merge)?;
        self.imports.functions.push(instance.record(index));
        Ok(())
    }

    fn host_function(&mut self, ty: u32, host: Arc<HostRecord>) -> Result<(), ImportProblem> {
        let given = host.function().ty();
        if **given != *self.compiled.info().types[ty as usize] {
            return Err(self.signature(ty, given));
        }
        self.imports.functions.push(host.record());
        if self.imports.hosts.last().is_none_or(|last| !Arc::ptr_eq(last, &host)) {
            self.imports.hosts.push(host);
        }
        Ok(())
    }

    fn edge(&mut self, instance: &Instance, merge: bool) -> Result<(), ImportProblem> {
        let island = instance.island().ok_or(ImportProblem::NoModule)?;
        instance.closing().meets_others();
        match self.imports.edges.iter_mut().find(|edge| Arc::ptr_eq(&edge.island, &island)) {
            Some(edge) => edge.merge |= merge,
            None => self.imports.edges.push(Edge { island, merge }),
        }
        Ok(())
    }

    fn signature(&self, ty: u32, given: &wz_api::FunctionType) -> ImportProblem {
        mismatch("signature mismatch", &self.compiled.info().types[ty as usize], given)
    }
}

fn export_kind(item: ExportItem) -> ExternType {
    match item {
        ExportItem::Function(_) => ExternType::FUNC,
        ExportItem::Table(_) => ExternType::TABLE,
        ExportItem::Memory(_) => ExternType::MEMORY,
        ExportItem::Global(_) => ExternType::GLOBAL,
    }
}

fn mismatch(what: &str, expected: impl ToString, given: impl ToString) -> ImportProblem {
    ImportProblem::Type { what: what.into(), expected: expected.to_string(), given: given.to_string() }
}

fn check_limits(expected: (u64, Option<u64>), given: (u64, Option<u64>)) -> Result<(), ImportProblem> {
    if expected.0 > given.0 {
        return Err(ImportProblem::Minimum { expected: expected.0, given: given.0 });
    }
    match expected.1 {
        Some(max) if given.1.is_none_or(|given| given > max) => {
            Err(ImportProblem::Maximum { expected: max, given: given.1 })
        }
        _ => Ok(()),
    }
}

fn check_table(expected: &TableType, given: &TableType, size: u64) -> Result<(), ImportProblem> {
    if expected.element != given.element {
        return Err(mismatch("table type mismatch", expected.element, given.element));
    }
    if expected.table64 != given.table64 {
        return Err(mismatch("address type mismatch", expected.address_type(), given.address_type()));
    }
    check_limits((expected.min, expected.max), (size, given.max))
}

fn check_memory(expected: &MemoryType, given: &MemoryType, pages: u64) -> Result<(), ImportProblem> {
    if expected.memory64 != given.memory64 {
        return Err(mismatch("address type mismatch", expected.address_type(), given.address_type()));
    }
    if expected.shared != given.shared {
        return Err(mismatch("shared mismatch", expected.shared, given.shared));
    }
    check_limits((expected.min_pages, expected.max_pages), (pages, given.max_pages))
}

fn check_global(expected: &GlobalType, given: &GlobalType) -> Result<(), ImportProblem> {
    if expected.mutable != given.mutable {
        return Err(mismatch("mutability mismatch", expected.mutable, given.mutable));
    }
    if expected.value != given.value {
        return Err(mismatch("value type mismatch", expected.value, given.value));
    }
    Ok(())
}
