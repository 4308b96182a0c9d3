//! [`WasiConfig`]: what guests get of WASI, as a plain value.

use std::fmt;
use std::io::Read;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wz_api::{Error, Result};

use crate::abi::rights;
use crate::clock::{ClockConfig, Sleep};
use crate::descriptor::{Descriptor, DescriptorTable};
use crate::fs::{Directory, FileSystem, ReadOnly, RealDirectory};
use crate::net::Listener;
use crate::random::RandomConfig;
use crate::state::WasiState;
use crate::stdio::Stdio;

/// Configures WASI for any number of instances. By default guests get nothing: no arguments,
/// environment or files, no input, output discarded; clocks, sleep and random bytes are
/// deterministic and start anew for each instance.
///
/// ```
/// use wz_wasi::{OutputBuffer, Stdio, WasiConfig};
///
/// let output = OutputBuffer::new();
/// let config = WasiConfig::new()
///     .with_args(["program", "--verbose"])
///     .with_env("HOME", "/")
///     .with_stdout(Stdio::buffer(&output));
/// let state = config.build()?;
/// # drop(state);
/// # Ok::<(), wz_api::Error>(())
/// ```
#[derive(Clone)]
pub struct WasiConfig {
    args: Vec<String>,
    environ: Vec<(String, String)>,
    stdio: [Stdio; 3],
    mounts: Vec<Mount>,
    listeners: Vec<Arc<TcpListener>>,
    clocks: ClockConfig,
    random: RandomConfig,
    max_descriptors: usize,
}

#[derive(Clone)]
struct Mount {
    guest: String,
    source: Source,
}

#[derive(Clone)]
enum Source {
    Path { host: PathBuf, read_only: bool },
    FileSystem(Arc<dyn FileSystem>),
}

/// How many descriptors a guest can have by default.
const DEFAULT_MAX_DESCRIPTORS: usize = 1024;

impl Default for WasiConfig {
    fn default() -> Self {
        Self {
            args: Vec::new(),
            environ: Vec::new(),
            stdio: [Stdio::null(), Stdio::null(), Stdio::null()],
            mounts: Vec::new(),
            listeners: Vec::new(),
            clocks: ClockConfig::default(),
            random: RandomConfig::default(),
            max_descriptors: DEFAULT_MAX_DESCRIPTORS,
        }
    }
}

