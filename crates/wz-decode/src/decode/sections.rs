//! Reads and validates the sections in order, and collects what they say in a [`ModuleInfo`].

use std::ops::Range;
use std::sync::Arc;

use wasmparser::{
    DataKind, ElementKind, ElementSectionReader, Encoding, ExternalKind, KnownCustom, Operator, Parser,
    Payload, TableInit, TypeRef, ValidPayload, Validator, ValidatorResources, WasmFeatures,
};
use wz_api::{CustomSection, FunctionType, GlobalType, MemoryType, TableType, ValueType};

use super::bodies::Bodies;
use super::failure::{Failure, Outcome};
use super::{DecodeLimits, DecodeOptions};
use crate::builder::Const;
use crate::info::{
    ConstExpr, ConstOp, DataSegment, ElementItems, ElementSegment, Export, ExportItem, FunctionBody, Import,
    ImportCounts, ImportItem, ModuleInfo, SegmentMode,
};
use crate::names::Names;

/// A module that is being read.
pub(super) struct Sections<'a> {
    options: &'a DecodeOptions,
    features: WasmFeatures,
    info: ModuleInfo,
    name_section: Option<Range<usize>>,
    /// What the validation of bodies needs to know of the module, from the Code section on.
    resources: Option<ValidatorResources>,
}

impl<'a> Sections<'a> {
    pub(super) fn new(bytes: Arc<[u8]>, features: WasmFeatures, options: &'a DecodeOptions) -> Self {
        let info = ModuleInfo {
            bytes,
            name: "".into(),
            types: Vec::new(),
            imports: Vec::new(),
            imported: ImportCounts::default(),
            functions: Vec::new(),
            tables: Vec::new(),
            table_inits: Vec::new(),
            memories: Vec::new(),
            globals: Vec::new(),
            global_inits: Vec::new(),
            exports: Vec::new(),
            start: None,
            elements: Vec::new(),
            data: Vec::new(),
            bodies: Vec::new(),
            code_start: 0,
            custom_sections: Vec::new(),
            has_tail_calls: false,
            names: Names::default(),
        };
        Self { options, features, info, name_section: None, resources: None }
    }

