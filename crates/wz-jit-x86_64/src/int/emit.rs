//! How instructions over general-purpose registers are encoded.

use dynasmrt::DynasmApi;
use wz_jit::ir::SwitchId;
use wz_jit::mach::{Assembler as _, Emission, Label, Reg, RegKind};

use super::inst::{AluOp, CountOp, Extension, IntInst, ShiftOp, Size};
use crate::abi::{FRAME_POINTER, SCRATCH};
use crate::address::{Address, Rm};
use crate::assembler::Assembler;
use crate::condition::{Cc, Test};
use crate::encode::{Opcode, Place};
use crate::isa::{X64Isa, spill_offset};

/// The number of a register.
pub(super) fn number(reg: Reg) -> u8 {
    reg.preg().hw_enc() as u8
}

/// Where a register was allocated: it may be spilled.
pub(super) fn place(cx: &Emission<'_, X64Isa>, reg: Reg) -> Place {
    match reg.kind() {
        RegKind::Stack(slot) => Place::at(FRAME_POINTER, spill_offset(cx.frame, slot)),
        _ => Place::Reg(number(reg)),
    }
}

/// A register or memory.
pub(super) fn rm(cx: &Emission<'_, X64Isa>, rm: &Rm) -> Place {
    match rm {
        Rm::Reg(reg) => place(cx, *reg),
        Rm::Memory(address) => memory(address),
    }
}

/// A memory operand.
pub(super) fn memory(address: &Address) -> Place {
    address.into()
}

const fn alu_opcode(op: AluOp) -> Opcode {
    Opcode::one((op as u8) << 3 | 3)
}

const SCALAR: u8 = 0;
const P66: u8 = 1;
const PF3: u8 = 2;
const PF2: u8 = 3;

