//! Index spaces: every operator that names an item, in modules with imported and defined items of
//! its kind, reaches that item and no other. On every engine.

use wz::{HostModule, Value};
use wz_testkit::engines::for_each_engine;
use wz_testkit::fixture::{Fixture, call};

/// Two imported and two defined items of each kind; the items of a kind are told apart by what
/// is in them: 10, 20 (imported), 30, 40 (defined).
const TEXT: &str = r#"(module
    (import "host" "f10" (func $f0 (result i32)))
    (import "owner" "f20" (func $f1 (result i32)))
    (import "owner" "m10" (memory $m0 1 5))
    (import "owner" "m20" (memory $m1 1 5))
    (import "owner" "t10" (table $t0 10 20 funcref))
    (import "owner" "t20" (table $t1 10 20 funcref))
    (import "owner" "g10" (global $g0 (mut i32)))
    (import "owner" "g20" (global $g1 (mut i32)))
    (memory $m2 1 5) (memory $m3 1 5)
    (table $t2 10 20 funcref) (table $t3 10 20 funcref)
    (global $g2 (mut i32) (i32.const 30)) (global $g3 (mut i32) (i32.const 40))
    (func $f2 (result i32) (i32.const 30)) (func $f3 (result i32) (i32.const 40))
    (data $d0 "\1e") (data $d1 "\28") (data (memory $m2) (i32.const 0) "\1e") (data (memory $m3) (i32.const 0) "\28")
    (elem (table $t2) (i32.const 0) func $f2) (elem (table $t3) (i32.const 0) func $f3)
    (elem $e0 func $f2) (elem $e1 func $f3) (elem declare func $f0 $f1)
    FUNCTIONS)"#;

const OWNER: &str = r#"(module
    (func $f (export "f20") (result i32) (i32.const 20))
    (func $ten (result i32) (i32.const 10))
    (memory (export "m10") 1 5) (memory (export "m20") 1 5)
    (data (memory 0) (i32.const 0) "\0a") (data (memory 1) (i32.const 0) "\14")
    (table (export "t10") 10 20 funcref) (table (export "t20") 10 20 funcref)
    (elem (table 0) (i32.const 0) func $ten) (elem (table 1) (i32.const 0) func $f)
    (global (export "g10") (mut i32) (i32.const 10)) (global (export "g20") (mut i32) (i32.const 20)))"#;

/// `body` has `#` where an index goes and gives one `i32`: 10, 20, 30, 40 for the items in order.
fn check(body: &str) {
    check_with(body, [10, 20, 30, 40]);
}

fn check_with(body: &str, expected: [i32; 4]) {
    for_each_engine(|engine| {
        let functions: String = (0..4)
            .map(|index| {
                format!(
                    "(func (export \"{index}\") (result i32) {})\n",
                    body.replace('#', &index.to_string())
                )
            })
            .collect();
        for (index, expected) in expected.iter().enumerate() {
            let fixture = Fixture::new((engine.config)());
            fixture.host(&HostModule::new("host").with_function("f10", || 10));
            let _owner = fixture.named("owner", OWNER);
            let module = fixture.module(&TEXT.replace("FUNCTIONS", &functions));
            let results = call(&module, &index.to_string(), &[]).unwrap();
            assert!(
                matches!(results[..], [Value::I32(value)] if value == *expected),
                "{body} {index}: {results:?}"
            );
        }
    });
}

#[test]
fn functions() {
    check("(call $f#)");
    check("(return_call $f#)");
    check("(table.set $t3 (i32.const 5) (ref.func $f#)) (call_indirect $t3 (result i32) (i32.const 5))");
    check("(return_call_indirect $t# (result i32) (i32.const 0))");
}

#[test]
fn globals() {
    check("(global.get $g#)");
    let sum =
        "(i32.add (i32.add (global.get $g0) (global.get $g1)) (i32.add (global.get $g2) (global.get $g3)))";
    // What is missing from the sum of all is what the item had.
    check(&format!("(global.set $g# (i32.const 0)) (i32.sub (i32.const 100) {sum})"));
    check_with("(global.set $g# (i32.const 7)) (global.get $g#)", [7; 4]);
}

#[test]
fn memories() {
    check("(i32.load8_u $m# (i32.const 0))");
    check("(i32.store8 $m3 (i32.const 9) (i32.load8_u $m# (i32.const 0))) (i32.load8_u $m3 (i32.const 9))");
    check("(memory.copy $m3 $m# (i32.const 9) (i32.const 0) (i32.const 1)) (i32.load8_u $m3 (i32.const 9))");
    check("(memory.copy $m# $m# (i32.const 9) (i32.const 0) (i32.const 1)) (i32.load8_u $m# (i32.const 9))");
    check("(v128.load8_lane $m# 0 (i32.const 0) (v128.const i64x2 0 0)) (i32x4.extract_lane 0)");
    check_with(
        "(memory.fill $m# (i32.const 1) (i32.const 7) (i32.const 2)) (i32.load16_u $m# (i32.const 1))",
        [0x707; 4],
    );
    check_with(
        "(memory.init $m# $d1 (i32.const 1) (i32.const 0) (i32.const 1)) (i32.load8_u $m# (i32.const 1))",
        [40; 4],
    );
    let sizes = "(i32.add (i32.add (memory.size $m0) (i32.mul (memory.size $m1) (i32.const 10)))
        (i32.add (i32.mul (memory.size $m2) (i32.const 100)) (i32.mul (memory.size $m3) (i32.const 1000))))";
    check_with(&format!("(drop (memory.grow $m# (i32.const 1))) {sizes}"), [1112, 1121, 1211, 2111]);
    check_with("(memory.grow $m# (i32.const 2)) (i32.add (memory.size $m#))", [4; 4]);
}

