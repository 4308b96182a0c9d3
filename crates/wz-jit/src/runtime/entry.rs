//! The way from the host into a guest: a [`CallState`] on the native stack, a guest stack, and the
//! signature's entry stub.

use std::io;
use std::ptr;

use wz_api::{Error, Trap};
use wz_core::Activation;
use wz_core::engine::Raised;
use wz_core::records::InstanceContext;

use super::elsewhere;
use super::guest_stack::GuestStack;
use super::native::{EntryStub, OK};
use super::snapshot;
use super::state::CallState;
use super::stubs::{Stubs, TypeStubs};
use super::thread::Thread;

/// A guest function and what it is called with.
#[derive(Clone, Copy, Debug)]
pub(super) struct GuestCall<'a> {
    pub(super) stubs: &'a TypeStubs,
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
    call: GuestCall<'_>,
) -> Result<(), Raised> {
    let thread = Thread::current();
    let outer = thread.current.get();
    let len_bytes = activation.max_stack_bytes();
    if !outer.is_null() {
        // Only this way has it in memory.
        let call =
            GuestCall { stubs: call.stubs, slot: call.slot, context: call.context, values: call.values };
        // SAFETY: a call that is current is running on this thread; the rest is as the caller says.
        return unsafe { enter_nested(thread, &*outer, stubs, activation, len_bytes, call) };
    }
    let stack = match thread.stack_at_hand(len_bytes) {
        Some(stack) => stack,
        None => match thread.bring_stack(len_bytes) {
            Ok(stack) => stack,
            Err(error) => return Err(no_stack(activation, error)),
        },
    };
    let state = CallState::new(activation, stack, ptr::null(), stubs);
    // SAFETY: as the caller says; the stack is the thread's, which runs nothing else.
    unsafe { run(thread, &state, (*stack).first_sp(), activation, call) }
}

/// The guest called the host, which calls a guest: on the same stack below where the guest left,
/// or on another one if that has another size.
///
/// # Safety
/// As for [`enter`]; `outer` is the thread's current call.
#[inline(never)]
unsafe fn enter_nested(
    thread: &Thread,
    outer: &CallState,
    stubs: &'static Stubs,
    activation: &Activation,
    len_bytes: usize,
    call: GuestCall<'_>,
) -> Result<(), Raised> {
    // SAFETY: a stack lives as long as the calls on it.
    let outer_stack = unsafe { &*outer.stack };
    if outer_stack.len_bytes() != len_bytes {
        let stack = match GuestStack::acquire(len_bytes) {
            Ok(stack) => stack,
            Err(error) => return Err(no_stack(activation, error)),
        };
        let state = CallState::new(activation, &raw const stack, outer, stubs);
        // SAFETY: as the caller says.
        let result = unsafe { run(thread, &state, stack.first_sp(), activation, call) };
        stack.release();
        return result;
    }
    // SAFETY: the header is part of the stack, which only this thread uses.
    let header = unsafe { &*outer_stack.header() };
    let (interrupt, outer_activation, outer_state) =
        (header.interrupt.get(), header.activation.get(), header.state.get());
    let native_sp = header.native_sp.get();
    let state = CallState::new(activation, outer_stack, outer, stubs);
    // SAFETY: as the caller says.
    let result = unsafe { run(thread, &state, outer.exit_sp.get(), activation, call) };
    header.interrupt.set(interrupt);
    header.activation.set(outer_activation);
    header.state.set(outer_state);
    header.native_sp.set(native_sp);
    result
}

#[cold]
fn no_stack(activation: &Activation, error: io::Error) -> Raised {
    activation.raise(Error::system("preparing a stack for the guest", error))
}

/// # Safety
/// As for [`enter`]; the stack of `state` is free from `sp` down.
#[inline(always)]
unsafe fn run(
    thread: &Thread,
    state: &CallState,
    sp: usize,
    activation: &Activation,
    call: GuestCall<'_>,
) -> Result<(), Raised> {
    // SAFETY: the stack outlives the call.
    let stack = unsafe { &*state.stack };
    // What the host passes has to fit; whatever the guest does then is caught by the guard.
    if sp - stack.frames().start < call.stubs.entry_stack_bytes as usize {
        return Err(activation.raise_trap(Trap::StackOverflow));
    }
    // SAFETY: the header is part of the stack, which only this thread uses.
    let header = unsafe { &*stack.header() };
    header.interrupt.set(activation.interrupt.get());
    header.activation.set(activation);
    header.state.set(state);
    state.entry_sp.set(sp);
    thread.current.set(state);
    activation.engine_state.set(ptr::from_ref(state).cast_mut().cast());
    // SAFETY: the stub is one of the type of the function, as the caller says; the stack is free
    // from `sp` down and what is passed fits.
    let status = unsafe {
        let entry: EntryStub = std::mem::transmute(call.stubs.entry);
        entry(state, call.slot, call.context, call.values, sp)
    };
    let mut result = if status == OK { Ok(()) } else { Err(Raised) };
    if result.is_err() {
        // SAFETY: as the caller says; the guest's frames are gone.
        result = unsafe { end_early(state, activation) };
    }
    activation.engine_state.set(ptr::null_mut());
    thread.current.set(state.outer);
    result
}

/// The guest was left early: goes on at snapshots as long as that is asked for.
///
/// # Safety
/// The call was running, and its frames are gone; it is the thread's current one.
#[cold]
unsafe fn end_early(state: &CallState, activation: &Activation) -> Result<(), Raised> {
    loop {
        // Whoever is called now finds no frames, and the stack free.
        state.exit_fp.set(0);
        state.fault.set(None);
        state.exit_sp.set(state.entry_sp.get());
        // SAFETY: the guest's frames are gone.
        unsafe { elsewhere::discard(state) };
        let Some(restored) = activation.take_restored() else { return Err(Raised) };
        // SAFETY: the frames were saved in this call.
        if unsafe { snapshot::resume(state, &restored) } == OK {
            return Ok(());
        }
    }
}
