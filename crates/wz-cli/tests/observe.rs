//! What shows how a program runs: `--hostlogging`, `wz trace`, `--coredump`.

mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use serde_json::{Value, json};
use support::{Dir, Run, engines};
use wasmparser::{CoreDumpInstancesSection, CoreDumpStackSection, KnownCustom, Operator, Parser, Payload};

/// Reads the time, opens `f`, which is not there, writes to descriptor 7 and to the console, ends
/// with 3.
const CALLS: &str = r#"(module $app
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "f\1b[")
  (data (i32.const 16) "\40\00\00\00\01\00\00\00")
  (func $helper
    (drop (call $clock (i32.const 9) (i64.const 5) (i32.const 0)))
    (drop (call $open (i32.const 3) (i32.const 1) (i32.const 64) (i32.const 3) (i32.const 9)
      (i64.const 66) (i64.const 0) (i32.const 4) (i32.const 0))))
  (func $main (export "_start")
    (call $helper)
    (drop (call $write (i32.const 7) (i32.const 16) (i32.const 1) (i32.const 0)))
    (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 0)))
    (drop (call $random (i32.const 128) (i32.const 0)))
    (call $exit (i32.const 3))))"#;

const CLOCK: &str =
    "==> wasi_snapshot_preview1.clock_time_get(id=9,precision=5)\n<== (timestamp=,errno=EINVAL)\n";
const OPEN: &str = "==> wasi_snapshot_preview1.path_open(fd=3,dirflags=SYMLINK_FOLLOW,path=f\\u{1b}[,\
    oflags=CREAT|TRUNC,fs_rights_base=FD_READ|FD_WRITE,fs_rights_inheriting=,fdflags=NONBLOCK)\n\
    <== (opened_fd=,errno=EBADF)\n";
const WRITE: &str =
    "==> wasi_snapshot_preview1.fd_write(fd=7,iovs=16,iovs_len=1)\n<== (nwritten=,errno=EBADF)\n";
const RANDOM: &str = "==> wasi_snapshot_preview1.random_get(buf=128,buf_len=0)\n<== errno=ESUCCESS\n";
const EXIT: &str = "==> wasi_snapshot_preview1.proc_exit(rval=3)\n";

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("\t{line}\n")).collect()
}

#[test]
fn host_calls_are_logged_by_scope() {
    let dir = Dir::new().file("calls.wat", CALLS);
    dir.run("calls.wat").is(3, "f", "");
    dir.run("--hostlogging clock calls.wat").is(3, "f", CLOCK);
    dir.run("run --hostlogging filesystem calls.wat").is(3, "f", &[OPEN, WRITE].concat());
    dir.run("--hostlogging random,proc calls.wat").is(3, "f", &[RANDOM, EXIT].concat());
    dir.run("--hostlogging random --hostlogging clock calls.wat").is(3, "f", &[CLOCK, RANDOM].concat());
    dir.run("--hostlogging memory,poll,sock calls.wat").is(3, "f", "");
    // Functions that the host calls are at the boundary too; the others are not.
    let all = indented(&[CLOCK, OPEN, WRITE, RANDOM, EXIT].concat());
    dir.run("--hostlogging all calls.wat").is(3, "f", &format!("--> app.main()\n{all}"));
    let unstable = CALLS.replace("wasi_snapshot_preview1", "wasi_unstable");
    let dir = dir.file("unstable.wat", unstable);
    dir.run("--hostlogging clock unstable.wat").is(
        3,
        "f",
        &CLOCK.replace("wasi_snapshot_preview1", "wasi_unstable"),
    );
    dir.run("--hostlogging files calls.wat").fails(
        2,
        &["\"files\" is not a log scope: there are all, clock, filesystem, memory, proc, poll, random, sock"],
    );
}

