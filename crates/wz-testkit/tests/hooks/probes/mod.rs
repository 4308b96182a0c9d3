//! Probes: counters and callbacks in code, on every engine that has them.

mod code;
mod listeners;
mod operators;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use wz::experimental::{
    Counters, Probe, ProbeOutcome, ProbePoint, ProbeSite, Probes, StackIterator, attach_probes, block_entries,
};
use wz::{Context, Fuel, Module, ModuleConfig, with_fuel};
use wz_testkit::engines::{EngineUnderTest, engine, for_each_engine};
use wz_testkit::fixture::Fixture;

/// The engines, each way of compiling alone, and both engines together.
fn each_way() -> impl Iterator<Item = EngineUnderTest> {
    let names = [
        "interpreter",
        "jit",
        "jit-eager",
        "jit-checked",
        "jit-base",
        "jit-eager-checked-base",
        "mixed",
        "mixed-all",
        "jit-limited",
    ];
    names.into_iter().filter_map(engine)
}

/// Counts of a function's blocks, by order of their offsets.
fn count_blocks(module: &Module, function: u32) -> (Probes, Counters) {
    let entries = block_entries(module, function).unwrap();
    let counters = Counters::new(entries.len());
    let probes = entries.iter().enumerate().fold(Probes::new(), |probes, (index, offset)| {
        probes.count(ProbePoint::Offset(*offset), &counters, index)
    });
    (probes, counters)
}

/// Counts the blocks of function 0 while the export `run` is called once.
fn check_blocks(body: &str, param: i32, expected: &[u64]) {
    for engine in each_way() {
        for exact in [false, true] {
            let fixture = Fixture::new((engine.config)());
            let module = fixture.module(&format!(
                r#"(module (func $run (export "run") (param i32) (result i32) (local i32) {body}))"#
            ));
            let run = module.typed_function::<i32, i32>("run").unwrap();
            let plain = run.call(param).ok();
            let (probes, counters) = count_blocks(&module, 0);
            let attachment = attach_probes(&module, &probes.exact_under_threads(exact)).unwrap();
            assert_eq!(run.call(param).ok(), plain, "{body}");
            assert_eq!(counters.to_vec(), expected, "{} {body}", engine.name);
            drop(attachment);
            assert_eq!(run.call(param).ok(), plain, "{body}");
            assert_eq!(counters.to_vec(), expected, "detached: {} {body}", engine.name);
        }
    }
}

