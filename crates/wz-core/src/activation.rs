//! [`Activation`]: one entry from the host into a guest, on the entering thread's stack. It holds
//! what belongs to the call: its context, fuel, which listened frames are its own, and why it ends.
//!
//! Activations of a thread form a chain: guest → host → guest. Only their thread uses them.

use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::mem::offset_of;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering, compiler_fence};

use wz_experimental::{Event, EventKinds};

use wz_api::direct::DirectFailure;
use wz_api::sealed::Keep;
use wz_api::{Caller, Context, Error, ErrorKind, ExitError, Module, Result, Trap, TrapError};

use crate::caller::HostCall;
use crate::close::CLOSES;
use crate::engine::Raised;
use crate::fuel::Fuel;
use crate::host::HostRecord;
use crate::instance::Instance;
use crate::instance_events;
use crate::reclaim::Entry;
use crate::records::{FunctionRecord, InstanceContext};
use crate::references;
use crate::snapshot;
use crate::store::StoreInner;
use crate::thread::{Flag, NEVER, Thread};
use crate::walk;

/// One entry from the host into a guest, on the entering thread's stack.
#[repr(C)]
pub struct Activation {
    /// What engines look at at function entries and loop headers: 0, or all bits, which means that
    /// they call [`interrupted`](Self::interrupted). Never null.
    pub interrupt: Cell<*const AtomicU32>,
    /// The fuel left, when the runtime meters it.
    pub fuel: Cell<u64>,
    /// For the engine: null as long as it has no frames, which it is at the start.
    pub engine_state: Cell<*mut ()>,
    thread: &'static Thread,
    parent: *const Activation,
    /// The instance that was entered. It lives for the call.
    instance: *const Instance,
    /// The context that holds at this point of the call.
    cx: UnsafeCell<Context>,
    /// How many listened frames the thread had before.
    frames_below: usize,
    // Calls cost as much as they write: what follows is zero at the start, in one piece.
    /// What few calls have.
    rare: Cell<Option<Box<Rare>>>,
    /// Where the fuel is from; none if it is unlimited.
    tank: Option<Fuel>,
    /// The host function that is active on top of the guest's frames, or null.
    host: Cell<*const HostRecord>,
    /// Up to which number of closes it was looked whether an instance in the frames is closed.
    shared_closes: Cell<u64>,
    /// Up to which number of [`CLOSES`] it was looked whether the entered instance is closed, or
    /// that which calls a host function.
    closes: Cell<u64>,
    /// Whether the host function has a listened frame.
    host_is_listened: Cell<bool>,
    /// Whether the fuel is in the tank at the moment.
    parked: Cell<bool>,
    /// A handle of the instance that listeners were told of last.
    module: UnsafeCell<Option<(*const InstanceContext, Module)>>,
    /// The same instance, if nothing is to be done around telling listeners of it; null otherwise.
    told_plainly: Cell<*const InstanceContext>,
    /// The thread's, from when that was not null.
    entry: Cell<Option<&'static Entry>>,
}

/// What few activations have.
#[derive(Default)]
struct Rare {
    /// Why the call ends early.
    ending: Option<Ending>,
    /// A panic of an event listener where the guest could not be ended.
    deferred: Option<Payload>,
    /// The activation's number for snapshots, 0 while it has none, and how many were taken.
    snapshots: (u64, u32),
    /// Whether the thread's flag was cleared, though an outer activation may be concerned.
    cleared: bool,
}

/// What a panic has.
pub(crate) type Payload = Box<dyn Any + Send>;

/// Why a call ends early.
pub(crate) enum Ending {
    Error(Error),
    Panic(Payload),
    /// It does not end: a host function asked to go back to a point of it.
    Restore {
        error: Error,
        saved: Keep,
        results: Arc<[u64]>,
    },
}