/// What WASI leaves in memory is logged by what it means.
#[test]
fn what_was_written_is_logged() {
    let source = r#"(module
      (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_prestat_dir_name" (func $name (param i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $stat (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "path_filestat_get" (func $file (param i32 i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 200) "f")
      (func (export "_start")
        (drop (call $prestat (i32.const 3) (i32.const 0)))
        (drop (call $name (i32.const 3) (i32.const 0) (i32.const 4)))
        (drop (call $stat (i32.const 2) (i32.const 0)))
        (drop (call $file (i32.const 3) (i32.const 0) (i32.const 200) (i32.const 1) (i32.const 0)))
        (drop (call $file (i32.const 3) (i32.const 0) (i32.const -1) (i32.const 9) (i32.const 0)))
        (drop (call $sizes (i32.const 0) (i32.const 4)))))"#;
    let dir = Dir::new().file("a.wat", source).file("data/f", "12345");
    let run = dir.run("--hostlogging filesystem,proc --dir data a.wat");
    let err = run.err.replace("wasi_snapshot_preview1.", "");
    for part in [
        "==> fd_prestat_get(fd=3)\n<== (prestat={pr_name_len=4},errno=ESUCCESS)\n",
        "==> fd_prestat_dir_name(fd=3)\n<== (path=data,errno=ESUCCESS)\n",
        "==> fd_fdstat_get(fd=2)\n<== (stat={filetype=",
        ",fs_rights_inheriting=},errno=ESUCCESS)\n",
        "==> path_filestat_get(fd=3,flags=,path=f)\n<== (filestat={filetype=REGULAR_FILE,size=5,mtim=",
        "==> path_filestat_get(fd=3,flags=,path=OOM)\n<== (filestat=,errno=EFAULT)\n",
        "==> args_sizes_get()\n<== (argc=1,argv_len=6,errno=ESUCCESS)\n",
    ] {
        assert!(err.contains(part), "{part:?} is not in:\n{err}");
    }
    assert_eq!((run.status, &*run.out), (Some(0), ""));
}

const TREE: &str = r#"(module $tree
  (type $binary (func (param i32 i32) (result i32)))
  (table funcref (elem $sum))
  (func $sum (param $a i32) (param $b i32) (result i32) (i32.add (local.get $a) (local.get $b)))
  (func (export "many") (param i64 f32 v128 externref) (result i64 f64) (i64.const -1) (f64.const 0.5))
  (func $twice (export "twice") (param $x i32) (result i32)
    (call $sum (local.get $x) (call $sum (local.get $x) (i32.const 0))))
  (func $tail (export "tail") (result i32)
    (return_call_indirect (type $binary) (i32.const 1) (i32.const 2) (i32.const 0)))
  (func $divide (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func (export "zero") (result i32) (call $divide (i32.const 1) (i32.const 0))))"#;

#[test]
fn traces_are_indented() {
    let dir = Dir::new().file("tree.wat", TREE).file("calls.wat", CALLS);
    dir.run("trace --invoke twice tree.wat 4").is(
        0,
        "8\n",
        "--> tree.twice(x: i32 = 4)\n  \
           --> tree.sum(a: i32 = 4, b: i32 = 0)\n  \
           <-- i32 4\n  \
           --> tree.sum(a: i32 = 4, b: i32 = 4)\n  \
           <-- i32 8\n\
         <-- i32 8\n",
    );
    let many = format!("trace --invoke many tree.wat -7 1.5 {} null", u128::MAX);
    dir.run(&many).is(
        0,
        "-1\n0.5\n",
        "--> tree.$1(i64 -7, f32 1.5, v128 0xffffffffffffffffffffffffffffffff, externref null)\n\
         <-- (i64 -1, f64 0.5)\n",
    );
    dir.run("trace --invoke tail tree.wat").is(
        0,
        "3\n",
        "--> tree.tail()\n<-- tail call\n--> tree.sum(a: i32 = 1, b: i32 = 2)\n<-- i32 3\n",
    );
    let run = dir.run("trace --invoke zero tree.wat");
    let log = "--> tree.$5()\n  --> tree.divide(i32 1, i32 0)\n  \
         <-x wasm error: integer divide by zero\n<-x wasm error: integer divide by zero\n";
    run.fails(134, &["error: wasm error: integer divide by zero\nwasm stack trace:\n\ttree.divide"]);
    assert!(run.err.starts_with(log), "{}", run.err);

    let run = dir.run("trace calls.wat");
    assert_eq!((run.status, &*run.out), (Some(3), "f"));
    let err = run.err.replace("wasi_snapshot_preview1.", "");
    for part in [
        "--> app.main()\n  --> app.helper()\n    ==> clock_time_get(id=9, precision=5)\n    \
         <== (timestamp=, errno=EINVAL)\n",
        "path=f\\u{1b}[, ",
        "    <== (opened_fd=, errno=EBADF)\n  <--\n  ==> fd_write(fd=7, iovs=16, iovs_len=1)\n",
        "  ==> fd_write(fd=1, iovs=16, iovs_len=1)\n",
        "  ==> proc_exit(rval=3)\n  <=x module closed with exit_code(3)\n<-x module closed with exit_code(3)\n",
    ] {
        assert!(err.contains(part), "{part:?} is not in:\n{err}");
    }
}

