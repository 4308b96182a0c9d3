//! Selection for loads, stores, globals, tables and sizes.

use std::mem::offset_of;

use wz_core::records::{InstanceContext, MemoryRecord, TableRecord};
use wz_decode::ops::{LoadOp, StoreOp};
use wz_jit::ir::{self, Op, Type, Value};
use wz_jit::mach::{Lower, Reg};

use crate::address::Address;
use crate::inst::Inst;
use crate::isa::X64Isa;

use super::MemoryInst;
use super::access::{access, load_entry, load_pointer, memory_record};

/// Selects an instruction if it is one of these. False if it is not.
pub fn select(isa: &X64Isa, cx: &mut Lower<'_, X64Isa>, inst: ir::Inst) -> bool {
    let op = cx.f.inst(inst).op;
    match op {
        Op::Load(load, id) => {
            let from = access(isa, cx, inst, id, load.bytes());
            // A load whose value is not used traps all the same.
            let to = cx.result(inst);
            cx.push(Inst::Memory(MemoryInst::Load { op: load, to, from }));
        }
        Op::Store(store, id) => {
            let value = cx.f.args(inst)[1];
            let constant = small_constant(cx, store, value);
            let value = if constant.is_none() { Some(cx.in_reg(value)) } else { None };
            let to = access(isa, cx, inst, id, store.bytes());
            cx.push(Inst::Memory(match (constant, value) {
                (None, Some(value)) => MemoryInst::Store { op: store, value, to },
                (value, _) => MemoryInst::StoreConstant {
                    bytes: store.bytes() as u8,
                    value: value.unwrap_or_default(),
                    to,
                },
            }));
        }
        Op::LoadLane(load, lane, id) => {
            let vector = cx.in_reg(cx.f.args(inst)[1]);
            let from = access(isa, cx, inst, id, load.bytes());
            let to = cx.result(inst);
            cx.push(Inst::Memory(MemoryInst::LoadLane { op: load, lane, to, vector, from }));
        }
        Op::StoreLane(store, lane, id) => {
            let vector = cx.in_reg(cx.f.args(inst)[1]);
            let to = access(isa, cx, inst, id, store.bytes());
            cx.push(Inst::Memory(MemoryInst::StoreLane { op: store, lane, vector, to }));
        }
        Op::GlobalConst(global) | Op::GlobalGet(global) => {
            let to = cx.result(inst);
            let from = global_cell(isa, cx, inst, global);
            let op = load_of(cx.ty(cx.f.result(inst).expect("a read gives a value")));
            cx.push(Inst::Memory(MemoryInst::Load { op, to, from }));
        }
        Op::GlobalSet(global) => {
            let value = cx.f.args(inst)[0];
            // Cells are words: the upper half of an integer's register is right.
            let op = match cx.ty(value) {
                Type::I32 | Type::I64 => StoreOp::I64Store,
                Type::F32 => StoreOp::F32Store,
                Type::F64 => StoreOp::F64Store,
                Type::V128 => StoreOp::V128Store,
            };
            let value = cx.in_reg(value);
            let to = global_cell(isa, cx, inst, global);
            cx.push(Inst::Memory(MemoryInst::Store { op, value, to }));
        }
        Op::MemorySize(memory) => {
            let to = cx.result(inst);
            let record = memory_record(cx, inst, memory);
            let len = Address::reg(record, offset_of!(MemoryRecord, len_bytes) as i32);
            cx.push(Inst::Memory(MemoryInst::Pages { to, len }));
        }
        Op::TableSize(table) => {
            let to = cx.result(inst);
            let record = load_entry(cx, inst, offset_of!(InstanceContext, tables), table);
            let from = Address::reg(record, offset_of!(TableRecord, len) as i32);
            cx.push(Inst::Memory(MemoryInst::Load { op: LoadOp::I64Load, to, from }));
        }
        Op::TableGet(table) => {
            let to = cx.result(inst);
            let index = cx.in_reg(cx.f.args(inst)[0]);
            let from = element(cx, inst, table, index);
            cx.push(Inst::Memory(MemoryInst::Load { op: LoadOp::I64Load, to, from }));
        }
        Op::TableSet(table) => {
            let (index, value) = (cx.in_reg(cx.f.args(inst)[0]), cx.in_reg(cx.f.args(inst)[1]));
            let to = element(cx, inst, table, index);
            cx.push(Inst::Memory(MemoryInst::Store { op: StoreOp::I64Store, value, to }));
        }
        _ => return false,
    }
    true
}

/// How values of a type are loaded.
pub(crate) fn load_of(ty: Type) -> LoadOp {
    match ty {
        Type::I32 => LoadOp::I32Load,
        Type::I64 => LoadOp::I64Load,
        Type::F32 => LoadOp::F32Load,
        Type::F64 => LoadOp::F64Load,
        Type::V128 => LoadOp::V128Load,
    }
}

/// A constant that an instruction can store by itself.
fn small_constant(cx: &Lower<'_, X64Isa>, store: StoreOp, value: Value) -> Option<i32> {
    let bits = cx.f.constant_int(value)?;
    match store {
        StoreOp::I64Store => i32::try_from(bits as i64).ok(),
        _ => Some(bits as i32),
    }
}

/// Where a global's value is.
fn global_cell(isa: &X64Isa, cx: &mut Lower<'_, X64Isa>, inst: ir::Inst, global: u32) -> Address {
    let size = size_of::<wz_core::records::GlobalCell>() as u64;
    if let Some(defined) = global.checked_sub(isa.info.imported.globals)
        && let Ok(offset) = i32::try_from(u64::from(defined) * size)
    {
        let cells = offset_of!(InstanceContext, defined_globals) as i32;
        return Address::reg(load_pointer(cx, inst, Address::context(cells)), offset);
    }
    Address::reg(load_entry(cx, inst, offset_of!(InstanceContext, globals), global), 0)
}

/// An element of a table, once the index is checked.
pub(crate) fn element(cx: &mut Lower<'_, X64Isa>, inst: ir::Inst, table: u32, index: Reg) -> Address {
    let record = load_entry(cx, inst, offset_of!(InstanceContext, tables), table);
    let to = cx.temp(regalloc2::RegClass::Int);
    let len = Address::reg(record, offset_of!(TableRecord, len) as i32);
    cx.push(Inst::Memory(MemoryInst::CheckElement { to, index, len }));
    let base = load_pointer(cx, inst, Address::reg(record, offset_of!(TableRecord, base) as i32));
    Address { index: Some(to), scale_log2: 3, ..Address::reg(base, 0) }
}
