//! `wz trace`: runs a program and logs its calls.

mod event;
mod listener;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::Arc;

use crate::args::TraceArgs;
use crate::escape::escape;
use crate::report::{Failure, note};
use crate::session;
use listener::{Filter, Options, Trace};

/// Runs a program and gives the process's exit status.
///
/// # Errors
/// What prevented or ended the run, unless the program ended itself; a log that cannot be written.
pub(crate) fn trace(arguments: &TraceArgs) -> Result<i32, Failure> {
    let writer: Box<dyn Write + Send> = match &arguments.output {
        None => Box::new(std::io::stderr()),
        Some(path) => {
            let file = File::create(path).map_err(|error| {
                Failure::setup(format!("cannot write to {}: {error}", escape(&path.to_string_lossy())))
            })?;
            Box::new(BufWriter::new(file))
        }
    };
    let options = Options {
        filter: Filter { patterns: arguments.functions.clone(), host_only: arguments.host },
        times: arguments.times,
        format: arguments.format,
        // A log on standard error stays in order with what the program writes there.
        flushes_lines: arguments.output.is_none(),
    };
    let trace = Arc::new(Trace::new(writer, options));
    let outcome = session::run(&arguments.session, Some(trace.clone()));
    // A run that did not come to that had no functions at all.
    if outcome.is_ok() && !trace.is_attached() {
        note("no function is logged: none matches --functions and --host");
    }
    match (trace.finish(), &arguments.output) {
        (Err(error), Some(path)) => {
            let note = format!("the log in {} is incomplete: {error}", escape(&path.to_string_lossy()));
            Err(match outcome {
                Ok(_) => Failure::setup(note),
                Err(failure) => failure.with_note(note),
            })
        }
        _ => outcome,
    }
}
