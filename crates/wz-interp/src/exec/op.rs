//! [`Op`]: everything the translator and the disassembler know of an instruction.

use super::dispatch::{self, Handler};
use super::{Fork, Instruction};

/// An instruction: its handler, its names and the layout of its operands.
#[derive(Clone, Copy)]
pub(crate) struct Op {
    /// What executes it.
    pub(crate) handler: Handler,
    /// The operator, as in the text format where it is one.
    pub(crate) name: &'static str,
    /// The operands, in the order in which they are printed; results first.
    pub(crate) fields: [Field; 6],
    /// The length in words, without what follows a table or a list.
    pub(crate) words: u8,
}

/// An operand of an instruction and where it is.
///
/// The second word of an instruction is four fields of 16 bits, 0 to 3, or two of 32 bits, 2 and
/// 3 (counting from the instruction's start).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// Nothing.
    None,
    /// An accumulator that is written.
    ToAcc,
    /// A slot of 16 bits that is written, and the accumulator.
    ToSlot(u8),
    /// A vector's slot of 16 bits that is written.
    ToVector(u8),
    /// An accumulator that is read.
    Acc,
    /// A slot, 16 bits.
    Slot(u8),
    /// A vector's first slot, 16 bits.
    Vector(u8),
    /// A number of 16 bits.
    Small(u8),
    /// A number of 32 bits.
    Number(u8),
    /// A slot, 32 bits.
    FarSlot(u8),
    /// A slot that is written, 32 bits.
    ToFarSlot(u8),
    /// A word.
    Word(u8),
    /// A branch offset in words, 32 bits.
    Target(u8),
}

impl Op {
    /// An instruction that goes on at the next.
    pub(crate) const fn new<I: Instruction>(name: &'static str, words: usize, fields: [Field; 6]) -> Self {
        Self { handler: dispatch::handler::<I>, name, fields, words: words as u8 }
    }

    /// An instruction that forks.
    pub(crate) const fn fork<I: Fork>(name: &'static str, fields: [Field; 6]) -> Self {
        Self { handler: dispatch::fork::<I>, name, fields, words: I::WORDS as u8 }
    }

    /// The first word of the instruction.
    pub(crate) fn word(&self) -> u64 {
        (self.handler as *const ()).expose_provenance() as u64
    }
}

impl std::fmt::Debug for Op {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?}", self.name, self.fields)
    }
}

/// Fields, filled up with [`Field::None`].
pub(crate) const fn fields<const N: usize>(given: [Field; N]) -> [Field; 6] {
    let mut all = [Field::None; 6];
    let mut index = 0;
    while index < N {
        all[index] = given[index];
        index += 1;
    }
    all
}
