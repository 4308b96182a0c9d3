//! Frames of a guest that has called a host function, copied for going back there.

use std::ptr;
use std::sync::Arc;

use wz_core::Activation;
use wz_core::records::InstanceContext;
use wz_core::snapshot::{Restored, SavedFrames};

use super::arch;
use super::body::{BodyKind, Stub, StubKind};
use super::native::ResumeStub;
use super::page_map;
use super::state::CallState;
use super::walk;

/// The stack of a call, from where the guest left up to where it was called.
struct Saved {
    words: Box<[u64]>,
    exit_fp: usize,
    exit_sp: usize,
    exit_context: *const InstanceContext,
    /// Where the stub goes on through which it left.
    code: usize,
}

// SAFETY: what is in it is only used in the call that it is of, which keeps to its thread.
unsafe impl Send for Saved {}
// SAFETY: as above.
unsafe impl Sync for Saved {}

/// What [`Engine::save`](wz_core::engine::Engine::save) is for this engine. None if a function on the
/// stack runs elsewhere: what it has is not on this stack.
#[must_use]
pub fn save(activation: &Activation) -> Option<SavedFrames> {
    let state = activation.engine_state.get().cast_const().cast::<CallState>();
    // SAFETY: the engine's state is set while the call is running, and only to this.
    let state = unsafe { state.as_ref() }?;
    // SAFETY: the guest has left through a stub, which called what asks for this.
    let (code, stub) = unsafe {
        let code = arch::native_return(state.native_sp.get());
        (code, page_map::find(code)?)
    };
    let is_exit = matches!(stub.kind(), BodyKind::Stub(Stub { kind: StubKind::Exit, .. }));
    if !is_exit || !walk::is_all_code(state) {
        return None;
    }
    let (from, to) = (state.exit_sp.get(), state.entry_sp.get());
    let count = to.checked_sub(from)? / size_of::<u64>();
    // SAFETY: the guest's stack between its stack pointer now and the one that it was called with.
    let words = unsafe { std::slice::from_raw_parts(ptr::with_exposed_provenance::<u64>(from), count) };
    Some(Arc::new(Saved {
        words: words.into(),
        exit_fp: state.exit_fp.get(),
        exit_sp: from,
        exit_context: state.exit_context.get(),
        code,
    }))
}

/// Goes on where a snapshot was taken. Gives a status.
///
/// # Safety
/// It was taken in this call, whose frames are gone, and which is the thread's current one.
pub(super) unsafe fn resume(state: &CallState, restored: &Restored) -> u32 {
    let saved = restored.frames.downcast_ref::<Saved>().expect("this engine saved it");
    // SAFETY: the frames are put where they were, in stack that nothing else uses any more; the stub
    // has its slots, with room for results, at its stack pointer. Code and instances are still there:
    // the thread has been inside the call since.
    unsafe {
        let to = ptr::with_exposed_provenance_mut::<u64>(saved.exit_sp);
        to.copy_from_nonoverlapping(saved.words.as_ptr(), saved.words.len());
        to.copy_from_nonoverlapping(restored.results.as_ptr(), restored.results.len());
        state.exit_sp.set(saved.exit_sp);
        state.exit_context.set(saved.exit_context);
        state.exit_fp.set(saved.exit_fp);
        let resume = std::mem::transmute::<usize, ResumeStub>(state.stubs.resume);
        resume(state, saved.exit_fp, saved.code)
    }
}
