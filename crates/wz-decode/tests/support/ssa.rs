//! [`Ssa`]: a small builder of SSA form after Braun et al., *Simple and Efficient Construction of
//! Static Single Assignment Form*, with block parameters in place of phis, a few constants folded,
//! and a dump to compare with.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;

use wz_api::{FunctionType, ValueType};
use wz_decode::builder::{BlockShape, Const, FunctionBuilder, FunctionShape, MemArg, Position};
use wz_decode::ops::{
    BinaryOp, ExtractLaneOp, LoadLaneOp, LoadOp, ReplaceLaneOp, StoreLaneOp, StoreOp, TernaryOp, UnaryOp,
};

/// A value, as an index of what defines it.
type Value = usize;
/// A block, as an index.
type Block = usize;
/// An edge between blocks, as an index.
type Edge = usize;

/// What an operand is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Definition {
    Constant(Const),
    /// The result of an instruction or the parameter of a block.
    Computed,
    /// The parameter of a block that turned out to be always this value.
    Same(Value),
}

#[derive(Debug)]
struct Instruction {
    results: Vec<Value>,
    name: String,
    operands: Vec<Value>,
}

#[derive(Debug)]
enum Terminator {
    Jump(Edge),
    Branch(Value, Edge, Edge),
    Table(Value, Vec<Edge>),
    /// `return`, a trap or a tail call.
    Leave(String, Vec<Value>),
}

#[derive(Debug, Default)]
struct BlockData {
    /// The first so many are operands, the rest stand for locals.
    params: Vec<Value>,
    instructions: Vec<Instruction>,
    terminator: Option<Terminator>,
    predecessors: Vec<Edge>,
    /// Whether all predecessors are known.
    sealed: bool,
    /// The locals that parameters stand for in a block that is not sealed.
    waiting: Vec<(u32, Value)>,
    locals: HashMap<u32, Value>,
}

#[derive(Debug)]
struct EdgeData {
    from: Block,
    to: Block,
    args: Vec<Value>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Label {
    target: Block,
    /// How many operands a branch carries.
    carried: usize,
    /// The second arm of an `if`.
    else_block: Option<Block>,
    is_loop: bool,
}

/// A function that is being built.
#[derive(Debug, Default)]
pub(crate) struct Ssa {
    definitions: Vec<Definition>,
    blocks: Vec<BlockData>,
    edges: Vec<EdgeData>,
    current: Block,
    locals: Vec<ValueType>,
}

impl Ssa {
    fn define(&mut self, definition: Definition) -> Value {
        self.definitions.push(definition);
        self.definitions.len() - 1
    }

    fn resolve(&self, mut value: Value) -> Value {
        while let Definition::Same(other) = self.definitions[value] {
            value = other;
        }
        value
    }

    fn constant_of(&self, value: Value) -> Option<Const> {
        match self.definitions[self.resolve(value)] {
            Definition::Constant(value) => Some(value),
            _ => None,
        }
    }

    fn i32_of(&self, value: Value) -> Option<i32> {
        if let Some(Const::I32(value)) = self.constant_of(value) { Some(value) } else { None }
    }

    fn new_block(&mut self) -> Block {
        self.blocks.push(BlockData::default());
        self.blocks.len() - 1
    }

    fn new_block_with_params(&mut self, count: usize) -> Block {
        let block = self.new_block();
        self.blocks[block].params = (0..count).map(|_| self.define(Definition::Computed)).collect();
        block
    }

    fn new_edge(&mut self, to: Block, args: &[Value]) -> Edge {
        assert!(!self.blocks[to].sealed, "all branches to a block are before its end");
        self.edges.push(EdgeData { from: self.current, to, args: args.into() });
        self.blocks[to].predecessors.push(self.edges.len() - 1);
        self.edges.len() - 1
    }

    fn terminate(&mut self, terminator: Terminator) {
        let block = &mut self.blocks[self.current];
        assert!(block.terminator.is_none(), "code after the end of a block");
        block.terminator = Some(terminator);
    }

