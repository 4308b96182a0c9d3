//! Numbering of values over the dominator tree: finds what the numbering during the build
//! missed, because a parameter that proves needless stood in the way, because where paths meet
//! the dominator was not known exactly, or because two parameters are always the same.

use crate::build::hash_op;
use crate::flow::Preorder;
use crate::ir::{Block, Effect, Function, Inst, Value};

use super::replace::Replacements;

/// The memory of the pass.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// A hash table of instructions with their blocks, which probes linearly.
    slots: Vec<(Inst, Block)>,
    /// The instructions that were replaced.
    dropped: Vec<bool>,
}

/// Runs the pass. Whether it has changed something.
pub(super) fn run(
    f: &mut Function,
    preorder: &Preorder,
    scratch: &mut Scratch,
    replacements: &mut Replacements,
) -> bool {
    let Scratch { slots, dropped } = scratch;
    replacements.start(f);
    let size = (f.schedule.len() * 2).next_power_of_two();
    slots.clear();
    slots.resize(size, (Inst::NONE, Block::NONE));
    dropped.clear();
    dropped.resize(f.insts.len(), false);
    for block in &preorder.order {
        same_params(f, *block, replacements);
        for index in f.block(*block).insts() {
            let inst = f.schedule[index];
            if replacements.any() {
                for arg in f.args_mut(inst) {
                    *arg = replacements.resolve(*arg);
                }
            }
            let Some(result) = f.result(inst) else { continue };
            let op = f.inst(inst).op;
            if !matches!(op.effect(), Effect::Pure | Effect::Traps) {
                continue;
            }
            let mut slot = hash_op(op, f.args(inst)) & (size - 1);
            let mut stale = None;
            loop {
                let (other, other_block) = slots[slot];
                if other == Inst::NONE {
                    slots[stale.unwrap_or(slot)] = (inst, *block);
                    break;
                }
                if !preorder.dominates(other_block, *block) {
                    // Nor will it dominate what comes after.
                    stale = stale.or(Some(slot));
                } else if f.inst(other).op == op && f.args(other) == f.args(inst) {
                    if let Some(by) = f.result(other) {
                        replacements.replace(result, by);
                        dropped[inst.index()] = true;
                    }
                    break;
                }
                slot = (slot + 1) & (size - 1);
            }
        }
    }
    if !replacements.any() {
        return false;
    }
    replacements.apply(f);
    drop_insts(f, dropped);
    true
}

/// Replaces parameters that get the same value on every edge, or the same as another parameter.
fn same_params(f: &Function, block: Block, replacements: &mut Replacements) {
    let params = f.params(block);
    let preds = f.preds(block);
    if preds.is_empty() {
        return;
    }
    for (number, param) in params.iter().enumerate() {
        let mut same = Value::NONE;
        for edge in preds {
            let arg = replacements.resolve(f.edge_args(*edge)[number]);
            if arg == *param || arg == same {
                continue;
            }
            if same != Value::NONE {
                same = Value::NONE;
                break;
            }
            same = arg;
        }
        if same != Value::NONE {
            replacements.replace(*param, same);
            continue;
        }
        // Parameters are few; of many, only neighbours are compared.
        for (other, earlier) in params[..number].iter().enumerate().rev().take(8) {
            let equal = f.ty(*earlier) == f.ty(*param)
                && preds.iter().all(|edge| {
                    let args = f.edge_args(*edge);
                    let (left, right) =
                        (replacements.resolve(args[other]), replacements.resolve(args[number]));
                    left == right || left == *earlier && right == *param
                });
            if equal {
                let by = replacements.resolve(*earlier);
                replacements.replace(*param, by);
                break;
            }
        }
    }
}

/// Drops instructions from the schedule.
fn drop_insts(f: &mut Function, dropped: &[bool]) {
    for block in 0..f.layout.len() {
        let block = f.layout[block].index();
        let insts = f.blocks[block].insts();
        // Blocks need not be in the order of the layout: each shrinks in its place.
        let mut at = insts.start;
        for index in insts {
            let inst = f.schedule[index];
            if !dropped[inst.index()] {
                f.schedule[at] = inst;
                at += 1;
            }
        }
        f.blocks[block].last = at as u32;
    }
}
