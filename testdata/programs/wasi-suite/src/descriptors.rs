//! Descriptors: numbers, rights, flags, directories.

use crate::raw::*;
use crate::Test;

pub const TESTS: &[Test] = &[
    ("preopens_have_names_and_all_rights", preopens),
    ("descriptors_are_renumbered", renumbering),
    ("rights_are_given_up_and_not_regained", rights),
    ("rights_to_truncate_are_the_directorys", truncation_rights),
    ("directories_are_not_files", directories),
    ("directories_open_again", reopening),
    ("listings_have_everything", listing),
    ("long_listings_come_in_parts", long_listing),
    ("listings_are_stable_while_entries_come_and_go", changing_listing),
    ("flags_are_kept_and_changed", flags),
    ("numbers_are_reused_from_the_lowest", lowest),
];

fn preopens() {
    let root = root();
    let [tag, len] = prestat(root).unwrap();
    assert_eq!((tag, len), (0, 1));
    assert_eq!(prestat_name(root, 0), Err(NAMETOOLONG));
    assert_eq!(prestat_name(root, 2).unwrap(), b"/\0");
    let stat = fdstat(root).unwrap();
    // What language runtimes expect of every directory: paths, links, times, and to hand on what files need.
    let base =
        (0b111 << 9) | (0b111 << 12) | (0b11_1111 << 15) & !PATH_SET_SIZE | STAT | SET_TIMES | (0b111 << 24);
    assert_eq!(stat.base & base, base);
    let inheriting = base | (0b1_1111_1111) | SET_SIZE | 1 << 27;
    assert_eq!(stat.inheriting & inheriting, inheriting);
    for rights in [(stat.base, stat.inheriting), (0, 0), (READ, 0)] {
        close(open(root, 0, ".", DIRECTORY, rights, 0).unwrap()).unwrap();
        close(open(root, 0, ".", 0, rights, 0).unwrap()).unwrap();
    }
    assert_eq!(open(root, 0, ".", DIRECTORY, (READ | WRITE, 0), 0), Err(ISDIR));
    close(open(root, 0, ".", 0, (0, 0), NONBLOCK).unwrap()).unwrap();
}

fn renumbering() {
    in_scratch(|dir| {
        let rights = (READ | WRITE, 0);
        let from = open(dir, 0, "file1", CREAT, rights, 0).unwrap();
        let to = open(dir, 0, "file2", CREAT, rights, 0).unwrap();
        let (stat, inode) = (fdstat(from).unwrap(), filestat(dir).unwrap().inode);
        assert_ne!(inode, 0);
        renumber(from, to).unwrap();
        assert_eq!(close(from), Err(BADF));
        assert_eq!(fdstat(to).unwrap(), stat);
        assert_eq!(renumber(to, from), Err(BADF));
        assert_eq!(renumber(from, to), Err(BADF));
        renumber(to, to).unwrap();
        write(to, &[b"1"]).unwrap();
        close(to).unwrap();
        assert_eq!(stat_size(dir, "file1"), 1);
        assert_eq!(stat_size(dir, "file2"), 0);
        unlink(dir, "file1").unwrap();
        unlink(dir, "file2").unwrap();
    });
}

fn stat_size(fd: Fd, path: &str) -> u64 {
    stat(fd, path, 0).unwrap().size
}

fn rights() {
    in_scratch(|dir| {
        let file = open(dir, 0, "file", CREAT, (READ | WRITE | SEEK | TELL, 0), 0).unwrap();
        assert_eq!(write(file, &[&[0, 1, 2, 3]]), Ok(4));
        assert_eq!(seek(file, 0, 0), Ok(0));
        assert_eq!(read(file, 4).unwrap(), [0, 1, 2, 3]);
        let before = fdstat(file).unwrap();
        set_rights(file, before.base & !(READ | WRITE), before.inheriting).unwrap();
        let after = fdstat(file).unwrap();
        assert_eq!(after.base & (READ | WRITE), 0);
        assert_ne!(after.base & SEEK, 0);
        assert!(read(file, 4).is_err() && write(file, &[b"x"]).is_err());
        assert_eq!(set_rights(file, before.base, before.inheriting), Err(NOTCAPABLE));
        close(file).unwrap();
        // A directory hands on what it may.
        let narrow = open(dir, 0, ".", DIRECTORY, (ALL & !WRITE, READ | SEEK), 0).unwrap();
        let file = open(narrow, 0, "file", 0, (ALL, ALL), 0).unwrap();
        assert_eq!(fdstat(file).unwrap().base, READ | SEEK);
        assert_eq!(write(file, &[b"x"]), Err(BADF));
        close(file).unwrap();
        close(narrow).unwrap();
        unlink(dir, "file").unwrap();
    });
}

