//! The specification's test scripts: [`run_scripts`] on an engine, [`crate_scripts`] and
//! [`folder_scripts`] to find them, and [`KnownFailures`] for what may fail. The runner itself is
//! the crate `wz-wast`; `cargo xtask spec-test` is the command line of this.

mod crate_scripts;
mod known;

pub use crate_scripts::crate_scripts;
pub use known::{Deviation, KnownFailures};
pub use wz_wast::{
    Failure, Group, Report, Script, ScriptResult, Unsupported, folder_scripts, run_script, run_script_in,
    trap_matches,
};

use crate::engines::EngineUnderTest;

/// Executes the scripts on `threads` threads and gives the results in order of the scripts.
///
/// # Panics
/// If the host has no threads left.
#[must_use]
pub fn run_scripts(engine: EngineUnderTest, scripts: &[Script], threads: usize) -> Vec<ScriptResult> {
    wz_wast::run_scripts(&(engine.config)(), scripts, threads)
}
