//! [`DumpFolder`]: where functions are written as they are compiled, after each stage.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use wz_decode::ModuleInfo;

use super::Explanation;

/// A folder that functions are written to as they are compiled: a file each.
#[derive(Clone, Debug)]
pub struct DumpFolder {
    folder: PathBuf,
    /// A function's index, or part of its name; all of them if empty.
    filter: String,
}

impl DumpFolder {
    /// Writes the functions that a filter is for: an index, imports included, or a part of a name. An
    /// empty one is for all functions.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, filter: impl Into<String>) -> Self {
        Self { folder: folder.into(), filter: filter.into() }
    }

    /// Whether a function, given by its index, imports included, is to be written.
    pub(super) fn wants(&self, info: &ModuleInfo, function: u32) -> bool {
        let name = || info.function_definition(function).debug_name().to_string();
        match self.filter.parse::<u32>() {
            Ok(index) => index == function,
            Err(_) => self.filter.is_empty() || name().contains(&self.filter),
        }
    }

    /// Writes a function. What fails is said on standard error: a dump that is not there would be
    /// taken for code that was not compiled.
    pub(super) fn write(&self, info: &ModuleInfo, function: u32, version: &str, explanation: &Explanation) {
        let module = if info.name.is_empty() { "module" } else { &*info.name };
        let plain = |character: char| if character.is_ascii_alphanumeric() { character } else { '_' };
        let module: String = module.chars().take(64).map(plain).collect();
        let file = self.folder.join(format!("{module}.{function}.{version}.txt"));
        let written = fs::create_dir_all(&self.folder).and_then(|()| {
            let mut text = Vec::new();
            writeln!(text, ";; {}", info.function_definition(function).debug_name())?;
            explanation.print(&mut text)?;
            fs::write(&file, text)
        });
        if let Err(error) = written {
            eprintln!("cannot write {}: {error}", file.display());
        }
    }
}

impl Explanation {
    /// Writes the stages, and the code by operators, as text.
    ///
    /// # Errors
    /// If that fails.
    pub fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        for stage in &self.stages {
            writeln!(out, "-- {}\n{}", stage.stage, stage.text.trim_end())?;
        }
        writeln!(out, "-- code, {} bytes", self.code.len())?;
        for (range, code_offset) in &self.operators {
            let code = self.code.get(range.start as usize..range.end as usize).unwrap_or_default();
            for (line, bytes) in code.chunks(16).enumerate() {
                let at = range.start as usize + line * 16;
                let hex: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                let note = if line == 0 { format!("  ; {code_offset:#x}") } else { String::new() };
                writeln!(out, "{at:6x}: {:47}{note}", hex.join(" "))?;
            }
        }
        Ok(())
    }
}