fn truncation_rights() {
    in_scratch(|dir| {
        touch(dir, "file");
        let stat = fdstat(dir).unwrap();
        assert_eq!((stat.file_type, stat.flags, stat.base & SET_SIZE), (TYPE_DIRECTORY, 0, 0));
        let truncate = || open(dir, 0, "file", TRUNC, (0, 0), 0);
        close(truncate().unwrap()).unwrap();
        let inheriting = stat.inheriting & !SET_SIZE;
        set_rights(dir, stat.base, inheriting).unwrap();
        close(truncate().unwrap()).unwrap();
        set_rights(dir, stat.base & !PATH_SET_SIZE, inheriting).unwrap();
        assert_eq!(fdstat(dir).unwrap().base & PATH_SET_SIZE, 0);
        assert_eq!(truncate(), Err(NOTCAPABLE));
        unlink(dir, "file").unwrap();
    });
}

fn directories() {
    in_scratch(|dir| {
        assert_eq!(filestat(dir).unwrap().file_type, TYPE_DIRECTORY);
        assert_eq!(read(dir, 8), Err(ISDIR));
        assert_eq!(pread(dir, 8, 0), Err(ISDIR));
        assert_eq!(write(dir, &[b"x"]), Err(ISDIR));
        assert_eq!(pwrite(dir, &[b"x"], 0), Err(ISDIR));
        (0..3).for_each(|whence| assert_eq!(seek(dir, 0, whence), Err(ISDIR)));
        assert_eq!(tell(dir), Err(ISDIR));
        assert_eq!(allocate(dir, 0, 1), Err(ISDIR));
        assert_eq!(set_size(dir, 0), Err(ISDIR));
        mkdir(dir, "sub").unwrap();
        let sub = open(dir, 0, "sub", DIRECTORY, (SEEK, 0), 0).unwrap();
        assert_eq!(fdstat(sub).unwrap().base, 0);
        close(sub).unwrap();
        rmdir(dir, "sub").unwrap();
        // A file is no directory to open things in.
        let file = create(dir, "file");
        assert_eq!(open(file, 0, "foo", CREAT, (0, 0), 0), Err(NOTDIR));
        close(file).unwrap();
        unlink(dir, "file").unwrap();
    });
}

fn reopening() {
    in_scratch(|dir| {
        // What is removed and made again is another one; what is open stays.
        touch(dir, "file");
        let open_file = open(dir, 0, "file", 0, (0, 0), 0).unwrap();
        unlink(dir, "file").unwrap();
        touch(dir, "file");
        close(open_file).unwrap();
        unlink(dir, "file").unwrap();
        mkdir(dir, "sub").unwrap();
        let sub = open_dir(dir, "sub").unwrap();
        rmdir(dir, "sub").unwrap();
        mkdir(dir, "sub").unwrap();
        assert!(open(sub, 0, "file", CREAT, (WRITE, 0), 0).is_err(), "nothing is made where nothing is");
        close(sub).unwrap();
        rmdir(dir, "sub").unwrap();
    });
}

fn listing() {
    in_scratch(|dir| {
        let inode = filestat(dir).unwrap().inode;
        let (entries, full) = readdir(dir, 256, 0).unwrap();
        assert!(!full && entries.len() == 2, "{entries:?}");
        assert_eq!((&*entries[0].0, entries[0].2, entries[0].3), (".", inode, TYPE_DIRECTORY));
        assert_eq!((&*entries[1].0, entries[1].3), ("..", TYPE_DIRECTORY));
        let file = create(dir, "file");
        let inode = filestat(file).unwrap().inode;
        close(file).unwrap();
        symlink("file", dir, "link").unwrap();
        mkdir(dir, "sub").unwrap();
        let (entries, _) = readdir(dir, 256, 0).unwrap();
        let mut found: Vec<_> = entries.iter().map(|(name, _, _, kind)| (&**name, *kind)).collect();
        found.sort();
        let expected = [
            (".", TYPE_DIRECTORY),
            ("..", TYPE_DIRECTORY),
            ("file", TYPE_FILE),
            ("link", TYPE_LINK),
            ("sub", TYPE_DIRECTORY),
        ];
        assert_eq!(found, expected);
        assert_eq!(entries.iter().find(|entry| entry.0 == "file").unwrap().2, inode);
        // Each cookie leads to what comes after it.
        for (index, entry) in entries.iter().enumerate() {
            assert_eq!(readdir(dir, 256, entry.1).unwrap().0, entries[index + 1..]);
        }
        for name in ["file", "link"] {
            unlink(dir, name).unwrap();
        }
        rmdir(dir, "sub").unwrap();
    });
}

