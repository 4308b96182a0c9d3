//! What tests of wz share: the engines table, the runner of the specification's test scripts,
//! generators of modules, and the comparison of wz with other runtimes. For development only:
//! no crate that users see depends on it.
#![forbid(unsafe_code)]

pub mod differential;
pub mod engines;
pub mod event_log;
pub mod fixture;
pub mod generate;
pub mod random;
pub mod spec;
pub mod transcript;
