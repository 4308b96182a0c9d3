//! [`fold_load`]: a load as a memory operand of the instruction that uses it.

use wz_decode::ops::LoadOp;
use wz_jit::ir::{self, Op, Value};
use wz_jit::mach::Lower;

use crate::address::Address;
use crate::isa::X64Isa;

use super::access::access;

/// The load that gives a value, as a memory operand, if the instruction that is being selected may
/// do it: a load of exactly `bytes` bytes, without extension, whose value has no other use. It is
/// sunk; what does it is pushed for ([`Lower::push_of`]) the instruction that is given along. A
/// bounds check that it needs is pushed already.
pub fn fold_load(
    isa: &X64Isa,
    cx: &mut Lower<'_, X64Isa>,
    value: Value,
    bytes: u32,
) -> Option<(Address, ir::Inst)> {
    let load = cx.foldable_load(value)?;
    let Op::Load(op, id) = cx.f.inst(load).op else { return None };
    let whole = match op {
        LoadOp::I32Load | LoadOp::F32Load => 4,
        LoadOp::I64Load | LoadOp::F64Load => 8,
        LoadOp::V128Load => 16,
        _ => return None,
    };
    if whole != bytes {
        return None;
    }
    cx.sink(load);
    Some((access(isa, cx, load, id, bytes), load))
}
