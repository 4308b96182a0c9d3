//! **wz** runs WebAssembly in Rust programs, and lets them see inside the code that runs.
//!
//! ```
//! use wz::prelude::*;
//!
//! # fn main() -> wz::Result<()> {
//! let runtime = Runtime::new();
//!
//! // Functions of the host are closures.
//! runtime
//!     .host_module_builder("env")
//!     .function("log", |value: i32| println!("the guest says {value}"))
//!     .instantiate()?;
//!
//! let module = runtime.instantiate(wat(
//!     r#"(module
//!         (import "env" "log" (func $log (param i32)))
//!         (func (export "add") (param i32 i32) (result i32)
//!             (call $log (local.get 0))
//!             (i32.add (local.get 0) (local.get 1))))"#,
//! ))?;
//!
//! let add = module.typed_function::<(i32, i32), i32>("add")?;
//! assert_eq!(add.call((1, 2))?, 3);
//! # Ok(())
//! # }
//! # fn wat(text: &str) -> Vec<u8> { wat::parse_str(text).unwrap() }
//! ```
//!
//! # The nouns
//!
//! They are wazero's, as shared handles that are cheap to clone and `Send + Sync`.
//!
//! - A [`Runtime`] holds modules by name. [`RuntimeConfig`] says what it accepts and its limits.
//! - [`Runtime::compile`] makes a [`CompiledModule`] of bytes: validated, ready to be
//!   instantiated any number of times.
//! - [`Runtime::instantiate_module`] makes a [`Module`] of it: an instance with its memories,
//!   tables and globals, linked by name with the instances in the runtime. [`ModuleConfig`] says
//!   what the guest sees of the world.
//! - A [`Function`] or [`TypedFunction`] is called; [`Memory`], [`Global`] and [`Table`] are read
//!   and written.
//! - A [`HostModule`] is a set of closures that guests import; a [`Caller`] is what they see of
//!   the call they are in.
//! - A [`Context`] carries cancellation, a deadline and values, for the `*_with` variants.
//!
//! # A sandbox by default
//!
//! A guest has no arguments, environment, files or standard streams unless they are given to it.
//! Clocks are counted and random numbers fixed, so that the same guest does the same each time.
//! [`ModuleConfig`] lists every default. The WASI functions themselves come with
//! [`wasi::instantiate`].
//!
//! ```
//! use wz::prelude::*;
//! use wz::wasi::{OutputBuffer, Stdio};
//!
//! # fn main() -> wz::Result<()> {
//! # let hello = wat::parse_str(r#"(module
//! #     (import "wasi_snapshot_preview1" "fd_write"
//! #         (func $write (param i32 i32 i32 i32) (result i32)))
//! #     (memory (export "memory") 1)
//! #     (data (i32.const 0) "\08\00\00\00\06\00\00\00hello\n")
//! #     (func (export "_start")
//! #         (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 20)))))"#).unwrap();
//! let runtime = Runtime::new();
//! wz::wasi::instantiate(&runtime)?;
//!
//! let output = OutputBuffer::new();
//! let config = ModuleConfig::new().with_args(["hello"]).with_stdout(Stdio::buffer(&output));
//! // Instantiating runs `_start`.
//! runtime.instantiate_with(&Context::background(), &hello, config)?;
//! assert_eq!(output.to_string_lossy(), "hello\n");
//! # Ok(())
//! # }
//! ```
//!
//! # Errors
//!
//! Everything gives [`Error`], one word that boxes an [`ErrorKind`]. A trap comes with the guest's
//! stack trace. Nothing that a guest or a module's bytes do panics.
//!
//! # Seeing inside
//!
//! [`experimental`] has what watches guests from within: function listeners, stack iterators,
//! close notifiers.
#![forbid(unsafe_code)]

mod compilation_cache;
mod engine;
mod host_module_builder;
mod jit;
mod module_config;
pub mod prelude;
mod runtime;
mod runtime_config;
pub mod wasi;

/// Hooks into running guests: listeners, stack iterators, program counters, close notifiers.
pub use wz_experimental as experimental;

/// Walking the stacks of running guests in signal handlers, for profilers.
///
/// A profiler interrupts threads, with a timer or from another thread, and calls
/// [`walk_interrupted`](sampling::walk_interrupted) in the handler, which gives numbers of modules,
/// functions and offsets; [`code_id`](sampling::code_id) and [`CompiledModule::code_id`] say of
/// which module they are, then or later.
pub mod sampling {
    pub use wz_core::walk_interrupted;
    pub use wz_experimental::{CodeId, SampledFrame, Unwalkable, code_id};
}

/// Host modules of toolchains besides WASI: AssemblyScript and emscripten.
pub use wz_imports as imports;

pub use compilation_cache::{CacheStats, CompilationCache};
pub use engine::EngineKind;
pub use host_module_builder::HostModuleBuilder;
pub use jit::{CodeMemory, JitConfig};
pub use module_config::ModuleConfig;
pub use runtime::Runtime;
pub use runtime_config::RuntimeConfig;
pub use wz_api::*;
pub use wz_core::{CodeLine, CodeListing, CompiledModule, Fuel, with_fuel};
