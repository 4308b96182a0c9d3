//! wz beside its peers: the same modules and inputs on every runtime, interleaved, in one process and one run.
//! The README of this folder says what is measured and how to read it.

mod clock;
mod compile;
mod edges;
mod execution;
mod large;
mod machine;
mod measure;
mod modules;
mod options;
mod peer;
mod report;

use std::process::ExitCode;

use anyhow::Result;
use options::{Options, Section};
use report::Report;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.split_first() {
        Some((first, rest)) if first == large::CHILD => large::child(rest),
        _ => run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let Some(options) = Options::parse(arguments)? else {
        print!("{}", options::USAGE);
        return Ok(());
    };
    let mut report = Report::new(&options);
    for section in &options.sections {
        match section {
            Section::Execution => execution::run(&options, &mut report)?,
            Section::Compile => compile::run(&options, &mut report)?,
            Section::Large => large::run(&options, &mut report)?,
            Section::Edges => edges::run(&options, &mut report)?,
        }
    }
    report.finish(options.json.as_deref())
}
