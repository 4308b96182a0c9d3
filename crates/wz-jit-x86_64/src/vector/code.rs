//! [`Code`]: encoding of [`VectorInst`]s.

use wz_api::Trap;
use wz_jit::mach::{Emission, Reg};

use crate::abi;
use crate::assembler::Assembler;
use crate::condition::{Cc, Test};
use crate::encode::{Opcode as IntOpcode, Place as Operand, Skip};
use crate::isa::X64Isa;

use super::encode::{Place, encode};
use super::inst::{Source, VectorInst};
use super::opcode::{Opcode, STORES};

/// The scratch register.
pub(super) const SCRATCH: u8 = abi::VECTOR_SCRATCH;
/// The same as an operand.
pub(super) const SCRATCH_PLACE: Place = Place::register(SCRATCH);

/// The positive canonical NaN, in every lane.
pub(super) const fn canonical_nan(double: bool) -> u128 {
    if double { 0x7ff8_0000_0000_0000_7ff8_0000_0000_0000 } else { 0x7fc0_0000_7fc0_0000_7fc0_0000_7fc0_0000 }
}

/// The number of an allocated register.
pub(super) fn number(reg: Reg) -> u8 {
    reg.preg().hw_enc() as u8
}

/// The code that is being emitted.
pub(super) struct Code<'a, 'b> {
    pub(super) cx: &'a mut Emission<'b, X64Isa>,
    /// Whether instructions are in their VEX form.
    pub(super) vex: bool,
}

impl<'a, 'b> Code<'a, 'b> {
    pub(super) fn new(cx: &'a mut Emission<'b, X64Isa>, vex: bool) -> Self {
        Self { cx, vex }
    }

    pub(super) fn ops(&mut self) -> &mut Assembler {
        &mut self.cx.assembler.ops
    }

    /// An operand as the encoder wants it.
    pub(super) fn place(&mut self, source: &Source) -> Place {
        match source {
            Source::Reg(reg) => Place::register(number(*reg)),
            Source::Memory(address) => Place::Operand(address.into()),
            Source::Constant([low, high]) => self.constant(u128::from(*low) | u128::from(*high) << 64),
        }
    }

    /// A constant in memory.
    pub(super) fn constant(&mut self, bits: u128) -> Place {
        Place::Label(self.cx.assembler.constant(bits))
    }

    /// `to = op(from)`, or an instruction that only reads.
    pub(super) fn unary(&mut self, opcode: Opcode, to: u8, from: Place, imm: u8) {
        let vex = self.vex;
        match from {
            Place::Operand(Operand::Reg(from)) if opcode.encoding().has(STORES) => {
                encode(self.ops(), vex, opcode, from, 0, Place::register(to), imm);
            }
            _ => encode(self.ops(), vex, opcode, to, 0, from, imm),
        }
    }

    /// `to = op(a, b)`. Without VEX, `a` has to be `to` already, or is moved there, which `b` must
    /// not be.
    pub(super) fn binary(&mut self, opcode: Opcode, to: u8, a: u8, b: Place, imm: u8) {
        let vex = self.vex;
        if !vex && to != a {
            debug_assert!(
                !matches!(b, Place::Operand(Operand::Reg(b)) if b == to),
                "an operand is overwritten"
            );
            self.unary(Opcode::Movaps, to, Place::register(a), 0);
        }
        encode(self.ops(), vex, opcode, to, if vex { a } else { 0 }, b, imm);
    }

    /// `to = 0`
    pub(super) fn zero(&mut self, to: u8) {
        self.binary(Opcode::Xorps, to, to, Place::register(to), 0);
    }

    /// `to = op(from)`, of the low lane, where nothing depends on what `to` was.
    pub(super) fn scalar(&mut self, opcode: Opcode, to: u8, from: Place, imm: u8) {
        let is_vector = !is_from_int(opcode);
        match from {
            Place::Operand(Operand::Reg(from)) if is_vector && (self.vex || from == to) => {
                self.binary(opcode, to, from, Place::register(from), imm);
            }
            _ => {
                self.zero(to);
                self.binary(opcode, to, to, from, imm);
            }
        }
    }

    /// Traps if a code holds.
    pub(super) fn trap_if(&mut self, code: Cc, trap: Trap) {
        let label = self.cx.trap_label(trap);
        let label = self.cx.assembler.label(label);
        self.ops().jump_if(code, label);
    }

    // General-purpose registers.

    /// `to = from`
    pub(super) fn move_int(&mut self, wide: bool, to: u8, from: u8) {
        self.ops().op(wide, IntOpcode::one(0x8b), to, Operand::Reg(from));
    }

