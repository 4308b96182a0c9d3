//! The listener contract, `docs/listeners.md`: every numbered sentence of it. On every engine.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use wz::experimental::{
    FunctionListener, FunctionListenerFactory, StackIterator, with_function_listener_factory,
};
use wz::{
    Caller, Context, Error, Fuel, FunctionDefinition, HostModule, Module, ModuleConfig, Trap, Value,
    with_fuel,
};
use wz_testkit::engines::for_each_engine;
use wz_testkit::fixture::{Fixture, binary, call, code_offset};

/// Writes down every event as a line.
#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
}

impl Log {
    fn add(&self, line: String) {
        self.lines.lock().unwrap().push(line);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines.lock().unwrap())
    }
}

/// How deep the contexts of listeners are nested: derived by every `before`.
#[derive(Clone, Copy)]
struct Depth(u32);

fn depth(cx: &Context) -> u32 {
    cx.value::<Depth>().map_or(0, |depth| depth.0)
}

/// Logs calls as `> name(params) at depth`, `< name(results)`, `! name: error` and `~ name` for
/// tail calls, each with the depth of its context.
struct Logging {
    log: Arc<Log>,
    label: &'static str,
}

fn kind(error: &Error) -> String {
    match (error.trap(), error.exit_code()) {
        (Some(trap), _) => trap.to_string(),
        (_, Some(code)) => format!("exit {code}"),
        // The message of a panic comes with a remark.
        _ => error.to_string().lines().next().unwrap_or_default().replace(" (recovered by wz)", ""),
    }
}

fn words(words: &[u64]) -> String {
    words.iter().map(u64::to_string).collect::<Vec<_>>().join(",")
}

impl FunctionListener for Logging {
    fn before(
        &self,
        cx: &Context,
        _: &Module,
        definition: &FunctionDefinition,
        params: &[u64],
        _: &mut dyn StackIterator,
    ) -> Option<Context> {
        let (label, name) = (self.label, definition.name());
        self.log.add(format!("{label}> {name}({}) {}", words(params), depth(cx)));
        Some(cx.with_value(Depth(depth(cx) + 1)))
    }

    fn after(&self, cx: &Context, _: &Module, definition: &FunctionDefinition, results: &[u64]) {
        self.log.add(format!("{}< {}({}) {}", self.label, definition.name(), words(results), depth(cx)));
    }

    fn abort(&self, cx: &Context, _: &Module, definition: &FunctionDefinition, error: &Error) {
        self.log.add(format!("{}! {}: {} {}", self.label, definition.name(), kind(error), depth(cx)));
    }

    fn tail_call(&self, cx: &Context, _: &Module, definition: &FunctionDefinition) {
        self.log.add(format!("{}~ {} {}", self.label, definition.name(), depth(cx)));
    }
}

/// A factory that listens to functions whose names do not begin with `quiet`.
fn logging(log: &Arc<Log>, label: &'static str) -> Arc<dyn FunctionListenerFactory> {
    let log = log.clone();
    Arc::new(move |definition: &FunctionDefinition| -> Option<Arc<dyn FunctionListener>> {
        let listened = !definition.name().starts_with("quiet");
        listened.then(|| Arc::new(Logging { log: log.clone(), label }) as Arc<dyn FunctionListener>)
    })
}

fn listening(factory: &Arc<dyn FunctionListenerFactory>) -> Context {
    with_function_listener_factory(&Context::background(), factory.clone())
}

/// A listener of one closure over `before`, as factory for every function.
fn each_before(
    before: impl Fn(&Context, &Module, &FunctionDefinition, &[u64], &mut dyn StackIterator)
    + Send
    + Sync
    + 'static,
) -> Arc<dyn FunctionListenerFactory> {
    let listener: Arc<dyn FunctionListener> = Arc::new(before);
    Arc::new(move |_: &FunctionDefinition| Some(listener.clone()))
}

fn instantiate(fixture: &Fixture, cx: &Context, name: &str, text: &str) -> Module {
    let compiled = fixture.compile(text);
    fixture.runtime.instantiate_module_with(cx, &compiled, ModuleConfig::new().with_name(name)).unwrap()
}

