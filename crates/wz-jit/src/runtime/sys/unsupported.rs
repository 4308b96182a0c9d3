//! Systems without what the JIT needs: everything is refused.

use std::io;

use super::Access;

/// The size of a page of the host.
pub(crate) fn page_size() -> usize {
    65_536
}

pub(super) fn reserve(_: usize) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(super) fn reserve_at(_: usize, _: usize) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(super) fn release(_: usize, _: usize) {}

pub(super) fn protect(_: usize, _: usize, _: Access) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(super) fn renew(_: usize, _: usize, _: Access) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
