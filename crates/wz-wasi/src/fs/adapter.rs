//! [`AdaptedTree`]: mounts anything that can list names and read bytes: archives, embedded files,
//! generated content. An implementation of [`SourceTree`] is asked for clean paths only.

use std::any::Any;
use std::fmt;
use std::io::SeekFrom;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    Directory, DirectoryEntry, File, FileSystem, FileType, GuestPath, Interest, Metadata, OpenOptions,
    Opened, Readiness,
};
use crate::{Errno, FsResult};

/// A source of read-only files. Paths are relative with single slashes, without `.`, `..` or links;
/// the empty path is the root.
pub trait SourceTree: Send + Sync {
    /// What is at `path`; `ENOENT` if nothing is.
    ///
    /// # Errors
    /// The source's.
    fn entry(&self, path: &str) -> FsResult<SourceEntry>;

    /// The names in the directory at `path`.
    ///
    /// # Errors
    /// The source's.
    fn list(&self, path: &str) -> FsResult<Vec<String>>;

    /// Reads bytes of the file at `path` from `offset`; 0 is the end.
    ///
    /// # Errors
    /// The source's.
    fn read_at(&self, path: &str, target: &mut [u8], offset: u64) -> FsResult<usize>;
}

/// One file or directory of a [`SourceTree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceEntry {
    /// A directory, or else a regular file.
    pub is_directory: bool,
    /// The size in bytes.
    pub size: u64,
    /// The time of the last change, in nanoseconds since 1970.
    pub modified_ns: u64,
}

/// A [`SourceTree`] as a file system.
pub struct AdaptedTree<T>(Arc<T>);

impl<T: SourceTree + 'static> AdaptedTree<T> {
    /// Adapts a source.
    pub fn new(source: T) -> Self {
        Self(Arc::new(source))
    }
}

impl<T> Clone for AdaptedTree<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for AdaptedTree<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdaptedTree").finish_non_exhaustive()
    }
}

impl<T: SourceTree + 'static> FileSystem for AdaptedTree<T> {
    fn root(&self) -> FsResult<Arc<dyn Directory>> {
        Ok(Arc::new(Node { source: self.0.clone(), path: String::new() }))
    }
}

/// A directory of the source, or what is behind an open file.
struct Node<T> {
    source: Arc<T>,
    path: String,
}

impl<T> fmt::Debug for Node<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Node").field(&self.path).finish()
    }
}

impl<T: SourceTree + 'static> Node<T> {
    /// Walks below this directory, which cannot be left; every directory on the way must exist.
    fn walk(&self, path: &GuestPath) -> FsResult<(Self, Metadata)> {
        let mut names: Vec<&str> = Vec::new();
        let mut node = Self { source: self.source.clone(), path: self.path.clone() };
        let mut metadata = node.stat()?;
        for component in path.components() {
            if metadata.file_type != FileType::Directory {
                return Err(Errno::NotDirectory);
            }
            match component {
                "." => continue,
                ".." => drop(names.pop().ok_or(Errno::Permission)?),
                name => names.push(name),
            }
            node.path.clone_from(&self.path);
            for name in &names {
                if !node.path.is_empty() {
                    node.path.push('/');
                }
                node.path.push_str(name);
            }
            metadata = node.stat()?;
        }
        if path.requires_directory() && metadata.file_type != FileType::Directory {
            return Err(Errno::NotDirectory);
        }
        Ok((node, metadata))
    }

    fn stat(&self) -> FsResult<Metadata> {
        let entry = self.source.entry(&self.path)?;
        // FNV-1a: a number that stays the same for a path, and is never 0.
        let inode = self.path.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let file_type = if entry.is_directory { FileType::Directory } else { FileType::RegularFile };
        Ok(Metadata {
            device: 2,
            inode: inode.max(1),
            size: entry.size,
            accessed_ns: entry.modified_ns,
            modified_ns: entry.modified_ns,
            changed_ns: entry.modified_ns,
            ..Metadata::of_type(file_type)
        })
    }
}

impl<T: SourceTree + 'static> Directory for Node<T> {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn is_read_only(&self) -> bool {
        true
    }

    fn metadata(&self) -> FsResult<Metadata> {
        self.stat()
    }

    fn open(&self, path: &GuestPath, options: &OpenOptions) -> FsResult<Opened> {
        let (node, metadata) = match self.walk(path) {
            Err(Errno::NoEntry) if options.create => return Err(Errno::ReadOnlyFileSystem),
            other => other?,
        };
        let is_directory = metadata.file_type == FileType::Directory;
        if options.create && options.exclusive {
            return Err(Errno::Exist);
        }
        if is_directory && options.mutates() {
            return Err(Errno::IsDirectory);
        }
        if options.write || options.append || options.truncate {
            return Err(Errno::ReadOnlyFileSystem);
        }
        if is_directory {
            return Ok(Opened::Directory(Arc::new(node)));
        }
        if options.directory {
            return Err(Errno::NotDirectory);
        }
        Ok(Opened::File(Arc::new(SourceFile { node, position: Mutex::new(0) })))
    }

    fn metadata_at(&self, path: &GuestPath, _: bool) -> FsResult<Metadata> {
        Ok(self.walk(path)?.1)
    }

    fn entries(&self, limit: usize) -> FsResult<Vec<DirectoryEntry>> {
        let names = self.source.list(&self.path)?;
        if names.len() > limit {
            return Err(Errno::NoMemory);
        }
        let entry = |name: String| {
            let metadata = self.walk(&GuestPath::new(&name)?)?.1;
            Ok(DirectoryEntry { name, inode: metadata.inode, file_type: metadata.file_type })
        };
        names.into_iter().map(entry).collect()
    }

    fn read_link(&self, path: &GuestPath) -> FsResult<String> {
        self.walk(path)?;
        Err(Errno::Invalid)
    }
}

struct SourceFile<T> {
    node: Node<T>,
    position: Mutex<u64>,
}

impl<T> fmt::Debug for SourceFile<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SourceFile").field(&self.node.path).finish()
    }
}

impl<T> SourceFile<T> {
    fn position(&self) -> MutexGuard<'_, u64> {
        self.position.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: SourceTree + 'static> File for SourceFile<T> {
    fn metadata(&self) -> FsResult<Metadata> {
        self.node.stat()
    }

    fn read(&self, target: &mut [u8]) -> FsResult<usize> {
        let mut position = self.position();
        let len = self.read_at(target, *position)?;
        *position += len as u64;
        Ok(len)
    }

    fn read_at(&self, target: &mut [u8], offset: u64) -> FsResult<usize> {
        let len = self.node.source.read_at(&self.node.path, target, offset)?;
        Ok(len.min(target.len()))
    }

    fn seek(&self, from: SeekFrom) -> FsResult<u64> {
        let mut position = self.position();
        let target = match from {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(delta) => position.checked_add_signed(delta),
            SeekFrom::End(delta) => self.metadata()?.size.checked_add_signed(delta),
        };
        *position = target.filter(|at| i64::try_from(*at).is_ok()).ok_or(Errno::Invalid)?;
        Ok(*position)
    }

    fn readiness(&self, _: Interest) -> Readiness {
        let size = self.metadata().map_or(0, |metadata| metadata.size);
        Readiness::Ready { bytes: size.saturating_sub(*self.position()), hangup: false }
    }
}
