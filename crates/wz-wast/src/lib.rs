//! The runner of the specification's test scripts (`.wast`): [`run_script`] for one script,
//! [`run_scripts`] for many, [`folder_scripts`] to find them. What may fail is not its business.
//!
//! Whatever a script contains is executed or counts as failed: nothing is skipped.
#![forbid(unsafe_code)]

mod group;
mod report;
mod run;
mod script;
mod source;
mod spectest;
mod trap;
mod unsupported;
mod value;

pub use group::Group;
pub use report::Report;
pub use run::run_scripts;
pub use script::{Failure, ScriptResult, run_script, run_script_in};
pub use source::{Script, folder_scripts};
pub use trap::trap_matches;
pub use unsupported::Unsupported;
