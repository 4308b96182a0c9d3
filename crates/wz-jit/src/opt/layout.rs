//! The order of the blocks: the blocks of a loop next to each other, one conditional branch per
//! iteration, cold blocks out of line; and what that rests on, which back ends want to know too:
//! loop depths, headers, and which blocks are cold.
//!
//! # Loops
//! A loop as it is written tests at its top, and jumps back there from its bottom: two branches
//! per iteration. If the blocks of the loop are rotated so that the block with the test comes
//! last, the jump becomes a fall through, and the test goes back to the top of the loop:
//!
//! ```text
//!     jump test               what leads to the loop enters it in the middle
//! body:
//!     …
//! test:
//!     branch condition, body  falls through to what comes after the loop
//! ```
//!
//! Nothing is copied, and SSA stays as it is. A loop that tests at its bottom is left as it is.

use crate::flow::{Flow, NO_LOOP};
use crate::ir::{Block, Effect, Function, Op};

/// The memory of the pass.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// For each loop, and for the function behind them: what is in it, as a chain of items.
    first: Vec<u32>,
    last: Vec<u32>,
    items: Vec<Item>,
    /// What is left to be put down, the next last.
    stack: Vec<What>,
    /// The items of one loop, to be rotated.
    ring: Vec<What>,
    cold: Vec<Block>,
}

#[derive(Clone, Copy, Debug)]
struct Item {
    what: What,
    next: u32,
}

/// What stands in a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Block(Block),
    Loop(u32),
}

/// Notes loop depths and what is cold, and orders the blocks if that is on.
pub(super) fn run(f: &mut Function, flow: &Flow, reorder: bool, scratch: &mut Scratch) {
    annotate(f, flow);
    f.order.clear();
    if reorder {
        scratch.collect(f, flow);
        scratch.put_down(f, flow, false);
        f.order.append(&mut f.layout);
        scratch.put_down(f, flow, true);
    } else {
        f.order.extend_from_slice(&f.layout);
    }
}

fn annotate(f: &mut Function, flow: &Flow) {
    for block in &flow.order {
        f.blocks[block.index()].loop_depth = flow.depth_of(*block);
        f.blocks[block.index()].flags.loop_header =
            flow.loops.get(flow.loop_of(*block) as usize).is_some_and(|found| found.header == *block);
    }
    // Cold is what cannot but trap.
    for block in flow.order.iter().rev() {
        let terminator = f.inst(f.terminator(*block)).op;
        let cold = match terminator {
            Op::Trap(_) => true,
            _ => {
                let mut succs = f.succs(*block);
                succs.len() > 0
                    && succs.all(|edge| {
                        let to = f.edge(edge).to;
                        // Of a loop, the blocks at its end do not know yet whether its header is.
                        flow.position(to) > flow.position(*block) && f.block(to).flags.cold
                    })
            }
        };
        debug_assert_eq!(f.inst(f.terminator(*block)).op.effect(), Effect::Ends);
        f.blocks[block.index()].flags.cold = cold;
    }
    f.blocks[Function::ENTRY.index()].flags.cold = false;
}

impl Scratch {
    /// Sorts blocks and loops into the loops that they are in, in the order in which they are.
    /// A loop stands where its header does.
    fn collect(&mut self, f: &Function, flow: &Flow) {
        let body = flow.loops.len();
        self.first.clear();
        self.first.resize(body + 1, u32::MAX);
        self.last.clear();
        self.last.resize(body + 1, u32::MAX);
        self.items.clear();
        self.cold.clear();
        for block in &f.layout {
            if f.block(*block).flags.cold {
                self.cold.push(*block);
                continue;
            }
            let around = flow.loop_of(*block);
            if around != NO_LOOP && flow.loops[around as usize].header == *block {
                self.append(flow.loops[around as usize].parent, What::Loop(around));
            }
            self.append(around, What::Block(*block));
        }
    }

    fn append(&mut self, around: u32, what: What) {
        let around = if around == NO_LOOP { self.first.len() - 1 } else { around as usize };
        let item = self.items.len() as u32;
        self.items.push(Item { what, next: u32::MAX });
        match std::mem::replace(&mut self.last[around], item) {
            u32::MAX => self.first[around] = item,
            last => self.items[last as usize].next = item,
        }
    }

    /// Makes the layout of what was collected. Cold blocks, which lead to cold ones only, are its
    /// end.
    fn put_down(&mut self, f: &mut Function, flow: &Flow, rotate: bool) {
        let mut layout = std::mem::take(&mut f.layout);
        layout.clear();
        self.stack.clear();
        self.open(f, flow, NO_LOOP, false);
        while let Some(what) = self.stack.pop() {
            match what {
                What::Block(block) => layout.push(block),
                What::Loop(index) => self.open(f, flow, index, rotate),
            }
        }
        layout.extend_from_slice(&self.cold);
        f.layout = layout;
    }

    /// Puts what is in a loop, or in the function, on the stack.
    fn open(&mut self, f: &Function, flow: &Flow, index: u32, rotate: bool) {
        let around = if index == NO_LOOP { self.first.len() - 1 } else { index as usize };
        self.ring.clear();
        let mut item = self.first[around];
        while item != u32::MAX {
            self.ring.push(self.items[item as usize].what);
            item = self.items[item as usize].next;
        }
        if rotate && let Some(test) = self.find_test(f, flow, index) {
            self.ring.rotate_left(test + 1);
        }
        self.stack.extend(self.ring.iter().rev());
    }

    /// The block that is to be the last of a loop: the first that branches out of the loop and
    /// else goes on to the block after it. None if the last block has a branch already, or if
    /// the loop goes back from elsewhere.
    fn find_test(&self, f: &Function, flow: &Flow, index: u32) -> Option<usize> {
        let header = flow.loops[index as usize].header;
        let What::Block(last) = *self.ring.last()? else { return None };
        let Op::Jump(back) = f.inst(f.terminator(last)).op else { return None };
        if f.edge(back).to != header || self.is_behind_branch(f, last) {
            return None;
        }
        self.ring.iter().zip(self.ring.iter().skip(1)).position(|(what, next)| {
            let (What::Block(block), What::Block(next)) = (*what, *next) else { return false };
            let Op::Branch(edge) = f.inst(f.terminator(block)).op else { return false };
            let targets = [f.edge(edge).to, f.edge(edge.next()).to];
            let leaves = |block: Block| !flow.is_inside(flow.loop_of(block), index);
            (targets[0] == next && leaves(targets[1])) || (targets[1] == next && leaves(targets[0]))
        })
    }

    /// Whether a block only carries the arguments of a branch back, from a block that tests.
    fn is_behind_branch(&self, f: &Function, block: Block) -> bool {
        f.block_insts(block).len() == 1
            && f.preds(block).len() == 1
            && f.succs(f.edge(f.preds(block)[0]).from).len() > 1
    }
}
