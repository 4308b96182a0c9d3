//! Generated modules do the same on every engine of wz and on wasmtime, or on wasmi.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::{Corpus, fuzz_target};
use wz_fuzz::Wasmtime;
use wz_testkit::differential::{Case, Verdict, Wasmi, Wz, judge};
use wz_testkit::engines::engines;

static WASMTIME: LazyLock<Wasmtime> = LazyLock::new(Wasmtime::new);

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Some(case) = Case::from_bytes(bytes) else { return Corpus::Reject };
    for engine in engines() {
        let wz = Wz::new(*engine);
        // wasmi has bugs of its own: it has a say where wasmtime has none.
        let verdict = match judge(&wz, &*WASMTIME, &case) {
            Verdict::Skipped(_) => judge(&wz, &Wasmi, &case),
            verdict => verdict,
        };
        if let Verdict::Different(difference) = verdict {
            panic!("{}: {difference}", engine.name);
        }
    }
    Corpus::Keep
});
