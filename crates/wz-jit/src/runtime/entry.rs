//! The way from the host into a guest: a [`CallState`] on the native stack, a guest stack, and the
//! signature's entry stub.

use std::io;
use std::ptr;

use wz_api::{Error, Trap};
use wz_core::Activation;
use wz_core::engine::Raised;
use wz_core::records::InstanceContext;

use super::guest_stack::GuestStack;
use super::native::{EntryStub, OK};
use super::state::CallState;
use super::stubs::{Stubs, TypeStubs};
use super::thread::Thread;

/// A guest function and what it is called with.
#[derive(Clone, Copy, Debug)]
pub(super) struct GuestCall {
    pub(super) stubs: TypeStubs,
    /// The slot that the function is called through.
    pub(super) slot: *const (),
    /// The instance that defines it.
    pub(super) context: *const InstanceContext,
    /// Parameters in, results out.
    pub(super) values: *mut u64,
}

/// Calls a guest function.
///
/// # Errors
/// [`Raised`], with the reason in the activation.
///
/// # Safety
/// The activation is the thread's innermost, the function and its instance live, the stubs are
/// those of its type, and `values` has room for parameters and results.
#[inline]
pub(super) unsafe fn enter(
    stubs: &'static Stubs,
    activation: &Activation,
    call: &GuestCall,
) -> Result<(), Raised> {
    let thread = Thread::current();
    let outer = thread.current.get();
    let len_bytes = activation.max_stack_bytes();
    // SAFETY: a call that is current is running on this thread, and its stack with it.
    if let Some(outer) = unsafe { outer.as_ref() }
        && unsafe { (*outer.stack).len_bytes() } == len_bytes
    {
        // The guest called the host, so that the stack is free below where it left.
        // SAFETY: as above.
        let stack = unsafe { &*outer.stack };
        let state = CallState::new(activation, stack, outer, stubs);
        // SAFETY: as the caller says.
        return unsafe { run(thread, &state, outer.exit_sp.get(), activation, call) };
    }
    let (entry, stack) = match thread.prepare().and_then(|entry| Ok((entry, stack(thread, len_bytes)?))) {
        Ok(ready) => ready,
        Err(error) => return Err(no_stack(activation, error)),
    };
    let outermost = outer.is_null();
    if outermost {
        entry.enter();
    }
    let state = CallState::new(activation, &raw const *stack, outer, stubs);
    // SAFETY: as the caller says.
    let result = unsafe { run(thread, &state, stack.first_sp(), activation, call) };
    if outermost {
        entry.leave();
    }
    thread.keep_stack(stack);
    result
}

#[inline]
fn stack(thread: &Thread, len_bytes: usize) -> io::Result<Box<GuestStack>> {
    match thread.stack_at_hand(len_bytes) {
        Some(stack) => Ok(stack),
        None => GuestStack::acquire(len_bytes).map(Box::new),
    }
}

#[cold]
fn no_stack(activation: &Activation, error: io::Error) -> Raised {
    activation.raise(Error::system("preparing a stack for the guest", error))
}

/// # Safety
/// As for [`enter`]; the stack of `state` is free from `sp` down.
#[inline]
unsafe fn run(
    thread: &Thread,
    state: &CallState,
    sp: usize,
    activation: &Activation,
    call: &GuestCall,
) -> Result<(), Raised> {
    // SAFETY: the stack outlives the call.
    let stack = unsafe { &*state.stack };
    // What the host passes has to fit; whatever the guest does then is caught by the guard.
    if sp - stack.frames().start < call.stubs.entry_stack_bytes as usize {
        return Err(activation.raise_trap(Trap::StackOverflow));
    }
    // SAFETY: the header is part of the stack, which only this thread uses.
    let header = unsafe { &*stack.header() };
    let interrupt = header.interrupt.replace(activation.interrupt.get());
    let previous_activation = header.activation.replace(activation);
    let previous_state = header.state.replace(state);
    let outer = thread.current.replace(state);
    activation.engine_state.set(ptr::from_ref(state).cast_mut().cast());
    // SAFETY: the stub is one of the type of the function, as the caller says; the stack is free
    // from `sp` down and what is passed fits.
    let status = unsafe {
        let entry: EntryStub = std::mem::transmute(call.stubs.entry);
        entry(state, call.slot, call.context, call.values, sp)
    };
    activation.engine_state.set(ptr::null_mut());
    thread.current.set(outer);
    header.state.set(previous_state);
    header.activation.set(previous_activation);
    header.interrupt.set(interrupt);
    if status == OK { Ok(()) } else { Err(Raised) }
}
