//! The events of listeners are the same on all engines: order, functions, parameters, results and
//! offsets, for the modules of the specification's tests and for generated ones.

use wz::Context;
use wz_testkit::differential::{Case, Wz};
use wz_testkit::engines::engines;
use wz_testkit::spec::{crate_scripts, run_script_in};
use wz_testkit::transcript::{CallRecord, Transcript};

fn assert_same(what: &str, engine: &str, expected: &[CallRecord], given: &[CallRecord]) {
    for (position, (expected, given)) in expected.iter().zip(given).enumerate() {
        assert_eq!(expected, given, "{what}, call {position}: the interpreter, then {engine}");
    }
    assert_eq!(expected.len(), given.len(), "{what}: calls of the interpreter, then of {engine}");
}

#[test]
fn scripts_of_the_specification() {
    let mut events = 0;
    for script in crate_scripts() {
        let mut expected = None;
        for engine in engines() {
            let transcript = Transcript::default();
            let cx = transcript.context(&Context::background());
            let config = (engine.config)().with_deterministic(true);
            let result = run_script_in(&config, &script, &cx, &|_| {});
            let panicked = result.failures.iter().find(|failure| failure.message.starts_with("panicked"));
            assert!(panicked.is_none(), "{}: {panicked:?}", script.path);
            let given = transcript.take();
            match &expected {
                None => {
                    events += given.iter().map(|call| call.events).sum::<u64>();
                    expected = Some(given);
                }
                Some(expected) => assert_same(&script.path, engine.name, expected, &given),
            }
        }
    }
    println!("{events} events");
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
            let Ok(_) = (Wz { engine: *engine }).run_in(&case, &cx) else { continue };
            let given = transcript.take();
            match &expected {
                None => {
                    events += given.iter().map(|call| call.events).sum::<u64>();
                    expected = Some(given);
                }
                Some(expected) => assert_same(&format!("seed {seed}"), engine.name, expected, &given),
            }
        }
    }
    println!("{events} events");
    assert!(events > 1_000);
}
