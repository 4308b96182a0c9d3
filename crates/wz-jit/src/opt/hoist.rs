//! Hoisting of loop-invariant values: pure values computed in a loop from what is computed
//! outside of it move to the end of the block before the loop.
//!
//! A value in a register for the length of a loop may cost a spill, so only what takes some
//! time is hoisted, and what that is computed from along with it. What folds into an address or
//! an operand (additions, shifts, masks, extensions) stays. Compilers have hoisted most of it
//! already; what is left is mostly what wasm has no cheap way to say.

use wz_decode::ops::{BinaryOp, UnaryOp};

use crate::flow::{Flow, NO_LOOP};
use crate::ir::{Block, Edge, Function, Inst, Op, ValueDef};

/// The memory of the pass.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Of each instruction, the block.
    blocks: Vec<Block>,
    /// Of each instruction, the loop that it can be hoisted to the inside of, or that it is in.
    homes: Vec<u32>,
    /// Which are hoisted.
    hoisted: Vec<bool>,
    work: Vec<Inst>,
    /// Of each loop, the block before it, or [`Block::NONE`]; and the innermost of it and the
    /// loops around it that has none.
    preheaders: Vec<Block>,
    barriers: Vec<u32>,
    /// The instructions hoisted to the end of each block: the first, and the next of each.
    first: Vec<Inst>,
    next: Vec<Inst>,
    schedule: Vec<Inst>,
}

/// Loops nested deeper than people or compilers write are left alone: the pass walks up loops.
const MAX_DEPTH: u16 = 64;

/// Runs the pass. Whether it has changed something.
pub(super) fn run(f: &mut Function, flow: &Flow, scratch: &mut Scratch) -> bool {
    if flow.loops.is_empty() || flow.loops.iter().any(|found| found.depth > MAX_DEPTH) {
        return false;
    }
    scratch.find_preheaders(f, flow);
    scratch.find_homes(f, flow);
    if !scratch.choose(f, flow) {
        return false;
    }
    scratch.move_out(f, flow);
    true
}

impl Scratch {
    fn find_preheaders(&mut self, f: &Function, flow: &Flow) {
        self.preheaders.clear();
        self.preheaders
            .extend((0..flow.loops.len()).map(|index| preheader(f, flow, index).unwrap_or(Block::NONE)));
        self.barriers.clear();
        self.barriers.resize(flow.loops.len(), NO_LOOP);
        // Outer loops first.
        for index in (0..flow.loops.len()).rev() {
            self.barriers[index] = if self.preheaders[index] == Block::NONE {
                index as u32
            } else {
                self.barriers.get(flow.loops[index].parent as usize).copied().unwrap_or(NO_LOOP)
            };
        }
    }

    /// Finds the innermost loop that each instruction depends on. Operands come before.
    fn find_homes(&mut self, f: &Function, flow: &Flow) {
        self.blocks.clear();
        self.blocks.resize(f.insts.len(), Block::NONE);
        self.homes.clear();
        self.homes.resize(f.insts.len(), NO_LOOP);
        for block in &flow.order {
            let innermost = flow.loop_of(*block);
            for inst in f.block_insts(*block) {
                self.blocks[inst.index()] = *block;
                let mut home = innermost;
                if innermost != NO_LOOP && f.is_pure(*inst) {
                    home = self.barriers[innermost as usize];
                    for arg in f.args(*inst) {
                        let mut needed = match f.def(*arg) {
                            ValueDef::Constant(_) => NO_LOOP,
                            ValueDef::Param(block) => flow.loop_of(block),
                            ValueDef::Result(inst) => self.homes[inst.index()],
                        };
                        // Of a loop that was left, only what is around both matters.
                        while !flow.is_inside(innermost, needed) {
                            needed = flow.loops[needed as usize].parent;
                        }
                        home = inner(flow, home, needed);
                    }
                }
                self.homes[inst.index()] = home;
            }
        }
    }

    /// Chooses what is worth to be hoisted, and adds what it depends on.
    fn choose(&mut self, f: &Function, flow: &Flow) -> bool {
        self.hoisted.clear();
        self.hoisted.resize(f.insts.len(), false);
        self.work.clear();
        for block in &flow.order {
            if flow.loop_of(*block) == NO_LOOP || f.block(*block).flags.cold {
                continue;
            }
            for inst in f.block_insts(*block) {
                if self.homes[inst.index()] != flow.loop_of(*block) && is_costly(f.inst(*inst).op) {
                    self.work.push(*inst);
                }
            }
        }
        let any = !self.work.is_empty();
        while let Some(inst) = self.work.pop() {
            if std::mem::replace(&mut self.hoisted[inst.index()], true) {
                continue;
            }
            let target = self.homes[inst.index()];
            for arg in f.args(inst) {
                let Some(operand) = f.def_inst(*arg) else { continue };
                // Is it computed inside of what the instruction is hoisted out of?
                let place = flow.loop_of(self.blocks[operand.index()]);
                if self.homes[operand.index()] != place && !flow.is_inside(target, place) {
                    self.work.push(operand);
                }
            }
        }
        any
    }

