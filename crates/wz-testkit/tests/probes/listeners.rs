//! Probes and listeners on the same functions.

use std::sync::{Arc, Mutex};

use wz::experimental::{
    Counters, FunctionListener, FunctionListenerFactory, Probe, ProbeOutcome, ProbePoint, ProbeSite, Probes,
    StackIterator, attach_listeners, attach_probes,
};
use wz::{Context, Error, FunctionDefinition, Module};
use wz_testkit::fixture::Fixture;

use super::each_way;

type Lines = Arc<Mutex<Vec<String>>>;

struct Logging(Lines);

impl Logging {
    fn add(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }
}

impl FunctionListener for Logging {
    fn before(
        &self,
        _: &Context,
        _: &Module,
        definition: &FunctionDefinition,
        params: &[u64],
        _: &mut dyn StackIterator,
    ) -> Option<Context> {
        self.add(format!("> {}{params:?}", definition.name()));
        None
    }

    fn after(&self, _: &Context, _: &Module, definition: &FunctionDefinition, results: &[u64]) {
        self.add(format!("< {}{results:?}", definition.name()));
    }

    fn abort(&self, _: &Context, _: &Module, definition: &FunctionDefinition, error: &Error) {
        self.add(format!("! {} {}", definition.name(), error.trap().map_or("", |trap| trap.message())));
    }

    fn tail_call(&self, _: &Context, _: &Module, definition: &FunctionDefinition) {
        self.add(format!("~ {}", definition.name()));
    }
}

fn listening(lines: &Lines) -> Arc<dyn FunctionListenerFactory> {
    let listener: Arc<dyn FunctionListener> = Arc::new(Logging(lines.clone()));
    Arc::new(move |_: &FunctionDefinition| Some(listener.clone()))
}

/// `run` makes a tail call, so that it tells listeners itself; `inner` does not. Entry probes come after
/// `before`, whichever was attached first.
#[test]
fn entry_probes_come_after_listeners() {
    for engine in each_way() {
        for probes_first in [false, true] {
            let fixture = Fixture::new((engine.config)());
            let module = fixture.module(
                r#"(module
                    (func $inner (param i32) (result i32) (i32.div_u (i32.const 12) (local.get 0)))
                    (func $run (export "run") (param i32) (result i32)
                        (if (i32.eq (call $inner (local.get 0)) (i32.const 4)) (then (return (i32.const 0))))
                        (return_call $inner (i32.sub (local.get 0) (i32.const 2)))))"#,
            );
            let lines = Lines::default();
            let probe: Arc<dyn Probe> = {
                let lines = lines.clone();
                Arc::new(
                    move |_: &Context, _: &Module, site: &ProbeSite<'_>, stack: &mut dyn StackIterator| {
                        let mut line = format!("* {}", site.definition.name());
                        while stack.next() {
                            let params = stack.parameters().unwrap_or_default();
                            line += &format!(" {}{params:?}", stack.function().definition().name());
                        }
                        lines.lock().unwrap().push(line);
                        ProbeOutcome::Keep
                    },
                )
            };
            let counters = Counters::new(2);
            let probes = Probes::new()
                .call(ProbePoint::Entry(0), probe.clone())
                .count(ProbePoint::Entry(0), &counters, 0)
                .call(ProbePoint::Entry(1), probe)
                .count(ProbePoint::Entry(1), &counters, 1);
            let run = module.typed_function::<i32, i32>("run").unwrap();
            assert_eq!(run.call(4).unwrap(), 6);
            let attach_both = || {
                let listen = || attach_listeners(&module, &*listening(&lines)).unwrap();
                let probe = || attach_probes(&module, &probes).unwrap();
                if probes_first { (probe(), listen()) } else { (listen(), probe()) }
            };
            let attachments = attach_both();
            assert_eq!(run.call(4).unwrap(), 6);
            assert_eq!(run.call(3).unwrap(), 0);
            assert!(run.call(2).is_err());
            let expected = [
                "> run[4]",
                "* run run[4]",
                "> inner[4]",
                "* inner inner[4] run[4]",
                "< inner[3]",
                "~ run",
                "> inner[2]",
                "* inner inner[2]",
                "< inner[6]",
                "> run[3]",
                "* run run[3]",
                "> inner[3]",
                "* inner inner[3] run[3]",
                "< inner[4]",
                "< run[0]",
                "> run[2]",
                "* run run[2]",
                "> inner[2]",
                "* inner inner[2] run[2]",
                "< inner[6]",
                "~ run",
                "> inner[0]",
                "* inner inner[0]",
                "! inner integer divide by zero",
            ];
            assert_eq!(*lines.lock().unwrap(), expected, "{}", engine.name);
            assert_eq!(counters.to_vec(), [5, 3]);
            lines.lock().unwrap().clear();
            drop(attachments);
            assert_eq!(run.call(4).unwrap(), 6);
            assert_eq!(*lines.lock().unwrap(), [""; 0], "{}", engine.name);
            assert_eq!(counters.to_vec(), [5, 3]);
        }
    }
}
