//! The examples print what they say.

#[path = "../examples/block_counts.rs"]
mod block_counts;
#[path = "../examples/call_counter.rs"]
mod call_counter;
#[path = "../examples/close_notifier.rs"]
mod close_notifier;
#[path = "../examples/host_function.rs"]
mod host_function;
#[path = "../examples/listener.rs"]
mod listener;
#[path = "../examples/stack_iterator.rs"]
mod stack_iterator;
#[path = "../examples/timing.rs"]
mod timing;
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
    check(close_notifier::run, "");
    check(
        stack_iterator::run,
        "function: fn0\n\tprogram counter: 5890831\n\tsource offset: 1234\n\
         function: fn1\n\tprogram counter: 5899822\n\tsource offset: 7286\n\
         function: fn2\n\tprogram counter: 6820312\n\tsource offset: 935891\n",
    );
    check(timing::run, "inner: 2 measured\nouter: 1 measured\n");
    check(call_counter::run, "is_small: 177\nfib: 177\n");
    let counts = "5 of 5 blocks were entered, 10 times\n           4 gcd+0x9\n           3 gcd+0xe\n           \
                  1 gcd+0x5\n           1 gcd+0x21\n           1 run+0x26\n";
    check(|out| block_counts::run(Vec::new(), out), counts);
    check(|out| block_counts::run(vec!["--interpreter".to_owned()], out), counts);
}
