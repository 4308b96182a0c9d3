//! Rules for operators with one operand.

use wz_decode::ops::{BinaryOp, UnaryOp};

use crate::build::Builder;
use crate::ir::{Op, Type, Value};

use super::IntOp;

impl Builder<'_> {
    pub(super) fn simplify_unary(&mut self, op: UnaryOp, a: Value) -> Option<Value> {
        use UnaryOp::*;
        match op {
            I32Eqz | I64Eqz => self.simplify_eqz(a),
            I32WrapI64 => self.simplify_wrap(a),
            I64ExtendI32U => self.simplify_extend_u(a),
            I64ExtendI32S => (self.bound(a) <= 0x7fff_ffff).then(|| self.emit_unary(I64ExtendI32U, a)),
            I32Extend8S => self.simplify_sign_extension(Type::I32, 8, a),
            I32Extend16S => self.simplify_sign_extension(Type::I32, 16, a),
            I64Extend8S => self.simplify_sign_extension(Type::I64, 8, a),
            I64Extend16S => self.simplify_sign_extension(Type::I64, 16, a),
            I64Extend32S => {
                if let Some(narrow) = self.unary_of(I64ExtendI32U, a) {
                    return Some(self.emit_unary(I64ExtendI32S, narrow));
                }
                self.simplify_sign_extension(Type::I64, 32, a)
            }
            F32Neg => self.unary_of(F32Neg, a),
            F64Neg => self.unary_of(F64Neg, a),
            F32Abs | F64Abs => {
                let neg = if op == F32Abs { F32Neg } else { F64Neg };
                let inner = self.unary_of(neg, a).or_else(|| self.unary_of(op, a))?;
                Some(self.emit_unary(op, inner))
            }
            I32ReinterpretF32 => self.unary_of(F32ReinterpretI32, a),
            F32ReinterpretI32 => self.unary_of(I32ReinterpretF32, a),
            I64ReinterpretF64 => self.unary_of(F64ReinterpretI64, a),
            F64ReinterpretI64 => self.unary_of(I64ReinterpretF64, a),
            V128Not => self.unary_of(V128Not, a),
            _ => None,
        }
    }

    fn simplify_eqz(&mut self, a: Value) -> Option<Value> {
        let (op, [x, y, _]) = self.expression(a)?;
        match op {
            // Twice: whether it is not zero.
            Op::Unary(UnaryOp::I32Eqz) => {
                let zero = self.zero(Type::I32);
                Some(self.emit_binary(BinaryOp::I32Ne, x, zero))
            }
            Op::Unary(UnaryOp::I64Eqz) => {
                let zero = self.zero(Type::I64);
                Some(self.emit_binary(BinaryOp::I64Ne, x, zero))
            }
            Op::Unary(UnaryOp::I64ExtendI32U | UnaryOp::I64ExtendI32S) => {
                Some(self.emit_unary(UnaryOp::I32Eqz, x))
            }
            Op::Binary(BinaryOp::F32Eq) => Some(self.emit_binary(BinaryOp::F32Ne, x, y)),
            Op::Binary(BinaryOp::F32Ne) => Some(self.emit_binary(BinaryOp::F32Eq, x, y)),
            Op::Binary(BinaryOp::F64Eq) => Some(self.emit_binary(BinaryOp::F64Ne, x, y)),
            Op::Binary(BinaryOp::F64Ne) => Some(self.emit_binary(BinaryOp::F64Eq, x, y)),
            // Integers that differ, or whose difference is zero.
            Op::Binary(op) => {
                let (op, ty) = IntOp::of(op)?;
                let op = match op {
                    IntOp::Sub | IntOp::Xor => IntOp::Eq,
                    op => op.inverted()?,
                };
                Some(self.emit_binary(op.on(ty), x, y))
            }
            _ => None,
        }
    }

    fn simplify_wrap(&mut self, a: Value) -> Option<Value> {
        let (op, [x, y, _]) = self.expression(a)?;
        match op {
            Op::Unary(UnaryOp::I64ExtendI32S | UnaryOp::I64ExtendI32U) => Some(x),
            Op::Unary(UnaryOp::I64Extend32S) => Some(self.emit_unary(UnaryOp::I32WrapI64, x)),
            Op::Binary(BinaryOp::I64And) if self.int_of(y)? as u32 == u32::MAX => {
                Some(self.emit_unary(UnaryOp::I32WrapI64, x))
            }
            // The low half of these depends on the low halves of the operands only.
            Op::Binary(
                op @ (BinaryOp::I64Add
                | BinaryOp::I64Sub
                | BinaryOp::I64Mul
                | BinaryOp::I64And
                | BinaryOp::I64Or
                | BinaryOp::I64Xor),
            ) => {
                let (left, right) = (self.narrow(x)?, self.narrow(y)?);
                let (op, _) = IntOp::of(op)?;
                Some(self.emit_binary(op.on(Type::I32), left, right))
            }
            _ => None,
        }
    }

    /// The low half of a value, if that costs nothing.
    fn narrow(&mut self, value: Value) -> Option<Value> {
        if let Some(bits) = self.int_of(value) {
            return Some(self.int(Type::I32, bits));
        }
        match self.expression(value)? {
            (Op::Unary(UnaryOp::I64ExtendI32S | UnaryOp::I64ExtendI32U), [narrow, ..]) => Some(narrow),
            _ => None,
        }
    }

    fn simplify_extend_u(&mut self, a: Value) -> Option<Value> {
        let wide = self.unary_of(UnaryOp::I32WrapI64, a)?;
        (self.bound(wide) <= u64::from(u32::MAX)).then_some(wide)
    }

    /// Extends the low `bits` with their sign.
    fn simplify_sign_extension(&mut self, ty: Type, bits: u32, a: Value) -> Option<Value> {
        if self.bound(a) < 1 << (bits - 1) {
            return Some(a);
        }
        let op = sign_extension(ty, bits)?;
        // What is done to the bits above does not matter.
        if let Some((inner, mask)) = self.with_constant(IntOp::And.on(ty), a)
            && mask & ((1 << bits) - 1) == (1 << bits) - 1
        {
            return Some(self.emit_unary(op, inner));
        }
        if self.unary_of(op, a).is_some() {
            return Some(a);
        }
        None
    }
}

/// The operator that extends the low `bits` with their sign.
pub(super) fn sign_extension(ty: Type, bits: u32) -> Option<UnaryOp> {
    match (ty, bits) {
        (Type::I32, 8) => Some(UnaryOp::I32Extend8S),
        (Type::I32, 16) => Some(UnaryOp::I32Extend16S),
        (Type::I64, 8) => Some(UnaryOp::I64Extend8S),
        (Type::I64, 16) => Some(UnaryOp::I64Extend16S),
        (Type::I64, 32) => Some(UnaryOp::I64Extend32S),
        _ => None,
    }
}
