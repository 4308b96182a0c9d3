//! `poll_oneoff` over clocks, streams and files, alone and together.

use super::*;
use crate::{MemoryPipe, Stdio};

/// A subscription: clock id, timeout and flags, or a descriptor.
enum Wanted {
    Clock(u32, u64, u16),
    Read(u32),
    Write(u32),
}
use Wanted::{Clock, Read, Write};

/// Userdata, errno, type, bytes and flags of each event.
type Events = Vec<(u64, Errno, u8, u64, u16)>;

fn try_poll(guest: &Guest, wanted: &[Wanted]) -> Result<FsResult<Events>, Error> {
    for (index, wanted) in wanted.iter().enumerate() {
        let mut bytes = [0_u8; 48];
        bytes[..8].copy_from_slice(&(100 + index as u64).to_le_bytes());
        match wanted {
            Clock(id, timeout, flags) => {
                bytes[16..20].copy_from_slice(&id.to_le_bytes());
                bytes[24..32].copy_from_slice(&timeout.to_le_bytes());
                bytes[40..42].copy_from_slice(&flags.to_le_bytes());
            }
            Read(fd) | Write(fd) => {
                bytes[8] = if matches!(wanted, Read(_)) { 1 } else { 2 };
                bytes[16..20].copy_from_slice(&fd.to_le_bytes());
            }
        }
        guest.put(PATH + index as u32 * 48, &bytes);
    }
    let args = [u64::from(PATH), u64::from(DATA), wanted.len() as u64, u64::from(RESULT)];
    match guest.try_call("poll_oneoff", &args)? {
        Errno::Success => {}
        errno => return Ok(Err(errno)),
    }
    let event = |index: u32| {
        let at = DATA + index * 32;
        (
            guest.u64_at(at),
            Errno::from_raw(guest.memory.read_u16(at + 8).unwrap()).unwrap(),
            guest.memory.read_u8(at + 10).unwrap(),
            guest.u64_at(at + 16),
            guest.memory.read_u16(at + 24).unwrap(),
        )
    };
    Ok(Ok((0..guest.u32_at(RESULT)).map(event).collect()))
}

fn poll(guest: &Guest, wanted: &[Wanted]) -> FsResult<Events> {
    try_poll(guest, wanted).unwrap()
}

const OK: Errno = Errno::Success;

#[test]
fn by_default_sleeping_returns_at_once_and_the_shortest_clock_is_due() {
    let guest = Guest::new(&WasiConfig::new());
    within(Duration::from_secs(1), || {
        let events = poll(&guest, &[Clock(1, 60_000_000_000, 0), Clock(0, 30_000_000_000, 0)]).unwrap();
        assert_eq!(events, [(101, OK, 0, 0, 0)]);
        let absolute = poll(&guest, &[Clock(1, u64::MAX, 1), Clock(1, 0, 1)]).unwrap();
        assert_eq!(absolute, [(101, OK, 0, 0, 0)], "in the past");
        let both = poll(&guest, &[Clock(1, 5, 0), Clock(1, 5, 0)]).unwrap();
        assert_eq!(both.len(), 2);
    });
}

#[test]
fn a_custom_sleep_is_asked_for_the_time_that_is_left() {
    let slept = Arc::new(Mutex::new(Vec::new()));
    let log = slept.clone();
    let config = WasiConfig::new()
        .with_nanosleep(move |time| log.lock().unwrap().push(time.as_nanos()))
        .with_nanotime(|| 1000, Duration::from_nanos(1));
    let guest = Guest::new(&config);
    poll(&guest, &[Clock(1, 500, 0)]).unwrap();
    poll(&guest, &[Clock(1, 1700, 1)]).unwrap();
    poll(&guest, &[Clock(1, 400, 1)]).unwrap();
    poll(&guest, &[Clock(1, 0, 0)]).unwrap();
    assert_eq!(*slept.lock().unwrap(), [500, 700]);
}

#[test]
fn what_cannot_be_waited_for_is_an_event_with_its_error() {
    let guest = Guest::new(&WasiConfig::new().with_mount(crate::fs::MemoryFs::new(), "/"));
    let wanted =
        [Clock(4, 0, 0), Clock(2, 5, 0), Clock(3, 5, 0), Clock(0, 5, 2), Read(99), Read(1), Write(0)];
    let events = poll(&guest, &wanted).unwrap();
    let errors: Vec<_> = events.iter().map(|(_, errno, ..)| *errno).collect();
    use Errno::{BadDescriptor as Bad, Invalid, NotSupported};
    assert_eq!(errors, [Invalid, NotSupported, NotSupported, Invalid, Bad, Bad, Bad]);
    let file = guest.open_with(3, "file", true, CREAT, (FD_READ | FD_WRITE, 0), 0).unwrap();
    assert_eq!(poll(&guest, &[Read(file)]).unwrap()[0].1, Errno::NotCapable);
    guest.put(PATH + 8, &[3]);
    let args = [u64::from(PATH), u64::from(DATA), 1, u64::from(RESULT)];
    assert_eq!(guest.call("poll_oneoff", &args), Err(Errno::Invalid), "an unknown type");
}

