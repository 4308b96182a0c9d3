//! Files and directories: every test runs on the real and the in-memory implementation.

use super::*;

#[test]
fn files_are_written_and_read() {
    on_each_file_system(|guest| {
        let file = guest.open(3, "file", CREAT | EXCL).unwrap();
        assert_eq!(file, 4);
        assert_eq!(guest.write(file, b"hello world"), Ok(11));
        assert_eq!(guest.tell(file), Ok(11));
        assert_eq!(guest.seek(file, -5, 1), Ok(6));
        assert_eq!(guest.read(file, 100).unwrap(), b"world");
        assert_eq!(guest.read(file, 100).unwrap(), b"");
        assert_eq!(guest.seek(file, 0, 0), Ok(0));
        assert_eq!(guest.pread(file, 5, 6).unwrap(), b"world");
        assert_eq!(guest.pwrite(file, b"W", 6), Ok(1));
        assert_eq!(guest.read(file, 100).unwrap(), b"hello World");
        assert_eq!(guest.seek(file, 1000, 2), Ok(1011));
        assert_eq!(guest.read(file, 1).unwrap(), b"");
        for (offset, whence) in [(-1, 0), (-2000, 1), (-12, 2), (i64::MIN, 0), (0, 3)] {
            assert_eq!(guest.seek(file, offset, whence), Err(Errno::Invalid), "{offset} {whence}");
        }
        assert_eq!(guest.tell(file), Ok(1011));
        assert_eq!(guest.stat_fd(file).unwrap().size, 11);
        guest.close(file).unwrap();
        assert_eq!(guest.close(file), Err(Errno::BadDescriptor));
        assert_eq!(guest.open(3, "file", CREAT | EXCL), Err(Errno::Exist));
        assert_eq!(guest.contents(3, "file").unwrap(), b"hello World");
        assert_eq!(guest.open(3, "file", TRUNC), Ok(4));
        assert_eq!(guest.stat(3, "file", true).unwrap().size, 0);
    });
}

#[test]
fn several_buffers_are_one_transfer() {
    on_each_file_system(|guest| {
        let file = guest.open(3, "file", CREAT).unwrap();
        guest.put(DATA, b"abcdef");
        for (index, (at, len)) in [(DATA, 2), (DATA, 0), (DATA + 4, 2)].into_iter().enumerate() {
            guest.memory.write_u32(index as u32 * 8, at).unwrap();
            guest.memory.write_u32(index as u32 * 8 + 4, len).unwrap();
        }
        guest.call("fd_write", &[file.into(), 0, 3, RESULT.into()]).unwrap();
        assert_eq!(guest.u32_at(RESULT), 4);
        guest.memory.fill(DATA, 6_u32, b'.').unwrap();
        guest.call("fd_pread", &[file.into(), 0, 3, 1, RESULT.into()]).unwrap();
        assert_eq!(guest.u32_at(RESULT), 3);
        assert_eq!(guest.bytes(DATA, 6), b"be..f.");
    });
}

#[test]
fn large_transfers_are_whole() {
    on_each_file_system(|guest| {
        let file = guest.open(3, "file", CREAT).unwrap();
        guest.memory.fill(DATA, END - DATA, 0xab).unwrap();
        guest.iovec(DATA, END - DATA);
        guest.call("fd_write", &[file.into(), 0, 1, RESULT.into()]).unwrap();
        assert_eq!(guest.u32_at(RESULT), END - DATA);
        guest.seek(file, 0, 0).unwrap();
        guest.memory.fill(DATA, END - DATA, 0).unwrap();
        guest.call("fd_read", &[file.into(), 0, 1, RESULT.into()]).unwrap();
        assert_eq!(guest.u32_at(RESULT), END - DATA);
        assert_eq!(guest.memory.read_u8(END - 1), Some(0xab));
    });
}

#[test]
fn append_mode_writes_at_the_end_and_positioned_writes_do_not() {
    on_each_file_system(|guest| {
        let file = guest.open_with(3, "file", true, CREAT, (ALL, ALL), APPEND).unwrap();
        assert_eq!(guest.fdstat(file).unwrap().1, APPEND);
        guest.write(file, b"aaaa").unwrap();
        guest.seek(file, 0, 0).unwrap();
        guest.write(file, b"bb").unwrap();
        assert_eq!(guest.pwrite(file, b"cc", 0), Ok(2));
        assert_eq!(guest.pread(file, 100, 0).unwrap(), b"ccaabb");
        guest.call("fd_fdstat_set_flags", &[file.into(), 0]).unwrap();
        guest.seek(file, 0, 0).unwrap();
        guest.write(file, b"d").unwrap();
        assert_eq!(guest.pread(file, 100, 0).unwrap(), b"dcaabb");
        guest.call("fd_fdstat_set_flags", &[file.into(), u64::from(APPEND | 2 | 16)]).unwrap();
        guest.write(file, b"e").unwrap();
        assert_eq!(guest.pread(file, 100, 0).unwrap(), b"dcaabbe");
        assert_eq!(guest.call("fd_fdstat_set_flags", &[file.into(), 32]), Err(Errno::Invalid));
    });
}

