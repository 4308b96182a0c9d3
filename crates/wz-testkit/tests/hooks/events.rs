//! Events of instances besides calls: growing, traps, host calls, beginning and end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use wz::experimental::{
    Event, EventKinds, EventListener, StackIterator, attach_event_listener, with_close_notifier,
    with_event_listener,
};
use wz::{Context, HostModule, Module, ModuleConfig};
use wz_testkit::engines::{EngineUnderTest, for_each_engine};
use wz_testkit::fixture::{Fixture, binary};

/// Notes events and the functions on the stack.
struct Noting {
    lines: Mutex<Vec<String>>,
    kinds: EventKinds,
}

impl Noting {
    fn new(kinds: EventKinds) -> Arc<Self> {
        Arc::new(Self { lines: Mutex::default(), kinds })
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines.lock().unwrap())
    }
}

impl EventListener for Noting {
    fn kinds(&self) -> EventKinds {
        self.kinds
    }

    fn event(&self, _: &Context, module: &Module, event: &Event<'_>, stack: &mut dyn StackIterator) {
        let mut line = match event {
            Event::MemoryGrow { memory, delta_pages, previous_pages } => {
                format!("memory {memory} grows by {delta_pages} from {previous_pages:?}")
            }
            Event::TableGrow { table, delta, previous } => {
                format!("table {table} grows by {delta} from {previous:?}")
            }
            Event::Trap { error } => format!("trap {}", error.trap().unwrap()),
            Event::HostCall { definition, params } => format!("host call {}{params:?}", definition.name()),
            Event::Instantiate => "instantiate".into(),
            Event::Close { exit_code } => format!("close {exit_code}"),
            _ => "unknown".into(),
        };
        line += &format!(" in {}:", module.name());
        while stack.next() {
            let function = stack.function();
            let offset = function.source_offset_for_pc(stack.program_counter());
            line += &format!(" {}@{offset}", function.definition().name());
        }
        self.lines.lock().unwrap().push(line);
    }
}

const GUEST: &str = r#"(module $guest
  (import "host" "add" (func $add (param i32 i32) (result i32)))
  (memory 1 2)
  (table $t 1 3 funcref)
  (func $start)
  (func $grow (export "grow") (param i32)
    (drop (memory.grow (local.get 0)))
    (drop (table.grow $t (ref.null func) (local.get 0))))
  (func $call (export "call") (drop (call $add (i32.const 1) (i32.const 2))))
  (func $trap unreachable)
  (func $trap_outside (export "trap") (call $trap))
  (start $start))"#;

fn fixture(engine: EngineUnderTest) -> Fixture {
    let fixture = Fixture::new((engine.config)());
    let host = HostModule::new("host").with_function("add", |a: i32, b: i32| a + b);
    fixture.runtime.instantiate_host_module(&host).unwrap();
    fixture
}

#[test]
fn everything_is_told_in_order() {
    for_each_engine(|engine| {
        let fixture = fixture(engine);
        let noting = Noting::new(EventKinds::ALL);
        let cx = with_event_listener(&Context::background(), noting.clone());
        let lines = noting.clone();
        let cx = with_close_notifier(
            &cx,
            Arc::new(move |_: &Context, _: u32| lines.lines.lock().unwrap().push("notified".into())),
        );
        let module = fixture.runtime.instantiate_with(&cx, binary(GUEST), ModuleConfig::new()).unwrap();
        assert_eq!(noting.take(), ["instantiate in guest:"]);
        let call = |name: &str, params: &[u64]| {
            let _ = module.exported_function(name).unwrap().call(params);
            noting.take()
        };
        let grown = call("grow", &[1]);
        assert_eq!(grown.len(), 2, "{grown:?}");
        assert!(grown[0].starts_with("memory 0 grows by 1 from Some(1) in guest: grow@"), "{grown:?}");
        assert!(grown[1].starts_with("table 0 grows by 1 from Some(1) in guest: grow@"), "{grown:?}");
        let grown = call("grow", &[5]);
        assert!(grown[0].starts_with("memory 0 grows by 5 from None in guest: grow@"), "{grown:?}");
        assert!(grown[1].starts_with("table 0 grows by 5 from None in guest: grow@"), "{grown:?}");
        let called = call("call", &[]);
        assert_eq!(called.len(), 1);
        assert!(called[0].starts_with("host call add[1, 2] in guest: add@0 call@"), "{called:?}");
        let trapped = call("trap", &[]);
        assert_eq!(trapped.len(), 1);
        assert!(trapped[0].starts_with("trap unreachable in guest: trap@"), "{trapped:?}");
        assert!(trapped[0].contains(" trap_outside@"), "{trapped:?}");
        module.close_with_exit_code(3).unwrap();
        module.close_with_exit_code(4).unwrap();
        assert_eq!(noting.take(), ["close 3 in guest:", "notified"]);
    });
}

#[test]
fn listeners_are_attached_and_detached_and_get_what_they_want() {
    for_each_engine(|engine| {
        let fixture = fixture(engine);
        let module = fixture.module(GUEST);
        let call = |name: &str| _ = module.exported_function(name).unwrap().call(&[]);
        let (all, traps) = (Noting::new(EventKinds::ALL), Noting::new(EventKinds::TRAP));
        let first = attach_event_listener(&module, all.clone()).unwrap();
        let second = attach_event_listener(&module, traps.clone()).unwrap();
        call("call");
        call("trap");
        assert_eq!((all.take().len(), traps.take().len()), (2, 1));
        drop(first);
        call("call");
        call("trap");
        assert_eq!((all.take().len(), traps.take().len()), (0, 1));
        second.detach();
        call("trap");
        assert_eq!((all.take().len(), traps.take().len()), (0, 0));
    });
}

#[test]
fn panics_of_event_listeners_come_to_the_host() {
    for_each_engine(|engine| {
        for (name, params, kind) in [
            ("grow", &[1][..], EventKinds::MEMORY_GROW),
            ("call", &[], EventKinds::HOST_CALL),
            ("trap", &[], EventKinds::TRAP),
        ] {
            struct Panics(EventKinds);
            impl EventListener for Panics {
                fn kinds(&self) -> EventKinds {
                    self.0
                }
                fn event(&self, _: &Context, _: &Module, _: &Event<'_>, _: &mut dyn StackIterator) {
                    panic!("event");
                }
            }
            let fixture = fixture(engine);
            let module = fixture.module(GUEST);
            let attachment = attach_event_listener(&module, Arc::new(Panics(kind))).unwrap();
            let function = module.exported_function(name).unwrap();
            let panic = catch_unwind(AssertUnwindSafe(|| function.call(params))).unwrap_err();
            assert_eq!(panic.downcast_ref::<&str>(), Some(&"event"), "{name}");
            drop(attachment);
            assert_eq!(function.call(params).is_err(), name == "trap");
        }
    });
}

#[test]
fn a_trap_is_told_once_in_the_instance_that_trapped() {
    for_each_engine(|engine| {
        let fixture = fixture(engine);
        let inner = fixture.named("inner", r#"(module (func (export "f") unreachable))"#);
        let outer = fixture
            .named("outer", r#"(module (import "inner" "f" (func $f)) (func (export "run") (call $f)))"#);
        let noting = Noting::new(EventKinds::ALL);
        let _inner = attach_event_listener(&inner, noting.clone()).unwrap();
        let _outer = attach_event_listener(&outer, noting.clone()).unwrap();
        outer.exported_function("run").unwrap().call(&[]).unwrap_err();
        let lines = noting.take();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("trap unreachable in inner:"), "{lines:?}");
    });
}
