//! [`MemoryFs`]: a tree of files in memory, with directories, hard and symbolic links, and a limit
//! on what it holds. One lock guards a tree; no operation keeps it for long.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::io::SeekFrom;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    Directory, DirectoryEntry, File, FileSystem, FileType, GuestPath, Interest, LastComponent, Metadata,
    OpenOptions, Opened, Readiness, TimeChange, Times,
};
use crate::{Errno, FsResult};

/// How many symbolic links one path may lead through, as on Linux.
const MAX_LINKS: usize = 40;
/// The longest name, as on Linux.
const MAX_NAME_LEN: usize = 255;
/// What an empty file or directory entry is charged.
const NODE_COST: u64 = 256;

/// A file system in memory. Clones are the same tree.
#[derive(Clone)]
pub struct MemoryFs {
    tree: Arc<Tree>,
}

/// Gives the current time in nanoseconds since 1970.
type Clock = Box<dyn Fn() -> u64 + Send + Sync>;

struct Tree {
    state: Mutex<State>,
    limit: u64,
    clock: Clock,
}

/// Nodes by number; a node is freed when nothing links to it and nobody has it open.
struct State {
    nodes: BTreeMap<u64, Node>,
    next: u64,
    used: u64,
}

struct Node {
    body: Body,
    links: u64,
    opens: u64,
    accessed_ns: u64,
    modified_ns: u64,
    changed_ns: u64,
}

enum Body {
    File(Vec<u8>),
    Directory(BTreeMap<String, u64>),
    Link(String),
}

const ROOT: u64 = 1;
/// Where the clock starts that trees have by default: 2022-01-01T00:00:00Z.
const DEFAULT_TIME_NS: u64 = 1_640_995_200_000_000_000;

impl MemoryFs {
    /// An empty tree that holds up to 256 MiB. Its clock is deterministic: it starts at
    /// 2022-01-01T00:00:00Z and advances by a millisecond whenever it is read.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limit(256 << 20)
    }

    /// An empty tree that holds up to `limit` bytes; what does not fit is `ENOSPC`.
    #[must_use]
    pub fn with_limit(limit: u64) -> Self {
        let ticks = std::sync::atomic::AtomicU64::new(0);
        Self::build(
            limit,
            Box::new(move || {
                let tick = ticks.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                DEFAULT_TIME_NS + tick * 1_000_000
            }),
        )
    }

    /// An empty tree whose times come from `clock`, in nanoseconds since 1970.
    #[must_use]
    pub fn with_limit_and_clock(limit: u64, clock: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self::build(limit, Box::new(clock))
    }

    fn build(limit: u64, clock: Clock) -> Self {
        let now = clock();
        let mut nodes = BTreeMap::new();
        nodes.insert(ROOT, Node::new(Body::Directory(BTreeMap::new()), now));
        let state = State { nodes, next: ROOT + 1, used: 0 };
        Self { tree: Arc::new(Tree { state: Mutex::new(state), limit, clock }) }
    }

    /// Adds a file, and the directories above it, or replaces its contents. `path` is relative.
    ///
    /// # Errors
    /// As for guests.
    pub fn write(&self, path: &str, contents: impl Into<Vec<u8>>) -> FsResult<()> {
        let root = self.handle(ROOT);
        let path = GuestPath::new(path)?;
        let (parent, _) = path.split();
        let mut above = String::new();
        for component in parent.split('/').filter(|component| !component.is_empty()) {
            above.push_str(component);
            match root.create_directory(&GuestPath::new(&above)?) {
                Ok(()) | Err(Errno::Exist) => above.push('/'),
                Err(error) => return Err(error),
            }
        }
        let options = OpenOptions { write: true, create: true, truncate: true, ..OpenOptions::default() };
        match root.open(&path, &options)? {
            Opened::File(file) => {
                let contents = contents.into();
                let mut rest = &contents[..];
                while !rest.is_empty() {
                    rest = &rest[file.write(rest)?..];
                }
                Ok(())
            }
            Opened::Directory(_) => Err(Errno::IsDirectory),
        }
    }

    /// The contents of a file. `path` is relative; links are followed.
    ///
    /// # Errors
    /// As for guests.
    pub fn read(&self, path: &str) -> FsResult<Vec<u8>> {
        let state = self.tree.lock();
        let number = state.resolve(ROOT, &GuestPath::new(path)?, true)?.node.ok_or(Errno::NoEntry)?;
        match &state.node(number)?.body {
            Body::File(contents) => Ok(contents.clone()),
            Body::Directory(_) => Err(Errno::IsDirectory),
            Body::Link(_) => Err(Errno::Loop),
        }
    }

    fn handle(&self, number: u64) -> MemoryDirectory {
        MemoryDirectory { open: OpenNode::new(&self.tree, &mut self.tree.lock(), number) }
    }
}