#[test]
fn sizes_are_set_and_room_is_allocated() {
    on_each_file_system(|guest| {
        let file = guest.open(3, "file", CREAT).unwrap();
        let fd = u64::from(file);
        guest.call("fd_filestat_set_size", &[fd, 100]).unwrap();
        assert_eq!(guest.stat_fd(file).unwrap().size, 100);
        guest.call("fd_filestat_set_size", &[fd, 10]).unwrap();
        guest.call("fd_allocate", &[fd, 5, 10]).unwrap();
        assert_eq!(guest.stat_fd(file).unwrap().size, 15);
        guest.call("fd_allocate", &[fd, 0, 1]).unwrap();
        assert_eq!(guest.stat_fd(file).unwrap().size, 15);
        assert_eq!(guest.call("fd_allocate", &[fd, 0, 0]), Err(Errno::Invalid));
        assert_eq!(guest.call("fd_allocate", &[fd, u64::MAX, 2]), Err(Errno::FileTooBig));
        assert_eq!(guest.call("fd_filestat_set_size", &[fd, u64::MAX]), Err(Errno::Invalid));
        for advice in 0..6 {
            guest.call("fd_advise", &[fd, 0, 10, advice]).unwrap();
        }
        assert_eq!(guest.call("fd_advise", &[fd, 0, 10, 6]), Err(Errno::Invalid));
        assert_eq!(guest.call("fd_advise", &[fd, u64::MAX, 10, 0]), Err(Errno::Invalid));
        guest.call("fd_sync", &[fd]).unwrap();
        guest.call("fd_datasync", &[fd]).unwrap();
        guest.call("fd_sync", &[3]).unwrap();
    });
}

#[test]
fn access_modes_follow_the_rights() {
    on_each_file_system(|guest| {
        guest.create(3, "file", b"abc").unwrap();
        let reader = guest.open_with(3, "file", true, 0, (FD_READ, 0), 0).unwrap();
        let writer = guest.open_with(3, "file", true, 0, (FD_WRITE, 0), 0).unwrap();
        let neither = guest.open_with(3, "file", true, 0, (0, 0), 0).unwrap();
        assert_eq!(guest.fdstat(reader).unwrap(), (4, 0, FD_READ, 0));
        assert_eq!(guest.read(reader, 10).unwrap(), b"abc");
        assert_eq!(guest.write(reader, b"x"), Err(Errno::BadDescriptor));
        assert_eq!(guest.write(writer, b"x"), Ok(1));
        assert_eq!(guest.read(writer, 10), Err(Errno::BadDescriptor));
        assert_eq!(guest.read(neither, 10), Err(Errno::BadDescriptor));
        assert_eq!(guest.stat_fd(neither), Err(Errno::NotCapable));
        assert_eq!(guest.tell(neither), Err(Errno::NotCapable));
        assert_eq!(guest.pread(reader, 1, 0), Err(Errno::NotCapable));
        // Creating needs no right to write, and cutting off is decided by the directory's rights.
        let created = guest.open_with(3, "created", true, CREAT, (FD_READ, 0), 0).unwrap();
        assert_eq!(guest.read(created, 1).unwrap(), b"");
        guest.open_with(3, "file", true, TRUNC, (0, 0), 0).unwrap();
        assert_eq!(guest.stat(3, "file", true).unwrap().size, 0);
    });
}

#[test]
fn rights_are_narrowed_and_never_widened() {
    on_each_file_system(|guest| {
        let set = |fd: u32, base: u64, inheriting: u64| {
            guest.call("fd_fdstat_set_rights", &[fd.into(), base, inheriting])
        };
        let (_, _, base, inheriting) = guest.fdstat(3).unwrap();
        assert_eq!(base & (FD_WRITE | crate::abi::rights::FD_SEEK), 0);
        assert_eq!(inheriting & base, base);
        let file = guest.open(3, "file", CREAT).unwrap();
        let (_, _, file_base, _) = guest.fdstat(file).unwrap();
        assert_eq!(set(file, file_base & !FD_READ, 0), Ok(()));
        assert_eq!(guest.read(file, 1), Err(Errno::BadDescriptor));
        assert_eq!(set(file, file_base, 0), Err(Errno::NotCapable));
        assert_eq!(set(file, 0, 1), Err(Errno::NotCapable));
        assert_eq!(set(99, 0, 0), Err(Errno::BadDescriptor));
        let truncate = crate::abi::rights::PATH_FILESTAT_SET_SIZE;
        assert_eq!(set(3, base & !truncate, inheriting & !FD_WRITE), Ok(()));
        assert_eq!(guest.open(3, "file", TRUNC), Err(Errno::NotCapable));
        let read_only = guest.open(3, "file", 0).unwrap();
        assert_eq!(guest.write(read_only, b"x"), Err(Errno::BadDescriptor));
        assert_eq!(set(3, 0, 0), Ok(()));
        assert_eq!(guest.open(3, "file", 0), Err(Errno::NotCapable));
        assert_eq!(guest.mkdir(3, "d"), Err(Errno::NotCapable));
        assert_eq!(guest.unlink(3, "file"), Err(Errno::NotCapable));
        assert_eq!(guest.stat(3, "file", true), Err(Errno::NotCapable));
        assert_eq!(guest.readdir(3, 100, 0), Err(Errno::NotCapable));
        assert_eq!(guest.symlink("a", 3, "b"), Err(Errno::NotCapable));
        assert_eq!(guest.rename((3, "file"), (3, "b")), Err(Errno::NotCapable));
        assert_eq!(guest.link((3, "file"), (3, "b")), Err(Errno::NotCapable));
        assert_eq!(guest.readlink(3, "file", 1), Err(Errno::NotCapable));
        assert_eq!(guest.rmdir(3, "file"), Err(Errno::NotCapable));
        assert_eq!(guest.set_times(3, "file", false, (0, 0), 1), Err(Errno::NotCapable));
    });
}

