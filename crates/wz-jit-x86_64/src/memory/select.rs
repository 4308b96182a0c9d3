//! Selection for loads, stores, globals, tables and sizes.

use wz_jit::ir;
use wz_jit::mach::Lower;

use crate::isa::X64Isa;

/// Selects an instruction if it is one of these. False if it is not.
pub fn select(_isa: &X64Isa, _cx: &mut Lower<'_, X64Isa>, _inst: ir::Inst) -> bool {
    unimplemented!()
}
