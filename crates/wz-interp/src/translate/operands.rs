//! Operands and results: accumulators, homes, copies.

use super::emitter::{NOWHERE, four, pair, two_and};
use super::function::Translator;
use super::value::{Held, Kind, Last, Operand, Value};
use crate::class::Class;
use crate::exec::copy;
use crate::exec::op::Op;

impl Translator<'_> {
    /// Where a value is, without taking it.
    #[inline]
    pub(super) fn peek(&self, value: Value, class: Class) -> Operand {
        let slot = match value.kind {
            Kind::Const(bits) => return Operand::Imm(bits),
            Kind::Local(local) => self.locals[local as usize].slot,
            Kind::Temp => value.home,
        };
        if self.held[class as usize].slot == slot { Operand::Acc } else { Operand::Slot(slot) }
    }

    /// Takes a value as an operand.
    #[inline]
    pub(super) fn operand(&mut self, value: Value, class: Class) -> Operand {
        let operand = self.peek(value, class);
        match value.kind {
            Kind::Temp if operand == Operand::Acc => *self.held(class) = Held::NOTHING,
            Kind::Local(local) => self.taken(local),
            Kind::Temp | Kind::Const(_) => {}
        }
        operand
    }

    /// Takes a value as an operand that has to be in a slot.
    pub(super) fn slot_operand(&mut self, value: Value, class: Class) -> u32 {
        match value.kind {
            Kind::Const(bits) => {
                self.put_const(value.home, bits);
                value.home
            }
            Kind::Local(local) => {
                self.taken(local);
                self.locals[local as usize].slot
            }
            Kind::Temp => {
                if self.held(class).slot == value.home {
                    self.save(class);
                    *self.held(class) = Held::NOTHING;
                }
                value.home
            }
        }
    }

    /// Takes a value as an operand that is not a constant.
    pub(super) fn variable(&mut self, value: Value, class: Class) -> Operand {
        match value.kind {
            Kind::Const(_) => Operand::Slot(self.slot_operand(value, class)),
            Kind::Temp | Kind::Local(_) => self.operand(value, class),
        }
    }

    /// Takes a vector. It always is in slots.
    pub(super) fn vector(&mut self, value: Value) -> u32 {
        match value.kind {
            Kind::Local(local) => {
                self.taken(local);
                self.locals[local as usize].slot
            }
            Kind::Temp | Kind::Const(_) => value.home,
        }
    }

    /// A value is gone without having been used.
    pub(super) fn forget(&mut self, value: Value) {
        match value.kind {
            Kind::Temp => self.invalidate(value.home),
            Kind::Local(local) => self.taken(local),
            Kind::Const(_) => {}
        }
    }

    /// A slot is written, or its value is of no use any more: no accumulator holds it.
    #[inline]
    pub(super) fn invalidate(&mut self, slot: u32) {
        for held in &mut self.held {
            if held.slot == slot {
                *held = Held::NOTHING;
            }
        }
    }

    /// Makes sure that what an accumulator holds is in its slot.
    pub(super) fn save(&mut self, class: Class) {
        let held = self.held[class as usize];
        let Some(position) = held.unsaved else { return };
        self.held(class).unsaved = None;
        if let Some(op) = held.saving {
            self.out.replace(position, op);
            if position == self.out.last() {
                // It may not be merged with others any more: the slot is needed.
                self.last = Last::Other;
            }
        } else {
            self.put_to(held.slot, |to| (&copy::FROM_ACC[class as usize], two_and(to, 0, 0)));
        }
    }

    /// Makes sure that everything that accumulators hold is in its slot.
    pub(super) fn save_all(&mut self) {
        for class in Class::ALL {
            self.save(class);
        }
    }

    /// Accumulators hold nothing from here on: branches come here, or a call was made.
    pub(super) fn forget_all(&mut self) {
        debug_assert!(self.held.iter().all(|held| held.unsaved.is_none()), "a value is lost");
        self.held = [Held::NOTHING; 3];
    }

    /// A slot as an operand of 16 bits that is read.
    #[inline]
    pub(super) fn near(&mut self, slot: u32) -> u16 {
        u16::try_from(slot).unwrap_or_else(|_| self.far(slot, &copy::COPY_FAR))
    }

    /// The first slot of a vector as an operand of 16 bits that is read.
    #[inline]
    pub(super) fn near_vector(&mut self, slot: u32) -> u16 {
        // Both slots have to be near.
        if slot < 0xffff { slot as u16 } else { self.far(slot, &copy::COPY_FAR_VECTOR) }
    }

    /// Copies an operand that is too far away.
    #[cold]
    fn far(&mut self, slot: u32, op: &'static Op) -> u16 {
        let Some(scratch) = self.scratch else {
            self.overflowed = true;
            return 0;
        };
        let used = self.scratch_used;
        debug_assert!(used < 8, "an instruction has at most four far operands");
        let to = scratch + used;
        self.put(op, pair(to, slot));
        self.scratch_used = used + 2;
        to as u16
    }

    /// Emits an instruction that writes a slot as operand 0.
    pub(super) fn put_to(&mut self, slot: u32, emit: impl FnOnce(u16) -> (&'static Op, u64)) -> u32 {
        self.put_far_to(slot, &copy::COPY_FAR, |this, to| {
            let (op, operands) = emit(to);
            this.put(op, operands)
        })
    }

    /// Emits an instruction that writes a vector's slots as operand 0.
    pub(super) fn put_vector_to(&mut self, slot: u32, emit: impl FnOnce(&mut Self, u16) -> u32) {
        let position = self.put_far_to(slot, &copy::COPY_FAR_VECTOR, emit);
        self.invalidate(slot);
        self.invalidate(slot + 1);
        if position != NOWHERE {
            self.last = Last::Vector { home: slot };
        }
    }

    /// Emits an instruction that writes slots, and a copy if they are too far away; then there is
    /// no position.
    pub(super) fn put_far_to(
        &mut self,
        slot: u32,
        copy: &'static Op,
        emit: impl FnOnce(&mut Self, u16) -> u32,
    ) -> u32 {
        if slot < 0xffff {
            return emit(self, slot as u16);
        }
        let Some(scratch) = self.scratch else {
            self.overflowed = true;
            return emit(self, 0);
        };
        // The last one: operands have the others.
        let scratch = scratch + 8;
        emit(self, scratch as u16);
        self.put(copy, pair(slot, scratch));
        NOWHERE
    }

    /// Emits a constant.
    pub(super) fn put_const(&mut self, slot: u32, bits: u64) {
        if let Ok(bits) = u32::try_from(bits) {
            self.put_to(slot, |to| (&copy::CONST32, two_and(to, 0, bits)));
        } else {
            self.put_far_to(slot, &copy::COPY_FAR, |this, to| {
                let position = this.put(&copy::CONST64, two_and(to, 0, 0));
                this.out.word(bits);
                position
            });
        }
        self.invalidate(slot);
    }

    /// Emits a copy from slot to slot.
    pub(super) fn put_copy(&mut self, to: u32, from: u32) {
        if to == from {
            return;
        }
        self.invalidate(to);
        if to > 0xfffe || from > 0xfffe {
            if self.scratch.is_none() {
                self.overflowed = true;
            }
            self.put(&copy::COPY_FAR, pair(to, from));
            return;
        }
        if let Last::Copy { to: first_to, from: first_from } = self.last
            && self.out.last() != NOWHERE
        {
            self.out.lift();
            self.put(&copy::COPY2, four(first_to as u16, first_from as u16, to as u16, from as u16));
            return;
        }
        self.put(&copy::COPY, four(to as u16, from as u16, 0, 0));
        self.last = Last::Copy { to, from };
    }

    /// Emits a copy of a vector.
    pub(super) fn put_copy_vector(&mut self, to: u32, from: u32) {
        if to == from {
            return;
        }
        if to > 0xfffe || from > 0xfffe {
            if self.scratch.is_none() {
                self.overflowed = true;
            }
            self.put(&copy::COPY_FAR_VECTOR, pair(to, from));
        } else {
            self.put(&copy::COPY_VECTOR, four(to as u16, from as u16, 0, 0));
        }
        self.invalidate(to);
        self.invalidate(to + 1);
    }

    /// Emits a move of a value to a slot. The value is not taken.
    pub(super) fn put_move(&mut self, to: u32, value: Value, class: Option<Class>) {
        let Some(class) = class else {
            let from = match value.kind {
                Kind::Local(local) => self.locals[local as usize].slot,
                Kind::Temp | Kind::Const(_) => value.home,
            };
            return self.put_copy_vector(to, from);
        };
        match self.peek(value, class) {
            Operand::Imm(bits) => self.put_const(to, bits),
            Operand::Slot(from) => self.put_copy(to, from),
            Operand::Acc if to == value.home && value.kind == Kind::Temp => self.save(class),
            Operand::Acc => {
                self.put_to(to, |to| (&copy::FROM_ACC[class as usize], two_and(to, 0, 0)));
            }
        }
    }

    /// Emits an instruction whose result goes to an accumulator, in the variants without and with
    /// a slot as operand 0. Its operands have been taken.
    #[inline]
    pub(super) fn produce(
        &mut self,
        ops: &'static [Op; 2],
        class: Class,
        home: u32,
        emit: impl FnOnce(&mut Self, &'static Op, u16) -> u32,
    ) -> Value {
        self.save(class);
        self.extend(home + 1);
        if home < 0xffff {
            let position = emit(self, &ops[0], home as u16);
            *self.held(class) = Held { slot: home, unsaved: Some(position), saving: Some(&ops[1]) };
        } else {
            self.put_far_to(home, &copy::COPY_FAR, |this, to| emit(this, &ops[1], to));
            *self.held(class) = Held::saved(home);
        }
        Value::temp(home)
    }
}