impl Default for MemoryFs {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryFs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryFs").field("used", &self.tree.lock().used).finish_non_exhaustive()
    }
}

impl FileSystem for MemoryFs {
    fn root(&self) -> FsResult<Arc<dyn Directory>> {
        Ok(Arc::new(self.handle(ROOT)))
    }
}

impl Tree {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Charges `bytes` more, or says that there is no room.
    fn charge(&self, state: &mut State, bytes: u64) -> FsResult<()> {
        let used = state.used.checked_add(bytes).filter(|used| *used <= self.limit).ok_or(Errno::NoSpace)?;
        state.used = used;
        Ok(())
    }

    fn add(&self, state: &mut State, at: (u64, &str), body: Body) -> FsResult<u64> {
        let (directory, name) = at;
        if name.len() > MAX_NAME_LEN {
            return Err(Errno::NameTooLong);
        }
        self.charge(state, NODE_COST + name.len() as u64 + body.cost())?;
        let now = (self.clock)();
        let number = state.next;
        state.next += 1;
        state.nodes.insert(number, Node::new(body, now));
        state.entries_mut(directory, now)?.insert(name.to_owned(), number);
        Ok(number)
    }
}

/// Where a path led.
struct Resolved {
    /// The directory of the last component.
    directory: u64,
    /// The last component's name; none for `.` and `..`.
    name: Option<String>,
    /// What is there.
    node: Option<u64>,
    /// The path, or the link that it ended in, had a trailing slash.
    requires_directory: bool,
}

impl State {
    fn node(&self, number: u64) -> FsResult<&Node> {
        self.nodes.get(&number).ok_or(Errno::NoEntry)
    }

    fn node_mut(&mut self, number: u64) -> FsResult<&mut Node> {
        self.nodes.get_mut(&number).ok_or(Errno::NoEntry)
    }

    fn entries(&self, number: u64) -> FsResult<&BTreeMap<String, u64>> {
        match &self.node(number)?.body {
            Body::Directory(entries) => Ok(entries),
            _ => Err(Errno::NotDirectory),
        }
    }

    /// The entries of a directory that is about to change at the time `now`.
    fn entries_mut(&mut self, number: u64, now: u64) -> FsResult<&mut BTreeMap<String, u64>> {
        let node = self.node_mut(number)?;
        node.modified_ns = now;
        node.changed_ns = now;
        match &mut node.body {
            Body::Directory(entries) => Ok(entries),
            _ => Err(Errno::NotDirectory),
        }
    }

    fn is_directory(&self, number: u64) -> bool {
        self.entries(number).is_ok()
    }

