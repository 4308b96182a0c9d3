//! Control: labels, the edges to them, and the blocks where edges meet.

use wz_api::ValueType;
use wz_decode::builder::BlockShape;

use crate::ir::{Block, Edge, List, Op, SwitchData, Type, Value};
use crate::options::Passes;

use super::locals::Point;
use super::scan::LoopScan;
use super::{Builder, Source};

/// A construct that is open: the target of branches. Labels are its index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Label {
    kind: Kind,
    /// How many operands edges carry.
    arity: u32,
    /// The last edge, or [`Edge::NONE`]; the others are chained. The edges of a terminator are
    /// older the higher they are.
    last_edge: Edge,
    edge_count: u32,
    /// When the first edge was made, and how deep its block is on the path of dominators.
    first_edge: (u32, u32),
    /// Of an `if`: the block that it ends, and where its second arm begins.
    condition: Block,
    second_arm: SecondArm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The function's body, a block or an `if`: branches go to its end.
    Forward,
    /// A loop with a header.
    Loop(Block),
    /// A loop that no branch goes back to.
    Once,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SecondArm {
    /// At the end of an edge.
    Edge(Edge),
    /// The condition is zero: it goes on where the `if` is.
    Always,
    /// The condition is not zero, or the `if` cannot be reached.
    Never,
}

/// How far the path of dominators was cut back, and when: the least depth since a time.
#[derive(Debug, Default)]
pub(super) struct Truncations {
    /// Times and depths, both growing: what was cut less deep before a deeper cut is left out.
    cuts: Vec<(u32, u32)>,
    clock: u32,
}

impl Truncations {
    pub(super) fn clear(&mut self) {
        self.cuts.clear();
        self.clock = 0;
    }

    /// The path is cut to this length.
    pub(super) fn push(&mut self, depth: u32) {
        while self.cuts.last().is_some_and(|(_, deeper)| *deeper >= depth) {
            self.cuts.pop();
        }
        self.clock += 1;
        self.cuts.push((self.clock, depth));
    }

    /// The least length to which the path was cut after `time`.
    fn least_since(&self, time: u32) -> Option<u32> {
        let first = self.cuts.partition_point(|(cut, _)| *cut <= time);
        self.cuts.get(first).map(|(_, depth)| *depth)
    }
}

