//! What a module says of its functions, memories, tables and globals: the definitions that
//! compiled modules list and that handles and listeners carry. Cheap to clone.

use std::fmt;
use std::sync::Arc;

use crate::types::{FunctionType, GlobalType, MemoryType, TableType, ValueType};

/// What every definition has: where it stands in the module, and its imports and exports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportDefinition {
    /// The possibly empty name of the module that defines this (from its name section). It may
    /// differ from the name of an instance, because a module can be instantiated several times.
    pub module_name: Arc<str>,
    /// The position in its index space, imports first.
    pub index: u32,
    /// The module and item names if this is imported. Both may be empty.
    pub import: Option<(Arc<str>, Arc<str>)>,
    /// All names that this is exported under. A name may be empty.
    pub export_names: Vec<Arc<str>>,
}

/// A function of a module, defined by it or imported.
#[derive(Clone)]
pub struct FunctionDefinition(Arc<FunctionParts>);

/// The parts that a [`FunctionDefinition`] is made of.
#[doc(hidden)]
#[derive(Clone, Debug, Default)]
pub struct FunctionParts {
    pub export: ExportDefinition,
    pub name: Arc<str>,
    pub host: bool,
    pub ty: Arc<FunctionType>,
    pub param_names: Vec<Arc<str>>,
    pub result_names: Vec<Arc<str>>,
    /// Filled by `FunctionDefinition::new`.
    pub debug_name: Box<str>,
}

impl FunctionDefinition {
    /// Puts a definition together. Engines and host modules do this; tests may.
    #[doc(hidden)]
    #[must_use]
    pub fn new(mut parts: FunctionParts) -> Self {
        parts.debug_name = if parts.name.is_empty() {
            format!("{}.${}", parts.export.module_name, parts.export.index).into()
        } else {
            format!("{}.{}", parts.export.module_name, parts.name).into()
        };
        Self(Arc::new(parts))
    }

    /// The possibly empty name of the module that defines the function.
    #[must_use]
    pub fn module_name(&self) -> &str {
        &self.0.export.module_name
    }

    /// The position in the module's function index space, imports first.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.0.export.index
    }

    /// The module and function names if the function is imported.
    #[must_use]
    pub fn import(&self) -> Option<(&str, &str)> {
        self.0.export.import.as_ref().map(|(module, name)| (&**module, &**name))
    }

    /// All names that the function is exported under.
    #[must_use]
    pub fn export_names(&self) -> &[Arc<str>] {
        &self.0.export.export_names
    }

    /// The name that the module gives the function (name section), which need not be the name
    /// it is exported under. Empty if there is none.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Identifies the function in errors and stack traces: `module.name`, or `module.$index`
    /// if the function has no name. Either part may be empty or contain dots.
    #[must_use]
    pub fn debug_name(&self) -> &str {
        &self.0.debug_name
    }

    /// Whether the embedder implements the function (wazero's `GoFunction() != nil`).
    #[must_use]
    pub fn is_host_function(&self) -> bool {
        self.0.host
    }

    /// The function's type.
    #[must_use]
    pub fn ty(&self) -> &FunctionType {
        &self.0.ty
    }

    /// The types of the parameters.
    #[must_use]
    pub fn param_types(&self) -> &[ValueType] {
        self.0.ty.params()
    }

    /// The names of the parameters in order, or none if any is unknown.
    #[must_use]
    pub fn param_names(&self) -> &[Arc<str>] {
        &self.0.param_names
    }

    /// The types of the results.
    #[must_use]
    pub fn result_types(&self) -> &[ValueType] {
        self.0.ty.results()
    }

    /// The names of the results in order, or none if any is unknown.
    #[must_use]
    pub fn result_names(&self) -> &[Arc<str>] {
        &self.0.result_names
    }

    /// The signature as stack traces print it: `module.name(i32,i64) f32` or, with several
    /// results, `module.name(i32) (i32,i32)`.
    #[must_use]
    pub fn signature(&self) -> String {
        let list = |types: &[ValueType]| types.iter().map(|ty| ty.name()).collect::<Vec<_>>().join(",");
        let mut text = format!("{}({})", self.debug_name(), list(self.param_types()));
        match self.result_types() {
            [] => {}
            [result] => text.extend([" ", result.name()]),
            results => text.extend([" (", &list(results), ")"]),
        }
        text
    }
}

impl fmt::Debug for FunctionDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.signature())
    }
}

/// A memory of a module, defined by it or imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryDefinition {
    /// Its place, imports and exports.
    pub export: ExportDefinition,
    /// Its type.
    pub ty: MemoryType,
}

impl MemoryDefinition {
    /// The initial size in pages of 65,536 bytes.
    #[must_use]
    pub fn min(&self) -> u64 {
        self.ty.min_pages
    }

    /// The largest size in pages, if the module limits it.
    #[must_use]
    pub fn max(&self) -> Option<u64> {
        self.ty.max_pages
    }
}

/// A table of a module, defined by it or imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDefinition {
    /// Its place, imports and exports.
    pub export: ExportDefinition,
    /// Its type.
    pub ty: TableType,
}

/// A global of a module, defined by it or imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlobalDefinition {
    /// Its place, imports and exports.
    pub export: ExportDefinition,
    /// Its type.
    pub ty: GlobalType,
}

/// A custom section: its name and raw data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomSection {
    /// The name.
    pub name: Arc<str>,
    /// The data after the name.
    pub data: Arc<[u8]>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_name_falls_back_to_the_index() {
        let mut parts = FunctionParts::default();
        parts.export.module_name = "env".into();
        parts.export.index = 3;
        assert_eq!(FunctionDefinition::new(parts.clone()).debug_name(), "env.$3");
        parts.name = "abort".into();
        assert_eq!(FunctionDefinition::new(parts).debug_name(), "env.abort");
    }

    #[test]
    fn signatures_print_as_in_traces() {
        let check = |params: &[ValueType], results: &[ValueType], expected: &str| {
            let ty = Arc::new(FunctionType::new(params, results));
            let parts = FunctionParts { ty, name: "f".into(), ..Default::default() };
            assert_eq!(FunctionDefinition::new(parts).signature(), expected);
        };
        check(&[], &[], ".f()");
        check(&[ValueType::I32, ValueType::V128], &[ValueType::F64], ".f(i32,v128) f64");
        check(&[], &[ValueType::I32, ValueType::FuncRef], ".f() (i32,funcref)");
    }
}
