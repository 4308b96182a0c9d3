//! Calls from the host: of guest functions, and of host functions through an instance.

use wz_api::{Context, Error, ExitError, Result, Trap};

use crate::activation::Activation;
use crate::engine::Raised;
use crate::host::HostRecord;
use crate::instance::Instance;
use crate::interrupt::CallWatch;
use crate::records::FunctionRecord;
use crate::thread::Thread;

/// Calls a guest function that `instance` defines. `stack` holds the parameters and gets the
/// results.
///
/// # Errors
/// A trap, an error of a host function, or the instance's exit.
///
/// # Panics
/// With what a host function or a listener panicked with.
///
/// # Safety
/// `record` is a record of `instance`, which its island keeps alive for the call, and `stack`
/// has room for the function's parameters and results.
#[inline(always)]
pub(crate) unsafe fn call_guest(
    instance: &Instance,
    record: *const FunctionRecord,
    cx: &Context,
    stack: &mut [u64],
) -> Result<()> {
    enter(instance, cx, |activation| {
        // SAFETY: as the caller says; the activation is the innermost.
        activation.run(|| unsafe { instance.code().invoke(activation, &*record, stack.as_mut_ptr()) })
    })
}

/// Calls a host function on behalf of `instance`.
///
/// # Errors
/// What the function fails with, or the instance's exit.
///
/// # Panics
/// With what the function or a listener panicked with.
///
/// # Safety
/// The instance's island keeps it alive for the call, and `stack` has room for the function's
/// parameters and results.
pub(crate) unsafe fn call_host(
    instance: &Instance,
    host: &HostRecord,
    cx: &Context,
    stack: &mut [u64],
) -> Result<()> {
    enter(instance, cx, |activation| {
        // SAFETY: as the caller says.
        unsafe { activation.call_host(instance.context(), host.record(), stack.as_mut_ptr()) }
    })
}

/// Enters `instance` if it can be entered now, and runs in the new activation.
#[inline(always)]
fn enter(
    instance: &Instance,
    cx: &Context,
    run: impl FnOnce(&Activation) -> Result<(), Raised>,
) -> Result<()> {
    if let Some(code) = instance.exit_code() {
        return Err(ExitError { code }.into());
    }
    let thread = Thread::current();
    if !thread.has_stack() {
        return Err(Trap::StackOverflow.into());
    }
    let watch = match instance.store().config().close_on_context_done && cx.can_be_done() {
        false => None,
        true => Some(watch(instance, cx)?),
    };
    let activation = Activation::new(thread, instance, cx);
    activation.enter();
    let outcome = run(&activation);
    let result = match outcome {
        Ok(()) => activation.returned(),
        Err(Raised) => Err(activation.finish()),
    };
    drop(watch);
    if let Some(payload) = activation.take_deferred_panic() {
        std::panic::resume_unwind(payload);
    }
    if activation.end_plain() {
        std::mem::forget(activation);
    }
    result
}

/// Has the thread look whether the context is done, which it is not yet.
#[cold]
fn watch(instance: &Instance, cx: &Context) -> Result<Box<CallWatch>, Error> {
    let Some(reason) = cx.done() else { return Ok(Box::new(CallWatch::new(cx))) };
    let code = reason.exit_code();
    instance.closing().close(instance.store(), cx, code);
    Err(ExitError { code: instance.exit_code().unwrap_or(code) }.into())
}
