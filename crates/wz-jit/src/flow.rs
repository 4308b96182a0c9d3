//! [`Flow`]: dominators and loops. Control in wasm is structured, and no pass makes it less than
//! reducible: a loop is entered at its header only, which dominates it. So one pass over the
//! blocks in reverse postorder finds dominators, and a back edge is one to a block that is not
//! later in that order.

use crate::ancestors::Ancestors;
use crate::ir::{Block, Edge, Function};

/// Stands for the absence of a loop.
pub const NO_LOOP: u32 = u32::MAX;

/// What is known of a function's control flow.
#[derive(Debug, Default)]
pub struct Flow {
    /// The blocks that can be reached, in reverse postorder.
    pub order: Vec<Block>,
    /// The place of each block in `order`; `u32::MAX` if it cannot be reached.
    positions: Vec<u32>,
    /// The dominator tree, over positions.
    tree: Ancestors,
    /// The loops, inner ones before those around them.
    pub loops: Vec<Loop>,
    /// The innermost loop of each block, or [`NO_LOOP`].
    block_loops: Vec<u32>,
    stack: Vec<(Block, u32, u32)>,
    work: Vec<Block>,
    /// For each loop, one around it that is known, to find the outermost quickly.
    around: Vec<u32>,
}

/// A loop.
#[derive(Clone, Copy, Debug)]
pub struct Loop {
    /// The block that it is entered at.
    pub header: Block,
    /// The loop around it, or [`NO_LOOP`].
    pub parent: u32,
    /// How many loops it is in, itself included.
    pub depth: u16,
}

impl Flow {
    /// Computes everything anew.
    pub fn compute(&mut self, f: &Function) {
        self.compute_order(f);
        self.compute_dominators(f);
        self.compute_loops(f);
    }

    /// Computes the order and the dominators only.
    pub fn compute_order_and_dominators(&mut self, f: &Function) {
        self.compute_order(f);
        self.compute_dominators(f);
    }

    fn compute_order(&mut self, f: &Function) {
        self.order.clear();
        self.positions.clear();
        self.positions.resize(f.blocks.len(), u32::MAX);
        self.stack.clear();
        let edges = |block: Block| f.op_edges(f.inst(f.terminator(block)).op);
        // 0 marks what has been visited, until positions are known.
        self.positions[Function::ENTRY.index()] = 0;
        let first = edges(Function::ENTRY);
        // The last edge first, so that the first comes first in reverse.
        self.stack.push((Function::ENTRY, first.start, first.end));
        while let Some((block, start, end)) = self.stack.last_mut() {
            if start < end {
                *end -= 1;
                let to = f.edge(Edge(*end)).to;
                if self.positions[to.index()] == u32::MAX {
                    self.positions[to.index()] = 0;
                    let edges = edges(to);
                    self.stack.push((to, edges.start, edges.end));
                }
            } else {
                self.order.push(*block);
                self.stack.pop();
            }
        }
        self.order.reverse();
        for (position, block) in self.order.iter().enumerate() {
            self.positions[block.index()] = position as u32;
        }
    }

    fn compute_dominators(&mut self, f: &Function) {
        self.tree.clear();
        for (position, block) in self.order.iter().enumerate() {
            let mut parent = Ancestors::NONE;
            for edge in f.preds(*block) {
                let from = self.positions[f.edge(*edge).from.index()];
                // Back edges, and edges from what cannot be reached.
                if from >= position as u32 {
                    continue;
                }
                parent = if parent == Ancestors::NONE { from } else { self.tree.common(parent, from) };
            }
            self.tree.push(parent);
        }
    }

    fn compute_loops(&mut self, f: &Function) {
        self.loops.clear();
        self.around.clear();
        self.block_loops.clear();
        self.block_loops.resize(f.blocks.len(), NO_LOOP);
        for position in (0..self.order.len() as u32).rev() {
            let header = self.order[position as usize];
            self.work.clear();
            for edge in f.preds(header) {
                let from = f.edge(*edge).from;
                let at = self.positions[from.index()];
                if at != u32::MAX && at >= position {
                    debug_assert!(self.tree.is_above(position, at), "{header} is not the only way in");
                    self.work.push(from);
                }
            }
            if self.work.is_empty() {
                continue;
            }
            let this = self.loops.len() as u32;
            self.loops.push(Loop { header, parent: NO_LOOP, depth: 0 });
            self.around.push(NO_LOOP);
            // Everything on the way back from the branches to the header is in the loop.
            self.block_loops[header.index()] = this;
            while let Some(block) = self.work.pop() {
                let inner = self.block_loops[block.index()];
                let entered = if inner == NO_LOOP {
                    self.block_loops[block.index()] = this;
                    block
                } else {
                    let outermost = self.outermost(inner);
                    if outermost == this {
                        continue;
                    }
                    self.loops[outermost as usize].parent = this;
                    self.around[outermost as usize] = this;
                    self.loops[outermost as usize].header
                };
                for edge in f.preds(entered) {
                    let from = f.edge(*edge).from;
                    if self.positions[from.index()] != u32::MAX {
                        self.work.push(from);
                    }
                }
            }
        }
        for index in (0..self.loops.len()).rev() {
            let parent = self.loops[index].parent;
            let around = self.loops.get(parent as usize).map_or(0, |parent| parent.depth);
            self.loops[index].depth = around.saturating_add(1);
        }
    }