fn read_all(dir: Fd, len: usize) -> Vec<String> {
    let (mut names, mut cookie) = (Vec::new(), 0);
    loop {
        let (entries, full) = readdir(dir, len, cookie).unwrap();
        cookie = entries.last().map_or(cookie, |entry| entry.1);
        names.extend(entries.into_iter().map(|entry| entry.0));
        if !full {
            return names;
        }
    }
}

fn long_listing() {
    in_scratch(|dir| {
        (0..300).for_each(|count| touch(dir, &format!("file.{count}")));
        for len in [64, 256, 1000, 4096, 1 << 16] {
            let mut names = read_all(dir, len);
            names.sort();
            names.dedup();
            assert_eq!(names.len(), 302, "with {len} bytes");
        }
        (0..300).for_each(|count| unlink(dir, &format!("file.{count}")).unwrap());
    });
}

fn changing_listing() {
    in_scratch(|dir| {
        (0..20).for_each(|count| touch(dir, &format!("old{count}")));
        let (first, full) = readdir(dir, 200, 0).unwrap();
        assert!(full && first.len() > 2);
        // What was listed goes, and more comes: the others appear once each.
        let cookie = first.last().unwrap().1;
        for (name, ..) in first.iter().filter(|entry| entry.0.starts_with("old")) {
            unlink(dir, name).unwrap();
        }
        (0..20).for_each(|count| touch(dir, &format!("new{count}")));
        let (rest, _) = readdir(dir, 4096, cookie).unwrap();
        let mut names: Vec<_> = first.iter().chain(&rest).map(|entry| entry.0.clone()).collect();
        names.retain(|name| name.starts_with("old"));
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!((count, names.len()), (20, 20));
        // From the start, everything is as it is now.
        let mut now = read_all(dir, 4096);
        assert!((0..20).all(|count| now.contains(&format!("new{count}"))));
        now.retain(|name| !name.starts_with('.'));
        now.iter().for_each(|name| unlink(dir, name).unwrap());
    });
}

fn flags() {
    in_scratch(|dir| {
        let rights = (READ | WRITE | SEEK | TELL | SET_FLAGS, 0);
        let file = open(dir, 0, "file", CREAT, rights, APPEND | SYNC).unwrap();
        assert_eq!(u32::from(fdstat(file).unwrap().flags), APPEND | SYNC);
        assert_eq!(write(file, &[&[0; 100]]), Ok(100));
        seek(file, 0, 0).unwrap();
        assert_eq!(write(file, &[&[1; 100]]), Ok(100));
        assert_eq!(pread(file, 200, 0).unwrap(), [[0; 100], [1; 100]].concat());
        set_flags(file, 0).unwrap();
        seek(file, 0, 0).unwrap();
        assert_eq!(write(file, &[&[2; 100]]), Ok(100));
        assert_eq!(stat_size(dir, "file"), 200);
        assert_eq!(pread(file, 1, 0).unwrap(), [2]);
        // A positioned write does not append, whatever the mode.
        set_flags(file, APPEND).unwrap();
        assert_eq!(pwrite(file, &[b"at"], 0), Ok(2));
        assert_eq!(stat_size(dir, "file"), 200);
        close(file).unwrap();
        unlink(dir, "file").unwrap();
    });
}

fn lowest() {
    in_scratch(|dir| {
        let fds: Vec<_> = (0..4).map(|count| create(dir, &format!("f{count}"))).collect();
        assert!(fds.windows(2).all(|pair| pair[0] < pair[1]));
        close(fds[2]).unwrap();
        close(fds[1]).unwrap();
        assert_eq!([create(dir, "f1"), create(dir, "f2")], [fds[1], fds[2]]);
        fds.into_iter().for_each(|fd| close(fd).unwrap());
        (0..4).for_each(|count| unlink(dir, &format!("f{count}")).unwrap());
    });
}
