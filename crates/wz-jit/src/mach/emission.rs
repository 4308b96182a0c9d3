//! [`emit`]: allocated instructions to code; [`Emission`]: what encoding asks of it.
//!
//! Blocks are in the order of the layout. A block that has nothing but a jump, and needs no moves,
//! has no code: what leads to it leads to its target. A branch falls through to the next block
//! that has code if it can. Traps are out of line, one for each place.

use std::ops::Range;

use regalloc2::{Block, Edit, Inst, InstOrEdit, OperandConstraint, OperandKind, OperandPos, Output};
use wz_api::Trap;

use crate::ir;

use super::spills::Held;
use super::{End, Isa, MachineFunction, Metadata, OperandVisitor, Reg};

/// A place in the code that branches lead to. Numbers are the assembler's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(pub u32);

/// What code is assembled with: it fixes branches up by itself.
pub trait Assembler {
    /// How many bytes there are.
    fn offset(&self) -> u32;
    /// A new label.
    fn new_label(&mut self) -> Label;
    /// The label is here.
    fn bind(&mut self, label: Label);
    /// Moves what begins at `start` or later, labels and all, and fills the place with `len` bytes of
    /// instructions that do nothing. False, with nothing moved, if that is not possible.
    fn insert_padding(&mut self, start: u32, len: u32) -> bool {
        let _ = (start, len);
        false
    }
}

/// What a function needs of its frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameShape {
    /// The slots of 8 bytes that registers are spilled to.
    pub spill_slots: u32,
    /// The bytes for arguments and results of calls on the stack.
    pub call_bytes: u32,
    /// So far below the frame pointer it keeps what it was called with; 0 if it does not.
    pub params_below: u32,
    /// Whether it makes calls.
    pub makes_calls: bool,
}

/// A function that is being emitted, as encoding sees it.
#[derive(Debug)]
pub struct Emission<'a, I: Isa> {
    /// The instruction set.
    pub isa: &'a I,
    /// The function.
    pub f: &'a ir::Function,
    /// Where the code goes.
    pub assembler: &'a mut I::Assembler,
    /// What is known of it.
    pub metadata: &'a mut Metadata,
    /// The frame.
    pub frame: FrameShape,
    /// The offset of the operator that is being emitted.
    code_offset: u32,
    /// The traps to be put out of line.
    traps: Vec<(Label, Trap, u32)>,
}

impl<I: Isa> Emission<'_, I> {
    /// Moves what begins at `start` or later. False if it stays.
    fn insert_padding(&mut self, start: u32, len: u32, notes: &mut Option<Vec<EmissionNote>>) -> bool {
        if !self.assembler.insert_padding(start, len) {
            return false;
        }
        self.metadata.insert(start, len);
        for note in notes.iter_mut().flatten().rev().take_while(|note| note.at >= start) {
            note.at += len;
        }
        true
    }

    /// Where the code is at.
    #[must_use]
    pub fn offset(&self) -> u32 {
        self.assembler.offset()
    }

    /// A label to branch to in order to trap.
    pub fn trap_label(&mut self, trap: Trap) -> Label {
        let label = self.assembler.new_label();
        self.traps.push((label, trap, self.code_offset));
        label
    }

    /// Notes that what was just encoded traps, with its end, or the return address that it
    /// leaves, here.
    pub fn note_trap(&mut self, trap: Trap) {
        let at = self.offset();
        self.metadata.traps.push((at, trap));
    }

    /// Notes that a call returns here.
    pub fn note_call(&mut self) {
        let at = self.offset();
        self.metadata.calls.push(at);
    }

    /// The offset of the operator that is being encoded.
    #[must_use]
    pub fn code_offset(&self) -> u32 {
        self.code_offset
    }

    /// From here on, code comes from the operator at this offset. For what is put out of line.
    pub fn operator(&mut self, code_offset: u32) {
        self.code_offset = code_offset;
        if self.metadata.operators.last().is_none_or(|(_, last)| *last != code_offset) {
            let at = self.offset();
            self.metadata.operators.push((at, code_offset));
        }
    }
}

