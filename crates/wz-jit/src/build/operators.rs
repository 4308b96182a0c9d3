//! The operators, as the walker announces them.

use wz_api::{FunctionType, Trap, ValueType};
use wz_decode::FunctionBuilder;
use wz_decode::builder::{BlockShape, Const, FunctionShape, MemArg, Position};
use wz_decode::ops::{
    BinaryOp, ExtractLaneOp, LoadLaneOp, LoadOp, ReplaceLaneOp, StoreLaneOp, StoreOp, TernaryOp, UnaryOp,
};

use crate::ir::{
    Builtin, BuiltinId, CallData, CallId, Inst, InstData, List, Op, ShuffleId, Type, Value, ValueDef,
};

use super::Builder;

impl Builder<'_> {
    /// A call whose operands are the topmost of the stack, and `index` if there is one. Results
    /// take the place of the arguments.
    fn emit_call(
        &mut self,
        op: impl FnOnce(CallId) -> Op,
        call: CallData,
        ty: &FunctionType,
        index: Option<Value>,
        stack: &mut Vec<Value>,
    ) {
        let below = stack.len() - ty.params().len();
        if self.dead() {
            stack.truncate(below);
            for ty in ty.results() {
                let zero = self.zero(Type::of(*ty));
                stack.push(zero);
            }
            return;
        }
        let inst = self.push_call(op, call, below, index, stack);
        for (number, ty) in ty.results().iter().enumerate() {
            let ty = Type::of(*ty);
            let value = self.new_value(ty, ValueDef::Result(inst), ty.max());
            stack.push(value);
            let data = &mut self.f.insts[inst.index()];
            if number == 0 {
                data.result = value;
            }
            data.result_count += 1;
        }
        self.new_epoch();
    }

    fn push_call(
        &mut self,
        op: impl FnOnce(CallId) -> Op,
        call: CallData,
        below: usize,
        index: Option<Value>,
        stack: &mut Vec<Value>,
    ) -> Inst {
        let id = CallId(self.f.calls.len() as u32);
        self.f.calls.push(call);
        let start = self.f.pool.len() as u32;
        self.f.pool.extend_from_slice(&stack[below..]);
        self.f.pool.extend(index);
        let list = List { start, len: self.f.pool.len() as u32 - start };
        stack.truncate(below);
        self.push_data(InstData::with_list(op(id), list, self.code_offset))
    }

    fn leave_by_call(
        &mut self,
        op: impl FnOnce(CallId) -> Op,
        call: CallData,
        ty: &FunctionType,
        index: Option<Value>,
        stack: &mut Vec<Value>,
    ) {
        let below = stack.len() - ty.params().len();
        if self.dead() {
            stack.truncate(below);
            return;
        }
        self.push_call(op, call, below, index, stack);
        self.close();
    }

    fn builtin(&mut self, builtin: Builtin, args: &[Value]) {
        if !self.dead() {
            let id = self.builtin_id(builtin);
            self.push_inst(Op::Builtin(id), args);
        }
    }

    fn builtin_value(&mut self, builtin: Builtin, args: &[Value], ty: Type) -> Value {
        if self.dead() {
            return self.zero(ty);
        }
        let id = self.builtin_id(builtin);
        self.push_value(Op::Builtin(id), args, ty, ty.max())
    }

    fn builtin_id(&mut self, builtin: Builtin) -> BuiltinId {
        self.f.builtins.push(builtin);
        BuiltinId(self.f.builtins.len() as u32 - 1)
    }

    /// The type of addresses and sizes of a memory.
    pub(super) fn memory_type(&self, memory: u32) -> Type {
        Type::of(self.info.memories[memory as usize].address_type())
    }

    /// The type of indices and sizes of a table.
    fn table_type(&self, table: u32) -> Type {
        Type::of(self.info.tables[table as usize].address_type())
    }
}

