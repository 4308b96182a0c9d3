//! Listeners that the embedder opened, and their connections.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use super::*;

fn listening() -> (Guest, std::net::SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let config = WasiConfig::new().with_tcp_listener(listener).with_mount(crate::fs::MemoryFs::new(), "/");
    (Guest::new(&config), address)
}

fn accept(guest: &Guest, flags: u64) -> FsResult<u32> {
    guest.call("sock_accept", &[4, flags, RESULT.into()])?;
    Ok(guest.u32_at(RESULT))
}

fn receive(guest: &Guest, fd: u32, len: u32, flags: u64) -> FsResult<Vec<u8>> {
    guest.iovec(DATA, len);
    guest.memory.write_u16(RESULT + 8, 0xffff).unwrap();
    guest.call("sock_recv", &[fd.into(), 0, 1, flags, RESULT.into(), (RESULT + 8).into()])?;
    assert_eq!(guest.memory.read_u16(RESULT + 8), Some(0));
    Ok(guest.bytes(DATA, guest.u32_at(RESULT)))
}

fn send(guest: &Guest, fd: u32, bytes: &[u8], flags: u64) -> FsResult<u32> {
    guest.put(DATA, bytes);
    guest.iovec(DATA, bytes.len() as u32);
    guest.call("sock_send", &[fd.into(), 0, 1, flags, RESULT.into()])?;
    Ok(guest.u32_at(RESULT))
}

#[test]
fn connections_are_accepted_read_and_written() {
    let (guest, address) = listening();
    assert_eq!(guest.fdstat(4).unwrap().0, 6);
    assert_eq!(guest.call("fd_prestat_get", &[4, RESULT.into()]), Err(Errno::BadDescriptor));
    let mut client = TcpStream::connect(address).unwrap();
    let socket = accept(&guest, NONBLOCK.into()).unwrap();
    assert_eq!(guest.fdstat(socket).unwrap().1, NONBLOCK);
    assert_eq!(receive(&guest, socket, 10, 0), Err(Errno::Again));
    guest.call("fd_fdstat_set_flags", &[socket.into(), 0]).unwrap();
    client.write_all(b"hello").unwrap();
    assert_eq!(receive(&guest, socket, 3, 1).unwrap(), b"hel", "peeked");
    assert_eq!(receive(&guest, socket, 3, 0).unwrap(), b"hel");
    assert_eq!(guest.read(socket, 10).unwrap(), b"lo");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for part in [b"ab", b"cd", b"ef"] {
                std::thread::sleep(Duration::from_millis(5));
                (&client).write_all(part).unwrap();
            }
        });
        assert_eq!(receive(&guest, socket, 6, 2).unwrap(), b"abcdef", "all that was asked for");
    });
    assert_eq!(send(&guest, socket, b"abc", 0), Ok(3));
    assert_eq!(guest.write(socket, b"def"), Ok(3));
    let mut bytes = [0; 6];
    client.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"abcdef");
    assert_eq!(receive(&guest, socket, 1, 4), Err(Errno::NotSupported));
    assert_eq!(send(&guest, socket, b"x", 1), Err(Errno::NotSupported));
    assert_eq!(guest.seek(socket, 0, 1), Err(Errno::IllegalSeek));
    assert_eq!(guest.pread(socket, 1, 0), Err(Errno::IllegalSeek));
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(receive(&guest, socket, 10, 2).unwrap(), b"");
    for how in [0, 4, 255] {
        assert_eq!(guest.call("sock_shutdown", &[socket.into(), how]), Err(Errno::Invalid));
    }
    guest.call("sock_shutdown", &[socket.into(), 2]).unwrap();
    assert_eq!(send(&guest, socket, b"x", 0), Err(Errno::Pipe));
    assert_eq!(client.read(&mut bytes).unwrap(), 0);
    guest.close(socket).unwrap();
}

#[test]
fn only_sockets_are_sockets() {
    let (guest, address) = listening();
    let file = guest.open(3, "file", CREAT).unwrap();
    for fd in [0, 1, 2, 3, file] {
        let fd64 = u64::from(fd);
        assert_eq!(guest.call("sock_shutdown", &[fd64, 1]), Err(Errno::NotSocket));
        assert_eq!(guest.call("sock_accept", &[fd64, 0, RESULT.into()]), Err(Errno::NotSocket));
        assert_eq!(receive(&guest, fd, 1, 0), Err(Errno::NotSocket));
        assert_eq!(send(&guest, fd, b"x", 0), Err(Errno::NotSocket));
    }
    assert_eq!(accept(&guest, 1), Err(Errno::Invalid));
    assert_eq!(guest.call("sock_shutdown", &[4, 1]), Err(Errno::NotConnected));
    assert_eq!(receive(&guest, 4, 1, 1), Err(Errno::NotConnected));
    guest.call("fd_fdstat_set_flags", &[4, NONBLOCK.into()]).unwrap();
    assert_eq!(accept(&guest, 0), Err(Errno::Again));
    let _client = TcpStream::connect(address).unwrap();
    let socket = accept(&guest, 0).unwrap();
    assert_eq!(guest.call("sock_accept", &[socket.into(), 0, RESULT.into()]), Err(Errno::Invalid));
}

#[test]
fn listeners_and_connections_are_polled_and_interrupted() {
    let (guest, address) = listening();
    within(Duration::from_secs(5), || {
        std::thread::scope(|scope| {
            let client = scope.spawn(move || {
                std::thread::sleep(Duration::from_millis(10));
                TcpStream::connect(address).unwrap()
            });
            let socket = accept(&guest, 0).unwrap();
            let client = client.join().unwrap();
            let sent = scope.spawn(move || {
                std::thread::sleep(Duration::from_millis(10));
                (&client).write_all(b"abc").unwrap();
                client
            });
            let mut subscription = [0_u8; 48];
            subscription[8] = 1;
            subscription[16] = socket as u8;
            guest.put(PATH, &subscription);
            guest.call("poll_oneoff", &[PATH.into(), DATA.into(), 1, RESULT.into()]).unwrap();
            assert_eq!(guest.u64_at(DATA + 16), 3);
            let _client = sent.join().unwrap();
            guest.read(socket, 10).unwrap();
            for blocked in [&["sock_accept"][..], &["sock_recv"]] {
                scope.spawn(|| {
                    std::thread::sleep(Duration::from_millis(10));
                    guest.interrupt(1);
                });
                let result = match blocked[0] {
                    "sock_accept" => guest.try_call("sock_accept", &[4, 0, RESULT.into()]),
                    _ => {
                        guest.iovec(DATA, 1);
                        guest.try_call("sock_recv", &[socket.into(), 0, 1, 0, RESULT.into(), RESULT.into()])
                    }
                };
                assert_eq!(result.unwrap_err().exit_code(), Some(1));
                *guest.interruption.lock().unwrap() = None;
            }
        });
    });
}
