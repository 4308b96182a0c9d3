//! Rules for vectors and for floating-point operators with two operands.

use wz_decode::ops::{BinaryOp, ExtractLaneOp, ReplaceLaneOp, TernaryOp, UnaryOp};

use crate::build::Builder;
use crate::fold;
use crate::ir::{Op, Type, Value};

impl Builder<'_> {
    /// Operators with two operands that are not integers.
    pub(super) fn simplify_other_binary(&mut self, op: BinaryOp, a: Value, b: Value) -> Option<Value> {
        use BinaryOp::*;
        match op {
            V128And | V128Or | F32Copysign | F64Copysign if a == b => Some(a),
            V128Xor | V128AndNot if a == b => Some(self.zero(Type::V128)),
            V128And => {
                let bits = self.function().constant(b)?;
                match bits {
                    0 => Some(b),
                    u128::MAX => Some(a),
                    _ => None,
                }
            }
            V128Or => match self.function().constant(b)? {
                0 => Some(a),
                u128::MAX => Some(b),
                _ => None,
            },
            V128Xor => match self.function().constant(b)? {
                0 => Some(a),
                u128::MAX => Some(self.emit_unary(UnaryOp::V128Not, a)),
                _ => None,
            },
            _ => None,
        }
    }

    pub(crate) fn emit_ternary(&mut self, op: TernaryOp, [a, b, c]: [Value; 3]) -> Value {
        if self.simplifies() {
            let f = self.function();
            if let (Some(x), Some(y), Some(z)) = (f.constant(a), f.constant(b), f.constant(c))
                && let Some(outcome) = fold::ternary(op, x, y, z)
            {
                return self.folded(outcome, Type::V128);
            }
            if op == TernaryOp::V128Bitselect {
                match f.constant(c) {
                    _ if a == b => return a,
                    Some(u128::MAX) => return a,
                    Some(0) => return b,
                    _ => {}
                }
            }
        }
        self.pure(Op::Ternary(op), &[a, b, c], Type::V128)
    }

    pub(crate) fn emit_extract_lane(&mut self, op: ExtractLaneOp, lane: u8, vector: Value) -> Value {
        let ty = Type::of(op.result());
        if self.simplifies() {
            if let Some(bits) = self.function().constant(vector) {
                return self.folded(fold::extract_lane(op, lane, bits), ty);
            }
            let splat = match op {
                ExtractLaneOp::I32x4ExtractLane => Some(UnaryOp::I32x4Splat),
                ExtractLaneOp::I64x2ExtractLane => Some(UnaryOp::I64x2Splat),
                ExtractLaneOp::F32x4ExtractLane => Some(UnaryOp::F32x4Splat),
                ExtractLaneOp::F64x2ExtractLane => Some(UnaryOp::F64x2Splat),
                ExtractLaneOp::I8x16ExtractLaneS
                | ExtractLaneOp::I8x16ExtractLaneU
                | ExtractLaneOp::I16x8ExtractLaneS
                | ExtractLaneOp::I16x8ExtractLaneU => None,
            };
            if let Some(value) = splat.and_then(|splat| self.unary_of(splat, vector)) {
                return value;
            }
        }
        self.pure(Op::ExtractLane(op, lane), &[vector], ty)
    }

    pub(crate) fn emit_replace_lane(
        &mut self,
        op: ReplaceLaneOp,
        lane: u8,
        vector: Value,
        value: Value,
    ) -> Value {
        if self.simplifies() {
            let f = self.function();
            if let (Some(vector), Some(value)) = (f.constant(vector), f.constant(value)) {
                return self.folded(fold::replace_lane(op, lane, vector, value), Type::V128);
            }
        }
        self.pure(Op::ReplaceLane(op, lane), &[vector, value], Type::V128)
    }

    pub(crate) fn simplify_shuffle(&mut self, lanes: [u8; 16], a: Value, b: Value) -> Option<Value> {
        if !self.simplifies() {
            return None;
        }
        let in_order = |first: u8| lanes.iter().zip(first..).all(|(lane, expected)| *lane == expected);
        if in_order(0) {
            return Some(a);
        }
        if in_order(16) {
            return Some(b);
        }
        let f = self.function();
        let bits = fold::shuffle(lanes, f.constant(a)?, f.constant(b)?);
        Some(self.constant_bits(Type::V128, bits))
    }
}
