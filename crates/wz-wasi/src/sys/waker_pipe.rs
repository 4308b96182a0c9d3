//! [`Waker`] on a pipe: what ends a `poll` from another thread.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::{FdFlags, fcntl_setfd};

/// Ends a wait, also one that has not begun.
#[derive(Debug)]
pub(crate) struct Waker {
    read: OwnedFd,
    write: OwnedFd,
}

impl Waker {
    pub(crate) fn new() -> io::Result<Self> {
        let (read, write) = rustix::pipe::pipe()?;
        for end in [&read, &write] {
            fcntl_setfd(end, FdFlags::CLOEXEC)?;
            fcntl_setfl(end, fcntl_getfl(end)? | OFlags::NONBLOCK)?;
        }
        Ok(Self { read, write })
    }

    pub(crate) fn wake(&self) {
        // A full pipe is a wake-up too.
        let _ = rustix::io::write(&self.write, &[1]);
    }

    /// Takes back the wake-ups that have come.
    pub(crate) fn reset(&self) {
        while matches!(rustix::io::read(&self.read, &mut [0_u8; 64]), Ok(64)) {}
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.read.as_fd()
    }
}
