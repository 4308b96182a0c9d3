//! The command line as its users meet it: every flag, every error, by exit status, standard output
//! and standard error of the built binary.

mod support;

use std::process::Stdio;
use std::time::{Duration, Instant};

use support::{Dir, Run};

/// Ends with the number that it is given as the length of its arguments: 40 plus their count.
const COUNT_ARGUMENTS: &str = r#"(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (call $sizes (i32.const 0) (i32.const 4)))
    (call $exit (i32.add (i32.const 40) (i32.load (i32.const 0))))))"#;

/// Prints what `get` gives, each item ended by a newline instead of NUL.
fn printer(sizes: &str, get: &str) -> String {
    format!(
        r#"(module
  (import "wasi_snapshot_preview1" "{sizes}" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "{get}" (func $get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (func (export "_start") (local $at i32) (local $end i32)
    (drop (call $sizes (i32.const 0) (i32.const 4)))
    (drop (call $get (i32.const 1024) (i32.const 65536)))
    (local.set $at (i32.const 65536))
    (local.set $end (i32.add (i32.const 65536) (i32.load (i32.const 4))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (if (i32.eqz (i32.load8_u (local.get $at)))
          (then (i32.store8 (local.get $at) (i32.const 10))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (i32.store (i32.const 8) (i32.const 65536))
    (i32.store (i32.const 12) (i32.load (i32.const 4)))
    (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16)))))"#
    )
}

fn arguments() -> String {
    printer("args_sizes_get", "args_get")
}

fn environment() -> String {
    printer("environ_sizes_get", "environ_get")
}

/// Copies standard input to standard output.
const CAT: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (loop $next
      (i32.store (i32.const 0) (i32.const 1024))
      (i32.store (i32.const 4) (i32.const 4096))
      (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (i32.store (i32.const 4) (i32.load (i32.const 8)))
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (br_if $next (i32.load (i32.const 4))))))"#;

/// Prints the name of the first directory it has and the contents of `f` in it; then creates `new`
/// there. Ends with the first error number.
const FILES: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_prestat_dir_name" (func $name (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 512) "f")
  (data (i32.const 520) "new")
  (data (i32.const 528) "|")
  (func $check (param $error i32)
    (if (local.get $error) (then (call $exit (local.get $error)))))
  (func $print (param $at i32) (param $len i32)
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (local.get $len))
    (call $check (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func (export "_start")
    (call $check (call $prestat (i32.const 3) (i32.const 16)))
    (call $check (call $name (i32.const 3) (i32.const 1024) (i32.load (i32.const 20))))
    (call $print (i32.const 1024) (i32.load (i32.const 20)))
    (call $print (i32.const 528) (i32.const 1))
    (call $check (call $open (i32.const 3) (i32.const 1) (i32.const 512) (i32.const 1) (i32.const 0)
      (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 24)))
    (i32.store (i32.const 0) (i32.const 1024))
    (i32.store (i32.const 4) (i32.const 1024))
    (call $check (call $read (i32.load (i32.const 24)) (i32.const 0) (i32.const 1) (i32.const 8)))
    (call $print (i32.const 1024) (i32.load (i32.const 8)))
    (call $check (call $open (i32.const 3) (i32.const 1) (i32.const 520) (i32.const 3) (i32.const 1)
      (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 24)))))"#;

const FUNCTIONS: &str = r#"(module
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "halves") (param f64) (result f64 f32 i64)
    (f64.mul (local.get 0) (f64.const 0.5)) (f32.const -0.25) (i64.const -1))
  (func (export "nothing"))
  (func (export "null") (param externref) (result externref) (local.get 0))
  (func (export "trap") unreachable))"#;

const LOOP: &str = r#"(module (func (export "_start") (loop $again (br $again))))"#;
const RECURSION: &str = r#"(module (func $down (export "_start") (call $down) (call $down)))"#;

