//! Read-only mounts: every mutation by every way is refused and changes nothing.

use super::*;
use crate::fs::{MemoryFs, ReadOnly};

/// A real mount and one in memory, with `file`, `dir/inner` and `link`.
fn on_each_read_only_mount(test: impl Fn(&Guest, &dyn Fn() -> String)) {
    let directory = TempDir::new();
    let root = directory.path();
    std::fs::create_dir(root.join("dir")).unwrap();
    std::fs::write(root.join("file"), b"abc").unwrap();
    std::fs::write(root.join("dir/inner"), b"def").unwrap();
    std::os::unix::fs::symlink("file", root.join("link")).unwrap();
    let scratch = TempDir::new();
    let config = WasiConfig::new().with_read_only_dir(root, "/").with_dir(scratch.path(), "/tmp");
    let snapshot = |path: &Path| {
        let metadata = std::fs::metadata(path).unwrap();
        format!("{:?} {}", metadata.modified().unwrap(), metadata.len())
    };
    test(&Guest::new(&config), &|| {
        let names: Vec<_> =
            std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        format!(
            "{names:?} {} {} {}",
            snapshot(root),
            snapshot(&root.join("file")),
            snapshot(&root.join("dir"))
        )
    });

    let tree = MemoryFs::new();
    tree.write("file", *b"abc").unwrap();
    tree.write("dir/inner", *b"def").unwrap();
    let writable = Guest::new(&WasiConfig::new().with_mount(tree.clone(), "/"));
    writable.symlink("file", 3, "link").unwrap();
    let config =
        WasiConfig::new().with_mount(ReadOnly::new(tree.clone()), "/").with_mount(MemoryFs::new(), "/tmp");
    test(&Guest::new(&config), &|| {
        let (names, _) = writable.readdir(3, 0x4000, 0).unwrap();
        let stat = |path: &str| {
            let stat = writable.stat(3, path, false).unwrap();
            (stat.modified, stat.size, stat.links)
        };
        format!("{names:?} {:?} {:?} {:?}", stat("file"), stat("."), stat("dir"))
    });
}

#[test]
fn every_mutation_is_refused() {
    on_each_read_only_mount(|guest, snapshot| {
        let before = snapshot();
        let rofs = Err(Errno::ReadOnlyFileSystem);
        guest.create(4, "mine", b"x").unwrap();
        for path in ["file", "link"] {
            for oflags in [0, TRUNC, CREAT, CREAT | TRUNC] {
                for fdflags in [0, APPEND, 16] {
                    let opened = guest.open_with(3, path, true, oflags, (ALL, ALL), fdflags);
                    assert_eq!(opened.map(drop), rofs, "{path} {oflags} {fdflags}");
                }
            }
            assert_eq!(guest.open(3, path, CREAT | EXCL), Err(Errno::Exist));
            assert_eq!(guest.open_with(3, path, true, TRUNC, (FD_READ, 0), 0).map(drop), rofs);
        }
        assert_eq!(guest.open(3, "new", CREAT).map(drop), rofs);
        assert_eq!(guest.open_with(3, "new", true, CREAT, (FD_READ, 0), 0).map(drop), rofs);
        assert_eq!(guest.open(3, "new", 0), Err(Errno::NoEntry));
        assert_eq!(guest.open(3, "dir", 0), Err(Errno::IsDirectory));
        assert_eq!(guest.mkdir(3, "new"), rofs);
        assert_eq!(guest.rmdir(3, "dir"), rofs);
        assert_eq!(guest.unlink(3, "file"), rofs);
        assert_eq!(guest.symlink("file", 3, "new"), rofs);
        assert_eq!(guest.link((3, "file"), (3, "new")), rofs);
        assert_eq!(guest.rename((3, "file"), (3, "new")), rofs);
        assert_eq!(guest.set_times(3, "file", true, (1, 1), 5), rofs);
        assert_eq!(guest.set_times(3, "link", false, (1, 1), 5), rofs);
        assert_eq!(guest.call("fd_filestat_set_times", &[3, 1, 1, 5]), rofs);
        // Not from or to a writable mount either: a link would make the file writable there.
        assert_eq!(guest.link((3, "file"), (4, "stolen")), rofs);
        assert_eq!(guest.rename((3, "file"), (4, "stolen")), rofs);
        assert_eq!(guest.link((4, "mine"), (3, "new")), rofs);
        assert_eq!(guest.rename((4, "mine"), (3, "new")), rofs);
        assert_eq!(guest.rename((4, "mine"), (3, "file")), rofs);
        // Nor through what can be opened.
        let directory = guest.open_dir(3, "dir").unwrap();
        assert_eq!(guest.open(directory, "new", CREAT).map(drop), rofs);
        assert_eq!(guest.unlink(directory, "inner"), rofs);
        let file = guest.open_with(3, "file", true, CREAT, (ALL & !FD_WRITE, ALL), 0).unwrap();
        let fd = u64::from(file);
        assert_eq!(guest.write(file, b"x"), Err(Errno::BadDescriptor));
        assert_eq!(guest.pwrite(file, b"x", 0), Err(Errno::BadDescriptor));
        assert_eq!(guest.call("fd_filestat_set_size", &[fd, 0]), rofs);
        assert_eq!(guest.call("fd_allocate", &[fd, 0, 100]), rofs);
        assert_eq!(guest.call("fd_filestat_set_times", &[fd, 1, 1, 5]), rofs);
        assert_eq!(guest.call("fd_fdstat_set_flags", &[fd, APPEND.into()]), rofs);
        assert_eq!(snapshot(), before);
    });
}

#[test]
fn reading_works() {
    on_each_read_only_mount(|guest, _| {
        assert_eq!(guest.contents(3, "link").unwrap(), b"abc");
        let directory = guest.open_dir(3, "dir").unwrap();
        assert_eq!(guest.contents(directory, "inner").unwrap(), b"def");
        assert_eq!(guest.readdir(directory, 1000, 0).unwrap().0.len(), 3);
        assert_eq!(guest.readlink(3, "link", 10).unwrap(), b"file");
        assert_eq!(guest.stat(3, "link", true).unwrap().size, 3);
        assert_eq!(guest.open_read(3, "../x"), Err(Errno::Permission));
        let file = guest.open_read(3, "file").unwrap();
        assert_eq!(guest.seek(file, 1, 0), Ok(1));
        assert_eq!(guest.read(file, 9).unwrap(), b"bc");
        assert_eq!(guest.pread(file, 1, 1).unwrap(), b"b");
        guest.call("fd_sync", &[file.into()]).unwrap();
    });
}
