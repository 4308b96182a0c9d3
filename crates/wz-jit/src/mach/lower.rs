//! [`Lowering`]: SSA to machine instructions, backward; [`Lower`]: what selection asks of it.
//!
//! Blocks are walked so that all uses of a value are seen before its definition: in reverse of
//! [`Function::order`], in which dominators come first. That is also the order in which they are
//! handed to the register allocator; the layout is a matter of emission.

use regalloc2::{RegClass, VReg};

use crate::ir::{Block, Effect, Function, Inst, Op, Type, Value, ValueDef};

use super::{FrameShape, Isa, MachineFunction, Reg};

/// The memory of lowering, kept from one function to the next.
#[derive(Debug)]
pub struct Lowering<I: Isa> {
    /// How often each value is used.
    uses: Vec<u32>,
    /// The register of each value, or [`Lowering::NO_REG`].
    regs: Vec<u32>,
    /// The blocks of instructions.
    inst_blocks: Vec<Block>,
    /// What has happened in a block before each instruction: the same number means that nothing
    /// but pure computation is in between.
    colors: Vec<u32>,
    /// Whether the function has loops.
    has_loops: bool,
    /// Loads that were folded.
    sunk: Vec<bool>,
    classes: Vec<RegClass>,
    /// The instructions, backward, and where the blocks end.
    insts: Vec<(I::Inst, u32)>,
    ends: Vec<u32>,
    /// What was selected for one instruction of the function, in order.
    group: Vec<(I::Inst, u32)>,
    /// The arguments of blocks that jump, and their ranges.
    args: Vec<VReg>,
    arg_ranges: Vec<(u32, u32)>,
    places: Vec<u32>,
}

impl<I: Isa> Default for Lowering<I> {
    fn default() -> Self {
        Self {
            uses: Vec::new(),
            regs: Vec::new(),
            inst_blocks: Vec::new(),
            colors: Vec::new(),
            has_loops: false,
            sunk: Vec::new(),
            classes: Vec::new(),
            insts: Vec::new(),
            ends: Vec::new(),
            group: Vec::new(),
            args: Vec::new(),
            arg_ranges: Vec::new(),
            places: Vec::new(),
        }
    }
}

impl<I: Isa> Lowering<I> {
    const NO_REG: u32 = u32::MAX;

    /// Lowers a function whose critical edges are split.
    pub fn run(&mut self, isa: &I, f: &Function, out: &mut MachineFunction<I::Inst>) -> FrameShape {
        self.start(f);
        let mut cx = Lower { isa, f, state: self, current: Inst::NONE, frame: FrameShape::default() };
        for block in f.order.iter().rev() {
            cx.lower_block(*block);
        }
        let frame = cx.frame;
        self.assemble(isa, f, out);
        frame
    }

    fn start(&mut self, f: &Function) {
        self.uses.clear();
        self.uses.resize(f.types.len(), 0);
        self.regs.clear();
        self.regs.resize(f.types.len(), Self::NO_REG);
        self.inst_blocks.clear();
        self.inst_blocks.resize(f.insts.len(), Block::NONE);
        self.colors.clear();
        self.colors.resize(f.insts.len(), 0);
        self.sunk.clear();
        self.sunk.resize(f.insts.len(), false);
        self.classes.clear();
        self.insts.clear();
        self.ends.clear();
        self.args.clear();
        self.arg_ranges.clear();
        self.arg_ranges.resize(f.blocks.len(), (0, 0));
        self.has_loops = false;
        let mut color = 0;
        for block in &f.layout {
            self.has_loops |= f.blocks[block.index()].flags.loop_header;
            color += 1;
            for inst in f.block_insts(*block) {
                self.inst_blocks[inst.index()] = *block;
                self.colors[inst.index()] = color;
                // What only reads may be passed by other reads.
                if !f.is_removable(*inst) {
                    color += 1;
                }
                for arg in f.args(*inst) {
                    self.uses[arg.index()] += 1;
                }
            }
            for edge in f.succs(*block) {
                for arg in f.edge_args(edge) {
                    self.uses[arg.index()] += 1;
                }
            }
        }
    }

