//! Host modules that compilers' output imports from `env`, after wazero's package `imports`:
//! [`assemblyscript`] and [`emscripten`]. Each is a value that a runtime instantiates.
//!
//! This crate knows nothing of engines; what it calls back into guests goes through handles.
#![forbid(unsafe_code)]

pub mod assemblyscript;
pub mod emscripten;
