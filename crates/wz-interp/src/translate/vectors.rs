//! Operators on vectors.

use wz_decode::ops::{BinaryOp, ExtractLaneOp, ReplaceLaneOp, TernaryOp, UnaryOp};

use super::emitter::{four, two_and};
use super::function::Translator;
use super::numbers::class;
use super::value::{Operand, Value};
use crate::class::Class;
use crate::exec::op::Op;
use crate::exec::vector::{self, VectorBinary, VectorUnary};
use crate::exec::{copy, state};

impl Translator<'_> {
    /// Emits an instruction of vectors that gives a vector.
    fn map_vectors<const N: usize>(&mut self, op: &'static Op, operands: [Value; N]) -> Value {
        let home = operands[0].home;
        let slots = operands.map(|operand| self.vector(operand));
        self.extend(home + 2);
        self.put_vector_to(home, |this, to| {
            let mut near = [0; 3];
            for (near, slot) in near.iter_mut().zip(slots) {
                *near = this.near_vector(slot);
            }
            this.put(op, four(to, near[0], near[1], near[2]))
        });
        Value::temp(home)
    }

    pub(super) fn constant_vector(&mut self, bits: u128) -> Value {
        let home = self.top();
        self.extend(home + 2);
        self.put_vector_to(home, |this, to| {
            let position = this.put(&copy::CONST_VECTOR, two_and(to, 0, 0));
            let bytes = bits.to_le_bytes();
            let (words, _) = bytes.as_chunks();
            for word in words {
                this.out.word(u64::from_ne_bytes(*word));
            }
            position
        });
        Value::temp(home)
    }

    pub(super) fn unary_vector(&mut self, of: UnaryOp, op: &VectorUnary, a: Value) -> Value {
        match op {
            VectorUnary::Map(op) => {
                let value = self.map_vectors(op, [a]);
                self.canonical_vector(nan_lanes(of), value)
            }
            VectorUnary::Test(ops) => {
                let slot = self.vector(a);
                self.produce(ops, Class::Int, a.home, |this, op, home| {
                    let slot = this.near_vector(slot);
                    this.put(op, four(home, slot, 0, 0))
                })
            }
            VectorUnary::Splat([from_slot, from_acc]) => {
                let operand = self.variable(a, class(of.params()[0]));
                self.extend(a.home + 2);
                self.put_vector_to(a.home, |this, to| match operand {
                    Operand::Slot(slot) => {
                        let slot = this.near(slot);
                        this.put(from_slot, four(to, slot, 0, 0))
                    }
                    Operand::Acc | Operand::Imm(_) => this.put(from_acc, four(to, 0, 0, 0)),
                });
                Value::temp(a.home)
            }
        }
    }

    pub(super) fn binary_vector(&mut self, of: BinaryOp, op: &VectorBinary, a: Value, b: Value) -> Value {
        match op {
            VectorBinary::Vectors(op) => {
                let value = self.map_vectors(op, [a, b]);
                self.canonical_vector(nan_lanes_of_two(of), value)
            }
            VectorBinary::Shift([by_slot, by_acc, by_constant]) => {
                let by = self.operand(b, Class::Int);
                let from = self.vector(a);
                self.put_vector_to(a.home, |this, to| {
                    let from = this.near_vector(from);
                    match by {
                        Operand::Slot(slot) => {
                            let slot = this.near(slot);
                            this.put(by_slot, four(to, from, slot, 0))
                        }
                        Operand::Acc => this.put(by_acc, four(to, from, 0, 0)),
                        Operand::Imm(bits) => this.put(by_constant, two_and(to, from, bits as u32)),
                    }
                });
                Value::temp(a.home)
            }
        }
    }

    pub(super) fn ternary_vector(&mut self, of: TernaryOp, a: Value, b: Value, c: Value) -> Value {
        let value = self.map_vectors(vector::vector_ternary(of), [a, b, c]);
        use TernaryOp as T;
        let lanes = match of {
            T::F32x4RelaxedMadd | T::F32x4RelaxedNmadd => Some(&vector::CANONICAL_F32X4),
            T::F64x2RelaxedMadd | T::F64x2RelaxedNmadd => Some(&vector::CANONICAL_F64X2),
            T::V128Bitselect
            | T::I8x16RelaxedLaneselect
            | T::I16x8RelaxedLaneselect
            | T::I32x4RelaxedLaneselect
            | T::I64x2RelaxedLaneselect
            | T::I32x4RelaxedDotI8x16I7x16AddS => None,
        };
        self.canonical_vector(lanes, value)
    }

    /// In deterministic mode makes lanes that are NaN canonical.
    fn canonical_vector(&mut self, op: Option<&'static Op>, value: Value) -> Value {
        match op {
            Some(op) if self.request.options.deterministic => self.map_vectors(op, [value]),
            _ => value,
        }
    }

    pub(super) fn get_lane(&mut self, of: ExtractLaneOp, lane: u8, vector: Value) -> Value {
        let slot = self.vector(vector);
        let ops = vector::extract_lane(of);
        self.produce(ops, class(of.result()), vector.home, |this, op, home| {
            let slot = this.near_vector(slot);
            this.put(op, four(home, slot, lane.into(), 0))
        })
    }

    pub(super) fn with_lane(&mut self, of: ReplaceLaneOp, lane: u8, vector: Value, value: Value) -> Value {
        let operand = self.variable(value, class(of.params()[1]));
        let from = self.vector(vector);
        let [by_slot, by_acc] = vector::replace_lane(of);
        self.put_vector_to(vector.home, |this, to| {
            let from = this.near_vector(from);
            match operand {
                Operand::Slot(slot) => {
                    let slot = this.near(slot);
                    this.put(by_slot, four(to, from, lane.into(), slot))
                }
                Operand::Acc | Operand::Imm(_) => this.put(by_acc, four(to, from, lane.into(), 0)),
            }
        });
        Value::temp(vector.home)
    }

    pub(super) fn put_shuffle(&mut self, lanes: [u8; 16], a: Value, b: Value) -> Value {
        let slots = [self.vector(a), self.vector(b)];
        self.put_vector_to(a.home, |this, to| {
            let [a, b] = slots.map(|slot| this.near_vector(slot));
            let position = this.put(&vector::SHUFFLE, four(to, a, b, 0));
            let (words, _) = lanes.as_chunks();
            for word in words {
                this.out.word(u64::from_ne_bytes(*word));
            }
            position
        });
        Value::temp(a.home)
    }

    pub(super) fn select_vector(&mut self, condition: Value, a: Value, b: Value) -> Value {
        let condition = self.variable(condition, Class::Int);
        let slots = [self.vector(a), self.vector(b)];
        let [by_slot, by_acc] = &state::SELECT_VECTOR;
        self.put_vector_to(a.home, |this, to| {
            let [a, b] = slots.map(|slot| this.near_vector(slot));
            match condition {
                Operand::Slot(slot) => {
                    let slot = this.near(slot);
                    this.put(by_slot, four(to, a, b, slot))
                }
                Operand::Acc | Operand::Imm(_) => this.put(by_acc, four(to, a, b, 0)),
            }
        });
        Value::temp(a.home)
    }
}