#[test]
fn directories_are_not_files() {
    on_each_file_system(|guest| {
        guest.mkdir(3, "dir").unwrap();
        let directory = guest.open_dir(3, "dir").unwrap();
        let fd = u64::from(directory);
        assert_eq!(guest.fdstat(directory).unwrap().0, 3);
        assert_eq!(guest.read(directory, 1), Err(Errno::IsDirectory));
        assert_eq!(guest.write(directory, b"a"), Err(Errno::IsDirectory));
        assert_eq!(guest.pread(directory, 1, 0), Err(Errno::IsDirectory));
        assert_eq!(guest.pwrite(directory, b"a", 0), Err(Errno::IsDirectory));
        assert_eq!(guest.seek(directory, 0, 1), Err(Errno::IsDirectory));
        assert_eq!(guest.tell(directory), Err(Errno::IsDirectory));
        assert_eq!(guest.call("fd_allocate", &[fd, 0, 1]), Err(Errno::IsDirectory));
        assert_eq!(guest.call("fd_filestat_set_size", &[fd, 0]), Err(Errno::IsDirectory));
        assert_eq!(guest.call("fd_advise", &[fd, 0, 0, 0]), Ok(()));
        let write = (FD_READ | FD_WRITE, 0);
        assert_eq!(guest.open_with(3, "dir", true, DIRECTORY, write, 0), Err(Errno::IsDirectory));
        assert_eq!(guest.open_with(3, ".", true, 0, write, 0), Err(Errno::IsDirectory));
        assert_eq!(guest.open(3, "dir", CREAT | DIRECTORY), Err(Errno::Invalid));
        // And files are no directories.
        let file = guest.open(3, "file", CREAT).unwrap();
        assert_eq!(guest.open(file, "x", CREAT), Err(Errno::NotDirectory));
        assert_eq!(guest.mkdir(file, "x"), Err(Errno::NotDirectory));
        assert_eq!(guest.readdir(file, 100, 0), Err(Errno::NotDirectory));
        assert_eq!(guest.open_dir(3, "file"), Err(Errno::NotDirectory));
        assert_eq!(guest.open(3, "file/x", 0), Err(Errno::NotDirectory));
        assert_eq!(guest.mkdir(3, "file/x"), Err(Errno::NotDirectory));
        assert_eq!(guest.rmdir(3, "file"), Err(Errno::NotDirectory));
        assert_eq!(guest.unlink(3, "dir"), Err(Errno::IsDirectory));
    });
}

#[test]
fn a_directory_opens_again_with_its_own_rights() {
    on_each_file_system(|guest| {
        let (_, _, base, inheriting) = guest.fdstat(3).unwrap();
        let again = guest.open_with(3, ".", false, DIRECTORY, (base, inheriting), NONBLOCK).unwrap();
        assert_eq!(guest.fdstat(again).unwrap(), (3, NONBLOCK, base, inheriting));
        for rights in [(0, 0), (FD_READ, 0)] {
            assert!(guest.open_with(3, ".", false, 0, rights, 0).is_ok());
        }
    });
}

#[test]
fn paths_are_resolved_as_posix_does() {
    on_each_file_system(|guest| {
        guest.mkdir(3, "dir").unwrap();
        guest.mkdir(3, "dir/nested/").unwrap();
        guest.create(3, "dir/nested/file", b"x").unwrap();
        let open = |path: &str| guest.open_read(3, path).map(|fd| guest.close(fd).unwrap());
        assert_eq!(open("dir/.//nested/../../dir/nested/../nested///./file"), Ok(()));
        assert_eq!(open("dir/nested/"), Ok(()));
        assert_eq!(open("dir/nested///"), Ok(()));
        assert_eq!(open("dir/nested/."), Ok(()));
        assert_eq!(open("dir/nested/.."), Ok(()));
        assert_eq!(open("dir/nested/../.."), Ok(()));
        assert_eq!(open("dir/nested/file/"), Err(Errno::NotDirectory));
        assert_eq!(open("dir/nested/file/."), Err(Errno::NotDirectory));
        assert_eq!(open("dir/missing/../nested"), Err(Errno::NoEntry));
        assert_eq!(open("dir/nested/file/../file"), Err(Errno::NotDirectory));
        assert_eq!(open("missing"), Err(Errno::NoEntry));
        assert_eq!(open(""), Err(Errno::NoEntry));
        assert_eq!(open(&"a".repeat(256)), Err(Errno::NameTooLong));
        assert_eq!(open(&"a/".repeat(2000)), Err(Errno::NoEntry));
        assert_eq!(open(&"a".repeat(4097)), Err(Errno::NameTooLong));
        assert_eq!(open("dir/nested/file\0"), Err(Errno::Invalid));
        assert_eq!(guest.open(3, "new/", CREAT), Err(Errno::IsDirectory));
        assert_eq!(guest.mkdir(3, "."), Err(Errno::Exist));
        assert_eq!(guest.mkdir(3, "dir/.."), Err(Errno::Exist));
        assert_eq!(guest.mkdir(3, "dir"), Err(Errno::Exist));
        assert_eq!(guest.mkdir(3, "missing/x"), Err(Errno::NoEntry));
        assert_eq!(guest.rmdir(3, "dir/."), Err(Errno::Invalid));
        assert_eq!(guest.rmdir(3, "dir/nested/.."), Err(Errno::NotEmpty));
        assert_eq!(guest.rmdir(3, "dir"), Err(Errno::NotEmpty));
        assert_eq!(guest.unlink(3, "."), Err(Errno::IsDirectory));
        assert_eq!(guest.unlink(3, "dir/"), Err(Errno::IsDirectory));
        assert_eq!(guest.unlink(3, "dir/nested/file/"), Err(Errno::NotDirectory));
        assert_eq!(guest.unlink(3, "missing"), Err(Errno::NoEntry));
        assert_eq!(guest.rmdir(3, "missing/"), Err(Errno::NoEntry));
        assert_eq!(guest.rmdir(3, "dir/nested/file/"), Err(Errno::NotDirectory));
        guest.unlink(3, "dir/nested/file").unwrap();
        guest.rmdir(3, "dir/nested/").unwrap();
        guest.rmdir(3, "dir").unwrap();
    });
}

