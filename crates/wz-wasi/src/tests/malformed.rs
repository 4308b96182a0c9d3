//! Arguments that make no sense: pointers, lengths and counts out of range, unknown flags. Nothing
//! panics, nothing much is allocated, and the errno says what is wrong.

use super::*;

/// Beyond the memory, at its end, at the end of what 32 bits reach.
const BAD: [u64; 3] = [END as u64, END as u64 - 1, u32::MAX as u64];

fn guest() -> Guest {
    let tree = crate::fs::MemoryFs::new();
    tree.write("file", *b"contents").unwrap();
    let config = WasiConfig::new().with_mount(tree, "/").with_args(["program"]).with_env("A", "b");
    let guest = Guest::new(&config);
    assert_eq!(guest.open(3, "file", 0), Ok(4));
    guest.symlink("file", 3, "link").unwrap();
    guest
}

#[test]
fn pointers_out_of_range_are_efault() {
    let guest = guest();
    let path = guest.put(PATH, b"file");
    let link = guest.put(PATH2, b"link");
    guest.iovec(DATA, 8);
    let (r, d) = (u64::from(RESULT), u64::from(DATA));
    for bad in BAD {
        let calls: &[(&str, &[u64])] = &[
            ("args_get", &[bad, d]),
            ("args_get", &[r, bad]),
            ("args_sizes_get", &[bad, r]),
            ("args_sizes_get", &[r, bad]),
            ("environ_get", &[bad, d]),
            ("environ_get", &[r, bad]),
            ("environ_sizes_get", &[bad, r]),
            ("environ_sizes_get", &[r, bad]),
            ("clock_res_get", &[0, bad]),
            ("clock_time_get", &[0, 0, bad]),
            ("fd_fdstat_get", &[4, bad]),
            ("fd_filestat_get", &[4, bad]),
            ("fd_pread", &[4, bad, 1, 0, r]),
            ("fd_pread", &[4, 0, 1, 0, bad]),
            ("fd_prestat_get", &[3, bad]),
            ("fd_pwrite", &[4, bad, 1, 0, r]),
            ("fd_pwrite", &[4, 0, 1, 0, bad]),
            ("fd_read", &[4, bad, 1, r]),
            ("fd_read", &[4, 0, 1, bad]),
            ("fd_readdir", &[3, bad, 100, 0, r]),
            ("fd_readdir", &[3, d, 100, 0, bad]),
            ("fd_seek", &[4, 0, 0, bad]),
            ("fd_tell", &[4, bad]),
            ("fd_write", &[4, bad, 1, r]),
            ("fd_write", &[4, 0, 1, bad]),
            ("path_create_directory", &[3, bad, 4]),
            ("path_filestat_get", &[3, 0, bad, 4, r]),
            ("path_filestat_get", &[3, 0, path, 4, bad]),
            ("path_filestat_set_times", &[3, 0, bad, 4, 0, 0, 0]),
            ("path_link", &[3, 0, bad, 4, 3, link, 4]),
            ("path_link", &[3, 0, path, 4, 3, bad, 4]),
            ("path_open", &[3, 0, bad, 4, 0, 0, 0, 0, r]),
            ("path_open", &[3, 0, path, 4, 0, 0, 0, 0, bad]),
            ("path_readlink", &[3, bad, 4, d, 10, r]),
            ("path_readlink", &[3, link, 4, bad, 10, r]),
            ("path_readlink", &[3, link, 4, d, 10, bad]),
            ("path_remove_directory", &[3, bad, 4]),
            ("path_rename", &[3, bad, 4, 3, link, 4]),
            ("path_rename", &[3, path, 4, 3, bad, 4]),
            ("path_symlink", &[bad, 4, 3, path, 4]),
            ("path_symlink", &[path, 4, 3, bad, 4]),
            ("path_unlink_file", &[3, bad, 4]),
            ("poll_oneoff", &[bad, d, 1, r]),
            ("poll_oneoff", &[d, bad, 1, r]),
            ("poll_oneoff", &[d, d + 100, 1, bad]),
            ("random_get", &[bad, 4]),
        ];
        for (name, args) in calls {
            let result = guest.call(name, args);
            // The last byte of the memory is there: enough for a part, never for all of it.
            assert_eq!(result, Err(Errno::Fault), "{name} {args:?}");
        }
        // The name is one byte, so that the last byte of the memory is enough for it.
        let name = guest.call("fd_prestat_dir_name", &[3, bad, 1]);
        assert_eq!(name, if bad == u64::from(END) - 1 { Ok(()) } else { Err(Errno::Fault) });
    }
    assert_eq!(guest.contents(3, "file").unwrap(), b"contents");
    assert_eq!(guest.tell(4), Ok(0), "a result that has no place is no result");
    assert_eq!(guest.open(3, "file", 0), Ok(5), "no descriptor was opened");
}

