//! The rules that the compiler does not check: which crate may depend on which (`ARCHITECTURE.md`),
//! where `unsafe` may be, and that nothing of the machine it was written on is in the tree.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A row of the table of crates: a crate may depend only on crates of rows with lower numbers.
struct Row {
    number: u8,
    name: &'static str,
    /// The external crates that it may build on; any of them if none are given.
    external: Option<&'static [&'static str]>,
}

const fn row(number: u8, name: &'static str, external: Option<&'static [&'static str]>) -> Row {
    Row { number, name, external }
}

const TABLE: &[Row] = &[
    row(0, "wz-api", Some(&[])),
    row(1, "wz-experimental", Some(&[])),
    row(1, "wz-decode", Some(&["wasmparser"])),
    row(1, "wz-imports", Some(&[])),
    row(1, "wz-symbols", Some(&["gimli", "addr2line", "rustc-demangle", "cpp_demangle"])),
    row(1, "wz-wasi", Some(&["cap-std", "cap-fs-ext", "getrandom", "rustix"])),
    row(2, "wz-core", Some(&["region", "parking_lot", "rustix", "libc"])),
    row(3, "wz-interp", Some(&[])),
    row(3, "wz-jit", Some(&["regalloc2", "dynasmrt", "region", "parking_lot", "libc", "blake3", "rustix"])),
    row(4, "wz-jit-x86_64", Some(&["dynasm", "dynasmrt", "regalloc2"])),
    row(4, "wz-jit-aarch64", Some(&["dynasm", "dynasmrt"])),
    row(5, "wz-runtime", Some(&[])),
    row(6, "wz-wast", Some(&["wast", "wat", "wasmparser"])),
    row(7, "wz-cli", None),
    row(7, "wz-testkit", None),
    row(8, "xtask", None),
];

/// The crates that may use `wz-testkit`: it is for development.
const TESTKIT_USERS: &[&str] = &["xtask"];

/// What is wrong with an edge between two crates.
fn edge_problem(from: &str, to: &str, build_or_normal: bool) -> Option<String> {
    let find = |name: &str| TABLE.iter().find(|row| row.name == name);
    let Some(from_row) = find(from) else { return Some(format!("{from} is not in the table")) };
    match find(to) {
        Some(to_row) if to_row.number >= from_row.number => Some(format!("{from} must not depend on {to}")),
        Some(_) if to == "wz-testkit" && !TESTKIT_USERS.contains(&from) => {
            Some(format!("{from} must not depend on {to}, which is for development"))
        }
        Some(_) => None,
        None if to.starts_with("wz-") => Some(format!("{to} is not in the table")),
        None => {
            let allowed = from_row.external.is_none_or(|external| external.contains(&to));
            (build_or_normal && !allowed).then(|| format!("{from} must not build on {to}"))
        }
    }
}

#[test]
fn crates_depend_only_on_rows_above() {
    let metadata = metadata();
    let mut problems = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let from = package["name"].as_str().unwrap();
        if !TABLE.iter().any(|row| row.name == from) {
            problems.push(format!("{from} is not in the table"));
        }
        for dependency in package["dependencies"].as_array().unwrap() {
            let development = dependency["kind"].as_str() == Some("dev");
            let to = dependency["name"].as_str().unwrap();
            problems.extend(edge_problem(from, to, !development));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn forbidden_edges_are_found() {
    for (from, to) in [
        ("wz-interp", "wz-jit"),
        ("wz-jit", "wz-interp"),
        ("wz-jit-x86_64", "wz-jit-aarch64"),
        ("wz-wasi", "wz-core"),
        ("wz-experimental", "wz-core"),
        ("wz-interp", "wz-runtime"),
        ("wz-core", "wz-testkit"),
        ("wz-cli", "wz-testkit"),
        ("wz-api", "serde"),
        ("wz-unheard", "wz-api"),
        ("wz-cli", "wz-unheard"),
    ] {
        assert!(edge_problem(from, to, true).is_some(), "{from} -> {to}");
    }
    assert_eq!(edge_problem("wz-core", "wz-decode", true), None);
    assert_eq!(edge_problem("wz-core", "wat", false), None);
}

/// The crates that may have `unsafe` in the modules that `docs/unsafe.md` lists.
const UNSAFE_CRATES: &[&str] = &["wz-core", "wz-interp", "wz-jit"];

#[test]
fn unsafe_is_where_it_may_be() {
    let root = root();
    let mut problems = Vec::new();
    for package in metadata()["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let attribute =
            if UNSAFE_CRATES.contains(&name) { "#![deny(unsafe_code)]" } else { "#![forbid(unsafe_code)]" };
        for target in package["targets"].as_array().unwrap() {
            let kind = target["kind"][0].as_str().unwrap();
            let path = target["src_path"].as_str().unwrap();
            if matches!(kind, "lib" | "bin") && !fs::read_to_string(path).unwrap().contains(attribute) {
                problems.push(format!("{path}: no {attribute}"));
            }
        }
    }
    let list = fs::read_to_string(root.join("docs/unsafe.md")).unwrap_or_default();
    for name in UNSAFE_CRATES {
        let sources = root.join("crates").join(name).join("src");
        for file in files_below(&sources) {
            for allowed in modules_with_unsafe(&file, &fs::read_to_string(&file).unwrap()) {
                let listed = allowed.as_ref().is_some_and(|path| list.contains(&shown(&root, path)));
                if !listed {
                    let what = allowed.map_or("what is not a module".into(), |path| shown(&root, &path));
                    problems.push(format!(
                        "{}: unsafe allowed in {what}, not in docs/unsafe.md",
                        shown(&root, &file)
                    ));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The files whose modules may have `unsafe` according to `text`; `None` for an item that is not
/// a module in a file of its own.
fn modules_with_unsafe(file: &Path, text: &str) -> Vec<Option<PathBuf>> {
    let mut found = Vec::new();
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    for (position, line) in lines.iter().enumerate() {
        let (inner, outer) = (concat!("#![all", "ow(unsafe_code"), concat!("#[all", "ow(unsafe_code"));
        if line.starts_with(inner) {
            found.push(Some(file.to_owned()));
        } else if line.contains(outer) {
            let after = |line: &&&str| !line.starts_with("#[") && !line.starts_with("//");
            let own = line.rsplit_once(']').map_or("", |(_, rest)| rest.trim());
            let item =
                if own.is_empty() { lines[position + 1..].iter().find(after).copied() } else { Some(own) };
            let module =
                item.and_then(|item| item.strip_suffix(';')?.rsplit_once("mod ")).map(|(_, name)| name);
            found.push(module.map(|name| child_module(file, name)));
        }
    }
    found
}

fn child_module(file: &Path, name: &str) -> PathBuf {
    let stem = file.file_stem().unwrap().to_str().unwrap();
    let folder = file.parent().unwrap();
    let folder = if matches!(stem, "lib" | "main" | "mod") { folder.to_owned() } else { folder.join(stem) };
    let nested = folder.join(name).join("mod.rs");
    if nested.exists() { nested } else { folder.join(format!("{name}.rs")) }
}

fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

#[test]
fn allowed_modules_are_found() {
    let allow = concat!("#[all", "ow(unsafe_code)]");
    let text = format!(
        "{allow}\n#[doc(hidden)]\npub(crate) mod guest;\n{allow} mod records;\n{allow}\nfn f() {{}}\n"
    );
    let found = modules_with_unsafe(Path::new("src/sys.rs"), &text);
    assert_eq!(found, [Some("src/sys/guest.rs".into()), Some("src/sys/records.rs".into()), None]);
    assert_eq!(
        modules_with_unsafe(Path::new("src/lib.rs"), &format!("{allow} mod a;")),
        [Some("src/a.rs".into())]
    );
}

#[test]
fn nothing_of_a_machine_is_in_the_tree() {
    let root = root();
    let mut problems = Vec::new();
    for file in files_below(&root) {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        let rust = file.extension().is_some_and(|extension| extension == "rs");
        for (number, line) in text.lines().enumerate() {
            if let Some(what) = machine_path(line).or_else(|| unfinished(line).filter(|_| rust)) {
                problems.push(format!("{}:{}: {what}", shown(&root, &file), number + 1));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// An absolute path of the machine that the project is developed on.
fn machine_path(line: &str) -> Option<&'static str> {
    let paths = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/tmp/ba", "sh_jobs")];
    paths.into_iter().find(|path| {
        line.match_indices(path).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            !before.is_some_and(|before| before.is_alphanumeric() || "._-}*".contains(before))
        })
    })
}

fn unfinished(line: &str) -> Option<&'static str> {
    [concat!("todo", "!("), concat!("unimple", "mented!(")].into_iter().find(|text| line.contains(text))
}

#[test]
fn machine_paths_are_told_from_others() {
    assert!(machine_path(concat!("see /wo", "rk/main")).is_some());
    assert!(machine_path(concat!("\"/ro", "ot/.cargo\"")).is_some());
    assert!(machine_path(concat!("src/wo", "rk/file.rs")).is_none());
    assert!(unfinished(concat!("    todo", "!()")).is_some());
}

/// The files below a folder, without what is built and what belongs to tools.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap_or_default();
            if path.is_dir() {
                if !matches!(name, "target" | ".git" | "corpus" | "artifacts") {
                    folders.push(path);
                }
            } else {
                files.push(path);
            }
        }
    }
    files
}
