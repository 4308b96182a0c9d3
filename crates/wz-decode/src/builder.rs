//! [`FunctionBuilder`]: what the operator walker drives. The walker owns structured control,
//! reachability and operand types; the builder owns values. Both engines implement it.
//!
//! # Contract
//! - Only reachable operators reach the builder. Bodies are validated before they are walked.
//! - [`at`](FunctionBuilder::at) is called before each operator with its offset and the height
//!   of the operand stack before its operands are popped.
//! - An operator with a fixed number of operands takes and gives [`Value`](FunctionBuilder::Value)s.
//!   Where operands are many or a control edge is crossed, the builder sees the whole live operand
//!   stack and may rewrite it: the interpreter moves values to fixed places before an edge and
//!   keeps a copy of a local before it is overwritten; the SSA builder turns them into block
//!   arguments.
//! - A [`Label`](FunctionBuilder::Label) is the target of branches to one control construct: the
//!   header of a loop, the end of everything else. The function body is one too, and branching to
//!   it is returning. The `n` topmost values of the stack at an edge are the values carried.
//! - `if` always gets an [`else_`](FunctionBuilder::else_); `explicit` says whether it was written.
//! - Builders do not fail in between: they note what went wrong and say so when they are finished.

use wz_api::{FunctionType, ValueType};

use crate::ops::{
    BinaryOp, ExtractLaneOp, LoadLaneOp, LoadOp, ReplaceLaneOp, StoreLaneOp, StoreOp, TernaryOp, UnaryOp,
};

/// A constant operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Const {
    /// `i32.const`
    I32(i32),
    /// `i64.const`
    I64(i64),
    /// `f32.const`, as bits.
    F32(u32),
    /// `f64.const`, as bits.
    F64(u64),
    /// `v128.const`, little-endian.
    V128(u128),
}

/// The static part of a memory access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MemArg {
    /// The memory's index.
    pub memory: u32,
    /// Added to the address operand, in bytes; below 2^32 for 32-bit memories.
    pub offset: u64,
    /// The alignment hint: the exponent of a power of two.
    pub align: u8,
}

/// Where the walker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The operator's offset in the body of the Code section.
    pub code_offset: u32,
    /// How many operands are on the stack before the operator pops any.
    pub height: u32,
    /// The same in `u64` slots (a `v128` takes two).
    pub height_slots: u32,
}

/// The types that enter and leave a control construct, and where its operands begin.
#[derive(Clone, Copy, Debug)]
pub struct BlockShape<'a> {
    /// The types of the parameters.
    pub params: &'a [ValueType],
    /// The types of the results.
    pub results: &'a [ValueType],
    /// The height of the operand stack below the parameters, in values.
    pub height: u32,
    /// The same in `u64` slots.
    pub height_slots: u32,
}

/// What a builder needs to know of the function before its first operator.
#[derive(Clone, Copy, Debug)]
pub struct FunctionShape<'a> {
    /// The function's index in the module, imports included.
    pub index: u32,
    /// The function's type.
    pub ty: &'a FunctionType,
    /// The types of all locals, parameters first.
    pub locals: &'a [ValueType],
    /// The offset of the first operator in the body of the Code section.
    pub code_offset: u32,
    /// The length of the body in bytes, for reserving space.
    pub body_len: usize,
}

/// Builds code from the operators of one function. See the module's documentation.
#[allow(clippy::too_many_arguments)]
pub trait FunctionBuilder {
    /// An operand.
    type Value: Copy;
    /// A branch target.
    type Label: Copy;
    /// A place that is told its fuel later.
    type FuelPoint: Copy;

