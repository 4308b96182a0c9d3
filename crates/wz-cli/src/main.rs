//! `wz`: runs WebAssembly programs from the command line.
#![forbid(unsafe_code)]

mod args;
mod cache;
mod compile;
mod completions;
mod coredump;
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

fn main() {
    let cli = args::Cli::parse();
    let outcome = match &cli.command {
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
    };
    std::process::exit(outcome.unwrap_or_else(|failure| {
        failure.print();
        failure.status
    }));
}
