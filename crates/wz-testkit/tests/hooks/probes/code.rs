//! What becomes of code with probes: it is freed, not cached, and changes nothing for who is in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use wz::experimental::{
    Counters, Probe, ProbeOutcome, ProbePoint, ProbeSite, Probes, StackIterator, attach_probes, block_entries,
};
use wz::{CodeMemory, CompilationCache, Context, EngineKind, JitConfig, Module, ModuleConfig, RuntimeConfig};
use wz_testkit::engines::{engine, for_each_engine};
use wz_testkit::fixture::Fixture;

use super::{count_blocks, each_way};

const FIB: &str = r#"(module
    (func $fib (export "fib") (param i32) (result i32)
        (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
            (then (local.get 0))
            (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                           (call $fib (i32.sub (local.get 0) (i32.const 2))))))))"#;

/// A probe from a closure over the module.
fn calling(fire: impl Fn(&Module, &mut dyn StackIterator) + Send + Sync + 'static) -> Arc<dyn Probe> {
    Arc::new(move |_: &Context, module: &Module, _: &ProbeSite<'_>, stack: &mut dyn StackIterator| {
        fire(module, stack);
        ProbeOutcome::Keep
    })
}

/// `FIB` on the JIT, with the code memory that it uses. None where there is no JIT.
fn on_jit() -> Option<(Arc<CodeMemory>, Fixture, Module)> {
    if !EngineKind::Jit.is_available() {
        return None;
    }
    let memory = CodeMemory::unlimited();
    let config = RuntimeConfig::new().with_engine(EngineKind::Jit);
    let fixture = Fixture::new(config.with_jit(JitConfig::new().with_code_memory(&memory)));
    let module = fixture.module(FIB);
    Some((memory, fixture, module))
}

#[test]
fn code_with_probes_is_freed() {
    let Some((memory, _fixture, module)) = on_jit() else { return };
    let fib = module.typed_function::<i32, i32>("fib").unwrap();
    fib.call(3).unwrap();
    let before = memory.used_bytes();
    let mut most = 0;
    for _ in 0..300 {
        let (blocks, counters) = count_blocks(&module, 0);
        let attachment = attach_probes(&module, &blocks).unwrap();
        fib.call(10).unwrap();
        assert_eq!(counters.to_vec(), [177, 89, 88, 177]);
        drop(attachment);
        fib.call(1).unwrap();
        most = most.max(memory.used_bytes() - before);
    }
    // Calls of other tests may keep some for a while.
    assert!(most < 200 * 4096, "{most} bytes");
    while memory.used_bytes() > before {
        drop(attach_probes(&module, &count_blocks(&module, 0).0).unwrap());
        fib.call(1).unwrap();
        std::thread::yield_now();
    }
}

/// Without room for code with probes, the function is interpreted as long as it has some.
#[test]
fn without_code_memory_probes_are_interpreted() {
    let Some((memory, _fixture, module)) = on_jit() else { return };
    let fib = module.typed_function::<i32, i32>("fib").unwrap();
    assert_eq!(fib.call(10).unwrap(), 55);
    memory.refuse(true);
    let (blocks, counters) = count_blocks(&module, 0);
    let attachment = attach_probes(&module, &blocks).unwrap();
    assert_eq!(fib.call(10).unwrap(), 55);
    assert_eq!(counters.to_vec(), [177, 89, 88, 177]);
    memory.refuse(false);
    // As long as it has those.
    assert_eq!(fib.call(10).unwrap(), 55);
    drop(attachment);
    assert_eq!(fib.call(10).unwrap(), 55);
    assert_eq!(counters.to_vec(), [354, 178, 176, 354]);
}

