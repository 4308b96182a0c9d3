//! Numbering of values: the same operator with the same operands is computed once, if where it
//! was computed first dominates. One table of all values: an entry whose block is not on the
//! path of dominators never will be again, and is overwritten.

use std::hash::{Hash, Hasher};

use crate::hash::FastHasher;
use crate::ir::{Function, Op, Type, Value, ValueDef};

use super::Builder;

/// A hash table of values that probes linearly.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    /// The values by hash of what they are; a power of two of them.
    slots: Vec<Value>,
    /// How many slots are taken.
    taken: usize,
}

/// Where a value that was not found is to be put.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    index: usize,
    /// Whether an entry is overwritten that is not valid any more.
    reused: bool,
}

impl Numbering {
    /// Forgets everything, and makes room for about so many values.
    pub(super) fn clear(&mut self, values: usize) {
        let size = (values * 2).next_power_of_two().max(64);
        self.slots.clear();
        self.slots.resize(size, Value::NONE);
        self.taken = 0;
    }

    /// The constant with these bits, or where to put it.
    pub(super) fn find_constant(&mut self, f: &Function, ty: Type, bits: u128) -> Result<Value, Slot> {
        self.make_room(f);
        let mask = self.slots.len() - 1;
        let mut index = hash_constant(ty, bits) & mask;
        loop {
            let value = self.slots[index];
            if value == Value::NONE {
                return Err(Slot { index, reused: false });
            }
            if f.ty(value) == ty && f.constant(value) == Some(bits) {
                return Ok(value);
            }
            index = (index + 1) & mask;
        }
    }

    /// Puts a value where it was not found.
    pub(super) fn insert(&mut self, slot: Slot, value: Value) {
        self.taken += usize::from(!slot.reused);
        self.slots[slot.index] = value;
    }

    /// Doubles the table if half of it is taken.
    fn make_room(&mut self, f: &Function) {
        if self.taken * 2 < self.slots.len() {
            return;
        }
        let size = self.slots.len() * 2;
        let old = std::mem::replace(&mut self.slots, vec![Value::NONE; size]);
        for value in old.into_iter().filter(|value| *value != Value::NONE) {
            let hash = match f.def(value) {
                ValueDef::Constant(index) => hash_constant(f.ty(value), f.constants[index as usize]),
                ValueDef::Result(inst) => hash_op(f.inst(inst).op, f.args(inst)),
                ValueDef::Param(_) => continue,
            };
            let mut index = hash & (size - 1);
            while self.slots[index] != Value::NONE {
                index = (index + 1) & (size - 1);
            }
            self.slots[index] = value;
        }
    }
}

fn hash_constant(ty: Type, bits: u128) -> usize {
    let mut hasher = FastHasher::default();
    (ty, bits).hash(&mut hasher);
    hasher.finish() as usize
}

pub(crate) fn hash_op(op: Op, args: &[Value]) -> usize {
    let mut hasher = FastHasher::default();
    op.hash(&mut hasher);
    for arg in args {
        hasher.write_u32(arg.0);
    }
    hasher.finish() as usize
}

impl Builder<'_> {
    /// The value that the operator has given before where that dominates, or where to put it.
    pub(super) fn find_equal(&mut self, op: Op, args: &[Value]) -> Result<Value, Slot> {
        self.s.numbering.make_room(self.f);
        let slots = &self.s.numbering.slots;
        let mask = slots.len() - 1;
        let mut index = hash_op(op, args) & mask;
        let mut stale = None;
        loop {
            let value = slots[index];
            if value == Value::NONE {
                return Err(match stale {
                    Some(index) => Slot { index, reused: true },
                    None => Slot { index, reused: false },
                });
            }
            if let ValueDef::Result(inst) = self.f.def(value) {
                if !self.on_path(self.s.inst_blocks[inst.index()]) {
                    stale = stale.or(Some(index));
                } else if self.f.inst(inst).op == op && self.f.args(inst) == args {
                    return Ok(value);
                }
            }
            index = (index + 1) & mask;
        }
    }
}
