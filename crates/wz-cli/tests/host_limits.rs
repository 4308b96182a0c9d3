//! `wz` where the host gives little: no memory, no descriptors, streams that are closed. What does
//! not fit is an error that says so, never an abort, and nothing gets lost.
#![cfg(target_os = "linux")]

mod support;

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Stdio;

use support::{Dir, Run, engines};

const EMPTY: &str = r#"(module (func (export "f")))"#;

/// Prints `out` and then `err` on the two streams; ends with the first error number.
const SPEAK: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\40\00\00\00\03\00\00\00")
  (data (i32.const 64) "outerr")
  (func $say (param $fd i32) (local $errno i32)
    (local.set $errno (call $write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 16)))
    (if (local.get $errno) (then (call $exit (local.get $errno)))))
  (func (export "_start")
    (call $say (i32.const 1))
    (i32.store (i32.const 0) (i32.const 67))
    (call $say (i32.const 2))))"#;

/// Reads standard input until it ends; ends with the first error number.
const DRAIN: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\40\00\00\00\00\10\00\00")
  (func (export "_start") (local $errno i32)
    (loop $next
      (local.set $errno (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))
      (if (local.get $errno) (then (call $exit (local.get $errno))))
      (br_if $next (i32.load (i32.const 16))))))"#;

fn after(dir: &Dir, shell: &str, line: &str) -> Run {
    Run::of(line, dir.command_after(shell, line).output().unwrap())
}

#[test]
fn a_guest_stack_that_does_not_fit_is_an_error() {
    let dir = Dir::new().file("f.wat", EMPTY);
    after(&dir, "ulimit -v 700000", "--engine interpreter --max-stack 1GiB --invoke f f.wat")
        .fails(1, &["no memory for a guest stack of 1073741824 bytes"]);
}

#[test]
fn little_address_space_is_enough_or_an_error() {
    let dir = Dir::new()
        .file(
            "speak.wat",
            SPEAK.replace("(memory (export \"memory\") 1)", "(memory (export \"memory\") 257)"),
        )
        .file("large.wat", "(module (memory 16384))");
    for engine in engines() {
        after(&dir, "ulimit -v 400000", &format!("--engine {engine} speak.wat")).is(0, "out", "err");
        after(&dir, "ulimit -v 400000", &format!("--engine {engine} large.wat")).fails(
            1,
            &["error: large.wat: ", "Cannot allocate memory", "hint: the process may not use so much"],
        );
    }
}

fn program(name: &str) -> String {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/programs/wasi-tests");
    programs.join(name).to_str().unwrap().to_owned()
}

/// Sizes, counts and lengths that no guest can mean are refused before anything is allocated.
#[test]
fn malformed_arguments_take_no_memory() {
    let dir = Dir::new().file("data/f", "content\n");
    for engine in engines() {
        let line = format!("--engine {engine} --env A=1 --dir data::/ {}", program("malformed.wasm"));
        let run = after(&dir, "ulimit -v 400000", &line);
        assert_eq!((run.status, &*run.err), (Some(0), ""), "{line}: {}", run.out);
        let (checks, rest) = run.out.split_once(' ').unwrap();
        assert_eq!(rest, "checks, 0 failures\n");
        assert!(checks.parse::<u32>().unwrap() > 400, "{checks}");
    }
}

/// More goes through a program than it may have memory.
#[test]
fn large_input_and_output_take_no_memory() {
    const CHUNKS: usize = 1024;
    let chunk: Vec<u8> = (0..1_u32 << 20).map(|at| (at ^ at >> 9) as u8).collect();
    let dir = Dir::new();
    for engine in engines() {
        let line = format!("--engine {engine} {}", program("cat.wasm"));
        let mut command = dir.command_after("ulimit -v 400000", &line);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                (0..CHUNKS).for_each(|_| input.write_all(&chunk).unwrap());
                drop(input);
            });
            let mut back = vec![0; chunk.len()];
            for number in 0..CHUNKS {
                output.read_exact(&mut back).unwrap();
                assert!(back == chunk, "{line}: megabyte {number} differs");
            }
            assert_eq!(output.read(&mut back).unwrap(), 0);
        });
        assert_eq!(child.wait().unwrap().code(), Some(0), "{line}");
    }
}

