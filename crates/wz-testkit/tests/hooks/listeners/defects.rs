//! Defects that other systems had in listeners, where no sentence of the contract has a test for
//! them already. Those that have: `after` for branches to the function's label (1.4), the wrong
//! function's index (2.3), sizes of `v128` and of long signatures (1.3), state of listeners that
//! call (5.1), inlined functions of the source as frames (`source_positions.rs`).

use std::sync::{Arc, Mutex};

use wz::experimental::{FunctionListener, StackIterator, attach_listeners};
use wz::{Caller, Context, Error, FunctionDefinition, HostModule, Module, ModuleConfig, Runtime};
use wz_testkit::engines::for_each_engine;
use wz_testkit::fixture::Fixture;

/// Whether the module is closed, and still found by its name, at each event.
struct Closed {
    runtime: Runtime,
    seen: Mutex<Vec<String>>,
}

impl Closed {
    fn add(&self, event: &str, module: &Module, definition: &FunctionDefinition) {
        let state = match (module.is_closed(), self.runtime.module("app").is_some()) {
            (false, true) => "open",
            (true, false) => "closed",
            _ => "half",
        };
        self.seen.lock().unwrap().push(format!("{event} {} {state}", definition.name()));
    }
}

impl FunctionListener for Closed {
    fn before(
        &self,
        _: &Context,
        module: &Module,
        definition: &FunctionDefinition,
        _: &[u64],
        _: &mut dyn StackIterator,
    ) -> Option<Context> {
        self.add("before", module, definition);
        None
    }

    fn after(&self, _: &Context, module: &Module, definition: &FunctionDefinition, _: &[u64]) {
        self.add("after", module, definition);
    }

    fn abort(&self, _: &Context, module: &Module, definition: &FunctionDefinition, error: &Error) {
        assert_eq!(error.exit_code(), Some(3));
        self.add("abort", module, definition);
    }
}

#[test]
fn a_closed_module_is_gone_while_its_calls_unwind() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        fixture.host(&HostModule::new("env").with_function("close", |caller: &mut Caller<'_>| {
            caller.module().unwrap().close_with_exit_code(3).unwrap();
        }));
        let module = fixture.configured(
            r#"(module (import "env" "close" (func $close))
                (func $inner (call $close)) (func $outer (export "run") (call $inner)))"#,
            ModuleConfig::new().with_name("app"),
        );
        let closed = Arc::new(Closed { runtime: fixture.runtime.clone(), seen: Mutex::default() });
        let listener: Arc<dyn FunctionListener> = closed.clone();
        let factory = move |_: &FunctionDefinition| Some(listener.clone());
        let _attached = attach_listeners(&module, &factory).unwrap();
        let error = module.exported_function("run").unwrap().call(&[]).unwrap_err();
        assert_eq!(error.exit_code(), Some(3));
        let expected = ["before outer open", "before inner open", "abort inner closed", "abort outer closed"];
        assert_eq!(*closed.seen.lock().unwrap(), expected, "{}", engine.name);
    });
}

#[test]
fn the_entry_function_has_its_parameters() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let module = fixture.module(
            r#"(module
                (func $inner)
                (func $entry (export "entry") (param i32 i64 f32 f64 v128 i32) (call $inner)))"#,
        );
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = seen.clone();
        let listener: Arc<dyn FunctionListener> = Arc::new(
            move |_: &Context,
                  _: &Module,
                  definition: &FunctionDefinition,
                  params: &[u64],
                  stack: &mut dyn StackIterator| {
                let mut line = format!("{} {params:?}", definition.name());
                while stack.next() {
                    line += &format!(" {:?}", stack.parameters());
                }
                log.lock().unwrap().push(line);
            },
        );
        let factory = move |_: &FunctionDefinition| Some(listener.clone());
        let _attached = attach_listeners(&module, &factory).unwrap();
        let params =
            [7, u64::MAX, f32::to_bits(1.5).into(), f64::to_bits(-2.5), 0x1111, 0x2222, u64::from(u32::MAX)];
        module.exported_function("entry").unwrap().call(&params).unwrap();
        let expected =
            [format!("entry {params:?} Some({params:?})"), format!("inner [] Some([]) Some({params:?})")];
        assert_eq!(*seen.lock().unwrap(), expected, "{}", engine.name);
    });
}