/// Runs the export `run` of a listened module beside a listened host module, whatever comes of
/// it, and compares the events.
fn check(text: &str, expected: &[&str]) {
    for_each_engine(|engine| {
        let log = Arc::new(Log::default());
        let cx = listening(&logging(&log, ""));
        let config = (engine.config)().with_close_on_context_done(true).with_fuel(true);
        let fixture = Fixture::new(config);
        let host = HostModule::new("host")
            .with_function("log_depth", {
                let log = log.clone();
                move |caller: &mut Caller<'_>| log.add(format!("host at {}", depth(caller.context())))
            })
            .with_function("fail", || -> wz::Result<()> { Err(Error::host("failed")) })
            .with_function("exit", || -> wz::Result<()> { Err(Error::exit(7)) })
            .with_function("panic", || -> i32 { panic!("host panic") })
            .with_function("close", |caller: &mut Caller<'_>| {
                caller.module().unwrap().close_with_exit_code(8)
            })
            .with_function("use_up", |caller: &mut Caller<'_>| caller.consume_fuel(u64::MAX))
            .with_function("back", |caller: &mut Caller<'_>| -> wz::Result<i32> {
                let inner = caller.module().unwrap().exported_function("inner").unwrap();
                Ok(i32::from(inner.call_with(caller.context(), &[]).is_err()))
            })
            .with_function("back_without_context", |caller: &mut Caller<'_>| -> wz::Result<i32> {
                let inner = caller.module().unwrap().exported_function("inner").unwrap();
                Ok(i32::from(inner.call(&[]).is_err()))
            })
            .with_function("add", |a: i64, b: i64| a + b);
        fixture.runtime.instantiate_host_module_with(&cx, &host).unwrap();
        let module = instantiate(&fixture, &cx, "guest", text);
        let run = module.exported_function("run").unwrap();
        let cx = with_fuel(&Context::background(), &Fuel::new(1 << 40));
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run.call_with(&cx, &[])));
        if let Err(panic) = outcome {
            assert_eq!(panic.downcast_ref::<&str>(), Some(&"host panic"));
        }
        assert_eq!(log.take(), expected, "{text}");
    });
}

#[test]
fn s1_1_and_1_2_every_before_has_one_end_and_calls_nest() {
    check(
        r#"(module
            (func $a (param i32) (result i32) (call $b (local.get 0)) (drop (call $b (i32.const 9))))
            (func $b (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
            (func $run (export "run") (drop (call $a (i32.const 1))) (drop (call $b (i32.const 5)))))"#,
        &[
            "> run() 0",
            "> a(1) 1",
            "> b(1) 2",
            "< b(2) 3",
            "> b(9) 2",
            "< b(10) 3",
            "< a(2) 2",
            "> b(5) 1",
            "< b(6) 2",
            "< run() 1",
        ],
    );
}

/// Also 3.1 to 3.3: the call tree that the seed's own test leaves to be written. Three levels,
/// several calls at each, direct and indirect, through imports and tables.
#[test]
fn s3_contexts_nest_in_a_call_tree_of_three_levels() {
    check(
        r#"(module
            (import "host" "log_depth" (func $log_depth))
            (type $void (func))
            (table funcref (elem $leaf $middle $log_depth))
            (func $leaf (call $log_depth))
            (func $middle (call $leaf) (call_indirect (type $void) (i32.const 0)) (call_indirect (type $void) (i32.const 2)))
            (func $run (export "run") (call $middle) (call $leaf) (call_indirect (type $void) (i32.const 1))))"#,
        &[
            "> run() 0",
            "> middle() 1",
            "> leaf() 2",
            "> log_depth() 3",
            "host at 4",
            "< log_depth() 4",
            "< leaf() 3",
            "> leaf() 2",
            "> log_depth() 3",
            "host at 4",
            "< log_depth() 4",
            "< leaf() 3",
            "> log_depth() 2",
            "host at 3",
            "< log_depth() 3",
            "< middle() 2",
            "> leaf() 1",
            "> log_depth() 2",
            "host at 3",
            "< log_depth() 3",
            "< leaf() 2",
            "> middle() 1",
            "> leaf() 2",
            "> log_depth() 3",
            "host at 4",
            "< log_depth() 4",
            "< leaf() 3",
            "> leaf() 2",
            "> log_depth() 3",
            "host at 4",
            "< log_depth() 4",
            "< leaf() 3",
            "> log_depth() 2",
            "host at 3",
            "< log_depth() 3",
            "< middle() 2",
            "< run() 1",
        ],
    );
}