#[test]
fn links_are_made_followed_and_read() {
    on_each_file_system(|guest| {
        guest.create(3, "target", b"abc").unwrap();
        guest.mkdir(3, "dir").unwrap();
        guest.symlink("target", 3, "link").unwrap();
        guest.symlink("dir", 3, "dirlink").unwrap();
        guest.symlink("../target", 3, "dir/up").unwrap();
        guest.symlink("missing", 3, "dangling").unwrap();
        guest.symlink("loop", 3, "loop").unwrap();
        assert_eq!(guest.contents(3, "link").unwrap(), b"abc");
        assert_eq!(guest.contents(3, "dirlink/up").unwrap(), b"abc");
        assert_eq!(guest.readlink(3, "link", 10).unwrap(), b"target");
        assert_eq!(guest.readlink(3, "link", 4).unwrap(), b"targ");
        assert_eq!(guest.readlink(3, "link", 0).unwrap(), b"");
        assert_eq!(guest.readlink(3, "target", 10), Err(Errno::Invalid));
        assert_eq!(guest.readlink(3, "dir", 10), Err(Errno::Invalid));
        assert_eq!(guest.readlink(3, "dirlink/", 10), Err(Errno::Invalid));
        assert_eq!(guest.readlink(3, "missing", 10), Err(Errno::NoEntry));
        let nofollow = |path: &str, oflags| guest.open_with(3, path, false, oflags, (FD_READ, 0), 0);
        assert_eq!(nofollow("link", 0), Err(Errno::Loop));
        assert_eq!(nofollow("dirlink", 0), Err(Errno::Loop));
        assert_eq!(nofollow("dirlink", DIRECTORY), Err(Errno::NotDirectory));
        assert!(nofollow("dirlink/", DIRECTORY).is_ok());
        assert!(guest.open_dir(3, "dirlink").is_ok());
        assert_eq!(guest.open_dir(3, "link"), Err(Errno::NotDirectory));
        assert_eq!(guest.open_read(3, "dangling"), Err(Errno::NoEntry));
        assert_eq!(guest.open_read(3, "loop"), Err(Errno::Loop));
        assert_eq!(guest.open(3, "dangling", CREAT | EXCL), Err(Errno::Exist));
        assert!(guest.open(3, "dangling", CREAT).is_ok(), "creates what the link points to");
        assert_eq!(guest.stat(3, "missing", false).unwrap().file_type, 4);
        assert_eq!(guest.stat(3, "link", false).unwrap().file_type, 7);
        assert_eq!(guest.stat(3, "link", true).unwrap().file_type, 4);
        assert_eq!(guest.stat(3, "dirlink", true).unwrap().file_type, 3);
        assert_eq!(guest.stat(3, "dirlink/", false).unwrap().file_type, 3);
        assert_eq!(guest.stat(3, "link/", false), Err(Errno::NotDirectory));
        assert_eq!(guest.symlink("x", 3, "link"), Err(Errno::Exist));
        assert_eq!(guest.symlink("x", 3, "dir"), Err(Errno::Exist));
        assert_eq!(guest.symlink("x", 3, "dir/"), Err(Errno::Exist));
        assert_eq!(guest.symlink("x", 3, "new/"), Err(Errno::NoEntry));
        assert_eq!(guest.symlink("", 3, "new"), Err(Errno::NoEntry));
        assert_eq!(guest.symlink("/", 3, "new"), Err(Errno::Permission));
        assert_eq!(guest.rmdir(3, "dirlink"), Err(Errno::NotDirectory));
        assert_eq!(guest.unlink(3, "dirlink/"), Err(Errno::NotDirectory));
        guest.unlink(3, "dirlink").unwrap();
        assert_eq!(guest.stat(3, "dir", false).unwrap().file_type, 3);
    });
}

#[test]
fn too_many_links_are_a_loop() {
    on_each_file_system(|guest| {
        guest.create(3, "0", b"").unwrap();
        for number in 1..50 {
            guest.symlink(&(number - 1).to_string(), 3, &number.to_string()).unwrap();
        }
        assert!(guest.open_read(3, "39").is_ok());
        assert_eq!(guest.open_read(3, "49"), Err(Errno::Loop));
    });
}

