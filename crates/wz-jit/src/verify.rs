//! [`verify`]: whether a function is what passes and back ends take for granted.
//!
//! - Blocks end in their only terminator; lists, pools and counts agree; edges begin where their
//!   terminator is, and `preds` lists them all.
//! - An edge carries an argument for each parameter of its target, of the same type.
//! - Operands and results have the types that the operator wants.
//! - What defines a value dominates its uses.
//! - After critical edges were split: an edge leads from the only way out or to the only way in.

use wz_decode::ModuleInfo;

use crate::flow::Flow;
use crate::ir::{Block, Function, Inst, Op, Type, Value, ValueDef};

mod types;

/// The stage a function is at: what may be taken for granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It was built, or passes have run.
    Built,
    /// Critical edges were split.
    Split,
}

/// Checks a function.
///
/// # Errors
/// What is wrong first, for a human.
pub fn verify(info: &ModuleInfo, f: &Function, stage: Stage) -> Result<(), String> {
    Verifier { info, f }.run(stage)
}

/// Where values are defined.
struct Places {
    /// Of each instruction, the block and the place in the schedule.
    insts: Vec<(Block, u32)>,
    /// Which values are parameters of their blocks.
    params: Vec<bool>,
}

struct Verifier<'a> {
    info: &'a ModuleInfo,
    f: &'a Function,
}

/// Fails with a message unless a condition holds.
macro_rules! ensure {
    ($holds:expr, $($message:tt)+) => {
        if !$holds {
            return Err(format!($($message)+));
        }
    };
}
use ensure;

impl Verifier<'_> {
    fn run(&self, stage: Stage) -> Result<(), String> {
        self.structure()?;
        let mut flow = Flow::default();
        flow.compute_order_and_dominators(self.f);
        for block in &self.f.layout {
            ensure!(flow.is_reachable(*block), "{block} cannot be reached");
        }
        ensure!(flow.order.len() == self.f.layout.len(), "a block that can be reached has no place");
        self.edges(stage)?;
        let places = self.places();
        for block in &self.f.layout {
            for inst in self.f.block_insts(*block) {
                self.types(*inst).map_err(|error| format!("{block}, {inst}: {error}"))?;
                for arg in self.f.args(*inst) {
                    self.dominated(&flow, &places, *arg, *block, Some(*inst))?;
                }
            }
            for edge in self.f.succs(*block) {
                for arg in self.f.edge_args(edge) {
                    self.dominated(&flow, &places, *arg, *block, None)?;
                }
            }
        }
        Ok(())
    }

    /// Blocks, terminators, edges and lists fit together.
    fn structure(&self) -> Result<(), String> {
        let f = self.f;
        ensure!(f.layout.first() == Some(&Function::ENTRY), "the function does not start at the start");
        ensure!(f.types.len() == f.defs.len(), "a value without type or definition");
        let mut seen = vec![false; f.blocks.len()];
        let mut scheduled = vec![false; f.insts.len()];
        for block in &f.layout {
            ensure!(!std::mem::replace(&mut seen[block.index()], true), "{block} has two places");
            let insts = f.blocks[block.index()].insts();
            ensure!(!insts.is_empty() && insts.end <= f.schedule.len(), "{block} is empty");
            let (last, rest) = f.block_insts(*block).split_last().unwrap_or((&Inst::NONE, &[]));
            for inst in rest {
                ensure!(!is_terminator(f.inst(*inst).op), "{block} goes on after {inst}");
            }
            ensure!(is_terminator(f.inst(*last).op), "{block} has no end");
            for inst in f.block_insts(*block) {
                ensure!(!std::mem::replace(&mut scheduled[inst.index()], true), "{inst} has two places");
                ensure!(f.inst(*inst).op != Op::Nop, "{inst} in {block} was dropped");
                for (number, result) in f.results(*inst).enumerate() {
                    ensure!(f.def(result) == ValueDef::Result(*inst), "result {number} of {inst}");
                }
            }
            for param in f.params(*block) {
                ensure!(f.def(*param) == ValueDef::Param(*block), "{param} is not of {block}");
            }
        }
        Ok(())
    }

    fn edges(&self, stage: Stage) -> Result<(), String> {
        let f = self.f;
        ensure!(f.preds(Function::ENTRY).is_empty(), "the start is returned to");
        let mut count = vec![0; f.blocks.len()];
        for block in &f.layout {
            let edges = f.succs(*block);
            let ways_out = edges.len();
            for edge in edges {
                let data = f.edge(edge);
                ensure!(data.from == *block, "{edge} leaves {block}, not {}", data.from);
                ensure!(
                    f.preds(data.to).contains(&edge) || f.preds(data.to).len() > 1000,
                    "{} does not know of {edge}",
                    data.to
                );
                count[data.to.index()] += 1;
                if stage == Stage::Split {
                    let only_way_in = f.preds(data.to).len() == 1;
                    ensure!(ways_out == 1 || only_way_in, "{edge} from {block} to {} is critical", data.to);
                    ensure!(ways_out == 1 || data.args.len == 0, "{edge} leaves a branch with arguments");
                }
                let (args, params) = (f.edge_args(edge), f.params(data.to));
                ensure!(args.len() == params.len(), "{edge} has {} arguments for {}", args.len(), data.to);
                for (arg, param) in args.iter().zip(params) {
                    ensure!(f.ty(*arg) == f.ty(*param), "{edge}: {arg} for {param}");
                }
            }
        }
        for block in &f.layout {
            ensure!(count[block.index()] == f.preds(*block).len(), "{block} has other ways in");
        }
        Ok(())
    }

    fn places(&self) -> Places {
        let mut insts = vec![(Block::NONE, 0); self.f.insts.len()];
        let mut params = vec![false; self.f.types.len()];
        for block in &self.f.layout {
            for place in self.f.block(*block).insts() {
                insts[self.f.schedule[place].index()] = (*block, place as u32);
            }
            for param in self.f.params(*block) {
                params[param.index()] = true;
            }
        }
        Places { insts, params }
    }

    /// A value is defined before it is used in a block, by an instruction or by the edges.
    fn dominated(
        &self,
        flow: &Flow,
        places: &Places,
        value: Value,
        block: Block,
        user: Option<Inst>,
    ) -> Result<(), String> {
        ensure!(value.index() < self.f.defs.len(), "{block} uses {value}, which is none");
        let defined = match self.f.def(value) {
            ValueDef::Constant(_) => return Ok(()),
            ValueDef::Param(defined) => {
                ensure!(places.params[value.index()], "{block} uses {value}, a parameter that was dropped");
                defined
            }
            ValueDef::Result(inst) => {
                let (defined, place) = places.insts[inst.index()];
                ensure!(defined != Block::NONE, "{block} uses {value} of {inst}, which was dropped");
                if defined == block {
                    let before = user.is_none_or(|user| place < places.insts[user.index()].1);
                    ensure!(before, "{block} uses {value} before {inst}");
                }
                defined
            }
        };
        ensure!(flow.dominates(defined, block), "{block} uses {value} of {defined}, which does not dominate");
        Ok(())
    }

    fn expect(&self, values: &[Value], types: &[Type]) -> Result<(), String> {
        let given = values.iter().map(|value| self.f.ty(*value));
        ensure!(
            given.clone().eq(types.iter().copied()),
            "operands {:?}, not {types:?}",
            given.collect::<Vec<_>>()
        );
        Ok(())
    }
}

fn is_terminator(op: Op) -> bool {
    op.effect() == crate::ir::Effect::Ends
}