impl FunctionBuilder for Builder<'_> {
    type Value = Value;
    type Label = u32;
    type FuelPoint = Inst;

    fn begin(&mut self, shape: FunctionShape<'_>) -> u32 {
        self.f.first_operator = shape.code_offset;
        self.code_offset = shape.code_offset;
        self.start(shape.locals, shape.ty.params().len(), shape.body_len);
        self.open_function(shape.ty.results())
    }

    #[inline]
    fn at(&mut self, position: Position) {
        self.code_offset = position.code_offset;
        if !self.probes.is_empty() {
            self.put_probes(Some(position.code_offset));
        }
    }

    fn fuel_point(&mut self) -> Inst {
        if self.dead() { Inst::NONE } else { self.push_inst(Op::Fuel(0), &[]) }
    }

    fn set_fuel(&mut self, point: Inst, units: u32) {
        if point != Inst::NONE {
            self.f.insts[point.index()].op = Op::Fuel(units);
        }
    }

    #[inline]
    fn drop_values(&mut self, _: &[Value]) {}

    fn block(&mut self, shape: BlockShape<'_>, _: &mut [Value]) -> u32 {
        self.open_block(shape)
    }

    fn loop_(&mut self, shape: BlockShape<'_>, stack: &mut [Value]) -> u32 {
        self.open_loop(shape, stack)
    }

    fn if_(&mut self, shape: BlockShape<'_>, condition: Value, _: &mut [Value]) -> u32 {
        self.open_if(shape, condition)
    }

    fn else_(
        &mut self,
        label: u32,
        shape: BlockShape<'_>,
        _: bool,
        fallthrough: bool,
        stack: &mut Vec<Value>,
    ) {
        self.start_second_arm(label, shape, fallthrough, stack);
    }

    fn end(&mut self, label: u32, shape: BlockShape<'_>, fallthrough: bool, stack: &mut Vec<Value>) {
        self.end_construct(label, shape, fallthrough, stack);
    }

    fn end_unreachable(&mut self, label: u32) {
        if label == 0 {
            let info = self.info;
            self.end_function(info.types[self.f.type_index as usize].results());
        } else {
            debug_assert!(self.dead() || self.labels_open() > 0);
            self.close_label(label);
        }
    }

    fn br(&mut self, label: u32, stack: &mut [Value]) {
        self.branch(label, stack);
    }

    fn br_if(&mut self, label: u32, condition: Value, stack: &mut [Value]) {
        self.branch_if(label, condition, stack);
    }

    fn br_table(&mut self, index: Value, targets: &[u32], default: u32, stack: &mut [Value]) {
        self.branch_table(index, targets, default, stack);
    }

    fn unreachable(&mut self) {
        self.trap(Trap::Unreachable);
    }

    fn call(&mut self, function: u32, ty: &FunctionType, stack: &mut Vec<Value>) {
        let call = CallData { target: function, type_index: self.info.functions[function as usize] };
        self.emit_call(Op::Call, call, ty, None, stack);
    }

    fn call_indirect(
        &mut self,
        table: u32,
        type_index: u32,
        ty: &FunctionType,
        index: Value,
        stack: &mut Vec<Value>,
    ) {
        let call = CallData { target: table, type_index };
        self.emit_call(Op::CallIndirect, call, ty, Some(index), stack);
    }

    fn return_call(&mut self, function: u32, ty: &FunctionType, stack: &mut Vec<Value>) {
        let call = CallData { target: function, type_index: self.info.functions[function as usize] };
        self.leave_by_call(Op::ReturnCall, call, ty, None, stack);
    }

    fn return_call_indirect(
        &mut self,
        table: u32,
        type_index: u32,
        ty: &FunctionType,
        index: Value,
        stack: &mut Vec<Value>,
    ) {
        let call = CallData { target: table, type_index };
        self.leave_by_call(Op::ReturnCallIndirect, call, ty, Some(index), stack);
    }

    #[inline]
    fn local_get(&mut self, local: u32, ty: ValueType) -> Value {
        self.read_local(local, Type::of(ty))
    }

    #[inline]
    fn local_set(&mut self, local: u32, _: ValueType, value: Value, _: &mut [Value]) {
        self.s.locals.set(local, value);
    }

    #[inline]
    fn local_tee(&mut self, local: u32, _: ValueType, value: Value, _: &mut [Value]) -> Value {
        self.s.locals.set(local, value);
        value
    }

    fn global_get(&mut self, global: u32, ty: ValueType) -> Value {
        self.read_global(global, Type::of(ty))
    }

    fn global_set(&mut self, global: u32, _: ValueType, value: Value) {
        self.write_global(global, value);
    }

    #[inline]
    fn constant(&mut self, value: Const) -> Value {
        match value {
            Const::I32(value) => self.int(Type::I32, u64::from(value.cast_unsigned())),
            Const::I64(value) => self.int(Type::I64, value.cast_unsigned()),
            Const::F32(bits) => self.constant_bits(Type::F32, bits.into()),
            Const::F64(bits) => self.constant_bits(Type::F64, bits.into()),
            Const::V128(bits) => self.constant_bits(Type::V128, bits),
        }
    }

    fn unary(&mut self, op: UnaryOp, a: Value) -> Value {
        let a = self.resolve(a);
        self.emit_unary(op, a)
    }

    fn binary(&mut self, op: BinaryOp, a: Value, b: Value) -> Value {
        let (a, b) = (self.resolve(a), self.resolve(b));
        self.emit_binary(op, a, b)
    }

    fn ternary(&mut self, op: TernaryOp, a: Value, b: Value, c: Value) -> Value {
        let args = [self.resolve(a), self.resolve(b), self.resolve(c)];
        self.emit_ternary(op, args)
    }

    fn select(&mut self, ty: ValueType, condition: Value, a: Value, b: Value) -> Value {
        let args = [self.resolve(condition), self.resolve(a), self.resolve(b)];
        self.emit_select(Type::of(ty), args)
    }

    fn extract_lane(&mut self, op: ExtractLaneOp, lane: u8, vector: Value) -> Value {
        let vector = self.resolve(vector);
        self.emit_extract_lane(op, lane, vector)
    }

    fn replace_lane(&mut self, op: ReplaceLaneOp, lane: u8, vector: Value, value: Value) -> Value {
        let (vector, value) = (self.resolve(vector), self.resolve(value));
        self.emit_replace_lane(op, lane, vector, value)
    }

    fn shuffle(&mut self, lanes: [u8; 16], a: Value, b: Value) -> Value {
        let (a, b) = (self.resolve(a), self.resolve(b));
        if let Some(value) = self.simplify_shuffle(lanes, a, b) {
            return value;
        }
        // Shuffles are few and their lanes seldom the same: a known one is found by looking.
        let last = self.f.shuffles.len().saturating_sub(16);
        let known = self.f.shuffles[last..].iter().position(|other| *other == lanes);
        let id = known.map_or(self.f.shuffles.len(), |known| last + known) as u32;
        if known.is_none() {
            self.f.shuffles.push(lanes);
        }
        self.pure(Op::Shuffle(ShuffleId(id)), &[a, b], Type::V128)
    }

    fn ref_null(&mut self, ty: ValueType) -> Value {
        self.zero(Type::of(ty))
    }

    fn ref_is_null(&mut self, value: Value) -> Value {
        self.unary(UnaryOp::I64Eqz, value)
    }

    fn ref_func(&mut self, function: u32) -> Value {
        self.pure(Op::RefFunc(function), &[], Type::I64)
    }

    fn load(&mut self, op: LoadOp, arg: MemArg, address: Value) -> Value {
        self.emit_load(op, arg, address)
    }

    fn store(&mut self, op: StoreOp, arg: MemArg, address: Value, value: Value) {
        self.emit_store(op, arg, address, value);
    }

    fn load_lane(&mut self, op: LoadLaneOp, arg: MemArg, lane: u8, address: Value, vector: Value) -> Value {
        self.emit_load_lane(op, arg, lane, address, vector)
    }

    fn store_lane(&mut self, op: StoreLaneOp, arg: MemArg, lane: u8, address: Value, vector: Value) {
        self.emit_store_lane(op, arg, lane, address, vector);
    }

    fn memory_size(&mut self, memory: u32) -> Value {
        self.emit_memory_size(memory)
    }

    fn memory_grow(&mut self, memory: u32, delta: Value) -> Value {
        let ty = self.memory_type(memory);
        self.builtin_value(Builtin::MemoryGrow(memory), &[delta], ty)
    }

    fn memory_fill(&mut self, memory: u32, to: Value, value: Value, len: Value) {
        self.builtin(Builtin::MemoryFill(memory), &[to, value, len]);
    }

    fn memory_copy(&mut self, to_memory: u32, from_memory: u32, to: Value, from: Value, len: Value) {
        self.builtin(Builtin::MemoryCopy { to: to_memory, from: from_memory }, &[to, from, len]);
    }

    fn memory_init(&mut self, memory: u32, data: u32, to: Value, from: Value, len: Value) {
        self.builtin(Builtin::MemoryInit { memory, data }, &[to, from, len]);
    }

    fn data_drop(&mut self, data: u32) {
        self.builtin(Builtin::DataDrop(data), &[]);
    }

    fn table_get(&mut self, table: u32, index: Value) -> Value {
        self.effect_value(Op::TableGet(table), &[index], Type::I64, u64::MAX)
    }

    fn table_set(&mut self, table: u32, index: Value, value: Value) {
        self.effect(Op::TableSet(table), &[index, value]);
    }

    fn table_size(&mut self, table: u32) -> Value {
        let ty = self.table_type(table);
        self.effect_value(Op::TableSize(table), &[], ty, ty.max())
    }

    fn table_grow(&mut self, table: u32, init: Value, delta: Value) -> Value {
        let ty = self.table_type(table);
        self.builtin_value(Builtin::TableGrow(table), &[init, delta], ty)
    }

    fn table_fill(&mut self, table: u32, to: Value, value: Value, len: Value) {
        self.builtin(Builtin::TableFill(table), &[to, value, len]);
    }

    fn table_copy(&mut self, to_table: u32, from_table: u32, to: Value, from: Value, len: Value) {
        self.builtin(Builtin::TableCopy { to: to_table, from: from_table }, &[to, from, len]);
    }

    fn table_init(&mut self, table: u32, element: u32, to: Value, from: Value, len: Value) {
        self.builtin(Builtin::TableInit { table, element }, &[to, from, len]);
    }

    fn elem_drop(&mut self, element: u32) {
        self.builtin(Builtin::ElemDrop(element), &[]);
    }
}
