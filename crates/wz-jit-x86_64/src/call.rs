//! Calls, returns, tail calls, builtins, traps, fuel and interruption.

mod inst;
mod select;

pub use inst::CallInst;
pub use select::{select, select_entry};
