//! Standard streams: pipes, files, buffers, custom readers and writers; blocking, non-blocking and
//! interrupted.

use std::io::{Read, Write};

use super::*;
use crate::{MemoryPipe, OutputBuffer, Stdio};

#[test]
fn by_default_there_is_no_input_and_output_is_discarded() {
    let guest = Guest::new(&WasiConfig::new());
    assert_eq!(guest.read(0, 10).unwrap(), b"");
    assert_eq!(guest.write(1, b"abc"), Ok(3));
    assert_eq!(guest.write(2, b"abc"), Ok(3));
    assert_eq!(guest.write(0, b"abc"), Err(Errno::BadDescriptor));
    assert_eq!(guest.read(1, 10), Err(Errno::BadDescriptor));
    for fd in 0..3 {
        let (file_type, flags, rights, _) = guest.fdstat(fd).unwrap();
        assert_eq!((file_type, flags), (1, 0), "a block device, as in wazero: not a terminal");
        assert_eq!(rights & (crate::abi::rights::FD_SEEK | crate::abi::rights::FD_TELL), 0);
        assert_eq!(guest.seek(fd, 0, 1), Err(Errno::IllegalSeek));
        assert_eq!(guest.tell(fd), Err(Errno::IllegalSeek));
        assert_eq!(guest.stat_fd(fd).unwrap().file_type, 1);
    }
    assert_eq!(guest.pread(0, 1, 0), Err(Errno::IllegalSeek));
    assert_eq!(guest.pwrite(1, b"a", 0), Err(Errno::IllegalSeek));
    assert_eq!(guest.call("fd_allocate", &[1, 0, 1]), Err(Errno::IllegalSeek));
    assert_eq!(guest.call("fd_filestat_set_size", &[1, 0]), Err(Errno::Invalid));
    assert_eq!(guest.readdir(0, 100, 0), Err(Errno::NotDirectory));
    assert_eq!(guest.open(0, "x", 0), Err(Errno::NotDirectory));
}

#[test]
fn streams_come_from_and_go_to_memory() {
    let (out, tiny) = (OutputBuffer::new(), OutputBuffer::with_limit(5));
    let guest = Guest::new(
        &WasiConfig::new()
            .with_stdin(Stdio::bytes("some input"))
            .with_stdout(Stdio::buffer(&out))
            .with_stderr(Stdio::buffer(&tiny)),
    );
    assert_eq!(guest.read(0, 4).unwrap(), b"some");
    assert_eq!(guest.read(0, 100).unwrap(), b" input");
    assert_eq!(guest.read(0, 100).unwrap(), b"");
    guest.write(1, b"hello ").unwrap();
    guest.write(1, b"world").unwrap();
    assert_eq!(out.to_string_lossy(), "hello world");
    assert_eq!(guest.write(2, b"1234567"), Ok(5));
    assert_eq!(guest.write(2, b"8"), Err(Errno::NoSpace));
    assert_eq!(out.take(), b"hello world");
    assert_eq!(out.contents(), b"");
}

#[test]
fn a_pipe_in_memory_blocks_until_there_is_something() {
    let (input, output) = (MemoryPipe::new(4), MemoryPipe::new(4));
    let config = WasiConfig::new().with_stdin(Stdio::pipe(&input)).with_stdout(Stdio::pipe(&output));
    let guest = Guest::new(&config);
    guest.call("fd_fdstat_set_flags", &[0, NONBLOCK.into()]).unwrap();
    assert_eq!(guest.read(0, 10), Err(Errno::Again));
    guest.call("fd_fdstat_set_flags", &[0, 0]).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(10));
            (&input).write_all(b"0123456789").unwrap();
            input.close();
        });
        let mut all = Vec::new();
        while let Ok(part) = guest.read(0, 10)
            && !part.is_empty()
        {
            all.extend(part);
        }
        assert_eq!(all, b"0123456789");
        let reader = scope.spawn(|| {
            let mut all = Vec::new();
            (&output).read_to_end(&mut all).unwrap();
            all
        });
        assert_eq!(guest.write(1, b"a long text, longer than the pipe"), Ok(33));
        output.close();
        assert_eq!(reader.join().unwrap(), b"a long text, longer than the pipe");
    });
    assert_eq!(guest.write(1, b"x"), Err(Errno::Pipe));
}

