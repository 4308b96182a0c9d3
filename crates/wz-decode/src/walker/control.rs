//! Control: the constructs around an operator, their ends, and what lies in between unreachable.

use wz_api::{FunctionType, ValueType};

use super::reader::BlockType;
use super::{Walker, invalid};
use crate::builder::{BlockShape, FunctionBuilder};
use crate::opcode::Opcode;

/// A construct that is open and whose start is reachable.
#[derive(Clone, Copy)]
pub(super) struct Frame<'a, L> {
    label: L,
    kind: Kind,
    params: &'a [ValueType],
    results: &'a [ValueType],
    /// The operands below the parameters, and how many of them are vectors.
    height: u32,
    vectors: u32,
    /// Whether something before the end goes to it: a branch, or the first arm of an `if`.
    end_reached: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Function,
    Block,
    Loop,
    /// In the first arm of an `if`.
    Then,
    /// In the second arm.
    Else,
}

impl<'a, L> Frame<'a, L> {
    /// The construct that a function's body is.
    pub(super) fn function(label: L, results: &'a [ValueType]) -> Self {
        Self { label, kind: Kind::Function, params: &[], results, height: 0, vectors: 0, end_reached: false }
    }

    fn shape(&self) -> BlockShape<'a> {
        BlockShape {
            params: self.params,
            results: self.results,
            height: self.height,
            height_slots: self.height + self.vectors,
        }
    }
}

impl<'a, B: FunctionBuilder> Walker<'a, B> {
    pub(super) fn block(&mut self) {
        let shape = self.block_shape();
        let label = self.builder.block(shape, &mut self.stack);
        self.open(Kind::Block, label, shape);
    }

    pub(super) fn loop_(&mut self) {
        let shape = self.block_shape();
        self.end_segment();
        let label = self.builder.loop_(shape, &mut self.stack);
        self.open(Kind::Loop, label, shape);
    }

    pub(super) fn if_(&mut self) {
        self.charge();
        let condition = self.pop();
        let shape = self.block_shape();
        let label = self.builder.if_(shape, condition, &mut self.stack);
        self.if_params.extend_from_slice(&self.stack[shape.height as usize..]);
        self.open(Kind::Then, label, shape);
        self.end_segment();
    }

    /// The second arm of an `if`; `reachable` says whether control comes to the end of the first.
    pub(super) fn else_(&mut self, reachable: bool) {
        let Some(frame) = self.frames.last().copied() else { invalid() };
        if frame.kind != Kind::Then {
            invalid();
        }
        self.second_arm(frame, true, reachable);
        if let Some(frame) = self.frames.last_mut() {
            frame.kind = Kind::Else;
            frame.end_reached |= reachable;
        }
    }

    /// Ends the innermost construct; `reachable` says whether control comes here from what is
    /// before. Whether control goes on after it.
    pub(super) fn end(&mut self, reachable: bool) -> bool {
        let Some(frame) = self.frames.pop() else { invalid() };
        let fallthrough = match frame.kind {
            Kind::Function => {
                if reachable {
                    self.builder.br(frame.label, &mut self.stack);
                }
                self.end_segment();
                self.builder.end_unreachable(frame.label);
                return false;
            }
            Kind::Then => {
                self.second_arm(frame, false, reachable);
                self.end_segment();
                true
            }
            Kind::Else => {
                self.end_segment();
                reachable
            }
            Kind::Block => {
                if frame.end_reached {
                    self.end_segment();
                }
                reachable
            }
            Kind::Loop => reachable,
        };
        if !fallthrough && !frame.end_reached {
            self.builder.end_unreachable(frame.label);
            return false;
        }
        self.builder.end(frame.label, frame.shape(), fallthrough, &mut self.stack);
        if !fallthrough {
            for result in frame.results {
                self.push_type(*result);
            }
        }
        self.check_heights();
        true
    }

    /// Starts the second arm of an `if` with the parameters on the stack.
    fn second_arm(&mut self, frame: Frame<'a, B::Label>, explicit: bool, fallthrough: bool) {
        self.end_segment();
        self.builder.else_(frame.label, frame.shape(), explicit, fallthrough, &mut self.stack);
        self.truncate_types(&frame);
        self.check_heights();
        let params = self.if_params.len() - frame.params.len();
        self.stack.extend(self.if_params.drain(params..));
        for param in frame.params {
            self.push_type(*param);
        }
    }

    pub(super) fn br(&mut self, depth: u32) -> bool {
        self.charge();
        let (label, carried) = self.branch(depth);
        self.builder.br(label, &mut self.stack);
        self.stop(carried)
    }

    pub(super) fn br_if(&mut self, depth: u32) {
        self.charge();
        let condition = self.pop();
        let (label, _) = self.branch(depth);
        self.builder.br_if(label, condition, &mut self.stack);
        self.end_segment();
    }

    pub(super) fn br_table(&mut self) -> bool {
        self.charge();
        let index = self.pop();
        // Not kept in `self` meanwhile, because `branch` borrows all of it.
        let mut labels = std::mem::take(&mut self.labels);
        labels.clear();
        for _ in 0..self.reader.u32() {
            let depth = self.reader.u32();
            labels.push(self.branch(depth).0);
        }
        let depth = self.reader.u32();
        let (default, carried) = self.branch(depth);
        self.builder.br_table(index, &labels, default, &mut self.stack);
        self.labels = labels;
        self.stop(carried)
    }

