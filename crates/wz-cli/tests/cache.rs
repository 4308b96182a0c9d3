//! `wz compile`, `--cache-dir` and `--cache`: what they print, what they leave behind, and what they
//! say when that does not work.

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use support::{Dir, Run};
use wz::EngineKind;

const ADD: &str = r#"(module
    (func $twice (param i32) (result i32) (i32.shl (local.get 0) (i32.const 1)))
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "twice") (param i32) (result i32) (call $twice (local.get 0)))
    (func (export "trap") unreachable))"#;

fn has_jit() -> bool {
    EngineKind::Jit.is_available()
}

fn entries(dir: &Dir, cache: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(dir.path().join(cache)).into_iter().flatten();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|name| name == "wzcode"));
    paths
}

/// What `wz compile` says, without how long it took, how much it wrote and where.
#[track_caller]
fn compiled(dir: &Dir, line: &str) -> String {
    let run = dir.run(line);
    assert_eq!((run.status, &*run.err), (Some(0), ""), "wz {line}");
    let cache = dir.path().canonicalize().unwrap();
    let text =
        run.out.replace(&*cache.to_string_lossy(), "HERE").replace(&*dir.path().to_string_lossy(), "HERE");
    let words: Vec<&str> = text.trim_end().split(' ').collect();
    let word = |(position, word): (usize, &&str)| match words.get(position + 1) {
        Some(&("bytes" | "KiB" | "s,")) => "N".to_owned(),
        _ => (*word).to_owned(),
    };
    words.iter().enumerate().map(word).collect::<Vec<_>>().join(" ").replace("N KiB", "N bytes")
}

#[test]
fn compile_fills_a_directory_for_runs() {
    let dir = Dir::new().file("add.wat", ADD).file("empty.wat", "(module)");
    if !has_jit() {
        dir.run("compile --cache-dir c add.wat").fails(1, &["error: ", "the JIT is not available"]);
        return;
    }
    let first = compiled(&dir, "compile --cache-dir c add.wat");
    assert_eq!(first, "add.wat: 4 functions compiled in N s, N bytes written to HERE/c");
    assert_eq!(entries(&dir, "c").len(), 1);
    assert_eq!(compiled(&dir, "compile --cache-dir c add.wat"), "add.wat: 4 functions in HERE/c already");
    // A run finds them all, and so has nothing to write.
    let written = fs::read(&entries(&dir, "c")[0]).unwrap();
    dir.run("--cache-dir c --invoke add add.wat 3 4").is(0, "7\n", "");
    dir.run("run --cache-dir c --invoke twice add.wat 21").is(0, "42\n", "");
    assert_eq!(entries(&dir, "c").len(), 1);
    assert!(fs::read(&entries(&dir, "c")[0]).unwrap() == written);
    assert_eq!(compiled(&dir, "compile --cache-dir c empty.wat"), "empty.wat: no functions");
}

#[test]
fn runs_add_what_they_compile() {
    if !has_jit() {
        return;
    }
    let dir = Dir::new().file("add.wat", ADD);
    dir.run("--cache-dir deep/er/c --invoke add add.wat 3 4").is(0, "7\n", "");
    assert_eq!(
        compiled(&dir, "compile --cache-dir deep/er/c add.wat"),
        "add.wat: 3 functions compiled in N s, 1 found, N bytes written to HERE/deep/er/c"
    );
    // A trap is one way for a run to end.
    let other = Dir::new().file("add.wat", ADD);
    other.run("--cache-dir c --invoke trap add.wat").fails(134, &["unreachable"]);
    assert_eq!(entries(&other, "c").len(), 1);
    // Nothing is kept that was not asked for.
    let none = Dir::new().file("add.wat", ADD);
    none.run("--invoke add add.wat 3 4").is(0, "7\n", "");
    assert_eq!(fs::read_dir(none.path()).unwrap().count(), 1);
}

