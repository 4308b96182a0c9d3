//! [`Inst`]: the machine's instructions as selection makes them: over registers that are virtual
//! first and allocated in the end.

use regalloc2::PRegSet;
use wz_jit::mach::{End, OperandVisitor};

use crate::vector::VectorInst;

/// An instruction.
#[derive(Clone, Debug)]
pub enum Inst {
    /// Floats and vectors.
    Vector(VectorInst),
    /// To the only successor of the block.
    Jump,
}

impl Inst {
    /// Shows the registers.
    pub fn operands<V: OperandVisitor>(&mut self, visitor: &mut V) {
        match self {
            Self::Vector(inst) => inst.operands(visitor),
            Self::Jump => {}
        }
    }

    /// What it overwrites apart from operands.
    #[must_use]
    pub fn clobbers(&self) -> PRegSet {
        PRegSet::empty()
    }

    /// What comes after it.
    #[must_use]
    pub fn end(&self) -> End {
        match self {
            Self::Vector(_) => End::Next,
            Self::Jump => End::Jump,
        }
    }
}
