//! Sockets, and large amounts through standard streams.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use wz::wasi::{MemoryPipe, Stdio};
use wz_testkit::engines::for_each_engine;

use crate::support::run;

#[test]
fn sockets_are_accepted_read_written_and_shut_down() {
    for_each_engine(|engine| {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let client = std::thread::spawn(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"abc").unwrap();
            let mut answer = String::new();
            // The other side shuts its writing down.
            stream.read_to_string(&mut answer).unwrap();
            stream.write_all(b"xyz").unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            answer
        });
        run(engine, "wasi-tests/sockets.wasm", &[], |config| config.with_tcp_listener(listener)).is_fine();
        assert_eq!(client.join().unwrap(), "bcd");
    });
}

/// A megabyte in pieces of odd sizes through pipes that hold much less.
#[test]
fn what_goes_in_comes_out() {
    for_each_engine(|engine| {
        let (input, output) = (MemoryPipe::new(5000), MemoryPipe::new(3000));
        let bytes: Vec<u8> = (0..1_000_000_u32).map(|at| (at ^ at >> 7) as u8).collect();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut rest = &bytes[..];
                for len in (1..).step_by(977) {
                    let (now, later) = rest.split_at(rest.len().min(len));
                    (&input).write_all(now).unwrap();
                    rest = later;
                    if rest.is_empty() {
                        break;
                    }
                }
                input.close();
            });
            let reader = scope.spawn(|| {
                let mut all = Vec::new();
                (&output).read_to_end(&mut all).unwrap();
                all
            });
            let ended = run(engine, "wasi-tests/cat.wasm", &[], |config| {
                config.with_stdin(Stdio::pipe(&input)).with_stdout(Stdio::pipe(&output))
            });
            output.close();
            ended.is_fine();
            assert!(reader.join().unwrap() == bytes, "the bytes differ");
        });
    });
}
