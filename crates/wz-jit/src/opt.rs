//! Optimization of SSA: the passes in order, and the memory that they share.
//!
//! A pass is a function over a [`Function`] in a file of its own. Passes may leave instructions
//! and parameters behind that nothing uses; `dead` drops them. Splitting critical edges and
//! ordering the blocks are the end, and are not optional: only what they gain is.

mod bounds;
mod dead;
mod gvn;
mod hoist;
mod layout;
mod merge;
mod replace;
mod split;

use crate::flow::{Flow, Preorder};
use crate::ir::Function;
use crate::options::{Options, Passes};
use crate::verify::Stage;

/// The name of a stage, in dumps and errors.
pub type StageName = &'static str;

/// The memory of the passes.
#[derive(Debug, Default)]
pub struct Optimizer {
    flow: Flow,
    preorder: Preorder,
    replacements: replace::Replacements,
    merge: merge::Scratch,
    gvn: gvn::Scratch,
    hoist: hoist::Scratch,
    bounds: bounds::Scratch,
    dead: dead::Scratch,
    split: split::Scratch,
    layout: layout::Scratch,
}

impl Optimizer {
    /// Runs the passes that are on, and shows the function after each.
    pub fn run(
        &mut self,
        f: &mut Function,
        options: &Options,
        after: &mut dyn FnMut(StageName, &Function, Stage),
    ) {
        let passes = options.passes;
        let mut changed = false;
        if passes.has(Passes::MERGE) && merge::run(f, &mut self.merge, &mut self.replacements) {
            after("merge", f, Stage::Built);
        }
        self.flow.compute(f);
        let bounds = passes.has(Passes::BOUNDS) && options.explicit_checks;
        if passes.has(Passes::GVN) || bounds {
            self.preorder.compute(&self.flow);
        }
        if passes.has(Passes::GVN) && gvn::run(f, &self.preorder, &mut self.gvn, &mut self.replacements) {
            changed = true;
            after("gvn", f, Stage::Built);
        }
        if passes.has(Passes::HOIST) && hoist::run(f, &self.flow, &mut self.hoist) {
            after("hoist", f, Stage::Built);
        }
        if changed && passes.has(Passes::DEAD) {
            dead::run(f, &mut self.dead);
            after("dead", f, Stage::Built);
        }
        if bounds && bounds::run(f, &self.preorder, &mut self.bounds) {
            after("bounds", f, Stage::Built);
        }
        if split::run(f, &mut self.split) {
            self.flow.compute(f);
            after("split", f, Stage::Split);
        }
        layout::run(f, &self.flow, passes.has(Passes::LAYOUT), &mut self.layout);
        after("layout", f, Stage::Split);
    }
}
