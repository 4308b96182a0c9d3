//! The command line as types. What the values mean is said here, once; `--help` prints it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum};
use wz::{CoreFeatures, EngineKind};

use crate::duration::parse_duration;
use crate::environment::Variable;
use crate::features::parse_features;
use crate::mounts::Mount;
use crate::size::parse_size;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const EXAMPLES: &str = "\
Examples:
  wz hello.wasm                             run a program
  wz --dir . --env LANG=C sort.wasm in.txt  with a directory and a variable
  wz --dir data::/data::ro app.wasm         read-only, under another name
  wz --invoke add math.wat 1 2              call one function, print its results
  wz --timeout 1.5s --max-memory 64M x.wasm within limits

Exit status:
  the program's own; 134 after a trap, 124 after a timeout, 1 if a module cannot be
  loaded, linked or set up, 2 if the command line is wrong";

/// Runs WebAssembly.
#[derive(Debug, Parser)]
#[command(
    name = "wz",
    version,
    about = "Runs WebAssembly programs: wz FILE is wz run FILE",
    after_help = EXAMPLES,
    override_usage = "wz [OPTIONS] FILE [ARGS]...\n       wz run [OPTIONS] FILE [ARGS]...",
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    styles = STYLES
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a module; the default
    #[command(
        after_help = EXAMPLES,
        override_usage = "wz run [OPTIONS] FILE [ARGS]...",
        arg_required_else_help = true
    )]
    Run(Box<RunArgs>),
    /// Print the version
    Version,
}

#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// The module in the binary or the text format, - for standard input; all that follows belongs
    /// to the program, but for one -- right after FILE, which is dropped
    #[arg(value_names = ["FILE", "ARGS"], required = true, trailing_var_arg = true)]
    pub(crate) file_and_arguments: Vec<OsString>,

    /// Call this exported function with ARGS and print its results, instead of running a program
    #[arg(long, value_name = "NAME")]
    pub(crate) invoke: Option<String>,

    /// Instantiate a module first, for imports from NAME
    #[arg(long = "preload", value_name = "NAME=FILE", value_parser = Preload::parse)]
    pub(crate) preloads: Vec<Preload>,

    #[command(flatten)]
    pub(crate) program: ProgramArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "What the program sees")]
pub(crate) struct ProgramArgs {
    /// Let it use a directory, as GUEST (default: HOST); ro: only read
    #[arg(long = "dir", value_name = "HOST[::GUEST[::ro]]", value_parser = Mount::parse_dir)]
    pub(crate) dirs: Vec<Mount>,

    /// The same with single colons; the last one separates
    #[arg(long = "mount", value_name = "HOST[:GUEST][:ro]", value_parser = Mount::parse_mount)]
    pub(crate) mounts: Vec<Mount>,

    /// Set an environment variable, or pass on this one
    #[arg(long = "env", value_name = "NAME[=VALUE]", value_parser = Variable::parse)]
    pub(crate) variables: Vec<Variable>,

    /// Pass on all environment variables; --env replaces
    #[arg(long)]
    pub(crate) env_inherit: bool,

    /// What the program sees as its own name (default: FILE without directories)
    #[arg(long, value_name = "NAME")]
    pub(crate) argv0: Option<String>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// End the program after this time: 500ms, 1.5s, 2m
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, allow_hyphen_values = true)]
    pub(crate) timeout: Option<Duration>,

    /// End the program when it has used N units of fuel, about one per operator
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) fuel: Option<u64>,

    /// Limit each memory: 64M, 1GiB
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) max_memory: Option<u64>,

    /// Limit the stack: 512K
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) max_stack: Option<u64>,

    /// Limit each table
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) max_table_elements: Option<u64>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Engine")]
pub(crate) struct EngineArgs {
    /// What runs the code
    #[arg(long, value_enum, default_value_t = EngineChoice::Auto)]
    pub(crate) engine: EngineChoice,

    /// Accept other proposals: v1, v2, all, none, +NAME, -NAME
    #[arg(long, value_name = "LIST", value_parser = parse_features, allow_hyphen_values = true)]
    pub(crate) features: Option<CoreFeatures>,
}

/// The values of `--engine`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineChoice {
    // Plain comments: clap would print documentation, and a long page for all options with it.
    // The fastest that this machine has.
    Auto,
    Interpreter,
}

impl From<EngineChoice> for EngineKind {
    fn from(choice: EngineChoice) -> Self {
        match choice {
            EngineChoice::Auto => Self::Auto,
            EngineChoice::Interpreter => Self::Interpreter,
        }
    }
}

/// A module to instantiate before the program.
#[derive(Clone, Debug)]
pub(crate) struct Preload {
    /// The name that others import from.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) file: PathBuf,
}

impl Preload {
    fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, file)) if !name.is_empty() && !file.is_empty() => {
                Ok(Self { name: name.to_owned(), file: file.into() })
            }
            _ => Err("the form is NAME=FILE".into()),
        }
    }
}

impl RunArgs {
    /// The module's place and the program's own arguments.
    pub(crate) fn split(&self) -> (PathBuf, &[OsString]) {
        let (file, arguments) = self.file_and_arguments.split_first().expect("FILE is required");
        let arguments = match arguments {
            [first, rest @ ..] if first == "--" => rest,
            all => all,
        };
        (file.into(), arguments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[track_caller]
    fn check(line: &str, file: &str, arguments: &[&str]) {
        let cli = Cli::try_parse_from(line.split(' ')).unwrap();
        let run = match cli.command {
            Some(Command::Run(run)) => *run,
            Some(Command::Version) => panic!("not a run"),
            None => cli.run,
        };
        let (given_file, given) = run.split();
        assert_eq!(
            (given_file.to_str(), given),
            (Some(file), &arguments.iter().map(Into::into).collect::<Vec<OsString>>()[..])
        );
    }

    #[test]
    fn what_follows_the_file_is_the_programs() {
        check("wz a.wasm", "a.wasm", &[]);
        check("wz run a.wasm", "a.wasm", &[]);
        check("wz a.wasm --env x -h --version", "a.wasm", &["--env", "x", "-h", "--version"]);
        check("wz --env A=B --dir .::/ run.wasm run", "run.wasm", &["run"]);
        check("wz run --fuel 5 a.wasm run version", "a.wasm", &["run", "version"]);
        check("wz a.wasm -- -x -- y", "a.wasm", &["-x", "--", "y"]);
        check("wz --invoke f a.wasm -5 -0x1", "a.wasm", &["-5", "-0x1"]);
        check("wz - a", "-", &["a"]);
        check("wz -- --odd.wasm a", "--odd.wasm", &["a"]);
        check("wz ./version", "./version", &[]);
    }
}
