//! What is done with open files.

use crate::raw::*;
use crate::Test;

pub const TESTS: &[Test] = &[
    ("files_are_read_and_written_at_positions", positioned),
    ("several_buffers_are_one_transfer", vectored),
    ("positions_are_moved_and_told", seeking),
    ("room_is_allocated", allocating),
    ("advice_changes_nothing", advising),
    ("sizes_are_set", sizes),
    ("access_is_what_the_rights_say", access),
    ("what_is_written_is_seen_at_once", unbuffered),
    ("what_is_there_is_not_created", existing),
    ("removed_files_stay_while_they_are_open", removed),
];

fn positioned() {
    in_scratch(|dir| {
        let file = open(dir, 0, "file", CREAT, (READ | SEEK | WRITE, 0), 0).unwrap();
        assert_eq!(pwrite(file, &[&[0, 1, 2, 3]], 0), Ok(4));
        assert_eq!(pread(file, 4, 0).unwrap(), [0, 1, 2, 3]);
        assert_eq!(pread(file, 4, 2).unwrap(), [2, 3]);
        assert_eq!(pread(file, 4, 4).unwrap(), []);
        assert_eq!(pwrite(file, &[&[1, 0]], 2), Ok(2));
        assert_eq!(pread(file, 4, 0).unwrap(), [0, 1, 1, 0]);
        // The position is where it was.
        assert_eq!(read(file, 2).unwrap(), [0, 1]);
        assert_eq!(pwrite(file, &[&[9]], 1 << 20), Ok(1));
        assert_eq!(pread(file, 2, (1 << 20) - 1).unwrap(), [0, 9]);
        close(file).unwrap();
        unlink(dir, "file").unwrap();
    });
}

fn vectored() {
    in_scratch(|dir| {
        let file = create(dir, "file");
        assert_eq!(write(file, &[b"ab", b"", b"cde", b"f"]), Ok(6));
        assert_eq!(pwrite(file, &[b"X", b"YZ"], 1), Ok(3));
        assert_eq!(pread(file, 10, 0).unwrap(), b"aXYZef");
        assert_eq!(write(file, &[]), Ok(0));
        assert_eq!(write(file, &[b"", b""]), Ok(0));
        let long: Vec<_> = (0..300_000_u32).map(|at| at as u8).collect();
        let parts: Vec<&[u8]> = long.chunks(1000).collect();
        assert_eq!(pwrite(file, &parts, 0), Ok(300_000));
        assert!(pread(file, 300_000, 0).unwrap() == long);
        close(file).unwrap();
        unlink(dir, "file").unwrap();
    });
}

fn seeking() {
    in_scratch(|dir| {
        let file = create(dir, "file");
        assert_eq!(tell(file), Ok(0));
        write(file, &[&[0; 100]]).unwrap();
        assert_eq!(tell(file), Ok(100));
        assert_eq!(seek(file, -50, 1), Ok(50));
        assert_eq!(seek(file, 0, 0), Ok(0));
        assert_eq!(seek(file, 1000, 1), Ok(1000));
        assert_eq!(seek(file, -2000, 1), Err(INVAL));
        assert_eq!(tell(file), Ok(1000));
        assert_eq!(seek(file, -1, 2), Ok(99));
        assert_eq!(seek(file, 0, 3), Err(INVAL));
        seek(file, 0, 0).unwrap();
        assert_eq!(read(file, 100).unwrap().len(), 100);
        assert_eq!(tell(file), Ok(100));
        // Writing beyond the end leaves zeros.
        seek(file, 10, 1).unwrap();
        write(file, &[b"x"]).unwrap();
        assert_eq!(pread(file, 20, 100).unwrap(), b"\0\0\0\0\0\0\0\0\0\0x");
        close(file).unwrap();
        unlink(dir, "file").unwrap();
    });
}

fn allocating() {
    in_scratch(|dir| {
        let file = open(dir, 0, "file", CREAT, (READ | WRITE | ALLOCATE | STAT, 0), 0).unwrap();
        let size = || filestat(file).unwrap().size;
        assert_eq!(size(), 0);
        allocate(file, 0, 100).unwrap();
        assert_eq!(size(), 100);
        allocate(file, 10, 10).unwrap();
        assert_eq!(size(), 100);
        allocate(file, 90, 20).unwrap();
        assert_eq!(size(), 110);
        close(file).unwrap();
        unlink(dir, "file").unwrap();
    });
}

