//! The types of WebAssembly as the API names them: external kinds, value types, function,
//! table, memory and global types. It knows nothing of values or of instances.

use std::fmt;

/// Classifies imports and exports with their respective types.
///
/// Any byte can be held, so that an unknown kind can still be printed.
///
/// See the specification, section 2.5.10 (Exports) and 5.5.5 (Import Section).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExternType(pub u8);

impl ExternType {
    /// A function, `func` in the text format.
    pub const FUNC: Self = Self(0x00);
    /// A table, `table` in the text format.
    pub const TABLE: Self = Self(0x01);
    /// A memory, `memory` in the text format.
    pub const MEMORY: Self = Self(0x02);
    /// A global, `global` in the text format.
    pub const GLOBAL: Self = Self(0x03);

    /// The field's name in the text format, or the kind in hexadecimal if it is unknown.
    #[must_use]
    pub fn name(self) -> std::borrow::Cow<'static, str> {
        match self {
            Self::FUNC => "func".into(),
            Self::TABLE => "table".into(),
            Self::MEMORY => "memory".into(),
            Self::GLOBAL => "global".into(),
            Self(other) => format!("{other:#x}").into(),
        }
    }
}

impl fmt::Display for ExternType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl fmt::Debug for ExternType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// The type of a parameter, result, local, global or operand.
///
/// The discriminants are the binary format's encodings (specification, section 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[repr(u8)]
pub enum ValueType {
    /// A 32-bit integer.
    I32 = 0x7f,
    /// A 64-bit integer.
    I64 = 0x7e,
    /// A 32-bit floating-point number.
    F32 = 0x7d,
    /// A 64-bit floating-point number.
    F64 = 0x7c,
    /// A 128-bit vector.
    V128 = 0x7b,
    /// A nullable reference to a function.
    FuncRef = 0x70,
    /// A nullable reference to a host value.
    ExternRef = 0x6f,
}

impl ValueType {
    /// The type that the binary format encodes as `byte`.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0x7f => Self::I32,
            0x7e => Self::I64,
            0x7d => Self::F32,
            0x7c => Self::F64,
            0x7b => Self::V128,
            0x70 => Self::FuncRef,
            0x6f => Self::ExternRef,
            _ => return None,
        })
    }

    /// The name in the text format.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::V128 => "v128",
            Self::FuncRef => "funcref",
            Self::ExternRef => "externref",
        }
    }

    /// How many `u64` slots a value of this type takes in a call's stack: 2 for `v128`, else 1.
    #[must_use]
    pub const fn slots(self) -> usize {
        match self {
            Self::V128 => 2,
            _ => 1,
        }
    }

    /// Whether this is `funcref` or `externref`.
    #[must_use]
    pub const fn is_reference(self) -> bool {
        matches!(self, Self::FuncRef | Self::ExternRef)
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text-format name of the value type that the binary format encodes as `byte`,
/// `unknown` if there is none.
#[must_use]
pub fn value_type_name(byte: u8) -> &'static str {
    ValueType::from_byte(byte).map_or("unknown", ValueType::name)
}

/// The parameters and results of a function.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct FunctionType {
    params: Box<[ValueType]>,
    results: Box<[ValueType]>,
    /// Counted once, because every call asks.
    param_slots: usize,
    result_slots: usize,
}

impl FunctionType {
    /// A type from its parameters and results.
    pub fn new(params: impl Into<Box<[ValueType]>>, results: impl Into<Box<[ValueType]>>) -> Self {
        let (params, results) = (params.into(), results.into());
        let slots = |types: &[ValueType]| types.iter().map(|ty| ty.slots()).sum();
        let (param_slots, result_slots) = (slots(&params), slots(&results));
        Self { params, results, param_slots, result_slots }
    }

    /// The types of the parameters, in order.
    #[must_use]
    pub fn params(&self) -> &[ValueType] {
        &self.params
    }

    /// The types of the results, in order.
    #[must_use]
    pub fn results(&self) -> &[ValueType] {
        &self.results
    }

    /// How many `u64` slots the parameters take.
    #[must_use]
    pub fn param_slots(&self) -> usize {
        self.param_slots
    }

    /// How many `u64` slots the results take.
    #[must_use]
    pub fn result_slots(&self) -> usize {
        self.result_slots
    }

    /// The length in `u64` slots of a stack that holds the parameters and then the results.
    #[must_use]
    pub fn stack_slots(&self) -> usize {
        self.param_slots().max(self.result_slots())
    }

    /// Whether a parameter is a reference.
    #[must_use]
    pub fn takes_references(&self) -> bool {
        self.params.iter().any(|ty| ty.is_reference())
    }
}

/// Prints the compact form of link errors: `i32i64_f32`, with `v` for an empty side.
impl fmt::Display for FunctionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |f: &mut fmt::Formatter<'_>, types: &[ValueType]| {
            if types.is_empty() {
                return f.write_str("v");
            }
            types.iter().try_for_each(|ty| f.write_str(ty.name()))
        };
        side(f, &self.params)?;
        f.write_str("_")?;
        side(f, &self.results)
    }
}

/// The type of a memory: its limits and the width of its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MemoryType {
    /// The initial size in pages of 65,536 bytes.
    pub min_pages: u64,
    /// The largest size in pages, if limited.
    pub max_pages: Option<u64>,
    /// Whether addresses are `i64` (specification: address type `i64`).
    pub memory64: bool,
    /// Whether several agents share it.
    pub shared: bool,
}

impl MemoryType {
    /// The type of addresses and sizes: `i64` for memory64, else `i32`.
    #[must_use]
    pub const fn address_type(&self) -> ValueType {
        if self.memory64 { ValueType::I64 } else { ValueType::I32 }
    }
}

/// The type of a table: its element type, limits and the width of its indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TableType {
    /// The type of the elements.
    pub element: ValueType,
    /// The initial number of elements.
    pub min: u64,
    /// The largest number of elements, if limited.
    pub max: Option<u64>,
    /// Whether indices are `i64`.
    pub table64: bool,
}

impl TableType {
    /// The type of indices and sizes: `i64` for table64, else `i32`.
    #[must_use]
    pub const fn address_type(&self) -> ValueType {
        if self.table64 { ValueType::I64 } else { ValueType::I32 }
    }
}

/// The type of a global.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GlobalType {
    /// The type of its value.
    pub value: ValueType,
    /// Whether it can be set.
    pub mutable: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extern_type_names() {
        assert_eq!(ExternType::FUNC.to_string(), "func");
        assert_eq!(ExternType::TABLE.to_string(), "table");
        assert_eq!(ExternType::MEMORY.to_string(), "memory");
        assert_eq!(ExternType::GLOBAL.to_string(), "global");
        assert_eq!(ExternType(100).to_string(), "0x64");
    }

    #[test]
    fn value_type_names() {
        for (byte, name) in [
            (0x7f, "i32"),
            (0x7e, "i64"),
            (0x7d, "f32"),
            (0x7c, "f64"),
            (0x7b, "v128"),
            (0x70, "funcref"),
            (0x6f, "externref"),
            (100, "unknown"),
        ] {
            assert_eq!(value_type_name(byte), name);
        }
    }

    #[test]
    fn function_type_display_and_slots() {
        let ty = FunctionType::new([ValueType::I32, ValueType::V128], []);
        assert_eq!(ty.to_string(), "i32v128_v");
        assert_eq!((ty.param_slots(), ty.result_slots(), ty.stack_slots()), (3, 0, 3));
    }
}
