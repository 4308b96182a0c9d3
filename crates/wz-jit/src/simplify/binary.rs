//! Rules for integer operators with two operands. Constants are on the right.

use wz_decode::ops::{BinaryOp, UnaryOp};

use crate::build::Builder;
use crate::ir::{Type, Value};

use super::IntOp;
use super::unary::sign_extension;

impl Builder<'_> {
    pub(super) fn simplify_binary(&mut self, op: BinaryOp, a: Value, b: Value) -> Option<Value> {
        let Some((op, ty)) = IntOp::of(op) else { return self.simplify_other_binary(op, a, b) };
        if let Some(value) = self.simplify_same(op, ty, a, b) {
            return Some(value);
        }
        let constant = self.int_of(b);
        match op {
            IntOp::Add => self.simplify_add(ty, a, constant?),
            IntOp::Sub => self.simplify_sub(ty, a, b, constant),
            IntOp::Mul => self.simplify_mul(ty, a, constant?),
            IntOp::And => self.simplify_and(ty, a, constant?),
            IntOp::Or => self.simplify_or(ty, a, constant?),
            IntOp::Xor => self.simplify_xor(ty, a, constant?),
            IntOp::Shl | IntOp::ShrS | IntOp::ShrU | IntOp::Rotl | IntOp::Rotr => {
                self.simplify_shift(op, ty, a, b, constant)
            }
            IntOp::DivS | IntOp::DivU | IntOp::RemS | IntOp::RemU => {
                self.simplify_division(op, ty, a, constant?)
            }
            IntOp::Eq
            | IntOp::Ne
            | IntOp::LtS
            | IntOp::LtU
            | IntOp::GtS
            | IntOp::GtU
            | IntOp::LeS
            | IntOp::LeU
            | IntOp::GeS
            | IntOp::GeU => self.simplify_comparison(op, ty, a, constant?),
        }
    }

    /// An operator on two integers of a type.
    pub(super) fn int_op(&mut self, op: IntOp, ty: Type, a: Value, b: Value) -> Value {
        self.emit_binary(op.on(ty), a, b)
    }

    /// The same with a constant on the right.
    pub(super) fn int_op_with(&mut self, op: IntOp, ty: Type, a: Value, b: u64) -> Value {
        let b = self.int(ty, b);
        self.emit_binary(op.on(ty), a, b)
    }

    /// The constant on the right, if a value is computed with this operator and one.
    fn int_with(&self, op: IntOp, ty: Type, value: Value) -> Option<(Value, u64)> {
        self.with_constant(op.on(ty), value)
    }

    /// Both operands are the same value.
    fn simplify_same(&mut self, op: IntOp, ty: Type, a: Value, b: Value) -> Option<Value> {
        if a != b {
            return None;
        }
        match op {
            IntOp::And | IntOp::Or => Some(a),
            IntOp::Sub | IntOp::Xor => Some(self.zero(ty)),
            IntOp::Eq | IntOp::LeS | IntOp::LeU | IntOp::GeS | IntOp::GeU => Some(self.int(Type::I32, 1)),
            IntOp::Ne | IntOp::LtS | IntOp::LtU | IntOp::GtS | IntOp::GtU => Some(self.zero(Type::I32)),
            IntOp::Add
            | IntOp::Mul
            | IntOp::DivS
            | IntOp::DivU
            | IntOp::RemS
            | IntOp::RemU
            | IntOp::Shl
            | IntOp::ShrS
            | IntOp::ShrU
            | IntOp::Rotl
            | IntOp::Rotr => None,
        }
    }

    fn simplify_add(&mut self, ty: Type, a: Value, b: u64) -> Option<Value> {
        if b == 0 {
            return Some(a);
        }
        let (inner, first) = self.int_with(IntOp::Add, ty, a)?;
        Some(self.int_op_with(IntOp::Add, ty, inner, first.wrapping_add(b)))
    }

    fn simplify_sub(&mut self, ty: Type, a: Value, b: Value, constant: Option<u64>) -> Option<Value> {
        if let Some(constant) = constant {
            return Some(self.int_op_with(IntOp::Add, ty, a, constant.wrapping_neg()));
        }
        // (x + y) - y, (x + y) - x.
        let (x, y) = self.binary_of(IntOp::Add.on(ty), a)?;
        match b {
            b if b == y => Some(x),
            b if b == x => Some(y),
            _ => None,
        }
    }

    fn simplify_mul(&mut self, ty: Type, a: Value, b: u64) -> Option<Value> {
        match b {
            0 => return Some(self.zero(ty)),
            1 => return Some(a),
            b if b == ty.max() => {
                let zero = self.zero(ty);
                return Some(self.int_op(IntOp::Sub, ty, zero, a));
            }
            b if b.is_power_of_two() => {
                return Some(self.int_op_with(IntOp::Shl, ty, a, b.trailing_zeros().into()));
            }
            _ => {}
        }
        let (inner, first) = self.int_with(IntOp::Mul, ty, a)?;
        Some(self.int_op_with(IntOp::Mul, ty, inner, first.wrapping_mul(b)))
    }

    fn simplify_and(&mut self, ty: Type, a: Value, b: u64) -> Option<Value> {
        if b == 0 {
            return Some(self.zero(ty));
        }
        // All bits that may be set are kept.
        let bound = self.bound(a);
        if b & low_ones(bound) == low_ones(bound) {
            return Some(a);
        }
        if let Some((inner, first)) = self.int_with(IntOp::And, ty, a) {
            return Some(self.int_op_with(IntOp::And, ty, inner, first & b));
        }
        None
    }

    fn simplify_or(&mut self, ty: Type, a: Value, b: u64) -> Option<Value> {
        match b {
            0 => return Some(a),
            b if b == ty.max() => return Some(self.int(ty, b)),
            _ => {}
        }
        let (inner, first) = self.int_with(IntOp::Or, ty, a)?;
        Some(self.int_op_with(IntOp::Or, ty, inner, first | b))
    }

    fn simplify_xor(&mut self, ty: Type, a: Value, b: u64) -> Option<Value> {
        if b == 0 {
            return Some(a);
        }
        if let Some((inner, first)) = self.int_with(IntOp::Xor, ty, a) {
            return Some(self.int_op_with(IntOp::Xor, ty, inner, first ^ b));
        }
        // A truth value negated.
        if b == 1 && ty == Type::I32 && self.bound(a) <= 1 {
            return Some(self.emit_unary(UnaryOp::I32Eqz, a));
        }
        None
    }

    fn simplify_shift(
        &mut self,
        op: IntOp,
        ty: Type,
        a: Value,
        b: Value,
        constant: Option<u64>,
    ) -> Option<Value> {
        let width = u64::from(ty.bits());
        let Some(amount) = constant else {
            // The operator takes the amount modulo the width itself.
            let (inner, mask) = self.int_with(IntOp::And, ty, b)?;
            return (mask & (width - 1) == width - 1).then(|| self.int_op(op, ty, a, inner));
        };
        if amount >= width {
            return Some(self.int_op_with(op, ty, a, amount & (width - 1)));
        }
        if amount == 0 {
            return Some(a);
        }
        if op == IntOp::Rotr {
            return Some(self.int_op_with(IntOp::Rotl, ty, a, width - amount));
        }
        if op == IntOp::ShrS && self.bound(a) <= ty.max() >> 1 {
            return Some(self.int_op_with(IntOp::ShrU, ty, a, amount));
        }
        if op == IntOp::ShrU && self.bound(a) >> amount == 0 {
            return Some(self.zero(ty));
        }
        if let Some((inner, first)) = self.int_with(op, ty, a) {
            let sum = first + amount;
            return match op {
                IntOp::Rotl => Some(self.int_op_with(op, ty, inner, sum & (width - 1))),
                IntOp::ShrS => Some(self.int_op_with(op, ty, inner, sum.min(width - 1))),
                IntOp::Shl | IntOp::ShrU if sum >= width => Some(self.zero(ty)),
                _ => Some(self.int_op_with(op, ty, inner, sum)),
            };
        }
        // Up and down again by the same amount: a mask, or an extension of the sign.
        if let Some((inner, up)) = self.int_with(IntOp::Shl, ty, a)
            && up == amount
        {
            match op {
                IntOp::ShrU => return Some(self.int_op_with(IntOp::And, ty, inner, ty.max() >> amount)),
                IntOp::ShrS => {
                    let extension = sign_extension(ty, (width - amount) as u32)?;
                    return Some(self.emit_unary(extension, inner));
                }
                _ => {}
            }
        }
        if let Some((inner, down)) = self.int_with(IntOp::ShrU, ty, a)
            && down == amount
            && op == IntOp::Shl
        {
            return Some(self.int_op_with(IntOp::And, ty, inner, ty.max() << amount));
        }
        None
    }

    fn simplify_comparison(&mut self, op: IntOp, ty: Type, a: Value, b: u64) -> Option<Value> {
        let truth = |this: &mut Self, holds: bool| Some(this.int(Type::I32, holds.into()));
        let bound = self.bound(a);
        let sign = (ty.max() >> 1) + 1;
        match op {
            IntOp::Eq if b > bound => return truth(self, false),
            IntOp::Ne if b > bound => return truth(self, true),
            IntOp::LtU if bound < b => return truth(self, true),
            IntOp::LeU if bound <= b => return truth(self, true),
            IntOp::GtU if bound <= b => return truth(self, false),
            IntOp::GeU if bound < b => return truth(self, false),
            IntOp::LtU if b == 0 => return truth(self, false),
            IntOp::GeU if b == 0 => return truth(self, true),
            IntOp::LtS if b == sign => return truth(self, false),
            IntOp::GeS if b == sign => return truth(self, true),
            IntOp::LeS if b == sign - 1 => return truth(self, true),
            IntOp::GtS if b == sign - 1 => return truth(self, false),
            IntOp::Eq if b == 0 => return Some(self.emit_unary(eqz(ty), a)),
            IntOp::LtU if b == 1 => return Some(self.emit_unary(eqz(ty), a)),
            IntOp::LeU if b == 0 => return Some(self.emit_unary(eqz(ty), a)),
            IntOp::GtU if b == 0 => return Some(self.int_op_with(IntOp::Ne, ty, a, 0)),
            IntOp::GeU if b == 1 => return Some(self.int_op_with(IntOp::Ne, ty, a, 0)),
            _ => {}
        }
        // What is not negative is compared as well without a sign.
        if bound < sign && b < sign {
            let unsigned = match op {
                IntOp::LtS => Some(IntOp::LtU),
                IntOp::LeS => Some(IntOp::LeU),
                IntOp::GtS => Some(IntOp::GtU),
                IntOp::GeS => Some(IntOp::GeU),
                _ => None,
            };
            if let Some(unsigned) = unsigned {
                return Some(self.int_op_with(unsigned, ty, a, b));
            }
        }
        // A truth value compared with one.
        if bound <= 1 && ty == Type::I32 {
            match (op, b) {
                (IntOp::Ne, 0) | (IntOp::Eq, 1) => return Some(a),
                (IntOp::Ne, 1) => return Some(self.emit_unary(UnaryOp::I32Eqz, a)),
                _ => {}
            }
        }
        if let IntOp::Eq | IntOp::Ne = op {
            // A difference compared with zero, a sum compared with a constant.
            if b == 0
                && let Some((x, y)) =
                    self.binary_of(IntOp::Sub.on(ty), a).or_else(|| self.binary_of(IntOp::Xor.on(ty), a))
            {
                return Some(self.int_op(op, ty, x, y));
            }
            if let Some((inner, added)) = self.int_with(IntOp::Add, ty, a) {
                return Some(self.int_op_with(op, ty, inner, b.wrapping_sub(added)));
            }
            if ty == Type::I64
                && b <= u64::from(u32::MAX)
                && let Some(narrow) = self.unary_of(UnaryOp::I64ExtendI32U, a)
            {
                return Some(self.int_op_with(op, Type::I32, narrow, b));
            }
        }
        None
    }
}

/// The operator that tests for zero.
fn eqz(ty: Type) -> UnaryOp {
    if ty == Type::I32 { UnaryOp::I32Eqz } else { UnaryOp::I64Eqz }
}

/// All bits that may be set in a number that is at most `bound`.
pub(super) fn low_ones(bound: u64) -> u64 {
    u64::MAX.checked_shr(bound.leading_zeros()).unwrap_or(0)
}
