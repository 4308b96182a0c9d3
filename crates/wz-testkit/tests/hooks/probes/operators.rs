//! Counts before each operator of a function are the same on every engine: whatever is folded, hoisted or
//! laid out differently, also where a trap or exhausted fuel ends the call.

use std::collections::BTreeMap;

use wz::experimental::{Counters, ProbePoint, Probes};
use wz::{CompiledModule, Context, Fuel, Module, ModuleConfig, with_fuel};
use wz_decode::{DecodeOptions, ModuleInfo, decode, operator_offsets};
use wz_testkit::engines::{EngineUnderTest, engine};
use wz_testkit::fixture::{Fixture, binary};
use wz_testkit::generate::{PROVIDER_NAME, Purpose, module_from_seed, provider};

use super::each_way;

/// The offsets of all operators of a module.
fn operators(wasm: &[u8]) -> Vec<u32> {
    let info: ModuleInfo = decode(wasm.to_vec(), &DecodeOptions::default()).unwrap();
    let defined = info.imported.functions..info.functions.len() as u32;
    defined.flat_map(|function| operator_offsets(&info, function)).collect()
}

/// Counters of operators, in an array of at least a length: long ones are likely to be near the code.
fn counting(points: &[u32], len: usize) -> (Probes, Counters) {
    let counters = Counters::new(len.max(points.len()));
    let probes = points.iter().enumerate().fold(Probes::new(), |probes, (index, offset)| {
        probes.count(ProbePoint::Offset(*offset), &counters, index)
    });
    (probes, counters)
}

/// What calls of `run` give, and how often each operator was come to in each of them.
fn observe(engine: EngineUnderTest, wasm: &[u8], params: &[i32]) -> Vec<(String, BTreeMap<u32, u64>)> {
    let points = operators(wasm);
    let fixture = Fixture::new((engine.config)());
    let compiled = fixture.runtime.compile(wasm).unwrap();
    let (probes, counters) = counting(&points, 1 << 16);
    let instance = || -> Module {
        fixture.runtime.instantiate_module(&compiled, ModuleConfig::new().with_name("")).unwrap()
    };
    let result = |param| {
        let run = instance().typed_function::<i32, i32>("run").unwrap();
        run.call(param).map_err(|error| error.to_string())
    };
    let plain: Vec<_> = params.iter().map(|param| format!("{:?}", result(*param))).collect();
    let _attachment = compiled.attach_probes(&probes).unwrap();
    let observed = params.iter().map(|param| {
        counters.reset();
        let outcome = format!("{:?}", result(*param));
        (outcome, points.iter().copied().zip(counters.to_vec()).collect())
    });
    let observed: Vec<_> = observed.collect();
    let outcomes: Vec<_> = observed.iter().map(|(outcome, _)| outcome.clone()).collect();
    assert_eq!(outcomes, plain, "{}", engine.name);
    observed
}

#[track_caller]
fn check(text: &str, params: &[i32]) {
    let wasm = binary(text);
    let mut ways = each_way();
    let first = ways.next().unwrap();
    let expected = observe(first, &wasm, params);
    let total: u64 = expected.iter().flat_map(|(_, counts)| counts.values()).sum();
    assert!(total > 0, "{text}");
    for engine in ways {
        assert_eq!(observe(engine, &wasm, params), expected, "{} {text}", engine.name);
    }
}

/// Checks a function `run` from i32 to i32 with two more locals.
#[track_caller]
fn check_body(body: &str, params: &[i32]) {
    check(
        &format!(
            r#"(module (memory 1) (table 4 funcref) (global $g (mut i32) (i32.const 5)) (elem (i32.const 1) $one $two)
                (type $unary (func (param i32) (result i32)))
                (func $one (param i32) (result i32) (i32.add (local.get 0) (global.get $g)))
                (func $two (result i64) (i64.const 2))
                (func $run (export "run") (param i32) (result i32) (local i32 i32) {body}))"#
        ),
        params,
    );
}

#[test]
fn a_trap_comes_between_two_counts() {
    // The load is folded into the addition, and into the comparison.
    check_body("(i32.add (i32.const 3) (i32.load (local.get 0)))", &[0, 65532, 65533, -1]);
    check_body("(i32.lt_u (i32.const 3) (i32.load offset=8 (local.get 0)))", &[0, 65530, -16]);
    check_body("(if (i32.load (local.get 0)) (then unreachable)) (i32.const 1)", &[0, 65536]);
    // Nobody uses what is loaded or divided.
    check_body("(drop (i32.load (local.get 0))) (i32.const 1)", &[0, 65536]);
    check_body("(drop (i32.div_s (i32.const 7) (local.get 0))) (i32.const 1)", &[0, 1]);
    check_body(
        "(i32.store (i32.const 8) (local.get 0)) (i32.store (local.get 0) (i32.const 1)) (i32.load (i32.const 8))",
        &[16, 65533],
    );
    check_body("(i32.div_s (i32.const -2147483648) (local.get 0))", &[-1, 0, 2]);
    check_body("(i32.trunc_f32_s (f32.div (f32.const 1) (f32.convert_i32_s (local.get 0))))", &[0, 1]);
    check_body("(call_indirect (type $unary) (local.get 0) (local.get 0))", &[0, 1, 2, 3, 4, -1]);
    check_body("(drop (table.get 0 (local.get 0))) (i32.const 1)", &[3, 4]);
    check_body(
        "(memory.fill (local.get 0) (i32.const 7) (i32.const 9)) (i32.load8_u (local.get 0))",
        &[1, 65530],
    );
    check_body("(if (local.get 0) (then unreachable)) (i32.const 2)", &[0, 1]);
}