impl Activation {
    /// Where code that calls a host function directly notes its record.
    pub const HOST: usize = offset_of!(Self, host);
    /// What code compares with [`CLOSES`] afterwards.
    pub const CLOSES: usize = offset_of!(Self, closes);

    /// An activation that enters `instance`, whose calls are neither metered nor interrupted. Has to
    /// be [entered](Self::enter).
    #[inline(always)]
    pub(crate) fn plain(thread: &'static Thread, instance: &Instance, cx: &Context, closes: u64) -> Self {
        let parent = thread.current.get();
        Self {
            interrupt: Cell::new(&raw const NEVER),
            fuel: Cell::new(u64::MAX),
            engine_state: Cell::new(ptr::null_mut()),
            thread,
            parent,
            instance,
            cx: UnsafeCell::new(cx.clone()),
            frames_below: if parent.is_null() { 0 } else { thread.entry().depth() },
            rare: Cell::new(None),
            tank: None,
            host: Cell::new(ptr::null()),
            shared_closes: Cell::new(0),
            closes: Cell::new(closes),
            host_is_listened: Cell::new(false),
            parked: Cell::new(false),
            module: UnsafeCell::new(None),
            told_plainly: Cell::new(ptr::null()),
            entry: Cell::new(None),
        }
    }

    /// As [`plain`](Self::plain), but metered and interrupted as the store says.
    pub(crate) fn watched(thread: &'static Thread, instance: &Instance, cx: &Context, closes: u64) -> Self {
        let mut activation = Self::plain(thread, instance, cx, closes);
        let store = instance.store();
        if store.config().close_on_context_done {
            activation.interrupt.set(Flag::current_address());
            activation.shared_closes.set(store.shared_closes());
        }
        if store.config().fuel {
            let (fuel, tank) = fill(thread, instance, cx);
            activation.fuel.set(fuel);
            activation.tank = tank;
        }
        activation
    }

    /// Makes this the thread's innermost activation until it is dropped. From now on it must not
    /// move.
    #[inline(always)]
    pub(crate) fn enter(&self) {
        // Signal handlers follow it.
        compiler_fence(Ordering::Release);
        self.thread.current.set(self);
        if self.parent.is_null() {
            self.thread.entry().enter();
        }
    }

    /// The next outer activation of this thread (guest → host → guest).
    #[must_use]
    pub fn parent(&self) -> Option<&Self> {
        // SAFETY: outer activations are further out on the same thread's stack.
        unsafe { self.parent.as_ref() }
    }

    /// The configured limit of the guest's stack.
    #[must_use]
    pub fn max_stack_bytes(&self) -> usize {
        self.store().config().max_stack_bytes
    }

    /// How many listened frames the thread had before.
    pub(crate) fn frames_below(&self) -> usize {
        self.frames_below
    }

