//! The translator as the walker sees it.

use wz_api::{FunctionType, ValueType};
use wz_decode::FunctionBuilder;
use wz_decode::builder::{BlockShape, Const, FunctionShape, MemArg, Position};
use wz_decode::ops::{
    BinaryOp, ExtractLaneOp, LoadLaneOp, LoadOp, ReplaceLaneOp, StoreLaneOp, StoreOp, TernaryOp, UnaryOp,
};

use super::control::Label;
use super::function::Translator;
use super::storage::Bulk;
use super::value::Value;
use crate::class::Class;
use crate::exec::{bulk, scalar, state, vector};

impl FunctionBuilder for Translator<'_> {
    type Value = Value;
    type Label = Label;
    type FuelPoint = u32;

    fn begin(&mut self, shape: FunctionShape<'_>) -> Label {
        self.start(shape);
        self.open_function(shape.ty.results())
    }

    #[inline(always)]
    fn at(&mut self, position: Position) {
        self.at = position;
        self.out.operator(position.code_offset);
        if self.request.probes.is_some() {
            self.put_probes();
        }
    }

    fn fuel_point(&mut self) -> u32 {
        self.put_fuel()
    }

    fn set_fuel(&mut self, point: u32, units: u32) {
        self.out.set_upper(point, units);
    }

    fn drop_values(&mut self, values: &[Value]) {
        for value in values.iter().rev() {
            self.forget(*value);
        }
    }

    fn block(&mut self, shape: BlockShape<'_>, stack: &mut [Value]) -> Label {
        self.open_block(shape, stack)
    }

    fn loop_(&mut self, shape: BlockShape<'_>, stack: &mut [Value]) -> Label {
        self.open_loop(shape, stack)
    }

    fn if_(&mut self, shape: BlockShape<'_>, condition: Value, stack: &mut [Value]) -> Label {
        self.open_if(shape, condition, stack)
    }

    fn else_(
        &mut self,
        label: Label,
        shape: BlockShape<'_>,
        explicit: bool,
        fallthrough: bool,
        stack: &mut Vec<Value>,
    ) {
        self.second_arm(label, shape, explicit, fallthrough, stack);
    }

    fn end(&mut self, label: Label, shape: BlockShape<'_>, fallthrough: bool, stack: &mut Vec<Value>) {
        self.close_construct(label, shape, fallthrough, stack);
    }

    fn end_unreachable(&mut self, label: Label) {
        self.close_unreachable(label);
    }

    fn br(&mut self, label: Label, stack: &mut [Value]) {
        self.branch(label, stack);
    }

    fn br_if(&mut self, label: Label, condition: Value, stack: &mut [Value]) {
        self.branch_if(label, condition, stack);
    }

    fn br_table(&mut self, index: Value, targets: &[Label], default: Label, stack: &mut [Value]) {
        self.branch_table(index, targets, default, stack);
    }

    fn unreachable(&mut self) {
        self.put_site(&state::UNREACHABLE, 0);
        self.barrier();
    }

    fn call(&mut self, function: u32, ty: &FunctionType, stack: &mut Vec<Value>) {
        self.put_call(function, ty, stack);
    }

    fn call_indirect(
        &mut self,
        table: u32,
        type_index: u32,
        ty: &FunctionType,
        index: Value,
        stack: &mut Vec<Value>,
    ) {
        self.put_call_indirect(table, type_index, ty, index, stack);
    }

    fn return_call(&mut self, function: u32, ty: &FunctionType, stack: &mut Vec<Value>) {
        self.put_tail_call(function, ty, stack);
    }

    fn return_call_indirect(
        &mut self,
        table: u32,
        type_index: u32,
        ty: &FunctionType,
        index: Value,
        stack: &mut Vec<Value>,
    ) {
        self.put_tail_call_indirect(table, type_index, ty, index, stack);
    }

    #[inline]
    fn local_get(&mut self, local: u32, ty: ValueType) -> Value {
        self.get_local(local, ty)
    }

    fn local_set(&mut self, local: u32, _: ValueType, value: Value, stack: &mut [Value]) {
        self.set_local(local, value, stack);
    }

    fn local_tee(&mut self, local: u32, ty: ValueType, value: Value, stack: &mut [Value]) -> Value {
        self.tee_local(local, ty, value, stack)
    }

    fn global_get(&mut self, global: u32, ty: ValueType) -> Value {
        self.get_global(global, ty)
    }

    fn global_set(&mut self, global: u32, ty: ValueType, value: Value) {
        self.set_global(global, ty, value);
    }

    #[inline]
    fn constant(&mut self, value: Const) -> Value {
        match value {
            Const::I32(value) => self.constant_number(u64::from(value.cast_unsigned())),
            Const::I64(value) => self.constant_number(value.cast_unsigned()),
            Const::F32(bits) => self.constant_number(bits.into()),
            Const::F64(bits) => self.constant_number(bits),
            Const::V128(bits) => self.constant_vector(bits),
        }
    }

    fn unary(&mut self, op: UnaryOp, a: Value) -> Value {
        match (scalar::unary_op(op), vector::vector_unary(op)) {
            (Some(ops), _) => self.unary_number(op, ops, a),
            (None, Some(vector)) => self.unary_vector(op, &vector, a),
            (None, None) => unreachable!("{op} is in one of the tables"),
        }
    }

    fn binary(&mut self, op: BinaryOp, a: Value, b: Value) -> Value {
        match scalar::binary_ops(op) {
            Some(ops) => self.binary_number(op, ops, a, b),
            None => match vector::vector_binary(op) {
                Some(vector) => self.binary_vector(op, &vector, a, b),
                None => unreachable!("{op} is in one of the tables"),
            },
        }
    }

    fn ternary(&mut self, op: TernaryOp, a: Value, b: Value, c: Value) -> Value {
        self.ternary_vector(op, a, b, c)
    }

    fn select(&mut self, ty: ValueType, condition: Value, a: Value, b: Value) -> Value {
        match Class::of(ty) {
            Some(class) => self.select_number(class, condition, a, b),
            None => self.select_vector(condition, a, b),
        }
    }

    fn extract_lane(&mut self, op: ExtractLaneOp, lane: u8, vector: Value) -> Value {
        self.get_lane(op, lane, vector)
    }

    fn replace_lane(&mut self, op: ReplaceLaneOp, lane: u8, vector: Value, value: Value) -> Value {
        self.with_lane(op, lane, vector, value)
    }

    fn shuffle(&mut self, lanes: [u8; 16], a: Value, b: Value) -> Value {
        self.put_shuffle(lanes, a, b)
    }

    fn ref_null(&mut self, _: ValueType) -> Value {
        self.constant_number(0)
    }

    fn ref_is_null(&mut self, value: Value) -> Value {
        self.is_null(value)
    }

    fn ref_func(&mut self, function: u32) -> Value {
        self.get_ref_func(function)
    }

    fn load(&mut self, op: LoadOp, arg: MemArg, address: Value) -> Value {
        self.put_load(op, arg, address)
    }

    fn store(&mut self, op: StoreOp, arg: MemArg, address: Value, value: Value) {
        self.put_store(op, arg, address, value);
    }

    fn load_lane(&mut self, op: LoadLaneOp, arg: MemArg, lane: u8, address: Value, vector: Value) -> Value {
        self.put_load_lane(op, arg, lane, address, vector)
    }

    fn store_lane(&mut self, op: StoreLaneOp, arg: MemArg, lane: u8, address: Value, vector: Value) {
        self.put_store_lane(op, arg, lane, address, vector);
    }

    fn memory_size(&mut self, memory: u32) -> Value {
        self.size(&state::MEMORY_SIZE, memory)
    }

    fn memory_grow(&mut self, memory: u32, delta: Value) -> Value {
        let narrow = self.narrow_memory(memory);
        let delta = self.charge_run(&state::FUEL_BYTES, delta, 65536, narrow);
        let bulk = Bulk {
            op: &bulk::MEMORY_GROW,
            operands: &[delta],
            indices: [memory, 0],
            narrow: [narrow, narrow, false, false],
        };
        self.get_bulk(&bulk, delta.home, true)
    }

    fn memory_fill(&mut self, memory: u32, to: Value, value: Value, len: Value) {
        let narrow = self.narrow_memory(memory);
        let len = self.charge_run(&state::FUEL_BYTES, len, 1, narrow);
        self.put_bulk(&Bulk {
            op: &bulk::MEMORY_FILL,
            operands: &[to, value, len],
            indices: [memory, 0],
            narrow: [false, narrow, true, narrow],
        });
    }

    fn memory_copy(&mut self, to_memory: u32, from_memory: u32, to: Value, from: Value, len: Value) {
        let narrow = [self.narrow_memory(to_memory), self.narrow_memory(from_memory)];
        let len = self.charge_run(&state::FUEL_BYTES, len, 1, narrow[0] || narrow[1]);
        self.put_bulk(&Bulk {
            op: &bulk::MEMORY_COPY,
            operands: &[to, from, len],
            indices: [to_memory, from_memory],
            narrow: [false, narrow[0], narrow[1], narrow[0] || narrow[1]],
        });
    }

    fn memory_init(&mut self, memory: u32, data: u32, to: Value, from: Value, len: Value) {
        let len = self.charge_run(&state::FUEL_BYTES, len, 1, true);
        self.put_bulk(&Bulk {
            op: &bulk::MEMORY_INIT,
            operands: &[to, from, len],
            indices: [memory, data],
            narrow: [false, self.narrow_memory(memory), true, true],
        });
    }

    fn data_drop(&mut self, data: u32) {
        self.put_bulk(&Bulk { op: &bulk::DATA_DROP, operands: &[], indices: [data, 0], narrow: [false; 4] });
    }

    fn table_get(&mut self, table: u32, index: Value) -> Value {
        let bulk = Bulk {
            op: &bulk::TABLE_GET,
            operands: &[index],
            indices: [table, 0],
            narrow: [false, self.narrow_table(table), false, false],
        };
        self.get_bulk(&bulk, index.home, false)
    }

    fn table_set(&mut self, table: u32, index: Value, value: Value) {
        self.put_bulk(&Bulk {
            op: &bulk::TABLE_SET,
            operands: &[index, value],
            indices: [table, 0],
            narrow: [false, self.narrow_table(table), false, false],
        });
    }

    fn table_size(&mut self, table: u32) -> Value {
        self.size(&state::TABLE_SIZE, table)
    }

    fn table_grow(&mut self, table: u32, init: Value, delta: Value) -> Value {
        let narrow = self.narrow_table(table);
        let delta = self.charge_run(&state::FUEL_ELEMENTS, delta, 1, narrow);
        let bulk = Bulk {
            op: &bulk::TABLE_GROW,
            operands: &[init, delta],
            indices: [table, 0],
            narrow: [narrow, false, narrow, false],
        };
        self.get_bulk(&bulk, init.home, true)
    }

    fn table_fill(&mut self, table: u32, to: Value, value: Value, len: Value) {
        let narrow = self.narrow_table(table);
        let len = self.charge_run(&state::FUEL_ELEMENTS, len, 1, narrow);
        self.put_bulk(&Bulk {
            op: &bulk::TABLE_FILL,
            operands: &[to, value, len],
            indices: [table, 0],
            narrow: [false, narrow, false, narrow],
        });
    }

    fn table_copy(&mut self, to_table: u32, from_table: u32, to: Value, from: Value, len: Value) {
        let narrow = [self.narrow_table(to_table), self.narrow_table(from_table)];
        let len = self.charge_run(&state::FUEL_ELEMENTS, len, 1, narrow[0] || narrow[1]);
        self.put_bulk(&Bulk {
            op: &bulk::TABLE_COPY,
            operands: &[to, from, len],
            indices: [to_table, from_table],
            narrow: [false, narrow[0], narrow[1], narrow[0] || narrow[1]],
        });
    }

    fn table_init(&mut self, table: u32, element: u32, to: Value, from: Value, len: Value) {
        let len = self.charge_run(&state::FUEL_ELEMENTS, len, 1, true);
        self.put_bulk(&Bulk {
            op: &bulk::TABLE_INIT,
            operands: &[to, from, len],
            indices: [table, element],
            narrow: [false, self.narrow_table(table), true, true],
        });
    }

    fn elem_drop(&mut self, element: u32) {
        self.put_bulk(&Bulk {
            op: &bulk::ELEM_DROP,
            operands: &[],
            indices: [element, 0],
            narrow: [false; 4],
        });
    }
}