    /// Turns everything around.
    fn assemble(&mut self, isa: &I, f: &Function, out: &mut MachineFunction<I::Inst>) {
        out.start(isa);
        self.places.clear();
        self.places.resize(f.blocks.len(), 0);
        for (place, block) in f.order.iter().enumerate() {
            self.places[block.index()] = place as u32;
            out.start_block(*block);
            // Everything was done backward: what is left at the end is the next block.
            self.ends.pop();
            let start = self.ends.last().map_or(0, |end| *end as usize);
            for (inst, code_offset) in self.insts.drain(start..).rev() {
                out.push(isa, inst, code_offset);
            }
        }
        let reg = |value: Value| {
            let reg = self.regs[value.index()];
            VReg::new(reg as usize, self.classes[reg as usize])
        };
        out.connect(
            f,
            |block| self.places[block.index()] as usize,
            reg,
            |block| self.arg_ranges[block.index()],
            &self.args,
            self.classes.len(),
        );
    }
}

/// A function that is being lowered, as selection sees it.
#[derive(Debug)]
pub struct Lower<'a, I: Isa> {
    /// The instruction set.
    pub isa: &'a I,
    /// The function.
    pub f: &'a Function,
    state: &'a mut Lowering<I>,
    /// The instruction that is being lowered.
    current: Inst,
    frame: FrameShape,
}