impl IntInst {
    /// Encodes it.
    pub fn emit(&self, cx: &mut Emission<'_, X64Isa>) {
        match self {
            Self::Alu { op, size, to, right, .. } => {
                let right = rm(cx, right);
                cx.assembler.ops.op(size.is_wide(), alu_opcode(*op), number(*to), right);
                cx.assembler.note_flags(*size, number(*to));
            }
            Self::AluImm { op, size, to: result, right, .. } => {
                let ops = &mut cx.assembler.ops;
                let to = Place::Reg(number(*result));
                // 128 is short the other way round.
                let (op, right) = match (op, right) {
                    (AluOp::Add, 128) => (AluOp::Sub, -128),
                    (AluOp::Sub, 128) => (AluOp::Add, -128),
                    (op, right) => (*op, *right),
                };
                ops.arithmetic(size.is_wide(), op as u8, to, right);
                cx.assembler.note_flags(*size, number(*result));
            }
            Self::Mul { size, to, right, .. } => {
                let right = rm(cx, right);
                cx.assembler.ops.op(size.is_wide(), Opcode::two(0xaf), number(*to), right);
            }
            Self::MulImm { size, to, from, factor } => {
                let from = rm(cx, from);
                let ops = &mut cx.assembler.ops;
                if let Ok(short) = i8::try_from(*factor) {
                    ops.op(size.is_wide(), Opcode::one(0x6b), number(*to), from);
                    ops.put_i8(short);
                } else {
                    ops.op(size.is_wide(), Opcode::one(0x69), number(*to), from);
                    ops.put_i32(*factor);
                }
            }
            Self::MulHigh { signed, right, .. } => {
                let right = rm(cx, right);
                cx.assembler.ops.op(true, Opcode::one(0xf7), if *signed { 5 } else { 4 }, right);
            }
            Self::Lea { size, to, address } => {
                if lea(&mut cx.assembler.ops, *size, number(*to), address) {
                    cx.assembler.note_flags(*size, number(*to));
                }
            }
            Self::Unary { op, size, to, .. } => {
                let to = Place::Reg(number(*to));
                cx.assembler.ops.op(size.is_wide(), Opcode::one(0xf7), *op as u8, to);
            }
            Self::ShiftImm { op, size, to, amount, .. } => {
                shift_imm(&mut cx.assembler.ops, *op, *size, number(*to), *amount);
                if *amount > 0 && !matches!(op, ShiftOp::Rol | ShiftOp::Ror) {
                    cx.assembler.note_flags(*size, number(*to));
                }
            }
            Self::ShiftCl { op, size, to, .. } => {
                let to = Place::Reg(number(*to));
                cx.assembler.ops.op(size.is_wide(), Opcode::one(0xd3), *op as u8, to);
            }
            Self::Shiftx { op, size, to, from, amount } => {
                let prefix = match op {
                    ShiftOp::Shl => P66,
                    ShiftOp::Sar => PF3,
                    _ => PF2,
                };
                let from = rm(cx, from);
                let opcode = (prefix, 2, 0xf7);
                cx.assembler.ops.op_vex(size.is_wide(), opcode, number(*to), number(*amount), from);
            }
            Self::Rorx { size, to, from, amount } => {
                let from = rm(cx, from);
                let ops = &mut cx.assembler.ops;
                ops.op_vex(size.is_wide(), (PF2, 3, 0xf0), number(*to), 0, from);
                ops.put(&[*amount]);
            }
            Self::Andn { size, to, inverted, other } => {
                let other = rm(cx, other);
                let opcode = (SCALAR, 2, 0xf2);
                cx.assembler.ops.op_vex(size.is_wide(), opcode, number(*to), number(*inverted), other);
            }
            Self::LowBit { op, size, to, from } => {
                let from = rm(cx, from);
                let opcode = (SCALAR, 2, 0xf3);
                cx.assembler.ops.op_vex(size.is_wide(), opcode, *op as u8, number(*to), from);
            }
            Self::Count { op, size, to, from } => {
                let opcode = match op {
                    CountOp::Lzcnt => 0xbd,
                    CountOp::Tzcnt => 0xbc,
                    CountOp::Popcnt => 0xb8,
                };
                let from = rm(cx, from);
                cx.assembler.ops.op(size.is_wide(), Opcode::two(opcode).f3(), number(*to), from);
            }
            Self::Scan { highest, size, to, from } => {
                scan(&mut cx.assembler.ops, *highest, *size, number(*to), number(*from));
            }
            Self::Extend { op, to, from } => {
                let from = rm(cx, from);
                let (wide, opcode) = match op {
                    Extension::U8 => (false, Opcode::two(0xb6).byte()),
                    Extension::U16 => (false, Opcode::two(0xb7)),
                    Extension::U32 => (false, Opcode::one(0x8b)),
                    Extension::S8To32 => (false, Opcode::two(0xbe).byte()),
                    Extension::S16To32 => (false, Opcode::two(0xbf)),
                    Extension::S8To64 => (true, Opcode::two(0xbe)),
                    Extension::S16To64 => (true, Opcode::two(0xbf)),
                    Extension::S32To64 => (true, Opcode::one(0x63)),
                };
                cx.assembler.ops.op(wide, opcode, number(*to), from);
            }
            Self::Alias { .. } => {}
            Self::Move { to, from } => {
                let (to, from) = (number(*to), number(*from));
                if to != from {
                    cx.assembler.ops.op(true, Opcode::one(0x8b), to, Place::Reg(from));
                }
            }
            Self::Constant { to, low, high } => {
                cx.assembler.ops.mov_constant(number(*to), u64::from(*high) << 32 | u64::from(*low));
            }
            Self::ZeroHigh { to } => cx.assembler.ops.mov_constant(number(*to), 0),
            Self::SignHigh { size, .. } => {
                cx.assembler.ops.put(if size.is_wide() { &[0x48, 0x99] } else { &[0x99] });
            }
            Self::DivideCheck { .. } | Self::Divide { .. } => self.emit_divide(cx),
            Self::Cmp { size, left, right } => {
                let right = rm(cx, right);
                cx.assembler.ops.op(size.is_wide(), alu_opcode(AluOp::Cmp), number(*left), right);
            }
            Self::CmpImm { size, left, right } => {
                let left = rm(cx, left);
                let ops = &mut cx.assembler.ops;
                match (left, right) {
                    (Place::Reg(left), 0) => {
                        ops.op(size.is_wide(), Opcode::one(0x85), left, Place::Reg(left));
                    }
                    _ => ops.arithmetic(size.is_wide(), AluOp::Cmp as u8, left, *right),
                }
            }
            Self::IsZero { size, from } => {
                let from = rm(cx, from);
                match from {
                    Place::Reg(from) if cx.assembler.flags_are_of(*size, from) => {}
                    Place::Reg(left) => {
                        cx.assembler.ops.op(size.is_wide(), Opcode::one(0x85), left, from);
                    }
                    _ => cx.assembler.ops.arithmetic(size.is_wide(), AluOp::Cmp as u8, from, 0),
                }
            }
            Self::TestByte { left, right } => {
                let ops = &mut cx.assembler.ops;
                match number(*left) {
                    0 => ops.put(&[0xa8, *right]),
                    left => {
                        ops.op(false, Opcode::one(0xf6).byte(), 0, Place::Reg(left));
                        ops.put(&[*right]);
                    }
                }
            }
            Self::Test { size, left, right } => {
                let right = rm(cx, right);
                cx.assembler.ops.op(size.is_wide(), Opcode::one(0x85), number(*left), right);
            }
            Self::TestImm { size, left, right } => {
                let left = rm(cx, left);
                test_imm(&mut cx.assembler.ops, *size, left, *right);
            }
            Self::BitTest { size, from, bit } => {
                let from = Place::Reg(number(*from));
                cx.assembler.ops.op(size.is_wide(), Opcode::two(0xa3), number(*bit), from);
            }
            Self::BitTestImm { size, from, bit } => {
                let from = Place::Reg(number(*from));
                let ops = &mut cx.assembler.ops;
                ops.op(size.is_wide(), Opcode::two(0xba), 4, from);
                ops.put(&[*bit]);
            }
            Self::Set { test, to } => set(&mut cx.assembler.ops, *test, number(*to)),
            Self::Select { size, test, to, right, .. } => {
                let right = rm(cx, right);
                let ops = &mut cx.assembler.ops;
                let (first, second) = match test {
                    Test::One(code) => (*code, None),
                    Test::Either(a, b) => (*a, Some(*b)),
                    Test::Both(..) => unreachable!("such selects are selected the other way round"),
                };
                for code in [Some(first), second].into_iter().flatten() {
                    ops.op(size.is_wide(), Opcode::two(0x40 | code as u8), number(*to), right);
                }
            }
            Self::Branch { .. } | Self::Switch { .. } | Self::SmallSwitch { .. } => {
                unreachable!("what ends a block is encoded with its targets")
            }
        }
    }