#[test]
fn lengths_and_counts_are_bounded() {
    let guest = guest();
    let (r, d, max) = (u64::from(RESULT), u64::from(DATA), u64::from(u32::MAX));
    let cases: &[(&str, &[u64], Errno)] = &[
        ("fd_read", &[4, 0, max, r], Errno::Fault),
        ("fd_read", &[4, 0, (1 << 29) + 1, r], Errno::Fault),
        ("fd_write", &[4, 0, 1 << 29, r], Errno::Fault),
        ("fd_pread", &[4, 0, max, 0, r], Errno::Fault),
        ("fd_pwrite", &[4, 0, max, 0, r], Errno::Fault),
        ("fd_pread", &[4, 0, 0, u64::MAX, r], Errno::Invalid),
        ("fd_readdir", &[3, 0, max, 0, r], Errno::Fault),
        ("random_get", &[0, max], Errno::Fault),
        ("poll_oneoff", &[0, d, max, r], Errno::Invalid),
        ("poll_oneoff", &[0, d, 1 << 16, r], Errno::Fault),
        ("poll_oneoff", &[0, d, 0, r], Errno::Invalid),
        ("path_open", &[3, 0, 0, max, 0, 0, 0, 0, r], Errno::Fault),
        ("path_open", &[3, 0, 0, 4097, 0, 0, 0, 0, r], Errno::NameTooLong),
        ("path_symlink", &[0, 4097, 3, d, 1], Errno::NameTooLong),
        ("path_readlink", &[3, 0, 4, 0, max, r], Errno::Fault),
        ("path_create_directory", &[3, 0, 0], Errno::NoEntry),
        ("fd_prestat_dir_name", &[3, 0, 0], Errno::NameTooLong),
    ];
    for (name, args, errno) in cases {
        assert_eq!(guest.call(name, args), Err(*errno), "{name} {args:?}");
    }
}

#[test]
fn buffers_that_lead_out_of_range_are_efault_whatever_the_others() {
    let guest = guest();
    for (at, len) in [(END, 1), (END - 1, 2), (u32::MAX, 1), (0, u32::MAX), (u32::MAX, u32::MAX)] {
        guest.iovec(DATA, 1);
        guest.memory.write_u32(8_u32, at).unwrap();
        guest.memory.write_u32(12_u32, len).unwrap();
        for name in ["fd_read", "fd_write"] {
            assert_eq!(guest.call(name, &[4, 0, 2, RESULT.into()]), Err(Errno::Fault), "{at} {len}");
        }
    }
    assert_eq!(guest.tell(4), Ok(0));
    // An empty buffer at the very end is no harm, nor are no buffers.
    guest.iovec(END, 0);
    guest.call("fd_read", &[4, 0, 1, RESULT.into()]).unwrap();
    guest.call("fd_write", &[4, 0, 0, RESULT.into()]).unwrap();
    assert_eq!(guest.u32_at(RESULT), 0);
}

#[test]
fn more_buffers_than_one_call_takes_are_a_short_transfer() {
    let guest = guest();
    for index in 0..2000_u32 {
        guest.memory.write_u32(index * 8, DATA).unwrap();
        guest.memory.write_u32(index * 8 + 4, 1).unwrap();
    }
    guest.call("fd_write", &[4, 0, 2000, 0x7000]).unwrap();
    assert_eq!(guest.u32_at(0x7000), 1024);
}

#[test]
fn unknown_flags_and_numbers_are_einval() {
    let guest = guest();
    let path = guest.put(PATH, b"file");
    let r = u64::from(RESULT);
    let cases: &[(&str, &[u64])] = &[
        ("path_open", &[3, 2, path, 4, 0, 0, 0, 0, r]),
        ("path_open", &[3, 0, path, 4, 16, 0, 0, 0, r]),
        ("path_open", &[3, 0, path, 4, 0x1_0000, 0, 0, 0, r]),
        ("path_open", &[3, 0, path, 4, 0, 0, 0, 32, r]),
        ("path_open", &[3, 0, path, 4, 3, 0, 0, 0, r]),
        ("path_filestat_get", &[3, 2, path, 4, r]),
        ("path_filestat_set_times", &[3, 4, path, 4, 0, 0, 0]),
        ("path_link", &[3, 2, path, 4, 3, path, 4]),
        ("fd_filestat_set_times", &[4, 0, 0, 16]),
        ("fd_filestat_set_times", &[4, 0, 0, 3]),
        ("fd_fdstat_set_flags", &[4, 0xffff_ffff]),
        ("fd_advise", &[4, 0, 0, 6]),
        ("fd_seek", &[4, 0, 3, r]),
        ("clock_res_get", &[4, r]),
        ("clock_time_get", &[0xffff_ffff, 0, r]),
    ];
    for (name, args) in cases {
        assert_eq!(guest.call(name, args), Err(Errno::Invalid), "{name} {args:?}");
    }
}

