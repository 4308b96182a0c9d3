//! Ending calls from outside: by cancellation, deadline and close, for every shape of code that
//! does not end by itself, and for host functions that block. On every engine.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use wz::{Caller, Context, ExitError, HostModule, Module};
use wz_testkit::engines::{EngineUnderTest, for_each_engine};
use wz_testkit::fixture::Fixture;

/// How long a call may go on after it was told to end. It takes milliseconds on an idle machine;
/// tests run on busy ones.
const PATIENCE: Duration = Duration::from_secs(3);

/// Functions that run for ever, or for longer than anybody waits, each in its own way.
const SHAPES: &[(&str, &str)] = &[
    ("loop", "(loop (br 0))"),
    ("br_if", "(loop (br_if 0 (i32.const 1)))"),
    ("br_table", "(loop (br_table 0 0 0 (i32.const 1)))"),
    ("nested loops", "(loop (loop (br_if 1 (i32.const 1)) (br 0)))"),
    ("loop with values", "(i32.const 1) (loop (param i32) (br 0 (i32.const 2)))"),
    ("loop over a call", "(loop (call $nothing) (br 0))"),
    ("loop over the host", "(loop (call $host) (br 0))"),
    ("loop over a fill", "(loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536)) (br 0))"),
    ("loop over a copy", "(loop (memory.copy (i32.const 0) (i32.const 1) (i32.const 65535)) (br 0))"),
    ("loop over table.copy", "(loop (table.copy (i32.const 0) (i32.const 1) (i32.const 2)) (br 0))"),
    ("loop over memory.grow", "(loop (drop (memory.grow (i32.const 0))) (br 0))"),
    ("recursion", "(call $twice (i32.const 60))"),
    ("mutual recursion", "(call $even (i32.const 60))"),
    ("indirect recursion", "(call $indirect (i32.const 60))"),
    ("tail recursion", "(return_call $tail (i64.const 0))"),
    ("mutual tail recursion", "(return_call $tail_even (i64.const 0))"),
    ("indirect tail recursion", "(return_call $tail_indirect (i64.const 0))"),
];

/// The functions that the shapes call.
const HELPERS: &str = r#"
    (memory 1) (table 4 funcref) (elem (i32.const 2) $indirect $tail_indirect)
    (func $nothing)
    (func $twice (param i32)
        (if (local.get 0) (then
            (call $twice (i32.sub (local.get 0) (i32.const 1))) (call $twice (i32.sub (local.get 0) (i32.const 1))))))
    (func $even (param i32)
        (if (local.get 0) (then
            (call $odd (i32.sub (local.get 0) (i32.const 1))) (call $odd (i32.sub (local.get 0) (i32.const 1))))))
    (func $odd (param i32)
        (if (local.get 0) (then
            (call $even (i32.sub (local.get 0) (i32.const 1))) (call $even (i32.sub (local.get 0) (i32.const 1))))))
    (func $indirect (param i32)
        (if (local.get 0) (then
            (call_indirect (param i32) (i32.sub (local.get 0) (i32.const 1)) (i32.const 2))
            (call_indirect (param i32) (i32.sub (local.get 0) (i32.const 1)) (i32.const 2)))))
    (func $tail (param i64) (return_call $tail (i64.add (local.get 0) (i64.const 1))))
    (func $tail_even (param i64) (return_call $tail_odd (local.get 0)))
    (func $tail_odd (param i64) (return_call $tail_even (local.get 0)))
    (func $tail_indirect (param i64) (return_call_indirect (param i64) (local.get 0) (i32.const 3)))"#;

