//! [`Checker`]: a builder that makes nothing and asserts everything the contract of
//! [`FunctionBuilder`] promises. It keeps an operand stack of its own, and compares each operator
//! and its immediates with what wasmparser reads at that offset.

use std::collections::HashMap;

use wasmparser::{BinaryReader, FunctionBody, Operator};
use wz_api::{FunctionType, ValueType};
use wz_decode::ModuleInfo;
use wz_decode::builder::{BlockShape, Const, FunctionBuilder, FunctionShape, MemArg, Position};
use wz_decode::ops::{
    BinaryOp, ExtractLaneOp, LoadLaneOp, LoadOp, ReplaceLaneOp, StoreLaneOp, StoreOp, TernaryOp, UnaryOp,
};

/// A value is known by its type and by where it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    ty: ValueType,
    id: u32,
}

#[derive(Debug)]
struct Label {
    carried: Vec<ValueType>,
    shape: (Vec<ValueType>, Vec<ValueType>, u32, u32),
    /// An `if` that has not seen its second arm yet, with the parameters as the first got them.
    params: Option<Vec<Value>>,
    is_loop: bool,
    reached: bool,
}

pub(crate) struct Checker<'a> {
    info: &'a ModuleInfo,
    operators: HashMap<u32, Operator<'a>>,
    results: Vec<ValueType>,
    locals: Vec<ValueType>,
    stack: Vec<Value>,
    labels: Vec<Label>,
    /// The labels that are open, the innermost last.
    open: Vec<usize>,
    position: Option<Position>,
    /// The operator that was announced and has not been seen.
    pending: Option<Operator<'a>>,
    /// Control does not go on: only an `else` or `end` may follow.
    stopped: bool,
    next_value: u32,
    seen: usize,
    metering: bool,
    points: u32,
    /// The point that is open and the units counted since.
    segment: Option<(u32, u32)>,
    /// Control split or merged: the segment must end before the next operator that costs.
    segment_over: bool,
}

impl<'a> Checker<'a> {
    pub(crate) fn new(info: &'a ModuleInfo, function: u32, metering: bool) -> Self {
        let body = &info.bodies[(function - info.imported.functions) as usize];
        let reader = BinaryReader::new(&info.bytes[body.range.clone()], body.range.start as u64);
        let operators = FunctionBody::new(reader).get_operators_reader().unwrap().into_iter_with_offsets();
        let operators = operators
            .map(|operator| {
                operator.map(|(operator, offset)| (offset as u32 - info.code_start as u32, operator))
            })
            .collect::<Result<_, _>>();
        Self {
            info,
            operators: operators.unwrap(),
            results: Vec::new(),
            locals: Vec::new(),
            stack: Vec::new(),
            labels: Vec::new(),
            open: Vec::new(),
            position: None,
            pending: None,
            stopped: false,
            next_value: 0,
            seen: 0,
            metering,
            points: 0,
            segment: None,
            segment_over: false,
        }
    }

    pub(crate) fn position(&self) -> Option<Position> {
        self.position
    }

    /// Checks the end of the walk; how many operators were seen.
    pub(crate) fn finish(&self) -> usize {
        assert!(self.open.is_empty() && self.stack.is_empty() && self.pending.is_none() && self.stopped);
        assert!(self.segment.is_none(), "a segment was not told its fuel");
        let last = self.operators.keys().max();
        assert_eq!(self.position.map(|position| position.code_offset), last.copied(), "all was read");
        self.seen
    }

