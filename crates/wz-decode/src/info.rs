//! [`ModuleInfo`]: a decoded and validated module. Immutable, shared by everything compiled or
//! instantiated from it. Items of each index space come imports first.

use std::ops::Range;
use std::sync::Arc;

use wz_api::{
    CustomSection, FunctionDefinition, FunctionType, GlobalDefinition, GlobalType, MemoryDefinition,
    MemoryType, TableDefinition, TableType, ValueType,
};

/// A decoded and validated module.
#[derive(Debug)]
pub struct ModuleInfo {
    /// The whole module; function bodies and data segments are ranges of it.
    pub bytes: Arc<[u8]>,
    /// The module's name from the name section; empty if there is none.
    pub name: Arc<str>,
    /// The type section, flattened.
    pub types: Vec<Arc<FunctionType>>,
    /// The imports, in order.
    pub imports: Vec<Import>,
    /// How many functions, tables, memories and globals are imported.
    pub imported: ImportCounts,
    /// The type indices of all functions.
    pub functions: Vec<u32>,
    /// The types of all tables.
    pub tables: Vec<TableType>,
    /// The initial element of each defined table, `None` for null.
    pub table_inits: Vec<Option<ConstExpr>>,
    /// The types of all memories.
    pub memories: Vec<MemoryType>,
    /// The types of all globals.
    pub globals: Vec<GlobalType>,
    /// The initial value of each defined global.
    pub global_inits: Vec<ConstExpr>,
    /// The exports, in order.
    pub exports: Vec<Export>,
    /// The start function's index.
    pub start: Option<u32>,
    /// The element segments.
    pub elements: Vec<ElementSegment>,
    /// The data segments.
    pub data: Vec<DataSegment>,
    /// The bodies of the defined functions.
    pub bodies: Vec<FunctionBody>,
    /// Where the body of the Code section begins in `bytes`: code offsets count from here.
    pub code_start: usize,
    /// The custom sections, if they were asked for. The name section is not among them.
    pub custom_sections: Vec<CustomSection>,
    /// Whether any body makes tail calls.
    pub has_tail_calls: bool,
    /// Function, local and other names. Decoded when first asked for.
    pub(crate) names: crate::names::Names,
}

/// How many items of each kind are imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportCounts {
    /// Functions.
    pub functions: u32,
    /// Tables.
    pub tables: u32,
    /// Memories.
    pub memories: u32,
    /// Globals.
    pub globals: u32,
}

/// An import.
#[derive(Clone, Debug)]
pub struct Import {
    /// The name of the module imported from.
    pub module: Arc<str>,
    /// The name of the item.
    pub name: Arc<str>,
    /// What it must be.
    pub item: ImportItem,
}

/// What an import must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportItem {
    /// A function of the type with this index.
    Function(u32),
    /// A table.
    Table(TableType),
    /// A memory.
    Memory(MemoryType),
    /// A global.
    Global(GlobalType),
}

/// An export.
#[derive(Clone, Debug)]
pub struct Export {
    /// The name.
    pub name: Arc<str>,
    /// What it is.
    pub item: ExportItem,
}

/// What an export is, by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExportItem {
    /// A function.
    Function(u32),
    /// A table.
    Table(u32),
    /// A memory.
    Memory(u32),
    /// A global.
    Global(u32),
}

/// A constant expression: a sequence of stack operators, valid and of the right type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConstExpr {
    /// The operators in order.
    pub ops: Box<[ConstOp]>,
}

/// An operator of a constant expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ConstOp {
    Const(crate::builder::Const),
    GlobalGet(u32),
    RefNull(ValueType),
    RefFunc(u32),
    I32Add,
    I32Sub,
    I32Mul,
    I64Add,
    I64Sub,
    I64Mul,
}

/// An element segment.
#[derive(Clone, Debug)]
pub struct ElementSegment {
    /// When it is used.
    pub mode: SegmentMode,
    /// The type of its elements.
    pub ty: ValueType,
    /// The elements.
    pub items: ElementItems,
}

/// The elements of a segment.
#[derive(Clone, Debug)]
pub enum ElementItems {
    /// Function indices.
    Functions(Box<[u32]>),
    /// Constant expressions.
    Expressions(Box<[ConstExpr]>),
}

impl ElementItems {
    /// How many elements there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Functions(items) => items.len(),
            Self::Expressions(items) => items.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A data segment.
#[derive(Clone, Debug)]
pub struct DataSegment {
    /// When it is used.
    pub mode: SegmentMode,
    /// Its bytes, as a range of the module.
    pub range: Range<usize>,
}

/// When a segment is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SegmentMode {
    /// Copied at instantiation to this table or memory and offset.
    Active {
        /// The index of the table or memory.
        target: u32,
        /// Where in it.
        offset: ConstExpr,
    },
    /// Copied by `table.init` or `memory.init`.
    Passive,
    /// Only declares functions for `ref.func` (elements only).
    Declared,
}

/// Where a function's body is.
#[derive(Clone, Debug)]
pub struct FunctionBody {
    /// The range of the module, from the local declarations to the final `end`.
    pub range: Range<usize>,
    /// Whether it makes tail calls.
    pub makes_tail_calls: bool,
}

impl ModuleInfo {
    /// The type of a function by its index.
    #[must_use]
    pub fn function_type(&self, function: u32) -> &Arc<FunctionType> {
        &self.types[self.functions[function as usize] as usize]
    }

    /// The bytes of a data segment.
    #[must_use]
    pub fn data_bytes(&self, data: u32) -> &[u8] {
        &self.bytes[self.data[data as usize].range.clone()]
    }

    /// The export of that name.
    #[must_use]
    pub fn export(&self, name: &str) -> Option<ExportItem> {
        self.names.export(&self.exports, name)
    }

    /// The definition of a function by its index.
    #[must_use]
    pub fn function_definition(&self, function: u32) -> FunctionDefinition {
        self.function_definition_ref(function).clone()
    }

    /// The definition of a function by its index, which the module keeps.
    #[must_use]
    pub fn function_definition_ref(&self, function: u32) -> &FunctionDefinition {
        self.names.function_definition(self, function)
    }

    /// The definition of a table by its index.
    #[must_use]
    pub fn table_definition(&self, table: u32) -> TableDefinition {
        TableDefinition {
            export: self.names.export_definition(self, ExportItem::Table(table)),
            ty: self.tables[table as usize],
        }
    }

    /// The definition of a memory by its index.
    #[must_use]
    pub fn memory_definition(&self, memory: u32) -> MemoryDefinition {
        MemoryDefinition {
            export: self.names.export_definition(self, ExportItem::Memory(memory)),
            ty: self.memories[memory as usize],
        }
    }

    /// The definition of a global by its index.
    #[must_use]
    pub fn global_definition(&self, global: u32) -> GlobalDefinition {
        GlobalDefinition {
            export: self.names.export_definition(self, ExportItem::Global(global)),
            ty: self.globals[global as usize],
        }
    }
}
