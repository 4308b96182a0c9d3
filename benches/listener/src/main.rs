//! What listening costs: nanoseconds and allocations per call of a listened function, by engine,
//! listener, depth of the stack and signature.
//!
//! `cargo run --release [ENGINE...] [LISTENER...]`; a column for each depth. The function does
//! nothing but return. All takes about half a minute.

mod allocations;
mod guest;
mod listeners;

use std::time::{Duration, Instant};

use wz::experimental::attach_listeners;
use wz::{EngineKind, ModuleConfig, Runtime, RuntimeConfig};

use guest::{DEPTHS, SIGNATURES, Signature};
use listeners::LISTENERS;

/// How long one measurement takes at least, and how often it is made: the shortest counts.
const MEASURED: Duration = Duration::from_millis(8);
const ROUNDS: usize = 5;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let engines = [("interpreter", EngineKind::Interpreter), ("jit", EngineKind::Jit)];
    let (names, labels) = (engines.map(|(name, _)| name), LISTENERS.iter().map(|(label, _)| *label));
    let is_wanted = wanted_of(&wanted, &names);
    let is_listener_wanted = wanted_of(&wanted, &labels.collect::<Vec<_>>());
    for (name, kind) in engines {
        if !is_wanted(name) || !kind.is_available() {
            continue;
        }
        println!("{name}: ns per call, allocations per call");
        print!("{:<14}{:<22}", "listener", "signature");
        DEPTHS.iter().for_each(|depth| print!("{:>18}", format!("depth {depth}")));
        println!();
        for (label, listener) in LISTENERS.iter().filter(|(label, _)| is_listener_wanted(label)) {
            for signature in SIGNATURES {
                print!("{label:<14}{:<22}", signature.name);
                for depth in DEPTHS {
                    let (nanoseconds, allocations) = measure(kind, *listener, signature, *depth);
                    print!("{:>18}", format!("{nanoseconds:.1} ns {allocations:.2}"));
                }
                println!();
            }
        }
    }
}

/// Which of these names are wanted: all, unless some of them were given.
fn wanted_of<'a>(given: &'a [String], names: &[&str]) -> impl Fn(&str) -> bool + use<'a> {
    let any = given.iter().any(|one| names.contains(&&**one));
    move |name| !any || given.iter().any(|one| one == name)
}

/// Nanoseconds and allocations per call.
fn measure(
    kind: EngineKind,
    listener: listeners::Make,
    signature: &Signature,
    depth: u32,
) -> (f64, f64) {
    let runtime = Runtime::with_config(RuntimeConfig::new().with_engine(kind)).expect("it is available");
    let wasm = wat::parse_str(guest::text(signature)).expect("it is well-formed");
    let compiled = runtime.compile(wasm).expect("it is valid");
    let module = runtime.instantiate_module(&compiled, ModuleConfig::new()).expect("it links");
    let _attachment = listener().map(|factory| attach_listeners(&module, &*factory).expect("a guest"));
    let run = module.typed_function::<(u32, u32), ()>("run").expect("it is exported");
    run.call((depth, 100)).expect("it does not trap");

    let mut calls = 1000;
    let mut best = f64::INFINITY;
    let mut allocated = 0.0;
    for _ in 0..ROUNDS {
        loop {
            let (before, start) = (allocations::count(), Instant::now());
            run.call((depth, calls)).expect("it does not trap");
            let time = start.elapsed();
            if time < MEASURED && calls < 1 << 30 {
                calls *= 2;
                continue;
            }
            best = best.min(time.as_secs_f64() * 1e9 / f64::from(calls));
            allocated = (allocations::count() - before) as f64 / f64::from(calls);
            break;
        }
    }
    (best, allocated)
}
