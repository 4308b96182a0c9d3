//! Folding: the operators on constants, by the functions that define them.
//!
//! What depends on the machine is left to the machine: a result with a NaN in it, whose sign and
//! payload are its choice. The same program then computes the same with and without folding.

use wz_api::Trap;
use wz_core::numeric::eval;
use wz_core::numeric::{Floats, result_may_be_nan};
use wz_decode::ops::{BinaryOp, ExtractLaneOp, ReplaceLaneOp, TernaryOp, UnaryOp};

/// Bits, or the trap.
pub(crate) type Outcome = Result<u128, Trap>;

/// The outcome, unless it has a NaN of the machine's choice.
fn settled(outcome: Outcome, floats: Option<Floats>) -> Option<Outcome> {
    match (outcome, floats) {
        (Ok(bits), Some(floats)) if has_nan(floats, bits) => None,
        (outcome, _) => Some(outcome),
    }
}

fn has_nan(floats: Floats, bits: u128) -> bool {
    let f32_at = |lane: u32| f32::from_bits((bits >> (32 * lane)) as u32).is_nan();
    let f64_at = |lane: u32| f64::from_bits((bits >> (64 * lane)) as u64).is_nan();
    match floats {
        Floats::F32 => f32_at(0),
        Floats::F64 => f64_at(0),
        Floats::F32x4 => (0..4).any(f32_at),
        Floats::F64x2 => (0..2).any(f64_at),
    }
}

/// What an operator gives of a constant, if that can be said.
pub(crate) fn unary(op: UnaryOp, a: u128) -> Option<Outcome> {
    settled(eval::unary(op, a), result_may_be_nan(op))
}

/// What an operator gives of two constants, if that can be said.
pub(crate) fn binary(op: BinaryOp, a: u128, b: u128) -> Option<Outcome> {
    settled(eval::binary(op, a, b), result_may_be_nan(op))
}

/// What an operator gives of three constants, if that can be said.
pub(crate) fn ternary(op: TernaryOp, a: u128, b: u128, c: u128) -> Option<Outcome> {
    settled(eval::ternary(op, a, b, c), result_may_be_nan(op))
}

/// A lane of a constant.
pub(crate) fn extract_lane(op: ExtractLaneOp, lane: u8, a: u128) -> Outcome {
    eval::extract_lane(op, lane, a)
}

/// A constant with a lane replaced by another.
pub(crate) fn replace_lane(op: ReplaceLaneOp, lane: u8, a: u128, b: u128) -> Outcome {
    eval::replace_lane(op, lane, a, b)
}

/// The lanes of two constants, shuffled.
pub(crate) fn shuffle(lanes: [u8; 16], a: u128, b: u128) -> u128 {
    eval::shuffle(lanes, a, b)
}
