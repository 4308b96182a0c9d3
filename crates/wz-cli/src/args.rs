//! The command line as types. What the values mean is said here, once; `--help` prints it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Styles};
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use wz::experimental::logging::LogScopes;
use wz::{CoreFeatures, EngineKind};

use crate::count::parse_count;
use crate::duration::parse_duration;
use crate::environment::Variable;
use crate::features::parse_features;
use crate::listen::ListenAddress;
use crate::mounts::Mount;
use crate::os_text::{At, split_once};
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
  wz --timeout 1.5s --max-memory 64M x.wasm within limits";

const EXIT_STATUS: &str = "\
Exit status:
  the program's own; 134 after a trap, 124 after a timeout, 1 if a module cannot be
  loaded, linked or set up, 2 if the command line is wrong";

const COMPILE_HELP: &str = "\
Puts all code of the modules into a cache, where runs find it. A run that compiles what it calls
adds to the same cache; compiling everything before is for runs that must not wait.

Code is for this version of wz and this processor, and differs for runs with --fuel and --timeout.
Whoever can write to the directory can run code as you: use one that only you can write to.

Examples:
  wz compile app.wasm && wz --cache app.wasm
  wz compile --cache-dir build/cache --timeout *.wasm

Exit status:
  0 if all modules are in the cache, 1 if not, 2 if the command line is wrong";

const VALIDATE_HELP: &str = "\
Prints nothing about modules that are valid. For the others it says why not and at which offset.

Exit status:
  0 if all modules are valid, 1 if not, 2 if the command line is wrong";

const INSPECT_HELP: &str = "\
Types are numbered as in the module, functions, tables, memories and globals with the imported
ones first. Offsets and sizes are bytes of the binary format; a section's are those of its
content, a function's those of its body.

With --json: an object with file, name, bytes, types, imports, exports, start, code, functions,
tables, memories, globals, elements, data and sections. What is unknown or absent is null. The
text lists the largest functions, the JSON all of them.";

const EXPLAIN_HELP: &str = "\
Operators have their offset in the file in front. Source lines come from the module's debugging
information (DWARF), and their text from the files it names, where these are there. The engine's
code stands to the right of the operator that it comes from; what is merged into another
operator's code has none of its own.

For example: wz explain app.wasm main";

const WAST_HELP: &str = "\
Prints how many assertions of each script passed, and what failed with its line.

Exit status:
  0 if everything passed, 1 if not, 2 if the command line is wrong";

const TRACE_HELP: &str = "\
The log has a line before and after each call, indented by how deep it is (more than 50 levels
deep, the line says how deep):
  --> app.sum(a: i32 = 1, b: i32 = 2)       a function of a module
  <-- i32 3
  ==> wasi_snapshot_preview1.fd_close(fd=9) a function of the host
  <== errno=EBADF
  <-x wasm error: unreachable               a call that did not return
A function is named module.name, or module.$7 if it has no name. With --format json each line is
an object with the members event (call, return, tail_call, abort), depth, thread, function, index,
host and, as the event has them, params, results (each: name, type, value; or name, meaning),
reason, nanoseconds.
When the log cannot be written any more, as after | head, the program goes on without it.

Examples:
  wz trace app.wasm                         every call
  wz trace --functions 'app.parse_*' app.wasm in.txt
  wz trace --host --times app.wasm          what the program asks of the host, and how long it takes";

/// The names of all commands.
pub(crate) const COMMANDS: [&str; 9] =
    ["compile", "completions", "explain", "inspect", "run", "trace", "validate", "version", "wast"];

