//! The real programs of `testdata/programs` under `wz`: every case of `MANIFEST.toml` prints what
//! another runtime printed. Programs that `cargo xtask programs` builds are run if they are there.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

#[derive(Deserialize)]
struct Manifest {
    program: Vec<Program>,
    case: Vec<Case>,
}

#[derive(Deserialize)]
struct Program {
    name: String,
    wasm: String,
    /// A proposal that the program needs beyond what wz has.
    needs: Option<String>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    program: String,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: Vec<String>,
    #[serde(default)]
    mounts: Vec<String>,
    stdin: Option<String>,
    invoke: Option<String>,
    #[serde(default)]
    exit: i32,
    trap: Option<String>,
    stdout: Option<String>,
    #[serde(default)]
    leaves: Vec<String>,
}

/// What wz has beyond WebAssembly 2.0, as `needs` names it.
const SUPPORTED: &[&str] = &["tail-call", "extended-const", "multi-memory", "memory64", "relaxed-simd"];

fn programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/programs")
}

fn manifest() -> Manifest {
    let text = fs::read_to_string(programs().join("MANIFEST.toml")).expect("the manifest is there");
    toml::from_str(&text).expect("the manifest is well-formed")
}

/// Runs a case and says what differs.
fn run(program: &Program, case: &Case, wasm: &Path) -> Result<(), String> {
    let scratch = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_wz"));
    for variable in &case.env {
        command.args(["--env", variable]);
    }
    for mount in &case.mounts {
        let (host, guest) = mount.split_once("::").ok_or("a mount is HOST::GUEST")?;
        let host = if host == "@empty" { scratch.path().to_owned() } else { programs().join(host) };
        let mut argument = OsString::from(host);
        argument.push("::");
        argument.push(guest);
        command.arg("--dir").arg(argument);
    }
    if let Some(function) = &case.invoke {
        command.args(["--invoke", function]);
    }
    command.arg(wasm).args(&case.args);
    command.stdin(match &case.stdin {
        Some(file) => Stdio::from(fs::File::open(programs().join(file)).map_err(|error| error.to_string())?),
        None => Stdio::null(),
    });
    let output = command.output().map_err(|error| error.to_string())?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    let exit = if case.trap.is_some() { 134 } else { case.exit };
    if output.status.code() != Some(exit) {
        return Err(format!("exit {:?}, not {exit}; stderr:\n{stderr}", output.status.code()));
    }
    if let Some(trap) = &case.trap {
        // wazero's text, which wz has, where it is not that of the specification.
        let text = match trap.as_str() {
            "undefined element" | "uninitialized element" => "invalid table access",
            text => text,
        };
        if !stderr.contains(text) {
            return Err(format!("no {text:?} in stderr:\n{stderr}"));
        }
    }
    let expected = match &case.stdout {
        None if case.trap.is_some() => Vec::new(),
        name => {
            let name = name.clone().unwrap_or_else(|| format!("expected/{}.stdout", case.name));
            fs::read(programs().join(&name)).map_err(|error| format!("{name}: {error}"))?
        }
    };
    if output.stdout != expected {
        return Err(format!(
            "{} printed:\n{}\nexpected:\n{}\nstderr:\n{stderr}",
            program.name,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&expected)
        ));
    }
    let mut left: Vec<_> = fs::read_dir(scratch.path())
        .map_err(|error| error.to_string())?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    left.sort();
    if left == case.leaves { Ok(()) } else { Err(format!("left {left:?}, not {:?}", case.leaves)) }
}

/// Runs the cases whose program stands where `select` says, and gives how many that were.
fn run_all(select: impl Fn(&Program) -> Option<PathBuf>) -> usize {
    let manifest = manifest();
    let (mut ran, mut failures) = (0, Vec::new());
    for case in &manifest.case {
        let program = manifest.program.iter().find(|program| program.name == case.program);
        let program = program.unwrap_or_else(|| panic!("case {}: no program {}", case.name, case.program));
        if program.needs.as_deref().is_some_and(|needs| !SUPPORTED.contains(&needs)) {
            continue;
        }
        let Some(wasm) = select(program) else { continue };
        ran += 1;
        if let Err(problem) = run(program, case, &wasm) {
            failures.push(format!("{}: {problem}", case.name));
        }
    }
    assert!(failures.is_empty(), "{} of {ran} failed:\n{}", failures.len(), failures.join("\n\n"));
    ran
}

#[test]
fn small_programs_print_what_they_print_elsewhere() {
    let ran =
        run_all(|program| (!program.wasm.starts_with("target/")).then(|| programs().join(&program.wasm)));
    assert!(ran >= 15, "only {ran} cases: is the manifest whole?");
}

/// Minutes without optimization, so that only optimized builds run them.
#[test]
#[cfg(not(debug_assertions))]
fn large_programs_print_what_they_print_elsewhere() {
    let root = programs().join("../..");
    let ran = run_all(|program| {
        let wasm = root.join(&program.wasm);
        (program.wasm.starts_with("target/") && wasm.exists()).then_some(wasm)
    });
    println!("{ran} cases of large programs; `cargo xtask programs` builds what is missing");
}