/// The memory of emission, kept from one function to the next.
#[derive(Debug, Default)]
pub struct Emitter {
    /// For each block, where control gets to from there without executing anything: the block
    /// itself, unless it has nothing but a jump.
    targets: Vec<u32>,
    settled: Vec<bool>,
    path: Vec<usize>,
    labels: Vec<Label>,
    /// Where each block is in the layout.
    places: Vec<u32>,
    /// For each place in the layout, the last one that branches back to it, if it is a loop's first.
    lasts: Vec<Option<u32>>,
    loops: Loops,
    held: Held,
    traps: Vec<(Label, Trap, u32)>,
    switch_labels: Vec<Label>,
    /// What was emitted where, for people; nothing is noted if there is none.
    pub notes: Option<Vec<EmissionNote>>,
}

/// What begins at a place in the code, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmissionNote {
    /// The offset from the start of the code.
    pub at: u32,
    /// Whether a block begins here that is branched to.
    pub is_target: bool,
    /// The instruction.
    pub text: String,
}

/// Emits a function, with memory that is not kept. See [`Emitter::run`].
pub fn emit<I: Isa>(
    isa: &I,
    f: &ir::Function,
    machine: &mut MachineFunction<I::Inst>,
    output: &Output,
    frame: FrameShape,
    assembler: &mut I::Assembler,
    metadata: &mut Metadata,
) {
    Emitter::default().run(isa, f, machine, output, frame, assembler, metadata);
}

impl Emitter {
    /// Emits a function. The instructions of `machine` have their allocations afterwards.
    #[expect(clippy::too_many_arguments, reason = "what the stages before have left")]
    pub fn run<I: Isa>(
        &mut self,
        isa: &I,
        f: &ir::Function,
        machine: &mut MachineFunction<I::Inst>,
        output: &Output,
        frame: FrameShape,
        assembler: &mut I::Assembler,
        metadata: &mut Metadata,
    ) {
        use regalloc2::Function as _;
        metadata.clear();
        let frame = FrameShape { spill_slots: output.num_spillslots as u32, ..frame };
        self.find_targets(machine, output);
        self.find_places(machine);
        self.find_loops(f, machine);
        self.labels.clear();
        self.labels.extend(machine.blocks.iter().map(|_| assembler.new_label()));
        self.traps.clear();
        let Self { targets, labels, places, lasts, loops, held, traps, switch_labels, notes, .. } = self;
        let own_traps = std::mem::take(traps);
        let mut cx = Emission { isa, f, assembler, metadata, frame, code_offset: 0, traps: own_traps };
        let mut is_target = false;
        held.clear();
        let mut previous = None;
        loops.clear();
        note(notes, 0, false, &|| "prologue".to_owned());
        let first_offset = machine.code_offsets.first().copied().unwrap_or(0);
        cx.operator(first_offset);
        isa.emit_prologue(&mut cx);
        cx.metadata.prologue_bytes = cx.offset();
        for (place, last) in lasts.iter().enumerate() {
            let block = machine.layout[place];
            loops.end_before(&mut cx, place, notes);
            if targets[block.index()] as usize != block.index() {
                continue;
            }
            // The next block that has code.
            let has_code = |block: &&Block| targets[block.index()] as usize == block.index();
            let next = machine.layout[place + 1..].iter().find(has_code).map(|next| next.index());
            if let Some(last) = last {
                loops.open.push((cx.offset(), *last as usize));
            }
            cx.assembler.bind(labels[block.index()]);
            is_target |= place > 0;
            if !matches!(machine.block_preds(block), [pred] if Some(*pred) == previous) {
                held.clear();
            }
            previous = Some(block);
            for step in output.block_insts_and_edits(&*machine, block) {
                let inst = match step {
                    InstOrEdit::Edit(Edit::Move { from, to }) => {
                        if let Some(from) = held.moves(*from, *to) {
                            note(notes, cx.offset(), std::mem::take(&mut is_target), &|| {
                                format!("{to} = move {from}")
                            });
                            isa.emit_move(&mut cx, from, *to);
                        }
                        continue;
                    }
                    InstOrEdit::Inst(inst) => inst,
                };
                held.clobbers(machine.inst_clobbers(inst));
                let mut allocations = Allocations { left: output.inst_allocs(inst), held };
                isa.operands(&mut machine.insts[inst.index()], &mut allocations);
                debug_assert!(
                    allocations.left.is_empty(),
                    "an instruction has shown fewer operands than before"
                );
                cx.operator(machine.code_offsets[inst.index()]);
                let text = || format!("{:?}", machine.insts[inst.index()]);
                note(notes, cx.offset(), std::mem::take(&mut is_target), &text);
                emit_inst(&mut cx, machine, block, inst, next, targets, places, labels, switch_labels);
            }
        }
        loops.end_before(&mut cx, usize::MAX, notes);
        let mut own_traps = std::mem::take(&mut cx.traps);
        for (label, trap, code_offset) in own_traps.drain(..) {
            cx.assembler.bind(label);
            cx.operator(code_offset);
            note(notes, cx.offset(), true, &|| format!("trap: {trap}"));
            isa.emit_trap(&mut cx, trap);
        }
        note(notes, cx.offset(), false, &|| "out of line".to_owned());
        isa.emit_end(&mut cx);
        cx.metadata.len_bytes = cx.offset();
        *traps = own_traps;
    }