#[test]
fn s1_3_values_of_two_words() {
    check(
        r#"(module
            (func $f (param i32 v128 f32 v128) (result v128 i64) (local.get 1) (i64.const -1))
            (func $run (export "run")
                (call $f (i32.const -1) (v128.const i64x2 2 3) (f32.const 1) (v128.const i64x2 4 5)) drop drop))"#,
        &[
            "> run() 0",
            "> f(4294967295,2,3,1065353216,4,5) 1",
            "< f(2,3,18446744073709551615) 2",
            "< run() 1",
        ],
    );
}

#[test]
fn s1_3_any_number_of_values() {
    for_each_engine(|engine| {
        for count in [0, 1, 5, 17, 100] {
            let seen = Arc::new(Mutex::new(Vec::new()));
            struct Values(Arc<Mutex<Vec<Vec<u64>>>>);
            impl FunctionListener for Values {
                fn before(
                    &self,
                    _: &Context,
                    _: &Module,
                    _: &FunctionDefinition,
                    params: &[u64],
                    stack: &mut dyn StackIterator,
                ) -> Option<Context> {
                    self.0.lock().unwrap().push(params.to_vec());
                    assert!(stack.next());
                    assert_eq!(stack.parameters(), Some(params));
                    None
                }
                fn after(&self, _: &Context, _: &Module, _: &FunctionDefinition, results: &[u64]) {
                    self.0.lock().unwrap().push(results.to_vec());
                }
                fn abort(&self, _: &Context, _: &Module, _: &FunctionDefinition, _: &Error) {}
            }
            let values = seen.clone();
            let factory: Arc<dyn FunctionListenerFactory> =
                Arc::new(move |_: &FunctionDefinition| -> Option<Arc<dyn FunctionListener>> {
                    Some(Arc::new(Values(values.clone())))
                });
            let fixture = Fixture::new((engine.config)());
            let types = "i64 ".repeat(count);
            let gets: String = (0..count).map(|index| format!("local.get {index} ")).collect();
            let text = format!(r#"(module (func (export "run") (param {types}) (result {types}) {gets}))"#);
            let module = instantiate(&fixture, &listening(&factory), "", &text);
            let params: Vec<u64> = (0..count as u64).map(|index| index << 33 | index).collect();
            assert_eq!(module.exported_function("run").unwrap().call(&params).unwrap(), params);
            assert_eq!(*seen.lock().unwrap(), [params.clone(), params]);
        }
    });
}

#[test]
fn s1_4_every_way_to_leave_a_function_has_its_after() {
    let leave = |body: &str| {
        check(
            &format!(
                r#"(module
                    (func $f (param i32) (result i32) {body})
                    (func $run (export "run") (drop (call $f (i32.const 0))) (drop (call $f (i32.const 1)))))"#
            ),
            &["> run() 0", "> f(0) 1", "< f(5) 2", "> f(1) 1", "< f(5) 2", "< run() 1"],
        );
    };
    leave("(i32.const 5)");
    leave("(return (i32.const 5))");
    leave("(br 0 (i32.const 5))");
    leave("(br_if 0 (i32.const 5) (local.get 0)) drop (i32.const 5)");
    leave("(br_table 0 0 (i32.const 5) (local.get 0))");
    leave("(drop (block (result i32) (br_table 0 1 (i32.const 5) (local.get 0)))) (i32.const 5)");
    leave("(loop (result i32) (br_if 1 (i32.const 5) (local.get 0)))");
    leave("(if (result i32) (local.get 0) (then (return (i32.const 5))) (else (i32.const 5)))");
}