    /// Encodes it as a branch.
    pub fn emit_branch(&self, cx: &mut Emission<'_, X64Isa>, inverted: bool, target: Label) {
        let Self::Branch { test } = self else { unreachable!("{self:?} is no branch") };
        let test = if inverted { test.inverted() } else { *test };
        let target = cx.assembler.label(target);
        let ops = &mut cx.assembler.ops;
        match test {
            Test::One(code) => ops.jump_if(code, target),
            Test::Either(a, b) => {
                ops.jump_if(a, target);
                ops.jump_if(b, target);
            }
            Test::Both(a, b) => {
                let skip = ops.skip_if(a.inverted());
                ops.jump_if(b, target);
                ops.end_skip(skip);
            }
        }
    }

    /// Encodes it as a branch table.
    pub fn emit_switch(&self, cx: &mut Emission<'_, X64Isa>, targets: &[Label]) {
        match self {
            Self::Switch { id, index, scratch } => {
                switch(cx, *id, number(*index), number(*scratch), targets);
            }
            Self::SmallSwitch { id, index } => small_switch(cx, *id, number(*index), targets),
            _ => unreachable!("{self:?} is no branch table"),
        }
    }
}

/// An address; if an addition does the same, that, because more units can do it. Whether it is one.
fn lea(ops: &mut Assembler, size: Size, to: u8, address: &Address) -> bool {
    let place = memory(address);
    let wide = size.is_wide();
    match place {
        Place::Memory { base, index: None, offset, .. } if base == to => {
            ops.arithmetic(wide, AluOp::Add as u8, Place::Reg(to), offset);
        }
        Place::Memory { base, index: Some(index), scale_log2: 0, offset: 0 } if base == to || index == to => {
            let other = if base == to { index } else { base };
            ops.op(wide, alu_opcode(AluOp::Add), to, Place::Reg(other));
        }
        _ => {
            ops.op(wide, Opcode::one(0x8d), to, place);
            return false;
        }
    }
    true
}

fn shift_imm(ops: &mut Assembler, op: ShiftOp, size: Size, to: u8, amount: u8) {
    let wide = size.is_wide();
    match (op, amount) {
        (ShiftOp::Shl, 1) => ops.op(wide, alu_opcode(AluOp::Add), to, Place::Reg(to)),
        (_, 1) => ops.op(wide, Opcode::one(0xd1), op as u8, Place::Reg(to)),
        _ => {
            ops.op(wide, Opcode::one(0xc1), op as u8, Place::Reg(to));
            ops.put(&[amount]);
        }
    }
}

/// `bsr` and `bsf` leave the result undefined if no bit is set.
fn scan(ops: &mut Assembler, highest: bool, size: Size, to: u8, from: u8) {
    let (wide, bits) = (size.is_wide(), size.bits());
    let none = if highest { bits * 2 - 1 } else { bits };
    ops.mov_constant(SCRATCH, none.into());
    ops.op(wide, Opcode::two(if highest { 0xbd } else { 0xbc }), to, Place::Reg(from));
    ops.op(wide, Opcode::two(0x40 | Cc::E as u8), to, Place::Reg(SCRATCH));
    if highest {
        ops.arithmetic(wide, AluOp::Xor as u8, Place::Reg(to), i32::from(bits) - 1);
    }
}

