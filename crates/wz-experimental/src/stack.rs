//! Call stacks: [`StackIterator`], [`InternalFunction`] and [`ProgramCounter`].

use wz_api::{FunctionDefinition, SourceLocation};

/// Where in the code of a module something happens; opaque. For
/// [`InternalFunction::source_offset_for_pc`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProgramCounter(pub u64);

impl std::fmt::Display for ProgramCounter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What is known of a function on a stack.
pub trait InternalFunction {
    /// Its names and signature.
    fn definition(&self) -> &FunctionDefinition;

    /// The offset in the body of the module's Code section for a program counter of this
    /// function. 0 for host functions.
    fn source_offset_for_pc(&self, pc: ProgramCounter) -> u64;

    /// The places in the source code that a program counter of this function comes from, by the
    /// module's DWARF: the innermost inlined function first, this one last. Empty if it is unknown.
    fn source_locations_for_pc(&self, pc: ProgramCounter) -> Vec<SourceLocation> {
        let _ = pc;
        Vec::new()
    }
}

/// Iterates over the functions of a call stack from the top, the called function first.
/// [`next`](Self::next) comes before everything else.
pub trait StackIterator {
    /// Moves to the next function; false at the bottom of the stack.
    fn next(&mut self) -> bool;

    /// The current function.
    ///
    /// # Panics
    /// If `next` was not called or gave false.
    fn function(&self) -> &dyn InternalFunction;

    /// Where in the current function the stack goes on.
    fn program_counter(&self) -> ProgramCounter;

    /// The current function's parameters as words, where the engine still has them: always for
    /// the first function. They may have been assigned to since the call.
    fn parameters(&self) -> Option<&[u64]>;

    /// Starts over.
    fn reset(&mut self);
}
