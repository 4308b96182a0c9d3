//! Canonical NaNs, for deterministic execution: section 4.3.3 of the specification has the
//! payload and sign of a NaN result chosen from a set, whose one member in the deterministic
//! profile is the positive canonical NaN.

use wz_decode::ops::{BinaryOp, TernaryOp, UnaryOp};

use super::float::Parts;
use super::lanes::{F32x4, F64x2, Vector, lanewise_operators, map};

/// The value, or the canonical NaN.
#[inline(always)]
#[must_use]
pub fn canonicalize_f32(a: f32) -> f32 {
    a.canonical()
}

/// The value, or the canonical NaN.
#[inline(always)]
#[must_use]
pub fn canonicalize_f64(a: f64) -> f64 {
    a.canonical()
}

lanewise_operators! {
    /// Each lane, or the canonical NaN.
    canonicalize_f32x4[F32x4], canonicalize_f64x2[F64x2] (a) -> lanes = a.canonical();
}

/// What of a result is floating-point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Floats {
    /// The result is an `f32`.
    F32,
    /// The result is an `f64`.
    F64,
    /// The result has four lanes of `f32`.
    F32x4,
    /// The result has two lanes of `f64`.
    F64x2,
}

impl Floats {
    /// The result with canonical NaNs.
    #[must_use]
    pub fn canonicalize(self, bits: u128) -> u128 {
        let vector = wz_api::V128(bits);
        match self {
            Self::F32 => canonicalize_f32(f32::from_bits(bits as u32)).to_bits().into(),
            Self::F64 => canonicalize_f64(f64::from_bits(bits as u64)).to_bits().into(),
            Self::F32x4 => canonicalize_f32x4(vector).0,
            Self::F64x2 => canonicalize_f64x2(vector).0,
        }
    }
}

/// The operators of one shape.
pub trait MayBeNan {
    /// See [`result_may_be_nan`].
    fn result_may_be_nan(self) -> Option<Floats>;
}

/// Whether the result must be canonicalized for execution to be deterministic, and as what. It
/// must not be after operators that only move bits: `abs`, `neg`, `copysign`, `pmin`, `pmax`.
pub fn result_may_be_nan(op: impl MayBeNan) -> Option<Floats> {
    op.result_may_be_nan()
}

/// A row reads: result, operators.
macro_rules! may_be_nan {
    ($($Op:ident { $($Floats:ident: $($Variant:ident)+;)+ })+) => {$(
        impl MayBeNan for $Op {
            fn result_may_be_nan(self) -> Option<Floats> {
                match self {
                    $($(Self::$Variant)|+ => Some(Floats::$Floats),)+
                    _ => None,
                }
            }
        }
    )+};
}

may_be_nan! {
    UnaryOp {
        F32: F32Ceil F32Floor F32Trunc F32Nearest F32Sqrt F32DemoteF64;
        F64: F64Ceil F64Floor F64Trunc F64Nearest F64Sqrt F64PromoteF32;
        F32x4: F32x4Ceil F32x4Floor F32x4Trunc F32x4Nearest F32x4Sqrt F32x4DemoteF64x2Zero;
        F64x2: F64x2Ceil F64x2Floor F64x2Trunc F64x2Nearest F64x2Sqrt F64x2PromoteLowF32x4;
    }
    BinaryOp {
        F32: F32Add F32Sub F32Mul F32Div F32Min F32Max;
        F64: F64Add F64Sub F64Mul F64Div F64Min F64Max;
        F32x4: F32x4Add F32x4Sub F32x4Mul F32x4Div F32x4Min F32x4Max F32x4RelaxedMin F32x4RelaxedMax;
        F64x2: F64x2Add F64x2Sub F64x2Mul F64x2Div F64x2Min F64x2Max F64x2RelaxedMin F64x2RelaxedMax;
    }
    TernaryOp {
        F32x4: F32x4RelaxedMadd F32x4RelaxedNmadd;
        F64x2: F64x2RelaxedMadd F64x2RelaxedNmadd;
    }
}
