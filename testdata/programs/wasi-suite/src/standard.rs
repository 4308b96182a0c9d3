//! The standard library's files on top of all this.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::time::{Duration, SystemTime};

use crate::raw::{Errno, EXIST, ISDIR, NOENT, NOTDIR, NOTEMPTY, PERM};
use crate::Test;

pub const TESTS: &[Test] = &[
    ("std_files", files),
    ("std_directories", directories),
    ("std_errors", errors),
    ("std_copies_and_appends", copies),
    ("std_environment", environment),
];

fn files() {
    let mut file = OpenOptions::new().read(true).write(true).create_new(true).open("/file").unwrap();
    writeln!(file, "first line").unwrap();
    file.write_all(b"second").unwrap();
    file.seek(SeekFrom::Start(6)).unwrap();
    let mut rest = String::new();
    file.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "line\nsecond");
    assert_eq!(file.metadata().unwrap().len(), 17);
    file.set_len(5).unwrap();
    file.sync_all().unwrap();
    file.sync_data().unwrap();
    let time = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 5);
    file.set_modified(time).unwrap();
    assert_eq!(file.metadata().unwrap().modified().unwrap(), time);
    drop(file);
    assert_eq!(fs::read_to_string("/file").unwrap(), "first");
    fs::rename("/file", "/other").unwrap();
    assert!(!fs::exists("/file").unwrap() && fs::exists("/other").unwrap());
    fs::remove_file("/other").unwrap();
}

fn directories() {
    fs::create_dir_all("/a/b/c").unwrap();
    fs::write("/a/one", "1").unwrap();
    fs::write("/a/b/two", "22").unwrap();
    let mut names: Vec<_> = fs::read_dir("/a").unwrap().map(|entry| entry.unwrap()).collect();
    names.sort_by_key(|entry| entry.file_name());
    let shown: Vec<_> = names
        .iter()
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.file_type().unwrap().is_dir()))
        .collect();
    assert_eq!(shown, [("b".to_owned(), true), ("one".to_owned(), false)]);
    fs::remove_dir_all("/a").unwrap();
    assert!(!fs::exists("/a").unwrap());
}

#[track_caller]
fn fails<T: std::fmt::Debug>(result: io::Result<T>, errno: Errno) {
    assert_eq!(result.unwrap_err().raw_os_error(), Some(errno.into()));
}

fn errors() {
    fs::create_dir("/dir").unwrap();
    fs::write("/file", "x").unwrap();
    fails(File::open("/none"), NOENT);
    fails(fs::create_dir("/dir"), EXIST);
    fails(fs::remove_file("/dir"), ISDIR);
    fails(fs::remove_dir("/file"), NOTDIR);
    fails(fs::write("/dir", "x"), ISDIR);
    fails(fs::read("/file/x"), NOTDIR);
    fs::write("/dir/file", "x").unwrap();
    fails(fs::remove_dir("/dir"), NOTEMPTY);
    fails(File::create_new("/file"), EXIST);
    fails(File::open("/../../etc/passwd"), PERM);
    fs::remove_dir_all("/dir").unwrap();
    fs::remove_file("/file").unwrap();
}

fn copies() {
    let long: Vec<_> = (0..1_000_000_u32).map(|at| (at % 251) as u8).collect();
    fs::write("/file", &long).unwrap();
    assert_eq!(fs::copy("/file", "/copy").unwrap(), 1_000_000);
    OpenOptions::new().append(true).open("/copy").unwrap().write_all(b"end").unwrap();
    let copy = fs::read("/copy").unwrap();
    assert!(copy[..1_000_000] == long && &copy[1_000_000..] == b"end");
    assert_eq!(fs::metadata("/copy").unwrap().len(), 1_000_003);
    ["/file", "/copy"].iter().for_each(|path| fs::remove_file(path).unwrap());
}

fn environment() {
    assert!(std::env::args().count() >= 1);
    for (name, value) in std::env::vars() {
        assert_eq!(std::env::var(name).unwrap(), value);
    }
}
