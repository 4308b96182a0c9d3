//! Frames of a guest that has called a host function, copied for going back there.

use std::ptr::{self, NonNull};
use std::sync::Arc;

use wz_core::Activation;
use wz_core::records::InstanceContext;
use wz_core::snapshot::{Restored, SavedFrames};

use super::arch;
use super::body::{BodyKind, StubKind};
use super::elsewhere::{ElsewhereFrame, Run};
use super::native::ResumeStub;
use super::page_map;
use super::state::CallState;

/// The stack of a call, from where the guest left up to where it was called.
struct Saved {
    words: Box<[u64]>,
    exit_fp: usize,
    exit_sp: usize,
    exit_context: *const InstanceContext,
    /// Where the stub goes on through which it left.
    code: usize,
    /// The runs of functions that are elsewhere, from the outermost on.
    runs: Option<(Run, SavedFrames)>,
    /// What [`CallState::run`] was.
    run: Option<Run>,
    /// Whether the host function was called in a run.
    in_run: bool,
}

// SAFETY: what is in it is only used in the call that it is of, which keeps to its thread.
unsafe impl Send for Saved {}
// SAFETY: as above.
unsafe impl Sync for Saved {}

/// What [`Engine::save`](wz_core::engine::Engine::save) is for this engine. None if what runs functions
/// elsewhere cannot save them.
#[must_use]
pub fn save(activation: &Activation) -> Option<SavedFrames> {
    let state = activation.engine_state.get().cast_const().cast::<CallState>();
    // SAFETY: the engine's state is set while the call is running, and only to this.
    let state = unsafe { state.as_ref() }?;
    // SAFETY: the guest has left through a stub, which called what asks for this.
    let (code, body) = unsafe {
        let code = arch::native_return(state.native_sp.get());
        (code, page_map::find(code)?)
    };
    let BodyKind::Stub(stub) = body.kind() else { return None };
    let (code, innermost) = match stub.kind {
        StubKind::Exit => (code, None),
        StubKind::Elsewhere { resumes_at, .. } => {
            // SAFETY: it is the stub that the guest left from.
            let frame = unsafe { ElsewhereFrame::at(state.exit_fp.get()) };
            (body.start() + resumes_at as usize, Some(frame.kept_run()?))
        }
        _ => return None,
    };
    let outermost = state.run.get().or(innermost);
    let runs = match outermost {
        // SAFETY: it is the outermost run of the call, whose instance lives.
        Some(run) => Some((run, unsafe { (*run.module).save(run.run, innermost.is_some()) }?)),
        None => None,
    };
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
        runs,
        run: state.run.get(),
        in_run: innermost.is_some(),
    }))
}

/// Goes on where a snapshot was taken. Gives a status.
///
/// # Safety
/// It was taken in this call, whose frames are gone, and which is the thread's current one.
pub(super) unsafe fn resume(state: &CallState, restored: &Restored) -> u32 {
    let saved = restored.frames.downcast_ref::<Saved>().expect("this engine saved it");
    // SAFETY: the frames are put where they were, in stack that nothing else uses any more; the stub
    // has its slots, with room for results, at its stack pointer, unless it is that of a run. Code and
    // instances are still there: the thread has been inside the call since.
    unsafe {
        let to = ptr::with_exposed_provenance_mut::<u64>(saved.exit_sp);
        to.copy_from_nonoverlapping(saved.words.as_ptr(), saved.words.len());
        if let Some((run, frames)) = &saved.runs {
            (*run.module).restore(frames);
        }
        state.run.set(saved.run);
        match saved.in_run {
            // It goes on as if a step of the run's were over.
            true => state.restored.set(Some(NonNull::from_ref(&*restored.results))),
            false => to.copy_from_nonoverlapping(restored.results.as_ptr(), restored.results.len()),
        }
        // A walk finds no frames until the stub is there.
        state.exit_sp.set(saved.exit_sp);
        state.exit_context.set(saved.exit_context);
        let resume = std::mem::transmute::<usize, ResumeStub>(state.stubs.resume);
        resume(state, saved.exit_fp, saved.code)
    }
}
