//! [`MemoryInst`]: instructions that load, store and check bounds.

use wz_jit::mach::{Emission, OperandVisitor};

use crate::isa::X64Isa;

/// An instruction that accesses memory.
#[derive(Clone, Debug)]
pub enum MemoryInst {}

impl MemoryInst {
    /// Shows the registers.
    pub fn operands<V: OperandVisitor>(&mut self, _visitor: &mut V) {
        match *self {}
    }

    /// Encodes it.
    pub fn emit(&self, _cx: &mut Emission<'_, X64Isa>) {
        match *self {}
    }
}
