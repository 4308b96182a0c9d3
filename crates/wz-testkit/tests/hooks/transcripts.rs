//! The events of listeners are the same on all engines: order, functions, parameters, results and
//! offsets, for the modules of the specification's tests and for generated ones.

use wz::Context;
use wz_testkit::differential::{Case, Wz};
use wz_testkit::engines::engines;
use wz_testkit::spec::{crate_scripts, run_script_in};
use wz_testkit::transcript::{CallRecord, Transcript};

/// The first difference between the calls of the interpreter and those of another engine.
fn difference(engine: &str, expected: &[CallRecord], given: &[CallRecord]) -> Option<String> {
    let differs = expected.iter().zip(given).position(|(expected, given)| expected != given);
    if let Some(call) = differs {
        let (expected, given) = (&expected[call], &given[call]);
        return Some(format!("call {call}: the interpreter {expected:?}\nbut {engine} {given:?}"));
    }
    let (expected, given) = (expected.len(), given.len());
    (expected != given).then(|| format!("the interpreter has {expected} calls, {engine} has {given}"))
}

#[test]
fn scripts_of_the_specification() {
    let (mut events, mut differences) = (0, Vec::new());
    // The newest version of each.
    for script in crate_scripts().iter().filter(|script| script.path.starts_with("wasm-v3/")) {
        let mut expected = None;
        let mut differs = None;
        for engine in engines() {
            let transcript = Transcript::default();
            let cx = transcript.context(&Context::background());
            // Runaway recursions are short, and their events few.
            let config = (engine.config)().with_deterministic(true).with_max_stack_bytes(256 << 10);
            let result = run_script_in(&config, script, &cx, &|_| {});
            let panicked = result.failures.iter().find(|failure| failure.message.starts_with("panicked"));
            assert!(panicked.is_none(), "{}: {panicked:?}", script.path);
            let given = transcript.take();
            match &expected {
                None => {
                    events += given.iter().map(|call| call.events).sum::<u64>();
                    expected = Some(given);
                }
                Some(expected) => differs = differs.or(difference(engine.name, expected, &given)),
            }
        }
        differences.extend(differs.map(|difference| format!("{}: {difference}", script.path)));
    }
    println!("{events} events");
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(events > 50_000);
}

#[test]
fn generated_modules() {
    let mut events = 0;
    for seed in 0..200 {
        let case = Case::from_seed(seed);
        let mut expected = None;
        for engine in engines() {
            let transcript = Transcript::default();
            let cx = transcript.context(&Context::background());
            let Ok(_) = Wz::new(*engine).run_in(&case, &cx) else { continue };
            let given = transcript.take();
            match &expected {
                None => {
                    events += given.iter().map(|call| call.events).sum::<u64>();
                    expected = Some(given);
                }
                Some(expected) => assert_eq!(difference(engine.name, expected, &given), None, "seed {seed}"),
            }
        }
    }
    println!("{events} events");
    assert!(events > 1_000);
}
