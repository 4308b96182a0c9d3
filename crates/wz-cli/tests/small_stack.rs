//! `wz` with a native stack of 256 KiB: guests do not use it, however deep they nest.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs `wz` with these arguments under `ulimit -s 256`.
fn wz(arguments: &[&str]) -> Output {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -s 256 && exec \"$@\"", "sh", env!("CARGO_BIN_EXE_wz")]);
    command.args(arguments).output().expect("a shell runs")
}

fn program(name: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/programs").join(name);
    path.to_str().expect("the path is UTF-8").to_owned()
}

/// Writes a module to a file of its own and gives the folder that keeps it.
fn module(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("module.wat");
    std::fs::write(&file, text).expect("the file can be written");
    let file = file.to_str().expect("the path is UTF-8").to_owned();
    (folder, file)
}

fn check(arguments: &[&str], status: i32, stdout: &str, stderr: &str) {
    let output = wz(arguments);
    let given = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{given}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), stdout);
    assert!(given.contains(stderr), "{given}");
}

#[test]
fn programs_run() {
    check(&[&program("hello.wasm"), "5"], 5, "Hello, world!\nargc = 2\nargv[1] = \"5\"\n", "");
}

#[test]
fn twenty_million_operators_leave_the_native_stack_alone() {
    let (_folder, file) = module(
        r#"(module (func (export "count") (param $n i32) (result i32)
            (local $sum i32)
            (loop $again
                (local.set $sum (i32.add (i32.xor (local.get $sum) (local.get $n)) (i32.const 1)))
                (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $sum)))"#,
    );
    let output = wz(&["--invoke", "count", &file, "2000000"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn recursion_without_end_is_a_trap() {
    let (_folder, file) = module(
        r#"(module (func $down (export "down") (param i32) (result i32)
            (i32.add (call $down (i32.add (local.get 0) (i32.const 1))) (i32.const 1))))"#,
    );
    check(&["--invoke", "down", &file, "0"], 134, "", "stack overflow");
}

#[test]
fn deep_nesting_is_decoded_and_translated() {
    let depth = 20_000;
    let text = format!(
        "(module (func (export \"deep\") (result i32) {} i32.const 7 {}))",
        "block (result i32) ".repeat(depth),
        "end ".repeat(depth)
    );
    let (_folder, file) = module(&text);
    check(&["--invoke", "deep", &file], 0, "7\n", "");
}