/// With some numbers of descriptors the streams cannot be opened: that is said, and no output is
/// lost in silence.
#[test]
fn too_few_descriptors_are_an_error() {
    let dir = Dir::new().file("speak.wat", SPEAK);
    for engine in engines() {
        let (mut refused, mut unmounted) = (0, 0);
        for count in 4..24 {
            let limit = format!("ulimit -n {count}");
            let line = format!("--engine {engine} speak.wat");
            let run = after(&dir, &limit, &line);
            match run.status {
                Some(0) => run.is(0, "out", "err"),
                // The loader of the process itself.
                Some(127) => {}
                _ => {
                    run.fails(1, &["error: ", "Too many open files"]);
                    refused += usize::from(run.err.contains("error: speak.wat: opening standard "));
                }
            }
            let run = after(&dir, &limit, &format!("--dir . {line}"));
            unmounted +=
                usize::from(run.err.contains("error: speak.wat: mounting . at .: Too many open files"));
        }
        assert!(refused > 0 && unmounted > 0, "{refused} {unmounted}");
        after(&dir, "ulimit -n 24", &format!("--dir . --engine {engine} speak.wat")).is(0, "out", "err");
    }
}

/// What the host refuses a running program has the host's reason.
#[test]
fn a_program_that_opens_too_much_is_told() {
    let open = r#"(module
      (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1)
      (data (i32.const 0) "f")
      (func (export "_start") (local $errno i32)
        (loop $again
          (local.set $errno (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0)
            (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 8)))
          (br_if $again (i32.eqz (local.get $errno))))
        ;; The number that could not be opened next, and why not.
        (call $exit (i32.add (i32.mul (i32.gt_u (i32.load (i32.const 8)) (i32.const 1000)) (i32.const 100))
          (local.get $errno)))))"#;
    let dir = Dir::new().file("open.wat", open).file("data/f", "");
    for engine in engines() {
        let line = format!("--engine {engine} --dir data open.wat");
        // EMFILE of the host, and of the instance.
        after(&dir, "ulimit -n 40", &line).is(33, "", "");
        after(&dir, "ulimit -n 2000", &line).is(133, "", "");
    }
}

#[test]
fn streams_may_be_closed() {
    let dir = Dir::new().file("speak.wat", SPEAK).file("drain.wat", DRAIN);
    for engine in engines() {
        let speak = format!("--engine {engine} speak.wat");
        after(&dir, "exec >&-", &speak).is(0, "", "err");
        after(&dir, "exec 2>&-", &speak).is(0, "out", "");
        after(&dir, "exec <&- >&- 2>&-", &speak).is(0, "", "");
        after(&dir, "exec <&-", &format!("--engine {engine} drain.wat")).is(0, "", "");
    }
    after(&dir, "exec <&-", "-").fails(1, &["error: - is empty"]);
    after(&dir, "exec >&- 2>&-", "gone.wasm").is(1, "", "");
}

/// As in `wz … | head -1`: the program is told, with the number for a broken pipe.
#[test]
fn readers_that_are_gone_are_the_programs_business() {
    let dir = Dir::new().file("speak.wat", SPEAK);
    for engine in engines() {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let line = format!("--engine {engine} speak.wat");
        let mut command = dir.command(&line);
        let child = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        Run::of(&line, child.wait_with_output().unwrap()).is(64, "", "");
    }
}

#[test]
fn a_full_disk_is_the_programs_business() {
    let dir = Dir::new().file("speak.wat", SPEAK);
    for engine in engines() {
        let line = format!("--engine {engine} speak.wat");
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = dir.command(&line).stdout(full).output().unwrap();
        // ENOSPC
        Run::of(&line, output).is(51, "", "");
    }
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    for line in ["version", "inspect speak.wat", "completions bash"] {
        let output = dir.command(line).stdout(full()).output().unwrap();
        Run::of(line, output).fails(1, &["error: cannot write to standard output: No space left"]);
    }
}