    /// Fills `targets`.
    fn find_targets<I>(&mut self, machine: &MachineFunction<I>, output: &Output) {
        use regalloc2::Function as _;
        let Self { targets, settled, path, .. } = self;
        let count = machine.blocks.len();
        targets.clear();
        targets.extend(0..count as u32);
        for (place, target) in targets.iter_mut().enumerate().skip(1) {
            let block = Block::new(place);
            let insts = machine.block_insns(block);
            if insts.len() != 1 || machine.end(insts.first()) != End::Jump {
                continue;
            }
            let mut steps = output.block_insts_and_edits(machine, block);
            let moves = |step: InstOrEdit<'_>| matches!(step, InstOrEdit::Edit(Edit::Move { from, to }) if from != to);
            if !steps.any(moves) {
                *target = machine.block_succs(block)[0].index() as u32;
            }
        }
        // Follow the jumps. Where they lead in a circle, the first of it has to stay.
        path.clear();
        settled.clear();
        settled.resize(count, false);
        for start in 0..count {
            let mut at = start;
            while !settled[at] && targets[at] as usize != at {
                settled[at] = true;
                path.push(at);
                at = targets[at] as usize;
            }
            if path.contains(&at) {
                targets[at] = at as u32;
            }
            let end = targets[at];
            settled[at] = true;
            for passed in path.drain(..) {
                targets[passed] = end;
            }
        }
    }

    /// Fills `places`.
    fn find_places<I>(&mut self, machine: &MachineFunction<I>) {
        self.places.clear();
        self.places.resize(machine.blocks.len(), 0);
        for (place, block) in machine.layout.iter().enumerate() {
            self.places[block.index()] = place as u32;
        }
    }

    /// Fills `lasts`. What is seldom executed does not count.
    fn find_loops<I>(&mut self, f: &ir::Function, machine: &MachineFunction<I>) {
        use regalloc2::Function as _;
        let Self { places, lasts, .. } = self;
        let is_cold = |block: Block| f.block(machine.blocks[block.index()].block).flags.cold;
        let warm_place = |block: &Block| Some(places[block.index()]).filter(|_| !is_cold(*block));
        lasts.clear();
        lasts.extend(machine.layout.iter().zip(0..).map(|(block, place)| {
            let last = machine.block_preds(*block).iter().filter_map(warm_place).max();
            last.filter(|last| *last >= place && !is_cold(*block))
        }));
    }
}