#[test]
fn hard_links_are_the_same_file() {
    on_each_file_system(|guest| {
        guest.create(3, "file", b"abc").unwrap();
        guest.mkdir(3, "dir").unwrap();
        let directory = guest.open_dir(3, "dir").unwrap();
        guest.link((3, "file"), (directory, "link")).unwrap();
        let (file, link) = (guest.stat(3, "file", false).unwrap(), guest.stat(3, "dir/link", false).unwrap());
        assert_eq!((file.inode, file.links, file.size), (link.inode, 2, 3));
        assert_eq!(guest.link((3, "file"), (3, "file")), Err(Errno::Exist));
        assert_eq!(guest.link((3, "file"), (3, "dir")), Err(Errno::Exist));
        assert_eq!(guest.link((3, "dir"), (3, "link")), Err(Errno::Permission));
        assert_eq!(guest.link((3, "file"), (3, "link/")), Err(Errno::NoEntry));
        assert_eq!(guest.link((3, "file/"), (3, "link")), Err(Errno::NotDirectory));
        assert_eq!(guest.link((3, "missing"), (3, "link")), Err(Errno::NoEntry));
        assert_eq!(guest.two_paths("path_link", (3, "file"), Some(1), (3, "link")), Err(Errno::Invalid));
        guest.symlink("missing", 3, "dangling").unwrap();
        guest.link((3, "dangling"), (3, "link")).unwrap();
        assert_eq!(guest.readlink(3, "link", 10).unwrap(), b"missing");
        assert_eq!(guest.link((3, "file"), (3, "dangling")), Err(Errno::Exist));
        guest.unlink(3, "file").unwrap();
        assert_eq!(guest.contents(3, "dir/link").unwrap(), b"abc");
    });
}

#[test]
fn renames_replace_what_posix_replaces() {
    on_each_file_system(|guest| {
        let rename = |old: &str, new: &str| guest.rename((3, old), (3, new));
        guest.mkdir(3, "a").unwrap();
        guest.mkdir(3, "empty").unwrap();
        assert_eq!(rename("a", "empty"), Ok(()));
        assert_eq!(guest.stat(3, "a", false), Err(Errno::NoEntry));
        guest.mkdir(3, "full").unwrap();
        guest.create(3, "full/file", b"").unwrap();
        assert_eq!(rename("empty", "full"), Err(Errno::NotEmpty));
        assert_eq!(rename("empty", "full/file"), Err(Errno::NotDirectory));
        guest.create(3, "f", b"1").unwrap();
        guest.create(3, "g", b"2").unwrap();
        assert_eq!(rename("f", "empty"), Err(Errno::IsDirectory));
        assert_eq!(rename("f", "g"), Ok(()));
        assert_eq!(guest.contents(3, "g").unwrap(), b"1");
        assert_eq!(rename("g", "g"), Ok(()));
        assert_eq!(rename("g/", "h"), Err(Errno::NotDirectory));
        assert_eq!(rename("g", "h/"), Err(Errno::NotDirectory));
        assert_eq!(rename("empty/", "d"), Ok(()));
        assert_eq!(rename("d", "empty/"), Ok(()));
        assert_eq!(rename("empty/", "d/"), Ok(()));
        assert_eq!(rename("full", "full/inside"), Err(Errno::Invalid));
        assert_eq!(rename("missing", "x"), Err(Errno::NoEntry));
        assert_eq!(rename(".", "x"), Err(Errno::Busy));
        assert_eq!(rename("g", "."), Err(Errno::Busy));
        let directory = guest.open_dir(3, "full").unwrap();
        assert_eq!(guest.rename((3, "g"), (directory, "moved")), Ok(()));
        assert_eq!(guest.contents(directory, "moved").unwrap(), b"1");
        // A directory stays open when it is renamed.
        rename("full", "renamed").unwrap();
        assert_eq!(guest.contents(directory, "moved").unwrap(), b"1");
    });
}

#[test]
fn removed_files_stay_while_they_are_open() {
    on_each_file_system(|guest| {
        let file = guest.open(3, "file", CREAT).unwrap();
        guest.write(file, b"abc").unwrap();
        guest.unlink(3, "file").unwrap();
        assert_eq!(guest.open_read(3, "file"), Err(Errno::NoEntry));
        assert_eq!(guest.pread(file, 10, 0).unwrap(), b"abc");
        assert_eq!(guest.stat_fd(file).unwrap().links, 0);
        guest.close(file).unwrap();
        guest.mkdir(3, "dir").unwrap();
        let directory = guest.open_dir(3, "dir").unwrap();
        guest.rmdir(3, "dir").unwrap();
        assert_eq!(guest.open(directory, "x", CREAT), Err(Errno::NoEntry));
        assert_eq!(guest.mkdir(directory, "x"), Err(Errno::NoEntry));
        let names: Vec<_> = guest.readdir(directory, 1000, 0).unwrap().0;
        assert_eq!(names.len(), 2);
    });
}

#[test]
fn times_are_set_with_and_without_following() {
    on_each_file_system(|guest| {
        guest.create(3, "file", b"").unwrap();
        guest.symlink("file", 3, "link").unwrap();
        let before = guest.stat(3, "file", false).unwrap();
        guest.set_times(3, "link", false, (1_000_000_001, 2_000_000_002), 1 | 4).unwrap();
        let link = guest.stat(3, "link", false).unwrap();
        assert_eq!((link.accessed, link.modified), (1_000_000_001, 2_000_000_002));
        assert_eq!(guest.stat(3, "file", false).unwrap().modified, before.modified);
        guest.set_times(3, "link", true, (5, 7), 4).unwrap();
        let file = guest.stat(3, "file", false).unwrap();
        assert_eq!((file.accessed, file.modified), (before.accessed, 7));
        guest.set_times(3, "file", true, (0, 0), 2 | 8).unwrap();
        assert!(guest.stat(3, "file", false).unwrap().modified > 1_600_000_000_000_000_000);
        for flags in [1 | 2, 4 | 8, 16, u32::MAX] {
            assert_eq!(guest.set_times(3, "file", true, (0, 0), flags), Err(Errno::Invalid));
        }
        let fd = guest.open(3, "file", 0).unwrap();
        guest.call("fd_filestat_set_times", &[fd.into(), 11, 13, 1 | 4]).unwrap();
        let file = guest.stat_fd(fd).unwrap();
        assert_eq!((file.accessed, file.modified), (11, 13));
        guest.call("fd_filestat_set_times", &[3, 0, 17, 4]).unwrap();
        assert_eq!(guest.stat_fd(3).unwrap().modified, 17);
        guest.set_times(3, ".", false, (0, 19), 4).unwrap();
        assert_eq!(guest.stat_fd(3).unwrap().modified, 19);
        // The farthest future has no time in most file systems; it must not wrap or panic.
        let far = guest.set_times(3, "file", true, (u64::MAX, u64::MAX), 1 | 4);
        assert!(far.is_ok() || far == Err(Errno::Overflow) || far == Err(Errno::Invalid), "{far:?}");
        assert_eq!(guest.set_times(3, "missing", true, (0, 0), 1), Err(Errno::NoEntry));
        assert_eq!(guest.set_times(3, "file/", true, (0, 0), 1), Err(Errno::NotDirectory));
    });
}

