//! Floats and vectors: their instructions, selection and encoding.

mod inst;
mod select;

pub use inst::VectorInst;
pub use select::{compare, select, select_by, select_constant};
