//! When what other threads may still use is freed.
//!
//! Two kinds of use are noted per thread, in an [`Entry`] that others read:
//! - that the thread is inside a call, since which epoch: for what a call may have found anywhere
//!   on its way, like code. A [`Queue`] frees it when all calls that were running have ended;
//! - which listener cells its frames hold: these are replaced often and calls may run for ever, so
//!   they are freed as soon as no frame holds them ([`unprotected`]).
//!
//! Noting is plain stores. Whoever frees makes all threads fence first, where the system can do
//! that; elsewhere the threads fence themselves.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering, compiler_fence, fence};

use parking_lot::Mutex;

use crate::listen::ListenerCell;
use crate::sys;

/// The current epoch. 0 means that a thread is outside.
static NOW: AtomicU64 = AtomicU64::new(1);

/// All entries that there ever were. Only grows.
static ENTRIES: Mutex<Vec<&'static Entry>> = Mutex::new(Vec::new());

/// What waits, as everybody but code's own may free it.
static WAITING: Queue = Queue::new();

/// How many places there are at first, and how many are kept when a thread leaves.
const PLACES: usize = 64;

/// What a thread uses. Never freed; when the thread ends, another takes it over.
pub(crate) struct Entry {
    /// In which epoch the thread's outermost call began; 0 if it is in none.
    epoch: AtomicU64,
    taken: AtomicBool,
    /// Whether others make this thread fence.
    is_fenced: bool,
    /// How many places are in use. Only its thread changes it.
    depth: AtomicUsize,
    /// The places, which only the thread replaces, and only while it holds the lock.
    places: Mutex<Box<[AtomicPtr<ListenerCell>]>>,
    /// Where they are and how many, for the thread alone.
    base: Own<*const AtomicPtr<ListenerCell>>,
    capacity: Own<usize>,
}

/// What only the thread that has the entry uses.
struct Own<T>(Cell<T>);

// SAFETY: only the thread that took the entry uses it, and taking synchronizes.
unsafe impl<T> Sync for Own<T> {}
// SAFETY: as above.
unsafe impl<T> Send for Own<T> {}

fn places(count: usize) -> Box<[AtomicPtr<ListenerCell>]> {
    std::iter::repeat_with(AtomicPtr::default).take(count).collect()
}

impl Entry {
    /// An entry for the calling thread, until [`give_back`](Self::give_back).
    #[cold]
    pub(crate) fn take() -> &'static Self {
        let mut entries = ENTRIES.lock();
        let free = |entry: &&&Self| {
            entry.taken.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
        };
        if let Some(entry) = entries.iter().find(free) {
            return entry;
        }
        let places = places(PLACES);
        let entry: &'static Self = Box::leak(Box::new(Self {
            epoch: AtomicU64::new(0),
            taken: AtomicBool::new(true),
            is_fenced: sys::process_barrier_available(),
            depth: AtomicUsize::new(0),
            base: Own(Cell::new(places.as_ptr())),
            capacity: Own(Cell::new(PLACES)),
            places: Mutex::new(places),
        }));
        entries.push(entry);
        entry
    }

    /// Another thread may have the entry.
    pub(crate) fn give_back(&self) {
        debug_assert_eq!(self.depth.load(Ordering::Relaxed), 0, "the thread has no frames");
        self.leave();
        self.taken.store(false, Ordering::Release);
    }

    #[inline]
    fn fence(&self) {
        if self.is_fenced {
            compiler_fence(Ordering::SeqCst);
        } else {
            fence(Ordering::SeqCst);
        }
    }

    /// The thread's outermost call begins.
    #[inline]
    pub(crate) fn enter(&self) {
        self.epoch.store(NOW.load(Ordering::Acquire), Ordering::Relaxed);
        self.fence();
    }

    /// The thread's outermost call ends.
    #[inline]
    pub(crate) fn leave(&self) {
        self.epoch.store(0, Ordering::Release);
        if self.capacity.0.get() > PLACES {
            self.resize(PLACES);
        }
    }

    /// Looks up a cell and keeps it until the [`release`](Self::release) of the same depth.
    #[inline]
    pub(crate) fn protect(&self, find: impl Fn() -> *const ListenerCell) -> *const ListenerCell {
        let depth = self.depth.load(Ordering::Relaxed);
        if depth == self.capacity.0.get() {
            self.resize(depth * 2);
        }
        // SAFETY: `depth` is below the number of places.
        let place = unsafe { &*self.base.0.get().add(depth) };
        self.depth.store(depth + 1, Ordering::Relaxed);
        let mut cell = find();
        loop {
            place.store(cell.cast_mut(), Ordering::Relaxed);
            self.fence();
            // What is still there after the fence is freed by nobody who does not see the place.
            let again = find();
            if ptr::eq(cell, again) {
                return cell;
            }
            cell = again;
        }
    }

    /// The frames of the last `count` lookups have ended.
    #[inline]
    pub(crate) fn release(&self, count: usize) {
        let depth = self.depth.load(Ordering::Relaxed);
        debug_assert!(count <= depth, "each end has its beginning");
        self.depth.store(depth - count, Ordering::Release);
    }

    #[cold]
    fn resize(&self, count: usize) {
        let new = places(count);
        let mut current = self.places.lock();
        for (new, old) in new.iter().zip(current.iter()) {
            new.store(old.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        self.base.0.set(new.as_ptr());
        self.capacity.0.set(count);
        *current = new;
    }
}

/// Takes from a list of cells that can no longer be found those that no frame holds.
pub(crate) fn unprotected(retired: &mut Vec<Arc<ListenerCell>>) -> Vec<Arc<ListenerCell>> {
    fence(Ordering::SeqCst);
    sys::process_barrier();
    let mut held = Vec::new();
    for entry in &*ENTRIES.lock() {
        let places = entry.places.lock();
        let depth = entry.depth.load(Ordering::Acquire);
        held.extend(places[..depth.min(places.len())].iter().map(|place| place.load(Ordering::Relaxed)));
    }
    held.sort_unstable();
    held.dedup();
    retired.extract_if(.., |cell| held.binary_search(&Arc::as_ptr(cell).cast_mut()).is_err()).collect()
}

/// Things that wait until nobody can use them any more.
#[derive(Default)]
pub struct Queue {
    /// With the last epoch of the calls that may use them.
    waiting: Mutex<Vec<(u64, Box<dyn Send>)>>,
}

impl Queue {
    /// An empty one.
    #[must_use]
    pub const fn new() -> Self {
        Self { waiting: Mutex::new(Vec::new()) }
    }

    /// Has [`collect`](Self::collect) drop `value` once every call has ended that is running now
    /// and might have found it. It can no longer be found.
    pub fn retire(&self, value: Box<dyn Send>) {
        let epoch = NOW.fetch_add(1, Ordering::SeqCst);
        self.waiting.lock().push((epoch, value));
    }

    /// Drops what was retired and can no longer be in use.
    pub fn collect(&self) {
        if self.waiting.lock().is_empty() {
            return;
        }
        fence(Ordering::SeqCst);
        sys::process_barrier();
        let epochs: Vec<u64> =
            ENTRIES.lock().iter().map(|entry| entry.epoch.load(Ordering::SeqCst)).collect();
        let oldest = epochs.into_iter().filter(|epoch| *epoch != 0).min().unwrap_or(u64::MAX);
        let free: Vec<_> = self.waiting.lock().extract_if(.., |(epoch, _)| *epoch < oldest).collect();
        // Outside of the lock: what is dropped may retire more.
        drop(free);
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.lock().len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("waiting", &self.len()).finish()
    }
}

/// Has [`collect`] drop `value` once every call has ended that is running now and might have found
/// it. It can no longer be found.
pub fn retire(value: Box<dyn Send>) {
    WAITING.retire(value);
}

/// Drops what was [retired](retire) and can no longer be in use. Not to be called with locks held:
/// what is dropped may be the embedder's.
pub fn collect() {
    WAITING.collect();
}

/// Keeps what can be found from being freed, as a call would, for those who look without one.
pub struct Pin(&'static Entry, PhantomData<*const ()>);

impl Pin {
    /// Pins until dropped.
    #[must_use]
    pub fn new() -> Self {
        let entry = Entry::take();
        entry.enter();
        Self(entry, PhantomData)
    }
}

impl std::fmt::Debug for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pin").finish_non_exhaustive()
    }
}