#[cfg(unix)]
#[test]
fn times_before_1970_are_0() {
    let directory = TempDir::new();
    let file = std::fs::File::create(directory.path().join("old")).unwrap();
    let old = std::time::UNIX_EPOCH - Duration::from_secs(1000);
    file.set_modified(old).unwrap();
    let guest = Guest::new(&WasiConfig::new().with_dir(directory.path(), "/"));
    assert_eq!(guest.stat(3, "old", false).unwrap().modified, 0);
    assert_eq!(guest.stat(3, "old", true).unwrap().modified, 0);
}

#[test]
fn listings_are_stable_while_entries_come_and_go() {
    on_each_file_system(|guest| {
        for number in 0..100 {
            guest.create(3, &format!("file.{number:02}"), b"").unwrap();
        }
        let (first, _) = guest.readdir(3, 256, 0).unwrap();
        assert_eq!((&*first[0].0, &*first[1].0), (".", ".."));
        let mut names: Vec<String> = first.iter().map(|(name, ..)| name.clone()).collect();
        let mut cookie = first.last().unwrap().1;
        for number in 0..50 {
            guest.unlink(3, &format!("file.{:02}", number * 2)).unwrap();
            guest.create(3, &format!("new.{number}"), b"").unwrap();
        }
        loop {
            let (part, used) = guest.readdir(3, 256, cookie).unwrap();
            names.extend(part.iter().map(|(name, ..)| name.clone()));
            cookie = part.last().map_or(cookie, |(_, next, _)| *next);
            if used < 256 {
                break;
            }
        }
        names.sort();
        let mut expected: Vec<String> = (0..100).map(|number| format!("file.{number:02}")).collect();
        expected.splice(0..0, [".".to_owned(), "..".to_owned()]);
        assert_eq!(names, expected, "what was there when reading began, once each");
        // Every cookie is still good, and 0 begins anew.
        assert_eq!(guest.readdir(3, 256, first[1].1).unwrap().0[0].0, first[2].0);
        let (again, _) = guest.readdir(3, 0x4000, 0).unwrap();
        assert_eq!(again.len(), 102);
        assert!(again.iter().any(|(name, ..)| name == "new.0"));
        assert_eq!(guest.readdir(3, 100, 103), Err(Errno::NoEntry));
        assert_eq!(guest.readdir(3, 100, u64::MAX), Err(Errno::NoEntry));
        assert_eq!(guest.readdir(3, 100, 102).unwrap(), (vec![], 0));
    });
}

#[test]
fn listings_are_cut_off_at_the_end_of_the_buffer() {
    on_each_file_system(|guest| {
        guest.mkdir(3, "dir").unwrap();
        for len in [0, 1, 23, 24] {
            assert_eq!(guest.readdir(3, len, 0).unwrap(), (vec![], len), "a buffer for no entry");
        }
        guest.memory.fill(DATA, 200_u32, 0xee).unwrap();
        let (entries, used) = guest.readdir(3, 30, 0).unwrap();
        assert_eq!((entries.len(), used), (1, 30));
        assert_eq!(guest.bytes(DATA + 30, 4), [0xee; 4], "nothing beyond the buffer");
        let (entries, used) = guest.readdir(3, 25 + 26 + 27, 0).unwrap();
        assert_eq!((entries.len(), used), (3, 78));
        assert_eq!(entries[2], ("dir".to_owned(), 3, 3));
        assert_eq!(guest.readdir(3, 79, 0).unwrap().1, 78);
        // The numbers are those of stat.
        let inode = guest.stat_fd(3).unwrap().inode;
        guest.readdir(3, 79, 0).unwrap();
        assert_eq!(guest.u64_at(DATA + 8), inode);
        assert_eq!(guest.u64_at(DATA + 25 + 8), 0);
        let inode = guest.stat(3, "dir", false).unwrap().inode;
        guest.readdir(3, 79, 0).unwrap();
        assert_eq!(guest.u64_at(DATA + 51 + 8), inode);
    });
}

