//! Hooks into running WebAssembly: [`FunctionListener`], [`StackIterator`],
//! [`ProgramCounter`] and [`CloseNotifier`], after wazero's package `experimental`.
//!
//! Hooks are registered through a [`Context`](wz_api::Context). This crate defines them; the
//! engines call them. It knows nothing of instances' insides.
#![forbid(unsafe_code)]

mod close;
mod listener;
pub mod logging;
mod stack;

pub use close::{CloseNotifier, close_notifier, with_close_notifier};
pub use listener::{
    FunctionListener, FunctionListenerFactory, StackFrame, function_listener_factory,
    with_function_listener_factory,
};
pub use stack::{InternalFunction, ProgramCounter, StackIterator};