    /// Starts the function; the label is that of its body.
    fn begin(&mut self, shape: FunctionShape<'_>) -> Self::Label;
    /// Announces the next operator.
    fn at(&mut self, position: Position);
    /// Places a point that consumes fuel before what follows it. Only called when metering.
    fn fuel_point(&mut self) -> Self::FuelPoint;
    /// Tells the number of fuel units that `point` consumes.
    fn set_fuel(&mut self, point: Self::FuelPoint, units: u32);
    /// These operands are gone without having been used: `drop`, or code after them is unreachable.
    /// What a branch carries is not among them.
    fn drop_values(&mut self, values: &[Self::Value]);

    // Control.

    /// Starts a block; the stack's topmost values are its parameters.
    fn block(&mut self, shape: BlockShape<'_>, stack: &mut [Self::Value]) -> Self::Label;
    /// Starts a loop: the parameters on the stack become those of the header.
    fn loop_(&mut self, shape: BlockShape<'_>, stack: &mut [Self::Value]) -> Self::Label;
    /// Starts the first arm of an `if`, taken if `condition` is not zero.
    fn if_(
        &mut self,
        shape: BlockShape<'_>,
        condition: Self::Value,
        stack: &mut [Self::Value],
    ) -> Self::Label;
    /// Starts the second arm of an `if`. If `fallthrough`, the first arm ends here with the
    /// results on top of the stack. On return the stack has the values below the parameters; the
    /// walker pushes the parameters as [`if_`](Self::if_) left them.
    fn else_(
        &mut self,
        label: Self::Label,
        shape: BlockShape<'_>,
        explicit: bool,
        fallthrough: bool,
        stack: &mut Vec<Self::Value>,
    );
    /// Ends a block, loop or `if` that is left at its end, by falling through (then the results
    /// are on top of the stack) or by a branch. On return the results are on top of the stack.
    fn end(
        &mut self,
        label: Self::Label,
        shape: BlockShape<'_>,
        fallthrough: bool,
        stack: &mut Vec<Self::Value>,
    );
    /// Ends a block, loop or `if` whose end is unreachable, or the function. A function whose end
    /// is reached returns first, by [`br`](Self::br).
    fn end_unreachable(&mut self, label: Self::Label);
    /// Branches; with the function's label, returns.
    fn br(&mut self, label: Self::Label, stack: &mut [Self::Value]);
    /// Branches if `condition` is not zero.
    fn br_if(&mut self, label: Self::Label, condition: Self::Value, stack: &mut [Self::Value]);
    /// Branches to the target that `index` selects, or to `default`.
    fn br_table(
        &mut self,
        index: Self::Value,
        targets: &[Self::Label],
        default: Self::Label,
        stack: &mut [Self::Value],
    );
    /// Traps.
    fn unreachable(&mut self);

    // Calls: arguments are popped from the stack, results pushed.

    /// Calls a function by index.
    fn call(&mut self, function: u32, ty: &FunctionType, stack: &mut Vec<Self::Value>);
    /// Calls a function from a table; `type_index` is its expected type.
    fn call_indirect(
        &mut self,
        table: u32,
        type_index: u32,
        ty: &FunctionType,
        index: Self::Value,
        stack: &mut Vec<Self::Value>,
    );
    /// Leaves the function by calling another; the arguments are on top of the stack.
    fn return_call(&mut self, function: u32, ty: &FunctionType, stack: &mut Vec<Self::Value>);
    /// Leaves the function by calling one from a table.
    fn return_call_indirect(
        &mut self,
        table: u32,
        type_index: u32,
        ty: &FunctionType,
        index: Self::Value,
        stack: &mut Vec<Self::Value>,
    );

    // Locals and globals.

    /// Reads a local.
    fn local_get(&mut self, local: u32, ty: ValueType) -> Self::Value;
    /// Writes a local; `value` is off the stack already.
    fn local_set(&mut self, local: u32, ty: ValueType, value: Self::Value, stack: &mut [Self::Value]);
    /// Writes a local and keeps the value.
    fn local_tee(
        &mut self,
        local: u32,
        ty: ValueType,
        value: Self::Value,
        stack: &mut [Self::Value],
    ) -> Self::Value;
    /// Reads a global.
    fn global_get(&mut self, global: u32, ty: ValueType) -> Self::Value;
    /// Writes a global.
    fn global_set(&mut self, global: u32, ty: ValueType, value: Self::Value);

    // Numbers and vectors.

    /// A constant.
    fn constant(&mut self, value: Const) -> Self::Value;
    /// An operator with one operand.
    fn unary(&mut self, op: UnaryOp, a: Self::Value) -> Self::Value;
    /// An operator with two operands.
    fn binary(&mut self, op: BinaryOp, a: Self::Value, b: Self::Value) -> Self::Value;
    /// A vector operator with three operands.
    fn ternary(&mut self, op: TernaryOp, a: Self::Value, b: Self::Value, c: Self::Value) -> Self::Value;
    /// `select`: `a` if `condition` is not zero, else `b`.
    fn select(
        &mut self,
        ty: ValueType,
        condition: Self::Value,
        a: Self::Value,
        b: Self::Value,
    ) -> Self::Value;
    /// Takes a lane out of a vector.
    fn extract_lane(&mut self, op: ExtractLaneOp, lane: u8, vector: Self::Value) -> Self::Value;
    /// Replaces a lane of a vector.
    fn replace_lane(
        &mut self,
        op: ReplaceLaneOp,
        lane: u8,
        vector: Self::Value,
        value: Self::Value,
    ) -> Self::Value;
    /// `i8x16.shuffle`: lanes 0 to 15 are of `a`, 16 to 31 of `b`.
    fn shuffle(&mut self, lanes: [u8; 16], a: Self::Value, b: Self::Value) -> Self::Value;

    // References.

    /// A null reference.
    fn ref_null(&mut self, ty: ValueType) -> Self::Value;
    /// Whether a reference is null, as an `i32`.
    fn ref_is_null(&mut self, value: Self::Value) -> Self::Value;
    /// A reference to a function of the module.
    fn ref_func(&mut self, function: u32) -> Self::Value;

    // Memories. Addresses and sizes have the memory's address type.

    /// Loads.
    fn load(&mut self, op: LoadOp, arg: MemArg, address: Self::Value) -> Self::Value;
    /// Stores.
    fn store(&mut self, op: StoreOp, arg: MemArg, address: Self::Value, value: Self::Value);
    /// Loads one lane of a vector.
    fn load_lane(
        &mut self,
        op: LoadLaneOp,
        arg: MemArg,
        lane: u8,
        address: Self::Value,
        vector: Self::Value,
    ) -> Self::Value;
    /// Stores one lane of a vector.
    fn store_lane(
        &mut self,
        op: StoreLaneOp,
        arg: MemArg,
        lane: u8,
        address: Self::Value,
        vector: Self::Value,
    );
    /// The size in pages.
    fn memory_size(&mut self, memory: u32) -> Self::Value;
    /// Grows by `delta` pages; the size before, or -1.
    fn memory_grow(&mut self, memory: u32, delta: Self::Value) -> Self::Value;
    /// Fills `len` bytes at `to` with `value`.
    fn memory_fill(&mut self, memory: u32, to: Self::Value, value: Self::Value, len: Self::Value);
    /// Copies `len` bytes.
    fn memory_copy(
        &mut self,
        to_memory: u32,
        from_memory: u32,
        to: Self::Value,
        from: Self::Value,
        len: Self::Value,
    );
    /// Copies `len` bytes of a data segment.
    fn memory_init(&mut self, memory: u32, data: u32, to: Self::Value, from: Self::Value, len: Self::Value);
    /// Drops a data segment.
    fn data_drop(&mut self, data: u32);

    // Tables. Indices and sizes have the table's address type.

    /// Reads an element.
    fn table_get(&mut self, table: u32, index: Self::Value) -> Self::Value;
    /// Writes an element.
    fn table_set(&mut self, table: u32, index: Self::Value, value: Self::Value);
    /// The number of elements.
    fn table_size(&mut self, table: u32) -> Self::Value;
    /// Grows by `delta` elements that are `init`; the size before, or -1.
    fn table_grow(&mut self, table: u32, init: Self::Value, delta: Self::Value) -> Self::Value;
    /// Sets `len` elements at `to` to `value`.
    fn table_fill(&mut self, table: u32, to: Self::Value, value: Self::Value, len: Self::Value);
    /// Copies `len` elements.
    fn table_copy(
        &mut self,
        to_table: u32,
        from_table: u32,
        to: Self::Value,
        from: Self::Value,
        len: Self::Value,
    );
    /// Copies `len` elements of an element segment.
    fn table_init(&mut self, table: u32, element: u32, to: Self::Value, from: Self::Value, len: Self::Value);
    /// Drops an element segment.
    fn elem_drop(&mut self, element: u32);
}
