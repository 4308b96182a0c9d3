//! What all instruction sets share in the JIT: from the operators of a function to optimized SSA,
//! and from machine instructions over virtual registers to code. It knows nothing of how an
//! instruction set encodes.
#![deny(unsafe_code)]

pub mod ancestors;
pub mod build;
pub mod cache;
pub mod compile;
mod context;
pub mod dump;
pub mod engine;
#[cfg(any(test, feature = "eval"))]
pub mod eval;
pub mod flow;
mod fold;
mod hash;
pub mod ir;
pub mod mach;
pub mod opt;
pub mod options;
pub mod runtime;
mod simplify;
pub mod target;
#[cfg(test)]
mod tests;
pub mod verify;

pub use context::{Context, Dump};
pub use options::{Options, Passes};
pub use target::{CodeOptions, Target};