#[test]
fn s1_5_functions_without_listener_cause_no_event() {
    check(
        r#"(module
            (func $quiet_leaf) (func $leaf (call $quiet_leaf))
            (func $quiet (call $leaf) (call $quiet_leaf))
            (func $run (export "run") (call $quiet) (call $leaf)))"#,
        &["> run() 0", "> leaf() 1", "< leaf() 2", "> leaf() 1", "< leaf() 2", "< run() 1"],
    );
    check(
        r#"(module (func $quiet (export "run") (call $leaf)) (func $leaf unreachable))"#,
        &["> leaf() 0", "! leaf: unreachable 1"],
    );
}

#[test]
fn s2_1_to_2_4_what_before_gets() {
    for_each_engine(|engine| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        let factory = each_before(move |cx, module, definition, params, _| {
            let import = definition
                .import()
                .map(|(module, name)| format!(" import {module}.{name}"))
                .unwrap_or_default();
            log.lock().unwrap().push(format!(
                "{} #{}{import} in {} ({}) {:?}",
                definition.debug_name(),
                definition.index(),
                module.name(),
                words(params),
                cx.value::<&str>()
            ));
        });
        let cx = listening(&factory);
        let fixture = Fixture::new((engine.config)());
        let host = HostModule::new("host").with_function("zero", || {}).with_function("one", |_: i32| {});
        fixture.runtime.instantiate_host_module_with(&cx, &host).unwrap();
        let _first = instantiate(
            &fixture,
            &cx,
            "first",
            r#"(module $f (func $unused) (func $down (export "down") (param i64)))"#,
        );
        let second = instantiate(
            &fixture,
            &cx,
            "second",
            r#"(module $s
                (import "host" "one" (func $one (param i32))) (import "first" "down" (func $down (param i64)))
                (table funcref (elem $down $one))
                (func $run (export "run") (param i32)
                    (call $one (local.get 0)) (call $down (i64.const 7))
                    (call_indirect (param i64) (i64.const 8) (i32.const 0))
                    (call_indirect (param i32) (i32.const 9) (i32.const 1))))"#,
        );
        let host_context = Context::background().with_value("of the host's call");
        second.exported_function("run").unwrap().call_with(&host_context, &[3]).unwrap();
        let value = "Some(\"of the host's call\")";
        assert_eq!(
            *seen.lock().unwrap(),
            [
                format!("s.run #2 in second (3) {value}"),
                format!("host.one #1 in second (3) {value}"),
                format!("f.down #1 in first (7) {value}"),
                format!("f.down #1 in first (8) {value}"),
                format!("host.one #1 in second (9) {value}"),
            ]
        );
    });
}

/// A frame as `name(params) at offset`; `?` for parameters that are not there.
fn frames(stack: &mut dyn StackIterator) -> Vec<String> {
    let mut lines = Vec::new();
    while stack.next() {
        let function = stack.function();
        let offset = function.source_offset_for_pc(stack.program_counter());
        let params = stack.parameters().map_or("?".into(), words);
        lines.push(format!("{}({params}) at {offset}", function.definition().name()));
    }
    lines
}

