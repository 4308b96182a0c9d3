//! Operators on numbers, tests and `select`.

use wz_api::ValueType;
use wz_decode::ops::{BinaryOp, UnaryOp};

use super::emitter::{four, pair, two_and};
use super::function::Translator;
use super::value::{Held, Kind, Last, Operand, Test, Value};
use crate::class::Class;
use crate::exec::choose;
use crate::exec::op::Op;
use crate::exec::scalar::{self, Pair, UnaryOps};
use crate::exec::state;

/// The class of a number's type.
pub(super) fn class(ty: ValueType) -> Class {
    Class::of(ty).unwrap_or(Class::Int)
}

impl Translator<'_> {
    pub(super) fn unary_number(&mut self, op: UnaryOp, ops: &'static UnaryOps, a: Value) -> Value {
        match op {
            UnaryOp::I32Eqz => return self.is_zero(BinaryOp::I32Eq, a),
            UnaryOp::I64Eqz => return self.is_zero(BinaryOp::I64Eq, a),
            _ => {}
        }
        let result = class(op.result());
        let value = self.unary_ops(ops, class(op.params()[0]), result, a, op.can_trap());
        if may_make_nan(op) { self.canonical(result, value) } else { value }
    }

    fn is_zero(&mut self, op: BinaryOp, a: Value) -> Value {
        let Some(ops) = scalar::binary_ops(op) else { return a };
        let zero = Value { home: a.home, kind: Kind::Const(0) };
        self.binary_number(op, ops, a, zero)
    }

    pub(super) fn unary_ops(
        &mut self,
        ops: &'static UnaryOps,
        from: Class,
        to: Class,
        a: Value,
        traps: bool,
    ) -> Value {
        let operand = self.variable(a, from);
        let ops = &ops[usize::from(operand == Operand::Acc)];
        self.produce(ops, to, a.home, |this, op, home| {
            let operands = match operand {
                Operand::Slot(slot) => four(home, this.near(slot), 0, 0),
                Operand::Acc | Operand::Imm(_) => four(home, 0, 0, 0),
            };
            if traps { this.put_site(op, operands) } else { this.put(op, operands) }
        })
    }

    /// In deterministic mode makes a NaN canonical.
    fn canonical(&mut self, class: Class, value: Value) -> Value {
        if !self.request.options.deterministic {
            return value;
        }
        match class {
            Class::Int => value,
            Class::F32 => self.unary_ops(&scalar::CANONICAL_F32, class, class, value, false),
            Class::F64 => self.unary_ops(&scalar::CANONICAL_F64, class, class, value, false),
        }
    }

    pub(super) fn binary_number(
        &mut self,
        op: BinaryOp,
        ops: &'static scalar::BinaryOps,
        a: Value,
        b: Value,
    ) -> Value {
        let from = class(op.params()[0]);
        let to = class(op.result());
        // The test whose result this one compares with zero, if it is the instruction before.
        let inner = self.tested_for_zero(op, a, b);
        let mut left = self.operand(a, from);
        let mut right = self.operand(b, from);
        if let (Operand::Imm(bits), Operand::Imm(_)) = (left, right) {
            self.put_const(a.home, bits);
            left = Operand::Slot(a.home);
        }
        if (left, right) == (Operand::Acc, Operand::Acc) {
            // The same local twice; it is in its slot too.
            right = Operand::Slot(self.slot_of(b));
        }
        let mut ops = ops;
        let mut op = op;
        if matches!((left, right), (Operand::Slot(_) | Operand::Imm(_), Operand::Acc) | (Operand::Imm(_), _))
            && let Some(swapped) = scalar::swapped(op)
            && let Some(swapped_ops) = scalar::binary_ops(swapped)
        {
            (left, right) = (right, left);
            (op, ops) = (swapped, swapped_ops);
        }
        let pair = match (left, right) {
            (Operand::Slot(_), Operand::Slot(_)) => Pair::SlotSlot,
            (Operand::Acc, Operand::Slot(_)) => Pair::AccSlot,
            (Operand::Slot(_), Operand::Imm(_)) => Pair::SlotImm,
            (Operand::Acc, _) => Pair::AccImm,
            (Operand::Slot(_), Operand::Acc) => Pair::SlotAcc,
            (Operand::Imm(_), Operand::Slot(_)) => Pair::ImmSlot,
            (Operand::Imm(_), _) => Pair::ImmAcc,
        };
        self.save(to);
        let before = *self.held(to);
        let value = self.produce(&ops.forms[pair as usize], to, a.home, |this, instruction, home| {
            this.put_binary(op, instruction, home, left, right)
        });
        if to == Class::Int && a.home < 0xffff {
            self.note_test(op, left, right, before, inner);
        }
        if makes_nan(op) { self.canonical(to, value) } else { value }
    }

    fn put_binary(
        &mut self,
        op: BinaryOp,
        instruction: &'static Op,
        home: u16,
        a: Operand,
        b: Operand,
    ) -> u32 {
        let wide = matches!(op.params()[0], ValueType::I64 | ValueType::F64);
        let (slots, constant) = match (a, b) {
            (Operand::Slot(a), Operand::Slot(b)) => ([self.near(a), self.near(b)], None),
            (Operand::Slot(slot), Operand::Imm(bits)) | (Operand::Imm(bits), Operand::Slot(slot)) => {
                ([self.near(slot), 0], Some(bits))
            }
            (Operand::Slot(slot), Operand::Acc) | (Operand::Acc, Operand::Slot(slot)) => {
                ([self.near(slot), 0], None)
            }
            (Operand::Imm(bits), _) | (_, Operand::Imm(bits)) => ([0, 0], Some(bits)),
            (Operand::Acc, Operand::Acc) => ([0, 0], None),
        };
        let operands = match constant {
            Some(bits) if !wide => two_and(home, slots[0], bits as u32),
            _ => four(home, slots[0], slots[1], 0),
        };
        let position = if op.can_trap() {
            self.put_site(instruction, operands)
        } else {
            self.put(instruction, operands)
        };
        if let (Some(bits), true) = (constant, wide) {
            self.out.word(bits);
        }
        position
    }

    /// The slot of a local, or a home.
    pub(super) fn slot_of(&self, value: Value) -> u32 {
        match value.kind {
            Kind::Local(local) => self.locals[local as usize].slot,
            Kind::Temp | Kind::Const(_) => value.home,
        }
    }

    /// If the last instruction is a test and its result is compared with zero: that test.
    fn tested_for_zero(&self, op: BinaryOp, a: Value, b: Value) -> Option<(Test, u32, Held)> {
        let not = match op {
            BinaryOp::I32Eq | BinaryOp::I64Eq => true,
            BinaryOp::I32Ne | BinaryOp::I64Ne => false,
            _ => return None,
        };
        let Last::Test { test, before, .. } = self.last else { return None };
        let held = self.held[Class::Int as usize];
        let is_last = held.unsaved == Some(self.out.last()) && held.slot == a.home && a.kind == Kind::Temp;
        (is_last && b.kind == Kind::Const(0))
            .then(|| (Test { not: test.not != not, ..test }, self.out.last(), before))
    }

    fn note_test(
        &mut self,
        op: BinaryOp,
        a: Operand,
        b: Operand,
        before: Held,
        inner: Option<(Test, u32, Held)>,
    ) {
        if matches!(op, BinaryOp::I32Add | BinaryOp::I64Add) {
            self.last = Last::Add { wide: op == BinaryOp::I64Add, a, b, before };
        } else if crate::exec::branch::branch_ops(op).is_some() {
            self.last = Last::Test { test: Test { op, a, b, not: false }, before, inner };
        }
    }

    /// Takes a condition: the last instruction, taken off, if it is a test that gave it.
    pub(super) fn condition(&mut self, value: Value) -> Test {
        let held = self.held[Class::Int as usize];
        if let Last::Test { test, before, inner } = self.last
            && value.kind == Kind::Temp
            && held.slot == value.home
            && held.unsaved.is_some()
            && held.unsaved == Some(self.out.last())
        {
            self.out.lift();
            self.last = Last::Other;
            *self.held(Class::Int) = before;
            if let Some((inner, position, before)) = inner
                && self.out.position() == position + test_words(&inner)
            {
                self.out.reopen(position);
                self.out.lift();
                *self.held(Class::Int) = before;
                return inner;
            }
            return test;
        }
        let a = self.operand(value, Class::Int);
        Test { op: BinaryOp::I32Ne, a, b: Operand::Imm(0), not: false }
    }

    /// Whether the last instruction is a comparison of integers that gave this condition.
    fn compared(&self, condition: Value) -> bool {
        let held = self.held[Class::Int as usize];
        let Last::Test { test, inner: None, .. } = self.last else { return false };
        condition.kind == Kind::Temp
            && held.slot == condition.home
            && held.unsaved.is_some()
            && held.unsaved == Some(self.out.last())
            && choose::choose_ops(test.op).is_some()
    }

    /// `select` and the comparison before it as one instruction.
    fn choose(&mut self, condition: Value, a: Value, b: Value) -> Option<Value> {
        if !self.compared(condition) {
            return None;
        }
        let test = self.condition(condition);
        let ops = choose::choose_ops(test.op)?;
        let b = self.slot_operand(b, Class::Int);
        let home = a.home;
        let a = self.slot_operand(a, Class::Int);
        let (a, b) = if test.not { (b, a) } else { (a, b) };
        let (left, acc) = match test.a {
            Operand::Slot(slot) => (slot, false),
            Operand::Acc | Operand::Imm(_) => (0, true),
        };
        let (right, slot) = match test.b {
            Operand::Slot(slot) => (u64::from(slot), true),
            Operand::Acc => (0, true),
            Operand::Imm(bits) => (bits, false),
        };
        let ops = &ops[usize::from(acc)][usize::from(slot)];
        Some(self.produce(ops, Class::Int, home, |this, op, home| {
            let (a, b, left) = (this.near(a), this.near(b), this.near(left));
            let position = this.put(op, four(home, a, b, left));
            this.out.word(if slot { pair(right as u32, 0) } else { right });
            position
        }))
    }

    pub(super) fn select_number(&mut self, class: Class, condition: Value, a: Value, b: Value) -> Value {
        if class == Class::Int
            && let Some(value) = self.choose(condition, a, b)
        {
            return value;
        }
        let condition = self.variable(condition, Class::Int);
        let mut right = self.variable(b, class);
        let mut left = self.variable(a, class);
        // One accumulator serves one operand; what it holds besides is in a slot.
        if (left, right) == (Operand::Acc, Operand::Acc) {
            right = Operand::Slot(self.slot_of(b));
        }
        if class == Class::Int && condition == Operand::Acc {
            if left == Operand::Acc {
                left = Operand::Slot(self.slot_of(a));
            }
            if right == Operand::Acc {
                right = Operand::Slot(self.slot_of(b));
            }
        }
        let place = match (left, right) {
            (Operand::Acc, _) => 1,
            (_, Operand::Acc) => 2,
            _ => 0,
        };
        let ops = &state::SELECT[class as usize][place][usize::from(condition == Operand::Acc)];
        self.produce(ops, class, a.home, |this, op, home| {
            let mut slots = [0; 3];
            for (slot, operand) in slots.iter_mut().zip([left, right, condition]) {
                if let Operand::Slot(from) = operand {
                    *slot = this.near(from);
                }
            }
            this.put(op, four(home, slots[0], slots[1], slots[2]))
        })
    }

    pub(super) fn is_null(&mut self, value: Value) -> Value {
        self.unary_ops(&state::IS_NULL, Class::Int, Class::Int, value, false)
    }
}

/// The length of the instruction that a test was.
fn test_words(test: &Test) -> u32 {
    let wide = matches!(test.op.params()[0], ValueType::I64 | ValueType::F64);
    if wide && matches!(test.b, Operand::Imm(_)) { 3 } else { 2 }
}

/// Operators whose result may be a NaN that is not canonical.
fn may_make_nan(op: UnaryOp) -> bool {
    use UnaryOp as U;
    matches!(
        op,
        U::F32Ceil
            | U::F32Floor
            | U::F32Trunc
            | U::F32Nearest
            | U::F32Sqrt
            | U::F32DemoteF64
            | U::F64Ceil
            | U::F64Floor
            | U::F64Trunc
            | U::F64Nearest
            | U::F64Sqrt
            | U::F64PromoteF32
    )
}

/// The same of two operands.
fn makes_nan(op: BinaryOp) -> bool {
    use BinaryOp as B;
    matches!(
        op,
        B::F32Add
            | B::F32Sub
            | B::F32Mul
            | B::F32Div
            | B::F32Min
            | B::F32Max
            | B::F64Add
            | B::F64Sub
            | B::F64Mul
            | B::F64Div
            | B::F64Min
            | B::F64Max
    )
}