#[test]
fn traces_are_filtered() {
    let dir = Dir::new().file("tree.wat", TREE).file("calls.wat", CALLS);
    let sums =
        "--> tree.sum(a: i32 = 4, b: i32 = 0)\n<-- i32 4\n--> tree.sum(a: i32 = 4, b: i32 = 4)\n<-- i32 8\n";
    for glob in ["sum", "tree.s*", "*.s?m", "tree.sum"] {
        dir.run(&format!("trace --functions {glob} --invoke twice tree.wat 4")).is(0, "8\n", sums);
    }
    // Functions without a name are known by their exports and index.
    for glob in ["many", "tree.$1"] {
        let run = dir.run(&format!("trace --functions {glob} --invoke many tree.wat 1 1 1 null"));
        assert_eq!(run.err.lines().count(), 2, "{}", run.err);
    }
    let run = dir.run("trace --functions sum --functions tw* --invoke twice tree.wat 4");
    assert_eq!(run.err.lines().count(), 6, "{}", run.err);
    dir.run("trace --functions nothing --invoke twice tree.wat 4").is(
        0,
        "8\n",
        "note: no function is logged: none matches --functions and --host\n",
    );
    let run = dir.run("trace --host calls.wat");
    assert!(run.err.lines().all(|line| line.starts_with("==> ") || line.starts_with("<=")), "{}", run.err);
    assert_eq!(run.err.lines().count(), 12, "{}", run.err);
    let run = dir.run("trace --host --functions *.fd_* calls.wat");
    assert_eq!(run.err.lines().count(), 4, "{}", run.err);
    // What is linked to the program is traced with it.
    let dir = dir.file(
        "main.wat",
        r#"(module $main (import "tree" "twice" (func $twice (param i32) (result i32)))
        (func $go (export "go") (result i32) (call $twice (i32.const 1))))"#,
    );
    let run = dir.run("trace --preload tree=tree.wat --invoke go main.wat");
    assert!(
        run.err.starts_with("--> main.go()\n  --> tree.twice(x: i32 = 1)\n    --> tree.sum("),
        "{}",
        run.err
    );
}

/// A log of a deep recursion does not grow with the square of its depth.
#[test]
fn deep_calls_are_not_indented_without_end() {
    let source = r#"(module $deep (func $f (export "_start") (call $f)))"#;
    let dir = Dir::new().file("deep.wat", source);
    for engine in engines() {
        let run = dir.run(&format!("trace --engine {engine} deep.wat"));
        assert_eq!((run.status, &*run.out), (Some(134), ""));
        let lines: Vec<_> = run.err.lines().collect();
        let (indent, longest) = ("  ".repeat(50), lines.iter().map(|line| line.len()).max().unwrap());
        assert!(lines.len() > 2000 && longest < 200, "{} lines, {longest} bytes", lines.len());
        assert_eq!(
            lines[49..53],
            [
                format!("{}--> deep.f()", "  ".repeat(49)),
                format!("{indent}--> deep.f()"),
                format!("{indent}51: --> deep.f()"),
                format!("{indent}52: --> deep.f()"),
            ]
        );
        assert!(lines.contains(&&*format!("{indent}51: <-x wasm error: stack overflow")));
    }
}