#[test]
fn block_counts_are_exact() {
    check_blocks("(i32.const 7)", 0, &[1]);
    // Entry, loop body, the branch not taken.
    check_blocks(
        "(loop $l
            (local.set 1 (i32.add (local.get 1) (local.get 0)))
            (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
         (local.get 1)",
        10,
        &[1, 10, 1],
    );
    // Entry, loop, then, else, join, after the loop.
    check_blocks(
        "(loop $l
            (if (i32.and (local.get 0) (i32.const 1))
                (then (local.set 1 (i32.add (local.get 1) (i32.const 3))))
                (else (local.set 1 (i32.sub (local.get 1) (i32.const 1)))))
            (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
         (local.get 1)",
        9,
        &[1, 9, 5, 4, 9, 1],
    );
    // Entry, dispatch, cases 2, 1 and 0, after.
    check_blocks(
        "(loop $l
            (block $c (block $b (block $a
                (br_table $a $b $c (i32.and (local.get 0) (i32.const 3))))
              (local.set 1 (i32.add (local.get 1) (i32.const 1))))
             (local.set 1 (i32.add (local.get 1) (i32.const 10))))
            (local.set 1 (i32.add (local.get 1) (i32.const 100)))
            (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
         (local.get 1)",
        8,
        &[1, 8, 2, 4, 8, 1],
    );
    // A return in the middle, and values that are in accumulators while counting.
    check_blocks(
        "(if (i32.eq (local.get 0) (i32.const 5)) (then (return (i32.const 1))))
         (i32.add (i32.mul (local.get 0) (i32.const 3))
            (if (result i32) (local.get 0) (then (local.get 0)) (else (i32.const 9))))",
        6,
        &[1, 0, 1, 1, 0, 1],
    );
    // A trap: what was counted is counted.
    check_blocks("(if (local.get 0) (then unreachable)) (i32.const 0)", 1, &[1, 1, 0]);
}

type Fired = Arc<Mutex<Vec<String>>>;

/// Notes the site and the stack.
fn noting(fired: &Fired, outcome: impl Fn() -> ProbeOutcome + Send + Sync + 'static) -> Arc<dyn Probe> {
    let fired = fired.clone();
    Arc::new(move |_: &Context, _: &Module, site: &ProbeSite<'_>, stack: &mut dyn StackIterator| {
        let mut line = format!("{}+{}", site.definition.name(), site.code_offset);
        while stack.next() {
            let function = stack.function();
            let offset = function.source_offset_for_pc(stack.program_counter());
            let params = stack.parameters().unwrap_or_default();
            line += &format!(" {}{params:?}@{offset}", function.definition().name());
        }
        fired.lock().unwrap().push(line);
        outcome()
    })
}

fn take(fired: &Fired) -> Vec<String> {
    std::mem::take(&mut *fired.lock().unwrap())
}

const NESTED: &str = r#"(module
  (func $inner (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (func $outer (export "run") (param i32) (result i32)
    (i32.add (call $inner (local.get 0)) (call $inner (i32.const 5)))))"#;

#[test]
fn callbacks_see_where_they_are() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let module = fixture.module(NESTED);
        let run = module.typed_function::<i32, i32>("run").unwrap();
        assert_eq!(run.call(1).unwrap(), 8);
        let fired = Fired::default();
        let probe = noting(&fired, || ProbeOutcome::Keep);
        // 7: `i32.add` of `inner`.
        let probes =
            Probes::new().call(ProbePoint::Entry(0), probe.clone()).call(ProbePoint::Offset(7), probe);
        let attachment = attach_probes(&module, &probes).unwrap();
        assert_eq!(run.call(1).unwrap(), 8);
        let expected = [
            "inner+3 inner[1]@3 outer[1]@13",
            "inner+7 inner[1]@7 outer[1]@13",
            "inner+3 inner[5]@3 outer[1]@17",
            "inner+7 inner[5]@7 outer[1]@17",
        ];
        // Compiled code does not keep the parameters of a caller that nobody listens to.
        let known = engine.name == "interpreter";
        let expected =
            expected.map(|line| if known { line.into() } else { line.replace("outer[1]", "outer[]") });
        assert_eq!(take(&fired), expected, "{}", engine.name);
        attachment.detach();
        assert_eq!(run.call(1).unwrap(), 8);
        assert_eq!(take(&fired), [""; 0]);
    });
}