#[test]
fn custom_readers_and_writers_are_streams() {
    let (mut host, pipe) = (Vec::new(), MemoryPipe::new(100));
    struct Slow(Vec<&'static [u8]>);
    impl Read for Slow {
        fn read(&mut self, target: &mut [u8]) -> std::io::Result<usize> {
            std::thread::sleep(Duration::from_millis(2));
            match self.0.pop() {
                Some(b"error") => Err(std::io::ErrorKind::ConnectionReset.into()),
                Some(part) => (&*part).read(target),
                None => Ok(0),
            }
        }
    }
    struct Into(MemoryPipe);
    impl Write for Into {
        fn write(&mut self, source: &[u8]) -> std::io::Result<usize> {
            (&self.0).write(source)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let config = WasiConfig::new()
        .with_stdin(Stdio::reader(Slow(vec![b"error", b"two", b"one"])))
        .with_stdout(Stdio::writer(Into(pipe.clone())));
    let guest = Guest::new(&config);
    assert_eq!(guest.read(0, 2).unwrap(), b"on");
    assert_eq!(guest.read(0, 9).unwrap(), b"e");
    assert_eq!(guest.read(0, 9).unwrap(), b"two");
    assert_eq!(guest.read(0, 9), Err(Errno::ConnectionReset));
    assert_eq!(guest.read(0, 9).unwrap(), b"");
    guest.write(1, b"abc").unwrap();
    pipe.close();
    (&pipe).read_to_end(&mut host).unwrap();
    assert_eq!(host, b"abc");
    assert_eq!(guest.write(1, b"abc"), Err(Errno::Pipe));
}

#[cfg(unix)]
mod host {
    use std::os::fd::OwnedFd;

    use super::*;

    fn pipe() -> (OwnedFd, OwnedFd) {
        rustix::pipe::pipe().unwrap()
    }

    #[test]
    fn pipes_of_the_host_block_and_end() {
        let ((in_read, in_write), (out_read, out_write)) = (pipe(), pipe());
        let config = WasiConfig::new()
            .with_stdin(Stdio::file(in_read.into()))
            .with_stdout(Stdio::file(out_write.into()));
        let guest = Guest::new(&config);
        drop(config);
        assert_eq!(guest.fdstat(0).unwrap().0, 0, "WASI has no type for pipes");
        guest.call("fd_fdstat_set_flags", &[0, NONBLOCK.into()]).unwrap();
        assert_eq!(guest.read(0, 10), Err(Errno::Again));
        guest.call("fd_fdstat_set_flags", &[0, 0]).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                std::thread::sleep(Duration::from_millis(10));
                rustix::io::write(&in_write, b"hello").unwrap();
            });
            assert_eq!(guest.read(0, 10).unwrap(), b"hello");
            assert_eq!(guest.read(0, 10).unwrap(), b"");
            // More than the pipe holds, so that writing waits for the reader.
            let reader = scope.spawn(move || {
                let mut all = Vec::new();
                std::fs::File::from(out_read).read_to_end(&mut all).unwrap();
                all.len()
            });
            let len = END - DATA;
            for _ in 0..4 {
                guest.iovec(DATA, len);
                guest.call("fd_write", &[1, 0, 1, RESULT.into()]).unwrap();
                assert_eq!(guest.u32_at(RESULT), len);
            }
            guest.close(1).unwrap();
            assert_eq!(reader.join().unwrap(), len as usize * 4);
        });
    }

    #[test]
    fn the_streams_of_the_process_can_be_inherited() {
        let guest = Guest::new(&WasiConfig::new().with_inherited_stdio());
        for fd in 0..3 {
            guest.fdstat(fd).unwrap();
            guest.stat_fd(fd).unwrap();
        }
        assert_eq!(guest.write(1, b""), Ok(0));
    }

    #[test]
    fn a_reader_that_is_gone_is_epipe() {
        let (read, write) = pipe();
        let guest = Guest::new(&WasiConfig::new().with_stdout(Stdio::file(write.into())));
        drop(read);
        assert_eq!(guest.write(1, b"x"), Err(Errno::Pipe));
    }

    #[test]
    fn files_as_streams_have_positions() {
        let directory = TempDir::new();
        let path = directory.path().join("input");
        std::fs::write(&path, b"0123456789").unwrap();
        let guest =
            Guest::new(&WasiConfig::new().with_stdin(Stdio::file(std::fs::File::open(&path).unwrap())));
        assert_eq!(guest.fdstat(0).unwrap().0, 4);
        assert_eq!(guest.seek(0, 5, 0), Ok(5));
        assert_eq!(guest.read(0, 100).unwrap(), b"56789");
        assert_eq!(guest.pread(0, 2, 1).unwrap(), b"12");
        assert_eq!(guest.stat_fd(0).unwrap().size, 10);
    }

    #[test]
    fn a_blocked_read_and_a_blocked_write_end_when_the_guest_is_interrupted() {
        let ((in_read, _in_write), (_out_read, out_write)) = (pipe(), pipe());
        let memory = MemoryPipe::new(10);
        let never = MemoryPipe::new(10);
        struct Blocked(MemoryPipe);
        impl Read for Blocked {
            fn read(&mut self, target: &mut [u8]) -> std::io::Result<usize> {
                (&self.0).read(target)
            }
        }
        let streams: [(u32, Stdio); 4] = [
            (0, Stdio::file(in_read.into())),
            (1, Stdio::file(out_write.into())),
            (0, Stdio::pipe(&memory)),
            (0, Stdio::reader(Blocked(never.clone()))),
        ];
        for (fd, stream) in streams {
            let config = match fd {
                0 => WasiConfig::new().with_stdin(stream),
                _ => WasiConfig::new().with_stdout(stream),
            };
            let guest = Guest::new(&config);
            within(Duration::from_secs(2), || {
                std::thread::scope(|scope| {
                    scope.spawn(|| {
                        std::thread::sleep(Duration::from_millis(20));
                        guest.interrupt(9);
                    });
                    guest.iovec(DATA, END - DATA);
                    let name = if fd == 0 { "fd_read" } else { "fd_write" };
                    let error = loop {
                        if let Err(error) = guest.try_call(name, &[fd.into(), 0, 1, RESULT.into()]) {
                            break error;
                        }
                    };
                    assert_eq!(error.exit_code(), Some(9));
                });
            });
            assert!(guest.wakes.lock().unwrap().is_empty());
        }
        never.close();
    }

    #[test]
    fn named_pipes_in_a_mount_do_not_hang_the_guest() {
        let directory = TempDir::new();
        let fifo = directory.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status();
        if !made.is_ok_and(|status| status.success()) {
            return;
        }
        let guest = Guest::new(&WasiConfig::new().with_dir(directory.path(), "/"));
        let read = guest.open_read(3, "fifo").unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(20));
                std::fs::write(&fifo, b"late").unwrap();
            });
            assert_eq!(guest.read(read, 10).unwrap(), b"late");
        });
    }
}
