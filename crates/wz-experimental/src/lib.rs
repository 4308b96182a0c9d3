//! Hooks into running WebAssembly, after wazero's package `experimental`.
//!
//! - Calls: [`FunctionListener`], made by a [`FunctionListenerFactory`]; [`StackIterator`] and
//!   [`ProgramCounter`] for what is on the stack; [`logging`].
//! - Places in code: [`Probes`], counters and callbacks.
//! - Other [`Event`]s of an instance: growing, traps, host calls, its beginning and end; and
//!   [`CloseNotifier`].
//! - Tests of host functions and listeners: [`fakes`], [`new_stack_iterator`].
//! - Insides: [`InternalModule`], [`lookup_function`].
//! - Control: [`Snapshot`], [`MemoryAllocator`], [`ImportResolver`].
//!
//! Hooks are registered through a [`Context`](wz_api::Context), or attached to what runs already
//! ([`attach_listeners`], [`attach_probes`], [`attach_event_listener`]). This crate defines them;
//! the engines call them. It knows nothing of instances' insides.
#![forbid(unsafe_code)]

mod attachment;
mod close;
mod event;
pub mod fakes;
mod frames;
mod hooks;
mod import_resolver;
mod internal_module;
mod listener;
pub mod logging;
mod memory_allocator;
mod multi;
mod probe;
mod sample;
mod snapshot;
mod stack;
mod table;

pub use attachment::Attachment;
pub use close::{CloseNotifier, close_notifier, with_close_notifier};
pub use event::{Event, EventKinds, EventListener, event_listener, with_event_listener};
pub use frames::{StackFrame, benchmark_function_listener, new_stack_iterator};
#[doc(hidden)]
pub use hooks::{Hooks, ModuleHooks};
pub use hooks::{attach_event_listener, attach_listeners, attach_probes, block_entries};
pub use import_resolver::{ImportResolver, import_resolver, with_import_resolver};
pub use internal_module::{GlobalView, InternalModule};
pub use listener::{
    FunctionListener, FunctionListenerFactory, function_listener_factory, with_function_listener_factory,
};
pub use memory_allocator::{
    LinearMemory, MemoryAllocator, MemoryRequest, memory_allocator, with_memory_allocator,
};
pub use multi::MultiFunctionListenerFactory;
#[doc(hidden)]
pub use probe::ProbeAction;
pub use probe::{Counters, Probe, ProbeOutcome, ProbePoint, ProbeSite, Probes};
pub use sample::{CodeId, SampledFrame, Unwalkable, code_id};
pub use snapshot::{RestoreError, Snapshot, snapshot};
pub use stack::{InternalFunction, ProgramCounter, StackIterator};
pub use table::lookup_function;
