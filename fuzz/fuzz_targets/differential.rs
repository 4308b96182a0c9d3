//! Generated modules do the same on every engine of wz, on wasmi and on wasmtime.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::{Corpus, fuzz_target};
use wz_fuzz::Wasmtime;
use wz_testkit::differential::{Case, Oracle, Verdict, Wasmi, Wz, judge};
use wz_testkit::engines::engines;

static WASMTIME: LazyLock<Wasmtime> = LazyLock::new(Wasmtime::new);

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Some(case) = Case::from_bytes(bytes) else { return Corpus::Reject };
    let oracles: [&dyn Oracle; 2] = [&Wasmi, &*WASMTIME];
    for engine in engines() {
        for oracle in oracles {
            if let Verdict::Different(difference) = judge(&Wz { engine: *engine }, oracle, &case) {
                panic!("{} and {}: {difference}", engine.name, oracle.name());
            }
        }
    }
    Corpus::Keep
});
