//! Bytes to a validated [`ModuleInfo`], and the one operator walker that drives a
//! [`FunctionBuilder`]. It knows nothing of instances or engines.
#![forbid(unsafe_code)]

mod blocks;
pub mod builder;
mod calls;
mod decode;
pub mod fuel;
pub mod info;
mod names;
mod opcode;
pub mod ops;
mod walker;

pub use blocks::{block_entries, operator_offsets};
pub use builder::FunctionBuilder;
pub use calls::{Call, calls, makes_tail_calls};
pub use decode::{DecodeLimits, DecodeOptions, decode};
pub use info::ModuleInfo;
pub use walker::{WalkOptions, body_locals, walk};