    pub(super) fn return_(&mut self) -> bool {
        self.br(self.frames.len() as u32 - 1)
    }

    pub(super) fn unreachable(&mut self) -> bool {
        self.charge();
        self.builder.unreachable();
        self.stop(0)
    }

    pub(super) fn return_call(&mut self) -> bool {
        self.charge();
        let function = self.reader.u32();
        let ty: &FunctionType = self.info.function_type(function);
        self.builder.return_call(function, ty, &mut self.stack);
        self.pop_arguments(ty);
        self.stop(0)
    }

    pub(super) fn return_call_indirect(&mut self) -> bool {
        self.charge();
        let type_index = self.reader.u32();
        let table = self.reader.u32();
        let ty: &FunctionType = &self.info.types[type_index as usize];
        let index = self.pop();
        self.builder.return_call_indirect(table, type_index, ty, index, &mut self.stack);
        self.pop_arguments(ty);
        self.stop(0)
    }

    /// Takes the types of arguments off that the builder took off the stack.
    fn pop_arguments(&mut self, ty: &FunctionType) {
        for _ in ty.params() {
            self.pop_type();
        }
        self.check_heights();
    }

    /// The target of a branch and how many values it carries.
    fn branch(&mut self, depth: u32) -> (B::Label, usize) {
        let target = self.frames.len() - 1 - depth as usize;
        let frame = &mut self.frames[target];
        if frame.kind == Kind::Loop {
            return (frame.label, frame.params.len());
        }
        frame.end_reached = true;
        (frame.label, frame.results.len())
    }

    /// Control does not go on here; the branch carried the topmost values. Whether the function
    /// goes on anywhere after.
    fn stop(&mut self, carried: usize) -> bool {
        self.end_segment();
        let Some(frame) = self.frames.last().copied() else { invalid() };
        let unused = frame.height as usize..self.stack.len() - carried;
        if !unused.is_empty() {
            self.builder.drop_values(&self.stack[unused]);
        }
        self.stack.truncate(frame.height as usize);
        self.truncate_types(&frame);
        self.skip_unreachable()
    }

    /// Reads over what cannot be reached, up to and including an `else` or `end` after which
    /// control goes on. `false` at the end of the function.
    fn skip_unreachable(&mut self) -> bool {
        let mut depth = 0_u32;
        while !self.frames.is_empty() {
            let offset = self.reader.position();
            let opcode = self.reader.opcode();
            match opcode {
                Opcode::Block | Opcode::Loop | Opcode::If => depth += 1,
                Opcode::Else if depth == 0 => {
                    self.at(offset);
                    self.else_(false);
                    return true;
                }
                Opcode::End if depth == 0 => {
                    self.at(offset);
                    if self.end(false) {
                        return true;
                    }
                    // What encloses the construct is unreachable too from here on, with the
                    // operands that were waiting for the construct to end.
                    self.drop_waiting();
                    continue;
                }
                Opcode::End => depth -= 1,
                _ => {}
            }
            self.reader.skip_immediates(opcode);
        }
        false
    }

    /// Drops the operands of the innermost construct, which can never be used.
    fn drop_waiting(&mut self) {
        let Some(frame) = self.frames.last().copied() else { return };
        let waiting = &self.stack[frame.height as usize..];
        if !waiting.is_empty() {
            self.builder.drop_values(waiting);
        }
        self.stack.truncate(frame.height as usize);
        self.truncate_types(&frame);
    }

    fn truncate_types(&mut self, frame: &Frame<'a, B::Label>) {
        self.types.truncate(frame.height as usize);
        self.vectors = frame.vectors;
    }

    /// Reads the annotation of a construct whose parameters are on the stack.
    fn block_shape(&mut self) -> BlockShape<'a> {
        let (params, results): (&[_], &[_]) = match self.reader.block_type() {
            BlockType::Empty => (&[], &[]),
            BlockType::Result(ty) => (&[], one(ty)),
            BlockType::Index(index) => {
                let ty: &FunctionType = &self.info.types[index as usize];
                (ty.params(), ty.results())
            }
        };
        let vectors = params.iter().filter(|ty| **ty == ValueType::V128).count() as u32;
        let height = (self.types.len() - params.len()) as u32;
        BlockShape { params, results, height, height_slots: height + self.vectors - vectors }
    }

    fn open(&mut self, kind: Kind, label: B::Label, shape: BlockShape<'a>) {
        self.check_heights();
        let BlockShape { params, results, height, height_slots } = shape;
        let vectors = height_slots - height;
        self.frames.push(Frame { label, kind, params, results, height, vectors, end_reached: false });
    }
}

/// The type as a list that lives long enough.
fn one(ty: ValueType) -> &'static [ValueType] {
    match ty {
        ValueType::I32 => &[ValueType::I32],
        ValueType::I64 => &[ValueType::I64],
        ValueType::F32 => &[ValueType::F32],
        ValueType::F64 => &[ValueType::F64],
        ValueType::V128 => &[ValueType::V128],
        ValueType::FuncRef => &[ValueType::FuncRef],
        ValueType::ExternRef => &[ValueType::ExternRef],
        _ => invalid(),
    }
}