#[test]
fn mounts_have_their_names() {
    let directory = TempDir::new();
    let config = WasiConfig::new()
        .with_dir(directory.path(), "")
        .with_mount(crate::fs::MemoryFs::new(), "/tmp/")
        .with_read_only_dir(directory.path(), "data");
    let guest = Guest::new(&config.clone().with_mount(crate::fs::MemoryFs::new(), "./tmp"));
    for (fd, name) in [(3, "/"), (4, "./tmp"), (5, "data")] {
        guest.call("fd_prestat_get", &[fd, RESULT.into()]).unwrap();
        assert_eq!(guest.u32_at(RESULT), 0);
        assert_eq!(guest.u32_at(RESULT + 4), name.len() as u32);
        guest.call("fd_prestat_dir_name", &[fd, DATA.into(), name.len() as u64 + 1]).unwrap();
        assert_eq!(guest.bytes(DATA, name.len() as u32), name.as_bytes());
        let short = guest.call("fd_prestat_dir_name", &[fd, DATA.into(), name.len() as u64 - 1]);
        assert_eq!(short, Err(Errno::NameTooLong));
    }
    for fd in [0, 1, 6, u64::from(u32::MAX)] {
        assert_eq!(guest.call("fd_prestat_get", &[fd, RESULT.into()]), Err(Errno::BadDescriptor));
        assert_eq!(guest.call("fd_prestat_dir_name", &[fd, DATA.into(), 9]), Err(Errno::BadDescriptor));
    }
    guest.close(3).unwrap();
    assert_eq!(guest.call("fd_prestat_get", &[3, RESULT.into()]), Err(Errno::BadDescriptor));
}

#[test]
fn nothing_is_linked_or_renamed_between_file_systems() {
    let directory = TempDir::new();
    let guest = Guest::new(
        &WasiConfig::new()
            .with_dir(directory.path(), "a")
            .with_mount(crate::fs::MemoryFs::new(), "b")
            .with_mount(crate::fs::MemoryFs::new(), "c"),
    );
    for from in 3..6 {
        guest.create(from, "file", b"").unwrap();
        for to in (3..6).filter(|to| *to != from) {
            assert_eq!(guest.link((from, "file"), (to, "new")), Err(Errno::CrossDevice));
            assert_eq!(guest.rename((from, "file"), (to, "new")), Err(Errno::CrossDevice));
        }
    }
}

/// Between two directories of the host it is the host that decides.
#[cfg(target_os = "linux")]
#[test]
fn the_host_says_what_is_another_file_system() {
    use std::os::unix::fs::MetadataExt;
    let (one, two) = (TempDir::new(), TempDir::new());
    let config = WasiConfig::new().with_dir(one.path(), "/one").with_dir(two.path(), "/two");
    let guest = Guest::new(&config);
    guest.create(3, "f", b"abc").unwrap();
    guest.rename((3, "f"), (4, "g")).unwrap();
    guest.link((4, "g"), (3, "h")).unwrap();
    assert_eq!(guest.contents(3, "h").unwrap(), b"abc");
    let device = |path: &Path| std::fs::metadata(path).map(|metadata| metadata.dev()).ok();
    let shared_memory = Path::new("/dev/shm");
    if device(shared_memory).is_none_or(|other| Some(other) == device(one.path())) {
        return; // There is no other file system.
    }
    let guest = Guest::new(&config.with_dir(shared_memory, "/other"));
    assert_eq!(guest.rename((3, "h"), (5, "wz-never-there")), Err(Errno::CrossDevice));
    assert_eq!(guest.link((3, "h"), (5, "wz-never-there")), Err(Errno::CrossDevice));
}

#[test]
fn descriptors_are_renumbered_and_limited() {
    on_each_file_system(|guest| {
        let renumber = |from: u32, to: u32| guest.call("fd_renumber", &[from.into(), to.into()]);
        guest.create(3, "a", b"a").unwrap();
        guest.create(3, "b", b"b").unwrap();
        let (a, b) = (guest.open_read(3, "a").unwrap(), guest.open_read(3, "b").unwrap());
        renumber(a, b).unwrap();
        assert_eq!(guest.read(b, 1).unwrap(), b"a");
        assert_eq!(guest.close(a), Err(Errno::BadDescriptor));
        for (from, to) in [(b, a), (a, b), (b, 1 << 31), (1 << 31, b), (b, u32::MAX)] {
            assert_eq!(renumber(from, to), Err(Errno::BadDescriptor));
        }
        assert_eq!(renumber(b, b), Ok(()));
        assert_eq!(guest.open_read(3, "a"), Ok(a), "the lowest free number");
        // Over streams and mounts too.
        renumber(a, 1).unwrap();
        assert_eq!(guest.read(1, 1).unwrap(), b"a");
        renumber(3, 0).unwrap();
        assert!(guest.open_read(0, "a").is_ok());
    });
    let config = WasiConfig::new().with_mount(crate::fs::MemoryFs::new(), "/").with_max_descriptors(6);
    let guest = Guest::new(&config);
    guest.create(3, "a", b"").unwrap();
    assert_eq!([guest.open_read(3, "a"), guest.open_read(3, "a")], [Ok(4), Ok(5)]);
    assert_eq!(guest.open(3, "new", CREAT), Err(Errno::TooManyOpen));
    assert_eq!(guest.stat(3, "new", false), Err(Errno::NoEntry), "nothing was created");
    guest.close(4).unwrap();
    assert_eq!(guest.open_read(3, "a"), Ok(4));
}

