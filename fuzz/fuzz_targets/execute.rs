//! Generated modules with everything that wz has are run, on every engine, under limits.
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use wz_testkit::differential::{Case, Oracle, Wz};
use wz_testkit::engines::engines;
use wz_testkit::generate::{Purpose, module_from_bytes};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Some(module) = module_from_bytes(bytes, Purpose::Execute) else { return Corpus::Reject };
    let case = Case { module, seed: bytes.len() as u64 };
    for engine in engines() {
        let observation = Wz::new(*engine).run(&case).expect("wz has everything that is generated");
        observation.assert_no_failure();
    }
    Corpus::Keep
});
