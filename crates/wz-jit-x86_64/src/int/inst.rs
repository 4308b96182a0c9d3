//! [`IntInst`]: instructions over general-purpose registers, and those that read flags.

use regalloc2::PRegSet;
use wz_jit::ir::SwitchId;
use wz_jit::mach::{End, OperandVisitor, Reg};

use crate::address::{Address, Rm};
use crate::condition::Test;
use crate::isa::int;

/// The width of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// 32 bits. The upper half of the result's register is zero.
    S32,
    /// 64 bits.
    S64,
}

impl Size {
    /// Whether it is 64 bits.
    #[must_use]
    pub const fn is_wide(self) -> bool {
        matches!(self, Self::S64)
    }

    /// In bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        if self.is_wide() { 64 } else { 32 }
    }

    /// In bytes.
    #[must_use]
    pub const fn bytes(self) -> u32 {
        self.bits() as u32 / 8
    }
}

/// An operator with two operands, by its number in instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names of instructions")]
#[repr(u8)]
pub enum AluOp {
    Add = 0,
    Or = 1,
    And = 4,
    Sub = 5,
    Xor = 6,
    Cmp = 7,
}

/// An operator with one operand, by its number in instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names of instructions")]
#[repr(u8)]
pub enum UnaryOp {
    Not = 2,
    Neg = 3,
}

/// A shift or rotation, by its number in instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names of instructions")]
#[repr(u8)]
pub enum ShiftOp {
    Rol = 0,
    Ror = 1,
    Shl = 4,
    Shr = 5,
    Sar = 7,
}

/// What an instruction counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names of instructions")]
pub enum CountOp {
    Lzcnt,
    Tzcnt,
    Popcnt,
}

/// What an instruction of BMI1 does to the lowest bit that is set, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum LowBitOp {
    /// Clears it: x & (x - 1).
    Blsr = 1,
    /// A mask up to it: x ^ (x - 1).
    Blsmsk = 2,
    /// Keeps nothing else: x & -x.
    Blsi = 3,
}

/// What of a register is extended to what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    /// 8 bits, without a sign.
    U8,
    /// 16 bits, without a sign.
    U16,
    /// 32 bits, without a sign.
    U32,
    /// 8 bits with their sign to 32.
    S8To32,
    /// 16 bits with their sign to 32.
    S16To32,
    /// 8 bits with their sign to 64.
    S8To64,
    /// 16 bits with their sign to 64.
    S16To64,
    /// 32 bits with their sign to 64.
    S32To64,
}

