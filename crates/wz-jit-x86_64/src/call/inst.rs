//! [`CallInst`]: instructions that call, return and leave.

use regalloc2::PRegSet;
use wz_jit::mach::{Emission, End, OperandVisitor};

use crate::isa::X64Isa;

/// An instruction that calls or leaves.
#[derive(Clone, Debug)]
pub enum CallInst {}

impl CallInst {
    /// Shows the registers.
    pub fn operands<V: OperandVisitor>(&mut self, _visitor: &mut V) {
        match *self {}
    }

    /// What it overwrites apart from operands.
    #[must_use]
    pub fn clobbers(&self) -> PRegSet {
        match *self {}
    }

    /// What comes after it.
    #[must_use]
    pub fn end(&self) -> End {
        match *self {}
    }

    /// Encodes it.
    pub fn emit(&self, _cx: &mut Emission<'_, X64Isa>) {
        match *self {}
    }
}
