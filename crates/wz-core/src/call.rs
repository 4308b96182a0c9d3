//! Calls from the host: of guest functions, and of host functions through an instance.

use std::ptr::NonNull;
use std::sync::atomic::Ordering;

use wz_api::{Context, Error, ExitError, Result, Trap};

use crate::activation::Activation;
use crate::close::CLOSES;
use crate::engine::{ModuleCode, Raised};
use crate::host::HostRecord;
use crate::instance::Instance;
use crate::interrupt::CallWatch;
use crate::records::FunctionRecord;
use crate::thread::Thread;

/// A guest function, as its engine calls it. Valid as long as the instance that defines it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Callee {
    code: NonNull<dyn ModuleCode>,
    entry: *const (),
    record: *const FunctionRecord,
}

// SAFETY: code and records may be used from any thread; whoever has a callee keeps them alive.
unsafe impl Send for Callee {}
// SAFETY: as above.
unsafe impl Sync for Callee {}

impl Callee {
    /// The function of `instance`, which defines it, with this index.
    pub(crate) fn new(instance: &Instance, index: u32) -> Self {
        let code = instance.code();
        Self { code: NonNull::from(code), entry: code.entry(index), record: instance.record(index) }
    }

    /// Its record.
    pub(crate) fn record(&self) -> *const FunctionRecord {
        self.record
    }
}

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
/// `callee` is a function of `instance`, which its island keeps alive for the call, and `stack`
/// has room for the function's parameters and results.
#[inline(always)]
pub(crate) unsafe fn call_guest(
    instance: &Instance,
    callee: &Callee,
    cx: &Context,
    stack: &mut [u64],
) -> Result<()> {
    enter(instance, cx, |activation| {
        // SAFETY: as the caller says; the activation is the innermost.
        unsafe {
            let Callee { code, entry, record } = *callee;
            code.as_ref().invoke(activation, &*record, entry, stack.as_mut_ptr())
        }
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
    // Counted before looking: what is closed later is counted later.
    let closes = CLOSES.load(Ordering::Acquire);
    if let Some(code) = instance.exit_code() {
        return Err(ExitError { code }.into());
    }
    let thread = Thread::current();
    if !thread.has_stack() {
        return Err(Trap::StackOverflow.into());
    }
    let config = instance.store().config();
    if config.close_on_context_done | config.fuel {
        return enter_watched(thread, instance, cx, closes, run);
    }
    run_in(Activation::plain(thread, instance, cx, closes), Activation::is_over, run)
}

/// [`enter`] where calls are metered or interrupted.
#[inline(never)]
fn enter_watched(
    thread: &'static Thread,
    instance: &Instance,
    cx: &Context,
    closes: u64,
    run: impl FnOnce(&Activation) -> Result<(), Raised>,
) -> Result<()> {
    let watch = match instance.store().config().close_on_context_done && cx.can_be_done() {
        false => None,
        true => Some(watch(instance, cx)?),
    };
    let run = |activation: &Activation| {
        let outcome = run(activation);
        drop(watch);
        outcome
    };
    run_in(Activation::watched(thread, instance, cx, closes), |_| false, run)
}

/// Runs in an activation. `is_over` may tell that a function that has returned counts.
#[inline(always)]
fn run_in(
    activation: Activation,
    is_over: impl FnOnce(&Activation) -> bool,
    run: impl FnOnce(&Activation) -> Result<(), Raised>,
) -> Result<()> {
    activation.enter();
    let result = match run(&activation) {
        Ok(()) if is_over(&activation) => Ok(()),
        Ok(()) => activation.returned(),
        Err(Raised) => Err(activation.finish()),
    };
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
