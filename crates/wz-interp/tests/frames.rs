//! Frames: recursion, tail calls, many locals, parameters and results, nested activations.

mod common;

use std::fmt::Write;

use common::{call, check, check_trap, config, instantiate, store};
use wz_api::{Caller, Context, HostModule, Trap};
use wz_core::{InstanceOptions, Store};

#[test]
fn twenty_million_operators_on_a_small_native_stack() {
    let text = r#"(module (func (export "run") (param i32) (result i64) (local i64)
        (loop
            (local.set 1 (i64.add (i64.mul (local.get 1) (i64.const 6364136223846793005)) (i64.const 1)))
            (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (local.get 1)))"#;
    // Eight operators per turn.
    let turns = 2_500_000_u64;
    let mut expected = 0_u64;
    for _ in 0..turns {
        expected = expected.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    }
    let thread = std::thread::Builder::new().stack_size(256 << 10);
    thread.spawn(move || check(text, &[turns], &[expected])).unwrap().join().unwrap();
}

#[test]
fn every_kind_of_instruction_leaves_the_native_stack_as_it_was() {
    // A call that is not a jump would use at least 16 bytes per turn.
    let text = r#"(module (memory 1) (table 1 funcref) (global $g (mut i64) (i64.const 0))
        (type $t (func (param i32) (result i32)))
        (func $f (type $t) (i32.add (local.get 0) (i32.const 1)))
        (elem (i32.const 0) $f)
        (func (export "run") (param $n i32) (result i32)
            (local $i i32) (local $x f64) (local $y f32) (local $v v128)
            (loop $l
                (drop (call $f (local.get $i)))
                (drop (call_indirect (type $t) (local.get $i) (i32.const 0)))
                (drop (table.get 0 (i32.const 0)))
                (memory.fill (i32.const 0) (i32.const 1) (i32.const 8))
                (memory.copy (i32.const 0) (i32.const 8) (i32.const 8))
                (drop (memory.grow (i32.const 0)))
                (drop (memory.size))
                (drop (ref.func $f))
                (global.set $g (i64.add (global.get $g) (i64.load (i32.const 0))))
                (i64.store (i32.const 8) (global.get $g))
                (local.set $x (f64.sqrt (f64.convert_i32_s (local.get $i))))
                (local.set $y (f32.nearest (f32.demote_f64 (local.get $x))))
                (local.set $v (i8x16.swizzle (f32x4.splat (local.get $y)) (v128.load (i32.const 0))))
                (v128.store8_lane 3 (i32.const 0) (local.get $v))
                (drop (i32.div_u (local.get $i) (i32.const 7)))
                (block $a (block $b (br_table $a $b (i32.and (local.get $i) (i32.const 1)))))
                (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
            (local.get $i)))"#;
    let thread = std::thread::Builder::new().stack_size(256 << 10);
    thread.spawn(|| check(text, &[30_000], &[30_000])).unwrap().join().unwrap();
}

#[test]
fn recursion_without_end_is_a_stack_overflow() {
    let error = check_trap(r#"(module (func $run (export "run") (call $run)))"#, &[], Trap::StackOverflow);
    assert!(error.backtrace().is_some_and(|backtrace| !backtrace.frames().is_empty()));
    check_trap(
        r#"(module (func $run (export "run") (param i32) (result i32)
            (i32.add (local.get 0) (call $run (i32.add (local.get 0) (i32.const 1))))))"#,
        &[0],
        Trap::StackOverflow,
    );
    let locals = "(local i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)".repeat(100);
    check_trap(
        &format!(r#"(module (func $run (export "run") {locals} (call $run)))"#),
        &[],
        Trap::StackOverflow,
    );
    // The instance is usable afterwards, and a second time.
    let store = store();
    let module = instantiate(
        &store,
        r#"(module (func $f (param i32) (result i32)
            (if (result i32) (local.get 0)
                (then (i32.add (i32.const 1) (call $f (i32.sub (local.get 0) (i32.const 1)))))
                (else (i32.const 0))))
            (func (export "run") (param i32) (result i32) (call $f (local.get 0))))"#,
    );
    for _ in 0..2 {
        assert_eq!(
            call(&module, "run", &[u64::from(u32::MAX)]).unwrap_err().trap(),
            Some(Trap::StackOverflow)
        );
        assert_eq!(call(&module, "run", &[10_000]).unwrap(), [10_000]);
    }
}