#[test]
fn s2_5_to_2_7_the_stack() {
    for_each_engine(|engine| {
        let seen = Arc::new(Mutex::new(BTreeMap::new()));
        let log = seen.clone();
        let factory = each_before(move |_, _, definition, _, stack| {
            let first = frames(stack);
            stack.reset();
            assert_eq!(first, frames(stack), "reset starts over");
            assert!(!stack.next(), "it stays at the end");
            log.lock().unwrap().entry(definition.name().to_owned()).or_insert(first);
        });
        let cx = listening(&factory);
        let fixture = Fixture::new((engine.config)());
        let host = HostModule::new("host").with_function("back", |caller: &mut Caller<'_>, value: i64| {
            let inner = caller.module().unwrap().exported_function("inner").unwrap();
            inner.call_with(caller.context(), &[value as u64 + 1]).map(drop)
        });
        fixture.runtime.instantiate_host_module_with(&cx, &host).unwrap();
        let text = r#"(module
            (import "host" "back" (func $back (param i64)))
            (table funcref (elem $middle))
            (func $inner (export "inner") (param i64) nop)
            (func $middle (param i32 v128) nop (call $back (i64.const 70)) nop)
            (func $run (export "run") (param i32)
                (call_indirect (param i32 v128) (i32.const 5) (v128.const i64x2 6 7) (i32.const 0)) nop))"#;
        let module = instantiate(&fixture, &cx, "", text);
        module.exported_function("run").unwrap().call(&[4]).unwrap();
        let bytes = binary(text);
        let at = |function, operator: &str| code_offset(&bytes, function, operator, 0);
        let run = format!("run(4) at {}", at(2, "CallIndirect"));
        let middle = format!("middle(5,6,7) at {}", at(1, "Call"));
        let entered_run = format!("run(4) at {}", at(2, "I32Const"));
        let entered_middle = format!("middle(5,6,7) at {}", at(1, "Nop"));
        let inner = format!("inner(71) at {}", at(0, "Nop"));
        let seen = seen.lock().unwrap();
        assert_eq!(seen["run"], [entered_run]);
        assert_eq!(seen["middle"], [entered_middle, run.clone()]);
        assert_eq!(seen["back"], ["back(70) at 0".into(), middle.clone(), run.clone()]);
        let host = &seen["inner"][1];
        assert!(host.starts_with("back(") && host.ends_with(" at 0"), "{host}");
        assert_eq!(seen["inner"], [inner, host.clone(), middle, run]);
    });
}

#[test]
fn s2_6_there_is_no_cap() {
    for_each_engine(|engine| {
        let seen = Arc::new(AtomicU32::new(0));
        let count = seen.clone();
        let factory = each_before(move |_, _, definition, params, stack| {
            if definition.name() == "down" && params[0] == 0 {
                while stack.next() {
                    count.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        let fixture = Fixture::new((engine.config)());
        let module = instantiate(
            &fixture,
            &listening(&factory),
            "",
            r#"(module (func $down (export "run") (param i32)
                (if (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1)))))))"#,
        );
        call(&module, "run", &[Value::I32(5_000)]).unwrap();
        assert_eq!(seen.load(Ordering::SeqCst), 5_001);
    });
}

#[test]
fn s3_4_none_derives_nothing() {
    for_each_engine(|engine| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        let factory = each_before(move |cx, _, _, _, _| log.lock().unwrap().push(cx.clone()));
        let fixture = Fixture::new((engine.config)());
        let module = instantiate(
            &fixture,
            &listening(&factory),
            "",
            r#"(module (func $a) (func (export "run") (call $a)))"#,
        );
        let cx = Context::background().with_value(1_u8);
        module.exported_function("run").unwrap().call_with(&cx, &[]).unwrap();
        let seen = seen.lock().unwrap();
        assert!(seen.len() == 2 && seen.iter().all(|given| given.same(&cx)));
    });
}

#[test]
fn s3_5_calls_back_start_with_the_context_that_the_host_function_passes() {
    check(
        r#"(module
            (import "host" "back" (func $back (result i32)))
            (import "host" "back_without_context" (func $without (result i32)))
            (func $inner (export "inner"))
            (func $run (export "run") (drop (call $back)) (drop (call $without))))"#,
        &[
            "> run() 0",
            "> back() 1",
            "> inner() 2",
            "< inner() 3",
            "< back(0) 2",
            "> back_without_context() 1",
            "> inner() 0",
            "< inner() 1",
            "< back_without_context(0) 2",
            "< run() 1",
        ],
    );
}

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
        let cx = Context::background().with_timeout(std::time::Duration::from_millis(20));
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
fn s5_1_listeners_may_call_functions() {
    for_each_engine(|engine| {
        let log = Arc::new(Log::default());
        struct Reentrant(Arc<Log>);
        impl FunctionListener for Reentrant {
            fn before(
                &self,
                cx: &Context,
                module: &Module,
                _: &FunctionDefinition,
                params: &[u64],
                stack: &mut dyn StackIterator,
            ) -> Option<Context> {
                let mut frames = 0;
                while stack.next() {
                    frames += 1;
                }
                self.0.add(format!("> {} with {frames} frames", params[0]));
                if params[0] > 0 {
                    let run = module.exported_function("run").unwrap();
                    let results = run.call_with(cx, &[params[0] - 1]).unwrap();
                    self.0.add(format!("= {}", results[0]));
                }
                None
            }
            fn after(&self, _: &Context, _: &Module, _: &FunctionDefinition, results: &[u64]) {
                self.0.add(format!("< {}", results[0]));
            }
            fn abort(&self, _: &Context, _: &Module, _: &FunctionDefinition, _: &Error) {}
        }
        let listener: Arc<dyn FunctionListener> = Arc::new(Reentrant(log.clone()));
        let factory: Arc<dyn FunctionListenerFactory> =
            Arc::new(move |_: &FunctionDefinition| Some(listener.clone()));
        let fixture = Fixture::new((engine.config)());
        let module = instantiate(
            &fixture,
            &listening(&factory),
            "",
            r#"(module (func (export "run") (param i64) (result i64) (i64.mul (local.get 0) (i64.const 10))))"#,
        );
        call(&module, "run", &[Value::I64(2)]).unwrap();
        assert_eq!(
            log.take(),
            [
                "> 2 with 1 frames",
                "> 1 with 2 frames",
                "> 0 with 3 frames",
                "< 0",
                "= 0",
                "< 10",
                "= 10",
                "< 20"
            ]
        );
    });
}

