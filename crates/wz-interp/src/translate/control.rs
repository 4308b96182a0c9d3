//! Control: constructs, branches, returns.

use wz_api::ValueType;
use wz_decode::builder::BlockShape;
use wz_decode::ops::BinaryOp;

use super::emitter::{NOWHERE, pair, two_and};
use super::function::Translator;
use super::numbers::class;
use super::value::{Kind, Operand, Test, Value};
use crate::class::Class;
use crate::exec::branch::{self, Compared};
use crate::exec::op::Op;
use crate::exec::{call, scalar};

/// The target of branches to a construct. It is an index into the list of open constructs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Label(u32);

/// A construct that is open.
#[derive(Clone, Copy, Debug)]
pub(super) struct LabelState {
    target: Target,
    /// The first slot of the values that branches carry.
    base: u32,
    /// Where their types begin.
    types: usize,
    /// The last of the words that wait for the target, chained through their upper halves.
    waiting: u32,
    /// The same of jumps: these may become what they lead to.
    waiting_jumps: u32,
    /// The same for the second arm of an `if`.
    waiting_else: u32,
    /// The same for copies that entries of a `br_table` need before they go on.
    waiting_stub: u32,
    /// Whether the first arm of an `if` runs into the end without a branch.
    merges: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// Branching returns.
    Function,
    /// Known: the header of a loop.
    Known(u32),
    /// The end, not there yet.
    Later,
}

impl LabelState {
    /// Whether branches wait for the target.
    fn is_awaited(&self) -> bool {
        self.waiting != NOWHERE || self.waiting_jumps != NOWHERE
    }
}

