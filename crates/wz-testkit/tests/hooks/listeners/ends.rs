//! Section 4: ends that are not returns.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use wz::experimental::{FunctionListener, FunctionListenerFactory, StackIterator};
use wz::{Context, Error, FunctionDefinition, Module, Trap, Value};
use wz_testkit::engines::for_each_engine;
use wz_testkit::fixture::{Fixture, call};

use super::support::*;

#[test]
fn s4_1_traps_abort_innermost_first() {
    check(
        r#"(module
            (func $c (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
            (func $b (result i32) (call $c (i32.const 0)))
            (func $a (call $c (i32.const 1)) (call $b) drop drop)
            (func $run (export "run") (call $a)))"#,
        &[
            "> run() 0",
            "> a() 1",
            "> c(1) 2",
            "< c(1) 3",
            "> b() 2",
            "> c(0) 3",
            "! c: integer divide by zero 4",
            "! b: integer divide by zero 3",
            "! a: integer divide by zero 2",
            "! run: integer divide by zero 1",
        ],
    );
}

#[test]
fn s4_2_so_do_errors_exits_and_exhausted_fuel() {
    let text = |name: &str| {
        format!(
            r#"(module (import "host" "{name}" (func $f)) (func $a (call $f)) (func $run (export "run") (call $a) unreachable))"#
        )
    };
    for (name, error) in [("fail", "failed"), ("exit", "exit 7"), ("use_up", "all fuel consumed")] {
        check(
            &text(name),
            &[
                "> run() 0",
                "> a() 1",
                &format!("> {name}() 2"),
                &format!("! {name}: {error} 3"),
                &format!("! a: {error} 2"),
                &format!("! run: {error} 1"),
            ],
        );
    }
    // A host function that closes the module returns as usual; the call ends at the next check.
    check(
        r#"(module (import "host" "close" (func $close)) (func $a (call $close) (loop (br 0)))
            (func $run (export "run") (call $a)))"#,
        &["> run() 0", "> a() 1", "> close() 2", "< close() 3", "! a: exit 8 2", "! run: exit 8 1"],
    );
}

#[test]
fn s4_2_deadlines_abort() {
    for_each_engine(|engine| {
        let log = Arc::new(Log::default());
        let fixture = Fixture::new((engine.config)().with_close_on_context_done(true));
        let module = instantiate(
            &fixture,
            &listening(&logging(&log, "")),
            "",
            r#"(module (func $spin (loop (br 0))) (func $run (export "run") (call $spin)))"#,
        );
        let cx = Context::background().with_timeout(std::time::Duration::from_millis(500));
        module.exported_function("run").unwrap().call_with(&cx, &[]).unwrap_err();
        let code = wz::ExitError::DEADLINE_EXCEEDED;
        assert_eq!(
            log.take(),
            [
                "> run() 0".into(),
                "> spin() 1".into(),
                format!("! spin: exit {code} 2"),
                format!("! run: exit {code} 1")
            ]
        );
    });
}

#[test]
fn s4_3_overflow_aborts_what_began() {
    for_each_engine(|engine| {
        let log = Arc::new(Log::default());
        let fixture = Fixture::new((engine.config)().with_max_stack_bytes(64 << 10));
        let module = instantiate(
            &fixture,
            &listening(&logging(&log, "")),
            "",
            r#"(module (func $down (export "run") (param i32) (call $down (i32.add (local.get 0) (i32.const 1)))))"#,
        );
        let error = module.exported_function("run").unwrap().call(&[0]).unwrap_err();
        assert_eq!(error.trap(), Some(Trap::StackOverflow));
        let lines = log.take();
        let (before, aborts) = lines.split_at(lines.len() / 2);
        assert!(before.len() > 50 && before.len() == aborts.len());
        for (position, line) in before.iter().enumerate() {
            assert_eq!(*line, format!("> down({position}) {position}"));
        }
        for (position, line) in aborts.iter().rev().enumerate() {
            assert_eq!(*line, format!("! down: stack overflow {}", position + 1));
        }
    });
}

#[test]
fn s4_4_panics_of_host_functions_abort() {
    check(
        r#"(module (import "host" "panic" (func $panic (result i32))) (func $a (drop (call $panic))) (func $run (export "run") (call $a)))"#,
        &[
            "> run() 0",
            "> a() 1",
            "> panic() 2",
            "! panic: host panic 3",
            "! a: host panic 2",
            "! run: host panic 1",
        ],
    );
}