#[test]
fn code_with_probes_is_not_cached() {
    if !EngineKind::Jit.is_available() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let run = |probed: bool| {
        let cache = CompilationCache::with_dir(folder.path().join("cache")).unwrap();
        {
            let config = RuntimeConfig::new().with_engine(EngineKind::Jit).with_compilation_cache(&cache);
            let fixture = Fixture::new(config);
            let module = fixture.module(FIB);
            let fib = module.typed_function::<i32, i32>("fib").unwrap();
            let (blocks, counters) = count_blocks(&module, 0);
            let attachment = probed.then(|| attach_probes(&module, &blocks).unwrap());
            assert_eq!(fib.call(10).unwrap(), 55);
            drop(attachment);
            let counts = counters.to_vec();
            assert_eq!(counts, if probed { [177, 89, 88, 177] } else { [0; 4] });
            assert_eq!(fib.call(10).unwrap(), 55);
            assert_eq!(counters.to_vec(), counts);
        }
        let stats = cache.stats();
        (stats.functions_compiled, stats.functions_reused)
    };
    assert_eq!(run(true), (1, 0));
    assert_eq!(run(true), (0, 1));
    assert_eq!(run(false), (0, 1));
}

/// Globals and memory are read again after a callback, which may write them.
#[test]
fn what_a_callback_changes_is_seen() {
    for engine in each_way() {
        let fixture = Fixture::new((engine.config)());
        let module = fixture.module(
            r#"(module (memory (export "memory") 1) (global $g (export "g") (mut i32) (i32.const 1))
                (func $run (export "run") (param i32) (result i32) (local i32)
                    (local.set 1 (i32.add (global.get $g) (i32.load (local.get 0))))
                    (if (local.get 1) (then (nop)))
                    (i32.add (local.get 1) (i32.mul (i32.const 100) (i32.add (global.get $g) (i32.load (local.get 0))))))
                (func (export "double") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2))))"#,
        );
        let run = module.typed_function::<i32, i32>("run").unwrap();
        let nop = ProbePoint::Offset(block_entries(&module, 0).unwrap()[1]);
        let probe = calling(|module, _| {
            // Guests may be called from here.
            let four = module.typed_function::<i32, i32>("double").unwrap().call(2).unwrap();
            module.exported_global("g").unwrap().set(four).unwrap();
            module.memory().unwrap().write(8_u32, &7_u32.to_le_bytes()).unwrap();
        });
        let _attachment = attach_probes(&module, &Probes::new().call(nop, probe)).unwrap();
        assert_eq!(run.call(8).unwrap(), 1 + 100 * (4 + 7), "{}", engine.name);
    }
}

/// All types of parameters, in registers and on the stack, are known while a probe of the function calls.
#[test]
fn parameters_are_known_where_a_probe_calls() {
    for engine in each_way() {
        let fixture = Fixture::new((engine.config)());
        let many = "i32 i64 f32 f64 v128 i64 i64 i64 i64 i64 i64 f32 i32";
        let module = fixture.module(&format!(
            r#"(module
                (func $callee (param {many}) (result i64)
                    (local.set 0 (i32.const 77)) (loop) (i64.extend_i32_s (local.get 12)))
                (func (export "run") (result i64)
                    (call $callee (i32.const -1) (i64.const -2) (f32.const 1) (f64.const 2) (v128.const i64x2 3 4)
                        (i64.const 5) (i64.const 6) (i64.const 7) (i64.const 8) (i64.const 9) (i64.const 10)
                        (f32.const -1) (i32.const 11))))"#
        ));
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let probe = {
            let seen = seen.clone();
            calling(move |_, stack| {
                assert!(stack.next());
                seen.lock().unwrap().push(stack.parameters().map(<[u64]>::to_vec));
            })
        };
        // With the counter, the function has probes that call and others.
        let counters = Counters::new(1);
        let last = *block_entries(&module, 0).unwrap().last().unwrap();
        let probes = Probes::new()
            .call(ProbePoint::Entry(0), probe.clone())
            .count(ProbePoint::Entry(0), &counters, 0)
            .call(ProbePoint::Offset(last), probe);
        let _attachment = attach_probes(&module, &probes).unwrap();
        let run = module.typed_function::<(), i64>("run").unwrap();
        assert_eq!(run.call(()).unwrap(), 11);
        let floats = [u64::from(1_f32.to_bits()), 2_f64.to_bits(), u64::from((-1_f32).to_bits())];
        let first = [
            u64::from(u32::MAX),
            -2_i64 as u64,
            floats[0],
            floats[1],
            3,
            4,
            5,
            6,
            7,
            8,
            9,
            10,
            floats[2],
            11,
        ];
        let seen = std::mem::take(&mut *seen.lock().unwrap());
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[0].as_deref(), Some(&first[..]), "{}", engine.name);
        // They may have been assigned to since.
        let second = seen[1].as_deref().unwrap();
        assert_eq!(second[1..], first[1..], "{}", engine.name);
        assert!(second[0] == first[0] || second[0] == 77);
    }
}

