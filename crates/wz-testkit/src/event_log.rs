//! [`EventLog`]: a listener that writes down what it is told, a line each.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wz::experimental::{FunctionListener, FunctionListenerFactory, StackIterator};
use wz::{Context, Error, FunctionDefinition, Module};

/// Writes down events: `> name[params]`, `< name[results]`, `! name trap`, `~ name` for tail calls. Clones
/// share the lines.
#[derive(Clone, Debug, Default)]
pub struct EventLog {
    lines: Arc<Mutex<Vec<String>>>,
    frames: bool,
}

impl EventLog {
    /// One that notes the frames too when a function begins: ` index@offset` each.
    #[must_use]
    pub fn with_frames() -> Self {
        Self { frames: true, ..Self::default() }
    }

    /// Adds a line.
    pub fn add(&self, line: impl Into<String>) {
        self.lines().push(line.into());
    }

    /// What was written since it was last taken.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines())
    }

    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FunctionListener for EventLog {
    fn before(
        &self,
        _: &Context,
        _: &Module,
        definition: &FunctionDefinition,
        params: &[u64],
        stack: &mut dyn StackIterator,
    ) -> Option<Context> {
        let mut line = format!("> {}{params:?}", definition.name());
        while self.frames && stack.next() {
            let offset = stack.function().source_offset_for_pc(stack.program_counter());
            let _ = write!(line, " {}@{offset}", stack.function().definition().index());
        }
        self.add(line);
        None
    }

    fn after(&self, _: &Context, _: &Module, definition: &FunctionDefinition, results: &[u64]) {
        self.add(format!("< {}{results:?}", definition.name()));
    }

    fn abort(&self, _: &Context, _: &Module, definition: &FunctionDefinition, error: &Error) {
        let trap = error.trap().map_or("", |trap| trap.message());
        self.add(format!("! {} {trap}", definition.name()));
    }

    fn tail_call(&self, _: &Context, _: &Module, definition: &FunctionDefinition) {
        self.add(format!("~ {}", definition.name()));
    }
}

/// Listens to every function.
impl FunctionListenerFactory for EventLog {
    fn new_function_listener(&self, _: &FunctionDefinition) -> Option<Arc<dyn FunctionListener>> {
        Some(Arc::new(self.clone()))
    }
}