    /// Whether code was compiled to be [walked](crate::walk_interrupted) anywhere.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.store().config().sampling
    }

    /// What others see that its thread uses.
    #[inline]
    pub(crate) fn entry(&self) -> &'static Entry {
        self.thread.entry()
    }

    /// The same, once listeners were told of an instance.
    #[inline]
    pub(crate) fn known_entry(&self) -> Option<&'static Entry> {
        self.entry.get()
    }

    /// The instance that was entered.
    #[inline]
    pub(crate) fn instance(&self) -> &Instance {
        // SAFETY: whoever called holds the instance.
        unsafe { &*self.instance }
    }

    pub(crate) fn store(&self) -> &StoreInner {
        self.instance().store()
    }

    /// The context that holds at this point of the call.
    #[inline]
    pub(crate) fn context(&self) -> &Context {
        // SAFETY: it is only replaced between events, when nobody holds the reference.
        unsafe { &*self.cx.get() }
    }

    /// Replaces the context.
    ///
    /// # Safety
    /// Nobody holds what [`context`](Self::context) gave.
    pub(crate) unsafe fn replace_context(&self, cx: Context) -> Context {
        // SAFETY: as the caller says; the cell is the thread's own.
        unsafe { std::mem::replace(&mut *self.cx.get(), cx) }
    }

    /// Whether the engine has frames.
    pub(crate) fn in_engine(&self) -> bool {
        !self.engine_state.get().is_null()
    }

    /// Uses what few activations have, which this one has from now on.
    #[cold]
    fn with_rare<R>(&self, use_it: impl FnOnce(&mut Rare) -> R) -> R {
        let mut rare = self.rare.take().unwrap_or_default();
        let result = use_it(&mut rare);
        self.rare.set(Some(rare));
        result
    }

    /// Whether it has any of that.
    #[inline]
    fn has_rare(&self) -> bool {
        // SAFETY: the cell is the thread's own, and nobody holds what is in it.
        unsafe { (*self.rare.as_ptr()).is_some() }
    }

    /// The host function on top of the guest's frames.
    pub(crate) fn host(&self) -> Option<&HostRecord> {
        // SAFETY: set while the function is active, which whoever called it holds.
        unsafe { self.host.get().as_ref() }
    }

    /// Whether the host function on top has a listened frame.
    pub(crate) fn host_is_listened(&self) -> bool {
        self.host_is_listened.get()
    }

    /// The number of the activation, 0 if no snapshot was taken.
    pub(crate) fn snapshot_id(&self) -> u64 {
        self.with_rare(|rare| rare.snapshots.0)
    }

    /// The number of the activation, and that of a new snapshot.
    pub(crate) fn next_snapshot(&self) -> (u64, u32) {
        self.with_rare(|Rare { snapshots: (id, count), .. }| {
            *id = if *id == 0 { snapshot::next_id() } else { *id };
            *count += 1;
            (*id, *count)
        })
    }

    pub(crate) fn take_ending(&self) -> Option<Ending> {
        self.with_rare(|rare| rare.ending.take())
    }

    pub(crate) fn set_ending(&self, ending: Ending) {
        // What was there is dropped when this can be used again.
        drop(self.with_rare(|rare| rare.ending.replace(ending)));
    }

    /// A handle of an instance, kept for the next event.
    ///
    /// # Safety
    /// Nobody holds what an earlier call gave; `context` is of an instance that takes part in the
    /// call.
    #[inline]
    pub(crate) unsafe fn module_of(&self, context: *const InstanceContext) -> &Module {
        // SAFETY: as the caller says; the cell is the thread's own.
        match unsafe { &*self.module.get() } {
            Some((known, module)) if ptr::eq(*known, context) => module,
            // SAFETY: as the caller says.
            _ => unsafe { self.keep_module(context) },
        }
    }

    /// The same, if listeners were told of that instance last, and nothing is to be done around
    /// telling them. And what others see that the thread uses.
    ///
    /// # Safety
    /// As for [`module_of`](Self::module_of).
    #[inline(always)]
    pub(crate) unsafe fn plain_module(
        &self,
        context: *const InstanceContext,
    ) -> Option<(&Module, &'static Entry)> {
        if !ptr::eq(self.told_plainly.get(), context) {
            return None;
        }
        // SAFETY: as the caller says; the cells are the thread's own, and were filled along with that.
        unsafe {
            let (_, module) = (*self.module.get()).as_ref().unwrap_unchecked();
            Some((module, self.entry.get().unwrap_unchecked()))
        }
    }

    /// # Safety
    /// As for [`module_of`](Self::module_of).
    #[cold]
    unsafe fn keep_module(&self, context: *const InstanceContext) -> &Module {
        // SAFETY: what takes part in a call lives.
        let module = unsafe { Instance::of_context(context) }.module();
        let module = module.expect("an instance that takes part in a call is not being freed");
        // SAFETY: as the caller says; the cell is the thread's own.
        let (_, kept) = unsafe { &mut *self.module.get() }.insert((context, module));
        self.entry.set(Some(self.entry()));
        self.told_plainly.set(if self.tank.is_none() { context } else { ptr::null() });
        kept
    }

    // Ending early.

    /// Notes that the guest trapped, with the backtrace: called while
    /// [`Engine::next_frame`](crate::engine::Engine::next_frame) can walk the guest's frames.
    #[cold]
    pub fn raise_trap(&self, trap: Trap) -> Raised {
        let backtrace = walk::backtrace(self, &[]);
        let error = Error::new(ErrorKind::Trap(TrapError { trap, backtrace }));
        match self.tell_trap(walk::innermost_instance(self), &error) {
            Ok(()) => self.raise_error(error),
            Err(payload) => self.raise_panic(payload),
        }
    }

    /// Notes an error, with the backtrace if it is of a kind that has one: called as
    /// [`raise_trap`](Self::raise_trap) is.
    #[cold]
    pub fn raise(&self, mut error: Error) -> Raised {
        walk::extend_backtrace(&mut error, self);
        self.raise_error(error)
    }

    #[cold]
    fn raise_error(&self, error: Error) -> Raised {
        self.set_ending(Ending::Error(error));
        Raised
    }

    #[cold]
    pub(crate) fn raise_panic(&self, payload: Box<dyn Any + Send>) -> Raised {
        self.set_ending(Ending::Panic(payload));
        Raised
    }

    /// Keeps a panic for when the call has ended.
    #[cold]
    pub(crate) fn defer_panic(&self, payload: Payload) {
        // Only the first is told.
        let other = self.with_rare(|rare| match rare.deferred {
            None => rare.deferred.replace(payload),
            Some(_) => Some(payload),
        });
        drop(other);
    }

    /// The panic that was kept.
    #[inline]
    pub(crate) fn take_deferred_panic(&self) -> Option<Payload> {
        if self.has_rare() { self.with_rare(|rare| rare.deferred.take()) } else { None }
    }

    #[cold]
    fn raise_exit(&self, code: u32) -> Raised {
        self.raise_error(ExitError { code }.into())
    }

    /// The call ended with [`Raised`] and the engine has no frames any more: tells the pending
    /// listeners, innermost first.
    ///
    /// # Panics
    /// With what a host function or listener panicked with.
    #[cold]
    pub(crate) fn finish(&self) -> Error {
        match self.take_ending() {
            Some(Ending::Error(error) | Ending::Restore { error, .. }) => {
                if let Some(panic) = self.abort_pending(&error) {
                    resume_unwind(panic);
                }
                error
            }
            Some(Ending::Panic(payload)) => {
                let error = panic_error(&*payload);
                drop(self.abort_pending(&error));
                resume_unwind(payload)
            }
            None => Error::argument("the engine ended a call without a reason"),
        }
    }

    // Interruption.

    /// The engine found the interrupt flag set. `Ok`: nothing that concerns this call, go on.
    ///
    /// # Errors
    /// If the call should end.
    #[cold]
    pub fn interrupted(&self) -> Result<(), Raised> {
        self.clear_flag();
        // Closing may call the embedder, whose panics must not unwind through the engine.
        match catch_unwind(AssertUnwindSafe(|| self.done().or_else(|| self.closed_within()))) {
            Ok(None) => Ok(()),
            Ok(Some(code)) => Err(self.raise_exit(code)),
            Err(payload) => Err(self.raise_panic(payload)),
        }
    }

    fn clear_flag(&self) {
        // SAFETY: never null; the flag is this thread's, or the one that is never set.
        let flag = unsafe { &*self.interrupt.get() };
        if ptr::eq(flag, &raw const NEVER) {
            return;
        }
        // Cleared before looking: what happens later sets it again.
        flag.store(0, Ordering::SeqCst);
        self.with_rare(|rare| rare.cleared = true);
    }

    /// The exit code if the entered instance is closed, or is closed now because the context is
    /// done.
    fn done(&self) -> Option<u32> {
        let instance = self.instance();
        if let Some(code) = instance.exit_code() {
            return Some(code);
        }
        if !self.store().config().close_on_context_done {
            return None;
        }
        let code = self.context().done()?.exit_code();
        instance.closing().close(self.store(), self.context(), code);
        instance.exit_code().or(Some(code))
    }

    /// The exit code of another instance that the call is in, if that is closed.
    fn closed_within(&self) -> Option<u32> {
        let closes = self.store().shared_closes();
        // Other calls' instances come and go: deep stacks are only walked for a reason.
        if self.shared_closes.replace(closes) == closes {
            return None;
        }
        walk::closed_instance(self)
    }

    /// Whether no instance was closed since it was entered: then a function of a call that nothing
    /// interrupts has simply returned.
    #[inline(always)]
    pub(crate) fn is_over(&self) -> bool {
        CLOSES.load(Ordering::SeqCst) == self.closes.get()
    }

    /// The function returned: whether that counts.
    #[inline]
    pub(crate) fn returned(&self) -> Result<()> {
        // SAFETY: never null.
        let flag = unsafe { &*self.interrupt.get() }.load(Ordering::Relaxed);
        if flag == 0 && self.instance().exit_code().is_none() {
            return Ok(());
        }
        self.returned_late()
    }

    #[cold]
    fn returned_late(&self) -> Result<()> {
        self.clear_flag();
        // Closes if the context is done.
        match self.done() {
            None => Ok(()),
            Some(code) => Err(ExitError { code }.into()),
        }
    }

    // Fuel.

    pub(crate) fn tank(&self) -> Option<&Fuel> {
        self.tank.as_ref()
    }

    /// Puts the fuel into the tank, where host functions and nested calls find it. Whether it
    /// was not there already.
    fn park_fuel(&self) -> bool {
        let Some(tank) = &self.tank else { return false };
        if self.parked.replace(true) {
            return false;
        }
        tank.add(self.fuel.replace(0));
        true
    }

    fn unpark_fuel(&self) {
        if let Some(tank) = &self.tank {
            self.fuel.set(tank.take());
            self.parked.set(false);
        }
    }

    /// Runs what may look at the fuel.
    #[inline(always)]
    pub(crate) fn outside<R>(&self, run: impl FnOnce() -> R) -> R {
        let parked = self.tank.is_some() && self.park_fuel();
        let result = run();
        if parked {
            self.unpark_fuel();
        }
        result
    }

    // Host functions.

    /// Calls a host function. `slots` holds the parameters and gets the results; it has room
    /// for both. The innermost frame that `Engine::next_frame` gives meanwhile is the caller's.
    ///
    /// # Errors
    /// If the function failed, panicked or ended the guest.
    ///
    /// # Safety
    /// `caller` is the context of the calling instance, which lives; `record` is of a host
    /// function that lives; nobody else uses `slots`.
    #[inline]
    pub unsafe fn call_host(
        &self,
        caller: *const InstanceContext,
        record: *const FunctionRecord,
        slots: *mut u64,
    ) -> Result<(), Raised> {
        // SAFETY: as the caller says.
        let (instance, host) = unsafe { (Instance::of_context(caller), HostRecord::of_record(record)) };
        self.host.set(host);
        let is_plain = !host.is_listened()
            && host.reference_results().is_empty()
            && !instance.wants(EventKinds::HOST_CALL)
            && self.tank.is_none();
        // SAFETY: as the caller says.
        let result = unsafe {
            match is_plain {
                true => self.run_plain_host(instance, host, slots),
                false => {
                    let result = self.run_host(instance, host, slots);
                    self.host_is_listened.set(false);
                    result
                }
            }
        };
        self.host.set(ptr::null());
        result?;
        if instance.closing().is_open() && self.instance().closing().is_open() {
            return Ok(());
        }
        Err(self.raise_closed(instance))
    }

    /// A host function that code called [directly](HostRecord::DIRECT_ENTRY) gave a failure, whose
    /// address this is.
    ///
    /// # Safety
    /// `caller` is the context of the calling instance, which lives; the failure is of this call, and
    /// nobody else's.
    #[cold]
    pub unsafe fn direct_failed(&self, caller: *const InstanceContext, failure: usize) -> Raised {
        // SAFETY: as the caller says; failures are boxed.
        let (instance, failure) = unsafe {
            let failure = ptr::with_exposed_provenance_mut::<DirectFailure>(failure);
            (Instance::of_context(caller), Box::from_raw(failure))
        };
        let raised = match *failure {
            DirectFailure::Error(error) => self.host_failed(instance, error),
            DirectFailure::Panic(payload) => self.raise_panic(payload),
        };
        self.host.set(ptr::null());
        raised
    }

    /// Some instance was closed before such a function returned.
    ///
    /// # Errors
    /// If it is one that ends the call.
    ///
    /// # Safety
    /// `caller` is the context of the calling instance, which lives.
    #[cold]
    pub unsafe fn direct_returned_late(&self, caller: *const InstanceContext) -> Result<(), Raised> {
        self.closes.set(CLOSES.load(Ordering::SeqCst));
        // SAFETY: as the caller says.
        let instance = unsafe { Instance::of_context(caller) };
        if instance.closing().is_open() && self.instance().closing().is_open() {
            return Ok(());
        }
        self.host.set(ptr::null());
        Err(self.raise_closed(instance))
    }

    #[cold]
    fn raise_closed(&self, instance: &Instance) -> Raised {
        let code = instance.exit_code().or_else(|| self.instance().exit_code());
        self.raise_exit(code.unwrap_or_default())
    }

    /// Runs a host function, and nothing around it.
    ///
    /// # Safety
    /// As for [`call_host`](Self::call_host).
    #[inline(always)]
    unsafe fn run_plain_host(
        &self,
        instance: &Instance,
        host: &HostRecord,
        slots: *mut u64,
    ) -> Result<(), Raised> {
        let call = HostCall::new(self, instance);
        // SAFETY: as the caller says.
        let slots = unsafe { std::slice::from_raw_parts_mut(slots, host.stack_slots()) };
        let body = host.function().body();
        match catch_unwind(AssertUnwindSafe(|| body(&mut Caller::from_inner(&call), slots))) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.host_failed(instance, error)),
            Err(payload) => Err(self.raise_panic(payload)),
        }
    }

    /// Runs a host function with all that there may be around it.
    ///
    /// # Safety
    /// As for [`call_host`](Self::call_host).
    #[inline(never)]
    unsafe fn run_host(&self, instance: &Instance, host: &HostRecord, slots: *mut u64) -> Result<(), Raised> {
        let listened = host.is_listened();
        self.host_is_listened.set(listened);
        if listened {
            // SAFETY: `slots` holds the parameters.
            unsafe { self.begin(Some(host.listener_slot()), instance.context(), slots)? };
        }
        if instance.wants(EventKinds::HOST_CALL) {
            // SAFETY: `slots` holds the parameters.
            let params = unsafe { std::slice::from_raw_parts(slots, host.param_slots()) };
            let event = Event::HostCall { definition: host.definition(), params };
            let told = instance_events::tell(instance, self.context(), Some(self), Some(params), &event);
            told.map_err(|payload| self.raise_panic(payload))?;
        }
        // SAFETY: as the caller says.
        self.outside(|| unsafe { self.run_plain_host(instance, host, slots) })?;
        if !host.reference_results().is_empty() {
            // SAFETY: the results are in the slots.
            let admitted = unsafe { admit_results(instance, host, slots) };
            admitted.map_err(|error| self.host_failed(instance, error))?;
        }
        if listened {
            // SAFETY: this ends what was begun above; `slots` holds the results.
            unsafe { self.end(slots)? };
        }
        Ok(())
    }

    /// A host function returned an error.
    #[cold]
    fn host_failed(&self, caller: &Instance, mut error: Error) -> Raised {
        if let Some((saved, results)) = self.asked_restore(&error) {
            if let Some(code) = caller.exit_code().or_else(|| self.instance().exit_code()) {
                return self.raise_exit(code);
            }
            self.set_ending(Ending::Restore { error, saved, results });
            return Raised;
        }
        let ErrorKind::Exit(ExitError { code }) = *error.kind() else {
            walk::extend_backtrace(&mut error, self);
            return self.raise_error(error);
        };
        // An exit closes the module that called, unless the call was ended from outside: then
        // the entered module is closed.
        let closed = self.instance().exit_code() == Some(code);
        let cancelled = self.store().config().close_on_context_done
            && self.context().done().is_some_and(|reason| reason.exit_code() == code);
        let instance = if cancelled { self.instance() } else { caller };
        if !closed {
            let close = || instance.closing().close(self.store(), self.context(), code);
            if let Err(payload) = catch_unwind(AssertUnwindSafe(close)) {
                return self.raise_panic(payload);
            }
        }
        self.raise_error(error)
    }
}

