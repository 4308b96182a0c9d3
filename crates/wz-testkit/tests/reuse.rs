//! What a freed instance leaves behind is not found by the next one: memories, tables and stacks
//! are clean, and end where they should, when their storage is used again. Also after an
//! instantiation that failed.

use wz::{Error, ErrorKind, Module, Trap};
use wz_testkit::engines::{EngineUnderTest, for_each_variant};
use wz_testkit::fixture::Fixture;

const PAGE: u64 = 65_536;

/// A memory of `pages` pages that may grow to `max`, and a table of `elements`.
fn text(pages: u64, max: u64, elements: u64, rest: &str) -> String {
    format!(
        r#"(module
        (memory (export "memory") {pages} {max}) (table (export "table") {elements} 64 funcref)
        (func $f (export "dirty") (result i32)
            (local $at i32)
            (memory.fill (i32.const 0) (i32.const 0xa5) (i32.mul (memory.size) (i32.const {PAGE})))
            (loop $again (if (i32.lt_u (local.get $at) (table.size)) (then
                (table.set (local.get $at) (ref.func $f))
                (local.set $at (i32.add (local.get $at) (i32.const 1)))
                (br $again))))
            (local.get $at))
        (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
        (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
        (func (export "store") (param i32) (i32.store8 (local.get 0) (i32.const 1)))
        (func (export "get") (param i32) (result i32) (ref.is_null (table.get (local.get 0))))
        ;; A place that is not zero, of those that are looked at; -1 if there is none.
        (func (export "search") (result i32) (local $at i32)
            (block $end (loop $again
                (br_if $end (i32.ge_u (local.get $at) (i32.mul (memory.size) (i32.const {PAGE}))))
                (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then (return (local.get $at))))
                (local.set $at (i32.add (local.get $at) (i32.const 248)))
                (br $again)))
            (i32.const -1))
        {rest})"#
    )
}

fn call(module: &Module, name: &str, params: &[u64]) -> Result<Vec<u64>, Error> {
    module.exported_function(name).expect("an export").call(params)
}

fn number(module: &Module, name: &str, params: &[u64]) -> i32 {
    call(module, name, params).unwrap_or_else(|error| panic!("{name}: {error}"))[0] as u32 as i32
}

fn traps(module: &Module, name: &str, at: u64, expected: Trap) {
    let error = call(module, name, &[at]).expect_err("out of bounds");
    let ErrorKind::Trap(trap) = error.kind() else { panic!("{name} {at}: {error}") };
    assert_eq!(trap.trap, expected, "{name} {at}");
}

/// The instance has nothing of another one, and no more than it asked for.
fn check(module: &Module, pages: u64, elements: u64, largest: u64) {
    assert_eq!(number(module, "search", &[]), -1, "{pages} pages are zeros");
    for element in 0..elements {
        assert_eq!(number(module, "get", &[element]), 1, "element {element} is null");
    }
    for at in [pages * PAGE, pages * PAGE + 4096, largest * PAGE - 1, largest * PAGE, 0xffff_ffff] {
        if at >= pages * PAGE {
            traps(module, "load", at, Trap::OutOfBoundsMemoryAccess);
            traps(module, "store", at, Trap::OutOfBoundsMemoryAccess);
        }
    }
    for at in [elements, elements + 1, 63, 64] {
        if at >= elements {
            traps(module, "get", at, Trap::InvalidTableAccess);
        }
    }
}

fn in_all_sizes(engine: EngineUnderTest, leave: impl Fn(&Fixture, u64, u64, u64)) {
    const SIZES: [(u64, u64); 6] = [(1, 4), (0, 0), (3, 64), (17, 2), (300, 1), (0, 9)];
    let fixture = Fixture::new((engine.config)());
    for max in [400, 302] {
        for (pages, elements) in SIZES {
            leave(&fixture, pages, max, elements);
            for (pages, elements) in SIZES {
                let module = fixture.module(&text(pages, max, elements, ""));
                check(&module, pages, elements, 300);
                if pages + 2 <= max {
                    assert_eq!(number(&module, "grow", &[2]), pages as i32);
                    check(&module, pages + 2, elements, 300);
                }
                module.close().expect("it closes");
            }
        }
    }
}

