//! `wz completions`: a script for a shell.

use clap::CommandFactory;

use crate::args::{Cli, CompletionsArgs};
use crate::report::{Failure, print_out};

/// Prints the script.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn completions(arguments: &CompletionsArgs) -> Result<i32, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "wz", &mut script);
    print_out(&String::from_utf8_lossy(&script))
}