/// Whoever reads the log may stop doing so: the program goes on, to its own end.
#[test]
fn programs_outlive_the_readers_of_their_traces() {
    let source = r#"(module $long
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1)
      (global $left (mut i32) (i32.const 300000))
      (func $leaf)
      (func (export "_start")
        (loop $again
          (call $leaf)
          (br_if $again (global.set $left (i32.sub (global.get $left) (i32.const 1))) (global.get $left)))
        (call $exit (i32.const 5))))"#;
    let dir = Dir::new().file("long.wat", source);
    for format in ["text", "json"] {
        let mut command = dir.command(&format!("trace --format {format} long.wat"));
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        log.read_line(&mut line).unwrap();
        assert!(line.contains("long.$2"), "{line}");
        drop(log);
        assert_eq!(child.wait().unwrap().code(), Some(5));
    }
}

#[test]
fn traces_have_times() {
    let dir = Dir::new().file("tree.wat", TREE);
    let run = dir.run("trace --times --invoke twice tree.wat 4");
    for line in run.err.lines() {
        let timed = line.ends_with("s]") && line.contains(" [");
        assert_eq!(timed, line.trim_start().starts_with("<--"), "{line}");
    }
    let run = dir.run("trace --times --format json --invoke twice tree.wat 4");
    for line in run.err.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        assert_eq!(event["nanoseconds"].is_u64(), event["event"] == "return", "{line}");
    }
}

#[test]
fn traces_are_json_lines() {
    let dir = Dir::new().file("tree.wat", TREE).file("calls.wat", CALLS);
    let events = |line: &str| -> (Run, Vec<Value>) {
        let run = dir.run(line);
        let events = run.err.lines().filter(|line| line.starts_with('{'));
        let events = events.map(|line| serde_json::from_str(line).unwrap()).collect();
        (run, events)
    };
    let (run, given) = events("trace --format json --invoke twice tree.wat 4");
    assert_eq!((run.status, &*run.out), (Some(0), "8\n"));
    assert_eq!(given.len(), 6);
    assert_eq!(
        given[1],
        json!({
            "event": "call", "depth": 1, "thread": 0, "function": "tree.sum", "index": 0, "host": false,
            "params": [{"name": "a", "type": "i32", "value": "4"}, {"name": "b", "type": "i32", "value": "0"}],
        })
    );
    assert_eq!(
        given[2],
        json!({
            "event": "return", "depth": 1, "thread": 0, "function": "tree.sum", "index": 0, "host": false,
            "results": [{"type": "i32", "value": "4"}],
        })
    );
    let (_, given) = events("trace --format json --invoke tail tree.wat");
    assert_eq!(given[1]["event"], "tail_call");
    let (run, given) = events("trace --format json --functions divide --invoke zero tree.wat");
    assert_eq!(run.status, Some(134));
    assert_eq!(
        given[1],
        json!({
            "event": "abort", "depth": 0, "thread": 0, "function": "tree.divide", "index": 4, "host": false,
            "reason": "wasm error: integer divide by zero",
        })
    );
    let (_, given) = events("trace --format json --functions *.clock_* calls.wat");
    assert_eq!(
        given[0]["params"],
        json!([{"name": "id", "meaning": "9"}, {"name": "precision", "meaning": "5"}])
    );
    assert_eq!(
        given[1]["results"],
        json!([{"name": "timestamp", "meaning": ""}, {"name": "errno", "meaning": "EINVAL"}])
    );
    assert_eq!(given[1]["host"], true);
}