/// The fuel of the context's tank, or of the tank that the outer call runs on.
#[cold]
fn fill(thread: &Thread, instance: &Instance, cx: &Context) -> (u64, Option<Fuel>) {
    // SAFETY: outer activations are further out on the same thread's stack.
    let outer = unsafe { thread.current.get().as_ref() };
    let outer = outer.filter(|outer| ptr::eq(outer.store(), &raw const **instance.store()));
    let tank = cx.value::<Fuel>().or_else(|| outer.and_then(Activation::tank)).cloned();
    (tank.as_ref().map_or(u64::MAX, Fuel::take), tank)
}

/// Checks references that a host function returned.
///
/// # Safety
/// `slots` holds the function's results.
unsafe fn admit_results(instance: &Instance, host: &HostRecord, slots: *const u64) -> Result<()> {
    let results = host.reference_results();
    for position in &results.functions {
        // SAFETY: the position is one of the results.
        references::admit_function(instance, unsafe { *slots.add(*position as usize) })?;
    }
    for position in &results.externs {
        // SAFETY: the position is one of the results.
        instance.store().externs().value(unsafe { *slots.add(*position as usize) })?;
    }
    Ok(())
}

/// A panic as the error that listeners are told.
pub(crate) fn panic_error(payload: &(dyn Any + Send)) -> Error {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("panic");
    Error::host(format!("{text} (recovered by wz)"))
}

impl Activation {
    /// Ends it if it has nothing but itself, as most have: then there is nothing to drop.
    #[inline(always)]
    pub(crate) fn end_plain(&self) -> bool {
        // SAFETY: the cells are the thread's own, and nobody holds what is in them.
        let is_plain = unsafe { (*self.cx.get()).is_background() && (*self.module.get()).is_none() };
        if !is_plain || self.has_rare() || self.tank.is_some() {
            return false;
        }
        self.unlink();
        true
    }

    /// The next outer activation is the thread's innermost again.
    #[inline]
    fn unlink(&self) {
        self.thread.current.set(self.parent);
        compiler_fence(Ordering::Release);
        if self.parent.is_null() {
            self.thread.entry().leave();
        }
    }
}

impl Drop for Activation {
    fn drop(&mut self) {
        if ptr::eq(self.thread.current.get(), self) {
            self.unlink();
        }
        self.park_fuel();
        let cleared = self.rare.take().is_some_and(|rare| rare.cleared);
        if cleared && !self.parent.is_null() {
            // An outer call looks for itself.
            Flag::current().set();
        }
    }
}

impl std::fmt::Debug for Activation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Activation").field("instance", self.instance().name()).finish_non_exhaustive()
    }
}
