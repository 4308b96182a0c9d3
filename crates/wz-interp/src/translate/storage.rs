//! Globals, memories and tables as a whole, references.

use wz_api::ValueType;

use super::emitter::{four, pair, two_and};
use super::function::Translator;
use super::value::{Operand, Value};
use crate::class::Class;
use crate::exec::op::Op;
use crate::exec::{bulk, copy, state};

/// An operator on a memory or table as a whole.
pub(super) struct Bulk<'a> {
    pub(super) op: &'static Op,
    pub(super) operands: &'a [Value],
    pub(super) indices: [u32; 2],
    /// Whether the result and the operands are `i32`s.
    pub(super) narrow: [bool; 4],
}

impl Bulk<'_> {
    /// The third word.
    fn indices(&self) -> u64 {
        let narrow = self.narrow.iter().enumerate().filter(|(_, narrow)| **narrow);
        let bits: u32 = narrow.map(|(operand, _)| bulk::narrow(operand)).sum();
        pair(self.indices[0], self.indices[1] | bits)
    }
}

impl Translator<'_> {
    pub(super) fn get_global(&mut self, global: u32, ty: ValueType) -> Value {
        let home = self.top();
        let Some(class) = Class::of(ty) else {
            self.extend(home + 2);
            self.put_vector_to(home, |this, to| this.put(&state::GLOBAL_GET_VECTOR, two_and(to, 0, global)));
            return Value::temp(home);
        };
        self.produce(&state::GLOBAL_GET[class as usize], class, home, |this, op, home| {
            this.put(op, two_and(home, 0, global))
        })
    }

    pub(super) fn set_global(&mut self, global: u32, ty: ValueType, value: Value) {
        let Some(class) = Class::of(ty) else {
            let slot = self.vector(value);
            let slot = self.near_vector(slot);
            self.put(&state::GLOBAL_SET_VECTOR, two_and(0, slot, global));
            return;
        };
        let operand = self.variable(value, class);
        let [from_slot, from_acc] = &state::GLOBAL_SET[class as usize];
        match operand {
            Operand::Slot(slot) => {
                let slot = self.near(slot);
                self.put(from_slot, two_and(0, slot, global));
            }
            Operand::Acc | Operand::Imm(_) => {
                self.put(from_acc, two_and(0, 0, global));
            }
        }
    }

    /// The size of a memory or table.
    pub(super) fn size(&mut self, ops: &'static [Op; 2], index: u32) -> Value {
        let home = self.top();
        self.produce(ops, Class::Int, home, |this, op, home| this.put(op, two_and(home, 0, index)))
    }

    /// Consumes fuel for a run as long as an operand says, of things of `scale` units.
    pub(super) fn charge_run(
        &mut self,
        ops: &'static [Op; 2],
        len: Value,
        scale: u32,
        narrow: bool,
    ) -> Value {
        if !self.request.options.fuel {
            return len;
        }
        let slot = self.slot_operand(len, Class::Int);
        let near = self.near(slot);
        self.put_site(&ops[usize::from(narrow)], two_and(0, near, scale));
        // From now on it is in a slot; if that is a local's, it stays on the stack until then.
        if slot != len.home {
            self.put_copy(len.home, slot);
        }
        Value::temp(len.home)
    }

    /// Whether a memory's addresses are `i32`s.
    pub(super) fn narrow_memory(&self, memory: u32) -> bool {
        !self.request.info.memories[memory as usize].memory64
    }

    /// Whether a table's indices are `i32`s.
    pub(super) fn narrow_table(&self, table: u32) -> bool {
        !self.request.info.tables[table as usize].table64
    }

    fn bulk_operands(&mut self, operands: &[Value]) -> [u16; 3] {
        let mut slots = [0; 3];
        let mut near = [0; 3];
        // All first, because a copy to a scratch slot has to be right before the instruction.
        for (slot, value) in slots.iter_mut().zip(operands) {
            *slot = self.slot_operand(*value, Class::Int);
        }
        for (near, slot) in near.iter_mut().zip(slots).take(operands.len()) {
            *near = self.near(slot);
        }
        near
    }

    /// An operator without a result.
    pub(super) fn put_bulk(&mut self, bulk: &Bulk<'_>) {
        let [a, b, c] = self.bulk_operands(bulk.operands);
        self.put_site(bulk.op, four(0, a, b, c));
        self.out.word(bulk.indices());
    }

    /// An operator with a result, which is written to a slot. It is told the frame's length if
    /// it may call out.
    pub(super) fn get_bulk(&mut self, bulk: &Bulk<'_>, home: u32, calls_out: bool) -> Value {
        let slots = self.bulk_operands(bulk.operands);
        let indices = bulk.indices();
        if calls_out {
            self.save_all();
        }
        self.put_far_to(home, &copy::COPY_FAR, |this, to| {
            let position = this.put_site(bulk.op, four(to, slots[0], slots[1], slots[2]));
            this.out.word(indices);
            if calls_out {
                let word = this.out.word(0);
                this.frame_words.push((word, true));
            }
            position
        });
        self.invalidate(home);
        self.extend(home + 1);
        Value::temp(home)
    }

    pub(super) fn get_ref_func(&mut self, function: u32) -> Value {
        let home = self.top();
        let bulk = Bulk { op: &bulk::REF_FUNC, operands: &[], indices: [function, 0], narrow: [false; 4] };
        self.get_bulk(&bulk, home, false)
    }
}