#[test]
fn a_program_ends_with_its_own_status() {
    let dir = Dir::new()
        .file("count.wat", COUNT_ARGUMENTS)
        .file("quiet.wat", r#"(module (func (export "_start")))"#);
    dir.run("count.wat").is(41, "", "");
    dir.run("run count.wat").is(41, "", "");
    dir.run("count.wat a b c").is(44, "", "");
    dir.run("quiet.wat").is(0, "", "");
    let exits = |code: u32| {
        format!(
            r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            (func (export "_start") (call $exit (i32.const {code})) unreachable))"#
        )
    };
    let dir = dir.file("zero.wat", exits(0)).file("large.wat", exits(0xefff_ffff));
    dir.run("zero.wat").is(0, "", "");
    // The exit code of a deadline, but there was none.
    dir.run("large.wat").is(255, "", "");
    dir.run("--timeout 1h large.wat").is(255, "", "");
}

#[test]
fn arguments_after_the_file_are_the_programs() {
    let dir = Dir::new().file("sub/args.wat", arguments());
    dir.run("sub/args.wat").is(0, "args.wat\n", "");
    dir.run("sub/args.wat --dir --version -h run").is(0, "args.wat\n--dir\n--version\n-h\nrun\n", "");
    dir.run("run sub/args.wat -- -x -- y").is(0, "args.wat\n-x\n--\ny\n", "");
    dir.run("--argv0 /bin/me sub/args.wat x").is(0, "/bin/me\nx\n", "");
}

#[test]
fn a_module_may_come_from_standard_input_in_either_format() {
    let dir = Dir::new();
    dir.run_with_input("- x", arguments().as_bytes()).is(0, "-\nx\n", "");
    let binary = wat::parse_str(arguments()).unwrap();
    dir.run_with_input("run -", &binary).is(0, "-\n", "");
    dir.run_with_input("-", b"").fails(1, &["error: - is empty: neither the binary nor the text format\n"]);
}

#[test]
fn the_environment_is_empty_unless_given() {
    let dir = Dir::new().file("env.wat", environment());
    dir.run("env.wat").is(0, "", "");
    dir.run("--env A=1 --env B=x=y --env A=2 --env NOT_SET_ANYWHERE env.wat").is(0, "A=2\nB=x=y\n", "");
    let inheriting = |line: &str| {
        let mut command = dir.command(line);
        command.env_clear().env("ONE", "1").env("TWO", "2");
        Run::of(line, command.output().unwrap())
    };
    inheriting("--env TWO env.wat").is(0, "TWO=2\n", "");
    let run = inheriting("--env-inherit --env ONE=9 --env Z=0 env.wat");
    let mut lines: Vec<_> = run.out.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["ONE=9", "TWO=2", "Z=0"]);
    dir.run("--env =1 env.wat").fails(2, &["the variable's name is empty"]);
}

#[test]
fn standard_streams_are_the_processes() {
    let dir = Dir::new().file("cat.wat", CAT);
    dir.run("cat.wat").is(0, "", "");
    let input = "many lines\n".repeat(10_000);
    dir.run_with_input("cat.wat", input.as_bytes()).is(0, &input, "");
}

#[test]
fn directories() {
    let dir = Dir::new().file("files.wat", FILES).file("data/f", "contents");
    let created = dir.path().join("data/new");
    let check = |line: &str, status: i32, out: &str| {
        dir.run(line).is(status, out, "");
        assert_eq!(std::fs::remove_file(&created).is_ok(), status == 0, "{line}");
    };
    check("files.wat", 8, ""); // EBADF
    check("--dir data files.wat", 0, "data|contents");
    check("--dir data::/guest files.wat", 0, "/guest|contents");
    check("--mount data files.wat", 0, "data|contents");
    check("--mount data:/guest files.wat", 0, "/guest|contents");
    check("--dir data::/guest --mount .:/other files.wat", 0, "/guest|contents");
    for line in ["--dir data::/::ro files.wat", "--mount data:/:ro files.wat", "--mount data:ro files.wat"] {
        let run = dir.run(line);
        assert!(matches!(run.status, Some(1..128)), "{:?}", run.status);
        assert!(run.out.ends_with("|contents"), "{}", run.out);
        assert!(!created.exists(), "{line}");
    }
    dir.run("--dir nowhere files.wat").fails(1, &["error: cannot mount nowhere: No such file"]);
    dir.run("--mount data/f files.wat").fails(1, &["error: cannot mount data/f: it is not a directory\n"]);
    dir.run("--dir data::/::rw files.wat")
        .fails(2, &["expected \"ro\" after the guest's path, found \"rw\""]);
}

