//! `cargo xtask fuzz-seeds`: compares wz with wasmi and its engines with each other on generated
//! modules, seed after seed, without a fuzzer. Fast in a release build:
//! `cargo run --release -p xtask -- fuzz-seeds …`.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use wz_testkit::differential::{Case, Oracle, Outcome, Round, Verdict, Wasmi, Wz, judge};
use wz_testkit::engines::{EngineUnderTest, engine};

const USAGE: &str = "\
usage: cargo xtask fuzz-seeds --from A --to B [--engine NAME [--against NAME]] [--stop]
       cargo xtask fuzz-seeds --show SEED [--engine NAME]

  --from, --to  the seeds A up to, not including, B
  --show        print the module of a seed, what is called, and what came of it
  --engine      run on this engine, as in jit-checked; if absent, each seed runs on the interpreter and
                on the JIT in another way: bounds checks, features, fuel, functions that are interpreted
  --against     compare with another engine of wz instead of wasmi
  --stop        stop at the first difference";

struct Options {
    from: u64,
    to: u64,
    show: bool,
    stop: bool,
    engine: Option<EngineUnderTest>,
    against: Option<EngineUnderTest>,
}

fn options(args: &[String]) -> Result<Options> {
    let (mut from, mut to, mut show, mut stop) = (None, None, None, false);
    let (mut engine_to_run, mut against) = (None, None);
    let named = |name: &str| engine(name).with_context(|| format!("there is no engine \"{name}\""));
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--stop" {
            stop = true;
            continue;
        }
        let value = args.next().with_context(|| format!("{arg} needs a value\n{USAGE}"))?;
        match arg.as_str() {
            "--from" => from = Some(value.parse()?),
            "--to" => to = Some(value.parse()?),
            "--show" => show = Some(value.parse::<u64>()?),
            "--engine" => engine_to_run = Some(named(value)?),
            "--against" => against = Some(named(value)?),
            _ => bail!("there is no option {arg}\n{USAGE}"),
        }
    }
    ensure!(against.is_none() || engine_to_run.is_some(), "--against needs --engine\n{USAGE}");
    let (from, to, show) = match (from, to, show) {
        (Some(from), Some(to), None) => (from, to, false),
        (None, None, Some(seed)) => (seed, seed, true),
        _ => bail!("no seeds\n{USAGE}"),
    };
    Ok(Options { from, to, show, stop, engine: engine_to_run, against })
}

impl Options {
    /// Runs one seed: what differs, and whether wasmi alone differs.
    fn run(&self, seed: u64, case: &Case) -> Result<Option<(String, bool)>, String> {
        let Some(engine) = self.engine else {
            let round = Round::of_seed(seed);
            let jit = round.jit.map(|jit| jit.to_string()).unwrap_or_default();
            return match round.run(case) {
                Outcome::Same => Ok(None),
                Outcome::Skipped(why) => Err(why),
                Outcome::WasmiDiffers(difference) => Ok(Some((format!("wasmi: {difference}"), true))),
                Outcome::EnginesDiffer(difference) => Ok(Some((format!("{jit}: {difference}"), false))),
            };
        };
        let wz = Wz::new(engine);
        let other: &dyn Oracle = match &self.against.map(Wz::new) {
            Some(other) => &other.clone(),
            None => &Wasmi,
        };
        match judge(&wz, other, case) {
            Verdict::Same => Ok(None),
            Verdict::Skipped(why) => Err(why),
            Verdict::Different(difference) => {
                Ok(Some((format!("{wz}: {difference}"), self.against.is_none())))
            }
        }
    }
}

/// Runs the command.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let options = options(args)?;
    if options.show {
        return show(&options);
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/fuzz-seeds");
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let started = Instant::now();
    let (next, seeds, skipped) = (AtomicU64::new(options.from), AtomicU64::new(0), AtomicU64::new(0));
    let stopped = AtomicBool::new(false);
    let differences = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !stopped.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= options.to {
                        break;
                    }
                    seeds.fetch_add(1, Ordering::Relaxed);
                    let case = Case::from_seed(seed);
                    match options.run(seed, &case) {
                        Ok(None) => {}
                        Ok(Some((_, true))) if Wasmi::is_wrong(seed) => {}
                        Err(_) => drop(skipped.fetch_add(1, Ordering::Relaxed)),
                        Ok(Some((what, _))) => {
                            println!("seed {seed}: {what}");
                            let mut differences =
                                differences.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                            differences.push((seed, case.module));
                            stopped.fetch_or(options.stop, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let differences = differences.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    println!(
        "{}: {} seeds in {:.1} s, {} skipped, {} different",
        options.engine.map_or("every engine", |engine| engine.name),
        seeds.into_inner(),
        started.elapsed().as_secs_f64(),
        skipped.into_inner(),
        differences.len()
    );
    for (seed, module) in &differences {
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{seed}.wasm"));
        std::fs::write(&path, module).with_context(|| format!("cannot write {}", path.display()))?;
    }
    ensure!(differences.is_empty(), "the modules are in {}", folder.display());
    Ok(())
}

/// Prints one case: the module and, call by call, what every runtime observed.
fn show(options: &Options) -> Result<()> {
    let case = Case::from_seed(options.from);
    println!("{}", wasmprinter::print_bytes(&case.module)?);
    let mut oracles: Vec<Box<dyn Oracle>> = vec![Box::new(Wasmi)];
    match options.engine {
        Some(engine) => oracles.push(Box::new(Wz::new(engine))),
        None => {
            let Round { interpreter, jit } = Round::of_seed(options.from);
            oracles.push(Box::new(interpreter));
            oracles.extend(jit.map(|jit| Box::new(jit) as Box<dyn Oracle>));
        }
    }
    for oracle in &oracles {
        println!("{}:", oracle.name());
        match oracle.run(&case) {
            Err(why) => println!("  does not run it: {why}"),
            Ok(observation) => {
                println!("  instantiation: {:?}", observation.instantiation.0);
                for call in &observation.calls {
                    println!("  \"{}\"{:?}: {:?}", call.name, call.arguments, call.end);
                    println!("    {:?}", call.state);
                    println!("    {:?}", call.details);
                }
            }
        }
    }
    Ok(())
}