#[test]
fn a_frame_that_does_not_fit_is_a_stack_overflow_at_its_first_call_too() {
    let mut config = config();
    config.max_stack_bytes = 4096;
    let store = Store::new(config).unwrap();
    let locals = "(local i64)".repeat(1000);
    let module = instantiate(
        &store,
        &format!(
            r#"(module (func $big {locals}) (func (export "run") (call $big)) (func (export "big") {locals}))"#
        ),
    );
    for name in ["run", "run", "big", "big"] {
        assert_eq!(call(&module, name, &[]).unwrap_err().trap(), Some(Trap::StackOverflow));
    }
}

#[test]
fn tail_calls_take_constant_stack() {
    let text = r#"(module
        (type $two (func (param i32 i32) (result i32)))
        (table 2 funcref) (elem (i32.const 0) $even $odd)
        ;; More parameters than the caller has, and fewer.
        (func $even (param $n i32) (param $x i32) (result i32) (local i64 i64)
            (if (i32.eqz (local.get $n)) (then (return (local.get $x))))
            (return_call $wide (i32.const 1) (i64.const 2) (f64.const 3) (local.get $n) (local.get $x)
                (i32.const 6) (i32.const 7)))
        (func $wide (param i32 i64 f64 i32 i32 i32 i32) (result i32)
            (return_call_indirect (type $two) (i32.sub (local.get 3) (i32.const 1))
                (i32.add (local.get 4) (local.get 6)) (local.get 0)))
        (func $odd (param $n i32) (param $x i32) (result i32) (local f32)
            (if (i32.eqz (local.get $n)) (then (return (local.get $x))))
            (return_call $even (i32.sub (local.get $n) (i32.const 1)) (local.get $x)))
        (func (export "run") (param i32) (result i32)
            (i32.add (i32.const 1) (call $even (local.get 0) (i32.const 0)))))"#;
    check(text, &[1_000_000], &[3_500_001]);
}

#[test]
fn tail_calls_to_hosts_and_other_instances() {
    let cx = Context::background();
    let store = store();
    let host = HostModule::new("host")
        .with_function("twice", |_: &mut Caller<'_>, x: i32| Ok::<i32, wz_api::Error>(x * 2));
    store.instantiate_host(&cx, &host).unwrap();
    let other = store
        .compile(
            &cx,
            wat::parse_str(
                r#"(module $other (memory (export "memory") 1) (data (i32.const 0) "\2a")
                    (func (export "peek") (param i32 i32 i32) (result i32) (i32.load8_u (local.get 1))))"#,
            )
            .unwrap(),
        )
        .unwrap();
    let _other = store
        .instantiate(&cx, &other, InstanceOptions { name: Some("other".into()), ..Default::default() })
        .unwrap();
    let module = instantiate(
        &store,
        r#"(module
            (import "host" "twice" (func $twice (param i32) (result i32)))
            (import "other" "peek" (func $peek (param i32 i32 i32) (result i32)))
            (memory 1) (data (i32.const 0) "\07")
            (table 2 funcref) (elem (i32.const 0) $twice $peek)
            (type $one (func (param i32) (result i32)))
            (func $to_host (param i32 i64) (result i32) (return_call $twice (local.get 0)))
            (func $to_host_indirect (param i32) (result i32) (return_call_indirect (type $one) (local.get 0) (i32.const 0)))
            (func $to_other (result i32) (return_call $peek (i32.const 1) (i32.const 0) (i32.const 2)))
            (func (export "run") (param i32) (result i32 i32 i32 i32)
                (call $to_host (local.get 0) (i64.const 0))
                (call $to_host_indirect (i32.const 4))
                (call $to_other)
                ;; The memory is this instance's again.
                (i32.load8_u (i32.const 0))))"#,
    );
    assert_eq!(call(&module, "run", &[21]).unwrap(), [42, 8, 42, 7]);
}

