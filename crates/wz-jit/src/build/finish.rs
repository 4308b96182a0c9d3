//! The end of the build: what turned out to be needless is left out, and phis become parameters
//! of blocks and arguments of edges.

use crate::ir::{Block, List, Value, ValueDef};
use crate::options::Passes;

use super::{Builder, Phi, Source};

/// How often phis are looked through for some that have become needless. What is left after that
/// does no harm.
const ROUNDS: usize = 3;

/// The memory of this step.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Which values are used.
    used: Vec<bool>,
    /// Values whose operands are still to be marked.
    work: Vec<Value>,
}

impl Builder<'_> {
    pub(super) fn finish(&mut self) {
        for _ in 0..ROUNDS {
            let mut changed = false;
            for phi in 0..self.s.phis.len() as u32 {
                changed |= self.replace_if_same(phi);
            }
            if !changed {
                break;
            }
        }
        self.mark_used();
        self.write_schedule();
        self.write_params();
    }

    fn is_used(&self, value: Value) -> bool {
        self.s.finish.used[value.index()]
    }

    /// Marks what is used by what has an effect.
    fn mark_used(&mut self) {
        let keep_all = !self.passes().has(Passes::DEAD);
        let mut scratch = std::mem::take(&mut self.s.finish);
        let Scratch { used, work } = &mut scratch;
        used.clear();
        used.resize(self.f.types.len(), keep_all);
        work.clear();
        if !keep_all {
            for index in (0..self.f.schedule.len()).rev() {
                let inst = self.f.schedule[index];
                if !self.f.is_removable(inst) {
                    for arg in 0..self.f.args(inst).len() {
                        let arg = self.f.args(inst)[arg];
                        let arg = self.resolve(arg);
                        mark(used, work, arg);
                    }
                }
            }
        }
        while let Some(value) = work.pop() {
            match self.f.def(value) {
                ValueDef::Constant(_) => {}
                ValueDef::Result(inst) => {
                    if self.f.is_removable(inst) {
                        for arg in 0..self.f.args(inst).len() {
                            let arg = self.f.args(inst)[arg];
                            let arg = self.resolve(arg);
                            mark(used, work, arg);
                        }
                    }
                }
                ValueDef::Param(Block(phi)) => {
                    let Phi { block, args, source, .. } = self.s.phis[phi as usize];
                    if source != Source::Function {
                        for index in args..args + self.f.blocks[block.index()].preds.len {
                            let arg = self.resolve(self.s.phi_args[index as usize]);
                            mark(used, work, arg);
                        }
                    }
                }
            }
        }
        self.s.finish = scratch;
    }

    /// Drops instructions that are not used, and has the others refer to what replaces phis.
    fn write_schedule(&mut self) {
        let mut written = 0;
        for block in 0..self.f.blocks.len() {
            let insts = self.f.blocks[block].insts();
            self.f.blocks[block].first = written as u32;
            for index in insts {
                let inst = self.f.schedule[index];
                let used = !self.f.is_removable(inst)
                    || self.f.results(inst).any(|result| self.s.finish.used[result.index()]);
                if !used {
                    continue;
                }
                self.f.schedule[written] = inst;
                written += 1;
                for arg in 0..self.f.args(inst).len() {
                    let value = self.f.args(inst)[arg];
                    let value = self.resolve(value);
                    self.f.args_mut(inst)[arg] = value;
                }
            }
            self.f.blocks[block].last = written as u32;
        }
        self.f.schedule.truncate(written);
    }

    /// Makes parameters of the phis that are used, and arguments of their arguments.
    fn write_params(&mut self) {
        for edge in &mut self.f.edges {
            edge.args = List::EMPTY;
        }
        for phi in 0..self.s.phis.len() {
            if self.is_param(phi) {
                self.f.blocks[self.s.phis[phi].block.index()].params.len += 1;
            }
        }
        let mut start = self.f.pool.len() as u32;
        for block in &mut self.f.blocks {
            block.params.start = start;
            start += block.params.len;
            block.params.len = 0;
        }
        self.f.pool.resize(start as usize, Value::NONE);
        for phi in 0..self.s.phis.len() {
            if self.is_param(phi) {
                let Phi { value, block, .. } = self.s.phis[phi];
                let params = &mut self.f.blocks[block.index()].params;
                self.f.pool[params.range().end] = value;
                params.len += 1;
            }
        }
        for block in 1..self.f.blocks.len() {
            let (params, preds) = (self.f.blocks[block].params, self.f.blocks[block].preds);
            if params.len == 0 {
                continue;
            }
            for (number, edge) in preds.range().enumerate() {
                let edge = self.f.pred_pool[edge];
                let start = self.f.pool.len() as u32;
                for param in params.range() {
                    let ValueDef::Param(Block(phi)) = self.f.def(self.f.pool[param]) else { continue };
                    let arg = self.s.phi_args[self.s.phis[phi as usize].args as usize + number];
                    let arg = self.resolve(arg);
                    self.f.pool.push(arg);
                }
                self.f.edges[edge.index()].args = List { start, len: params.len };
            }
        }
        for phi in &self.s.phis {
            self.f.defs[phi.value.index()] = ValueDef::Param(phi.block);
        }
    }

    /// Whether a phi becomes a parameter.
    fn is_param(&self, phi: usize) -> bool {
        let Phi { value, args, replaced, source, .. } = self.s.phis[phi];
        replaced == Value::NONE
            && args != Phi::INCOMPLETE
            && (source == Source::Function || self.is_used(value))
    }
}

fn mark(used: &mut [bool], work: &mut Vec<Value>, value: Value) {
    if !std::mem::replace(&mut used[value.index()], true) {
        work.push(value);
    }
}
