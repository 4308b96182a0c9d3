//! From optimized SSA to machine code: what the instruction sets share. An instruction set is an
//! [`Isa`]; what drives it is here.
//!
//! 1. [`Lowering`] walks the blocks backward and has the instruction set select instructions over
//!    virtual registers. Uses come before definitions, so what all users have folded is never
//!    selected.
//! 2. The instructions become a [`MachineFunction`] in flat arrays, in an order in which what
//!    dominates comes first, which is what regalloc2 works on ([`Allocator`]).
//! 3. [`emit`](emit()) takes the blocks in the order of the layout, puts the allocations into the
//!    instructions and has the instruction set encode them, with moves in between, and with
//!    branches that fall through where they can. It collects [`Metadata`]: which operator code comes
//!    from, trap sites, calls, relocations.
//!
//! No part of this knows how an instruction is encoded, and no part is `unsafe`.

mod allocate;
mod emission;
mod function;
mod lower;
mod metadata;
mod reg;
mod spills;

pub use allocate::Allocator;
pub use emission::{Assembler, Emission, EmissionNote, Emitter, FrameShape, Label, emit};
pub use function::MachineFunction;
pub use lower::{Lower, Lowering};
pub use metadata::Metadata;
pub use reg::{OperandVisitor, Reg, RegKind};

use std::ops::Range;

use regalloc2::{Allocation, MachineEnv, PRegSet, RegClass};
use wz_api::Trap;

use crate::ir::{Inst, Type};

/// What comes after a machine instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The next one.
    Next,
    /// The only successor of the block.
    Jump,
    /// The first successor if the instruction's condition holds, else the second.
    Branch,
    /// One of the successors.
    Switch,
    /// Nothing: it returns, leaves by a call, or traps.
    Leave,
}

/// An instruction set: its registers, how it selects instructions, and how it encodes them.
///
/// # Selection
/// [`select`](Self::select) is called for each instruction that has an effect and for each whose
/// result is used, backward. It asks for the operands' registers with [`Lower::in_reg`], and
/// thereby for the operands to be computed; or it looks at what computes an operand and folds
/// that instead. The instructions that it [`push`](Lower::push)es in one call stay in order.
///
/// # Branches
/// The last instruction of a block is the only one whose [`end`](Self::end) is not [`End::Next`].
/// `select` of an [`Op::Branch`](crate::ir::Op::Branch) or [`Op::Switch`](crate::ir::Op::Switch)
/// ends with one whose successors are the edges in order. Jumps are not selected.
pub trait Isa: Sized {
    /// An instruction, over [`Reg`]s that are virtual first and physical in the end.
    type Inst: Clone + std::fmt::Debug;
    /// What code is assembled with.
    type Assembler: Assembler;

    // Registers.

    /// The registers that can be allocated.
    fn env(&self) -> &MachineEnv;

    /// The class of registers that values of a type are in.
    fn class(&self, ty: Type) -> RegClass {
        match ty {
            Type::I32 | Type::I64 => RegClass::Int,
            Type::F32 | Type::F64 | Type::V128 => RegClass::Float,
        }
    }

    /// How many slots of 8 bytes a spilled register takes.
    fn spill_slots(&self, class: RegClass) -> usize;

    /// Shows the registers of an instruction, each with its constraint, always in the same order.
    /// Before allocation the visitor notes them, after it replaces them.
    fn operands<V: OperandVisitor>(&self, inst: &mut Self::Inst, visitor: &mut V);

    /// The registers that an instruction overwrites apart from its operands.
    fn clobbers(&self, inst: &Self::Inst) -> PRegSet;

    /// What comes after an instruction.
    fn end(&self, inst: &Self::Inst) -> End;

    // Selection.

    /// Selects instructions for one of the function.
    fn select(&self, cx: &mut Lower<'_, Self>, inst: Inst);

    /// Selects what puts the function's parameters into registers; `None` are not used.
    fn select_entry(&self, cx: &mut Lower<'_, Self>, params: &[Option<Reg>]);

    /// Selects what puts a constant into a register.
    fn select_constant(&self, cx: &mut Lower<'_, Self>, to: Reg, ty: Type, bits: u128);

    /// The jump that ends a block with one successor.
    fn jump(&self) -> Self::Inst;

    // Emission.

    /// Encodes what makes the frame.
    fn emit_prologue(&self, cx: &mut Emission<'_, Self>);

    /// Encodes an instruction that ends nothing or that leaves. Leaving takes the frame down.
    fn emit(&self, cx: &mut Emission<'_, Self>, inst: &Self::Inst);

    /// Encodes a jump.
    fn emit_jump(&self, cx: &mut Emission<'_, Self>, target: Label);

    /// Encodes a branch that is taken if its condition holds, or, `inverted`, if it does not.
    fn emit_branch(&self, cx: &mut Emission<'_, Self>, inst: &Self::Inst, inverted: bool, target: Label);

    /// Encodes a jump to one of the labels, which are those of the successors in order.
    fn emit_switch(&self, cx: &mut Emission<'_, Self>, inst: &Self::Inst, targets: &[Label]);

    /// Encodes a move. At most one of the two is a stack slot.
    fn emit_move(&self, cx: &mut Emission<'_, Self>, from: Allocation, to: Allocation);

    /// Encodes a trap, out of line.
    fn emit_trap(&self, cx: &mut Emission<'_, Self>, trap: Trap);

    /// How many bytes to put before a loop, with these within. They are between offsets. None by
    /// default.
    fn loop_padding(&self, _around: &Range<u32>, _within: &[Range<u32>]) -> u32 {
        0
    }

    /// Encodes what comes after the code and its traps, such as constants and tables. Nothing by
    /// default.
    fn emit_end(&self, _: &mut Emission<'_, Self>) {}
}
