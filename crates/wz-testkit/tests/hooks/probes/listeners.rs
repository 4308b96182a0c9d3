//! Probes and listeners on the same functions.

use std::sync::Arc;

use wz::experimental::{
    Counters, Probe, ProbeOutcome, ProbePoint, ProbeSite, Probes, StackIterator, attach_listeners,
    attach_probes,
};
use wz::{Context, Module};
use wz_testkit::event_log::EventLog;
use wz_testkit::fixture::Fixture;

use super::each_way;

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
            let log = EventLog::default();
            let probe: Arc<dyn Probe> = {
                let log = log.clone();
                Arc::new(
                    move |_: &Context, _: &Module, site: &ProbeSite<'_>, stack: &mut dyn StackIterator| {
                        let mut line = format!("* {}", site.definition.name());
                        while stack.next() {
                            let params = stack.parameters().unwrap_or_default();
                            line += &format!(" {}{params:?}", stack.function().definition().name());
                        }
                        log.add(line);
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
                let listen = || attach_listeners(&module, &log).unwrap();
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
            assert_eq!(log.take(), expected, "{}", engine.name);
            assert_eq!(counters.to_vec(), [5, 3]);
            drop(attachments);
            assert_eq!(run.call(4).unwrap(), 6);
            assert_eq!(log.take(), [""; 0], "{}", engine.name);
            assert_eq!(counters.to_vec(), [5, 3]);
        }
    }
}