    /// Walks a path from the directory `start`, which it must not leave. The directories above
    /// are remembered on the way, so that `..` needs no parent links.
    fn resolve(&self, start: u64, path: &GuestPath, follow: bool) -> FsResult<Resolved> {
        let mut above = vec![start];
        let mut todo: Vec<String> = path.components().rev().map(str::to_owned).collect();
        let mut requires_directory = path.requires_directory();
        let mut links = 0;
        // A removed directory has no entries and takes none.
        if self.node(start)?.links == 0 {
            return Err(Errno::NoEntry);
        }
        loop {
            let directory = *above.last().unwrap_or(&start);
            let Some(component) = todo.pop() else {
                return Ok(Resolved { directory, name: None, node: Some(directory), requires_directory });
            };
            match component.as_str() {
                "." => {
                    self.entries(directory)?;
                    continue;
                }
                ".." => {
                    if above.len() == 1 {
                        return Err(Errno::Permission);
                    }
                    above.pop();
                    continue;
                }
                _ => {}
            }
            let last = todo.is_empty();
            if component.len() > MAX_NAME_LEN {
                return Err(Errno::NameTooLong);
            }
            let Some(&number) = self.entries(directory)?.get(&component) else {
                if last {
                    return Ok(Resolved { directory, name: Some(component), node: None, requires_directory });
                }
                return Err(Errno::NoEntry);
            };
            match &self.node(number)?.body {
                Body::Link(target) if !last || follow || requires_directory => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(Errno::Loop);
                    }
                    let target = GuestPath::new(target)?;
                    requires_directory |= last && target.requires_directory();
                    todo.extend(target.components().rev().map(str::to_owned));
                    if todo.len() > crate::path::MAX_PATH_LEN {
                        return Err(Errno::NameTooLong);
                    }
                }
                Body::Directory(_) if !last => above.push(number),
                _ if !last => return Err(Errno::NotDirectory),
                body => {
                    if requires_directory && !matches!(body, Body::Directory(_)) {
                        return Err(Errno::NotDirectory);
                    }
                    let name = Some(component);
                    return Ok(Resolved { directory, name, node: Some(number), requires_directory });
                }
            }
        }
    }

    /// Resolves a path whose last component an operation works on without following it, not even
    /// for a trailing slash.
    fn resolve_entry(&self, start: u64, path: &GuestPath) -> FsResult<Resolved> {
        let bare = GuestPath::new(path.as_str())?;
        let mut resolved = self.resolve(start, &bare, false)?;
        resolved.requires_directory = path.requires_directory();
        Ok(resolved)
    }

    /// Resolves a path that must exist.
    fn existing(&self, start: u64, path: &GuestPath, follow: bool) -> FsResult<u64> {
        self.resolve(start, path, follow)?.node.ok_or(Errno::NoEntry)
    }

    fn remove_entry(&mut self, directory: u64, name: &str, now: u64) -> FsResult<()> {
        if let Some(number) = self.entries_mut(directory, now)?.remove(name) {
            self.used = self.used.saturating_sub(name.len() as u64);
            let node = self.node_mut(number)?;
            node.links -= 1;
            node.changed_ns = now;
            self.free_if_unused(number);
        }
        Ok(())
    }

    fn free_if_unused(&mut self, number: u64) {
        if self.nodes.get(&number).is_some_and(|node| node.links == 0 && node.opens == 0)
            && let Some(node) = self.nodes.remove(&number)
        {
            self.used = self.used.saturating_sub(NODE_COST + node.body.cost());
        }
    }

    /// Whether the directory `inner` is `outer` or below it.
    fn contains(&self, outer: u64, inner: u64) -> bool {
        let mut todo = vec![outer];
        while let Some(number) = todo.pop() {
            if number == inner {
                return true;
            }
            if let Ok(entries) = self.entries(number) {
                todo.extend(entries.values().filter(|child| self.is_directory(**child)));
            }
        }
        false
    }
}

impl Node {
    fn new(body: Body, now: u64) -> Self {
        Self { body, links: 1, opens: 0, accessed_ns: now, modified_ns: now, changed_ns: now }
    }

    fn metadata(&self, inode: u64) -> Metadata {
        let (file_type, size) = match &self.body {
            Body::File(contents) => (FileType::RegularFile, contents.len() as u64),
            Body::Directory(entries) => (FileType::Directory, entries.len() as u64),
            Body::Link(target) => (FileType::SymbolicLink, target.len() as u64),
        };
        Metadata {
            device: 1,
            inode,
            file_type,
            links: self.links,
            size,
            accessed_ns: self.accessed_ns,
            modified_ns: self.modified_ns,
            changed_ns: self.changed_ns,
        }
    }

    fn set_times(&mut self, times: Times, now: u64) {
        let change = |time: &mut u64, change| match change {
            TimeChange::Keep => {}
            TimeChange::Now => *time = now,
            TimeChange::At(ns) => *time = ns,
        };
        change(&mut self.accessed_ns, times.accessed);
        change(&mut self.modified_ns, times.modified);
        self.changed_ns = now;
    }
}

