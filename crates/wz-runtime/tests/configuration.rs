//! Every option of the configurations does what it says.

mod support;

use std::time::{Duration, Instant};

use support::{fails, wasm};
use wz::prelude::*;
use wz::wasi::{OutputBuffer, Stdio};
use wz::{CoreFeatures, EngineKind, Error, ErrorKind, ExitError, Fuel, Trap, with_fuel};

fn runtime(config: RuntimeConfig) -> Runtime {
    Runtime::with_config(config).unwrap()
}

#[test]
fn engines() {
    for engine in [EngineKind::Auto, EngineKind::Interpreter] {
        runtime(RuntimeConfig::new().with_engine(engine)).instantiate(wasm("(module)")).unwrap();
    }
}

#[test]
fn core_features() {
    let simd = wasm("(module (func (result v128) (v128.const i64x2 1 2)))");
    runtime(RuntimeConfig::new()).compile(&simd).unwrap();
    let error =
        runtime(RuntimeConfig::new().with_core_features(CoreFeatures::V1)).compile(&simd).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Module(_)));
    fails::<()>(Err(error), "feature \"simd\" is disabled");
}

#[test]
fn memory_limits() {
    fails(
        Runtime::with_config(RuntimeConfig::new().with_memory_limit_pages(65_537)),
        "memory limit of 65537 pages is over 65536 pages",
    );
    let limited = runtime(RuntimeConfig::new().with_memory_limit_pages(4));
    let memory = |text: &str| limited.instantiate(wasm(&format!("(module (memory (export \"m\") {text}))")));
    fails(memory("5"), "min 5 pages");
    fails(memory("i64 5"), "min 5 pages");
    for text in ["1", "1 100", "i64 1"] {
        let memory = memory(text).unwrap().exported_memory("m").unwrap();
        assert_eq!((memory.grow(3_u64), memory.grow(1_u64)), (Some(1), None), "{text}");
    }
    let wide = runtime(RuntimeConfig::new().with_memory_limit_pages(4).with_memory64_limit_pages(8));
    wide.instantiate(wasm("(module (memory i64 8))")).unwrap();
    assert!(wide.instantiate(wasm("(module (memory i64 9))")).is_err());
    assert!(wide.instantiate(wasm("(module (memory 5))")).is_err());
}

#[test]
fn memory_capacity_from_max() {
    let runtime = runtime(RuntimeConfig::new().with_memory_capacity_from_max(true));
    let module = runtime.instantiate(wasm("(module (memory (export \"m\") 1 16))")).unwrap();
    let memory = module.exported_memory("m").unwrap();
    assert_eq!((memory.pages(), memory.grow(15_u64), memory.pages()), (1, Some(1), 16));
}

#[test]
fn table_limits() {
    let runtime = runtime(RuntimeConfig::new().with_table_limit_elements(10));
    let table =
        |min: u32| runtime.instantiate(wasm(&format!("(module (table (export \"t\") {min} funcref))")));
    assert!(matches!(table(11).unwrap_err().kind(), ErrorKind::Limit(_)));
    let table = table(9).unwrap().exported_table("t").unwrap();
    assert_eq!(table.grow(1_u64, None::<Function>).unwrap(), Some(9));
    assert_eq!(table.grow(1_u64, None::<Function>).unwrap(), None);
}

#[test]
fn instance_limits() {
    let runtime = runtime(RuntimeConfig::new().with_instance_limit(2));
    let compiled = runtime.compile(wasm("(module)")).unwrap();
    let instance = || runtime.instantiate_module(&compiled, ModuleConfig::new());
    let (_one, two) = (instance().unwrap(), instance().unwrap());
    assert!(matches!(instance().unwrap_err().kind(), ErrorKind::Limit(_)));
    two.close().unwrap();
    drop(two);
    instance().unwrap();
}

