//! How runs end: exit statuses, and errors as a person reads them: what, where, what to do.
//! Everything that a guest can have a say in is escaped here.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};

use wz::{Backtrace, BacktraceFrame, Error, ErrorKind, ImportError, ImportProblem, Trap};

use crate::escape::{escape, escape_lines};

/// The status when a module cannot be loaded, linked or set up.
pub(crate) const STATUS_SETUP: i32 = 1;
/// The status when the command line is wrong.
pub(crate) const STATUS_USAGE: i32 = 2;
/// The status when time is up, as `timeout` has it.
pub(crate) const STATUS_TIMEOUT: i32 = 124;
/// The status after a trap: what a shell reports of a program that aborted.
pub(crate) const STATUS_TRAP: i32 = 134;

/// How many frames of a long stack trace are shown at either end.
const SHOWN_FRAMES: usize = 50;

/// Why a run did not end with the guest's own exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit status.
    pub(crate) status: i32,
    /// What and where; escaped.
    message: String,
    /// What to do; escaped.
    hints: Vec<String>,
    /// What else there is to know; escaped.
    notes: Vec<String>,
}

impl Failure {
    /// A failure with a message that needs no escaping.
    pub(crate) fn new(status: i32, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), hints: Vec::new(), notes: Vec::new() }
    }

    /// A module that cannot be loaded, linked or set up.
    pub(crate) fn setup(message: impl Into<String>) -> Self {
        Self::new(STATUS_SETUP, message)
    }

    /// Says what to do.
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Says what else there is to know.
    pub(crate) fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// An error of the runtime that happened with `what`: a file's name, not escaped.
    pub(crate) fn of_error(what: &str, error: &Error) -> Self {
        if let ErrorKind::Start { source, .. } = error.kind() {
            return Self::of_error(what, source);
        }
        let what = escape(what);
        match error.kind() {
            ErrorKind::Trap(trap) => {
                let failure =
                    Self::new(STATUS_TRAP, format!("wasm error: {}{}", trap.trap, trace(&trap.backtrace)));
                match trap.trap {
                    Trap::OutOfFuel => {
                        failure.with_hint("--fuel N sets how much there is, about one unit per operator")
                    }
                    _ => failure,
                }
            }
            ErrorKind::Host(host) => {
                let trace = host.backtrace.as_ref().map(trace).unwrap_or_default();
                Self::new(STATUS_TRAP, format!("{}{trace}", escape(&host.source.to_string())))
            }
            ErrorKind::Link(error) => {
                let mut message = match error.imports.len() {
                    1 => format!("{what}: an import cannot be satisfied"),
                    count => format!("{what}: {count} imports cannot be satisfied"),
                };
                for import in &error.imports {
                    let _ = write!(message, "\n  {}", describe(import));
                }
                let mut failure = Self::setup(message);
                let mut modules: Vec<_> = error
                    .imports
                    .iter()
                    .filter(|import| import.problem == ImportProblem::NoModule)
                    .map(|import| escape(&import.module))
                    .collect();
                modules.dedup();
                modules.sort();
                modules.dedup();
                for module in modules {
                    failure = failure.with_hint(format!("--preload {module}=FILE provides \"{module}\""));
                }
                failure
            }
            kind => {
                let failure = Self::setup(format!("{what}: {}", escape_lines(&error.to_string())));
                match kind {
                    ErrorKind::System { source, .. } if source.kind() == std::io::ErrorKind::OutOfMemory => {
                        failure.with_hint(
                            "the process may not use so much address space (ulimit -v); --engine interpreter \
                             needs less",
                        )
                    }
                    _ => failure,
                }
            }
        }
    }

    /// Writes it to standard error.
    pub(crate) fn print(&self) {
        let (label, hint) = if colours() {
            ("\x1b[1;31merror:\x1b[0m", "\x1b[1;36mhint:\x1b[0m")
        } else {
            ("error:", "hint:")
        };
        let mut text = format!("{label} {}\n", self.message);
        for line in &self.hints {
            let _ = writeln!(text, "{hint} {line}");
        }
        // Nobody is there to be told if this fails.
        let _ = std::io::stderr().write_all(text.as_bytes());
        self.notes.iter().for_each(|text| note(text));
    }
}

/// An argument that is not UTF-8, where the command line or the program needs that.
pub(crate) fn not_utf8(argument: &OsStr) -> Failure {
    let shown = escape(&argument.to_string_lossy());
    Failure::new(STATUS_USAGE, format!("the argument \"{shown}\" is not UTF-8, which it must be"))
}

/// Writes to standard output, for which nobody may be left to read it: that is no failure.
///
/// # Errors
/// If the text could not be written for another reason.
pub(crate) fn print_out(text: &str) -> Result<i32, Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::setup(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(0),
    }
}

/// Tells something that is no error.
pub(crate) fn note(text: &str) {
    let label = if colours() { "\x1b[1;36mnote:\x1b[0m" } else { "note:" };
    let _ = writeln!(std::io::stderr(), "{label} {text}");
}

fn colours() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// An import that cannot be satisfied: what it asks for, then why it does not get it.
fn describe(import: &ImportError) -> String {
    let (module, name) = (escape(&import.module), escape(&import.name));
    let problem = match &import.problem {
        ImportProblem::NoModule => format!("there is no module \"{module}\""),
        ImportProblem::NoExport => format!("module \"{module}\" does not export it"),
        ImportProblem::Kind { given } => format!("module \"{module}\" exports a {given} of that name"),
        ImportProblem::Type { what, expected, given } => {
            format!("{}: expected {}, given {}", escape(what), escape(expected), escape(given))
        }
        _ => escape(&import.to_string()),
    };
    format!("{} \"{module}\" \"{name}\": {problem}", import.kind)
}