impl Body {
    fn cost(&self) -> u64 {
        match self {
            Self::File(contents) => contents.len() as u64,
            Self::Directory(_) => 0,
            Self::Link(target) => target.len() as u64,
        }
    }
}

/// A node that somebody has open, which keeps it.
struct OpenNode {
    tree: Arc<Tree>,
    number: u64,
}

impl OpenNode {
    fn new(tree: &Arc<Tree>, state: &mut State, number: u64) -> Self {
        if let Ok(node) = state.node_mut(number) {
            node.opens += 1;
        }
        Self { tree: tree.clone(), number }
    }

    fn metadata(&self) -> FsResult<Metadata> {
        Ok(self.tree.lock().node(self.number)?.metadata(self.number))
    }

    fn set_times(&self, times: Times) -> FsResult<()> {
        let now = (self.tree.clock)();
        self.tree.lock().node_mut(self.number)?.set_times(times, now);
        Ok(())
    }
}

impl Drop for OpenNode {
    fn drop(&mut self) {
        let mut state = self.tree.lock();
        if let Ok(node) = state.node_mut(self.number) {
            node.opens -= 1;
        }
        state.free_if_unused(self.number);
    }
}

impl fmt::Debug for OpenNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenNode").field("number", &self.number).finish_non_exhaustive()
    }
}

/// An open directory of a [`MemoryFs`].
#[derive(Debug)]
struct MemoryDirectory {
    open: OpenNode,
}

impl MemoryDirectory {
    /// The other directory of a link or rename, if it is of the same tree.
    fn same_tree<'a>(&self, other: &'a dyn Directory) -> FsResult<&'a Self> {
        let other = other.as_any().downcast_ref::<Self>().ok_or(Errno::CrossDevice)?;
        if Arc::ptr_eq(&self.open.tree, &other.open.tree) { Ok(other) } else { Err(Errno::CrossDevice) }
    }

    /// Where a new entry goes, if nothing is there yet.
    fn vacant(&self, state: &State, path: &GuestPath, may_end_in_slash: bool) -> FsResult<(u64, String)> {
        let resolved = state.resolve_entry(self.open.number, path)?;
        match (resolved.name, resolved.node) {
            (Some(name), None) if may_end_in_slash || !resolved.requires_directory => {
                if state.node(resolved.directory)?.links == 0 {
                    return Err(Errno::NoEntry);
                }
                Ok((resolved.directory, name))
            }
            (Some(_), None) => Err(Errno::NoEntry),
            _ => Err(Errno::Exist),
        }
    }
}

impl Directory for MemoryDirectory {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn metadata(&self) -> FsResult<Metadata> {
        self.open.metadata()
    }

    fn open(&self, path: &GuestPath, options: &OpenOptions) -> FsResult<Opened> {
        let tree = &self.open.tree;
        let state = &mut *tree.lock();
        if options.create && path.requires_directory() {
            return Err(Errno::IsDirectory);
        }
        // O_EXCL does not follow.
        let follow = options.follow && !(options.create && options.exclusive);
        let resolved = state.resolve(self.open.number, path, follow)?;
        let number = match resolved.node {
            Some(_) if options.create && options.exclusive => return Err(Errno::Exist),
            Some(number) => number,
            None if options.create && !resolved.requires_directory => {
                let name = resolved.name.ok_or(Errno::IsDirectory)?;
                if state.node(resolved.directory)?.links == 0 {
                    return Err(Errno::NoEntry);
                }
                tree.add(state, (resolved.directory, &name), Body::File(Vec::new()))?
            }
            None => return Err(Errno::NoEntry),
        };
        let node = state.node_mut(number)?;
        match &mut node.body {
            Body::Link(_) => Err(if options.directory { Errno::NotDirectory } else { Errno::Loop }),
            Body::Directory(_) if options.mutates() => Err(Errno::IsDirectory),
            Body::Directory(_) => {
                let open = OpenNode::new(tree, state, number);
                Ok(Opened::Directory(Arc::new(Self { open })))
            }
            Body::File(_) if options.directory => Err(Errno::NotDirectory),
            Body::File(contents) => {
                if options.truncate && !contents.is_empty() {
                    let freed = contents.len() as u64;
                    *contents = Vec::new();
                    let now = (tree.clock)();
                    (node.modified_ns, node.changed_ns) = (now, now);
                    state.used = state.used.saturating_sub(freed);
                }
                let open = OpenNode::new(tree, state, number);
                let (read, write) = (options.read || !options.write, options.write);
                let cursor = Mutex::new(Cursor { position: 0, append: options.append && write });
                Ok(Opened::File(Arc::new(MemoryFile { open, read, write, cursor })))
            }
        }
    }

