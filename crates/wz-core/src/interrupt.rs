//! What ends calls from outside: [`CallWatch`] has a thread look whether its context is done,
//! [`WakeList`] wakes host functions that block.
//!
//! Nothing here costs anything unless the store closes modules when their context is done, or a
//! host function registers a wake-up. Closing a module, cancelling and deadlines set the flag of
//! the thread (see [`Flag`]); engines find it at loop headers and function entries, and
//! [`Activation::interrupted`](crate::activation::Activation::interrupted) decides.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use wz_api::{CancelWatch, Context};

use crate::thread::Flag;
use crate::timer::{self, TimerRegistration};

/// Sets this thread's flag when a context is done, until dropped.
#[derive(Debug)]
pub(crate) struct CallWatch {
    _tokens: Vec<CancelWatch>,
    _deadline: Option<TimerRegistration>,
}

impl CallWatch {
    pub(crate) fn new(cx: &Context) -> Self {
        let flag = Flag::current();
        Self::calling(cx, move || flag.set())
    }

    fn calling(cx: &Context, wake: impl Fn() + Clone + Send + Sync + 'static) -> Self {
        let tokens = cx.cancel_tokens().map(|token| token.watch(wake.clone())).collect();
        Self { _tokens: tokens, _deadline: cx.deadline().map(|deadline| timer::at(deadline, wake)) }
    }
}

/// Wake-ups of host functions that block.
#[derive(Default)]
pub(crate) struct WakeList(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    next_id: u64,
    entries: Vec<Entry>,
}

struct Entry {
    id: u64,
    /// The instances whose closing ends the wait.
    slots: [usize; 2],
    wake: Arc<Wake>,
    _watch: Option<CallWatch>,
}

/// A wake-up that is called once.
pub(crate) struct Wake {
    called: AtomicBool,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Wake {
    fn call(&self) {
        if !self.called.swap(true, Ordering::SeqCst) {
            (self.wake)();
        }
    }
}

impl WakeList {
    /// Has `wake` called when an instance in one of the slots closes, or when `cx` is done; or
    /// right now if `already` says so after that was arranged.
    pub(crate) fn add(
        &self,
        slots: [usize; 2],
        cx: Option<&Context>,
        wake: Arc<dyn Fn() + Send + Sync>,
        already: impl FnOnce() -> bool,
    ) -> u64 {
        let wake = Arc::new(Wake { called: AtomicBool::new(false), wake });
        let watch = cx.map(|cx| {
            let wake = wake.clone();
            CallWatch::calling(cx, move || wake.call())
        });
        let id = {
            let mut list = self.0.lock();
            let id = list.next_id;
            list.next_id += 1;
            list.entries.push(Entry { id, slots, wake: wake.clone(), _watch: watch });
            id
        };
        if already() {
            wake.call();
        }
        id
    }

    pub(crate) fn remove(&self, id: u64) {
        let mut list = self.0.lock();
        let position = list.entries.iter().position(|entry| entry.id == id);
        let removed = position.map(|position| list.entries.swap_remove(position));
        drop(list);
        drop(removed);
    }

    /// The instance in this slot was closed.
    pub(crate) fn wake(&self, slot: usize) {
        let concerned = |entry: &&Entry| entry.slots.contains(&slot);
        let wakes: Vec<_> =
            self.0.lock().entries.iter().filter(concerned).map(|entry| entry.wake.clone()).collect();
        for wake in wakes {
            wake.call();
        }
    }
}

impl fmt::Debug for WakeList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WakeList").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;
    use std::time::{Duration, Instant};

    fn counter() -> (Arc<AtomicU32>, Arc<dyn Fn() + Send + Sync>) {
        let count = Arc::new(AtomicU32::new(0));
        let counted = count.clone();
        (
            count,
            Arc::new(move || {
                counted.fetch_add(1, Ordering::SeqCst);
            }),
        )
    }

    #[test]
    fn blocked_functions_are_woken_once_by_whatever_is_first() {
        let list = WakeList::default();
        let (cx, token) = Context::background().with_cancel();
        let (count, wake) = counter();
        let id = list.add([1, 2], Some(&cx), wake, || false);
        list.wake(3);
        assert_eq!(count.load(Ordering::SeqCst), 0);
        list.wake(2);
        token.cancel();
        assert_eq!(count.load(Ordering::SeqCst), 1);
        list.remove(id);

        let (count, wake) = counter();
        let id = list.add([1, 1], Some(&Context::background()), wake, || true);
        assert_eq!(count.load(Ordering::SeqCst), 1);
        list.remove(id);
        list.wake(1);
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn deadlines_wake() {
        let list = WakeList::default();
        let (count, wake) = counter();
        let cx = Context::background().with_timeout(Duration::from_millis(5));
        let id = list.add([0, 0], Some(&cx), wake, || false);
        let begun = Instant::now();
        while count.load(Ordering::SeqCst) == 0 {
            assert!(begun.elapsed() < Duration::from_secs(10));
            std::thread::yield_now();
        }
        list.remove(id);
    }
}