#[test]
fn module_limits() {
    let runtime = runtime(RuntimeConfig::new().with_module_limit_bytes(8));
    runtime.compile(wasm("(module)")).unwrap();
    assert!(matches!(runtime.compile(wasm("(module (memory 1))")).unwrap_err().kind(), ErrorKind::Limit(_)));
}

/// Counts its parameter down by recursion.
const DOWN: &str = r#"(module (func $down (export "down") (param i32)
  (if (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1)))))
  (drop (i32.load8_u (i32.const 0))))
  (memory 1))"#;

#[test]
fn stack_limits() {
    let too_large = RuntimeConfig::new().with_max_stack_bytes(usize::MAX);
    fails(
        Runtime::with_config(too_large),
        &format!("stack of {} bytes is over 1073741824 bytes", usize::MAX),
    );
    let depth = |config: RuntimeConfig, depth: i32| {
        let down =
            runtime(config).instantiate(wasm(DOWN)).unwrap().typed_function::<i32, ()>("down").unwrap();
        down.call(depth).map_err(|error| error.trap())
    };
    assert_eq!(depth(RuntimeConfig::new(), 10_000), Ok(()));
    assert_eq!(depth(RuntimeConfig::new(), i32::MAX), Err(Some(Trap::StackOverflow)));
    assert_eq!(depth(RuntimeConfig::new().with_max_stack_bytes(16 << 10), 100), Ok(()));
    assert_eq!(
        depth(RuntimeConfig::new().with_max_stack_bytes(16 << 10), 10_000),
        Err(Some(Trap::StackOverflow))
    );
}

/// Never returns.
const FOREVER: &str = r#"(module $m
  (func (export "loop") (loop (br 0)))
  (func $down (export "down") (call $down) (drop (i32.const 0))))"#;

#[test]
fn closing_when_the_context_is_done() {
    let runtime = runtime(RuntimeConfig::new().with_close_on_context_done(true));
    let forever = runtime.compile(wasm(FOREVER)).unwrap();
    let instance = || runtime.instantiate_module(&forever, ModuleConfig::new().with_name("")).unwrap();

    let module = instance();
    let cx = Context::background().with_timeout(Duration::from_millis(20));
    let start = Instant::now();
    let error = module.typed_function::<(), ()>("loop").unwrap().call_with(&cx, ()).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(error.exit_code(), Some(ExitError::DEADLINE_EXCEEDED));
    assert_eq!(module.exit_code(), Some(ExitError::DEADLINE_EXCEEDED));

    let module = instance();
    let (cx, token) = Context::background().with_cancel();
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(20));
            token.cancel();
        });
        module.typed_function::<(), ()>("loop").unwrap().call_with(&cx, ()).unwrap_err()
    });
    assert_eq!(error.to_string(), "module closed with context canceled");

    let module = instance();
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(20));
            module.close_with_exit_code(7).unwrap();
        });
        module.typed_function::<(), ()>("loop").unwrap().call(()).unwrap_err()
    });
    assert_eq!(error.exit_code(), Some(7));

    // A context that is done already does not even begin.
    let module = instance();
    let cx = Context::background().with_timeout(Duration::ZERO);
    let error = module.typed_function::<(), ()>("down").unwrap().call_with(&cx, ()).unwrap_err();
    assert_eq!(error.exit_code(), Some(ExitError::DEADLINE_EXCEEDED));
    assert!(module.is_closed());
}

#[test]
fn start_functions_keep_the_deadline() {
    let runtime = runtime(RuntimeConfig::new().with_close_on_context_done(true));
    let cx = Context::background().with_timeout(Duration::from_millis(20));
    let config = ModuleConfig::new().with_start_functions(["loop"]);
    let error = runtime.instantiate_with(&cx, wasm(FOREVER), config).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Exit(ExitError { code: ExitError::DEADLINE_EXCEEDED })));
    assert!(runtime.module("m").is_none());
}

