//! `Builder`: operators to SSA, in one pass, as they are walked.
//!
//! Blocks are filled one after the other. Operands on the stack are values; what a local is, is
//! looked up when it is read (`locals`). Where edges meet, parameters are made for operands
//! that differ between the edges, and for locals when they are read: Braun et al., "Simple and
//! Efficient Construction of Static Single Assignment Form", without recursion and without
//! parameters that turn out to be needless, because a scan of the body has told what loops set.
//!
//! While a function is built, a parameter is a `Phi`: it has an argument for each edge that
//! leads to its block, and may be replaced by another value when they prove to be the same.
//! `finish` makes parameters and the edges' arguments of those that are left and used.
//!
//! The dominators of the block being filled are a path that is cut and grown as constructs end
//! and start; a value computed before is valid if its block is on it (`number`). Code that
//! cannot be reached because a condition is constant is walked but not built.

mod control;
mod finish;
mod locals;
mod memory;
mod number;
mod operators;
mod probes;
mod scan;
mod values;

use wz_decode::{ModuleInfo, WalkOptions, walk};

use crate::fold;
use crate::hash::{FastMap, reset};
use crate::ir::{
    Block, BlockData, Edge, EdgeData, Function, Inst, InstData, List, Op, ProbeList, Type, Value, ValueDef,
};
use crate::options::{Options, Passes};
use control::{Label, Truncations};
use locals::{Locals, Point};
use number::Numbering;
pub(crate) use number::hash_op;
use scan::Scan;

/// Why a function was not built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildError {
    /// The function needs more parameters of blocks than is reasonable for its length: its SSA
    /// form grows with the product of its locals and branches.
    TooComplex,
}

impl std::fmt::Display for BuildError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooComplex => f.write_str("function is too complex to compile"),
        }
    }
}

impl std::error::Error for BuildError {}

/// The memory of builds, kept from one to the next.
#[derive(Debug, Default)]
pub struct BuildState {
    scan: Scan,
    locals: Locals,
    numbering: Numbering,
    labels: Vec<Label>,
    /// Of the constructs that were closed, which is the next loop in [`Scan::loops`].
    next_loop: usize,
    truncations: Truncations,
    /// The blocks that dominate the one being filled, and itself.
    path: Vec<Block>,
    /// Beside [`Function::blocks`]: the length of the path above, the point at the end.
    depths: Vec<u32>,
    ends: Vec<Point>,
    /// The last phi that waits for its arguments until the loop is closed, or [`Phi::NONE`].
    waiting: Vec<u32>,
    /// Beside [`Function::edges`]: where it begins, and the next edge to the same label.
    points: Vec<Point>,
    next_edges: Vec<Edge>,
    /// Beside [`Function::insts`]: the block.
    inst_blocks: Vec<Block>,
    /// Beside the values: the greatest unsigned number that an integer can be.
    bounds: Vec<u64>,
    phis: Vec<Phi>,
    /// The arguments of phis that are complete.
    phi_args: Vec<Value>,
    /// The phis of locals, by block and local.
    phi_of: FastMap<(Block, u32), u32>,
    /// Phis to be completed.
    queue: Vec<u32>,
    /// What was last read from or written to globals, and in which stretch of code.
    globals: Vec<(Value, u64)>,
    /// The stretch of code in which reads of a defined and of an imported global stay valid.
    /// Counted by `epochs`, which is never reset, so that `globals` need not be.
    epoch: u64,
    epoch_imported: u64,
    epochs: u64,
    /// What conditions are known to be on the path: the value, its block, and the constant.
    facts: FastMap<Value, (Block, Value)>,
    /// The edges of the labels that a switch has met, and the switch.
    switch_edges: Vec<(u32, u32)>,
    finish: finish::Scratch,
}

/// A parameter while it is built. The definition of its value is [`ValueDef::Param`] with the
/// index of the phi in place of the block.
#[derive(Clone, Copy, Debug)]
struct Phi {
    value: Value,
    block: Block,
    /// What it stands for.
    source: Source,
    /// Where the arguments begin in `phi_args`, or [`Phi::INCOMPLETE`].
    args: u32,
    /// What replaces it, or [`Value::NONE`].
    replaced: Value,
    /// The phi of the same loop that waits too, or [`Phi::NONE`].
    next_waiting: u32,
}