#[test]
fn probes_remove_themselves() {
    for (engine, exact) in each_way().flat_map(|engine| [(engine, false), (engine, true)]) {
        let fixture = Fixture::new((engine.config)());
        let module = fixture.module(
            r#"(module (func $f (export "run") (param i32)
                (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"#,
        );
        let run = module.typed_function::<i32, ()>("run").unwrap();
        let header = block_entries(&module, 0).unwrap()[1];
        let fired = Fired::default();
        let counters = Counters::new(3);
        let probes = Probes::new()
            .call(ProbePoint::Offset(header), noting(&fired, || ProbeOutcome::Remove))
            .count_up_to(ProbePoint::Offset(header), &counters, 0, 5)
            .count_up_to(ProbePoint::Entry(0), &counters, 1, 2)
            .count(ProbePoint::Entry(0), &counters, 2);
        let _attachment = attach_probes(&module, &probes.exact_under_threads(exact)).unwrap();
        for _ in 0..4 {
            run.call(3).unwrap();
        }
        assert_eq!(take(&fired).len(), 1, "{}", engine.name);
        assert_eq!(counters.to_vec(), [5, 2, 4], "{}", engine.name);
        // They are gone, not only silent.
        counters.reset();
        run.call(3).unwrap();
        assert_eq!(counters.to_vec(), [0, 0, 1], "{}", engine.name);
    }
}

#[test]
fn points_are_checked() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let module = fixture.module(r#"(module (func (export "run") (drop (i32.const 100000))))"#);
        let counters = Counters::new(1);
        let check = |point, message: &str| {
            let error = attach_probes(&module, &Probes::new().count(point, &counters, 0)).unwrap_err();
            assert_eq!(error.to_string(), message);
        };
        check(ProbePoint::Entry(1), "the module defines no function 1");
        check(ProbePoint::Entry(u32::MAX), "the module defines no function 4294967295");
        check(ProbePoint::Offset(0), "there is no operator at offset 0x0");
        check(ProbePoint::Offset(4), "there is no operator at offset 0x4");
        check(ProbePoint::Offset(u32::MAX), "there is no operator at offset 0xffffffff");
        assert!(catch_unwind(|| Probes::new().count(ProbePoint::Entry(0), &Counters::new(1), 1)).is_err());
        assert!(block_entries(&module, 9).is_err());
        assert_eq!(block_entries(&module, 0).unwrap(), [3]);
        drop(attach_probes(&module, &Probes::new()).unwrap());
    });
}

#[test]
fn a_panic_of_a_probe_ends_the_call() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let module = fixture.module(NESTED);
        let probe: Arc<dyn Probe> = Arc::new(
            |_: &Context, _: &Module, _: &ProbeSite<'_>, _: &mut dyn StackIterator| -> ProbeOutcome {
                panic!("probe")
            },
        );
        let attachment = attach_probes(&module, &Probes::new().call(ProbePoint::Entry(0), probe)).unwrap();
        let run = module.typed_function::<i32, i32>("run").unwrap();
        let panic = catch_unwind(AssertUnwindSafe(|| run.call(1))).unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"probe"));
        drop(attachment);
        assert_eq!(run.call(1).unwrap(), 8, "{}", engine.name);
    });
}

#[test]
fn all_instances_of_the_code_are_counted() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let compiled = fixture.compile(NESTED);
        let instances: Vec<_> = (0..3)
            .map(|_| {
                fixture.runtime.instantiate_module(&compiled, ModuleConfig::new().with_name("")).unwrap()
            })
            .collect();
        let counters = Counters::new(1);
        let probes = Probes::new().count(ProbePoint::Entry(0), &counters, 0);
        let _attachment = compiled.attach_probes(&probes).unwrap();
        for instance in &instances {
            instance.typed_function::<i32, i32>("run").unwrap().call(1).unwrap();
        }
        assert_eq!(counters.get(0), 6, "{}", engine.name);
    });
}

