//! When what other threads may still use is freed.
//!
//! Two kinds of use are noted per thread, in an `Entry` that others read:
//! - that the thread is inside a call, since which epoch: for what a call may have found anywhere
//!   on its way, like code. A [`Queue`] frees it when all calls that were running have ended;
//! - which listener cells its frames hold: these are replaced often and calls may run for ever, so
//!   they are freed as soon as no frame holds them (`unprotected`).
//!
//! Noting is plain stores. Whoever frees makes all threads fence first, where the system can do
//! that; elsewhere the threads fence themselves.

use std::cell::Cell;
use std::hint::cold_path;
use std::marker::PhantomData;
use std::ops::Range;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering, compiler_fence, fence};

use parking_lot::Mutex;
use wz_api::Context;

use crate::listen::{ListenerCell, ListenerSlot};
use crate::records::InstanceContext;
use crate::sys;

/// The current epoch. 0 means that a thread is outside.
static NOW: AtomicU64 = AtomicU64::new(1);

/// All entries that there ever were. Only grows.
static ENTRIES: Mutex<Vec<&'static Entry>> = Mutex::new(Vec::new());

/// What waits, as everybody but code's own may free it.
static WAITING: Queue = Queue::new();

/// How many listened frames there is room for at first, and how many when a thread leaves.
const FRAMES: usize = 64;

/// What a thread uses. Never freed; when the thread ends, another takes it over.
pub(crate) struct Entry {
    /// In which epoch the thread's outermost call began; 0 if it is in none.
    epoch: AtomicU64,
    taken: AtomicBool,
    /// Whether others make this thread fence.
    is_fenced: bool,
    /// Behind the last listened frame. Only its thread changes it.
    top: AtomicPtr<ListenedFrame>,
    /// Where the room for listened frames begins and ends, for the thread alone.
    start: Own<*mut ListenedFrame>,
    end: Own<*mut ListenedFrame>,
    /// Where it ends if others make this thread fence; null otherwise.
    unfenced_end: Own<*mut ListenedFrame>,
    /// That room, which only the thread replaces, and only while it holds the lock.
    frames: Mutex<Box<[ListenedFrame]>>,
}

/// A listened frame of a thread: all of its activations', outermost first. Others read the cell.
#[derive(Default)]
pub(crate) struct ListenedFrame {
    /// What its listeners are of; null if there are none. It is held as long as the frame is there.
    cell: AtomicPtr<ListenerCell>,
    /// The instance that is running; for a host function the one that calls it.
    pub(crate) context: Own<*const InstanceContext>,
    /// In the lower half how many listeners were told `before`; [`DERIVES`]; above that the stamp.
    state: Own<u64>,
    /// The context before listeners changed it; empty if they did not.
    previous: Own<Context>,
}

/// Whether listeners changed the context.
const DERIVES: u64 = 1 << 32;
/// Where the stamp is: the number of the first snapshot of the activation that was taken while the
/// frame was there, 0 if there is none.
const STAMP: u32 = 33;

impl ListenedFrame {
    /// The cell, which lives as long as the frame.
    #[inline]
    pub(crate) fn cell(&self) -> *const ListenerCell {
        self.cell.load(Ordering::Relaxed)
    }

    /// The frame begins, of which so many listeners are being told.
    #[inline]
    pub(crate) fn begin(&self, context: *const InstanceContext, listeners: u32) {
        self.context.set(context);
        self.state.set(listeners.into());
    }

    /// How many listeners were told `before`.
    #[inline]
    pub(crate) fn begun(&self) -> usize {
        self.state.get() as u32 as usize
    }

    /// Whether one listener was told, and nothing else is to be known of the frame.
    #[inline(always)]
    pub(crate) fn has_begun_one(&self) -> bool {
        self.state.get() == 1
    }

    /// No more than so many were told.
    pub(crate) fn set_begun(&self, listeners: u32) {
        self.state.set(self.state.get() & !u64::from(u32::MAX) | u64::from(listeners));
    }

    /// Whether listeners changed the context.
    #[inline]
    pub(crate) fn derives(&self) -> bool {
        self.state.get() & DERIVES != 0
    }

