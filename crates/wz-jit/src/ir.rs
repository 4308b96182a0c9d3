//! The JIT's intermediate representation: SSA with block parameters, in flat arrays.
//!
//! A [`Function`] owns blocks, instructions and values. Instructions never move once they are
//! made: a block is a range of [`Function::schedule`], which lists instructions in order, and a
//! pass that moves or drops some writes a new schedule. Constants are values without an
//! instruction, so that every use is free to fold or to rematerialize them.
//! Operators keep the names and meanings of `wz_decode::ops`: folding is evaluating them. Memory
//! accesses stay accesses of a wasm memory; how they are checked is a matter of selection.
//!
//! All vectors keep their memory when a function is [`reset`](Function::reset) for the next one.

mod data;
mod index;
mod op;
mod probe;

pub use data::{Access, BlockData, BlockFlags, CallData, EdgeData, InstData, List, SwitchData, ValueDef};
pub use index::{AccessId, Block, BuiltinId, CallId, Edge, Inst, ProbeId, ShuffleId, SwitchId, Value};
pub use op::{Builtin, Effect, Op, Type};
pub use probe::{Probe, ProbeList};

use std::ops::Range;

/// A function in SSA form.
#[derive(Debug, Default)]
pub struct Function {
    /// The function's index in the module, imports included.
    pub index: u32,
    /// The index of the function's type in the module.
    pub type_index: u32,
    /// The offset in the body of the Code section of the first operator.
    pub first_operator: u32,
    /// The instructions, in order of creation.
    pub insts: Vec<InstData>,
    /// The instructions in order, block by block. Blocks are ranges of it.
    pub schedule: Vec<Inst>,
    /// The blocks, in order of creation. The first is where the function starts; its parameters
    /// are the function's.
    pub blocks: Vec<BlockData>,
    /// The blocks that exist, in the order of their code. Up to the pass `layout`, a block comes
    /// before all that it goes on to, except by a branch back to the header of a loop.
    pub layout: Vec<Block>,
    /// The same blocks so that what dominates comes first and the blocks of a loop are next to
    /// each other, the header first. Known after the pass `layout`.
    pub order: Vec<Block>,
    /// The edges. Those of one terminator are next to each other.
    pub edges: Vec<EdgeData>,
    /// The edges that lead to blocks: [`BlockData::preds`] are lists of it.
    pub pred_pool: Vec<Edge>,
    /// The types of values.
    pub types: Vec<Type>,
    /// Where values come from.
    pub defs: Vec<ValueDef>,
    /// What lists of values are ranges of.
    pub pool: Vec<Value>,
    /// The bits of constants, zero-extended.
    pub constants: Vec<u128>,
    /// The static parts of memory accesses.
    pub accesses: Vec<Access>,
    /// The static parts of calls.
    pub calls: Vec<CallData>,
    /// The static parts of builtins.
    pub builtins: Vec<Builtin>,
    /// The branch tables.
    pub switches: Vec<SwitchData>,
    /// What [`SwitchData::targets`] are ranges of: for each index, which edge of the switch.
    pub switch_targets: Vec<u32>,
    /// The lanes of shuffles.
    pub shuffles: Vec<[u8; 16]>,
    /// The probes.
    pub probes: Vec<Probe>,
}

impl Function {
    /// The block where the function starts.
    pub const ENTRY: Block = Block(0);

    /// Forgets everything but the memory in use.
    pub fn reset(&mut self) {
        let Self {
            index,
            type_index,
            first_operator,
            insts,
            schedule,
            blocks,
            layout,
            order,
            edges,
            pred_pool,
            types,
            defs,
            pool,
            constants,
            accesses,
            calls,
            builtins,
            switches,
            switch_targets,
            shuffles,
            probes,
        } = self;
        (*index, *type_index, *first_operator) = (0, 0, 0);
        insts.clear();
        schedule.clear();
        blocks.clear();
        layout.clear();
        order.clear();
        edges.clear();
        pred_pool.clear();
        types.clear();
        defs.clear();
        pool.clear();
        constants.clear();
        accesses.clear();
        calls.clear();
        builtins.clear();
        switches.clear();
        switch_targets.clear();
        shuffles.clear();
        probes.clear();
    }

    // Values.

    /// The type of a value.
    #[inline]
    #[must_use]
    pub fn ty(&self, value: Value) -> Type {
        self.types[value.index()]
    }

    /// Where a value comes from.
    #[inline]
    #[must_use]
    pub fn def(&self, value: Value) -> ValueDef {
        self.defs[value.index()]
    }

