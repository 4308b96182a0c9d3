//! The benchmark programs, whose results are known.

use std::path::{Path, PathBuf};

use crate::eval::Machine;
use crate::options::{Options, Passes};

use super::oracle::decoded;

fn bench_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/bench")
}

/// The results: name, argument, result.
fn expected() -> Vec<(String, i32, i64)> {
    let text = std::fs::read_to_string(bench_folder().join("expected.txt")).expect("the results");
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let row = |line: &str| {
        let mut words = line.split_whitespace();
        let mut next = || words.next().expect("three words");
        (next().to_owned(), next().parse().expect("a number"), next().parse().expect("a number"))
    };
    lines.map(row).collect()
}

fn check(name: &str, n: i32, result: i64, options: Options) {
    let wasm = std::fs::read(bench_folder().join(format!("{name}.wasm"))).expect("the program");
    let info = decoded(&wasm);
    let mut machine = Machine::new(&info, options, u64::MAX).expect("an instance");
    let results = machine.call_export("run", &[n.cast_unsigned().into()]);
    assert_eq!(results, Ok(vec![result.cast_unsigned().into()]), "{name} {n}");
}

/// Every function of every program, with every variant: the stages are verified.
#[test]
fn compiles_everything() {
    let mut context = crate::Context::default();
    for (name, ..) in expected().into_iter().filter(|(_, n, _)| *n == 0) {
        let wasm = std::fs::read(bench_folder().join(format!("{name}.wasm"))).expect("the program");
        let info = decoded(&wasm);
        for options in super::variants() {
            for function in info.imported.functions..info.functions.len() as u32 {
                context.compile(&info, function, &options).expect("a function that is not too complex");
            }
        }
    }
}

#[test]
fn results_without_work() {
    for (name, n, result) in expected() {
        if n == 0 {
            check(&name, n, result, Options::default());
        }
    }
}

/// Minutes in debug builds, hence: `cargo test --release -p wz-jit results_of_one -- --ignored`.
#[test]
#[ignore = "slow without optimization"]
fn results_of_one() {
    for (name, n, result) in expected() {
        if n == 1 {
            check(&name, n, result, Options::default());
            check(&name, n, result, Options { passes: Passes::NONE, ..Options::default() });
        }
    }
}
