//! [`ReadOnly`]: any file system, without its mutations. Every one of them is `EROFS`, whatever
//! the flags; descriptors that were opened through the view cannot be written through either.

use std::any::Any;
use std::sync::Arc;

use super::{
    Advice, Directory, DirectoryEntry, File, FileSystem, GuestPath, Interest, Metadata, OpenOptions, Opened,
    Readiness, Socket, Times,
};
use crate::stream::WakeFn;
use crate::{Errno, FsResult};

/// A read-only view of a file system.
#[derive(Clone, Debug)]
pub struct ReadOnly<F>(F);

impl<F: FileSystem> ReadOnly<F> {
    /// Wraps a file system.
    pub fn new(inner: F) -> Self {
        Self(inner)
    }
}

impl<F: FileSystem> FileSystem for ReadOnly<F> {
    fn root(&self) -> FsResult<Arc<dyn Directory>> {
        Ok(Arc::new(ReadOnlyDirectory(self.0.root()?)))
    }
}

/// A directory opened through the view. All mutations are left to the trait's defaults.
#[derive(Debug)]
struct ReadOnlyDirectory(Arc<dyn Directory>);

impl Directory for ReadOnlyDirectory {
    /// Not the inner directory: nothing may be linked or renamed into it from elsewhere.
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn is_read_only(&self) -> bool {
        true
    }

    fn metadata(&self) -> FsResult<Metadata> {
        self.0.metadata()
    }

    fn open(&self, path: &GuestPath, options: &OpenOptions) -> FsResult<Opened> {
        if options.write || options.append || options.truncate {
            // What POSIX finds wrong first: the file is not there, or is a directory.
            let existing = self.0.metadata_at(path, options.follow);
            return Err(match existing {
                Err(error) if error != Errno::NoEntry || !options.create => error,
                Ok(_) if options.create && options.exclusive => Errno::Exist,
                Ok(metadata) if metadata.file_type == super::FileType::Directory => Errno::IsDirectory,
                _ => Errno::ReadOnlyFileSystem,
            });
        }
        let plain = OpenOptions { create: false, exclusive: false, ..*options };
        let opened = self.0.open(path, &plain);
        if options.create {
            match opened {
                Err(Errno::NoEntry) => return Err(Errno::ReadOnlyFileSystem),
                Ok(_) if options.exclusive => return Err(Errno::Exist),
                Ok(Opened::Directory(_)) => return Err(Errno::IsDirectory),
                _ => {}
            }
        }
        Ok(match opened? {
            Opened::File(file) => Opened::File(Arc::new(ReadOnlyFile(file))),
            Opened::Directory(directory) => Opened::Directory(Arc::new(Self(directory))),
        })
    }

    fn metadata_at(&self, path: &GuestPath, follow: bool) -> FsResult<Metadata> {
        self.0.metadata_at(path, follow)
    }

    fn entries(&self, limit: usize) -> FsResult<Vec<DirectoryEntry>> {
        self.0.entries(limit)
    }

    fn read_link(&self, path: &GuestPath) -> FsResult<String> {
        self.0.read_link(path)
    }

    fn sync(&self) -> FsResult<()> {
        self.0.sync()
    }
}

/// A file opened through the view.
#[derive(Debug)]
struct ReadOnlyFile(Arc<dyn File>);

impl File for ReadOnlyFile {
    fn metadata(&self) -> FsResult<Metadata> {
        self.0.metadata()
    }
    fn file_type(&self) -> super::FileType {
        self.0.file_type()
    }
    fn is_seekable(&self) -> bool {
        self.0.is_seekable()
    }
    fn read(&self, target: &mut [u8]) -> FsResult<usize> {
        self.0.read(target)
    }
    fn read_at(&self, target: &mut [u8], offset: u64) -> FsResult<usize> {
        self.0.read_at(target, offset)
    }
    fn write_at(&self, _: &[u8], _: u64) -> FsResult<usize> {
        Err(Errno::BadDescriptor)
    }
    fn seek(&self, from: std::io::SeekFrom) -> FsResult<u64> {
        self.0.seek(from)
    }
    fn set_size(&self, _: u64) -> FsResult<()> {
        Err(Errno::ReadOnlyFileSystem)
    }
    fn allocate(&self, _: u64, _: u64) -> FsResult<()> {
        Err(Errno::ReadOnlyFileSystem)
    }
    fn advise(&self, offset: u64, len: u64, advice: Advice) -> FsResult<()> {
        self.0.advise(offset, len, advice)
    }
    fn sync(&self) -> FsResult<()> {
        self.0.sync()
    }
    fn sync_data(&self) -> FsResult<()> {
        self.0.sync_data()
    }
    fn set_times(&self, _: Times) -> FsResult<()> {
        Err(Errno::ReadOnlyFileSystem)
    }
    fn set_append(&self, append: bool) -> FsResult<()> {
        if append { Err(Errno::ReadOnlyFileSystem) } else { Ok(()) }
    }
    fn readiness(&self, interest: Interest) -> Readiness {
        self.0.readiness(interest)
    }
    fn watch(&self, interest: Interest, wake: WakeFn) -> u64 {
        self.0.watch(interest, wake)
    }
    fn unwatch(&self, id: u64) {
        self.0.unwatch(id);
    }
    /// The inner file was opened for reading only, so the host refuses writes to it as well.
    #[cfg(unix)]
    fn host_stream(&self) -> Option<super::HostStream<'_>> {
        self.0.host_stream()
    }
    fn socket(&self) -> Option<&dyn Socket> {
        None
    }
}