#[test]
fn fuel() {
    let metered = runtime(RuntimeConfig::new().with_fuel(true));
    let module = metered.instantiate(wasm(FOREVER)).unwrap();
    let fuel = Fuel::new(1000);
    let cx = with_fuel(&Context::background(), &fuel);
    for function in ["loop", "down"] {
        fuel.add(1000);
        let error = module.typed_function::<(), ()>(function).unwrap().call_with(&cx, ()).unwrap_err();
        assert_eq!((error.trap(), fuel.remaining()), (Some(Trap::OutOfFuel), 0));
    }
    assert!(!module.is_closed());
}

#[test]
fn custom_sections() {
    let module = wasm(r#"(module (@custom "notes" "text"))"#);
    let sections = |enabled: bool| {
        let runtime = runtime(RuntimeConfig::new().with_custom_sections(enabled));
        let sections = runtime.compile(&module).unwrap().custom_sections().to_vec();
        sections
            .into_iter()
            .map(|section| (section.name.to_string(), section.data.to_vec()))
            .collect::<Vec<_>>()
    };
    assert_eq!(sections(false), []);
    assert_eq!(sections(true), [("notes".to_owned(), b"text".to_vec())]);
}

#[test]
fn compilation() {
    let config = RuntimeConfig::new().with_eager_compilation(true).with_compilation_threads(2);
    let module = runtime(config).instantiate(wasm(DOWN)).unwrap();
    module.typed_function::<i32, ()>("down").unwrap().call(5).unwrap();
}

#[test]
fn deterministic_nans_are_canonical() {
    let module = wasm(
        r#"(module (func (export "f") (param f32) (result i32)
          (i32.reinterpret_f32 (f32.add (local.get 0) (f32.const 1)))))"#,
    );
    let runtime = runtime(RuntimeConfig::new().with_deterministic(true));
    let function = runtime.instantiate(&module).unwrap().typed_function::<f32, u32>("f").unwrap();
    assert_eq!(function.call(f32::from_bits(0xffff_ffff)).unwrap(), 0x7fc0_0000);
}

// What a module is configured with.

/// Prints what `get` of WASI gives, NULs included.
fn printer(sizes: &str, get: &str) -> Vec<u8> {
    wasm(&format!(
        r#"(module
  (import "wasi_snapshot_preview1" "{sizes}" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "{get}" (func $get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (call $sizes (i32.const 0) (i32.const 4)))
    (drop (call $get (i32.const 64) (i32.const 1024)))
    (i32.store (i32.const 8) (i32.const 1024))
    (i32.store (i32.const 12) (i32.load (i32.const 4)))
    (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16)))))"#
    ))
}

/// What a WASI program prints.
fn output_of(module: &[u8], config: ModuleConfig) -> wz::Result<String> {
    let runtime = Runtime::new();
    wz::wasi::instantiate(&runtime)?;
    let output = OutputBuffer::new();
    let config = config.with_stdout(Stdio::buffer(&output));
    runtime.instantiate_with(&Context::background(), module, config)?;
    Ok(output.to_string_lossy())
}

#[test]
fn arguments() {
    let module = printer("args_sizes_get", "args_get");
    let args = |args: &[&str]| output_of(&module, ModuleConfig::new().with_args(args.iter().copied()));
    assert_eq!(args(&[]).unwrap(), "");
    assert_eq!(args(&["a", "", "b c"]).unwrap(), "a\0\0b c\0");
    fails(args(&["a\0b"]), "args invalid: contains NUL character");
}

#[test]
fn environment() {
    let module = printer("environ_sizes_get", "environ_get");
    let config = ModuleConfig::new().with_env("A", "1").with_env("B", "").with_env("A", "2=3");
    assert_eq!(output_of(&module, config).unwrap(), "A=2=3\0B=\0");
    let env = |key: &str, value: &str| output_of(&module, ModuleConfig::new().with_env(key, value));
    fails(env("", "x"), "environ invalid: empty key");
    fails(env("a=b", "x"), "environ invalid: key contains '=' character");
    fails(env("a", "x\0"), "environ invalid: contains NUL character");
    // Also for modules that import nothing.
    let runtime = Runtime::new();
    let config = ModuleConfig::new().with_env("", "x");
    fails(
        runtime.instantiate_with(&Context::background(), wasm("(module)"), config),
        "environ invalid: empty key",
    );
}

