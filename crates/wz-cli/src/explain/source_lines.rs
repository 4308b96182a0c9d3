//! [`SourceLines`]: which line of a source file code comes from, out of the module's DWARF.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

use wz::CompiledModule;

/// The largest source file whose lines are shown.
const MAX_SOURCE_BYTES: u64 = 16 << 20;

/// The debugging information of a module.
pub(super) struct SourceLines<'a> {
    module: &'a CompiledModule,
    files: RefCell<HashMap<String, Option<Vec<String>>>>,
}

/// A line of a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SourceLine {
    /// The file, as the module names it.
    pub(super) file: String,
    /// The number, from 1.
    pub(super) line: u32,
}

impl<'a> SourceLines<'a> {
    /// What a module that keeps its custom sections tells; none if it has no DWARF.
    pub(super) fn of(module: &'a CompiledModule) -> Option<Self> {
        let has_lines = module.custom_sections().iter().any(|section| &*section.name == ".debug_line");
        has_lines.then(|| Self { module, files: RefCell::default() })
    }

    /// Where the operator at an offset in the body of the Code section comes from.
    pub(super) fn at(&self, code_offset: u32) -> Option<SourceLine> {
        let location = self.module.source_locations(code_offset).into_iter().next()?;
        Some(SourceLine { file: location.file, line: location.line.filter(|line| *line > 0)? })
    }

    /// The text of a line, if its file is there.
    pub(super) fn text(&self, line: &SourceLine) -> Option<String> {
        let mut files = self.files.borrow_mut();
        let lines = files.entry(line.file.clone()).or_insert_with(|| read_lines(&line.file));
        lines.as_ref()?.get(line.line as usize - 1).cloned()
    }
}

/// The lines of a regular file of bearable size. Modules name files as they like: nothing else is
/// opened.
fn read_lines(file: &str) -> Option<Vec<String>> {
    let metadata = fs::metadata(Path::new(file)).ok()?;
    if !metadata.is_file() || metadata.len() > MAX_SOURCE_BYTES {
        return None;
    }
    let text = fs::read(file).ok()?;
    Some(String::from_utf8_lossy(&text).lines().map(str::to_owned).collect())
}
