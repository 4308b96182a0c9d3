//! [`MemoryInst`]: instructions that load, store and check bounds.

use wz_decode::ops::{LoadLaneOp, LoadOp, StoreLaneOp, StoreOp};
use wz_jit::mach::{Emission, OperandVisitor, Reg};

use crate::address::Address;
use crate::isa::X64Isa;

use super::emit;

/// An instruction that accesses memory.
#[derive(Clone, Debug)]
pub enum MemoryInst {
    /// Loads as the operator does.
    Load {
        /// How wide, and how the value is extended.
        op: LoadOp,
        /// What is loaded.
        to: Reg,
        /// Where from.
        from: Address,
    },
    /// Stores as the operator does.
    Store {
        /// How wide.
        op: StoreOp,
        /// What is stored.
        value: Reg,
        /// Where to.
        to: Address,
    },
    /// Stores a constant, sign-extended for 8 bytes.
    StoreConstant {
        /// How many bytes: 1, 2, 4 or 8.
        bytes: u8,
        /// What is stored.
        value: i32,
        /// Where to.
        to: Address,
    },
    /// Loads a lane.
    LoadLane {
        /// How wide.
        op: LoadLaneOp,
        /// Which one.
        lane: u8,
        /// The vector with the lane.
        to: Reg,
        /// The vector before.
        vector: Reg,
        /// Where from.
        from: Address,
    },
    /// Stores a lane.
    StoreLane {
        /// How wide.
        op: StoreLaneOp,
        /// Which one.
        lane: u8,
        /// The vector.
        vector: Reg,
        /// Where to.
        to: Address,
    },
    /// `to = from + offset`, for offsets that do not fit a memory operand.
    AddOffset {
        /// The sum.
        to: Reg,
        /// One summand.
        from: Reg,
        /// The other.
        offset: u64,
    },
    /// The address itself.
    AddressOf {
        /// The sum.
        to: Reg,
        /// The address.
        from: Address,
    },
    /// Traps unless `index + end`, without wrapping, is at most the word at `len`.
    CheckAccess {
        /// Whether the index has 64 significant bits, so that the sum may wrap.
        wide: bool,
        /// The address operand; none: it is part of `end`.
        index: Option<Reg>,
        /// Where the access ends, from the address operand on.
        end: u64,
        /// The length in bytes.
        len: Address,
    },
    /// Traps unless `index` is less than the word at `len`. `to` is the index, or 0 if the
    /// processor only speculates that it is.
    CheckElement {
        /// The checked index.
        to: Reg,
        /// The index.
        index: Reg,
        /// How many there are.
        len: Address,
    },
    /// A memory's size in pages from its length.
    Pages {
        /// The size.
        to: Reg,
        /// The length in bytes.
        len: Address,
    },
}

impl MemoryInst {
    /// Shows the registers.
    pub fn operands<V: OperandVisitor>(&mut self, visitor: &mut V) {
        match self {
            Self::Load { to, from, .. } | Self::AddressOf { to, from } => {
                from.operands(visitor);
                visitor.reg_def(to);
            }
            Self::Store { value, to, .. } => {
                to.operands(visitor);
                visitor.reg_use(value);
            }
            Self::StoreConstant { to, .. } => to.operands(visitor),
            Self::LoadLane { to, vector, from, .. } => {
                visitor.reg_use(vector);
                from.operands(visitor);
                visitor.reg_reuse_def(to, 0);
            }
            Self::StoreLane { vector, to, .. } => {
                visitor.reg_use(vector);
                to.operands(visitor);
            }
            Self::AddOffset { to, from, .. } => {
                visitor.reg_use(from);
                visitor.reg_def(to);
            }
            Self::CheckAccess { index, len, .. } => {
                if let Some(index) = index {
                    visitor.reg_use(index);
                }
                len.operands(visitor);
            }
            Self::CheckElement { to, index, len } => {
                visitor.reg_use(index);
                len.late_operands(visitor);
                visitor.reg_reuse_def(to, 0);
            }
            Self::Pages { to, len } => {
                len.operands(visitor);
                visitor.reg_def(to);
            }
        }
    }

    /// Encodes it.
    pub fn emit(&self, cx: &mut Emission<'_, X64Isa>) {
        emit::emit(self, cx);
    }
}