#[test]
fn traces_go_to_files() {
    let dir = Dir::new().file("calls.wat", CALLS);
    dir.run("trace --host --output log.txt calls.wat").is(3, "f", "");
    let log = std::fs::read_to_string(dir.path().join("log.txt")).unwrap();
    assert_eq!(log.lines().count(), 12, "{log}");
    dir.run("trace --output no/log.txt calls.wat").fails(1, &["error: cannot write to no/log.txt: "]);
    if std::path::Path::new("/dev/full").exists() {
        dir.run("trace --output /dev/full calls.wat").fails_with_output(
            1,
            "f",
            &["error: the log in /dev/full is incomplete: "],
        );
    }
    // A log that nobody reads ends nothing.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = dir.command("trace calls.wat");
    let output = command.stderr(writer).stdout(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    assert_eq!((output.status.code(), &*output.stdout), (Some(3), &b"f"[..]));
}

#[test]
fn trace_is_run_otherwise() {
    let dir = Dir::new().file("loop.wat", r#"(module (func $f (export "_start") (loop (br 0))))"#);
    dir.run("trace --timeout 100ms loop.wat").is(
        124,
        "",
        "--> .f()\n<-x module closed with context deadline exceeded\nerror: timed out after 100ms\n",
    );
    dir.run("trace").fails(2, &["Usage: wz trace [OPTIONS] FILE [ARGS]..."]);
    dir.run("trace gone.wasm").fails(1, &["error: cannot read gone.wasm"]);
    dir.run("trace --format xml loop.wat").fails(2, &["invalid value 'xml'", "text, json"]);
    dir.run("trace --hostlogging all loop.wat").fails(2, &["unexpected argument '--hostlogging'"]);
    dir.run("trace --fuel 100 --functions x loop.wat").fails(134, &["all fuel consumed"]);
    let help = dir.run("trace --help");
    assert_eq!(help.status, Some(0));
    for part in ["--functions <GLOB>", "--times", "<-x wasm error: unreachable", "Exit status:"] {
        assert!(help.out.contains(part), "{part} is not in:\n{}", help.out);
    }
    assert!(help.out.lines().all(|text| text.chars().count() <= 100), "{}", help.out);
}

const CRASH: &str = r#"(module $crash
  (memory (export "memory") 3)
  (memory 1)
  (global (export "g") (mut i32) (i32.const 7))
  (global f64 (f64.const nan:0x8000000000001))
  (global v128 (v128.const i64x2 1 2))
  (global funcref (ref.func $inner))
  (global externref (ref.null extern))
  (data (i32.const 65540) "crashed")
  (func $inner (param i32) (local i64) (i64.const 1) (drop) unreachable)
  (func (export "_start")
    (global.set 0 (i32.const -9))
    (i32.store (i32.const 196604) (i32.const 1))
    (call $inner (i32.const 1))))"#;

/// What a core dump says.
#[derive(Debug, Default)]
struct Dump {
    program: String,
    modules: Vec<String>,
    instances: Vec<(u32, Vec<u32>, Vec<u32>)>,
    thread: String,
    frames: Vec<(u32, u32, u32)>,
    memories: Vec<(u64, bool)>,
    globals: Vec<String>,
    data: Vec<(u32, i64, Vec<u8>)>,
}

fn read_dump(bytes: &[u8]) -> Dump {
    wasmparser::validate(bytes).unwrap();
    let mut dump = Dump::default();
    let constant = |expression: &wasmparser::ConstExpr<'_>| {
        expression.get_operators_reader().read().map(|operator| format!("{operator:?}")).unwrap()
    };
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.unwrap() {
            Payload::CustomSection(section) => match section.as_known() {
                KnownCustom::CoreDump(core) => dump.program = core.name.to_owned(),
                KnownCustom::CoreDumpModules(modules) => {
                    dump.modules = modules.modules.iter().map(|name| (*name).to_owned()).collect();
                }
                KnownCustom::CoreDumpInstances(CoreDumpInstancesSection { instances }) => {
                    dump.instances =
                        instances.into_iter().map(|i| (i.module_index, i.memories, i.globals)).collect();
                }
                KnownCustom::CoreDumpStack(CoreDumpStackSection { name, frames }) => {
                    dump.thread = name.to_owned();
                    dump.frames = frames.iter().map(|f| (f.instanceidx, f.funcidx, f.codeoffset)).collect();
                }
                _ => panic!("another custom section: {}", section.name()),
            },
            Payload::MemorySection(memories) => {
                dump.memories =
                    memories.into_iter().map(|m| m.map(|m| (m.initial, m.memory64)).unwrap()).collect();
            }
            Payload::GlobalSection(globals) => {
                dump.globals = globals.into_iter().map(|g| constant(&g.unwrap().init_expr)).collect();
            }
            Payload::DataSection(data) => {
                for segment in data {
                    let segment = segment.unwrap();
                    let wasmparser::DataKind::Active { memory_index, offset_expr } = segment.kind else {
                        panic!("a passive segment")
                    };
                    let at = match offset_expr.get_operators_reader().read().unwrap() {
                        Operator::I32Const { value } => value.into(),
                        Operator::I64Const { value } => value,
                        other => panic!("{other:?}"),
                    };
                    dump.data.push((memory_index, at, segment.data.to_vec()));
                }
            }
            _ => {}
        }
    }
    dump
}