/// Prints the raw bytes of `count` readings of `call`, which leaves `len` bytes at 64.
fn reader(import: &str, call: &str, len: u32) -> Vec<u8> {
    wasm(&format!(
        r#"(module {import}
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $once
    (drop {call})
    (i32.store (i32.const 8) (i32.const 64))
    (i32.store (i32.const 12) (i32.const {len}))
    (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16))))
  (func (export "_start") (call $once) (call $once)))"#
    ))
}

fn bytes_of(module: &[u8], config: ModuleConfig) -> Vec<u8> {
    let runtime = Runtime::new();
    wz::wasi::instantiate(&runtime).unwrap();
    let output = OutputBuffer::new();
    let config = config.with_stdout(Stdio::buffer(&output));
    runtime.instantiate_with(&Context::background(), module, config).unwrap();
    output.take()
}

fn clock_readings(clock: u32, config: ModuleConfig) -> Vec<u64> {
    let import =
        r#"(import "wasi_snapshot_preview1" "clock_time_get" (func $get (param i32 i64 i32) (result i32)))"#;
    let call = format!("(call $get (i32.const {clock}) (i64.const 0) (i32.const 64))");
    let bytes = bytes_of(&reader(import, &call, 8), config);
    bytes.chunks(8).map(|chunk| u64::from_le_bytes(chunk.try_into().unwrap())).collect()
}

#[test]
fn clocks() {
    let new_year_2022 = 1_640_995_200_000_000_000;
    assert_eq!(clock_readings(0, ModuleConfig::new()), [new_year_2022, new_year_2022 + 1_000_000]);
    assert_eq!(clock_readings(1, ModuleConfig::new()), [0, 1_000_000]);
    let system = ModuleConfig::new().with_sys_walltime().with_sys_nanotime();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let readings = clock_readings(0, system.clone());
    assert!(readings[0] >= now && readings[1] - now < 60_000_000_000, "{now} {readings:?}");
    let readings = clock_readings(1, system);
    assert!(readings[0] <= readings[1], "{readings:?}");
}

#[test]
fn random_bytes() {
    let import = r#"(import "wasi_snapshot_preview1" "random_get" (func $get (param i32 i32) (result i32)))"#;
    let module = reader(import, "(call $get (i32.const 64) (i32.const 16))", 16);
    let fixed = bytes_of(&module, ModuleConfig::new());
    assert_eq!(fixed, bytes_of(&module, ModuleConfig::new()));
    assert_ne!(fixed[..16], fixed[16..]);
    let system = ModuleConfig::new().with_sys_rand_source();
    assert_ne!(bytes_of(&module, system.clone()), bytes_of(&module, system));
    let custom = ModuleConfig::new().with_rand_source(std::io::repeat(7));
    assert_eq!(bytes_of(&module, custom), [7; 32]);
}

#[test]
fn extensions_are_found_by_type() {
    struct Greeting(&'static str);
    let runtime = Runtime::new();
    runtime
        .host_module_builder("env")
        .function("len", |caller: &mut Caller<'_>| -> wz::Result<i32> {
            let greeting = caller.extension::<Greeting>().ok_or_else(|| Error::host("no greeting"))?;
            Ok(greeting.0.len() as i32)
        })
        .instantiate()
        .unwrap();
    let module = wasm(
        r#"(module (import "env" "len" (func (result i32))) (export "len" (func 0))
        (func (export "call") (result i32) (call 0)))"#,
    );
    let compiled = runtime.compile(&module).unwrap();
    let with = |config: ModuleConfig| {
        let module = runtime.instantiate_module(&compiled, config.with_name(""))?;
        module.typed_function::<(), i32>("call")?.call(())
    };
    assert_eq!(with(ModuleConfig::new().with(1_u8).with(Greeting("hi")).with("text")).unwrap(), 2);
    assert_eq!(with(ModuleConfig::new().with(Greeting("hi")).with(Greeting("hello"))).unwrap(), 5);
    fails(with(ModuleConfig::new()), "no greeting");
}