#[test]
fn files_and_output_are_ready_at_once() {
    on_each_file_system(|guest| {
        let file = guest.open(3, "file", CREAT).unwrap();
        guest.write(file, b"12345").unwrap();
        guest.seek(file, 2, 0).unwrap();
        let wanted = [Read(file), Write(file), Write(1), Read(0), Clock(1, 1_000_000_000, 0), Read(3)];
        let events = poll(guest, &wanted).unwrap();
        let kinds: Vec<_> =
            events.iter().map(|(userdata, errno, kind, ..)| (*userdata, *errno, *kind)).collect();
        assert_eq!(kinds, [(100, OK, 1), (101, OK, 2), (102, OK, 2), (103, OK, 1), (105, OK, 1)]);
        assert_eq!(events[0].3, 3, "what is left to read");
    });
}

#[test]
fn a_pipe_in_memory_wakes_whoever_polls_it() {
    let pipe = MemoryPipe::new(10);
    let guest = Guest::new(&WasiConfig::new().with_sys_nanosleep().with_stdin(Stdio::pipe(&pipe)));
    within(Duration::from_secs(5), || {
        let timed_out = poll(&guest, &[Read(0), Clock(1, 5_000_000, 0)]).unwrap();
        assert_eq!(timed_out, [(101, OK, 0, 0, 0)]);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(20));
                std::io::Write::write_all(&mut &pipe, b"abc").unwrap();
            });
            let events = poll(&guest, &[Clock(1, 60_000_000_000, 0), Read(0)]).unwrap();
            assert_eq!(events, [(101, OK, 1, 3, 0)]);
        });
        pipe.close();
        guest.read(0, 10).unwrap();
        assert_eq!(poll(&guest, &[Read(0)]).unwrap(), [(100, OK, 1, 0, 1)], "hung up");
    });
}

#[test]
fn a_custom_reader_is_polled() {
    let guest = Guest::new(&WasiConfig::new().with_stdin(Stdio::reader(&b"abc"[..])));
    assert_eq!(poll(&guest, &[Read(0)]).unwrap(), [(100, OK, 1, 3, 0)]);
    assert_eq!(guest.read(0, 10).unwrap(), b"abc");
}

#[cfg(unix)]
#[test]
fn pipes_of_the_host_and_clocks_are_waited_for_together() {
    let (read, write) = rustix::pipe::pipe().unwrap();
    let config = WasiConfig::new().with_sys_time_and_rand().with_stdin(Stdio::file(read.into()));
    let guest = Guest::new(&config);
    within(Duration::from_secs(5), || {
        let started = Instant::now();
        let events = poll(&guest, &[Read(0), Clock(1, 20_000_000, 0), Clock(1, 60_000_000_000, 0)]).unwrap();
        assert_eq!(events, [(101, OK, 0, 0, 0)]);
        assert!(started.elapsed() >= Duration::from_millis(20));
        guest.call("clock_time_get", &[0, 0, RESULT.into()]).unwrap();
        let soon = guest.u64_at(RESULT) + 20_000_000;
        assert_eq!(poll(&guest, &[Clock(0, soon, 1), Read(0)]).unwrap()[0].0, 100);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(20));
                rustix::io::write(&write, b"abcd").unwrap();
            });
            let events = poll(&guest, &[Clock(1, u64::MAX, 0), Read(0), Write(1)]).unwrap();
            assert_eq!(events, [(102, OK, 2, 0, 0)], "output is always ready");
            let events = poll(&guest, &[Clock(1, u64::MAX, 0), Read(0)]).unwrap();
            assert_eq!(events, [(101, OK, 1, 4, 0)]);
        });
        drop(write);
        guest.read(0, 10).unwrap();
        assert_eq!(poll(&guest, &[Read(0)]).unwrap().len(), 1, "the end is ready");
    });
}

#[test]
fn sleeping_and_polling_end_when_the_guest_is_interrupted() {
    let pipe = MemoryPipe::new(1);
    let config = WasiConfig::new().with_sys_nanosleep().with_stdin(Stdio::pipe(&pipe));
    for wanted in [&[Clock(1, u64::MAX, 0)][..], &[Read(0)], &[Read(0), Clock(0, 1 << 50, 0)]] {
        let guest = Guest::new(&config);
        within(Duration::from_secs(2), || {
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    std::thread::sleep(Duration::from_millis(10));
                    guest.interrupt(5);
                });
                assert_eq!(try_poll(&guest, wanted).unwrap_err().exit_code(), Some(5));
            });
        });
        assert_eq!(try_poll(&guest, wanted).unwrap_err().exit_code(), Some(5), "and does not begin again");
        assert!(guest.wakes.lock().unwrap().is_empty());
    }
}