    fn jump(&mut self, to: Block, args: &[Value]) {
        let edge = self.new_edge(to, args);
        self.terminate(Terminator::Jump(edge));
    }

    fn instruction(&mut self, name: String, operands: &[Value], results: usize) -> Vec<Value> {
        let results: Vec<Value> = (0..results).map(|_| self.define(Definition::Computed)).collect();
        let block = &mut self.blocks[self.current];
        assert!(block.terminator.is_none(), "code after the end of a block");
        block.instructions.push(Instruction { results: results.clone(), name, operands: operands.into() });
        results
    }

    fn effect(&mut self, name: impl ToString, operands: &[Value]) {
        self.instruction(name.to_string(), operands, 0);
    }

    fn compute(&mut self, name: impl ToString, operands: &[Value]) -> Value {
        self.instruction(name.to_string(), operands, 1)[0]
    }

    fn write_local(&mut self, block: Block, local: u32, value: Value) {
        self.blocks[block].locals.insert(local, value);
    }

    fn read_local(&mut self, block: Block, local: u32) -> Value {
        if let Some(value) = self.blocks[block].locals.get(&local) {
            return *value;
        }
        let value = if !self.blocks[block].sealed {
            let param = self.define(Definition::Computed);
            self.blocks[block].params.push(param);
            self.blocks[block].waiting.push((local, param));
            param
        } else if let [edge] = self.blocks[block].predecessors[..] {
            self.read_local(self.edges[edge].from, local)
        } else {
            let param = self.define(Definition::Computed);
            self.blocks[block].params.push(param);
            // Breaks cycles: the block may be among its own predecessors.
            self.write_local(block, local, param);
            self.add_arguments(block, local, param)
        };
        self.write_local(block, local, value);
        value
    }

    /// Passes a local to the last parameter of a block over all edges; what the parameter is.
    fn add_arguments(&mut self, block: Block, local: u32, param: Value) -> Value {
        let position = self.blocks[block].params.iter().position(|other| *other == param).unwrap();
        for edge in self.blocks[block].predecessors.clone() {
            let value = self.read_local(self.edges[edge].from, local);
            // Reading may have added parameters behind this one.
            let args = &mut self.edges[edge].args;
            args.insert(position.min(args.len()), value);
        }
        self.remove_trivial(block, param)
    }

    /// Removes a parameter for which all edges pass the same value or itself.
    fn remove_trivial(&mut self, block: Block, param: Value) -> Value {
        let position = self.blocks[block].params.iter().position(|other| *other == param).unwrap();
        let mut same = None;
        for edge in &self.blocks[block].predecessors {
            let value = self.resolve(self.edges[*edge].args[position]);
            if value == param || same == Some(value) {
                continue;
            }
            if same.is_some() {
                return param;
            }
            same = Some(value);
        }
        let Some(same) = same else { return param };
        self.definitions[param] = Definition::Same(same);
        self.blocks[block].params.remove(position);
        for edge in self.blocks[block].predecessors.clone() {
            self.edges[edge].args.remove(position);
        }
        same
    }

    fn seal(&mut self, block: Block) {
        self.blocks[block].sealed = true;
        for (local, param) in std::mem::take(&mut self.blocks[block].waiting) {
            self.add_arguments(block, local, param);
        }
    }

    /// Continues in a block all of whose predecessors are known.
    fn enter(&mut self, block: Block) {
        self.seal(block);
        self.current = block;
    }

