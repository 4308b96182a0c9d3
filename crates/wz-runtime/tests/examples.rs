//! The examples print what they say.

#[path = "../examples/close_notifier.rs"]
mod close_notifier;
#[path = "../examples/host_function.rs"]
mod host_function;
#[path = "../examples/listener.rs"]
mod listener;
#[path = "../examples/wasi.rs"]
mod wasi;

#[track_caller]
fn check(run: impl FnOnce(&mut Vec<u8>) -> Result<(), Box<dyn std::error::Error>>, expected: &str) {
    let mut out = Vec::new();
    run(&mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn examples() {
    check(host_function::run, "Hello, WebAssembly!\n");
    check(wasi::run, "it exited with 3\nit wrote \"some input\"\n");
    check(listener::run, "wasi_snapshot_preview1.fd_write\nwasi_snapshot_preview1.random_get\n");
    check(close_notifier::run, "closed with 2\n");
}
