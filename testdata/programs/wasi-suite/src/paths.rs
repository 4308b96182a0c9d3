//! Names and how they are resolved; making, renaming and removing.

use crate::raw::*;
use crate::Test;

pub const TESTS: &[Test] = &[
    ("paths_of_all_kinds", kinds),
    ("directories_are_removed_when_they_are_empty", removing),
    ("files_are_unlinked_without_slashes", unlinking),
    ("directories_are_renamed", renaming_directories),
    ("files_are_renamed", renaming_files),
    ("slashes_after_the_names_of_directories", slashes),
    ("names_are_any_text", names),
    ("long_paths", long),
];

fn kinds() {
    in_scratch(|dir| {
        mkdir(dir, "dir").unwrap();
        mkdir(dir, "dir/nested").unwrap();
        touch(dir, "dir/nested/file");
        let opened = |path: &str| open(dir, 0, path, 0, (0, 0), 0).and_then(close);
        assert_eq!(opened("/dir/nested/file"), Err(PERM));
        assert_eq!(opened("dir/.//nested/../../dir/nested/../nested///./file"), Ok(()));
        assert_eq!(opened("dir/nested/file\0"), Err(INVAL));
        assert_eq!(opened("dir/nested/file/"), Err(NOTDIR));
        assert_eq!(opened("dir/nested/file///"), Err(NOTDIR));
        assert_eq!(opened("dir/nested/file/."), Err(NOTDIR));
        assert_eq!(opened("dir/nested/"), Ok(()));
        assert_eq!(opened("dir/nested///"), Ok(()));
        assert_eq!(opened("dir/nested/../../../scratch/dir/nested/file"), Err(PERM));
        assert_eq!(opened(""), Err(NOENT));
        assert_eq!(opened("dir/none/../nested/file"), Err(NOENT));
        assert_eq!(opened("dir/nested/file/../file"), Err(NOTDIR));
        unlink(dir, "dir/nested/file").unwrap();
        rmdir(dir, "dir/nested").unwrap();
        rmdir(dir, "dir").unwrap();
    });
}

fn removing() {
    in_scratch(|dir| {
        mkdir(dir, "dir").unwrap();
        mkdir(dir, "dir/nested").unwrap();
        assert_eq!(rmdir(dir, "dir"), Err(NOTEMPTY));
        rmdir(dir, "dir/nested").unwrap();
        rmdir(dir, "dir").unwrap();
        mkdir(dir, "dir").unwrap();
        rmdir(dir, "dir/").unwrap();
        touch(dir, "file");
        assert_eq!(rmdir(dir, "file"), Err(NOTDIR));
        assert_eq!(rmdir(dir, "file/"), Err(NOTDIR));
        assert_eq!(rmdir(dir, "none"), Err(NOENT));
        unlink(dir, "file").unwrap();
    });
}

fn unlinking() {
    in_scratch(|dir| {
        mkdir(dir, "dir").unwrap();
        assert_eq!(unlink(dir, "dir"), Err(ISDIR));
        assert_eq!(unlink(dir, "dir/"), Err(ISDIR));
        rmdir(dir, "dir").unwrap();
        touch(dir, "file");
        assert_eq!(unlink(dir, "file/"), Err(NOTDIR));
        unlink(dir, "file").unwrap();
        assert_eq!(unlink(dir, "file"), Err(NOENT));
    });
}

fn renaming_directories() {
    in_scratch(|dir| {
        let is_directory = |path: &str| open(dir, 0, path, DIRECTORY, (0, 0), 0).and_then(close);
        mkdir(dir, "source").unwrap();
        rename(dir, "source", dir, "target").unwrap();
        assert_eq!(is_directory("source"), Err(NOENT));
        assert_eq!(is_directory("target"), Ok(()));
        // Over an empty directory, but not over one that is not, nor over a file.
        mkdir(dir, "source").unwrap();
        rename(dir, "source", dir, "target").unwrap();
        assert_eq!(is_directory("source"), Err(NOENT));
        mkdir(dir, "source").unwrap();
        touch(dir, "target/file");
        assert_eq!(rename(dir, "source", dir, "target"), Err(NOTEMPTY));
        assert_eq!(rename(dir, "source", dir, "target/file"), Err(NOTDIR));
        assert_eq!(rename(dir, "target", dir, "target/inside"), Err(INVAL));
        unlink(dir, "target/file").unwrap();
        // An open directory stays the one that it is.
        let target = open_dir(dir, "target").unwrap();
        rename(dir, "target", dir, "moved").unwrap();
        touch(target, "file");
        assert_eq!(stat(dir, "moved/file", 0).unwrap().file_type, TYPE_FILE);
        unlink(target, "file").unwrap();
        close(target).unwrap();
        rmdir(dir, "moved").unwrap();
        rmdir(dir, "source").unwrap();
    });
}

