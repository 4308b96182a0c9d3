//! [`Runtime`]: modules by name, and what compiles and instantiates them.

use std::fmt;

use wz_api::{Context, Error, ErrorKind, FunctionDefinition, HostModule, Module, Result};
use wz_core::{CompiledModule, Store};

use crate::host_module_builder::HostModuleBuilder;
use crate::module_config::ModuleConfig;
use crate::runtime_config::RuntimeConfig;

/// Compiles and instantiates modules, which find each other by name. Cheap to clone,
/// `Send + Sync`.
///
/// ```
/// use wz::prelude::*;
///
/// # fn main() -> wz::Result<()> {
/// let wasm = wat::parse_str(
///     r#"(module (func (export "twice") (param i64) (result i64)
///         (i64.shl (local.get 0) (i64.const 1))))"#,
/// ).unwrap();
/// let runtime = Runtime::new();
/// let module = runtime.instantiate(&wasm)?;
/// assert_eq!(module.typed_function::<i64, i64>("twice")?.call(21)?, 42);
///
/// // Closing ends everything in it. Dropping the last handle frees it too.
/// runtime.close()?;
/// assert!(module.is_closed());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Runtime {
    store: Store,
}

impl Runtime {
    /// A runtime with the default configuration.
    #[must_use]
    pub fn new() -> Self {
        Self::with_config(RuntimeConfig::new()).expect("the default configuration is valid")
    }

    /// A runtime that is configured.
    ///
    /// ```
    /// use wz::prelude::*;
    ///
    /// # fn main() -> wz::Result<()> {
    /// let config = RuntimeConfig::new().with_memory_limit_pages(16).with_close_on_context_done(true);
    /// let runtime = Runtime::with_config(config)?;
    ///
    /// let large = wat::parse_str("(module (memory 17))").unwrap();
    /// assert!(runtime.instantiate(&large).is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If an option is out of its range.
    pub fn with_config(config: RuntimeConfig) -> Result<Self> {
        Ok(Self { store: Store::new(config.into_store_config()?)? })
    }

    /// Decodes, validates and compiles a module in the binary format. The result can be
    /// instantiated any number of times in this runtime.
    ///
    /// ```
    /// use wz::prelude::*;
    ///
    /// # fn main() -> wz::Result<()> {
    /// let runtime = Runtime::new();
    /// let compiled = runtime.compile(wat::parse_str(r#"(module $m (func (export "f")))"#).unwrap())?;
    /// assert_eq!(compiled.name(), "m");
    /// assert!(compiled.exported_functions().contains_key("f"));
    ///
    /// let error = runtime.compile(b"\0asm\x01\0\0\0\x63").unwrap_err();
    /// assert!(matches!(error.kind(), wz::ErrorKind::Module(_)));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the bytes are malformed or invalid, need a feature that is off, exceed a limit, or the
    /// runtime is closed.
    pub fn compile(&self, wasm: impl AsRef<[u8]>) -> Result<CompiledModule> {
        self.compile_with(&Context::background(), wasm)
    }

    /// As [`compile`](Self::compile), in a context that may carry a
    /// [function listener factory](crate::experimental::with_function_listener_factory), which then
    /// is asked for every function.
    ///
    /// # Errors
    /// See [`compile`](Self::compile).
    pub fn compile_with(&self, cx: &Context, wasm: impl AsRef<[u8]>) -> Result<CompiledModule> {
        self.store.compile(cx, wasm.as_ref())
    }

    /// Compiles and instantiates a module with the default configuration: under its own name,
    /// running `_start` if it exports that.
    ///
    /// # Errors
    /// As [`compile`](Self::compile) and [`instantiate_module`](Self::instantiate_module).
    pub fn instantiate(&self, wasm: impl AsRef<[u8]>) -> Result<Module> {
        self.instantiate_with(&Context::background(), wasm, ModuleConfig::new())
    }

    /// Compiles and instantiates a module, in a context and configured. Listeners and close
    /// notifiers come with the context; its deadline and cancellation hold for start functions.
    ///
    /// # Errors
    /// As [`compile`](Self::compile) and [`instantiate_module`](Self::instantiate_module).
    pub fn instantiate_with(
        &self,
        cx: &Context,
        wasm: impl AsRef<[u8]>,
        config: ModuleConfig,
    ) -> Result<Module> {
        // A listener factory makes the instance's listeners; those of the compiled module would
        // come on top.
        let compiled = self.compile(wasm)?;
        self.instantiate_module_with(cx, &compiled, config)
    }

