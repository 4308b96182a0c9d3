//! [`Waker`] on a condition variable, where descriptors cannot be polled.

use std::io;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Ends a wait, also one that has not begun.
#[derive(Debug, Default)]
pub(crate) struct Waker {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Waker {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self::default())
    }

    pub(crate) fn wake(&self) {
        *self.woken.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    /// Takes back the wake-ups that have come.
    pub(crate) fn reset(&self) {
        *self.woken.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }

    pub(crate) fn wait(&self, timeout: Option<Duration>) {
        let woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        match timeout {
            Some(timeout) => drop(self.changed.wait_timeout_while(woken, timeout, |woken| !*woken)),
            None => drop(self.changed.wait_while(woken, |woken| !*woken)),
        }
    }
}
