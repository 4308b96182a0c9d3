//! The range of integers: what a value is at most, as an unsigned number. It is computed when
//! the value is built from what is known of the operands, and never looked further than that.

use wz_decode::ops::{BinaryOp, ExtractLaneOp, UnaryOp};

use crate::build::Builder;
use crate::ir::{Op, Type, Value};

use super::IntOp;
use super::binary::low_ones;

impl Builder<'_> {
    /// The greatest unsigned number that the result of a pure operator can be.
    pub(crate) fn bound_of(&self, op: Op, args: &[Value], ty: Type) -> u64 {
        match op {
            Op::Unary(op) => self.bound_of_unary(op, args[0]).min(ty.max()),
            Op::Binary(op) => self.bound_of_binary(op, args[0], args[1]).min(ty.max()),
            Op::Select => self.bound(args[1]).max(self.bound(args[2])),
            Op::ExtractLane(ExtractLaneOp::I8x16ExtractLaneU, _) => 0xff,
            Op::ExtractLane(ExtractLaneOp::I16x8ExtractLaneU, _) => 0xffff,
            _ => ty.max(),
        }
    }

    fn bound_of_unary(&self, op: UnaryOp, a: Value) -> u64 {
        let bound = self.bound(a);
        match op {
            UnaryOp::I32Eqz
            | UnaryOp::I64Eqz
            | UnaryOp::V128AnyTrue
            | UnaryOp::I8x16AllTrue
            | UnaryOp::I16x8AllTrue
            | UnaryOp::I32x4AllTrue
            | UnaryOp::I64x2AllTrue => 1,
            UnaryOp::I32Clz | UnaryOp::I32Ctz | UnaryOp::I32Popcnt => 32,
            UnaryOp::I64Clz | UnaryOp::I64Ctz | UnaryOp::I64Popcnt => 64,
            UnaryOp::I32WrapI64 => bound.min(u64::from(u32::MAX)),
            UnaryOp::I64ExtendI32U => bound,
            UnaryOp::I64ExtendI32S if bound <= 0x7fff_ffff => bound,
            UnaryOp::I8x16Bitmask => 0xffff,
            UnaryOp::I16x8Bitmask => 0xff,
            UnaryOp::I32x4Bitmask => 0xf,
            UnaryOp::I64x2Bitmask => 3,
            _ => u64::MAX,
        }
    }

    fn bound_of_binary(&self, op: BinaryOp, a: Value, b: Value) -> u64 {
        if op.is_comparison() {
            return 1;
        }
        let Some((op, ty)) = IntOp::of(op) else { return u64::MAX };
        let (left, right) = (self.bound(a), self.bound(b));
        let limit = ty.max();
        let unless_more = |bound: Option<u64>| bound.filter(|bound| *bound <= limit).unwrap_or(limit);
        let amount = self.int_of(b).map(|amount| (amount & u64::from(ty.bits() - 1)) as u32);
        match op {
            IntOp::Add => unless_more(left.checked_add(right)),
            IntOp::Mul => unless_more(left.checked_mul(right)),
            IntOp::And => left.min(right),
            IntOp::Or | IntOp::Xor => low_ones(left.max(right)),
            IntOp::Shl => match amount {
                Some(amount) if left <= limit >> amount => left << amount,
                _ => limit,
            },
            IntOp::ShrU => left >> amount.unwrap_or(0),
            IntOp::ShrS if left <= limit >> 1 => left >> amount.unwrap_or(0),
            IntOp::DivU => {
                self.int_of(b).filter(|divisor| *divisor != 0).map_or(left, |divisor| left / divisor)
            }
            IntOp::RemU => left.min(right.saturating_sub(1)),
            IntOp::RemS if left <= limit >> 1 => left,
            IntOp::DivS if left <= limit >> 1 && right <= limit >> 1 => left,
            IntOp::Sub | IntOp::DivS | IntOp::RemS | IntOp::ShrS | IntOp::Rotl | IntOp::Rotr => limit,
            IntOp::Eq
            | IntOp::Ne
            | IntOp::LtS
            | IntOp::LtU
            | IntOp::GtS
            | IntOp::GtU
            | IntOp::LeS
            | IntOp::LeU
            | IntOp::GeS
            | IntOp::GeU => 1,
        }
    }
}
