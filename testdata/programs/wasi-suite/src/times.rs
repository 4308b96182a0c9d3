//! Clocks, and the times of files.

use crate::raw::*;
use crate::Test;

pub const TESTS: &[Test] = &[
    ("clocks_run_and_have_resolutions", clocks),
    ("sleeping_takes_its_time", sleeping),
    ("times_of_open_files_are_set", of_open_files),
    ("times_of_paths_are_set", of_paths),
    ("times_of_links_are_their_own", of_links),
    ("random_bytes_are_random", randomness),
    ("yielding_returns", yielding),
];

const ATIM: u32 = 1;
const ATIM_NOW: u32 = 2;
const MTIM: u32 = 4;
const MTIM_NOW: u32 = 8;

fn clocks() {
    for id in 0..4 {
        assert!(resolution(id).unwrap() > 0);
        let times: Vec<_> = (0..10).map(|_| time(id).unwrap()).collect();
        assert!(id == 0 || times.is_sorted(), "{times:?}");
    }
    assert!(time(0).unwrap() > 1_600_000_000_000_000_000);
    assert_eq!(time(4), Err(INVAL));
    assert_eq!(resolution(4), Err(INVAL));
}

fn sleeping() {
    const MS: u64 = 1_000_000;
    let before = time(1).unwrap();
    assert_eq!(poll(&[Wait::Clock(1, 20 * MS, 0)]).unwrap(), [(0, 0, 0)]);
    let slept = time(1).unwrap() - before;
    assert!(slept >= 20 * MS, "{slept}");
    // Until a time, on both clocks; then until one that is over.
    for id in [0, 1] {
        let now = time(id).unwrap();
        assert_eq!(poll(&[Wait::Clock(id, now + 10 * MS, 1)]).unwrap().len(), 1);
        assert!(time(id).unwrap() >= now + 10 * MS);
        assert_eq!(poll(&[Wait::Clock(id, now, 1)]).unwrap(), [(0, 0, 0)]);
    }
    // The first of several is due, the others are not.
    let events =
        poll(&[Wait::Clock(1, 3_600_000 * MS, 0), Wait::Clock(1, MS, 0), Wait::Clock(0, u64::MAX, 1)]);
    assert_eq!(events.unwrap(), [(1, 0, 0)]);
    std::thread::sleep(std::time::Duration::from_millis(5));
}

fn of_open_files() {
    in_scratch(|dir| {
        let file = create(dir, "file");
        set_size(file, 100).unwrap();
        let before = filestat(file).unwrap();
        let modified = before.modified - 100;
        set_times(file, modified, modified, MTIM).unwrap();
        let after = filestat(file).unwrap();
        assert_eq!((after.size, after.modified, after.accessed), (100, modified, before.accessed));
        set_times(file, 1_234_567_890_123_456_789, 0, ATIM).unwrap();
        assert_eq!(filestat(file).unwrap().accessed, 1_234_567_890_123_456_789);
        set_times(file, 0, 0, ATIM_NOW | MTIM_NOW).unwrap();
        assert!(filestat(file).unwrap().accessed > before.accessed - 1_000_000_000);
        for flags in [ATIM | ATIM_NOW, MTIM | MTIM_NOW, 16] {
            assert_eq!(set_times(file, 100, 200, flags), Err(INVAL));
        }
        close(file).unwrap();
        unlink(dir, "file").unwrap();
    });
}

fn of_paths() {
    in_scratch(|dir| {
        touch(dir, "file");
        let before = stat(dir, "file", 0).unwrap();
        assert_eq!(before.size, 0);
        let modified = before.modified - 100;
        set_times_at(dir, 0, "file", 0, modified, MTIM).unwrap();
        assert_eq!(stat(dir, "file", 0).unwrap().modified, modified);
        for flags in [ATIM | ATIM_NOW, MTIM | MTIM_NOW] {
            assert_eq!(set_times_at(dir, 0, "file", 0, 0, flags), Err(INVAL));
        }
        assert_eq!(stat(dir, "file", 0).unwrap().modified, modified);
        assert_eq!(set_times_at(dir, 0, "none", 0, 0, MTIM), Err(NOENT));
        set_times_at(dir, 0, ".", 5, 6, ATIM | MTIM).unwrap();
        let own = filestat(dir).unwrap();
        assert_eq!((own.accessed, own.modified), (5, 6));
        unlink(dir, "file").unwrap();
    });
}

fn of_links() {
    in_scratch(|dir| {
        touch(dir, "file");
        let file = stat(dir, "file", 0).unwrap();
        symlink("file", dir, "link").unwrap();
        let modified = stat(dir, "link", 0).unwrap().modified - 200;
        set_times_at(dir, 0, "link", 0, modified, MTIM).unwrap();
        assert_eq!(stat(dir, "link", 0).unwrap().modified, modified);
        assert_eq!(stat(dir, "file", 0).unwrap().modified, file.modified);
        assert_eq!(stat(dir, "link", FOLLOW).unwrap().modified, file.modified);
        set_times_at(dir, FOLLOW, "link", 0, modified - 1, MTIM).unwrap();
        assert_eq!(stat(dir, "file", 0).unwrap().modified, modified - 1);
        assert_eq!(stat(dir, "link", 0).unwrap().modified, modified);
        unlink(dir, "link").unwrap();
        unlink(dir, "file").unwrap();
    });
}

fn randomness() {
    let mut bytes = vec![0; 200_000];
    random(&mut bytes).unwrap();
    assert!(bytes.iter().any(|byte| *byte != bytes[0]));
    let mut other = vec![0; 200_000];
    random(&mut other).unwrap();
    assert!(bytes != other);
    random(&mut []).unwrap();
}

fn yielding() {
    (0..10).for_each(|_| yield_now().unwrap());
}
