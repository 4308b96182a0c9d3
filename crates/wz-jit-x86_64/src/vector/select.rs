//! Selection for operators over floats and vectors.

use wz_jit::ir::{self, Type};
use wz_jit::mach::{Lower, Reg};

use crate::condition::Condition;
use crate::isa::X64Isa;

/// Selects an instruction if it is one over floats or vectors. False if it is not.
pub fn select(_isa: &X64Isa, _cx: &mut Lower<'_, X64Isa>, _inst: ir::Inst) -> bool {
    unimplemented!()
}

/// Puts a constant of type `f32`, `f64` or `v128` into a register.
pub fn select_constant(_isa: &X64Isa, _cx: &mut Lower<'_, X64Isa>, _to: Reg, _ty: Type, _bits: u128) {
    unimplemented!()
}

/// The condition that a comparison of floats is.
pub fn compare(_isa: &X64Isa, _cx: &mut Lower<'_, X64Isa>, _comparison: ir::Inst) -> Condition {
    unimplemented!()
}

/// Selects an [`Op::Select`](ir::Op::Select) of floats or vectors, whose condition was made from
/// its first operand.
pub fn select_by(_isa: &X64Isa, _cx: &mut Lower<'_, X64Isa>, _inst: ir::Inst, _condition: Condition) {
    unimplemented!()
}