#[test]
fn descriptors_that_are_not_open_are_ebadf_everywhere() {
    let guest = guest();
    let path = guest.put(PATH, b"file");
    let r = u64::from(RESULT);
    for fd in [5, 1023, 1 << 31, u64::from(u32::MAX)] {
        let calls: &[(&str, &[u64])] = &[
            ("fd_advise", &[fd, 0, 0, 0]),
            ("fd_allocate", &[fd, 0, 1]),
            ("fd_close", &[fd]),
            ("fd_datasync", &[fd]),
            ("fd_fdstat_get", &[fd, r]),
            ("fd_fdstat_set_flags", &[fd, 0]),
            ("fd_fdstat_set_rights", &[fd, 0, 0]),
            ("fd_filestat_get", &[fd, r]),
            ("fd_filestat_set_size", &[fd, 0]),
            ("fd_filestat_set_times", &[fd, 0, 0, 0]),
            ("fd_pread", &[fd, 0, 1, 0, r]),
            ("fd_prestat_get", &[fd, r]),
            ("fd_prestat_dir_name", &[fd, r, 10]),
            ("fd_pwrite", &[fd, 0, 1, 0, r]),
            ("fd_read", &[fd, 0, 1, r]),
            ("fd_readdir", &[fd, r, 100, 0, r]),
            ("fd_renumber", &[fd, 4]),
            ("fd_renumber", &[4, fd]),
            ("fd_seek", &[fd, 0, 0, r]),
            ("fd_sync", &[fd]),
            ("fd_tell", &[fd, r]),
            ("fd_write", &[fd, 0, 1, r]),
            ("path_create_directory", &[fd, path, 4]),
            ("path_filestat_get", &[fd, 0, path, 4, r]),
            ("path_filestat_set_times", &[fd, 0, path, 4, 0, 0, 0]),
            ("path_link", &[fd, 0, path, 4, 3, path, 4]),
            ("path_link", &[3, 0, path, 4, fd, path, 4]),
            ("path_open", &[fd, 0, path, 4, 0, 0, 0, 0, r]),
            ("path_readlink", &[fd, path, 4, r, 1, r]),
            ("path_remove_directory", &[fd, path, 4]),
            ("path_rename", &[fd, path, 4, 3, path, 4]),
            ("path_rename", &[3, path, 4, fd, path, 4]),
            ("path_symlink", &[path, 4, fd, path, 4]),
            ("path_unlink_file", &[fd, path, 4]),
            ("sock_accept", &[fd, 0, r]),
            ("sock_recv", &[fd, 0, 1, 0, r, r]),
            ("sock_send", &[fd, 0, 1, 0, r]),
            ("sock_shutdown", &[fd, 3]),
        ];
        for (name, args) in calls {
            assert_eq!(guest.call(name, args), Err(Errno::BadDescriptor), "{name} {args:?}");
        }
    }
}

#[test]
fn paths_that_are_not_text_are_eilseq() {
    let guest = guest();
    for bytes in [&b"\xff"[..], b"a\xc3", b"\xed\xa0\x80"] {
        let at = guest.put(PATH, bytes);
        let args = [3, at, bytes.len() as u64];
        assert_eq!(guest.call("path_create_directory", &args), Err(Errno::IllegalSequence));
        assert_eq!(guest.call("path_unlink_file", &args), Err(Errno::IllegalSequence));
    }
}

#[test]
fn structures_leave_nothing_of_what_was_in_their_padding() {
    let guest = guest();
    let path = guest.put(PATH, b"file");
    let fill = || guest.memory.fill(RESULT, 200_u32, 0xff).unwrap();
    let check = |zero: &[u32], len: u32| {
        for at in zero {
            assert_eq!(guest.memory.read_u8(RESULT + at), Some(0), "{at}");
        }
        assert_eq!(guest.memory.read_u8(RESULT + len), Some(0xff), "nothing beyond");
    };
    fill();
    guest.call("fd_fdstat_get", &[4, RESULT.into()]).unwrap();
    check(&[1, 4, 5, 6, 7], 24);
    fill();
    guest.call("fd_filestat_get", &[4, RESULT.into()]).unwrap();
    check(&[17, 18, 19, 20, 21, 22, 23], 64);
    fill();
    guest.call("path_filestat_get", &[3, 0, path, 4, RESULT.into()]).unwrap();
    check(&[17, 23], 64);
    fill();
    guest.call("fd_prestat_get", &[3, RESULT.into()]).unwrap();
    check(&[0, 1, 2, 3], 8);
    fill();
    guest.call("fd_readdir", &[3, RESULT.into(), 25, 0, DATA.into()]).unwrap();
    check(&[21, 22, 23], 25);
    fill();
    guest.memory.fill(DATA, 48_u32, 0xff).unwrap();
    guest.memory.write_u8(DATA + 8, 1).unwrap();
    guest.call("poll_oneoff", &[DATA.into(), RESULT.into(), 1, (RESULT + 100).into()]).unwrap();
    check(&[11, 12, 13, 14, 15, 25, 26, 27, 28, 29, 30, 31], 32);
}