/// Runs WebAssembly.
#[derive(Debug, Parser)]
#[command(
    name = "wz",
    version,
    about = "Runs WebAssembly programs and shows what is in them; wz FILE is wz run FILE",
    after_help = format!("{EXAMPLES}\n\n{EXIT_STATUS}"),
    override_usage = "wz [OPTIONS] FILE [ARGS]...\n       wz COMMAND [OPTIONS] ...",
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
        after_help = format!("{EXAMPLES}\n\n{EXIT_STATUS}"),
        override_usage = "wz run [OPTIONS] FILE [ARGS]...",
        arg_required_else_help = true
    )]
    Run(Box<RunArgs>),
    /// Run a module and log its calls
    #[command(
        after_help = format!("{TRACE_HELP}\n\n{EXIT_STATUS}"),
        override_usage = "wz trace [OPTIONS] FILE [ARGS]...",
        arg_required_else_help = true
    )]
    Trace(Box<TraceArgs>),
    /// Compile modules, for runs with --cache-dir or --cache
    #[command(after_help = COMPILE_HELP, arg_required_else_help = true)]
    Compile(CompileArgs),
    /// Check that modules are valid
    #[command(after_help = VALIDATE_HELP, arg_required_else_help = true)]
    Validate(ValidateArgs),
    /// Show what is in a module
    #[command(after_help = INSPECT_HELP, arg_required_else_help = true)]
    Inspect(InspectArgs),
    /// Show one function: source lines, operators and the code that runs
    #[command(after_help = EXPLAIN_HELP, arg_required_else_help = true)]
    Explain(ExplainArgs),
    /// Run test scripts of the WebAssembly specification (.wast)
    #[command(after_help = WAST_HELP, arg_required_else_help = true)]
    Wast(WastArgs),
    /// Print a script that completes wz's command lines
    #[command(
        after_help = "For example: wz completions bash > ~/.local/share/bash-completion/completions/wz",
        arg_required_else_help = true
    )]
    Completions(CompletionsArgs),
    /// Print the version
    Version,
}

#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) session: SessionArgs,

    /// Log calls of the host's functions to standard error: all, clock, filesystem, memory, proc,
    /// poll, random, sock
    #[arg(long = "hostlogging", value_name = "SCOPES", value_parser = parse_scopes, help_heading = "Finding faults")]
    pub(crate) host_logging: Vec<LogScopes>,
}

#[derive(Args, Debug)]
pub(crate) struct TraceArgs {
    /// Log only functions whose name, module.name or exported name matches; * and ? stand for any
    /// characters and any one
    #[arg(long = "functions", value_name = "GLOB", help_heading = "Log")]
    pub(crate) functions: Vec<String>,

    /// Log only the host's functions
    #[arg(long, help_heading = "Log")]
    pub(crate) host: bool,

    /// Log how long calls take, the calls in them, compiling and the logging included
    #[arg(long, help_heading = "Log")]
    pub(crate) times: bool,

    /// How the log is written
    #[arg(long, value_enum, default_value_t = TraceFormat::Text, help_heading = "Log")]
    pub(crate) format: TraceFormat,

    /// Write the log to a file instead of standard error
    #[arg(long, value_name = "FILE", help_heading = "Log")]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) session: SessionArgs,
}

/// The values of `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TraceFormat {
    Text,
    Json,
}

#[derive(Args, Debug)]
pub(crate) struct CompileArgs {
    /// Modules in the binary or the text format, - for standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Where to put the code (default: your own cache directory, as for --cache)
    #[arg(long, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,

    /// For runs with --fuel
    #[arg(long)]
    pub(crate) fuel: bool,

    /// For runs with --timeout
    #[arg(long)]
    pub(crate) timeout: bool,

    #[command(flatten)]
    pub(crate) features: FeatureArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ValidateArgs {
    /// Modules in the binary or the text format, - for standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) features: FeatureArgs,
}

#[derive(Args, Debug)]
pub(crate) struct InspectArgs {
    /// The module in the binary or the text format, - for standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) features: FeatureArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ExplainArgs {
    /// The module in the binary or the text format, - for standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// The function: its name, an exported name, or its index
    #[arg(value_name = "FUNCTION")]
    pub(crate) function: String,

    /// Leave out the source lines
    #[arg(long)]
    pub(crate) no_source: bool,

    /// Leave out the engine's code
    #[arg(long)]
    pub(crate) no_code: bool,

    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

#[derive(Args, Debug)]
pub(crate) struct WastArgs {
    /// Scripts, folders of them, or - for standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// What running a program takes, whoever watches.
#[derive(Args, Debug)]
pub(crate) struct SessionArgs {
    /// The module in the binary or the text format, - for standard input. All that follows belongs
    /// to the program; a -- right after FILE is dropped
    #[arg(value_names = ["FILE", "ARGS"], required = true, trailing_var_arg = true)]
    pub(crate) file_and_arguments: Vec<OsString>,

    /// Call this exported function with ARGS and print its results, instead of running a program
    #[arg(long, value_name = "NAME")]
    pub(crate) invoke: Option<String>,