#[test]
fn names_are_the_modules_own_unless_given() {
    let runtime = Runtime::new();
    let compiled = runtime.compile(wasm("(module $own)")).unwrap();
    let name =
        |config: ModuleConfig| runtime.instantiate_module(&compiled, config).unwrap().name().to_owned();
    assert_eq!(name(ModuleConfig::new()), "own");
    assert_eq!(name(ModuleConfig::new().with_name("given")), "given");
    assert_eq!(name(ModuleConfig::new().with_name("")), "");
}

#[test]
fn imports_may_come_from_elsewhere() {
    let runtime = Runtime::new();
    let part = wasm(r#"(module (func (export "f") (result i32) (i32.const 5)))"#);
    let anonymous = runtime.instantiate(&part).unwrap();
    let config = ModuleConfig::new()
        .with_import_resolver(move |name: &str| (name == "part").then(|| anonymous.clone()));
    let module = wasm(r#"(module (import "part" "f" (func (result i32))) (export "f" (func 0)))"#);
    let module = runtime.instantiate_with(&Context::background(), &module, config).unwrap();
    assert_eq!(module.typed_function::<(), i32>("f").unwrap().call(()).unwrap(), 5);
}

/// Prints the names of the directories that it has, and ends at the first descriptor that is none.
const MOUNTS: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_prestat_dir_name" (func $name (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start") (local $fd i32)
    (local.set $fd (i32.const 3))
    (loop $next
      (if (i32.eqz (call $prestat (local.get $fd) (i32.const 0))) (then
        (drop (call $name (local.get $fd) (i32.const 64) (i32.load (i32.const 4))))
        (i32.store8 (i32.add (i32.const 64) (i32.load (i32.const 4))) (i32.const 32))
        (i32.store (i32.const 16) (i32.const 64))
        (i32.store (i32.const 20) (i32.add (i32.load (i32.const 4)) (i32.const 1)))
        (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))
        (local.set $fd (i32.add (local.get $fd) (i32.const 1)))
        (br $next))))))"#;

#[test]
fn mounts() {
    let here = std::env::temp_dir();
    let config = ModuleConfig::new()
        .with_dir_mount(&here, "/a")
        .with_read_only_dir_mount(&here, "b")
        .with_fs_mount(wz::wasi::fs::MemoryFs::new(), "/memory")
        .with_dir_mount(&here, "/a/");
    assert_eq!(output_of(&wasm(MOUNTS), config).unwrap(), "/a b /memory ");
    assert_eq!(output_of(&wasm(MOUNTS), ModuleConfig::new()).unwrap(), "");
    let missing = ModuleConfig::new().with_dir_mount("/no/such/directory", "/");
    assert!(matches!(output_of(&wasm(MOUNTS), missing).unwrap_err().kind(), ErrorKind::System { .. }));
}

#[test]
fn standard_streams() {
    let echo = wasm(
        r#"(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\40\00\00\00\40\00\00\00")
  (func (export "_start")
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (i32.store (i32.const 4) (i32.load (i32.const 8)))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))))"#,
    );
    let errors = OutputBuffer::new();
    let config = ModuleConfig::new().with_stdin(Stdio::bytes("input")).with_stderr(Stdio::buffer(&errors));
    assert_eq!(output_of(&echo, config).unwrap(), "input");
    assert_eq!(errors.to_string_lossy(), "input");
    assert_eq!(output_of(&echo, ModuleConfig::new()).unwrap(), "");
}
