//! [`CallInst`]: instructions that call, return and leave.

use regalloc2::{PReg, PRegSet};
use wz_api::Trap;
use wz_jit::mach::{Emission, End, OperandVisitor, Reg};
use wz_jit::runtime::builtins::Builtin;
use wz_jit::runtime::slots::SlotRef;

use crate::isa::X64Isa;

use super::emit;

/// A value that is in a certain register.
pub type Fixed = (Reg, PReg);

/// An instruction that calls or leaves.
#[derive(Clone, Debug)]
pub enum CallInst {
    /// The function's parameters that are in registers.
    Entry(Box<[Fixed]>),
    /// Calls.
    Call(Box<Call>),
    /// Leaves by a call.
    TailCall(Box<TailCall>),
    /// Returns with results in registers.
    Return(Box<[Fixed]>),
    /// Traps.
    Trap(Trap),
    /// Traps unless there is a record, of the type that is the word at `index` of the list.
    CheckType {
        /// The record's address.
        record: Reg,
        /// The list of the numbers of types.
        type_ids: Reg,
        /// Which of them.
        index: u32,
    },
    /// Where the interrupt flag is.
    InterruptFlag(Reg),
    /// Where the activation is.
    Activation(Reg),
    /// Calls the core if the flag at this address is set.
    Interrupt(Reg),
    /// Consumes fuel of the activation at this address.
    Fuel(Reg, u32),
}

/// What is called.
#[derive(Clone, Copy, Debug)]
pub enum Callee {
    /// What a slot holds.
    Slot(SlotRef),
    /// A builtin, with what it finds in the scratch register.
    Builtin(Builtin, u64),
    /// An imported function, and the index of its type. Most are the host's.
    Import(u32, u32),
    /// What the record with this address describes; the index of its type. Most are guests'.
    Record(Reg, u32),
}

/// A call.
#[derive(Clone, Debug)]
pub struct Call {
    /// What is called.
    pub callee: Callee,
    /// The parameters in registers.
    pub params: Vec<Fixed>,
    /// The results in registers that are used.
    pub results: Vec<Fixed>,
    /// How many bytes of parameters are on the stack. The callee pops them.
    pub stack_bytes: u32,
    /// Whether there is an area for results, after the parameters on the stack.
    pub has_area: bool,
    /// Whether the pinned registers may be another instance's afterwards.
    pub reloads: bool,
}

/// A tail call.
#[derive(Clone, Debug)]
pub struct TailCall {
    /// What is called.
    pub callee: Callee,
    /// The parameters in registers, and the area for results.
    pub params: Vec<Fixed>,
    /// How many bytes of parameters are on the stack.
    pub stack_bytes: u32,
}

impl CallInst {
    /// Shows the registers.
    pub fn operands<V: OperandVisitor>(&mut self, visitor: &mut V) {
        match self {
            Self::Entry(params) => {
                for (reg, place) in params {
                    visitor.fixed_def(reg, *place);
                }
            }
            Self::Call(call) => {
                let Call { callee, params, results, .. } = &mut **call;
                for (reg, place) in params {
                    visitor.fixed_use(reg, *place);
                }
                if let Callee::Record(record, _) = callee {
                    visitor.fixed_use(record, super::RECORD);
                }
                for (reg, place) in results {
                    visitor.fixed_def(reg, *place);
                }
            }
            Self::TailCall(call) => {
                let TailCall { callee, params, .. } = &mut **call;
                for (reg, place) in params {
                    visitor.fixed_use(reg, *place);
                }
                if let Callee::Record(record, _) = callee {
                    visitor.fixed_use(record, super::RECORD);
                }
            }
            Self::Return(results) => {
                for (reg, place) in results {
                    visitor.fixed_use(reg, *place);
                }
            }
            Self::Trap(_) => {}
            Self::CheckType { record, type_ids, .. } => {
                visitor.reg_use(record);
                visitor.reg_use(type_ids);
            }
            Self::InterruptFlag(to) | Self::Activation(to) => visitor.reg_def(to),
            Self::Interrupt(at) | Self::Fuel(at, _) => visitor.reg_use(at),
        }
    }

    /// What it overwrites apart from operands.
    #[must_use]
    pub fn clobbers(&self) -> PRegSet {
        match self {
            Self::Call(call) => {
                let mut set = super::all_registers();
                for (_, place) in &call.results {
                    set.remove(*place);
                }
                set
            }
            Self::Entry(_)
            | Self::TailCall(_)
            | Self::Return(_)
            | Self::Trap(_)
            | Self::CheckType { .. }
            | Self::InterruptFlag(_)
            | Self::Activation(_)
            | Self::Interrupt(_)
            | Self::Fuel(..) => PRegSet::empty(),
        }
    }

    /// What comes after it.
    #[must_use]
    pub fn end(&self) -> End {
        match self {
            Self::TailCall(_) | Self::Return(_) | Self::Trap(_) => End::Leave,
            Self::Entry(_)
            | Self::Call(_)
            | Self::CheckType { .. }
            | Self::InterruptFlag(_)
            | Self::Activation(_)
            | Self::Interrupt(_)
            | Self::Fuel(..) => End::Next,
        }
    }

    /// Encodes it.
    pub fn emit(&self, cx: &mut Emission<'_, X64Isa>) {
        emit::emit(self, cx);
    }
}