impl Translator<'_> {
    fn open(&mut self, target: Target, base: u32, types: &[ValueType]) -> Label {
        let label = Label(self.labels.len() as u32);
        self.labels.push(LabelState {
            target,
            base,
            types: self.carried.len(),
            waiting: NOWHERE,
            waiting_jumps: NOWHERE,
            waiting_else: NOWHERE,
            waiting_stub: NOWHERE,
            merges: false,
        });
        self.carried.extend_from_slice(types);
        label
    }

    pub(super) fn open_function(&mut self, results: &[ValueType]) -> Label {
        self.open(Target::Function, 0, results)
    }

    fn close(&mut self, label: Label) -> LabelState {
        let state = self.labels[label.0 as usize];
        debug_assert_eq!(label.0 as usize + 1, self.labels.len(), "constructs nest");
        self.labels.truncate(label.0 as usize);
        self.carried.truncate(state.types);
        state
    }

    fn state(&mut self, label: Label) -> &mut LabelState {
        &mut self.labels[label.0 as usize]
    }

    /// The types that branches to a label carry.
    fn types_of(&self, label: Label) -> std::ops::Range<usize> {
        let start = self.labels[label.0 as usize].types;
        let end = self.labels.get(label.0 as usize + 1).map_or(self.carried.len(), |next| next.types);
        start..end
    }

    /// Makes the words that wait for a target lead here.
    fn bind(&mut self, mut waiting: u32) {
        if waiting == NOWHERE {
            return;
        }
        let here = self.out.position();
        while waiting != NOWHERE {
            let next = self.out.upper(waiting);
            self.out.set_upper(waiting, offset(here, waiting));
            waiting = next;
        }
        self.barrier();
    }

    /// Makes the jumps that wait for a target lead here, and keeps them in mind.
    fn bind_jumps(&mut self, waiting: u32) {
        let here = self.out.position();
        if self.bound_at != here {
            self.bound_at = here;
            self.bound_jumps.clear();
        }
        let mut word = waiting;
        while word != NOWHERE {
            self.bound_jumps.push(word - 1);
            word = self.out.upper(word);
        }
        self.bind(waiting);
    }

    /// Makes a word lead to a label's target, now or when it is known. Branch offsets are relative
    /// to the word before.
    fn aim(&mut self, word: u32, label: Label) {
        let state = self.state(label);
        match state.target {
            Target::Known(target) => self.out.set_upper(word, offset(target, word)),
            Target::Later | Target::Function => {
                let next = std::mem::replace(&mut state.waiting, word);
                self.out.set_upper(word, next);
            }
        }
    }

    pub(super) fn open_block(&mut self, shape: BlockShape<'_>, stack: &mut [Value]) -> Label {
        self.settle(stack);
        self.open(Target::Later, self.operands + shape.height_slots, shape.results)
    }

    pub(super) fn open_loop(&mut self, shape: BlockShape<'_>, stack: &mut [Value]) -> Label {
        self.settle(stack);
        for (value, ty) in stack[shape.height as usize..].iter_mut().zip(shape.params) {
            self.put_move(value.home, *value, Class::of(*ty));
            *value = Value::temp(value.home);
        }
        self.forget_all();
        self.barrier();
        let header = self.out.position();
        self.put_note();
        self.put_interruption();
        self.open(Target::Known(header), self.operands + shape.height_slots, shape.params)
    }

    pub(super) fn open_if(&mut self, shape: BlockShape<'_>, condition: Value, stack: &mut [Value]) -> Label {
        let test = self.condition(condition);
        self.settle(stack);
        let label = self.open(Target::Later, self.operands + shape.height_slots, shape.results);
        let word = self.put_test(test, false);
        if let Some(word) = word {
            self.out.set_upper(word, NOWHERE);
            self.state(label).waiting_else = word;
        }
        label
    }

    pub(super) fn second_arm(
        &mut self,
        label: Label,
        shape: BlockShape<'_>,
        explicit: bool,
        fallthrough: bool,
        stack: &mut Vec<Value>,
    ) {
        if fallthrough {
            self.carry(label, stack);
            self.drop_carried(label, stack);
            if explicit || !shape.params.is_empty() {
                self.jump(label);
            } else {
                self.state(label).merges = true;
            }
        }
        stack.truncate(shape.height as usize);
        self.drop_held();
        let waiting = std::mem::replace(&mut self.state(label).waiting_else, NOWHERE);
        self.bind(waiting);
    }

    pub(super) fn close_construct(
        &mut self,
        label: Label,
        shape: BlockShape<'_>,
        fallthrough: bool,
        stack: &mut Vec<Value>,
    ) {
        let state = self.labels[label.0 as usize];
        let branched = state.is_awaited() || state.merges;
        // Without a fall-through every branch to the end may still have turned out to be one that
        // is never taken: what follows is dead then, and gets its results from where they would be.
        if fallthrough && (matches!(state.target, Target::Known(_)) || !branched) {
            self.close(label);
            return;
        }
        if fallthrough {
            self.carry_end(shape, stack);
            for value in stack[shape.height as usize..].iter().rev() {
                self.forget(*value);
            }
            stack.truncate(shape.height as usize);
        }
        self.drop_held();
        self.bind(state.waiting);
        self.bind_jumps(state.waiting_jumps);
        self.barrier();
        self.close(label);
        let mut home = state.base;
        for ty in shape.results {
            stack.push(Value::temp(home));
            home += ty.slots() as u32;
        }
        self.extend(home);
    }

    pub(super) fn close_unreachable(&mut self, label: Label) {
        self.drop_held();
        self.close(label);
    }

    /// Accumulators hold nothing that is of use: control does not come here from above, or what
    /// it carries is in its place.
    fn drop_held(&mut self) {
        self.held = [super::value::Held::NOTHING; 3];
    }

    /// Moves the results of a construct to their homes at its end.
    fn carry_end(&mut self, shape: BlockShape<'_>, stack: &[Value]) {
        let mut to = self.operands + shape.height_slots;
        for (value, ty) in stack[shape.height as usize..].iter().zip(shape.results) {
            self.put_move(to, *value, Class::of(*ty));
            to += ty.slots() as u32;
        }
    }

    /// Moves the values that a branch to a label carries to where it wants them. They are not
    /// taken.
    fn carry(&mut self, label: Label, stack: &[Value]) {
        let types = self.types_of(label);
        let mut to = self.labels[label.0 as usize].base;
        let first = stack.len() - types.len();
        for (value, index) in stack[first..].iter().zip(types) {
            let ty = self.carried[index];
            self.put_move(to, *value, Class::of(ty));
            to += ty.slots() as u32;
        }
    }

    /// Whether what a branch carries is in its place, or can be without emitting anything.
    fn carried_in_place(&mut self, label: Label, stack: &[Value]) -> bool {
        let types = self.types_of(label);
        let mut to = self.labels[label.0 as usize].base;
        let first = stack.len() - types.len();
        for (value, index) in stack[first..].iter().zip(types) {
            if value.kind != Kind::Temp || value.home != to {
                return false;
            }
            to += self.carried[index].slots() as u32;
        }
        true
    }

    /// The values that a branch carries are gone.
    fn drop_carried(&mut self, label: Label, stack: &[Value]) {
        let count = self.types_of(label).len();
        for value in stack[stack.len() - count..].iter().rev() {
            self.forget(*value);
        }
    }

    fn jump(&mut self, label: Label) {
        let word = self.put(&branch::JUMP, 0) + 1;
        let state = self.state(label);
        if state.target == Target::Later {
            let next = std::mem::replace(&mut state.waiting_jumps, word);
            self.out.set_upper(word, next);
        } else {
            self.aim(word, label);
        }
    }

    fn is_function(&self, label: Label) -> bool {
        self.labels[label.0 as usize].target == Target::Function
    }

    pub(super) fn branch(&mut self, label: Label, stack: &[Value]) {
        if self.is_function(label) {
            self.put_return(stack);
        } else {
            self.carry(label, stack);
            self.jump(label);
        }
        self.drop_carried(label, stack);
        // What accumulators hold besides is unused: constructs save what is below them.
        self.drop_held();
    }

    pub(super) fn branch_if(&mut self, label: Label, condition: Value, stack: &[Value]) {
        let test = self.condition(condition);
        if !self.is_function(label) {
            if self.types_of(label).is_empty() {
                if let Some(word) = self.put_test(test, true) {
                    self.aim(word, label);
                }
                return;
            }
            if self.carried_in_place(label, stack) {
                self.save_all();
                if let Some(word) = self.put_test(test, true) {
                    self.aim(word, label);
                }
                return;
            }
        }
        // Around what the branch needs.
        let over = self.put_test(test, false);
        let held = self.held;
        if self.is_function(label) {
            self.put_return(stack);
        } else {
            self.save_all();
            self.carry(label, stack);
            self.jump(label);
        }
        if let Some(word) = over {
            self.out.set_upper(word, NOWHERE);
            self.bind(word);
        }
        self.held = held;
    }

    pub(super) fn branch_table(&mut self, index: Value, targets: &[Label], default: Label, stack: &[Value]) {
        let index = self.variable(index, Class::Int);
        self.save_all();
        let [by_slot, by_acc] = &branch::TABLE;
        let count = targets.len() as u32;
        match index {
            Operand::Slot(slot) => {
                let slot = self.near(slot);
                self.put(by_slot, two_and(slot, 0, count));
            }
            Operand::Acc | Operand::Imm(_) => {
                self.put(by_acc, two_and(0, 0, count));
            }
        }
        let mut stubs = Vec::new();
        for &label in targets.iter().chain([&default]) {
            let word = self.out.word(0);
            if !self.is_function(label) && self.carried_in_place(label, stack) {
                self.aim(word, label);
                continue;
            }
            let state = self.state(label);
            if state.waiting_stub == NOWHERE {
                stubs.push(label);
            }
            let next = std::mem::replace(&mut self.state(label).waiting_stub, word);
            self.out.set_upper(word, next);
        }
        self.barrier();
        let held = self.held;
        for label in stubs {
            let waiting = std::mem::replace(&mut self.state(label).waiting_stub, NOWHERE);
            self.bind(waiting);
            self.held = held;
            if self.is_function(label) {
                self.put_return(stack);
            } else {
                self.carry(label, stack);
                self.jump(label);
            }
        }
        self.drop_carried(default, stack);
        self.drop_held();
    }

    /// Emits a branch on a test, or on its opposite; gives the word that leads to the target.
    /// For a condition that is constant there is a jump or nothing.
    fn put_test(&mut self, test: Test, holds: bool) -> Option<u32> {
        let Test { op, a, b, not } = test;
        let taken_if = holds != not;
        if let Operand::Imm(bits) = a {
            // The condition is a constant; it is compared with zero.
            let position = ((bits as u32 != 0) == taken_if).then(|| self.put(&branch::JUMP, 0))?;
            return Some(position + 1);
        }
        let (op, a, b) = match (a, b, scalar::swapped(op)) {
            (Operand::Slot(_), Operand::Acc, Some(swapped)) => (swapped, b, a),
            _ => (op, a, b),
        };
        if let Some(word) = self.put_step(op, a, b, taken_if) {
            return Some(word);
        }
        let ops = branch::branch_ops(op)?;
        let ops = if taken_if { &ops.if_true } else { &ops.if_false };
        let small = |bits: u64| small(op.params()[0], bits);
        let (form, word) = match (a, b) {
            (Operand::Slot(a), Operand::Slot(b)) => {
                let (a, b) = (self.near(a), self.near(b));
                (Compared::SlotSlot, two_and(b, a, 0))
            }
            (Operand::Acc, Operand::Slot(b)) => {
                let b = self.near(b);
                (Compared::AccSlot, two_and(b, 0, 0))
            }
            (Operand::Slot(a), Operand::Imm(bits)) => {
                let a = self.near(a);
                match small(bits) {
                    Some(bits) => (Compared::SlotSmall, two_and(bits, a, 0)),
                    None => (Compared::SlotWord, two_and(0, a, 0)),
                }
            }
            (_, Operand::Imm(bits)) => match small(bits) {
                Some(bits) => (Compared::AccSmall, two_and(bits, 0, 0)),
                None => (Compared::AccWord, two_and(0, 0, 0)),
            },
            (_, Operand::Acc) | (Operand::Imm(_), _) => {
                debug_assert!(false, "operands of tests are put in order");
                return None;
            }
        };
        let position = self.put_branch(&ops[form as usize], word);
        if let (Compared::SlotWord | Compared::AccWord, Operand::Imm(bits)) = (form, b) {
            self.out.word(bits);
        }
        Some(position + 1)
    }

    /// Emits a branch on a comparison of what the last instruction added to, as one with it.
    fn put_step(&mut self, op: BinaryOp, a: Operand, b: Operand, holds: bool) -> Option<u32> {
        let step = self.step?;
        let is_last = a == Operand::Acc && step.position + step.words == self.out.position();
        if !is_last || self.held[Class::Int as usize].slot != step.slot || step.slot > 0xffff {
            return None;
        }
        if step.wide != (op.params()[0] == ValueType::I64) {
            return None;
        }
        let ops = branch::step_ops(op, holds)?;
        let (by, ops) = match step.by {
            Operand::Imm(bits) => (i16::try_from(bits as i64).ok()? as u16, &ops[0]),
            Operand::Slot(slot) => (u16::try_from(slot).ok()?, &ops[1]),
            Operand::Acc => return None,
        };
        let (limit, op) = match b {
            Operand::Imm(bits) => (bits, &ops[0]),
            // A step that is compared with what it stepped is too odd to be fast.
            Operand::Slot(slot) if slot != step.slot => (pair(slot, 0), &ops[1]),
            Operand::Slot(_) | Operand::Acc => return None,
        };
        self.out.reopen(step.position);
        self.out.lift();
        let position = self.put_branch(op, two_and(step.slot as u16, by, 0));
        self.out.word(limit);
        Some(position + 1)
    }

    fn put_branch(&mut self, op: &'static Op, word: u64) -> u32 {
        let position = self.put(op, word);
        self.barrier();
        position
    }

    /// Emits a return of the topmost values. They are not taken.
    fn put_return(&mut self, stack: &[Value]) {
        let results = std::mem::take(&mut self.results);
        let values = &stack[stack.len() - results.len()..];
        let header = self.header as u16;
        let one = match *results {
            [result] => Class::of(result),
            _ => None,
        };
        if self.request.is_listened {
            self.put_results(values, &results);
            self.put_listen(&call::LISTEN_AFTER);
            match one {
                Some(class) => self.put(&call::RETURN_SLOT[class as usize], two_and(header, 0, 0)),
                None => self.put(&call::RETURN, two_and(header, 0, 0)),
            };
        } else if let (Some(class), [value]) = (one, values) {
            match self.peek(*value, class) {
                Operand::Acc => {
                    self.put(&call::RETURN_ACC[class as usize], two_and(header, 0, 0));
                }
                Operand::Slot(slot) => {
                    let slot = self.near(slot);
                    self.put_final(&call::RETURN_SLOT[class as usize], two_and(header, slot, 0));
                }
                Operand::Imm(bits) => self.put_return_constant(class, results[0], header, bits),
            }
        } else {
            self.put_results(values, &results);
            self.put_final(&call::RETURN, two_and(header, 0, 0));
        }
        self.results = results;
        self.barrier();
    }

    /// Emits a return of two words. Jumps that lead to it become returns themselves.
    fn put_final(&mut self, op: &'static Op, operands: u64) {
        let position = self.put(op, operands);
        if self.bound_at == position {
            for jump in std::mem::take(&mut self.bound_jumps) {
                self.out.replace(jump, op);
                self.out.set_word(jump + 1, operands);
            }
        }
    }

    fn put_return_constant(&mut self, result: Class, ty: ValueType, header: u16, bits: u64) {
        debug_assert_eq!(class(ty), result, "the result has its type's class");
        let op = &call::RETURN_CONST[result as usize];
        if result == Class::F32 {
            self.put(op, two_and(header, 0, bits as u32));
        } else {
            self.put(op, two_and(header, 0, 0));
            self.out.word(bits);
        }
    }

    /// Moves results to the start of the frame.
    fn put_results(&mut self, values: &[Value], results: &[ValueType]) {
        let end: usize = results.iter().map(|ty| ty.slots()).sum();
        let end = end as u32;
        // Results overwrite parameters: those that are results themselves are copied first.
        let mut values = values.to_vec();
        if results.len() > 1 {
            for (value, ty) in values.iter_mut().zip(results) {
                if let Kind::Local(local) = value.kind
                    && self.locals[local as usize].slot < end
                {
                    self.put_move(value.home, *value, Class::of(*ty));
                    value.kind = Kind::Temp;
                }
            }
        }
        let mut to = 0;
        for (value, ty) in values.iter().zip(results) {
            self.put_move(to, *value, Class::of(*ty));
            to += ty.slots() as u32;
        }
    }
}

/// A branch offset.
fn offset(target: u32, word: u32) -> u32 {
    target.wrapping_sub(word - 1)
}

/// A constant as 16 bits that are extended with their sign, if it is one of those.
fn small(ty: ValueType, bits: u64) -> Option<u16> {
    let value = match ty {
        ValueType::I32 => i64::from(bits as u32 as i32),
        ValueType::I64 => bits as i64,
        _ => return None,
    };
    i16::try_from(value).ok().map(|value| value as u16)
}