    /// Reads and validates everything but the bodies of functions.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Outcome<()> {
        let mut parser = Parser::new(0);
        parser.set_features(self.features);
        let mut validator = Validator::new_with_features(self.features);
        for payload in parser.parse_all(bytes) {
            let payload = payload?;
            if let Payload::Version { encoding: Encoding::Component, range, .. } = payload {
                return Err(Failure::unsupported("components are not supported", range.start));
            }
            self.check_limits(&payload)?;
            if let ValidPayload::Func(function, _) = validator.payload(&payload)?
                && self.resources.is_none()
            {
                self.resources = Some(function.resources);
            }
            self.section(payload)?;
        }
        Ok(())
    }

    /// The bodies to validate, as far as the module could be read.
    pub(super) fn bodies(&self) -> Option<Bodies<'_>> {
        Some(Bodies {
            resources: self.resources.as_ref()?,
            ranges: &self.info.bodies,
            types: &self.info.functions,
            imported: self.info.imported.functions,
        })
    }

    /// The module, after everything was read.
    pub(super) fn finish(self) -> ModuleInfo {
        let mut info = self.info;
        if let Some(section) = self.name_section {
            info.names = Names::new(section);
            info.name = info.names.module_name(&info.bytes);
        }
        info
    }

    /// Checks the counts that a section begins with, before anything is made of them.
    fn check_limits(&self, payload: &Payload<'_>) -> Outcome<()> {
        let DecodeLimits { types, imports, functions, tables, memories, globals, exports, elements, .. } =
            self.options.limits;
        let info = &self.info;
        let (what, present, added, limit) = match payload {
            Payload::TypeSection(section) => ("types", 0, section.count(), types),
            Payload::ImportSection(section) => ("imports", 0, section.count(), imports),
            Payload::FunctionSection(section) => {
                ("functions", info.functions.len(), section.count(), functions)
            }
            Payload::TableSection(section) => ("tables", info.tables.len(), section.count(), tables),
            Payload::MemorySection(section) => ("memories", info.memories.len(), section.count(), memories),
            Payload::GlobalSection(section) => ("globals", info.globals.len(), section.count(), globals),
            Payload::ExportSection(section) => ("exports", 0, section.count(), exports),
            Payload::ElementSection(section) => ("element segments", 0, section.count(), elements),
            Payload::DataSection(section) => ("data segments", 0, section.count(), self.options.limits.data),
            Payload::CodeSectionEntry(body) => {
                let len = body.as_bytes().len();
                let limit = self.options.limits.body_bytes;
                return if len > limit {
                    Err(Failure::limit(format!("a function body has {len} bytes, the limit is {limit}")))
                } else {
                    Ok(())
                };
            }
            _ => return Ok(()),
        };
        let count = present + added as usize;
        if count > limit {
            return Err(Failure::limit(format!("module has {count} {what}, the limit is {limit}")));
        }
        Ok(())
    }

    /// Takes over what a valid section says.
    fn section(&mut self, payload: Payload<'_>) -> Outcome<()> {
        let info = &mut self.info;
        match payload {
            Payload::TypeSection(section) => {
                for ty in section.into_iter_err_on_gc_types() {
                    info.types.push(Arc::new(function_type(&ty?)?));
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    add_import(info, &self.options.limits, &import?)?;
                }
            }
            Payload::FunctionSection(section) => {
                for ty in section {
                    info.functions.push(ty?);
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    let table = table?;
                    info.tables.push(table_type(table.ty)?);
                    info.table_inits.push(match table.init {
                        TableInit::RefNull => None,
                        TableInit::Expr(expr) => Some(const_expr(&expr)?),
                    });
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    info.memories.push(memory_type(memory?));
                }
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    let global = global?;
                    info.globals.push(global_type(global.ty)?);
                    info.global_inits.push(const_expr(&global.init_expr)?);
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    let item = match export.kind {
                        ExternalKind::Func => ExportItem::Function(export.index),
                        ExternalKind::Table => ExportItem::Table(export.index),
                        ExternalKind::Memory => ExportItem::Memory(export.index),
                        ExternalKind::Global => ExportItem::Global(export.index),
                        ExternalKind::Tag | ExternalKind::FuncExact => return Err(unknown("export")),
                    };
                    info.exports.push(Export { name: export.name.into(), item });
                }
            }
            Payload::StartSection { func, .. } => info.start = Some(func),
            Payload::ElementSection(section) => add_elements(info, section)?,
            Payload::DataSection(section) => {
                for data in section {
                    let data = data?;
                    let mode = match data.kind {
                        DataKind::Passive => SegmentMode::Passive,
                        DataKind::Active { memory_index, offset_expr } => {
                            SegmentMode::Active { target: memory_index, offset: const_expr(&offset_expr)? }
                        }
                    };
                    // The bytes are the last thing in a segment.
                    let end = data.range.end as usize;
                    info.data.push(DataSegment { mode, range: end - data.data.len()..end });
                }
            }
            Payload::CodeSectionStart { unchecked_range, .. } => {
                info.code_start = unchecked_range.start as usize;
            }
            Payload::CodeSectionEntry(body) => {
                let Range { start, end } = body.range();
                info.bodies
                    .push(FunctionBody { range: start as usize..end as usize, makes_tail_calls: false });
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(_) = section.as_known() {
                    let end = section.range().end as usize;
                    self.name_section.get_or_insert(end - section.data().len()..end);
                } else if self.options.keep_custom_sections {
                    info.custom_sections
                        .push(CustomSection { name: section.name().into(), data: section.data().into() });
                }
            }
            // The rest is validated and says nothing that is needed later.
            _ => {}
        }
        Ok(())
    }
}

fn add_import(info: &mut ModuleInfo, limits: &DecodeLimits, import: &wasmparser::Import<'_>) -> Outcome<()> {
    let item = match import.ty {
        TypeRef::Func(ty) => {
            info.functions.push(ty);
            info.imported.functions += 1;
            ImportItem::Function(ty)
        }
        TypeRef::Table(ty) => {
            let ty = table_type(ty)?;
            info.tables.push(ty);
            info.imported.tables += 1;
            ImportItem::Table(ty)
        }
        TypeRef::Memory(ty) => {
            let ty = memory_type(ty);
            info.memories.push(ty);
            info.imported.memories += 1;
            ImportItem::Memory(ty)
        }
        TypeRef::Global(ty) => {
            let ty = global_type(ty)?;
            info.globals.push(ty);
            info.imported.globals += 1;
            ImportItem::Global(ty)
        }
        TypeRef::Tag(_) | TypeRef::FuncExact(_) => return Err(unknown("import")),
    };
    for (what, count, limit) in [
        ("functions", info.functions.len(), limits.functions),
        ("tables", info.tables.len(), limits.tables),
        ("memories", info.memories.len(), limits.memories),
        ("globals", info.globals.len(), limits.globals),
    ] {
        if count > limit {
            return Err(Failure::limit(format!("module has {count} {what}, the limit is {limit}")));
        }
    }
    // Most modules import everything from one or two others: share the name.
    let module = match info.imports.last() {
        Some(last) if &*last.module == import.module => Arc::clone(&last.module),
        _ => import.module.into(),
    };
    info.imports.push(Import { module, name: import.name.into(), item });
    Ok(())
}

