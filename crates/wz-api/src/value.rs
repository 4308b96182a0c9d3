//! Values with their types: [`Value`], [`V128`] and the references that it holds.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::function::Function;
use crate::types::ValueType;

/// A 128-bit vector, as the integer whose little-endian bytes are the lanes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct V128(pub u128);

impl V128 {
    /// The vector with these bytes, lane 0 first.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_le_bytes(bytes))
    }

    /// The bytes, lane 0 first.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }
}

impl fmt::Debug for V128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:032x}", self.0)
    }
}

impl fmt::Display for V128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl From<u128> for V128 {
    fn from(value: u128) -> Self {
        Self(value)
    }
}

/// A value of the host that guests can hold and pass, but not look into.
///
/// Guests hold it for as long as their runtime lives: a host value that was passed to a guest is
/// freed with the runtime. Passing clones of one `ExternRef` repeatedly stores it once.
#[derive(Clone)]
pub struct ExternRef(Arc<dyn Any + Send + Sync>);

impl ExternRef {
    /// A reference to `value`.
    pub fn new<T: Any + Send + Sync>(value: T) -> Self {
        Self(Arc::new(value))
    }

    /// The value, if it is a `T`.
    #[must_use]
    pub fn downcast_ref<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }

    /// Whether both refer to the same value.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.address() == other.address()
    }

    /// Identifies the value while a clone of the reference lives. Never dereferenced.
    #[doc(hidden)]
    #[must_use]
    pub fn address(&self) -> usize {
        Arc::as_ptr(&self.0).cast::<()>() as usize
    }
}

impl fmt::Debug for ExternRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExternRef")
    }
}

/// A WebAssembly value with its type.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Value {
    /// A 32-bit integer.
    I32(i32),
    /// A 64-bit integer.
    I64(i64),
    /// A 32-bit floating-point number.
    F32(f32),
    /// A 64-bit floating-point number.
    F64(f64),
    /// A 128-bit vector.
    V128(V128),
    /// A function, or null.
    FuncRef(Option<Function>),
    /// A host value, or null.
    ExternRef(Option<ExternRef>),
}

impl Value {
    /// The type.
    #[must_use]
    pub const fn ty(&self) -> ValueType {
        match self {
            Self::I32(_) => ValueType::I32,
            Self::I64(_) => ValueType::I64,
            Self::F32(_) => ValueType::F32,
            Self::F64(_) => ValueType::F64,
            Self::V128(_) => ValueType::V128,
            Self::FuncRef(_) => ValueType::FuncRef,
            Self::ExternRef(_) => ValueType::ExternRef,
        }
    }

    /// Zero or null: what a local of this type starts with.
    #[must_use]
    pub const fn default_of(ty: ValueType) -> Self {
        match ty {
            ValueType::I32 => Self::I32(0),
            ValueType::I64 => Self::I64(0),
            ValueType::F32 => Self::F32(0.0),
            ValueType::F64 => Self::F64(0.0),
            ValueType::V128 => Self::V128(V128(0)),
            ValueType::FuncRef => Self::FuncRef(None),
            ValueType::ExternRef => Self::ExternRef(None),
        }
    }
}

/// Prints numbers as decimals, vectors as hexadecimal, references as `null` or their kind.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::I32(value) => value.fmt(f),
            Self::I64(value) => value.fmt(f),
            Self::F32(value) => value.fmt(f),
            Self::F64(value) => value.fmt(f),
            Self::V128(value) => value.fmt(f),
            Self::FuncRef(None) | Self::ExternRef(None) => f.write_str("null"),
            Self::FuncRef(Some(function)) => write!(f, "func[{}]", function.definition().debug_name()),
            Self::ExternRef(Some(_)) => f.write_str("extern"),
        }
    }
}

macro_rules! value_from {
    ($($rust:ty => $variant:ident),*) => {$(
        impl From<$rust> for Value {
            fn from(value: $rust) -> Self {
                Self::$variant(value)
            }
        }
    )*};
}
value_from!(i32 => I32, i64 => I64, f32 => F32, f64 => F64, V128 => V128,
    Option<Function> => FuncRef, Option<ExternRef> => ExternRef);
