//! What listeners are told, and the listened frames that are [`Pending`].
//!
//! Every listened frame is pushed before its listeners are told `before`, and popped when it
//! ends; it keeps the listeners that it began with, so that attaching and detaching meanwhile
//! does not part a `before` from its `after` or `abort`. A frame of a function that another
//! instance of the module listens to, but not this one, is pushed without listeners.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use wz_api::{Context, Error, Module, Result};
use wz_experimental::FunctionListener;

use crate::activation::{Activation, panic_error};
use crate::engine::Raised;
use crate::instance::Instance;
use crate::listen::ListenerCell;
use crate::records::InstanceContext;
use crate::walk::StackWalk;

/// A listened frame.
#[derive(Debug)]
pub(crate) struct Pending {
    /// Null if there are no listeners. The thread's entry holds it as long as the frame is here.
    cell: *const ListenerCell,
    instance: *const Instance,
    /// How many listeners were told `before`.
    begun: usize,
    /// The context before the listeners changed it.
    previous: Option<Context>,
}

/// A frame that was popped lets its cell go when this is dropped.
struct Releases<'a>(&'a Activation);

impl Drop for Releases<'_> {
    fn drop(&mut self) {
        self.0.thread().entry().release(1);
    }
}

impl Activation {
    /// A listened function is about to run. Its own frame is already the innermost one that
    /// `Engine::next_frame` gives. If this fails, no `listen_after` is due.
    ///
    /// # Errors
    /// If a listener panicked.
    ///
    /// # Safety
    /// `context` is of the instance that runs, `function` a function that it defines, and
    /// `params` points to its parameters.
    pub unsafe fn listen_before(
        &self,
        context: *const InstanceContext,
        function: u32,
        params: *const u64,
    ) -> Result<(), Raised> {
        // SAFETY: as the caller says.
        unsafe {
            let instance = Instance::of_context(context);
            self.begin(|| instance.listeners(function), instance, params)
        }
    }

    /// A listened function returned; its frame is still the innermost one.
    ///
    /// # Errors
    /// If a listener panicked.
    ///
    /// # Safety
    /// As for [`listen_before`](Self::listen_before), which this frame made; `results` points to
    /// the results.
    pub unsafe fn listen_after(
        &self,
        context: *const InstanceContext,
        function: u32,
        results: *const u64,
    ) -> Result<(), Raised> {
        let _ = (context, function);
        // SAFETY: as the caller says.
        unsafe { self.end(results) }
    }

    /// A listened function ends with a tail call; its frame is still the innermost one.
    ///
    /// # Errors
    /// If a listener panicked.
    ///
    /// # Safety
    /// As for [`listen_before`](Self::listen_before), which this frame made.
    pub unsafe fn listen_tail_call(
        &self,
        context: *const InstanceContext,
        function: u32,
    ) -> Result<(), Raised> {
        let _ = (context, function);
        // SAFETY: as the caller says.
        unsafe {
            self.end_with(|listener, cx, module, cell| listener.tail_call(cx, module, &cell.definition))
        }
    }

    /// Pushes a frame and tells its listeners.
    ///
    /// # Safety
    /// `find` looks into the slot of a function that is being called, `instance` takes part
    /// in the call, `params` points to the parameters.
    pub(crate) unsafe fn begin(
        &self,
        find: impl Fn() -> *const ListenerCell,
        instance: *const Instance,
        params: *const u64,
    ) -> Result<(), Raised> {
        let cell = self.thread().entry().protect(find);
        self.push(Pending { cell, instance, begun: 0, previous: None });
        // SAFETY: the frame holds the cell until it is popped.
        let Some(cell) = (unsafe { cell.as_ref() }) else { return Ok(()) };
        // SAFETY: as the caller says.
        let params = unsafe { std::slice::from_raw_parts(params, cell.param_slots as usize) };
        // SAFETY: as the caller says; no event of this activation is going on.
        let module = unsafe { self.module_of(instance) };
        for listener in &cell.listeners {
            let told = self.outside(|| {
                catch_unwind(AssertUnwindSafe(|| {
                    let mut stack = StackWalk::new(self, params);
                    listener.before(self.context(), module, &cell.definition, params, &mut stack)
                }))
            });
            let derived = match told {
                Ok(derived) => derived,
                // The frame stays pending: those who were told `before` are told `abort`.
                Err(payload) => return Err(self.raise_panic(payload)),
            };
            // SAFETY: the listener has returned, nobody holds the context.
            let previous = derived.map(|derived| unsafe { self.replace_context(derived) });
            self.with_pending(|pending| {
                let frame = pending.last_mut().expect("the frame was pushed above");
                frame.begun += 1;
                if frame.previous.is_none() {
                    frame.previous = previous;
                }
            });
        }
        Ok(())
    }