    /// The announced operator, which is of the kind that the caller is about.
    fn take(&mut self, costs: bool) -> Operator<'a> {
        assert!(!self.stopped, "an unreachable operator was reported");
        self.seen += 1;
        if costs {
            self.cost();
        }
        self.pending.take().expect("one call for each announced operator")
    }

    fn cost(&mut self) {
        if self.metering {
            assert!(!self.segment_over, "a segment goes on where control splits or merges");
            let (_, units) = self.segment.as_mut().expect("an operator that costs is in a segment");
            *units += 1;
        }
    }

    fn is(&mut self, expected: &Operator<'_>) {
        assert_eq!(self.take(true), *expected);
    }

    /// The announced operator has the name of this variant; what is printed of its immediates.
    fn is_named(&mut self, op: impl std::fmt::Debug) -> String {
        let operator = format!("{:?}", self.take(true));
        let rest =
            operator.strip_prefix(&format!("{op:?}")).unwrap_or_else(|| panic!("{op:?} is {operator}"));
        assert!(rest.is_empty() || rest.starts_with(" {"), "{op:?} is {operator}");
        rest.into()
    }

    fn make(&mut self, ty: ValueType) -> Value {
        self.next_value += 1;
        Value { ty, id: self.next_value }
    }

    fn push(&mut self, ty: ValueType) -> Value {
        let value = self.make(ty);
        self.stack.push(value);
        value
    }

    /// `value` was on top of the stack.
    fn pop(&mut self, ty: ValueType, value: Value) {
        assert_eq!(self.stack.pop(), Some(value));
        assert_eq!(value.ty, ty);
    }

    fn pop_all(&mut self, types: &[ValueType], values: &[Value]) {
        for (ty, value) in types.iter().zip(values).rev() {
            self.pop(*ty, *value);
        }
        assert_eq!(types.len(), values.len());
    }

    fn same_stack(&self, stack: &[Value]) {
        assert_eq!(self.stack, stack);
    }

    fn top_is(&self, types: &[ValueType]) {
        let top = &self.stack[self.stack.len() - types.len()..];
        assert!(top.iter().map(|value| value.ty).eq(types.iter().copied()), "{top:?} is not {types:?}");
    }

    fn slots(values: &[Value]) -> u32 {
        values.iter().map(|value| value.ty.slots() as u32).sum()
    }

    fn open(&mut self, shape: BlockShape<'_>, is_loop: bool) -> usize {
        self.top_is(shape.params);
        assert_eq!(shape.height as usize, self.stack.len() - shape.params.len());
        assert_eq!(shape.height_slots, Self::slots(&self.stack[..shape.height as usize]));
        self.labels.push(Label {
            carried: if is_loop { shape.params } else { shape.results }.into(),
            shape: (shape.params.into(), shape.results.into(), shape.height, shape.height_slots),
            params: None,
            is_loop,
            reached: false,
        });
        self.open.push(self.labels.len() - 1);
        self.labels.len() - 1
    }

    /// Gives new values to the operands from a height on.
    fn renew(&mut self, height: u32, stack: &mut [Value]) {
        for value in &mut stack[height as usize..] {
            *value = self.make(value.ty);
        }
        self.stack.copy_from_slice(stack);
    }

    fn branch(&mut self, label: usize) {
        let carried = std::mem::take(&mut self.labels[label].carried);
        self.top_is(&carried);
        self.labels[label].carried = carried;
        self.labels[label].reached |= !self.labels[label].is_loop;
    }

    fn height_of(&self, label: usize) -> usize {
        self.labels[label].shape.2 as usize
    }

    /// Control does not go on; what the branch carried is gone with it.
    fn stop(&mut self, carried: usize) {
        let len = self.stack.len();
        self.stack.truncate(len - carried);
        self.stopped = true;
        self.segment_over = true;
    }

    fn same_shape(&self, label: usize, shape: BlockShape<'_>) {
        let (params, results, height, slots) = &self.labels[label].shape;
        assert_eq!((&**params, &**results), (shape.params, shape.results));
        assert_eq!((*height, *slots), (shape.height, shape.height_slots));
    }

    fn call_type(&mut self, ty: &FunctionType, stack: &mut Vec<Value>) {
        self.same_stack(stack);
        self.top_is(ty.params());
        self.stack.truncate(self.stack.len() - ty.params().len());
        for result in ty.results() {
            self.push(*result);
        }
        stack.clone_from(&self.stack);
        self.segment_over = true;
    }

    fn mem_arg(&self, text: &str, arg: MemArg) -> ValueType {
        for part in [
            format!(" align: {},", arg.align),
            format!(" offset: {},", arg.offset),
            format!(" target: Memory({}),", arg.memory),
        ] {
            assert!(text.contains(&part), "{text} has {part}");
        }
        self.info.memories[arg.memory as usize].address_type()
    }

    fn memory(&self, memory: u32) -> ValueType {
        self.info.memories[memory as usize].address_type()
    }

    fn table(&self, table: u32) -> (ValueType, ValueType) {
        let ty = self.info.tables[table as usize];
        (ty.address_type(), ty.element)
    }
}

/// The type of the length of a copy: 64 bits only if both sides have them.
fn min_type(a: ValueType, b: ValueType) -> ValueType {
    if a == ValueType::I64 { b } else { a }
}

