//! Symbolic and hard links.

use crate::raw::*;
use crate::Test;

pub const TESTS: &[Test] = &[
    ("links_to_nowhere_can_be_made", dangling),
    ("links_are_not_followed_unless_asked", nofollow),
    ("links_are_followed_if_asked", following),
    ("links_are_read_as_far_as_they_fit", reading),
    ("links_to_themselves_are_loops", looping),
    ("links_to_absolute_paths_are_not_made", absolute),
    ("hard_links_are_the_same_file", hard),
    ("hard_links_are_not_made_to_or_over_everything", hard_errors),
    ("slashes_after_the_name_of_a_link", slashes),
    ("links_lead_through_directories", through),
];

fn dangling() {
    in_scratch(|dir| {
        symlink("target", dir, "link").unwrap();
        let opened = open(dir, 0, "link", DIRECTORY, (0, 0), 0);
        assert!(opened == Err(NOTDIR) || opened == Err(LOOP), "{opened:?}");
        assert_eq!(open(dir, 0, "link", 0, (0, 0), 0), Err(LOOP));
        assert_eq!(open(dir, FOLLOW, "link", 0, (0, 0), 0), Err(NOENT));
        // Creating through it makes what it leads to.
        close(open(dir, FOLLOW, "link", CREAT, (0, 0), 0).unwrap()).unwrap();
        assert_eq!(stat(dir, "target", 0).unwrap().file_type, TYPE_FILE);
        unlink(dir, "target").unwrap();
        unlink(dir, "link").unwrap();
    });
}

fn nofollow() {
    in_scratch(|dir| {
        mkdir(dir, "target").unwrap();
        symlink("target", dir, "link").unwrap();
        let as_directory = || open(dir, 0, "link", DIRECTORY, (0, 0), 0);
        assert!(matches!(as_directory(), Err(LOOP | NOTDIR)));
        assert_eq!(open(dir, 0, "link", 0, (0, 0), 0), Err(LOOP));
        close(open(dir, FOLLOW, "link", DIRECTORY, (0, 0), 0).unwrap()).unwrap();
        rmdir(dir, "target").unwrap();
        touch(dir, "target");
        assert!(matches!(as_directory(), Err(LOOP | NOTDIR)));
        assert_eq!(open(dir, 0, "link", 0, (0, 0), 0), Err(LOOP));
        assert_eq!(open(dir, FOLLOW, "link", DIRECTORY, (0, 0), 0), Err(NOTDIR));
        unlink(dir, "target").unwrap();
        unlink(dir, "link").unwrap();
    });
}

fn following() {
    in_scratch(|dir| {
        mkdir(dir, "sub").unwrap();
        touch(dir, "sub/file");
        for (link, target, kind) in [("link1", "sub/file", TYPE_FILE), ("link2", "sub", TYPE_DIRECTORY)] {
            symlink(target, dir, link).unwrap();
            assert_eq!(stat(dir, link, 0).unwrap().file_type, TYPE_LINK);
            assert_eq!(stat(dir, link, FOLLOW).unwrap().file_type, kind);
            assert_eq!(stat(dir, target, FOLLOW).unwrap().file_type, kind);
            close(open(dir, FOLLOW, link, 0, (0, 0), 0).unwrap()).unwrap();
            unlink(dir, link).unwrap();
        }
        unlink(dir, "sub/file").unwrap();
        rmdir(dir, "sub").unwrap();
    });
}

fn reading() {
    in_scratch(|dir| {
        touch(dir, "target");
        symlink("target", dir, "link").unwrap();
        let mut buffer = [0; 10];
        assert_eq!(readlink(dir, "link", &mut buffer), Ok(6));
        assert_eq!(&buffer, b"target\0\0\0\0");
        let mut buffer = [0; 4];
        assert_eq!(readlink(dir, "link", &mut buffer), Ok(4));
        assert_eq!(&buffer, b"targ");
        assert_eq!(readlink(dir, "link", &mut []), Ok(0));
        assert_eq!(readlink(dir, "target", &mut buffer), Err(INVAL));
        assert_eq!(stat(dir, "link", 0).unwrap().size, 6);
        unlink(dir, "target").unwrap();
        unlink(dir, "link").unwrap();
    });
}

fn looping() {
    in_scratch(|dir| {
        symlink("link", dir, "link").unwrap();
        assert_eq!(open(dir, 0, "link", 0, (0, 0), 0), Err(LOOP));
        assert_eq!(open(dir, FOLLOW, "link", 0, (0, 0), 0), Err(LOOP));
        assert_eq!(stat(dir, "link/x", 0), Err(LOOP));
        unlink(dir, "link").unwrap();
    });
}