#[test]
fn invoke_takes_and_prints_typed_values() {
    let dir = Dir::new().file("f.wat", FUNCTIONS);
    dir.run("--invoke add f.wat 1 2").is(0, "3\n", "");
    dir.run("run --invoke add f.wat -5 0xffffffff").is(0, "-6\n", "");
    dir.run("--invoke halves f.wat 5").is(0, "2.5\n-0.25\n-1\n", "");
    dir.run("--invoke nothing f.wat").is(0, "", "");
    dir.run("--invoke null f.wat null").is(0, "null\n", "");
    dir.run("--invoke add f.wat 1").is(
        2,
        "",
        "error: cannot call .add(i32,i32) i32: it takes 2 arguments (i32, i32), but 1 were given\n"
            .replace(".add", ".$0")
            .as_str(),
    );
    dir.run("--invoke add f.wat 1 x").fails(2, &["argument 2: \"x\" is not an i32"]);
    dir.run("--invoke sub f.wat 1 2").is(
        1,
        "",
        "error: no function is exported as \"sub\"\nhint: these are: add, halves, nothing, null, trap\n",
    );
    dir.run("--invoke trap f.wat")
        .fails(134, &["wasm error: unreachable\nwasm stack trace:\n\t.$4()\n\t\t0x"]);
}

#[test]
fn libraries_are_initialized_first() {
    let dir = Dir::new()
        .file(
            "reactor.wat",
            r#"(module (global $g (mut i32) (i32.const 1))
            (func (export "_initialize") (global.set $g (i32.const 7)))
            (func (export "get") (result i32) (global.get $g)))"#,
        )
        .file(
            "command.wat",
            r#"(module (global $g (mut i32) (i32.const 1))
            (func (export "_start") (global.set $g (i32.const 7)))
            (func (export "get") (result i32) (global.get $g)))"#,
        );
    dir.run("--invoke get reactor.wat").is(0, "7\n", "");
    dir.run("--invoke get command.wat").is(0, "1\n", "");
    dir.run("reactor.wat").is(0, "", "");
}

#[test]
fn nothing_to_run_is_said() {
    let dir = Dir::new().file("f.wat", FUNCTIONS).file("empty.wat", "(module)");
    let err =
        "note: f.wat has no _start to run; --invoke NAME calls one of: add, halves, nothing, null, trap\n";
    dir.run("f.wat").is(0, "", err);
    dir.run("empty.wat").is(0, "", "");
}

#[test]
fn preloaded_modules_are_linked_by_name() {
    let dir = Dir::new()
        .file("main.wat", r#"(module (import "math" "double" (func (param i32) (result i32))) (export "double" (func 0)))"#)
        .file("math.wat", r#"(module (func (export "double") (param i32) (result i32) (i32.shl (local.get 0) (i32.const 1))))"#)
        .file("exit.wat", COUNT_ARGUMENTS.replace("_start", "_initialize"));
    dir.run("--preload math=math.wat --invoke double main.wat 21").is(0, "42\n", "");
    dir.run("--preload other=math.wat --invoke double main.wat 21")
        .fails(1, &["there is no module \"math\""]);
    dir.run("--preload math=gone.wat main.wat").fails(1, &["error: cannot read gone.wat: No such file"]);
    dir.run("--preload math main.wat").fails(2, &["the form is NAME=FILE"]);
    dir.run("--preload math=math.wat --preload math=math.wat main.wat")
        .fails(1, &["already been instantiated"]);
    // A library that ends the process while it is initialized.
    dir.run("--preload x=exit.wat --preload math=math.wat main.wat").is(41, "", "");
}

#[test]
fn engines() {
    let dir = Dir::new().file("f.wat", FUNCTIONS);
    for engine in ["auto", "interpreter"] {
        dir.run(&format!("--engine {engine} --invoke add f.wat 1 2")).is(0, "3\n", "");
    }
    let jit = dir.run("--engine jit --invoke add f.wat 1 2");
    match wz::EngineKind::Jit.is_available() {
        true => jit.is(0, "3\n", ""),
        false => jit.fails(1, &["error: the JIT is not available: "]),
    }
    dir.run("--engine steam f.wat").fails(2, &["steam", "auto", "jit", "interpreter"]);
}

#[test]
fn timeouts() {
    let sleep = r#"(module
      (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "_start")
        (i64.store (i32.const 24) (i64.const 600000000000))
        (drop (call $poll (i32.const 0) (i32.const 256) (i32.const 1) (i32.const 512)))))"#;
    let dir = Dir::new()
        .file("loop.wat", LOOP)
        .file("recursion.wat", RECURSION)
        .file("sleep.wat", sleep)
        .file("cat.wat", CAT);
    let check = |line: &str| {
        let start = Instant::now();
        let run = dir.run(line);
        let elapsed = start.elapsed();
        run.is(124, "", "error: timed out after 200ms\n");
        assert!(
            elapsed >= Duration::from_millis(200) && elapsed < Duration::from_secs(10),
            "{line}: {elapsed:?}"
        );
    };
    check("--timeout 200ms loop.wat");
    check("run --timeout 0.2s sleep.wat");
    check("--timeout 200ms --invoke _start loop.wat");
    dir.run("--timeout 0s loop.wat").fails(124, &["timed out after 0ns"]);
    dir.run("--timeout 1h cat.wat").is(0, "", "");
    dir.run("--timeout 5 loop.wat").fails(2, &["5 has no unit: write 5s for seconds"]);
    dir.run("--timeout -1s loop.wat").fails(2, &["a duration cannot be negative"]);
}

