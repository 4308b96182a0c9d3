//! `cargo xtask`: the repository's own commands.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use anyhow::{Result, bail};

mod bless;
mod fuzz_seeds;
mod programs;
mod spec_test;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  spec-test   runs the specification's test scripts
  bless       writes the golden files of the JIT anew
  fuzz-seeds  compares wz with wasmi on generated modules
  programs    builds the guest programs of tests and benchmarks";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<()> {
    match args.split_first() {
        Some((command, rest)) => match command.as_str() {
            "spec-test" => spec_test::run(rest),
            "bless" => bless::run(rest),
            "fuzz-seeds" => fuzz_seeds::run(rest),
            "programs" => programs::run(rest),
            "help" | "--help" | "-h" => {
                println!("{USAGE}");
                Ok(())
            }
            other => bail!("there is no command \"{other}\"\n{USAGE}"),
        },
        None => bail!("no command\n{USAGE}"),
    }
}
