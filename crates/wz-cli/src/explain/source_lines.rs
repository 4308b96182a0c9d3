//! [`SourceLines`]: which line of a source file code comes from, out of the module's DWARF.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

use addr2line::Context;
use addr2line::gimli::{Dwarf, EndianSlice, Error, LittleEndian, SectionId};
use wz::CustomSection;

/// The largest source file whose lines are shown.
const MAX_SOURCE_BYTES: u64 = 16 << 20;

/// The debugging information of a module.
pub(super) struct SourceLines<'a> {
    context: Context<EndianSlice<'a, LittleEndian>>,
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
    /// What the sections tell; none if there is no DWARF, or none that can be read.
    pub(super) fn of(sections: &'a [CustomSection]) -> Option<Self> {
        let section = |id: SectionId| {
            let found = sections.iter().find(|section| *section.name == *id.name());
            Ok::<_, Error>(EndianSlice::new(found.map_or(&[][..], |section| &section.data[..]), LittleEndian))
        };
        if !sections.iter().any(|section| &*section.name == ".debug_line") {
            return None;
        }
        let context = Context::from_dwarf(Dwarf::load(section).ok()?).ok()?;
        Some(Self { context, files: RefCell::default() })
    }

    /// Where the operator at an offset in the body of the Code section comes from.
    pub(super) fn at(&self, code_offset: u32) -> Option<SourceLine> {
        let location = self.context.find_location(u64::from(code_offset)).ok()??;
        Some(SourceLine { file: location.file?.to_owned(), line: location.line.filter(|line| *line > 0)? })
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