    fn carried<'s>(&self, label: Label, stack: &'s [Value]) -> &'s [Value] {
        &stack[stack.len() - label.carried..]
    }

    fn called(&mut self, name: String, ty: &FunctionType, index: Option<Value>, stack: &mut Vec<Value>) {
        let mut operands = stack.split_off(stack.len() - ty.params().len());
        operands.extend(index);
        stack.extend(self.instruction(name, &operands, ty.results().len()));
    }

    fn left(&mut self, name: String, ty: &FunctionType, index: Option<Value>, stack: &mut Vec<Value>) {
        let mut operands = stack.split_off(stack.len() - ty.params().len());
        operands.extend(index);
        self.terminate(Terminator::Leave(name, operands));
    }

    /// The blocks that are reached, in order, with values numbered as they appear.
    pub(crate) fn dump(&self) -> String {
        let mut reached = BTreeSet::from([0]);
        let mut waiting = vec![0];
        while let Some(block) = waiting.pop() {
            let edges: Vec<Edge> = match &self.blocks[block].terminator {
                Some(Terminator::Jump(edge)) => vec![*edge],
                Some(Terminator::Branch(_, taken, other)) => vec![*taken, *other],
                Some(Terminator::Table(_, edges)) => edges.clone(),
                Some(Terminator::Leave(..)) => vec![],
                None => panic!("block {block} has no end"),
            };
            let targets = edges.iter().map(|edge| self.edges[*edge].to);
            waiting.extend(targets.filter(|target| reached.insert(*target)));
        }
        let order = reached.iter().enumerate().map(|(number, block)| (*block, number)).collect();
        let mut printer = Printer { ssa: self, order, numbers: HashMap::new() };
        reached.iter().map(|block| printer.block(*block)).collect()
    }
}

struct Printer<'a> {
    ssa: &'a Ssa,
    order: HashMap<Block, usize>,
    numbers: HashMap<Value, usize>,
}

impl Printer<'_> {
    fn value(&mut self, value: Value) -> String {
        let value = self.ssa.resolve(value);
        match self.ssa.definitions[value] {
            Definition::Constant(Const::I32(value)) => format!("{value}"),
            Definition::Constant(other) => format!("{other:?}"),
            _ => {
                let next = self.numbers.len();
                format!("v{}", self.numbers.entry(value).or_insert(next))
            }
        }
    }

    fn values(&mut self, values: &[Value]) -> String {
        let values: Vec<_> = values.iter().map(|value| self.value(*value)).collect();
        values.join(", ")
    }

    fn target(&mut self, block: Block, values: &[Value]) -> String {
        let number = self.order[&block];
        if values.is_empty() { format!("b{number}") } else { format!("b{number}({})", self.values(values)) }
    }

    fn edge(&mut self, edge: Edge) -> String {
        let EdgeData { to, args, .. } = &self.ssa.edges[edge];
        assert_eq!(args.len(), self.ssa.blocks[*to].params.len(), "an edge passes all parameters");
        self.target(*to, args)
    }

    fn block(&mut self, block: Block) -> String {
        let data = &self.ssa.blocks[block];
        assert!(data.sealed && data.waiting.is_empty());
        let mut text = self.target(block, &data.params) + ":\n";
        for Instruction { results, name, operands } in &data.instructions {
            let operands = self.values(operands);
            let results = self.values(results);
            let equals = if results.is_empty() { "" } else { " = " };
            let space = if operands.is_empty() { "" } else { " " };
            writeln!(text, "  {results}{equals}{name}{space}{operands}").unwrap();
        }
        let end = match data.terminator.as_ref().unwrap() {
            Terminator::Jump(edge) => format!("jump {}", self.edge(*edge)),
            Terminator::Branch(condition, taken, other) => {
                format!("if {} {} else {}", self.value(*condition), self.edge(*taken), self.edge(*other))
            }
            Terminator::Table(index, edges) => {
                let index = self.value(*index);
                let edges: Vec<_> = edges.iter().map(|edge| self.edge(*edge)).collect();
                format!("table {index} {}", edges.join(" "))
            }
            Terminator::Leave(name, operands) => {
                format!("{name} {}", self.values(operands)).trim_end().into()
            }
        };
        writeln!(text, "  {end}").unwrap();
        text
    }
}

impl FunctionBuilder for Ssa {
    type Value = Value;
    type Label = Label;
    /// The block and the position of the instruction.
    type FuelPoint = (Block, usize);

