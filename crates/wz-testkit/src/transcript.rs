//! [`Transcript`]: every event of listeners as text, to compare engines by.

use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use wz::experimental::{
    FunctionListener, FunctionListenerFactory, StackIterator, with_function_listener_factory,
};
use wz::{Context, Error, ErrorKind, FunctionDefinition, Module, Trap, ValueType};

use crate::differential::hash;

/// How many frames of the stack each `before` looks at.
const FRAMES: usize = 6;

/// How many lines of a call of the host are kept as text.
const LINES: usize = 200;

/// How many events of a call of the host are looked at; more are only counted.
const EVENTS: u64 = 20_000;

/// Writes down the events of all functions: order, functions, parameters, results, offsets of calls and traps. Of very
/// long calls the rest is only counted.
///
/// Calls of the host that end with the stack's overflow are noted as that alone, because engines
/// need not share the depth.
#[derive(Clone, Default)]
pub struct Transcript(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    calls: Vec<CallRecord>,
    current: CallRecord,
    depth: usize,
}

/// A call of the host.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CallRecord {
    /// The first events.
    pub lines: Vec<String>,
    /// How many there were.
    pub events: u64,
    /// The hash of all of them.
    pub hash: u64,
}

impl fmt::Debug for CallRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} events, {:x}:", self.events, self.hash)?;
        self.lines.iter().try_for_each(|line| write!(f, "\n    {line}"))
    }
}

impl Transcript {
    /// A context in which all functions are written down.
    #[must_use]
    pub fn context(&self, cx: &Context) -> Context {
        with_function_listener_factory(cx, Arc::new(self.clone()))
    }

    /// What was written down since the last time, one record for each call of the host.
    #[must_use]
    pub fn take(&self) -> Vec<CallRecord> {
        std::mem::take(&mut self.state().calls)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, line: impl FnOnce() -> String, overflow: bool) {
        let mut state = self.state();
        state.add(line);
        state.depth = state.depth.saturating_sub(1);
        if state.depth == 0 {
            let mut record = std::mem::take(&mut state.current);
            if overflow {
                record = CallRecord { lines: vec!["stack overflow".into()], ..CallRecord::default() };
            }
            state.calls.push(record);
        }
    }
}

impl State {
    fn add(&mut self, line: impl FnOnce() -> String) {
        let record = &mut self.current;
        record.events += 1;
        if record.events > EVENTS {
            return;
        }
        let line = line();
        record.hash = hash(line.as_bytes()).wrapping_add(record.hash.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        if record.lines.len() < LINES {
            record.lines.push(line);
        }
    }
}

impl FunctionListenerFactory for Transcript {
    fn new_function_listener(&self, _: &FunctionDefinition) -> Option<Arc<dyn FunctionListener>> {
        Some(Arc::new(self.clone()))
    }
}

impl FunctionListener for Transcript {
    fn before(
        &self,
        _: &Context,
        _: &Module,
        definition: &FunctionDefinition,
        params: &[u64],
        stack: &mut dyn StackIterator,
    ) -> Option<Context> {
        let mut state = self.state();
        state.depth += 1;
        state.add(|| {
            let mut line =
                format!("> {}{}", definition.debug_name(), Words(definition.param_types(), params));
            for _ in 0..FRAMES {
                if !stack.next() {
                    break;
                }
                let function = stack.function();
                let offset = function.source_offset_for_pc(stack.program_counter());
                let _ = write!(line, " {}@{offset}", function.definition().index());
            }
            line
        });
        None
    }

    fn after(&self, _: &Context, _: &Module, definition: &FunctionDefinition, results: &[u64]) {
        let results = Words(definition.result_types(), results);
        self.end(|| format!("< {}{results}", definition.debug_name()), false);
    }

    fn abort(&self, _: &Context, _: &Module, definition: &FunctionDefinition, error: &Error) {
        let trap = error.trap();
        let reason = || trap.map_or_else(|| error.to_string(), |trap| trap.to_string());
        let line = || format!("! {} {}{}", definition.debug_name(), reason(), Site(error));
        self.end(line, trap == Some(Trap::StackOverflow));
    }

    fn tail_call(&self, _: &Context, _: &Module, definition: &FunctionDefinition) {
        self.end(|| format!("~ {}", definition.debug_name()), false);
    }
}

impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transcript").finish_non_exhaustive()
    }
}

/// Where a trap happened: the innermost frames.
struct Site<'a>(&'a Error);

impl fmt::Display for Site<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ErrorKind::Trap(trap) = self.0.kind() else { return Ok(()) };
        let frames = trap.backtrace.frames().iter().take(FRAMES);
        for frame in frames {
            write!(f, " {}@{}", frame.definition.index(), frame.code_offset.unwrap_or_default())?;
        }
        Ok(())
    }
}

/// Values of types. Of references it is only said whether they are null: the words are the
/// engine's.
struct Words<'a>(&'a [ValueType], &'a [u64]);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        let mut at = 0;
        for ty in self.0 {
            let words = &self.1[at..at + ty.slots()];
            at += words.len();
            match ty {
                ValueType::FuncRef | ValueType::ExternRef => write!(f, " {}", words[0] != 0)?,
                _ => words.iter().try_for_each(|word| write!(f, " {word:x}"))?,
            }
        }
        if at != self.1.len() {
            write!(f, " and {} words more", self.1.len() - at)?;
        }
        f.write_str(")")
    }
}