impl Builder<'_> {
    /// Opens a construct whose operands at the label have these types.
    fn open(&mut self, kind: Kind, types: &[ValueType]) -> u32 {
        self.s.labels.push(Label {
            kind,
            arity: types.len() as u32,
            last_edge: Edge::NONE,
            edge_count: 0,
            first_edge: (0, 0),
            condition: Block::NONE,
            second_arm: SecondArm::Never,
        });
        self.s.labels.len() as u32 - 1
    }

    /// Has an edge from the block being filled lead to a label.
    fn link(&mut self, edge: Edge, label: u32, stack: &[Value]) {
        let entry = self.s.labels[label as usize];
        let args = List { start: self.f.pool.len() as u32, len: entry.arity };
        self.f.pool.extend_from_slice(&stack[stack.len() - entry.arity as usize..]);
        self.link_with(edge, label, args);
    }

    fn link_with(&mut self, edge: Edge, label: u32, args: List) {
        let clock = self.s.truncations.clock;
        let depth = self.s.path.len() as u32 - 1;
        let entry = &mut self.s.labels[label as usize];
        if entry.last_edge == Edge::NONE {
            entry.first_edge = (clock, depth);
        }
        self.s.next_edges[edge.index()] = std::mem::replace(&mut entry.last_edge, edge);
        entry.edge_count += 1;
        self.f.edges[edge.index()].args = args;
        if let Kind::Loop(header) = entry.kind {
            self.f.edges[edge.index()].to = header;
        }
    }

    /// Ends the block with a jump to a label.
    fn jump(&mut self, label: u32, stack: &[Value]) {
        let edge = self.new_edges(1);
        self.link(edge, label, stack);
        self.terminate(Op::Jump(edge), &[]);
    }

    /// A new block at the end of an edge of the block that was just ended.
    fn fill_after(&mut self, edge: Edge) {
        let block = self.new_block();
        self.set_preds(block, &[edge]);
        let depth = self.s.path.len() as u32;
        self.fill(block, depth);
    }

    fn set_preds(&mut self, block: Block, edges: &[Edge]) {
        let start = self.f.pred_pool.len() as u32;
        for edge in edges {
            self.f.edges[edge.index()].to = block;
        }
        self.f.pred_pool.extend_from_slice(edges);
        self.f.blocks[block.index()].preds = List { start, len: edges.len() as u32 };
    }

    /// The edges to a label, in order, after `first` if there is one, become those to a block.
    fn set_label_preds(&mut self, block: Block, first: Option<Edge>, last: Edge) {
        let start = self.f.pred_pool.len();
        self.f.pred_pool.extend(first);
        let labels_start = self.f.pred_pool.len();
        let mut edge = last;
        while edge != Edge::NONE {
            self.f.edges[edge.index()].to = block;
            self.f.pred_pool.push(edge);
            edge = self.s.next_edges[edge.index()];
        }
        self.f.pred_pool[labels_start..].reverse();
        let len = (self.f.pred_pool.len() - start) as u32;
        self.f.blocks[block.index()].preds = List { start: start as u32, len };
    }

    // Conditions.

    /// What a condition depends on, without tests for zero; `true` if it is to be negated.
    fn condition(&mut self, condition: Value) -> (Value, bool) {
        let mut negated = false;
        let mut value = self.resolve(condition);
        if self.passes().has(Passes::SIMPLIFY) {
            while let Some((inner, eqz)) = self.test_for_zero(value) {
                value = inner;
                negated ^= eqz;
            }
            value = self.known_condition(value);
        }
        (value, negated)
    }

    /// The constant that a condition is on the way to here, or itself.
    pub(crate) fn known_condition(&self, value: Value) -> Value {
        match self.s.facts.get(&value) {
            Some((block, known)) if self.on_path(*block) => *known,
            _ => value,
        }
    }

    /// Whether the condition is constant.
    fn decided(&self, value: Value, negated: bool) -> Option<bool> {
        if !self.passes().has(Passes::SIMPLIFY) {
            return None;
        }
        let bits = self.f.constant_int(value)?;
        Some((bits != 0) ^ negated)
    }

    /// In the block being filled, a condition is not zero, or is zero.
    fn note_fact(&mut self, value: Value, holds: bool) {
        let fact = if holds {
            if self.bound(value) > 1 {
                return;
            }
            1
        } else {
            0
        };
        let known = self.int(Type::I32, fact);
        self.s.facts.insert(value, (self.current, known));
    }

    // Constructs.

    pub(super) fn open_function(&mut self, results: &[ValueType]) -> u32 {
        self.open(Kind::Forward, results)
    }

    pub(super) fn open_block(&mut self, shape: BlockShape<'_>) -> u32 {
        self.open(Kind::Forward, shape.results)
    }

    pub(super) fn open_loop(&mut self, shape: BlockShape<'_>, stack: &mut [Value]) -> u32 {
        let LoopScan { end, repeats } = self.s.scan.loops[self.s.next_loop];
        self.s.next_loop += 1;
        if !repeats || self.dead() {
            return self.open(Kind::Once, shape.params);
        }
        let edge = self.new_edges(1);
        let header = self.new_block();
        let label = self.open(Kind::Loop(header), shape.params);
        self.link(edge, label, stack);
        self.terminate(Op::Jump(edge), &[]);
        self.s.locals.enter_loop(header, end);
        let depth = self.s.path.len() as u32;
        self.fill(header, depth);
        self.new_epoch();
        let height = stack.len() - shape.params.len();
        for (operand, ty) in shape.params.iter().enumerate() {
            let phi = self.s.phis.len() as u32;
            stack[height + operand] = self.new_phi(header, Type::of(*ty), Source::Operand(operand as u32));
            self.let_wait(phi);
        }
        if self.options.interrupt {
            self.push_inst(Op::Interrupt, &[]);
        }
        label
    }

    pub(super) fn open_if(&mut self, shape: BlockShape<'_>, condition: Value) -> u32 {
        let label = self.open(Kind::Forward, shape.results);
        if self.dead() {
            return label;
        }
        let (value, negated) = self.condition(condition);
        let block = self.current;
        let second_arm = match self.decided(value, negated) {
            Some(true) => SecondArm::Never,
            Some(false) => {
                self.close();
                SecondArm::Always
            }
            None => {
                let edge = self.new_edges(2);
                self.terminate(Op::Branch(edge), &[value]);
                let (first, second) = if negated { (edge.next(), edge) } else { (edge, edge.next()) };
                self.fill_after(first);
                self.note_fact(value, !negated);
                SecondArm::Edge(second)
            }
        };
        let entry = &mut self.s.labels[label as usize];
        entry.condition = block;
        entry.second_arm = second_arm;
        label
    }

    pub(super) fn start_second_arm(
        &mut self,
        label: u32,
        shape: BlockShape<'_>,
        fallthrough: bool,
        stack: &mut Vec<Value>,
    ) {
        if fallthrough && !self.dead() {
            self.jump(label, stack);
        }
        stack.truncate(shape.height as usize);
        self.current = Block::NONE;
        let Label { condition, second_arm, .. } = self.s.labels[label as usize];
        match second_arm {
            SecondArm::Never => {}
            SecondArm::Always => {
                self.s.locals.rewind(self.s.ends[condition.index()]);
                self.current = condition;
            }
            SecondArm::Edge(edge) => {
                self.s.locals.rewind(self.s.points[edge.index()]);
                let block = self.new_block();
                self.set_preds(block, &[edge]);
                self.fill(block, self.s.depths[condition.index()] + 1);
                self.new_epoch();
                let Op::Branch(first) = self.f.inst(self.f.terminator(condition)).op else { return };
                let value = self.f.args(self.f.terminator(condition))[0];
                self.note_fact(value, edge == first);
            }
        }
    }

    /// Ends a construct; on return the results are on top of the stack.
    pub(super) fn end_construct(
        &mut self,
        label: u32,
        shape: BlockShape<'_>,
        fallthrough: bool,
        stack: &mut Vec<Value>,
    ) {
        let kind = self.s.labels[label as usize].kind;
        match kind {
            Kind::Loop(_) | Kind::Once => {
                self.close_label(label);
                if !fallthrough {
                    self.current = Block::NONE;
                    self.push_zeros(shape, stack);
                }
            }
            Kind::Forward => {
                if fallthrough && !self.dead() {
                    if self.s.labels[label as usize].edge_count == 0 {
                        self.close_label(label);
                        return;
                    }
                    self.jump(label, stack);
                }
                let entry = self.close_label(label);
                stack.truncate(shape.height as usize);
                if entry.edge_count == 0 {
                    self.current = Block::NONE;
                    self.push_zeros(shape, stack);
                } else {
                    self.meet(entry, shape, stack);
                }
            }
        }
    }

    fn push_zeros(&mut self, shape: BlockShape<'_>, stack: &mut Vec<Value>) {
        stack.truncate(shape.height as usize);
        for ty in shape.results {
            let zero = self.zero(Type::of(*ty));
            stack.push(zero);
        }
    }

    /// Goes on where the edges to a label meet, with its operands on the stack.
    fn meet(&mut self, label: Label, shape: BlockShape<'_>, stack: &mut Vec<Value>) {
        let block = self.new_block();
        self.set_label_preds(block, None, label.last_edge);
        let (time, depth) = label.first_edge;
        let common = self.s.truncations.least_since(time).map_or(depth, |cut| (cut - 1).min(depth));
        let single = label.edge_count == 1;
        if single {
            let from = self.f.edges[label.last_edge.index()].from;
            self.s.locals.rewind(self.s.points[label.last_edge.index()]);
            // The block before may have been cut off the path; it dominates nevertheless.
            if depth == common + 1 {
                self.s.path.truncate(depth as usize);
                self.s.truncations.push(depth);
                self.s.path.push(from);
                self.fill(block, depth + 1);
            } else {
                self.fill(block, common + 1);
            }
        } else {
            let dominator = self.s.path[common as usize];
            let end: Point = self.s.ends[dominator.index()];
            self.s.locals.meet(end, block);
            self.fill(block, common + 1);
        }
        self.new_epoch();
        for (operand, ty) in shape.results.iter().enumerate() {
            let value = self.meet_operand(block, operand as u32, Type::of(*ty));
            stack.push(value);
        }
    }

    /// The operand where edges meet: the same on all, or a parameter.
    fn meet_operand(&mut self, block: Block, operand: u32, ty: Type) -> Value {
        let preds = self.f.blocks[block.index()].preds;
        let first = self.operand(self.f.pred_pool[preds.start as usize], operand);
        let first = self.resolve(first);
        for index in preds.range().skip(1) {
            let other = self.operand(self.f.pred_pool[index], operand);
            if self.resolve(other) != first {
                if self.failed {
                    return self.zero(ty);
                }
                let phi = self.s.phis.len() as u32;
                let value = self.new_phi(block, ty, Source::Operand(operand));
                self.s.queue.push(phi);
                self.complete_phis();
                return value;
            }
        }
        first
    }

    /// Forgets a label. A loop gets its branches back.
    pub(super) fn close_label(&mut self, label: u32) -> Label {
        debug_assert_eq!(label as usize + 1, self.s.labels.len(), "constructs are nested");
        let entry = self.s.labels[label as usize];
        self.s.labels.pop();
        if let Kind::Loop(header) = entry.kind {
            self.set_label_preds(header, None, entry.last_edge);
            self.s.locals.leave_loop();
            self.complete_waiting(header);
        }
        entry
    }

    /// Ends the function: a block that returns, if branches lead there.
    pub(super) fn end_function(&mut self, results: &[ValueType]) {
        let entry = self.close_label(0);
        self.current = Block::NONE;
        if entry.edge_count > 0 && !self.failed {
            let mut stack = Vec::new();
            let shape = BlockShape { params: &[], results, height: 0, height_slots: 0 };
            self.meet(entry, shape, &mut stack);
            self.return_values(&stack);
        }
    }

    pub(super) fn return_values(&mut self, values: &[Value]) {
        let list = self.f.new_list(values);
        self.push_data(crate::ir::InstData::with_list(Op::Return, list, self.code_offset));
        self.close();
    }

    // Branches.

    pub(super) fn branch(&mut self, label: u32, stack: &[Value]) {
        if self.dead() {
            return;
        }
        if label == 0 {
            let arity = self.s.labels[0].arity as usize;
            self.return_values(&stack[stack.len() - arity..]);
        } else {
            self.jump(label, stack);
        }
    }

    pub(super) fn branch_if(&mut self, label: u32, condition: Value, stack: &[Value]) {
        if self.dead() {
            return;
        }
        let (value, negated) = self.condition(condition);
        match self.decided(value, negated) {
            Some(true) => self.branch(label, stack),
            Some(false) => {}
            None => {
                let edge = self.new_edges(2);
                let (taken, other) = if negated { (edge.next(), edge) } else { (edge, edge.next()) };
                self.link(taken, label, stack);
                self.terminate(Op::Branch(edge), &[value]);
                self.fill_after(other);
                self.note_fact(value, negated);
            }
        }
    }

    pub(super) fn branch_table(&mut self, index: Value, targets: &[u32], default: u32, stack: &[Value]) {
        if self.dead() {
            return;
        }
        let index = self.resolve(index);
        // A switch that leads to one place is a jump: what follows relies on it.
        if targets.iter().all(|target| *target == default) {
            return self.branch(default, stack);
        }
        if self.passes().has(Passes::SIMPLIFY)
            && let Some(index) = self.f.constant_int(index)
        {
            let only = targets.get(index as usize).copied().unwrap_or(default);
            return self.branch(only, stack);
        }
        // Which edge of this switch leads to each label, while they are found.
        let mut edges = std::mem::take(&mut self.s.switch_edges);
        let switch = self.f.switches.len() as u32;
        edges.resize(self.s.labels.len().max(edges.len()), (u32::MAX, 0));
        let start = self.f.switch_targets.len() as u32;
        let first_edge = Edge(self.f.edges.len() as u32);
        let mut edge_count = 0;
        for target in targets.iter().chain([&default]) {
            let known = &mut edges[*target as usize];
            if known.0 != switch {
                *known = (switch, edge_count);
                edge_count += 1;
                let edge = self.new_edges(1);
                self.link(edge, *target, stack);
            }
            self.f.switch_targets.push(known.1);
        }
        self.s.switch_edges = edges;
        let default = self.f.switch_targets.pop().unwrap_or_default();
        let targets = List { start, len: targets.len() as u32 };
        self.f.switches.push(SwitchData { first_edge, edge_count, targets, default });
        self.terminate(Op::Switch(crate::ir::SwitchId(switch)), &[index]);
    }

    pub(super) fn labels_open(&self) -> usize {
        self.s.labels.len()
    }
}
