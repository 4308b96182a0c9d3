//! Compares wz with wasmtime, and with wasmi, on the cases of seeds, without a fuzzer:
//! `cargo run --release --bin seeds -- FROM TO`. A seed on which only wasmi differs is one on
//! which wasmi is wrong.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use wz_fuzz::Wasmtime;
use wz_testkit::differential::{Case, Oracle, Verdict, Wasmi, Wz, judge};
use wz_testkit::engines::engines;

fn main() -> ExitCode {
    let seeds: Vec<u64> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let [from, to] = seeds[..] else {
        eprintln!("usage: seeds FROM TO");
        return ExitCode::from(2);
    };
    let wasmtime = Wasmtime::new();
    let oracles: [&dyn Oracle; 2] = [&wasmtime, &Wasmi];
    let mut different = 0;
    for seed in from..to {
        let case = Case::from_seed(seed);
        for engine in engines() {
            for oracle in oracles {
                match judge(&Wz::new(*engine), oracle, &case) {
                    Verdict::Same => {}
                    Verdict::Skipped(why) => println!("seed {seed}: {} skips it: {why}", oracle.name()),
                    Verdict::Different(difference) => {
                        println!("seed {seed}: {} and {}: {difference}", engine.name, oracle.name());
                        different += 1;
                    }
                }
            }
        }
    }
    println!("{} seeds, {different} differences", to.saturating_sub(from));
    if different == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