impl<I: Isa> Lower<'_, I> {
    fn lower_block(&mut self, block: Block) {
        let f = self.f;
        for inst in f.block_insts(block).iter().rev() {
            self.current = *inst;
            let data = f.inst(*inst);
            if let Op::Jump(edge) = data.op {
                let args = self.state.args.len() as u32;
                for arg in f.edge_args(edge) {
                    let reg = self.in_reg(*arg).vreg();
                    self.state.args.push(reg);
                }
                self.state.arg_ranges[block.index()] = (args, self.state.args.len() as u32);
                let jump = self.isa.jump();
                self.push(jump);
            } else if self.is_wanted(*inst) {
                self.isa.select(self, *inst);
            }
            self.close_group();
        }
        if block == Function::ENTRY {
            let params: Vec<_> = f.params(block).iter().map(|param| self.known_reg(*param)).collect();
            self.isa.select_entry(self, &params);
            // What comes before every operator counts to the first one, not to the next that has code.
            for (_, code_offset) in &mut self.state.group {
                *code_offset = f.first_operator;
            }
            self.close_group();
        } else {
            // A parameter has a register even if nobody reads it.
            for param in f.params(block) {
                self.reg_of(*param);
            }
        }
        self.state.ends.push(self.state.insts.len() as u32);
    }

    /// Whether an instruction is to be selected: it has an effect, or a result that is used.
    fn is_wanted(&self, inst: Inst) -> bool {
        if self.f.is_removable(inst) {
            self.f.results(inst).any(|result| self.known_reg(result).is_some())
        } else {
            !self.state.sunk[inst.index()]
        }
    }

    fn close_group(&mut self) {
        let Lowering { group, insts, .. } = &mut *self.state;
        insts.extend(group.drain(..).rev());
    }

    // Registers.

    fn known_reg(&self, value: Value) -> Option<Reg> {
        let reg = self.state.regs[value.index()];
        (reg != Lowering::<I>::NO_REG).then(|| self.virtual_reg(reg))
    }

    fn virtual_reg(&self, reg: u32) -> Reg {
        Reg::new_virtual(VReg::new(reg as usize, self.state.classes[reg as usize]))
    }

    fn reg_of(&mut self, value: Value) -> Reg {
        if let Some(reg) = self.known_reg(value) {
            return reg;
        }
        let reg = self.temp(self.isa.class(self.f.ty(value)));
        self.state.regs[value.index()] = reg.vreg().vreg() as u32;
        reg
    }

    /// A new register for what is no value of the function.
    pub fn temp(&mut self, class: RegClass) -> Reg {
        self.state.classes.push(class);
        self.virtual_reg(self.state.classes.len() as u32 - 1)
    }

    /// Whether the function has loops.
    #[must_use]
    pub fn has_loops(&self) -> bool {
        self.state.has_loops
    }

    /// The register that an operand is in. It will be computed there. A constant is put into a
    /// register of its own, right before what is pushed next.
    pub fn in_reg(&mut self, value: Value) -> Reg {
        if let ValueDef::Constant(index) = self.f.def(value) {
            let ty = self.f.ty(value);
            let reg = self.temp(self.isa.class(ty));
            self.isa.select_constant(self, reg, ty, self.f.constants[index as usize]);
            return reg;
        }
        self.reg_of(value)
    }

    /// The register for the only result of an instruction.
    ///
    /// # Panics
    /// If it has none or several.
    pub fn result(&mut self, inst: Inst) -> Reg {
        let result = self.f.result(inst).expect("an instruction with a result");
        self.reg_of(result)
    }

    /// The register for one of the results of an instruction, `None` if the result is not used.
    #[must_use]
    pub fn used_result(&self, result: Value) -> Option<Reg> {
        self.known_reg(result)
    }

    // What is known of values.

    /// The type of a value.
    #[must_use]
    pub fn ty(&self, value: Value) -> Type {
        self.f.ty(value)
    }

    /// How often a value is used in the function.
    #[must_use]
    pub fn use_count(&self, value: Value) -> u32 {
        self.state.uses[value.index()]
    }

    /// The instruction that computes a value, if it may be folded into any number of users: it
    /// is pure. It is selected itself only if someone asks for its result in a register.
    #[must_use]
    pub fn pure_def(&self, value: Value) -> Option<Inst> {
        self.f.def_inst(value).filter(|inst| self.f.is_pure(*inst))
    }

    /// The load that gives a value, if it may be done by the instruction that is being lowered:
    /// it has no other user, and nothing between the two has an effect or can trap. The value
    /// must be an operand of that instruction, or of a chain of pure instructions with one user
    /// each that are folded into it. If somebody who folded the user, and not the load, asked for
    /// the value in a register, it stays there. Whoever folds it calls [`sink`](Self::sink).
    #[must_use]
    pub fn foldable_load(&self, value: Value) -> Option<Inst> {
        let inst = self.f.def_inst(value)?;
        let state = &*self.state;
        let is_load = self.f.inst(inst).op.effect() == Effect::ReadsOrTraps;
        // The load itself is the last effect before its color's successor.
        let follows = state.colors[self.current.index()] == state.colors[inst.index()] + 1;
        let is_near = state.inst_blocks[inst.index()] == state.inst_blocks[self.current.index()];
        let is_single = state.uses[value.index()] == 1 && !state.sunk[inst.index()];
        let is_asked_for = self.known_reg(value).is_some();
        (is_load && follows && is_near && is_single && !is_asked_for).then_some(inst)
    }

    /// A load is folded: it is not selected itself. What is pushed for it has to have its place.
    pub fn sink(&mut self, load: Inst) {
        debug_assert!(!self.state.sunk[load.index()], "{load} is done twice");
        self.state.sunk[load.index()] = true;
    }

    // Instructions.

    /// Adds an instruction.
    pub fn push(&mut self, inst: I::Inst) {
        self.push_of(inst, self.current);
    }

    /// Adds an instruction that does what another instruction of the function would do, such as
    /// a load that is folded: if it traps, that is where.
    pub fn push_of(&mut self, inst: I::Inst, of: Inst) {
        self.state.group.push((inst, self.f.inst(of).code_offset));
    }

    /// Notes that the function keeps what it was called with, so far below the frame pointer.
    pub fn note_params(&mut self, below: u32) {
        self.frame.params_below = below;
    }

    /// Notes that the function makes calls, and that arguments or results on the stack take so
    /// many bytes.
    pub fn note_call(&mut self, stack_bytes: u32) {
        self.frame.makes_calls = true;
        self.frame.call_bytes = self.frame.call_bytes.max(stack_bytes);
    }
}
