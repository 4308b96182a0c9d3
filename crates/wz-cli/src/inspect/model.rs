//! [`Inspection`]: what is known of a module. Its fields are the members of the JSON that
//! `wz inspect --json` prints.
//!
//! Index spaces are lists in order, imported items first; an `index` is a position in them.
//! Names and texts are as in the module; what is unknown or absent is `null`.

use std::ops::Range;

use serde::Serialize;
use wz::{CompiledModule, ExportDefinition, ExternType, FunctionType, ValueType};
use wz_decode::ModuleInfo;
use wz_decode::info::{ConstOp, ExportItem, ImportItem, SegmentMode};

use crate::sections::{Section, sections};

/// A module.
#[derive(Debug, Serialize)]
pub(crate) struct Inspection {
    /// The file, as it was given.
    pub(crate) file: String,
    /// The name that the module gives itself.
    pub(crate) name: Option<String>,
    /// The size of the binary format.
    pub(crate) bytes: usize,
    /// The function types.
    pub(crate) types: Vec<Signature>,
    /// The imports, in order.
    pub(crate) imports: Vec<Import>,
    /// The exports, in order.
    pub(crate) exports: Vec<Export>,
    /// The index of the start function.
    pub(crate) start: Option<u32>,
    /// Counts over all functions.
    pub(crate) code: Code,
    /// The functions.
    pub(crate) functions: Vec<Function>,
    /// The tables.
    pub(crate) tables: Vec<Table>,
    /// The memories.
    pub(crate) memories: Vec<Memory>,
    /// The globals.
    pub(crate) globals: Vec<Global>,
    /// The element segments.
    pub(crate) elements: Vec<ElementSegment>,
    /// The data segments.
    pub(crate) data: Vec<DataSegment>,
    /// The sections, in order.
    pub(crate) sections: Vec<Section>,
}

/// A function type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Signature {
    pub(crate) params: Vec<&'static str>,
    pub(crate) results: Vec<&'static str>,
}

/// An import: `kind` is `func`, `table`, `memory` or `global`, `index` the place in that list.
#[derive(Debug, Serialize)]
pub(crate) struct Import {
    pub(crate) module: String,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) index: u32,
}

/// An export; `kind` and `index` as for imports.
#[derive(Debug, Serialize)]
pub(crate) struct Export {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) index: u32,
}

/// Counts over all functions.
#[derive(Debug, Serialize)]
pub(crate) struct Code {
    pub(crate) imported_functions: u32,
    pub(crate) defined_functions: u32,
    /// How many of all have a name in the name section.
    pub(crate) named_functions: u32,
    /// The sum of the bodies' sizes.
    pub(crate) body_bytes: usize,
}

/// What every item of an index space has.
#[derive(Debug, Serialize)]
pub(crate) struct Place {
    /// The names of the module and item that it is imported as.
    pub(crate) import: Option<ImportedFrom>,
    /// The names that it is exported under.
    pub(crate) exports: Vec<String>,
}

/// Where an item comes from.
#[derive(Debug, Serialize)]
pub(crate) struct ImportedFrom {
    pub(crate) module: String,
    pub(crate) name: String,
}

/// A function.
#[derive(Debug, Serialize)]
pub(crate) struct Function {
    pub(crate) index: u32,
    /// The name in the name section.
    pub(crate) name: Option<String>,
    /// The index of its type.
    #[serde(rename = "type")]
    pub(crate) ty: u32,
    #[serde(flatten)]
    pub(crate) place: Place,
    /// Its body; `null` if it is imported.
    pub(crate) body: Option<Body>,
}

/// A body: from the declarations of locals to the last `end`.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Body {
    /// Where it is in the module.
    pub(crate) offset: usize,
    pub(crate) bytes: usize,
}

