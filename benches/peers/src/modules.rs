//! The modules that are measured, and where they are.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::options::Options;
use crate::peer::Command;

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A program that exports `run`.
pub struct Kernel {
    pub name: String,
    pub wasm: Vec<u8>,
    /// What `run(1)` returns in a fresh instance.
    pub checksum: i64,
}

/// The programs of `testdata/bench`, in the order of `expected.txt`.
pub fn kernels() -> Result<Vec<Kernel>> {
    let folder = root().join("testdata/bench");
    let expected = fs::read_to_string(folder.join("expected.txt"))?;
    let mut kernels = Vec::new();
    for line in expected.lines().filter(|line| !line.starts_with('#')) {
        if let [name, "1", checksum] = line.split_whitespace().collect::<Vec<_>>()[..] {
            let path = folder.join(format!("{name}.wasm"));
            let wasm = fs::read(&path).with_context(|| path.display().to_string())?;
            kernels.push(Kernel { name: name.to_owned(), wasm, checksum: checksum.parse()? });
        }
    }
    Ok(kernels)
}

/// A WASI command with fixed input.
pub struct Program {
    pub name: &'static str,
    pub command: Command,
    /// What it prints.
    pub stdout: Vec<u8>,
}

/// The commands among the large programs.
pub fn programs() -> Result<Vec<Program>> {
    let folder = root().join("testdata/programs");
    let program = |name: &'static str, script: Option<&'static str>| -> Result<Program> {
        let mut command = Command { arguments: vec![format!("{name}.wasm")], mounts: Vec::new() };
        if let Some((mount, _)) = script.and_then(|path| path[1..].split_once('/')) {
            command.mounts.push((folder.join(name), format!("/{mount}")));
        }
        command.arguments.extend(script.map(str::to_owned));
        Ok(Program { name, command, stdout: fs::read(folder.join(format!("expected/{name}.stdout")))? })
    };
    [("lua", Some("/lua/bench.lua")), ("quickjs", Some("/js/bench.js")), ("sqlite", None), ("zstd", None)]
        .into_iter()
        .map(|(name, script)| program(name, script))
        .collect()
}

/// A large module: `NAME.wasm` in one of the folders.
pub fn find(name: &str, options: &Options) -> Option<PathBuf> {
    options.modules.iter().map(|folder| folder.join(format!("{name}.wasm"))).find(|path| path.is_file())
}

/// How many bytes the Code section has.
pub fn code_size(wasm: &[u8]) -> Option<usize> {
    const CODE: u8 = 10;
    let mut at = 8;
    loop {
        let id = *wasm.get(at)?;
        let (size, length) = leb128(wasm.get(at + 1..)?)?;
        if id == CODE {
            return Some(size);
        }
        at += 1 + length + size;
    }
}

/// A number, and how many bytes it takes.
fn leb128(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_sections_are_found() {
        let wasm = wat::parse_str("(module (memory 1) (func) (func nop))").unwrap();
        assert_eq!(code_size(&wasm), Some(1 + 3 + 4));
        assert_eq!(code_size(&wat::parse_str("(module (memory 1))").unwrap()), None);
        assert_eq!(code_size(&wasm[..wasm.len() - 9]), None);
    }

    #[test]
    fn programs_have_results() {
        assert!(kernels().unwrap().len() >= 23);
        for program in programs().unwrap() {
            assert!(!program.stdout.is_empty(), "{}", program.name);
        }
    }
}
