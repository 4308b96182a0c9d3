//! Splits critical edges: from a block with several ways out to one with several ways in. The
//! register allocator puts moves for parameters on such an edge, which takes a block of its own.
//! It has no code if no moves are needed.

use crate::ir::{Block, BlockData, Edge, EdgeData, Function, Inst, InstData, List, Op};

/// The memory of the pass.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    layout: Vec<Block>,
    /// For each block, its place in the layout.
    places: Vec<u32>,
    /// The critical edges, and whether they go back.
    critical: Vec<(Edge, bool)>,
    /// For each block, the first of the new blocks before it and behind it; and for each new
    /// block, the next.
    heads: Vec<u32>,
    chain: Vec<u32>,
}

/// Runs the pass. Whether it has changed something.
pub(super) fn run(f: &mut Function, scratch: &mut Scratch) -> bool {
    let Scratch { places, critical, heads, layout, chain } = scratch;
    places.clear();
    places.resize(f.blocks.len(), 0);
    for (place, block) in f.layout.iter().enumerate() {
        places[block.index()] = place as u32;
    }
    critical.clear();
    for block in &f.layout {
        let edges = f.succs(*block);
        if edges.len() < 2 {
            continue;
        }
        for edge in edges {
            let EdgeData { to, args, .. } = *f.edge(edge);
            if f.preds(to).len() > 1 || args.len > 0 {
                critical.push((edge, places[to.index()] <= places[block.index()]));
            }
        }
    }
    if critical.is_empty() {
        return false;
    }
    // A new block goes before its target, or behind where it comes from if it goes back. The
    // new blocks at one place are chained.
    let old_blocks = f.blocks.len();
    heads.clear();
    heads.resize(2 * old_blocks, u32::MAX);
    chain.clear();
    chain.resize(critical.len(), u32::MAX);
    for (number, (edge, back)) in critical.iter().enumerate().rev() {
        let EdgeData { from, to, .. } = *f.edge(*edge);
        let place = if *back { 2 * from.index() + 1 } else { 2 * to.index() };
        chain[number] = std::mem::replace(&mut heads[place], number as u32);
    }
    for (edge, _) in critical.iter() {
        let EdgeData { from, to, args } = *f.edge(*edge);
        let block = Block(f.blocks.len() as u32);
        let onward = Edge(f.edges.len() as u32);
        f.edges.push(EdgeData { from: block, to, args });
        let edge_data = &mut f.edges[edge.index()];
        edge_data.to = block;
        edge_data.args = List::EMPTY;
        let code_offset = f.inst(f.terminator(from)).code_offset;
        let inst = Inst(f.insts.len() as u32);
        f.insts.push(InstData::new(Op::Jump(onward), &[], code_offset));
        let mut data = BlockData::new(0);
        data.first = f.schedule.len() as u32;
        data.last = data.first + 1;
        f.schedule.push(inst);
        f.blocks.push(data);
    }
    layout.clear();
    for block in &f.layout {
        let put = |layout: &mut Vec<Block>, mut number: u32| {
            while number != u32::MAX {
                layout.push(Block(old_blocks as u32 + number));
                number = chain[number as usize];
            }
        };
        put(layout, heads[2 * block.index()]);
        layout.push(*block);
        put(layout, heads[2 * block.index() + 1]);
    }
    std::mem::swap(&mut f.layout, layout);
    f.compute_preds();
    true
}
