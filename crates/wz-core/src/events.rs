//! What listeners are told, and the listened frames that are [`Pending`].
//!
//! Every listened frame is pushed when its listeners were told `before`, and popped when it
//! ends; it keeps the listeners that it began with, so that attaching and detaching meanwhile
//! does not part a `before` from its `after` or `abort`. A frame of a function that another
//! instance of the module listens to, but not this one, is pushed without listeners.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use wz_api::{Context, Error, Module, Result};
use wz_experimental::FunctionListener;

use crate::activation::{Activation, Payload, panic_error};
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
    begun: u32,
    /// Whether they changed the context.
    derives: bool,
    /// The context before that; empty otherwise.
    previous: Context,
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
    /// [`listen_before`](Self::listen_before) was called in this frame, whose instance takes part in
    /// the call; `results` points to the results.
    pub unsafe fn listen_after(&self, results: *const u64) -> Result<(), Raised> {
        // SAFETY: as the caller says.
        unsafe { self.end(results) }
    }

    /// A listened function ends with a tail call; its frame is still the innermost one.
    ///
    /// # Errors
    /// If a listener panicked.
    ///
    /// # Safety
    /// As for [`listen_after`](Self::listen_after), without results.
    pub unsafe fn listen_tail_call(&self) -> Result<(), Raised> {
        // SAFETY: as the caller says.
        unsafe {
            self.end_with(|listener, cx, module, cell| listener.tail_call(cx, module, &cell.definition))
        }
    }

    /// Tells the listeners of a function that it begins, and pushes its frame.
    ///
    /// # Safety
    /// `find` looks into the slot of a function that is being called, `instance` takes part
    /// in the call, `params` points to the parameters.
    #[inline]
    pub(crate) unsafe fn begin(
        &self,
        find: impl Fn() -> *const ListenerCell,
        instance: *const Instance,
        params: *const u64,
    ) -> Result<(), Raised> {
        let found = self.thread().entry().protect(find);
        // SAFETY: the thread's entry holds the cell until the frame is popped.
        let Some(cell) = (unsafe { found.as_ref() }) else {
            self.push(found, instance, 0, None);
            return Ok(());
        };
        // SAFETY: as the caller says.
        let params = unsafe { std::slice::from_raw_parts(params, cell.param_slots as usize) };
        // SAFETY: as the caller says; no event of this activation is going on.
        let module = unsafe { self.module_of(instance) };
        let (mut begun, mut previous) = (0, None);
        for listener in &cell.listeners {
            let mut derived = None;
            let told = self.outside(|| {
                catch_unwind(AssertUnwindSafe(|| {
                    let mut stack = StackWalk::new(self, params);
                    derived = listener.before(self.context(), module, &cell.definition, params, &mut stack);
                }))
            });
            if let Err(payload) = told {
                // The frame is pending: those who were told `before` are told `abort`.
                self.push(found, instance, begun, previous);
                return Err(self.raise_panic(payload));
            }
            if let Some(derived) = derived {
                // SAFETY: the listener has returned, nobody holds the context.
                let replaced = unsafe { self.replace_context(derived) };
                previous.get_or_insert(replaced);
            }
            begun += 1;
        }
        self.push(found, instance, begun, previous);
        Ok(())
    }

    /// Pops a frame that returned, and tells its listeners.
    ///
    /// # Safety
    /// `results` points to the results of the function whose frame is the last one pending.
    #[inline]
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
    #[inline(always)]
    unsafe fn end_with(
        &self,
        tell: impl Fn(&dyn FunctionListener, &Context, &Module, &ListenerCell),
    ) -> Result<(), Raised> {
        let Pending { cell, instance, begun, derives, previous } =
            self.pop().expect("each end has its beginning");
        // SAFETY: the thread's entry holds the cell until the end of this.
        if let Some(cell) = unsafe { cell.as_ref() } {
            // SAFETY: as the caller says; no event of this activation is going on.
            let module = unsafe { self.module_of(instance) };
            let mut left = cell.listeners[..begun as usize].iter();
            while let Some(listener) = left.next() {
                let told = self.outside(|| {
                    catch_unwind(AssertUnwindSafe(|| tell(&**listener, self.context(), module, cell)))
                });
                if let Err(payload) = told {
                    let error = panic_error(&*payload);
                    self.outside(|| drop(self.tell_abort(left.as_slice(), cell, module, &error)));
                    self.let_go(derives, previous);
                    return Err(self.raise_panic(payload));
                }
            }
        }
        self.let_go(derives, previous);
        Ok(())
    }

    /// Tells the listeners of all pending frames, innermost first, that these do not return.
    /// Gives the first panic of a listener; the others are told nevertheless.
    pub(crate) fn abort_pending(&self, error: &Error) -> Option<Payload> {
        let mut panic = None;
        while let Some(Pending { cell, instance, begun, derives, previous }) = self.pop() {
            // SAFETY: the thread's entry holds the cell until the frame is let go.
            if let Some(cell) = unsafe { cell.as_ref() } {
                // SAFETY: the instance took part in the call that is ending.
                let module = unsafe { self.module_of(instance) };
                let told = self.tell_abort(&cell.listeners[..begun as usize], cell, module, error);
                panic = panic.or(told);
            }
            self.let_go(derives, previous);
        }
        panic
    }

    /// Tells listeners of a function that it does not return. Gives the first panic of one.
    #[cold]
    fn tell_abort(
        &self,
        listeners: &[Arc<dyn FunctionListener>],
        cell: &ListenerCell,
        module: &Module,
        error: &Error,
    ) -> Option<Payload> {
        let mut panic = None;
        for listener in listeners {
            let told = catch_unwind(AssertUnwindSafe(|| {
                listener.abort(self.context(), module, &cell.definition, error);
            }));
            panic = panic.or(told.err());
        }
        panic
    }

    /// The frame that was popped is over: its caller's context holds again, and its cell may go.
    #[inline]
    fn let_go(&self, derives: bool, previous: Context) {
        if derives {
            self.restore(previous);
        }
        self.thread().entry().release(1);
    }

    #[cold]
    fn restore(&self, previous: Context) {
        // SAFETY: no event of this activation is going on, so nobody holds the context.
        let derived = unsafe { self.replace_context(previous) };
        // What it carries is the embedder's.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(derived))) {
            self.defer_panic(payload);
        }
    }

    #[inline]
    fn push(
        &self,
        cell: *const ListenerCell,
        instance: *const Instance,
        begun: u32,
        previous: Option<Context>,
    ) {
        let derives = previous.is_some();
        let previous = previous.unwrap_or_default();
        // SAFETY: only this thread has the activation, and nothing else uses the list meanwhile.
        let pending = unsafe { &mut *self.pending.get() };
        if pending.len() == pending.capacity() {
            pending.reserve(1);
        }
        let len = pending.len();
        // Field by field: a frame that is put together elsewhere is copied with loads that are wider
        // than the stores before them, which processors have to wait for.
        // SAFETY: there is room for one more, every field of which is written.
        unsafe {
            let frame = pending.as_mut_ptr().add(len);
            (&raw mut (*frame).cell).write(cell);
            (&raw mut (*frame).instance).write(instance);
            (&raw mut (*frame).begun).write(begun);
            (&raw mut (*frame).derives).write(derives);
            (&raw mut (*frame).previous).write(previous);
            pending.set_len(len + 1);
        }
    }

    #[inline]
    fn pop(&self) -> Option<Pending> {
        // SAFETY: only this thread has the activation, and nothing else uses the list meanwhile.
        let pending = unsafe { &mut *self.pending.get() };
        let last = pending.len().checked_sub(1)?;
        // SAFETY: the last frame is taken out of the list. Field by field, as above.
        unsafe {
            pending.set_len(last);
            let frame = pending.as_ptr().add(last);
            let (cell, instance) = ((*frame).cell, (*frame).instance);
            let (begun, derives) = ((*frame).begun, (*frame).derives);
            Some(Pending { cell, instance, begun, derives, previous: (&raw const (*frame).previous).read() })
        }
    }
}
