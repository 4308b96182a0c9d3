//! Host functions and host modules as values, and [`Caller`], what a host function sees of the
//! call it is in. Nothing here runs anything: a runtime instantiates host modules.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;

use crate::context::Context;
use crate::definition::{ExportDefinition, FunctionDefinition, FunctionParts};
use crate::direct::DirectBody;
use crate::error::{Error, Result};
use crate::function::Function;
use crate::memory::Memory;
use crate::module::Module;
use crate::sealed::{CallerInner, References};
use crate::typed::{HostParts, IntoHostFunction};
use crate::types::FunctionType;
use crate::value::ExternRef;

/// What engines call: parameters and results share the slots, as in
/// [`Function::call_with_stack`](crate::Function::call_with_stack).
pub type HostBody = Box<dyn Fn(&mut Caller<'_>, &mut [u64]) -> Result<()> + Send + Sync>;

/// A function that the embedder implements.
pub struct HostFunction {
    ty: Arc<FunctionType>,
    body: HostBody,
    direct: Option<Arc<dyn DirectBody>>,
    name: Option<String>,
    param_names: Vec<Arc<str>>,
    result_names: Vec<Arc<str>>,
}

impl HostFunction {
    /// A function from a typed closure.
    pub fn new<M>(closure: impl IntoHostFunction<M>) -> Self {
        let HostParts { ty, body, direct } = closure.into_parts();
        Self { direct, ..Self::from_body(ty, body) }
    }

    /// A function from a closure over slots: parameters in, results out, both from slot 0.
    /// Results of reference types are checked when the closure returns.
    pub fn raw(
        ty: FunctionType,
        body: impl Fn(&mut Caller<'_>, &mut [u64]) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self::from_body(ty, Box::new(body))
    }

    fn from_body(ty: FunctionType, body: HostBody) -> Self {
        let (param_names, result_names) = Default::default();
        Self { ty: Arc::new(ty), body, direct: None, name: None, param_names, result_names }
    }

    /// Sets the function's own name, which need not be the one it is exported under. The export
    /// name is the default.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Names the parameters, all or none.
    #[must_use]
    pub fn with_parameter_names<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.param_names = names.into_iter().map(Arc::from).collect();
        self
    }

    /// Names the results, all or none.
    #[must_use]
    pub fn with_result_names<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.result_names = names.into_iter().map(Arc::from).collect();
        self
    }

    /// The function's type.
    #[must_use]
    pub fn ty(&self) -> &Arc<FunctionType> {
        &self.ty
    }

    /// What engines call.
    #[doc(hidden)]
    #[must_use]
    pub fn body(&self) -> &HostBody {
        &self.body
    }

    /// The same for calls with the values in registers, if that is possible.
    #[doc(hidden)]
    #[must_use]
    pub fn direct(&self) -> Option<&Arc<dyn DirectBody>> {
        self.direct.as_ref()
    }
}

impl fmt::Debug for HostFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostFunction").field("ty", &self.ty).field("name", &self.name).finish_non_exhaustive()
    }
}

/// A module of host functions, ready to be instantiated under its name. Cheap to clone.
///
/// Functions are numbered in order of their first export; a later export of the same name
/// replaces the earlier one.
#[derive(Clone, Debug, Default)]
pub struct HostModule {
    name: Arc<str>,
    functions: Vec<(Arc<str>, Arc<HostFunction>)>,
}

/// The largest number of functions in a host module.
const MAX_HOST_FUNCTIONS: usize = 65_536;

impl HostModule {
    /// A module without functions.
    #[must_use]
    pub fn new(name: impl AsRef<str>) -> Self {
        Self { name: name.as_ref().into(), functions: Vec::new() }
    }

    /// The same functions under another module name.
    #[must_use]
    pub fn with_name(mut self, name: impl AsRef<str>) -> Self {
        self.name = name.as_ref().into();
        self
    }

    /// Exports a typed closure.
    #[must_use]
    pub fn with_function<M>(self, name: &str, closure: impl IntoHostFunction<M>) -> Self {
        self.with_host_function(name, HostFunction::new(closure))
    }

