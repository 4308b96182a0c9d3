//! Stacks made of frames, for testing and measuring listeners: [`StackFrame`],
//! [`new_stack_iterator`] and [`benchmark_function_listener`].

use wz_api::{Context, Error, Function, FunctionDefinition, Module, Result};

use crate::listener::FunctionListener;
use crate::stack::{InternalFunction, ProgramCounter, StackIterator};

/// A frame for [`new_stack_iterator`] and [`benchmark_function_listener`].
#[derive(Clone, Debug)]
pub struct StackFrame {
    /// The function.
    pub function: Function,
    /// Its parameters as words.
    pub params: Vec<u64>,
    /// Its results as words.
    pub results: Vec<u64>,
    /// The program counter.
    pub program_counter: ProgramCounter,
    /// What the program counter resolves to.
    pub source_offset: u64,
}

impl InternalFunction for StackFrame {
    fn definition(&self) -> &FunctionDefinition {
        self.function.definition()
    }

    fn source_offset_for_pc(&self, pc: ProgramCounter) -> u64 {
        if pc == self.program_counter { self.source_offset } else { 0 }
    }
}

/// An iterator over frames, of which the last one is the top of the stack.
#[must_use]
pub fn new_stack_iterator(frames: &[StackFrame]) -> impl StackIterator {
    Frames { frames, left: frames.len(), started: false }
}

struct Frames<'a> {
    frames: &'a [StackFrame],
    /// How many frames are at or below the current one.
    left: usize,
    started: bool,
}

impl Frames<'_> {
    fn current(&self) -> &StackFrame {
        assert!(self.started && self.left > 0, "`next` comes first, and has to give true");
        &self.frames[self.left - 1]
    }
}

impl StackIterator for Frames<'_> {
    fn next(&mut self) -> bool {
        if std::mem::replace(&mut self.started, true) {
            self.left = self.left.saturating_sub(1);
        }
        self.left > 0
    }

    fn function(&self) -> &dyn InternalFunction {
        self.current()
    }

    fn program_counter(&self) -> ProgramCounter {
        self.current().program_counter
    }

    fn parameters(&self) -> Option<&[u64]> {
        Some(&self.current().params)
    }

    fn reset(&mut self) {
        (self.left, self.started) = (self.frames.len(), false);
    }
}

/// Calls `before` and `after` of a listener `n` times, with a call stack of which the frame at
/// index 0 is the top: the call that the listener is told of. For measuring listeners.
///
/// # Errors
/// If the stack is empty.
pub fn benchmark_function_listener(
    n: usize,
    module: &Module,
    stack: &[StackFrame],
    listener: &dyn FunctionListener,
) -> Result<()> {
    let Some(top) = stack.first() else {
        return Err(Error::argument("the stack must contain at least one frame"));
    };
    let frames: Vec<StackFrame> = stack.iter().rev().cloned().collect();
    let mut iterator = new_stack_iterator(&frames);
    let (cx, definition) = (Context::background(), top.function.definition());
    for _ in 0..n {
        iterator.reset();
        let derived = listener.before(&cx, module, definition, &top.params, &mut iterator);
        listener.after(derived.as_ref().unwrap_or(&cx), module, definition, &top.results);
    }
    Ok(())
}
