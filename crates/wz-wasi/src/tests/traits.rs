//! The file-system traits themselves: every method with its results and errors, by the same tests
//! over the host's directories and in memory. Guests reach most files of the host without these
//! methods, so here they are called.

use std::io::SeekFrom;

use super::TempDir;
use crate::fs::{
    Advice, Directory, DirectoryEntry, File, FileSystem, FileType, GuestPath, Interest, LastComponent,
    MemoryFs, OpenOptions, Opened, Readiness, RealDirectory, TimeChange, Times,
};
use crate::{Errno, FsResult};
use std::sync::Arc;

/// Runs a test on an empty root of each file system that can be written.
fn on_each(test: impl Fn(&dyn Directory)) {
    let directory = TempDir::new();
    let real = RealDirectory::open(directory.path()).unwrap();
    test(&*real.root().unwrap());
    test(&*MemoryFs::new().root().unwrap());
}

fn path(text: &str) -> GuestPath {
    GuestPath::new(text).unwrap()
}

const READ: OpenOptions = OpenOptions {
    read: true,
    write: false,
    append: false,
    create: false,
    exclusive: false,
    truncate: false,
    directory: false,
    follow: true,
};
const UPDATE: OpenOptions = OpenOptions { write: true, ..READ };
const CREATE: OpenOptions = OpenOptions { create: true, ..UPDATE };

fn open(directory: &dyn Directory, at: &str, options: OpenOptions) -> FsResult<Arc<dyn File>> {
    match directory.open(&path(at), &options)? {
        Opened::File(file) => Ok(file),
        Opened::Directory(_) => Err(Errno::IsDirectory),
    }
}

fn open_directory(directory: &dyn Directory, at: &str) -> FsResult<Arc<dyn Directory>> {
    match directory.open(&path(at), &OpenOptions { directory: true, ..READ })? {
        Opened::Directory(directory) => Ok(directory),
        Opened::File(_) => Err(Errno::NotDirectory),
    }
}

/// The error of something that must not work.
#[track_caller]
fn error<T: std::fmt::Debug>(result: FsResult<T>) -> Errno {
    result.expect_err("this must not work")
}

fn contents(file: &dyn File) -> Vec<u8> {
    let mut bytes = vec![0; 100];
    let len = file.read_at(&mut bytes, 0).unwrap();
    bytes.truncate(len);
    bytes
}

#[test]
fn files_are_read_written_and_moved_through() {
    on_each(|root| {
        let file = open(root, "f", CREATE).unwrap();
        assert_eq!((file.file_type(), file.is_seekable()), (FileType::RegularFile, true));
        assert!(file.socket().is_none());
        assert_eq!(file.write(b"hello world"), Ok(11));
        assert_eq!(file.write(b""), Ok(0));
        assert_eq!(file.seek(SeekFrom::Start(6)), Ok(6));
        let mut bytes = [0; 8];
        assert_eq!(file.read(&mut bytes), Ok(5));
        assert_eq!(&bytes[..5], b"world");
        assert_eq!(file.read(&mut bytes), Ok(0));
        assert_eq!(file.seek(SeekFrom::Current(-5)), Ok(6));
        assert_eq!(file.seek(SeekFrom::End(-11)), Ok(0));
        assert_eq!(file.seek(SeekFrom::End(9)), Ok(20));
        assert_eq!(file.read(&mut bytes), Ok(0));
        assert_eq!(error(file.seek(SeekFrom::Current(-21))), Errno::Invalid);
        assert_eq!(error(file.seek(SeekFrom::End(-12))), Errno::Invalid);
        assert_eq!(file.seek(SeekFrom::Current(0)), Ok(20));
        // What is at an offset leaves the position.
        assert_eq!(file.read_at(&mut bytes, 4), Ok(7));
        assert_eq!(&bytes[..7], b"o world");
        assert_eq!((file.read_at(&mut bytes, 11), file.read_at(&mut [], 0)), (Ok(0), Ok(0)));
        assert_eq!(file.write_at(b"W", 6), Ok(1));
        assert_eq!(file.seek(SeekFrom::Current(0)), Ok(20));
        // A gap is zeros.
        assert_eq!(file.write(b"x"), Ok(1));
        assert_eq!(contents(&*file), b"hello World\0\0\0\0\0\0\0\0\0x");
        let mut empty = [0; 4];
        assert_eq!(error(open(root, "f", READ).unwrap().write(b"x")), Errno::BadDescriptor);
        assert_eq!(error(open(root, "f", READ).unwrap().write_at(b"x", 0)), Errno::BadDescriptor);
        let writing = open(root, "f", OpenOptions { read: false, ..UPDATE }).unwrap();
        assert_eq!(error(writing.read(&mut empty)), Errno::BadDescriptor);
        assert_eq!(error(writing.read_at(&mut empty, 0)), Errno::BadDescriptor);
    });
}