/// What makes the NaNs of an operator's result canonical.
fn nan_lanes(op: UnaryOp) -> Option<&'static Op> {
    use UnaryOp as U;
    match op {
        U::F32x4Ceil
        | U::F32x4Floor
        | U::F32x4Trunc
        | U::F32x4Nearest
        | U::F32x4Sqrt
        | U::F32x4DemoteF64x2Zero => Some(&vector::CANONICAL_F32X4),
        U::F64x2Ceil
        | U::F64x2Floor
        | U::F64x2Trunc
        | U::F64x2Nearest
        | U::F64x2Sqrt
        | U::F64x2PromoteLowF32x4 => Some(&vector::CANONICAL_F64X2),
        _ => None,
    }
}

/// The same of two operands.
fn nan_lanes_of_two(op: BinaryOp) -> Option<&'static Op> {
    use BinaryOp as B;
    match op {
        B::F32x4Add
        | B::F32x4Sub
        | B::F32x4Mul
        | B::F32x4Div
        | B::F32x4Min
        | B::F32x4Max
        | B::F32x4RelaxedMin
        | B::F32x4RelaxedMax => Some(&vector::CANONICAL_F32X4),
        B::F64x2Add
        | B::F64x2Sub
        | B::F64x2Mul
        | B::F64x2Div
        | B::F64x2Min
        | B::F64x2Max
        | B::F64x2RelaxedMin
        | B::F64x2RelaxedMax => Some(&vector::CANONICAL_F64X2),
        _ => None,
    }
}
