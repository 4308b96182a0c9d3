//! `cargo xtask fuzz-seeds`: compares wz with wasmi on generated modules, seed after seed,
//! without a fuzzer. Fast in a release build: `cargo run --release -p xtask -- fuzz-seeds …`.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use wz_testkit::differential::{Case, Oracle, Verdict, Wasmi, Wz, judge};
use wz_testkit::engines::{EngineUnderTest, engine, engines};

const USAGE: &str = "\
usage: cargo xtask fuzz-seeds --from A --to B [--engine NAME] [--against NAME]
       cargo xtask fuzz-seeds --show SEED [--engine NAME]

  --from, --to  the seeds A up to, not including, B
  --show        print the module of a seed, what is called, and what came of it
  --engine      run on this engine only; all of them if absent
  --against     compare with another engine of wz instead of wasmi";

struct Options {
    from: u64,
    to: u64,
    show: bool,
    engines: Vec<EngineUnderTest>,
    against: Option<EngineUnderTest>,
}

fn options(args: &[String]) -> Result<Options> {
    let (mut from, mut to, mut show, mut engines) = (None, None, None, engines().to_vec());
    let mut against = None;
    let named = |name: &str| engine(name).with_context(|| format!("there is no engine \"{name}\""));
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let value = args.next().with_context(|| format!("{arg} needs a value\n{USAGE}"))?;
        match arg.as_str() {
            "--from" => from = Some(value.parse()?),
            "--to" => to = Some(value.parse()?),
            "--show" => show = Some(value.parse::<u64>()?),
            "--engine" => engines = vec![named(value)?],
            "--against" => against = Some(named(value)?),
            _ => bail!("there is no option {arg}\n{USAGE}"),
        }
    }
    match (from, to, show) {
        (Some(from), Some(to), None) => Ok(Options { from, to, show: false, engines, against }),
        (None, None, Some(seed)) => Ok(Options { from: seed, to: seed, show: true, engines, against }),
        _ => bail!("no seeds\n{USAGE}"),
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
    let mut different = 0;
    let engine_of_wz = options.against.map(|engine| Wz { engine });
    let other: &(dyn Oracle + Sync) = match &engine_of_wz {
        Some(engine) => engine,
        None => &Wasmi,
    };
    for engine in &options.engines {
        let started = Instant::now();
        let next = AtomicU64::new(options.from);
        let skipped = AtomicU64::new(0);
        let differences = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= options.to {
                            break;
                        }
                        let case = Case::from_seed(seed);
                        let with_wasmi = options.against.is_none();
                        match judge(&Wz { engine: *engine }, other, &case) {
                            Verdict::Same => {}
                            Verdict::Different(_) if with_wasmi && Wasmi::is_wrong(seed) => {}
                            Verdict::Skipped(_) => drop(skipped.fetch_add(1, Ordering::Relaxed)),
                            Verdict::Different(difference) => {
                                println!("seed {seed}: {difference}");
                                let mut differences =
                                    differences.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                                differences.push((seed, case.module));
                            }
                        }
                    }
                });
            }
        });
        let differences = differences.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        let seeds = options.to.saturating_sub(options.from);
        println!(
            "engine {}: {seeds} seeds in {:.1} s, {} skipped, {} different",
            engine.name,
            started.elapsed().as_secs_f64(),
            skipped.into_inner(),
            differences.len()
        );
        for (seed, module) in &differences {
            std::fs::create_dir_all(&folder)?;
            let path = folder.join(format!("{seed}.wasm"));
            std::fs::write(&path, module).with_context(|| format!("cannot write {}", path.display()))?;
        }
        different += differences.len();
    }
    ensure!(different == 0, "{different} differences; the modules are in {}", folder.display());
    Ok(())
}

/// Prints one case: the module and, call by call, what every runtime observed.
fn show(options: &Options) -> Result<()> {
    let case = Case::from_seed(options.from);
    println!("{}", wasmprinter::print_bytes(&case.module)?);
    let mut oracles: Vec<Box<dyn Oracle>> = vec![Box::new(Wasmi)];
    oracles.extend(options.engines.iter().map(|engine| Box::new(Wz { engine: *engine }) as Box<dyn Oracle>));
    for oracle in &oracles {
        println!("{}:", oracle.name());
        match oracle.run(&case) {
            Err(why) => println!("  does not run it: {why}"),
            Ok(observation) => {
                println!("  instantiation: {:?}", observation.instantiation.0);
                for call in &observation.calls {
                    println!("  \"{}\"{:?}: {:?}", call.name, call.arguments, call.end);
                    println!("    {:?}", call.state);
                }
            }
        }
    }
    Ok(())
}