fn renaming_files() {
    in_scratch(|dir| {
        touch(dir, "source");
        rename(dir, "source", dir, "target").unwrap();
        assert_eq!(stat(dir, "source", 0), Err(NOENT));
        let file = create(dir, "source");
        write(file, &[b"new"]).unwrap();
        close(file).unwrap();
        rename(dir, "source", dir, "target").unwrap();
        assert_eq!(stat(dir, "target", 0).unwrap().size, 3);
        mkdir(dir, "dir").unwrap();
        assert_eq!(rename(dir, "target", dir, "dir"), Err(ISDIR));
        assert_eq!(rename(dir, "none", dir, "other"), Err(NOENT));
        let sub = open_dir(dir, "dir").unwrap();
        rename(dir, "target", sub, "file").unwrap();
        rename(sub, "file", dir, "back").unwrap();
        close(sub).unwrap();
        rmdir(dir, "dir").unwrap();
        unlink(dir, "back").unwrap();
    });
}

fn slashes() {
    in_scratch(|dir| {
        mkdir(dir, "source").unwrap();
        rename(dir, "source/", dir, "target").unwrap();
        rename(dir, "target", dir, "source/").unwrap();
        rename(dir, "source/", dir, "target/").unwrap();
        rename(dir, "target", dir, "source").unwrap();
        rmdir(dir, "source").unwrap();
        mkdir(dir, "dir/").unwrap();
        assert_eq!(stat(dir, "dir/", 0).unwrap().file_type, TYPE_DIRECTORY);
        rmdir(dir, "dir").unwrap();
        touch(dir, "file");
        assert_eq!(rename(dir, "file/", dir, "other"), Err(NOTDIR));
        assert_eq!(rename(dir, "file", dir, "other/"), Err(NOTDIR));
        assert_eq!(stat(dir, "file/", 0), Err(NOTDIR));
        unlink(dir, "file").unwrap();
    });
}

fn names() {
    in_scratch(|dir| {
        for name in
            ["grün", "日本語", "a b", "-", "...", ".hidden", "a\\b", "c:", "\u{1f980}", "new\nline", "~"]
        {
            touch(dir, name);
            assert_eq!(stat(dir, name, 0).unwrap().file_type, TYPE_FILE, "{name:?}");
            assert!(readdir(dir, 512, 0).unwrap().0.iter().any(|entry| entry.0 == name), "{name:?}");
            unlink(dir, name).unwrap();
        }
    });
}

fn long() {
    in_scratch(|dir| {
        let name = "n".repeat(255);
        touch(dir, &name);
        unlink(dir, &name).unwrap();
        assert_eq!(open(dir, 0, &"n".repeat(256), CREAT, (0, 0), 0), Err(NAMETOOLONG));
        assert_eq!(mkdir(dir, &"d/".repeat(3000)), Err(NAMETOOLONG));
        // Deep, but within what a path may be.
        let depth = 40;
        let path = |depth: usize| vec!["level"; depth].join("/");
        (1..=depth).for_each(|depth| mkdir(dir, &path(depth)).unwrap());
        assert_eq!(stat(dir, &path(depth), 0).unwrap().file_type, TYPE_DIRECTORY);
        let up = path(depth) + &"/..".repeat(depth) + "/level";
        assert_eq!(stat(dir, &up, 0).unwrap().file_type, TYPE_DIRECTORY);
        assert_eq!(stat(dir, &(path(depth) + &"/..".repeat(depth + 1)), 0), Err(PERM));
        (1..=depth).rev().for_each(|depth| rmdir(dir, &path(depth)).unwrap());
    });
}