impl WasiConfig {
    /// The default: nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets all arguments; the first is the program's name.
    #[must_use]
    pub fn with_args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args = args.into_iter().map(Into::into).collect();
        self
    }

    /// Sets an environment variable. A key that is set again keeps its place.
    #[must_use]
    pub fn with_env(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        let (key, value) = (key.into(), value.into());
        match self.environ.iter_mut().find(|(existing, _)| *existing == key) {
            Some(entry) => entry.1 = value,
            None => self.environ.push((key, value)),
        }
        self
    }

    /// Sets the standard input. The default is none.
    #[must_use]
    pub fn with_stdin(mut self, stdin: Stdio) -> Self {
        self.stdio[0] = stdin;
        self
    }

    /// Sets the standard output. By default it is discarded.
    #[must_use]
    pub fn with_stdout(mut self, stdout: Stdio) -> Self {
        self.stdio[1] = stdout;
        self
    }

    /// Sets the standard error output. By default it is discarded.
    #[must_use]
    pub fn with_stderr(mut self, stderr: Stdio) -> Self {
        self.stdio[2] = stderr;
        self
    }

    /// The process's own standard streams.
    #[must_use]
    pub fn with_inherited_stdio(self) -> Self {
        self.with_stdin(Stdio::inherit()).with_stdout(Stdio::inherit()).with_stderr(Stdio::inherit())
    }

    /// Mounts a directory of the host, which guests can change, at `guest`; empty is `/`. Mounts
    /// are numbered from descriptor 3 in order; one at the same place replaces the other.
    #[must_use]
    pub fn with_dir(self, host: impl Into<PathBuf>, guest: impl Into<String>) -> Self {
        self.mount(guest.into(), Source::Path { host: host.into(), read_only: false })
    }

    /// Mounts a directory of the host, which guests can only read.
    #[must_use]
    pub fn with_read_only_dir(self, host: impl Into<PathBuf>, guest: impl Into<String>) -> Self {
        self.mount(guest.into(), Source::Path { host: host.into(), read_only: true })
    }

    /// Mounts any file system.
    #[must_use]
    pub fn with_mount(self, file_system: impl FileSystem + 'static, guest: impl Into<String>) -> Self {
        self.mount(guest.into(), Source::FileSystem(Arc::new(file_system)))
    }

    fn mount(mut self, guest: String, source: Source) -> Self {
        let guest = match guest.trim_end_matches('/') {
            "" => "/".to_owned(),
            trimmed => trimmed.to_owned(),
        };
        let mount = Mount { guest, source };
        let place = place(&mount.guest);
        match self.mounts.iter_mut().find(|existing| self::place(&existing.guest) == place) {
            Some(existing) => *existing = mount,
            None => self.mounts.push(mount),
        }
        self
    }

    /// Gives guests a listener, which is put in non-blocking mode. Listeners are numbered after
    /// the mounts, in order.
    #[must_use]
    pub fn with_tcp_listener(mut self, listener: TcpListener) -> Self {
        self.listeners.push(Arc::new(listener));
        self
    }

    /// Sets the wall clock: the time since 1970, and its resolution, which must be between a
    /// nanosecond and an hour.
    #[must_use]
    pub fn with_walltime(
        mut self,
        clock: impl Fn() -> Duration + Send + Sync + 'static,
        resolution: Duration,
    ) -> Self {
        let clock = move || saturating_ns(clock());
        self.clocks.set_wall(Arc::new(clock), saturating_ns(resolution));
        self
    }

    /// Uses the system's wall clock.
    #[must_use]
    pub fn with_sys_walltime(mut self) -> Self {
        self.clocks.set_system_wall();
        self
    }

    /// Sets the monotonic clock, in nanoseconds, and its resolution, which must be between a
    /// nanosecond and an hour. It stands for the CPU clocks too.
    #[must_use]
    pub fn with_nanotime(
        mut self,
        clock: impl Fn() -> u64 + Send + Sync + 'static,
        resolution: Duration,
    ) -> Self {
        self.clocks.set_monotonic(Arc::new(clock), saturating_ns(resolution));
        self
    }

    /// Uses the system's monotonic clock and its CPU clocks.
    #[must_use]
    pub fn with_sys_nanotime(mut self) -> Self {
        self.clocks.set_system_monotonic();
        self
    }

    /// Sets how to sleep. Such a sleep cannot be interrupted.
    #[must_use]
    pub fn with_nanosleep(mut self, sleep: impl Fn(Duration) + Send + Sync + 'static) -> Self {
        self.clocks.sleep = Sleep::Custom(Arc::new(sleep));
        self
    }

    /// Really sleeps, until the guest's call should end.
    #[must_use]
    pub fn with_sys_nanosleep(mut self) -> Self {
        self.clocks.sleep = Sleep::System;
        self
    }

    /// Sets what `sched_yield` does. The default is nothing.
    #[must_use]
    pub fn with_osyield(mut self, yielding: impl Fn() + Send + Sync + 'static) -> Self {
        self.clocks.yielding = Some(Arc::new(yielding));
        self
    }

    /// Sets the source of random bytes, shared by all instances.
    #[must_use]
    pub fn with_rand_source(mut self, source: impl Read + Send + 'static) -> Self {
        self.random = RandomConfig::custom(source);
        self
    }

    /// Uses the system's random bytes.
    #[must_use]
    pub fn with_sys_rand(mut self) -> Self {
        self.random = RandomConfig::System;
        self
    }

    /// Real clocks, sleep, yield and random bytes: what a command line gives a program.
    #[must_use]
    pub fn with_sys_time_and_rand(self) -> Self {
        self.with_sys_walltime()
            .with_sys_nanotime()
            .with_sys_nanosleep()
            .with_sys_rand()
            .with_osyield(std::thread::yield_now)
    }

    /// Sets how many descriptors a guest can have, those that it starts with included. The default
    /// is 1024; one more is `EMFILE` for the guest.
    #[must_use]
    pub fn with_max_descriptors(mut self, max_descriptors: usize) -> Self {
        self.max_descriptors = max_descriptors;
        self
    }

    /// Builds the state for one instance.
    ///
    /// # Errors
    /// Arguments or environment variables that cannot be passed, a directory that cannot be
    /// opened, a clock resolution out of range, too few descriptors for all of it.
    pub fn build(&self) -> Result<WasiState> {
        if self.args.iter().any(|arg| arg.contains('\0')) {
            return Err(Error::argument("args invalid: contains NUL character"));
        }
        let mut environ = Vec::with_capacity(self.environ.len());
        for (key, value) in &self.environ {
            let problem = if key.is_empty() {
                "environ invalid: empty key"
            } else if key.contains('=') {
                "environ invalid: key contains '=' character"
            } else if key.contains('\0') || value.contains('\0') {
                "environ invalid: contains NUL character"
            } else {
                environ.push(format!("{key}={value}"));
                continue;
            };
            return Err(Error::argument(problem));
        }
        let descriptors = DescriptorTable::new(self.max_descriptors);
        let insert = |descriptor| {
            descriptors.insert(descriptor).map(drop).map_err(|_| {
                Error::limit(format!(
                    "{} descriptors are not enough for streams, mounts and listeners",
                    self.max_descriptors
                ))
            })
        };
        for (number, stdio) in (0..).zip(&self.stdio) {
            let access = if number == 0 { !rights::FD_WRITE } else { !rights::FD_READ };
            let stream = stdio.open(number).map_err(|error| {
                let name = ["input", "output", "error"][number as usize];
                Error::system(format!("opening standard {name}"), error)
            })?;
            insert(Descriptor::file(stream, access, 0))?;
        }
        for mount in &self.mounts {
            insert(Descriptor::preopen(mount.open()?, mount.guest.as_str().into()))?;
        }
        for listener in &self.listeners {
            listener
                .set_nonblocking(true)
                .map_err(|error| Error::system("putting a listener in non-blocking mode", error))?;
            insert(Descriptor::file(Arc::new(Listener(listener.clone())), rights::SOCKET, 0))?;
        }
        Ok(WasiState {
            args: self.args.as_slice().into(),
            environ: environ.into(),
            clocks: self.clocks.build()?,
            random: self.random.build(),
            descriptors,
        })
    }
}

