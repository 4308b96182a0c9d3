//! Frames of a guest that has called a host function, copied for going back there: of an activation of
//! this engine's, and the runs of one that is another's.

use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Arc;

use wz_core::activation::Activation;
use wz_core::records::InstanceContext;
use wz_core::snapshot::{Restored, SavedFrames};

use crate::exec::host::At;
use crate::exec::{Regs, Stop, call, dispatch};
use crate::machine::{Entry, Machine, Stack};

/// The stack of a machine, up to where the host function was called.
struct Saved {
    slots: Box<[u64]>,
    ip: *const u64,
    sp: *mut u64,
    cx: *const InstanceContext,
    /// The length of the instruction at `ip`.
    words: usize,
}

// SAFETY: what is in it is only used in the activation that it is of, which keeps to its thread.
unsafe impl Send for Saved {}
// SAFETY: as above.
unsafe impl Sync for Saved {}

/// What [`Engine::save`](wz_core::engine::Engine::save) is for this engine. None in a tail call.
pub(crate) fn save(activation: &Activation) -> Option<SavedFrames> {
    let machine = activation.engine_state.get().cast_const().cast::<Machine>();
    // SAFETY: the state is set while the machine runs, and only to it. It has called a host function,
    // so that its frames are between these, and `ip` is at that call.
    unsafe {
        let machine = machine.as_ref()?;
        let words = call::host_call_words(machine.ip)?;
        let count = usize::try_from(machine.top.offset_from(machine.base)).ok()?;
        let slots = std::slice::from_raw_parts(machine.base, count).into();
        Some(Arc::new(Saved { slots, ip: machine.ip, sp: machine.sp, cx: machine.cx, words }))
    }
}

/// Goes on where a snapshot was taken.
///
/// # Safety
/// It was taken on this machine, which is current and has stopped.
pub(crate) unsafe fn resume(machine: *mut Machine, restored: &Restored) -> Stop {
    let saved = restored.frames.downcast_ref::<Saved>().expect("this engine saved it");
    let Saved { slots, ip, sp, cx, words } = saved;
    // SAFETY: the frames are put where they were, in stack that nothing else uses any more. Code and
    // instances are still there: the thread has been inside the call since.
    unsafe {
        ptr::copy_nonoverlapping(slots.as_ptr(), (*machine).base, slots.len());
        let at = At { ip: *ip, sp: *sp, cx: *cx };
        dispatch::execute(Regs::after_host(machine, at, *words, &restored.results))
    }
}

/// Runs that followed each other on a stack.
pub(crate) struct SavedRuns {
    /// Where the first one begins, and what is from there up to the end of the last one's frames.
    start: *mut MaybeUninit<u64>,
    words: Box<[MaybeUninit<u64>]>,
    /// The machine of the last one.
    current: *const Machine,
    /// The machine around the first one.
    outer: *const Machine,
    /// The stack, so that nobody else gets it; none if it is that of the machine around, which waits as
    /// long as there are such runs.
    _stack: Option<Arc<Stack>>,
}

// SAFETY: what is in it is only used in the activation that it is of, which keeps to its thread.
unsafe impl Send for SavedRuns {}
// SAFETY: as above.
unsafe impl Sync for SavedRuns {}

impl SavedRuns {
    /// Copies the runs from the first one, which `start` points to and whose entry this is, to the one
    /// whose machine is `current`. None if they are not on one stack.
    ///
    /// # Safety
    /// They are the thread's innermost, and the last one has called out.
    pub(crate) unsafe fn copy(start: *const u64, current: *const Machine, entry: &Entry) -> Option<Self> {
        let start = start.cast_mut().cast::<MaybeUninit<u64>>();
        // SAFETY: as the caller says; up to there the stack is in use.
        unsafe {
            let bytes = (*current).top.addr().checked_sub(start.addr())?;
            if (*current).limit.addr() - (*current).top.addr() + bytes > (*current).stack_bytes() {
                return None;
            }
            let mut words = Box::new_uninit_slice(bytes / size_of::<u64>());
            ptr::copy_nonoverlapping(start, words.as_mut_ptr(), words.len());
            Some(Self { start, words, current, outer: entry.outer(), _stack: entry.stack().cloned() })
        }
    }

    /// Puts the runs back, and gives the address of the first one.
    ///
    /// # Safety
    /// In the activation in which they were copied; it has no runs now.
    pub(crate) unsafe fn put_back(&self) -> *mut u64 {
        assert!(ptr::eq(Entry::current(), self.outer), "the activation has no runs");
        // SAFETY: as the caller says, the stack is free there: it is held here, or is that of a machine
        // that waits further out.
        unsafe { ptr::copy_nonoverlapping(self.words.as_ptr(), self.start, self.words.len()) };
        self.start.cast()
    }

    /// The machine of the last run.
    pub(crate) fn current(&self) -> *const Machine {
        self.current
    }
}
