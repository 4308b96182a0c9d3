//! Integers: arithmetic, comparisons, conditions, branches, selects, constants and moves.

mod inst;
mod select;

pub use inst::IntInst;
pub use select::{condition, select, select_constant};
