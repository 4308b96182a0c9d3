//! WASI for **wz**: `wasi_snapshot_preview1` as a host module, and what stands behind it.
//!
//! [`snapshot_preview1`] is the module, the same for everybody. A [`WasiConfig`] says what guests
//! get; [`WasiConfig::build`] makes the [`WasiState`] of one instance, which the runtime hands to it
//! as an extension, and where the functions find it. Files come from [`fs`], a set of traits with
//! real, read-only, in-memory and adapted implementations.
//!
//! This crate knows nothing of engines, instances or the command line. It trusts nothing a guest
//! passes: pointers, lengths and counts are checked before anything is allocated, and paths lead
//! nowhere outside the directory that they start in.
#![forbid(unsafe_code)]

mod abi;
mod clock;
mod config;
mod descriptor;
mod errno;
pub mod fs;
mod host;
mod net;
mod path;
mod random;
mod state;
mod stdio;
mod stream;
mod sys;
#[cfg(test)]
mod tests;
mod wait;

pub use config::WasiConfig;
pub use errno::Errno;
pub use host::snapshot_preview1;
pub use state::WasiState;
pub use stdio::Stdio;
pub use stream::{MemoryPipe, OutputBuffer, WakeFn, Watchers};

/// The result of file-system operations: what goes wrong is told to guests as a number.
pub type FsResult<T> = Result<T, Errno>;
