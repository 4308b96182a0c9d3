//! Memory: loads, stores, bounds checks, and loads that are folded into other instructions.

mod fold;
mod inst;
mod select;

pub use fold::fold_load;
pub use inst::MemoryInst;
pub use select::select;
