//! [`Op`]: what instructions do, and [`Effect`]: what else happens when they do.

use wz_api::{Trap, ValueType};
use wz_decode::ops::{
    BinaryOp, ExtractLaneOp, LoadLaneOp, LoadOp, ReplaceLaneOp, StoreLaneOp, StoreOp, TernaryOp, UnaryOp,
};

use super::{AccessId, BuiltinId, CallId, Edge, ProbeId, ShuffleId, SwitchId};

/// The type of a value in registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Type {
    /// 32 bits in an integer register; the upper half is unspecified.
    I32,
    /// 64 bits in an integer register; references too.
    I64,
    /// 32 bits in a float register.
    F32,
    /// 64 bits in a float register.
    F64,
    /// 128 bits in a float register.
    V128,
}

impl Type {
    /// The register type of a wasm type.
    #[inline]
    #[must_use]
    pub const fn of(ty: ValueType) -> Self {
        match ty {
            ValueType::I32 => Self::I32,
            ValueType::F32 => Self::F32,
            ValueType::F64 => Self::F64,
            ValueType::V128 => Self::V128,
            _ => Self::I64,
        }
    }

    /// The name as in the text format.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::V128 => "v128",
        }
    }

    /// The width in bits.
    #[inline]
    #[must_use]
    pub const fn bits(self) -> u32 {
        match self {
            Self::I32 | Self::F32 => 32,
            Self::I64 | Self::F64 => 64,
            Self::V128 => 128,
        }
    }

    /// The greatest unsigned integer of the type's width; of vectors, of 64 bits.
    #[inline]
    #[must_use]
    pub const fn max(self) -> u64 {
        match self {
            Self::I32 | Self::F32 => u32::MAX as u64,
            Self::I64 | Self::F64 | Self::V128 => u64::MAX,
        }
    }
}

/// What an instruction does. Operands are in the instruction's argument list, in the order of
/// the wasm operator's operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Nothing: an instruction that was dropped.
    Nop,
    /// An operator with one operand.
    Unary(UnaryOp),
    /// An operator with two operands.
    Binary(BinaryOp),
    /// A vector operator with three operands.
    Ternary(TernaryOp),
    /// `(condition, a, b)`: `a` if the condition is not zero.
    Select,
    /// `(vector)`: a lane of a vector.
    ExtractLane(ExtractLaneOp, u8),
    /// `(vector, value)`: the vector with a lane replaced.
    ReplaceLane(ReplaceLaneOp, u8),
    /// `(a, b)`: `i8x16.shuffle`.
    Shuffle(ShuffleId),
    /// `(address)`: loads.
    Load(LoadOp, AccessId),
    /// `(address, value)`: stores.
    Store(StoreOp, AccessId),
    /// `(address, vector)`: loads a lane.
    LoadLane(LoadLaneOp, u8, AccessId),
    /// `(address, vector)`: stores a lane.
    StoreLane(StoreLaneOp, u8, AccessId),
    /// The value of a global that is never written.
    GlobalConst(u32),
    /// A global's value.
    GlobalGet(u32),
    /// `(value)`: sets a global.
    GlobalSet(u32),
    /// A memory's size in pages.
    MemorySize(u32),
    /// A table's size.
    TableSize(u32),
    /// `(index)`: a table's element.
    TableGet(u32),
    /// `(index, value)`: sets a table's element.
    TableSet(u32),
    /// A reference to a function of the module.
    RefFunc(u32),
    /// A slow operator: a call of the core's `builtins`.
    Builtin(BuiltinId),
    /// `(arguments…)`: calls a function of the module.
    Call(CallId),
    /// `(arguments…, index)`: calls a table's element.
    CallIndirect(CallId),
    /// Consumes this many units of fuel.
    Fuel(u32),
    /// Looks at the activation's interrupt flag.
    Interrupt,
    /// Counts, or calls the embedder.
    Probe(ProbeId),
    /// Goes on at a block.
    Jump(Edge),
    /// `(condition)`: goes on along the edge if the condition is not zero, else along the next.
    Branch(Edge),
    /// `(index)`: goes on along the edge that the index selects.
    Switch(SwitchId),
    /// `(results…)`: returns.
    Return,
    /// `(arguments…)`: leaves by calling a function of the module.
    ReturnCall(CallId),
    /// `(arguments…, index)`: leaves by calling a table's element.
    ReturnCallIndirect(CallId),
    /// Traps.
    Trap(Trap),
}

const _: () = assert!(size_of::<Op>() == 8);

/// What happens when an instruction is executed, apart from its results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing, and the results depend on the operands alone.
    Pure,
    /// As [`Pure`](Self::Pure), but some operands trap. Doing it a second time does not.
    Traps,
    /// Nothing, but the results depend on what others write.
    Reads,
    /// As [`Reads`](Self::Reads), and some operands trap.
    ReadsOrTraps,
    /// Writes, calls, or must stay where it is for another reason.
    Any,
    /// Ends a block.
    Ends,
}

