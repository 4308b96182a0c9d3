//! Memory: loads, stores, bounds checks, and loads that are folded into other instructions.

pub(crate) mod access;
mod emit;
mod fold;
mod inst;
pub(crate) mod select;

pub use fold::fold_load;
pub use inst::MemoryInst;
pub use select::select;
