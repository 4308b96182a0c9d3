//! The toy's registers and instructions: an instruction of the function, with registers.

use std::sync::OnceLock;

use regalloc2::{Allocation, MachineEnv, PReg, PRegSet, RegClass};
use wz_api::Trap;

use crate::ir::{Function, Inst, Op, Type, Value};
use crate::mach::{Assembler, Emission, End, Isa, Label, Lower, OperandVisitor, Reg};

const INTS: usize = 4;
const FLOATS: usize = 3;

#[derive(Debug, Default)]
pub(crate) struct Toy;

/// An instruction.
#[derive(Clone, Debug)]
pub(crate) enum ToyInst {
    /// Puts the function's parameters where they are wanted.
    Params(Vec<(usize, Reg)>),
    Constant(Reg, u128),
    /// Performs an instruction of the function.
    Perform(Perform),
    Jump,
    /// Branches on an instruction's operand, or on what the comparison gives.
    Branch(Inst, Vec<Reg>),
    Switch(Inst, Reg),
    /// Returns or leaves by a call.
    Leave(Inst, Vec<Reg>),
}

#[derive(Clone, Debug)]
pub(crate) struct Perform {
    pub inst: Inst,
    /// A load that gives the operand with this number; the register has the address.
    pub load: Option<(Inst, usize)>,
    pub args: Vec<Reg>,
    /// The results that are used, by number.
    pub results: Vec<(usize, Reg)>,
    pub is_call: bool,
    /// Whether the result is where the first operand was.
    pub reuses: bool,
}

pub(super) fn env() -> &'static MachineEnv {
    static ENV: OnceLock<MachineEnv> = OnceLock::new();
    ENV.get_or_init(|| {
        let set = |count: usize, class| {
            let mut set = PRegSet::empty();
            (0..count).for_each(|number| set.add(PReg::new(number, class)));
            set
        };
        MachineEnv {
            preferred_regs_by_class: [
                set(INTS, RegClass::Int),
                set(FLOATS, RegClass::Float),
                PRegSet::empty(),
            ],
            non_preferred_regs_by_class: [PRegSet::empty(); 3],
            scratch_by_class: [None; 3],
            fixed_stack_slots: Vec::new(),
        }
    })
}

/// The registers that a call overwrites: all that have no result.
pub(super) fn clobbered(results: &[(usize, Reg)]) -> PRegSet {
    let env = env();
    let mut set = env.preferred_regs_by_class[0];
    set.union_from(env.preferred_regs_by_class[1]);
    results
        .iter()
        .filter_map(|(number, reg)| result_place(*number, *reg))
        .for_each(|place| set.remove(place));
    set
}

/// Where a call puts a result: the first two in registers.
fn result_place(number: usize, reg: Reg) -> Option<PReg> {
    let class = match reg.kind() {
        crate::mach::RegKind::Virtual(reg) => reg.class(),
        crate::mach::RegKind::Physical(reg) => reg.class(),
        crate::mach::RegKind::Stack(_) => return None,
    };
    (number < 2).then(|| PReg::new(number, class))
}

impl Isa for Toy {
    type Inst = ToyInst;
    type Assembler = ToyAssembler;

    fn env(&self) -> &MachineEnv {
        env()
    }

    fn spill_slots(&self, class: RegClass) -> usize {
        if class == RegClass::Float { 2 } else { 1 }
    }

    fn operands<V: OperandVisitor>(&self, inst: &mut ToyInst, visitor: &mut V) {
        match inst {
            ToyInst::Params(params) => {
                for (number, reg) in params {
                    if *number == 0 {
                        visitor.reg_def(reg);
                    } else {
                        visitor.any_def(reg);
                    }
                }
            }
            ToyInst::Constant(to, _) => visitor.reg_def(to),
            ToyInst::Perform(Perform { args, results, is_call: true, .. }) => {
                args.iter_mut().for_each(|arg| visitor.any_use(arg));
                for (number, reg) in results {
                    match result_place(*number, *reg) {
                        Some(place) => visitor.fixed_def(reg, place),
                        None => visitor.any_def(reg),
                    }
                }
            }
            ToyInst::Perform(Perform { args, results, reuses, .. }) => {
                args.iter_mut().for_each(|arg| visitor.reg_use(arg));
                for (_, reg) in results {
                    if *reuses { visitor.reg_reuse_def(reg, 0) } else { visitor.reg_def(reg) }
                }
            }
            ToyInst::Jump => {}
            ToyInst::Switch(_, reg) => visitor.reg_use(reg),
            ToyInst::Branch(_, args) => args.iter_mut().for_each(|arg| visitor.reg_use(arg)),
            ToyInst::Leave(_, args) => args.iter_mut().for_each(|arg| visitor.any_use(arg)),
        }
    }

    fn clobbers(&self, inst: &ToyInst) -> PRegSet {
        match inst {
            ToyInst::Perform(Perform { is_call: true, results, .. }) => clobbered(results),
            _ => PRegSet::empty(),
        }
    }

    fn end(&self, inst: &ToyInst) -> End {
        match inst {
            ToyInst::Params(_) | ToyInst::Constant(..) | ToyInst::Perform(_) => End::Next,
            ToyInst::Jump => End::Jump,
            ToyInst::Branch(..) => End::Branch,
            ToyInst::Switch(..) => End::Switch,
            ToyInst::Leave(..) => End::Leave,
        }
    }

