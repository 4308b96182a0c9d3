//! Loads and stores.

use wz_api::ValueType;
use wz_decode::builder::MemArg;
use wz_decode::ops::{LoadLaneOp, LoadOp, StoreLaneOp, StoreOp};

use super::emitter::{four, pair, two_and};
use super::function::Translator;
use super::value::{Kind, Last, Operand, Value};
use crate::class::Class;
use crate::exec::copy;
use crate::exec::memory::{self, Address, Stored};
use crate::exec::vector_memory;

/// An address with its offset, as the fast forms have it.
#[derive(Clone, Copy, Debug)]
struct Place {
    form: Address,
    slots: [u32; 2],
    offset: u32,
}

impl Translator<'_> {
    /// Takes an address in memory 0; `None` if only the general form will do.
    fn place(&mut self, arg: MemArg, address: Value) -> Option<Place> {
        let info = self.request.info;
        if arg.memory != 0 || info.memories[0].memory64 {
            return None;
        }
        let offset = u32::try_from(arg.offset).ok()?;
        if let Kind::Const(bits) = address.kind
            && let Some(sum) = (bits as u32).checked_add(offset)
        {
            return Some(Place { form: Address::Fixed, slots: [0, 0], offset: sum });
        }
        let held = self.held[Class::Int as usize];
        if let Last::Add { wide: false, a, b, before } = self.last
            && address.kind == Kind::Temp
            && held.slot == address.home
            && held.unsaved.is_some()
            && held.unsaved == Some(self.out.last())
            && let Some(place) = sum(a, b, offset)
        {
            self.out.lift();
            self.last = Last::Other;
            *self.held(Class::Int) = before;
            return Some(place);
        }
        Some(match self.variable(address, Class::Int) {
            Operand::Slot(slot) => Place { form: Address::Slot, slots: [slot, 0], offset },
            Operand::Acc | Operand::Imm(_) => Place { form: Address::Acc, slots: [0, 0], offset },
        })
    }

    /// The second word of an access.
    fn access(&mut self, first: u16, place: Place) -> u64 {
        match place.form {
            Address::Slot | Address::AccSlot | Address::SlotPlus => {
                two_and(first, self.near(place.slots[0]), place.offset)
            }
            Address::Acc | Address::Fixed | Address::AccPlus => two_and(first, 0, place.offset),
            Address::SlotSlot => {
                let [a, b] = [self.near(place.slots[0]), self.near(place.slots[1])];
                four(first, a, b, place.offset as u16)
            }
        }
    }

    pub(super) fn put_load(&mut self, op: LoadOp, arg: MemArg, address: Value) -> Value {
        let ops = memory::load(op);
        let home = address.home;
        let place = self.place(arg, address);
        match (Class::of(op.result()), place) {
            (Some(class), Some(place)) => {
                self.produce(&ops.forms[place.form as usize], class, home, |this, op, home| {
                    let operands = this.access(home, place);
                    this.put_site(op, operands)
                })
            }
            (Some(_), None) => {
                // The result is in an accumulator too, but that has no variant without a slot.
                self.save_all();
                self.general(arg, address, home, &copy::COPY_FAR, &ops.any);
                self.forget_all();
                self.extend(home + 1);
                Value::temp(home)
            }
            (None, Some(place)) => {
                self.put_vector_to(home, |this, to| {
                    let operands = this.access(to, place);
                    this.put_site(&ops.forms[place.form as usize][0], operands)
                });
                self.extend(home + 2);
                Value::temp(home)
            }
            (None, None) => {
                self.general(arg, address, home, &copy::COPY_FAR_VECTOR, &ops.any);
                self.invalidate(home);
                self.extend(home + 2);
                Value::temp(home)
            }
        }
    }

    /// The memory of the general form.
    fn general_memory(&self, arg: MemArg) -> u32 {
        arg.memory | if self.narrow_memory(arg.memory) { memory::NARROW } else { 0 }
    }

    /// A load of the general form.
    fn general(
        &mut self,
        arg: MemArg,
        address: Value,
        home: u32,
        copy: &'static crate::exec::op::Op,
        op: &'static crate::exec::op::Op,
    ) {
        let address = self.slot_operand(address, Class::Int);
        self.put_far_to(home, copy, |this, to| {
            let operands = two_and(to, this.near(address), this.general_memory(arg));
            let position = this.put_site(op, operands);
            this.out.word(arg.offset);
            position
        });
    }

    pub(super) fn put_store(&mut self, op: StoreOp, arg: MemArg, address: Value, value: Value) {
        let (op, value) = match (op, value.kind) {
            // Constants are stored as integers.
            (StoreOp::F32Store, Kind::Const(_)) => (StoreOp::I32Store, value),
            (StoreOp::F64Store, Kind::Const(_)) => (StoreOp::I64Store, value),
            _ => (op, value),
        };
        let ops = memory::store(op);
        let ty = op.value();
        let stored = match Class::of(ty) {
            None => Operand::Slot(self.vector(value)),
            Some(class) => match value.kind {
                Kind::Const(bits) if small(ty, bits).is_some() => self.operand(value, class),
                _ => self.variable(value, class),
            },
        };
        let Some(place) = self.place(arg, address) else {
            let value = match stored {
                Operand::Slot(slot) => slot,
                // It is in its slot too if it is a local; an operand's home is free for it.
                Operand::Acc | Operand::Imm(_) => self.stored_in_slot(value, stored, ty),
            };
            let address = self.slot_operand(address, Class::Int);
            let value = if ty == ValueType::V128 { self.near_vector(value) } else { self.near(value) };
            let operands = two_and(value, self.near(address), self.general_memory(arg));
            self.put_site(&ops.any, operands);
            self.out.word(arg.offset);
            return;
        };
        let (form, first) = match stored {
            Operand::Slot(slot) if ty == ValueType::V128 => (Stored::Slot, self.near_vector(slot)),
            Operand::Slot(slot) => (Stored::Slot, self.near(slot)),
            Operand::Acc => (Stored::Acc, 0),
            Operand::Imm(bits) => (Stored::Small, small(ty, bits).unwrap_or(0)),
        };
        let operands = self.access(first, place);
        self.put_site(&ops.forms[place.form as usize][form as usize], operands);
    }

    /// A value that was taken as an operand, in a slot after all.
    fn stored_in_slot(&mut self, value: Value, stored: Operand, ty: ValueType) -> u32 {
        match (value.kind, stored) {
            (Kind::Local(local), _) => self.locals[local as usize].slot,
            (_, Operand::Imm(bits)) => {
                self.put_const(value.home, bits);
                value.home
            }
            _ => {
                let class = super::numbers::class(ty);
                self.put_to(value.home, |to| (&copy::FROM_ACC[class as usize], two_and(to, 0, 0)));
                value.home
            }
        }
    }

    pub(super) fn put_load_lane(
        &mut self,
        op: LoadLaneOp,
        arg: MemArg,
        lane: u8,
        address: Value,
        vector: Value,
    ) -> Value {
        let home = address.home;
        let vector = self.vector(vector);
        let address = self.slot_operand(address, Class::Int);
        self.put_vector_to(home, |this, to| {
            let operands = two_and(to, this.near(address), this.general_memory(arg));
            let position = this.put_site(vector_memory::load_lane(op), operands);
            this.out.word(arg.offset);
            this.out.word(pair(vector, lane.into()));
            position
        });
        self.last = Last::Other;
        self.extend(home + 2);
        Value::temp(home)
    }

    pub(super) fn put_store_lane(
        &mut self,
        op: StoreLaneOp,
        arg: MemArg,
        lane: u8,
        address: Value,
        vector: Value,
    ) {
        let vector = self.vector(vector);
        let address = self.slot_operand(address, Class::Int);
        let operands = two_and(0, self.near(address), self.general_memory(arg));
        self.put_site(vector_memory::store_lane(op), operands);
        self.out.word(arg.offset);
        self.out.word(pair(vector, lane.into()));
    }
}

/// The address that an addition gave, if there is a form that adds itself.
fn sum(a: Operand, b: Operand, offset: u32) -> Option<Place> {
    Some(match (a, b) {
        (Operand::Slot(a), Operand::Slot(b)) if offset <= 0xffff => {
            Place { form: Address::SlotSlot, slots: [a, b], offset }
        }
        (Operand::Acc, Operand::Slot(b)) => Place { form: Address::AccSlot, slots: [b, 0], offset },
        // The sum wraps before the offset is added: only without one is it a constant too.
        (Operand::Slot(a), Operand::Imm(bits)) if offset == 0 => {
            Place { form: Address::SlotPlus, slots: [a, 0], offset: bits as u32 }
        }
        (Operand::Acc, Operand::Imm(bits)) if offset == 0 => {
            Place { form: Address::AccPlus, slots: [0, 0], offset: bits as u32 }
        }
        _ => return None,
    })
}

/// A constant as 16 bits that are extended with their sign, if it is one of those.
fn small(ty: ValueType, bits: u64) -> Option<u16> {
    let value = if ty == ValueType::I32 { i64::from(bits as u32 as i32) } else { bits as i64 };
    i16::try_from(value).ok().map(|value| value as u16)
}