#[test]
fn instances_leave_nothing() {
    for_each_variant(|engine| {
        in_all_sizes(engine, |fixture, pages, max, elements| {
            let module = fixture.module(&text(pages, max, elements, ""));
            assert_eq!(number(&module, "dirty", &[]), elements as i32);
            if pages + 3 <= max {
                number(&module, "grow", &[3]);
                assert_eq!(number(&module, "dirty", &[]), elements as i32);
            }
            module.close().expect("it closes");
        });
    });
}

#[test]
fn failed_instantiations_leave_nothing() {
    for_each_variant(|engine| {
        in_all_sizes(engine, |fixture, pages, max, elements| {
            // Dirty, then a trap in the start function; or a segment that does not fit behind one that
            // was written.
            let start = "(func $start (drop (call $f)) (unreachable)) (start $start)";
            assert!(fixture.try_module(&text(pages, max, elements, start)).is_err());
            if pages > 0 {
                let data =
                    format!(r#"(data (i32.const 0) "{}") (data (i32.const -1) "x")"#, "y".repeat(5000));
                assert!(fixture.try_module(&text(pages, max, elements, &data)).is_err());
            }
            if elements > 0 {
                let elem = "(elem (i32.const 0) func $f) (elem (i32.const 100) func $f)";
                assert!(fixture.try_module(&text(pages, max, elements, elem)).is_err());
            }
        });
    });
}

#[test]
fn locals_are_zero_on_used_stacks() {
    // What recursion left on the stack is not what locals begin with; of all types, in registers
    // and in memory.
    let locals: String = ["i32", "i64", "f32", "f64", "v128"]
        .map(|ty| format!("(local {ty}{})", format!(" {ty}").repeat(40)))
        .concat();
    let sum: String = (1..=205)
        .map(|local| {
            let get = format!("(local.get {local})");
            let bits = match (local - 1) / 41 {
                0 => format!("(i64.extend_i32_u {get})"),
                1 => get,
                2 => format!("(i64.extend_i32_u (i32.reinterpret_f32 {get}))"),
                3 => format!("(i64.reinterpret_f64 {get})"),
                _ => format!("(i64.or (i64x2.extract_lane 0 {get}) (i64x2.extract_lane 1 {get}))"),
            };
            format!("(global.set $bits (i64.or (global.get $bits) {bits}))")
        })
        .collect();
    let dirty: String = (1..=205)
        .map(|local| {
            let value = match (local - 1) / 41 {
                0 => "(i32.const -1)",
                1 => "(i64.const -1)",
                2 => "(f32.const -1)",
                3 => "(f64.const -1)",
                _ => "(v128.const i64x2 -1 -1)",
            };
            format!("(local.set {local} {value})")
        })
        .collect();
    let text = format!(
        r#"(module (global $bits (mut i64) (i64.const 0))
        (func $dirty (export "dirty") (param i32) {locals} {dirty}
            (if (local.get 0) (then (call $dirty (i32.sub (local.get 0) (i32.const 1)))))
            {sum})
        (func $clean (export "clean") (param i32) (result i64) {locals}
            (global.set $bits (i64.const 0)) {sum}
            (if (local.get 0) (then (return (i64.or (global.get $bits) (call $clean (i32.sub (local.get 0) (i32.const 1)))))))
            (global.get $bits)))"#
    );
    for_each_variant(|engine| {
        let module = Fixture::new((engine.config)()).module(&text);
        for _ in 0..3 {
            call(&module, "dirty", &[20]).expect("it returns");
            assert_eq!(call(&module, "clean", &[20]).expect("it returns"), [0]);
        }
    });
}