    /// Instantiate a module first, for imports from NAME
    #[arg(long = "preload", value_name = "NAME=FILE", value_parser = OsStringValueParser::new().try_map(Preload::parse))]
    pub(crate) preloads: Vec<Preload>,

    #[command(flatten)]
    pub(crate) program: ProgramArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,

    /// After a trap, write what the stack, memories and globals hold
    #[arg(long, value_name = "FILE", help_heading = "Finding faults")]
    pub(crate) coredump: Option<PathBuf>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "What the program sees")]
pub(crate) struct ProgramArgs {
    /// Let it use a directory, as GUEST (default: HOST); ro: only read
    #[arg(long = "dir", value_name = "HOST[::GUEST[::ro]]", value_parser = OsStringValueParser::new().try_map(Mount::parse_dir))]
    pub(crate) dirs: Vec<Mount>,

    /// The same with single colons; the last one separates
    #[arg(long = "mount", value_name = "HOST[:GUEST][:ro]", value_parser = OsStringValueParser::new().try_map(Mount::parse_mount))]
    pub(crate) mounts: Vec<Mount>,

    /// Set an environment variable, or pass on this one
    #[arg(long = "env", value_name = "NAME[=VALUE]", value_parser = Variable::parse)]
    pub(crate) variables: Vec<Variable>,

    /// Pass on all environment variables; --env replaces
    #[arg(long)]
    pub(crate) env_inherit: bool,

    /// Let it accept connections (default HOST: localhost; PORT 0: any that is free)
    #[arg(long = "listen", value_name = "[HOST]:PORT", value_parser = ListenAddress::parse)]
    pub(crate) listen: Vec<ListenAddress>,

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
    #[arg(long, value_name = "N", value_parser = parse_count, allow_hyphen_values = true)]
    pub(crate) fuel: Option<u64>,

    /// Limit each memory: 64M, 1GiB
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) max_memory: Option<u64>,

    /// Limit the stack: 512K
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) max_stack: Option<u64>,

    /// Limit each table
    #[arg(long, value_name = "N", value_parser = parse_count, allow_hyphen_values = true)]
    pub(crate) max_table_elements: Option<u64>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Engine")]
pub(crate) struct EngineArgs {
    /// What runs the code
    #[arg(long, value_enum, default_value_t = EngineChoice::Auto)]
    pub(crate) engine: EngineChoice,

    #[command(flatten)]
    pub(crate) cache: CacheArgs,

    #[command(flatten)]
    pub(crate) features: FeatureArgs,
}

/// Where compiled code is kept: nowhere unless that is said.
#[derive(Args, Debug)]
pub(crate) struct CacheArgs {
    /// Look for compiled code in a directory, and keep it there; only you must be able to write to it
    #[arg(long, value_name = "DIR", conflicts_with = "cache")]
    pub(crate) cache_dir: Option<PathBuf>,

    /// The same with your own cache directory, such as ~/.cache/wz
    #[arg(long)]
    pub(crate) cache: bool,
}

/// `--features`, which every command has that reads modules.
#[derive(Args, Debug)]
pub(crate) struct FeatureArgs {
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
    Jit,
    Interpreter,
}

impl From<EngineChoice> for EngineKind {
    fn from(choice: EngineChoice) -> Self {
        match choice {
            EngineChoice::Auto => Self::Auto,
            EngineChoice::Jit => Self::Jit,
            EngineChoice::Interpreter => Self::Interpreter,
        }
    }
}

fn parse_scopes(text: &str) -> Result<LogScopes, String> {
    text.parse().map_err(|error: wz::Error| error.to_string())
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
    fn parse(text: OsString) -> Result<Self, String> {
        match split_once(&text, "=", At::First) {
            Some((name, file)) if !name.is_empty() && !file.is_empty() => {
                let name = name.into_string().map_err(|_| "the name must be UTF-8")?;
                Ok(Self { name, file: file.into() })
            }
            _ => Err("the form is NAME=FILE".into()),
        }
    }
}

impl SessionArgs {
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
            None => cli.run,
            Some(_) => panic!("not a run"),
        };
        let (given_file, given) = run.session.split();
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

    #[test]
    fn every_command_is_known() {
        let mut names: Vec<_> = <Cli as clap::CommandFactory>::command()
            .get_subcommands()
            .map(|command| command.get_name().to_owned())
            .collect();
        names.sort();
        assert_eq!(names, COMMANDS);
    }
}