#[test]
fn s5_2_listeners_may_close_the_module() {
    for_each_engine(|engine| {
        let log = Arc::new(Log::default());
        let outer = logging(&log, "");
        let closing = each_before(|_, module, definition, _, _| {
            if definition.name() == "middle" {
                module.close_with_exit_code(21).unwrap();
            }
        });
        let fixture = Fixture::new((engine.config)().with_close_on_context_done(true));
        let compiled = fixture
            .runtime
            .compile_with(
                &listening(&outer),
                binary(r#"(module (func $middle (loop (br 0))) (func $run (export "run") (call $middle)))"#),
            )
            .unwrap();
        let module = fixture.runtime.instantiate_module_with(
            &listening(&closing),
            &compiled,
            ModuleConfig::new().with_name("x"),
        );
        let module = module.unwrap();
        let error = module.exported_function("run").unwrap().call(&[]).unwrap_err();
        assert_eq!((error.exit_code(), module.exit_code()), (Some(21), Some(21)));
        assert_eq!(log.take(), ["> run() 0", "> middle() 1", "! middle: exit 21 2", "! run: exit 21 1"]);
    });
}

/// Panics where it is told to.
struct Panicking {
    log: Arc<Log>,
    at: &'static str,
}

impl Panicking {
    fn event(&self, event: &str, definition: &FunctionDefinition) {
        let event = format!("{event} {}", definition.name());
        self.log.add(event.clone());
        if event == self.at {
            std::panic::panic_any(self.at);
        }
    }
}

impl FunctionListener for Panicking {
    fn before(
        &self,
        _: &Context,
        _: &Module,
        definition: &FunctionDefinition,
        _: &[u64],
        _: &mut dyn StackIterator,
    ) -> Option<Context> {
        self.event(">", definition);
        None
    }

    fn after(&self, _: &Context, _: &Module, definition: &FunctionDefinition, _: &[u64]) {
        self.event("<", definition);
    }

    fn abort(&self, _: &Context, _: &Module, definition: &FunctionDefinition, _: &Error) {
        self.event("!", definition);
    }
}

#[test]
fn s5_3_panics_of_listeners() {
    for (at, expected) in [
        ("> inner", &["> run", "> inner", "! run"][..]),
        ("> run", &["> run"]),
        ("< inner", &["> run", "> inner", "< inner", "! run"]),
        ("< run", &["> run", "> inner", "< inner", "< run"]),
    ] {
        for_each_engine(|engine| {
            let log = Arc::new(Log::default());
            let listener: Arc<dyn FunctionListener> = Arc::new(Panicking { log: log.clone(), at });
            let factory: Arc<dyn FunctionListenerFactory> =
                Arc::new(move |_: &FunctionDefinition| Some(listener.clone()));
            let fixture = Fixture::new((engine.config)());
            let text = r#"(module (func $inner) (func $run (export "run") (call $inner)) (func $fine (export "fine")))"#;
            let module = instantiate(&fixture, &listening(&factory), "", text);
            let run = module.exported_function("run").unwrap();
            for _ in 0..2 {
                let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run.call(&[])));
                assert_eq!(panic.unwrap_err().downcast_ref::<&str>(), Some(&at));
                assert_eq!(log.take(), expected, "panic at {at}");
                call(&module, "fine", &[]).unwrap();
                assert_eq!(log.take(), ["> fine", "< fine"], "after a panic at {at}");
            }
        });
    }
}

