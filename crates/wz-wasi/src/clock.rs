//! Clocks, sleeping and yielding: deterministic unless configured. The defaults are wazero's: the
//! wall clock starts at 2022-01-01T00:00:00Z, the monotonic one at 0, both advance by a
//! millisecond per read, so that guests which wait for time to pass end; sleeping returns at once.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wz_api::{Error, Result};

/// The clocks of `wasi_snapshot_preview1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClockId {
    Realtime,
    Monotonic,
    ProcessCpu,
    ThreadCpu,
}

impl ClockId {
    pub(crate) fn from_raw(raw: u32) -> Option<Self> {
        Some(match raw {
            0 => Self::Realtime,
            1 => Self::Monotonic,
            2 => Self::ProcessCpu,
            3 => Self::ThreadCpu,
            _ => return None,
        })
    }
}

/// A clock as the embedder configures it: nanoseconds and resolution.
#[derive(Clone)]
enum Source {
    /// Deterministic; counted per instance.
    Fake {
        start_ns: u64,
    },
    System,
    Custom(Arc<dyn Fn() -> u64 + Send + Sync>),
}

/// How to sleep.
#[derive(Clone)]
pub(crate) enum Sleep {
    /// Not at all.
    Skip,
    /// Really, until interrupted.
    System,
    /// As the embedder says.
    Custom(Arc<dyn Fn(Duration) + Send + Sync>),
}

/// What is configured; each instance gets its own [`Clocks`] from it.
#[derive(Clone)]
pub(crate) struct ClockConfig {
    wall: (Source, u64),
    monotonic: (Source, u64),
    pub(crate) sleep: Sleep,
    pub(crate) yielding: Option<Arc<dyn Fn() + Send + Sync>>,
}

const FAKE_WALL_START_NS: u64 = 1_640_995_200_000_000_000;
const FAKE_STEP_NS: u64 = 1_000_000;

impl Default for ClockConfig {
    fn default() -> Self {
        Self {
            wall: (Source::Fake { start_ns: FAKE_WALL_START_NS }, 1_000),
            monotonic: (Source::Fake { start_ns: 0 }, 1),
            sleep: Sleep::Skip,
            yielding: None,
        }
    }
}

impl fmt::Debug for ClockConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClockConfig").finish_non_exhaustive()
    }
}

impl ClockConfig {
    pub(crate) fn set_wall(&mut self, clock: Arc<dyn Fn() -> u64 + Send + Sync>, resolution_ns: u64) {
        self.wall = (Source::Custom(clock), resolution_ns);
    }

    pub(crate) fn set_monotonic(&mut self, clock: Arc<dyn Fn() -> u64 + Send + Sync>, resolution_ns: u64) {
        self.monotonic = (Source::Custom(clock), resolution_ns);
    }

    pub(crate) fn set_system_wall(&mut self) {
        self.wall = (Source::System, 1_000);
    }

    pub(crate) fn set_system_monotonic(&mut self) {
        self.monotonic = (Source::System, 1);
    }

    pub(crate) fn build(&self) -> Result<Clocks> {
        for (what, (_, resolution)) in [("walltime", &self.wall), ("nanotime", &self.monotonic)] {
            if !(1..=3_600_000_000_000).contains(resolution) {
                return Err(Error::argument(format!(
                    "{what} resolution {resolution} ns is not between 1 ns and 1 hour"
                )));
            }
        }
        Ok(Clocks {
            config: self.clone(),
            wall_reads: AtomicU64::new(0),
            monotonic_reads: AtomicU64::new(0),
            started: Instant::now(),
        })
    }
}

/// The clocks of one instance.
#[derive(Debug)]
pub(crate) struct Clocks {
    config: ClockConfig,
    wall_reads: AtomicU64,
    monotonic_reads: AtomicU64,
    /// Where the system's monotonic clock counts from.
    started: Instant,
}

impl Clocks {
    /// Nanoseconds; since 1970 for the wall clock.
    pub(crate) fn now_ns(&self, id: ClockId) -> u64 {
        match (id, &self.config.monotonic.0) {
            (ClockId::Realtime, _) => match &self.config.wall.0 {
                Source::Fake { start_ns } => fake_ns(*start_ns, &self.wall_reads),
                Source::System => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, saturating_ns),
                Source::Custom(clock) => clock(),
            },
            (ClockId::ProcessCpu, Source::System) => self.cpu_ns(false),
            (ClockId::ThreadCpu, Source::System) => self.cpu_ns(true),
            // Without the system's clocks, computing takes as long as everything else.
            (_, Source::Fake { start_ns }) => fake_ns(*start_ns, &self.monotonic_reads),
            (_, Source::System) => saturating_ns(self.started.elapsed()),
            (_, Source::Custom(clock)) => clock(),
        }
    }

    fn cpu_ns(&self, thread: bool) -> u64 {
        crate::sys::cpu_time_ns(thread).unwrap_or_else(|| saturating_ns(self.started.elapsed()))
    }

    pub(crate) fn resolution_ns(&self, id: ClockId) -> u64 {
        match id {
            ClockId::Realtime => self.config.wall.1,
            _ => self.config.monotonic.1,
        }
    }

    pub(crate) fn sleep(&self) -> &Sleep {
        &self.config.sleep
    }

    pub(crate) fn yield_now(&self) {
        if let Some(yielding) = &self.config.yielding {
            yielding();
        }
    }
}

fn fake_ns(start_ns: u64, reads: &AtomicU64) -> u64 {
    start_ns + reads.fetch_add(1, Ordering::Relaxed) * FAKE_STEP_NS
}

fn saturating_ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_deterministic_and_advance() {
        let clocks = ClockConfig::default().build().unwrap();
        assert_eq!(clocks.now_ns(ClockId::Realtime), FAKE_WALL_START_NS);
        assert_eq!(clocks.now_ns(ClockId::Realtime), FAKE_WALL_START_NS + 1_000_000);
        assert_eq!(clocks.now_ns(ClockId::Monotonic), 0);
        assert_eq!(clocks.now_ns(ClockId::ThreadCpu), 1_000_000);
        assert_eq!(clocks.resolution_ns(ClockId::Realtime), 1_000);
        assert_eq!(clocks.resolution_ns(ClockId::Monotonic), 1);
    }

    #[test]
    fn resolutions_are_checked() {
        for (resolution, fine) in
            [(0, false), (1, true), (3_600_000_000_000, true), (3_600_000_000_001, false)]
        {
            let mut config = ClockConfig::default();
            config.set_wall(Arc::new(|| 7), resolution);
            assert_eq!(config.build().is_ok(), fine);
        }
    }

    #[test]
    fn system_clocks_run() {
        let mut config = ClockConfig::default();
        config.set_system_wall();
        config.set_system_monotonic();
        let clocks = config.build().unwrap();
        assert!(clocks.now_ns(ClockId::Realtime) > FAKE_WALL_START_NS);
        let (a, b) = (clocks.now_ns(ClockId::Monotonic), clocks.now_ns(ClockId::Monotonic));
        assert!(a <= b);
        let _ = clocks.now_ns(ClockId::ProcessCpu);
    }
}