impl Mount {
    fn open(&self) -> Result<Arc<dyn Directory>> {
        let guest = &self.guest;
        if guest.contains('\0') {
            return Err(Error::argument(format!("mount {guest:?} invalid: contains NUL character")));
        }
        let fail =
            |errno: crate::Errno| Error::system(format!("mounting at {guest}"), std::io::Error::other(errno));
        match &self.source {
            Source::FileSystem(file_system) => file_system.root().map_err(fail),
            Source::Path { host, read_only } => {
                let directory = RealDirectory::open(host).map_err(|error| {
                    Error::system(format!("mounting {} at {guest}", host.display()), error)
                })?;
                if *read_only {
                    return ReadOnly::new(directory).root().map_err(fail);
                }
                Ok(Arc::new(directory))
            }
        }
    }
}

/// The same for all ways to write one place: guests' libraries strip what is stripped here.
fn place(guest: &str) -> String {
    guest.split('/').filter(|part| !part.is_empty() && *part != ".").collect::<Vec<_>>().join("/")
}

fn saturating_ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl fmt::Debug for WasiConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mounts: Vec<_> = self.mounts.iter().map(|mount| &mount.guest).collect();
        f.debug_struct("WasiConfig")
            .field("args", &self.args)
            .field("environ", &self.environ)
            .field("mounts", &mounts)
            .field("listeners", &self.listeners)
            .field("clocks", &self.clocks)
            .field("random", &self.random)
            .field("max_descriptors", &self.max_descriptors)
            .finish_non_exhaustive()
    }
}
