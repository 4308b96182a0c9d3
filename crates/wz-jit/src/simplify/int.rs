//! [`IntOp`]: the integer operators without their width, so that a rule is written once.

use wz_decode::ops::BinaryOp::{self, *};

use crate::ir::Type;

macro_rules! int_ops {
    ($($Op:ident: $I32:ident $I64:ident;)*) => {
        /// An integer operator with two operands.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum IntOp {
            $($Op,)*
        }

        impl IntOp {
            /// The operator and the type of its operands, if they are integers.
            pub(crate) fn of(op: BinaryOp) -> Option<(Self, Type)> {
                match op {
                    $($I32 => Some((Self::$Op, Type::I32)), $I64 => Some((Self::$Op, Type::I64)),)*
                    _ => None,
                }
            }

            /// The operator on operands of a type.
            pub(crate) fn on(self, ty: Type) -> BinaryOp {
                match (self, ty) {
                    $((Self::$Op, Type::I32) => $I32, (Self::$Op, _) => $I64,)*
                }
            }
        }
    };
}

int_ops! {
    Add: I32Add I64Add;
    Sub: I32Sub I64Sub;
    Mul: I32Mul I64Mul;
    DivS: I32DivS I64DivS;
    DivU: I32DivU I64DivU;
    RemS: I32RemS I64RemS;
    RemU: I32RemU I64RemU;
    And: I32And I64And;
    Or: I32Or I64Or;
    Xor: I32Xor I64Xor;
    Shl: I32Shl I64Shl;
    ShrS: I32ShrS I64ShrS;
    ShrU: I32ShrU I64ShrU;
    Rotl: I32Rotl I64Rotl;
    Rotr: I32Rotr I64Rotr;
    Eq: I32Eq I64Eq;
    Ne: I32Ne I64Ne;
    LtS: I32LtS I64LtS;
    LtU: I32LtU I64LtU;
    GtS: I32GtS I64GtS;
    GtU: I32GtU I64GtU;
    LeS: I32LeS I64LeS;
    LeU: I32LeU I64LeU;
    GeS: I32GeS I64GeS;
    GeU: I32GeU I64GeU;
}

impl IntOp {
    /// The comparison that is true when this one is not.
    pub(crate) fn inverted(self) -> Option<Self> {
        Some(match self {
            Self::Eq => Self::Ne,
            Self::Ne => Self::Eq,
            Self::LtS => Self::GeS,
            Self::LtU => Self::GeU,
            Self::GtS => Self::LeS,
            Self::GtU => Self::LeU,
            Self::LeS => Self::GtS,
            Self::LeU => Self::GtU,
            Self::GeS => Self::LtS,
            Self::GeU => Self::LtU,
            _ => return None,
        })
    }
}

/// The operator that gives the same with the operands swapped.
pub(crate) fn swapped(op: BinaryOp) -> Option<BinaryOp> {
    Some(match op {
        op if op.is_commutative() => op,
        I32LtS => I32GtS,
        I32LtU => I32GtU,
        I32GtS => I32LtS,
        I32GtU => I32LtU,
        I32LeS => I32GeS,
        I32LeU => I32GeU,
        I32GeS => I32LeS,
        I32GeU => I32LeU,
        I64LtS => I64GtS,
        I64LtU => I64GtU,
        I64GtS => I64LtS,
        I64GtU => I64LtU,
        I64LeS => I64GeS,
        I64LeU => I64GeU,
        I64GeS => I64LeS,
        I64GeU => I64LeU,
        F32Lt => F32Gt,
        F32Gt => F32Lt,
        F32Le => F32Ge,
        F32Ge => F32Le,
        F64Lt => F64Gt,
        F64Gt => F64Lt,
        F64Le => F64Ge,
        F64Ge => F64Le,
        _ => return None,
    })
}
