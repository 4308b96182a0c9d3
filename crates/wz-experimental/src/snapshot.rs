//! Snapshots: a host function notes where the guest is, and a later one of the same call has the
//! guest go on from there, as `setjmp` and `longjmp` do.

use std::fmt;
use std::sync::Arc;

use wz_api::sealed::Keep;
use wz_api::{Caller, Error, Result};

/// A point of a guest's call: the return of the host function that took it.
///
/// The guest's frames are kept, not its memories, globals and tables. It can be restored any number
/// of times while the call of the host lasts that it was taken in, also after functions have
/// returned that ran then.
#[derive(Clone)]
pub struct Snapshot(Keep);

/// Takes a snapshot in a host function.
///
/// # Errors
/// If no guest called the function, or one of the guest's functions is such that its frame cannot be
/// kept: the engine says which.
pub fn snapshot(caller: &Caller<'_>) -> Result<Snapshot> {
    caller.inner().snapshot().map(Snapshot)
}

impl Snapshot {
    /// What a host function returns to have the guest go on where the snapshot was taken: the host
    /// function that took it returns again, with these results as words.
    ///
    /// The error passes through host functions and calls back into guests as any other does. Where it
    /// comes to the call of the snapshot, that goes on; listened functions that are left get `abort`
    /// with it, and those that run again because of it are not told of any more. Elsewhere it is an
    /// error of the call.
    #[must_use]
    pub fn restore(&self, results: &[u64]) -> Error {
        Error::host(RestoreError { snapshot: self.clone(), results: results.into() })
    }

    #[doc(hidden)]
    #[must_use]
    pub fn inner(&self) -> &Keep {
        &self.0
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").finish_non_exhaustive()
    }
}

/// What [`Snapshot::restore`] gives, as the source of an error.
#[derive(Debug)]
pub struct RestoreError {
    snapshot: Snapshot,
    results: Arc<[u64]>,
}

impl RestoreError {
    #[doc(hidden)]
    #[must_use]
    pub fn parts(&self) -> (&Snapshot, &Arc<[u64]>) {
        (&self.snapshot, &self.results)
    }
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "unhandled snapshot restore, this generally indicates restore was called from a different \
             exported function invocation than snapshot",
        )
    }
}

impl std::error::Error for RestoreError {}
