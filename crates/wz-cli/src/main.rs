//! `wz`: runs WebAssembly programs from the command line.
#![forbid(unsafe_code)]

mod args;
mod cache;
mod compile;
mod completions;
mod coredump;
mod count;
mod duration;
mod environment;
mod escape;
mod explain;
mod features;
mod glob;
mod inspect;
mod invoke;
mod listen;
mod mounts;
mod os_text;
mod progress;
mod report;
mod run;
mod sections;
mod session;
mod size;
mod source;
mod trace;
mod validate;
mod wast;

use clap::Parser;

use crate::report::Failure;

fn main() {
    let outcome = match parse() {
        Ok(cli) => run(&cli),
        Err(failure) => Err(failure),
    };
    std::process::exit(outcome.unwrap_or_else(|failure| {
        failure.print();
        failure.status
    }));
}

/// The command line. Where that is wrong or asks for help, the process ends here.
///
/// # Errors
/// If there is an argument that is not UTF-8 and has to be.
fn parse() -> Result<args::Cli, Failure> {
    args::Cli::try_parse().map_err(|error| {
        let odd = std::env::args_os().find(|argument| argument.to_str().is_none());
        match (error.kind(), odd) {
            (clap::error::ErrorKind::InvalidUtf8, Some(odd)) => report::not_utf8(&odd),
            _ => error.exit(),
        }
    })
}

/// Runs the command and gives the process's exit status.
fn run(cli: &args::Cli) -> Result<i32, Failure> {
    match &cli.command {
        Some(args::Command::Version) => report::print_out(&format!("wz {}\n", env!("CARGO_PKG_VERSION"))),
        Some(args::Command::Run(run)) => run::run(run),
        Some(args::Command::Trace(trace)) => trace::trace(trace),
        Some(args::Command::Compile(compile)) => compile::compile(compile),
        Some(args::Command::Validate(validate)) => validate::validate(validate),
        Some(args::Command::Inspect(inspect)) => inspect::inspect(inspect),
        Some(args::Command::Explain(explain)) => explain::explain(explain),
        Some(args::Command::Wast(wast)) => wast::wast(wast),
        Some(args::Command::Completions(completions)) => completions::completions(completions),
        None => run::run(&cli.run),
    }
}
