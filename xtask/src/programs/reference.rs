//! Records what the guest programs print and how they end, from another runtime: wasmtime's Python package.
//!
//! The cases are in `testdata/programs/MANIFEST.toml`; benchmarks get their checksums in `testdata/bench/expected.txt`.
//! A case that does not end as the manifest says is an error: the manifest is what tests rely on.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::{Workspace, execute};

const WASMTIME_VERSION: &str = "50.0.1";

/// The exit code with which `reference.py` reports a trap.
const TRAPPED: i32 = 134;

/// Runs every case whose program is there, and writes the expected outputs.
pub(super) fn record(workspace: &Workspace, out: &Path) -> Result<()> {
    let runner = Runner::new(workspace)?;
    let folder = workspace.root.join("testdata/programs");
    let manifest = parse(&fs::read_to_string(folder.join("MANIFEST.toml"))?)?;
    let mut written = BTreeMap::new();
    for case in manifest.iter().filter(|table| table.kind == "case") {
        let name = case.text("name").context("a case without a name")?;
        let program = case.text("program").with_context(|| format!("{name}: no program"))?;
        let program = manifest
            .iter()
            .find(|table| table.kind == "program" && table.text("name") == Some(program))
            .with_context(|| format!("{name}: no such program"))?;
        let wasm = program.text("wasm").context("a program without wasm")?;
        let wasm = match wasm.strip_prefix("target/programs/") {
            Some(built) => out.join(built),
            None => folder.join(wasm),
        };
        if !wasm.is_file() {
            println!("skipped {name}: {} is not built", workspace.short(&wasm));
            continue;
        }
        let stdout = runner.case(name, case, &wasm).with_context(|| format!("case {name}"))?;
        let default = format!("expected/{name}.stdout");
        let path = folder.join(case.text("stdout").unwrap_or(&default));
        if case.text("trap").is_some() && stdout.is_empty() {
            println!("traps    {name}");
            continue;
        }
        if let Some(other) = written.get(&path) {
            ensure!(
                *other == stdout,
                "{name} and another case print different things, but share {}",
                path.display()
            );
        }
        fs::write(&path, &stdout).with_context(|| format!("cannot write {}", path.display()))?;
        println!("recorded {name}");
        written.insert(path, stdout);
    }
    runner.benchmarks()
}

struct Runner<'a> {
    workspace: &'a Workspace,
    python_path: PathBuf,
}

impl<'a> Runner<'a> {
    fn new(workspace: &'a Workspace) -> Result<Self> {
        let python_path = workspace.target.join("wasmtime");
        if !python_path.join("wasmtime/__init__.py").is_file() {
            println!("fetching wasmtime {WASMTIME_VERSION} into {}", workspace.short(&python_path));
            let mut pip = Command::new("python3");
            pip.args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--root-user-action=ignore",
                "--target",
            ])
            .arg(&python_path);
            execute(pip.arg(format!("wasmtime=={WASMTIME_VERSION}"))).with_context(|| {
                format!("the reference runtime is missing: pip install wasmtime=={WASMTIME_VERSION}")
            })?;
        }
        Ok(Self { workspace, python_path })
    }

    fn python(&self, wasm: &Path) -> Command {
        let mut command = Command::new("python3");
        command.env("PYTHONPATH", &self.python_path).env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null());
        command.arg(self.workspace.root.join("testdata/programs/reference.py")).arg(wasm);
        command
    }

    /// Runs one case and returns its standard output.
    fn case(&self, name: &str, case: &Table, wasm: &Path) -> Result<Vec<u8>> {
        let folder = self.workspace.root.join("testdata/programs");
        let empty = self.workspace.target.join("empty").join(name);
        let mut command = self.python(wasm);
        for variable in case.list("env") {
            command.args(["--env", variable]);
        }
        for mount in case.list("mounts") {
            let (host, guest) = mount.split_once("::").context("a mount is HOST::GUEST")?;
            let host = if host == "@empty" {
                let _ = fs::remove_dir_all(&empty);
                fs::create_dir_all(&empty)?;
                empty.clone()
            } else {
                folder.join(host)
            };
            command.arg("--dir").arg(format!("{}::{guest}", host.display()));
        }
        if let Some(stdin) = case.text("stdin") {
            command.arg("--stdin").arg(folder.join(stdin));
        }
        if let Some(invoke) = case.text("invoke") {
            command.args(["--invoke", invoke]);
        }
        command.arg("--").args(case.list("args"));
        let output = command.output().context("cannot run python3")?;
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let code = output.status.code();
        match case.text("trap") {
            Some(trap) => ensure!(
                code == Some(TRAPPED) && stderr.contains(trap),
                "no {trap:?} trap: {code:?}\n{stderr}"
            ),
            None => {
                let expected = case.number("exit")?;
                ensure!(code == Some(expected), "exit code {code:?}, the manifest says {expected}\n{stderr}");
            }
        }
        if empty.is_dir() {
            let mut left: Vec<String> = fs::read_dir(&empty)?
                .flatten()
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect();
            left.sort();
            ensure!(left == case.list("leaves"), "the mounted folder holds {left:?} afterwards");
            fs::remove_dir_all(&empty)?;
        }
        Ok(output.stdout)
    }

    /// Writes the checksums of `run(0)`, `run(1)` and `run(3)` of every benchmark.
    fn benchmarks(&self) -> Result<()> {
        let folder = self.workspace.root.join("testdata/bench");
        let mut text = String::from(
            "# benchmark, n, run(n) as a signed i64; from wasmtime: cargo xtask programs --record\n",
        );
        let programs = self.workspace.programs()?;
        let mut names: Vec<_> =
            programs.iter().filter(|program| program.group == "bench").map(|program| &program.name).collect();
        names.sort();
        for name in names {
            for n in [0, 1, 3] {
                let mut command = self.python(&folder.join(format!("{name}.wasm")));
                let output = command.args(["--invoke", "run", "--", &n.to_string()]).output()?;
                let sum: i64 = String::from_utf8_lossy(&output.stdout)
                    .trim()
                    .parse()
                    .with_context(|| format!("{name}: {}", String::from_utf8_lossy(&output.stderr)))?;
                writeln!(text, "{name} {n} {sum}")?;
            }
            println!("recorded {name}");
        }
        Ok(fs::write(folder.join("expected.txt"), text)?)
    }
}

