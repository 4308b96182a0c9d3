//! A guest that waits in a function of WASI ends when it should: its call is cancelled, its time is
//! up, its module or its runtime is closed.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use wz::wasi::{MemoryPipe, Stdio};
use wz::{Context, ExitError, Module, ModuleConfig, Runtime};
use wz_testkit::engines::{EngineUnderTest, for_each_engine};

/// How long it may take until the call is over, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a guest can wait in. What is at 0 is one buffer of a page, at 64 and 128 subscriptions.
const WAYS: [&str; 7] = ["sleep", "poll", "read", "write", "accept", "everything", "read-again"];

const GUEST: &str = r#"(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\00\10\00\00\00\10\00\00")
  ;; A clock with a day left, and descriptors 0 and 3 to be read.
  (data (i32.const 64) "\01")
  (data (i32.const 112) "\02\00\00\00\00\00\00\00\01")
  (data (i32.const 160) "\03\00\00\00\00\00\00\00\01\00\00\00\00\00\00\00\03")
  (func $set (i64.store (i32.const 88) (i64.const 86400000000000)))
  (func (export "sleep") (call $set)
    (drop (call $poll (i32.const 64) (i32.const 512) (i32.const 1) (i32.const 32))))
  (func (export "poll")
    (drop (call $poll (i32.const 112) (i32.const 512) (i32.const 1) (i32.const 32))))
  (func (export "everything") (call $set)
    (drop (call $poll (i32.const 64) (i32.const 512) (i32.const 3) (i32.const 32))))
  (func (export "read")
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 32))))
  (func (export "read-again")
    (loop $again (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 32))) (br $again)))
  (func (export "write")
    (loop $again (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32))) (br $again)))
  (func (export "accept")
    (drop (call $accept (i32.const 3) (i32.const 0) (i32.const 32)))))"#;

/// A guest whose input and output never become ready, and what keeps them open.
fn guest(engine: EngineUnderTest, host_pipes: bool) -> (Runtime, Module, Vec<Box<dyn std::any::Any>>) {
    let runtime = Runtime::with_config((engine.config)().with_close_on_context_done(true)).unwrap();
    wz::wasi::instantiate(&runtime).unwrap();
    let mut keep: Vec<Box<dyn std::any::Any>> = Vec::new();
    let (input, output) = if host_pipes {
        let ((input, writer), (reader, output)) = (std::io::pipe().unwrap(), std::io::pipe().unwrap());
        keep.push(Box::new((writer, reader)));
        (file(input), file(output))
    } else {
        let (input, output) = (MemoryPipe::new(64), MemoryPipe::new(64));
        keep.push(Box::new((input.clone(), output.clone())));
        (Stdio::pipe(&input), Stdio::pipe(&output))
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let config = ModuleConfig::new().with_name("").with_wasi(|wasi| {
        wasi.with_stdin(input).with_stdout(output).with_tcp_listener(listener).with_sys_time_and_rand()
    });
    let compiled = runtime.compile(wat::parse_str(GUEST).unwrap()).unwrap();
    let module = runtime.instantiate_module(&compiled, config).unwrap();
    (runtime, module, keep)
}

#[cfg(unix)]
fn file(end: impl Into<std::os::fd::OwnedFd>) -> Stdio {
    Stdio::file(std::fs::File::from(end.into()))
}

#[cfg(not(unix))]
fn file<T>(_: T) -> Stdio {
    Stdio::pipe(&MemoryPipe::new(64))
}

/// Calls a function in `cx` until `end`, called after a moment, ends it, and gives the exit code.
fn ended(module: &Module, way: &str, cx: &Context, end: impl FnOnce()) -> u32 {
    let function = module.exported_function(way).unwrap();
    let (error, took) = std::thread::scope(|scope| {
        let caller = scope.spawn(|| {
            let error = function.call_with(cx, &[]).expect_err("it does not end by itself");
            (error, Instant::now())
        });
        std::thread::sleep(Duration::from_millis(15));
        let told = Instant::now();
        end();
        let (error, at) = caller.join().unwrap();
        (error, at.saturating_duration_since(told))
    });
    assert!(took < PATIENCE, "{way} took {took:?} to end");
    error.exit_code().unwrap_or_else(|| panic!("{way}: {error}"))
}

fn for_each_way(test: impl Fn(&str, &Runtime, &Module)) {
    for_each_engine(|engine| {
        for host_pipes in [false, true] {
            for way in WAYS {
                let (runtime, module, keep) = guest(engine, host_pipes);
                test(way, &runtime, &module);
                drop(keep);
            }
        }
    });
}

#[test]
fn cancelling_ends_a_guest_that_waits() {
    for_each_way(|way, _, module| {
        let (cx, token) = Context::background().with_cancel();
        assert_eq!(ended(module, way, &cx, || token.cancel()), ExitError::CONTEXT_CANCELED, "{way}");
    });
}

#[test]
fn a_deadline_ends_a_guest_that_waits() {
    for_each_way(|way, _, module| {
        let cx = Context::background().with_timeout(Duration::from_millis(10));
        assert_eq!(ended(module, way, &cx, || {}), ExitError::DEADLINE_EXCEEDED, "{way}");
    });
}

#[test]
fn closing_the_module_or_the_runtime_ends_a_guest_that_waits() {
    for_each_way(|way, _, module| {
        let code = ended(module, way, &Context::background(), || module.close_with_exit_code(7).unwrap());
        assert_eq!(code, 7, "{way}");
    });
    for_each_way(|way, runtime, module| {
        let code = ended(module, way, &Context::background(), || runtime.close_with_exit_code(8).unwrap());
        assert_eq!(code, 8, "{way}");
    });
}