/// A table; limits in elements.
#[derive(Debug, Serialize)]
pub(crate) struct Table {
    pub(crate) index: u32,
    pub(crate) element: &'static str,
    pub(crate) min: u64,
    pub(crate) max: Option<u64>,
    /// The type of indices: `i32` or `i64`.
    pub(crate) address: &'static str,
    #[serde(flatten)]
    pub(crate) place: Place,
}

/// A memory; limits in pages of 65,536 bytes.
#[derive(Debug, Serialize)]
pub(crate) struct Memory {
    pub(crate) index: u32,
    pub(crate) min_pages: u64,
    pub(crate) max_pages: Option<u64>,
    /// The type of addresses: `i32` or `i64`.
    pub(crate) address: &'static str,
    pub(crate) shared: bool,
    #[serde(flatten)]
    pub(crate) place: Place,
}

/// A global.
#[derive(Debug, Serialize)]
pub(crate) struct Global {
    pub(crate) index: u32,
    #[serde(rename = "type")]
    pub(crate) ty: &'static str,
    pub(crate) mutable: bool,
    #[serde(flatten)]
    pub(crate) place: Place,
}

/// An element segment.
#[derive(Debug, Serialize)]
pub(crate) struct ElementSegment {
    #[serde(flatten)]
    pub(crate) mode: Mode,
    pub(crate) element: &'static str,
    /// How many elements it has.
    pub(crate) count: usize,
}

/// A data segment.
#[derive(Debug, Serialize)]
pub(crate) struct DataSegment {
    #[serde(flatten)]
    pub(crate) mode: Mode,
    /// Where its bytes are in the module.
    pub(crate) offset: usize,
    pub(crate) bytes: usize,
}

/// When a segment is used: `mode` is `active`, `passive` or `declared`.
#[derive(Debug, Serialize)]
pub(crate) struct Mode {
    pub(crate) mode: &'static str,
    /// The index of the table or memory that an active segment is copied to.
    pub(crate) target: Option<u32>,
    /// Where to, if that is a constant.
    pub(crate) at: Option<u64>,
}

impl Inspection {
    /// What is known of a module that came from `file`.
    pub(crate) fn of(file: &str, module: &CompiledModule) -> Self {
        let info = &**module.info();
        let functions: Vec<_> = (0..len(&info.functions)).map(|index| function(info, index)).collect();
        Self {
            file: file.to_owned(),
            name: (!info.name.is_empty()).then(|| info.name.to_string()),
            bytes: info.bytes.len(),
            types: info.types.iter().map(|ty| signature(ty)).collect(),
            imports: imports(info),
            exports: info.exports.iter().map(export).collect(),
            start: info.start,
            code: Code {
                imported_functions: info.imported.functions,
                defined_functions: len(&info.bodies),
                named_functions: functions.iter().filter(|function| function.name.is_some()).count() as u32,
                body_bytes: info.bodies.iter().map(|body| body.range.len()).sum(),
            },
            functions,
            tables: (0..len(&info.tables)).map(|index| table(info, index)).collect(),
            memories: (0..len(&info.memories)).map(|index| memory(info, index)).collect(),
            globals: (0..len(&info.globals)).map(|index| global(info, index)).collect(),
            elements: info.elements.iter().map(element_segment).collect(),
            data: info.data.iter().map(data_segment).collect(),
            sections: sections(&info.bytes),
        }
    }
}

fn len<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).unwrap_or(u32::MAX)
}

fn signature(ty: &FunctionType) -> Signature {
    let names = |types: &[ValueType]| types.iter().map(|ty| ty.name()).collect();
    Signature { params: names(ty.params()), results: names(ty.results()) }
}

fn imports(info: &ModuleInfo) -> Vec<Import> {
    let mut counts = [0; 4];
    let import = |import: &wz_decode::info::Import| {
        let kind = match import.item {
            ImportItem::Function(_) => ExternType::FUNC,
            ImportItem::Table(_) => ExternType::TABLE,
            ImportItem::Memory(_) => ExternType::MEMORY,
            ImportItem::Global(_) => ExternType::GLOBAL,
        };
        let count = &mut counts[usize::from(kind.0)];
        *count += 1;
        Import {
            module: import.module.to_string(),
            name: import.name.to_string(),
            kind: kind.to_string(),
            index: *count - 1,
        }
    };
    info.imports.iter().map(import).collect()
}

