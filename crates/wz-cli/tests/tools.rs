//! `wz explain` and `wz wast`, and the command line that the public WASI conformance suite uses.

mod support;

use std::path::Path;

use support::{Dir, Run};

fn programs() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/programs").canonicalize().unwrap()
}

const ADD: &str = r#"(module $m
  (import "env" "log" (func $log (param i32)))
  (func $add (export "sum") (param i32 i32) (result i32)
    (if (local.get 0) (then (call $log (local.get 1))))
    (i32.add (local.get 0) (local.get 1)))
  (func (export "other"))
  (func $twin) (func $twin2))"#;

#[test]
fn explain_shows_operators_beside_their_code() {
    let dir = Dir::new().file("add.wat", ADD);
    let expected = [
        "  42  local.get 0",
        "  44  if ;; label = @1",
        "  46    local.get 1",
        "  48    call $log",
        "",
        "  4a  end",
        "  4b  local.get 0",
        "  4d  local.get 1",
        "  4f  i32.add",
        "",
    ];
    let run = dir.run("explain --engine interpreter add.wat add");
    assert_eq!((run.status, &*run.err), (Some(0), ""));
    // The bytecode is the interpreter's business; that it stands beside its operator is asserted.
    assert!(
        run.out.starts_with("func[1] m.add(i32,i32) i32\nbody at 0x41, 16 bytes; bytecode: "),
        "{}",
        run.out
    );
    let lines = run.out.lines().skip(2);
    let operators: Vec<_> =
        lines.map(|line| line.split(" |").next().unwrap_or_default().trim_end()).collect();
    assert_eq!(operators, expected, "{}", run.out);
    assert!(run.out.contains("  4f  i32.add          |     8: a <- i32.add s0, s1\n"), "{}", run.out);
    for line in ["explain add.wat sum", "explain add.wat 1", "explain add.wat $1", "explain add.wat m.add"] {
        let line = line.replace("explain", "explain --engine interpreter");
        assert_eq!(dir.run(&line).out, run.out, "{line}");
    }
    let plain = dir.run("explain --no-code add.wat add").out;
    assert!(plain.contains("  4f  i32.add\n") && !plain.contains('|'), "{plain}");
    dir.run("explain add.wat log").is(0, "func[0] m.log(i32)\nimported from \"env\" as \"log\"\n", "");
    let other = dir.run_with_input("explain --engine interpreter - other", ADD.as_bytes());
    assert_eq!((other.status, &*other.err), (Some(0), ""));
    assert!(other.out.starts_with("func[2] m.$2()\nbody at 0x"), "{}", other.out);
    // What no engine's code is asked for shows the interpreter's where the engine has none to show.
    assert!(dir.run("explain add.wat add").out.contains("; "));
}

#[test]
fn explain_says_what_it_does_not_find() {
    let dir = Dir::new()
        .file("add.wat", ADD)
        .file("nameless.wat", "(module (func))")
        .file("empty.wat", "(module)")
        .file("bad.wat", "(module (func (result i32)))")
        .file("simd.wat", "(module (func (export \"f\") (result v128) (v128.const i32x4 1 2 3 4)))")
        .file("two.wat", "(module (func $a (export \"x\")) (func (@name \"a\")))");
    dir.run("explain add.wat twi").is(
        1,
        "",
        "error: no function is called \"twi\"\nhint: names are: twin, twin2\n",
    );
    dir.run("explain add.wat x").is(
        1,
        "",
        "error: no function is called \"x\"\nhint: names are: add, log, other, sum, twin, twin2\n",
    );
    dir.run("explain add.wat 5").is(1, "", "error: there is no function 5: the module has 5\n");
    dir.run("explain two.wat a").is(
        1,
        "",
        "error: 2 functions are called \"a\"\nhint: name one by its index: 0, 1\n",
    );
    dir.run("explain nameless.wat f").fails(1, &["hint: its functions have no names: give an index below 1"]);
    dir.run("explain empty.wat f").fails(1, &["hint: the module has no functions"]);
    dir.run("explain gone.wat f").fails(1, &["error: cannot read gone.wat: No such file"]);
    dir.run("explain bad.wat 0").fails(1, &["error: bad.wat: ", "(at offset 0x"]);
    dir.run("explain --features -simd simd.wat f").fails(1, &["error: simd.wat: "]);
    dir.run("explain add.wat").fails(2, &["<FUNCTION>"]);
    dir.run("explain").fails(2, &["Usage: wz explain [OPTIONS] <FILE> <FUNCTION>"]);
}