    /// Instantiates a compiled module: finds its imports in the modules of this runtime by their
    /// names, initializes it, runs its start section, registers its name, and then calls the start
    /// functions of `config`.
    ///
    /// A guest that exits with code 0 in a start function is a success: the result is a closed
    /// module.
    ///
    /// ```
    /// use wz::prelude::*;
    ///
    /// # fn main() -> wz::Result<()> {
    /// let runtime = Runtime::new();
    /// let counter = runtime.compile(wat::parse_str(
    ///     r#"(module (global $n (mut i32) (i32.const 0))
    ///         (func (export "next") (result i32)
    ///             (global.set $n (i32.add (global.get $n) (i32.const 1)))
    ///             (global.get $n)))"#,
    /// ).unwrap())?;
    /// // Instances of one module share nothing. Without a name there can be any number.
    /// let first = runtime.instantiate_module(&counter, ModuleConfig::new().with_name(""))?;
    /// let second = runtime.instantiate_module(&counter, ModuleConfig::new().with_name(""))?;
    /// first.typed_function::<(), i32>("next")?.call(())?;
    /// assert_eq!(first.typed_function::<(), i32>("next")?.call(())?, 2);
    /// assert_eq!(second.typed_function::<(), i32>("next")?.call(())?, 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// - [`Link`](wz_api::ErrorKind::Link): every import that is missing or does not match.
    /// - [`Exit`](wz_api::ErrorKind::Exit): the guest exited with another code than 0.
    /// - [`Start`](wz_api::ErrorKind::Start): the start section or a start function failed.
    /// - A taken name, a limit, an invalid argument or environment, a closed runtime.
    pub fn instantiate_module(&self, compiled: &CompiledModule, config: ModuleConfig) -> Result<Module> {
        self.instantiate_module_with(&Context::background(), compiled, config)
    }

    /// As [`instantiate_module`](Self::instantiate_module), in a context.
    ///
    /// # Errors
    /// See [`instantiate_module`](Self::instantiate_module).
    pub fn instantiate_module_with(
        &self,
        cx: &Context,
        compiled: &CompiledModule,
        config: ModuleConfig,
    ) -> Result<Module> {
        let (options, start_functions) = config.into_parts(compiled)?;
        let module = self.store.instantiate(cx, compiled, options)?;
        for name in start_functions.names() {
            // The start section may have ended it, with success.
            if module.is_closed() {
                break;
            }
            let Some(function) = module.exported_function(name) else { continue };
            if let Err(error) = function.call_with(cx, &[]) {
                return start_failed(cx, module, name, error);
            }
        }
        Ok(module)
    }

    /// Begins a host module, whose functions guests import from `name`.
    pub fn host_module_builder(&self, name: &str) -> HostModuleBuilder {
        HostModuleBuilder::new(self.clone(), name)
    }

    /// Instantiates a host module under its name, so that guests can import from it.
    ///
    /// # Errors
    /// An empty or taken name, definitions that do not fit, or a closed runtime.
    pub fn instantiate_host_module(&self, module: &HostModule) -> Result<Module> {
        self.instantiate_host_module_with(&Context::background(), module)
    }

    /// As [`instantiate_host_module`](Self::instantiate_host_module), in a context that may carry
    /// listeners and a close notifier.
    ///
    /// # Errors
    /// See [`instantiate_host_module`](Self::instantiate_host_module).
    pub fn instantiate_host_module_with(&self, cx: &Context, module: &HostModule) -> Result<Module> {
        self.store.instantiate_host(cx, module)
    }

    /// The instance of that name. Anonymous instances are not found.
    #[must_use]
    pub fn module(&self, name: &str) -> Option<Module> {
        self.store.module(name)
    }

    /// The function that an address in machine code is of, and the operator's offset in the body of
    /// the Code section: for what samples addresses from outside. None for what is not code of a
    /// module, or was freed: code stays as long as its module, or instances of it.
    #[must_use]
    pub fn resolve_code_address(&self, address: usize) -> Option<(FunctionDefinition, u32)> {
        let found = self.store.config().engine.resolve(address)?;
        Some((found.module.function_definition(found.function), found.code_offset))
    }

    /// Closes with exit code 0, see [`close_with_exit_code`](Self::close_with_exit_code).
    ///
    /// # Errors
    /// If releasing a resource failed. Everything is closed nevertheless.
    pub fn close(&self) -> Result<()> {
        self.close_with_exit_code(0)
    }

    /// Closes every module in the runtime with this exit code; nothing can be compiled or
    /// instantiated afterwards. Only the first close counts.
    ///
    /// # Errors
    /// If releasing a resource failed. Everything is closed nevertheless.
    pub fn close_with_exit_code(&self, exit_code: u32) -> Result<()> {
        self.close_with(&Context::background(), exit_code)
    }

    /// As [`close_with_exit_code`](Self::close_with_exit_code) with a context for what is notified.
    ///
    /// # Errors
    /// If releasing a resource failed. Everything is closed nevertheless.
    pub fn close_with(&self, cx: &Context, exit_code: u32) -> Result<()> {
        self.store.close(cx, exit_code)
    }

    /// Whether the runtime was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.store.is_closed()
    }

    pub(crate) fn check_open(&self) -> Result<()> {
        match self.store.exit_code() {
            None => Ok(()),
            Some(code) => Err(Error::argument(format!("runtime closed with exit_code({code})"))),
        }
    }
}

/// The module does not stay behind; an exit is passed on as it is, and with code 0 is none.
#[cold]
fn start_failed(cx: &Context, module: Module, function: &str, error: Error) -> Result<Module> {
    // Closing again is nothing; what start functions failed with matters more.
    let closed = module.close_with(cx, 0);
    drop(closed);
    match error.kind() {
        ErrorKind::Exit(exit) if exit.code == 0 => Ok(module),
        ErrorKind::Exit(_) => Err(error),
        _ => {
            let what = format!("module[{}] function[{function}]", module.name());
            Err(Error::new(ErrorKind::Start { what, source: error }))
        }
    }
}

impl Default for Runtime {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}
