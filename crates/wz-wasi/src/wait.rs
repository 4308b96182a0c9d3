//! Waiting in a way that ends when the call should end: every host function that blocks does it
//! through [`Waiter`].

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wz_api::{Caller, WakeRegistration};

use crate::fs::{File, Interest, Readiness};
use crate::host::Failure;
use crate::stream::WakeFn;
use crate::sys::Waker;

thread_local! {
    /// The waker of the thread's last wait, for the next one. Whoever still holds it can wake that
    /// one without a reason, which it looks for then.
    static IDLE: Cell<Option<Arc<Waker>>> = const { Cell::new(None) };
}

/// A thread that is about to block, registered to be woken when its call should end.
pub(crate) struct Waiter<'a, 'c> {
    caller: &'a Caller<'c>,
    waker: Arc<Waker>,
    _registration: WakeRegistration<'c>,
}

/// A stream that is waited for.
pub(crate) struct Target<'a> {
    pub(crate) file: &'a dyn File,
    pub(crate) interest: Interest,
}

/// Ends a watch when dropped.
struct Watch<'a> {
    file: &'a dyn File,
    id: u64,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.file.unwatch(self.id);
    }
}

impl<'a, 'c> Waiter<'a, 'c> {
    /// Registers.
    ///
    /// # Errors
    /// `EMFILE` and the like, if the host has no descriptor left for it.
    pub(crate) fn new(caller: &'a Caller<'c>) -> Result<Self, Failure> {
        // A thread that is ending has none.
        let waker = match IDLE.try_with(Cell::take).ok().flatten() {
            Some(waker) => waker,
            None => Arc::new(Waker::new().map_err(crate::Errno::from)?),
        };
        let wake = waker.clone();
        let registration = caller.on_interruption(move || wake.wake());
        Ok(Self { caller, waker, _registration: registration })
    }

    /// Waits until a target is ready or the deadline passes; true if one is ready.
    ///
    /// # Errors
    /// The interruption, if the call should end.
    pub(crate) fn wait(&self, targets: &[Target<'_>], deadline: Option<Instant>) -> Result<bool, Failure> {
        let mut watches = Vec::new();
        for target in targets {
            if !waits_on_host(target.file) {
                let waker = self.waker.clone();
                let wake: WakeFn = Arc::new(move || waker.wake());
                watches.push(Watch { file: target.file, id: target.file.watch(target.interest, wake) });
            }
        }
        loop {
            if let Some(error) = self.caller.interruption() {
                return Err(Failure::Stop(error));
            }
            // What the host cannot wait for is looked at; a change after the look wakes the wait.
            let is_ready = |target: &Target<'_>| {
                !host_waits(target.file) && target.file.readiness(target.interest) != Readiness::Pending
            };
            if targets.iter().any(is_ready) {
                return Ok(true);
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if self.block(targets, left)? {
                return Ok(true);
            }
            if left == Some(Duration::ZERO) {
                return Ok(false);
            }
        }
    }

    /// Waits until a target that the host can wait for is ready (that is true), or for another
    /// reason to look.
    #[cfg(unix)]
    fn block(&self, targets: &[Target<'_>], timeout: Option<Duration>) -> Result<bool, Failure> {
        let mut host: Vec<_> = targets.iter().filter_map(host_poll).collect();
        let woken = crate::sys::poll(Some(&self.waker), &mut host, timeout).map_err(crate::Errno::from)?;
        if woken {
            self.waker.reset();
        }
        Ok(host.iter().any(|target| target.ready.is_some()))
    }

    #[cfg(not(unix))]
    fn block(&self, _: &[Target<'_>], timeout: Option<Duration>) -> Result<bool, Failure> {
        self.waker.wait(timeout);
        self.waker.reset();
        Ok(false)
    }
}

impl Drop for Waiter<'_, '_> {
    fn drop(&mut self) {
        let _ = IDLE.try_with(|idle| idle.set(Some(self.waker.clone())));
    }
}

/// Whether the host's own waiting tells when the file is ready.
#[cfg(unix)]
fn host_waits(file: &dyn File) -> bool {
    file.host_stream().is_some_and(|stream| stream.can_wait)
}

#[cfg(not(unix))]
fn host_waits(_: &dyn File) -> bool {
    false
}

#[cfg(unix)]
fn waits_on_host(file: &dyn File) -> bool {
    file.host_stream().is_some()
}

#[cfg(not(unix))]
fn waits_on_host(_: &dyn File) -> bool {
    false
}

#[cfg(unix)]
fn host_poll<'a>(target: &Target<'a>) -> Option<crate::sys::HostPoll<'a>> {
    let stream = target.file.host_stream().filter(|stream| stream.can_wait)?;
    Some(crate::sys::HostPoll { fd: stream.fd, interest: target.interest, ready: None })
}