#[test]
fn tables() {
    check("(call_indirect $t# (result i32) (i32.const 0))");
    let call = "(call_indirect $t3 (result i32) (i32.const 3))";
    check(&format!("(table.set $t3 (i32.const 3) (table.get $t# (i32.const 0))) {call}"));
    check(&format!("(table.copy $t3 $t# (i32.const 3) (i32.const 0) (i32.const 1)) {call}"));
    check(&format!("(table.fill $t3 (i32.const 2) (table.get $t# (i32.const 0)) (i32.const 2)) {call}"));
    let own = "(call_indirect $t# (result i32) (i32.const 3))";
    check_with(&format!("(table.init $t# $e1 (i32.const 3) (i32.const 0) (i32.const 1)) {own}"), [40; 4]);
    check_with(&format!("(table.fill $t# (i32.const 3) (ref.func $f2) (i32.const 1)) {own}"), [30; 4]);
    let sizes = "(i32.add (i32.add (table.size $t0) (i32.mul (table.size $t1) (i32.const 100)))
        (i32.add (i32.mul (table.size $t2) (i32.const 10000)) (i32.mul (table.size $t3) (i32.const 1000000))))";
    check_with(
        &format!("(drop (table.grow $t# (ref.null func) (i32.const 1))) {sizes}"),
        [10_101_011, 10_101_110, 10_111_010, 11_101_010],
    );
}

#[test]
fn segments() {
    let load = "(i32.load8_u $m0 (i32.const 5))";
    for (segment, expected) in [("$d0", 30), ("$d1", 40)] {
        check_with(
            &format!("(memory.init $m0 {segment} (i32.const 5) (i32.const 0) (i32.const 1)) {load}"),
            [expected; 4],
        );
    }
    for (segment, expected) in [("$e0", 30), ("$e1", 40)] {
        check_with(
            &format!(
                "(table.init $t1 {segment} (i32.const 5) (i32.const 0) (i32.const 1))
                 (call_indirect $t1 (result i32) (i32.const 5))"
            ),
            [expected; 4],
        );
    }
    check_with(
        "(data.drop $d0) (memory.init $m0 $d1 (i32.const 5) (i32.const 0) (i32.const 1)) (i32.const 1)",
        [1; 4],
    );
    check_with(
        "(elem.drop $e0) (table.init $t0 $e1 (i32.const 5) (i32.const 0) (i32.const 1)) (i32.const 1)",
        [1; 4],
    );
}

#[test]
fn initializers_reach_imported_globals_and_functions() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let _owner = fixture.named(
            "owner",
            r#"(module (global (export "a") i32 (i32.const 3)) (global (export "b") i32 (i32.const 4))
                (func $f (export "f") (result i32) (i32.const 20))
                (func $h (result i32) (i32.const 50)) (global (export "r") funcref (ref.func $h)) (elem declare func $h))"#,
        );
        let module = fixture.module(
            r#"(module
                (import "owner" "a" (global $a i32)) (import "owner" "b" (global $b i32))
                (import "owner" "f" (func $f (result i32)))
                (import "owner" "r" (global $r funcref))
                (global $c i32 (i32.mul (global.get $b) (i32.const 10)))
                (global $d (mut i32) (i32.add (i32.mul (global.get $b) (i32.const 10)) (global.get $a)))
                (func $g (result i32) (i32.const 30))
                (memory 1) (data (offset (i32.sub (i32.const 43) (global.get $b))) "x")
                (table 3 funcref)
                (elem (offset (i32.sub (global.get $b) (i32.const 4))) funcref (global.get $r) (ref.func $g) (ref.func $f))
                (func (export "d") (result i32) (global.get $d))
                (func (export "at") (result i32) (i32.load8_u (i32.const 39)))
                (func (export "calls") (result i32)
                    (i32.add (call_indirect (result i32) (i32.const 0))
                        (i32.mul (i32.const 100) (i32.add (call_indirect (result i32) (i32.const 2))
                            (i32.mul (i32.const 100) (call_indirect (result i32) (i32.const 1))))))))"#,
        );
        for (name, expected) in [("d", 43), ("at", 120), ("calls", 302_050)] {
            let results = call(&module, name, &[]).unwrap();
            assert!(matches!(results[..], [Value::I32(value)] if value == expected), "{name}: {results:?}");
        }
    });
}