#[cfg(target_os = "linux")]
#[test]
fn opening_closing_and_renumbering_leak_nothing() {
    // Counted by what the descriptors point to, as other tests open files at the same time.
    let directory = TempDir::new();
    let count = || {
        let fds = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        let targets = fds.filter_map(|fd| std::fs::read_link(fd.path()).ok());
        targets.filter(|target| target.starts_with(directory.path())).count()
    };
    let guest = Guest::new(&WasiConfig::new().with_dir(directory.path(), "/"));
    guest.create(3, "a", b"").unwrap();
    guest.mkdir(3, "d").unwrap();
    let before = count();
    for _ in 0..2000 {
        let (a, d) = (guest.open(3, "a", 0).unwrap(), guest.open_dir(3, "d").unwrap());
        guest.readdir(d, 100, 0).unwrap();
        guest.call("fd_renumber", &[a.into(), d.into()]).unwrap();
        guest.close(d).unwrap();
        let _ = guest.open(3, "missing/x", CREAT);
    }
    assert_eq!(count(), before);
    guest.open(3, "a", 0).unwrap();
    guest.state.close();
    assert_eq!(count(), 0);
}

#[test]
fn memory_trees_have_a_limit_and_give_back_what_is_removed() {
    let tree = crate::fs::MemoryFs::with_limit(4096);
    tree.write("seeded/deep/file", *b"contents").unwrap();
    assert_eq!(tree.read("seeded/deep/file").unwrap(), b"contents");
    let guest = Guest::new(&WasiConfig::new().with_mount(tree.clone(), "/"));
    assert_eq!(guest.contents(3, "seeded/deep/file").unwrap(), b"contents");
    for _ in 0..10 {
        let file = guest.open(3, "big", CREAT).unwrap();
        assert_eq!(guest.call("fd_filestat_set_size", &[file.into(), 2048]), Ok(()));
        assert_eq!(guest.call("fd_filestat_set_size", &[file.into(), 1 << 40]), Err(Errno::NoSpace));
        assert_eq!(guest.call("fd_allocate", &[file.into(), 0, 1 << 62]), Err(Errno::NoSpace));
        assert_eq!(guest.pwrite(file, b"x", i64::MAX as u64), Err(Errno::NoSpace));
        guest.unlink(3, "big").unwrap();
        guest.close(file).unwrap();
    }
    let made = (0..).take_while(|number| guest.mkdir(3, &number.to_string()).is_ok()).count();
    assert!((1..20).contains(&made), "{made}");
    assert_eq!(guest.mkdir(3, "more"), Err(Errno::NoSpace));
}

/// Two files and a directory of names.
struct Source;

impl crate::fs::SourceTree for Source {
    fn entry(&self, path: &str) -> FsResult<crate::fs::SourceEntry> {
        let is_directory = match path {
            "" | "dir" => true,
            "a" | "dir/b" => false,
            _ => return Err(Errno::NoEntry),
        };
        Ok(crate::fs::SourceEntry { is_directory, size: path.len() as u64, modified_ns: 7 })
    }
    fn list(&self, path: &str) -> FsResult<Vec<String>> {
        Ok(if path.is_empty() { vec!["a".into(), "dir".into()] } else { vec!["b".into()] })
    }
    fn read_at(&self, path: &str, target: &mut [u8], offset: u64) -> FsResult<usize> {
        let rest = path.as_bytes().get(offset as usize..).unwrap_or_default();
        let len = rest.len().min(target.len());
        target[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }
}

#[test]
fn adapted_sources_are_read_only_trees() {
    let guest = Guest::new(&WasiConfig::new().with_mount(crate::fs::AdaptedTree::new(Source), "/"));
    assert_eq!(guest.contents(3, "a").unwrap(), b"a");
    assert_eq!(guest.contents(3, "dir/../dir//./b").unwrap(), b"dir/b");
    assert_eq!(guest.open_read(3, "dir/../../a"), Err(Errno::Permission));
    assert_eq!(guest.open_read(3, "missing/../a"), Err(Errno::NoEntry));
    assert_eq!(guest.open_read(3, "a/"), Err(Errno::NotDirectory));
    assert_eq!(guest.open(3, "a", 0), Err(Errno::ReadOnlyFileSystem));
    assert_eq!(guest.open(3, "new", CREAT), Err(Errno::ReadOnlyFileSystem));
    assert_eq!(guest.unlink(3, "a"), Err(Errno::ReadOnlyFileSystem));
    let directory = guest.open_dir(3, "dir").unwrap();
    let (entries, _) = guest.readdir(directory, 1000, 0).unwrap();
    assert_eq!(entries[2], ("b".to_owned(), 3, 4));
    let file = guest.open_read(directory, "b").unwrap();
    assert_eq!(guest.seek(file, -1, 2), Ok(4));
    assert_eq!(guest.read(file, 9).unwrap(), b"b");
    assert_eq!(guest.stat_fd(file).unwrap().modified, 7);
    assert_eq!(guest.readlink(3, "a", 9), Err(Errno::Invalid));
}

#[test]
fn one_instance_is_used_from_several_threads() {
    on_each_file_system(|guest| {
        guest.mkdir(3, "dir").unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let guest = guest.sharing();
                scope.spawn(move || {
                    let name = format!("dir/{thread}");
                    for round in 0..200_u32 {
                        // Numbers that other threads close meanwhile are bad, nothing worse.
                        let _ = guest.create(3, &name, &round.to_le_bytes());
                        if let Ok(directory) = guest.open_dir(3, "dir") {
                            let _ = guest.readdir(directory, 0x1000, 0);
                            let _ = guest.call("fd_renumber", &[directory.into(), 5 + u64::from(round % 4)]);
                        }
                        let _ = guest.close(4 + round % 8);
                        let _ = guest.fdstat(round % 12);
                    }
                });
            }
        });
        assert_eq!(guest.readdir(3, 0x1000, 0).unwrap().0.len(), 3);
    });
}
