//! Fuel: exact, monotone, charged before effects, never refunded, and the same on all engines.

use std::collections::BTreeSet;

use wz::{Caller, Context, Fuel, HostModule, Module, Trap, with_fuel};
use wz_testkit::engines::{engines, for_each_engine};
use wz_testkit::fixture::Fixture;

/// Leaves its progress in the global: how many steps were begun.
const STEPS: &str = r#"(module
    (global $progress (export "progress") (mut i32) (i32.const 0))
    (memory 1) (table 4 funcref) (elem (i32.const 0) $step $down)
    (func $step (global.set $progress (i32.add (global.get $progress) (i32.const 1))))
    (func $down (param i32) (result i32)
        (call $step)
        (if (result i32) (local.get 0)
            (then (call $down (i32.sub (local.get 0) (i32.const 1))))
            (else (i32.const 3))))
    (func $tail (param i32)
        (call $step)
        (if (local.get 0) (then (return_call $tail (i32.sub (local.get 0) (i32.const 1))))))
    (func (export "run") (local i32)
        (local.set 0 (i32.const 5))
        (loop
            (call $step)
            (block (block (block (br_table 0 1 2 (local.get 0))) (call $step)) (call $step))
            (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (drop (call $down (i32.const 3)))
        (call_indirect (i32.const 0))
        (call $tail (i32.const 3))
        (memory.fill (i32.const 0) (i32.const 1) (i32.const 100))
        (memory.copy (i32.const 50) (i32.const 0) (i32.const 100))
        (call $step)))"#;

fn metered(engine: wz_testkit::engines::EngineUnderTest, text: &str) -> (Fixture, Module) {
    let fixture = Fixture::new((engine.config)().with_fuel(true));
    let module = fixture.module(text);
    (fixture, module)
}

/// Runs `run` with that much fuel; gives what is left.
fn run(module: &Module, fuel: u64) -> (wz::Result<Vec<u64>>, u64) {
    let tank = Fuel::new(fuel);
    let cx = with_fuel(&Context::background(), &tank);
    (module.exported_function("run").unwrap().call_with(&cx, &[]), tank.remaining())
}

/// What `run` needs.
fn needed(module: &Module) -> u64 {
    let (result, left) = run(module, 1 << 40);
    result.unwrap();
    (1 << 40) - left
}

#[test]
fn every_amount_is_exact() {
    for_each_engine(|engine| {
        let (_fixture, module) = metered(engine, STEPS);
        let needed = needed(&module);
        assert!(needed > 50, "{needed}");
        let mut before = 0;
        let mut seen = BTreeSet::new();
        for fuel in 0..needed + 10 {
            let (_fixture, module) = metered(engine, STEPS);
            let (result, left) = run(&module, fuel);
            let progress = module.exported_global("progress").unwrap().get_word();
            match result {
                Err(error) => {
                    assert!(fuel < needed, "{fuel} of {needed} is enough");
                    assert_eq!((error.trap(), left), (Some(Trap::OutOfFuel), 0), "with {fuel}");
                }
                Ok(_) => assert_eq!(fuel.checked_sub(needed), Some(left), "with {fuel} of {needed}"),
            }
            assert!(progress >= before, "more fuel, less progress: {progress} after {before}");
            before = progress;
            seen.insert(progress);
        }
        assert!(seen.len() > 10, "the trap comes at every step: {seen:?}");
    });
}

#[test]
fn all_engines_use_the_same() {
    let amounts: BTreeSet<_> = engines().iter().map(|engine| needed(&metered(*engine, STEPS).1)).collect();
    assert_eq!(amounts.len(), 1, "{amounts:?}");
}

#[test]
fn what_is_left_can_be_used_by_the_next_call() {
    for_each_engine(|engine| {
        let (_fixture, module) = metered(engine, STEPS);
        let needed = needed(&module);
        let tank = Fuel::new(2 * needed + 1);
        let cx = with_fuel(&Context::background(), &tank);
        let function = module.exported_function("run").unwrap();
        function.call_with(&cx, &[]).unwrap();
        assert_eq!(tank.remaining(), needed + 1);
        function.call_with(&cx, &[]).unwrap();
        assert_eq!(function.call_with(&cx, &[]).unwrap_err().trap(), Some(Trap::OutOfFuel));
        tank.add(needed);
        function.call_with(&cx, &[]).unwrap();
        assert_eq!(tank.remaining(), 0);
    });
}

#[test]
fn bulk_operators_cost_by_length_and_before_they_write() {
    for (operator, declaration) in [
        ("memory.fill (i32.const 0) (i32.const 1)", "(memory (export \"m\") 100)"),
        ("memory.copy (i32.const 0) (i32.const 100000)", "(memory (export \"m\") 100)"),
        ("table.fill (i32.const 0) (ref.null func)", "(table 200000 funcref) (memory (export \"m\") 1)"),
        ("table.copy (i32.const 0) (i32.const 100)", "(table 200000 funcref) (memory (export \"m\") 1)"),
    ] {
        for_each_engine(|engine| {
            let cost = |len: u32| {
                let text =
                    format!("(module {declaration} (func (export \"run\") ({operator} (i32.const {len}))))");
                needed(&metered(engine, &text).1)
            };
            let (none, some, many) = (cost(0), cost(1_000), cost(100_000));
            assert!(none < some && some < many, "{operator}: {none}, {some}, {many}");
            assert!(many - none >= 50 * (some - none), "{operator}: {none}, {some}, {many}");
        });
    }
    for_each_engine(|engine| {
        let text = r#"(module (memory (export "m") 100)
            (func (export "run") (memory.fill (i32.const 0) (i32.const 1) (i32.const 6000000))))"#;
        let (_fixture, module) = metered(engine, text);
        let short = needed(&metered(engine, text).1) - 1;
        assert_eq!(run(&module, short).0.unwrap_err().trap(), Some(Trap::OutOfFuel));
        assert_eq!(module.memory().unwrap().read_u8(0_u32), Some(0), "nothing was written");
    });
}