#[test]
fn loops_count_each_round() {
    // A counter that is compared in the next round, with a load in the way.
    check_body(
        "(loop $l
            (local.set 1 (i32.add (local.get 1) (i32.load (i32.shl (local.get 0) (i32.const 2)))))
            (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
         (local.get 1)",
        &[1, 2, 10, 16385],
    );
    check_body(
        "(loop $l
            (local.set 1 (i32.add (local.get 1) (i32.mul (local.get 0) (i32.const 12345))))
            (br_if $l (i32.lt_s (local.tee 2 (i32.add (local.get 2) (i32.const 3))) (local.get 0))))
         (local.get 1)",
        &[0, 1, 20],
    );
    // Nothing changes in the inner loop; it could be hoisted, and its counts not.
    check_body(
        "(loop $l
            (local.set 2 (i32.const 3))
            (loop $m
                (local.set 1 (i32.add (local.get 1) (i32.div_u (i32.const 1000) (local.get 0))))
                (br_if $m (local.tee 2 (i32.sub (local.get 2) (i32.const 1)))))
            (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
         (local.get 1)",
        &[0, 1, 7],
    );
    check_body("(block (loop (br_if 1 (local.get 0)) (br 0))) (i32.const 1)", &[1]);
    check_body("(loop (result i32) (i32.add (local.get 0) (i32.const 1)))", &[1]);
    // Parameters of a loop, and a branch out of it with a value.
    check_body(
        "(block $b (result i32)
            (i32.const 1)
            (loop $l (param i32) (result i32)
                (local.set 1)
                (br_if $b (local.get 1) (i32.gt_u (local.get 1) (local.get 0)))
                (drop)
                (i32.mul (local.get 1) (i32.const 3))
                (br $l)))",
        &[0, 5, 100],
    );
}

#[test]
fn ends_and_arms_count_what_comes_to_them() {
    check_body(
        "(loop $l
            (block $d (block $c (block $b (block $a
                (br_table $a $b $c $b $d (i32.and (local.get 0) (i32.const 7))))
              (local.set 1 (i32.add (local.get 1) (i32.const 1))) (br $d))
             (local.set 1 (i32.add (local.get 1) (i32.const 10))))
            (local.set 1 (i32.add (local.get 1) (i32.const 100))))
            (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
         (local.get 1)",
        &[1, 8, 20],
    );
    // All targets are one, and the index is constant.
    check_body("(block (block (br_table 0 0 0 (local.get 0)))) (i32.const 1)", &[0, 9]);
    check_body("(block (block (br_table 0 1 0 (i32.const 1))) (return (i32.const 7))) (i32.const 1)", &[0]);
    check_body(
        "(if (result i32) (i32.eq (local.get 0) (i32.const 5))
            (then (i32.const 1)) (else (if (i32.eqz (local.get 0)) (then (return (i32.const 9)))) (i32.const 2)))",
        &[0, 5, 6],
    );
    check_body(
        "(block $out
            (if (i32.gt_s (local.get 0) (i32.const 2)) (then (br $out)) (else (local.set 1 (i32.const 4))))
            (if (i32.gt_s (local.get 0) (i32.const 1)) (then (local.set 1 (i32.const 5))))
            (br_if $out (local.get 0))
            (local.set 1 (i32.const 6)))
         (local.get 1)",
        &[0, 1, 2, 3],
    );
    // Conditions that are known: the other arm is never come to.
    check_body("(if (i32.const 0) (then unreachable)) (i32.const 1)", &[0]);
    check_body("(if (i32.const 1) (then nop) (else unreachable)) (i32.const 1)", &[0]);
    check_body(
        "(if (local.get 0) (then (if (local.get 0) (then nop) (else unreachable))))
         (select (i32.const 1) (i32.const 2) (local.get 0))",
        &[0, 1],
    );
    check_body(
        "(block (br_if 0 (i32.const 1)) unreachable) (block (br_if 0 (i32.const 0)) nop) (i32.const 1)",
        &[0],
    );
    check_body("(return (i32.const 3)) (block (nop)) (unreachable)", &[0]);
    check_body("(block (br 0) (nop)) (block (block (br 1)) (nop)) (i32.const 3)", &[0]);
}