#[test]
fn s5_4_listeners_read_and_write_through_the_module() {
    for_each_engine(|engine| {
        let factory = each_before(|_, module, definition, _, _| {
            if definition.name() == "inner" {
                let memory = module.memory().unwrap();
                assert_eq!(memory.read_u32(0_u32), Some(5));
                memory.write_u32(0_u32, 6).unwrap();
                module.exported_global("g").unwrap().set(7).unwrap();
            }
        });
        let fixture = Fixture::new((engine.config)());
        let module = instantiate(
            &fixture,
            &listening(&factory),
            "",
            r#"(module (memory (export "m") 1) (global $g (export "g") (mut i32) (i32.const 0))
                (func $inner)
                (func $run (export "run") (result i32)
                    (i32.store (i32.const 0) (i32.const 5)) (call $inner)
                    (i32.add (i32.mul (i32.load (i32.const 0)) (i32.const 10)) (global.get $g))))"#,
        );
        assert!(matches!(call(&module, "run", &[]).unwrap()[..], [Value::I32(67)]));
    });
}

#[test]
fn s6_1_compile_time_listeners_are_for_all_instances() {
    for_each_engine(|engine| {
        let log = Arc::new(Log::default());
        let fixture = Fixture::new((engine.config)());
        let text = binary(r#"(module (func $run (export "run")))"#);
        let compiled = fixture.runtime.compile_with(&listening(&logging(&log, "compiled")), &text).unwrap();
        let instantiate = |cx: &Context| {
            fixture.runtime.instantiate_module_with(cx, &compiled, ModuleConfig::new().with_name("")).unwrap()
        };
        let plain = instantiate(&Context::background());
        let both = instantiate(&listening(&logging(&log, "instance")));
        call(&plain, "run", &[]).unwrap();
        assert_eq!(log.take(), ["compiled> run() 0", "compiled< run() 1"]);
        call(&both, "run", &[]).unwrap();
        // Also 6.4: in order of registration, each `before` with the context of the one before it; the
        // last one is that of the call.
        assert_eq!(
            log.take(),
            ["compiled> run() 0", "instance> run() 1", "compiled< run() 2", "instance< run() 2"]
        );
    });
}

#[test]
fn s6_2_listeners_of_host_modules_hear_every_caller() {
    for_each_engine(|engine| {
        let log = Arc::new(Log::default());
        let fixture = Fixture::new((engine.config)());
        let host = HostModule::new("host").with_function("f", || {});
        fixture.runtime.instantiate_host_module_with(&listening(&logging(&log, "")), &host).unwrap();
        let text = r#"(module (import "host" "f" (func $f)) (func $run (export "run") (call $f)))"#;
        for _ in 0..2 {
            call(&fixture.module(text), "run", &[]).unwrap();
            assert_eq!(log.take(), ["> f() 0", "< f() 1"]);
        }
    });
}

#[test]
fn s6_3_factories_are_asked_for_every_function_once() {
    for_each_engine(|engine| {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        let factory: Arc<dyn FunctionListenerFactory> =
            Arc::new(move |definition: &FunctionDefinition| -> Option<Arc<dyn FunctionListener>> {
                log.lock().unwrap().push((definition.index(), definition.name().to_owned()));
                None
            });
        let fixture = Fixture::new((engine.config)());
        fixture.host(&HostModule::new("host").with_function("f", || {}));
        let module = instantiate(
            &fixture,
            &listening(&factory),
            "",
            r#"(module (import "host" "f" (func $f)) (func $a) (func $run (export "run") (call $a) (call $f)))"#,
        );
        call(&module, "run", &[]).unwrap();
        let mut asked = asked.lock().unwrap().clone();
        asked.sort();
        asked.retain(|(index, _)| *index > 0);
        assert_eq!(asked, [(1, "a".into()), (2, "run".into())]);
    });
}

#[test]
fn s7_1_threads_have_their_own_paired_events() {
    for_each_engine(|engine| {
        type Events = BTreeMap<String, Vec<String>>;
        let events = Arc::new(Mutex::new(Events::new()));
        struct Threads(Arc<Mutex<Events>>);
        impl Threads {
            fn add(&self, line: String) {
                let thread = format!("{:?}", std::thread::current().id());
                self.0.lock().unwrap().entry(thread).or_default().push(line);
            }
        }
        impl FunctionListener for Threads {
            fn before(
                &self,
                _: &Context,
                _: &Module,
                _: &FunctionDefinition,
                params: &[u64],
                _: &mut dyn StackIterator,
            ) -> Option<Context> {
                self.add(format!("> {}", params[0]));
                None
            }
            fn after(&self, _: &Context, _: &Module, _: &FunctionDefinition, results: &[u64]) {
                self.add(format!("< {}", results[0]));
            }
            fn abort(&self, _: &Context, _: &Module, _: &FunctionDefinition, _: &Error) {}
        }
        let listener: Arc<dyn FunctionListener> = Arc::new(Threads(events.clone()));
        let factory: Arc<dyn FunctionListenerFactory> =
            Arc::new(move |_: &FunctionDefinition| Some(listener.clone()));
        let fixture = Fixture::new((engine.config)());
        let module = instantiate(
            &fixture,
            &listening(&factory),
            "",
            r#"(module (func $down (export "run") (param i32) (result i32)
                (if (result i32) (local.get 0)
                    (then (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1)))))
                    (else (i32.const 0)))))"#,
        );
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..20).for_each(|_| drop(call(&module, "run", &[Value::I32(3)]).unwrap())));
            }
        });
        let events = events.lock().unwrap();
        assert_eq!(events.len(), 4);
        let once = ["> 3", "> 2", "> 1", "> 0", "< 0", "< 1", "< 2", "< 3"];
        for lines in events.values() {
            assert_eq!(lines.len(), 20 * once.len());
            assert!(lines.chunks(once.len()).all(|lines| lines == once));
        }
    });
}

