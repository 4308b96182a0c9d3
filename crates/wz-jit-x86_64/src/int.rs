//! Integers: arithmetic, comparisons, conditions, branches, selects, constants and moves.

mod arithmetic;
mod bits;
mod compare;
mod control;
mod divide;
mod emit;
mod emit_divide;
mod inst;
mod operand;
mod select;
mod shift;

pub use compare::condition;
pub(crate) use emit::put_tables;
pub use inst::{AluOp, CountOp, Extension, IntInst, LowBitOp, ShiftOp, Size, UnaryOp};
pub use operand::in_reg;
pub use select::{select, select_constant};