    /// A listener changed the context, which was this one before; the first one counts.
    pub(crate) fn derive(&self, previous: Context) {
        if !self.derives() {
            self.state.set(self.state.get() | DERIVES);
            self.previous.set(previous);
        }
    }

    /// The context before listeners changed it; empty if they did not.
    pub(crate) fn previous(&self) -> Context {
        let previous = self.previous.take();
        self.previous.set(previous.clone());
        previous
    }

    /// Takes that.
    pub(crate) fn take_previous(&self) -> Context {
        self.previous.take()
    }

    /// A snapshot of the activation is taken.
    pub(crate) fn stamp(&self, number: u32) {
        if self.stamped() == 0 {
            self.state.set(self.state.get() | u64::from(number) << STAMP);
        }
    }

    /// The number of the first snapshot that was taken while the frame was there; 0 if there is none.
    pub(crate) fn stamped(&self) -> u32 {
        (self.state.get() >> STAMP) as u32
    }

    fn moved(&self) -> Self {
        Self {
            cell: AtomicPtr::new(self.cell.load(Ordering::Relaxed)),
            context: Own(Cell::new(self.context.0.get())),
            state: Own(Cell::new(self.state.0.get())),
            previous: Own(Cell::new(self.previous.0.take())),
        }
    }
}

/// What only the thread that has the entry uses.
pub(crate) struct Own<T>(Cell<T>);

// SAFETY: only the thread that took the entry uses it, and taking synchronizes.
unsafe impl<T> Sync for Own<T> {}
// SAFETY: as above.
unsafe impl<T> Send for Own<T> {}

impl<T> Own<T> {
    #[inline]
    pub(crate) fn set(&self, value: T) {
        self.0.set(value);
    }
}

impl<T: Copy> Own<T> {
    #[inline]
    pub(crate) fn get(&self) -> T {
        self.0.get()
    }
}

impl<T: Default> Own<T> {
    pub(crate) fn take(&self) -> T {
        self.0.take()
    }
}

impl Default for Own<*const InstanceContext> {
    fn default() -> Self {
        Self(Cell::new(ptr::null()))
    }
}

impl Default for Own<u64> {
    fn default() -> Self {
        Self(Cell::new(0))
    }
}

impl Default for Own<Context> {
    fn default() -> Self {
        Self(Cell::default())
    }
}

