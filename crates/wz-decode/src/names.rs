//! [`Names`]: what a module calls its items and what it exports them as. Everything is looked up
//! in the bytes when it is first asked for, and kept. A malformed name section is no error: what
//! cannot be read has no name.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use wasmparser::BinaryReader;
use wz_api::{ExportDefinition, FunctionDefinition, FunctionParts};

use crate::info::{Export, ExportItem, ImportItem, ModuleInfo};

/// Names of a module, decoded when first asked for.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// The content of the name section, as a range of the module.
    section: Range<usize>,
    /// Positions in the export section by name.
    by_name: OnceLock<HashMap<Arc<str>, usize>>,
    /// Positions in the export section, ordered by item.
    by_item: OnceLock<Box<[u32]>>,
    /// Positions in the import section of each kind of item, in order.
    imports: OnceLock<[Box<[u32]>; 4]>,
    functions: OnceLock<Box<[Entry]>>,
    locals: OnceLock<Box<[Entry]>>,
    definitions: OnceLock<Box<[OnceLock<FunctionDefinition>]>>,
}

/// An index and what belongs to it: a name, or the names of one function's locals.
#[derive(Clone, Copy, Debug)]
struct Entry {
    index: u32,
    /// Where it begins, relative to the section.
    start: u32,
    len: u32,
}

const MODULE: u8 = 0;
const FUNCTIONS: u8 = 1;
const LOCALS: u8 = 2;

impl Names {
    /// Names from the name section whose content is this range of the module.
    pub(crate) fn new(section: Range<usize>) -> Self {
        Self { section, ..Self::default() }
    }

    /// The module's name; empty if there is none.
    pub(crate) fn module_name(&self, bytes: &[u8]) -> Arc<str> {
        let name = self.subsection(bytes, MODULE).and_then(|mut reader| reader.read_unlimited_string().ok());
        name.unwrap_or_default().into()
    }

    /// The export of that name.
    pub(crate) fn export(&self, exports: &[Export], name: &str) -> Option<ExportItem> {
        let by_name = self.by_name.get_or_init(|| {
            let positions = exports.iter().enumerate();
            positions.map(|(position, export)| (Arc::clone(&export.name), position)).collect()
        });
        by_name.get(name).map(|position| exports[*position].item)
    }

    /// What is known of an item apart from its type.
    pub(crate) fn export_definition(&self, info: &ModuleInfo, item: ExportItem) -> ExportDefinition {
        let (kind, index) = split(item);
        let import = self.imports(info)[kind].get(index as usize).map(|position| {
            let import = &info.imports[*position as usize];
            (Arc::clone(&import.module), Arc::clone(&import.name))
        });
        ExportDefinition {
            module_name: Arc::clone(&info.name),
            index,
            import,
            export_names: self.export_names(&info.exports, item),
        }
    }

    /// The definition of a function.
    pub(crate) fn function_definition(&self, info: &ModuleInfo, function: u32) -> &FunctionDefinition {
        let definitions = self
            .definitions
            .get_or_init(|| std::iter::repeat_with(OnceLock::new).take(info.functions.len()).collect());
        definitions[function as usize].get_or_init(|| {
            let ty = Arc::clone(info.function_type(function));
            FunctionDefinition::new(FunctionParts {
                export: self.export_definition(info, ExportItem::Function(function)),
                name: self.function_name(&info.bytes, function).unwrap_or_default().into(),
                host: false,
                param_names: self.param_names(&info.bytes, function, ty.params().len()),
                ty,
                ..FunctionParts::default()
            })
        })
    }