    /// Moves what was chosen.
    fn move_out(&mut self, f: &mut Function, flow: &Flow) {
        self.first.clear();
        self.first.resize(f.blocks.len(), Inst::NONE);
        self.next.clear();
        self.next.resize(f.insts.len(), Inst::NONE);
        // Backwards, so that each block's chain is in order.
        for block in flow.order.iter().rev() {
            for inst in f.block_insts(*block).iter().rev() {
                if !self.hoisted[inst.index()] {
                    continue;
                }
                let home = self.homes[inst.index()];
                let mut out_of = flow.loop_of(*block);
                while flow.loops[out_of as usize].parent != home {
                    out_of = flow.loops[out_of as usize].parent;
                }
                let to = self.preheaders[out_of as usize];
                debug_assert_ne!(to, Block::NONE, "the loop is a barrier");
                self.next[inst.index()] = std::mem::replace(&mut self.first[to.index()], *inst);
            }
        }
        self.schedule.clear();
        for index in 0..f.layout.len() {
            let block = f.layout[index];
            let start = self.schedule.len();
            let insts = f.block_insts(block);
            let terminator = insts[insts.len() - 1];
            let stay = insts.iter().filter(|inst| !self.hoisted[inst.index()]);
            self.schedule.extend(stay);
            self.schedule.pop();
            let mut inst = self.first[block.index()];
            while inst != Inst::NONE {
                self.schedule.push(inst);
                inst = self.next[inst.index()];
            }
            self.schedule.push(terminator);
            f.blocks[block.index()].first = start as u32;
            f.blocks[block.index()].last = self.schedule.len() as u32;
        }
        std::mem::swap(&mut f.schedule, &mut self.schedule);
    }
}

/// The inner of two loops around the same instruction.
fn inner(flow: &Flow, a: u32, b: u32) -> u32 {
    let depth = |index: u32| flow.loops.get(index as usize).map_or(0, |found| found.depth);
    if depth(a) >= depth(b) { a } else { b }
}

/// The block before a loop, if all ways into the loop lead through it and it leads nowhere else.
fn preheader(f: &Function, flow: &Flow, index: usize) -> Option<Block> {
    let header = flow.loops[index].header;
    let entries = |edge: &&Edge| !flow.is_back_edge(f, **edge);
    let mut ways_in = f.preds(header).iter().filter(entries);
    let (edge, None) = (ways_in.next()?, ways_in.next()) else { return None };
    let from = f.edge(*edge).from;
    (f.succs(from).len() == 1).then_some(from)
}

/// Whether an operator takes some time, or several instructions.
fn is_costly(op: Op) -> bool {
    match op {
        Op::Unary(op) => !matches!(
            op,
            UnaryOp::I32Eqz
                | UnaryOp::I64Eqz
                | UnaryOp::I32WrapI64
                | UnaryOp::I64ExtendI32S
                | UnaryOp::I64ExtendI32U
                | UnaryOp::I32Extend8S
                | UnaryOp::I32Extend16S
                | UnaryOp::I64Extend8S
                | UnaryOp::I64Extend16S
                | UnaryOp::I64Extend32S
        ),
        Op::Binary(op) => {
            let cheap = matches!(
                op,
                BinaryOp::I32Add
                    | BinaryOp::I32Sub
                    | BinaryOp::I32And
                    | BinaryOp::I32Or
                    | BinaryOp::I32Xor
                    | BinaryOp::I32Shl
                    | BinaryOp::I32ShrS
                    | BinaryOp::I32ShrU
                    | BinaryOp::I32Rotl
                    | BinaryOp::I32Rotr
                    | BinaryOp::I64Add
                    | BinaryOp::I64Sub
                    | BinaryOp::I64And
                    | BinaryOp::I64Or
                    | BinaryOp::I64Xor
                    | BinaryOp::I64Shl
                    | BinaryOp::I64ShrS
                    | BinaryOp::I64ShrU
                    | BinaryOp::I64Rotl
                    | BinaryOp::I64Rotr
            );
            !cheap && !op.is_comparison()
        }
        Op::Ternary(_)
        | Op::ExtractLane(..)
        | Op::ReplaceLane(..)
        | Op::Shuffle(_)
        | Op::RefFunc(_)
        | Op::GlobalConst(_) => true,
        Op::Nop
        | Op::Select
        | Op::Load(..)
        | Op::Store(..)
        | Op::LoadLane(..)
        | Op::StoreLane(..)
        | Op::GlobalGet(_)
        | Op::GlobalSet(_)
        | Op::MemorySize(_)
        | Op::TableSize(_)
        | Op::TableGet(_)
        | Op::TableSet(_)
        | Op::Builtin(_)
        | Op::Call(_)
        | Op::CallIndirect(_)
        | Op::Fuel(_)
        | Op::Interrupt
        | Op::Probe(_)
        | Op::Jump(_)
        | Op::Branch(_)
        | Op::Switch(_)
        | Op::Return
        | Op::ReturnCall(_)
        | Op::ReturnCallIndirect(_)
        | Op::Trap(_) => false,
    }
}
