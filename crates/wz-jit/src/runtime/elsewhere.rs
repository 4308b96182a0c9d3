//! Functions that have no code run elsewhere: the calls between this engine and the one that runs
//! them. See [`wz_core::elsewhere`].
//!
//! A function that runs elsewhere has a frame on the guest's stack, that of the stub which slots lead
//! to. It begins a run, and does what its steps say: calls a function, resumes the run, returns.

use std::cell::Cell;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use wz_api::{Error, FunctionType, Trap};
use wz_core::elsewhere::{ElsewhereCall, ElsewhereModule, Step};
use wz_core::engine::{CompileOptions, Frame, FrameCursor, Raised, Unwalkable};
use wz_core::records::{FunctionRecord, InstanceContext};

use super::code_memory::CodeError;
use super::module::{JitModule, Version};
use super::native::{CALL, OK, RAISED, TAIL_CALL};
use super::state::{CallState, ELSEWHERE_CONTEXT, ELSEWHERE_FUNCTION, ELSEWHERE_RUN};
use super::stubs::ElsewhereStubs;
use super::thread::Thread;

/// What runs functions that have no code, and how.
#[derive(Clone, Debug)]
pub struct Elsewhere {
    /// The engine.
    pub engine: Arc<dyn wz_core::elsewhere::Elsewhere>,
    /// The options that functions are compiled with here.
    pub options: CompileOptions,
}

/// What tells a stub which function is called: the index among the defined ones, and in the upper half
/// whether it tells listeners itself.
#[derive(Clone, Copy)]
pub(super) struct Callee(u64);

impl Callee {
    pub(super) fn new(function: u32, version: Version) -> Self {
        Self(u64::from(version == Version::Listened) << 32 | u64::from(function))
    }

    pub(super) fn word(self) -> usize {
        self.0 as usize
    }

    fn function(self) -> u32 {
        self.0 as u32
    }

    fn is_listened(self) -> bool {
        self.0 >> 32 != 0
    }
}

/// A run, and what runs it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) module: *const dyn ElsewhereModule,
    pub(super) run: *const (),
}

/// The frame of a stub of functions that run elsewhere, by its frame pointer.
#[derive(Clone, Copy)]
pub(super) struct ElsewhereFrame(usize);

impl ElsewhereFrame {
    /// # Safety
    /// The frame pointer is that of such a stub, which has made its frame.
    pub(super) unsafe fn at(fp: usize) -> Self {
        Self(fp)
    }

    fn word<T>(self, offset: i32) -> *const Cell<T> {
        ptr::with_exposed_provenance(self.0.wrapping_add_signed(offset as isize))
    }

    fn run(&self) -> &Cell<*const ()> {
        // SAFETY: the frame has it, as whoever made this says.
        unsafe { &*self.word(ELSEWHERE_RUN) }
    }

    fn context(self) -> *const InstanceContext {
        // SAFETY: as above.
        unsafe { (*self.word(ELSEWHERE_CONTEXT)).get() }
    }

    fn callee(self) -> Callee {
        // SAFETY: as above.
        unsafe { (*self.word(ELSEWHERE_FUNCTION)).get() }
    }

    /// The module of the function.
    fn module<'a>(self) -> &'a JitModule {
        // SAFETY: the instance is one of this engine's, and lives while it has frames.
        unsafe { JitModule::of_context(self.context()) }
    }

    /// The run, and what runs it; none before it begins and after it is over. For signal handlers, too.
    pub(super) fn current_run<'a>(self) -> Option<(&'a dyn ElsewhereModule, *const ())> {
        let run = self.run().get();
        if run.is_null() {
            return None;
        }
        Some((self.module().known_elsewhere()?, run))
    }

    /// The same for what [`CallState::run`] keeps.
    pub(super) fn kept_run(self) -> Option<Run> {
        self.current_run().map(|(module, run)| Run { module: ptr::from_ref(module), run })
    }

    /// The next frame of the run.
    ///
    /// # Safety
    /// As for [`ElsewhereModule::next_frame`].
    pub(super) unsafe fn next_frame(self, cursor: &mut FrameCursor) -> Option<Frame> {
        let (module, run) = self.current_run()?;
        // SAFETY: as the caller says.
        unsafe { module.next_frame(run, cursor) }
    }

    /// Visits the frames of the run in a signal handler.
    ///
    /// # Errors
    /// If a function was not compiled for that.
    ///
    /// # Safety
    /// As for [`ElsewhereModule::walk_interrupted`].
    pub(super) unsafe fn walk_interrupted(self, visit: &mut dyn FnMut(&Frame)) -> Result<(), Unwalkable> {
        let Some((module, run)) = self.current_run() else { return Ok(()) };
        // SAFETY: as the caller says.
        unsafe { module.walk_interrupted(run, visit) }
    }
}

