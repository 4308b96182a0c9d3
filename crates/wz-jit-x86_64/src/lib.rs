//! The x86-64 part of the JIT: registers and calling convention, stubs, frames. It assembles
//! bytes on any host; what executes them is in `wz-jit`.
#![forbid(unsafe_code)]
#![allow(clippy::useless_conversion, reason = "`dynasm!` converts the numbers of registers")]

pub mod abi;
pub mod address;
mod assembler;
pub mod call;
pub mod condition;
mod encode;
pub mod features;
pub mod frame;
pub mod inst;
pub mod int;
pub mod isa;
pub mod memory;
pub mod probe;
mod shorten;
mod stubs;
pub mod target;
mod values;
pub mod vector;

pub use assembler::{Assembler, FunctionAssembler};
pub use stubs::{PC_RELATIVE, X64, X64Stubs};
pub use target::X64Target;
