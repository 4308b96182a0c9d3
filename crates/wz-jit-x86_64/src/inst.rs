//! [`Inst`]: the machine's instructions as selection makes them: over registers that are virtual
//! first and allocated in the end.

use regalloc2::PRegSet;
use wz_jit::mach::{Emission, End, OperandVisitor};

use crate::call::CallInst;
use crate::int::IntInst;
use crate::isa::X64Isa;
use crate::memory::MemoryInst;
use crate::probe::ProbeInst;
use crate::vector::VectorInst;

/// An instruction.
#[derive(Clone, Debug)]
pub enum Inst {
    /// Integers and control.
    Int(IntInst),
    /// Memory, globals, tables.
    Memory(MemoryInst),
    /// Calls and what leaves.
    Call(CallInst),
    /// Floats and vectors.
    Vector(VectorInst),
    /// A probe.
    Probe(ProbeInst),
    /// To the only successor of the block.
    Jump,
}

const _: () = assert!(size_of::<IntInst>() <= 40);

impl Inst {
    /// Shows the registers.
    pub fn operands<V: OperandVisitor>(&mut self, visitor: &mut V) {
        match self {
            Self::Int(inst) => inst.operands(visitor),
            Self::Memory(inst) => inst.operands(visitor),
            Self::Call(inst) => inst.operands(visitor),
            Self::Vector(inst) => inst.operands(visitor),
            Self::Probe(_) | Self::Jump => {}
        }
    }

    /// What it overwrites apart from operands.
    #[must_use]
    pub fn clobbers(&self) -> PRegSet {
        match self {
            Self::Int(inst) => inst.clobbers(),
            Self::Call(inst) => inst.clobbers(),
            Self::Memory(_) | Self::Vector(_) | Self::Probe(_) | Self::Jump => PRegSet::empty(),
        }
    }

    /// What comes after it.
    #[must_use]
    pub fn end(&self) -> End {
        match self {
            Self::Int(inst) => inst.end(),
            Self::Call(inst) => inst.end(),
            Self::Memory(_) | Self::Vector(_) | Self::Probe(_) => End::Next,
            Self::Jump => End::Jump,
        }
    }

    /// Encodes it, if it is neither a jump nor a branch.
    pub fn emit(&self, cx: &mut Emission<'_, X64Isa>) {
        match self {
            Self::Int(inst) => inst.emit(cx),
            Self::Memory(inst) => inst.emit(cx),
            Self::Call(inst) => inst.emit(cx),
            Self::Vector(inst) => inst.emit(cx),
            Self::Probe(inst) => inst.emit(cx),
            Self::Jump => unreachable!("jumps are encoded with their target"),
        }
    }
}
