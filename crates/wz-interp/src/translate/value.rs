//! Values of the operand stack as the translator sees them, and what accumulators hold.

use crate::exec::op::Op;
use wz_decode::ops::BinaryOp;

use super::emitter::NOWHERE;

/// An operand: where it is, and the slot that it has by its height on the stack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value {
    /// The first slot that belongs to its place on the operand stack.
    pub(crate) home: u32,
    /// Where it is.
    pub(crate) kind: Kind,
}

/// Where an operand is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// In its home, or in the accumulator that holds its home.
    Temp,
    /// In a local, by its index, which is not written as long as this is on the stack.
    Local(u32),
    /// A constant as a slot has it.
    Const(u64),
}

impl Value {
    pub(crate) fn temp(home: u32) -> Self {
        Self { home, kind: Kind::Temp }
    }
}

/// Where an instruction finds an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operand {
    /// The accumulator of its class.
    Acc,
    /// A slot.
    Slot(u32),
    /// A constant.
    Imm(u64),
}

/// What an accumulator holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    /// The slot whose value it is; [`NOWHERE`] if it is of no use.
    pub(crate) slot: u32,
    /// The slot does not have the value yet: the instruction that gave it is here.
    pub(crate) unsaved: Option<u32>,
    /// The variant of that instruction that also writes the slot; `None` if there is none.
    pub(crate) saving: Option<&'static Op>,
}

impl Held {
    pub(crate) const NOTHING: Self = Self { slot: NOWHERE, unsaved: None, saving: None };

    /// The slot has the value too.
    pub(crate) fn saved(slot: u32) -> Self {
        Self { slot, unsaved: None, saving: None }
    }
}

/// A comparison, or another operator whose result is tested.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Test {
    pub(crate) op: BinaryOp,
    pub(crate) a: Operand,
    pub(crate) b: Operand,
    /// Whether the test holds if the result is zero.
    pub(crate) not: bool,
}

/// The last instruction but for a test: it adds to a local.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// Where it is.
    pub(crate) position: u32,
    /// How long it is.
    pub(crate) words: u32,
    /// The local's slot.
    pub(crate) slot: u32,
    /// What is added: a slot or a constant.
    pub(crate) by: Operand,
    /// Whether it is an `i64`.
    pub(crate) wide: bool,
}

/// What is known of the last instruction.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Last {
    /// Nothing.
    Other,
    /// It compares, and can become one with a branch.
    Test {
        test: Test,
        /// What the accumulator of integers held before.
        before: Held,
        /// It tests the result of the instruction before for zero: that one's test.
        inner: Option<(Test, u32, Held)>,
    },
    /// `i32.add` or `i64.add` of a slot or the accumulator and a slot or a constant: perhaps an
    /// address, or the step of a loop.
    Add { wide: bool, a: Operand, b: Operand, before: Held },
    /// A copy from slot to slot.
    Copy { to: u32, from: u32 },
    /// It writes a vector to this home, which is operand 0.
    Vector { home: u32 },
}
