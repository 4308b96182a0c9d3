//! Calls: arguments go to their homes, where the callee's frame begins.

use wz_api::{FunctionType, ValueType};

use super::emitter::{four, pair, two_and};
use super::function::{HEADER_SLOTS, Translator};
use super::value::{Held, Kind, Operand, Value};
use crate::class::Class;
use crate::exec::{call, copy};

/// Where a call's operands are.
#[derive(Clone, Copy, Debug)]
struct Arguments {
    /// The first slot.
    base: u32,
    /// How many slots they take.
    slots: u32,
    /// The slots of parameters or results, whichever are more: where the header is.
    header: u32,
}

impl Translator<'_> {
    /// Takes arguments off the stack and moves them to their homes; saves what accumulators hold.
    fn arguments(&mut self, ty: &FunctionType, index_slots: u32, stack: &mut Vec<Value>) -> Arguments {
        self.save_all();
        let first = stack.len() - ty.params().len();
        let slots = ty.param_slots() as u32;
        let base = self.top() - index_slots - slots;
        let header = ty.stack_slots() as u32;
        debug_assert!(stack.get(first).is_none_or(|value| value.home == base), "homes follow heights");
        self.put_arguments(ty.params(), &stack[first..]);
        for value in stack[first..].iter().rev() {
            self.forget(*value);
        }
        stack.truncate(first);
        self.extend(base + header + HEADER_SLOTS);
        Arguments { base, slots, header }
    }

    /// Emits the moves of arguments to their homes.
    fn put_arguments(&mut self, types: &[ValueType], values: &[Value]) {
        let near = |this: &Self, value: &Value| match (value.kind, value.home < 0xfffd) {
            (Kind::Local(local), true) => {
                let local = this.locals[local as usize];
                (local.class.is_some() && local.slot < 0xffff).then_some(local.slot as u16)
            }
            _ => None,
        };
        let mut index = 0;
        while let Some(value) = values.get(index) {
            let locals: [_; 3] =
                std::array::from_fn(|next| values.get(index + next).and_then(|value| near(self, value)));
            match locals {
                [Some(a), Some(b), Some(c)] => {
                    self.put(&copy::GATHER3, four(value.home as u16, a, b, c));
                    index += 3;
                }
                [Some(a), Some(b), None] => {
                    self.put(&copy::GATHER2, four(value.home as u16, a, b, 0));
                    index += 2;
                }
                _ => {
                    self.put_move(value.home, *value, Class::of(types[index]));
                    index += 1;
                }
            }
        }
    }

    /// After a call: its results are on the stack.
    fn returned(&mut self, ty: &FunctionType, base: u32, stack: &mut Vec<Value>) {
        self.forget_all();
        if let Some(class) = Class::of_result(ty) {
            *self.held(class) = Held::saved(base);
            stack.push(Value::temp(base));
            return;
        }
        let mut home = base;
        for result in ty.results() {
            stack.push(Value::temp(home));
            home += result.slots() as u32;
        }
    }

    /// The defined index of a function, if it is not imported.
    fn defined(&self, function: u32) -> Option<u32> {
        function.checked_sub(self.request.info.imported.functions)
    }

    /// The address of a defined function's slot.
    fn slot_address(&self, defined: u32) -> u64 {
        if self.request.dump {
            return defined.into();
        }
        std::ptr::from_ref(&self.request.slots[defined as usize]).expose_provenance() as u64
    }

    /// Which variants of calls to use.
    fn mixed(&self) -> usize {
        usize::from(self.request.is_mixed)
    }

    pub(super) fn put_call(&mut self, function: u32, ty: &FunctionType, stack: &mut Vec<Value>) {
        let arguments = self.arguments(ty, 0, stack);
        let operands = pair(arguments.base, arguments.base + arguments.header);
        self.put_note();
        match self.defined(function) {
            Some(defined) => {
                self.put_site(&call::CALL, operands);
                self.out.word(self.slot_address(defined));
            }
            None => {
                self.put_site(&call::CALL_IMPORT[self.mixed()], operands);
                self.out.word(function.into());
            }
        }
        self.put_note();
        self.returned(ty, arguments.base, stack);
    }

    pub(super) fn put_call_indirect(
        &mut self,
        table: u32,
        type_index: u32,
        ty: &FunctionType,
        index: Value,
        stack: &mut Vec<Value>,
    ) {
        let narrow = self.narrow_table(table);
        let index = if narrow {
            self.variable(index, Class::Int)
        } else {
            Operand::Slot(self.slot_operand(index, Class::Int))
        };
        let arguments = self.arguments(ty, 1, stack);
        let operands = pair(arguments.base, arguments.base + arguments.header);
        let [by_slot, by_acc, by_wide_slot] = &call::CALL_INDIRECT[self.mixed()];
        let (op, slot) = match index {
            Operand::Slot(slot) if narrow => (by_slot, slot),
            Operand::Slot(slot) => (by_wide_slot, slot),
            Operand::Acc | Operand::Imm(_) => (by_acc, 0),
        };
        self.put_note();
        self.put_site(op, operands);
        self.out.word(pair(slot, table));
        self.out.word(type_index.into());
        self.put_note();
        self.returned(ty, arguments.base, stack);
    }

    /// The second and third word of a tail call.
    fn tail_operands(&mut self, arguments: Arguments) -> [u64; 2] {
        [pair(arguments.base, arguments.slots), pair(self.header, arguments.header)]
    }

    fn put_tail_event(&mut self) {
        if self.request.is_listened {
            self.put_listen(&call::LISTEN_TAIL_CALL);
        }
    }

    pub(super) fn put_tail_call(&mut self, function: u32, ty: &FunctionType, stack: &mut Vec<Value>) {
        let arguments = self.arguments(ty, 0, stack);
        self.put_tail_event();
        self.put_note_ending();
        let [first, second] = self.tail_operands(arguments);
        match self.defined(function) {
            Some(defined) => {
                self.put_site(&call::TAIL_CALL, first);
                self.out.word(second);
                self.out.word(self.slot_address(defined));
            }
            None => {
                self.put_site(&call::TAIL_CALL_IMPORT[self.mixed()], first);
                self.out.word(second);
                self.out.word(function.into());
                self.out.word(pair(arguments.header, ty.result_slots() as u32));
            }
        }
        self.forget_all();
        self.barrier();
    }

    pub(super) fn put_tail_call_indirect(
        &mut self,
        table: u32,
        type_index: u32,
        ty: &FunctionType,
        index: Value,
        stack: &mut Vec<Value>,
    ) {
        let index = self.slot_operand(index, Class::Int);
        let arguments = self.arguments(ty, 1, stack);
        if self.request.is_listened {
            // A call that traps before it has a callee does not end the function as a tail call.
            self.put_site(&call::CHECK_INDIRECT[usize::from(!self.narrow_table(table))], 0);
            self.out.word(pair(index, table));
            self.out.word(type_index.into());
        }
        self.put_tail_event();
        self.put_note_ending();
        let [first, second] = self.tail_operands(arguments);
        let op = &call::TAIL_CALL_INDIRECT[self.mixed()][usize::from(!self.narrow_table(table))];
        self.put_site(op, first);
        self.out.word(second);
        self.out.word(pair(index, table));
        self.out.word(pair(arguments.header, ty.result_slots() as u32));
        self.out.word(type_index.into());
        self.forget_all();
        self.barrier();
    }

    /// A null reference or a number.
    pub(super) fn constant_number(&mut self, bits: u64) -> Value {
        let value = self.new_value(Kind::Const(bits));
        self.extend(value.home + 1);
        value
    }

    /// Emits the instruction at which fuel is consumed.
    pub(super) fn put_fuel(&mut self) -> u32 {
        let position = self.put_site(&crate::exec::state::FUEL, two_and(0, 0, 0));
        self.barrier();
        position + 1
    }
}
