//! `cargo xtask bless`: writes golden files as the code makes them now.

use std::process::Command;

use anyhow::{Result, ensure};

/// The tests that compare with golden files: packages and arguments of `cargo test`.
const TESTS: [(&str, &[&str]); 2] =
    [("wz-jit", &["--lib", "golden_files"]), ("wz-jit-x86_64", &["--test", "golden"])];

/// Runs the command.
pub(crate) fn run(args: &[String]) -> Result<()> {
    ensure!(args.is_empty(), "usage: cargo xtask bless");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    for (package, arguments) in TESTS {
        let mut command = Command::new(&cargo);
        command.args(["test", "--quiet", "--package", package]).args(arguments).env("WZ_BLESS", "1");
        ensure!(command.status()?.success(), "the golden files of {package} were not written");
    }
    Ok(())
}
