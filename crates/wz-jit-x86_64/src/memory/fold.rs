//! [`fold_load`]: a load as a memory operand of the instruction that uses it.

use wz_jit::ir::{self, Value};
use wz_jit::mach::Lower;

use crate::address::Address;
use crate::isa::X64Isa;

/// The load that gives a value, as a memory operand, if the instruction that is being selected may
/// do it: a load of exactly `bytes` bytes, without extension, whose value has no other use. It is
/// sunk; what does it is pushed for ([`Lower::push_of`]) the instruction that is given along. A bounds check that it needs is
/// pushed already.
pub fn fold_load(
    _isa: &X64Isa,
    _cx: &mut Lower<'_, X64Isa>,
    _value: Value,
    _bytes: u32,
) -> Option<(Address, ir::Inst)> {
    None
}