    /// The instruction that a value is a result of.
    #[inline]
    #[must_use]
    pub fn def_inst(&self, value: Value) -> Option<Inst> {
        match self.def(value) {
            ValueDef::Result(inst) => Some(inst),
            ValueDef::Param(_) | ValueDef::Constant(_) => None,
        }
    }

    /// What a value is computed by, if it is not a parameter or a constant.
    #[inline]
    #[must_use]
    pub fn def_op(&self, value: Value) -> Option<Op> {
        self.def_inst(value).map(|inst| self.insts[inst.index()].op)
    }

    /// The bits of a constant, zero-extended.
    #[inline]
    #[must_use]
    pub fn constant(&self, value: Value) -> Option<u128> {
        match self.def(value) {
            ValueDef::Constant(index) => Some(self.constants[index as usize]),
            ValueDef::Param(_) | ValueDef::Result(_) => None,
        }
    }

    /// The bits of an integer constant, zero-extended; `None` for vectors too.
    #[inline]
    #[must_use]
    pub fn constant_int(&self, value: Value) -> Option<u64> {
        match self.ty(value) {
            Type::I32 | Type::I64 => self.constant(value).map(|bits| bits as u64),
            Type::F32 | Type::F64 | Type::V128 => None,
        }
    }

    /// Makes a value.
    #[inline]
    pub fn new_value(&mut self, ty: Type, def: ValueDef) -> Value {
        let value = Value(self.types.len() as u32);
        self.types.push(ty);
        self.defs.push(def);
        value
    }

    /// Makes a constant. Equal constants are equal values only if the caller sees to it.
    pub fn new_constant(&mut self, ty: Type, bits: u128) -> Value {
        self.constants.push(bits);
        self.new_value(ty, ValueDef::Constant(self.constants.len() as u32 - 1))
    }

    // Instructions.

    /// The data of an instruction.
    #[inline]
    #[must_use]
    pub fn inst(&self, inst: Inst) -> &InstData {
        &self.insts[inst.index()]
    }

    /// The operands of an instruction, in the order of the wasm operator's.
    #[inline]
    #[must_use]
    pub fn args(&self, inst: Inst) -> &[Value] {
        let data = &self.insts[inst.index()];
        match data.arg_list() {
            None => &data.args[..usize::from(data.arg_count)],
            Some(list) => self.list(list),
        }
    }

    /// The same, to be changed.
    #[inline]
    pub fn args_mut(&mut self, inst: Inst) -> &mut [Value] {
        let data = &mut self.insts[inst.index()];
        match data.arg_list() {
            None => &mut data.args[..usize::from(data.arg_count)],
            Some(list) => &mut self.pool[list.range()],
        }
    }

    /// The results of an instruction.
    pub fn results(&self, inst: Inst) -> impl ExactSizeIterator<Item = Value> + use<> {
        let data = &self.insts[inst.index()];
        let first = if data.result_count == 0 { 0 } else { data.result.0 };
        (first..first + u32::from(data.result_count)).map(Value)
    }

    /// The only result of an instruction, if there is one.
    #[inline]
    #[must_use]
    pub fn result(&self, inst: Inst) -> Option<Value> {
        let data = &self.insts[inst.index()];
        (data.result_count == 1).then_some(data.result)
    }

    /// Whether an instruction does nothing but compute its results: it may be dropped, doubled
    /// and moved to where its operands are known.
    #[must_use]
    pub fn is_pure(&self, inst: Inst) -> bool {
        match self.inst(inst).op.effect() {
            Effect::Pure => true,
            Effect::Traps => self.cannot_trap(inst),
            Effect::Reads | Effect::ReadsOrTraps | Effect::Any | Effect::Ends => false,
        }
    }

    /// Whether an instruction may be dropped if its results are not used.
    #[must_use]
    pub fn is_removable(&self, inst: Inst) -> bool {
        match self.inst(inst).op.effect() {
            Effect::Pure | Effect::Reads => true,
            Effect::Traps => self.cannot_trap(inst),
            Effect::ReadsOrTraps | Effect::Any | Effect::Ends => false,
        }
    }

    /// Whether an operator that can trap has operands with which it never does: a division by a
    /// constant that is neither 0 nor, where the quotient may overflow, -1.
    fn cannot_trap(&self, inst: Inst) -> bool {
        use wz_decode::ops::BinaryOp::{
            I32DivS, I32DivU, I32RemS, I32RemU, I64DivS, I64DivU, I64RemS, I64RemU,
        };
        let Op::Binary(op) = self.inst(inst).op else { return false };
        let Some(divisor) = self.args(inst).get(1).and_then(|b| self.constant_int(*b)) else { return false };
        match op {
            I32DivU | I32RemU | I64DivU | I64RemU | I32RemS | I64RemS => divisor != 0,
            I32DivS => divisor != 0 && divisor as u32 != u32::MAX,
            I64DivS => divisor != 0 && divisor != u64::MAX,
            _ => false,
        }
    }

