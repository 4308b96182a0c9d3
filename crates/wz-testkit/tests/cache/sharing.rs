//! What is found again, and by whom.

use std::sync::LazyLock;

use wz::wasi::{OutputBuffer, Stdio};
use wz::{Fuel, JitConfig, Runtime, with_fuel};
use wz_testkit::engines::EngineUnderTest;
use wz_testkit::spec::{crate_scripts, run_scripts};

use super::*;

#[test]
fn a_second_process_compiles_nothing_and_does_the_same() {
    if !has_jit() {
        return;
    }
    for run in [transcript, listened_transcript] {
        let expected = run(RuntimeConfig::jit());
        for eager in [false, true] {
            let processes = Processes::new();
            let config = || RuntimeConfig::jit().with_eager_compilation(eager);
            let (text, compiled, found) = processes.run(config(), run);
            assert_eq!((&text, found), (&expected, 0));
            assert!(compiled >= FUNCTIONS - 1, "{compiled}");
            assert_eq!(processes.entries().len(), 1);
            for _ in 0..2 {
                let (text, compiled, found) = processes.run(config(), run);
                assert_eq!((&text, compiled), (&expected, 0));
                assert!(found >= FUNCTIONS - 1, "{found}");
            }
        }
    }
}

#[test]
fn what_is_compiled_when_called_is_enough_for_the_same_calls_and_is_added_to() {
    if !has_jit() {
        return;
    }
    let processes = Processes::new();
    let run = |names: &'static [&'static str]| {
        move |config: RuntimeConfig| {
            let fixture = Fixture::new(config);
            fixture.host(&HostModule::new("host").with_function("twice", |value: i64| value * 2));
            let module = fixture.module(MODULE);
            names.iter().map(|name| format!("{:?}", call(&module, name, &[]).unwrap())).collect()
        }
    };
    let (_, first, _) = processes.run(RuntimeConfig::jit(), run(&["calls"]));
    assert!((1..FUNCTIONS).contains(&first), "{first}");
    let (_, second, _) = processes.run(RuntimeConfig::jit(), run(&["calls", "direct"]));
    assert!(second > 0 && first + second < FUNCTIONS, "{second}");
    assert_eq!(processes.run(RuntimeConfig::jit(), run(&["direct", "calls"])).1, 0);
    // Whoever compiles everything finds these, and adds the others.
    let eager = RuntimeConfig::jit().with_eager_compilation(true);
    assert_eq!(processes.run(eager, run(&[])), (String::new(), FUNCTIONS - first - second, first + second));
    assert_eq!(processes.entries().len(), 1);
}

/// Changes a configuration.
type Change = fn(RuntimeConfig) -> RuntimeConfig;

