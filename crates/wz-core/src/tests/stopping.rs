//! Ending calls from outside: close, cancel, deadlines, blocked host functions.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use wz_api::{Caller, Context, ExitError, HostModule, Module};

use crate::testing::FakeEngine;
use crate::{Store, StoreConfig};

/// `spin` loops until it is interrupted; `block` calls a host function that waits to be woken.
fn store(close_on_context_done: bool) -> Store {
    let engine = FakeEngine::default()
        .with("spin", |call| {
            loop {
                call.check()?;
                std::thread::yield_now();
            }
        })
        .with("block", |call| call.call(0))
        .with("nest", |call| call.call(1));
    let store = Store::new(StoreConfig { close_on_context_done, ..engine.config() }).unwrap();
    let block = |caller: &mut Caller<'_>| {
        let (sender, receiver) = mpsc::channel();
        let _registration = caller.on_interruption(move || sender.send(()).unwrap());
        receiver.recv_timeout(Duration::from_secs(20)).unwrap();
        Err::<(), _>(caller.interruption().expect("woken for a reason"))
    };
    let nest = |caller: &mut Caller<'_>| {
        let (cx, token) = Context::background().with_cancel();
        token.cancel();
        let other = caller.module().unwrap().exported_function("other").unwrap();
        // Another module's call ends; this one goes on.
        assert_eq!(other.call_with(&cx, &[]).unwrap_err().exit_code(), Some(ExitError::CONTEXT_CANCELED));
    };
    let host = HostModule::new("env").with_function("block", block).with_function("nest", nest);
    store.instantiate_host(&Context::background(), &host).unwrap();
    store
}

const MODULE: &str = r#"(module $m (import "env" "block" (func)) (import "env" "nest" (func))
    (func $spin (export "spin")) (func $block (export "block")) (func $nest (export "nest"))
    (func (export "none")))"#;

/// Calls and gives the exit code, which has to come soon.
fn run(module: &Module, name: &str, cx: &Context) -> Option<u32> {
    let begun = Instant::now();
    let code = module.exported_function(name).unwrap().call_with(cx, &[]).unwrap_err().exit_code();
    assert!(begun.elapsed() < Duration::from_secs(10), "took {:?}", begun.elapsed());
    code
}

#[test]
fn deadlines_end_loops_and_blocked_functions() {
    for name in ["spin", "block"] {
        let module = store(true).text(MODULE).unwrap();
        let cx = Context::background().with_timeout(Duration::from_millis(20));
        assert_eq!(run(&module, name, &cx), Some(ExitError::DEADLINE_EXCEEDED));
        assert_eq!(module.exit_code(), Some(ExitError::DEADLINE_EXCEEDED));
    }
}

#[test]
fn cancelling_ends_loops_and_blocked_functions() {
    for name in ["spin", "block"] {
        let module = store(true).text(MODULE).unwrap();
        let (cx, token) = Context::background().with_cancel();
        let canceller = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(10));
            token.cancel();
        });
        assert_eq!(run(&module, name, &cx), Some(ExitError::CONTEXT_CANCELED));
        canceller.join().unwrap();
    }
}

#[test]
fn closing_ends_loops_where_code_looks_and_blocked_functions_always() {
    for (name, close_on_context_done) in [("spin", true), ("block", true), ("block", false)] {
        let store = store(close_on_context_done);
        let module = store.text(MODULE).unwrap();
        let handle = module.clone();
        let closer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(10));
            handle.close_with_exit_code(7).unwrap();
        });
        assert_eq!(run(&module, name, &Context::background()), Some(7));
        closer.join().unwrap();
    }
}

#[test]
fn closing_a_module_ends_calls_that_came_into_it_from_another() {
    let store = store(true);
    let library = store.text(&MODULE.replace("$m", "$library")).unwrap();
    let text = r#"(module (import "library" "spin" (func)) (func $enter (export "enter")))"#;
    let module = store.text(&text.replace("enter", "block")).unwrap();
    let closer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(10));
        library.close_with_exit_code(8).unwrap();
    });
    assert_eq!(run(&module, "block", &Context::background()), Some(8));
    assert!(!module.is_closed());
    closer.join().unwrap();
}

#[test]
fn closing_the_store_ends_everything() {
    let store = store(true);
    let module = store.text(MODULE).unwrap();
    let closer = store.clone();
    let closer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(10));
        closer.close(&Context::background(), 9).unwrap();
    });
    assert_eq!(run(&module, "spin", &Context::background()), Some(9));
    closer.join().unwrap();
}

#[test]
fn a_context_that_is_done_closes_before_the_call() {
    let (cx, token) = Context::background().with_cancel();
    token.cancel();
    let module = store(true).text(MODULE).unwrap();
    assert_eq!(run(&module, "none", &cx), Some(ExitError::CONTEXT_CANCELED));
    assert!(module.is_closed());
    // Without the option contexts end nothing.
    let module = store(false).text(MODULE).unwrap();
    module.exported_function("none").unwrap().call_with(&cx, &[]).unwrap();
    assert!(!module.is_closed());
}

#[test]
fn calls_of_other_modules_on_the_thread_go_on() {
    let store = store(true);
    let text = r#"(module (func (export "other")))"#;
    store.text(&text.replace("(module", "(module $o")).unwrap();
    let module = MODULE.replace(
        "(func $spin (export \"spin\"))",
        "(import \"o\" \"other\" (func $other)) (export \"other\" (func $other)) (func $spin (export \"spin\"))",
    );
    let module = store.text(&module).unwrap();
    module.exported_function("nest").unwrap().call(&[]).unwrap();
    assert!(!module.is_closed());
}

#[test]
fn other_threads_are_not_ended() {
    let (a, b) = (store(true).text(MODULE).unwrap(), store(true).text(MODULE).unwrap());
    let cx = Context::background().with_timeout(Duration::from_millis(60));
    std::thread::scope(|scope| {
        let spinning = scope.spawn(|| run(&b, "spin", &cx));
        for _ in 0..5 {
            std::thread::sleep(Duration::from_millis(5));
            a.close().unwrap();
        }
        assert_eq!(spinning.join().unwrap(), Some(ExitError::DEADLINE_EXCEEDED));
    });
}