/// A guest calls a function that runs elsewhere; the stub's frame is complete. Gives a status; after
/// [`CALL`] and [`TAIL_CALL`] the call's state has what is to be called.
///
/// # Safety
/// The state is that of the running call, which the guest has left from such a stub, and the slots
/// hold the parameters and have room for the results.
pub(super) unsafe fn begin(state: &CallState, slots: *mut u64) -> u32 {
    // SAFETY: as the caller says.
    unsafe {
        step(state, |frame, module| {
            let (callee, activation, run) = (frame.callee(), state.activation(), frame.run());
            let (function, listened) = (callee.function(), callee.is_listened());
            let context = frame.context();
            module.begin(&ElsewhereCall { activation, context, function, listened, slots, run })
        })
    }
}

/// A function that the guest called as a run's step has returned.
///
/// # Safety
/// As for [`begin`], with the same frame.
pub(super) unsafe fn resume(state: &CallState) -> u32 {
    // SAFETY: as the caller says.
    unsafe {
        step(state, |frame, module| match state.restored.take() {
            Some(results) => module.resume_restored(frame.run().get(), results.as_ref()),
            None => module.resume(frame.run().get()),
        })
    }
}

/// # Safety
/// As for [`begin`].
#[inline(always)]
unsafe fn step(
    state: &CallState,
    step: impl FnOnce(ElsewhereFrame, &dyn ElsewhereModule) -> Result<Step, Raised>,
) -> u32 {
    // SAFETY: as the caller says.
    let (frame, activation) = unsafe { (ElsewhereFrame::at(state.exit_fp.get()), state.activation()) };
    let Some(module) = frame.module().elsewhere() else {
        activation.raise(Error::limit("a function has no code, and nothing else runs it"));
        return RAISED;
    };
    // Only a run that was not over may be the outermost.
    let before = frame.run().get();
    let result = step(frame, module);
    let run = Run { module, run: frame.run().get() };
    let next = match result {
        Ok(Step::Call { record, values }) => {
            if state.run.get().is_none() {
                state.run.set(Some(run));
            }
            // SAFETY: the record is a published one of a guest.
            unsafe { callee_of(record) }.map(|(_, stubs)| {
                state.next_values.set(values);
                (CALL, stubs.guest_call, record)
            })
        }
        Ok(Step::TailCall { record, arguments }) => {
            // SAFETY: as above; the arguments are as many as the function has parameters. This was the
            // run's last step, and it is the innermost.
            let next = unsafe {
                let next = callee_of(record).and_then(|(ty, stubs)| {
                    let kept = Thread::current().keep_arguments(arguments, ty.param_slots());
                    state.next_values.set(kept);
                    // What the guest's stack has to have room for.
                    let room = state.exit_sp.get() - (*state.stack).frames().start;
                    match stubs.tail_call_stack_bytes as usize <= room {
                        true => Ok((TAIL_CALL, stubs.tail_call, record)),
                        false => Err(Trap::StackOverflow.into()),
                    }
                });
                module.discard(run.run);
                next
            };
            over(state, run.run);
            next
        }
        Ok(Step::Returned) => {
            over(state, before);
            return OK;
        }
        Err(Raised) => {
            over(state, before);
            return RAISED;
        }
    };
    match next {
        Ok((status, stub, record)) => {
            state.next_stub.set(stub);
            state.next_record.set(record);
            status
        }
        Err(error) => {
            activation.raise(error);
            RAISED
        }
    }
}

/// The type of a function that a run calls, and the stubs for that.
///
/// # Errors
/// If there is no executable memory for the stubs.
///
/// # Safety
/// The record is published, of a guest's function whose instance is one of this engine's and lives.
unsafe fn callee_of<'a>(
    record: *const FunctionRecord,
) -> Result<(&'a FunctionType, &'a ElsewhereStubs), Error> {
    // SAFETY: as the caller says.
    let (module, index) = unsafe {
        (JitModule::of_context((*record).context.load(Ordering::Acquire)), (*record).index.get().read())
    };
    let stubs = module.elsewhere_stubs(index).map_err(|error: CodeError| Error::limit(error.to_string()))?;
    Ok((module.type_of(index).0, stubs))
}

/// A run is over.
fn over(state: &CallState, run: *const ()) {
    if state.run.get().is_some_and(|outermost| outermost.run == run) {
        state.run.set(None);
    }
}

/// A call that had runs ended early: they are over.
///
/// # Safety
/// The guest's frames are gone.
#[cold]
pub(super) unsafe fn discard(state: &CallState) {
    if let Some(Run { module, run }) = state.run.take() {
        // SAFETY: the instance lives until the activation ends, and the module as long as it; what
        // was begun later is over or abandoned, too.
        unsafe { (*module).discard(run) };
    }
}
