//! What people see on a terminal and programs do not: colours, and a bar while a large module is
//! compiled.
#![cfg(target_os = "linux")]

mod support;

use std::fs::File;
use std::io::Read as _;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use support::{Dir, engines};
use wasm_encoder::{
    CodeSection, ExportKind, ExportSection, Function, FunctionSection, Module, TypeSection, ValType,
};

/// Runs a command with standard output and error on a terminal of its own, and gives its status and
/// what the terminal got.
fn on_terminal(mut command: Command) -> (Option<i32>, String) {
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&person).unwrap();
    unlockpt(&person).unwrap();
    let name = ptsname(&person, Vec::new()).unwrap().into_string().unwrap();
    let program = File::options().read(true).write(true).open(name).unwrap();
    command.env("TERM", "xterm").stdout(Stdio::from(program.try_clone().unwrap())).stderr(program);
    let mut child = command.spawn().unwrap();
    // The command keeps the program's side open otherwise.
    drop(command);
    let mut seen = Vec::new();
    let mut chunk = [0; 4096];
    let mut person = File::from(person);
    // When nobody has the program's side any more, that is an error.
    while let Ok(len @ 1..) = person.read(&mut chunk) {
        seen.extend_from_slice(&chunk[..len]);
    }
    (child.wait().unwrap().code(), String::from_utf8(seen).unwrap().replace("\r\n", "\n"))
}

#[test]
fn errors_are_coloured_on_terminals_only() {
    let dir = Dir::new().file("f.wat", r#"(module (func (export "f")))"#);
    let (status, seen) = on_terminal(dir.command("--invoke x f.wat"));
    assert_eq!(
        (status, &*seen),
        (
            Some(1),
            "\x1b[1;31merror:\x1b[0m no function is exported as \"x\"\n\x1b[1;36mhint:\x1b[0m these are: f\n"
        )
    );
    let (_, seen) = on_terminal(dir.command("f.wat"));
    assert!(seen.starts_with("\x1b[1;36mnote:\x1b[0m f.wat has no _start"), "{seen:?}");
    let mut plain = dir.command("--invoke x f.wat");
    plain.env("NO_COLOR", "1");
    let (_, seen) = on_terminal(plain);
    assert_eq!(seen, "error: no function is exported as \"x\"\nhint: these are: f\n");
    dir.run("--invoke x f.wat").is(1, "", &seen);
}

#[test]
fn help_is_coloured_on_terminals_only() {
    let dir = Dir::new();
    for line in ["--help", "run --help", "wast --help", "--bogus"] {
        let (_, seen) = on_terminal(dir.command(line));
        assert!(seen.contains("\x1b["), "{line}: {seen}");
        let mut plain = dir.command(line);
        plain.env("NO_COLOR", "1");
        let (_, seen) = on_terminal(plain);
        assert!(!seen.contains("\x1b["), "{line}: {seen}");
        let run = dir.run(line);
        assert!(!run.out.contains('\x1b') && !run.err.contains('\x1b'), "{line}");
    }
}

/// A module of more than a megabyte that takes a second or so to compile.
fn large() -> Vec<u8> {
    let count: u32 = if cfg!(debug_assertions) { 4000 } else { 60_000 };
    let (mut types, mut functions, mut exports, mut code) =
        (TypeSection::new(), FunctionSection::new(), ExportSection::new(), CodeSection::new());
    types.ty().function([ValType::I32], [ValType::I32]);
    exports.export("f", ExportKind::Func, 0);
    for number in 0..count {
        functions.function(0);
        let mut function = Function::new([]);
        let mut body = function.instructions();
        for step in 0..60 {
            body.local_get(0).i32_const((number ^ step) as i32).i32_add().local_set(0);
        }
        body.local_get(0).end();
        code.function(&function);
    }
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&exports).section(&code);
    module.finish()
}

#[test]
fn compiling_a_large_module_shows_a_bar_on_terminals_only() {
    if !engines().contains(&"jit") {
        return; // Nothing is compiled before it is called.
    }
    let dir = Dir::new().file("large.wasm", large()).file("small.wat", "(module (func))");
    let (status, seen) = on_terminal(dir.command("compile --cache-dir c large.wasm"));
    assert_eq!(status, Some(0), "{seen}");
    let (bar, rest) = seen.rsplit_once("\r\x1b[K").expect(&seen);
    assert!(rest.starts_with("large.wasm: "), "{seen:?}");
    let mut last = 0;
    for drawn in bar.split("\x1b[K").filter(|drawn| !drawn.is_empty()) {
        let drawn = drawn.strip_prefix("\rcompiling large.wasm [").expect(drawn);
        let (filled, percent) = drawn.split_once("] ").expect(drawn);
        let percent: u32 = percent.strip_suffix(" %").expect(drawn).trim().parse().unwrap();
        assert!(filled.len() == 24 && percent >= last && percent <= 100, "{drawn}");
        last = percent;
    }
    let run = dir.run("compile --cache-dir d large.wasm");
    assert!(
        run.status == Some(0) && run.err.is_empty() && run.out.starts_with("large.wasm: "),
        "{}",
        run.err
    );
    // What is small is never drawn.
    let (_, seen) = on_terminal(dir.command("compile --cache-dir e small.wat"));
    assert!(seen.starts_with("small.wat: ") && !seen.contains('\x1b'), "{seen:?}");
}