    /// Pops a frame that returned, and tells its listeners.
    ///
    /// # Safety
    /// `results` points to the results of the function whose frame is the last one pending.
    pub(crate) unsafe fn end(&self, results: *const u64) -> Result<(), Raised> {
        // SAFETY: as the caller says.
        unsafe {
            self.end_with(|listener, cx, module, cell| {
                let results = std::slice::from_raw_parts(results, cell.result_slots as usize);
                listener.after(cx, module, &cell.definition, results);
            })
        }
    }

    /// Pops a frame and tells its listeners something. If one panics, the others are told that.
    ///
    /// # Safety
    /// The frame's instance takes part in the call.
    unsafe fn end_with(
        &self,
        tell: impl Fn(&Arc<dyn FunctionListener>, &Context, &Module, &ListenerCell),
    ) -> Result<(), Raised> {
        let frame = self.with_pending(Vec::pop).expect("each end has its beginning");
        let _releases = Releases(self);
        // SAFETY: the frame holds the cell until it is released here.
        let Some(cell) = (unsafe { frame.cell.as_ref() }) else { return Ok(()) };
        // SAFETY: as the caller says; no event of this activation is going on.
        let module = unsafe { self.module_of(frame.instance) };
        let mut panic: Option<Box<dyn Any + Send>> = None;
        for listener in &cell.listeners[..frame.begun] {
            let told = self.outside(|| {
                catch_unwind(AssertUnwindSafe(|| match &panic {
                    None => tell(listener, self.context(), module, cell),
                    Some(payload) => {
                        let error = panic_error(&**payload);
                        listener.abort(self.context(), module, &cell.definition, &error);
                    }
                }))
            });
            panic = panic.or(told.err());
        }
        self.restore(frame.previous);
        match panic {
            None => Ok(()),
            Some(payload) => Err(self.raise_panic(payload)),
        }
    }

    /// Tells the listeners of all pending frames, innermost first, that these do not return.
    /// Gives the first panic of a listener; the others are told nevertheless.
    pub(crate) fn abort_pending(&self, error: &Error) -> Option<Box<dyn Any + Send>> {
        let mut panic = None;
        while let Some(frame) = self.with_pending(Vec::pop) {
            let _releases = Releases(self);
            // SAFETY: the frame holds the cell until it is released here.
            if let Some(cell) = unsafe { frame.cell.as_ref() } {
                // SAFETY: the instance took part in the call that is ending.
                let module = unsafe { self.module_of(frame.instance) };
                for listener in &cell.listeners[..frame.begun] {
                    let told = catch_unwind(AssertUnwindSafe(|| {
                        listener.abort(self.context(), module, &cell.definition, error);
                    }));
                    panic = panic.or(told.err());
                }
            }
            self.restore(frame.previous);
        }
        panic
    }

    fn restore(&self, previous: Option<Context>) {
        if let Some(previous) = previous {
            // SAFETY: no event of this activation is going on, so nobody holds the context.
            drop(unsafe { self.replace_context(previous) });
        }
    }

    fn push(&self, frame: Pending) {
        self.with_pending(|pending| pending.push(frame));
    }

    #[inline]
    fn with_pending<R>(&self, access: impl FnOnce(&mut Vec<Pending>) -> R) -> R {
        // SAFETY: only this thread has the activation, and `access` is one of the short closures
        // of this file, which do not come here again.
        access(unsafe { &mut *self.pending.get() })
    }
}
