//! Floats and vectors: their instructions, selection and encoding.
//!
//! `f32`, `f64` and `v128` are in vector registers; what is above a number's bits is unspecified.
//! With AVX, every instruction is in its VEX form, which has a register for the result of its own.

mod binary;
mod code;
mod condition;
mod constants;
mod convert;
mod encode;
mod inst;
mod lanes;
mod opcode;
mod pattern;
mod scalar;
mod select;
mod selection;
mod shift;
mod shuffle;
#[cfg(test)]
mod tests;
mod truncate;
mod unary;

pub use condition::{compare, is_test, select_by, select_compared, test};
pub use inst::{Form, Source, VectorInst};
pub use opcode::Opcode;
pub use select::{select, select_constant};
pub use truncate::Truncation;
