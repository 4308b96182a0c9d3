//! Compilation caches: code that was compiled by another runtime or process does what code that is
//! compiled here does, and nothing else is ever found. Only where there is a JIT.

mod damage;
mod sharing;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wz::experimental::with_function_listener_factory;
use wz::{CompilationCache, Context, EngineKind, HostModule, Module, ModuleConfig, RuntimeConfig, Value};
use wz_testkit::event_log::EventLog;
use wz_testkit::fixture::{Fixture, binary, call};

/// Whether there is something to cache here.
fn has_jit() -> bool {
    EngineKind::Jit.is_available()
}

/// A directory, and the caches of processes that use it.
struct Processes {
    folder: tempfile::TempDir,
}

impl Processes {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    /// The cache of another process: it has nothing in memory.
    fn cache(&self) -> CompilationCache {
        CompilationCache::with_dir(self.path()).unwrap()
    }

    /// Runs in another process; gives what came of it, and how many functions were compiled and
    /// found.
    fn run(&self, config: RuntimeConfig, run: impl Fn(RuntimeConfig) -> String) -> (String, u64, u64) {
        let cache = self.cache();
        let result = run(config.with_compilation_cache(&cache));
        // The runtime is gone: nothing has to be closed.
        let stats = cache.stats();
        assert_eq!(stats.last_failure, None);
        (result, stats.functions_compiled, stats.functions_reused)
    }

    fn entries(&self) -> Vec<PathBuf> {
        entries(&self.path())
    }
}

fn entries(path: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir(path).unwrap().map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|name| name == "wzcode"));
    paths.sort();
    paths
}

/// Something of everything that code refers to: functions, imports, tables, memories, globals,
/// builtins, traps, tail calls.
const MODULE: &str = r#"(module $m
    (import "host" "twice" (func $twice (param i64) (result i64)))
    (type $binary (func (param i64 i64) (result i64)))
    (memory 1 4) (global $calls (mut i32) (i32.const 0))
    (table funcref (elem $add $multiply $twice))
    (data $text "hello")
    (func $add (type $binary) (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (i64.add (local.get 0) (local.get 1)))
    (func $multiply (type $binary) (i64.mul (local.get 0) (local.get 1)))
    (func $count (param $n i64) (param $sum i64) (result i64)
        (if (result i64) (i64.eqz (local.get $n))
            (then (local.get $sum))
            (else (return_call $count (i64.sub (local.get $n) (i64.const 1))
                (call $add (local.get $n) (local.get $sum))))))
    (func $choose (param i32 i64 i64) (result i64)
        (call_indirect (type $binary) (local.get 1) (local.get 2) (local.get 0)))
    (func (export "direct") (result i64) (call $twice (call $count (i64.const 10) (i64.const 0))))
    (func (export "indirect") (param i32) (result i64) (call $choose (local.get 0) (i64.const 6) (i64.const 7)))
    (func (export "tail") (param i32) (result i64)
        (return_call_indirect (type $binary) (i64.const 3) (i64.const 4) (local.get 0)))
    (func (export "memory") (param i32) (result i32)
        (memory.init $text (local.get 0) (i32.const 0) (i32.const 5))
        (drop (memory.grow (i32.const 1)))
        (memory.fill (i32.const 8) (i32.const 0x41) (i32.const 8))
        (i32.add (i32.load (local.get 0)) (i32.add (memory.size) (i32.load (i32.const 10)))))
    (func $divide (param i32) (result i32) (i32.div_u (i32.const 100) (local.get 0)))
    (func (export "divide") (param i32) (result i32) (call $divide (local.get 0)))
    (func (export "vector") (param f64) (result f64)
        (f64x2.extract_lane 1 (f64x2.sqrt (f64x2.splat (local.get 0)))))
    (func (export "calls") (result i32) (global.get $calls)))"#;

/// How many functions `MODULE` defines.
const FUNCTIONS: u64 = 12;

/// Everything that `MODULE` does, as text.
fn transcript(config: RuntimeConfig) -> String {
    transcript_with(config, &Context::background())
}

fn transcript_with(config: RuntimeConfig, cx: &Context) -> String {
    let fixture = Fixture::new(config);
    fixture.host(&HostModule::new("host").with_function("twice", |value: i64| value * 2));
    let compiled = fixture.compile(MODULE);
    let module = fixture.runtime.instantiate_module_with(cx, &compiled, ModuleConfig::new()).unwrap();
    let mut text = String::new();
    let calls: &[(&str, &[Value])] = &[
        ("direct", &[]),
        ("indirect", &[Value::I32(0)]),
        ("indirect", &[Value::I32(1)]),
        ("indirect", &[Value::I32(2)]),
        ("indirect", &[Value::I32(3)]),
        ("tail", &[Value::I32(1)]),
        ("tail", &[Value::I32(9)]),
        ("memory", &[Value::I32(16)]),
        ("memory", &[Value::I32(-3)]),
        ("divide", &[Value::I32(7)]),
        ("divide", &[Value::I32(0)]),
        ("vector", &[Value::F64(2.0)]),
        ("calls", &[]),
    ];
    for (name, params) in calls {
        let _ = match call(&module, name, params) {
            Ok(results) => writeln!(text, "{name} {results:?}"),
            Err(error) => writeln!(text, "{name} {error}"),
        };
    }
    text
}

/// The transcript, and every call of a guest function in it.
fn listened_transcript(config: RuntimeConfig) -> String {
    let log = EventLog::with_frames();
    let cx = with_function_listener_factory(&Context::background(), Arc::new(log.clone()));
    let text = transcript_with(config, &cx);
    format!("{text}{}", log.take().join("\n"))
}
