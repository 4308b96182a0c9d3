//! Memories and globals: the static part of accesses, and reads that are known.

use wz_api::{MemoryType, Trap};
use wz_decode::builder::MemArg;
use wz_decode::info::ConstOp;
use wz_decode::ops::{BinaryOp, LoadLaneOp, LoadOp, StoreLaneOp, StoreOp};

use crate::ir::{Access, AccessId, Op, Type, Value};
use crate::options::Passes;

use super::Builder;

/// The bytes of a page.
const PAGE: u64 = 65_536;

impl Builder<'_> {
    // Memories.

    /// The static part of an access, and the address operand that it is relative to. `None` if
    /// the access traps whatever happens.
    fn access(&mut self, arg: MemArg, address: Value, bytes: u32) -> Option<(AccessId, Value)> {
        let MemArg { memory, mut offset, align } = arg;
        let mut address = self.resolve(address);
        let mut in_bounds = false;
        if self.passes().has(Passes::SIMPLIFY) {
            (address, offset) = self.fold_address(self.memory_type(memory), address, offset);
            let ty: &MemoryType = &self.info.memories[memory as usize];
            let least = ty.min_pages.checked_mul(PAGE);
            let most = ty.max_pages.map_or(u64::MAX, |pages| pages.saturating_mul(PAGE));
            let most = if ty.memory64 { most } else { most.min(PAGE * PAGE) };
            let first_end = u128::from(offset) + u128::from(bytes);
            if first_end > u128::from(most) {
                return None;
            }
            let last_end = first_end + u128::from(self.bound(address));
            in_bounds = least.is_some_and(|least| last_end <= u128::from(least));
        }
        let id = AccessId(self.f.accesses.len() as u32);
        self.f.accesses.push(Access { memory, align, in_bounds, offset, proven_end: 0 });
        Some((id, address))
    }

    /// Moves constants from the address to the offset, as long as the sum cannot wrap: the
    /// address is computed modulo 2^32 (or 2^64), and adding the offset is not.
    fn fold_address(&mut self, ty: Type, mut address: Value, mut offset: u64) -> (Value, u64) {
        let add = match ty {
            Type::I32 => BinaryOp::I32Add,
            _ => BinaryOp::I64Add,
        };
        loop {
            if let Some(constant) = self.f.constant_int(address) {
                let Some(sum) = offset.checked_add(constant) else { break };
                if constant == 0 || (ty == Type::I32 && sum > u64::from(u32::MAX)) {
                    break;
                }
                return (self.zero(ty), sum);
            }
            let Some(inst) = self.f.def_inst(address) else { break };
            if self.f.inst(inst).op != Op::Binary(add) {
                break;
            }
            let [base, added] = [self.f.args(inst)[0], self.f.args(inst)[1]];
            let Some(constant) = self.f.constant_int(added) else { break };
            let wraps = u128::from(self.bound(base)) + u128::from(constant) > u128::from(ty.max());
            let Some(sum) = offset.checked_add(constant) else { break };
            if wraps || (ty == Type::I32 && sum > u64::from(u32::MAX)) {
                break;
            }
            (address, offset) = (base, sum);
        }
        (address, offset)
    }

    pub(super) fn emit_load(&mut self, op: LoadOp, arg: MemArg, address: Value) -> Value {
        let ty = Type::of(op.result());
        if self.dead() {
            return self.zero(ty);
        }
        match self.access(arg, address, op.bytes()) {
            None => self.trapped(Trap::OutOfBoundsMemoryAccess, ty),
            Some((access, address)) => {
                let bound = match op {
                    LoadOp::I32Load8U | LoadOp::I64Load8U => 0xff,
                    LoadOp::I32Load16U | LoadOp::I64Load16U => 0xffff,
                    LoadOp::I64Load32U => 0xffff_ffff,
                    _ => ty.max(),
                };
                self.push_value(Op::Load(op, access), &[address], ty, bound)
            }
        }
    }

    pub(super) fn emit_store(&mut self, op: StoreOp, arg: MemArg, address: Value, value: Value) {
        if self.dead() {
            return;
        }
        let value = self.resolve(value);
        let value = self.stored_value(op, value);
        match self.access(arg, address, op.bytes()) {
            None => self.trap(Trap::OutOfBoundsMemoryAccess),
            Some((access, address)) => self.effect(Op::Store(op, access), &[address, value]),
        }
    }

    pub(super) fn emit_load_lane(
        &mut self,
        op: LoadLaneOp,
        arg: MemArg,
        lane: u8,
        address: Value,
        vector: Value,
    ) -> Value {
        if self.dead() {
            return self.zero(Type::V128);
        }
        match self.access(arg, address, op.bytes()) {
            None => self.trapped(Trap::OutOfBoundsMemoryAccess, Type::V128),
            Some((access, address)) => {
                let op = Op::LoadLane(op, lane, access);
                self.push_value(op, &[address, vector], Type::V128, u64::MAX)
            }
        }
    }

    pub(super) fn emit_store_lane(
        &mut self,
        op: StoreLaneOp,
        arg: MemArg,
        lane: u8,
        address: Value,
        vector: Value,
    ) {
        if self.dead() {
            return;
        }
        match self.access(arg, address, op.bytes()) {
            None => self.trap(Trap::OutOfBoundsMemoryAccess),
            Some((access, address)) => self.effect(Op::StoreLane(op, lane, access), &[address, vector]),
        }
    }

    pub(super) fn emit_memory_size(&mut self, memory: u32) -> Value {
        let ty = self.memory_type(memory);
        let MemoryType { min_pages, max_pages, .. } = self.info.memories[memory as usize];
        // An imported memory has no more than its declared maximum either.
        if self.passes().has(Passes::GLOBALS) && max_pages == Some(min_pages) {
            return self.int(ty, min_pages);
        }
        let most = max_pages.unwrap_or(u64::MAX).min(if ty == Type::I32 { PAGE } else { u64::MAX });
        self.effect_value(Op::MemorySize(memory), &[], ty, most)
    }

    // Globals.

    /// From here on, other code may have written globals.
    pub(super) fn new_epoch(&mut self) {
        self.s.epochs += 1;
        (self.s.epoch, self.s.epoch_imported) = (self.s.epochs, self.s.epochs);
    }

    /// Whether two globals may be one: imports of the same type.
    fn is_imported_global(&self, global: u32) -> bool {
        global < self.info.imported.globals
    }

    fn epoch_of(&self, global: u32) -> u64 {
        if self.is_imported_global(global) { self.s.epoch_imported } else { self.s.epoch }
    }

    pub(super) fn read_global(&mut self, global: u32, ty: Type) -> Value {
        if self.dead() {
            return self.zero(ty);
        }
        let known_reads = self.passes().has(Passes::GLOBALS);
        if !self.info.globals[global as usize].mutable {
            if known_reads && let Some(value) = self.initial_value(global, ty) {
                return value;
            }
            return self.pure(Op::GlobalConst(global), &[], ty);
        }
        let (value, epoch) = self.s.globals[global as usize];
        if known_reads && epoch == self.epoch_of(global) {
            return self.resolve(value);
        }
        let value = self.push_value(Op::GlobalGet(global), &[], ty, ty.max());
        self.s.globals[global as usize] = (value, self.epoch_of(global));
        value
    }

    pub(super) fn write_global(&mut self, global: u32, value: Value) {
        if self.dead() {
            return;
        }
        let value = self.resolve(value);
        self.push_inst(Op::GlobalSet(global), &[value]);
        if self.is_imported_global(global) {
            // Any other import may be the same global.
            self.s.epochs += 1;
            self.s.epoch_imported = self.s.epochs;
        }
        self.s.globals[global as usize] = (value, self.epoch_of(global));
    }

    /// What an immutable global is, if that is a constant of the module.
    fn initial_value(&mut self, global: u32, ty: Type) -> Option<Value> {
        let defined = global.checked_sub(self.info.imported.globals)?;
        let init = &self.info.global_inits[defined as usize];
        match *init.ops {
            [ConstOp::Const(constant)] => Some(wz_decode::FunctionBuilder::constant(self, constant)),
            [ConstOp::RefNull(_)] => Some(self.zero(ty)),
            [ConstOp::RefFunc(function)] => Some(self.pure(Op::RefFunc(function), &[], ty)),
            _ => None,
        }
    }
}
