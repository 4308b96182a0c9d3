//! Functions and modules that are large in one way: branch tables, bodies, parameters, locals,
//! functions, constants. What is far away in the code is reached all the same.

use std::fmt::Write;

use wz_testkit::engines::for_each_engine;
use wz_testkit::fixture::Fixture;

fn call(module: &wz::Module, name: &str, params: &[u64]) -> Vec<u64> {
    module
        .exported_function(name)
        .expect("an export")
        .call(params)
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A branch table with many entries and several targets, of which some are far away.
#[test]
fn branch_tables() {
    for_each_engine(|engine| {
        const ENTRIES: u64 = 60_000;
        let mut text = String::from("(module (func (export \"f\") (param i32) (result i32)\n");
        text += "(block $a (block $b (block $c (block $d (br_table";
        for entry in 0..ENTRIES {
            let label = ["$a", "$b", "$c"][(entry * 7 % 3) as usize];
            write!(text, " {label}").expect("a string");
        }
        text += " $d (local.get 0)))\n (return (i32.const 13)))\n (return (i32.const 12)))\n (return (i32.const 11)))\n (i32.const 10)))";
        let module = Fixture::new((engine.config)()).module(&text);
        for index in
            [0, 1, 2, 3, 777, ENTRIES - 1, ENTRIES, ENTRIES + 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]
        {
            let expected = if index < ENTRIES { 10 + index * 7 % 3 } else { 13 };
            assert_eq!(call(&module, "f", &[index]), [expected], "index {index}");
        }
    });
}

/// As many different targets as entries.
#[test]
fn branch_tables_with_many_targets() {
    for_each_engine(|engine| {
        const TARGETS: u64 = 1_500;
        let mut text = String::from("(module (func (export \"f\") (param i32) (result i32)\n (block ");
        text += &"(block ".repeat(TARGETS as usize);
        text += "(br_table";
        for target in 0..TARGETS {
            write!(text, " {target}").expect("a string");
        }
        text += &format!(" {TARGETS} (local.get 0))");
        for target in 0..TARGETS {
            write!(text, ") (return (i32.const {}))", target * 3 + 1).expect("a string");
        }
        text += ") (i32.const 99)))";
        let module = Fixture::new((engine.config)()).module(&text);
        for index in 0..TARGETS + 2 {
            let expected = if index < TARGETS { index * 3 + 1 } else { 99 };
            assert_eq!(call(&module, "f", &[index]), [expected], "index {index}");
        }
    });
}

/// A loop around a body of more than a mebibyte: branches over all of it, in both directions.
#[test]
fn a_long_body() {
    for_each_engine(|engine| {
        // Unoptimized, a compiler takes its time.
        let lines: u64 = if cfg!(debug_assertions) { 4_000 } else { 60_000 };
        let mut text = String::from(
            "(module (memory 1) (func (export \"f\") (param i32 i64) (result i64)
                (block $out (loop $next (br_if $out (i32.eqz (local.get 0)))\n",
        );
        for line in 0..lines {
            let address = line * 8 % 60_000;
            write!(
                text,
                "(if (i64.eq (local.get 1) (i64.const {})) (then (return (i64.const {line}))))
                 (i64.store (i32.const {address}) (i64.add (i64.load (i32.const {address})) (local.get 1)))\n",
                line + 1_000_000_000,
            )
            .expect("a string");
        }
        text += "(local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br $next))) (i64.load (i32.const 8))))";
        let module = Fixture::new((engine.config)()).module(&text);
        let result = call(&module, "f", &[3, 5]);
        // Every address of the 7,500 is written by so many of the lines.
        let writers = (0..lines).filter(|line| line * 8 % 60_000 == 8).count() as u64;
        assert_eq!(result, [3 * 5 * writers]);
        assert_eq!(call(&module, "f", &[1, 1_000_000_000 + lines - 1]), [lines - 1]);
    });
}

/// As many parameters and results as the specification's implementations allow, through every kind
/// of call.
#[test]
fn many_parameters_and_results() {
    for_each_engine(|engine| {
        for types in [&["i32"][..], &["f64"], &["v128"], &["i32", "f32", "i64", "v128", "f64"]] {
            const COUNT: usize = 1_000;
            let types: Vec<_> = (0..COUNT).map(|index| types[index % types.len()]).collect();
            let list = types.join(" ");
            let mut consts = String::new();
            let mut back = String::new();
            for (index, ty) in types.iter().enumerate() {
                let value = index * 3 + 1;
                match *ty {
                    "v128" => write!(consts, "(v128.const i64x2 {value} {value})"),
                    ty => write!(consts, "({ty}.const {value})"),
                }
                .expect("a string");
                write!(back, "(local.get {index})").expect("a string");
            }
            // Results are taken off the stack from the last on, and summed up.
            let mut sum = String::new();
            for ty in types.iter().rev() {
                let take = match *ty {
                    "i32" => "(i64.extend_i32_u)",
                    "i64" => "",
                    "f32" => "(i64.trunc_f32_u)",
                    "f64" => "(i64.trunc_f64_u)",
                    _ => "(i64x2.extract_lane 1)",
                };
                write!(sum, "{take} (global.set $sum (i64.add (global.get $sum)))").expect("a string");
            }
            let sum = sum.replace("(global.set $sum (i64.add (global.get $sum)))", "(call $add)");
            let text = format!(
                "(module (type $t (func (param {list}) (result {list}))) (global $sum (mut i64) (i64.const 0))
                    (table funcref (elem $same))
                    (func $add (param i64) (global.set $sum (i64.add (global.get $sum) (local.get 0))))
                    (func $same (type $t) {back})
                    (func $tail (type $t) {back} (return_call $same))
                    (func $tail_indirect (type $t) {back} (return_call_indirect (type $t) (i32.const 0)))
                    (func (export \"direct\") (result i64) {consts} (call $same) {sum} (global.get $sum))
                    (func (export \"indirect\") (result i64) {consts} (call_indirect (type $t) (i32.const 0)) {sum} (global.get $sum))
                    (func (export \"tail\") (result i64) {consts} (call $tail) {sum} (global.get $sum))
                    (func (export \"tail indirect\") (result i64) {consts} (call $tail_indirect) {sum} (global.get $sum)))"
            );
            let once: u64 = (0..COUNT as u64).map(|index| index * 3 + 1).sum();
            let module = Fixture::new((engine.config)()).module(&text);
            for (nth, name) in ["direct", "indirect", "tail", "tail indirect"].into_iter().enumerate() {
                assert_eq!(call(&module, name, &[]), [once * (nth as u64 + 1)], "{name} with {}", types[0]);
            }
        }
    });
}

/// As many locals as are allowed, most of them zero to the end.
#[test]
fn many_locals() {
    for_each_engine(|engine| {
        let count = 50_000 - 1;
        let text = format!(
            "(module (func (export \"f\") (param i64) (result i64) (local{})
                (local.set {count} (local.get 0))
                (loop (local.set {count} (i64.add (local.get {count}) (local.get 77)))
                    (br_if 0 (i64.eqz (local.get {count}))))
                (i64.add (local.get {count}) (local.get 30000))))",
            " i64".repeat(count),
        );
        let module = Fixture::new((engine.config)()).module(&text);
        assert_eq!(call(&module, "f", &[41]), [41]);
    });
}

/// Many functions that call the next: what they call is far away.
#[test]
fn many_functions() {
    for_each_engine(|engine| {
        let count = if cfg!(debug_assertions) { 3_000 } else { 30_000 };
        let mut text =
            String::from("(module (func (export \"f\") (param i64) (result i64) (call 1 (local.get 0)))\n");
        for function in 1..count {
            let next = if function + 1 < count { format!("(call {})", function + 1) } else { String::new() };
            writeln!(
                text,
                "(func (param i64) (result i64) (i64.add (local.get 0) (i64.const {function})) {next})"
            )
            .expect("a string");
        }
        text += ")";
        let module = Fixture::new((engine.config)()).module(&text);
        assert_eq!(call(&module, "f", &[0]), [count * (count - 1) / 2]);
    });
}

/// Many different constants of 64 and of 128 bits.
#[test]
fn many_constants() {
    for_each_engine(|engine| {
        const COUNT: u64 = 1_000;
        let mut text =
            String::from("(module (func (export \"f\") (param v128 f64) (result i64 f64) (local.get 0)\n");
        for constant in 0..COUNT {
            writeln!(text, "(i64x2.add (v128.const i64x2 {constant} {}))", constant * 977).expect("a string");
        }
        text += "(i64x2.extract_lane 1) (local.get 1)\n";
        for constant in 0..COUNT {
            writeln!(text, "(f64.add (f64.const {constant}.5))").expect("a string");
        }
        text += "))";
        let module = Fixture::new((engine.config)()).module(&text);
        let results = call(&module, "f", &[0, 0, 0]);
        let sum = COUNT * (COUNT - 1) / 2;
        assert_eq!(results, [sum * 977, (sum as f64 + COUNT as f64 / 2.0).to_bits()]);
    });
}
