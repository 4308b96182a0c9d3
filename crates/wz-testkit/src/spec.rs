//! The runner of the specification's test scripts (`.wast`), as a library: [`run_script`] for one
//! script, [`run_scripts`] for many, [`crate_scripts`] and [`folder_scripts`] to find them, and
//! [`KnownFailures`] for what may fail. `cargo xtask spec-test` is its command line.
//!
//! Whatever a script contains is executed or counts as failed: nothing is skipped.

mod group;
mod known;
mod report;
mod run;
mod script;
mod source;
mod spectest;
mod trap;
mod unsupported;
mod value;

pub use group::Group;
pub use known::{Deviation, KnownFailures};
pub use report::Report;
pub use run::run_scripts;
pub use script::{Failure, ScriptResult, run_script};
pub use source::{Script, crate_scripts, folder_scripts};
pub use trap::trap_matches;
pub use unsupported::Unsupported;
