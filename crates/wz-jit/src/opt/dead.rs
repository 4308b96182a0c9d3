//! Drops instructions and parameters that nothing uses.

use crate::ir::{Function, List, Value, ValueDef};

/// The memory of the pass.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    used: Vec<bool>,
    work: Vec<Value>,
    /// Of each parameter, its place among those of its block.
    numbers: Vec<u32>,
}

/// Runs the pass. Everything that has an effect stays, and what that needs.
pub(super) fn run(f: &mut Function, scratch: &mut Scratch) {
    scratch.mark(f);
    scratch.drop_insts(f);
    scratch.drop_params(f);
}

impl Scratch {
    fn mark(&mut self, f: &Function) {
        let Self { used, work, numbers } = self;
        used.clear();
        used.resize(f.types.len(), false);
        numbers.clear();
        numbers.resize(f.types.len(), 0);
        work.clear();
        let mut mark = |work: &mut Vec<Value>, value: Value| {
            if !std::mem::replace(&mut used[value.index()], true) {
                work.push(value);
            }
        };
        for param in f.params(Function::ENTRY) {
            mark(work, *param);
        }
        for block in &f.layout {
            for (number, param) in f.params(*block).iter().enumerate() {
                numbers[param.index()] = number as u32;
            }
            for inst in f.block_insts(*block) {
                if !f.is_removable(*inst) {
                    f.args(*inst).iter().for_each(|arg| mark(work, *arg));
                }
            }
        }
        while let Some(value) = work.pop() {
            match f.def(value) {
                ValueDef::Constant(_) => {}
                ValueDef::Result(inst) => f.args(inst).iter().for_each(|arg| mark(work, *arg)),
                ValueDef::Param(block) => {
                    let number = numbers[value.index()] as usize;
                    for edge in f.preds(block) {
                        mark(work, f.edge_args(*edge)[number]);
                    }
                }
            }
        }
    }

    fn drop_insts(&self, f: &mut Function) {
        for index in 0..f.layout.len() {
            let block = f.layout[index].index();
            let insts = f.blocks[block].insts();
            let mut at = insts.start;
            for index in insts {
                let inst = f.schedule[index];
                if !f.is_removable(inst) || f.results(inst).any(|result| self.used[result.index()]) {
                    f.schedule[at] = inst;
                    at += 1;
                }
            }
            f.blocks[block].last = at as u32;
        }
    }

    fn drop_params(&self, f: &mut Function) {
        for index in 1..f.layout.len() {
            let block = f.layout[index];
            let params = f.block(block).params;
            if f.list(params).iter().all(|param| self.used[param.index()]) {
                continue;
            }
            for pred in f.block(block).preds.range() {
                let edge = f.pred_pool[pred].index();
                let args = f.edges[edge].args;
                f.edges[edge].args = self.keep(f, params, args);
            }
            f.blocks[block.index()].params = self.keep(f, params, params);
        }
    }

    /// Keeps those values of a list whose parameters are used.
    fn keep(&self, f: &mut Function, params: List, values: List) -> List {
        let mut kept = 0;
        for number in 0..params.len {
            let param = f.pool[(params.start + number) as usize];
            if self.used[param.index()] {
                f.pool[(values.start + kept) as usize] = f.pool[(values.start + number) as usize];
                kept += 1;
            }
        }
        List { start: values.start, len: kept }
    }
}
