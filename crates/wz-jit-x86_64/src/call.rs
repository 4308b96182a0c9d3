//! Calls, returns, tail calls, builtins, traps, fuel and interruption.

mod context;
mod inst;
mod select;

pub(crate) use context::CallContext;
pub use inst::CallInst;
pub use select::{select, select_entry};
