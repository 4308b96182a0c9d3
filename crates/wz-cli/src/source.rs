//! Where a module's bytes come from: a file or standard input, in the binary or the text format.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use wz::{CompileProgress, CompiledModule, Context, EngineKind, Runtime, RuntimeConfig};

use crate::args::{COMMANDS, FeatureArgs};
use crate::escape::{escape, escape_lines};
use crate::progress::Bar;
use crate::report::Failure;

/// The first bytes of a module in the binary format, without its version.
const MAGIC: &[u8] = b"\0asm";
/// The version and layer of a component, which is not a module.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// The module at `path`, `-` for standard input, in the binary format.
///
/// # Errors
/// If it cannot be read or is not WebAssembly in either format.
pub(crate) fn load(path: &Path) -> Result<Vec<u8>, Failure> {
    let name = escape(&path.to_string_lossy());
    let bytes = read(path).map_err(|error| {
        let failure = Failure::setup(format!("cannot read {name}: {error}"));
        match error.kind() {
            std::io::ErrorKind::NotFound if COMMANDS.iter().any(|command| path == Path::new(command)) => {
                failure.with_hint(format!("\"{name}\" is a command only as the first argument"))
            }
            std::io::ErrorKind::NotFound if path == Path::new("help") => {
                failure.with_hint("wz --help shows what there is, wz COMMAND --help more of one command")
            }
            _ => failure,
        }
    })?;
    to_binary(&name, bytes)
}

/// The module at `path`, compiled.
///
/// # Errors
/// As [`load`], and if the module is not valid.
pub(crate) fn compile(runtime: &Runtime, path: &Path) -> Result<CompiledModule, Failure> {
    let bytes = load(path)?;
    let progress = CompileProgress::new();
    let context = progress.in_context(&Context::background());
    let bar = Bar::start(&path.to_string_lossy(), bytes.len(), &progress);
    let compiled = runtime.compile_with(&context, &bytes);
    drop(bar);
    compiled.map_err(|error| Failure::of_error(&path.to_string_lossy(), &error))
}

/// A runtime to look at modules with: nothing in it runs, so nothing in it is too large.
///
/// # Errors
/// None that is known.
pub(crate) fn reading_runtime(features: &FeatureArgs) -> Result<Runtime, Failure> {
    let mut config = RuntimeConfig::new()
        .with_engine(EngineKind::Interpreter)
        .with_memory64_limit_pages(u64::MAX)
        .with_table_limit_elements(u64::MAX);
    if let Some(features) = features.features {
        config = config.with_core_features(features);
    }
    Runtime::with_config(config).map_err(|error| Failure::of_error("wz", &error))
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut bytes)?;
    } else {
        File::open(path)?.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn to_binary(name: &str, bytes: Vec<u8>) -> Result<Vec<u8>, Failure> {
    if bytes.starts_with(COMPONENT) {
        let failure = Failure::setup(format!("{name} is a WebAssembly component; wz runs core modules"));
        return Err(failure.with_hint("build for a target such as wasm32-wasip1, which gives core modules"));
    }
    if bytes.starts_with(MAGIC) {
        return Ok(bytes);
    }
    let text = std::str::from_utf8(&bytes).ok().filter(|text| looks_like_text_format(text));
    let Some(text) = text else {
        let what = if bytes.is_empty() { "is empty" } else { "is not WebAssembly" };
        return Err(Failure::setup(format!("{name} {what}: neither the binary nor the text format")));
    };
    wat::parse_str(text).map_err(|mut error| {
        error.set_path(name);
        Failure::setup(escape_lines(&error.to_string()))
    })
}

/// Whether the first thing that is no comment or space opens a parenthesis.
fn looks_like_text_format(text: &str) -> bool {
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text).trim_start();
    loop {
        if let Some(comment) = rest.strip_prefix(";;") {
            rest = comment.find('\n').map_or("", |end| &comment[end..]).trim_start();
        } else if rest.starts_with("(;") {
            // The text format's own parser tells whether the comment ends.
            return true;
        } else {
            return rest.starts_with('(');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: Result<&[u8], &str>) {
        match (to_binary("m", bytes.to_vec()), expected) {
            (Ok(given), Ok(expected)) => assert_eq!(given, expected),
            (Err(given), Err(expected)) => assert!(format!("{given:?}").contains(expected), "{given:?}"),
            (given, expected) => panic!("{given:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn formats_are_told_by_content() {
        const EMPTY: &[u8] = b"\0asm\x01\0\0\0";
        check(EMPTY, Ok(EMPTY));
        check(b"\0asm", Ok(b"\0asm"));
        check(b"(module)", Ok(EMPTY));
        check(b";; one\n\n  ;; two\n(module)", Ok(EMPTY));
        check(b"(; one ;) (module)", Ok(EMPTY));
        check(b"", Err("m is empty: neither"));
        check(b"\0as", Err("m is not WebAssembly: neither"));
        check(b"\x7fELF\xff", Err("m is not WebAssembly: neither"));
        check(b"#!/bin/sh", Err("m is not WebAssembly: neither"));
        check(b";; nothing", Err("m is not WebAssembly: neither"));
        check(b"(module", Err("m:1:8"));
        check(b"\0asm\x0d\0\x01\0", Err("component"));
    }
}
