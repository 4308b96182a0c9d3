//! [`Trace`]: makes the listeners that log calls.

use std::collections::HashMap;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use wz::experimental::logging::CallFormat;
use wz::experimental::{FunctionListener, FunctionListenerFactory, StackIterator};
use wz::{Context, Error, FunctionDefinition, Module};

use super::event::Event;
use crate::args::TraceFormat;
use crate::escape::escape;
use crate::glob;

/// What is logged, and how.
pub(super) struct Options {
    pub(super) filter: Filter,
    pub(super) times: bool,
    pub(super) format: TraceFormat,
    pub(super) flushes_lines: bool,
}

/// Which functions are logged. The others carry no trace of that.
pub(super) struct Filter {
    /// One of these fits; if there are none, all do.
    pub(super) patterns: Vec<String>,
    pub(super) host_only: bool,
}

impl Filter {
    fn accepts(&self, definition: &FunctionDefinition) -> bool {
        let names = [definition.debug_name(), definition.name()];
        let exports = definition.export_names().iter().map(|name| &**name);
        let fits = |pattern: &String| {
            let mut names = names.iter().copied().chain(exports.clone());
            names.any(|name| glob::matches(pattern, name))
        };
        (!self.host_only || definition.is_host_function())
            && (self.patterns.is_empty() || self.patterns.iter().any(fits))
    }
}

/// A log in the making.
pub(super) struct Trace {
    log: Arc<Log>,
    filter: Filter,
    /// Whether any function is logged.
    attached: AtomicBool,
}

struct Log {
    times: bool,
    format: TraceFormat,
    flushes_lines: bool,
    /// Whether a line could not be written: whoever read the log is gone, or there is no more room. The
    /// program goes on without being logged.
    has_failed: AtomicBool,
    state: Mutex<State>,
}

struct State {
    writer: Box<dyn Write + Send>,
    /// The line that is being written.
    line: String,
    /// The first error in writing.
    failed: Option<std::io::Error>,
    threads: HashMap<ThreadId, Thread>,
}

struct Thread {
    number: usize,
    calls: Vec<Call>,
}

/// A call in flight.
struct Call {
    start: Option<Instant>,
    /// The parameters, if the results are shown by them.
    params: Box<[u64]>,
}

impl Trace {
    pub(super) fn new(writer: Box<dyn Write + Send>, options: Options) -> Self {
        let Options { filter, times, format, flushes_lines } = options;
        let state = Mutex::new(State { writer, line: String::new(), failed: None, threads: HashMap::new() });
        let has_failed = AtomicBool::new(false);
        Self {
            log: Arc::new(Log { times, format, flushes_lines, has_failed, state }),
            filter,
            attached: AtomicBool::new(false),
        }
    }

    /// Whether any function is logged.
    pub(super) fn is_attached(&self) -> bool {
        self.attached.load(Ordering::Relaxed)
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// The first error in writing.
    pub(super) fn finish(&self) -> std::io::Result<()> {
        let mut state = self.log.state();
        let flushed = state.writer.flush();
        state.failed.take().map_or(flushed, Err)
    }
}

impl FunctionListenerFactory for Trace {
    fn new_function_listener(&self, definition: &FunctionDefinition) -> Option<Arc<dyn FunctionListener>> {
        if !self.filter.accepts(definition) {
            return None;
        }
        self.attached.store(true, Ordering::Relaxed);
        Some(Arc::new(Listener {
            log: self.log.clone(),
            function: escape(definition.debug_name()),
            format: CallFormat::new(definition),
        }))
    }
}

impl Log {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    fn write(&self, state: &mut State, function: &str, event: &Event<'_>) {
        let State { writer, line, failed, .. } = state;
        line.clear();
        match self.format {
            TraceFormat::Text => event.write_text(function, line),
            TraceFormat::Json => event.write_json(line),
        }
        let written = writer.write_all(line.as_bytes());
        let written = if self.flushes_lines { written.and_then(|()| writer.flush()) } else { written };
        if let Err(error) = written {
            failed.get_or_insert(error);
            self.has_failed.store(true, Ordering::Relaxed);
        }
    }
}

impl State {
    fn thread(&mut self) -> &mut Thread {
        let number = self.threads.len();
        self.threads
            .entry(std::thread::current().id())
            .or_insert_with(|| Thread { number, calls: Vec::new() })
    }
}

struct Listener {
    log: Arc<Log>,
    /// The function's name, escaped.
    function: String,
    format: CallFormat,
}

impl Listener {
    /// Ends the innermost call of this thread: its time and parameters.
    fn end<'a>(&self, event: impl FnOnce(&[u64]) -> Event<'a>) {
        let now = self.log.times.then(Instant::now);
        if self.log.has_failed() {
            return;
        }
        let mut state = self.log.state();
        let thread = state.thread();
        let Some(Call { start, params }) = thread.calls.pop() else { return };
        let time: Option<Duration> = now.zip(start).map(|(now, start)| now.saturating_duration_since(start));
        let (number, depth) = (thread.number, thread.calls.len());
        self.log.write(&mut state, &self.function, &event(&params).at(number, depth, time));
    }
}

impl FunctionListener for Listener {
    fn before(
        &self,
        _: &Context,
        module: &Module,
        definition: &FunctionDefinition,
        params: &[u64],
        _: &mut dyn StackIterator,
    ) -> Option<Context> {
        if self.log.has_failed() {
            return None;
        }
        let event = Event::call(definition, self.format.params(module, params));
        let kept = if self.format.results_need_params() { params } else { &[] };
        let mut state = self.log.state();
        let thread = state.thread();
        let (number, depth) = (thread.number, thread.calls.len());
        thread.calls.push(Call { start: None, params: kept.into() });
        self.log.write(&mut state, &self.function, &event.at(number, depth, None));
        // The time begins last: writing is not the call's doing.
        if let Some(call) = state.thread().calls.last_mut() {
            call.start = self.log.times.then(Instant::now);
        }
        None
    }

    fn after(&self, _: &Context, module: &Module, definition: &FunctionDefinition, results: &[u64]) {
        self.end(|params| Event::returned(definition, self.format.results(module, params, results)));
    }

    fn abort(&self, _: &Context, _: &Module, definition: &FunctionDefinition, error: &Error) {
        self.end(|_| Event::abort(definition, error));
    }

    fn tail_call(&self, _: &Context, _: &Module, definition: &FunctionDefinition) {
        self.end(|_| Event::tail_call(definition));
    }
}
