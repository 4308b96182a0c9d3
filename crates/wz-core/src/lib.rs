//! Instances, memories, tables, linking, activations and traps of the wz WebAssembly runtime:
//! what both engines execute against. It knows nothing of how code is compiled or interpreted.
#![deny(unsafe_code)]

#[allow(unsafe_code)]
pub mod activation;
mod attach;
#[allow(unsafe_code)]
pub mod builtins;
#[allow(unsafe_code)]
mod call;
mod caller;
mod close;
mod compiled;
mod config;
mod const_expr;
#[allow(unsafe_code)]
pub mod elsewhere;
#[allow(unsafe_code)]
pub mod engine;
#[allow(unsafe_code)]
mod events;
mod externs;
pub mod fuel;
#[allow(unsafe_code)]
mod function;
mod global;
#[allow(unsafe_code)]
pub mod guest;
mod handles;
mod hooks;
#[allow(unsafe_code)]
mod host;
#[allow(unsafe_code)]
mod instance;
mod instance_events;
#[allow(unsafe_code)]
mod instantiate;
mod interrupt;
mod island;
mod link;
#[allow(unsafe_code)]
mod listen;
mod listing;
#[allow(unsafe_code)]
mod memory;
pub mod numeric;
#[allow(unsafe_code)]
mod pool;
#[allow(unsafe_code)]
pub mod probes;
#[allow(unsafe_code)]
pub mod reclaim;
#[allow(unsafe_code)]
pub mod records;
mod references;
#[allow(unsafe_code)]
mod sample;
#[allow(unsafe_code)]
pub mod snapshot;
#[allow(unsafe_code)]
mod storage;
mod store;
#[allow(unsafe_code)]
mod sys;
#[allow(unsafe_code)]
mod table;
#[cfg(test)]
#[allow(unsafe_code)]
mod testing;
#[cfg(test)]
mod tests;
#[allow(unsafe_code)]
mod thread;
mod timer;
mod types;
#[allow(unsafe_code)]
mod walk;
mod words;

pub use activation::Activation;
pub use close::CLOSES;
pub use compiled::CompiledModule;
pub use config::{CloseHook, Extension, InstanceOptions, StoreConfig};
pub use fuel::{Fuel, with_fuel};
pub use host::HostRecord;
pub use instance::Instance;
pub use listing::{CodeLine, CodeListing};
pub use memory::{FULL_RESERVATION, MemoryInstance, PAGE_BYTES};
pub use sample::walk_interrupted;
pub use store::Store;
pub use table::TableInstance;
pub use thread::native_stack_left;
pub use wz_experimental::{EventKinds, ImportResolver};

const _: fn() = || {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Store>();
    is_send_and_sync::<CompiledModule>();
    is_send_and_sync::<Instance>();
    is_send_and_sync::<MemoryInstance>();
    is_send_and_sync::<TableInstance>();
    is_send_and_sync::<HostRecord>();
    is_send_and_sync::<Fuel>();
};