#[test]
fn memories_switch_with_instances() {
    let cx = Context::background();
    let store = store();
    let compiled = store
        .compile(
            &cx,
            wat::parse_str(
                r#"(module (memory 1 3)
                    (func (export "set") (param i32) (i32.store (i32.const 65536) (local.get 0)))
                    (func (export "grow") (result i32) (memory.grow (i32.const 1))))"#,
            )
            .unwrap(),
        )
        .unwrap();
    store
        .instantiate(&cx, &compiled, InstanceOptions { name: Some("a".into()), ..Default::default() })
        .unwrap();
    let module = instantiate(
        &store,
        r#"(module (import "a" "set" (func $set (param i32))) (import "a" "grow" (func $grow (result i32)))
            (memory 1) (func (export "run") (result i32)
                (i32.store (i32.const 0) (i32.const 5))
                (drop (call $grow)) (call $set (i32.const 9))
                (i32.load (i32.const 0)))
            (func (export "beyond") (result i32) (drop (call $grow)) (i32.load (i32.const 65536))))"#,
    );
    assert_eq!(call(&module, "run", &[]).unwrap(), [5]);
    assert_eq!(call(&module, "beyond", &[]).unwrap_err().trap(), Some(Trap::OutOfBoundsMemoryAccess));
}

#[test]
fn fifty_thousand_locals() {
    let vectors = "v128 ".repeat(20_000);
    let numbers = "i64 ".repeat(29_000);
    let text = format!(
        r#"(module (memory 1) (func $id (param i64) (result i64) (local.get 0))
          (func (export "run") (param i64) (result i64 i32 i64) (local {vectors}) (local {numbers})
            (local.set 48000 (local.get 0))
            (local.set 48001 (i64.add (local.get 48000) (i64.const 1)))
            (local.set 48002 (call $id (i64.mul (local.get 48001) (local.get 48000))))
            (local.set 19999 (i64x2.splat (local.get 48002)))
            (local.set 19998 (i64x2.add (local.get 19999) (local.get 19999)))
            (i64.store (i32.const 8) (local.get 48002))
            (v128.store (i32.const 16) (local.get 19998))
            (local.set 48003 (local.get 48002))
            (local.set 48002 (i64.const 3))
            (if (i64.gt_u (local.get 48003) (local.get 48002)) (then (local.set 47999 (i64.load (i32.const 16)))))
            (i64.add (local.get 47999) (i64x2.extract_lane 1 (local.get 19998)))
            (i32.wrap_i64 (select (local.get 48003) (local.get 48000) (i64.eqz (local.get 48002))))
            (local.get 40000)))"#
    );
    check(&text, &[6], &[168, 6, 0]);
}

#[test]
fn a_deep_operand_stack() {
    // Far beyond what operands of 16 bits reach, every one of them a call's result.
    let mut body = String::new();
    for _ in 0..70_000 {
        body.push_str("(call $one)");
    }
    for _ in 1..70_000 {
        body.push_str("i64.add ");
    }
    let text = format!(
        r#"(module (func $one (result i64) (i64.const 1)) (func (export "run") (result i64) {body}))"#
    );
    check(&text, &[], &[70_000]);
}

#[test]
fn locals_deep_in_the_stack_are_found_without_looking_for_them() {
    // Quadratic work would be 10^10 steps.
    let mut body = String::from("(local.get 0)");
    for _ in 0..100_000 {
        body.push_str("(local.get 1)");
    }
    for _ in 0..100_000 {
        body.push_str("(local.get 2) (local.set 2 (i32.add (local.get 2) (i32.const 1))) drop ");
    }
    for _ in 0..100_000 {
        body.push_str("i32.add ");
    }
    let text = format!(
        r#"(module (func (export "run") (param i32 i32 i32) (result i32 i32) {body} (local.get 2)))"#
    );
    check(&text, &[5, 1, 7], &[100_005, 100_007]);
}

#[test]
fn a_table_of_seventy_thousand_branches() {
    let mut targets = String::new();
    for index in 0..70_000 {
        targets.push_str(if index % 3 == 0 {
            "0 "
        } else if index % 3 == 1 {
            "1 "
        } else {
            "2 "
        });
    }
    let text = format!(
        r#"(module (func (export "run") (param i32) (result i32)
            (block (block (block (br_table {targets} 2 (local.get 0)))
                (return (i32.const 10))) (return (i32.const 11))) (i32.const 12)))"#
    );
    for (index, result) in
        [(0, 10), (1, 11), (2, 12), (69_999, 10), (69_998, 12), (70_000, 12), (u64::from(u32::MAX), 12)]
    {
        check(&text, &[index], &[result]);
    }
}

