//! Traps are where the operator is that traps, however it was merged with others.

mod common;

use common::{config, instantiate};
use wz_api::Trap;
use wz_core::Store;
use wz_decode::{DecodeOptions, decode};

/// Checks that `run` traps at the first operator with this opcode in the last function.
fn check(text: &str, params: &[u64], opcode: u8, trap: Trap) {
    let bytes = wat::parse_str(text).unwrap();
    let info = decode(bytes.clone(), &DecodeOptions::default()).unwrap();
    let body = info.bodies.last().unwrap().range.clone();
    let at = body.clone().skip(1).find(|at| bytes[*at] == opcode).unwrap() - info.code_start;
    for listened in [false, true] {
        for fuel in [false, true] {
            let store = Store::new(wz_core::StoreConfig { fuel, eager: listened, ..config() }).unwrap();
            let module = instantiate(&store, text);
            let cx = wz_core::with_fuel(&wz_api::Context::background(), &wz_core::Fuel::new(1 << 20));
            let error = module.exported_function("run").unwrap().call_with(&cx, params).unwrap_err();
            assert_eq!(error.trap(), Some(trap), "{error}");
            let frames = error.backtrace().unwrap().frames();
            assert_eq!(frames[0].code_offset, Some(at as u32), "{text}");
        }
    }
}

#[test]
fn accesses_of_every_form() {
    for (address, offset) in [
        ("(local.get 0)", "offset=70000"),
        ("(i32.mul (local.get 0) (i32.const 3))", "offset=70000"),
        ("(i32.add (local.get 0) (local.get 1))", "offset=60000"),
        ("(i32.add (i32.mul (local.get 0) (i32.const 3)) (local.get 1))", "offset=70000"),
        ("(i32.add (local.get 0) (i32.const 70000))", ""),
        ("(i32.add (i32.mul (local.get 0) (i32.const 3)) (i32.const 70000))", ""),
        ("(i32.const 70000)", "offset=5"),
        ("(i32.const -1)", "offset=5"),
    ] {
        let params = [1, 6000];
        let module =
            |body: &str| format!(r#"(module (memory 1) (func (export "run") (param i32 i32) {body}))"#);
        check(
            &module(&format!("(drop (i32.load {offset} {address}))")),
            &params,
            0x28,
            Trap::OutOfBoundsMemoryAccess,
        );
        check(
            &module(&format!("(i32.store {offset} {address} (i32.const 7))")),
            &params,
            0x36,
            Trap::OutOfBoundsMemoryAccess,
        );
        check(
            &module(&format!("(f64.store {offset} {address} (f64.const 1.5))")),
            &params,
            0x39,
            Trap::OutOfBoundsMemoryAccess,
        );
        check(
            &module(&format!("(i32.store8 {offset} {address} (local.get 1))")),
            &params,
            0x3a,
            Trap::OutOfBoundsMemoryAccess,
        );
    }
}

#[test]
fn calls_and_divisions() {
    check(
        r#"(module (func (export "run") (param i32) (result i32) (local i32)
            (local.set 1 (i32.const 5))
            (local.get 1)
            (local.set 1 (i32.div_u (local.get 1) (local.get 0)))
            (i32.add (local.get 1))))"#,
        &[0],
        0x6e,
        Trap::IntegerDivideByZero,
    );
    check(
        r#"(module (table 3 funcref) (func (export "run") (param i32) (call_indirect (local.get 0))))"#,
        &[2],
        0x11,
        Trap::InvalidTableAccess,
    );
    check(
        r#"(module (table 3 funcref) (func (export "run") (param i32) (call_indirect (local.get 0))))"#,
        &[3],
        0x11,
        Trap::InvalidTableAccess,
    );
    check(
        r#"(module (table 1 funcref) (elem (i32.const 0) $run)
            (func $run (export "run") (param i32) (call_indirect (i32.const 0))))"#,
        &[0],
        0x11,
        Trap::IndirectCallTypeMismatch,
    );
    check(
        r#"(module (func (export "run") (param i32 i32) (if (local.get 1) (then unreachable))))"#,
        &[1, 1],
        0x00,
        Trap::Unreachable,
    );
}

#[test]
fn the_upper_half_of_a_number_does_not_count() {
    // An embedder may leave anything there.
    let text = r#"(module (memory 1) (memory 1) (table 2 funcref) (elem (i32.const 0) $one $one)
        (type $t (func (result i32))) (func $one (type $t) (i32.const 1))
        (func (export "run") (param i32) (result i32)
            (memory.fill 1 (local.get 0) (i32.const 3) (local.get 0))
            (table.set (local.get 0) (table.get (local.get 0)))
            (i32.store 1 (local.get 0) (i32.add (i32.load8_u 1 (local.get 0)) (local.get 0)))
            (i32.add (call_indirect (type $t) (local.get 0)) (i32.load 1 (local.get 0)))))"#;
    let store = Store::new(config()).unwrap();
    let module = instantiate(&store, text);
    let call = |param: u64| common::call(&module, "run", &[param]).unwrap();
    assert_eq!(call(1), call(1 | 7 << 32));
    assert_eq!(call(1 | 1 << 63), [3 + 1 + 1]);
}
