//! Walks over the frames of a thread: [`StackWalk`] for listeners, and backtraces for errors.
//! Frames are asked of the engine one by one; nothing is walked that nobody asks for.

use wz_api::{Backtrace, BacktraceFrame, Error, ErrorKind, FunctionDefinition, SourceLocation};
use wz_experimental::{InternalFunction, ProgramCounter, StackIterator};

use crate::activation::Activation;
use crate::engine::{Frame, FrameCursor};
use crate::instance::Instance;

/// The frames of one activation: the host function on top, then the guest's.
struct Frames<'a> {
    activation: &'a Activation,
    host_given: bool,
    cursor: FrameCursor,
}

enum Either<'a> {
    Host(&'a FunctionDefinition),
    Guest(Frame),
}

impl<'a> Frames<'a> {
    fn new(activation: &'a Activation) -> Self {
        Self { activation, host_given: false, cursor: FrameCursor::default() }
    }

    fn next(&mut self) -> Option<Either<'a>> {
        if !std::mem::replace(&mut self.host_given, true)
            && let Some(host) = self.activation.host()
        {
            return Some(Either::Host(host.definition()));
        }
        // An activation without frames of the engine is one that calls a host function directly,
        // or one whose call has ended.
        if !self.activation.in_engine() {
            return None;
        }
        let engine = &self.activation.store().config().engine;
        engine.next_frame(self.activation, &mut self.cursor).map(Either::Guest)
    }
}

/// The instance that a frame is of.
fn instance_of<'a>(_: &'a Activation, frame: &Frame) -> &'a Instance {
    // SAFETY: an instance with a frame on the stack takes part in the call, so that it lives as
    // long as the activation.
    unsafe { Instance::of_context(frame.context) }
}

/// The frames of an activation, after those that an inner one had.
pub(crate) fn backtrace(activation: &Activation, inner: &[BacktraceFrame]) -> Backtrace {
    let mut list = inner.to_vec();
    let mut frames = Frames::new(activation);
    while let Some(frame) = frames.next() {
        list.push(match frame {
            Either::Host(definition) => BacktraceFrame::new(definition.clone(), None),
            Either::Guest(frame) => {
                let instance = instance_of(activation, &frame);
                let definition = instance.info().function_definition(frame.function);
                BacktraceFrame::new(definition, Some(frame.code_offset))
                    .with_symbols(instance.compiled().symbols().cloned())
            }
        });
    }
    Backtrace::new(list)
}

/// The instance that the innermost guest frame is of; the entered one if there is none.
pub(crate) fn innermost_instance(activation: &Activation) -> &Instance {
    let mut frames = Frames::new(activation);
    while let Some(frame) = frames.next() {
        if let Either::Guest(frame) = frame {
            return instance_of(activation, &frame);
        }
    }
    activation.instance()
}

/// Appends the frames of an activation to an error that passes through it.
pub(crate) fn extend_backtrace(error: &mut Error, activation: &Activation) {
    match error.kind_mut() {
        ErrorKind::Trap(error) => error.backtrace = backtrace(activation, error.backtrace.frames()),
        ErrorKind::Host(error) => {
            let inner = error.backtrace.as_ref().map_or(&[][..], Backtrace::frames);
            error.backtrace = Some(backtrace(activation, inner));
        }
        ErrorKind::Start { source, .. } => extend_backtrace(source, activation),
        _ => {}
    }
}

/// The exit code of the innermost instance in the guest's frames that is closed.
pub(crate) fn closed_instance(activation: &Activation) -> Option<u32> {
    let mut frames = Frames::new(activation);
    let mut last = std::ptr::null();
    while let Some(frame) = frames.next() {
        if let Either::Guest(frame) = frame
            && !std::ptr::eq(last, frame.context)
        {
            last = frame.context;
            let code = instance_of(activation, &frame).exit_code();
            if code.is_some() {
                return code;
            }
        }
    }
    None
}

/// The call stack as a listener sees it, from the function that is about to be called outwards
/// over all activations of the thread.
pub(crate) struct StackWalk<'a> {
    start: &'a Activation,
    /// The parameters of the first frame, if they are known better than by the engine.
    params: Option<&'a [u64]>,
    position: Position<'a>,
}

/// Where a walk is.
enum Position<'a> {
    /// Before the first frame: many listeners never look.
    Start,
    /// At a frame of this activation.
    At(Frames<'a>, Option<Current<'a>>),
    /// After the last one.
    End,
}

struct Current<'a> {
    definition: &'a FunctionDefinition,
    program_counter: ProgramCounter,
    params: Option<&'a [u64]>,
    instance: Option<&'a Instance>,
}

impl<'a> StackWalk<'a> {
    /// A walk whose first frame is that of a function with these parameters.
    pub(crate) fn new(activation: &'a Activation, params: &'a [u64]) -> Self {
        Self::of(activation, Some(params))
    }

    /// A walk from where the activation is, with the parameters of the first frame if these are
    /// known.
    pub(crate) fn of(activation: &'a Activation, params: Option<&'a [u64]>) -> Self {
        Self { start: activation, params, position: Position::Start }
    }

    fn current(&self) -> &Current<'a> {
        match &self.position {
            Position::At(_, Some(current)) => current,
            _ => panic!("`next` comes first, and has to give true"),
        }
    }
}

impl StackIterator for StackWalk<'_> {
    fn next(&mut self) -> bool {
        let first = matches!(self.position, Position::Start);
        if first {
            self.position = Position::At(Frames::new(self.start), None);
        }
        let Position::At(frames, current) = &mut self.position else { return false };
        let frame = loop {
            if let Some(frame) = frames.next() {
                break frame;
            }
            let Some(parent) = frames.activation.parent() else {
                self.position = Position::End;
                return false;
            };
            *frames = Frames::new(parent);
        };
        let known = if first { self.params } else { None };
        *current = Some(match frame {
            Either::Host(definition) => {
                Current { definition, program_counter: ProgramCounter(0), params: known, instance: None }
            }
            Either::Guest(frame) => {
                let instance = instance_of(frames.activation, &frame);
                let definition = instance.info().function_definition_ref(frame.function);
                let slots = definition.ty().param_slots();
                // SAFETY: the engine gives the parameters' slots of a frame that is there for as long
                // as the walk, and the guest does not run meanwhile.
                let own = frame.params.map(|params| unsafe { std::slice::from_raw_parts(params, slots) });
                let program_counter = ProgramCounter(frame.program_counter);
                Current { definition, program_counter, params: known.or(own), instance: Some(instance) }
            }
        });
        true
    }

    fn function(&self) -> &dyn InternalFunction {
        self.current()
    }

    fn program_counter(&self) -> ProgramCounter {
        self.current().program_counter
    }

    fn parameters(&self) -> Option<&[u64]> {
        self.current().params
    }

    fn reset(&mut self) {
        self.position = Position::Start;
    }
}

impl InternalFunction for Current<'_> {
    fn definition(&self) -> &FunctionDefinition {
        self.definition
    }

    fn source_offset_for_pc(&self, pc: ProgramCounter) -> u64 {
        let offset = self.instance.and_then(|instance| instance.code().code_offset(pc.0));
        offset.unwrap_or_default().into()
    }

    fn source_locations_for_pc(&self, pc: ProgramCounter) -> Vec<SourceLocation> {
        let Some(instance) = self.instance else { return Vec::new() };
        let known = instance.compiled().symbols().zip(instance.code().code_offset(pc.0));
        known.map(|(symbols, offset)| symbols.locations(offset)).unwrap_or_default()
    }
}