fn absolute() {
    in_scratch(|dir| {
        for target in ["/", "/etc", "//x"] {
            assert_eq!(symlink(target, dir, "link"), Err(PERM));
        }
        assert_eq!(symlink("", dir, "link"), Err(NOENT));
    });
}

fn hard() {
    in_scratch(|dir| {
        let file = create(dir, "file");
        mkdir(dir, "sub").unwrap();
        let sub = open_dir(dir, "sub").unwrap();
        for (at, name) in [(dir, "link"), (sub, "link")] {
            link(dir, 0, "file", at, name).unwrap();
            let other = open(at, 0, name, 0, (ALL, ALL), 0).unwrap();
            assert_eq!(filestat(file).unwrap(), filestat(other).unwrap());
            assert_eq!(filestat(file).unwrap().links, 2);
            assert_eq!(fdstat(file).unwrap(), fdstat(other).unwrap());
            write(other, &[b"x"]).unwrap();
            close(other).unwrap();
            unlink(at, name).unwrap();
        }
        assert_eq!(filestat(file).unwrap().size, 1);
        close(file).unwrap();
        close(sub).unwrap();
        rmdir(dir, "sub").unwrap();
        unlink(dir, "file").unwrap();
    });
}

fn hard_errors() {
    in_scratch(|dir| {
        touch(dir, "file");
        touch(dir, "link");
        assert_eq!(link(dir, 0, "file", dir, "link"), Err(EXIST));
        assert_eq!(link(dir, 0, "file", dir, "file"), Err(EXIST));
        unlink(dir, "link").unwrap();
        mkdir(dir, "sub").unwrap();
        assert_eq!(link(dir, 0, "file", dir, "sub"), Err(EXIST));
        assert_eq!(link(dir, 0, "sub", dir, "link"), Err(PERM));
        assert_eq!(link(dir, 0, "file", dir, "link/"), Err(NOENT));
        rmdir(dir, "sub").unwrap();
        // Links are linked, not followed.
        for target in ["nothing", "symlink"] {
            symlink(target, dir, "symlink").unwrap();
            link(dir, 0, "symlink", dir, "link").unwrap();
            assert_eq!(stat(dir, "link", 0).unwrap().file_type, TYPE_LINK);
            assert_eq!(link(dir, 0, "file", dir, "symlink"), Err(EXIST));
            assert_eq!(link(dir, FOLLOW, "symlink", dir, "other"), Err(INVAL));
            unlink(dir, "symlink").unwrap();
            unlink(dir, "link").unwrap();
        }
        unlink(dir, "file").unwrap();
    });
}

fn slashes() {
    in_scratch(|dir| {
        assert_eq!(symlink("source", dir, "target/"), Err(NOENT));
        symlink("source", dir, "target").unwrap();
        unlink(dir, "target").unwrap();
        mkdir(dir, "target").unwrap();
        assert_eq!(symlink("source", dir, "target/"), Err(EXIST));
        assert_eq!(symlink("source", dir, "target"), Err(EXIST));
        rmdir(dir, "target").unwrap();
        touch(dir, "target");
        assert!(matches!(symlink("source", dir, "target/"), Err(EXIST | NOTDIR)));
        assert_eq!(symlink("source", dir, "target"), Err(EXIST));
        unlink(dir, "target").unwrap();
    });
}

fn through() {
    in_scratch(|dir| {
        mkdir(dir, "a").unwrap();
        mkdir(dir, "a/b").unwrap();
        touch(dir, "file");
        symlink("../../file", dir, "a/b/link").unwrap();
        symlink("a/b", dir, "ab").unwrap();
        assert_eq!(stat(dir, "ab/link", FOLLOW).unwrap().file_type, TYPE_FILE);
        // What is after a link is in the directory that it leads to, not beside it.
        assert_eq!(stat(dir, "ab/../b/link", FOLLOW).unwrap().file_type, TYPE_FILE);
        assert_eq!(stat(dir, "ab/../file", 0), Err(NOENT));
        // The same link from a descriptor further in leads out of that.
        let inner = open_dir(dir, "a").unwrap();
        assert_eq!(stat(inner, "b/link", FOLLOW), Err(PERM));
        close(inner).unwrap();
        unlink(dir, "a/b/link").unwrap();
        rmdir(dir, "a/b").unwrap();
        rmdir(dir, "a").unwrap();
        unlink(dir, "ab").unwrap();
        unlink(dir, "file").unwrap();
    });
}