/// A stack that is used up near a probe is a trap as any.
#[test]
fn probes_in_deep_recursion() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)().with_max_stack_bytes(256 << 10));
        let module = fixture.module(
            r#"(module (func $deep (export "deep") (param i32) (result i32)
                (i32.add (call $deep (i32.add (local.get 0) (i32.const 1))) (i32.const 1))))"#,
        );
        let fired = Arc::new(AtomicU64::new(0));
        let probe = {
            let fired = fired.clone();
            calling(move |_, _| _ = fired.fetch_add(1, Ordering::Relaxed))
        };
        let counters = Counters::new(1);
        let probes =
            Probes::new().count(ProbePoint::Entry(0), &counters, 0).call(ProbePoint::Entry(0), probe);
        let attachment = attach_probes(&module, &probes).unwrap();
        let deep = module.typed_function::<i32, i32>("deep").unwrap();
        for round in 1..4 {
            assert_eq!(deep.call(0).unwrap_err().trap(), Some(wz::Trap::StackOverflow), "{}", engine.name);
            // The last call may have had room for itself, and not for the callback.
            let (counted, fired) = (counters.get(0), fired.load(Ordering::Relaxed));
            assert!(counted - round <= fired && fired <= counted, "{counted} {fired}");
        }
        drop(attachment);
        assert!(deep.call(0).is_err());
    });
}

