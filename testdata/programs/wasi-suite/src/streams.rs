//! Standard streams, polling, and what is no socket. The last tests move descriptors around that others rely on.

use crate::raw::*;
use crate::Test;

pub const TESTS: &[Test] = &[
    ("output_is_ready_to_be_written", output),
    ("input_or_time_comes", input),
    ("what_cannot_be_waited_for_is_an_event", failed_events),
    ("files_are_no_terminals_and_no_sockets", no_terminals),
    ("standard_streams_are_renumbered", standard_streams),
    ("a_preopen_can_be_renumbered_over_and_closed", preopen),
];

fn output() {
    let events = poll(&[Wait::Write(1), Wait::Write(2), Wait::Clock(1, 3_600_000_000_000, 0)]).unwrap();
    let ready: Vec<_> = events.iter().map(|event| (event.0, event.1)).collect();
    assert_eq!(ready, [(0, 0), (1, 0)]);
}

fn input() {
    let events = poll(&[Wait::Clock(1, 200_000_000, 0), Wait::Read(0)]).unwrap();
    assert!(!events.is_empty() && events.iter().all(|event| event.1 == 0), "{events:?}");
}

fn failed_events() {
    in_scratch(|dir| {
        touch(dir, "file");
        let reader = open(dir, 0, "file", 0, (READ, 0), 0).unwrap();
        let events =
            poll(&[Wait::Read(9999), Wait::Clock(9, 0, 0), Wait::Write(reader), Wait::Read(dir)]).unwrap();
        let errnos: Vec<_> = events.iter().map(|event| (event.0, event.1)).collect();
        assert_eq!(errnos, [(0, BADF), (1, INVAL), (2, BADF), (3, 0)]);
        assert_eq!(poll(&[]), Err(INVAL));
        // How much can be read is told.
        let file = create(dir, "file");
        write(file, &[b"12345"]).unwrap();
        seek(file, 2, 0).unwrap();
        assert_eq!(poll(&[Wait::Read(file)]).unwrap(), [(0, 0, 3)]);
        close(file).unwrap();
        close(reader).unwrap();
        unlink(dir, "file").unwrap();
    });
}

fn no_terminals() {
    in_scratch(|dir| {
        let file = open(dir, 0, "file", CREAT, (0, 0), 0).unwrap();
        assert_eq!(fdstat(file).unwrap().file_type, TYPE_FILE);
        assert_eq!(shutdown(file, 1), Err(NOTSOCK));
        assert_eq!(shutdown(420, 1), Err(BADF));
        close(file).unwrap();
        unlink(dir, "file").unwrap();
    });
}

fn standard_streams() {
    in_scratch(|dir| {
        for number in 0..3 {
            let file = create(dir, "file");
            renumber(number, file).unwrap();
            fdstat(file).unwrap();
            assert_eq!(fdstat(number), Err(BADF));
            // The lowest number is free: it has to be open to be renumbered back.
            assert_eq!(create(dir, "file"), number);
            renumber(file, number).unwrap();
            unlink(dir, "file").unwrap();
        }
        println!("still there");
    });
}

fn preopen() {
    let root = root();
    let other = open_dir(root, ".").unwrap();
    let inode = filestat(other).unwrap().inode;
    renumber(other, root).unwrap();
    assert_eq!(filestat(root).unwrap().inode, inode);
    assert_eq!(fdstat(other), Err(BADF));
    assert_eq!(prestat(root), Err(BADF));
    // Closed and opened again under the same number, for whoever comes after.
    let other = open_dir(root, ".").unwrap();
    close(root).unwrap();
    assert_eq!(fdstat(root), Err(BADF));
    assert_eq!(open_dir(other, ".").unwrap(), root);
    close(other).unwrap();
}
