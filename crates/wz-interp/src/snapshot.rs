//! Frames of a guest that has called a host function, copied for going back there.

use std::ptr;
use std::sync::Arc;

use wz_core::activation::Activation;
use wz_core::records::InstanceContext;
use wz_core::snapshot::{Restored, SavedFrames};

use crate::exec::host::At;
use crate::exec::{Regs, Stop, call, dispatch};
use crate::machine::Machine;

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