#[test]
fn append_mode_is_turned_on_and_off() {
    on_each(|root| {
        let file = open(root, "f", OpenOptions { append: true, ..CREATE }).unwrap();
        file.write(b"abc").unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        assert_eq!(file.write(b"d"), Ok(1));
        // Where a write says where, it goes there.
        assert_eq!(file.write_at(b"A", 0), Ok(1));
        assert_eq!(file.write(b"e"), Ok(1));
        file.set_append(false).unwrap();
        file.set_append(false).unwrap();
        file.seek(SeekFrom::Start(1)).unwrap();
        file.write(b"B").unwrap();
        file.set_append(true).unwrap();
        file.write(b"f").unwrap();
        assert_eq!(contents(&*file), b"ABcdef");
    });
}

#[test]
fn sizes_room_and_storage() {
    on_each(|root| {
        let file = open(root, "f", CREATE).unwrap();
        file.write(b"abcdef").unwrap();
        file.set_size(3).unwrap();
        file.set_size(5).unwrap();
        assert_eq!(contents(&*file), b"abc\0\0");
        assert_eq!(file.metadata().unwrap().size, 5);
        file.allocate(0, 4).unwrap();
        assert_eq!(file.metadata().unwrap().size, 5, "it is not cut off");
        file.allocate(4, 6).unwrap();
        assert_eq!(contents(&*file), b"abc\0\0\0\0\0\0\0");
        assert_eq!(error(file.allocate(0, 0)), Errno::Invalid);
        assert_eq!(error(file.allocate(u64::MAX, 1)), Errno::FileTooBig);
        assert_eq!(error(file.set_size(1 << 63)), Errno::Invalid);
        let reading = open(root, "f", READ).unwrap();
        assert_eq!(error(reading.set_size(0)), Errno::Invalid);
        assert_eq!(error(reading.allocate(0, 1)), Errno::BadDescriptor);
        for advice in [
            Advice::Normal,
            Advice::Sequential,
            Advice::Random,
            Advice::WillNeed,
            Advice::DontNeed,
            Advice::NoReuse,
        ] {
            file.advise(0, 0, advice).unwrap();
        }
        file.sync().unwrap();
        file.sync_data().unwrap();
        root.sync().unwrap();
        file.seek(SeekFrom::Start(4)).unwrap();
        assert_eq!(file.readiness(Interest::Read), Readiness::Ready { bytes: 6, hangup: false });
        assert!(matches!(file.readiness(Interest::Write), Readiness::Ready { hangup: false, .. }));
        let file = open(root, "f", OpenOptions { truncate: true, ..UPDATE }).unwrap();
        assert_eq!(file.metadata().unwrap().size, 0);
    });
}

