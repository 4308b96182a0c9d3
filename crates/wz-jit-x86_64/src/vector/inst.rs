//! [`VectorInst`]: instructions over vector registers.

use wz_jit::mach::{Emission, OperandVisitor, Reg};

use crate::isa::X64Isa;

/// An instruction over vector registers.
#[derive(Clone, Debug)]
pub enum VectorInst {
    /// `to = from`
    Move(Reg, Reg),
}

impl VectorInst {
    /// Shows the registers.
    pub fn operands<V: OperandVisitor>(&mut self, visitor: &mut V) {
        match self {
            Self::Move(to, from) => {
                visitor.reg_use(from);
                visitor.reg_def(to);
            }
        }
    }

    /// Encodes it.
    pub fn emit(&self, _cx: &mut Emission<'_, X64Isa>) {
        unimplemented!()
    }
}
