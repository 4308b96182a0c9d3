//! [`LoggingListenerFactory`]: makes the listeners that write the log.

use std::collections::HashMap;
use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

use wz_api::{Context, Error, FunctionDefinition, Module};

use super::format::{CallFormat, Field};
use super::{LogScopes, push_escaped, wasi};
use crate::listener::{FunctionListener, FunctionListenerFactory};
use crate::stack::StackIterator;

/// Makes listeners that log calls: `-->` and `<--` for functions of guests, `==>` and `<==` for
/// those of the host, one tab per nesting. An aborted call has no second line.
///
/// Each line is written at once; what cannot be written is lost. Lines of several threads do not
/// mix, and each thread's calls are nested by themselves.
pub struct LoggingListenerFactory {
    log: Arc<Log>,
    /// `None`: every function that has a name.
    host_scopes: Option<LogScopes>,
}

impl LoggingListenerFactory {
    /// Logs all functions that have a name.
    pub fn new(writer: impl Write + Send + 'static) -> Self {
        Self { log: Log::new(Box::new(writer)), host_scopes: None }
    }

    /// Logs what crosses the boundary to the host: the host's functions of these subjects, and with
    /// [`LogScopes::ALL`] the functions that guests export too. Output to the console (`fd_write`
    /// to descriptors 0 to 2) is not logged: it is seen already.
    pub fn host(writer: impl Write + Send + 'static, scopes: LogScopes) -> Self {
        Self { log: Log::new(Box::new(writer)), host_scopes: Some(scopes) }
    }

    fn is_logged(&self, definition: &FunctionDefinition) -> bool {
        let Some(scopes) = self.host_scopes else { return !definition.name().is_empty() };
        let at_the_boundary = definition.is_host_function() || !definition.export_names().is_empty();
        at_the_boundary && scopes != LogScopes::NONE && scopes.contains(LogScopes::of(definition))
    }
}

impl FunctionListenerFactory for LoggingListenerFactory {
    fn new_function_listener(&self, definition: &FunctionDefinition) -> Option<Arc<dyn FunctionListener>> {
        if !self.is_logged(definition) {
            return None;
        }
        let (into, out_of) = if definition.is_host_function() { ("==>", "<==") } else { ("-->", "<--") };
        let mut before = format!("{into} ");
        push_escaped(&mut before, definition.debug_name());
        let skips_console =
            self.host_scopes.is_some() && wasi::is_wasi(definition) && definition.name() == "fd_write";
        let format = CallFormat::new(definition);
        Some(Arc::new(Listener { log: self.log.clone(), before, after: out_of, format, skips_console }))
    }
}

impl fmt::Debug for LoggingListenerFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoggingListenerFactory")
            .field("host_scopes", &self.host_scopes)
            .finish_non_exhaustive()
    }
}

/// Where the lines go, and the calls in flight.
struct Log(Mutex<LogState>);

struct LogState {
    writer: Box<dyn Write + Send>,
    /// The listened calls in flight of each thread that has any.
    calls: HashMap<ThreadId, Vec<Call>>,
}

/// A call in flight.
struct Call {
    /// How many logged calls are around it; `None` if it is not logged itself.
    depth: Option<usize>,
    /// The parameters, if the results are shown by them.
    params: Box<[u64]>,
}

impl Log {
    fn new(writer: Box<dyn Write + Send>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(LogState { writer, calls: HashMap::new() })))
    }

    fn state(&self) -> MutexGuard<'_, LogState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogState {
    /// Begins a call and gives its depth.
    fn push(&mut self, is_logged: bool, params: Box<[u64]>) -> usize {
        let calls = self.calls.entry(std::thread::current().id()).or_default();
        let depth = calls.iter().rev().find_map(|call| call.depth).map_or(0, |depth| depth + 1);
        calls.push(Call { depth: is_logged.then_some(depth), params });
        depth
    }

    /// Ends the innermost call of this thread.
    fn pop(&mut self) -> Option<Call> {
        let thread = std::thread::current().id();
        let calls = self.calls.get_mut(&thread)?;
        let call = calls.pop();
        if calls.is_empty() {
            self.calls.remove(&thread);
        }
        call
    }

    fn write(&mut self, depth: usize, line: &str) {
        let mut text = String::with_capacity(depth + line.len() + 1);
        text.extend(std::iter::repeat_n('\t', depth));
        text.push_str(line);
        text.push('\n');
        // Nobody is there to be told if this fails.
        let _ = self.writer.write_all(text.as_bytes()).and_then(|()| self.writer.flush());
    }
}

struct Listener {
    log: Arc<Log>,
    /// The arrow and the function's name.
    before: String,
    /// The other arrow.
    after: &'static str,
    format: CallFormat,
    /// Whether calls whose first parameter is a standard stream are left out.
    skips_console: bool,
}

impl FunctionListener for Listener {
    fn before(
        &self,
        _: &Context,
        module: &Module,
        _: &FunctionDefinition,
        params: &[u64],
        _: &mut dyn StackIterator,
    ) -> Option<Context> {
        let is_logged = !(self.skips_console && params.first().is_some_and(|fd| *fd <= 2));
        let kept = if self.format.results_need_params() { params } else { &[] };
        let line =
            is_logged.then(|| format!("{}({})", self.before, list(&self.format.params(module, params))));
        let mut state = self.log.state();
        let depth = state.push(is_logged, kept.into());
        if let Some(line) = line {
            state.write(depth, &line);
        }
        None
    }

    fn after(&self, _: &Context, module: &Module, _: &FunctionDefinition, results: &[u64]) {
        let Some(Call { depth: Some(depth), params }) = self.log.state().pop() else { return };
        let fields = self.format.results(module, &params, results);
        let line = match &fields[..] {
            [] => self.after.to_owned(),
            [_] => format!("{} {}", self.after, list(&fields)),
            _ => format!("{} ({})", self.after, list(&fields)),
        };
        self.log.state().write(depth, &line);
    }

    fn abort(&self, _: &Context, _: &Module, _: &FunctionDefinition, _: &Error) {
        self.log.state().pop();
    }

    fn tail_call(&self, _: &Context, _: &Module, _: &FunctionDefinition) {
        let mut state = self.log.state();
        if let Some(Call { depth: Some(depth), .. }) = state.pop() {
            state.write(depth, self.after);
        }
    }
}

/// `name=text` separated by commas, only `text` where there is no name.
fn list(fields: &[Field<'_>]) -> String {
    let mut text = String::new();
    for (position, field) in fields.iter().enumerate() {
        if position > 0 {
            text.push(',');
        }
        if !field.name.is_empty() {
            push_escaped(&mut text, field.name);
            text.push('=');
        }
        text.push_str(&field.text);
    }
    text
}