    fn begin(&mut self, shape: FunctionShape<'_>) -> Label {
        let results = shape.ty.results().len();
        let entry = self.new_block_with_params(shape.ty.params().len());
        for (local, param) in self.blocks[entry].params.clone().into_iter().enumerate() {
            self.write_local(entry, local as u32, param);
        }
        for (local, ty) in shape.locals.iter().enumerate().skip(shape.ty.params().len()) {
            let zero = match ty {
                ValueType::I32 => self.define(Definition::Constant(Const::I32(0))),
                _ => self.compute(format!("zero.{ty}"), &[]),
            };
            self.write_local(entry, local as u32, zero);
        }
        self.enter(entry);
        self.locals = shape.locals.into();
        // Branching to the function returns: a block at its end does.
        let exit = self.new_block_with_params(results);
        Label { target: exit, carried: results, else_block: None, is_loop: false }
    }

    fn at(&mut self, _position: Position) {}

    fn fuel_point(&mut self) -> (Block, usize) {
        self.effect("fuel", &[]);
        (self.current, self.blocks[self.current].instructions.len() - 1)
    }

    fn set_fuel(&mut self, (block, position): (Block, usize), units: u32) {
        self.blocks[block].instructions[position].name = format!("fuel {units}");
    }

    fn drop_values(&mut self, _values: &[Value]) {}

    fn block(&mut self, shape: BlockShape<'_>, _stack: &mut [Value]) -> Label {
        let target = self.new_block_with_params(shape.results.len());
        Label { target, carried: shape.results.len(), else_block: None, is_loop: false }
    }

    fn loop_(&mut self, shape: BlockShape<'_>, stack: &mut [Value]) -> Label {
        let header = self.new_block_with_params(shape.params.len());
        let operands = &mut stack[shape.height as usize..];
        self.jump(header, operands);
        operands.copy_from_slice(&self.blocks[header].params);
        self.current = header;
        Label { target: header, carried: shape.params.len(), else_block: None, is_loop: true }
    }

    fn if_(&mut self, shape: BlockShape<'_>, condition: Value, _stack: &mut [Value]) -> Label {
        let (then, else_block) = (self.new_block(), self.new_block());
        let end = self.new_block_with_params(shape.results.len());
        let (taken, other) = (self.new_edge(then, &[]), self.new_edge(else_block, &[]));
        self.terminate(Terminator::Branch(condition, taken, other));
        self.enter(then);
        Label { target: end, carried: shape.results.len(), else_block: Some(else_block), is_loop: false }
    }

    fn else_(
        &mut self,
        label: Label,
        shape: BlockShape<'_>,
        _explicit: bool,
        fallthrough: bool,
        stack: &mut Vec<Value>,
    ) {
        if fallthrough {
            self.jump(label.target, &stack[shape.height as usize..]);
        }
        stack.truncate(shape.height as usize);
        self.enter(label.else_block.expect("only an if has two arms"));
    }

    fn end(&mut self, label: Label, shape: BlockShape<'_>, fallthrough: bool, stack: &mut Vec<Value>) {
        if label.is_loop {
            // Nothing leads to the header any more; falling through its end is straight on.
            self.seal(label.target);
            return;
        }
        if fallthrough {
            self.jump(label.target, &stack[shape.height as usize..]);
        }
        stack.truncate(shape.height as usize);
        self.enter(label.target);
        // What stands for locals is behind the results.
        stack.extend(&self.blocks[label.target].params[..shape.results.len()]);
    }

    fn end_unreachable(&mut self, label: Label) {
        if label.is_loop {
            self.seal(label.target);
        } else if !self.blocks[label.target].predecessors.is_empty() {
            // Only the function ends with an end that is reached.
            let results = self.blocks[label.target].params.clone();
            self.enter(label.target);
            self.terminate(Terminator::Leave("return".into(), results));
        }
    }

    fn br(&mut self, label: Label, stack: &mut [Value]) {
        let carried: Vec<_> = self.carried(label, stack).into();
        self.jump(label.target, &carried);
    }