#[test]
fn core_dumps_hold_what_the_program_held() {
    let dir = Dir::new().file("crash.wat", CRASH);
    let run = dir.run("--coredump core.wasm crash.wat");
    run.fails(
        134,
        &[
            "error: wasm error: unreachable\nwasm stack trace:\n\tcrash.inner(i32)\n",
            "\nnote: core.wasm has what stack, memories and globals held\n",
        ],
    );
    let dump = read_dump(&std::fs::read(dir.path().join("core.wasm")).unwrap());
    assert_eq!(dump.program, "crash.wat");
    assert_eq!(dump.modules, ["crash.wat"]);
    assert_eq!(dump.instances, [(0, vec![0, 1], vec![0, 1, 2, 3, 4])]);
    assert_eq!(dump.thread, "main");
    // Offsets count from the declarations of locals: one group of two bytes here.
    assert_eq!(dump.frames, [(0, 0, 6), (0, 1, 16)]);
    assert_eq!(dump.memories, [(3, false), (1, false)]);
    let mut pages = b"crashed".to_vec();
    pages.resize(196_604 - 65_540, 0);
    pages.push(1);
    assert_eq!(dump.data, [(0, 65_540, pages)]);
    assert_eq!(dump.globals[0], "I32Const { value: -9 }");
    assert!(dump.globals[1].starts_with("F64Const"), "{}", dump.globals[1]);
    assert!(dump.globals[3].contains("RefNull") && dump.globals[4].contains("RefNull"));
    // A core dump is a module that can be looked at.
    let shown = dir.run("inspect core.wasm").out;
    assert!(shown.contains("custom \"corestack\""), "{shown}");
}

#[test]
fn core_dumps_have_every_instance() {
    let dir = Dir::new()
        .file(
            "lib.wat",
            r#"(module (memory (export "m") 1) (data (i32.const 8) "lib") (func (export "_initialize"))
            (func (export "fail") (param i32) (drop (i32.load (i32.const -1)))))"#,
        )
        .file(
            "main.wat",
            r#"(module (import "lib" "m" (memory i32 1)) (import "lib" "fail" (func $fail (param i32)))
            (memory i64 1) (data (memory 1) (i64.const 65535) "Z")
            (func (export "go") (call $fail (i32.const 1))))"#,
        );
    let run = dir.run("trace --host --coredump c --preload lib=lib.wat --invoke go main.wat");
    run.fails(134, &["out of bounds memory access"]);
    let dump = read_dump(&std::fs::read(dir.path().join("c")).unwrap());
    assert_eq!(
        (&*dump.program, &dump.modules[..]),
        ("main.wat", &["lib.wat".to_owned(), "main.wat".to_owned()][..])
    );
    // The memory that both have is there once.
    assert_eq!(dump.instances, [(0, vec![0], vec![]), (1, vec![0, 1], vec![])]);
    assert_eq!(dump.memories, [(1, false), (1, true)]);
    assert_eq!(dump.data, [(0, 8, b"lib".to_vec()), (1, 65_535, b"Z".to_vec())]);
    let frames: Vec<_> = dump.frames.iter().map(|(instance, function, _)| (*instance, *function)).collect();
    assert_eq!(frames, [(0, 1), (1, 1)]);
}