fn advising() {
    in_scratch(|dir| {
        let file = open(dir, 0, "file", CREAT, (READ | WRITE | ADVISE | STAT | SET_SIZE, 0), 0).unwrap();
        set_size(file, 100).unwrap();
        (0..6).for_each(|advice| advise(file, 10, 50, advice).unwrap());
        assert_eq!(advise(file, 10, 50, 6), Err(INVAL));
        assert_eq!(filestat(file).unwrap().size, 100);
        close(file).unwrap();
        unlink(dir, "file").unwrap();
    });
}

fn sizes() {
    in_scratch(|dir| {
        let file = create(dir, "file");
        write(file, &[&[7; 100]]).unwrap();
        set_size(file, 10).unwrap();
        assert_eq!(filestat(file).unwrap().size, 10);
        // The position stays, and what was cut off does not come back.
        assert_eq!(tell(file), Ok(100));
        set_size(file, 20).unwrap();
        assert_eq!(pread(file, 100, 0).unwrap(), [[7; 10], [0; 10]].concat());
        close(file).unwrap();
        let file = open(dir, 0, "file", TRUNC, (READ | WRITE | STAT, 0), 0).unwrap();
        assert_eq!(filestat(file).unwrap().size, 0);
        close(file).unwrap();
        unlink(dir, "file").unwrap();
    });
}

fn access() {
    in_scratch(|dir| {
        touch(dir, "file");
        let reader = open(dir, 0, "file", 0, (READ, 0), 0).unwrap();
        assert_eq!(fdstat(reader).unwrap().base & (READ | WRITE), READ);
        assert_eq!(read(reader, 100).unwrap(), []);
        assert_eq!(write(reader, &[&[1; 50]]), Err(BADF));
        let writer = open(dir, 0, "file", 0, (WRITE, 0), 0).unwrap();
        assert_eq!(fdstat(writer).unwrap().base & (READ | WRITE), WRITE);
        assert_eq!(read(writer, 100), Err(BADF));
        assert_eq!(write(writer, &[&[1; 50]]), Ok(50));
        let both = open(dir, 0, "file", 0, (READ | WRITE | STAT, 0), 0).unwrap();
        assert_eq!(fdstat(both).unwrap().base & (READ | WRITE), READ | WRITE);
        assert_eq!(read(both, 100).unwrap(), [1; 50]);
        assert_eq!(write(both, &[&[2; 25]]), Ok(25));
        assert_eq!(filestat(both).unwrap().size, 75);
        [reader, writer, both].into_iter().for_each(|fd| close(fd).unwrap());
        unlink(dir, "file").unwrap();
    });
}

fn unbuffered() {
    in_scratch(|dir| {
        let reader = open(dir, 0, "file", CREAT, (READ, 0), 0).unwrap();
        let writer = open(dir, 0, "file", 0, (WRITE, 0), 0).unwrap();
        assert_eq!(read(reader, 1).unwrap(), []);
        assert_eq!(write(writer, &[&[1]]), Ok(1));
        assert_eq!(read(reader, 1).unwrap(), [1]);
        close(writer).unwrap();
        close(reader).unwrap();
        unlink(dir, "file").unwrap();
    });
}

fn existing() {
    in_scratch(|dir| {
        touch(dir, "file");
        assert_eq!(open(dir, 0, "file", CREAT | EXCL, (0, 0), 0), Err(EXIST));
        close(open(dir, 0, "file", CREAT, (0, 0), 0).unwrap()).unwrap();
        assert_eq!(open(dir, 0, "none", 0, (0, 0), 0), Err(NOENT));
        assert_eq!(open(dir, 0, "none", CREAT | DIRECTORY, (0, 0), 0), Err(INVAL));
        unlink(dir, "file").unwrap();
    });
}

fn removed() {
    in_scratch(|dir| {
        let file = create(dir, "file");
        write(file, &[b"still there"]).unwrap();
        unlink(dir, "file").unwrap();
        assert_eq!(pread(file, 20, 0).unwrap(), b"still there");
        assert_eq!(filestat(file).unwrap().links, 0);
        assert_eq!(stat(dir, "file", 0), Err(NOENT));
        close(file).unwrap();
    });
}
