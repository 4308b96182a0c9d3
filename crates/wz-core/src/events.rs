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
use crate::listen::ListenerCell;
use crate::reclaim::Entry;
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
    #[inline(always)]
    pub unsafe fn listen_before(
        &self,
        context: *const InstanceContext,
        function: u32,
        params: *const u64,
    ) -> Result<(), Raised> {
        // SAFETY: as the caller says.
        unsafe { self.begin(|| (*context).listeners_of(function), context, params) }
    }

    /// A listened function returned; its frame is still the innermost one.
    ///
    /// # Errors
    /// If a listener panicked.
    ///
    /// # Safety
    /// [`listen_before`](Self::listen_before) was called in this frame, whose instance takes part in
    /// the call; `results` points to the results.
    #[inline(always)]
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
    /// `find` looks into the slot of a function that is being called, `context` is of an instance that
    /// takes part in the call, `params` points to the parameters.
    #[inline(always)]
    pub(crate) unsafe fn begin(
        &self,
        find: impl Fn() -> *const ListenerCell,
        context: *const InstanceContext,
        params: *const u64,
    ) -> Result<(), Raised> {
        let frame = self.entry().push_frame(find);
        // SAFETY: the thread's entry holds the cell as long as the frame is there.
        let Some(cell) = (unsafe { frame.cell().as_ref() }) else {
            frame.begin(context, 0);
            return Ok(());
        };
        // SAFETY: as the caller says.
        let params = unsafe { std::slice::from_raw_parts(params, cell.param_slots as usize) };
        // SAFETY: as the caller says; no event of this activation is going on.
        let plain = unsafe { self.plain(cell, context) };
        let Some((listener, module)) = plain else {
            frame.begin(context, cell.listeners().len() as u32);
            // SAFETY: as the caller says.
            return unsafe { self.begin_each(cell, context, params) };
        };
        frame.begin(context, 1);
        match self.tell_before(listener, module, cell, params) {
            Ok(None) => Ok(()),
            // SAFETY: the frame was added above, and those after it are gone; the listener has returned.
            told => unsafe { self.told_before(told, 0) },
        }
    }

    /// The listener and what it is told of, if it is the only one, and nothing is to be done but to
    /// tell it, as most often.
    ///
    /// # Safety
    /// As for [`module_of`](Self::module_of).
    #[inline(always)]
    unsafe fn plain<'a>(
        &'a self,
        cell: &'a ListenerCell,
        context: *const InstanceContext,
    ) -> Option<(&'a dyn FunctionListener, &'a Module)> {
        if self.tank().is_some() {
            return None;
        }
        // SAFETY: as the caller says.
        cell.only().zip(unsafe { self.known_module(context) })
    }

    /// The same for any number of listeners, in the frame that was added.
    ///
    /// # Safety
    /// As for [`begin`](Self::begin); the cell is that of the last frame.
    #[inline(never)]
    unsafe fn begin_each(
        &self,
        cell: &ListenerCell,
        context: *const InstanceContext,
        params: &[u64],
    ) -> Result<(), Raised> {
        // SAFETY: as the caller says; no event of this activation is going on.
        let module = unsafe { self.module_of(context) };
        for (position, listener) in cell.listeners().iter().enumerate() {
            match self.outside(|| self.tell_before(&**listener, module, cell, params)) {
                Ok(None) => {}
                // SAFETY: the frame is the last one again; the listener has returned.
                told => unsafe { self.told_before(told, position as u32)? },
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn tell_before(
        &self,
        listener: &dyn FunctionListener,
        module: &Module,
        cell: &ListenerCell,
        params: &[u64],
    ) -> Result<Option<Context>, Payload> {
        catch_unwind(AssertUnwindSafe(|| {
            let mut stack = StackWalk::new(self, params);
            listener.before(self.context(), module, &cell.definition, params, &mut stack)
        }))
    }

    /// What the listener at a position of the last frame's made of its `before`.
    ///
    /// # Safety
    /// There is a frame, and nobody holds the context.
    #[cold]
    unsafe fn told_before(
        &self,
        told: Result<Option<Context>, Payload>,
        position: u32,
    ) -> Result<(), Raised> {
        // SAFETY: as the caller says.
        let frame = unsafe { self.entry().top_frame() };
        match told {
            Ok(None) => {}
            // SAFETY: as the caller says.
            Ok(Some(derived)) => frame.derive(unsafe { self.replace_context(derived) }),
            Err(payload) => {
                // Those who were told `before` are told `abort`.
                frame.set_begun(position);
                return Err(self.raise_panic(payload));
            }
        }
        Ok(())
    }

    /// Tells the listeners of the last frame that it returned, and takes it away.
    ///
    /// # Safety
    /// `results` points to the results of its function; its instance takes part in the call.
    #[inline(always)]
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
        let entry = self.entry();
        // SAFETY: as the caller says.
        let frame = unsafe { entry.top_frame() };
        // SAFETY: the thread's entry holds the cell as long as the frame is there.
        let Some(cell) = (unsafe { frame.cell().as_ref() }) else {
            // SAFETY: as the caller says.
            unsafe { self.let_go(entry, frame.derives()) };
            return Ok(());
        };
        // SAFETY: as the caller says; no event of this activation is going on.
        let plain = unsafe { self.plain(cell, frame.context.get()) };
        if let Some((listener, module)) = plain
            && frame.has_begun_one()
        {
            let told = catch_unwind(AssertUnwindSafe(|| tell(listener, self.context(), module, cell)));
            // SAFETY: it is the last one again.
            unsafe { entry.pop_frame() };
            return told.map_err(|payload| self.raise_panic(payload));
        }
        // SAFETY: as the caller says.
        unsafe { self.end_each(cell, tell) }
    }

    /// The same for any number of listeners.
    ///
    /// # Safety
    /// As for [`end_with`](Self::end_with); the cell is that of the last frame.
    #[inline(never)]
    unsafe fn end_each(
        &self,
        cell: &ListenerCell,
        tell: impl Fn(&dyn FunctionListener, &Context, &Module, &ListenerCell),
    ) -> Result<(), Raised> {
        let entry = self.entry();
        // SAFETY: as the caller says.
        let frame = unsafe { entry.top_frame() };
        let (derives, begun) = (frame.derives(), frame.begun());
        // SAFETY: as the caller says; no event of this activation is going on.
        let module = unsafe { self.module_of(frame.context.get()) };
        let mut left = cell.listeners()[..begun].iter();
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
        let entry = self.entry();
        let mut panic = None;
        while entry.depth() > depth {
            // SAFETY: there is a frame; its instance took part in the call that is ending.
            let frame = unsafe { entry.top_frame() };
            let (derives, begun) = (frame.derives(), frame.begun());
            // SAFETY: the thread's entry holds the cell as long as the frame is there.
            if let Some(cell) = unsafe { frame.cell().as_ref() } {
                // SAFETY: the instance took part in the call that is ending.
                let module = unsafe { self.module_of(frame.context.get()) };
                let told = self.tell_abort(&cell.listeners()[..begun], cell, module, error);
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
