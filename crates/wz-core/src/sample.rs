//! [`walk_interrupted`]: the stack of a thread that a signal interrupted, for profilers.
//!
//! Nothing here takes a lock, allocates, or calls anything that might: it runs in signal handlers.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use wz_experimental::{CodeId, SampledFrame, Unwalkable};

use crate::instance::Instance;
use crate::thread::Thread;

/// A number that nothing else has.
pub(crate) fn next_code_id() -> CodeId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    CodeId(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Walks the stack of the calling thread, which a signal interrupted, from the innermost function
/// outwards over all calls that it is in: guests' functions and the host's between them. A thread
/// that runs no guest has none. Async-signal-safe: no locks, no allocation.
///
/// `signal` is what the handler got as its third argument. With the JIT, frames are found from the
/// registers, at any instruction but a few, and `code_offset` is the operator that was
/// interrupted. The interpreter has to be told beforehand that it will be walked
/// (`CompileOptions::sampling`), and `code_offset` of the innermost function is that of its
/// last call, loop or entry.
///
/// # Errors
/// If it cannot be walked from there. What `visit` was given until then is not all of the stack.
///
/// # Safety
/// In a signal handler, on the thread that was interrupted, with what the handler got, while that is
/// valid. `visit` has to be async-signal-safe too.
pub unsafe fn walk_interrupted(
    signal: *mut c_void,
    visit: &mut dyn FnMut(SampledFrame),
) -> Result<(), Unwalkable> {
    let mut signal = NonNull::new(signal);
    let mut next = Thread::current().activation();
    while let Some(activation) = next {
        if let Some(host) = activation.host() {
            let function = host.definition().index();
            visit(SampledFrame { code: host.code_id(), function, code_offset: 0 });
        }
        // The registers are those of the innermost call, whatever it is at.
        let signal = signal.take();
        if activation.in_engine() {
            let engine = &activation.store().config().engine;
            let mut guest = |frame: &crate::engine::Frame| {
                // SAFETY: an instance with a frame on the stack takes part in the call.
                let instance = unsafe { Instance::of_context(frame.context) };
                let code = instance.compiled().code_id();
                visit(SampledFrame { code, function: frame.function, code_offset: frame.code_offset });
            };
            // SAFETY: as the caller says; the activation is one of this thread.
            unsafe { engine.interrupted_walk()(activation, signal, &mut guest) }?;
        }
        next = activation.parent();
    }
    Ok(())
}
