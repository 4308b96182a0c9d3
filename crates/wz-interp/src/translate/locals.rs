//! Locals: reading, writing, and keeping what is on the operand stack when they are written.

use wz_api::ValueType;

use super::emitter::{NOWHERE, two_and};
use super::function::Translator;
use super::value::{Held, Kind, Last, Operand, Step, Value};
use crate::exec::copy;

impl Translator<'_> {
    /// The highest place of a local on the operand stack is gone.
    #[inline]
    pub(super) fn taken(&mut self, local: u32) {
        let local = &mut self.locals[local as usize];
        debug_assert_ne!(local.highest, NOWHERE, "a local was taken that is not on the stack");
        local.highest = self.lower[local.highest as usize];
    }

    /// Puts a local on the operand stack.
    #[inline]
    pub(super) fn push_local(&mut self, local: u32, place: u32, home: u32) -> Value {
        if self.lower.len() <= place as usize {
            self.lower.resize(place as usize + 1, NOWHERE);
        }
        let state = &mut self.locals[local as usize];
        self.lower[place as usize] = state.highest;
        state.highest = place;
        self.settled = self.settled.min(place as usize);
        Value { home, kind: Kind::Local(local) }
    }

    pub(super) fn get_local(&mut self, local: u32, ty: ValueType) -> Value {
        let home = self.top();
        self.extend(home + ty.slots() as u32);
        self.push_local(local, self.at.height, home)
    }

    /// Copies a local to the homes of its places on the operand stack, because it will be written.
    fn preserve(&mut self, local: u32, stack: &mut [Value]) {
        let Some(state) = self.locals.get_mut(local as usize) else { return };
        let (slot, class) = (state.slot, state.class);
        let mut place = std::mem::replace(&mut state.highest, NOWHERE);
        while place != NOWHERE {
            let value = &mut stack[place as usize];
            debug_assert_eq!(value.kind, Kind::Local(local), "the list of places is wrong");
            *value = Value::temp(value.home);
            let home = value.home;
            match class {
                Some(_) => self.put_copy(home, slot),
                None => self.put_copy_vector(home, slot),
            }
            place = self.lower[place as usize];
        }
    }

    /// Writes a local. `value` has been taken off the stack.
    pub(super) fn set_local(&mut self, local: u32, value: Value, stack: &mut [Value]) {
        let Some(class) = self.locals[local as usize].class else {
            return self.set_vector_local(local, value, stack);
        };
        let slot = self.locals[local as usize].slot;
        match value.kind {
            Kind::Const(bits) => {
                self.preserve(local, stack);
                self.put_const(slot, bits);
            }
            Kind::Local(other) if other == local => self.taken(local),
            Kind::Local(other) => {
                let operand = self.operand(value, class);
                self.preserve(local, stack);
                self.invalidate(slot);
                match operand {
                    Operand::Acc => {
                        self.put_to(slot, |to| (&copy::FROM_ACC[class as usize], two_and(to, 0, 0)));
                    }
                    _ => self.put_copy(slot, self.locals[other as usize].slot),
                }
            }
            Kind::Temp => {
                let held = *self.held(class);
                if held.slot != value.home {
                    self.preserve(local, stack);
                    self.put_copy(slot, value.home);
                } else if let (Some(saving), Some(position)) = (held.saving, held.unsaved)
                    && position == self.out.last()
                    && slot < 0xffff
                {
                    // The instruction writes the local itself.
                    let step = self.step_of(slot);
                    if self.locals[local as usize].highest == NOWHERE {
                        self.out.set_field0(position, slot as u16);
                        self.out.replace(position, saving);
                    } else {
                        let lifted = self.out.lift();
                        self.last = Last::Other;
                        self.preserve(local, stack);
                        let position = self.out.lower(&lifted);
                        self.out.set_field0(position, slot as u16);
                        self.out.replace(position, saving);
                    }
                    self.last = Last::Other;
                    let position = self.out.last();
                    self.step =
                        step.map(|step| Step { position, words: self.out.position() - position, ..step });
                    *self.held(class) = Held::saved(slot);
                } else {
                    // Whatever else holds the home: it is gone.
                    *self.held(class) = Held::NOTHING;
                    self.preserve(local, stack);
                    self.put_to(slot, |to| (&copy::FROM_ACC[class as usize], two_and(to, 0, 0)));
                    *self.held(class) = Held::saved(slot);
                }
            }
        }
    }

    /// The last instruction as the step of a loop, if it adds to a local in this slot.
    fn step_of(&self, slot: u32) -> Option<Step> {
        let Last::Add { wide, a, b, before } = self.last else { return None };
        let (_, by) = match (a, b) {
            (Operand::Slot(a), by) if a == slot => (a, by),
            (by, Operand::Slot(b)) if b == slot && by != Operand::Acc => (b, by),
            (Operand::Acc, by) if before.slot == slot => (slot, by),
            _ => return None,
        };
        let by = match by {
            Operand::Imm(bits) if wide => Operand::Imm(bits),
            Operand::Imm(bits) => Operand::Imm(bits as i32 as u64),
            by => by,
        };
        Some(Step { position: 0, words: 0, slot, by, wide })
    }

    fn set_vector_local(&mut self, local: u32, value: Value, stack: &mut [Value]) {
        let slot = self.locals[local as usize].slot;
        if value.kind == Kind::Local(local) {
            return self.taken(local);
        }
        if let Last::Vector { home } = self.last
            && value.kind == Kind::Temp
            && home == value.home
            && self.locals[local as usize].highest == NOWHERE
            && self.out.last() != NOWHERE
            && slot < 0xffff
        {
            self.out.set_field0(self.out.last(), slot as u16);
            self.last = Last::Other;
            return;
        }
        let from = self.vector(value);
        self.preserve(local, stack);
        self.put_copy_vector(slot, from);
    }

    pub(super) fn tee_local(
        &mut self,
        local: u32,
        ty: ValueType,
        value: Value,
        stack: &mut [Value],
    ) -> Value {
        self.set_local(local, value, stack);
        let height = self.at.height - 1;
        self.extend(value.home + ty.slots() as u32);
        self.push_local(local, height, value.home)
    }

    /// Copies locals on the operand stack to their homes, and saves accumulators: a construct
    /// begins.
    pub(super) fn settle(&mut self, stack: &mut [Value]) {
        self.save_all();
        for value in stack.iter_mut().skip(self.settled) {
            if let Kind::Local(local) = value.kind {
                let state = &mut self.locals[local as usize];
                state.highest = NOWHERE;
                let (slot, class) = (state.slot, state.class);
                *value = Value::temp(value.home);
                let home = value.home;
                match class {
                    Some(_) => self.put_copy(home, slot),
                    None => self.put_copy_vector(home, slot),
                }
            }
        }
        self.settled = stack.len();
    }
}
