//! [`VectorInst`]: instructions over vector registers. Most are one of the processor's, in the form
//! that overwrites an operand or in VEX's with three. Operators that take several instructions are
//! sequences of these where there is no control in them; those with control are emitted as a whole.

use wz_jit::mach::{Emission, OperandVisitor, Reg};

use crate::address::Address;
use crate::condition::Test;
use crate::isa::{X64Isa, xmm};

use super::code::Code;
use super::opcode::Opcode;
use super::truncate::Truncation;

/// The second operand of an instruction.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// A register.
    Reg(Reg),
    /// Memory.
    Memory(Address),
    /// A constant, low half first; scalars are its low bits.
    Constant([u64; 2]),
}

impl Source {
    /// A constant.
    #[must_use]
    pub const fn constant(bits: u128) -> Self {
        Self::Constant([bits as u64, (bits >> 64) as u64])
    }

    fn operands<V: OperandVisitor>(&mut self, visitor: &mut V) {
        match self {
            Self::Reg(reg) => visitor.reg_use(reg),
            Self::Memory(address) => address.operands(visitor),
            Self::Constant(_) => {}
        }
    }
}

impl From<Reg> for Source {
    fn from(reg: Reg) -> Self {
        Self::Reg(reg)
    }
}

/// One of the processor's instructions: which, in which form, with which byte at its end.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// Which.
    pub opcode: Opcode,
    /// Whether it is the VEX form.
    pub vex: bool,
    /// The byte at its end, if the opcode has one.
    pub imm: u8,
}

/// An instruction over vector registers.
#[derive(Clone, Debug)]
pub enum VectorInst {
    /// `to = from`: no code, but the same register.
    Move(Reg, Reg),
    /// `to = 0`
    Zero {
        /// Whether it is the VEX form.
        vex: bool,
        /// What is written.
        to: Reg,
    },
    /// All bits of `to` are one.
    Ones {
        /// Whether it is the VEX form.
        vex: bool,
        /// What is written.
        to: Reg,
    },
    /// `to = op(from)`. Either may be a general-purpose register.
    Unary {
        /// What is done.
        form: Form,
        /// What is written.
        to: Reg,
        /// The operand.
        from: Source,
    },
    /// The same, of the low lane. What writes a lane only would wait for the others.
    Scalar {
        /// What is done.
        form: Form,
        /// What is written.
        to: Reg,
        /// The operand.
        from: Source,
    },
    /// `to = op(a, b)`
    Binary {
        /// What is done.
        form: Form,
        /// What is written; without VEX, it is where `a` was.
        to: Reg,
        /// The first operand.
        a: Reg,
        /// The second operand.
        b: Source,
    },
    /// `to = op(a)`: shifts by a constant.
    Shift {
        /// What is done; the byte is the number of bits.
        form: Form,
        /// What is written; without VEX, it is where `a` was.
        to: Reg,
        /// The operand.
        a: Reg,
    },
    /// `to = mask ? b : a`, for each lane by the mask's highest bit.
    Blend {
        /// What is done: one of the forms with three operands, which is `xmm0` in one of them.
        form: Form,
        /// What is written.
        to: Reg,
        /// The operand where the mask is zero.
        a: Reg,
        /// The operand where the mask is one.
        b: Source,
        /// The mask.
        mask: Reg,
    },
    /// Sets the flags.
    Compare {
        /// What is done.
        form: Form,
        /// The first operand.
        a: Reg,
        /// The second operand.
        b: Source,
    },
    /// `to = test ? a : b`, of the flags.
    Select {
        /// Whether moves are VEX forms.
        vex: bool,
        /// What is written, where `b` was.
        to: Reg,
        /// The operand for true.
        a: Reg,
        /// The operand for false.
        b: Reg,
        /// What is asked of the flags.
        test: Test,
    },
    /// `f32.min` and the like.
    Extreme {
        /// Whether it is the VEX form.
        vex: bool,
        /// Whether the operands are `f64`.
        double: bool,
        /// Whether the result is the greater.
        greater: bool,
        /// What is written, where `a` was.
        to: Reg,
        /// The first operand.
        a: Reg,
        /// The second operand.
        b: Reg,
    },
    /// Makes a NaN canonical: `f32` or `f64`.
    Canonicalize {
        /// Whether it is the VEX form.
        vex: bool,
        /// Whether the operand is an `f64`.
        double: bool,
        /// What is written, where the operand was.
        to: Reg,
        /// The operand.
        from: Reg,
    },
    /// The number of an unsigned 64-bit integer.
    ConvertU64 {
        /// Whether it is the VEX form.
        vex: bool,
        /// Whether the result is an `f64`.
        double: bool,
        /// What is written.
        to: Reg,
        /// The integer.
        from: Reg,
    },
    /// The number of an unsigned 32-bit integer.
    ConvertU32 {
        /// Whether it is the VEX form.
        vex: bool,
        /// Whether the result is an `f64`.
        double: bool,
        /// What is written.
        to: Reg,
        /// The integer.
        from: Reg,
    },
    /// The integer of a number.
    Truncate {
        /// Whether it is the VEX form.
        vex: bool,
        /// Which.
        truncation: Truncation,
        /// What is written: a general-purpose register.
        to: Reg,
        /// The number.
        from: Reg,
    },
    /// A lane of 8 or 16 bits, as a signed integer.
    ExtractSigned {
        /// What extracts it.
        form: Form,
        /// What is written: a general-purpose register.
        to: Reg,
        /// The vector.
        from: Reg,
    },
    /// A number of bits to shift lanes by, modulo a power of two, in a vector register.
    ShiftCount {
        /// Whether it is the VEX form.
        vex: bool,
        /// What is written.
        to: Reg,
        /// The number: a general-purpose register.
        from: Reg,
        /// What counts of it.
        mask: u8,
        /// Added.
        extra: u8,
    },
}

