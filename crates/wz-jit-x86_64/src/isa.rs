//! [`X64Isa`]: x86-64 as the compiler sees it, over the functions of one module.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use regalloc2::{Allocation, MachineEnv, PReg, PRegSet, RegClass, SpillSlot};
use wz_api::Trap;
use wz_decode::ModuleInfo;
use wz_jit::ir::{self, Type};
use wz_jit::mach::{Emission, End, FrameShape, Isa, Label, Lower, OperandVisitor, Reg};
use wz_jit::runtime::code_memory::BODY_ALIGN;
use wz_jit::runtime::slots::SlotRef;
use wz_jit::runtime::stubs::Relocation;
use wz_jit::target::CodeOptions;

use crate::abi::{self, CallLayout};
use crate::assembler::FunctionAssembler;
use crate::call::CallContext;
use crate::encode::{Opcode, Place};
use crate::features::Features;
use crate::frame::Frame;
use crate::inst::Inst;
use crate::{PC_RELATIVE, call, int as ints, memory, probe, vector};

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
            || probe::select(cx, inst)
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

    fn emit_prologue(&self, cx: &mut Emission<'_, Self>) {
        let layout = CallLayout::new(self.info.function_type(cx.f.index));
        let frame = Frame {
            len_bytes: spill_bytes(cx.frame) + cx.frame.call_bytes.next_multiple_of(16),
            is_leaf: !cx.frame.makes_calls,
            incoming_bytes: layout.stack_bytes,
        };
        cx.assembler.frame = frame;
        frame.begin(&mut cx.assembler.ops);
    }

    fn emit(&self, cx: &mut Emission<'_, Self>, inst: &Inst) {
        inst.emit(cx);
    }

    fn emit_jump(&self, cx: &mut Emission<'_, Self>, target: Label) {
        let target = cx.assembler.label(target);
        cx.assembler.ops.jump(target);
    }

    fn emit_branch(&self, cx: &mut Emission<'_, Self>, inst: &Inst, inverted: bool, target: Label) {
        match inst {
            Inst::Int(inst) => inst.emit_branch(cx, inverted, target),
            _ => unreachable!("{inst:?} is no branch"),
        }
    }

    fn emit_switch(&self, cx: &mut Emission<'_, Self>, inst: &Inst, targets: &[Label]) {
        match inst {
            Inst::Int(inst) => inst.emit_switch(cx, targets),
            _ => unreachable!("{inst:?} is no branch table"),
        }
    }

    /// Leaves the flags alone: what sets them and what reads them may be on both sides.
    fn emit_move(&self, cx: &mut Emission<'_, Self>, from: Allocation, to: Allocation) {
        let place = |allocation: Allocation| match (allocation.as_reg(), allocation.as_stack()) {
            (Some(register), _) => (Place::Reg(register.hw_enc() as u8), Some(register.class())),
            (_, Some(slot)) => (Place::at(abi::FRAME_POINTER, spill_offset(cx.frame, slot)), None),
            _ => unreachable!("a move is between places"),
        };
        let ((from, from_class), (to, to_class)) = (place(from), place(to));
        let is_int = from_class.or(to_class) == Some(RegClass::Int);
        // `movaps` for registers; what was spilled is aligned too, because `rbp` is.
        let (load, store) = if is_int {
            (Opcode::one(0x8b), Opcode::one(0x89))
        } else {
            (Opcode::two(0x28), Opcode::two(0x29))
        };
        let start = cx.offset();
        let ops = &mut cx.assembler.ops;
        let written = match (from, to) {
            (from, Place::Reg(to)) => {
                ops.op(is_int, load, to, from);
                is_int.then_some(to)
            }
            (Place::Reg(from), to) => {
                ops.op(is_int, store, from, to);
                None
            }
            _ => unreachable!("one side of a move is a register"),
        };
        cx.assembler.note_move(start, written);
    }

    fn emit_trap(&self, cx: &mut Emission<'_, Self>, trap: Trap) {
        // call [rip + slot]
        cx.assembler.ops.put(&[0xff, 0x15, 0, 0, 0, 0]);
        let offset = cx.offset() - 4;
        let target = SlotRef::TrapExit;
        cx.metadata.relocations.push(Relocation { offset, kind: PC_RELATIVE, addend: 0, target });
        cx.note_trap(trap);
    }

    fn loop_padding(&self, around: &Range<u32>, within: &[Range<u32>]) -> u32 {
        // Each line that a loop is in costs a cycle per round, however short the loop.
        let lines = |code: &Range<u32>, len: u32| {
            (code.end + len).div_ceil(LINE_BYTES) - (code.start + len) / LINE_BYTES
        };
        let fewest = (around.end - around.start).div_ceil(LINE_BYTES);
        if around.end - around.start > MAX_PLACED_BYTES || lines(around, 0) == fewest {
            return 0;
        }
        let is_good = |len: &u32| {
            let as_good = |code: &Range<u32>| lines(code, *len) <= lines(code, 0);
            lines(around, *len) == fewest && within.iter().all(as_good)
        };
        (1..LINE_BYTES).find(is_good).unwrap_or(0)
    }

    fn emit_end(&self, cx: &mut Emission<'_, Self>) {
        call::emit_out_of_line(cx);
        ints::put_tables(cx);
        cx.assembler.put_constants();
    }
}

/// What processors keep decoded instructions by, and code is aligned to.
const LINE_BYTES: u32 = 64;
const _: () = assert!((BODY_ALIGN as u32).is_multiple_of(LINE_BYTES));

/// The longest loops for which it matters in how many lines they are.
const MAX_PLACED_BYTES: u32 = 256;

/// The frame of the function that is being emitted.
#[must_use]
pub fn frame(cx: &Emission<'_, X64Isa>) -> Frame {
    cx.assembler.frame
}

/// The bytes from the frame pointer down to what is passed to callees: the context's slot, what the
/// function was called with if it keeps that, and what is spilled. A multiple of 16.
const fn spill_bytes(frame: FrameShape) -> u32 {
    let fixed = match frame.params_below {
        0 if frame.makes_calls => 8,
        below => below,
    };
    (fixed + frame.spill_slots * 8).next_multiple_of(16)
}

/// Where a register is spilled to, from `rbp`. Slots of vectors are aligned to 16 bytes.
#[must_use]
pub fn spill_offset(frame: FrameShape, slot: SpillSlot) -> i32 {
    slot.index() as i32 * 8 - spill_bytes(frame) as i32
}