fn endless(engine: EngineUnderTest, body: &str) -> (Fixture, Module) {
    let fixture = Fixture::new((engine.config)().with_close_on_context_done(true));
    fixture.host(&HostModule::new("host").with_function("host", || {}));
    let module = fixture.named(
        "endless",
        &format!(r#"(module (import "host" "host" (func $host)) {HELPERS} (func (export "run") {body}))"#),
    );
    (fixture, module)
}

/// Runs `run` in `cx` until `end`, called after a moment, ends it, and gives the exit code.
fn ended(module: &Module, cx: &Context, what: &str, end: impl FnOnce()) -> u32 {
    let run = module.exported_function("run").unwrap();
    let (error, took) = std::thread::scope(|scope| {
        let caller = scope.spawn(|| {
            let error = run.call_with(cx, &[]).expect_err("it does not end by itself");
            (error, Instant::now())
        });
        std::thread::sleep(Duration::from_millis(20));
        let told = Instant::now();
        end();
        let (error, at) = caller.join().unwrap();
        (error, at.saturating_duration_since(told))
    });
    assert!(took < PATIENCE, "{what} took {took:?} to end");
    error.exit_code().unwrap_or_else(|| panic!("{what}: {error}"))
}

#[test]
fn cancellation_ends_every_shape() {
    for_each_engine(|engine| {
        for (shape, body) in SHAPES {
            let (fixture, module) = endless(engine, body);
            let (cx, token) = Context::background().with_cancel();
            let code = ended(&module, &cx, shape, || token.cancel());
            assert_eq!(code, ExitError::CONTEXT_CANCELED, "{shape}");
            assert_eq!(module.exit_code(), Some(code), "{shape}: the module is closed");
            assert!(fixture.runtime.module("endless").is_none(), "{shape}: its name is free");
        }
    });
}

#[test]
fn deadlines_end_every_shape() {
    for_each_engine(|engine| {
        for (shape, body) in SHAPES {
            let (_fixture, module) = endless(engine, body);
            let cx = Context::background().with_timeout(Duration::from_millis(10));
            let code = ended(&module, &cx, shape, || {});
            assert_eq!((code, module.exit_code()), (ExitError::DEADLINE_EXCEEDED, Some(code)), "{shape}");
        }
    });
}

#[test]
fn closing_ends_every_shape() {
    for_each_engine(|engine| {
        for (shape, body) in SHAPES {
            let (_fixture, module) = endless(engine, body);
            let code =
                ended(&module, &Context::background(), shape, || module.close_with_exit_code(33).unwrap());
            assert_eq!(code, 33, "{shape}");
        }
    });
}

#[test]
fn closing_the_runtime_ends_calls() {
    for_each_engine(|engine| {
        let (fixture, module) = endless(engine, "(loop (br 0))");
        let code = ended(&module, &Context::background(), "loop", || {
            fixture.runtime.close_with_exit_code(4).unwrap()
        });
        assert_eq!(code, 4);
    });
}

#[test]
fn start_functions_end_too() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)().with_close_on_context_done(true));
        for text in
            ["(module (start 0) (func (loop (br 0))))", r#"(module (func (export "_start") (loop (br 0))))"#]
        {
            let compiled = fixture.compile(text);
            let cx = Context::background().with_timeout(Duration::from_millis(20));
            let started = Instant::now();
            let config = wz::ModuleConfig::new().with_name("x");
            let error = fixture.runtime.instantiate_module_with(&cx, &compiled, config).unwrap_err();
            assert_eq!(error.exit_code(), Some(ExitError::DEADLINE_EXCEEDED), "{error}");
            assert!(started.elapsed() < PATIENCE && fixture.runtime.module("x").is_none());
        }
    });
}

#[test]
fn a_context_that_is_done_ends_the_call_before_it_begins() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)().with_close_on_context_done(true));
        let (cx, token) = Context::background().with_cancel();
        token.cancel();
        for (cx, code) in [
            (cx, ExitError::CONTEXT_CANCELED),
            (Context::background().with_timeout(Duration::ZERO), ExitError::DEADLINE_EXCEEDED),
        ] {
            let module = fixture.module(
                r#"(module (global (export "ran") (mut i32) (i32.const 0))
                    (func (export "run") (global.set 0 (i32.const 1))))"#,
            );
            let error = module.exported_function("run").unwrap().call_with(&cx, &[]).unwrap_err();
            assert_eq!((error.exit_code(), module.exit_code()), (Some(code), Some(code)));
            assert_eq!(module.exported_global("ran").unwrap().get_word(), 0);
        }
    });
}