impl Default for Pin {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.0.give_back();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    struct Told(std::sync::mpsc::Sender<u32>, u32);

    impl Drop for Told {
        fn drop(&mut self) {
            let _ = self.0.send(self.1);
        }
    }

    #[test]
    fn retired_values_outlive_the_calls_that_were_running() {
        let (sender, dropped) = channel();
        let (entered, has_entered) = channel();
        let (go, goes) = channel::<()>();
        let thread = std::thread::spawn(move || {
            let entry = Entry::take();
            entry.enter();
            entered.send(()).unwrap();
            goes.recv().unwrap();
            entry.leave();
            entry.give_back();
        });
        has_entered.recv().unwrap();
        retire(Box::new(Told(sender, 1)));
        collect();
        assert!(dropped.try_recv().is_err());
        go.send(()).unwrap();
        thread.join().unwrap();
        // Other tests' calls may be running.
        while dropped.try_recv().is_err() {
            collect();
            std::thread::yield_now();
        }
    }

    #[test]
    fn readers_never_see_what_was_freed() {
        static QUEUE: Queue = Queue::new();
        let shared = Arc::new(AtomicPtr::new(Box::into_raw(Box::new(7_u64))));
        let stop = Arc::new(AtomicBool::new(false));
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let (shared, stop) = (shared.clone(), stop.clone());
                std::thread::spawn(move || {
                    let entry = Entry::take();
                    while !stop.load(Ordering::Relaxed) {
                        entry.enter();
                        // SAFETY: the thread is inside, so what it finds is not freed.
                        assert_eq!(unsafe { *shared.load(Ordering::Acquire) }, 7);
                        entry.leave();
                    }
                    entry.give_back();
                })
            })
            .collect();
        struct Poisoned(*mut u64);
        // SAFETY: the box may be freed anywhere.
        unsafe impl Send for Poisoned {}
        impl Drop for Poisoned {
            fn drop(&mut self) {
                // SAFETY: made from a box, and nobody finds it any more.
                drop(unsafe {
                    self.0.write_volatile(0);
                    Box::from_raw(self.0)
                });
            }
        }
        for _ in 0..2000 {
            let old = shared.swap(Box::into_raw(Box::new(7)), Ordering::SeqCst);
            QUEUE.retire(Box::new(Poisoned(old)));
            QUEUE.collect();
        }
        stop.store(true, Ordering::Relaxed);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        // SAFETY: made from a box; all others are gone.
        drop(unsafe { Box::from_raw(shared.load(Ordering::Relaxed)) });
    }
}
