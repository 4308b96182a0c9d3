//! [`ModuleInner`] for [`Instance`]: makes the handles of an instance's items.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::sync::Arc;

use wz_api::sealed::{Keep, ModuleInner};
use wz_api::{
    Context, CustomSection, Function, FunctionDefinition, Global, GlobalDefinition, Memory, MemoryDefinition,
    Result, Table, TableDefinition,
};
use wz_decode::info::ExportItem;

use crate::compiled;
use crate::function::GuestFunction;
use crate::global::GlobalHandle;
use crate::hooks;
use crate::instance::Instance;
use crate::references::{self, Via};
use crate::table::TableHandle;

impl ModuleInner for Instance {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn name(&self) -> &str {
        self.name()
    }

    fn runtime_tag(&self) -> u64 {
        self.store().tag()
    }

    fn is_host_module(&self) -> bool {
        false
    }

    fn exported_function(&self, keep: &Keep, name: &str) -> Option<Function> {
        match self.info().export(name)? {
            ExportItem::Function(index) => ModuleInner::function(self, keep, index),
            _ => None,
        }
    }

    fn exported_memory(&self, keep: &Keep, name: &str) -> Option<Memory> {
        match self.info().export(name)? {
            ExportItem::Memory(index) => ModuleInner::memory(self, keep, index),
            _ => None,
        }
    }

    fn exported_global(&self, keep: &Keep, name: &str) -> Option<Global> {
        match self.info().export(name)? {
            ExportItem::Global(index) => ModuleInner::global(self, keep, index),
            _ => None,
        }
    }

    fn exported_table(&self, keep: &Keep, name: &str) -> Option<Table> {
        match self.info().export(name)? {
            ExportItem::Table(index) => ModuleInner::table(self, keep, index),
            _ => None,
        }
    }

    fn exported_function_definitions(&self) -> BTreeMap<Arc<str>, FunctionDefinition> {
        compiled::exported_functions(self.info())
    }

    fn exported_memory_definitions(&self) -> BTreeMap<Arc<str>, MemoryDefinition> {
        compiled::exported_memories(self.info())
    }

    fn exported_global_definitions(&self) -> BTreeMap<Arc<str>, GlobalDefinition> {
        compiled::exported_globals(self.info())
    }

    fn exported_table_definitions(&self) -> BTreeMap<Arc<str>, TableDefinition> {
        compiled::exported_tables(self.info())
    }

    fn counts(&self) -> [u32; 4] {
        let info = self.info();
        [info.functions.len(), info.tables.len(), info.memories.len(), info.globals.len()]
            .map(|count| count as u32)
    }

    fn function(&self, keep: &Keep, index: u32) -> Option<Function> {
        if index as usize >= self.info().functions.len() {
            return None;
        }
        let instance = self.shared()?;
        if index >= self.info().imported.functions {
            return Some(GuestFunction::new(instance, index, keep.clone()).into_function());
        }
        let word = self.record(index) as u64;
        references::word_to_function(Via { instance: &instance, keep }, word).ok()?
    }

    fn memory(&self, _: &Keep, index: u32) -> Option<Memory> {
        // Memories live on their own.
        Some(Memory::from_inner(self.memory_instance(index)?.clone()))
    }

    fn global(&self, keep: &Keep, index: u32) -> Option<Global> {
        let (global, instance) = (self.global_ref(index)?, self.shared()?);
        Some(Global::from_inner(Arc::new(GlobalHandle { global, instance, keep: keep.clone() })))
    }

    fn table(&self, keep: &Keep, index: u32) -> Option<Table> {
        let (table, instance) = (self.table_instance(index)?.clone(), self.shared()?);
        Some(Table::from_inner(Arc::new(TableHandle { table, instance, keep: keep.clone() })))
    }

    fn custom_sections(&self) -> &[CustomSection] {
        &self.info().custom_sections
    }

    fn extension(&self, id: TypeId) -> Option<&(dyn Any + Send + Sync)> {
        self.extension(id)
    }

    fn close(&self, _: &Keep, cx: &Context, exit_code: u32) -> Result<()> {
        self.closing().close(self.store(), cx, exit_code);
        Ok(())
    }

    fn exit_code(&self) -> Option<u32> {
        self.exit_code()
    }

    fn hooks(&self) -> Option<Keep> {
        Some(hooks::of_instance(self.shared()?))
    }
}
