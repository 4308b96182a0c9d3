//! [`Scan`]: what the build has to know of a body before it starts: in which order locals are
//! set, and when loops end. It is a builder itself, so that it sees what the build will see.

use wz_api::{FunctionType, ValueType};
use wz_decode::FunctionBuilder;
use wz_decode::builder::{BlockShape, Const, FunctionShape, MemArg, Position};
use wz_decode::ops::{
    BinaryOp, ExtractLaneOp, LoadLaneOp, LoadOp, ReplaceLaneOp, StoreLaneOp, StoreOp, TernaryOp, UnaryOp,
};

/// What was found out of a body.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The locals set, in order.
    pub(super) sets: Vec<u32>,
    /// The loops, in order of their start.
    pub(super) loops: Vec<LoopScan>,
    /// How many locals there are.
    pub(super) local_count: usize,
    /// How many branches there are, roughly.
    pub(super) branches: usize,
}

/// What was found out of a loop.
#[derive(Clone, Copy, Debug)]
pub(super) struct LoopScan {
    /// How many locals were set before the loop ends.
    pub(super) end: u32,
    /// Whether a branch goes back to the start.
    pub(super) repeats: bool,
}

impl Scan {
    /// Forgets the last body.
    pub(super) fn clear(&mut self) {
        self.sets.clear();
        self.loops.clear();
        self.local_count = 0;
        self.branches = 0;
    }

    fn branch(&mut self, label: u32) {
        self.branches += 1;
        if let Some(entry) = self.loops.get_mut(label as usize) {
            entry.repeats = true;
        }
    }

    fn close(&mut self, label: u32) {
        let end = self.sets.len() as u32;
        if let Some(entry) = self.loops.get_mut(label as usize) {
            entry.end = end;
        }
    }

    /// Leaves as many operands on the stack as the construct or call has results.
    fn resize(stack: &mut Vec<()>, len: usize) {
        stack.resize(len, ());
    }
}

/// The label of what is not a loop.
const OTHER: u32 = u32::MAX;

impl FunctionBuilder for Scan {
    type Value = ();
    type Label = u32;
    type FuelPoint = ();

    fn begin(&mut self, shape: FunctionShape<'_>) -> u32 {
        self.local_count = shape.locals.len();
        OTHER
    }
    #[inline(always)]
    fn at(&mut self, _: Position) {}
    fn fuel_point(&mut self) {}
    fn set_fuel(&mut self, (): (), _: u32) {}
    fn drop_values(&mut self, _: &[()]) {}

    fn block(&mut self, _: BlockShape<'_>, _: &mut [()]) -> u32 {
        OTHER
    }
    fn loop_(&mut self, _: BlockShape<'_>, _: &mut [()]) -> u32 {
        self.loops.push(LoopScan { end: 0, repeats: false });
        self.loops.len() as u32 - 1
    }
    fn if_(&mut self, _: BlockShape<'_>, (): (), _: &mut [()]) -> u32 {
        OTHER
    }
    fn else_(&mut self, _: u32, shape: BlockShape<'_>, _: bool, _: bool, stack: &mut Vec<()>) {
        Self::resize(stack, shape.height as usize);
    }
    fn end(&mut self, label: u32, shape: BlockShape<'_>, _: bool, stack: &mut Vec<()>) {
        self.close(label);
        Self::resize(stack, shape.height as usize + shape.results.len());
    }
    fn end_unreachable(&mut self, label: u32) {
        self.close(label);
    }
    fn br(&mut self, label: u32, _: &mut [()]) {
        self.branch(label);
    }
    fn br_if(&mut self, label: u32, (): (), _: &mut [()]) {
        self.branch(label);
    }
    fn br_table(&mut self, (): (), targets: &[u32], default: u32, _: &mut [()]) {
        for label in targets {
            self.branch(*label);
        }
        self.branch(default);
    }
    fn unreachable(&mut self) {}

    fn call(&mut self, _: u32, ty: &FunctionType, stack: &mut Vec<()>) {
        Self::resize(stack, stack.len() - ty.params().len() + ty.results().len());
    }
    fn call_indirect(&mut self, _: u32, _: u32, ty: &FunctionType, (): (), stack: &mut Vec<()>) {
        Self::resize(stack, stack.len() - ty.params().len() + ty.results().len());
    }
    fn return_call(&mut self, _: u32, ty: &FunctionType, stack: &mut Vec<()>) {
        Self::resize(stack, stack.len() - ty.params().len());
    }
    fn return_call_indirect(&mut self, _: u32, _: u32, ty: &FunctionType, (): (), stack: &mut Vec<()>) {
        Self::resize(stack, stack.len() - ty.params().len());
    }

    #[inline(always)]
    fn local_get(&mut self, _: u32, _: ValueType) {}
    #[inline(always)]
    fn local_set(&mut self, local: u32, _: ValueType, (): (), _: &mut [()]) {
        self.sets.push(local);
    }
    #[inline(always)]
    fn local_tee(&mut self, local: u32, _: ValueType, (): (), _: &mut [()]) {
        self.sets.push(local);
    }
    fn global_get(&mut self, _: u32, _: ValueType) {}
    fn global_set(&mut self, _: u32, _: ValueType, (): ()) {}

    fn constant(&mut self, _: Const) {}
    fn unary(&mut self, _: UnaryOp, (): ()) {}
    fn binary(&mut self, _: BinaryOp, (): (), (): ()) {}
    fn ternary(&mut self, _: TernaryOp, (): (), (): (), (): ()) {}
    fn select(&mut self, _: ValueType, (): (), (): (), (): ()) {}
    fn extract_lane(&mut self, _: ExtractLaneOp, _: u8, (): ()) {}
    fn replace_lane(&mut self, _: ReplaceLaneOp, _: u8, (): (), (): ()) {}
    fn shuffle(&mut self, _: [u8; 16], (): (), (): ()) {}
    fn ref_null(&mut self, _: ValueType) {}
    fn ref_is_null(&mut self, (): ()) {}
    fn ref_func(&mut self, _: u32) {}
    fn load(&mut self, _: LoadOp, _: MemArg, (): ()) {}
    fn store(&mut self, _: StoreOp, _: MemArg, (): (), (): ()) {}
    fn load_lane(&mut self, _: LoadLaneOp, _: MemArg, _: u8, (): (), (): ()) {}
    fn store_lane(&mut self, _: StoreLaneOp, _: MemArg, _: u8, (): (), (): ()) {}
    fn memory_size(&mut self, _: u32) {}
    fn memory_grow(&mut self, _: u32, (): ()) {}
    fn memory_fill(&mut self, _: u32, (): (), (): (), (): ()) {}
    fn memory_copy(&mut self, _: u32, _: u32, (): (), (): (), (): ()) {}
    fn memory_init(&mut self, _: u32, _: u32, (): (), (): (), (): ()) {}
    fn data_drop(&mut self, _: u32) {}
    fn table_get(&mut self, _: u32, (): ()) {}
    fn table_set(&mut self, _: u32, (): (), (): ()) {}
    fn table_size(&mut self, _: u32) {}
    fn table_grow(&mut self, _: u32, (): (), (): ()) {}
    fn table_fill(&mut self, _: u32, (): (), (): (), (): ()) {}
    fn table_copy(&mut self, _: u32, _: u32, (): (), (): (), (): ()) {}
    fn table_init(&mut self, _: u32, _: u32, (): (), (): (), (): ()) {}
    fn elem_drop(&mut self, _: u32) {}
}
