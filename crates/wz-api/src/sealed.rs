//! The object-safe traits behind the handles, which `wz-core` implements. Not for implementing
//! elsewhere: every handle carries its runtime's tag, and engines trust what is behind it.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicU8;

use crate::context::Context;
use crate::definition::{
    CustomSection, FunctionDefinition, GlobalDefinition, MemoryDefinition, TableDefinition,
};
use crate::error::{Error, Result};
use crate::function::Function;
use crate::global::Global;
use crate::memory::Memory;
use crate::module::Module;
use crate::table::Table;
use crate::value::{ExternRef, Value};

/// Converts references between handles and the words that engines use. A null reference is 0.
pub trait References {
    /// The word for a function. An error if the function is of another runtime.
    fn function_to_word(&self, function: &Function) -> Result<u64>;
    /// The function of a word; an error if there is none.
    fn word_to_function(&self, word: u64) -> Result<Option<Function>>;
    /// The word for a host value.
    fn extern_to_word(&self, value: &ExternRef) -> Result<u64>;
    /// The host value of a word; an error if there is none.
    fn word_to_extern(&self, word: u64) -> Result<Option<ExternRef>>;
}

/// An instance.
pub trait ModuleInner: Any + Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn name(&self) -> &str;
    fn runtime_tag(&self) -> u64;
    /// Whether its functions are the embedder's.
    fn is_host_module(&self) -> bool;
    fn exported_function(&self, keep: &Keep, name: &str) -> Option<Function>;
    fn exported_memory(&self, keep: &Keep, name: &str) -> Option<Memory>;
    fn exported_global(&self, keep: &Keep, name: &str) -> Option<Global>;
    fn exported_table(&self, keep: &Keep, name: &str) -> Option<Table>;
    fn exported_function_definitions(&self) -> BTreeMap<Arc<str>, FunctionDefinition>;
    fn exported_memory_definitions(&self) -> BTreeMap<Arc<str>, MemoryDefinition>;
    fn exported_global_definitions(&self) -> BTreeMap<Arc<str>, GlobalDefinition>;
    fn exported_table_definitions(&self) -> BTreeMap<Arc<str>, TableDefinition>;
    /// Counts of the index spaces: functions, tables, memories, globals; imports included.
    fn counts(&self) -> [u32; 4];
    fn function(&self, keep: &Keep, index: u32) -> Option<Function>;
    fn memory(&self, keep: &Keep, index: u32) -> Option<Memory>;
    fn global(&self, keep: &Keep, index: u32) -> Option<Global>;
    fn table(&self, keep: &Keep, index: u32) -> Option<Table>;
    fn custom_sections(&self) -> &[CustomSection];
    fn extension(&self, id: TypeId) -> Option<&(dyn Any + Send + Sync)>;
    fn close(&self, keep: &Keep, cx: &Context, exit_code: u32) -> Result<()>;
    fn exit_code(&self) -> Option<u32>;
    /// What can be attached while it runs: a value of a type that `wz-experimental` defines.
    fn hooks(&self) -> Option<Keep> {
        None
    }
}

/// What keeps an instance's memory alive: its island.
pub type Keep = Arc<dyn Any + Send + Sync>;

/// A function of an instance.
pub trait FunctionInner: References + Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn definition(&self) -> &FunctionDefinition;
    fn runtime_tag(&self) -> u64;
    /// Identifies the function: two handles of one function give the same word.
    fn identity(&self) -> usize;
    fn module(&self) -> Option<Module>;
    /// Calls with parameters in, and results out of, `stack`, whose length was checked.
    fn call(&self, cx: &Context, stack: &mut [u64]) -> Result<()>;
}

/// A linear memory. Offsets and lengths are in bytes.
pub trait MemoryInner: Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn definition(&self) -> MemoryDefinition;
    fn runtime_tag(&self) -> u64;
    fn size(&self) -> u64;
    fn grow(&self, delta_pages: u64) -> Option<u64>;
    /// Reads little-endian up to 8 bytes.
    fn load(&self, offset: u64, len: u32) -> Option<u64>;
    fn store(&self, offset: u64, len: u32, value: u64) -> Option<()>;
    fn read(&self, offset: u64, target: &mut [u8]) -> Option<()>;
    fn write(&self, offset: u64, source: &[u8]) -> Option<()>;
    fn fill(&self, offset: u64, len: u64, value: u8) -> Option<()>;
    fn view(&self, offset: u64, len: u64) -> Option<&[AtomicU8]>;
    /// Reads from a file descriptor straight into the ranges; `at` is the position in the file,
    /// none the current one. `None` if a range is out of bounds.
    #[cfg(unix)]
    fn read_fd(
        &self,
        fd: std::os::fd::BorrowedFd<'_>,
        ranges: &[Range<u64>],
        at: Option<u64>,
    ) -> Option<std::io::Result<usize>>;
    /// Writes the ranges straight to a file descriptor.
    #[cfg(unix)]
    fn write_fd(
        &self,
        fd: std::os::fd::BorrowedFd<'_>,
        ranges: &[Range<u64>],
        at: Option<u64>,
    ) -> Option<std::io::Result<usize>>;
}

/// A global.
pub trait GlobalInner: Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn definition(&self) -> GlobalDefinition;
    fn runtime_tag(&self) -> u64;
    fn get(&self) -> Value;
    /// The words, low half first; the second is 0 unless the type is `v128`.
    fn get_words(&self) -> [u64; 2];
    /// The type and mutability were checked.
    fn set(&self, value: &Value) -> Result<()>;
}

/// A table.
pub trait TableInner: Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn definition(&self) -> TableDefinition;
    fn runtime_tag(&self) -> u64;
    fn size(&self) -> u64;
    fn get(&self, index: u64) -> Option<Value>;
    /// The type was checked. `Ok(false)` if the index is out of range.
    fn set(&self, index: u64, value: &Value) -> Result<bool>;
    fn grow(&self, delta: u64, init: &Value) -> Result<Option<u64>>;
}

/// What a host function sees of the call it is in.
pub trait CallerInner: References {
    fn as_any(&self) -> &dyn Any;
    fn context(&self) -> &Context;
    fn module(&self) -> Option<Module>;
    fn memory(&self) -> Option<&Memory>;
    fn extension(&self, id: TypeId) -> Option<&(dyn Any + Send + Sync)>;
    /// Why the call should end, if it should: its module was closed, its context is done.
    fn interruption(&self) -> Option<Error>;
    /// Registers a wake-up; gives its number.
    fn register_wake(&self, wake: Arc<dyn Fn() + Send + Sync>) -> u64;
    fn unregister_wake(&self, id: u64);
    fn fuel(&self) -> Option<u64>;
    /// The point of the guest's call that this call returns to, for `wz-experimental`.
    fn snapshot(&self) -> Result<Keep> {
        Err(Error::argument("no snapshot can be taken: no guest called the host function"))
    }
    fn consume_fuel(&self, units: u64) -> Result<()>;
}