#[allow(clippy::too_many_arguments)]
fn emit_inst<I: Isa>(
    cx: &mut Emission<'_, I>,
    machine: &MachineFunction<I::Inst>,
    block: Block,
    inst: Inst,
    next: Option<usize>,
    targets: &[u32],
    places: &[u32],
    labels: &[Label],
    switch_labels: &mut Vec<Label>,
) {
    use regalloc2::Function as _;
    let isa = cx.isa;
    let data = &machine.insts[inst.index()];
    let succs = machine.block_succs(block);
    let target = |number: usize| targets[succs[number].index()] as usize;
    match machine.end(inst) {
        End::Next | End::Leave => isa.emit(cx, data),
        End::Jump => {
            if Some(target(0)) != next {
                isa.emit_jump(cx, labels[target(0)]);
            }
        }
        End::Branch => {
            let (taken, other) = (target(0), target(1));
            if taken == other {
                if Some(taken) != next {
                    isa.emit_jump(cx, labels[taken]);
                }
            } else if Some(taken) == next {
                isa.emit_branch(cx, data, true, labels[other]);
            } else if Some(other) == next {
                isa.emit_branch(cx, data, false, labels[taken]);
            } else {
                // Neither comes next: a loop goes on with one branch.
                let goes_back = |target: usize| places[target] <= places[block.index()];
                let inverted = goes_back(other) && !goes_back(taken);
                let (first, second) = if inverted { (other, taken) } else { (taken, other) };
                isa.emit_branch(cx, data, inverted, labels[first]);
                isa.emit_jump(cx, labels[second]);
            }
        }
        End::Switch => {
            switch_labels.clear();
            switch_labels.extend((0..succs.len()).map(|number| labels[target(number)]));
            isa.emit_switch(cx, data, switch_labels);
        }
    }
}

/// Notes what begins in the code, if that is asked for.
fn note(notes: &mut Option<Vec<EmissionNote>>, at: u32, is_target: bool, text: &dyn Fn() -> String) {
    if let Some(notes) = notes {
        notes.push(EmissionNote { at, is_target, text: text() });
    }
}

/// The loops of a function while it is emitted.
#[derive(Debug, Default)]
struct Loops {
    /// Those that are being emitted, innermost last: where they began, and their last place.
    open: Vec<(u32, usize)>,
    /// Where those are that have been emitted, by their ends.
    ended: Vec<Range<u32>>,
}

impl Loops {
    fn clear(&mut self) {
        self.open.clear();
        self.ended.clear();
    }

    /// What comes now is at `place`: puts the loops that end before where they are fast.
    fn end_before<I: Isa>(
        &mut self,
        cx: &mut Emission<'_, I>,
        place: usize,
        notes: &mut Option<Vec<EmissionNote>>,
    ) {
        while let Some((start, _)) = self.open.pop_if(|(_, last)| *last < place) {
            let around = start..cx.offset();
            let within = self.ended.iter().rev().take_while(|other| other.start >= start).count();
            let within = self.ended.len() - within..;
            let len = cx.isa.loop_padding(&around, &self.ended[within.clone()]);
            let len = if len > 0 && cx.insert_padding(start, len, notes) { len } else { 0 };
            let moved = |range: &mut Range<u32>| *range = range.start + len..range.end + len;
            self.ended[within].iter_mut().for_each(moved);
            self.ended.push(start + len..around.end + len);
        }
    }
}

/// Puts allocations into an instruction.
struct Allocations<'a> {
    left: &'a [regalloc2::Allocation],
    held: &'a mut Held,
}

impl OperandVisitor for Allocations<'_> {
    fn operand(&mut self, reg: &mut Reg, _: OperandConstraint, kind: OperandKind, _: OperandPos) {
        if let Some((first, left)) = self.left.split_first() {
            if kind == OperandKind::Def {
                self.held.writes(*first);
            }
            *reg = Reg::allocated(*first);
            self.left = left;
        }
    }
}
