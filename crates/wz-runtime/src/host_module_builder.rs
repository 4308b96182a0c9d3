//! [`HostModuleBuilder`]: a host module of closures, made and instantiated in one chain.

use std::sync::Arc;

use wz_api::{Caller, Context, FunctionType, HostFunction, HostModule, IntoHostFunction, Module, Result};

use crate::runtime::Runtime;

/// Puts a host module together for one runtime; from [`Runtime::host_module_builder`].
///
/// Functions are numbered in order of their first export; a later export of the same name
/// replaces the earlier one. A [`HostModule`] is the same without a runtime.
///
/// ```
/// use wz::prelude::*;
///
/// # fn main() -> wz::Result<()> {
/// let runtime = Runtime::new();
/// runtime
///     .host_module_builder("env")
///     // Typed: parameters and results from the closure's signature.
///     .function("add", |a: i32, b: i32| a.wrapping_add(b))
///     // With the calling instance.
///     .function("read", |caller: &mut Caller<'_>, at: u32| -> wz::Result<i32> {
///         let memory = caller.memory().ok_or_else(|| wz::Error::host("no memory"))?;
///         memory.read_u8(at).map(i32::from).ok_or_else(|| wz::Trap::OutOfBoundsMemoryAccess.into())
///     })
///     // Over slots, for types that are known at run time only.
///     .function_raw("swap", wz::FunctionType::new([ValueType::I64; 2], [ValueType::I64; 2]), |_, stack| {
///         stack.swap(0, 1);
///         Ok(())
///     })
///     // With names for parameters and results.
///     .host_function("half", HostFunction::new(|x: f64| x / 2.0).with_parameter_names(["x"]))
///     .instantiate()?;
///
/// let guest = wat::parse_str(
///     r#"(module
///         (import "env" "swap" (func $swap (param i64 i64) (result i64 i64)))
///         (func (export "minus") (param i64 i64) (result i64)
///             (i64.sub (call $swap (local.get 0) (local.get 1)))))"#,
/// ).unwrap();
/// let minus = runtime.instantiate(&guest)?.typed_function::<(i64, i64), i64>("minus")?;
/// assert_eq!(minus.call((1, 10))?, 9);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `instantiate` or `compile`"]
pub struct HostModuleBuilder {
    runtime: Runtime,
    module: HostModule,
}

impl HostModuleBuilder {
    pub(crate) fn new(runtime: Runtime, name: &str) -> Self {
        Self { runtime, module: HostModule::new(name) }
    }

    /// Exports a typed closure of up to 16 parameters, with `&mut Caller<'_>` before them or
    /// without, which gives results or a `Result` of them.
    pub fn function<M>(mut self, name: &str, closure: impl IntoHostFunction<M>) -> Self {
        self.module = self.module.with_function(name, closure);
        self
    }

    /// Exports a closure over slots: parameters in, results out, both from slot 0.
    pub fn function_raw(
        mut self,
        name: &str,
        ty: FunctionType,
        body: impl Fn(&mut Caller<'_>, &mut [u64]) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.module = self.module.with_function_raw(name, ty, body);
        self
    }

    /// Exports a host function, which may have a name of its own and names for its parameters
    /// and results.
    pub fn host_function(mut self, name: &str, function: impl Into<Arc<HostFunction>>) -> Self {
        self.module = self.module.with_host_function(name, function);
        self
    }

    /// Checks the module and gives it as a value, for
    /// [`Runtime::instantiate_host_module`] of this or another runtime.
    ///
    /// # Errors
    /// An empty module name, too many functions, or names that do not fit the parameters or
    /// results.
    pub fn compile(self) -> Result<HostModule> {
        self.runtime.check_open()?;
        self.module.definitions()?;
        Ok(self.module)
    }

    /// Instantiates the module under its name, so that guests can import from it.
    ///
    /// # Errors
    /// As [`compile`](Self::compile), and if the name is taken or the runtime is closed.
    pub fn instantiate(self) -> Result<Module> {
        self.instantiate_with(&Context::background())
    }

    /// As [`instantiate`](Self::instantiate), in a context that may carry listeners and a close
    /// notifier.
    ///
    /// # Errors
    /// See [`instantiate`](Self::instantiate).
    pub fn instantiate_with(self, cx: &Context) -> Result<Module> {
        self.runtime.instantiate_host_module_with(cx, &self.module)
    }
}