impl FunctionBuilder for Checker<'_> {
    type Value = Value;
    type Label = usize;
    type FuelPoint = u32;

    fn begin(&mut self, shape: FunctionShape<'_>) -> usize {
        assert_eq!(shape.ty, &**self.info.function_type(shape.index));
        assert_eq!(shape.locals[..shape.ty.params().len()], *shape.ty.params());
        assert_eq!(shape.locals, wz_decode::body_locals(self.info, shape.index));
        self.locals = shape.locals.into();
        self.results = shape.ty.results().into();
        self.open(BlockShape { params: &[], results: shape.ty.results(), height: 0, height_slots: 0 }, false)
    }

    fn at(&mut self, position: Position) {
        assert!(matches!(self.pending, None | Some(Operator::Nop)), "{:?} was not reported", self.pending);
        assert!(self.position.is_none_or(|before| before.code_offset < position.code_offset));
        assert_eq!(position.height as usize, self.stack.len());
        assert_eq!(position.height_slots, Self::slots(&self.stack));
        let operator = self.operators[&position.code_offset].clone();
        assert!(!self.stopped || matches!(operator, Operator::Else | Operator::End));
        self.pending = Some(operator);
        self.position = Some(position);
    }

    fn fuel_point(&mut self) -> u32 {
        assert!(self.metering && self.segment.is_none() && self.pending.is_some() && !self.stopped);
        self.points += 1;
        self.segment = Some((self.points, 0));
        self.segment_over = false;
        self.points
    }

    fn set_fuel(&mut self, point: u32, units: u32) {
        assert_eq!(self.segment.take(), Some((point, units)));
        assert!(units > 0);
        self.segment_over = false;
    }

    fn drop_values(&mut self, values: &[Value]) {
        if matches!(self.pending, Some(Operator::Drop)) {
            self.take(false);
            assert_eq!(values.len(), 1);
        } else {
            assert!(self.stopped && !values.is_empty());
        }
        for value in values.iter().rev() {
            assert_eq!(self.stack.pop(), Some(*value));
        }
        assert!(self.stack.len() >= self.open.last().map_or(0, |label| self.height_of(*label)));
    }

    fn block(&mut self, shape: BlockShape<'_>, stack: &mut [Value]) -> usize {
        assert!(matches!(self.take(false), Operator::Block { .. }));
        self.same_stack(stack);
        self.open(shape, false)
    }

    fn loop_(&mut self, shape: BlockShape<'_>, stack: &mut [Value]) -> usize {
        assert!(matches!(self.take(false), Operator::Loop { .. }));
        assert!(self.segment.is_none());
        self.same_stack(stack);
        // New values, as a builder would make them: the walker has to take them over.
        self.renew(shape.height, stack);
        self.open(shape, true)
    }

    fn if_(&mut self, shape: BlockShape<'_>, condition: Value, stack: &mut [Value]) -> usize {
        assert!(matches!(self.take(true), Operator::If { .. }));
        self.pop(ValueType::I32, condition);
        self.same_stack(stack);
        let label = self.open(shape, false);
        self.renew(shape.height, stack);
        self.labels[label].params = Some(stack[shape.height as usize..].into());
        self.segment_over = true;
        label
    }

    fn else_(
        &mut self,
        label: usize,
        shape: BlockShape<'_>,
        explicit: bool,
        fallthrough: bool,
        stack: &mut Vec<Value>,
    ) {
        assert_eq!(self.open.last(), Some(&label));
        self.same_shape(label, shape);
        self.same_stack(stack);
        assert_eq!(fallthrough, !self.stopped);
        assert!(self.segment.is_none());
        if explicit {
            assert_eq!(self.pending.take(), Some(Operator::Else));
            self.seen += 1;
        } else {
            assert_eq!(self.pending, Some(Operator::End));
        }
        if fallthrough {
            self.top_is(shape.results);
            self.labels[label].reached = true;
            stack.truncate(stack.len() - shape.results.len());
        }
        assert_eq!(stack.len(), shape.height as usize);
        self.stack.clone_from(stack);
        let params = self.labels[label].params.take().expect("one second arm");
        self.stack.extend(params);
        self.stopped = false;
        self.segment_over = true;
    }

    fn end(&mut self, label: usize, shape: BlockShape<'_>, fallthrough: bool, stack: &mut Vec<Value>) {
        assert_eq!(self.open.pop(), Some(label));
        self.same_shape(label, shape);
        self.same_stack(stack);
        assert_eq!(fallthrough, !self.stopped);
        assert_eq!(self.pending.take(), Some(Operator::End));
        self.seen += 1;
        let Label { params, reached, is_loop, .. } = &self.labels[label];
        assert!(params.is_none(), "an if has two arms");
        assert!(fallthrough || *reached);
        assert!(!reached || self.segment.is_none());
        if fallthrough {
            self.top_is(shape.results);
        }
        if *reached || *is_loop {
            stack.truncate(shape.height as usize);
            for result in shape.results {
                self.next_value += 1;
                stack.push(Value { ty: *result, id: self.next_value });
            }
        }
        self.segment_over = *reached;
        assert_eq!(stack.len(), shape.height as usize + shape.results.len());
        self.stack.clone_from(stack);
        self.stopped = false;
    }

    fn end_unreachable(&mut self, label: usize) {
        assert_eq!(self.open.pop(), Some(label));
        assert!(self.stopped && self.segment.is_none());
        assert!(self.open.is_empty() || !self.labels[label].reached);
        assert!(self.labels[label].params.is_none());
        assert_eq!(self.stack.len(), self.height_of(label));
        if let Some(pending) = self.pending.take() {
            assert_eq!(pending, Operator::End);
            self.seen += 1;
        }
    }

    fn br(&mut self, label: usize, stack: &mut [Value]) {
        self.same_stack(stack);
        let costs = self.pending != Some(Operator::End);
        match self.take(costs) {
            Operator::Br { relative_depth } => {
                assert_eq!(self.open.iter().rev().nth(relative_depth as usize), Some(&label));
            }
            Operator::Return | Operator::End => assert_eq!((label, self.open[0]), (0, 0)),
            other => panic!("{other:?} is no branch"),
        }
        self.branch(label);
        self.stop(self.labels[label].carried.len());
    }

    fn br_if(&mut self, label: usize, condition: Value, stack: &mut [Value]) {
        let Operator::BrIf { relative_depth } = self.take(true) else { panic!() };
        assert_eq!(self.open.iter().rev().nth(relative_depth as usize), Some(&label));
        self.pop(ValueType::I32, condition);
        self.same_stack(stack);
        self.branch(label);
        self.segment_over = true;
    }

    fn br_table(&mut self, index: Value, targets: &[usize], default: usize, stack: &mut [Value]) {
        let Operator::BrTable { targets: expected } = self.take(true) else { panic!() };
        let depths = expected.targets().map(Result::unwrap).chain([expected.default()]);
        let labels = depths.map(|depth| *self.open.iter().rev().nth(depth as usize).unwrap());
        assert!(labels.eq(targets.iter().chain([&default]).copied()));
        self.pop(ValueType::I32, index);
        self.same_stack(stack);
        for label in targets.iter().chain([&default]) {
            self.branch(*label);
        }
        self.stop(self.labels[default].carried.len());
    }

    fn unreachable(&mut self) {
        self.is(&Operator::Unreachable);
        self.stop(0);
    }

    fn call(&mut self, function: u32, ty: &FunctionType, stack: &mut Vec<Value>) {
        self.is(&Operator::Call { function_index: function });
        assert_eq!(ty, &**self.info.function_type(function));
        self.call_type(ty, stack);
    }

    fn call_indirect(
        &mut self,
        table: u32,
        type_index: u32,
        ty: &FunctionType,
        index: Value,
        stack: &mut Vec<Value>,
    ) {
        self.is(&Operator::CallIndirect { type_index, table_index: table });
        assert_eq!(ty, &*self.info.types[type_index as usize]);
        self.pop(self.table(table).0, index);
        self.call_type(ty, stack);
    }

    fn return_call(&mut self, function: u32, ty: &FunctionType, stack: &mut Vec<Value>) {
        self.is(&Operator::ReturnCall { function_index: function });
        assert_eq!(ty.results(), self.results);
        self.same_stack(stack);
        self.top_is(ty.params());
        self.stop(ty.params().len());
        stack.clone_from(&self.stack);
    }

    fn return_call_indirect(
        &mut self,
        table: u32,
        type_index: u32,
        ty: &FunctionType,
        index: Value,
        stack: &mut Vec<Value>,
    ) {
        self.is(&Operator::ReturnCallIndirect { type_index, table_index: table });
        assert_eq!(ty, &*self.info.types[type_index as usize]);
        assert_eq!(ty.results(), self.results);
        self.pop(self.table(table).0, index);
        self.same_stack(stack);
        self.top_is(ty.params());
        self.stop(ty.params().len());
        stack.clone_from(&self.stack);
    }

    fn local_get(&mut self, local: u32, ty: ValueType) -> Value {
        self.is(&Operator::LocalGet { local_index: local });
        assert_eq!(ty, self.locals[local as usize]);
        self.push(ty)
    }

    fn local_set(&mut self, local: u32, ty: ValueType, value: Value, stack: &mut [Value]) {
        self.is(&Operator::LocalSet { local_index: local });
        assert_eq!(ty, self.locals[local as usize]);
        self.pop(ty, value);
        self.same_stack(stack);
    }

    fn local_tee(&mut self, local: u32, ty: ValueType, value: Value, stack: &mut [Value]) -> Value {
        self.is(&Operator::LocalTee { local_index: local });
        assert_eq!(ty, self.locals[local as usize]);
        self.pop(ty, value);
        self.same_stack(stack);
        self.push(ty)
    }

    fn global_get(&mut self, global: u32, ty: ValueType) -> Value {
        self.is(&Operator::GlobalGet { global_index: global });
        assert_eq!(ty, self.info.globals[global as usize].value);
        self.push(ty)
    }

    fn global_set(&mut self, global: u32, ty: ValueType, value: Value) {
        self.is(&Operator::GlobalSet { global_index: global });
        assert_eq!(ty, self.info.globals[global as usize].value);
        self.pop(ty, value);
    }

    fn constant(&mut self, value: Const) -> Value {
        let (operator, ty) = match value {
            Const::I32(value) => (Operator::I32Const { value }, ValueType::I32),
            Const::I64(value) => (Operator::I64Const { value }, ValueType::I64),
            Const::F32(bits) => (Operator::F32Const { value: f32::from_bits(bits).into() }, ValueType::F32),
            Const::F64(bits) => (Operator::F64Const { value: f64::from_bits(bits).into() }, ValueType::F64),
            Const::V128(value) => (Operator::V128Const { value: value.into() }, ValueType::V128),
        };
        self.is(&operator);
        self.push(ty)
    }

    fn unary(&mut self, op: UnaryOp, a: Value) -> Value {
        self.is_named(op);
        self.pop_all(op.params(), &[a]);
        self.push(op.result())
    }

    fn binary(&mut self, op: BinaryOp, a: Value, b: Value) -> Value {
        self.is_named(op);
        self.pop_all(op.params(), &[a, b]);
        self.push(op.result())
    }

    fn ternary(&mut self, op: TernaryOp, a: Value, b: Value, c: Value) -> Value {
        self.is_named(op);
        self.pop_all(op.params(), &[a, b, c]);
        self.push(op.result())
    }

    fn select(&mut self, ty: ValueType, condition: Value, a: Value, b: Value) -> Value {
        assert!(matches!(self.take(true), Operator::Select | Operator::TypedSelect { .. }));
        self.pop_all(&[ty, ty, ValueType::I32], &[a, b, condition]);
        self.push(ty)
    }

    fn extract_lane(&mut self, op: ExtractLaneOp, lane: u8, vector: Value) -> Value {
        assert_eq!(self.is_named(op), format!(" {{ lane: {lane} }}"));
        assert!(lane < op.lanes());
        self.pop_all(op.params(), &[vector]);
        self.push(op.result())
    }

    fn replace_lane(&mut self, op: ReplaceLaneOp, lane: u8, vector: Value, value: Value) -> Value {
        assert_eq!(self.is_named(op), format!(" {{ lane: {lane} }}"));
        assert!(lane < op.lanes());
        self.pop_all(op.params(), &[vector, value]);
        self.push(op.result())
    }

    fn shuffle(&mut self, lanes: [u8; 16], a: Value, b: Value) -> Value {
        self.is(&Operator::I8x16Shuffle { lanes });
        self.pop_all(&[ValueType::V128; 2], &[a, b]);
        self.push(ValueType::V128)
    }

    fn ref_null(&mut self, ty: ValueType) -> Value {
        assert!(matches!(self.take(true), Operator::RefNull { .. }));
        assert!(ty.is_reference());
        self.push(ty)
    }

    fn ref_is_null(&mut self, value: Value) -> Value {
        self.is(&Operator::RefIsNull);
        self.pop(value.ty, value);
        assert!(value.ty.is_reference());
        self.push(ValueType::I32)
    }

    fn ref_func(&mut self, function: u32) -> Value {
        self.is(&Operator::RefFunc { function_index: function });
        self.push(ValueType::FuncRef)
    }

    fn load(&mut self, op: LoadOp, arg: MemArg, address: Value) -> Value {
        let text = self.is_named(op);
        let address_type = self.mem_arg(&text, arg);
        self.pop(address_type, address);
        self.push(op.result())
    }

    fn store(&mut self, op: StoreOp, arg: MemArg, address: Value, value: Value) {
        let text = self.is_named(op);
        let address_type = self.mem_arg(&text, arg);
        self.pop_all(&[address_type, op.value()], &[address, value]);
    }

    fn load_lane(&mut self, op: LoadLaneOp, arg: MemArg, lane: u8, address: Value, vector: Value) -> Value {
        let text = self.is_named(op);
        let address_type = self.mem_arg(&text, arg);
        assert!(text.ends_with(&format!(" lane: {lane} }}")));
        self.pop_all(&[address_type, ValueType::V128], &[address, vector]);
        self.push(op.result())
    }

    fn store_lane(&mut self, op: StoreLaneOp, arg: MemArg, lane: u8, address: Value, vector: Value) {
        let text = self.is_named(op);
        let address_type = self.mem_arg(&text, arg);
        assert!(text.ends_with(&format!(" lane: {lane} }}")));
        self.pop_all(&[address_type, ValueType::V128], &[address, vector]);
    }

    fn memory_size(&mut self, memory: u32) -> Value {
        self.is(&Operator::MemorySize { mem: memory });
        self.push(self.memory(memory))
    }

    fn memory_grow(&mut self, memory: u32, delta: Value) -> Value {
        self.is(&Operator::MemoryGrow { mem: memory });
        self.pop(self.memory(memory), delta);
        self.push(self.memory(memory))
    }

    fn memory_fill(&mut self, memory: u32, to: Value, value: Value, len: Value) {
        self.is(&Operator::MemoryFill { mem: memory });
        let address = self.memory(memory);
        self.pop_all(&[address, ValueType::I32, address], &[to, value, len]);
    }

    fn memory_copy(&mut self, to_memory: u32, from_memory: u32, to: Value, from: Value, len: Value) {
        self.is(&Operator::MemoryCopy { dst_mem: to_memory, src_mem: from_memory });
        let (a, b) = (self.memory(to_memory), self.memory(from_memory));
        self.pop_all(&[a, b, min_type(a, b)], &[to, from, len]);
    }

    fn memory_init(&mut self, memory: u32, data: u32, to: Value, from: Value, len: Value) {
        self.is(&Operator::MemoryInit { data_index: data, mem: memory });
        self.pop_all(&[self.memory(memory), ValueType::I32, ValueType::I32], &[to, from, len]);
    }

    fn data_drop(&mut self, data: u32) {
        self.is(&Operator::DataDrop { data_index: data });
    }

    fn table_get(&mut self, table: u32, index: Value) -> Value {
        self.is(&Operator::TableGet { table });
        let (address, element) = self.table(table);
        self.pop(address, index);
        self.push(element)
    }

    fn table_set(&mut self, table: u32, index: Value, value: Value) {
        self.is(&Operator::TableSet { table });
        let (address, element) = self.table(table);
        self.pop_all(&[address, element], &[index, value]);
    }

    fn table_size(&mut self, table: u32) -> Value {
        self.is(&Operator::TableSize { table });
        self.push(self.table(table).0)
    }

    fn table_grow(&mut self, table: u32, init: Value, delta: Value) -> Value {
        self.is(&Operator::TableGrow { table });
        let (address, element) = self.table(table);
        self.pop_all(&[element, address], &[init, delta]);
        self.push(address)
    }

    fn table_fill(&mut self, table: u32, to: Value, value: Value, len: Value) {
        self.is(&Operator::TableFill { table });
        let (address, element) = self.table(table);
        self.pop_all(&[address, element, address], &[to, value, len]);
    }

    fn table_copy(&mut self, to_table: u32, from_table: u32, to: Value, from: Value, len: Value) {
        self.is(&Operator::TableCopy { dst_table: to_table, src_table: from_table });
        let (a, b) = (self.table(to_table).0, self.table(from_table).0);
        self.pop_all(&[a, b, min_type(a, b)], &[to, from, len]);
    }

    fn table_init(&mut self, table: u32, element: u32, to: Value, from: Value, len: Value) {
        self.is(&Operator::TableInit { elem_index: element, table });
        self.pop_all(&[self.table(table).0, ValueType::I32, ValueType::I32], &[to, from, len]);
    }

    fn elem_drop(&mut self, element: u32) {
        self.is(&Operator::ElemDrop { elem_index: element });
    }
}