#[test]
fn calls_count_on_both_sides() {
    check_body("(i32.add (call $one (local.get 0)) (call $one (global.get $g)))", &[1]);
    check_body(
        "(global.set $g (i32.add (global.get $g) (i32.const 1)))
         (global.set $g (i32.add (global.get $g) (global.get $g))) (global.get $g)",
        &[1],
    );
    check(
        r#"(module (type $t (func (param i32 i32) (result i32))) (table 2 funcref) (elem (i32.const 0) $even $odd)
            (func $even (param i32 i32) (result i32)
                (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
                (return_call $odd (i32.sub (local.get 0) (i32.const 1)) (i32.add (local.get 1) (i32.const 2))))
            (func $odd (param i32 i32) (result i32)
                (if (i32.eqz (local.get 0)) (then (return (i32.sub (i32.const 0) (local.get 1)))))
                (return_call_indirect (type $t)
                    (i32.sub (local.get 0) (i32.const 1)) (local.get 1) (i32.and (local.get 0) (i32.const 4))))
            (func (export "run") (param i32) (result i32)
                (i32.add (call $even (local.get 0) (i32.const 0)) (call $even (i32.const 3) (local.get 0)))))"#,
        &[0, 1, 3, 5, 8, 40],
    );
}

/// The programs of the benchmarks, until their fuel is used up.
#[test]
fn programs_count_the_same() {
    let programs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/bench");
    for name in
        ["base64", "json_tokens", "queens_bits", "sort_indirect", "float_convert", "simd_dot", "switch_vm"]
    {
        let wasm = std::fs::read(format!("{programs}/{name}.wasm")).unwrap();
        let mut first = None;
        for engine in each_way() {
            let fixture = Fixture::new((engine.config)().with_fuel(true));
            let compiled: CompiledModule = fixture.runtime.compile(&wasm).unwrap();
            let imported = compiled.imported_functions().len() as u32;
            let blocks: Vec<u32> = (imported..compiled.info().functions.len() as u32)
                .flat_map(|function| compiled.block_entries(function).unwrap())
                .collect();
            let (probes, counters) = counting(&blocks, 0);
            let _attachment = compiled.attach_probes(&probes).unwrap();
            let config = ModuleConfig::new().with_name("").with_start_functions([""; 0]);
            let module = fixture.runtime.instantiate_module(&compiled, config).unwrap();
            let cx = with_fuel(&Context::background(), &Fuel::new(300_000));
            let outcome = module.exported_function("run").unwrap().call_with(&cx, &[1]);
            let counts = counters.to_vec();
            let observed = (outcome.map_err(|error| error.to_string()), counts);
            assert!(observed.1.iter().sum::<u64>() > 1000, "{name} on {}", engine.name);
            let expected = first.get_or_insert_with(|| observed.clone());
            assert_eq!(&observed, expected, "{name} on {}", engine.name);
        }
    }
}

/// What calls of the exports of a generated module give, and the counts of its operators after each.
fn observe_generated(engine: EngineUnderTest, wasm: &[u8]) -> Option<Vec<(String, Vec<u64>)>> {
    let points = operators(wasm);
    let fixture = Fixture::new((engine.config)().with_core_features(wz::CoreFeatures::ALL));
    let provider = fixture.runtime.compile(provider()).unwrap();
    fixture.runtime.instantiate_module(&provider, ModuleConfig::new().with_name(PROVIDER_NAME)).unwrap();
    let compiled = fixture.runtime.compile(wasm).ok()?;
    // An array as long as this is likely to be near the code.
    let (probes, counters) = counting(&points, 1 << 15);
    let _attachment = compiled.attach_probes(&probes).unwrap();
    let module = fixture.runtime.instantiate_module(&compiled, ModuleConfig::new().with_name("")).ok()?;
    let mut observed = Vec::new();
    for (number, (export, definition)) in (1_u64..).zip(compiled.exported_functions()) {
        if definition.ty().params().iter().any(|ty| ty.is_reference()) {
            continue;
        }
        let params: Vec<u64> =
            (0..definition.ty().param_slots() as u64).map(|slot| slot * number * 3).collect();
        let outcome = module.exported_function(&export).unwrap().call(&params);
        let outcome = outcome.map(drop).map_err(|error| error.trap());
        observed.push((format!("{export}: {outcome:?}"), counters.to_vec()));
    }
    Some(observed)
}

#[test]
fn generated_modules_count_the_same() {
    let (mut compared, mut counted) = (0, 0);
    for seed in 0..120 {
        let wasm = module_from_seed(seed, Purpose::Compare);
        let mut first = None;
        for name in ["interpreter", "jit", "jit-checked", "jit-base", "mixed"] {
            let Some(engine) = engine(name) else { continue };
            let Some(observed) = observe_generated(engine, &wasm) else { continue };
            compared += observed.len();
            counted += observed.last().map_or(0, |(_, counts)| counts.iter().sum::<u64>());
            let expected = first.get_or_insert_with(|| observed.clone());
            assert!(*expected == observed, "seed {seed} on {name}");
        }
    }
    assert!(compared > 500 && counted > 100_000, "{compared} calls were compared, with {counted} counts");
}
