//! What the indices stand for: the records of instructions, blocks, edges and of what
//! instructions refer to.

use std::ops::Range;

use super::{Block, Edge, Inst, Op, Value};

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueDef {
    /// A parameter of a block.
    Param(Block),
    /// A result of an instruction.
    Result(Inst),
    /// A constant: an entry of [`Function::constants`](super::Function::constants).
    Constant(u32),
}

/// A range of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct List {
    /// Where it begins.
    pub start: u32,
    /// How long it is.
    pub len: u32,
}

impl List {
    /// The list without an element.
    pub const EMPTY: Self = Self { start: 0, len: 0 };

    /// As a range of indices.
    #[inline]
    #[must_use]
    pub const fn range(self) -> Range<usize> {
        self.start as usize..self.start as usize + self.len as usize
    }
}

/// An instruction.
#[derive(Clone, Copy, Debug)]
pub struct InstData {
    /// What it does.
    pub op: Op,
    /// The operands if there are at most three; else the place and length of their list. Read
    /// them with [`Function::args`](super::Function::args).
    pub(crate) args: [Value; 3],
    /// The first result; the others follow.
    pub(crate) result: Value,
    /// The offset in the body of the Code section of the operator that the instruction is of.
    pub code_offset: u32,
    pub(crate) result_count: u16,
    /// How many of `args` are operands, or [`IN_LIST`](Self::IN_LIST).
    pub(crate) arg_count: u8,
}

const _: () = assert!(size_of::<InstData>() == 32);

impl InstData {
    const IN_LIST: u8 = u8::MAX;

    /// An instruction without results and with at most three operands.
    #[inline]
    #[must_use]
    pub fn new(op: Op, args: &[Value], code_offset: u32) -> Self {
        let mut inline = [Value::NONE; 3];
        inline[..args.len()].copy_from_slice(args);
        Self {
            op,
            args: inline,
            result: Value::NONE,
            code_offset,
            result_count: 0,
            arg_count: args.len() as u8,
        }
    }

    /// An instruction without results whose operands are a list.
    #[must_use]
    pub fn with_list(op: Op, list: List, code_offset: u32) -> Self {
        Self {
            op,
            args: [Value(list.start), Value(list.len), Value::NONE],
            result: Value::NONE,
            code_offset,
            result_count: 0,
            arg_count: Self::IN_LIST,
        }
    }

    #[inline]
    pub(crate) fn arg_list(&self) -> Option<List> {
        (self.arg_count == Self::IN_LIST).then(|| List { start: self.args[0].0, len: self.args[1].0 })
    }
}

/// What is known of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockFlags {
    /// Executed seldom or never: it ends in a trap, or all that it goes on to does.
    pub cold: bool,
    /// The header of a loop: an edge from a block that it dominates leads to it.
    pub loop_header: bool,
}

/// A basic block.
#[derive(Clone, Copy, Debug)]
pub struct BlockData {
    /// The parameters: a list of [`Function::pool`](super::Function::pool).
    pub params: List,
    /// The edges that lead here: a list of [`Function::pred_pool`](super::Function::pred_pool).
    pub preds: List,
    pub(crate) first: u32,
    pub(crate) last: u32,
    /// How many loops the block is in.
    pub loop_depth: u16,
    /// What is known of it.
    pub flags: BlockFlags,
}

impl BlockData {
    /// A block without instructions.
    #[must_use]
    pub const fn new(loop_depth: u16) -> Self {
        Self {
            params: List::EMPTY,
            preds: List::EMPTY,
            first: 0,
            last: 0,
            loop_depth,
            flags: BlockFlags { cold: false, loop_header: false },
        }
    }

    /// The range of [`Function::schedule`](super::Function::schedule).
    #[inline]
    #[must_use]
    pub const fn insts(&self) -> Range<usize> {
        self.first as usize..self.last as usize
    }
}

/// An edge from a terminator to a block.
#[derive(Clone, Copy, Debug)]
pub struct EdgeData {
    /// The block that the terminator is in.
    pub from: Block,
    /// The block that it leads to.
    pub to: Block,
    /// The arguments: a list of [`Function::pool`](super::Function::pool).
    pub args: List,
}

/// The static part of a memory access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// The memory's index.
    pub memory: u32,
    /// The alignment hint: the exponent of a power of two.
    pub align: u8,
    /// Whether the access is inside the memory's least size whatever happens, so that it needs no
    /// check in any mode.
    pub in_bounds: bool,
    /// Added to the address operand without wrapping, in bytes.
    pub offset: u64,
    /// Accesses that were executed before prove that this many bytes from the address operand on
    /// are inside the memory; 0 if none does. A check is needless if the access ends within them.
    pub proven_end: u64,
}

impl Access {
    /// Whether an access of this many bytes needs a check where checks are explicit.
    #[must_use]
    pub fn needs_check(&self, bytes: u32) -> bool {
        !self.in_bounds && self.offset + u64::from(bytes) > self.proven_end
    }
}

/// The static part of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallData {
    /// The function's index, or the table's of an indirect call.
    pub target: u32,
    /// The index of the type in the module.
    pub type_index: u32,
}

/// A branch table. Different indices that lead to the same place share an edge.
#[derive(Clone, Copy, Debug)]
pub struct SwitchData {
    /// The first edge; the others follow.
    pub first_edge: Edge,
    /// How many edges there are.
    pub edge_count: u32,
    /// For each index which edge, counted from the first: a list of
    /// [`Function::switch_targets`](super::Function::switch_targets).
    pub targets: List,
    /// The same for all greater indices.
    pub default: u32,
}