#[test]
fn s7_2_listeners_run_on_the_thread_of_the_call() {
    for_each_engine(|engine| {
        struct OnThread(std::thread::ThreadId, Arc<AtomicU32>);
        impl FunctionListener for OnThread {
            fn before(
                &self,
                _: &Context,
                _: &Module,
                _: &FunctionDefinition,
                _: &[u64],
                _: &mut dyn StackIterator,
            ) -> Option<Context> {
                self.1.fetch_add(1, Ordering::SeqCst);
                None
            }
            fn after(&self, _: &Context, _: &Module, _: &FunctionDefinition, _: &[u64]) {}
            fn abort(&self, _: &Context, _: &Module, _: &FunctionDefinition, _: &Error) {
                assert_eq!(std::thread::current().id(), self.0);
                self.1.fetch_add(100, Ordering::SeqCst);
            }
        }
        let count = Arc::new(AtomicU32::new(0));
        let listener: Arc<dyn FunctionListener> =
            Arc::new(OnThread(std::thread::current().id(), count.clone()));
        let factory: Arc<dyn FunctionListenerFactory> =
            Arc::new(move |_: &FunctionDefinition| Some(listener.clone()));
        let fixture = Fixture::new((engine.config)().with_close_on_context_done(true));
        let module = instantiate(
            &fixture,
            &listening(&factory),
            "",
            r#"(module (func $run (export "run") (loop (br 0))))"#,
        );
        let (closer, seen) = (module.clone(), count.clone());
        let closing = std::thread::spawn(move || {
            while seen.load(Ordering::SeqCst) == 0 {
                std::thread::yield_now();
            }
            closer.close_with_exit_code(1).unwrap();
        });
        assert_eq!(module.exported_function("run").unwrap().call(&[]).unwrap_err().exit_code(), Some(1));
        closing.join().unwrap();
        assert_eq!(count.load(Ordering::SeqCst), 101);
    });
}