#[test]
fn a_timeout_ends_a_program_that_waits_for_input() {
    let dir = Dir::new().file("cat.wat", CAT);
    let mut command = dir.command("--timeout 200ms cat.wat");
    let mut child =
        command.stdin(Stdio::piped()).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let input = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    drop(input);
    Run::of("--timeout 200ms cat.wat", output).is(124, "", "error: timed out after 200ms\n");
}

#[test]
fn fuel_is_limited() {
    let dir = Dir::new().file("loop.wat", LOOP).file("f.wat", FUNCTIONS);
    dir.run("--fuel 100000 loop.wat").fails(
        134,
        &[
            "wasm error: all fuel consumed\nwasm stack trace:\n\t.$0()\n",
            "hint: --fuel N sets how much there is",
        ],
    );
    dir.run("--fuel 1000 --invoke add f.wat 1 2").is(0, "3\n", "");
    dir.run("--fuel -1 loop.wat").fails(2, &["error: invalid value '-1' for '--fuel <N>'"]);
}

#[test]
fn memory_is_limited() {
    let dir = Dir::new().file("large.wat", "(module (memory 2))").file(
        "grow.wat",
        r#"(module (memory 1) (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))"#,
    );
    dir.run("--max-memory 64K large.wat").fails(1, &["error: large.wat: ", "over limit of 1 pages"]);
    dir.run("--max-memory 128KiB large.wat").is(0, "", "");
    dir.run("--max-memory 1M --invoke grow grow.wat 15").is(0, "1\n", "");
    dir.run("--max-memory 1M --invoke grow grow.wat 16").is(0, "-1\n", "");
    dir.run("--max-memory 100G --invoke grow grow.wat 1").is(0, "1\n", "");
    dir.run("--max-memory much grow.wat").fails(2, &["expected a number of bytes"]);
}

#[test]
fn the_stack_is_limited() {
    let down = r#"(module (func $down (export "down") (param i32) (result i32)
      (if (result i32) (local.get 0)
        (then (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1)))))
        (else (i32.const 0)))))"#;
    let dir = Dir::new().file("recursion.wat", RECURSION).file("down.wat", down);
    let run = dir.run("recursion.wat");
    run.fails(
        134,
        &[
            "wasm error: stack overflow\nwasm stack trace:\n\t.down()\n\t\t0x3\n\t... the same ",
            " times more ...\n",
        ],
    );
    assert!(run.err.lines().count() < 20, "{}", run.err);
    dir.run("--invoke down down.wat 1000").is(0, "1000\n", "");
    dir.run("--max-stack 1T down.wat").fails(1, &["error: wz: stack of 1099511627776 bytes is over"]);
    dir.run("--max-stack 4K --invoke down down.wat 1000").fails(134, &["wasm error: stack overflow"]);
}

#[test]
fn tables_are_limited() {
    let dir = Dir::new().file("table.wat", "(module (table 11 funcref))");
    dir.run("--max-table-elements 11 table.wat").is(0, "", "");
    dir.run("--max-table-elements 10 table.wat").fails(1, &["error: table.wat: ", "10"]);
}

