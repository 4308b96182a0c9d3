//! Simplification of operators as they are built: folding of constants, algebra, and what is known
//! of the range of integers.
//!
//! A rule replaces an operator by something that costs less or that later rules see through. The
//! results are the same bits, and the same trap; where no rule applies the operator is built as it
//! is, so a `match` here may leave operators out. Every rule makes the expression smaller or
//! brings it nearer to the form that others expect: constants on the right, `eqz` for comparisons
//! with zero, `ne` with zero only as a value, `shl` for multiplication, `add` for subtraction of
//! a constant, `rotl` for rotation by a constant.

mod binary;
mod divide;
mod int;
mod range;
mod unary;
mod vector;

use wz_decode::ops::{BinaryOp, StoreOp, UnaryOp};

use crate::build::Builder;
use crate::fold;
use crate::ir::{Op, Type, Value};
use crate::options::Passes;
pub(crate) use int::IntOp;

impl Builder<'_> {
    pub(crate) fn simplifies(&self) -> bool {
        self.options().passes.has(Passes::SIMPLIFY)
    }

    /// The operator and operands that a value is computed with, if it has at most three.
    pub(crate) fn expression(&self, value: Value) -> Option<(Op, [Value; 3])> {
        let inst = self.function().def_inst(value)?;
        let data = self.function().inst(inst);
        data.arg_list().is_none().then_some((data.op, data.args))
    }

    /// The operand, if a value is computed with this operator.
    pub(crate) fn unary_of(&self, op: UnaryOp, value: Value) -> Option<Value> {
        match self.expression(value) {
            Some((Op::Unary(found), [a, ..])) if found == op => Some(a),
            _ => None,
        }
    }

    /// The operands, if a value is computed with this operator.
    pub(crate) fn binary_of(&self, op: BinaryOp, value: Value) -> Option<(Value, Value)> {
        match self.expression(value) {
            Some((Op::Binary(found), [a, b, _])) if found == op => Some((a, b)),
            _ => None,
        }
    }

    /// The operands, if a value is computed with this operator and the second is constant.
    pub(crate) fn with_constant(&self, op: BinaryOp, value: Value) -> Option<(Value, u64)> {
        let (a, b) = self.binary_of(op, value)?;
        Some((a, self.function().constant_int(b)?))
    }

    pub(crate) fn int_of(&self, value: Value) -> Option<u64> {
        self.function().constant_int(value)
    }

    // Operators.

    pub(crate) fn emit_unary(&mut self, op: UnaryOp, a: Value) -> Value {
        let ty = Type::of(op.result());
        if self.simplifies() {
            if let Some(bits) = self.function().constant(a)
                && let Some(outcome) = fold::unary(op, bits)
            {
                return self.folded(outcome, ty);
            }
            if let Some(value) = self.simplify_unary(op, a) {
                return value;
            }
        }
        self.pure(Op::Unary(op), &[a], ty)
    }

    pub(crate) fn emit_binary(&mut self, op: BinaryOp, a: Value, b: Value) -> Value {
        let ty = Type::of(op.result());
        let (mut op, mut a, mut b) = (op, a, b);
        if self.simplifies() {
            let constants = (self.function().constant(a), self.function().constant(b));
            if let (Some(left), Some(right)) = constants
                && let Some(outcome) = fold::binary(op, left, right)
            {
                return self.folded(outcome, ty);
            }
            let swap = match constants {
                (Some(_), None) => true,
                (None, None) => op.is_commutative() && a > b,
                (_, Some(_)) => false,
            };
            if swap && let Some(swapped) = int::swapped(op) {
                (op, a, b) = (swapped, b, a);
            }
            if let Some(value) = self.simplify_binary(op, a, b) {
                return value;
            }
        }
        self.pure(Op::Binary(op), &[a, b], ty)
    }

    pub(crate) fn emit_select(&mut self, ty: Type, [condition, a, b]: [Value; 3]) -> Value {
        let (mut condition, mut a, mut b) = (condition, a, b);
        if self.simplifies() {
            while let Some((inner, eqz)) = self.test_for_zero(condition) {
                condition = inner;
                if eqz {
                    (a, b) = (b, a);
                }
            }
            condition = self.known_condition(condition);
            if let Some(value) = self.simplify_select(ty, condition, a, b) {
                return value;
            }
        }
        self.pure(Op::Select, &[condition, a, b], ty)
    }

    fn simplify_select(&mut self, ty: Type, condition: Value, a: Value, b: Value) -> Option<Value> {
        if a == b {
            return Some(a);
        }
        if let Some(condition) = self.int_of(condition) {
            return Some(if condition != 0 { a } else { b });
        }
        let truth = match (self.int_of(a)?, self.int_of(b)?) {
            (1, 0) => {
                let zero = self.zero(Type::I32);
                self.emit_binary(BinaryOp::I32Ne, condition, zero)
            }
            (0, 1) => self.emit_unary(UnaryOp::I32Eqz, condition),
            _ => return None,
        };
        Some(if ty == Type::I64 { self.emit_unary(UnaryOp::I64ExtendI32U, truth) } else { truth })
    }

    /// If a value as a condition is the same as another, or the negation (`true`) of another:
    /// a test of an `i32` for zero.
    pub(crate) fn test_for_zero(&self, value: Value) -> Option<(Value, bool)> {
        if let Some(a) = self.unary_of(UnaryOp::I32Eqz, value) {
            return Some((a, true));
        }
        match self.with_constant(BinaryOp::I32Ne, value) {
            Some((a, 0)) => Some((a, false)),
            _ => None,
        }
    }

    /// What is stored, without what the store cuts off.
    pub(crate) fn stored_value(&self, op: StoreOp, value: Value) -> Value {
        if !self.simplifies() {
            return value;
        }
        let (mask, and) = match op {
            StoreOp::I32Store8 => (0xff, BinaryOp::I32And),
            StoreOp::I32Store16 => (0xffff, BinaryOp::I32And),
            StoreOp::I64Store8 => (0xff, BinaryOp::I64And),
            StoreOp::I64Store16 => (0xffff, BinaryOp::I64And),
            StoreOp::I64Store32 => (0xffff_ffff, BinaryOp::I64And),
            StoreOp::I32Store
            | StoreOp::I64Store
            | StoreOp::F32Store
            | StoreOp::F64Store
            | StoreOp::V128Store => return value,
        };
        match self.with_constant(and, value) {
            Some((a, kept)) if kept & mask == mask => a,
            _ => value,
        }
    }
}
