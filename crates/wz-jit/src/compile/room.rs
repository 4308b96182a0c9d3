//! [`with_room`]: work that needs native stack, where a guest may have left little of it.
//!
//! Functions are compiled when they are first called, on the native stack of whoever called the
//! guest. The core lets calls begin as long as there is room for a host function.

use std::thread;

use wz_api::{Error, Result};
use wz_core::native_stack_left;

use crate::runtime::module::STACK_BYTES;

/// What compiling a function takes of the native stack, with a good margin. Nothing in it recurses
/// by the shape of the function: measured were less than 16 KiB, and less than 48 KiB without
/// optimization.
const NEEDED_BYTES: usize = if cfg!(debug_assertions) { 160 << 10 } else { 64 << 10 };

/// Calls `work` with enough native stack: here, or on a thread made for it.
///
/// # Errors
/// If there is no room here, and no thread to be had.
pub(super) fn with_room<R: Send>(work: impl FnOnce() -> R + Send) -> Result<R> {
    if native_stack_left().is_some_and(|left| left >= NEEDED_BYTES) {
        return Ok(work());
    }
    on_thread(work)
}

#[cold]
fn on_thread<R: Send>(work: impl FnOnce() -> R + Send) -> Result<R> {
    let no_thread = |source| Error::system("starting a thread to compile on", source);
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("wz-compile".into()).stack_size(STACK_BYTES);
        match builder.spawn_scoped(scope, work).map_err(no_thread)?.join() {
            Ok(result) => Ok(result),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_gets_room_wherever_it_begins() {
        for size in [128 << 10, 8 << 20] {
            let run = || {
                let caller = thread::current().id();
                with_room(|| (native_stack_left().unwrap(), thread::current().id() == caller)).unwrap()
            };
            let (left, is_here) = thread::Builder::new().stack_size(size).spawn(run).unwrap().join().unwrap();
            assert!(left >= NEEDED_BYTES);
            assert_eq!(is_here, size > NEEDED_BYTES);
        }
    }
}
