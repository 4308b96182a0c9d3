//! Arguments as such: those that are not text, numbers that are none, and that every flag of every
//! command has a test.

mod support;

use support::{Dir, Run};

#[cfg(unix)]
#[test]
fn paths_need_not_be_utf8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let odd = OsStr::from_bytes(b"odd\xff");
    let dir = Dir::new().file("trap.wat", r#"(module (func (export "f") unreachable))"#).file(
        "list.wat",
        r#"(module
          (import "wasi_snapshot_preview1" "path_filestat_get"
            (func $stat (param i32 i32 i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 0) "file")
          (func (export "f") (result i32)
            (call $stat (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 16))))"#,
    );
    let inside = dir.path().join(odd);
    if std::fs::create_dir(&inside).is_err() {
        return; // Such names are not possible here.
    }
    std::fs::write(inside.join("file"), "").unwrap();
    let module = inside.join("m.wat");
    std::fs::write(&module, r#"(module (func (export "f") (result i32) (i32.const 7)))"#).unwrap();
    let run = |flag: &str, before: &str, odd: &[u8], rest: &[&str]| {
        let mut command = dir.command(flag);
        command.arg(OsStr::from_bytes(&[before.as_bytes(), odd].concat())).args(rest);
        Run::of(flag, command.output().unwrap())
    };
    let invoke = ["--invoke", "f", "list.wat"];
    run("--dir", "", b"odd\xff::/", &invoke).is(0, "0\n", "");
    run("--mount", "", b"odd\xff:/", &invoke).is(0, "0\n", "");
    run("--dir", "", b"odd\xff", &invoke)
        .fails(2, &["the guest's path must be UTF-8: HOST::GUEST gives it another"]);
    run("--mount", "", b"odd\xff", &invoke)
        .fails(2, &["the guest's path must be UTF-8: HOST:GUEST gives it another"]);
    run("--dir", "", b"gone\xff::/", &invoke).fails(1, &["error: cannot mount gone\u{fffd}: No such file"]);
    run("--invoke f", "", b"odd\xff/m.wat", &[]).is(0, "7\n", "");
    run("", "", b"gone\xff", &[]).fails(1, &["error: cannot read gone\u{fffd}: No such file"]);
    run("--preload", "x=", b"odd\xff/m.wat", &invoke).is(0, "8\n", "");
    run("--preload", "", b"x\xff=odd", &invoke).fails(2, &["the name must be UTF-8"]);
    run("--coredump", "", b"core\xff", &["--invoke", "f", "trap.wat"])
        .fails(134, &["note: core\u{fffd} has what stack"]);
    assert!(dir.path().join(OsStr::from_bytes(b"core\xff")).exists());
    for (flag, before) in
        [("list.wat", "a"), ("--argv0", ""), ("--env", "A="), ("--invoke", ""), ("--timeout", "")]
    {
        run(flag, before, b"\xff", &["list.wat"]).is(
            2,
            "",
            &format!("error: the argument \"{before}\u{fffd}\" is not UTF-8, which it must be\n"),
        );
    }
}

#[test]
fn numbers_that_are_none_are_refused() {
    let dir = Dir::new();
    for flag in ["--fuel", "--max-table-elements"] {
        for value in ["-1", "1.5", "x", "18446744073709551616"] {
            dir.run(&format!("{flag} {value} f.wat")).is(
                2,
                "",
                &format!(
                    "error: invalid value '{value}' for '{flag} <N>': expected a whole number from 0 to \
                     18446744073709551615\n\nFor more information, try '--help'.\n"
                ),
            );
        }
    }
    for flag in ["--max-memory", "--max-stack"] {
        for (value, why) in [
            ("1X", "unknown unit \"X\": use K, M, G, T (powers of 1024) or kB, MB, GB, TB"),
            ("x", "expected a number of bytes, such as 65536, 64KiB or 1GiB"),
            ("99999999999T", "the size is too large"),
        ] {
            dir.run(&format!("{flag} {value} f.wat")).is(
                2,
                "",
                &format!(
                    "error: invalid value '{value}' for '{flag} <SIZE>': {why}\n\n\
                     For more information, try '--help'.\n"
                ),
            );
        }
    }
}

#[test]
fn a_flag_without_its_value_is_an_error() {
    let dir = Dir::new();
    let with_values = flags(&dir.run("run --help").out, true);
    assert!(with_values.len() >= 17, "{with_values:?}");
    for flag in with_values {
        dir.run(&flag).fails(2, &["error: a value is required for '", &flag]);
    }
}

/// The long flags that a help text lists: all, or those that take a value.
fn flags(help: &str, with_value: bool) -> Vec<String> {
    let mut flags = Vec::new();
    for line in help.lines().map(str::trim_start).filter(|line| line.starts_with('-')) {
        let Some(at) = line.find("--") else { continue };
        let end = line[at..].find(char::is_whitespace).map_or(line.len(), |length| at + length);
        let is_flag = line[at + 2..end].starts_with(|c: char| c.is_ascii_lowercase());
        if is_flag && (!with_value || line[end..].starts_with(" <")) {
            flags.push(line[at..end].to_owned());
        }
    }
    flags
}

/// The tests of the built binary: where flags are used.
const TESTS: [&str; 9] = [
    include_str!("arguments.rs"),
    include_str!("blocked.rs"),
    include_str!("cache.rs"),
    include_str!("cli.rs"),
    include_str!("host_limits.rs"),
    include_str!("modules.rs"),
    include_str!("observe.rs"),
    include_str!("terminal.rs"),
    include_str!("tools.rs"),
];

#[test]
fn every_flag_of_every_command_is_tested() {
    let dir = Dir::new();
    let used = |command: &str, flag: &str| {
        let commands = command.is_empty() || command == "run";
        TESTS.iter().flat_map(|text| text.lines()).any(|line| {
            let is_used = line.split(['"', ' ', '`', '{', '}', '(']).any(|word| word == flag);
            is_used && (commands || line.contains(&format!("{command} ")))
        })
    };
    let of_run = flags(&dir.run("run --help").out, false);
    let mut untested = Vec::new();
    let commands =
        ["run", "trace", "compile", "validate", "inspect", "explain", "wast", "completions", "version"];
    for command in commands {
        let of_command = flags(&dir.run(&format!("{command} --help")).out, false);
        assert!(of_command.contains(&"--help".to_owned()), "{command}: {of_command:?}");
        for flag in of_command {
            // What a command shares with others is one definition, and tested with one of them.
            let shared = command != "run" && of_run.contains(&flag);
            if !used(if shared { "" } else { command }, &flag) {
                untested.push(format!("wz {command} {flag}"));
            }
        }
    }
    assert!(untested.is_empty(), "{untested:#?}");
}