impl Phi {
    const INCOMPLETE: u32 = u32::MAX;
    const NONE: u32 = u32::MAX;
}

/// What a phi stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// A parameter of the function.
    Function,
    /// An operand carried by the edges.
    Operand(u32),
    /// A local.
    Local(u32),
}

/// Builds the SSA form of one function.
pub(crate) struct Builder<'a> {
    f: &'a mut Function,
    s: &'a mut BuildState,
    info: &'a ModuleInfo,
    options: &'a Options,
    probes: &'a ProbeList,
    /// The block being filled, or [`Block::NONE`] in code that cannot be reached.
    current: Block,
    code_offset: u32,
    /// Whether the function has become too complex, and how many arguments phis may have.
    failed: bool,
    arg_limit: usize,
}

/// Builds the SSA form of a function, given by its index, imports included, with probes.
///
/// # Errors
/// If the function is too complex.
///
/// # Panics
/// If the function is imported or does not exist, or `info` is not of a valid module.
pub fn build(
    info: &ModuleInfo,
    function: u32,
    options: &Options,
    probes: &ProbeList,
    f: &mut Function,
    s: &mut BuildState,
) -> Result<(), BuildError> {
    f.reset();
    f.index = function;
    f.type_index = info.functions[function as usize];
    s.scan.clear();
    walk(info, function, &WalkOptions { fuel: false }, &mut s.scan);
    let mut builder = Builder {
        f,
        s,
        info,
        options,
        probes,
        current: Block::NONE,
        code_offset: 0,
        failed: false,
        arg_limit: 0,
    };
    walk(info, function, &WalkOptions { fuel: options.fuel }, &mut builder);
    if builder.failed {
        return Err(BuildError::TooComplex);
    }
    builder.finish();
    Ok(())
}

