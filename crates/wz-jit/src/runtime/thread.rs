//! What the run time keeps per thread: its innermost call and a stack at hand.

use std::cell::{Cell, RefCell};
use std::io;
use std::ptr;

use super::fault::AlternateStack;
use super::guest_stack::GuestStack;
use super::sites::Sites;
use super::state::CallState;

/// What calls need of their thread.
pub(super) struct Thread {
    /// The innermost call; null if there is none. Signal handlers read it.
    pub(super) current: Cell<*const CallState>,
    /// Whether it can run guests.
    is_prepared: Cell<bool>,
    /// A stack that is at hand: boxed, so that it has a place. Null if there is none.
    stack: Cell<*mut GuestStack>,
    /// Room for the parameters of a tail call, from a boxed slice, and its length.
    arguments: Cell<*mut u64>,
    arguments_len: Cell<usize>,
    /// What walks have found lately.
    pub(super) sites: Sites,
}

thread_local! {
    static THREAD: Thread = const {
        Thread {
            current: Cell::new(ptr::null()),
            is_prepared: Cell::new(false),
            stack: Cell::new(ptr::null_mut()),
            arguments: Cell::new(ptr::null_mut()),
            arguments_len: Cell::new(0),
            sites: Sites::new(),
        }
    };
    /// Gives back what the thread has when it ends.
    static CLEANUP: RefCell<Option<Cleanup>> = const { RefCell::new(None) };
}

struct Cleanup(#[expect(dead_code, reason = "dropped when the thread ends")] Option<AlternateStack>);

impl Drop for Cleanup {
    fn drop(&mut self) {
        let thread = Thread::current();
        if let Some(stack) = thread.take_stack() {
            stack.release();
        }
        thread.set_arguments(Box::default());
        thread.is_prepared.set(false);
    }
}

impl Thread {
    /// The current thread's.
    #[inline]
    pub(super) fn current() -> &'static Self {
        // SAFETY: the variable has no destructor, and the reference does not leave the thread:
        // `Thread` is not `Sync`.
        THREAD.with(|thread| unsafe { &*ptr::from_ref(thread) })
    }

    /// Makes the thread ready to run guests, if it is not.
    ///
    /// # Errors
    /// If the system has no room for an alternate signal stack.
    fn prepare(&self) -> io::Result<()> {
        if self.is_prepared.get() {
            return Ok(());
        }
        let mut alternate = Some(AlternateStack::install()?);
        let kept =
            CLEANUP.try_with(|cleanup| *cleanup.borrow_mut() = Some(Cleanup(alternate.take().flatten())));
        if kept.is_err() {
            // A thread that is ending already has no cleanup any more: it keeps what it has.
            std::mem::forget(alternate);
        }
        self.is_prepared.set(true);
        Ok(())
    }

    /// The stack that is at hand, if it is of this size: the thread is ready to run guests. In use
    /// while there is a call.
    #[inline]
    pub(super) fn stack_at_hand(&self, len_bytes: usize) -> Option<*const GuestStack> {
        let stack = self.stack.get();
        // SAFETY: made from a box, and only freed by this thread.
        (!stack.is_null() && unsafe { (*stack).len_bytes() } == len_bytes).then_some(stack.cast_const())
    }

    /// Makes the thread ready to run guests, with a stack of this size at hand; one of another size
    /// goes to the pool. There is no call.
    ///
    /// # Errors
    /// If the system has no room.
    #[cold]
    pub(super) fn bring_stack(&self, len_bytes: usize) -> io::Result<*const GuestStack> {
        self.prepare()?;
        debug_assert!(self.current.get().is_null(), "no stack is in use");
        let stack = Box::into_raw(Box::new(GuestStack::acquire(len_bytes)?));
        if let Some(old) = self.take_stack() {
            old.release();
        }
        self.stack.set(stack);
        Ok(stack)
    }

    /// Copies parameters to where they stay until the next call of this.
    ///
    /// # Safety
    /// There are `count` words at `from`.
    pub(super) unsafe fn keep_arguments(&self, from: *const u64, count: usize) -> *mut u64 {
        if count > self.arguments_len.get() {
            self.set_arguments(vec![0; count.next_power_of_two()].into());
        }
        // SAFETY: there is room for as many words, which only this thread uses.
        unsafe { self.arguments.get().copy_from_nonoverlapping(from, count) };
        self.arguments.get()
    }

    fn set_arguments(&self, arguments: Box<[u64]>) {
        let len = self.arguments_len.replace(arguments.len());
        let old = self.arguments.replace(Box::into_raw(arguments).cast());
        if !old.is_null() {
            // SAFETY: made from a box of this length, here.
            drop(unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(old, len)) });
        }
    }

    fn take_stack(&self) -> Option<Box<GuestStack>> {
        let stack = self.stack.replace(ptr::null_mut());
        // SAFETY: made from a box, and nobody else has it.
        (!stack.is_null()).then(|| unsafe { Box::from_raw(stack) })
    }
}