/// Threads run a function while others attach and detach probes, listeners among them.
#[test]
fn probes_come_and_go_under_load() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let module = fixture.module(
            r#"(module
                (func $fib (export "fib") (param i32) (result i32)
                    (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
                        (then (local.get 0))
                        (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                                       (call $fib (i32.sub (local.get 0) (i32.const 2))))))))"#,
        );
        let stop = AtomicBool::new(false);
        let fired = Arc::new(AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let fib = module.typed_function::<i32, i32>("fib").unwrap();
                    while !stop.load(Ordering::Relaxed) {
                        assert_eq!(fib.call(12).unwrap(), 144);
                    }
                });
            }
            let probe: Arc<dyn Probe> = {
                let fired = fired.clone();
                Arc::new(move |_: &Context, _: &Module, _: &ProbeSite<'_>, stack: &mut dyn StackIterator| {
                    let mut depth = 0;
                    while stack.next() {
                        assert_eq!(stack.function().definition().name(), "fib");
                        depth += 1;
                    }
                    assert!((1..=12).contains(&depth));
                    fired.fetch_add(1, Ordering::Relaxed);
                    ProbeOutcome::Keep
                })
            };
            for _ in 0..2_000 {
                let (blocks, _) = count_blocks(&module, 0);
                let blocks = attach_probes(&module, &blocks).unwrap();
                let entry = Probes::new().call(ProbePoint::Entry(0), probe.clone());
                let entry = attach_probes(&module, &entry).unwrap();
                drop((blocks, entry));
            }
            let entry = Probes::new().call(ProbePoint::Entry(0), probe.clone());
            let _entry = attach_probes(&module, &entry).unwrap();
            let seen = fired.load(Ordering::Relaxed);
            while fired.load(Ordering::Relaxed) == seen {
                std::thread::yield_now();
            }
            stop.store(true, Ordering::Relaxed);
        });
        // Exact when asked for.
        let counters = Counters::new(1);
        let probes = Probes::new().count(ProbePoint::Entry(0), &counters, 0).exact_under_threads(true);
        let _attachment = attach_probes(&module, &probes).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| module.typed_function::<i32, i32>("fib").unwrap().call(15).unwrap());
            }
        });
        assert_eq!(counters.get(0), 4 * 1973, "{}", engine.name);
    });
}

/// What was attached to is dropped when it cannot run any more.
#[test]
fn detached_probes_are_dropped() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let module = fixture.module(NESTED);
        let run = module.typed_function::<i32, i32>("run").unwrap();
        let fired = Fired::default();
        let probe = noting(&fired, || ProbeOutcome::Keep);
        let alive = Arc::downgrade(&probe);
        let attachment = attach_probes(&module, &Probes::new().call(ProbePoint::Entry(0), probe)).unwrap();
        run.call(1).unwrap();
        drop(attachment);
        // Other tests' calls may be running, which could be in any code.
        for _ in 0..10_000 {
            if alive.strong_count() == 0 {
                return;
            }
            drop(
                attach_probes(&module, &Probes::new().count(ProbePoint::Entry(1), &Counters::new(1), 0))
                    .unwrap(),
            );
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        panic!("{}", engine.name);
    });
}

/// Programs run the same with a counter at each block, also where they run out of fuel.
#[test]
fn probes_change_nothing() {
    for_each_engine(|engine| {
        let programs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/bench");
        for name in ["sha256", "json_tokens", "sort_indirect", "float_convert", "simd_dot", "switch_vm"] {
            let wasm = std::fs::read(format!("{programs}/{name}.wasm")).unwrap();
            let fixture = Fixture::new((engine.config)().with_fuel(true));
            let compiled = fixture.runtime.compile(&wasm).unwrap();
            let config = || ModuleConfig::new().with_name("").with_start_functions([""; 0]);
            let run = || {
                let module = fixture.runtime.instantiate_module(&compiled, config()).unwrap();
                let mut outcomes = BTreeMap::new();
                for (export, definition) in compiled.exported_functions() {
                    let params = vec![3; definition.ty().param_slots()];
                    let cx = with_fuel(&Context::background(), &Fuel::new(200_000));
                    let outcome = module.exported_function(&export).unwrap().call_with(&cx, &params);
                    outcomes.insert(export, outcome.map_err(|error| error.to_string()));
                }
                format!("{outcomes:?}")
            };
            let plain = run();
            let imported = compiled.imported_functions().len() as u32;
            let blocks: Vec<u32> = (imported..compiled.info().functions.len() as u32)
                .flat_map(|function| compiled.block_entries(function).unwrap())
                .collect();
            let counters = Counters::new(blocks.len());
            let probes = blocks.iter().enumerate().fold(Probes::new(), |probes, (index, offset)| {
                probes.count(ProbePoint::Offset(*offset), &counters, index)
            });
            let _attachment = compiled.attach_probes(&probes).unwrap();
            assert_eq!(run(), plain, "{name} on {}", engine.name);
            assert!(counters.to_vec().iter().sum::<u64>() > 1000, "{name} on {}", engine.name);
        }
    });
}