fn test_imm(ops: &mut Assembler, size: Size, left: Place, right: i32) {
    match left {
        // A byte is enough: zero is told the same, and so is the sign, which is not set.
        Place::Reg(0) if (0..128).contains(&right) => ops.put(&[0xa8, right as u8]),
        Place::Reg(_) if (0..128).contains(&right) => {
            ops.op(false, Opcode::one(0xf6).byte(), 0, left);
            ops.put(&[right as u8]);
        }
        Place::Reg(0) => {
            ops.op_short(size.is_wide(), 0xa9, 0);
            ops.put_i32(right);
        }
        _ => {
            ops.op(size.is_wide(), Opcode::one(0xf7), 0, left);
            ops.put_i32(right);
        }
    }
}

fn set(ops: &mut Assembler, test: Test, to: u8) {
    let setcc = |ops: &mut Assembler, code: Cc, to: u8| {
        ops.op(false, Opcode::two(0x90 | code as u8).byte(), 0, Place::Reg(to));
    };
    let (first, second) = match test {
        Test::One(code) => (code, None),
        Test::Both(a, b) => (a, Some((AluOp::And, b))),
        Test::Either(a, b) => (a, Some((AluOp::Or, b))),
    };
    setcc(ops, first, to);
    if let Some((op, code)) = second {
        setcc(ops, code, SCRATCH);
        ops.op(false, alu_opcode(op), to, Place::Reg(SCRATCH));
    }
    ops.op(false, Opcode::two(0xb6).byte(), to, Place::Reg(to));
}

/// A jump through a table of distances from its start. The last entry is that of all greater
/// indices, to which the index is limited without a branch, so that no guess leads elsewhere.
fn switch(cx: &mut Emission<'_, X64Isa>, id: SwitchId, index: u8, scratch: u8, targets: &[Label]) {
    let count = cx.f.switches[id.index()].targets.len;
    let assembler = &mut *cx.assembler;
    let table = assembler.ops.new_dynamic_label();
    assembler.tables.push((id, targets.to_vec(), table));
    let ops = &mut assembler.ops;
    ops.mov_constant(scratch, count.into());
    ops.op(false, alu_opcode(AluOp::Cmp), index, Place::Reg(scratch));
    ops.op(false, Opcode::two(0x40 | Cc::B as u8), scratch, Place::Reg(index));
    // lea r11, [rip + table]
    ops.put(&[0x4c, 0x8d, 0x1d]);
    ops.put_distance(table.get_id() as u32, 0);
    let entry = Place::Memory { base: SCRATCH, index: Some(scratch), scale_log2: 2, offset: 0 };
    ops.op(true, Opcode::one(0x63), scratch, entry);
    ops.op(true, alu_opcode(AluOp::Add), scratch, Place::Reg(SCRATCH));
    ops.op(false, Opcode::one(0xff), 4, Place::Reg(scratch));
}

/// Comparisons with all indices that lead elsewhere than greater ones.
fn small_switch(cx: &mut Emission<'_, X64Isa>, id: SwitchId, index: u8, targets: &[Label]) {
    let switch = &cx.f.switches[id.index()];
    let table = &cx.f.switch_targets[switch.targets.range()];
    for (number, edge) in table.iter().enumerate() {
        if *edge == switch.default {
            continue;
        }
        let target = cx.assembler.label(targets[*edge as usize]);
        let ops = &mut cx.assembler.ops;
        match number {
            0 => ops.op(false, Opcode::one(0x85), index, Place::Reg(index)),
            _ => ops.arithmetic(false, AluOp::Cmp as u8, Place::Reg(index), number as i32),
        }
        ops.jump_if(Cc::E, target);
    }
    let default = cx.assembler.label(targets[switch.default as usize]);
    cx.assembler.ops.jump(default);
}

/// Encodes the branch tables.
pub(crate) fn put_tables(cx: &mut Emission<'_, X64Isa>) {
    let tables = std::mem::take(&mut cx.assembler.tables);
    for (id, targets, table) in tables {
        let switch = &cx.f.switches[id.index()];
        let edges = &cx.f.switch_targets[switch.targets.range()];
        cx.assembler.ops.align(4, 0xcc);
        let start = cx.assembler.offset();
        cx.assembler.bind_dynamic(table);
        for edge in edges.iter().chain([&switch.default]) {
            let target = cx.assembler.label(targets[*edge as usize]);
            let end = cx.assembler.offset() + 4;
            cx.assembler.ops.put_distance(target.get_id() as u32, start as i32 - end as i32);
        }
    }
}