impl Builder<'_> {
    /// Starts the function.
    fn start(&mut self, locals: &[wz_api::ValueType], params: usize, body_len: usize) {
        let s = &mut *self.s;
        s.locals.start(s.scan.local_count, &s.scan.sets);
        s.numbering.clear(body_len / 4);
        s.labels.clear();
        s.next_loop = 0;
        s.truncations.clear();
        s.path.clear();
        s.depths.clear();
        s.ends.clear();
        s.waiting.clear();
        s.points.clear();
        s.next_edges.clear();
        s.inst_blocks.clear();
        s.bounds.clear();
        s.phis.clear();
        s.phi_args.clear();
        reset(&mut s.phi_of);
        s.queue.clear();
        reset(&mut s.facts);
        s.globals.resize(self.info.globals.len(), (Value::NONE, 0));
        s.switch_edges.clear();
        self.arg_limit = 1_000_000 + 16 * body_len;
        self.new_epoch();
        let entry = self.new_block();
        self.fill(entry, 0);
        for (local, ty) in locals[..params].iter().enumerate() {
            let value = self.new_phi(entry, Type::of(*ty), Source::Function);
            if let ValueDef::Param(Block(phi)) = self.f.def(value) {
                self.s.phis[phi as usize].args = 0;
            }
            self.s.locals.remember(local as u32, value);
        }
        if self.options.interrupt {
            self.push_inst(Op::Interrupt, &[]);
        }
        self.put_probes(None);
    }

    fn passes(&self) -> Passes {
        self.options.passes
    }

    /// How the function is compiled.
    pub(crate) fn options(&self) -> &Options {
        self.options
    }

    /// The function as far as it is built.
    pub(crate) fn function(&self) -> &Function {
        self.f
    }

    /// Whether code that cannot be reached is walked.
    #[inline]
    fn dead(&self) -> bool {
        self.current == Block::NONE
    }

    // Blocks and edges.

    fn new_block(&mut self) -> Block {
        let block = Block(self.f.blocks.len() as u32);
        self.f.blocks.push(BlockData::new(0));
        self.s.depths.push(0);
        self.s.ends.push(self.s.locals.now());
        self.s.waiting.push(Phi::NONE);
        block
    }

    /// Goes on in a new block, below the first `depth` blocks of the path.
    fn fill(&mut self, block: Block, depth: u32) {
        if (depth as usize) < self.s.path.len() {
            self.s.truncations.push(depth);
            self.s.path.truncate(depth as usize);
        }
        self.s.path.push(block);
        self.s.depths[block.index()] = depth;
        self.f.blocks[block.index()].first = self.f.schedule.len() as u32;
        self.f.layout.push(block);
        self.current = block;
    }

    /// Whether a block is the one being filled or dominates it.
    #[inline]
    fn on_path(&self, block: Block) -> bool {
        self.s.path.get(self.s.depths[block.index()] as usize) == Some(&block)
    }

    /// Makes `count` edges from the block being filled that lead nowhere yet.
    fn new_edges(&mut self, count: u32) -> Edge {
        let first = Edge(self.f.edges.len() as u32);
        let point = self.s.locals.now();
        for _ in 0..count {
            self.f.edges.push(EdgeData { from: self.current, to: Block::NONE, args: List::EMPTY });
            self.s.points.push(point);
            self.s.next_edges.push(Edge::NONE);
        }
        first
    }

    /// Ends the block being filled.
    fn terminate(&mut self, op: Op, args: &[Value]) {
        debug_assert!(!self.dead());
        self.push_inst(op, args);
        self.close();
    }

    /// Notes the end of the block being filled. What follows cannot be reached.
    fn close(&mut self) {
        let block = self.current;
        self.f.blocks[block.index()].last = self.f.schedule.len() as u32;
        self.s.ends[block.index()] = self.s.locals.now();
        self.current = Block::NONE;
    }

    // Instructions.

    /// Adds an instruction with at most three operands and without results.
    fn push_inst(&mut self, op: Op, args: &[Value]) -> Inst {
        self.push_data(InstData::new(op, args, self.code_offset))
    }

    fn push_data(&mut self, data: InstData) -> Inst {
        let inst = Inst(self.f.insts.len() as u32);
        self.f.insts.push(data);
        self.f.schedule.push(inst);
        self.s.inst_blocks.push(self.current);
        inst
    }

    /// Adds an instruction with one result.
    fn push_value(&mut self, op: Op, args: &[Value], ty: Type, bound: u64) -> Value {
        let inst = self.push_inst(op, args);
        let value = self.new_value(ty, ValueDef::Result(inst), bound);
        let data = &mut self.f.insts[inst.index()];
        data.result = value;
        data.result_count = 1;
        value
    }

    /// An instruction that has an effect and no result.
    fn effect(&mut self, op: Op, args: &[Value]) {
        if !self.dead() {
            self.push_inst(op, args);
        }
    }

    /// An instruction that has an effect and a result.
    fn effect_value(&mut self, op: Op, args: &[Value], ty: Type, bound: u64) -> Value {
        if self.dead() { self.zero(ty) } else { self.push_value(op, args, ty, bound) }
    }

    /// An instruction whose result depends on the operands alone, unless it was computed before.
    pub(crate) fn pure(&mut self, op: Op, args: &[Value], ty: Type) -> Value {
        if self.dead() {
            return self.zero(ty);
        }
        if !self.passes().has(Passes::NUMBER) {
            return self.push_value(op, args, ty, self.bound_of(op, args, ty));
        }
        let slot = match self.find_equal(op, args) {
            Ok(value) => return value,
            Err(slot) => slot,
        };
        let value = self.push_value(op, args, ty, self.bound_of(op, args, ty));
        self.s.numbering.insert(slot, value);
        value
    }

    /// Traps: what follows cannot be reached.
    pub(crate) fn trap(&mut self, trap: wz_api::Trap) {
        if !self.dead() {
            self.terminate(Op::Trap(trap), &[]);
        }
    }

    /// A value for code that was found to trap.
    pub(crate) fn trapped(&mut self, trap: wz_api::Trap, ty: Type) -> Value {
        self.trap(trap);
        self.zero(ty)
    }

    /// The result of folding: a constant, or a trap.
    pub(crate) fn folded(&mut self, outcome: fold::Outcome, ty: Type) -> Value {
        match outcome {
            Ok(bits) => self.constant_bits(ty, bits),
            Err(trap) => self.trapped(trap, ty),
        }
    }
}
