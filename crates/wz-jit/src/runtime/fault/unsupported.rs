//! Systems whose signals are not handled: there is no executable memory either.

use std::io;

/// Nothing to handle.
pub(crate) fn install() -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A stack for signal handlers, which nothing needs.
pub(crate) struct AlternateStack;

impl AlternateStack {
    /// Never called: there is no code to run.
    pub(crate) fn install() -> io::Result<Option<Self>> {
        Ok(None)
    }
}