/// An instruction over general-purpose registers. The fields are what the comments name: `to` is
/// written, the others are read.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each variant says what its fields are")]
pub enum IntInst {
    /// `to = left op right`
    Alu { op: AluOp, size: Size, to: Reg, left: Reg, right: Rm },
    /// `to = left op right`
    AluImm { op: AluOp, size: Size, to: Reg, left: Reg, right: i32 },
    /// `to = left * right`
    Mul { size: Size, to: Reg, left: Reg, right: Rm },
    /// `to = from * factor`
    MulImm { size: Size, to: Reg, from: Rm, factor: i32 },
    /// The upper half of the product of two times 64 bits.
    MulHigh { signed: bool, to: Reg, left: Reg, right: Rm },
    /// `to = address`
    Lea { size: Size, to: Reg, address: Address },
    /// `to = op from`
    Unary { op: UnaryOp, size: Size, to: Reg, from: Reg },
    /// `to = from op amount`
    ShiftImm { op: ShiftOp, size: Size, to: Reg, from: Reg, amount: u8 },
    /// `to = from op amount`, with the amount in `cl`
    ShiftCl { op: ShiftOp, size: Size, to: Reg, from: Reg, amount: Reg },
    /// The same with BMI2, for shifts.
    Shiftx { op: ShiftOp, size: Size, to: Reg, from: Rm, amount: Reg },
    /// `to = from` rotated to the right, with BMI2.
    Rorx { size: Size, to: Reg, from: Rm, amount: u8 },
    /// `to = !inverted & other`, with BMI1.
    Andn { size: Size, to: Reg, inverted: Reg, other: Rm },
    /// With BMI1.
    LowBit { op: LowBitOp, size: Size, to: Reg, from: Rm },
    /// With the extension of the operator.
    Count { op: CountOp, size: Size, to: Reg, from: Rm },
    /// The place of the highest or lowest bit that is set; of zero, as many as there are bits. For
    /// the highest, zeros above are counted.
    Scan { highest: bool, size: Size, to: Reg, from: Reg },
    /// `to = from` extended
    Extend { op: Extension, to: Reg, from: Rm },
    /// The same value. No code, if the register may be the same.
    Alias { to: Reg, from: Reg },
    /// The same in another register.
    Move { to: Reg, from: Reg },
    /// A constant: its lower and upper half.
    Constant { to: Reg, low: u32, high: u32 },
    /// Zero in `rdx`: the upper half of an unsigned dividend.
    ZeroHigh { to: Reg },
    /// The sign of `rax` in `rdx`: the upper half of a signed dividend.
    SignHigh { size: Size, to: Reg, from: Reg },
    /// Traps if the divisor is zero, or if the quotient overflows.
    DivideCheck { size: Size, zero: bool, overflow: bool, dividend: Reg, divisor: Reg },
    /// Divides `rdx` and `rax`. The result is the quotient in `rax` or the remainder in `rdx`. With
    /// `minus_one`, the remainder for the divisor -1 is not left to the instruction.
    Divide {
        size: Size,
        signed: bool,
        remainder: bool,
        minus_one: bool,
        to: Reg,
        low: Reg,
        high: Reg,
        divisor: Rm,
    },
    /// Flags of `left - right`.
    Cmp { size: Size, left: Reg, right: Rm },
    /// Flags of `left - right`.
    CmpImm { size: Size, left: Rm, right: i32 },
    /// Whether it is zero, in the flag for that; the other flags are not asked for.
    IsZero { size: Size, from: Rm },
    /// Whether `left & right` is zero, in the flag for that; the other flags are not asked for.
    TestByte { left: Reg, right: u8 },
    /// Flags of `left & right`.
    Test { size: Size, left: Reg, right: Rm },
    /// Flags of `left & right`.
    TestImm { size: Size, left: Rm, right: i32 },
    /// The carry is a bit, whose number is taken modulo the width.
    BitTest { size: Size, from: Reg, bit: Reg },
    /// The carry is a bit.
    BitTestImm { size: Size, from: Reg, bit: u8 },
    /// 1 if the test holds, else 0.
    Set { test: Test, to: Reg },
    /// `to = right` if the test, which is not [`Test::Both`], holds, else `left`.
    Select { size: Size, test: Test, to: Reg, left: Reg, right: Rm },
    /// Branches if the test holds.
    Branch { test: Test },
    /// Branches by an index through a table.
    Switch { id: SwitchId, index: Reg, scratch: Reg },
    /// Branches by comparing with each index.
    SmallSwitch { id: SwitchId, index: Reg },
}

const RAX: u8 = 0;
const RCX: u8 = 1;
const RDX: u8 = 2;

/// A use in a register, in memory, or wherever it was spilled to.
fn any<V: OperandVisitor>(rm: &mut Rm, visitor: &mut V) {
    match rm {
        Rm::Reg(reg) => visitor.any_use(reg),
        Rm::Memory(address) => address.operands(visitor),
    }
}

