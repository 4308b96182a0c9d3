//! `--timeout` ends a program that waits for something, wherever it waits, on every engine.
#![cfg(unix)]

mod support;

use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use support::{Dir, Run, engines};

/// How much later than the time limit a program may end on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

fn program(imports: &str, code: &str) -> String {
    format!(
        r#"(module {imports}
          (memory (export "memory") 1)
          (data (i32.const 0) "\00\04\00\00\00\10\00\00")
          (func (export "_start") {code}))"#
    )
}

const POLL: &str =
    r#"(import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))"#;

/// Runs with a standard input and output that are open and never used, and a time limit.
fn check(dir: &Dir, line: &str, notes: usize) {
    for engine in engines() {
        let line = format!("--engine {engine} --timeout 200ms {line}");
        let mut command = dir.command(&line);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let start = Instant::now();
        let mut child = command.spawn().unwrap();
        let (input, mut output) = (child.stdin.take(), child.stdout.take().unwrap());
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        let status = child.wait().unwrap().code();
        let elapsed = start.elapsed();
        drop(input);
        let mut bytes = Vec::new();
        output.read_to_end(&mut bytes).unwrap();
        let said: Vec<_> = err.lines().skip(notes).collect();
        assert_eq!((status, &*said), (Some(124), &["error: timed out after 200ms"][..]), "{line}: {err}");
        assert!(elapsed >= Duration::from_millis(200) && elapsed < PATIENCE, "{line}: {elapsed:?}");
    }
}

#[test]
fn sleeping() {
    let code = "(i64.store (i32.const 24) (i64.const 600000000000))
        (drop (call $poll (i32.const 0) (i32.const 256) (i32.const 1) (i32.const 512)))";
    let code = format!("(i64.store (i32.const 0) (i64.const 0)) {code}");
    check(&Dir::new().file("a.wat", program(POLL, &code)), "a.wat", 0);
}

#[test]
fn polling_standard_input() {
    let code = "(i32.store8 (i32.const 8) (i32.const 1))
        (drop (call $poll (i32.const 0) (i32.const 256) (i32.const 1) (i32.const 512)))";
    let code = format!("(i64.store (i32.const 0) (i64.const 0)) {code}");
    check(&Dir::new().file("a.wat", program(POLL, &code)), "a.wat", 0);
}

#[test]
fn reading_a_pipe() {
    let import =
        r#"(import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))"#;
    let code = "(drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))";
    check(&Dir::new().file("a.wat", program(import, code)), "a.wat", 0);
}

#[test]
fn writing_to_a_full_pipe() {
    let import =
        r#"(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))"#;
    let code = "(loop $again
        (br_if $again (i32.eqz (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))";
    check(&Dir::new().file("a.wat", program(import, code)), "a.wat", 0);
}

#[test]
fn reading_a_named_pipe_in_a_mount() {
    let import = r#"(import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "path_open"
          (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (data (i32.const 32) "fifo")"#;
    let code = "(if (call $open (i32.const 3) (i32.const 0) (i32.const 32) (i32.const 4) (i32.const 0)
            (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 40)) (then (unreachable)))
        (drop (call $read (i32.load (i32.const 40)) (i32.const 0) (i32.const 1) (i32.const 16)))";
    let dir = Dir::new().file("a.wat", program(import, code)).file("data/x", "");
    let made = std::process::Command::new("mkfifo").arg(dir.path().join("data/fifo")).status();
    assert!(made.unwrap().success());
    check(&dir, "--dir data a.wat", 0);
}

#[test]
fn accepting_and_receiving() {
    let import =
        r#"(import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))"#;
    let code = "(drop (call $accept (i32.const 3) (i32.const 0) (i32.const 32)))";
    let dir = Dir::new().file("a.wat", program(import, code));
    check(&dir, "--listen 127.0.0.1:0 a.wat", 1);
}

/// The call ends when its time is up also if it is a function that was asked for.
#[test]
fn functions_that_are_invoked() {
    let code = "(i64.store (i32.const 24) (i64.const 600000000000)) (i64.store (i32.const 0) (i64.const 0))
        (drop (call $poll (i32.const 0) (i32.const 256) (i32.const 1) (i32.const 512)))";
    check(&Dir::new().file("a.wat", program(POLL, code).replace("_start", "go")), "--invoke go a.wat", 0);
}

/// A pipe that others share keeps its mode: `cat` reads on after a program that shared its input.
#[test]
fn others_that_share_a_pipe_notice_nothing() {
    let import =
        r#"(import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))"#;
    let code = "(i32.store (i32.const 4) (i32.const 1))
        (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))";
    let dir = Dir::new().file("a.wat", program(import, code));
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "\"$1\" a.wat && cat", "sh", env!("CARGO_BIN_EXE_wz")]).current_dir(dir.path());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"1").unwrap();
    // `cat` finds nothing for a while: in non-blocking mode it would end with an error.
    std::thread::sleep(Duration::from_millis(500));
    input.write_all(b"23").unwrap();
    drop(input);
    Run::of("a.wat && cat", child.wait_with_output().unwrap()).is(0, "23", "");
}