#[test]
fn code_for_fuel_and_timeouts_is_other_code() {
    if !has_jit() {
        return;
    }
    let dir = Dir::new().file("add.wat", ADD);
    for (compile, run) in [
        ("", ""),
        ("--fuel", "--fuel 1000"),
        ("--timeout", "--timeout 9s"),
        ("--fuel --timeout", "--timeout 9s --fuel 1000"),
    ] {
        let before = entries(&dir, "c").len();
        compiled(&dir, &format!("compile --cache-dir c {compile} add.wat"));
        assert_eq!(entries(&dir, "c").len(), before + 1, "{compile}");
        dir.run(&format!("{run} --cache-dir c --invoke add add.wat 3 4")).is(0, "7\n", "");
        assert_eq!(entries(&dir, "c").len(), before + 1, "{run}");
    }
}

#[test]
fn the_user_directory_is_used_when_asked_for() {
    if !has_jit() || cfg!(any(windows, target_os = "macos")) {
        return;
    }
    let dir = Dir::new().file("add.wat", ADD);
    let with = |line: &str, name: &str, value: Option<&str>| {
        let mut command: Command = dir.command(line);
        command.env_remove("HOME").env_remove("XDG_CACHE_HOME");
        if let Some(value) = value {
            command.env(name, dir.path().join(value));
        }
        Run::of(line, command.output().unwrap())
    };
    with("--cache --invoke add add.wat 3 4", "XDG_CACHE_HOME", Some("x")).is(0, "7\n", "");
    assert_eq!(entries(&dir, "x/wz").len(), 1);
    with("--cache --invoke add add.wat 3 4", "HOME", Some("h")).is(0, "7\n", "");
    assert_eq!(entries(&dir, "h/.cache/wz").len(), 1);
    let run = with("compile add.wat", "HOME", Some("h"));
    assert!(
        run.out.starts_with("add.wat: 3 functions compiled") && run.out.contains("h/.cache/wz\n"),
        "{}",
        run.out
    );
    for line in ["--cache --invoke add add.wat 3 4", "compile add.wat"] {
        with(line, "", None).fails(1, &["error: your cache directory is not known", "hint: --cache-dir DIR"]);
    }
}

#[test]
fn directories_that_do_not_do_are_named() {
    let dir = Dir::new().file("add.wat", ADD).file("file", "");
    for command in ["--invoke add", "compile"] {
        let end = if command == "compile" { "add.wat" } else { "add.wat 1 2" };
        if command == "compile" && !has_jit() {
            continue;
        }
        let run = |cache: &str| dir.run(&format!("{command} --cache-dir {cache} {end}"));
        run("file").fails(1, &["error: ", "the cache directory file is not a directory", "hint: "]);
        run("file/c").fails(1, &["error: ", "cannot ", "the cache directory file/c"]);
    }
    dir.run("--cache-dir c --cache add.wat").fails(2, &["--cache"]);
    dir.run("compile").fails(2, &["Usage: wz compile"]);
    dir.run("compile --cache add.wat").fails(2, &["unexpected argument '--cache'"]);
}

#[cfg(unix)]
#[test]
fn directories_that_others_can_write_to_are_refused() {
    use std::os::unix::fs::PermissionsExt;

    let dir = Dir::new().file("add.wat", ADD).file("open/file", "");
    fs::set_permissions(dir.path().join("open"), fs::Permissions::from_mode(0o777)).unwrap();
    dir.run("--cache-dir open --invoke add add.wat 1 2")
        .fails(1, &["error: ", "the cache directory open can be written to by other users", "hint: "]);
    assert!(entries(&dir, "open").is_empty());
}

