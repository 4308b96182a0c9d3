//! [`Options`]: the command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::modules;

pub const USAGE: &str = "\
usage: cargo run --release -- [--execution] [--compile] [--large] [--edges] [OPTION…]

Without a section, all four run.

  --execution        programs with what they compute checked: kernels, Rust programs, WASI commands
  --compile          compile throughput, on one thread and on all
  --large            a module of 39 MB, not compiled before: time to first output, peak memory
  --edges            instantiation, calls into guests and out of them
  --only TEXT        rows whose name contains one of these texts (commas between)
  --runtimes TEXT    runtimes whose name contains one of these texts (commas between)
  --rounds N         how often everything is measured; 7 if absent
  --budget SECONDS   no further round of a row after this time; 60 if absent
  --modules FOLDER   where large modules are, besides target/programs (may be repeated)
  --json FILE        writes everything measured
";

/// What is measured together.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Execution,
    Compile,
    Large,
    Edges,
}

/// What to do.
pub struct Options {
    pub sections: Vec<Section>,
    only: Vec<String>,
    runtimes: Vec<String>,
    pub rounds: usize,
    pub budget: Duration,
    pub modules: Vec<PathBuf>,
    pub json: Option<PathBuf>,
}

impl Options {
    /// Reads the arguments; `None` if help is wanted.
    pub fn parse(arguments: &[String]) -> Result<Option<Self>> {
        let mut options = Self {
            sections: Vec::new(),
            only: Vec::new(),
            runtimes: Vec::new(),
            rounds: 7,
            budget: Duration::from_secs(60),
            modules: vec![modules::root().join("target/programs")],
            json: None,
        };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().with_context(|| format!("{argument} wants a value"));
            match argument.as_str() {
                "--execution" => options.sections.push(Section::Execution),
                "--compile" => options.sections.push(Section::Compile),
                "--large" => options.sections.push(Section::Large),
                "--edges" => options.sections.push(Section::Edges),
                "--only" => options.only.extend(texts(value()?)),
                "--runtimes" => options.runtimes.extend(texts(value()?)),
                "--rounds" => options.rounds = value()?.parse::<usize>().context("--rounds")?.max(1),
                "--budget" => options.budget = Duration::from_secs(value()?.parse().context("--budget")?),
                "--modules" => options.modules.push(value()?.into()),
                "--json" => options.json = Some(value()?.into()),
                "-h" | "--help" => return Ok(None),
                other => bail!("unknown argument {other}\n{USAGE}"),
            }
        }
        if options.sections.is_empty() {
            options.sections = vec![Section::Execution, Section::Compile, Section::Large, Section::Edges];
        }
        Ok(Some(options))
    }

    /// Whether a row is wanted.
    pub fn wants(&self, row: &str) -> bool {
        contains_one(row, &self.only)
    }

    /// Whether a runtime is wanted.
    pub fn wants_runtime(&self, name: &str) -> bool {
        contains_one(name, &self.runtimes)
    }
}

fn texts(list: &str) -> impl Iterator<Item = String> {
    list.split(',').filter(|text| !text.is_empty()).map(str::to_owned)
}

fn contains_one(name: &str, texts: &[String]) -> bool {
    texts.is_empty() || texts.iter().any(|text| name.contains(text.as_str()))
}