#[test]
fn without_the_option_contexts_do_not_end_calls() {
    for_each_engine(|engine| {
        let module = Fixture::new((engine.config)())
            .module(r#"(module (func (export "run") (result i32) (i32.const 1)))"#);
        let cx = Context::background().with_timeout(Duration::ZERO);
        assert_eq!(module.exported_function("run").unwrap().call_with(&cx, &[]).unwrap(), [1]);
        assert!(!module.is_closed());
    });
}

#[test]
fn calls_that_end_in_time_are_not_touched() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)().with_close_on_context_done(true));
        let module = fixture.module(r#"(module (func (export "run") (result i32) (i32.const 1)))"#);
        let run = module.exported_function("run").unwrap();
        let (cx, token) = Context::background().with_timeout(Duration::from_millis(30)).with_cancel();
        assert_eq!(run.call_with(&cx, &[]).unwrap(), [1]);
        std::thread::sleep(Duration::from_millis(40));
        token.cancel();
        assert!(!module.is_closed(), "a call's context is not its module's");
        assert_eq!(run.call(&[]).unwrap(), [1]);
    });
}

/// A host function that blocks until it is told to end, as one that waits for input would.
fn blocking() -> HostModule {
    HostModule::new("host").with_function("block", |caller: &mut Caller<'_>| -> wz::Result<()> {
        let state = Arc::new((Mutex::new(false), Condvar::new()));
        let woken = state.clone();
        let _registration = caller.on_interruption(move || {
            *woken.0.lock().unwrap() = true;
            woken.1.notify_all();
        });
        let mut ended = state.0.lock().unwrap();
        while !*ended {
            let (guard, timeout) = state.1.wait_timeout(ended, PATIENCE).unwrap();
            ended = guard;
            assert!(!timeout.timed_out(), "never woken");
        }
        Err(caller.interruption().expect("a reason for having been woken"))
    })
}

#[test]
fn blocked_host_functions_are_woken() {
    for_each_engine(|engine| {
        let text = r#"(module (import "host" "block" (func $block)) (func (export "run") (call $block)))"#;
        let fixture = Fixture::new((engine.config)().with_close_on_context_done(true));
        fixture.host(&blocking());
        let module = fixture.module(text);
        let (cx, token) = Context::background().with_cancel();
        assert_eq!(ended(&module, &cx, "cancel", || token.cancel()), ExitError::CONTEXT_CANCELED);

        let module = fixture.module(text);
        let cx = Context::background().with_timeout(Duration::from_millis(10));
        assert_eq!(ended(&module, &cx, "deadline", || {}), ExitError::DEADLINE_EXCEEDED);

        let module = fixture.module(text);
        let code =
            ended(&module, &Context::background(), "close", || module.close_with_exit_code(9).unwrap());
        assert_eq!(code, 9);
    });
}

#[test]
fn a_registration_that_is_dropped_is_not_woken() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)().with_close_on_context_done(true));
        let woken = Arc::new(AtomicBool::new(false));
        let flag = woken.clone();
        fixture.host(&HostModule::new("host").with_function("register", move |caller: &mut Caller<'_>| {
            let flag = flag.clone();
            drop(caller.on_interruption(move || flag.store(true, Ordering::SeqCst)));
            assert!(caller.interruption().is_none());
        }));
        let module = fixture.module(
            r#"(module (import "host" "register" (func $register))
                (func (export "run") (call $register) (loop (br 0))))"#,
        );
        assert_eq!(ended(&module, &Context::background(), "close", || module.close().unwrap()), 0);
        assert!(!woken.load(Ordering::SeqCst));
    });
}

#[test]
fn interruption_in_nested_calls_ends_all_of_them() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)().with_close_on_context_done(true));
        fixture.host(&HostModule::new("host").with_function(
            "inner",
            |caller: &mut Caller<'_>| -> wz::Result<()> {
                let module = caller.module().expect("a guest calls");
                let inner = module.exported_function("inner").expect("it exports it");
                inner.call_with(caller.context(), &[]).map(drop)
            },
        ));
        let module = fixture.module(
            r#"(module (import "host" "inner" (func $inner))
                (func (export "run") (call $inner) unreachable) (func (export "inner") (loop (br 0))))"#,
        );
        let (cx, token) = Context::background().with_cancel();
        assert_eq!(ended(&module, &cx, "nested", || token.cancel()), ExitError::CONTEXT_CANCELED);
    });
}