    fn select(&self, cx: &mut Lower<'_, Self>, inst: Inst) {
        let f: &Function = cx.f;
        let op = f.inst(inst).op;
        let mut args: Vec<Value> = f.args(inst).to_vec();
        match op {
            Op::Branch(_) => {
                let compare = cx
                    .pure_def(args[0])
                    .filter(|compare| matches!(f.inst(*compare).op, Op::Binary(op) if op.is_comparison()));
                if let Some(compare) = compare {
                    args = f.args(compare).to_vec();
                }
                let regs = args.iter().map(|arg| cx.in_reg(*arg)).collect();
                cx.push(ToyInst::Branch(compare.unwrap_or(inst), regs));
            }
            Op::Switch(_) => {
                let reg = cx.in_reg(args[0]);
                cx.push(ToyInst::Switch(inst, reg));
            }
            Op::Return | Op::ReturnCall(_) | Op::ReturnCallIndirect(_) | Op::Trap(_) => {
                let regs = args.iter().map(|arg| cx.in_reg(*arg)).collect();
                cx.push(ToyInst::Leave(inst, regs));
            }
            _ => {
                let results: Vec<(usize, Reg)> = f
                    .results(inst)
                    .enumerate()
                    .filter_map(|(number, result)| Some((number, cx.used_result(result)?)))
                    .collect();
                // The second operand of an operator may be a load.
                let load = match op {
                    Op::Binary(_) => {
                        cx.foldable_load(args[1]).filter(|load| matches!(f.inst(*load).op, Op::Load(..)))
                    }
                    _ => None,
                };
                if let Some(load) = load {
                    cx.sink(load);
                    args[1] = f.args(load)[0];
                }
                let is_call = op.calls_out();
                if is_call {
                    cx.note_call(0);
                }
                let regs: Vec<Reg> = args.iter().map(|arg| cx.in_reg(*arg)).collect();
                let reuses = matches!(op, Op::Binary(_))
                    && f.result(inst)
                        .is_some_and(|result| self.class(f.ty(result)) == self.class(f.ty(args[0])));
                let load = load.map(|load| (load, 1));
                let perform = Perform { inst, load, args: regs, results, is_call, reuses };
                cx.push_of(ToyInst::Perform(perform), load.map_or(inst, |(load, _)| load));
            }
        }
    }

    fn select_entry(&self, cx: &mut Lower<'_, Self>, params: &[Option<Reg>]) {
        let params = params.iter().enumerate().filter_map(|(number, reg)| Some((number, (*reg)?))).collect();
        cx.push(ToyInst::Params(params));
    }

    fn select_constant(&self, cx: &mut Lower<'_, Self>, to: Reg, _: Type, bits: u128) {
        cx.push(ToyInst::Constant(to, bits));
    }

    fn jump(&self) -> ToyInst {
        ToyInst::Jump
    }

    fn emit_prologue(&self, _: &mut Emission<'_, Self>) {}

    fn emit(&self, cx: &mut Emission<'_, Self>, inst: &ToyInst) {
        cx.assembler.code.push(ToyCode::Do(inst.clone()));
        if let ToyInst::Perform(Perform { is_call: true, .. }) = inst {
            cx.note_call();
        }
        // As if it were checked by code: a label that nothing branches to.
        if let ToyInst::Perform(Perform { load: Some(_), .. }) = inst {
            cx.trap_label(Trap::OutOfBoundsMemoryAccess);
        }
    }

    fn emit_jump(&self, cx: &mut Emission<'_, Self>, target: Label) {
        cx.assembler.code.push(ToyCode::Jump(target));
    }

    fn emit_branch(&self, cx: &mut Emission<'_, Self>, inst: &ToyInst, inverted: bool, target: Label) {
        cx.assembler.code.push(ToyCode::Branch(inst.clone(), inverted, target));
    }

    fn emit_switch(&self, cx: &mut Emission<'_, Self>, inst: &ToyInst, targets: &[Label]) {
        cx.assembler.code.push(ToyCode::Switch(inst.clone(), targets.to_vec()));
    }

    fn emit_move(&self, cx: &mut Emission<'_, Self>, from: Allocation, to: Allocation) {
        assert!(from.is_reg() || to.is_reg());
        cx.assembler.code.push(ToyCode::Move(Reg::allocated(from), Reg::allocated(to)));
    }

    fn emit_trap(&self, cx: &mut Emission<'_, Self>, trap: Trap) {
        cx.assembler.code.push(ToyCode::Trap);
        cx.note_trap(trap);
    }
}

/// Encoded: one per address.
#[derive(Clone, Debug)]
pub(crate) enum ToyCode {
    Do(ToyInst),
    Move(Reg, Reg),
    Jump(Label),
    Branch(ToyInst, bool, Label),
    Switch(ToyInst, Vec<Label>),
    Trap,
}

#[derive(Debug, Default)]
pub(crate) struct ToyAssembler {
    pub code: Vec<ToyCode>,
    /// Where labels are.
    pub labels: Vec<Option<usize>>,
}

impl Assembler for ToyAssembler {
    fn offset(&self) -> u32 {
        self.code.len() as u32
    }

    fn new_label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() as u32 - 1)
    }

    fn bind(&mut self, label: Label) {
        assert_eq!(self.labels[label.0 as usize].replace(self.code.len()), None, "a label in two places");
    }
}
