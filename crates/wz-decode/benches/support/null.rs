//! [`Null`]: a builder that makes nothing, to measure the walker alone.

use std::hint::black_box;

use wz_api::{FunctionType, ValueType};
use wz_decode::builder::{BlockShape, Const, FunctionBuilder, FunctionShape, MemArg, Position};
use wz_decode::ops::{
    BinaryOp, ExtractLaneOp, LoadLaneOp, LoadOp, ReplaceLaneOp, StoreLaneOp, StoreOp, TernaryOp, UnaryOp,
};

/// Counts operators, so that nothing is optimized away.
#[derive(Debug, Default)]
pub(crate) struct Null {
    next: u32,
}

impl Null {
    #[inline]
    fn make(&mut self) -> u32 {
        self.next = black_box(self.next + 1);
        self.next
    }

    fn called(&mut self, ty: &FunctionType, stack: &mut Vec<u32>) {
        self.left(ty, stack);
        for _ in ty.results() {
            stack.push(self.make());
        }
    }

    fn left(&mut self, ty: &FunctionType, stack: &mut Vec<u32>) {
        stack.truncate(stack.len() - ty.params().len());
    }
}

impl FunctionBuilder for Null {
    type Value = u32;
    type Label = u32;
    type FuelPoint = u32;

    fn begin(&mut self, _: FunctionShape<'_>) -> u32 {
        self.make()
    }
    fn at(&mut self, position: Position) {
        black_box(position.code_offset);
    }
    fn fuel_point(&mut self) -> u32 {
        self.make()
    }
    fn set_fuel(&mut self, _: u32, _: u32) {}
    fn drop_values(&mut self, _: &[u32]) {}
    fn block(&mut self, _: BlockShape<'_>, _: &mut [u32]) -> u32 {
        self.make()
    }
    fn loop_(&mut self, _: BlockShape<'_>, _: &mut [u32]) -> u32 {
        self.make()
    }
    fn if_(&mut self, _: BlockShape<'_>, _: u32, _: &mut [u32]) -> u32 {
        self.make()
    }
    fn else_(&mut self, _: u32, shape: BlockShape<'_>, _: bool, _: bool, stack: &mut Vec<u32>) {
        stack.truncate(shape.height as usize);
    }
    fn end(&mut self, _: u32, shape: BlockShape<'_>, _: bool, stack: &mut Vec<u32>) {
        stack.resize(shape.height as usize + shape.results.len(), 0);
    }
    fn end_unreachable(&mut self, _: u32) {}
    fn br(&mut self, _: u32, _: &mut [u32]) {}
    fn br_if(&mut self, _: u32, _: u32, _: &mut [u32]) {}
    fn br_table(&mut self, _: u32, _: &[u32], _: u32, _: &mut [u32]) {}
    fn unreachable(&mut self) {}
    fn call(&mut self, _: u32, ty: &FunctionType, stack: &mut Vec<u32>) {
        self.called(ty, stack);
    }
    fn call_indirect(&mut self, _: u32, _: u32, ty: &FunctionType, _: u32, stack: &mut Vec<u32>) {
        self.called(ty, stack);
    }
    fn return_call(&mut self, _: u32, ty: &FunctionType, stack: &mut Vec<u32>) {
        self.left(ty, stack);
    }
    fn return_call_indirect(&mut self, _: u32, _: u32, ty: &FunctionType, _: u32, stack: &mut Vec<u32>) {
        self.left(ty, stack);
    }
    fn local_get(&mut self, _: u32, _: ValueType) -> u32 {
        self.make()
    }
    fn local_set(&mut self, _: u32, _: ValueType, _: u32, _: &mut [u32]) {}
    fn local_tee(&mut self, _: u32, _: ValueType, _: u32, _: &mut [u32]) -> u32 {
        self.make()
    }
    fn global_get(&mut self, _: u32, _: ValueType) -> u32 {
        self.make()
    }
    fn global_set(&mut self, _: u32, _: ValueType, _: u32) {}
    fn constant(&mut self, value: Const) -> u32 {
        black_box(value);
        self.make()
    }
    fn unary(&mut self, _: UnaryOp, _: u32) -> u32 {
        self.make()
    }
    fn binary(&mut self, _: BinaryOp, _: u32, _: u32) -> u32 {
        self.make()
    }
    fn ternary(&mut self, _: TernaryOp, _: u32, _: u32, _: u32) -> u32 {
        self.make()
    }
    fn select(&mut self, _: ValueType, _: u32, _: u32, _: u32) -> u32 {
        self.make()
    }
    fn extract_lane(&mut self, _: ExtractLaneOp, _: u8, _: u32) -> u32 {
        self.make()
    }
    fn replace_lane(&mut self, _: ReplaceLaneOp, _: u8, _: u32, _: u32) -> u32 {
        self.make()
    }
    fn shuffle(&mut self, _: [u8; 16], _: u32, _: u32) -> u32 {
        self.make()
    }
    fn ref_null(&mut self, _: ValueType) -> u32 {
        self.make()
    }
    fn ref_is_null(&mut self, _: u32) -> u32 {
        self.make()
    }
    fn ref_func(&mut self, _: u32) -> u32 {
        self.make()
    }
    fn load(&mut self, _: LoadOp, arg: MemArg, _: u32) -> u32 {
        black_box(arg);
        self.make()
    }
    fn store(&mut self, _: StoreOp, arg: MemArg, _: u32, _: u32) {
        black_box(arg);
    }
    fn load_lane(&mut self, _: LoadLaneOp, _: MemArg, _: u8, _: u32, _: u32) -> u32 {
        self.make()
    }
    fn store_lane(&mut self, _: StoreLaneOp, _: MemArg, _: u8, _: u32, _: u32) {}
    fn memory_size(&mut self, _: u32) -> u32 {
        self.make()
    }
    fn memory_grow(&mut self, _: u32, _: u32) -> u32 {
        self.make()
    }
    fn memory_fill(&mut self, _: u32, _: u32, _: u32, _: u32) {}
    fn memory_copy(&mut self, _: u32, _: u32, _: u32, _: u32, _: u32) {}
    fn memory_init(&mut self, _: u32, _: u32, _: u32, _: u32, _: u32) {}
    fn data_drop(&mut self, _: u32) {}
    fn table_get(&mut self, _: u32, _: u32) -> u32 {
        self.make()
    }
    fn table_set(&mut self, _: u32, _: u32, _: u32) {}
    fn table_size(&mut self, _: u32) -> u32 {
        self.make()
    }
    fn table_grow(&mut self, _: u32, _: u32, _: u32) -> u32 {
        self.make()
    }
    fn table_fill(&mut self, _: u32, _: u32, _: u32, _: u32) {}
    fn table_copy(&mut self, _: u32, _: u32, _: u32, _: u32, _: u32) {}
    fn table_init(&mut self, _: u32, _: u32, _: u32, _: u32, _: u32) {}
    fn elem_drop(&mut self, _: u32) {}
}
