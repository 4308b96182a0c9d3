//! [`access`]: the memory operand of an access, and what has to be done before it.

use std::mem::offset_of;

use regalloc2::RegClass;
use wz_core::records::{InstanceContext, MemoryRecord};
use wz_decode::ops::LoadOp;
use wz_jit::ir::{self, AccessId, Type};
use wz_jit::mach::{Isa as _, Lower, Reg};

use crate::abi;
use crate::address::{Address, Base};
use crate::inst::Inst;
use crate::isa::X64Isa;

use super::MemoryInst;

/// Loads a pointer, for an instruction of the function.
pub(crate) fn load_pointer(cx: &mut Lower<'_, X64Isa>, of: ir::Inst, from: Address) -> Reg {
    let to = cx.temp(RegClass::Int);
    cx.push_of(Inst::Memory(MemoryInst::Load { op: LoadOp::I64Load, to, from }), of);
    to
}

/// An entry of a table of pointers in the context.
pub(crate) fn load_entry(cx: &mut Lower<'_, X64Isa>, of: ir::Inst, table: usize, index: u32) -> Reg {
    let list = load_pointer(cx, of, Address::context(table as i32));
    match i32::try_from(u64::from(index) * 8) {
        Ok(offset) => load_pointer(cx, of, Address::reg(list, offset)),
        // Validation allows no such number of anything.
        Err(_) => unreachable!("an index of {index}"),
    }
}

/// The record of a memory.
pub(crate) fn memory_record(cx: &mut Lower<'_, X64Isa>, of: ir::Inst, memory: u32) -> Reg {
    match memory {
        0 => load_pointer(cx, of, Address::context(offset_of!(InstanceContext, memory0) as i32)),
        _ => load_entry(cx, of, offset_of!(InstanceContext, memories), memory),
    }
}

/// The address of an access of `bytes` bytes that an instruction makes. Checks are pushed, for
/// that instruction.
pub(crate) fn access(
    isa: &X64Isa,
    cx: &mut Lower<'_, X64Isa>,
    of: ir::Inst,
    id: AccessId,
    bytes: u32,
) -> Address {
    let access = cx.f.accesses[id.index()];
    let operand = cx.f.args(of)[0];
    let wide = cx.ty(operand) == Type::I64;
    let constant = cx.f.constant_int(operand);
    let index = if constant.is_none() { Some(cx.in_reg(operand)) } else { None };
    let needs_check = isa.options.explicit_checks && access.needs_check(bytes);
    let needs_record = needs_check || access.memory != 0;
    let record = if needs_record { Some(memory_record(cx, of, access.memory)) } else { None };
    if let (true, Some(record)) = (needs_check, record) {
        let len = Address::reg(record, offset_of!(MemoryRecord, len_bytes) as i32);
        // An end that wraps is beyond every memory's end, as is the greatest.
        let end = access.offset.saturating_add(u64::from(bytes)).saturating_add(constant.unwrap_or(0));
        cx.push_of(Inst::Memory(MemoryInst::CheckAccess { wide, index, end, len }), of);
    }
    let base = match (access.memory, record) {
        (1.., Some(record)) => {
            Base::Reg(load_pointer(cx, of, Address::reg(record, offset_of!(MemoryRecord, base) as i32)))
        }
        _ => Base::Pinned(abi::MEMORY0_BASE),
    };
    // What wraps here has trapped.
    let offset = access.offset.wrapping_add(constant.unwrap_or(0));
    match (i32::try_from(offset), index) {
        (Ok(offset), index) => Address { base, index, scale_log2: 0, offset },
        (Err(_), None) => {
            let index = cx.temp(RegClass::Int);
            isa.select_constant(cx, index, Type::I64, u128::from(offset));
            Address { base, index: Some(index), scale_log2: 0, offset: 0 }
        }
        (Err(_), Some(from)) => {
            let to = cx.temp(RegClass::Int);
            cx.push_of(Inst::Memory(MemoryInst::AddOffset { to, from, offset }), of);
            Address { base, index: Some(to), scale_log2: 0, offset: 0 }
        }
    }
}
