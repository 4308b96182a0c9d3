//! [`MachineFunction`]: machine instructions over virtual registers, in flat arrays, as regalloc2
//! wants to see them. Blocks are numbered so that what dominates comes first.

use regalloc2::{
    Block, Inst, InstRange, Operand, OperandConstraint, OperandKind, OperandPos, PRegSet, RegClass, VReg,
};

use crate::ir;

use super::{End, Isa, OperandVisitor, Reg};

/// A function of machine instructions.
#[derive(Debug)]
pub struct MachineFunction<I> {
    /// The instructions.
    pub insts: Vec<I>,
    /// Beside them: the offset of the operator that they come from.
    pub code_offsets: Vec<u32>,
    ends: Vec<End>,
    /// Beside the instructions: where their operands begin; and where the last ones end.
    operand_starts: Vec<u32>,
    operands: Vec<Operand>,
    /// Which entry of `clobber_sets` is that of each instruction. The first is empty.
    clobbers: Vec<u8>,
    clobber_sets: Vec<PRegSet>,
    /// The blocks.
    pub blocks: Vec<MachineBlock>,
    /// The blocks in the order of their code.
    pub layout: Vec<Block>,
    block_pool: Vec<Block>,
    vreg_pool: Vec<VReg>,
    vreg_count: usize,
    spill_slots: [usize; 3],
}

/// A block of a [`MachineFunction`].
#[derive(Clone, Copy, Debug)]
pub struct MachineBlock {
    /// The block of the function that it is made of.
    pub block: ir::Block,
    first: u32,
    last: u32,
    succs: (u32, u32),
    preds: (u32, u32),
    params: (u32, u32),
    args: (u32, u32),
}

fn slice<T>(pool: &[T], (start, end): (u32, u32)) -> &[T] {
    &pool[start as usize..end as usize]
}

impl<I> Default for MachineFunction<I> {
    fn default() -> Self {
        Self {
            insts: Vec::new(),
            code_offsets: Vec::new(),
            ends: Vec::new(),
            operand_starts: Vec::new(),
            operands: Vec::new(),
            clobbers: Vec::new(),
            clobber_sets: Vec::new(),
            blocks: Vec::new(),
            layout: Vec::new(),
            block_pool: Vec::new(),
            vreg_pool: Vec::new(),
            vreg_count: 0,
            spill_slots: [0; 3],
        }
    }
}

impl<I> MachineFunction<I> {
    /// Forgets everything but the memory in use.
    pub(super) fn start<T: Isa<Inst = I>>(&mut self, isa: &T) {
        self.insts.clear();
        self.code_offsets.clear();
        self.ends.clear();
        self.operand_starts.clear();
        self.operand_starts.push(0);
        self.operands.clear();
        self.clobbers.clear();
        self.clobber_sets.clear();
        self.clobber_sets.push(PRegSet::empty());
        self.blocks.clear();
        self.layout.clear();
        self.block_pool.clear();
        self.vreg_pool.clear();
        self.spill_slots =
            [RegClass::Int, RegClass::Float, RegClass::Vector].map(|class| isa.spill_slots(class));
    }

    /// Starts a block.
    pub(super) fn start_block(&mut self, block: ir::Block) {
        let first = self.insts.len() as u32;
        let none = (0, 0);
        self.blocks.push(MachineBlock {
            block,
            first,
            last: first,
            succs: none,
            preds: none,
            params: none,
            args: none,
        });
    }

    /// Adds an instruction to the block started last.
    pub(super) fn push<T: Isa<Inst = I>>(&mut self, isa: &T, mut inst: I, code_offset: u32) {
        isa.operands(&mut inst, &mut Collector(&mut self.operands));
        self.operand_starts.push(self.operands.len() as u32);
        let clobbers = isa.clobbers(&inst);
        let set = self.clobber_sets.iter().position(|set| *set == clobbers).unwrap_or_else(|| {
            self.clobber_sets.push(clobbers);
            self.clobber_sets.len() - 1
        });
        debug_assert!(set <= usize::from(u8::MAX), "more sets of clobbers than an instruction set has");
        self.clobbers.push(set as u8);
        self.ends.push(isa.end(&inst));
        self.insts.push(inst);
        self.code_offsets.push(code_offset);
        if let Some(block) = self.blocks.last_mut() {
            block.last = self.insts.len() as u32;
        }
    }

