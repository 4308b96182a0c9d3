//! [`Descriptor`]: what a guest's number stands for, and [`DescriptorTable`].

use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::abi::{fdflags, rights};
use crate::fs::{Directory, DirectoryEntry, File, FileType};
use crate::{Errno, FsResult};

/// An open file or directory of a guest, with what the guest may do to it. The table's lock is
/// never held while one is used, so a descriptor can be closed while another thread waits for it.
#[derive(Debug)]
pub(crate) struct Descriptor {
    pub(crate) object: Object,
    rights: Mutex<Rights>,
    flags: AtomicU16,
    /// The name guests find a mounted directory by.
    pub(crate) preopen: Option<Arc<str>>,
}

/// What is open.
#[derive(Debug)]
pub(crate) enum Object {
    File(Arc<dyn File>),
    Directory(OpenDirectory),
}

/// A directory, and the entries that its readers are at.
#[derive(Debug)]
pub(crate) struct OpenDirectory {
    pub(crate) directory: Arc<dyn Directory>,
    /// The entries as they were when reading began: cookies are positions in it, so they stay
    /// valid while entries come and go. Read anew for cookie 0.
    pub(crate) listing: Mutex<Option<Arc<Listing>>>,
}

/// The entries of a directory, charged to the instance's account.
#[derive(Debug)]
pub(crate) struct Listing {
    entries: Vec<DirectoryEntry>,
    account: Arc<AtomicUsize>,
}

/// How many entries an instance may have listed at once, in all its descriptors.
const MAX_LISTED: usize = 1 << 22;

impl Listing {
    /// Lists a directory, `.` and `..` first. A parent's number is nobody's business.
    pub(crate) fn read(directory: &dyn Directory, account: &Arc<AtomicUsize>) -> FsResult<Self> {
        let special = |name: &str, inode| DirectoryEntry {
            name: name.to_owned(),
            inode,
            file_type: FileType::Directory,
        };
        let mut entries = vec![special(".", directory.metadata()?.inode), special("..", 0)];
        let limit = MAX_LISTED.saturating_sub(account.load(Ordering::Relaxed));
        entries.extend(directory.entries(limit)?);
        // In the same order on every host.
        entries[2..].sort_unstable_by(|a, b| a.name.cmp(&b.name));
        account.fetch_add(entries.len(), Ordering::Relaxed);
        Ok(Self { entries, account: account.clone() })
    }

    pub(crate) fn entries(&self) -> &[DirectoryEntry] {
        &self.entries
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        self.account.fetch_sub(self.entries.len(), Ordering::Relaxed);
    }
}

/// What a descriptor may be used for, and what is opened through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rights {
    pub(crate) base: u64,
    pub(crate) inheriting: u64,
}

impl Descriptor {
    /// A file with what makes sense of `base` for it.
    pub(crate) fn file(file: Arc<dyn File>, base: u64, flags: u16) -> Self {
        let sensible = if file.socket().is_some() {
            rights::SOCKET
        } else if file.is_seekable() {
            rights::FILE
        } else {
            rights::STREAM
        };
        Self::new(Object::File(file), Rights { base: base & sensible, inheriting: 0 }, flags)
    }

    /// A directory with what makes sense of the rights for it.
    pub(crate) fn directory(directory: Arc<dyn Directory>, wanted: Rights, flags: u16) -> Self {
        let rights = Rights {
            base: wanted.base & rights::DIRECTORY,
            inheriting: wanted.inheriting & rights::INHERITING,
        };
        Self::new(Object::Directory(OpenDirectory { directory, listing: Mutex::new(None) }), rights, flags)
    }

    /// A mounted directory with all rights.
    pub(crate) fn preopen(directory: Arc<dyn Directory>, name: Arc<str>) -> Self {
        let all = Rights { base: rights::DIRECTORY, inheriting: rights::INHERITING };
        Self { preopen: Some(name), ..Self::directory(directory, all, 0) }
    }

    fn new(object: Object, rights: Rights, flags: u16) -> Self {
        Self { object, rights: Mutex::new(rights), flags: AtomicU16::new(flags), preopen: None }
    }

    pub(crate) fn file_type(&self) -> FileType {
        match &self.object {
            Object::File(file) => file.file_type(),
            Object::Directory(_) => FileType::Directory,
        }
    }

