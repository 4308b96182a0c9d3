//! Selection for calls and what leaves.

use wz_jit::ir;
use wz_jit::mach::{Lower, Reg};

use crate::isa::X64Isa;

/// Selects an instruction if it is one of these. False if it is not.
pub fn select(_isa: &X64Isa, _cx: &mut Lower<'_, X64Isa>, _inst: ir::Inst) -> bool {
    unimplemented!()
}

/// Selects what puts the function's parameters into registers.
pub fn select_entry(_isa: &X64Isa, _cx: &mut Lower<'_, X64Isa>, _params: &[Option<Reg>]) {
    unimplemented!()
}