impl VectorInst {
    /// Shows the registers.
    pub fn operands<V: OperandVisitor>(&mut self, visitor: &mut V) {
        match self {
            Self::Zero { to, .. } | Self::Ones { to, .. } => visitor.reg_def(to),
            // What is written may be where the operand was: then nothing clears it before.
            Self::Unary { to, from, .. } | Self::Scalar { to, from, .. } => {
                from.operands(visitor);
                visitor.reg_def(to);
            }
            Self::Binary { form, to, a, b } => {
                visitor.reg_use(a);
                b.operands(visitor);
                if form.vex { visitor.reg_def(to) } else { visitor.reg_reuse_def(to, 0) }
            }
            Self::Shift { form, to, a } => {
                visitor.reg_use(a);
                if form.vex { visitor.reg_def(to) } else { visitor.reg_reuse_def(to, 0) }
            }
            Self::Blend { form, to, a, b, mask } => {
                visitor.reg_use(a);
                b.operands(visitor);
                if form.vex {
                    visitor.reg_use(mask);
                    visitor.reg_def(to);
                } else {
                    visitor.fixed_use(mask, xmm(0));
                    visitor.reg_reuse_def(to, 0);
                }
            }
            Self::Compare { a, b, .. } => {
                visitor.reg_use(a);
                b.operands(visitor);
            }
            Self::Select { to, a, b, .. } => {
                visitor.reg_use(b);
                visitor.reg_use(a);
                visitor.reg_reuse_def(to, 0);
            }
            Self::Extreme { to, a, b, .. } => {
                visitor.reg_use(a);
                visitor.reg_use(b);
                visitor.reg_reuse_def(to, 0);
            }
            Self::Move(to, from) | Self::Canonicalize { to, from, .. } => {
                visitor.reg_use(from);
                visitor.reg_reuse_def(to, 0);
            }
            Self::ConvertU64 { to, from, .. }
            | Self::ConvertU32 { to, from, .. }
            | Self::Truncate { to, from, .. }
            | Self::ExtractSigned { to, from, .. }
            | Self::ShiftCount { to, from, .. } => {
                visitor.reg_use(from);
                visitor.reg_def(to);
            }
        }
    }

    /// Encodes it.
    pub fn emit(&self, cx: &mut Emission<'_, X64Isa>) {
        Code::new(cx, self.is_vex()).inst(self);
    }

    fn is_vex(&self) -> bool {
        match self {
            Self::Unary { form, .. }
            | Self::Scalar { form, .. }
            | Self::Binary { form, .. }
            | Self::Shift { form, .. }
            | Self::Blend { form, .. }
            | Self::Compare { form, .. }
            | Self::ExtractSigned { form, .. } => form.vex,
            Self::Zero { vex, .. }
            | Self::Ones { vex, .. }
            | Self::Select { vex, .. }
            | Self::Extreme { vex, .. }
            | Self::Canonicalize { vex, .. }
            | Self::ConvertU64 { vex, .. }
            | Self::ConvertU32 { vex, .. }
            | Self::Truncate { vex, .. }
            | Self::ShiftCount { vex, .. } => *vex,
            Self::Move(..) => false,
        }
    }
}