#[test]
fn times_of_files_directories_and_names() {
    on_each(|root| {
        let file = open(root, "f", CREATE).unwrap();
        root.symlink("f", &path("l")).unwrap();
        root.create_directory(&path("d")).unwrap();
        let at = |accessed, modified| Times {
            accessed: TimeChange::At(accessed),
            modified: TimeChange::At(modified),
        };
        let told = |name: &str, follow| {
            let metadata = root.metadata_at(&path(name), follow).unwrap();
            (metadata.accessed_ns, metadata.modified_ns)
        };
        file.set_times(at(1_000_000_001, 2_000_000_002)).unwrap();
        assert_eq!(told("f", false), (1_000_000_001, 2_000_000_002));
        file.set_times(Times { accessed: TimeChange::Keep, modified: TimeChange::At(3) }).unwrap();
        assert_eq!(told("f", false), (1_000_000_001, 3));
        root.set_times_at(&path("l"), false, at(5, 6)).unwrap();
        assert_eq!((told("l", false), told("l", true)), ((5, 6), (1_000_000_001, 3)));
        root.set_times_at(&path("l"), true, at(7, 8)).unwrap();
        assert_eq!(told("f", false), (7, 8));
        root.set_times_at(&path("d/"), true, at(9, 10)).unwrap();
        assert_eq!(told("d", false), (9, 10));
        root.set_times_at(&path("d/."), false, at(11, 12)).unwrap();
        assert_eq!(told("d", false), (11, 12));
        root.set_times(at(13, 14)).unwrap();
        assert_eq!(told(".", false), (13, 14));
        let metadata = root.metadata().unwrap();
        assert_eq!((metadata.accessed_ns, metadata.modified_ns), (13, 14));
        root.set_times(Times { accessed: TimeChange::Now, modified: TimeChange::Now }).unwrap();
        assert!(root.metadata().unwrap().modified_ns > 14);
        for (name, expected) in
            [("no", Errno::NoEntry), ("f/", Errno::NotDirectory), ("../x", Errno::Permission)]
        {
            assert_eq!(error(root.set_times_at(&path(name), true, at(1, 1))), expected, "{name}");
        }
    });
}

#[test]
fn directories_are_made_listed_renamed_and_removed() {
    on_each(|root| {
        root.create_directory(&path("d")).unwrap();
        root.create_directory(&path("d/inner/")).unwrap();
        open(root, "d/f", CREATE).unwrap();
        root.symlink("f", &path("d/l")).unwrap();
        let directory = open_directory(root, "d").unwrap();
        let mut entries = directory.entries(10).unwrap();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        let listed: Vec<_> = entries.iter().map(|entry| (&*entry.name, entry.file_type)).collect();
        assert_eq!(
            listed,
            [("f", FileType::RegularFile), ("inner", FileType::Directory), ("l", FileType::SymbolicLink)]
        );
        for DirectoryEntry { name, inode, file_type } in &entries {
            let metadata = directory.metadata_at(&path(name), false).unwrap();
            assert_eq!((metadata.inode, metadata.file_type), (*inode, *file_type));
        }
        assert_eq!(directory.entries(3).unwrap().len(), 3);
        assert_eq!(error(directory.entries(2)), Errno::NoMemory);
        assert_eq!(directory.metadata().unwrap().inode, root.metadata_at(&path("d"), true).unwrap().inode);
        assert!(!directory.is_read_only());
        // A handle stays with its directory.
        root.rename(&path("d"), root, &path("moved")).unwrap();
        assert_eq!(directory.entries(10).unwrap().len(), 3);
        assert_eq!(error(open_directory(root, "d")), Errno::NoEntry);
        directory.rename(&path("f"), root, &path("up")).unwrap();
        assert_eq!(root.metadata_at(&path("up"), false).unwrap().file_type, FileType::RegularFile);
        assert_eq!(error(root.rename(&path("moved"), &*directory, &path("inner"))), Errno::Invalid);
        assert_eq!(error(root.rename(&path("."), root, &path("x"))), Errno::Busy);
        assert_eq!(error(root.remove_directory(&path("moved"))), Errno::NotEmpty);
        assert_eq!(error(root.remove_directory(&path("up"))), Errno::NotDirectory);
        assert_eq!(error(root.remove_directory(&path("."))), Errno::Invalid);
        assert_eq!(error(root.unlink(&path("moved"))), Errno::IsDirectory);
        assert_eq!(error(root.unlink(&path("up/"))), Errno::NotDirectory);
        assert_eq!(error(root.create_directory(&path("up"))), Errno::Exist);
        assert_eq!(error(open(root, "moved", UPDATE)), Errno::IsDirectory);
        assert_eq!(error(open_directory(root, "up")), Errno::NotDirectory);
        assert_eq!(error(directory.open(&path(".."), &READ)), Errno::Permission);
        assert_eq!(error(open(root, "new/", CREATE)), Errno::IsDirectory);
        assert_eq!(error(open(root, "up", OpenOptions { exclusive: true, ..CREATE })), Errno::Exist);
        root.remove_directory(&path("moved/inner")).unwrap();
        root.unlink(&path("moved/l")).unwrap();
        root.remove_directory(&path("moved/")).unwrap();
        assert_eq!(directory.entries(10).unwrap(), [], "it is gone but open");
        root.unlink(&path("up")).unwrap();
        assert_eq!(root.entries(10).unwrap(), []);
    });
}