#[test]
fn core_dumps_are_for_traps() {
    let dir = Dir::new()
        .file("crash.wat", CRASH)
        .file("section.wat", "(module (func $f unreachable) (start $f))")
        .file("calls.wat", CALLS)
        .file("deep.wat", r#"(module (func $f (export "_start") (call $f) (call $f)))"#)
        .file("quiet.wat", r#"(module (func (export "_start")))"#);
    let written = || std::fs::remove_file(dir.path().join("core")).is_ok();
    dir.run("--coredump core calls.wat").is(3, "f", "");
    dir.run("--coredump core quiet.wat").is(0, "", "");
    dir.run("--coredump core gone.wat").fails(1, &["cannot read"]);
    assert!(!written());
    dir.run("--coredump core section.wat").fails(134, &["unreachable", "note: core has what"]);
    let dump = read_dump(&std::fs::read(dir.path().join("core")).unwrap());
    // It trapped before there was an instance to look into.
    assert_eq!((dump.frames, dump.instances), (vec![(0, 0, 1)], vec![(0, vec![], vec![])]));
    assert!(written());
    dir.run("--coredump core deep.wat").fails(134, &["stack overflow"]);
    let dump = read_dump(&std::fs::read(dir.path().join("core")).unwrap());
    assert!(dump.frames.len() > 1000, "{}", dump.frames.len());
    dir.run("--coredump no/core crash.wat").fails(134, &["note: cannot write the core dump to no/core: "]);
}

/// Accepts a connection and answers with what it says.
const ECHO: &str = r#"(module
  (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_recv" (func $recv (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_send" (func $send (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\00\01\00\00\40\00\00\00")
  (func (export "_start") (local $errno i32)
    (loop $again
      (local.set $errno (call $accept (i32.const 3) (i32.const 0) (i32.const 32)))
      (br_if $again (i32.eq (local.get $errno) (i32.const 6))))
    (if (local.get $errno) (then (call $exit (local.get $errno))))
    (loop $again
      (local.set $errno
        (call $recv (i32.load (i32.const 32)) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 4) (i32.const 40)))
      (br_if $again (i32.eq (local.get $errno) (i32.const 6))))
    (if (local.get $errno) (then (call $exit (local.get $errno))))
    (drop (call $send (i32.load (i32.const 32)) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 36)))))"#;

#[test]
fn programs_accept_connections() {
    use std::io::{BufRead as _, BufReader, Read as _};
    let dir = Dir::new().file("echo.wat", ECHO);
    dir.run("echo.wat").is(8, "", "");
    let mut command = dir.command("--timeout 60s --listen 127.0.0.1:0 echo.wat");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut note = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut note).unwrap();
    let address = note.trim().strip_prefix("note: listening at ").expect(&note);
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.write_all(b"hello").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!((&*answer, child.wait().unwrap().code()), ("hello", Some(0)));

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    dir.run(&format!("--listen {address} echo.wat"))
        .fails(1, &[&format!("error: cannot listen at {address}: ")]);
    dir.run("--listen nowhere.invalid:1 echo.wat").fails(1, &["error: cannot listen at nowhere.invalid:1: "]);
    dir.run("--listen 8080 echo.wat").fails(2, &["the form is [HOST]:PORT, such as :8080"]);
    dir.run("--listen :x echo.wat").fails(2, &["\"x\" is not a port: 0 to 65535"]);
}
