//! What time is measured by.

use std::time::Duration;

/// A clock.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The CPU time of this thread: what others do on the machine counts little.
    Thread,
    /// The CPU time of all threads of this process.
    Process,
    /// The time that passes.
    Wall,
}

impl Clock {
    /// The time since some moment.
    pub fn now(self) -> Duration {
        let clock = match self {
            Self::Thread => libc::CLOCK_THREAD_CPUTIME_ID,
            Self::Process => libc::CLOCK_PROCESS_CPUTIME_ID,
            Self::Wall => libc::CLOCK_MONOTONIC,
        };
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `time` is valid for the call, and the clock exists on every supported system.
        unsafe { libc::clock_gettime(clock, &mut time) };
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }
}
