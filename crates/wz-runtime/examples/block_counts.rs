//! Counts how often each basic block of a program is entered, with a counter in its code:
//! `cargo run --release -p wz-runtime --example block_counts -- [OPTION…] FILE [ARGUMENT…]`.
//!
//! Runs a WASI program in the current folder, or the export `run` of another module, and prints the blocks that
//! were entered most often. Without a file, it does so with a program of its own. Options:
//!
//! - `--time ROUNDS`: how long the program takes without counters and with them, instead;
//! - `--atomic`: counters that are exact if several threads count;
//! - `--limit N`: each counter is removed at this count;
//! - `--interpreter`: in the interpreter.

use std::error::Error;
use std::io::Write;
use std::time::{Duration, Instant};

use wz::experimental::{Counters, ProbePoint, Probes};
use wz::prelude::*;
use wz::wasi::Stdio;
use wz::{CompiledModule, EngineKind};

const GUEST: &str = r#"(module
  (func $gcd (param i64 i64) (result i64) (local i64)
    (block $done
      (loop $again
        (br_if $done (i64.eqz (local.get 1)))
        (local.set 2 (i64.rem_u (local.get 0) (local.get 1)))
        (local.set 0 (local.get 1))
        (local.set 1 (local.get 2))
        (br $again)))
    (local.get 0))
  (func $run (export "run") (param i32) (result i64)
    (call $gcd (i64.const 3528) (i64.const 3780))))"#;

#[derive(Default)]
struct Options {
    rounds: Option<usize>,
    atomic: bool,
    limit: Option<u64>,
    interpreter: bool,
}

/// The blocks of a module, and how often they were entered.
struct Blocks {
    /// The function of each block, and where it begins in the body of the Code section.
    places: Vec<(u32, u32)>,
    counters: Counters,
}

impl Blocks {
    fn of(compiled: &CompiledModule) -> Result<Self, Box<dyn Error>> {
        let imported = compiled.imported_functions().len() as u32;
        let mut places = Vec::new();
        for function in imported..compiled.info().functions.len() as u32 {
            places.extend(compiled.block_entries(function)?.into_iter().map(|entry| (function, entry)));
        }
        let counters = Counters::new(places.len());
        Ok(Self { places, counters })
    }

    fn probes(&self, options: &Options) -> Probes {
        let probes = Probes::new().exact_under_threads(options.atomic);
        self.places.iter().enumerate().fold(probes, |probes, (index, (_, entry))| {
            let point = ProbePoint::Offset(*entry);
            match options.limit {
                None => probes.count(point, &self.counters, index),
                Some(limit) => probes.count_up_to(point, &self.counters, index, limit),
            }
        })
    }
}

/// Runs the program in a fresh instance.
fn execute(
    runtime: &Runtime,
    program: &CompiledModule,
    arguments: &[String],
    quiet: bool,
) -> Result<Duration, Box<dyn Error>> {
    let mut config = ModuleConfig::new().with_name("").with_args(arguments).with_dir_mount(".", "/");
    if !quiet {
        config = config.with_stdout(Stdio::inherit()).with_stderr(Stdio::inherit());
    }
    let start = Instant::now();
    let module = match runtime.instantiate_module(program, config) {
        Ok(module) => module,
        Err(error) if error.exit_code() == Some(0) => return Ok(start.elapsed()),
        Err(error) => return Err(error.into()),
    };
    if let Some(run) = module.exported_function("run") {
        run.call(&vec![1; run.definition().ty().params().len()])?;
    }
    Ok(start.elapsed())
}

fn print(out: &mut impl Write, program: &CompiledModule, blocks: &Blocks) -> Result<(), Box<dyn Error>> {
    let mut counts: Vec<_> = blocks.counters.to_vec().into_iter().zip(&blocks.places).collect();
    let entered = counts.iter().filter(|(count, _)| *count > 0).count();
    let total: u64 = counts.iter().map(|(count, _)| count).sum();
    writeln!(out, "{entered} of {} blocks were entered, {total} times", counts.len())?;
    counts.sort_by_key(|(count, place)| (std::cmp::Reverse(*count), **place));
    for (count, (function, entry)) in counts.into_iter().take(20).filter(|(count, _)| *count > 0) {
        let definition = program.info().function_definition(*function);
        let name = match definition.name() {
            "" => format!("function[{function}]"),
            name => name.to_owned(),
        };
        writeln!(out, "{count:>12} {name}+{entry:#x}")?;
    }
    Ok(())
}

/// What the middle of the times is.
fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Prints what the arguments ask for.
pub(crate) fn run(arguments: Vec<String>, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let mut options = Options::default();
    let mut rest = arguments.into_iter().peekable();
    while let Some(option) = rest.next_if(|argument| argument.starts_with("--")) {
        let mut number = || rest.next().ok_or_else(|| format!("{option} needs a number"));
        match option.as_str() {
            "--time" => options.rounds = Some(number()?.parse::<usize>()?.max(1)),
            "--limit" => options.limit = Some(number()?.parse()?),
            "--atomic" => options.atomic = true,
            "--interpreter" => options.interpreter = true,
            _ => return Err(format!("{option} is no option").into()),
        }
    }
    let program: Vec<String> = rest.collect();
    let wasm = match program.first() {
        Some(file) => std::fs::read(file)?,
        None => wat::parse_str(GUEST)?,
    };
    let mut config = RuntimeConfig::new();
    if options.interpreter {
        config = config.with_engine(EngineKind::Interpreter);
    }
    let runtime = Runtime::with_config(config)?;
    wz::wasi::instantiate(&runtime)?;
    let probed = runtime.compile(&wasm)?;
    let blocks = Blocks::of(&probed)?;
    let attachment = probed.attach_probes(&blocks.probes(&options))?;
    match options.rounds {
        None => {
            execute(&runtime, &probed, &program, true)?;
            print(out, &probed, &blocks)?;
        }
        Some(rounds) => {
            let plain = runtime.compile(&wasm)?;
            // Everything is compiled by the first run.
            let first = [&plain, &probed].map(|module| execute(&runtime, module, &program, true));
            let [first_plain, first_probed] = first;
            let (mut without, mut with, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
            for round in 0..rounds {
                let (mut a, mut b) = (0.0, 0.0);
                for second in [false, true] {
                    if second == (round % 2 == 0) {
                        b = execute(&runtime, &probed, &program, true)?.as_secs_f64();
                    } else {
                        a = execute(&runtime, &plain, &program, true)?.as_secs_f64();
                    }
                }
                without.push(a);
                with.push(b);
                ratios.push(b / a);
            }
            writeln!(
                out,
                "{} blocks; first run {:.0} ms, with counters {:.0} ms; then {:.2} ms, with counters {:.2} ms, ratio {:.3}",
                blocks.places.len(),
                first_plain?.as_secs_f64() * 1e3,
                first_probed?.as_secs_f64() * 1e3,
                median(without) * 1e3,
                median(with) * 1e3,
                median(ratios),
            )?;
        }
    }
    attachment.detach();
    Ok(())
}

#[allow(dead_code)]
fn main() -> Result<(), Box<dyn Error>> {
    run(std::env::args().skip(1).collect(), &mut std::io::stdout())
}
