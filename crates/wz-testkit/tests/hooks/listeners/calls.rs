//! Sections 1 to 3: pairing, what `before` gets, contexts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use wz::experimental::{FunctionListener, FunctionListenerFactory, StackIterator};
use wz::{Caller, Context, Error, FunctionDefinition, HostModule, Module, Value};
use wz_testkit::engines::for_each_engine;
use wz_testkit::fixture::{Fixture, binary, call, code_offset};

use super::support::*;

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
fn s2_8_parameters_of_callers_may_have_been_assigned_to() {
    for_each_engine(|engine| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        let factory = each_before(move |_, _, definition, _, stack| {
            if definition.name() == "inner" {
                log.lock().unwrap().extend(frames(stack));
            }
        });
        let fixture = Fixture::new((engine.config)());
        let module = instantiate(
            &fixture,
            &listening(&factory),
            "",
            r#"(module
                (func $inner (param i32) nop)
                (func $run (export "run") (param i32) (local.set 0 (i32.const 9)) (call $inner (i32.const 3))))"#,
        );
        call(&module, "run", &[Value::I32(4)]).unwrap();
        let seen = seen.lock().unwrap();
        assert!(seen[0].starts_with("inner(3) at "), "{seen:?}");
        assert!(
            ["run(9) at ", "run(4) at ", "run(?) at "].iter().any(|line| seen[1].starts_with(line)),
            "{seen:?}"
        );
    });
}
