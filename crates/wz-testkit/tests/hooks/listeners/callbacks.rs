//! Sections 5 to 7: what listeners may do, registration, concurrency.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use wz::experimental::{FunctionListener, FunctionListenerFactory, StackIterator};
use wz::{Context, Error, FunctionDefinition, HostModule, Module, ModuleConfig, Value};
use wz_testkit::engines::for_each_engine;
use wz_testkit::fixture::{Fixture, binary, call};

use super::support::*;

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

#[test]
fn s6_1_one_factory_in_both_contexts_listens_once() {
    for_each_engine(|engine| {
        let log = Arc::new(Log::default());
        let cx = listening(&logging(&log, ""));
        let fixture = Fixture::new((engine.config)());
        let text = binary(r#"(module (func $run (export "run")))"#);
        let compiled = fixture.runtime.compile_with(&cx, &text).unwrap();
        let module = fixture
            .runtime
            .instantiate_module_with(&cx, &compiled, ModuleConfig::new().with_name(""))
            .unwrap();
        call(&module, "run", &[]).unwrap();
        assert_eq!(log.take(), ["> run() 0", "< run() 1"]);
    });
}

#[test]
fn s6_4_each_listener_gets_the_stack_from_its_top() {
    for_each_engine(|engine| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let walking = |label: &'static str| {
            let log = seen.clone();
            each_before(move |_, _, _, _, stack| {
                let names: Vec<_> = frames(stack).iter().map(|frame| frame[..3].to_owned()).collect();
                log.lock().unwrap().push(format!("{label}: {}", names.join(" ")));
            })
        };
        let fixture = Fixture::new((engine.config)());
        let text = binary(r#"(module (func $in_) (func $run (export "run") (call $in_)))"#);
        let compiled = fixture.runtime.compile_with(&listening(&walking("compiled")), &text).unwrap();
        let module = fixture
            .runtime
            .instantiate_module_with(
                &listening(&walking("instance")),
                &compiled,
                ModuleConfig::new().with_name(""),
            )
            .unwrap();
        call(&module, "run", &[]).unwrap();
        let seen = seen.lock().unwrap();
        assert_eq!(*seen, ["compiled: run", "instance: run", "compiled: in_ run", "instance: in_ run"]);
    });
}
