//! Selection for operators over integers.

use wz_jit::ir::{self, Type, Value};
use wz_jit::mach::{Lower, Reg};

use crate::condition::Condition;
use crate::isa::X64Isa;

/// Selects an instruction if it is one of these. False if it is not.
pub fn select(_isa: &X64Isa, _cx: &mut Lower<'_, X64Isa>, _inst: ir::Inst) -> bool {
    unimplemented!()
}

/// Puts an integer constant into a register. Leaves the flags alone only if `bits` is not 0.
pub fn select_constant(_isa: &X64Isa, _cx: &mut Lower<'_, X64Isa>, _to: Reg, _ty: Type, _bits: u64) {
    unimplemented!()
}

/// Whether a value of type `i32` is not zero, as a condition: comparisons are folded.
pub fn condition(_isa: &X64Isa, _cx: &mut Lower<'_, X64Isa>, _value: Value) -> Condition {
    unimplemented!()
}
