//! Listeners: order, contexts, stacks, pairing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use wz_api::{Context, Error, FunctionDefinition, HostModule, Module, Trap};
use wz_experimental::{
    Attachment, FunctionListener, FunctionListenerFactory, StackIterator, attach_listeners,
    with_function_listener_factory,
};

use crate::testing::FakeEngine;
use crate::{InstanceOptions, Store};

const MODULE: &str = r#"(module $m (import "env" "host" (func $host (param i32) (result i32)))
    (func $middle (param i32) (result i32) unreachable)
    (func $outer (export "outer") (param i32) (result i32) unreachable))"#;

fn engine() -> FakeEngine {
    FakeEngine::default().with("outer", |call| call.call(1)).with("middle", |call| call.call(0))
}

/// Writes down what it is told. Each call's context carries the path to it.
#[derive(Clone, Default)]
struct Recorder {
    log: Arc<Mutex<Vec<String>>>,
    tag: &'static str,
    panics_at: Option<&'static str>,
}

#[derive(Clone)]
struct Path(String);

impl Recorder {
    fn note(&self, event: &str, cx: &Context, definition: &FunctionDefinition, rest: &str) {
        let path = cx.value::<Path>().map_or("", |path| &path.0);
        let text = format!("{}{event} {} [{path}] {rest}", self.tag, definition.name());
        self.log.lock().unwrap().push(text.trim_end().to_string());
        if self.panics_at == Some(&*format!("{event} {}", definition.name())) {
            panic!("listener");
        }
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }

    fn factory(&self) -> Arc<dyn FunctionListenerFactory> {
        let listener = self.clone();
        Arc::new(move |_: &FunctionDefinition| -> Option<Arc<dyn FunctionListener>> {
            Some(Arc::new(listener.clone()))
        })
    }
}

impl FunctionListener for Recorder {
    fn before(
        &self,
        cx: &Context,
        module: &Module,
        definition: &FunctionDefinition,
        params: &[u64],
        stack: &mut dyn StackIterator,
    ) -> Option<Context> {
        assert_eq!(module.name(), "m");
        let mut frames = Vec::new();
        while stack.next() {
            let function = stack.function();
            let offset = function.source_offset_for_pc(stack.program_counter());
            frames.push(format!(
                "{}@{offset}{:?}",
                function.definition().name(),
                stack.parameters().unwrap_or_default()
            ));
        }
        stack.reset();
        assert!(stack.next() && stack.parameters() == Some(params));
        self.note("before", cx, definition, &frames.join(" "));
        let path = cx.value::<Path>().map_or(String::new(), |path| path.0.clone());
        Some(cx.with_value(Path(format!("{path}/{}", definition.name()))))
    }

    fn after(&self, cx: &Context, _: &Module, definition: &FunctionDefinition, results: &[u64]) {
        self.note("after", cx, definition, &format!("{results:?}"));
    }

    fn abort(&self, cx: &Context, _: &Module, definition: &FunctionDefinition, error: &Error) {
        let text = error.to_string();
        self.note("abort", cx, definition, text.lines().next().unwrap_or_default());
    }
}

fn store(
    engine: FakeEngine,
    cx: &Context,
    host: impl Fn(i32) -> wz_api::Result<i32> + Send + Sync + 'static,
) -> Store {
    let store = engine.store();
    store.instantiate_host(cx, &HostModule::new("env").with_function("host", host)).unwrap();
    store
}

#[test]
fn calls_nest_with_their_contexts() {
    let recorder = Recorder::default();
    let cx = with_function_listener_factory(&Context::background(), recorder.factory());
    let store = store(engine(), &cx, |value| Ok(value + 1));
    let module = store.text_with(&cx, MODULE, InstanceOptions::default()).unwrap();
    let function = module.exported_function("outer").unwrap();
    let expected = [
        "before outer [] outer@32[1]",
        "before middle [/outer] middle@16[1] outer@32[1]",
        "before host [/outer/middle] host@0[1] middle@16[1] outer@32[1]",
        "after host [/outer/middle/host] [2]",
        "after middle [/outer/middle] [2]",
        "after outer [/outer] [2]",
    ];
    for _ in 0..2 {
        function.call(&[1]).unwrap();
        assert_eq!(recorder.take(), expected);
    }
}

