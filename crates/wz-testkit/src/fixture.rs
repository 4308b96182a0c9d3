//! Short ways to make runtimes and instances in tests. They panic on errors: a test that wants
//! to see an error calls the runtime itself.

use wz::{CompiledModule, Context, Module, ModuleConfig, Runtime, RuntimeConfig};
use wz_api::{HostModule, Value};

/// A module in the binary format from its text.
///
/// # Panics
/// If the text is not a module.
#[must_use]
pub fn binary(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

/// A runtime and what tests do with it.
#[derive(Clone, Debug)]
pub struct Fixture {
    /// The runtime.
    pub runtime: Runtime,
}

impl Fixture {
    /// A fresh runtime.
    ///
    /// # Panics
    /// If the configuration is not valid.
    #[must_use]
    pub fn new(config: RuntimeConfig) -> Self {
        Self { runtime: Runtime::with_config(config).unwrap_or_else(|error| panic!("{error}")) }
    }

    /// Compiles text.
    ///
    /// # Panics
    /// If the module is rejected.
    #[must_use]
    pub fn compile(&self, text: &str) -> CompiledModule {
        self.runtime.compile(binary(text)).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Instantiates text without a name.
    ///
    /// # Panics
    /// If that fails.
    #[must_use]
    pub fn module(&self, text: &str) -> Module {
        self.try_module(text).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Instantiates text without a name, or gives the error of that.
    ///
    /// # Errors
    /// Those of the runtime.
    pub fn try_module(&self, text: &str) -> wz::Result<Module> {
        let compiled = self.runtime.compile(binary(text))?;
        self.runtime.instantiate_module_with(
            &Context::background(),
            &compiled,
            ModuleConfig::new().with_name(""),
        )
    }

    /// Instantiates text under a name.
    ///
    /// # Panics
    /// If that fails.
    #[must_use]
    pub fn named(&self, name: &str, text: &str) -> Module {
        self.configured(text, ModuleConfig::new().with_name(name))
    }

    /// Instantiates text as configured.
    ///
    /// # Panics
    /// If that fails.
    #[must_use]
    pub fn configured(&self, text: &str, config: ModuleConfig) -> Module {
        let compiled = self.compile(text);
        let instance = self.runtime.instantiate_module_with(&Context::background(), &compiled, config);
        instance.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Instantiates a host module.
    ///
    /// # Panics
    /// If that fails.
    pub fn host(&self, module: &HostModule) -> Module {
        self.runtime.instantiate_host_module(module).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// Calls an export.
///
/// # Errors
/// Those of the call.
///
/// # Panics
/// If there is no such export.
pub fn call(module: &Module, name: &str, params: &[Value]) -> wz::Result<Vec<Value>> {
    module.try_exported_function(name).unwrap_or_else(|error| panic!("{error}")).call_values(params)
}

/// Calls an export and gives the error.
///
/// # Panics
/// If there is no such export or the call succeeds.
#[must_use]
pub fn call_error(module: &Module, name: &str, params: &[Value]) -> wz::Error {
    match call(module, name, params) {
        Err(error) => error,
        Ok(results) => panic!("\"{name}\" returned {results:?}"),
    }
}

/// The offset in the body of the Code section of an operator of a defined function: of the
/// `nth` one, from 0, whose name in `wasmparser` is `operator`. It is what backtraces and stack
/// iterators give.
///
/// # Panics
/// If there is no such operator.
#[must_use]
pub fn code_offset(module: &[u8], defined_function: usize, operator: &str, nth: usize) -> u32 {
    let mut section = 0;
    let mut functions = 0;
    for payload in wasmparser::Parser::new(0).parse_all(module) {
        match payload.expect("a module") {
            wasmparser::Payload::CodeSectionStart { unchecked_range, .. } => section = unchecked_range.start,
            wasmparser::Payload::CodeSectionEntry(body) => {
                functions += 1;
                if functions - 1 != defined_function {
                    continue;
                }
                let operators = body.get_operators_reader().expect("operators").into_iter_with_offsets();
                let mut named = operators.map(|item| item.expect("an operator")).filter(|(item, _)| {
                    let text = format!("{item:?}");
                    text == operator || text.starts_with(&format!("{operator} "))
                });
                let (_, offset) = named.nth(nth).unwrap_or_else(|| panic!("no operator {operator}"));
                return u32::try_from(offset - section).expect("a small module");
            }
            _ => {}
        }
    }
    panic!("no function {defined_function}")
}