impl Op {
    /// What happens when the operator is executed, apart from its results.
    #[inline]
    #[must_use]
    pub fn effect(self) -> Effect {
        let unless = |traps: bool| if traps { Effect::Traps } else { Effect::Pure };
        match self {
            Self::Unary(op) => unless(op.can_trap()),
            Self::Binary(op) => unless(op.can_trap()),
            Self::Nop
            | Self::Ternary(_)
            | Self::Select
            | Self::ExtractLane(..)
            | Self::ReplaceLane(..)
            | Self::Shuffle(_)
            | Self::GlobalConst(_)
            | Self::RefFunc(_) => Effect::Pure,
            Self::GlobalGet(_) | Self::MemorySize(_) | Self::TableSize(_) => Effect::Reads,
            Self::Load(..) | Self::LoadLane(..) | Self::TableGet(_) => Effect::ReadsOrTraps,
            Self::Store(..)
            | Self::StoreLane(..)
            | Self::GlobalSet(_)
            | Self::TableSet(_)
            | Self::Builtin(_)
            | Self::Call(_)
            | Self::CallIndirect(_)
            | Self::Fuel(_)
            | Self::Interrupt
            | Self::Probe(_) => Effect::Any,
            Self::Jump(_)
            | Self::Branch(_)
            | Self::Switch(_)
            | Self::Return
            | Self::ReturnCall(_)
            | Self::ReturnCallIndirect(_)
            | Self::Trap(_) => Effect::Ends,
        }
    }

    /// Whether the operator calls code of the guest or of the host, which may write anything
    /// that is not private to the function.
    #[must_use]
    pub fn calls_out(self) -> bool {
        matches!(self, Self::Call(_) | Self::CallIndirect(_))
    }

    /// The static part of the memory access that the operator makes.
    #[inline]
    #[must_use]
    pub fn access(self) -> Option<AccessId> {
        match self {
            Self::Load(_, access)
            | Self::Store(_, access)
            | Self::LoadLane(_, _, access)
            | Self::StoreLane(_, _, access) => Some(access),
            _ => None,
        }
    }

    /// How many bytes the operator loads or stores.
    #[must_use]
    pub fn access_bytes(self) -> u32 {
        match self {
            Self::Load(op, _) => op.bytes(),
            Self::Store(op, _) => op.bytes(),
            Self::LoadLane(op, _, _) => op.bytes(),
            Self::StoreLane(op, _, _) => op.bytes(),
            _ => 0,
        }
    }
}

/// The slow operators, with their static operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Builtin {
    /// `(delta)`: `memory.grow`.
    MemoryGrow(u32),
    /// `(to, value, len)`: `memory.fill`.
    MemoryFill(u32),
    /// `(to, from, len)`: `memory.copy`.
    MemoryCopy {
        /// The memory written.
        to: u32,
        /// The memory read.
        from: u32,
    },
    /// `(to, from, len)`: `memory.init`.
    MemoryInit {
        /// The memory written.
        memory: u32,
        /// The segment read.
        data: u32,
    },
    /// `data.drop`.
    DataDrop(u32),
    /// `(init, delta)`: `table.grow`.
    TableGrow(u32),
    /// `(to, value, len)`: `table.fill`.
    TableFill(u32),
    /// `(to, from, len)`: `table.copy`.
    TableCopy {
        /// The table written.
        to: u32,
        /// The table read.
        from: u32,
    },
    /// `(to, from, len)`: `table.init`.
    TableInit {
        /// The table written.
        table: u32,
        /// The segment read.
        element: u32,
    },
    /// `elem.drop`.
    ElemDrop(u32),
}

impl Builtin {
    /// The name in the text format.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MemoryGrow(_) => "memory.grow",
            Self::MemoryFill(_) => "memory.fill",
            Self::MemoryCopy { .. } => "memory.copy",
            Self::MemoryInit { .. } => "memory.init",
            Self::DataDrop(_) => "data.drop",
            Self::TableGrow(_) => "table.grow",
            Self::TableFill(_) => "table.fill",
            Self::TableCopy { .. } => "table.copy",
            Self::TableInit { .. } => "table.init",
            Self::ElemDrop(_) => "elem.drop",
        }
    }

    /// The static operands, in the order of the text format.
    #[must_use]
    pub const fn statics(self) -> (u32, Option<u32>) {
        match self {
            Self::MemoryGrow(a)
            | Self::MemoryFill(a)
            | Self::DataDrop(a)
            | Self::TableGrow(a)
            | Self::TableFill(a)
            | Self::ElemDrop(a) => (a, None),
            Self::MemoryCopy { to, from } | Self::TableCopy { to, from } => (to, Some(from)),
            Self::MemoryInit { memory, data } => (memory, Some(data)),
            Self::TableInit { table, element } => (table, Some(element)),
        }
    }
}
