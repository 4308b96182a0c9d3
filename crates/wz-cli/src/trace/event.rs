//! [`Event`]: a line of the log, as text or as JSON. Its fields are the members of the JSON.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;
use wz::experimental::logging::Field;
use wz::{Error, ErrorKind, FunctionDefinition};

use crate::escape::{escape, escape_json};

/// How far lines are indented at most: a log of a deep recursion would grow with the square of its depth.
/// What is deeper has its depth as a number.
const MAX_INDENT: usize = 50;

/// What happened to a call.
#[derive(Debug, Serialize)]
pub(super) struct Event<'a> {
    event: Kind,
    /// How many logged calls of this thread are around it.
    depth: usize,
    /// The thread, counted from 0 in order of first calls.
    thread: usize,
    /// `module.name`, or `module.$index`.
    function: &'a str,
    /// The index in its own module.
    index: u32,
    /// Whether the function is the host's.
    host: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<Vec<Item<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    results: Option<Vec<Item<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nanoseconds: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Call,
    Return,
    TailCall,
    Abort,
}

/// A parameter or result: a value of a type, or what a value means. Values are texts, because JSON
/// has no 64-bit integers and no NaN.
#[derive(Debug, Serialize)]
struct Item<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    ty: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<String>,
}

impl<'a> Item<'a> {
    fn of(field: Field<'a>) -> Self {
        let Field { name, ty, text } = field;
        match ty {
            Some(ty) => Self { name, ty: Some(ty.name()), value: Some(text), meaning: None },
            None => Self { name, ty: None, value: None, meaning: Some(text) },
        }
    }

    fn write(&self, text: &mut String) {
        let name = escape(self.name);
        let _ = match (self.name, self.ty, &self.value, &self.meaning) {
            ("", Some(ty), Some(value), _) => write!(text, "{ty} {value}"),
            (_, Some(ty), Some(value), _) => write!(text, "{name}: {ty} = {value}"),
            ("", _, _, Some(meaning)) => write!(text, "{meaning}"),
            (_, _, _, meaning) => write!(text, "{name}={}", meaning.as_deref().unwrap_or_default()),
        };
    }
}

impl<'a> Event<'a> {
    pub(super) fn call(definition: &'a FunctionDefinition, params: Vec<Field<'a>>) -> Self {
        Self { params: Some(items(params)), ..Self::new(Kind::Call, definition) }
    }

    pub(super) fn returned(definition: &'a FunctionDefinition, results: Vec<Field<'a>>) -> Self {
        Self { results: Some(items(results)), ..Self::new(Kind::Return, definition) }
    }

    pub(super) fn tail_call(definition: &'a FunctionDefinition) -> Self {
        Self::new(Kind::TailCall, definition)
    }

    pub(super) fn abort(definition: &'a FunctionDefinition, error: &Error) -> Self {
        Self { reason: Some(reason(error)), ..Self::new(Kind::Abort, definition) }
    }

    fn new(event: Kind, definition: &'a FunctionDefinition) -> Self {
        Self {
            event,
            depth: 0,
            thread: 0,
            function: definition.debug_name(),
            index: definition.index(),
            host: definition.is_host_function(),
            params: None,
            results: None,
            reason: None,
            nanoseconds: None,
        }
    }

    /// Says where it happened and how long the call took.
    pub(super) fn at(mut self, thread: usize, depth: usize, time: Option<Duration>) -> Self {
        self.thread = thread;
        self.depth = depth;
        self.nanoseconds = time.map(|time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        self
    }

    /// Writes the line for people, with the escaped name of the function; calls of other threads than the
    /// first say so.
    pub(super) fn write_text(&self, function: &str, text: &mut String) {
        if self.thread > 0 {
            let _ = write!(text, "[{}] ", self.thread);
        }
        text.extend(std::iter::repeat_n("  ", self.depth.min(MAX_INDENT)));
        if self.depth > MAX_INDENT {
            let _ = write!(text, "{}: ", self.depth);
        }
        text.push_str(match (self.event, self.host) {
            (Kind::Call, false) => "--> ",
            (Kind::Call, true) => "==> ",
            (Kind::Abort, false) => "<-x",
            (Kind::Abort, true) => "<=x",
            (_, false) => "<--",
            (_, true) => "<==",
        });
        match self.event {
            Kind::Call => {
                text.push_str(function);
                text.push('(');
                write_items(text, self.params.as_deref().unwrap_or_default());
                text.push(')');
            }
            Kind::Return => match self.results.as_deref().unwrap_or_default() {
                [] => {}
                [one] => {
                    text.push(' ');
                    one.write(text);
                }
                several => {
                    text.push_str(" (");
                    write_items(text, several);
                    text.push(')');
                }
            },
            Kind::TailCall => text.push_str(" tail call"),
            Kind::Abort => _ = write!(text, " {}", escape(self.reason.as_deref().unwrap_or_default())),
        }
        if let Some(nanoseconds) = self.nanoseconds {
            let _ = write!(text, " [{:?}]", Duration::from_nanos(nanoseconds));
        }
        text.push('\n');
    }

    /// Writes the line as JSON.
    pub(super) fn write_json(&self, text: &mut String) {
        // Nothing in it can fail to be written: no maps, no numbers that JSON has not.
        text.push_str(&escape_json(&serde_json::to_string(self).unwrap_or_default()));
        text.push('\n');
    }
}

fn items(fields: Vec<Field<'_>>) -> Vec<Item<'_>> {
    fields.into_iter().map(Item::of).collect()
}

fn write_items(text: &mut String, items: &[Item<'_>]) {
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            text.push_str(", ");
        }
        item.write(text);
    }
}

/// Why a call did not return, without a stack trace: the log is one.
fn reason(error: &Error) -> String {
    match error.kind() {
        ErrorKind::Trap(trap) => format!("wasm error: {}", trap.trap),
        ErrorKind::Host(host) => host.source.to_string(),
        ErrorKind::Start { source, .. } => reason(source),
        _ => error.to_string(),
    }
}