/// One `[[kind]]` table of the manifest: strings, lists of strings and integers, each on one line.
struct Table {
    kind: String,
    values: BTreeMap<String, Value>,
}

enum Value {
    Text(String),
    List(Vec<String>),
    Number(i32),
}

impl Table {
    fn text(&self, key: &str) -> Option<&str> {
        match self.values.get(key)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    fn list(&self, key: &str) -> &[String] {
        match self.values.get(key) {
            Some(Value::List(list)) => list,
            _ => &[],
        }
    }

    fn number(&self, key: &str) -> Result<i32> {
        match self.values.get(key) {
            None => Ok(0),
            Some(Value::Number(number)) => Ok(*number),
            Some(_) => bail!("{key} is not a number"),
        }
    }
}

/// Reads the part of TOML that the manifest uses.
fn parse(text: &str) -> Result<Vec<Table>> {
    let mut tables: Vec<Table> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        let at = || format!("MANIFEST.toml, line {}: {line}", number + 1);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(kind) = line.strip_prefix("[[").and_then(|rest| rest.strip_suffix("]]")) {
            tables.push(Table { kind: kind.to_owned(), values: BTreeMap::new() });
            continue;
        }
        let (key, value) = line.split_once(" = ").with_context(at)?;
        let value = if let Some(list) = value.strip_prefix('[') {
            let list = list.strip_suffix(']').with_context(at)?;
            Value::List(strings(list).with_context(at)?)
        } else if value.starts_with('"') {
            let mut texts = strings(value).with_context(at)?;
            ensure!(texts.len() == 1, at());
            Value::Text(texts.remove(0))
        } else {
            Value::Number(value.parse().with_context(at)?)
        };
        tables.last_mut().with_context(at)?.values.insert(key.to_owned(), value);
    }
    Ok(tables)
}

/// Splits `"a", "b"`; no escapes.
fn strings(text: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (string, after) =
            rest.strip_prefix('"').and_then(|rest| rest.split_once('"')).context("a string was expected")?;
        ensure!(!string.contains('\\'), "escapes are not supported");
        found.push(string.to_owned());
        rest = after.trim_start().trim_start_matches(',').trim_start();
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_names_files_that_are_there() {
        let folder = Workspace::find().unwrap().root.join("testdata/programs");
        let tables = parse(&fs::read_to_string(folder.join("MANIFEST.toml")).unwrap()).unwrap();
        assert!(tables.len() > 20);
        for table in &tables {
            let name = table.text("name").unwrap();
            let default = format!("expected/{name}.stdout");
            let mut paths = vec![table.text("source"), table.text("stdin")];
            match table.kind.as_str() {
                "program" => paths.push(table.text("wasm").filter(|wasm| !wasm.starts_with("target/"))),
                "case" if table.text("trap").is_none() => paths.push(table.text("stdout").or(Some(&default))),
                "case" => {}
                other => panic!("[[{other}]]"),
            }
            for path in paths.into_iter().flatten() {
                assert!(folder.join(path).is_file(), "{name}: {path} is missing");
            }
        }
    }

    #[test]
    fn strings_are_split() {
        assert_eq!(strings(r#""a", "b, c","#).unwrap(), ["a", "b, c"]);
        assert!(strings("").unwrap().is_empty());
        assert!(strings("a").is_err());
        assert!(strings(r#""a\n""#).is_err());
    }
}
