//! [`Class`]: which accumulator a value belongs to.

use wz_api::{FunctionType, ValueType};

/// The accumulators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Class {
    /// Integers and references.
    Int,
    /// `f32`
    F32,
    /// `f64`
    F64,
}

impl Class {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Int, Self::F32, Self::F64];

    /// The class of values of a type; vectors have none.
    pub(crate) fn of(ty: ValueType) -> Option<Self> {
        match ty {
            ValueType::F32 => Some(Self::F32),
            ValueType::F64 => Some(Self::F64),
            ValueType::V128 => None,
            _ => Some(Self::Int),
        }
    }

    /// The class of the result of functions that return it in an accumulator.
    pub(crate) fn of_result(ty: &FunctionType) -> Option<Self> {
        match ty.results() {
            [result] => Self::of(*result),
            _ => None,
        }
    }
}
