//! Joins a block that has one way in with the block before, if that has one way out.

use crate::ir::{Block, Function, Inst, List, Op};

use super::replace::Replacements;

/// The memory of the pass.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// For each block, the one that is joined to it, or [`Block::NONE`].
    next: Vec<Block>,
    /// Whether a block is joined to another.
    joined: Vec<bool>,
    schedule: Vec<Inst>,
}

/// Runs the pass. Whether it has changed something.
pub(super) fn run(f: &mut Function, scratch: &mut Scratch, replacements: &mut Replacements) -> bool {
    let Scratch { next, joined, schedule } = scratch;
    next.clear();
    next.resize(f.blocks.len(), Block::NONE);
    joined.clear();
    joined.resize(f.blocks.len(), false);
    let mut any = false;
    for block in &f.layout {
        if let Op::Jump(edge) = f.inst(f.terminator(*block)).op {
            let to = f.edge(edge).to;
            if f.preds(to).len() == 1 && to != *block {
                next[block.index()] = to;
                joined[to.index()] = true;
                any = true;
            }
        }
    }
    if !any {
        return false;
    }
    replacements.start(f);
    for block in &f.layout {
        if joined[block.index()] {
            let edge = f.preds(*block)[0];
            for (param, arg) in f.params(*block).iter().zip(f.edge_args(edge)) {
                replacements.replace(*param, *arg);
            }
            f.blocks[block.index()].params = List::EMPTY;
        }
    }
    schedule.clear();
    for index in 0..f.layout.len() {
        let block = f.layout[index];
        if joined[block.index()] {
            continue;
        }
        let first = schedule.len() as u32;
        let mut part = block;
        loop {
            let insts = f.block_insts(part);
            if next[part.index()] == Block::NONE {
                schedule.extend_from_slice(insts);
                break;
            }
            schedule.extend_from_slice(&insts[..insts.len() - 1]);
            part = next[part.index()];
        }
        f.blocks[block.index()].first = first;
        f.blocks[block.index()].last = schedule.len() as u32;
    }
    f.layout.retain(|block| !joined[block.index()]);
    std::mem::swap(&mut f.schedule, schedule);
    f.compute_preds();
    replacements.apply(f);
    true
}
