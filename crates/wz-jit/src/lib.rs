//! What all instruction sets share in the JIT: from the operators of a function to optimized SSA,
//! and from machine instructions over virtual registers to code. It knows nothing of how an
//! instruction set encodes, nor of instances.
#![forbid(unsafe_code)]

pub mod ancestors;
pub mod build;
mod context;
pub mod dump;
pub mod flow;
mod fold;
mod hash;
pub mod ir;
pub mod opt;
pub mod options;
mod simplify;
pub mod verify;

pub use context::{Context, Dump};
pub use options::{Options, Passes};
extern crate self as wz_core;
#[path = "../../wz-core/src/numeric/mod.rs"]
#[allow(warnings)]
#[doc(hidden)]
pub mod numeric;
