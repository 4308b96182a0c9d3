//! `wz`: runs WebAssembly programs from the command line.
#![forbid(unsafe_code)]

mod args;
mod duration;
mod environment;
mod escape;
mod features;
mod invoke;
mod mounts;
mod report;
mod run;
mod size;
mod source;

use clap::Parser;

fn main() {
    let cli = args::Cli::parse();
    let outcome = match &cli.command {
        Some(args::Command::Version) => report::print_out(&format!("wz {}\n", env!("CARGO_PKG_VERSION"))),
        Some(args::Command::Run(run)) => run::run(run),
        None => run::run(&cli.run),
    };
    std::process::exit(outcome.unwrap_or_else(|failure| {
        failure.print();
        failure.status
    }));
}