#[test]
fn s4_5_a_handled_error_of_an_inner_call_ends_there() {
    check(
        r#"(module
            (import "host" "back" (func $back (result i32)))
            (func $deep unreachable) (func $inner (export "inner") (call $deep))
            (func $run (export "run") (drop (call $back))))"#,
        &[
            "> run() 0",
            "> back() 1",
            "> inner() 2",
            "> deep() 3",
            "! deep: unreachable 4",
            "! inner: unreachable 3",
            "< back(1) 2",
            "< run() 1",
        ],
    );
}

#[test]
fn s4_6_and_4_7_tail_calls_end_their_callers_first() {
    check(
        r#"(module
            (import "host" "add" (func $add (param i64 i64) (result i64)))
            (table funcref (elem $c))
            (func $a (result i64) (return_call $b (i64.const 1)))
            (func $b (param i64) (result i64) (return_call_indirect (result i64) (i32.const 0)))
            (func $c (result i64) (return_call $add (i64.const 2) (i64.const 3)))
            (func $run (export "run") (drop (call $a))))"#,
        &[
            "> run() 0",
            "> a() 1",
            "~ a 2",
            "> b(1) 1",
            "~ b 2",
            "> c() 1",
            "~ c 2",
            "> add(2,3) 1",
            "< add(5) 2",
            "< run() 1",
        ],
    );
    check(
        r#"(module (func $a (return_call $b)) (func $b unreachable) (func $run (export "run") (call $a)))"#,
        &["> run() 0", "> a() 1", "~ a 2", "> b() 1", "! b: unreachable 2", "! run: unreachable 1"],
    );
}

#[test]
fn s4_6_chains_of_tail_calls_run_in_constant_space() {
    for_each_engine(|engine| {
        let calls = Arc::new(AtomicU32::new(0));
        let counter = calls.clone();
        let factory = each_before(move |_, _, _, _, _| {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        let fixture = Fixture::new((engine.config)().with_max_stack_bytes(64 << 10));
        let module = instantiate(
            &fixture,
            &listening(&factory),
            "",
            r#"(module
                (func $even (export "run") (param i32)
                    (if (local.get 0) (then (return_call $odd (i32.sub (local.get 0) (i32.const 1)) (i64.const 0)))))
                (func $odd (param i32 i64) (return_call $even (i32.sub (local.get 0) (i32.const 1)))))"#,
        );
        call(&module, "run", &[Value::I32(20_000)]).unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), 20_001);
    });
}

#[test]
fn s4_6_without_tail_call_there_is_after_without_results() {
    struct Plain(Arc<Log>);
    impl FunctionListener for Plain {
        fn before(
            &self,
            _: &Context,
            _: &Module,
            definition: &FunctionDefinition,
            _: &[u64],
            _: &mut dyn StackIterator,
        ) -> Option<Context> {
            self.0.add(format!("> {}", definition.name()));
            None
        }
        fn after(&self, _: &Context, _: &Module, definition: &FunctionDefinition, results: &[u64]) {
            self.0.add(format!("< {}({})", definition.name(), words(results)));
        }
        fn abort(&self, _: &Context, _: &Module, _: &FunctionDefinition, _: &Error) {}
    }
    for_each_engine(|engine| {
        let log = Arc::new(Log::default());
        let listener: Arc<dyn FunctionListener> = Arc::new(Plain(log.clone()));
        let factory: Arc<dyn FunctionListenerFactory> =
            Arc::new(move |_: &FunctionDefinition| Some(listener.clone()));
        let fixture = Fixture::new((engine.config)());
        let module = instantiate(
            &fixture,
            &listening(&factory),
            "",
            r#"(module (func $b (result i32) (i32.const 4)) (func $a (export "run") (result i32) (return_call $b)))"#,
        );
        call(&module, "run", &[]).unwrap();
        assert_eq!(log.take(), ["> a", "< a()", "> b", "< b(4)"]);
    });
}

#[test]
fn s4_7_a_tail_call_without_a_callee_aborts() {
    for (index, trap) in
        [(0, "indirect call type mismatch"), (1, "invalid table access"), (9, "invalid table access")]
    {
        check(
            &format!(
                r#"(module (table 2 funcref) (elem (i32.const 0) $f)
                    (func $f (param i32))
                    (func $tail (return_call_indirect (i32.const {index})))
                    (func $run (export "run") (call $tail)))"#
            ),
            &["> run() 0", "> tail() 1", &format!("! tail: {trap} 2"), &format!("! run: {trap} 1")],
        );
    }
}
