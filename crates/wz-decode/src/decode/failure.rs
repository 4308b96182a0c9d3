//! [`Failure`]: why a module was not accepted, and how it is told.

use wasmparser::{
    ElementItems, FromReader, FunctionBody, GlobalType, Operator, Parser, Payload, SectionLimited, TypeRef,
    WasmFeatures,
};
use wz_api::{CoreFeatures, Error, ModuleError};

use super::FEATURES;

pub(super) type Outcome<T> = std::result::Result<T, Failure>;

/// Why a module was not accepted, before it is known whether it is malformed.
pub(super) enum Failure {
    /// It is malformed or invalid.
    Module(wasmparser::Error),
    /// It is something that is not supported at all.
    Unsupported { message: String, offset: u64 },
    /// It exceeds a limit.
    Limit(String),
}

impl From<wasmparser::Error> for Failure {
    #[cold]
    fn from(error: wasmparser::Error) -> Self {
        Self::Module(error)
    }
}

impl Failure {
    #[cold]
    pub(super) fn limit(message: String) -> Self {
        Self::Limit(message)
    }

    #[cold]
    pub(super) fn unsupported(message: &str, offset: u64) -> Self {
        Self::Unsupported { message: message.into(), offset }
    }

    /// The error to report. As in the specification, decoding comes before validation: if the
    /// module is malformed anywhere, then that is what is wrong with it.
    #[cold]
    pub(super) fn explain(self, bytes: &[u8], features: WasmFeatures) -> Error {
        let read = read_all(bytes, features);
        let malformed = read.is_err();
        let error = match (self, read) {
            (Self::Unsupported { message, offset }, _) => return module_error(true, message, offset),
            (_, Err(Malformed::Error(error))) => error,
            (Self::Module(error), _) => error,
            (Self::Limit(message), _) => return Error::limit(message),
        };
        module_error(malformed, explain(&error, bytes, features), error.offset())
    }
}

fn module_error(malformed: bool, message: String, offset: u64) -> Error {
    ModuleError { malformed, message, offset: usize::try_from(offset).ok() }.into()
}

/// The message of an error, and which disabled feature it is about if that can be told.
fn explain(error: &wasmparser::Error, bytes: &[u8], features: WasmFeatures) -> String {
    let message = error.message();
    if let Some(missing) = error.missing_wasm_feature().or_else(|| guess(error, bytes)) {
        let ours = FEATURES.iter().find(|(_, theirs)| theirs.intersects(missing));
        if let Some((ours, theirs)) = ours
            && !features.contains(*theirs)
        {
            return format!("feature \"{}\" is disabled: {message}", feature_name(*ours));
        }
        if ours.is_none()
            && let Some((name, _)) = missing.iter_names().next()
        {
            let name = name.to_lowercase().replace('_', "-");
            return format!("feature \"{name}\" is not supported: {message}");
        }
    }
    message.into()
}

/// The feature that an error is about where the validator does not say.
fn guess(error: &wasmparser::Error, bytes: &[u8]) -> Option<WasmFeatures> {
    let before = usize::try_from(error.offset()).ok().and_then(|offset| bytes.get(offset.checked_sub(1)?));
    Some(match (error.message(), before) {
        ("multiple memories", _) => WasmFeatures::MULTI_MEMORY,
        ("multiple tables", _) => WasmFeatures::REFERENCE_TYPES,
        ("malformed memop: reserved flags bits set", _) => WasmFeatures::MULTI_MEMORY,
        // The index of a memory after `memory.size` or `memory.grow`.
        ("zero byte expected", Some(0x3f | 0x40)) => WasmFeatures::MULTI_MEMORY,
        ("zero byte expected", _) => WasmFeatures::REFERENCE_TYPES,
        _ => return None,
    })
}

fn feature_name(feature: CoreFeatures) -> &'static str {
    CoreFeatures::names().iter().find(|(one, _)| *one == feature).map_or("unknown", |(_, name)| name)
}

/// How a module that is read without being validated is malformed.
enum Malformed {
    /// As this error says.
    Error(wasmparser::Error),
    /// In a way that only the validator speaks of.
    Other,
}

impl From<wasmparser::Error> for Malformed {
    fn from(error: wasmparser::Error) -> Self {
        Self::Error(error)
    }
}

/// Reads all of a module without validating any of it.
fn read_all(bytes: &[u8], features: WasmFeatures) -> Result<(), Malformed> {
    let mut parser = Parser::new(0);
    parser.set_features(features);
    let mut has_data_count = false;
    for payload in parser.parse_all(bytes) {
        match payload? {
            Payload::TypeSection(section) => each(section)?,
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    if let TypeRef::Global(ty) = import?.ty {
                        check_global(ty)?;
                    }
                }
            }
            Payload::FunctionSection(section) => each(section)?,
            Payload::TableSection(section) => each(section)?,
            Payload::MemorySection(section) => each(section)?,
            Payload::GlobalSection(section) => {
                for global in section {
                    check_global(global?.ty)?;
                }
            }
            Payload::ExportSection(section) => each(section)?,
            Payload::DataSection(section) => each(section)?,
            Payload::ElementSection(section) => {
                for element in section {
                    match element?.items {
                        ElementItems::Functions(functions) => each(functions)?,
                        ElementItems::Expressions(_, expressions) => each(expressions)?,
                    }
                }
            }
            Payload::DataCountSection { .. } => has_data_count = true,
            Payload::CodeSectionEntry(body) => read_body(&body, has_data_count)?,
            Payload::UnknownSection { .. } => return Err(Malformed::Other),
            _ => {}
        }
    }
    Ok(())
}

fn read_body(body: &FunctionBody<'_>, has_data_count: bool) -> Result<(), Malformed> {
    let mut locals = body.get_locals_reader()?;
    for _ in 0..locals.get_count() {
        locals.read()?;
    }
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        // They refer to data segments, whose number has to be known at this point.
        let uses_data = matches!(operators.read()?, Operator::MemoryInit { .. } | Operator::DataDrop { .. });
        if uses_data && !has_data_count {
            return Err(Malformed::Other);
        }
    }
    Ok(operators.finish()?)
}

fn check_global(ty: GlobalType) -> Result<(), Malformed> {
    // The bit belongs to a proposal that is never enabled.
    if ty.shared { Err(Malformed::Other) } else { Ok(()) }
}

fn each<'a, T: FromReader<'a>>(section: SectionLimited<'a, T>) -> wasmparser::Result<()> {
    section.into_iter().try_for_each(|item| item.map(drop))
}