    /// Adds what the blocks' parameters and edges are. `place` is where a block of the function
    /// is among those of this one.
    pub(super) fn connect(
        &mut self,
        f: &ir::Function,
        place: impl Fn(ir::Block) -> usize,
        vreg: impl Fn(ir::Value) -> VReg,
        args: impl Fn(ir::Block) -> (u32, u32),
        arg_pool: &[VReg],
        vreg_count: usize,
    ) {
        self.vreg_count = vreg_count;
        self.vreg_pool.extend_from_slice(arg_pool);
        self.layout.extend(f.layout.iter().map(|block| Block::new(place(*block))));
        for index in 0..self.blocks.len() {
            let block = self.blocks[index].block;
            let start = self.block_pool.len() as u32;
            self.block_pool.extend(f.succs(block).map(|edge| Block::new(place(f.edge(edge).to))));
            let middle = self.block_pool.len() as u32;
            self.block_pool.extend(f.preds(block).iter().map(|edge| Block::new(place(f.edge(*edge).from))));
            let end = self.block_pool.len() as u32;
            let params = self.vreg_pool.len() as u32;
            // Those of the first block are defined by its first instructions.
            if block != ir::Function::ENTRY {
                self.vreg_pool.extend(f.params(block).iter().map(|param| vreg(*param)));
            }
            let entry = &mut self.blocks[index];
            entry.succs = (start, middle);
            entry.preds = (middle, end);
            entry.params = (params, self.vreg_pool.len() as u32);
            entry.args = args(block);
        }
    }

    /// What comes after an instruction.
    #[must_use]
    pub fn end(&self, inst: Inst) -> End {
        self.ends[inst.index()]
    }
}

/// Notes operands.
struct Collector<'a>(&'a mut Vec<Operand>);

impl OperandVisitor for Collector<'_> {
    fn operand(&mut self, reg: &mut Reg, constraint: OperandConstraint, kind: OperandKind, pos: OperandPos) {
        self.0.push(Operand::new(reg.vreg(), constraint, kind, pos));
    }
}

impl<I> regalloc2::Function for MachineFunction<I> {
    fn num_insts(&self) -> usize {
        self.insts.len()
    }

    fn num_blocks(&self) -> usize {
        self.blocks.len()
    }

    fn entry_block(&self) -> Block {
        Block::new(0)
    }

    fn block_insns(&self, block: Block) -> InstRange {
        let block = &self.blocks[block.index()];
        InstRange::new(Inst::new(block.first as usize), Inst::new(block.last as usize))
    }

    fn block_succs(&self, block: Block) -> &[Block] {
        slice(&self.block_pool, self.blocks[block.index()].succs)
    }

    fn block_preds(&self, block: Block) -> &[Block] {
        slice(&self.block_pool, self.blocks[block.index()].preds)
    }

    fn block_params(&self, block: Block) -> &[VReg] {
        slice(&self.vreg_pool, self.blocks[block.index()].params)
    }

    fn is_ret(&self, inst: Inst) -> bool {
        self.ends[inst.index()] == End::Leave
    }

    fn is_branch(&self, inst: Inst) -> bool {
        matches!(self.ends[inst.index()], End::Jump | End::Branch | End::Switch)
    }

    fn branch_blockparams(&self, block: Block, inst: Inst, _: usize) -> &[VReg] {
        // Only jumps carry arguments: critical edges are split.
        match self.ends[inst.index()] {
            End::Jump => slice(&self.vreg_pool, self.blocks[block.index()].args),
            End::Next | End::Branch | End::Switch | End::Leave => &[],
        }
    }

    fn inst_operands(&self, inst: Inst) -> &[Operand] {
        let index = inst.index();
        slice(&self.operands, (self.operand_starts[index], self.operand_starts[index + 1]))
    }

    fn inst_clobbers(&self, inst: Inst) -> PRegSet {
        self.clobber_sets[usize::from(self.clobbers[inst.index()])]
    }

    fn num_vregs(&self) -> usize {
        self.vreg_count
    }

    fn spillslot_size(&self, class: RegClass) -> usize {
        self.spill_slots[class as usize]
    }
}

/// The text of a function: blocks, instructions, what they end in.
impl<I: std::fmt::Debug> std::fmt::Display for MachineFunction<I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use regalloc2::Function as _;
        let regs = |regs: &[VReg]| regs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        for (place, block) in self.blocks.iter().enumerate() {
            let index = Block::new(place);
            writeln!(f, "block{place}({}): ; {}", regs(self.block_params(index)), block.block)?;
            for inst in self.block_insns(index).iter() {
                writeln!(f, "  {}: {:?}", inst.index(), self.insts[inst.index()])?;
            }
            let succs: Vec<_> = self.block_succs(index).iter().map(|succ| succ.index()).collect();
            writeln!(f, "  -> {succs:?}({})", regs(slice(&self.vreg_pool, block.args)))?;
        }
        Ok(())
    }
}