    fn br_if(&mut self, label: Label, condition: Value, stack: &mut [Value]) {
        let carried: Vec<_> = self.carried(label, stack).into();
        let next = self.new_block();
        let (taken, other) = (self.new_edge(label.target, &carried), self.new_edge(next, &[]));
        self.terminate(Terminator::Branch(condition, taken, other));
        self.enter(next);
    }

    fn br_table(&mut self, index: Value, targets: &[Label], default: Label, stack: &mut [Value]) {
        let carried: Vec<_> = self.carried(default, stack).into();
        let targets = targets.iter().chain([&default]);
        let edges = targets.map(|label| self.new_edge(label.target, &carried)).collect();
        self.terminate(Terminator::Table(index, edges));
    }

    fn unreachable(&mut self) {
        self.terminate(Terminator::Leave("trap".into(), Vec::new()));
    }

    fn call(&mut self, function: u32, ty: &FunctionType, stack: &mut Vec<Value>) {
        self.called(format!("call {function}:"), ty, None, stack);
    }

    fn call_indirect(
        &mut self,
        table: u32,
        _type_index: u32,
        ty: &FunctionType,
        index: Value,
        stack: &mut Vec<Value>,
    ) {
        self.called(format!("call_indirect {table}:"), ty, Some(index), stack);
    }

    fn return_call(&mut self, function: u32, ty: &FunctionType, stack: &mut Vec<Value>) {
        self.left(format!("return_call {function}:"), ty, None, stack);
    }

    fn return_call_indirect(
        &mut self,
        table: u32,
        _type_index: u32,
        ty: &FunctionType,
        index: Value,
        stack: &mut Vec<Value>,
    ) {
        self.left(format!("return_call_indirect {table}:"), ty, Some(index), stack);
    }

    fn local_get(&mut self, local: u32, _ty: ValueType) -> Value {
        self.read_local(self.current, local)
    }

    fn local_set(&mut self, local: u32, _ty: ValueType, value: Value, _stack: &mut [Value]) {
        self.write_local(self.current, local, value);
    }

    fn local_tee(&mut self, local: u32, _ty: ValueType, value: Value, _stack: &mut [Value]) -> Value {
        self.write_local(self.current, local, value);
        value
    }

    fn global_get(&mut self, global: u32, _ty: ValueType) -> Value {
        self.compute(format!("global.get {global}"), &[])
    }

    fn global_set(&mut self, global: u32, _ty: ValueType, value: Value) {
        self.effect(format!("global.set {global}:"), &[value]);
    }

    fn constant(&mut self, value: Const) -> Value {
        self.define(Definition::Constant(value))
    }

    fn unary(&mut self, op: UnaryOp, a: Value) -> Value {
        match (op, self.i32_of(a)) {
            (UnaryOp::I32Eqz, Some(a)) => self.constant(Const::I32(i32::from(a == 0))),
            _ => self.compute(op, &[a]),
        }
    }

    fn binary(&mut self, op: BinaryOp, a: Value, b: Value) -> Value {
        let folded = self.i32_of(a).zip(self.i32_of(b)).and_then(|(a, b)| match op {
            BinaryOp::I32Add => Some(a.wrapping_add(b)),
            BinaryOp::I32Sub => Some(a.wrapping_sub(b)),
            BinaryOp::I32Mul => Some(a.wrapping_mul(b)),
            _ => None,
        });
        match folded {
            Some(value) => self.constant(Const::I32(value)),
            None => self.compute(op, &[a, b]),
        }
    }

    fn ternary(&mut self, op: TernaryOp, a: Value, b: Value, c: Value) -> Value {
        self.compute(op, &[a, b, c])
    }

    fn select(&mut self, ty: ValueType, condition: Value, a: Value, b: Value) -> Value {
        match self.i32_of(condition) {
            Some(0) => b,
            Some(_) => a,
            None => self.compute(format!("select.{ty}"), &[condition, a, b]),
        }
    }