    /// Exports a closure over slots.
    #[must_use]
    pub fn with_function_raw(
        self,
        name: &str,
        ty: FunctionType,
        body: impl Fn(&mut Caller<'_>, &mut [u64]) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.with_host_function(name, HostFunction::raw(ty, body))
    }

    /// Exports a host function.
    #[must_use]
    pub fn with_host_function(mut self, name: &str, function: impl Into<Arc<HostFunction>>) -> Self {
        let function = function.into();
        match self.functions.iter_mut().find(|(existing, _)| **existing == *name) {
            Some(entry) => entry.1 = function,
            None => self.functions.push((name.into(), function)),
        }
        self
    }

    /// The name it will be instantiated with.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The functions with their export names, by index.
    #[must_use]
    pub fn functions(&self) -> &[(Arc<str>, Arc<HostFunction>)] {
        &self.functions
    }

    /// The definitions of the functions, by index.
    ///
    /// # Errors
    /// An empty module name, too many functions, or names that do not fit the parameters or
    /// results.
    pub fn definitions(&self) -> Result<Vec<FunctionDefinition>> {
        if self.name.is_empty() {
            return Err(Error::argument("a module name must not be empty"));
        }
        if self.functions.len() > MAX_HOST_FUNCTIONS {
            return Err(Error::argument(format!(
                "module[{}] has {} functions, but the limit is {MAX_HOST_FUNCTIONS}",
                self.name,
                self.functions.len()
            )));
        }
        let count = |export: &str, kind: &str, types: usize, names: usize| {
            if names == 0 || names == types {
                return Ok(());
            }
            let name = &self.name;
            Err(Error::argument(format!(
                "func[{name}.{export}] has {types} {kind}, but {names} {kind} names"
            )))
        };
        let define = |(index, (export, function)): (usize, &(Arc<str>, Arc<HostFunction>))| {
            count(export, "params", function.ty.params().len(), function.param_names.len())?;
            count(export, "results", function.ty.results().len(), function.result_names.len())?;
            Ok(FunctionDefinition::new(FunctionParts {
                export: ExportDefinition {
                    module_name: self.name.clone(),
                    index: index as u32,
                    import: None,
                    export_names: vec![export.clone()],
                },
                name: function.name.as_deref().map_or_else(|| export.clone(), Arc::from),
                host: true,
                ty: function.ty.clone(),
                param_names: function.param_names.clone(),
                result_names: function.result_names.clone(),
                ..Default::default()
            }))
        };
        self.functions.iter().enumerate().map(define).collect()
    }
}

/// What a host function sees of the call it is in: the calling instance and its state, the
/// context, interruption, fuel.
pub struct Caller<'a> {
    inner: &'a dyn CallerInner,
}

impl<'a> Caller<'a> {
    /// Wraps what an engine provides.
    #[doc(hidden)]
    #[must_use]
    pub fn from_inner(inner: &'a dyn CallerInner) -> Self {
        Self { inner }
    }

    /// What is behind it.
    #[doc(hidden)]
    #[must_use]
    pub fn inner(&self) -> &'a dyn CallerInner {
        self.inner
    }

    /// The calling instance. None if the embedder called the function without one.
    #[must_use]
    pub fn module(&self) -> Option<Module> {
        self.inner.module()
    }

    /// The first memory of the calling instance.
    #[must_use]
    pub fn memory(&self) -> Option<&'a Memory> {
        self.inner.memory()
    }

    /// The context of this call, as derived by listeners of the functions around it.
    #[must_use]
    pub fn context(&self) -> &'a Context {
        self.inner.context()
    }

    /// The host state of type `T` that the calling instance was configured with.
    #[must_use]
    pub fn extension<T: Any + Send + Sync>(&self) -> Option<&'a T> {
        self.inner.extension(TypeId::of::<T>())?.downcast_ref()
    }

    /// Why this call should end, if it should: its module was closed, or its context is done and
    /// the runtime closes modules then. A host function that blocks returns this error when woken.
    #[must_use]
    pub fn interruption(&self) -> Option<Error> {
        self.inner.interruption()
    }

    /// Has `wake` called, on another thread, when this call should end, until the registration
    /// is dropped. It is called at once if that is the case already. For host functions that
    /// block: register, block in a way that `wake` ends, then look at
    /// [`interruption`](Self::interruption).
    #[must_use]
    pub fn on_interruption(&self, wake: impl Fn() + Send + Sync + 'static) -> WakeRegistration<'a> {
        WakeRegistration { inner: self.inner, id: self.inner.register_wake(Arc::new(wake)) }
    }

    /// The fuel left, if the runtime meters it.
    #[must_use]
    pub fn fuel(&self) -> Option<u64> {
        self.inner.fuel()
    }

    /// Uses up fuel on behalf of the host function; nothing if the runtime does not meter.
    ///
    /// # Errors
    /// If not enough is left: the trap that the host function should return.
    pub fn consume_fuel(&mut self, units: u64) -> Result<()> {
        self.inner.consume_fuel(units)
    }
}

impl References for Caller<'_> {
    fn function_to_word(&self, function: &Function) -> Result<u64> {
        self.inner.function_to_word(function)
    }
    fn word_to_function(&self, word: u64) -> Result<Option<Function>> {
        self.inner.word_to_function(word)
    }
    fn extern_to_word(&self, value: &ExternRef) -> Result<u64> {
        self.inner.extern_to_word(value)
    }
    fn word_to_extern(&self, word: u64) -> Result<Option<ExternRef>> {
        self.inner.word_to_extern(word)
    }
}

impl fmt::Debug for Caller<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("module", &self.module()).finish_non_exhaustive()
    }
}

/// Ends a wake-up of [`Caller::on_interruption`] when dropped.
pub struct WakeRegistration<'a> {
    inner: &'a dyn CallerInner,
    id: u64,
}

impl Drop for WakeRegistration<'_> {
    fn drop(&mut self) {
        self.inner.unregister_wake(self.id);
    }
}

impl fmt::Debug for WakeRegistration<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WakeRegistration").finish_non_exhaustive()
    }
}