#[test]
fn branch_tables_carry_values() {
    let text = r#"(module (func (export "run") (param i32) (result i32 i64)
        (block $a (result i32 i64)
            (block $b (result i32 i64)
                (i32.const 100)
                (i32.const 1) (i64.const 2)
                (br_table $a $b 2 $a (local.get 0)))
            (i64.const 10) i64.add)
        (i64.const 20) i64.add))"#;
    check(text, &[0], &[1, 22]);
    check(text, &[1], &[1, 32]);
    check(text, &[2], &[1, 2]);
    check(text, &[3], &[1, 22]);
}

#[test]
fn a_thousand_parameters_and_results() {
    let count = 1000;
    let types = "i64 ".repeat(count);
    let mut forward = String::new();
    let mut reversed = String::new();
    for index in 0..count {
        let _ = write!(forward, "(local.get {index})");
        let _ = write!(reversed, "(local.get {})", count - 1 - index);
    }
    let text = format!(
        r#"(module (type $t (func (param {types}) (result {types})))
            (table 1 funcref) (elem (i32.const 0) $reverse)
            (func $reverse (type $t) {reversed})
            (func $tail (type $t) {forward} (return_call $reverse))
            (func (export "run") (type $t)
                {forward} (call $reverse) (call $tail) (call_indirect (type $t) (i32.const 0))))"#
    );
    let params: Vec<u64> = (0..count as u64).collect();
    let results: Vec<u64> = params.iter().rev().copied().collect();
    check(&text, &params, &results);
}

#[test]
fn results_may_swap_parameters() {
    let text = r#"(module (func (export "run") (param i32 i64 v128 f32) (result f32 v128 i64 i32)
        (local.get 3) (local.get 2) (local.get 1) (local.get 0)))"#;
    check(text, &[1, 2, 3, 4, 5], &[5, 3, 4, 2, 1]);
}

#[test]
fn activations_nest_on_one_stack() {
    let cx = Context::background();
    let store = store();
    let host = HostModule::new("host").with_function("again", |caller: &mut Caller<'_>, depth: i32| {
        let run = caller.module().unwrap().typed_function::<i32, i32>("run").unwrap();
        run.call(depth - 1).map(|result| result + 1)
    });
    store.instantiate_host(&cx, &host).unwrap();
    let module = instantiate(
        &store,
        r#"(module (import "host" "again" (func $again (param i32) (result i32)))
            (func (export "run") (param i32) (result i32) (local i64 i64)
                (local.set 1 (i64.const 77))
                (if (result i32) (local.get 0)
                    (then
                        ;; Operands below the call stay as they are.
                        (i32.wrap_i64 (local.get 1))
                        (i32.add (i32.const 5) (local.get 0))
                        (call $again (local.get 0))
                        (i32.add) (i32.sub) (i32.add (i32.wrap_i64 (local.get 1))))
                    (else (i32.const 0)))))"#,
    );
    let mut expected = 0_i32;
    for depth in 1..=20 {
        expected = 77 - ((5 + depth) + (expected + 1)) + 77;
    }
    assert_eq!(call(&module, "run", &[20]).unwrap(), [u64::from(expected as u32)]);
}

#[test]
fn listened_grown_and_called_from_many_threads() {
    let store = store();
    let module = instantiate(
        &store,
        r#"(module (func $f (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
            (func (export "run") (param i32) (result i32) (call $f (local.get 0))))"#,
    );
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let module = &module;
            scope.spawn(move || {
                for turn in 0..1000 {
                    let x = thread * 1000 + turn;
                    assert_eq!(call(module, "run", &[x]).unwrap(), [x * 3]);
                }
            });
        }
    });
}

#[test]
fn interruption_ends_loops_and_recursion() {
    for body in ["(loop (br 0))", "(call $run)", "(loop (call $leaf) (br 0))"] {
        let mut config = config();
        config.close_on_context_done = true;
        // Recursion must not end by itself before.
        config.max_stack_bytes = 1 << 30;
        let store = Store::new(config).unwrap();
        let module =
            instantiate(&store, &format!(r#"(module (func $leaf) (func $run (export "run") {body}))"#));
        let cx = Context::background().with_timeout(std::time::Duration::from_millis(20));
        let error = module.exported_function("run").unwrap().call_with(&cx, &[]).unwrap_err();
        assert!(error.exit_code().is_some(), "{error}");
    }
}
