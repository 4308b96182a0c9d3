//! A thread that is interrupted by signals again and again, for tests of walks.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

thread_local! {
    static INTERRUPTED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this is the thread that is interrupted: handlers leave others alone.
pub(crate) fn is_this() -> bool {
    INTERRUPTED.get()
}

/// Has a handler get a signal, on the alternate stack.
pub(crate) fn handle(
    signal: libc::c_int,
    handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void),
) {
    // SAFETY: the handler is of this type, and tests have no other one for the signal.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
        libc::sigaction(signal, &raw const action, std::ptr::null_mut());
    }
}

/// Runs something over and over on a thread, and sends that the signal each time `pause` has passed, for
/// some time.
pub(crate) fn interrupt(signal: libc::c_int, time: Duration, pause: Duration, run: impl Fn() + Send) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (sender, receiver) = std::sync::mpsc::channel();
        let stop = &stop;
        scope.spawn(move || {
            // SAFETY: always allowed.
            sender.send(unsafe { libc::pthread_self() }).expect("the receiver waits");
            INTERRUPTED.set(true);
            while !stop.load(Ordering::Relaxed) {
                run();
            }
            INTERRUPTED.set(false);
        });
        let target = receiver.recv().expect("the thread runs");
        let begun = Instant::now();
        while begun.elapsed() < time {
            // SAFETY: the thread is joined only after this.
            unsafe { libc::pthread_kill(target, signal) };
            std::thread::sleep(pause);
        }
        stop.store(true, Ordering::Relaxed);
    });
}
