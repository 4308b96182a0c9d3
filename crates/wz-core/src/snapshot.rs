//! `SavedCall`: a point of an activation, and how execution goes back there.
//!
//! The engine copies its frames ([`Engine::save`](crate::engine::Engine::save)); the core notes the
//! context and the listened frames. A host function's error asks for the way back: the engine drops
//! its frames as for any error, and then asks [`Activation::take_restored`] whether it is to go on.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wz_api::sealed::Keep;
use wz_api::{Context, Error, ErrorKind, Result};
use wz_experimental::RestoreError;

use crate::activation::{Activation, Ending};
use crate::host::ReferenceSlots;
use crate::reclaim::ListenedFrame;
use crate::records::InstanceContext;
use crate::references;

/// What an engine keeps of its frames.
pub type SavedFrames = Arc<dyn Any + Send + Sync>;

/// Where an engine goes on.
#[derive(Debug)]
pub struct Restored {
    /// What [`Engine::save`](crate::engine::Engine::save) gave.
    pub frames: SavedFrames,
    /// The results of the host function that took the snapshot.
    pub results: Arc<[u64]>,
}

/// A point of an activation: the return of a host function.
pub(crate) struct SavedCall {
    /// The number of the activation.
    activation: u64,
    /// How many snapshots it had before, and this one.
    number: u32,
    frames: SavedFrames,
    cx: Context,
    listened: Vec<SavedListened>,
    result_slots: usize,
    references: ReferenceSlots,
}

/// A listened frame that was there.
struct SavedListened {
    context: *const InstanceContext,
    /// The context before its listeners changed it, if they did.
    previous: Option<Context>,
}

// SAFETY: instances are only used in the activation in which they were found.
unsafe impl Send for SavedListened {}
// SAFETY: as above.
unsafe impl Sync for SavedListened {}

impl Activation {
    /// Takes a snapshot in a host function that this activation's guest called.
    pub(crate) fn save(&self) -> Result<Keep> {
        let none = |why: &str| Error::argument(format!("no snapshot can be taken: {why}"));
        let host = self.host().ok_or_else(|| none("no host function runs"))?;
        if !self.in_engine() {
            return Err(none("no guest called the host function"));
        }
        let frames = self.store().config().engine.save(self);
        let frames =
            frames.ok_or_else(|| none("a function on the stack cannot be left and entered again"))?;
        let (id, number) = self.next_snapshot();
        let entry = self.entry();
        let mut cx = self.context().clone();
        if self.host_is_listened() {
            // SAFETY: the host function's frame is the last one.
            let frame = unsafe { entry.top_frame() };
            if frame.derives() {
                cx = frame.previous();
            }
        }
        // The host function's own frame is not one that is gone back to.
        let count = entry.depth() - self.frames_below() - usize::from(self.host_is_listened());
        let listened = (0..count).map(|position| {
            entry.with_frame(self.frames_below() + position, |frame| {
                frame.stamp(number);
                let previous = frame.derives().then(|| frame.previous());
                SavedListened { context: frame.context.get(), previous }
            })
        });
        Ok(Arc::new(SavedCall {
            activation: id,
            number,
            frames,
            cx,
            listened: listened.collect(),
            result_slots: host.definition().ty().result_slots(),
            references: host.reference_results().clone(),
        }))
    }

    /// What a host function's error asks for, if it is to go back to a point of this activation.
    pub(crate) fn asked_restore(&self, error: &Error) -> Option<(Keep, Arc<[u64]>)> {
        let ErrorKind::Host(host) = error.kind() else { return None };
        let (snapshot, results) = host.source.downcast_ref::<RestoreError>()?.parts();
        let saved = snapshot.inner().downcast_ref::<SavedCall>()?;
        (saved.activation == self.snapshot_id()).then(|| (snapshot.inner().clone(), results.clone()))
    }

    /// The engine's call ended with [`Raised`](crate::engine::Raised), and its frames are gone: where
    /// it goes on nevertheless, if that is what a host function asked for. Listeners of what was left
    /// are told.
    #[cold]
    pub fn take_restored(&self) -> Option<Restored> {
        let (error, saved, results) = match self.take_ending()? {
            Ending::Restore { error, saved, results } => (error, saved, results),
            other => {
                self.set_ending(other);
                return None;
            }
        };
        let saved = saved.downcast_ref::<SavedCall>()?;
        match self.go_back(saved, &error, &results) {
            Ok(()) => Some(Restored { frames: saved.frames.clone(), results }),
            Err(ending) => {
                self.set_ending(ending);
                None
            }
        }
    }

    fn go_back(&self, saved: &SavedCall, error: &Error, results: &[u64]) -> Result<(), Ending> {
        if results.len() != saved.result_slots {
            let (expected, given) = (saved.result_slots, results.len());
            let message =
                format!("expected {expected} results to restore a snapshot with, but passed {given}");
            return Err(Ending::Error(Error::argument(message)));
        }
        let admitted = self.admit(&saved.references, results);
        admitted.map_err(Ending::Error)?;
        let entry = self.entry();
        let below = self.frames_below();
        let there = (entry.depth() - below).min(saved.listened.len());
        // Frames that were there then come first.
        let was_there = |frame: &ListenedFrame| (1..=saved.number).contains(&frame.stamped());
        let kept = (0..there).take_while(|position| entry.with_frame(below + position, was_there)).count();
        if let Some(payload) = self.abort_above(below + kept, error) {
            return Err(Ending::Panic(payload));
        }
        for listened in &saved.listened[kept..] {
            // They had their ends: nobody is told.
            let frame = entry.push_frame(None);
            frame.begin(listened.context, 0);
            if let Some(previous) = &listened.previous {
                frame.derive(previous.clone());
            }
        }
        // SAFETY: no event is going on, and the engine has no frames: nobody holds the context.
        drop(unsafe { self.replace_context(saved.cx.clone()) });
        Ok(())
    }

    fn admit(&self, references: &ReferenceSlots, results: &[u64]) -> Result<()> {
        for position in &references.functions {
            references::admit_function(self.instance(), results[*position as usize])?;
        }
        for position in &references.externs {
            self.store().externs().value(results[*position as usize])?;
        }
        Ok(())
    }
}

/// A number that no other activation has.
pub(crate) fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