/// The stack trace in the library's form, with every name escaped. Frames that repeat are counted,
/// and the middle of a long trace is left out.
fn trace(backtrace: &Backtrace) -> String {
    let frames = backtrace.frames();
    if frames.is_empty() {
        return String::new();
    }
    // A deep recursion has millions of frames: they are counted before anything is written.
    let is_repeated = |one: &BacktraceFrame, other: &BacktraceFrame| {
        one.code_offset == other.code_offset
            && one.definition.index() == other.definition.index()
            && one.definition.debug_name() == other.definition.debug_name()
    };
    let runs: Vec<&[BacktraceFrame]> = frames.chunk_by(is_repeated).collect();
    let (head, rest) = runs.split_at(runs.len().min(SHOWN_FRAMES));
    let (middle, tail) = rest.split_at(rest.len().saturating_sub(SHOWN_FRAMES));
    let mut text = "\nwasm stack trace:".to_owned();
    write_runs(&mut text, head);
    if !middle.is_empty() {
        let count: usize = middle.iter().map(|run| run.len()).sum();
        let _ = write!(text, "\n\t... {count} frames are left out ...");
    }
    write_runs(&mut text, tail);
    text
}

/// Writes a frame as the library does, with what is the module's escaped.
fn write_frame(text: &mut String, frame: &BacktraceFrame) {
    let _ = write!(text, "\n\t{}", escape(&frame.signature()));
    let Some(offset) = frame.code_offset else { return };
    let offset = format!("0x{offset:x}");
    let _ = write!(text, "\n\t\t{offset}");
    for (position, location) in frame.source_locations().iter().enumerate() {
        let inlined = if location.inlined { " (inlined)" } else { "" };
        let location = escape(&location.to_string());
        let _ = match position {
            0 => write!(text, ": {location}{inlined}"),
            _ => write!(text, "\n\t\t{:width$}{location}{inlined}", "", width = offset.len() + 2),
        };
    }
}

/// Writes one frame of each run of equal ones, and how many there are.
fn write_runs(text: &mut String, runs: &[&[BacktraceFrame]]) {
    for run in runs {
        write_frame(text, &run[0]);
        if run.len() > 1 {
            let _ = write!(text, "\n\t... the same {} times more ...", run.len() - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wz::{ExternType, LinkError};

    #[track_caller]
    fn check(error: &Error, status: i32, message: &str, hints: &[&str]) {
        let failure = Failure::of_error("a\n.wasm", error);
        assert_eq!(
            (failure.status, &*failure.message, failure.hints),
            (status, message, hints.iter().map(|&hint| hint.to_owned()).collect())
        );
    }

    #[test]
    fn link_errors_list_every_import_and_say_what_to_do() {
        let import = |module: &str, name: &str, problem| ImportError {
            module: module.into(),
            name: name.into(),
            kind: ExternType::FUNC,
            problem,
        };
        let expected = ImportProblem::Type {
            what: "signature mismatch".into(),
            expected: "i32_v".into(),
            given: "v_v".into(),
        };
        let imports = vec![
            import("env", "a\u{1b}[m", ImportProblem::NoModule),
            import("m", "b", ImportProblem::NoExport),
            import("m", "c", expected),
            import("m", "d", ImportProblem::Kind { given: ExternType::MEMORY }),
            import("env", "e", ImportProblem::NoModule),
        ];
        check(
            &LinkError { imports }.into(),
            1,
            "a\\n.wasm: 5 imports cannot be satisfied\n  \
             func \"env\" \"a\\u{1b}[m\": there is no module \"env\"\n  \
             func \"m\" \"b\": module \"m\" does not export it\n  \
             func \"m\" \"c\": signature mismatch: expected i32_v, given v_v\n  \
             func \"m\" \"d\": module \"m\" exports a memory of that name\n  \
             func \"env\" \"e\": there is no module \"env\"",
            &["--preload env=FILE provides \"env\""],
        );
    }

    fn frame(name: &str, offset: u32) -> BacktraceFrame {
        let mut parts = wz_api::FunctionParts { name: name.into(), ..Default::default() };
        parts.export.index = offset;
        BacktraceFrame::new(wz_api::FunctionDefinition::new(parts), Some(offset))
    }

    #[test]
    fn traces_are_escaped_and_counted() {
        let frames =
            vec![frame("in\u{202e}ner", 1), frame("f", 2), frame("f", 2), frame("f", 2), frame("main", 3)];
        let trap = wz::TrapError { trap: wz::Trap::Unreachable, backtrace: Backtrace::new(frames) };
        check(
            &Error::new(ErrorKind::Start { what: "x".into(), source: Error::new(ErrorKind::Trap(trap)) }),
            134,
            "wasm error: unreachable\nwasm stack trace:\n\t.in\\u{202e}ner()\n\t\t0x1\n\t.f()\n\t\t0x2\n\t\
             ... the same 2 times more ...\n\t.main()\n\t\t0x3",
            &[],
        );
    }

    #[test]
    fn the_middle_of_long_traces_is_left_out() {
        let frames: Vec<_> = (0..1000).map(|index| frame(&format!("f{index}"), index)).collect();
        let text = trace(&Backtrace::new(frames));
        assert!(
            text.contains("\n\t.f49()\n\t\t0x31\n\t... 900 frames are left out ...\n\t.f950()"),
            "{text}"
        );
    }

    #[test]
    fn texts_keep_their_lines_but_nothing_else() {
        check(&Error::argument("two\n\u{1b}lines"), 1, "a\\n.wasm: two\n\\u{1b}lines", &[]);
    }
}