fn export(export: &wz_decode::info::Export) -> Export {
    let (kind, index) = match export.item {
        ExportItem::Function(index) => (ExternType::FUNC, index),
        ExportItem::Table(index) => (ExternType::TABLE, index),
        ExportItem::Memory(index) => (ExternType::MEMORY, index),
        ExportItem::Global(index) => (ExternType::GLOBAL, index),
    };
    Export { name: export.name.to_string(), kind: kind.to_string(), index }
}

fn place(export: &ExportDefinition) -> Place {
    let from = |(module, name): &(_, _)| ImportedFrom { module: str_of(module), name: str_of(name) };
    Place {
        import: export.import.as_ref().map(from),
        exports: export.export_names.iter().map(|name| name.to_string()).collect(),
    }
}

fn str_of(text: &std::sync::Arc<str>) -> String {
    text.to_string()
}

fn function(info: &ModuleInfo, index: u32) -> Function {
    let definition = info.function_definition(index);
    let body = index.checked_sub(info.imported.functions).map(|defined| {
        let Range { start, end } = info.bodies[defined as usize].range;
        Body { offset: start, bytes: end - start }
    });
    let from = |(module, name): (&str, &str)| ImportedFrom { module: module.into(), name: name.into() };
    Function {
        index,
        name: (!definition.name().is_empty()).then(|| definition.name().to_owned()),
        ty: info.functions[index as usize],
        place: Place {
            import: definition.import().map(from),
            exports: definition.export_names().iter().map(|name| name.to_string()).collect(),
        },
        body,
    }
}

fn table(info: &ModuleInfo, index: u32) -> Table {
    let definition = info.table_definition(index);
    let ty = definition.ty;
    Table {
        index,
        element: ty.element.name(),
        min: ty.min,
        max: ty.max,
        address: ty.address_type().name(),
        place: place(&definition.export),
    }
}

fn memory(info: &ModuleInfo, index: u32) -> Memory {
    let definition = info.memory_definition(index);
    let ty = definition.ty;
    Memory {
        index,
        min_pages: ty.min_pages,
        max_pages: ty.max_pages,
        address: ty.address_type().name(),
        shared: ty.shared,
        place: place(&definition.export),
    }
}

fn global(info: &ModuleInfo, index: u32) -> Global {
    let definition = info.global_definition(index);
    Global {
        index,
        ty: definition.ty.value.name(),
        mutable: definition.ty.mutable,
        place: place(&definition.export),
    }
}

fn element_segment(segment: &wz_decode::info::ElementSegment) -> ElementSegment {
    ElementSegment { mode: mode(&segment.mode), element: segment.ty.name(), count: segment.items.len() }
}

fn data_segment(segment: &wz_decode::info::DataSegment) -> DataSegment {
    DataSegment { mode: mode(&segment.mode), offset: segment.range.start, bytes: segment.range.len() }
}

fn mode(mode: &SegmentMode) -> Mode {
    match mode {
        SegmentMode::Passive => Mode { mode: "passive", target: None, at: None },
        SegmentMode::Declared => Mode { mode: "declared", target: None, at: None },
        SegmentMode::Active { target, offset } => {
            let at = match &*offset.ops {
                [ConstOp::Const(value)] => constant(value),
                _ => None,
            };
            Mode { mode: "active", target: Some(*target), at }
        }
    }
}

fn constant(value: &wz_decode::builder::Const) -> Option<u64> {
    match value {
        wz_decode::builder::Const::I32(value) => Some(u64::from(*value as u32)),
        wz_decode::builder::Const::I64(value) => Some(*value as u64),
        _ => None,
    }
}
