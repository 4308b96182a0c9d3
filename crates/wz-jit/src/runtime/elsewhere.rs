//! Functions that have no code run elsewhere: the calls between this engine and the one that runs
//! them. See [`wz_core::elsewhere`].

use std::cell::Cell;
use std::ptr;
use std::sync::Arc;

use wz_api::Trap;
use wz_core::elsewhere::{ElsewhereCall, ElsewhereModule, TailCall};
use wz_core::engine::{CompileOptions, Frame, FrameCursor, Raised};
use wz_core::records::InstanceContext;

use super::module::{JitModule, first_operator};
use super::native::{OK, RAISED, TAIL_CALL};
use super::state::CallState;
use super::thread::Thread;

/// What runs functions that have no code, and how.
#[derive(Clone, Debug)]
pub struct Elsewhere {
    /// The engine.
    pub engine: Arc<dyn wz_core::elsewhere::Elsewhere>,
    /// The options that functions are compiled with here.
    pub options: CompileOptions,
}

/// A run that a guest has left for. It is on the native stack, for as long as the call's state has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Away {
    module: *const dyn ElsewhereModule,
    call: *const ElsewhereCall<'static>,
}

impl Away {
    /// The next frame of the run.
    ///
    /// # Safety
    /// As for [`ElsewhereModule::next_frame`]; a call's state has this.
    pub(super) unsafe fn next_frame(self, cursor: &mut FrameCursor) -> Option<Frame> {
        // SAFETY: as the caller says.
        unsafe { (*self.module).next_frame(&*self.call, cursor) }
    }

    /// The frame of the function that was called, without asking whoever runs it: for signal
    /// handlers. Where it is in the function is not known.
    ///
    /// # Safety
    /// A call's state has this.
    pub(super) unsafe fn outermost_frame(self) -> Frame {
        // SAFETY: as the caller says; the instance is one of this engine's.
        unsafe {
            let ElsewhereCall { context, function, .. } = *self.call;
            let info = JitModule::of_context(context).info();
            let code_offset = first_operator(info, function);
            Frame {
                context,
                function: info.imported.functions + function,
                code_offset,
                program_counter: u64::from(code_offset),
                params: None,
            }
        }
    }
}

/// A guest calls a function that runs elsewhere, by its index among the defined ones. Gives a
/// status; after [`TAIL_CALL`] the call's state has what is to be called.
///
/// # Safety
/// The state is that of the running call, which the guest has left, the context that of the
/// function's instance, and the slots hold the parameters and have room for the results.
pub(super) unsafe fn run(
    state: &CallState,
    context: *const InstanceContext,
    function: u32,
    listened: bool,
    slots: *mut u64,
) -> u32 {
    // SAFETY: as the caller says.
    let (activation, module) = unsafe { (state.activation(), JitModule::of_context(context)) };
    let Some(module) = module.elsewhere() else {
        activation.raise(wz_api::Error::limit("a function has no code, and nothing else runs it"));
        return RAISED;
    };
    let call = ElsewhereCall { activation, context, function, listened, slots, state: Cell::default() };
    state.away.set(Some(Away { module, call: ptr::from_ref(&call).cast() }));
    let mut status = OK;
    // SAFETY: as the caller says.
    let ended = unsafe {
        module.run(&call, &mut |tail| {
            status = TAIL_CALL;
            leave(state, tail);
        })
    };
    state.away.set(None);
    match ended {
        Ok(()) if status == TAIL_CALL && !has_room(state) => {
            activation.raise_trap(Trap::StackOverflow);
            RAISED
        }
        Ok(()) => status,
        Err(Raised) => RAISED,
    }
}

/// Notes what a run ended with a call of.
fn leave(state: &CallState, tail: TailCall) {
    // SAFETY: the function is a guest's, whose instance takes part in the call and is one of this
    // engine's; its parameters are there.
    unsafe {
        let record = &*tail.record;
        let module = JitModule::of_context(record.context.load(std::sync::atomic::Ordering::Acquire));
        let (ty, stubs) = module.type_of(record.index.get().read());
        let arguments = Thread::current().keep_arguments(tail.arguments, ty.param_slots());
        state.tail_stub.set(stubs.tail_call);
        state.tail_stack_bytes.set(stubs.tail_call_stack_bytes);
        state.tail_record.set(tail.record);
        state.tail_arguments.set(arguments);
    }
}

/// Whether the parameters of the tail call fit the guest's stack.
fn has_room(state: &CallState) -> bool {
    // SAFETY: the call's stack lives as long as the call.
    let frames = unsafe { &*state.stack }.frames();
    state.exit_sp.get() - frames.start >= state.tail_stack_bytes.get() as usize
}
