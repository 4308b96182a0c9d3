//! Rules for division by a constant: shifts where the divisor is a power of two, else, for 32
//! bits, a multiplication by the reciprocal (Granlund and Montgomery, "Division by Invariant
//! Integers using Multiplication"), which 64-bit machines do in one instruction. Division of 64
//! bits needs a product of 128, which is a matter of selection.

use wz_api::Trap;
use wz_decode::ops::UnaryOp;

use crate::build::Builder;
use crate::ir::{Type, Value};

use super::IntOp;

impl Builder<'_> {
    pub(super) fn simplify_division(&mut self, op: IntOp, ty: Type, a: Value, b: u64) -> Option<Value> {
        if b == 0 {
            return Some(self.trapped(Trap::IntegerDivideByZero, ty));
        }
        match op {
            IntOp::DivU => self.divide_unsigned(ty, a, b),
            IntOp::RemU => match b {
                1 => Some(self.zero(ty)),
                b if self.bound(a) < b => Some(a),
                b if b.is_power_of_two() => Some(self.int_op_with(IntOp::And, ty, a, b - 1)),
                b => {
                    let quotient = self.divide_unsigned(ty, a, b)?;
                    Some(self.remainder(ty, a, quotient, b))
                }
            },
            IntOp::DivS => self.divide_signed(ty, a, b),
            IntOp::RemS => match b {
                b if b == 1 || b == ty.max() => Some(self.zero(ty)),
                b if self.bound(a) <= ty.max() >> 1 && b <= ty.max() >> 1 => {
                    Some(self.int_op_with(IntOp::RemU, ty, a, b))
                }
                b => {
                    let quotient = self.divide_signed(ty, a, b)?;
                    Some(self.remainder(ty, a, quotient, b))
                }
            },
            _ => None,
        }
    }

    fn remainder(&mut self, ty: Type, a: Value, quotient: Value, b: u64) -> Value {
        let product = self.int_op_with(IntOp::Mul, ty, quotient, b);
        self.int_op(IntOp::Sub, ty, a, product)
    }

    fn divide_unsigned(&mut self, ty: Type, a: Value, b: u64) -> Option<Value> {
        match b {
            1 => return Some(a),
            b if self.bound(a) < b => return Some(self.zero(ty)),
            b if b.is_power_of_two() => {
                return Some(self.int_op_with(IntOp::ShrU, ty, a, b.trailing_zeros().into()));
            }
            _ => {}
        }
        if ty != Type::I32 {
            return None;
        }
        // With l = ceil(log2(b)) and m = ceil(2^(32+l) / b), between 2^32 and 2^33, the quotient
        // is floor(a * m / 2^(32+l)) for every a below 2^32.
        let log = u64::BITS - (b - 1).leading_zeros();
        let reciprocal = (1_u128 << (32 + log)).div_ceil(u128::from(b));
        let wide = self.emit_unary(UnaryOp::I64ExtendI32U, a);
        let quotient = if reciprocal % 2 == 0 {
            let product = self.int_op_with(IntOp::Mul, Type::I64, wide, (reciprocal / 2) as u64);
            self.int_op_with(IntOp::ShrU, Type::I64, product, u64::from(31 + log))
        } else {
            // The product would have 65 bits: with t = floor(a * (m - 2^32) / 2^32), the quotient
            // is floor((t + a) / 2^l), where the sum has 33.
            let low = (reciprocal - (1 << 32)) as u64;
            let product = self.int_op_with(IntOp::Mul, Type::I64, wide, low);
            let high = self.int_op_with(IntOp::ShrU, Type::I64, product, 32);
            let sum = self.int_op(IntOp::Add, Type::I64, high, wide);
            self.int_op_with(IntOp::ShrU, Type::I64, sum, log.into())
        };
        Some(self.emit_unary(UnaryOp::I32WrapI64, quotient))
    }

    fn divide_signed(&mut self, ty: Type, a: Value, b: u64) -> Option<Value> {
        let half = ty.max() >> 1;
        match b {
            1 => return Some(a),
            // -1 overflows; the least number is a power of two only without a sign.
            b if b == ty.max() || b == half + 1 => return None,
            b if self.bound(a) <= half && b <= half => return self.divide_unsigned_or_as_is(ty, a, b),
            b if b <= half && b.is_power_of_two() => {
                // Add b - 1 to what is negative, so that the shift rounds towards zero.
                let log = u64::from(b.trailing_zeros());
                let sign = self.int_op_with(IntOp::ShrS, ty, a, u64::from(ty.bits()) - 1);
                let bias = self.int_op_with(IntOp::ShrU, ty, sign, u64::from(ty.bits()) - log);
                let sum = self.int_op(IntOp::Add, ty, a, bias);
                return Some(self.int_op_with(IntOp::ShrS, ty, sum, log));
            }
            _ => {}
        }
        if ty != Type::I32 {
            return None;
        }
        // With l = ceil(log2(|b|)) and m = floor(2^(31+l) / |b|) + 1, at most 2^32, the quotient is
        // floor(a * m / 2^(31+l)), plus one if a is negative, negated if b is.
        let divisor = i64::from(b as u32 as i32);
        let magnitude = divisor.unsigned_abs();
        let log = (u64::BITS - (magnitude - 1).leading_zeros()).max(1);
        let reciprocal = ((1_u64 << (31 + log)) / magnitude) + 1;
        let wide = self.emit_unary(UnaryOp::I64ExtendI32S, a);
        let product = self.int_op_with(IntOp::Mul, Type::I64, wide, reciprocal);
        let floor = self.int_op_with(IntOp::ShrS, Type::I64, product, u64::from(31 + log));
        let floor = self.emit_unary(UnaryOp::I32WrapI64, floor);
        let negative = self.int_op_with(IntOp::ShrU, Type::I32, a, 31);
        let quotient = self.int_op(IntOp::Add, Type::I32, floor, negative);
        if divisor > 0 {
            return Some(quotient);
        }
        let zero = self.zero(Type::I32);
        Some(self.int_op(IntOp::Sub, Type::I32, zero, quotient))
    }

    /// A division of numbers that are not negative.
    fn divide_unsigned_or_as_is(&mut self, ty: Type, a: Value, b: u64) -> Option<Value> {
        match self.divide_unsigned(ty, a, b) {
            Some(value) => Some(value),
            None => Some(self.int_op_with(IntOp::DivU, ty, a, b)),
        }
    }
}
