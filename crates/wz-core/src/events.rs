//! What listeners are told, and the listened frames that are there.
//!
//! Every listened frame is added to the thread's when it begins, and taken away when it has ended;
//! it keeps the listeners that it began with, so that attaching and detaching meanwhile does not part
//! a `before` from its `after` or `abort`. A frame of a function that another instance of the module
//! listens to, but not this one, has no listeners.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use wz_api::{Context, Error, Module, Result};
use wz_experimental::FunctionListener;

use crate::activation::{Activation, Payload, panic_error};
use crate::engine::Raised;
use crate::instance::Instance;
use crate::listen::{ListenerCell, ListenerSlot};
use crate::reclaim::{Entry, ListenedFrame};
use crate::records::InstanceContext;
use crate::walk::StackWalk;

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
    #[inline]
    pub unsafe fn listen_before(
        &self,
        context: *const InstanceContext,
        function: u32,
        params: *const u64,
    ) -> Result<(), Raised> {
        // SAFETY: as the caller says.
        unsafe {
            let instance = Instance::of_context(context);
            let slot = instance.listener_slot(function);
            self.begin(|| slot.map_or(std::ptr::null(), ListenerSlot::get), instance, params)
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
    #[inline]
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

    /// Adds a frame and tells its listeners that it begins.
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
        let entry = self.thread().entry();
        let frame = entry.push_frame(find);
        // SAFETY: the thread's entry holds the cell as long as the frame is there.
        let Some(cell) = (unsafe { frame.cell().as_ref() }) else {
            frame.begin(instance, 0);
            return Ok(());
        };
        frame.begin(instance, cell.listeners.len() as u32);
        // SAFETY: as the caller says.
        let params = unsafe { std::slice::from_raw_parts(params, cell.param_slots as usize) };
        // SAFETY: as the caller says; no event of this activation is going on.
        let module = unsafe { self.module_of(instance) };
        for (position, listener) in cell.listeners.iter().enumerate() {
            let mut derived = None;
            let told = self.outside(|| {
                catch_unwind(AssertUnwindSafe(|| {
                    let mut stack = StackWalk::new(self, params);
                    derived = listener.before(self.context(), module, &cell.definition, params, &mut stack);
                }))
            });
            if let Err(payload) = told {
                // Those who were told `before` are told `abort`.
                // SAFETY: the frame was added above, and those after it are gone.
                unsafe { entry.top_frame() }.set_begun(position as u32);
                return Err(self.raise_panic(payload));
            }
            if let Some(derived) = derived {
                // SAFETY: as above; the listener has returned, so that nobody holds the context.
                unsafe { self.derive(entry.top_frame(), derived) };
            }
        }
        Ok(())
    }

    /// A listener of the last frame changed the context.
    ///
    /// # Safety
    /// Nobody holds the context.
    #[cold]
    unsafe fn derive(&self, frame: &ListenedFrame, derived: Context) {
        // SAFETY: as the caller says.
        frame.derive(unsafe { self.replace_context(derived) });
    }

    /// Tells the listeners of the last frame that it returned, and takes it away.
    ///
    /// # Safety
    /// `results` points to the results of its function; its instance takes part in the call.
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

    /// Tells the listeners of the last frame something, and takes it away. If one panics, the others
    /// are told that.
    ///
    /// # Safety
    /// The activation has a listened frame, and its instance takes part in the call.
    #[inline(always)]
    unsafe fn end_with(
        &self,
        tell: impl Fn(&dyn FunctionListener, &Context, &Module, &ListenerCell),
    ) -> Result<(), Raised> {
        let entry = self.thread().entry();
        // SAFETY: as the caller says.
        let frame = unsafe { entry.top_frame() };
        let derives = frame.derives();
        // SAFETY: the thread's entry holds the cell as long as the frame is there.
        if let Some(cell) = unsafe { frame.cell().as_ref() } {
            // SAFETY: as the caller says; no event of this activation is going on.
            let module = unsafe { self.module_of(frame.instance.get()) };
            let mut left = cell.listeners[..frame.begun()].iter();
            while let Some(listener) = left.next() {
                let told = self.outside(|| {
                    catch_unwind(AssertUnwindSafe(|| tell(&**listener, self.context(), module, cell)))
                });
                if let Err(payload) = told {
                    let error = panic_error(&*payload);
                    self.outside(|| drop(self.tell_abort(left.as_slice(), cell, module, &error)));
                    // SAFETY: it is the last one again.
                    unsafe { self.let_go(entry, derives) };
                    return Err(self.raise_panic(payload));
                }
            }
        }
        // SAFETY: it is the last one again.
        unsafe { self.let_go(entry, derives) };
        Ok(())
    }

    /// Tells the listeners of all frames of the activation, innermost first, that these do not
    /// return. Gives the first panic of a listener; the others are told nevertheless.
    pub(crate) fn abort_pending(&self, error: &Error) -> Option<Payload> {
        self.abort_above(self.frames_below(), error)
    }

    /// The same for the thread's listened frames but the first `depth`.
    pub(crate) fn abort_above(&self, depth: usize, error: &Error) -> Option<Payload> {
        let entry = self.thread().entry();
        let mut panic = None;
        while entry.depth() > depth {
            // SAFETY: there is a frame; its instance took part in the call that is ending.
            let frame = unsafe { entry.top_frame() };
            let (derives, begun) = (frame.derives(), frame.begun());
            // SAFETY: the thread's entry holds the cell as long as the frame is there.
            if let Some(cell) = unsafe { frame.cell().as_ref() } {
                // SAFETY: the instance took part in the call that is ending.
                let module = unsafe { self.module_of(frame.instance.get()) };
                let told = self.tell_abort(&cell.listeners[..begun], cell, module, error);
                panic = panic.or(told);
            }
            // SAFETY: it is the last one again.
            unsafe { self.let_go(entry, derives) };
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

    /// Takes the last frame away: its caller's context holds again, and its cell may go.
    ///
    /// # Safety
    /// The activation has a frame, and nobody holds the context.
    #[inline]
    unsafe fn let_go(&self, entry: &Entry, derives: bool) {
        // SAFETY: as the caller says.
        unsafe {
            if derives {
                self.restore(entry.top_frame().take_previous());
            }
            entry.pop_frame();
        }
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
}
