//! [`WasiState`]: what one instance has of WASI, built from a [`WasiConfig`](crate::WasiConfig).

use std::sync::{Arc, LazyLock};

use wz_api::Caller;

use crate::FsResult;
use crate::clock::{ClockConfig, ClockId, Clocks};
use crate::descriptor::{DescriptorTable, Object};
use crate::fs::{Directory, File};
use crate::random::{Random, RandomConfig};

/// The WASI state of one instance: arguments, environment, descriptors, clocks. A runtime gives
/// it to the instance as its extension, where the host functions find it.
#[derive(Debug)]
pub struct WasiState {
    pub(crate) args: Arc<[String]>,
    /// `KEY=value`, in order.
    pub(crate) environ: Arc<[String]>,
    pub(crate) descriptors: DescriptorTable,
    pub(crate) clocks: Clocks,
    pub(crate) random: Random,
}

/// What instances without a state have: nothing.
static NOTHING: LazyLock<WasiState> = LazyLock::new(|| WasiState {
    args: [].into(),
    environ: [].into(),
    descriptors: DescriptorTable::new(0),
    clocks: ClockConfig::default().build().expect("the default resolutions are valid"),
    random: RandomConfig::default().build(),
});

impl WasiState {
    /// The state of the calling instance.
    pub(crate) fn of<'a>(caller: &Caller<'a>) -> &'a Self {
        caller.extension::<Self>().unwrap_or_else(|| &NOTHING)
    }

    /// The arguments, for other host modules of the instance.
    #[must_use]
    pub fn args(&self) -> &[String] {
        &self.args
    }

    /// The environment as `KEY=value`, in order.
    #[must_use]
    pub fn environ(&self) -> &[String] {
        &self.environ
    }

    /// Reads the wall clock: nanoseconds since 1970.
    #[must_use]
    pub fn walltime_ns(&self) -> u64 {
        self.clocks.now_ns(ClockId::Realtime)
    }

    /// Reads the monotonic clock, in nanoseconds.
    #[must_use]
    pub fn nanotime_ns(&self) -> u64 {
        self.clocks.now_ns(ClockId::Monotonic)
    }

    /// Fills `target` with random bytes.
    ///
    /// # Errors
    /// `EIO` if the source fails.
    pub fn fill_random(&self, target: &mut [u8]) -> FsResult<()> {
        self.random.fill(target)
    }

    /// The file that is open as `descriptor`; 0, 1 and 2 are the standard streams, unless the guest
    /// has closed or renumbered them.
    ///
    /// # Errors
    /// `EBADF` if nothing is open there, `EISDIR` for a directory.
    pub fn file(&self, descriptor: u32) -> FsResult<Arc<dyn File>> {
        Ok(self.descriptors.get(descriptor)?.as_file(0)?.clone())
    }

    /// The mounted directories that the guest still has, with the names it finds them by.
    #[must_use]
    pub fn mounts(&self) -> Vec<(Arc<str>, Arc<dyn Directory>)> {
        let all = self.descriptors.all();
        let mounts = all.iter().filter_map(|descriptor| match (&descriptor.object, &descriptor.preopen) {
            (Object::Directory(open), Some(name)) => Some((name.clone(), open.directory.clone())),
            _ => None,
        });
        mounts.collect()
    }

    /// Closes all descriptors. Later calls of the guest get `EBADF`.
    pub fn close(&self) {
        self.descriptors.close_all();
    }
}