#[test]
fn what_is_no_module_does_not_keep_the_others_from_being_compiled() {
    if !has_jit() {
        return;
    }
    let dir = Dir::new().file("add.wat", ADD).file("bad.wat", "(module (func (result i32)))");
    let run = dir.run("compile --cache-dir c bad.wat gone.wasm add.wat");
    run.fails_with_output(1, &run.out.clone(), &["error: bad.wat: ", "error: cannot read gone.wasm"]);
    assert!(run.out.starts_with("add.wat: 4 functions compiled"), "{}", run.out);
    let run = dir.run_with_input("compile --cache-dir c -", ADD.as_bytes());
    assert!(run.out.starts_with("-: 4 functions in "), "{}", run.out);
    dir.run("compile --cache-dir c --features -simd add.wat").is(
        0,
        &format!("add.wat: 4 functions in {} already\n", cache_path(&dir)),
        "",
    );
}

fn cache_path(dir: &Dir) -> String {
    let run = dir.run("compile --cache-dir c add.wat");
    run.out.trim_end().rsplit(' ').nth(1).unwrap().to_owned()
}

/// A cache that cannot be written to is told of, and is no failure of a run.
#[test]
fn runs_go_on_when_the_cache_is_full() {
    if !has_jit() {
        return;
    }
    let dir = Dir::new().file("add.wat", ADD);
    // The name that the entry will have is taken by a directory.
    dir.run("--cache-dir c --invoke add add.wat 3 4").is(0, "7\n", "");
    let entry = entries(&dir, "c").remove(0);
    fs::remove_file(&entry).unwrap();
    fs::create_dir_all(entry.join("in the way")).unwrap();
    let expected = ["the cache directory ", "cannot write compiled code to"];
    let run = dir.run("--cache-dir c --invoke add add.wat 3 4");
    run.fails_with_output(0, "7\n", &["note: ", expected[0], expected[1]]);
    dir.run("compile --cache-dir c add.wat").fails(1, &["error: add.wat: ", expected[0], expected[1]]);
    let left: Vec<_> = fs::read_dir(dir.path().join("c")).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(left.len(), 2, "the entry's place and the tag: {left:?}");
}

/// Damage of every kind, met by whole processes.
#[test]
fn damaged_entries_are_replaced() {
    if !has_jit() {
        return;
    }
    let dir = Dir::new().file("add.wat", ADD);
    compiled(&dir, "compile --cache-dir c add.wat");
    let entry = entries(&dir, "c").remove(0);
    let good = fs::read(&entry).unwrap();
    let mut flipped = good.clone();
    flipped[good.len() / 3] ^= 4;
    for bad in [&b""[..], &good[..good.len() / 2], &flipped, b"#!/bin/sh\necho no\n", &[0xff; 5000]] {
        fs::write(&entry, bad).unwrap();
        dir.run("--cache-dir c --invoke twice add.wat 21").is(0, "42\n", "");
        compiled(&dir, "compile --cache-dir c add.wat");
        assert!(fs::read(&entry).unwrap() == good);
    }
}

#[test]
fn processes_at_once_are_no_trouble() {
    if !has_jit() {
        return;
    }
    let dir = Dir::new().file("add.wat", ADD);
    for round in 0..4 {
        let lines: Vec<_> = (0..8)
            .map(|number| match (number + round) % 3 {
                0 => "compile --cache-dir c add.wat",
                1 => "--cache-dir c --invoke add add.wat 20 22",
                _ => "--cache-dir c --invoke twice add.wat 21",
            })
            .collect();
        let children: Vec<_> = lines
            .iter()
            .map(|line| {
                let mut command = dir.command(line);
                command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
                command.spawn().unwrap()
            })
            .collect();
        for (line, child) in lines.iter().zip(children) {
            let run = Run::of(line, child.wait_with_output().unwrap());
            assert_eq!((run.status, &*run.err), (Some(0), ""), "wz {line}");
            let expected = if line.starts_with("compile") { "add.wat: " } else { "42\n" };
            assert!(run.out.starts_with(expected), "wz {line}: {}", run.out);
        }
        // What one process wrote while another did may be missing, and is added.
        compiled(&dir, "compile --cache-dir c add.wat");
        assert_eq!(compiled(&dir, "compile --cache-dir c add.wat"), "add.wat: 4 functions in HERE/c already");
        fs::remove_dir_all(dir.path().join("c")).unwrap();
    }
}