#[cfg(target_os = "linux")]
mod terminals {
    use std::fs::File;
    use std::io::Write as _;

    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    use super::*;

    /// A terminal: the side of the person and that of the program.
    fn terminal() -> (File, File) {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&person).unwrap();
        unlockpt(&person).unwrap();
        let name = ptsname(&person, Vec::new()).unwrap().into_string().unwrap();
        let program = File::options().read(true).write(true).open(name).unwrap();
        (File::from(person), program)
    }

    #[test]
    fn terminals_are_recognized_read_by_line_and_written() {
        let (mut person, program) = terminal();
        let stream = |file: &File| Stdio::file(file.try_clone().unwrap());
        let config = WasiConfig::new().with_stdin(stream(&program)).with_stdout(stream(&program));
        let guest = Guest::new(&config);
        for fd in [0, 1] {
            // A C library calls it a terminal: a character device without positions.
            let (file_type, _, base, _) = guest.fdstat(fd).unwrap();
            assert_eq!((file_type, base & (1 << 2 | 1 << 5)), (2, 0));
            assert_eq!(guest.seek(fd, 0, 1), Err(Errno::IllegalSeek));
        }
        guest.call("fd_fdstat_set_flags", &[0, NONBLOCK.into()]).unwrap();
        assert_eq!(guest.read(0, 10), Err(Errno::Again));
        assert_eq!(poll(&guest, &[Clock(1, 1_000_000, 0), Read(0)]).unwrap().len(), 1);
        guest.call("fd_fdstat_set_flags", &[0, 0]).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(10));
                person.write_all(b"line\nmore").unwrap();
            });
            assert_eq!(guest.read(0, 10).unwrap(), b"line\n");
        });
        // The rest is no line yet.
        assert_eq!(guest.write(1, b"answer"), Ok(6));
        let events = poll(&guest, &[Read(0), Write(1)]).unwrap();
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!((events[0].0, events[0].1), (101, OK));
    }

    /// A terminal, a pipe of the host, one in memory, a listener and a clock: whichever comes first.
    #[test]
    fn everything_is_waited_for_at_once() {
        let (mut person, program) = terminal();
        let (out_read, out_write) = rustix::pipe::pipe().unwrap();
        let memory = MemoryPipe::new(10);
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let config = WasiConfig::new()
            .with_sys_nanosleep()
            .with_sys_nanotime()
            .with_stdin(Stdio::file(program))
            .with_stdout(Stdio::file(out_write.into()))
            .with_stderr(Stdio::pipe(&memory))
            .with_tcp_listener(listener);
        let guest = Guest::new(&config);
        guest.call("fd_fdstat_set_flags", &[1, NONBLOCK.into()]).unwrap();
        while guest.write(1, &[0; 0x1000]).is_ok() {}
        assert_eq!(guest.write(2, &[7; 10]), Ok(10));
        const HOUR: u64 = 3_600_000_000_000;
        let wanted = |clock| [Read(0), Write(1), Write(2), Read(3), Clock(1, clock, 0)];
        let first = |events: FsResult<Events>| {
            let events = events.unwrap();
            assert!(events.iter().all(|event| event.1 == OK), "{events:?}");
            events.iter().map(|event| event.0 - 100).collect::<Vec<_>>()
        };
        assert_eq!(first(poll(&guest, &wanted(1_000_000))), [4]);
        let later = |action: &mut (dyn FnMut() + Send)| {
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    std::thread::sleep(Duration::from_millis(10));
                    action();
                });
                first(poll(&guest, &wanted(HOUR)))
            })
        };
        assert_eq!(later(&mut || person.write_all(b"x\n").unwrap()), [0]);
        assert_eq!(guest.read(0, 10).unwrap(), b"x\n");
        let mut drained = [0; 1 << 17];
        assert_eq!(later(&mut || drop(rustix::io::read(&out_read, &mut drained).unwrap())), [1]);
        while guest.write(1, &[0; 0x1000]).is_ok() {}
        assert_eq!(
            later(&mut || assert_eq!(std::io::Read::read(&mut &memory, &mut [0; 4]).unwrap(), 4)),
            [2]
        );
        assert_eq!(guest.write(2, &[7; 4]), Ok(4));
        let mut client = None;
        assert_eq!(later(&mut || client = Some(std::net::TcpStream::connect(address).unwrap())), [3]);
    }

    #[test]
    fn the_other_side_going_away_is_a_hang_up() {
        let (read, write) = rustix::pipe::pipe().unwrap();
        let guest = Guest::new(&WasiConfig::new().with_stdin(Stdio::file(read.into())));
        rustix::io::write(&write, b"last").unwrap();
        assert_eq!(poll(&guest, &[Read(0)]).unwrap(), [(100, OK, 1, 4, 0)]);
        drop(write);
        assert_eq!(poll(&guest, &[Read(0)]).unwrap(), [(100, OK, 1, 4, 1)]);
    }
}
