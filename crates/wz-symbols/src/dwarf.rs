//! [`Dwarf`]: lookups in the `.debug_*` sections of a module. Addresses are offsets in the body
//! of the Code section.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use gimli::{EndianArcSlice, LittleEndian, Reader as _, SectionId};
use wz_api::SourceLocation;

use crate::demangle::demangle;
use crate::sections::custom_sections;

type Reader = EndianArcSlice<LittleEndian>;

/// More inlined calls than this at one place are left out.
const MAX_INLINED: usize = 256;

/// How many places are remembered.
const CACHED: usize = 4096;

/// The DWARF of a module. Units are parsed when a lookup comes to them.
pub(crate) struct Dwarf {
    context: addr2line::Context<Reader>,
    known: HashMap<u32, Vec<SourceLocation>>,
}

impl Dwarf {
    /// The DWARF of a module; none if there is none or it is out of proportion.
    pub(crate) fn of_module(bytes: &Arc<[u8]>) -> Option<Self> {
        let sections: HashMap<&str, Range<usize>> = custom_sections(bytes).into_iter().collect();
        if !sections.contains_key(".debug_info") {
            return None;
        }
        let load = |id: SectionId| -> Result<Reader, gimli::Error> {
            let range = sections.get(id.name()).cloned().unwrap_or(0..0);
            Ok(Reader::new(bytes.clone(), LittleEndian).range(range))
        };
        // What the libraries do not expect must not take the host down.
        catch_unwind(AssertUnwindSafe(|| {
            let dwarf = gimli::Dwarf::load(load).ok()?;
            in_proportion(&dwarf, bytes.len())?;
            let context = addr2line::Context::from_dwarf(dwarf).ok()?;
            Some(Self { context, known: HashMap::new() })
        }))
        .ok()?
    }

    /// Where an operator comes from: the innermost inlined function first, the one that it is
    /// really in last.
    pub(crate) fn locations(&mut self, code_offset: u32) -> Vec<SourceLocation> {
        if let Some(known) = self.known.get(&code_offset) {
            return known.clone();
        }
        let find = || self.find(code_offset.into()).unwrap_or_default();
        let found = catch_unwind(AssertUnwindSafe(find)).unwrap_or_default();
        if self.known.len() == CACHED {
            self.known.clear();
        }
        self.known.insert(code_offset, found.clone());
        found
    }

    fn find(&self, address: u64) -> Result<Vec<SourceLocation>, gimli::Error> {
        let mut frames = self.context.find_frames(address).skip_all_loads()?;
        let mut locations = Vec::new();
        while let Some(frame) = frames.next()? {
            let Some(location) = frame.location else { continue };
            let Some(file) = location.file else { continue };
            let raw = frame.function.as_ref().and_then(|function| function.raw_name().ok());
            locations.push(SourceLocation {
                file: file.into(),
                line: location.line,
                column: location.column.filter(|column| *column != 0),
                function: raw.map(|raw| demangle(&raw).unwrap_or_else(|| raw.into_owned())),
                inlined: true,
            });
            if locations.len() == MAX_INLINED {
                break;
            }
        }
        if let Some(last) = locations.last_mut() {
            last.inlined = false;
        }
        Ok(locations)
    }
}

/// Units that share lists of ranges or line programs would take more memory than the module has
/// bytes by any factor. Compilers do not write such.
fn in_proportion(dwarf: &gimli::Dwarf<Reader>, bytes: usize) -> Option<()> {
    let mut left = bytes;
    let mut programs = HashSet::new();
    let mut units = dwarf.units();
    while let Some(header) = units.next().ok()? {
        // A unit that cannot be read is skipped by lookups too.
        let Ok(unit) = dwarf.unit(header) else { continue };
        if let Some(program) = &unit.line_program
            && !programs.insert(program.header().offset().0)
        {
            left = left.checked_sub(program.header().raw_program_buf().len())?;
        }
        let Ok(mut ranges) = dwarf.unit_ranges(&unit) else { continue };
        while let Ok(Some(_)) = ranges.next() {
            left = left.checked_sub(1)?;
        }
    }
    Some(())
}