    /// Sets the flags for all 64 bits of a register.
    pub(super) fn test_int(&mut self, register: u8) {
        self.ops().op(true, IntOpcode::one(0x85), register, Operand::Reg(register));
    }

    /// Shifts all 64 bits of a register to the right. The carry is what went last.
    pub(super) fn shift_right_int(&mut self, register: u8, count: i8) {
        self.ops().op(true, IntOpcode::one(0xc1), 5, Operand::Reg(register));
        self.ops().put_i8(count);
    }

    /// `add`, `or`, `and`, `cmp` with a constant.
    pub(super) fn arithmetic(&mut self, wide: bool, operator: Arithmetic, register: u8, constant: i32) {
        self.ops().arithmetic(wide, operator as u8, Operand::Reg(register), constant);
    }

    // Short jumps forward.

    pub(super) fn skip_if(&mut self, code: Cc) -> Skip {
        self.ops().skip_if(code)
    }

    pub(super) fn skip(&mut self) -> Skip {
        self.ops().skip()
    }

    /// This is where jumps lead.
    pub(super) fn end_skips<const COUNT: usize>(&mut self, skips: [Skip; COUNT]) {
        for skip in skips {
            self.ops().end_skip(skip);
        }
    }

    /// Encodes an instruction.
    pub(super) fn inst(&mut self, inst: &VectorInst) {
        match inst {
            VectorInst::Move(..) => {}
            VectorInst::Zero { to, .. } => self.zero(number(*to)),
            VectorInst::Ones { to, .. } => {
                let to = number(*to);
                self.binary(Opcode::Pcmpeqd, to, to, Place::register(to), 0);
            }
            VectorInst::Unary { form, to, from } => {
                let from = self.place(from);
                self.unary(form.opcode, number(*to), from, form.imm);
            }
            VectorInst::Scalar { form, to, from } => {
                let from = self.place(from);
                self.scalar(form.opcode, number(*to), from, form.imm);
            }
            VectorInst::Binary { form, to, a, b } => {
                let b = self.place(b);
                self.binary(form.opcode, number(*to), number(*a), b, form.imm);
            }
            VectorInst::Shift { form, to, a } => self.shift(form.opcode, number(*to), number(*a), form.imm),
            VectorInst::Blend { form, to, a, b, mask } => {
                let b = self.place(b);
                let imm = if form.vex { number(*mask) << 4 } else { 0 };
                self.binary(form.opcode, number(*to), number(*a), b, imm);
            }
            VectorInst::Compare { form, a, b } => {
                let b = self.place(b);
                self.unary(form.opcode, number(*a), b, form.imm);
            }
            VectorInst::Select { to, a, test, .. } => self.select(number(*to), number(*a), *test),
            VectorInst::Extreme { double, greater, to, b, .. } => {
                self.extreme(*double, *greater, number(*to), number(*b));
            }
            VectorInst::Canonicalize { double, to, .. } => self.canonicalize(*double, number(*to)),
            VectorInst::ConvertU64 { double, to, from, .. } => {
                self.convert_u64(*double, number(*to), number(*from));
            }
            VectorInst::ConvertU32 { double, to, from, .. } => {
                // The upper half of a register with 32 bits is unspecified.
                self.move_int(false, abi::SCRATCH, number(*from));
                let opcode = if *double { Opcode::Cvtsi2sdWide } else { Opcode::Cvtsi2ssWide };
                self.scalar(opcode, number(*to), Place::register(abi::SCRATCH), 0);
            }
            VectorInst::Truncate { truncation, to, from, .. } => {
                self.truncate(*truncation, number(*to), number(*from));
            }
            VectorInst::ExtractSigned { form, to, from } => {
                let to = number(*to);
                self.unary(form.opcode, to, Place::register(number(*from)), form.imm);
                let extend = if form.opcode == Opcode::Pextrb {
                    IntOpcode::two(0xbe).byte()
                } else {
                    IntOpcode::two(0xbf)
                };
                self.ops().op(false, extend, to, Operand::Reg(to));
            }
            VectorInst::ShiftCount { to, from, mask, extra, .. } => {
                self.move_int(false, abi::SCRATCH, number(*from));
                self.arithmetic(false, Arithmetic::And, abi::SCRATCH, (*mask).into());
                if *extra != 0 {
                    self.arithmetic(false, Arithmetic::Add, abi::SCRATCH, (*extra).into());
                }
                self.unary(Opcode::MovdFromInt, number(*to), Place::register(abi::SCRATCH), 0);
            }
        }
    }

