//! The meaning of every numeric and vector operator, one pure function each: section 4.3
//! (numerics) of the specification.
//!
//! A function is named like its operator in the text format, with `_` for `.`. It takes and gives
//! what the operator does: integers as `i32` and `i64`, truth as 0 or 1, vectors as any
//! [`Vector`]; a lane's index follows the vector. What may trap gives a `Result`.
//!
//! - `int`, `float`, `convert`: scalars.
//! - `vector_int`, `vector_float`, `vector_convert`, `vector_lane`, `relaxed`: vectors.
//! - `access`: what loads and stores do besides accessing memory.
//! - `nan`: canonical NaNs. [`eval`]: all of this by operator numbers.
//!
//! The functions are inlined into engines' handlers. They are written for the compiler to make
//! vector instructions of, without instructions that the target may lack and without `unsafe`.

mod access;
mod convert;
pub mod eval;
mod float;
mod int;
mod lanes;
mod nan;
mod relaxed;
#[cfg(test)]
mod tests;
mod vector_convert;
mod vector_float;
mod vector_int;
mod vector_lane;

pub use access::*;
pub use convert::*;
pub use float::*;
pub use int::*;
pub use lanes::{Bytes, Vector};
pub use nan::*;
pub use relaxed::*;
pub use vector_convert::*;
pub use vector_float::*;
pub use vector_int::*;
pub use vector_lane::*;
