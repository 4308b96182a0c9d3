//! What listeners are told, and the listened frames that are there.
//!
//! Every listened frame is added to the thread's when it begins, and taken away when it has ended;
//! it keeps the listeners that it began with, so that attaching and detaching meanwhile does not part
//! a `before` from its `after` or `abort`. A frame of a function that another instance of the module
//! listens to, but not this one, has no listeners.

use std::hint::cold_path;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use wz_api::{Context, Error, Module, Result};
use wz_experimental::FunctionListener;

use crate::activation::{Activation, Payload, panic_error};
use crate::engine::Raised;
use crate::listen::{ListenerCell, ListenerSlot};
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
    pub unsafe fn listen_before(
        &self,
        context: *const InstanceContext,
        function: u32,
        params: *const u64,
    ) -> Result<(), Raised> {
        // SAFETY: as the caller says.
        unsafe { self.begin((*context).listener_slot(function), context, params) }
    }

    /// The same if there is but one listener, and nothing is to be done but to tell it, as mostly. None
    /// if nothing was done.
    ///
    /// # Safety
    /// As for [`listen_before`](Self::listen_before).
    #[inline(always)]
    pub unsafe fn listen_before_plainly(
        &self,
        context: *const InstanceContext,
        function: u32,
        params: *const u64,
    ) -> Option<Result<(), Raised>> {
        // SAFETY: as the caller says.
        unsafe { self.begin_plainly((*context).listener_slot(function), context, params) }
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
        unsafe { self.end_each(None) }
    }

    /// Adds a frame and tells its listener that it begins, if that is all there is to be done. None if
    /// nothing was done.
    ///
    /// # Safety
    /// As for [`begin`](Self::begin).
    #[inline(always)]
    unsafe fn begin_plainly(
        &self,
        slot: Option<&ListenerSlot>,
        context: *const InstanceContext,
        params: *const u64,
    ) -> Option<Result<(), Raised>> {
        // SAFETY: as the caller says; no event of this activation is going on.
        let (module, entry) = unsafe { self.plain_module(context) }?;
        let (frame, cell) = entry.try_push_frame(slot?)?;
        // SAFETY: the thread's entry holds the cell as long as the frame is there.
        let cell = unsafe { cell.as_ref() };
        let Some((cell, listener)) = cell.and_then(|cell| Some((cell, cell.only()?))) else {
            cold_path();
            // SAFETY: the frame was just added.
            unsafe { entry.pop_frame() };
            return None;
        };
        frame.begin(context, 1);
        // SAFETY: as the caller says.
        let told = unsafe { self.tell_before(listener, module, cell, params) };
        // SAFETY: the frame was added above, and those after it are gone.
        Some(told.map_err(|payload| unsafe { self.before_panicked(0, payload) }))
    }

    /// Adds a frame and tells its listeners that it begins.
    ///
    /// # Safety
    /// The slot is that of a function that is being called; `context` is of an instance that takes part
    /// in the call; `params` points to the parameters.
    pub(crate) unsafe fn begin(
        &self,
        slot: Option<&ListenerSlot>,
        context: *const InstanceContext,
        params: *const u64,
    ) -> Result<(), Raised> {
        // SAFETY: as the caller says.
        if let Some(told) = unsafe { self.begin_plainly(slot, context, params) } {
            return told;
        }
        let frame = self.entry().push_frame(slot);
        // SAFETY: the thread's entry holds the cell as long as the frame is there.
        let Some(cell) = (unsafe { frame.cell().as_ref() }) else {
            frame.begin(context, 0);
            return Ok(());
        };
        frame.begin(context, cell.listeners().len() as u32);
        // SAFETY: as the caller says; no event of this activation is going on.
        let module = unsafe { self.module_of(context) };
        for (position, listener) in cell.listeners().iter().enumerate() {
            // SAFETY: as the caller says.
            let told = self.outside(|| unsafe { self.tell_before(&**listener, module, cell, params) });
            // SAFETY: the frame is the last one again.
            told.map_err(|payload| unsafe { self.before_panicked(position as u32, payload) })?;
        }
        Ok(())
    }

    /// Tells a listener of the last frame's.
    ///
    /// # Safety
    /// `params` points to the parameters of the function that the cell is of; nobody holds the context.
    #[inline(always)]
    unsafe fn tell_before(
        &self,
        listener: &dyn FunctionListener,
        module: &Module,
        cell: &ListenerCell,
        params: *const u64,
    ) -> Result<(), Payload> {
        // SAFETY: as the caller says.
        let params = unsafe { std::slice::from_raw_parts(params, cell.param_slots as usize) };
        catch_unwind(AssertUnwindSafe(|| {
            let mut stack = StackWalk::new(self, params);
            let derived = listener.before(self.context(), module, &cell.definition, params, &mut stack);
            if let Some(derived) = derived {
                // SAFETY: the frame is the last one again; the listener has returned.
                unsafe { self.derive(derived) };
            }
        }))
    }

    /// A listener of the last frame's changed the context.
    ///
    /// # Safety
    /// There is a frame, and nobody holds the context.
    #[cold]
    unsafe fn derive(&self, derived: Context) {
        // SAFETY: as the caller says.
        unsafe { self.entry().top_frame().derive(self.replace_context(derived)) }
    }

    /// The listener at a position of the last frame's panicked in `before`: those who were told before it
    /// are told `abort`.
    ///
    /// # Safety
    /// There is a frame.
    #[cold]
    unsafe fn before_panicked(&self, position: u32, payload: Payload) -> Raised {
        // SAFETY: as the caller says.
        unsafe { self.entry().top_frame() }.set_begun(position);
        self.raise_panic(payload)
    }

    /// Tells the listeners of the last frame that it returned, and takes it away. If one panics, the
    /// others are told that.
    ///
    /// # Safety
    /// The activation has a listened frame, and its instance takes part in the call; `results` points to
    /// the results of its function.
    #[inline(always)]
    pub(crate) unsafe fn end(&self, results: *const u64) -> Result<(), Raised> {
        // SAFETY: as the caller says.
        unsafe {
            match self.end_plainly(results) {
                Some(ended) => ended,
                None => {
                    cold_path();
                    self.end_each(Some(results))
                }
            }
        }
    }

    /// The same if there is but one listener, and nothing is to be done but to tell it. None if nothing was
    /// done.
    ///
    /// # Safety
    /// As for [`end`](Self::end).
    #[inline(always)]
    unsafe fn end_plainly(&self, results: *const u64) -> Option<Result<(), Raised>> {
        let entry = self.known_entry()?;
        // SAFETY: as the caller says.
        let frame = unsafe { entry.top_frame() };
        if !frame.has_begun_one() {
            return None;
        }
        // SAFETY: no event of this activation is going on.
        let (module, _) = unsafe { self.plain_module(frame.context.get()) }?;
        // SAFETY: the thread's entry holds the cell as long as the frame is there.
        let cell = unsafe { frame.cell().as_ref() }?;
        // SAFETY: as the caller says.
        let told = unsafe { self.tell_end(cell.only()?, module, cell, Some(results)) };
        // SAFETY: it is the last one again.
        unsafe { entry.pop_frame() };
        Some(told.map_err(|payload| self.raise_panic(payload)))
    }

    /// The same whatever there is to be done; without results the function ended with a tail call.
    ///
    /// # Safety
    /// As for [`end`](Self::end).
    #[inline(never)]
    unsafe fn end_each(&self, results: Option<*const u64>) -> Result<(), Raised> {
        let entry = self.entry();
        // SAFETY: as the caller says.
        let frame = unsafe { entry.top_frame() };
        let (derives, begun) = (frame.derives(), frame.begun());
        // SAFETY: the thread's entry holds the cell as long as the frame is there.
        if let Some(cell) = unsafe { frame.cell().as_ref() } {
            // SAFETY: as the caller says; no event of this activation is going on.
            let module = unsafe { self.module_of(frame.context.get()) };
            let mut left = cell.listeners()[..begun].iter();
            while let Some(listener) = left.next() {
                // SAFETY: as the caller says.
                let told = self.outside(|| unsafe { self.tell_end(&**listener, module, cell, results) });
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

    /// # Safety
    /// `results` points to the results of the function that the cell is of, if there are any.
    #[inline(always)]
    unsafe fn tell_end(
        &self,
        listener: &dyn FunctionListener,
        module: &Module,
        cell: &ListenerCell,
        results: Option<*const u64>,
    ) -> Result<(), Payload> {
        let (cx, definition) = (self.context(), &cell.definition);
        catch_unwind(AssertUnwindSafe(|| match results {
            Some(results) => {
                // SAFETY: as the caller says.
                let results = unsafe { std::slice::from_raw_parts(results, cell.result_slots as usize) };
                listener.after(cx, module, definition, results);
            }
            None => listener.tail_call(cx, module, definition),
        }))
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