/// Endless loops with probes end when they are told to, and while threads run a function, probes of all kinds
/// come and go, with listeners around.
#[test]
fn all_kinds_come_and_go_under_load() {
    for name in ["interpreter", "jit", "jit-eager-checked-base", "mixed", "jit-limited"] {
        let Some(engine) = engine(name) else { continue };
        let fixture = Fixture::new((engine.config)().with_close_on_context_done(true));
        let compiled = fixture.compile(
            r#"(module
                (func $even (export "even") (param i32 i32) (result i32)
                    (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
                    (return_call $odd (i32.sub (local.get 0) (i32.const 1)) (i32.add (local.get 1) (i32.const 1))))
                (func $odd (param i32 i32) (result i32)
                    (if (i32.eqz (local.get 0)) (then (return (i32.const -1))))
                    (return_call $even (i32.sub (local.get 0) (i32.const 1)) (i32.add (local.get 1) (i32.const 1))))
                (func (export "spin") (loop (br 0))))"#,
        );
        let module =
            fixture.runtime.instantiate_module(&compiled, ModuleConfig::new().with_name("")).unwrap();
        let blocks: Vec<_> = (0..3).flat_map(|function| block_entries(&module, function).unwrap()).collect();
        let stop = AtomicBool::new(false);
        let fired = Arc::new(AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let even = module.typed_function::<(i32, i32), i32>("even").unwrap();
                    while !stop.load(Ordering::Relaxed) {
                        assert_eq!(even.call((300, 0)).unwrap(), 300);
                        assert_eq!(even.call((301, 0)).unwrap(), -1);
                    }
                });
            }
            let probe = {
                let fired = fired.clone();
                calling(move |_, stack| {
                    assert!(stack.next() && stack.parameters().is_none_or(|params| params[0] <= 301));
                    assert!(!stack.next(), "tail calls leave nothing behind");
                    fired.fetch_add(1, Ordering::Relaxed);
                })
            };
            for round in 0..600_u64 {
                let counters = Counters::new(blocks.len());
                let all = blocks.iter().enumerate().fold(Probes::new(), |probes, (index, offset)| {
                    let point = ProbePoint::Offset(*offset);
                    match (index as u64 + round) % 3 {
                        0 => probes.count(point, &counters, index),
                        1 => probes.count_up_to(point, &counters, index, round % 50 + 1),
                        _ => probes.call(point, probe.clone()),
                    }
                });
                let all = all.exact_under_threads(round % 2 == 0);
                let attachment = attach_probes(&module, &all).unwrap();
                if round % 5 == 0 {
                    let seen = fired.load(Ordering::Relaxed);
                    while fired.load(Ordering::Relaxed) == seen {
                        std::thread::yield_now();
                    }
                }
                drop(attachment);
                if round % 2 == 0 {
                    // Limits hold exactly.
                    for (index, count) in counters.to_vec().into_iter().enumerate() {
                        assert!(
                            (index as u64 + round) % 3 != 1 || count <= round % 50 + 1,
                            "{count} {round}"
                        );
                    }
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
        let (probes, counters) = count_blocks(&module, 2);
        let _attachment = attach_probes(&module, &probes).unwrap();
        let cx = Context::background().with_timeout(std::time::Duration::from_millis(20));
        let error = module.exported_function("spin").unwrap().call_with(&cx, &[]).unwrap_err();
        assert!(error.exit_code().is_some(), "{}", engine.name);
        assert!(counters.get(1) > 100 && counters.get(0) == 1, "{}", engine.name);
    }
}

/// A counter that has reached its limit counts no more, whatever it is set to, also in code that still has it.
#[test]
fn spent_counters_stay_spent() {
    for (engine, exact) in each_way().flat_map(|engine| [(engine, false), (engine, true)]) {
        let fixture = Fixture::new((engine.config)());
        let cases = 12;
        let open: String = (0..cases).map(|_| "(block ").collect();
        let targets: String = (0..cases).map(|case| format!("{case} ")).collect();
        let close: String =
            (1..cases).map(|case| format!(") (return (i32.const {case}))")).collect::<Vec<_>>().concat();
        let module = fixture.module(&format!(
            r#"(module (func $run (export "run") (param i32) (result i32)
                {open} (br_table {targets} 0 (local.get 0)) {close}) (i32.const 0)))"#
        ));
        let run = module.typed_function::<i32, i32>("run").unwrap();
        let blocks = block_entries(&module, 0).unwrap();
        let counters = Counters::new(blocks.len());
        let limit = 3;
        let probes = blocks.iter().enumerate().fold(Probes::new(), |probes, (index, offset)| {
            probes.count_up_to(ProbePoint::Offset(*offset), &counters, index, limit)
        });
        let _attachment = attach_probes(&module, &probes.exact_under_threads(exact)).unwrap();
        for case in [0, 5, 3, 5, 7, 1, 2, 4, 6, 8, 9, 10, 11] {
            let expected = if case == cases - 1 { 0 } else { case + 1 };
            for _ in 0..20 {
                assert_eq!(run.call(case).unwrap(), expected, "{}", engine.name);
            }
            let counts = counters.to_vec();
            assert!(counts.iter().all(|count| [0, limit].contains(count)), "{counts:?} on {}", engine.name);
            counters.reset();
            run.call(case).unwrap();
            assert_eq!(counters.to_vec(), vec![0; blocks.len()], "{}", engine.name);
        }
    }
}