#[test]
fn options_that_change_code_do_not_share() {
    if !has_jit() {
        return;
    }
    let mut changes: Vec<Change> = vec![
        |config| config,
        |config| config.with_fuel(true),
        |config| config.with_close_on_context_done(true),
        |config| config.with_fuel(true).with_close_on_context_done(true),
        |config| config.with_deterministic(true),
        |config| config.with_jit(JitConfig::new().with_explicit_checks(true)),
        |config| config.with_jit(JitConfig::new().with_passes("none")),
    ];
    if wz_testkit_has_avx2() {
        changes.push(|config| config.with_jit(JitConfig::new().with_cpu_features("base")));
        changes.push(|config| config.with_jit(JitConfig::new().with_cpu_features("avx")));
    }
    let processes = Processes::new();
    let run = |config| {
        let fixture = Fixture::new(config);
        let module = fixture.module(r#"(module (memory 1) (func (export "f") (param f32) (result f32) (f32.add (local.get 0) (f32.load (i32.const 0)))))"#);
        let cx = with_fuel(&Context::background(), &Fuel::new(1000));
        let function = module.typed_function::<f32, f32>("f").unwrap();
        function.call_with(&cx, 1.5).unwrap().to_string()
    };
    for expected in [1, 0] {
        for (number, change) in changes.iter().enumerate() {
            let (text, compiled, _) = processes.run(change(RuntimeConfig::jit()), run);
            assert_eq!((&*text, compiled), ("1.5", expected), "change {number}");
        }
    }
    assert_eq!(processes.entries().len(), changes.len());
}

/// Whether the features of the processor that code uses are more than one.
fn wz_testkit_has_avx2() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

#[test]
fn options_that_do_not_change_code_share() {
    if !has_jit() {
        return;
    }
    let changes: &[Change] = &[
        |config| config.with_memory_limit_pages(100),
        |config| config.with_memory_capacity_from_max(true),
        |config| config.with_max_stack_bytes(1 << 20),
        |config| config.with_table_limit_elements(100),
        |config| config.with_custom_sections(true),
        |config| config.with_compilation_threads(1),
        |config| config.with_eager_compilation(true),
        |config| config.with_jit(JitConfig::new().with_cpu_features("all")),
    ];
    let processes = Processes::new();
    let (expected, ..) = processes.run(RuntimeConfig::jit().with_eager_compilation(true), transcript);
    for (number, change) in changes.iter().enumerate() {
        let (text, compiled, found) = processes.run(change(RuntimeConfig::jit()), transcript);
        assert_eq!((text, compiled), (expected.clone(), 0), "change {number}");
        assert!(found > 0);
    }
}

#[test]
fn runtimes_share_one_compilation_in_memory() {
    if !has_jit() {
        return;
    }
    let expected = transcript(RuntimeConfig::interpreter());
    let cache = CompilationCache::new();
    let config = || RuntimeConfig::jit().with_compilation_cache(&cache).with_eager_compilation(true);
    let first = Runtime::with_config(config()).unwrap();
    let compiled = first.compile(binary(MODULE)).unwrap();
    assert_eq!((cache.stats().functions_compiled, cache.stats().functions_reused), (FUNCTIONS, 0));
    assert_eq!(transcript(config()), expected);
    assert_eq!((cache.stats().functions_compiled, cache.stats().functions_reused), (FUNCTIONS, FUNCTIONS));
    // What one runtime does to its code is not seen by others.
    assert!(listened_transcript(config()).starts_with(&expected));
    drop(compiled);
    first.close().unwrap();
    assert_eq!(transcript(config()), expected);
    // Listeners need a version of their own of the functions with tail calls.
    let listened = cache.stats().functions_compiled - FUNCTIONS;
    assert!((1..=3).contains(&listened), "{listened}");
    // Clones are the same cache.
    transcript(RuntimeConfig::jit().with_compilation_cache(&cache.clone()));
    assert_eq!(cache.stats().functions_compiled, FUNCTIONS + listened);
    assert_eq!(cache.stats().entries_written, 0);
}

#[test]
fn threads_with_runtimes_of_their_own_share_one_compilation() {
    if !has_jit() {
        return;
    }
    let expected = transcript(RuntimeConfig::interpreter());
    let processes = Processes::new();
    for cache in [CompilationCache::new(), processes.cache()] {
        for eager in [false, true] {
            std::thread::scope(|scope| {
                for _ in 0..6 {
                    scope.spawn(|| {
                        let config = RuntimeConfig::jit().with_compilation_cache(&cache);
                        assert_eq!(transcript(config.with_eager_compilation(eager)), expected);
                    });
                }
            });
        }
        assert_eq!(cache.stats().functions_compiled, FUNCTIONS);
    }
    assert_eq!(processes.run(RuntimeConfig::jit(), transcript).1, 0);
}

/// Every thread is a process with a cache of its own, on one directory.
#[test]
fn processes_that_run_at_once_do_not_harm_each_other() {
    if !has_jit() {
        return;
    }
    let expected = transcript(RuntimeConfig::interpreter());
    let processes = Processes::new();
    std::thread::scope(|scope| {
        for number in 0..4 {
            let (processes, expected) = (&processes, &expected);
            scope.spawn(move || {
                for round in 0..5 {
                    let eager = (number + round) % 2 == 0;
                    let config = RuntimeConfig::jit().with_eager_compilation(eager);
                    assert_eq!(processes.run(config, transcript).0, *expected);
                }
            });
        }
    });
    assert_eq!(processes.run(RuntimeConfig::jit(), transcript).1, 0);
}

/// A program that was compiled in another process, with files of its own format.
#[test]
fn a_real_program_runs_from_a_cache() {
    if !has_jit() {
        return;
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/programs/rust-wc.wasm");
    let program = std::fs::read(path).unwrap();
    let run = |config: RuntimeConfig| {
        let runtime = Runtime::with_config(config).unwrap();
        wz::wasi::instantiate(&runtime).unwrap();
        let output = OutputBuffer::new();
        let config = ModuleConfig::new()
            .with_args(["wc"])
            .with_stdin(Stdio::bytes(b"one two\nthree\n".as_slice()))
            .with_stdout(Stdio::buffer(&output));
        runtime.instantiate_with(&Context::background(), &program, config).unwrap();
        output.to_string_lossy()
    };
    let expected = run(RuntimeConfig::interpreter());
    assert!(!expected.is_empty());
    let processes = Processes::new();
    let (text, compiled, _) = processes.run(RuntimeConfig::jit(), run);
    assert!(text == expected && compiled > 50, "{compiled}");
    let (text, compiled, found) = processes.run(RuntimeConfig::jit(), run);
    assert!(text == expected && compiled == 0 && found > 50, "{compiled} {found}");
}

fn shown(module: &Module, name: &str, params: &[Value]) -> String {
    format!("{:?}", call(module, name, params).unwrap())
}

#[test]
fn closing_a_cache_ends_nothing() {
    if !has_jit() {
        return;
    }
    let processes = Processes::new();
    let cache = processes.cache();
    let fixture = Fixture::new(RuntimeConfig::jit().with_compilation_cache(&cache));
    fixture.host(&HostModule::new("host").with_function("twice", |value: i64| value * 2));
    let module = fixture.module(MODULE);
    assert_eq!(shown(&module, "direct", &[]), "[I64(110)]");
    let compiled = cache.stats().functions_compiled;
    cache.close().unwrap();
    assert_eq!(cache.stats().entries_written, 1);
    // What is called first now is compiled, and not kept.
    assert_eq!(shown(&module, "direct", &[]), "[I64(110)]");
    assert_eq!(shown(&module, "indirect", &[Value::I32(1)]), "[I64(42)]");
    assert_eq!(
        transcript(RuntimeConfig::jit().with_compilation_cache(&cache)),
        transcript(RuntimeConfig::jit())
    );
    cache.close().unwrap();
    drop((module, fixture));
    assert_eq!(cache.stats().entries_written, 1);
    assert_eq!(
        processes
            .run(RuntimeConfig::jit().with_eager_compilation(true), |config| {
                let runtime = Runtime::with_config(config).unwrap();
                runtime.compile(binary(MODULE)).unwrap();
                String::new()
            })
            .2,
        compiled
    );
}

/// What a long-lived process compiled is on disk when it says so, not only when modules end.
#[test]
fn flushing_is_enough_for_others() {
    if !has_jit() {
        return;
    }
    let processes = Processes::new();
    let cache = processes.cache();
    let fixture = Fixture::new(RuntimeConfig::jit().with_compilation_cache(&cache));
    let module = fixture.module(r#"(module (func (export "f") (result i32) (i32.const 7)))"#);
    call(&module, "f", &[]).unwrap();
    assert!(processes.entries().is_empty());
    cache.flush().unwrap();
    assert_eq!(processes.entries().len(), 1);
    cache.flush().unwrap();
    assert_eq!(cache.stats().entries_written, 1);
}

#[test]
fn the_interpreter_has_nothing_to_do_with_it() {
    let processes = Processes::new();
    let (_, compiled, found) = processes.run(RuntimeConfig::interpreter(), transcript);
    assert_eq!((compiled, found), (0, 0));
    assert!(processes.entries().is_empty());
}

static SPEC: LazyLock<(tempfile::TempDir, CompilationCache)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let cache = CompilationCache::with_dir(folder.path()).unwrap();
    (folder, cache)
});

fn spec_config() -> RuntimeConfig {
    RuntimeConfig::jit().with_compilation_cache(&SPEC.1)
}

/// Scripts of the specification about what code refers to, or has tables for.
const SCRIPTS: [&str; 16] = [
    "br_table",
    "call",
    "call_indirect",
    "conversions",
    "elem",
    "float_exprs",
    "linking",
    "memory_grow",
    "memory_trap",
    "return_call",
    "return_call_indirect",
    "select",
    "simd_conversions",
    "simd_lane",
    "table_init",
    "traps",
];

/// The specification's scripts with code from a cache: as without.
#[test]
fn the_specification_holds_for_cached_code() {
    if !has_jit() {
        return;
    }
    let mut scripts = crate_scripts();
    scripts.retain(|script| {
        let name = Path::new(&script.path).file_stem().unwrap_or_default().to_string_lossy();
        SCRIPTS.contains(&&*name)
    });
    assert!(scripts.len() >= SCRIPTS.len(), "{}", scripts.len());
    let engine = EngineUnderTest { name: "jit", config: spec_config };
    let summary = |results: &[wz_testkit::spec::ScriptResult]| -> Vec<_> {
        results.iter().map(|result| (result.path.clone(), result.passed(), result.failures.len())).collect()
    };
    let first = summary(&run_scripts(engine, &scripts, 1));
    let compiled = SPEC.1.stats().functions_compiled;
    let second = summary(&run_scripts(engine, &scripts, 1));
    assert_eq!(first, second);
    assert_eq!(SPEC.1.stats().functions_compiled, compiled);
    assert!(SPEC.1.stats().functions_reused > compiled / 2);
    assert_eq!(SPEC.1.stats().last_failure, None);
}