    /// The outermost loop known so far around a loop.
    fn outermost(&mut self, mut index: u32) -> u32 {
        loop {
            let around = self.around[index as usize];
            if around == NO_LOOP {
                return index;
            }
            let further = self.around[around as usize];
            if further != NO_LOOP {
                self.around[index as usize] = further;
            }
            index = around;
        }
    }

    /// Whether a block can be reached.
    #[must_use]
    pub fn is_reachable(&self, block: Block) -> bool {
        self.positions[block.index()] != u32::MAX
    }

    /// The place of a block in the order.
    #[must_use]
    pub fn position(&self, block: Block) -> u32 {
        self.positions[block.index()]
    }

    /// Whether every way to `block` leads through `above`, or they are the same.
    #[must_use]
    pub fn dominates(&self, above: Block, block: Block) -> bool {
        self.tree.is_above(self.positions[above.index()], self.positions[block.index()])
    }

    /// The block that dominates a block immediately.
    #[must_use]
    pub fn dominator(&self, block: Block) -> Option<Block> {
        let parent = self.tree.parent(self.positions[block.index()]);
        self.order.get(parent as usize).copied()
    }

    /// The innermost loop of a block, or [`NO_LOOP`].
    #[must_use]
    pub fn loop_of(&self, block: Block) -> u32 {
        self.block_loops[block.index()]
    }

    /// How many loops a block is in.
    #[must_use]
    pub fn depth_of(&self, block: Block) -> u16 {
        self.loops.get(self.loop_of(block) as usize).map_or(0, |found| found.depth)
    }

    /// Whether a loop is in another, or the same.
    #[must_use]
    pub fn is_inside(&self, mut inner: u32, outer: u32) -> bool {
        if outer == NO_LOOP {
            return true;
        }
        let Some(depth) = self.loops.get(outer as usize).map(|found| found.depth) else { return false };
        while inner != NO_LOOP && self.loops[inner as usize].depth > depth {
            inner = self.loops[inner as usize].parent;
        }
        inner == outer
    }

    /// Whether an edge goes back to the header of a loop that it is in.
    #[must_use]
    pub fn is_back_edge(&self, f: &Function, edge: Edge) -> bool {
        let edge = f.edge(edge);
        self.positions[edge.to.index()] <= self.positions[edge.from.index()]
    }
}

/// The dominator tree in the order in which it is walked downwards: what a block dominates comes
/// right after it.
#[derive(Debug, Default)]
pub struct Preorder {
    /// The blocks.
    pub order: Vec<Block>,
    /// For each block its place, and the place after the last block that it dominates.
    ranges: Vec<(u32, u32)>,
    first_child: Vec<u32>,
    next_sibling: Vec<u32>,
}

impl Preorder {
    /// Computes it from dominators.
    pub fn compute(&mut self, flow: &Flow) {
        let count = flow.order.len();
        self.first_child.clear();
        self.first_child.resize(count, u32::MAX);
        self.next_sibling.clear();
        self.next_sibling.resize(count, u32::MAX);
        for child in (1..count).rev() {
            let parent = flow.tree.parent(child as u32);
            self.next_sibling[child] =
                std::mem::replace(&mut self.first_child[parent as usize], child as u32);
        }
        self.order.clear();
        self.ranges.clear();
        self.ranges.resize(flow.positions.len(), (0, 0));
        let mut at = 0_u32;
        loop {
            let block = flow.order[at as usize];
            self.ranges[block.index()].0 = self.order.len() as u32;
            self.order.push(block);
            let mut next = self.first_child[at as usize];
            while next == u32::MAX {
                self.ranges[flow.order[at as usize].index()].1 = self.order.len() as u32;
                next = self.next_sibling[at as usize];
                at = flow.tree.parent(at);
                if at == Ancestors::NONE {
                    return;
                }
            }
            at = next;
        }
    }

    /// Whether `above` dominates `block`, or they are the same.
    #[inline]
    #[must_use]
    pub fn dominates(&self, above: Block, block: Block) -> bool {
        let (first, end) = self.ranges[above.index()];
        (first..end).contains(&self.ranges[block.index()].0)
    }
}
