//! Functions that make compilers slow: what would be quadratic shows as a test that does not end.

use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::Context;
use crate::build::BuildError;
use crate::options::Options;

use super::oracle::decoded;

/// Compiles a function with a body, and says how long that took. The limit is wide enough for a
/// debug build on a busy machine, and far below what anything quadratic takes.
fn check(what: &str, signature: &str, body: &str) {
    let text = format!("(module (memory 1) (global $g (mut i32) (i32.const 0)) (func {signature} {body}))");
    let wasm = wat::parse_str(text).expect("a module");
    let info = decoded(&wasm);
    let start = Instant::now();
    // Verified once, without the clock.
    let result = Context::default().compile(&info, 0, &Options::default()).map(|f| f.insts.len());
    let taken = start.elapsed();
    assert!(result.is_ok(), "{what}: {result:?}");
    assert!(taken < Duration::from_secs(20), "{what} took {taken:?}");
}

fn repeat(count: usize, mut line: impl FnMut(usize) -> String) -> String {
    let mut text = String::new();
    for number in 0..count {
        writeln!(text, "{}", line(number)).expect("text");
    }
    text
}

fn locals(count: usize) -> String {
    format!("(local{})", " i32".repeat(count))
}

#[test]
fn many_branches_out_of_one_block() {
    let body = repeat(20_000, |_| "(br_if 0 (local.get 0))".to_owned());
    check("br_ifs", "(param i32)", &format!("(block {body})"));
}

#[test]
fn many_branches_and_a_local_read_after() {
    let body = repeat(10_000, |number| {
        format!("(local.set 1 (i32.const {number})) (br_if 0 (i32.load (local.get 0)))")
    });
    check("br_ifs", "(param i32) (result i32) (local i32)", &format!("(block {body}) (local.get 1)"));
}

#[test]
fn many_locals_read_after_many_branches() {
    let count = 10_000;
    let sets = repeat(count, |number| format!("(local.set {} (local.get 0))", number + 1));
    let branches = repeat(count, |_| "(br_if 0 (i32.load (local.get 0)))".to_owned());
    let reads = repeat(count, |number| format!("(i32.store (local.get 0) (local.get {}))", number + 1));
    let signature = format!("(param i32) {}", locals(count));
    check("locals", &signature, &format!("{sets} (block {branches}) {reads}"));
}

#[test]
fn a_chain_of_merges() {
    let body = repeat(10_000, |_| {
        "(if (i32.load (local.get 0)) (then (local.set 1 (i32.load (local.get 1)))))".to_owned()
    });
    check("merges", "(param i32) (result i32) (local i32)", &format!("{body} (local.get 1)"));
}

#[test]
fn constructs_nested_deeply() {
    let count = 3_000;
    for construct in ["block", "loop"] {
        let open = repeat(count, |_| construct.to_owned());
        let inside = "local.get 0 i32.load local.set 1 local.get 1 br_if 0";
        let close = repeat(count, |_| "local.get 1 br_if 0 end".to_owned());
        check(construct, "(param i32) (local i32)", &format!("{open} {inside} {close}"));
    }
    let open = repeat(count, |_| "local.get 0 i32.load if local.get 1 local.set 1 else".to_owned());
    let close = repeat(count, |_| "end".to_owned());
    check("else", "(param i32) (result i32) (local i32)", &format!("{open} {close} local.get 1"));
}

#[test]
fn a_table_with_many_targets() {
    let targets = repeat(70_000, |number| format!("{} ", number % 3));
    let body =
        format!("(block (block (block (br_table {targets} 2 (local.get 0))) (local.set 1 (i32.const 1))))");
    check("br_table", "(param i32) (result i32) (local i32)", &format!("{body} (local.get 1)"));
}

#[test]
fn many_labels_of_one_table() {
    let count = 2_000;
    let open = repeat(count, |_| "block".to_owned());
    let targets = repeat(count, |number| format!("{number} "));
    let close = repeat(count, |number| format!("i32.const {number} local.set 1 end"));
    let body = format!("{open} local.get 0 br_table {targets} 0 {close} local.get 1");
    check("labels", "(param i32) (result i32) (local i32)", &body);
}

#[test]
fn a_long_expression() {
    let body = repeat(50_000, |number| format!("i32.const {} i32.add local.get 0 i32.xor", number | 1));
    check("expression", "(param i32) (result i32)", &format!("local.get 0 {body}"));
}

/// SSA itself is quadratic here: the function is refused, and soon.
#[test]
fn what_is_too_complex_is_refused() {
    let count = 5_000;
    let body = repeat(count, |number| {
        format!("(local.set {} (i32.load (local.get 0))) (br_if 0 (i32.load (local.get 0)))", number + 1)
    });
    let reads = repeat(count, |number| format!("(i32.store (local.get 0) (local.get {}))", number + 1));
    let text = format!("(module (memory 1) (func (param i32) {} (block {body}) {reads}))", locals(count));
    let info = decoded(&wat::parse_str(text).expect("a module"));
    let start = Instant::now();
    let result = Context::default().compile(&info, 0, &Options::default()).map(|f| f.insts.len());
    assert_eq!(result, Err(BuildError::TooComplex));
    assert!(start.elapsed() < Duration::from_secs(20));
}
