//! Unix: files have an owner and permissions.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Permissions to write of those who are not the owner.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Reads exactly so many bytes at a place.
pub(crate) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    file.read_exact_at(bytes, offset)
}

/// Makes a directory that is the user's alone, and those above it.
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Opens a file for reading. Neither follows a link nor waits for a pipe's other end.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open(path)
}

/// Makes a file that is the user's alone. An error if it exists.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}

/// Why a file or directory may have been written to by somebody else than the user and the system;
/// `None` if it was not.
pub(crate) fn problem(metadata: &Metadata) -> Option<&'static str> {
    let user = rustix::process::geteuid().as_raw();
    if metadata.uid() != user && metadata.uid() != 0 {
        Some("belongs to another user")
    } else if metadata.mode() & WRITABLE_BY_OTHERS != 0 {
        Some("can be written to by other users")
    } else {
        None
    }
}
