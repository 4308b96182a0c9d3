//! The shared vocabulary of **wz**: values, types, definitions, handles, host functions and host
//! modules as values, errors and contexts.
//!
//! Everything above and below meets here, so this crate depends on nothing. It holds no engine:
//! the handles stand on the object-safe traits of [`sealed`], which `wz-core` implements.
//! Embedders use it through the facade (package `wz-runtime`, library `wz`).
#![forbid(unsafe_code)]

mod backtrace;
mod codec;
mod context;
mod definition;
#[doc(hidden)]
pub mod direct;
mod error;
mod features;
mod function;
mod global;
mod host;
mod memory;
mod module;
mod progress;
#[doc(hidden)]
#[allow(missing_docs)]
pub mod sealed;
mod source;
mod table;
mod typed;
mod types;
mod value;

pub use backtrace::{Backtrace, BacktraceFrame};
pub use codec::*;
pub use context::{CancelToken, CancelWatch, Context, DoneReason};
#[doc(hidden)]
pub use definition::FunctionParts;
pub use definition::{
    CustomSection, ExportDefinition, FunctionDefinition, GlobalDefinition, MemoryDefinition, TableDefinition,
};
pub use error::{
    Error, ErrorKind, ExitError, HostError, ImportError, ImportProblem, LinkError, ModuleError, Result, Trap,
    TrapError,
};
pub use features::CoreFeatures;
pub use function::{Function, TypedFunction};
#[doc(hidden)]
pub use function::{decode_value, encode_value};
pub use global::Global;
pub use host::{Caller, HostBody, HostFunction, HostModule, WakeRegistration};
pub use memory::Memory;
pub use module::Module;
pub use progress::CompileProgress;
pub use source::SourceLocation;
#[doc(hidden)]
pub use source::Symbols;
pub use table::Table;
pub use typed::{HostResults, IntoHostFunction, MAX_ARITY, WasmParams, WasmResults, WasmType};
pub use types::{ExternType, FunctionType, GlobalType, MemoryType, TableType, ValueType, value_type_name};
pub use value::{ExternRef, V128, Value};
