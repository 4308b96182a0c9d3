//! Epochs: when what was taken away from the lock-free structures can be freed. A thread that is
//! inside a call, or is pinned, notes the epoch in which it came; what is retired later than that
//! stays until it is gone.
//!
//! Entering is a store without a fence: whoever retires makes all threads fence, where the system
//! can do that.

use std::marker::PhantomData;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering, compiler_fence, fence};

use parking_lot::Mutex;

use super::sys;

/// The current epoch. 0 means that a thread is outside.
static NOW: AtomicU64 = AtomicU64::new(1);

/// All entries that there ever were. Only grows.
static ENTRIES: AtomicPtr<Entry> = AtomicPtr::new(ptr::null_mut());

/// What waits, with the last epoch of those who may use it.
static WAITING: Mutex<Vec<(u64, Box<dyn Send>)>> = Mutex::new(Vec::new());

/// A thread's entry. Never freed; another thread takes it over.
#[derive(Debug)]
pub struct Entry {
    epoch: AtomicU64,
    taken: AtomicBool,
    /// Whether those who free make this thread fence, so that it does not have to.
    is_fenced: bool,
    next: *const Self,
}

// SAFETY: `next` is written before the entry is published and entries are never freed.
unsafe impl Send for Entry {}
// SAFETY: as above; the rest is atomic.
unsafe impl Sync for Entry {}

fn entries() -> impl Iterator<Item = &'static Entry> {
    // SAFETY: entries are never freed.
    let first = unsafe { ENTRIES.load(Ordering::Acquire).as_ref() };
    // SAFETY: as above.
    std::iter::successors(first, |entry| unsafe { entry.next.as_ref() })
}

impl Entry {
    /// An entry for the calling thread, until [`release`](Self::release).
    #[must_use]
    pub fn take() -> &'static Self {
        let free = |entry: &&Self| {
            entry.taken.compare_exchange(false, true, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        };
        if let Some(entry) = entries().find(free) {
            return entry;
        }
        let entry = Box::into_raw(Box::new(Self {
            epoch: AtomicU64::new(0),
            taken: AtomicBool::new(true),
            is_fenced: sys::process_barrier_available(),
            next: ptr::null(),
        }));
        let mut head = ENTRIES.load(Ordering::Relaxed);
        loop {
            // SAFETY: the entry is not published yet.
            unsafe { (*entry).next = head };
            match ENTRIES.compare_exchange_weak(head, entry, Ordering::AcqRel, Ordering::Relaxed) {
                // SAFETY: entries are never freed.
                Ok(_) => return unsafe { &*entry },
                Err(current) => head = current,
            }
        }
    }

    /// Another thread may have the entry.
    pub fn release(&self) {
        self.leave();
        self.taken.store(false, Ordering::Release);
    }

    /// From now on nothing is freed that can still be found.
    #[inline]
    pub fn enter(&self) {
        self.epoch.store(NOW.load(Ordering::Acquire), Ordering::Relaxed);
        if self.is_fenced {
            compiler_fence(Ordering::SeqCst);
        } else {
            fence(Ordering::SeqCst);
        }
    }

    /// The thread uses nothing any more.
    #[inline]
    pub fn leave(&self) {
        self.epoch.store(0, Ordering::Release);
    }

    /// Whether the thread is inside.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.epoch.load(Ordering::Relaxed) != 0
    }
}

/// Keeps what can be found from being freed, for threads that look without being inside a call.
#[derive(Debug)]
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

impl Default for Pin {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// Drops `value` once nobody can use it who found it before now. It can no longer be found.
pub fn retire(value: Box<dyn Send>) {
    let epoch = NOW.fetch_add(1, Ordering::SeqCst);
    WAITING.lock().push((epoch, value));
    collect();
}

/// Drops what nobody can use any more of what was retired.
pub fn collect() {
    if WAITING.lock().is_empty() {
        return;
    }
    fence(Ordering::SeqCst);
    sys::process_barrier();
    let epochs = entries().map(|entry| entry.epoch.load(Ordering::SeqCst));
    let oldest = epochs.filter(|epoch| *epoch != 0).min().unwrap_or(u64::MAX);
    let free: Vec<_> = WAITING.lock().extract_if(.., |(epoch, _)| *epoch < oldest).collect();
    // Outside of the lock: what is dropped may retire more.
    drop(free);
}

/// How many retired things wait, for tests.
#[doc(hidden)]
#[must_use]
pub fn waiting() -> usize {
    WAITING.lock().len()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    struct Counted(Arc<AtomicUsize>);

    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn what_is_retired_outlives_those_who_were_inside() {
        let dropped = Arc::new(AtomicUsize::new(0));
        let outer = Entry::take();
        outer.enter();
        retire(Box::new(Counted(dropped.clone())));
        let later = Entry::take();
        later.enter();
        collect();
        assert_eq!(dropped.load(Ordering::SeqCst), 0);
        outer.release();
        // Other tests may be inside for a moment.
        while dropped.load(Ordering::SeqCst) == 0 {
            collect();
            std::thread::yield_now();
        }
        later.release();
    }

    #[test]
    fn readers_never_see_what_was_freed() {
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
                    entry.release();
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
            retire(Box::new(Poisoned(old)));
        }
        stop.store(true, Ordering::Relaxed);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        // SAFETY: made from a box; all others are gone.
        drop(unsafe { Box::from_raw(shared.load(Ordering::Relaxed)) });
    }
}