    // Blocks.

    /// The data of a block.
    #[inline]
    #[must_use]
    pub fn block(&self, block: Block) -> &BlockData {
        &self.blocks[block.index()]
    }

    /// The instructions of a block.
    #[inline]
    #[must_use]
    pub fn block_insts(&self, block: Block) -> &[Inst] {
        &self.schedule[self.blocks[block.index()].insts()]
    }

    /// The parameters of a block.
    #[inline]
    #[must_use]
    pub fn params(&self, block: Block) -> &[Value] {
        self.list(self.blocks[block.index()].params)
    }

    /// The edges that lead to a block.
    #[inline]
    #[must_use]
    pub fn preds(&self, block: Block) -> &[Edge] {
        &self.pred_pool[self.blocks[block.index()].preds.range()]
    }

    /// The last instruction of a block.
    ///
    /// # Panics
    /// If the block is empty, which no block in the layout is.
    #[inline]
    #[must_use]
    pub fn terminator(&self, block: Block) -> Inst {
        self.block_insts(block)[self.blocks[block.index()].insts().len() - 1]
    }

    /// The edges that leave a block.
    #[inline]
    pub fn succs(&self, block: Block) -> impl ExactSizeIterator<Item = Edge> + Clone + use<> {
        self.op_edges(self.inst(self.terminator(block)).op).map(Edge)
    }

    /// The edges of a terminator, as indices.
    #[must_use]
    pub fn op_edges(&self, op: Op) -> Range<u32> {
        match op {
            Op::Jump(edge) => edge.0..edge.0 + 1,
            Op::Branch(edge) => edge.0..edge.0 + 2,
            Op::Switch(switch) => {
                let switch = &self.switches[switch.index()];
                switch.first_edge.0..switch.first_edge.0 + switch.edge_count
            }
            _ => 0..0,
        }
    }

    /// The data of an edge.
    #[inline]
    #[must_use]
    pub fn edge(&self, edge: Edge) -> &EdgeData {
        &self.edges[edge.index()]
    }

    /// The arguments that an edge carries.
    #[inline]
    #[must_use]
    pub fn edge_args(&self, edge: Edge) -> &[Value] {
        self.list(self.edges[edge.index()].args)
    }

    // Lists.

    /// The values of a list.
    #[inline]
    #[must_use]
    pub fn list(&self, list: List) -> &[Value] {
        &self.pool[list.range()]
    }

    /// Makes a list.
    pub fn new_list(&mut self, values: &[Value]) -> List {
        let start = self.pool.len() as u32;
        self.pool.extend_from_slice(values);
        List { start, len: values.len() as u32 }
    }

    /// Lists anew which edges lead to which block, in the order of the layout. A pass that
    /// changes where edges lead calls it.
    pub fn compute_preds(&mut self) {
        for block in &mut self.blocks {
            block.preds = List::EMPTY;
        }
        let Self { blocks, edges, pred_pool, insts, schedule, layout, switches, .. } = self;
        let edges_of = |blocks: &[BlockData], block: Block| {
            let last = schedule[blocks[block.index()].insts().end - 1];
            match insts[last.index()].op {
                Op::Jump(edge) => edge.index()..edge.index() + 1,
                Op::Branch(edge) => edge.index()..edge.index() + 2,
                Op::Switch(switch) => {
                    let switch = &switches[switch.index()];
                    switch.first_edge.index()..switch.first_edge.index() + switch.edge_count as usize
                }
                _ => 0..0,
            }
        };
        let mut count = 0;
        for from in &*layout {
            for edge in edges_of(blocks, *from) {
                edges[edge].from = *from;
                blocks[edges[edge].to.index()].preds.len += 1;
                count += 1;
            }
        }
        pred_pool.clear();
        pred_pool.resize(count, Edge(0));
        let mut start = 0;
        for block in &*layout {
            let preds = &mut blocks[block.index()].preds;
            preds.start = start;
            start += preds.len;
            preds.len = 0;
        }
        for from in &*layout {
            for edge in edges_of(blocks, *from) {
                let preds = &mut blocks[edges[edge].to.index()].preds;
                pred_pool[preds.range().end] = Edge(edge as u32);
                preds.len += 1;
            }
        }
    }
}