    /// The name of a function.
    fn function_name<'a>(&self, bytes: &'a [u8], function: u32) -> Option<&'a str> {
        let functions = self.functions.get_or_init(|| {
            let names = self.subsection(bytes, FUNCTIONS).map(|reader| self.entries(reader, skip_name));
            names.unwrap_or_default()
        });
        std::str::from_utf8(self.content(bytes, find(functions, function)?)).ok()
    }

    /// The names of a function's parameters, if all have one.
    fn param_names(&self, bytes: &[u8], function: u32, count: usize) -> Vec<Arc<str>> {
        let locals = self.locals.get_or_init(|| {
            let names = self.subsection(bytes, LOCALS).map(|reader| self.entries(reader, skip_names));
            names.unwrap_or_default()
        });
        let Some(entry) = find(locals, function) else { return Vec::new() };
        let mut reader = BinaryReader::new(self.content(bytes, entry), 0);
        let mut names: Vec<Arc<str>> = Vec::new();
        let entries = reader.read_var_u32().unwrap_or(0);
        for _ in 0..entries {
            // The entries are in order of index, so that the parameters come first, and without gaps.
            let (Ok(index), Ok(name)) = (reader.read_var_u32(), reader.read_unlimited_string()) else {
                break;
            };
            if names.len() == count || index as usize != names.len() {
                break;
            }
            names.push(name.into());
        }
        if names.len() == count { names } else { Vec::new() }
    }

    /// All names that an item is exported under, in order.
    fn export_names(&self, exports: &[Export], item: ExportItem) -> Vec<Arc<str>> {
        let key = |position: u32| split(exports[position as usize].item);
        let by_item = self.by_item.get_or_init(|| {
            let mut positions: Box<[u32]> = (0..exports.len() as u32).collect();
            positions.sort_by_key(|position| key(*position));
            positions
        });
        let first = by_item.partition_point(|position| key(*position) < split(item));
        let same = by_item[first..].iter().take_while(|position| key(**position) == split(item));
        same.map(|position| Arc::clone(&exports[*position as usize].name)).collect()
    }

    fn imports(&self, info: &ModuleInfo) -> &[Box<[u32]>; 4] {
        self.imports.get_or_init(|| {
            let mut positions = [const { Vec::new() }; 4];
            for (position, import) in info.imports.iter().enumerate() {
                let kind = match import.item {
                    ImportItem::Function(_) => 0,
                    ImportItem::Table(_) => 1,
                    ImportItem::Memory(_) => 2,
                    ImportItem::Global(_) => 3,
                };
                positions[kind].push(position as u32);
            }
            positions.map(Vec::into_boxed_slice)
        })
    }

    /// The first subsection of that kind.
    fn subsection<'a>(&self, bytes: &'a [u8], kind: u8) -> Option<BinaryReader<'a>> {
        let mut reader = BinaryReader::new(&bytes[self.section.clone()], 0);
        while !reader.eof() {
            let id = reader.read_u8().ok()?;
            let content = reader.read_reader().ok()?;
            if id == kind {
                return Some(content);
            }
        }
        None
    }

    /// The entries of a map from indices, as far as it can be read.
    fn entries(&self, mut reader: BinaryReader<'_>, skip: SkipEntry) -> Box<[Entry]> {
        let mut entries = Vec::new();
        // The count only ends the loop: it is not trusted with memory.
        for _ in 0..reader.read_var_u32().unwrap_or(0) {
            let Ok(index) = reader.read_var_u32() else { break };
            let Some(Range { start, end }) = skip(&mut reader) else { break };
            entries.push(Entry { index, start: start as u32, len: (end - start) as u32 });
        }
        entries.sort_by_key(|entry: &Entry| entry.index);
        entries.into()
    }

    fn content<'a>(&self, bytes: &'a [u8], entry: Entry) -> &'a [u8] {
        &bytes[self.section.clone()][entry.start as usize..][..entry.len as usize]
    }
}

/// Reads over what belongs to an index and tells where it is.
type SkipEntry = fn(&mut BinaryReader<'_>) -> Option<Range<u64>>;

fn skip_name(reader: &mut BinaryReader<'_>) -> Option<Range<u64>> {
    Some(reader.read_reader().ok()?.range())
}

fn skip_names(reader: &mut BinaryReader<'_>) -> Option<Range<u64>> {
    let start = reader.original_position();
    for _ in 0..reader.read_var_u32().ok()? {
        reader.read_var_u32().ok()?;
        skip_name(reader)?;
    }
    Some(start..reader.original_position())
}

/// The first entry of an index.
fn find(entries: &[Entry], index: u32) -> Option<Entry> {
    let position = entries.partition_point(|entry| entry.index < index);
    entries.get(position).filter(|entry| entry.index == index).copied()
}

/// The kind of an item, in the order of the binary format, and its index.
fn split(item: ExportItem) -> (usize, u32) {
    match item {
        ExportItem::Function(index) => (0, index),
        ExportItem::Table(index) => (1, index),
        ExportItem::Memory(index) => (2, index),
        ExportItem::Global(index) => (3, index),
    }
}