#[test]
fn calls_that_fail_are_aborted_innermost_first() {
    let recorder = Recorder::default();
    let cx = with_function_listener_factory(&Context::background(), recorder.factory());
    let failing = |value: i32| if value == 0 { panic!("lost") } else { Err(Error::host("broken")) };
    let store = store(engine(), &cx, failing);
    let module = store.text_with(&cx, MODULE, InstanceOptions::default()).unwrap();
    let function = module.exported_function("outer").unwrap();
    let aborts = |text: &str| {
        [
            format!("abort host [/outer/middle/host] {text}"),
            format!("abort middle [/outer/middle] {text}"),
            format!("abort outer [/outer] {text}"),
        ]
    };
    assert!(function.call(&[1]).is_err());
    assert_eq!(recorder.take()[3..], aborts("broken"));
    assert!(catch_unwind(AssertUnwindSafe(|| function.call(&[0]))).is_err());
    assert_eq!(recorder.take()[3..], aborts("lost (recovered by wz)"));
}

#[test]
fn traps_abort() {
    let recorder = Recorder::default();
    let cx = with_function_listener_factory(&Context::background(), recorder.factory());
    let store = store(engine().with("middle", |call| Err(call.trap(Trap::Unreachable))), &cx, Ok);
    let module = store.text_with(&cx, MODULE, InstanceOptions::default()).unwrap();
    assert!(module.exported_function("outer").unwrap().call(&[1]).is_err());
    assert_eq!(
        recorder.take()[2..],
        [
            "abort middle [/outer/middle] wasm error: unreachable",
            "abort outer [/outer] wasm error: unreachable"
        ]
    );
}

#[test]
fn panics_of_listeners_are_those_of_the_call_and_events_stay_paired() {
    for (at, expected) in [
        ("before middle", &["before outer", "before middle", "abort outer"][..]),
        (
            "after middle",
            &["before outer", "before middle", "before host", "after host", "after middle", "abort outer"],
        ),
        ("before host", &["before outer", "before middle", "before host", "abort middle", "abort outer"]),
    ] {
        let recorder = Recorder { panics_at: Some(at), ..Default::default() };
        let cx = with_function_listener_factory(&Context::background(), recorder.factory());
        let store = store(engine(), &cx, Ok);
        let module = store.text_with(&cx, MODULE, InstanceOptions::default()).unwrap();
        let function = module.exported_function("outer").unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| function.call(&[1]))).is_err());
        let events: Vec<_> =
            recorder.take().iter().map(|event| event.split(" [").next().unwrap().to_string()).collect();
        assert_eq!(events, expected, "{at}");
    }
}

#[test]
fn listeners_of_the_module_and_of_the_instance_are_both_told() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let recorder = |tag| Recorder { log: log.clone(), tag, panics_at: None };
    let compile_cx = with_function_listener_factory(&Context::background(), recorder("A ").factory());
    let instance_cx = with_function_listener_factory(&Context::background(), recorder("B ").factory());
    let store = FakeEngine::default().store();
    let bytes = wat::parse_str(r#"(module $m (func $f (export "f")))"#).unwrap();
    let compiled = store.compile(&compile_cx, bytes).unwrap();
    let both = store.instantiate(&instance_cx, &compiled, InstanceOptions::default()).unwrap();
    let events = |module: &Module| {
        module.exported_function("f").unwrap().call(&[]).unwrap();
        std::mem::take(&mut *log.lock().unwrap())
    };
    let all = ["A before f [] f@0[]", "B before f [/f] f@0[]", "A after f [/f/f] []", "B after f [/f/f] []"];
    assert_eq!(events(&both), all);
    both.close().unwrap();
    let one = store.instantiate(&Context::background(), &compiled, InstanceOptions::default()).unwrap();
    assert_eq!(events(&one), ["A before f [] f@0[]", "A after f [/f] []"]);
}

#[test]
fn detaching_during_a_call_does_not_lose_its_end() {
    let recorder = Recorder::default();
    let attached: Arc<Mutex<Option<Attachment>>> = Arc::default();
    let detach = {
        let attached = attached.clone();
        move |_: &crate::testing::Call<'_>| {
            drop(attached.lock().unwrap().take());
            Ok(())
        }
    };
    let store = FakeEngine::default().with("f", detach).store();
    let text = r#"(module $m (func $f (export "f")))"#;
    let module = store.text(text).unwrap();
    *attached.lock().unwrap() = Some(attach_listeners(&module, &*recorder.factory()).unwrap());
    let function = module.exported_function("f").unwrap();
    function.call(&[]).unwrap();
    assert_eq!(recorder.take(), ["before f [] f@0[]", "after f [/f] []"]);
    function.call(&[]).unwrap();
    assert_eq!(recorder.take(), [""; 0]);
}