    /// `to = op(a)`: a shift by a constant.
    fn shift(&mut self, opcode: Opcode, to: u8, a: u8, count: u8) {
        let vex = self.vex;
        if !vex && to != a {
            self.unary(Opcode::Movaps, to, Place::register(a), 0);
        }
        let (a, other) = if vex { (a, to) } else { (to, 0) };
        encode(self.ops(), vex, opcode, opcode.encoding().extension, other, Place::register(a), count);
    }

    /// `to` stays if the test fails, and becomes `a` otherwise.
    fn select(&mut self, to: u8, a: u8, test: Test) {
        if to == a {
            return;
        }
        let a = Place::register(a);
        match test {
            Test::One(code) => {
                let done = self.skip_if(code.inverted());
                self.unary(Opcode::Movaps, to, a, 0);
                self.end_skips([done]);
            }
            Test::Both(one, two) => {
                let done = [self.skip_if(one.inverted()), self.skip_if(two.inverted())];
                self.unary(Opcode::Movaps, to, a, 0);
                self.end_skips(done);
            }
            Test::Either(one, two) => {
                let changes = self.skip_if(one);
                let done = self.skip_if(two.inverted());
                self.end_skips([changes]);
                self.unary(Opcode::Movaps, to, a, 0);
                self.end_skips([done]);
            }
        }
    }

    /// `to` becomes the lesser or greater of itself and `b`. Operands that differ are the usual case,
    /// and what the processor's instruction is for; of two zeros, bits decide.
    fn extreme(&mut self, double: bool, greater: bool, to: u8, b: u8) {
        let (compare, extreme) = match (double, greater) {
            (false, false) => (Opcode::Ucomiss, Opcode::Minss),
            (false, true) => (Opcode::Ucomiss, Opcode::Maxss),
            (true, false) => (Opcode::Ucomisd, Opcode::Minsd),
            (true, true) => (Opcode::Ucomisd, Opcode::Maxsd),
        };
        let b = Place::register(b);
        self.unary(compare, to, b, 0);
        let differ = self.skip_if(Cc::Ne);
        let unordered = self.skip_if(Cc::P);
        self.binary(if greater { Opcode::Andps } else { Opcode::Orps }, to, to, b, 0);
        let equal = self.skip();
        self.end_skips([unordered]);
        self.canonical(double, to);
        let replaced = self.skip();
        self.end_skips([differ]);
        self.binary(extreme, to, to, b, 0);
        self.end_skips([equal, replaced]);
    }

    /// `to` becomes the canonical NaN.
    fn canonical(&mut self, double: bool, to: u8) {
        let nan = self.constant(canonical_nan(double));
        self.unary(if double { Opcode::Movsd } else { Opcode::Movss }, to, nan, 0);
    }

    /// `to` becomes canonical if it is a NaN.
    fn canonicalize(&mut self, double: bool, to: u8) {
        let compare = if double { Opcode::Ucomisd } else { Opcode::Ucomiss };
        self.unary(compare, to, Place::register(to), 0);
        let number = self.skip_if(Cc::Np);
        self.canonical(double, to);
        self.end_skips([number]);
    }

    /// Half of a number whose highest bit is one is converted, and doubled. What gets lost in halving
    /// stays in the lowest bit, so that rounding sees it.
    fn convert_u64(&mut self, double: bool, to: u8, from: u8) {
        let (convert, add) = match double {
            false => (Opcode::Cvtsi2ssWide, Opcode::Addss),
            true => (Opcode::Cvtsi2sdWide, Opcode::Addsd),
        };
        self.test_int(from);
        let large = self.skip_if(Cc::S);
        self.scalar(convert, to, Place::register(from), 0);
        let done = self.skip();
        self.end_skips([large]);
        self.move_int(true, abi::SCRATCH, from);
        self.shift_right_int(abi::SCRATCH, 1);
        let even = self.skip_if(Cc::Ae);
        self.arithmetic(true, Arithmetic::Or, abi::SCRATCH, 1);
        self.end_skips([even]);
        self.scalar(convert, to, Place::register(abi::SCRATCH), 0);
        self.binary(add, to, to, Place::register(to), 0);
        self.end_skips([done]);
    }
}

/// Operators with a constant, by their numbers in instructions.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum Arithmetic {
    Add = 0,
    Or = 1,
    And = 4,
    Compare = 7,
}

/// Whether the operand is in a general-purpose register.
const fn is_from_int(opcode: Opcode) -> bool {
    matches!(opcode, Opcode::Cvtsi2ss | Opcode::Cvtsi2ssWide | Opcode::Cvtsi2sd | Opcode::Cvtsi2sdWide)
}
