//! The [`Module`] handle: an instance.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::context::Context;
use crate::definition::{
    CustomSection, FunctionDefinition, GlobalDefinition, MemoryDefinition, TableDefinition,
};
use crate::error::{Error, Result};
use crate::function::{Function, TypedFunction};
use crate::global::Global;
use crate::memory::Memory;
use crate::sealed::{Keep, ModuleInner};
use crate::table::Table;
use crate::typed::{WasmParams, WasmResults};

/// An instantiated module. Cheap to clone, `Send + Sync`; an anonymous instance is freed with
/// the last handle that reaches it, a named one stays until it or its runtime is closed.
///
/// wazero's name for the specification's "module instance" (section 4.2.5).
#[derive(Clone)]
pub struct Module {
    inner: Arc<dyn ModuleInner>,
    keep: Keep,
}

impl Module {
    /// Wraps what an engine provides.
    #[doc(hidden)]
    pub fn from_parts(inner: Arc<dyn ModuleInner>, keep: Keep) -> Self {
        Self { inner, keep }
    }

    /// What is behind the handle.
    #[doc(hidden)]
    #[must_use]
    pub fn inner(&self) -> &Arc<dyn ModuleInner> {
        &self.inner
    }

    /// What keeps the instance alive.
    #[doc(hidden)]
    #[must_use]
    pub fn keep(&self) -> &Keep {
        &self.keep
    }

    /// The name it was instantiated with; empty for anonymous instances.
    #[must_use]
    pub fn name(&self) -> &str {
        self.inner.name()
    }

    /// The first memory, defined or imported.
    #[must_use]
    pub fn memory(&self) -> Option<Memory> {
        self.inner.memory(&self.keep, 0)
    }

    /// The function exported under `name`. A host module gives none: its functions are called
    /// by guests, see [`try_exported_function`](Self::try_exported_function).
    #[must_use]
    pub fn exported_function(&self, name: &str) -> Option<Function> {
        self.try_exported_function(name).ok()
    }

    /// The function exported under `name`.
    ///
    /// # Errors
    /// If there is none, or this is a host module, whose functions only guests call.
    pub fn try_exported_function(&self, name: &str) -> Result<Function> {
        if self.inner.is_host_module() {
            return Err(Error::argument("directly calling host function is not supported"));
        }
        self.inner.exported_function(&self.keep, name).ok_or_else(|| {
            Error::argument(format!("\"{name}\" is not exported in module \"{}\"", self.name()))
        })
    }

    /// The function exported under `name` with its types checked once.
    ///
    /// # Errors
    /// If there is no such function, or its type is another one.
    pub fn typed_function<P: WasmParams, R: WasmResults>(&self, name: &str) -> Result<TypedFunction<P, R>> {
        self.try_exported_function(name)?.typed()
    }

    /// The memory exported under `name`.
    #[must_use]
    pub fn exported_memory(&self, name: &str) -> Option<Memory> {
        self.inner.exported_memory(&self.keep, name)
    }

    /// The global exported under `name`.
    #[must_use]
    pub fn exported_global(&self, name: &str) -> Option<Global> {
        self.inner.exported_global(&self.keep, name)
    }

    /// The table exported under `name`.
    #[must_use]
    pub fn exported_table(&self, name: &str) -> Option<Table> {
        self.inner.exported_table(&self.keep, name)
    }

    /// The definitions of all exported functions, by export name.
    #[must_use]
    pub fn exported_function_definitions(&self) -> BTreeMap<Arc<str>, FunctionDefinition> {
        self.inner.exported_function_definitions()
    }

    /// The definitions of all exported memories, by export name.
    #[must_use]
    pub fn exported_memory_definitions(&self) -> BTreeMap<Arc<str>, MemoryDefinition> {
        self.inner.exported_memory_definitions()
    }

    /// The definitions of all exported globals, by export name.
    #[must_use]
    pub fn exported_global_definitions(&self) -> BTreeMap<Arc<str>, GlobalDefinition> {
        self.inner.exported_global_definitions()
    }

    /// The definitions of all exported tables, by export name.
    #[must_use]
    pub fn exported_table_definitions(&self) -> BTreeMap<Arc<str>, TableDefinition> {
        self.inner.exported_table_definitions()
    }

    /// The custom sections that the compiled module kept.
    #[must_use]
    pub fn custom_sections(&self) -> &[CustomSection] {
        self.inner.custom_sections()
    }

    /// The host state of type `T` that the instance was configured with.
    #[must_use]
    pub fn extension<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.inner.extension(TypeId::of::<T>())?.downcast_ref()
    }

    /// Closes with exit code 0, see [`close_with_exit_code`](Self::close_with_exit_code).
    ///
    /// # Errors
    /// If releasing a resource failed. The module is closed nevertheless.
    pub fn close(&self) -> Result<()> {
        self.close_with_exit_code(0)
    }

    /// Closes the instance: its name is free again, its files are closed, calls in flight end
    /// with [`ExitError`](crate::ExitError) where the runtime checks for that, later calls do
    /// always. Only the first close counts.
    ///
    /// # Errors
    /// If releasing a resource failed. The module is closed nevertheless.
    pub fn close_with_exit_code(&self, exit_code: u32) -> Result<()> {
        self.close_with(&Context::background(), exit_code)
    }

    /// As [`close_with_exit_code`](Self::close_with_exit_code) with a context for what is
    /// notified. A context that is done does not prevent closing.
    ///
    /// # Errors
    /// If releasing a resource failed. The module is closed nevertheless.
    pub fn close_with(&self, cx: &Context, exit_code: u32) -> Result<()> {
        self.inner.close(&self.keep, cx, exit_code)
    }

    /// Whether the instance is closed, by [`close`](Self::close), by the guest (`proc_exit`), by
    /// a context that was done or with its runtime.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.exit_code().is_some()
    }

    /// The exit code, once closed.
    #[must_use]
    pub fn exit_code(&self) -> Option<u32> {
        self.inner.exit_code()
    }

    /// Whether both handles are of one instance.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        std::ptr::addr_eq(Arc::as_ptr(&self.inner), Arc::as_ptr(&other.inner))
    }
}

/// Prints `Module[name]`.
impl fmt::Display for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Module[{}]", self.name())
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