    fn metadata_at(&self, path: &GuestPath, follow: bool) -> FsResult<Metadata> {
        let state = self.open.tree.lock();
        let number = state.existing(self.open.number, path, follow)?;
        Ok(state.node(number)?.metadata(number))
    }

    fn entries(&self, limit: usize) -> FsResult<Vec<DirectoryEntry>> {
        let state = self.open.tree.lock();
        let entries = state.entries(self.open.number)?;
        if entries.len() > limit {
            return Err(Errno::NoMemory);
        }
        let entry = |(name, number): (&String, &u64)| {
            let file_type = state.node(*number)?.metadata(*number).file_type;
            Ok(DirectoryEntry { name: name.clone(), inode: *number, file_type })
        };
        entries.iter().map(entry).collect()
    }

    fn create_directory(&self, path: &GuestPath) -> FsResult<()> {
        let state = &mut *self.open.tree.lock();
        let (directory, name) = self.vacant(state, path, true)?;
        self.open.tree.add(state, (directory, &name), Body::Directory(BTreeMap::new()))?;
        Ok(())
    }

    fn remove_directory(&self, path: &GuestPath) -> FsResult<()> {
        let now = (self.open.tree.clock)();
        let state = &mut *self.open.tree.lock();
        let resolved = state.resolve_entry(self.open.number, path)?;
        let Some(name) = resolved.name else {
            let (_, last) = path.split();
            return Err(if last == LastComponent::Current { Errno::Invalid } else { Errno::NotEmpty });
        };
        let number = resolved.node.ok_or(Errno::NoEntry)?;
        if !state.entries(number)?.is_empty() {
            return Err(Errno::NotEmpty);
        }
        state.remove_entry(resolved.directory, &name, now)
    }

    fn unlink(&self, path: &GuestPath) -> FsResult<()> {
        let now = (self.open.tree.clock)();
        let state = &mut *self.open.tree.lock();
        let resolved = state.resolve_entry(self.open.number, path)?;
        let name = resolved.name.ok_or(Errno::IsDirectory)?;
        let number = resolved.node.ok_or(Errno::NoEntry)?;
        if state.is_directory(number) {
            return Err(Errno::IsDirectory);
        }
        if resolved.requires_directory {
            return Err(Errno::NotDirectory);
        }
        state.remove_entry(resolved.directory, &name, now)
    }

    fn symlink(&self, target: &str, path: &GuestPath) -> FsResult<()> {
        let state = &mut *self.open.tree.lock();
        let (directory, name) = self.vacant(state, path, false)?;
        self.open.tree.add(state, (directory, &name), Body::Link(target.to_owned()))?;
        Ok(())
    }

    fn read_link(&self, path: &GuestPath) -> FsResult<String> {
        let state = self.open.tree.lock();
        let number = state.existing(self.open.number, path, false)?;
        match &state.node(number)?.body {
            Body::Link(target) => Ok(target.clone()),
            _ => Err(Errno::Invalid),
        }
    }

