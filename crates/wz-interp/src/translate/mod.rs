//! The translator: a function's operators to bytecode, in one pass.
//!
//! # Slots
//! A frame is: parameters (results are returned in their place), header, other locals, operands.
//! Every place on the operand stack has slots of its own, its *home*, given by its height; a
//! value is in its home, in a local that has not been written since, a constant, or in an
//! accumulator. An instruction that leaves a value in an accumulator has a variant that writes a
//! slot too. The translator emits the first; when the accumulator is needed for something else,
//! it replaces the instruction by the second. So values that are used soon never touch memory.
//!
//! # Control
//! Where branches meet, values are in their homes and accumulators hold nothing. Locals on the
//! operand stack are copied to their homes when a construct is entered, because what is in it may
//! write them on some ways and not on others. A local that is written while it is on the stack
//! outside of constructs is found through a list of its places, not by looking through the stack.
//!
//! # Wide frames
//! Operands are slots of 16 bits. A function that needs more is translated again with a few slots
//! that operands in far slots are copied to and results from.

mod address;
mod builder;
mod calls;
mod control;
mod dump;
mod emitter;
mod function;
mod locals;
mod numbers;
mod operands;
mod probes;
mod storage;
mod value;
mod vectors;

use std::sync::Arc;

use wz_core::CodeListing;
use wz_core::engine::CompileOptions;
use wz_core::probes::FunctionProbes;
use wz_decode::{ModuleInfo, WalkOptions, walk};

use crate::code::{Code, FunctionSlot};
pub(crate) use emitter::pair;
use function::Translator;

/// What to translate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    /// The module.
    pub(crate) info: &'a Arc<ModuleInfo>,
    /// How.
    pub(crate) options: &'a CompileOptions,
    /// The slots of the module's functions.
    pub(crate) slots: &'a [FunctionSlot],
    /// The function's index, imports included.
    pub(crate) function: u32,
    /// Whether listeners are told.
    pub(crate) is_listened: bool,
    /// Whether the code is for instances of another engine.
    pub(crate) is_mixed: bool,
    /// The function's probes.
    pub(crate) probes: Option<&'a Arc<FunctionProbes>>,
    /// Whether to record instructions for a dump.
    pub(crate) dump: bool,
}

/// Translates a function.
pub(crate) fn translate(request: &Request<'_>) -> Code {
    finished(request).code
}

/// Translates a function and gives its text.
pub(crate) fn dump(request: &Request<'_>) -> String {
    dump::dump(&finished(request))
}

/// Translates a function and gives its instructions as text.
pub(crate) fn listing(request: &Request<'_>) -> CodeListing {
    dump::listing(&finished(request))
}

fn finished(request: &Request<'_>) -> function::Finished {
    for wide in [false, true] {
        let mut translator = Translator::new(request, wide);
        walk(request.info, request.function, &WalkOptions { fuel: request.options.fuel }, &mut translator);
        if let Some(finished) = translator.finish() {
            return finished;
        }
    }
    unreachable!("wide frames have room for every function")
}