#[test]
fn explain_shows_source_lines() {
    let dir = Dir::new().file("trap.c", std::fs::read(programs().join("trap.c")).unwrap());
    std::fs::copy(programs().join("trap.wasm"), dir.path().join("trap.wasm")).unwrap();
    let run = dir.run("explain trap.wasm inner");
    assert_eq!((run.status, &*run.err), (Some(0), ""));
    assert!(run.out.contains("\n./trap.c:9:  depth = 3;\n"), "{}", run.out);
    assert!(
        run.out.contains("\n./trap.c:10:  return value / divisor; // traps: integer divide by zero\n"),
        "{}",
        run.out
    );
    assert!(run.out.find("trap.c:10").unwrap() < run.out.find("i32.div_s").unwrap(), "{}", run.out);
    assert!(!dir.run("explain --no-source trap.wasm inner").out.contains("trap.c"));
    // Without the file there is only its name.
    std::fs::remove_file(dir.path().join("trap.c")).unwrap();
    assert!(dir.run("explain trap.wasm inner").out.contains("\n./trap.c:9\n"));
}

const SCRIPT: &str = r#"(module (func (export "f") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2))))
(assert_return (invoke "f" (i32.const 4)) (i32.const 8))
(assert_return (invoke "f" (i32.const 5)) (i32.const 10))
"#;

#[test]
fn wast_runs_scripts() {
    let wrong = SCRIPT.replace("(i32.const 10)", "(i32.const 11)");
    let dir = Dir::new()
        .file("good.wast", SCRIPT)
        .file("wrong.wast", wrong)
        .file("folder/deep/a.wast", SCRIPT)
        .file("folder/b.wast", SCRIPT)
        .file("folder/no.txt", "(")
        .file("broken.wast", "(module\n  (func)\n")
        .file("gc.wast", "(module (type (struct)))")
        .file("simd.wast", "(module (func (drop (v128.const i32x4 1 2 3 4))))")
        .file("none/x", "");
    dir.run("wast good.wast").is(0, "good.wast: 2 of 2 assertions passed\n", "");
    dir.run("wast --engine interpreter good.wast").is(0, "good.wast: 2 of 2 assertions passed\n", "");
    dir.run("wast folder good.wast").is(
        0,
        "folder/b.wast: 2 of 2 assertions passed\nfolder/deep/a.wast: 2 of 2 assertions passed\n\
         good.wast: 2 of 2 assertions passed\n",
        "",
    );
    dir.run_with_input("wast -", SCRIPT.as_bytes()).is(0, "-: 2 of 2 assertions passed\n", "");
    dir.run("wast wrong.wast").fails_with_output(
        1,
        "wrong.wast: 1 of 2 assertions passed\n",
        &["error: wrong.wast:3: expected ", "but got [I32(10)]"],
    );
    dir.run("wast gc.wast").fails_with_output(
        1,
        "gc.wast: 0 of 0 assertions passed\n",
        &["error: gc.wast:1: ", "needs gc, which wz does not have"],
    );
    dir.run("wast --features -simd simd.wast").fails_with_output(
        1,
        "simd.wast: 0 of 0 assertions passed\n",
        &["error: simd.wast:1: "],
    );
    dir.run("wast broken.wast").fails_with_output(
        1,
        "broken.wast: 0 of 0 assertions passed\n",
        &["error: broken.wast:3: cannot be parsed: "],
    );
    dir.run("wast gone.wast").fails_with_output(
        1,
        "gone.wast: 0 of 0 assertions passed\n",
        &["error: gone.wast:1: cannot be read: No such file"],
    );
    dir.run("wast none").is(1, "", "error: there are no .wast files below none\n");
    dir.run("wast").fails(2, &["Usage: wz wast [OPTIONS] <FILE>..."]);
}

/// The suite asks for the version, and runs each test with variables, directories as `HOST::GUEST`,
/// the file, and arguments after it; it compares the exit status and what is printed.
#[test]
fn the_conformance_suites_command_line_works() {
    let dir = Dir::new().file("hold", "");
    let version = dir.run("--version");
    assert_eq!((version.status, &*version.err), (Some(0), ""));
    let number = version.out.strip_prefix("wz ").and_then(|rest| rest.strip_suffix('\n')).unwrap();
    assert!(number.split('.').count() == 3, "{number}");
    let suite = programs().join("wasi-suite.wasm");
    let run_on = |engine: &str, test: &str| {
        let scratch = tempfile::tempdir().unwrap();
        let mut command = dir.command(&format!("{engine} --env ERRNO_MODE=unix --env OTHER="));
        command.arg("--dir").arg(format!("{}::/", scratch.path().display())).arg(&suite).arg(test);
        let run = Run::of(test, command.output().unwrap());
        assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0, "{test} left something");
        run
    };
    // On the default engine, which compiles much for each process, only some.
    let run = |test: &str| run_on("--engine interpreter", test);
    let list = run_on("", "--list").out;
    assert!(list.lines().count() >= 57, "{list}");
    for test in list.lines() {
        run(test).is(0, &expected(test), &format!("{test}\n"));
    }
    for test in ["paths_of_all_kinds", "std_files"] {
        run_on("", test).is(0, &expected(test), &format!("{test}\n"));
    }
    run("no_such_test").fails(134, &["no test is called no_such_test", "wasm error: unreachable"]);
}

fn expected(test: &str) -> String {
    let said = if test == "standard_streams_are_renumbered" { "still there\n" } else { "" };
    format!("{said}ok {test}\n1 passed\n")
}
