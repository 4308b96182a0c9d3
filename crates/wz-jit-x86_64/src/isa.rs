//! [`X64Isa`]: x86-64 as the compiler sees it, over the functions of one module.

use std::sync::{Arc, OnceLock};

use regalloc2::{Allocation, MachineEnv, PReg, PRegSet, RegClass};
use wz_api::Trap;
use wz_decode::ModuleInfo;
use wz_jit::ir::{self, Type};
use wz_jit::mach::{Emission, End, Isa, Label, Lower, OperandVisitor, Reg};
use wz_jit::target::CodeOptions;

use crate::assembler::FunctionAssembler;
use crate::call::CallContext;
use crate::features::Features;
use crate::inst::Inst;
use crate::{call, int as ints, memory, vector};

/// x86-64, over the functions of one module.
#[derive(Debug)]
pub struct X64Isa {
    /// The module.
    pub info: Arc<ModuleInfo>,
    /// What code depends on.
    pub options: CodeOptions,
    /// What the processor can do.
    pub features: Features,
    /// What selecting calls keeps.
    pub(crate) calls: CallContext,
}

impl X64Isa {
    /// The instruction set for the functions of a module.
    #[must_use]
    pub fn new(info: &Arc<ModuleInfo>, options: CodeOptions, features: Features) -> Self {
        Self { info: info.clone(), options, features, calls: CallContext::new(info) }
    }
}

/// A general-purpose register by its number.
#[must_use]
pub const fn int(number: u8) -> PReg {
    PReg::new(number as usize, RegClass::Int)
}

/// A vector register by its number.
#[must_use]
pub const fn xmm(number: u8) -> PReg {
    PReg::new(number as usize, RegClass::Float)
}

impl Isa for X64Isa {
    type Inst = Inst;
    type Assembler = FunctionAssembler;

    fn env(&self) -> &MachineEnv {
        static ENV: OnceLock<MachineEnv> = OnceLock::new();
        ENV.get_or_init(|| {
            let set = |registers: &[PReg]| {
                let mut set = PRegSet::empty();
                registers.iter().for_each(|register| set.add(*register));
                set
            };
            let ints = [0, 1, 2, 6, 7, 8, 9, 10, 3, 12, 13].map(int);
            let floats: Vec<_> = (0..15).map(xmm).collect();
            MachineEnv {
                preferred_regs_by_class: [set(&ints), set(&floats), PRegSet::empty()],
                non_preferred_regs_by_class: [PRegSet::empty(); 3],
                scratch_by_class: [None; 3],
                fixed_stack_slots: Vec::new(),
            }
        })
    }

    fn spill_slots(&self, class: RegClass) -> usize {
        if class == RegClass::Int { 1 } else { 2 }
    }

    fn operands<V: OperandVisitor>(&self, inst: &mut Inst, visitor: &mut V) {
        inst.operands(visitor);
    }

    fn clobbers(&self, inst: &Inst) -> PRegSet {
        inst.clobbers()
    }

    fn end(&self, inst: &Inst) -> End {
        inst.end()
    }

    fn select(&self, cx: &mut Lower<'_, Self>, inst: ir::Inst) {
        let done = ints::select(self, cx, inst)
            || memory::select(self, cx, inst)
            || call::select(self, cx, inst)
            || vector::select(self, cx, inst);
        assert!(done, "nothing selects {:?}", cx.f.inst(inst).op);
    }

    fn select_entry(&self, cx: &mut Lower<'_, Self>, params: &[Option<Reg>]) {
        call::select_entry(self, cx, params);
    }

    fn select_constant(&self, cx: &mut Lower<'_, Self>, to: Reg, ty: Type, bits: u128) {
        match ty {
            Type::I32 | Type::I64 => ints::select_constant(self, cx, to, ty, bits as u64),
            Type::F32 | Type::F64 | Type::V128 => vector::select_constant(self, cx, to, ty, bits),
        }
    }

    fn jump(&self) -> Inst {
        Inst::Jump
    }

    fn emit_prologue(&self, _cx: &mut Emission<'_, Self>) {
        unimplemented!()
    }

    fn emit(&self, cx: &mut Emission<'_, Self>, inst: &Inst) {
        inst.emit(cx);
    }

    fn emit_jump(&self, _cx: &mut Emission<'_, Self>, _target: Label) {
        unimplemented!()
    }

    fn emit_branch(&self, _cx: &mut Emission<'_, Self>, _inst: &Inst, _inverted: bool, _target: Label) {
        unimplemented!()
    }

    fn emit_switch(&self, _cx: &mut Emission<'_, Self>, _inst: &Inst, _targets: &[Label]) {
        unimplemented!()
    }

    fn emit_move(&self, _cx: &mut Emission<'_, Self>, _from: Allocation, _to: Allocation) {
        unimplemented!()
    }

    fn emit_trap(&self, _cx: &mut Emission<'_, Self>, _trap: Trap) {
        unimplemented!()
    }
}