    pub(crate) fn rights(&self) -> Rights {
        *self.rights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives rights up; `ENOTCAPABLE` if some would be gained.
    pub(crate) fn narrow(&self, wanted: Rights) -> FsResult<()> {
        let mut rights = self.rights.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted.base & !rights.base != 0 || wanted.inheriting & !rights.inheriting != 0 {
            return Err(Errno::NotCapable);
        }
        *rights = wanted;
        Ok(())
    }

    /// Checks rights. A descriptor that may not be read or written answers `EBADF`, as one that
    /// was not opened for that does in POSIX; everything else is `ENOTCAPABLE`.
    pub(crate) fn require(&self, needed: u64) -> FsResult<()> {
        let missing = needed & !self.rights().base;
        if missing == 0 {
            Ok(())
        } else if missing & (rights::FD_READ | rights::FD_WRITE) != 0 {
            Err(Errno::BadDescriptor)
        } else {
            Err(Errno::NotCapable)
        }
    }

    pub(crate) fn flags(&self) -> u16 {
        self.flags.load(Ordering::Relaxed)
    }

    pub(crate) fn set_flags(&self, flags: u16) {
        self.flags.store(flags, Ordering::Relaxed);
    }

    pub(crate) fn is_nonblocking(&self) -> bool {
        self.flags() & fdflags::NONBLOCK != 0
    }

    /// The file with these rights; `EISDIR` for a directory.
    pub(crate) fn as_file(&self, needed: u64) -> FsResult<&Arc<dyn File>> {
        match &self.object {
            Object::Directory(_) => Err(Errno::IsDirectory),
            Object::File(file) => {
                self.require(needed)?;
                Ok(file)
            }
        }
    }

    /// The directory with these rights; `ENOTDIR` for anything else.
    pub(crate) fn as_directory(&self, needed: u64) -> FsResult<&OpenDirectory> {
        match &self.object {
            Object::File(_) => Err(Errno::NotDirectory),
            Object::Directory(directory) => {
                self.require(needed)?;
                Ok(directory)
            }
        }
    }
}

/// A guest's descriptors, by number.
#[derive(Debug)]
pub(crate) struct DescriptorTable {
    slots: RwLock<Slots>,
    limit: usize,
    /// How many directory entries all descriptors keep, see [`Listing`].
    pub(crate) listed: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct Slots {
    list: Vec<Option<Arc<Descriptor>>>,
    /// No number below this is free.
    first_free: usize,
    closed: bool,
}

impl DescriptorTable {
    pub(crate) fn new(limit: usize) -> Self {
        Self { slots: RwLock::default(), limit, listed: Arc::default() }
    }

    /// Opens under the lowest free number; `EMFILE` if there is none.
    pub(crate) fn insert(&self, descriptor: Descriptor) -> FsResult<u32> {
        let slots = &mut *self.slots.write().unwrap_or_else(PoisonError::into_inner);
        if slots.closed {
            return Err(Errno::BadDescriptor);
        }
        let list = &mut slots.list;
        let number = (slots.first_free..list.len()).find(|at| list[*at].is_none()).unwrap_or(list.len());
        if number >= self.limit {
            return Err(Errno::TooManyOpen);
        }
        let descriptor = Some(Arc::new(descriptor));
        match list.get_mut(number) {
            Some(slot) => *slot = descriptor,
            None => list.push(descriptor),
        }
        slots.first_free = number + 1;
        u32::try_from(number).map_err(|_| Errno::TooManyOpen)
    }

    /// Whether another descriptor could be opened: to be asked before anything irrevocable is done.
    pub(crate) fn check_room(&self) -> FsResult<()> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        let full = slots.first_free >= self.limit
            || slots.list.len() >= self.limit && slots.list[slots.first_free..].iter().all(Option::is_some);
        if full { Err(Errno::TooManyOpen) } else { Ok(()) }
    }

    /// What is open under a number; `EBADF` if nothing is.
    pub(crate) fn get(&self, number: u32) -> FsResult<Arc<Descriptor>> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        slots.list.get(number as usize).cloned().flatten().ok_or(Errno::BadDescriptor)
    }

    /// Everything that is open, by number.
    pub(crate) fn all(&self) -> Vec<Arc<Descriptor>> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        slots.list.iter().flatten().cloned().collect()
    }

    /// Closes a number.
    pub(crate) fn close(&self, number: u32) -> FsResult<()> {
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        let closed =
            slots.list.get_mut(number as usize).and_then(Option::take).ok_or(Errno::BadDescriptor)?;
        slots.first_free = slots.first_free.min(number as usize);
        drop(slots);
        drop(closed);
        Ok(())
    }

    /// Moves what is open under one number to another, which must be open and is closed.
    pub(crate) fn renumber(&self, from: u32, to: u32) -> FsResult<()> {
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        let is_open = |number: u32| slots.list.get(number as usize).is_some_and(Option::is_some);
        if !is_open(from) || !is_open(to) {
            return Err(Errno::BadDescriptor);
        }
        if from == to {
            return Ok(());
        }
        let moved = slots.list[from as usize].take();
        let closed = std::mem::replace(&mut slots.list[to as usize], moved);
        slots.first_free = slots.first_free.min(from as usize);
        drop(slots);
        drop(closed);
        Ok(())
    }

    /// Closes everything, for good.
    pub(crate) fn close_all(&self) {
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        slots.closed = true;
        let all = std::mem::take(&mut slots.list);
        slots.first_free = 0;
        drop(slots);
        drop(all);
    }
}