#[test]
fn every_endless_shape_runs_dry() {
    for body in [
        "(loop (br 0))",
        "(loop (br_table 0 0 (i32.const 1)))",
        "(call $self)",
        "(return_call $self)",
        "(return_call_indirect (i32.const 0))",
        "(loop (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)) (br 0))",
        "(loop (call $host) (br 0))",
    ] {
        for_each_engine(|engine| {
            let fixture = Fixture::new((engine.config)().with_fuel(true).with_max_stack_bytes(64 << 20));
            fixture.host(&HostModule::new("host").with_function("host", || {}));
            let module = fixture.module(&format!(
                r#"(module (import "host" "host" (func $host)) (memory 1) (table funcref (elem $self))
                    (func $self (export "run") {body}))"#
            ));
            let (result, left) = run(&module, 50_000);
            assert_eq!((result.unwrap_err().trap(), left), (Some(Trap::OutOfFuel), 0), "{body}");
        });
    }
}

#[test]
fn host_functions_see_and_use_fuel() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)().with_fuel(true));
        fixture.host(&HostModule::new("host").with_function(
            "use",
            |caller: &mut Caller<'_>, units: u64| -> wz::Result<()> {
                let before = caller.fuel().expect("it is metered");
                caller.consume_fuel(units)?;
                assert_eq!(caller.fuel(), Some(before - units));
                Ok(())
            },
        ));
        let text = |units: u64| {
            format!(
                r#"(module (import "host" "use" (func $use (param i64)))
                    (func (export "run") (call $use (i64.const {units}))))"#
            )
        };
        let free = needed(&fixture.module(&text(0)));
        let module = fixture.module(&text(1_000));
        assert_eq!(needed(&module), free + 1_000);
        let (result, left) = run(&module, free + 999);
        assert_eq!((result.unwrap_err().trap(), left), (Some(Trap::OutOfFuel), 0));
    });
}

#[test]
fn nested_calls_use_the_same_tank() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)().with_fuel(true));
        fixture.host(&HostModule::new("host").with_function("inner", |caller: &mut Caller<'_>| {
            let module = caller.module().expect("a guest calls");
            module
                .exported_function("inner")
                .expect("it exports it")
                .call_with(caller.context(), &[])
                .map(drop)
        }));
        let text = r#"(module (import "host" "inner" (func $host)) (func $direct)
            (func $inner (export "inner") (local i32)
                (local.set 0 (i32.const 100))
                (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
            (func (export "run") CALL))"#;
        let alone = needed(&fixture.module(&text.replace("CALL", "(call $direct)")));
        let nested = fixture.module(&text.replace("CALL", "(call $host)"));
        let total = needed(&nested);
        assert!(total > alone + 100, "{total} and {alone}");
        for fuel in [total / 3, total / 2, total - 1] {
            let (result, left) = run(&nested, fuel);
            assert_eq!((result.unwrap_err().trap(), left), (Some(Trap::OutOfFuel), 0));
        }
        assert!(run(&nested, total).0.is_ok());
    });
}

#[test]
fn unmetered_runtimes_have_none() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        fixture.host(&HostModule::new("host").with_function("see", |caller: &mut Caller<'_>| {
            assert_eq!(caller.fuel(), None);
            caller.consume_fuel(u64::MAX)
        }));
        let module =
            fixture.module(r#"(module (import "host" "see" (func $see)) (func (export "run") (call $see)))"#);
        assert!(run(&module, 0).0.is_ok());
    });
}