    fn link(&self, path: &GuestPath, new_directory: &dyn Directory, new_path: &GuestPath) -> FsResult<()> {
        let new_directory = self.same_tree(new_directory)?;
        let tree = &self.open.tree;
        let now = (tree.clock)();
        let state = &mut *tree.lock();
        let number = state.existing(self.open.number, path, false)?;
        if state.is_directory(number) {
            return Err(Errno::Permission);
        }
        let (directory, name) = new_directory.vacant(state, new_path, false)?;
        if name.len() > MAX_NAME_LEN {
            return Err(Errno::NameTooLong);
        }
        tree.charge(state, name.len() as u64)?;
        let node = state.node_mut(number)?;
        node.links += 1;
        node.changed_ns = now;
        state.entries_mut(directory, now)?.insert(name, number);
        Ok(())
    }

    fn rename(&self, path: &GuestPath, new_directory: &dyn Directory, new_path: &GuestPath) -> FsResult<()> {
        let new_directory = self.same_tree(new_directory)?;
        let now = (self.open.tree.clock)();
        let state = &mut *self.open.tree.lock();
        let from = state.resolve_entry(self.open.number, path)?;
        let to = state.resolve_entry(new_directory.open.number, new_path)?;
        let (name, new_name) = (from.name.ok_or(Errno::Busy)?, to.name.ok_or(Errno::Busy)?);
        let number = from.node.ok_or(Errno::NoEntry)?;
        let is_directory = state.is_directory(number);
        if (from.requires_directory || to.requires_directory) && !is_directory {
            return Err(Errno::NotDirectory);
        }
        if is_directory && state.contains(number, to.directory) {
            return Err(Errno::Invalid);
        }
        if state.node(to.directory)?.links == 0 {
            return Err(Errno::NoEntry);
        }
        if let Some(existing) = to.node {
            if existing == number {
                return Ok(());
            }
            match (is_directory, state.entries(existing)) {
                (true, Ok(entries)) if !entries.is_empty() => return Err(Errno::NotEmpty),
                (true, Err(_)) => return Err(Errno::NotDirectory),
                (false, Ok(_)) => return Err(Errno::IsDirectory),
                _ => {}
            }
            state.remove_entry(to.directory, &new_name, now)?;
        }
        // What the entry costs moves along, but for the difference of the names.
        state.used = (state.used + new_name.len() as u64).saturating_sub(name.len() as u64);
        state.entries_mut(from.directory, now)?.remove(&name);
        state.entries_mut(to.directory, now)?.insert(new_name, number);
        state.node_mut(number)?.changed_ns = now;
        Ok(())
    }

    fn set_times(&self, times: Times) -> FsResult<()> {
        self.open.set_times(times)
    }

    fn set_times_at(&self, path: &GuestPath, follow: bool, times: Times) -> FsResult<()> {
        let now = (self.open.tree.clock)();
        let mut state = self.open.tree.lock();
        let number = state.existing(self.open.number, path, follow)?;
        state.node_mut(number)?.set_times(times, now);
        Ok(())
    }
}

/// An open file of a [`MemoryFs`].
#[derive(Debug)]
struct MemoryFile {
    open: OpenNode,
    read: bool,
    write: bool,
    /// Locked before the tree.
    cursor: Mutex<Cursor>,
}

#[derive(Debug)]
struct Cursor {
    position: u64,
    append: bool,
}

impl MemoryFile {
    fn cursor(&self) -> MutexGuard<'_, Cursor> {
        self.cursor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn size(&self) -> FsResult<u64> {
        Ok(self.open.metadata()?.size)
    }

    /// Changes the size to `size`, keeping the account.
    fn resize(&self, state: &mut State, size: u64) -> FsResult<()> {
        let size_now = state.node(self.open.number)?.body.cost();
        if size > size_now {
            self.open.tree.charge(state, size - size_now)?;
        } else {
            state.used = state.used.saturating_sub(size_now - size);
        }
        let len = usize::try_from(size).map_err(|_| Errno::FileTooBig)?;
        let Body::File(contents) = &mut state.node_mut(self.open.number)?.body else {
            return Err(Errno::Invalid);
        };
        if let Some(more) = len.checked_sub(contents.len())
            && contents.try_reserve(more).is_err()
        {
            state.used = state.used.saturating_sub(size - size_now);
            return Err(Errno::NoMemory);
        }
        contents.resize(len, 0);
        Ok(())
    }