fn add_elements(info: &mut ModuleInfo, section: ElementSectionReader<'_>) -> Outcome<()> {
    for element in section {
        let element = element?;
        let mode = match element.kind {
            ElementKind::Passive => SegmentMode::Passive,
            ElementKind::Declared => SegmentMode::Declared,
            ElementKind::Active { table_index, offset_expr } => {
                SegmentMode::Active { target: table_index.unwrap_or(0), offset: const_expr(&offset_expr)? }
            }
        };
        let (ty, items) = match element.items {
            wasmparser::ElementItems::Functions(functions) => {
                let functions = functions.into_iter().collect::<Result<_, _>>()?;
                (ValueType::FuncRef, ElementItems::Functions(functions))
            }
            wasmparser::ElementItems::Expressions(ty, expressions) => {
                let expressions = expressions.into_iter().map(|expr| const_expr(&expr?));
                let items = ElementItems::Expressions(expressions.collect::<Outcome<_>>()?);
                (value_type(wasmparser::ValType::Ref(ty))?, items)
            }
        };
        info.elements.push(ElementSegment { mode, ty, items });
    }
    Ok(())
}

fn const_expr(expr: &wasmparser::ConstExpr<'_>) -> Outcome<ConstExpr> {
    let mut ops = Vec::new();
    for operator in expr.get_operators_reader() {
        ops.push(match operator? {
            Operator::I32Const { value } => ConstOp::Const(Const::I32(value)),
            Operator::I64Const { value } => ConstOp::Const(Const::I64(value)),
            Operator::F32Const { value } => ConstOp::Const(Const::F32(value.bits())),
            Operator::F64Const { value } => ConstOp::Const(Const::F64(value.bits())),
            Operator::V128Const { value } => ConstOp::Const(Const::V128(value.into())),
            Operator::GlobalGet { global_index } => ConstOp::GlobalGet(global_index),
            Operator::RefNull { hty } => {
                let ty = wasmparser::RefType::new(true, hty).ok_or_else(|| unknown("type"))?;
                ConstOp::RefNull(value_type(ty.into())?)
            }
            Operator::RefFunc { function_index } => ConstOp::RefFunc(function_index),
            Operator::I32Add => ConstOp::I32Add,
            Operator::I32Sub => ConstOp::I32Sub,
            Operator::I32Mul => ConstOp::I32Mul,
            Operator::I64Add => ConstOp::I64Add,
            Operator::I64Sub => ConstOp::I64Sub,
            Operator::I64Mul => ConstOp::I64Mul,
            Operator::End => continue,
            _ => return Err(unknown("constant operator")),
        });
    }
    Ok(ConstExpr { ops: ops.into() })
}

fn function_type(ty: &wasmparser::FuncType) -> Outcome<FunctionType> {
    let list = |types: &[wasmparser::ValType]| {
        types.iter().map(|ty| value_type(*ty)).collect::<Outcome<Box<[ValueType]>>>()
    };
    Ok(FunctionType::new(list(ty.params())?, list(ty.results())?))
}

fn value_type(ty: wasmparser::ValType) -> Outcome<ValueType> {
    Ok(match ty {
        wasmparser::ValType::I32 => ValueType::I32,
        wasmparser::ValType::I64 => ValueType::I64,
        wasmparser::ValType::F32 => ValueType::F32,
        wasmparser::ValType::F64 => ValueType::F64,
        wasmparser::ValType::V128 => ValueType::V128,
        wasmparser::ValType::FUNCREF => ValueType::FuncRef,
        wasmparser::ValType::EXTERNREF => ValueType::ExternRef,
        wasmparser::ValType::Ref(_) => return Err(unknown("type")),
    })
}

fn table_type(ty: wasmparser::TableType) -> Outcome<TableType> {
    Ok(TableType {
        element: value_type(ty.element_type.into())?,
        min: ty.initial,
        max: ty.maximum,
        table64: ty.table64,
    })
}

fn memory_type(ty: wasmparser::MemoryType) -> MemoryType {
    MemoryType { min_pages: ty.initial, max_pages: ty.maximum, memory64: ty.memory64, shared: ty.shared }
}

fn global_type(ty: wasmparser::GlobalType) -> Outcome<GlobalType> {
    Ok(GlobalType { value: value_type(ty.content_type)?, mutable: ty.mutable })
}

/// The validator let something pass that belongs to a feature which is never enabled.
fn unknown(what: &str) -> Failure {
    Failure::unsupported(&format!("{what} of a feature that is not supported"), 0)
}
