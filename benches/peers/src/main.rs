//! wz beside its peers: executes the programs of `testdata/bench` (and large ones that
//! `cargo xtask programs` built) on every runtime, interleaved, in one process, and prints each
//! one's CPU time, the ratio to the reference and the geometric mean.
//!
//! `cargo run --release [--features wasmtime] -- [--rounds N] [--only SUBSTRING] [--calls]`

mod calls;
mod measure;
mod programs;
mod runtimes;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let mut rounds = 5;
    let mut only = String::new();
    let mut sections = Vec::new();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--rounds" => rounds = args.next().unwrap_or_default().parse()?,
            "--only" => only = args.next().unwrap_or_default(),
            "--calls" | "--programs" => sections.push(arg),
            other => bail!("unknown argument {other}"),
        }
    }
    let wanted = |name: &str| sections.is_empty() || sections.iter().any(|section| section == name);
    if wanted("--programs") {
        programs::run(rounds, &only)?;
    }
    if wanted("--calls") {
        calls::run(rounds.max(7))?;
    }
    Ok(())
}
