//! What the core knows of a thread: its innermost activation, the room left on its native stack,
//! and the flag that tells it to look whether it should stop.

use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::activation::Activation;
use crate::reclaim::Entry;
use crate::sys;

/// The native stack that a call needs: the engine's frames, the host function's, and those of
/// whatever reports the overflow.
const STACK_RESERVE: usize = 96 * 1024;

/// How deep calls nest where the bounds of the native stack are unknown.
const MAX_DEPTH: usize = 64;

pub(crate) struct Thread {
    /// The innermost activation, null if there is none.
    pub(crate) current: Cell<*const Activation>,
    /// What others see that the thread uses; none before its first call.
    entry: Cell<Option<&'static Entry>>,
    known: Cell<bool>,
    /// Where the native stack ends; 0 if unknown.
    start: Cell<usize>,
    /// The lowest address of the native stack that a call may begin at,
    low: Cell<usize>,
    /// and how many there are from there on; 0 if unknown.
    room: Cell<usize>,
}

thread_local! {
    static THREAD: Thread = const {
        Thread {
            current: Cell::new(ptr::null()),
            entry: Cell::new(None),
            known: Cell::new(false),
            start: Cell::new(0),
            low: Cell::new(0),
            room: Cell::new(0),
        }
    };
    static FLAG: Arc<Flag> = Flag::register();
    static GIVES_BACK: GivesBack = const { GivesBack };
}

/// Gives the thread's entry back when the thread ends.
struct GivesBack;

impl Drop for GivesBack {
    fn drop(&mut self) {
        if let Some(entry) = Thread::current().entry.take() {
            entry.give_back();
        }
    }
}

impl Thread {
    /// The current thread's.
    pub(crate) fn current() -> &'static Self {
        // SAFETY: the variable is never destroyed (it has no destructor), and the reference does
        // not leave the thread: `Thread` is not `Sync`.
        THREAD.with(|thread| unsafe { &*ptr::from_ref(thread) })
    }

    /// The innermost activation.
    pub(crate) fn activation(&self) -> Option<&Activation> {
        // SAFETY: the activation lives until it is the innermost one no more, which it stays while
        // whatever it called runs.
        unsafe { self.current.get().as_ref() }
    }

    /// What others see that the thread uses.
    #[inline]
    pub(crate) fn entry(&self) -> &'static Entry {
        self.entry.get().unwrap_or_else(|| self.take_entry())
    }

    #[cold]
    fn take_entry(&self) -> &'static Entry {
        let entry = Entry::take();
        self.entry.set(Some(entry));
        // A thread that is ending keeps it for good.
        let _ = GIVES_BACK.try_with(|_| ());
        entry
    }

    /// Whether enough of the native stack is left for a call.
    #[inline(always)]
    pub(crate) fn has_stack(&self) -> bool {
        let here = here();
        here.wrapping_sub(self.low.get()) < self.room.get() || self.has_stack_slow(here)
    }

    /// How many bytes of the native stack are left; none if its bounds are unknown.
    fn stack_left(&self) -> Option<usize> {
        self.has_stack();
        let end = self.low.get() + self.room.get();
        let here = here();
        (self.known.get() && here >= self.start.get() && here < end).then(|| here - self.start.get())
    }

    #[cold]
    fn has_stack_slow(&self, here: usize) -> bool {
        if !self.known.replace(true) {
            let Range { start, end } = sys::stack_bounds().unwrap_or_default();
            let low = start + STACK_RESERVE.min(end.saturating_sub(start) / 2);
            self.start.set(start);
            self.low.set(low);
            self.room.set(end - low);
            return self.has_stack();
        }
        if self.room.get() != 0 && here < self.low.get() && self.low.get() - here <= STACK_RESERVE {
            return false;
        }
        // Unknown bounds, or a stack of the embedder's own making.
        std::iter::successors(self.activation(), |activation| activation.parent()).count() < MAX_DEPTH
    }
}

/// An address of the frame that this is part of.
#[inline(always)]
fn here() -> usize {
    let place = MaybeUninit::<u8>::uninit();
    place.as_ptr() as usize
}

/// How many bytes of the calling thread's native stack are left; none if its bounds are unknown.
#[must_use]
pub fn native_stack_left() -> Option<usize> {
    Thread::current().stack_left()
}

/// A thread's flag: set by others when something happened that may end a call.
#[derive(Debug, Default)]
pub(crate) struct Flag(AtomicU32);

/// The flag that is never set, for runtimes that do not interrupt.
pub(crate) static NEVER: AtomicU32 = AtomicU32::new(0);

fn flags() -> &'static Mutex<Vec<Weak<Flag>>> {
    static FLAGS: Mutex<Vec<Weak<Flag>>> = Mutex::new(Vec::new());
    &FLAGS
}

impl Flag {
    fn register() -> Arc<Self> {
        let flag = Arc::new(Self::default());
        let mut flags = flags().lock();
        flags.retain(|flag| flag.strong_count() > 0);
        flags.push(Arc::downgrade(&flag));
        flag
    }

    /// The current thread's.
    pub(crate) fn current() -> Arc<Self> {
        // A thread that is ending has none any more: nobody pokes it.
        FLAG.try_with(Arc::clone).unwrap_or_default()
    }

    /// The address of the current thread's, for as long as the thread runs guests.
    pub(crate) fn current_address() -> *const AtomicU32 {
        FLAG.try_with(|flag| &raw const flag.0).unwrap_or(&raw const NEVER)
    }

    pub(crate) fn set(&self) {
        // All bits, so that code may test it with any that is not zero.
        self.0.store(u32::MAX, Ordering::SeqCst);
    }
}

/// Makes every thread that runs guests look whether it should stop. What they will look at is
/// in place already.
pub(crate) fn poke_all() {
    for flag in flags().lock().iter().filter_map(Weak::upgrade) {
        flag.set();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_stacks_are_noticed_in_time() {
        use std::thread;
        fn recurse(depth: u32) -> u32 {
            let frame = std::hint::black_box([depth; 256]);
            if Thread::current().has_stack() { recurse(depth + 1).max(frame[0]) } else { depth }
        }
        for size in [256 * 1024, 2 << 20] {
            let depth = thread::Builder::new().stack_size(size).spawn(|| recurse(0)).unwrap();
            assert!(depth.join().unwrap() > 10);
            let left = thread::Builder::new().stack_size(size).spawn(native_stack_left).unwrap();
            assert!((size - 32 * 1024..=size).contains(&left.join().unwrap().unwrap()));
        }
    }

    #[test]
    fn pokes_reach_other_threads() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let flag = Flag::current();
            sender.send(()).unwrap();
            while flag.0.load(Ordering::SeqCst) == 0 {
                std::thread::yield_now();
            }
        });
        receiver.recv().unwrap();
        poke_all();
        thread.join().unwrap();
    }
}
