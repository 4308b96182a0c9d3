//! [`IntInst`]: instructions over general-purpose registers, and those that read flags.

use regalloc2::PRegSet;
use wz_jit::mach::{Emission, End, Label, OperandVisitor};

use crate::isa::X64Isa;

/// An instruction over general-purpose registers.
#[derive(Clone, Debug)]
pub enum IntInst {}

impl IntInst {
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

    /// Encodes it as a branch.
    pub fn emit_branch(&self, _cx: &mut Emission<'_, X64Isa>, _inverted: bool, _target: Label) {
        match *self {}
    }

    /// Encodes it as a branch table.
    pub fn emit_switch(&self, _cx: &mut Emission<'_, X64Isa>, _targets: &[Label]) {
        match *self {}
    }
}
