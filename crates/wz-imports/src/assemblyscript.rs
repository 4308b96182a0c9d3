//! What AssemblyScript programs import from `env`: `abort`, `trace` and `seed`.

use std::fmt;
use std::fmt::Write as _;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use wz_api::{Caller, Error, HostFunction, HostModule, Memory};

/// The exit code of a program that aborted.
pub const ABORT_EXIT_CODE: u32 = 255;

/// The most bytes of a text that are read.
const MAX_TEXT_BYTES: u32 = 1 << 20;

/// Configures the functions; [`host_module`](Self::host_module) makes them.
///
/// - `abort(message, file, line, column)` writes `message at file:line:column` to the standard
///   error of the process and ends the program with [`ABORT_EXIT_CODE`].
/// - `trace(message, count, a0, ..., a4)` does nothing, unless it is told where to write
///   `trace: message a0,a1`.
/// - `seed()` gives what pseudo-random numbers start from: always the same, unless it is told
///   otherwise.
///
/// ```
/// use wz_imports::assemblyscript::AssemblyScript;
///
/// let module = AssemblyScript::new().with_trace_output(std::io::stderr()).host_module();
/// assert_eq!(module.name(), "env");
/// ```
#[derive(Clone)]
pub struct AssemblyScript {
    abort: Option<Output>,
    trace: Option<Output>,
    seed: Arc<dyn Fn() -> f64 + Send + Sync>,
}

type Output = Arc<Mutex<dyn Write + Send>>;

impl AssemblyScript {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self { abort: Some(output(std::io::stderr())), trace: None, seed: Arc::new(|| 42.0) }
    }

    /// Where messages of `abort` go.
    #[must_use]
    pub fn with_abort_output(mut self, writer: impl Write + Send + 'static) -> Self {
        self.abort = Some(output(writer));
        self
    }

    /// Makes `abort` end the program without a message.
    #[must_use]
    pub fn with_abort_message_disabled(mut self) -> Self {
        self.abort = None;
        self
    }

    /// Where `trace` writes to.
    #[must_use]
    pub fn with_trace_output(mut self, writer: impl Write + Send + 'static) -> Self {
        self.trace = Some(output(writer));
        self
    }

    /// Where `seed` gets its numbers.
    #[must_use]
    pub fn with_seed(mut self, seed: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        self.seed = Arc::new(seed);
        self
    }

    /// The functions as the module `env`. Others can be added to it.
    #[must_use]
    pub fn host_module(&self) -> HostModule {
        let Self { abort, trace, seed } = self.clone();
        let abort = move |caller: &mut Caller<'_>, message: u32, file: u32, line: u32, column: u32| {
            if let Some(output) = &abort
                && let Some(message) = text(caller.memory(), message)
                && let Some(file) = text(caller.memory(), file)
            {
                write(output, &format!("{message} at {file}:{line}:{column}\n"));
            }
            Err::<(), Error>(Error::exit(ABORT_EXIT_CODE))
        };
        let trace = move |caller: &mut Caller<'_>,
                          message: u32,
                          count: i32,
                          a: f64,
                          b: f64,
                          c: f64,
                          d: f64,
                          e: f64| {
            if let Some(output) = &trace {
                // A message that cannot be read is no reason to end a program that only tells something.
                if let Some(message) = text(caller.memory(), message) {
                    write(output, &trace_line(&message, count, [a, b, c, d, e]));
                }
            }
        };
        HostModule::new("env")
            .with_host_function(
                "abort",
                HostFunction::new(abort).with_name("~lib/builtins/abort").with_parameter_names([
                    "message",
                    "fileName",
                    "lineNumber",
                    "columnNumber",
                ]),
            )
            .with_host_function(
                "trace",
                HostFunction::new(trace)
                    .with_name("~lib/builtins/trace")
                    .with_parameter_names(["message", "nArgs", "arg0", "arg1", "arg2", "arg3", "arg4"]),
            )
            .with_host_function(
                "seed",
                HostFunction::new(move || seed()).with_name("~lib/builtins/seed").with_result_names(["rand"]),
            )
    }
}

impl Default for AssemblyScript {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for AssemblyScript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssemblyScript")
            .field("abort_message", &self.abort.is_some())
            .field("trace", &self.trace.is_some())
            .finish_non_exhaustive()
    }
}

/// The functions with their defaults.
#[must_use]
pub fn host_module() -> HostModule {
    AssemblyScript::new().host_module()
}

fn output(writer: impl Write + Send + 'static) -> Output {
    Arc::new(Mutex::new(writer))
}

fn write(output: &Output, text: &str) {
    let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
    // Nobody is there to be told if this fails.
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}

fn trace_line(message: &str, count: i32, numbers: [f64; 5]) -> String {
    let mut line = format!("trace: {message}");
    let count = usize::try_from(count).unwrap_or(0);
    for (position, number) in numbers.iter().take(count).enumerate() {
        let separator = if position == 0 { ' ' } else { ',' };
        let _ = write!(line, "{separator}{number}");
    }
    line.push('\n');
    line
}

/// A text of AssemblyScript: UTF-16, its length in bytes in the word before it. `None` if there is
/// none at this address.
fn text(memory: Option<&Memory>, at: u32) -> Option<String> {
    let memory = memory?;
    let len = memory.read_u32(at.checked_sub(4)?)?;
    if len % 2 != 0 {
        return None;
    }
    let bytes = memory.read_vec(at, len.min(MAX_TEXT_BYTES))?;
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    Some(String::from_utf16_lossy(&units))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_have_as_many_numbers_as_they_say() {
        let check = |count, expected: &str| {
            assert_eq!(trace_line("hello", count, [1.0, 2.5, -0.5, f64::NAN, 1e9]), expected);
        };
        check(0, "trace: hello\n");
        check(-1, "trace: hello\n");
        check(1, "trace: hello 1\n");
        check(2, "trace: hello 1,2.5\n");
        check(5, "trace: hello 1,2.5,-0.5,NaN,1000000000\n");
        check(i32::MAX, "trace: hello 1,2.5,-0.5,NaN,1000000000\n");
    }

    #[test]
    fn the_module_has_wazeros_functions() {
        let definitions = host_module().definitions().unwrap();
        let signatures: Vec<_> = definitions.iter().map(|definition| definition.signature()).collect();
        assert_eq!(
            signatures,
            [
                "env.~lib/builtins/abort(i32,i32,i32,i32)",
                "env.~lib/builtins/trace(i32,i32,f64,f64,f64,f64,f64)",
                "env.~lib/builtins/seed() f64",
            ]
        );
        assert_eq!(&*definitions[0].export_names()[0], "abort");
    }
}