fn frames(count: usize) -> Box<[ListenedFrame]> {
    std::iter::repeat_with(ListenedFrame::default).take(count).collect()
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
        let is_fenced = sys::process_barrier_available();
        let mut frames = frames(FRAMES);
        let Range { start, end } = frames.as_mut_ptr_range();
        let entry: &'static Self = Box::leak(Box::new(Self {
            epoch: AtomicU64::new(0),
            taken: AtomicBool::new(true),
            is_fenced,
            top: AtomicPtr::new(start),
            start: Own(Cell::new(start)),
            end: Own(Cell::new(end)),
            unfenced_end: Own(Cell::new(if is_fenced { end } else { ptr::null_mut() })),
            frames: Mutex::new(frames),
        }));
        entries.push(entry);
        entry
    }

    /// Another thread may have the entry.
    pub(crate) fn give_back(&self) {
        debug_assert_eq!(self.depth(), 0, "the thread has no frames");
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
        let room = self.end.get().addr() - self.top.load(Ordering::Relaxed).addr();
        if room > FRAMES * size_of::<ListenedFrame>() {
            self.resize(FRAMES);
        }
    }

    /// How many listened frames the thread has.
    #[inline]
    pub(crate) fn depth(&self) -> usize {
        (self.top.load(Ordering::Relaxed).addr() - self.start.get().addr()) / size_of::<ListenedFrame>()
    }

    /// Adds a listened frame with the cell that is in a slot, and holds that as long as the frame is
    /// there. The frame may move when others are added.
    pub(crate) fn push_frame(&self, slot: Option<&ListenerSlot>) -> &ListenedFrame {
        let mut frame = self.top.load(Ordering::Relaxed);
        if frame == self.end.get() {
            frame = self.grow();
        }
        // SAFETY: before the end there is room for a frame.
        self.top.store(unsafe { frame.add(1) }, Ordering::Relaxed);
        // SAFETY: the frame is one of those of the box, which only this thread replaces.
        let frame = unsafe { &*frame };
        let find = || slot.map_or(ptr::null(), ListenerSlot::get);
        let mut cell = find();
        loop {
            frame.cell.store(cell.cast_mut(), Ordering::Relaxed);
            self.fence();
            // What is still there after the fence is freed by nobody who does not see the frame.
            let again = find();
            if ptr::eq(cell, again) {
                return frame;
            }
            cell = again;
        }
    }

    /// The same, if that takes no more than the few steps that it takes mostly. Gives the cell, too.
    #[inline(always)]
    pub(crate) fn try_push_frame(
        &self,
        slot: &ListenerSlot,
    ) -> Option<(&ListenedFrame, *const ListenerCell)> {
        let top = self.top.load(Ordering::Relaxed);
        if top >= self.unfenced_end.get() {
            return None;
        }
        // SAFETY: before the end there is room for a frame; only this thread replaces the box.
        let (frame, next) = unsafe { (&*top, top.add(1)) };
        let cell = slot.get();
        frame.cell.store(cell.cast_mut(), Ordering::Relaxed);
        self.top.store(next, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        // As in `push_frame`.
        if !ptr::eq(cell, slot.get()) {
            cold_path();
            self.top.store(top, Ordering::Release);
            return None;
        }
        Some((frame, cell))
    }

    /// The last listened frame.
    ///
    /// # Safety
    /// There is one, and until it is used none is added.
    #[inline]
    pub(crate) unsafe fn top_frame(&self) -> &ListenedFrame {
        // SAFETY: as the caller says.
        unsafe { &*self.top.load(Ordering::Relaxed).sub(1) }
    }

    /// Looks at a listened frame by its position. Nothing that is done adds frames.
    pub(crate) fn with_frame<R>(&self, position: usize, look: impl FnOnce(&ListenedFrame) -> R) -> R {
        look(&self.frames.lock()[position])
    }

    /// The last listened frame is over.
    ///
    /// # Safety
    /// There is one.
    #[inline]
    pub(crate) unsafe fn pop_frame(&self) {
        // SAFETY: as the caller says.
        self.top.store(unsafe { self.top.load(Ordering::Relaxed).sub(1) }, Ordering::Release);
    }

    #[cold]
    fn grow(&self) -> *mut ListenedFrame {
        let capacity = self.frames.lock().len();
        self.resize(capacity * 2);
        self.top.load(Ordering::Relaxed)
    }

    #[cold]
    fn resize(&self, count: usize) {
        let mut new = frames(count);
        let mut current = self.frames.lock();
        let depth = self.depth();
        for (new, old) in new.iter_mut().zip(&current[..depth]) {
            *new = old.moved();
        }
        let Range { start, end } = new.as_mut_ptr_range();
        self.top.store(start.wrapping_add(depth), Ordering::Relaxed);
        self.start.set(start);
        self.end.set(end);
        self.unfenced_end.set(if self.is_fenced { end } else { ptr::null_mut() });
        *current = new;
    }
}

/// How many frames there are below the top.
fn depth(frames: &[ListenedFrame], top: &AtomicPtr<ListenedFrame>) -> usize {
    (top.load(Ordering::Acquire).addr() - frames.as_ptr().addr()) / size_of::<ListenedFrame>()
}

/// Takes from a list of cells that can no longer be found those that no frame holds.
pub(crate) fn unprotected(retired: &mut Vec<Arc<ListenerCell>>) -> Vec<Arc<ListenerCell>> {
    fence(Ordering::SeqCst);
    sys::process_barrier();
    let mut held = Vec::new();
    for entry in &*ENTRIES.lock() {
        let frames = entry.frames.lock();
        let depth = depth(&frames, &entry.top).min(frames.len());
        held.extend(frames[..depth].iter().map(|frame| frame.cell.load(Ordering::Relaxed)));
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