    /// Writes, at the end if `offset` is none; gives the offset after what was written.
    fn put(&self, source: &[u8], offset: Option<u64>) -> FsResult<u64> {
        if !self.write {
            return Err(Errno::BadDescriptor);
        }
        let now = (self.open.tree.clock)();
        let state = &mut *self.open.tree.lock();
        let size = state.node(self.open.number)?.body.cost();
        let offset = offset.unwrap_or(size);
        let end = offset.checked_add(source.len() as u64).ok_or(Errno::FileTooBig)?;
        if source.is_empty() {
            return Ok(offset);
        }
        if end > size {
            self.resize(state, end)?;
        }
        let node = state.node_mut(self.open.number)?;
        (node.modified_ns, node.changed_ns) = (now, now);
        if let Body::File(contents) = &mut node.body {
            contents[offset as usize..end as usize].copy_from_slice(source);
        }
        Ok(end)
    }
}

impl File for MemoryFile {
    fn metadata(&self) -> FsResult<Metadata> {
        self.open.metadata()
    }

    fn read(&self, target: &mut [u8]) -> FsResult<usize> {
        let mut cursor = self.cursor();
        let len = self.read_at(target, cursor.position)?;
        cursor.position += len as u64;
        Ok(len)
    }

    fn read_at(&self, target: &mut [u8], offset: u64) -> FsResult<usize> {
        if !self.read {
            return Err(Errno::BadDescriptor);
        }
        let now = (self.open.tree.clock)();
        let mut state = self.open.tree.lock();
        let node = state.node_mut(self.open.number)?;
        node.accessed_ns = now;
        let Body::File(contents) = &node.body else { return Err(Errno::Invalid) };
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(contents.len());
        let len = target.len().min(contents.len() - start);
        target[..len].copy_from_slice(&contents[start..start + len]);
        Ok(len)
    }

    fn write(&self, source: &[u8]) -> FsResult<usize> {
        let mut cursor = self.cursor();
        let offset = (!cursor.append).then_some(cursor.position);
        cursor.position = self.put(source, offset)?;
        Ok(source.len())
    }

    fn write_at(&self, source: &[u8], offset: u64) -> FsResult<usize> {
        self.put(source, Some(offset))?;
        Ok(source.len())
    }

    fn seek(&self, from: SeekFrom) -> FsResult<u64> {
        let mut cursor = self.cursor();
        let position = match from {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(delta) => cursor.position.checked_add_signed(delta),
            SeekFrom::End(delta) => self.size()?.checked_add_signed(delta),
        };
        cursor.position = position.filter(|at| i64::try_from(*at).is_ok()).ok_or(Errno::Invalid)?;
        Ok(cursor.position)
    }

    fn set_size(&self, size: u64) -> FsResult<()> {
        if !self.write || i64::try_from(size).is_err() {
            return Err(Errno::Invalid);
        }
        let now = (self.open.tree.clock)();
        let state = &mut *self.open.tree.lock();
        self.resize(state, size)?;
        let node = state.node_mut(self.open.number)?;
        (node.modified_ns, node.changed_ns) = (now, now);
        Ok(())
    }

    fn allocate(&self, offset: u64, len: u64) -> FsResult<()> {
        if !self.write {
            return Err(Errno::BadDescriptor);
        }
        if len == 0 {
            return Err(Errno::Invalid);
        }
        let end = offset.checked_add(len).filter(|end| i64::try_from(*end).is_ok());
        let end = end.ok_or(Errno::FileTooBig)?;
        let state = &mut *self.open.tree.lock();
        if state.node(self.open.number)?.body.cost() < end {
            self.resize(state, end)?;
        }
        Ok(())
    }

    fn set_times(&self, times: Times) -> FsResult<()> {
        self.open.set_times(times)
    }

    fn set_append(&self, append: bool) -> FsResult<()> {
        self.cursor().append = append;
        Ok(())
    }

    fn readiness(&self, interest: Interest) -> Readiness {
        let bytes = match interest {
            Interest::Read => self.size().unwrap_or(0).saturating_sub(self.cursor().position),
            Interest::Write => 0,
        };
        Readiness::Ready { bytes, hangup: false }
    }
}