    fn extract_lane(&mut self, op: ExtractLaneOp, lane: u8, vector: Value) -> Value {
        self.compute(format!("{op} {lane}:"), &[vector])
    }

    fn replace_lane(&mut self, op: ReplaceLaneOp, lane: u8, vector: Value, value: Value) -> Value {
        self.compute(format!("{op} {lane}:"), &[vector, value])
    }

    fn shuffle(&mut self, lanes: [u8; 16], a: Value, b: Value) -> Value {
        self.compute(format!("i8x16.shuffle {lanes:?}"), &[a, b])
    }

    fn ref_null(&mut self, ty: ValueType) -> Value {
        self.compute(format!("ref.null {ty}"), &[])
    }

    fn ref_is_null(&mut self, value: Value) -> Value {
        self.compute("ref.is_null", &[value])
    }

    fn ref_func(&mut self, function: u32) -> Value {
        self.compute(format!("ref.func {function}"), &[])
    }

    fn load(&mut self, op: LoadOp, arg: MemArg, address: Value) -> Value {
        self.compute(format!("{op} +{}", arg.offset), &[address])
    }

    fn store(&mut self, op: StoreOp, arg: MemArg, address: Value, value: Value) {
        self.effect(format!("{op} +{}", arg.offset), &[address, value]);
    }

    fn load_lane(&mut self, op: LoadLaneOp, _arg: MemArg, lane: u8, address: Value, vector: Value) -> Value {
        self.compute(format!("{op} {lane}:"), &[address, vector])
    }

    fn store_lane(&mut self, op: StoreLaneOp, _arg: MemArg, lane: u8, address: Value, vector: Value) {
        self.effect(format!("{op} {lane}:"), &[address, vector]);
    }

    fn memory_size(&mut self, memory: u32) -> Value {
        self.compute(format!("memory.size {memory}"), &[])
    }

    fn memory_grow(&mut self, memory: u32, delta: Value) -> Value {
        self.compute(format!("memory.grow {memory}:"), &[delta])
    }

    fn memory_fill(&mut self, memory: u32, to: Value, value: Value, len: Value) {
        self.effect(format!("memory.fill {memory}:"), &[to, value, len]);
    }

    fn memory_copy(&mut self, to_memory: u32, from_memory: u32, to: Value, from: Value, len: Value) {
        self.effect(format!("memory.copy {to_memory} {from_memory}:"), &[to, from, len]);
    }

    fn memory_init(&mut self, memory: u32, data: u32, to: Value, from: Value, len: Value) {
        self.effect(format!("memory.init {memory} {data}:"), &[to, from, len]);
    }

    fn data_drop(&mut self, data: u32) {
        self.effect(format!("data.drop {data}"), &[]);
    }

    fn table_get(&mut self, table: u32, index: Value) -> Value {
        self.compute(format!("table.get {table}:"), &[index])
    }

    fn table_set(&mut self, table: u32, index: Value, value: Value) {
        self.effect(format!("table.set {table}:"), &[index, value]);
    }

    fn table_size(&mut self, table: u32) -> Value {
        self.compute(format!("table.size {table}"), &[])
    }

    fn table_grow(&mut self, table: u32, init: Value, delta: Value) -> Value {
        self.compute(format!("table.grow {table}:"), &[init, delta])
    }

    fn table_fill(&mut self, table: u32, to: Value, value: Value, len: Value) {
        self.effect(format!("table.fill {table}:"), &[to, value, len]);
    }

    fn table_copy(&mut self, to_table: u32, from_table: u32, to: Value, from: Value, len: Value) {
        self.effect(format!("table.copy {to_table} {from_table}:"), &[to, from, len]);
    }

    fn table_init(&mut self, table: u32, element: u32, to: Value, from: Value, len: Value) {
        self.effect(format!("table.init {table} {element}:"), &[to, from, len]);
    }

    fn elem_drop(&mut self, element: u32) {
        self.effect(format!("elem.drop {element}"), &[]);
    }
}