#[test]
fn links_are_made_read_and_followed() {
    on_each(|root| {
        let file = open(root, "f", CREATE).unwrap();
        root.symlink("f", &path("soft")).unwrap();
        root.symlink("../x", &path("out")).unwrap();
        root.symlink("loop", &path("loop")).unwrap();
        assert_eq!(root.read_link(&path("soft")).unwrap(), "f");
        assert_eq!(root.read_link(&path("out")).unwrap(), "../x");
        assert_eq!(error(root.read_link(&path("f"))), Errno::Invalid);
        assert_eq!(error(root.read_link(&path("no"))), Errno::NoEntry);
        assert_eq!(error(root.symlink("x", &path("f"))), Errno::Exist);
        assert_eq!(error(root.symlink("x", &path("no/l"))), Errno::NoEntry);
        assert_eq!(root.metadata_at(&path("soft"), true).unwrap().file_type, FileType::RegularFile);
        let link = root.metadata_at(&path("soft"), false).unwrap();
        assert_eq!((link.file_type, link.size), (FileType::SymbolicLink, 1));
        for (name, expected) in [("out", Errno::Permission), ("loop", Errno::Loop)] {
            assert_eq!(error(root.metadata_at(&path(name), true)), expected, "{name}");
            assert_eq!(error(open(root, name, READ)), expected, "{name}");
        }
        assert_eq!(error(open(root, "soft", OpenOptions { follow: false, ..READ })), Errno::Loop);
        root.link(&path("f"), root, &path("hard")).unwrap();
        let (one, other) = (file.metadata().unwrap(), root.metadata_at(&path("hard"), false).unwrap());
        assert_eq!((one.inode, one.device, one.links), (other.inode, other.device, 2));
        assert_eq!(error(root.link(&path("f"), root, &path("hard"))), Errno::Exist);
        assert_eq!(error(root.link(&path("."), root, &path("new"))), Errno::Permission);
        assert_eq!(error(root.link(&path("no"), root, &path("new"))), Errno::NoEntry);
        file.write(b"both").unwrap();
        assert_eq!(contents(&*open(root, "hard", READ).unwrap()), b"both");
        root.unlink(&path("f")).unwrap();
        assert_eq!(contents(&*file), b"both");
        assert_eq!(file.metadata().unwrap().links, 1);
        // The link itself is renamed, and leads elsewhere now.
        root.rename(&path("soft"), root, &path("hard")).unwrap();
        assert_eq!(root.read_link(&path("hard")).unwrap(), "f");
        assert_eq!((contents(&*file), file.metadata().unwrap().links), (b"both".to_vec(), 0));
    });
}

/// Nothing is linked or renamed to a directory of another file system, which is told by its type.
#[test]
fn file_systems_know_their_own_directories() {
    let directory = TempDir::new();
    let real = RealDirectory::open(directory.path()).unwrap().root().unwrap();
    let (memory, other) = (MemoryFs::new().root().unwrap(), MemoryFs::new().root().unwrap());
    assert!(real.as_any().is::<RealDirectory>() && !memory.as_any().is::<RealDirectory>());
    for (from, to) in [(&real, &memory), (&memory, &real), (&memory, &other)] {
        open(&**from, "f", CREATE).unwrap();
        assert_eq!(error(from.link(&path("f"), &**to, &path("g"))), Errno::CrossDevice);
        assert_eq!(error(from.rename(&path("f"), &**to, &path("g"))), Errno::CrossDevice);
    }
}

#[test]
fn paths_are_taken_apart() {
    let checked = path("a//b/../c/");
    assert_eq!((checked.as_str(), checked.requires_directory()), ("a//b/../c", true));
    assert_eq!(checked.components().collect::<Vec<_>>(), ["a", "b", "..", "c"]);
    assert_eq!(checked.split(), ("a//b/..", LastComponent::Name("c")));
    assert!(CREATE.mutates() && UPDATE.mutates() && !READ.mutates());
}