impl IntInst {
    /// Shows the registers.
    pub fn operands<V: OperandVisitor>(&mut self, visitor: &mut V) {
        match self {
            Self::Alu { to, left, right, .. }
            | Self::Mul { to, left, right, .. }
            | Self::Select { to, left, right, .. } => {
                visitor.reg_use(left);
                any(right, visitor);
                visitor.reg_reuse_def(to, 0);
            }
            Self::AluImm { to, left: from, .. }
            | Self::Unary { to, from, .. }
            | Self::ShiftImm { to, from, .. }
            | Self::Alias { to, from } => {
                visitor.reg_use(from);
                visitor.reg_reuse_def(to, 0);
            }
            Self::MulImm { to, from, .. }
            | Self::Rorx { to, from, .. }
            | Self::LowBit { to, from, .. }
            | Self::Count { to, from, .. }
            | Self::Extend { to, from, .. } => {
                any(from, visitor);
                visitor.reg_def(to);
            }
            Self::MulHigh { to, left, right, .. } => {
                visitor.fixed_use(left, int(RAX));
                any(right, visitor);
                visitor.fixed_def(to, int(RDX));
            }
            Self::Lea { to, address, .. } => {
                address.operands(visitor);
                visitor.reg_def(to);
            }
            Self::ShiftCl { to, from, amount, .. } => {
                visitor.reg_use(from);
                visitor.fixed_use(amount, int(RCX));
                visitor.reg_reuse_def(to, 0);
            }
            Self::Shiftx { to, from, amount, .. } => {
                any(from, visitor);
                visitor.reg_use(amount);
                visitor.reg_def(to);
            }
            Self::Andn { to, inverted, other, .. } => {
                visitor.reg_use(inverted);
                any(other, visitor);
                visitor.reg_def(to);
            }
            Self::Scan { to, from, .. } => {
                visitor.reg_use(from);
                visitor.reg_def(to);
            }
            Self::Move { to, from } => {
                visitor.reg_use(from);
                visitor.reg_def(to);
            }
            Self::Constant { to, .. } | Self::Set { to, .. } => visitor.reg_def(to),
            Self::ZeroHigh { to } => visitor.fixed_def(to, int(RDX)),
            Self::SignHigh { to, from, .. } => {
                visitor.fixed_use(from, int(RAX));
                visitor.fixed_def(to, int(RDX));
            }
            Self::DivideCheck { dividend, divisor, overflow, .. } => {
                visitor.reg_use(divisor);
                if *overflow {
                    visitor.reg_use(dividend);
                }
            }
            Self::Divide { to, low, high, divisor, remainder, .. } => {
                visitor.fixed_use(low, int(RAX));
                visitor.fixed_use(high, int(RDX));
                any(divisor, visitor);
                visitor.fixed_def(to, int(if *remainder { RDX } else { RAX }));
            }
            Self::Cmp { left, right, .. } | Self::Test { left, right, .. } => {
                visitor.reg_use(left);
                any(right, visitor);
            }
            Self::CmpImm { left, .. } | Self::TestImm { left, .. } | Self::IsZero { from: left, .. } => {
                any(left, visitor);
            }
            Self::TestByte { left, .. } => visitor.reg_use(left),
            Self::BitTest { from, bit, .. } => {
                visitor.reg_use(from);
                visitor.reg_use(bit);
            }
            Self::BitTestImm { from, .. } => visitor.reg_use(from),
            Self::Branch { .. } => {}
            Self::Switch { index, scratch, .. } => {
                visitor.reg_use(index);
                visitor.reg_early_def(scratch);
            }
            Self::SmallSwitch { index, .. } => visitor.reg_use(index),
        }
    }

    /// What it overwrites apart from operands.
    #[must_use]
    pub fn clobbers(&self) -> PRegSet {
        match self {
            Self::MulHigh { .. } | Self::Divide { remainder: true, .. } => PRegSet::empty().with(int(RAX)),
            Self::Divide { .. } => PRegSet::empty().with(int(RDX)),
            _ => PRegSet::empty(),
        }
    }

    /// What comes after it.
    #[must_use]
    pub fn end(&self) -> End {
        match self {
            Self::Branch { .. } => End::Branch,
            Self::Switch { .. } | Self::SmallSwitch { .. } => End::Switch,
            _ => End::Next,
        }
    }
}