#[test]
fn features_can_be_chosen() {
    let dir = Dir::new()
        .file("simd.wat", r#"(module (func (export "f") (result v128) (v128.const i32x4 1 2 3 4)))"#);
    dir.run("--invoke f simd.wat").is(0, "0x00000004000000030000000200000001\n", "");
    dir.run("--features -simd simd.wat").fails(1, &["error: simd.wat: "]);
    dir.run("--features v1,+simd --invoke f simd.wat").is(0, "0x00000004000000030000000200000001\n", "");
    dir.run("--features sind simd.wat")
        .fails(2, &["unknown feature \"sind\": there are v1, v2, all, none, "]);
}

#[test]
fn traps_show_where() {
    let dir = Dir::new().file(
        "trap.wat",
        r#"(module $app
          (func $inner (param i32 i64) (result f32) unreachable)
          (func $outer (drop (call $inner (i32.const 1) (i64.const 2))))
          (func (export "_start") (call $outer)))"#,
    );
    dir.run("trap.wat").is(
        134,
        "",
        "error: wasm error: unreachable\nwasm stack trace:\n\
         \tapp.inner(i32,i64) f32\n\t\t0x3\n\tapp.outer()\n\t\t0xb\n\tapp.$2()\n\t\t0x11\n",
    );
    let cases = [
        ("(drop (i32.div_s (i32.const 1) (i32.const 0)))", "integer divide by zero"),
        ("(drop (i32.load (i32.const 65536)))", "out of bounds memory access"),
        ("(call_indirect (i32.const 0))", "invalid table access"),
        ("(drop (i32.trunc_f32_s (f32.const nan)))", "invalid conversion to integer"),
    ];
    for (code, message) in cases {
        let source = format!(r#"(module (memory 1) (table 1 funcref) (func (export "_start") {code}))"#);
        let dir = Dir::new().file("a.wat", source);
        dir.run("a.wat").fails(134, &[&format!("error: wasm error: {message}\nwasm stack trace:\n")]);
    }
    let dir = dir
        .file("section.wat", "(module (func $f unreachable) (start $f))")
        .file("segment.wat", r#"(module (memory 0) (data (i32.const 0) "x"))"#);
    dir.run("section.wat").fails(134, &["wasm error: unreachable\nwasm stack trace:\n\t.f()"]);
    dir.run("segment.wat").fails(134, &["wasm error: out of bounds memory access"]);
}

#[test]
fn what_guests_say_cannot_drive_the_terminal() {
    let dir = Dir::new()
        .file(
            "trap.wat",
            "(module (func $\"\\1b]0;title\\07\\e2\\80\\aeevil\\0a\\09fake\" (export \"_start\") unreachable))",
        )
        .file("import.wat", "(module (import \"\\1b[31m\" \"\\0d\\c2\\9b\" (func)))")
        .file("exports.wat", "(module (func (export \"\\1b[2J\")))");
    for line in ["trap.wat", "import.wat", "exports.wat", "--invoke x exports.wat"] {
        let err = dir.run(line).err;
        assert!(!err.is_empty());
        let unsafe_char = |c: char| (c.is_control() && c != '\n' && c != '\t') || c == '\u{202e}';
        assert!(!err.contains(unsafe_char), "{line}: {err:?}");
    }
    dir.run("trap.wat").fails(134, &["\t.\\u{1b}]0;title\\u{7}\\u{202e}evil\\n\\tfake()\n"]);
    dir.run("import.wat")
        .fails(1, &["func \"\\u{1b}[31m\" \"\\r\\u{9b}\": there is no module \"\\u{1b}[31m\"\n"]);
}

#[test]
fn all_missing_imports_are_listed() {
    let dir = Dir::new()
        .file(
            "a.wat",
            r#"(module
              (import "env" "abort" (func (param i32)))
              (import "env" "memory" (memory 1))
              (import "wasi_snapshot_preview1" "no_such_thing" (func))
              (import "wasi_snapshot_preview1" "proc_exit" (func (param i64))))"#,
        )
        .file("unstable.wat", COUNT_ARGUMENTS.replace("wasi_snapshot_preview1", "wasi_unstable"));
    dir.run("a.wat").is(
        1,
        "",
        "error: a.wat: 4 imports cannot be satisfied\n  \
         func \"env\" \"abort\": there is no module \"env\"\n  \
         memory \"env\" \"memory\": there is no module \"env\"\n  \
         func \"wasi_snapshot_preview1\" \"no_such_thing\": module \"wasi_snapshot_preview1\" does not export it\n  \
         func \"wasi_snapshot_preview1\" \"proc_exit\": signature mismatch: expected i64_v, given i32_v\n\
         hint: --preload env=FILE provides \"env\"\n",
    );
    dir.run("unstable.wat x").is(42, "", "");
}

#[test]
fn what_cannot_be_loaded_is_said() {
    let dir = Dir::new()
        .file("empty.wasm", "")
        .file("text.txt", "hello")
        .file("syntax.wat", "(module\n  (func (i32.bogus)))")
        .file("types.wat", "(module (func (result i32)))")
        .file("cut.wasm", b"\0asm\x01\0\0\0\x01\x7f")
        .file("component.wasm", b"\0asm\x0d\0\x01\0");
    dir.run("gone.wasm").fails(1, &["error: cannot read gone.wasm: No such file"]);
    dir.run(".").fails(1, &["error: cannot read .: "]);
    dir.run("empty.wasm").is(1, "", "error: empty.wasm is empty: neither the binary nor the text format\n");
    dir.run("text.txt").is(
        1,
        "",
        "error: text.txt is not WebAssembly: neither the binary nor the text format\n",
    );
    dir.run("syntax.wat").fails(1, &["i32.bogus", "syntax.wat:2:10"]);
    dir.run("types.wat").fails(1, &["error: types.wat: ", "(at offset 0x"]);
    dir.run("cut.wasm").fails(1, &["error: cut.wasm: ", "(at offset 0x"]);
    dir.run("component.wasm").fails(1, &["is a WebAssembly component; wz runs core modules\n", "hint: "]);
    dir.run("--fuel 1 run x.wasm").fails(1, &["\"run\" is a command only as the first argument"]);
    dir.run("--fuel 1 inspect x.wasm").fails(1, &["\"inspect\" is a command only as the first argument"]);
    dir.run("help").fails(1, &["hint: wz --help shows what there is"]);
}

#[test]
fn usage() {
    let dir = Dir::new().file("f.wat", FUNCTIONS);
    let version = format!("wz {}\n", env!("CARGO_PKG_VERSION"));
    dir.run("--version").is(0, &version, "");
    dir.run("version").is(0, &version, "");
    dir.run("--bogus f.wat").fails(2, &["error: unexpected argument '--bogus' found"]);
    dir.run("").fails(2, &["Usage: wz [OPTIONS] FILE [ARGS]..."]);
    dir.run("run").fails(2, &["Usage: wz run [OPTIONS] FILE [ARGS]..."]);
    dir.run("--env A=B").fails(2, &["required", "FILE"]);
    for command in ["trace", "validate", "inspect", "explain", "wast", "completions", "version"] {
        let run = dir.run(&format!("{command} --help"));
        assert_eq!((run.status, &*run.err), (Some(0), ""), "{command}");
        assert!(run.out.contains(&format!("Usage: wz {command}")), "{}", run.out);
        assert!(!run.out.contains('\x1b'), "colour is for terminals");
    }
    for line in ["--help", "-h", "run --help", "run -h"] {
        let run = dir.run(line);
        assert_eq!((run.status, &*run.err), (Some(0), ""), "{line}");
        for heading in ["Usage:", "What the program sees:", "Limits:", "Engine:", "Examples:", "Exit status:"]
        {
            assert!(run.out.contains(heading), "{line}: no {heading} in:\n{}", run.out);
        }
        assert!(run.out.lines().all(|text| text.chars().count() <= 100), "{line}:\n{}", run.out);
        assert!(run.out.lines().count() <= 70, "{line} is {} lines long", run.out.lines().count());
    }
}

#[test]
fn nobody_listening_is_no_failure() {
    let dir = Dir::new().file("f.wat", FUNCTIONS);
    for line in ["--invoke add f.wat 1 2", "--help", "version"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = dir.command(line);
        let output =
            command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
        assert_eq!(
            (output.status.code(), String::from_utf8(output.stderr).unwrap()),
            (Some(0), String::new()),
            "{line}"
        );
    }
}
