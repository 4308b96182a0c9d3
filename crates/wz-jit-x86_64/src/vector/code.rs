//! [`Code`]: encoding of [`VectorInst`]s.

use dynasm::dynasm;
use dynasmrt::relocations::{Relocation as _, RelocationKind, RelocationSize};
use dynasmrt::x64::X64Relocation;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi};
use wz_api::Trap;
use wz_jit::mach::{Emission, Reg};

use crate::abi;
use crate::assembler::Assembler;
use crate::condition::{Cc, Test};
use crate::isa::X64Isa;

use super::encode::{Place, encode};
use super::inst::{Source, VectorInst};
use super::opcode::{Opcode, STORES};

/// The scratch register.
pub(super) const SCRATCH: u8 = abi::VECTOR_SCRATCH;
/// The same as an operand.
pub(super) const SCRATCH_PLACE: Place = Place::Register(SCRATCH);

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
            Source::Reg(reg) => Place::Register(number(*reg)),
            Source::Memory(address) => Place::Memory(*address),
            Source::Constant([low, high]) => self.constant(u128::from(*low) | u128::from(*high) << 64),
        }
    }

    /// A constant in memory.
    pub(super) fn constant(&mut self, bits: u128) -> Place {
        Place::Label(self.cx.assembler.constant(bits))
    }

    /// `to = op(from)`, or an instruction that only reads.
    pub(super) fn unary(&mut self, opcode: Opcode, to: u8, from: &Place, imm: u8) {
        let vex = self.vex;
        match from {
            Place::Register(from) if opcode.encoding().has(STORES) => {
                encode(self.ops(), vex, opcode, *from, 0, &Place::Register(to), imm);
            }
            _ => encode(self.ops(), vex, opcode, to, 0, from, imm),
        }
    }

    /// `to = op(a, b)`. Without VEX, `a` has to be `to` already, or is moved there, which `b` must
    /// not be.
    pub(super) fn binary(&mut self, opcode: Opcode, to: u8, a: u8, b: &Place, imm: u8) {
        let vex = self.vex;
        if !vex && to != a {
            debug_assert!(!matches!(b, Place::Register(b) if *b == to), "an operand is overwritten");
            self.unary(Opcode::Movaps, to, &Place::Register(a), 0);
        }
        encode(self.ops(), vex, opcode, to, if vex { a } else { 0 }, b, imm);
    }

    /// `to = 0`
    pub(super) fn zero(&mut self, to: u8) {
        self.binary(Opcode::Xorps, to, to, &Place::Register(to), 0);
    }

    /// `to = op(from)`, of the low lane, where nothing depends on what `to` was.
    pub(super) fn scalar(&mut self, opcode: Opcode, to: u8, from: &Place, imm: u8) {
        let is_vector = !is_from_int(opcode);
        match from {
            Place::Register(from) if is_vector && (self.vex || *from == to) => {
                self.binary(opcode, to, *from, &Place::Register(*from), imm);
            }
            _ => {
                self.zero(to);
                self.binary(opcode, to, to, from, imm);
            }
        }
    }

    /// Traps if a condition holds.
    pub(super) fn trap_if(&mut self, code: Cc, trap: Trap) {
        let label = self.cx.trap_label(trap);
        let label = self.cx.assembler.label(label);
        let kind = X64Relocation::from_size(RelocationKind::Relative, RelocationSize::DWord);
        let ops = self.ops();
        ops.extend([0x0f, 0x80 | code as u8, 0, 0, 0, 0]);
        ops.dynamic_relocation(label, 0, 4, 0, kind);
    }

    /// Encodes an instruction.
    pub(super) fn inst(&mut self, inst: &VectorInst) {
        match inst {
            VectorInst::Move(..) => {}
            VectorInst::Zero { to, .. } => self.zero(number(*to)),
            VectorInst::Ones { to, .. } => {
                let to = number(*to);
                self.binary(Opcode::Pcmpeqd, to, to, &Place::Register(to), 0);
            }
            VectorInst::Unary { form, to, from } => {
                let from = self.place(from);
                self.unary(form.opcode, number(*to), &from, form.imm);
            }
            VectorInst::Scalar { form, to, from } => {
                let from = self.place(from);
                self.scalar(form.opcode, number(*to), &from, form.imm);
            }
            VectorInst::Binary { form, to, a, b } => {
                let b = self.place(b);
                self.binary(form.opcode, number(*to), number(*a), &b, form.imm);
            }
            VectorInst::Shift { form, to, a } => self.shift(form.opcode, number(*to), number(*a), form.imm),
            VectorInst::Blend { form, to, a, b, mask } => {
                let b = self.place(b);
                let imm = if form.vex { number(*mask) << 4 } else { 0 };
                self.binary(form.opcode, number(*to), number(*a), &b, imm);
            }
            VectorInst::Compare { form, a, b } => {
                let b = self.place(b);
                self.unary(form.opcode, number(*a), &b, form.imm);
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
                dynasm!(self.ops(); .arch x64; mov r11d, Rd(number(*from)));
                let opcode = if *double { Opcode::Cvtsi2sdWide } else { Opcode::Cvtsi2ssWide };
                self.scalar(opcode, number(*to), &Place::Register(abi::SCRATCH), 0);
            }
            VectorInst::Truncate { truncation, to, from, .. } => {
                self.truncate(*truncation, number(*to), number(*from));
            }
            VectorInst::ExtractSigned { form, to, from } => {
                let to = number(*to);
                self.unary(form.opcode, to, &Place::Register(number(*from)), form.imm);
                match form.opcode {
                    Opcode::Pextrb => dynasm!(self.ops(); .arch x64; movsx Rd(to), Rb(to)),
                    _ => dynasm!(self.ops(); .arch x64; movsx Rd(to), Rw(to)),
                }
            }
            VectorInst::ShiftCount { to, from, mask, extra, .. } => {
                let (mask, extra) = (mask.cast_signed(), extra.cast_signed());
                dynasm!(self.ops()
                    ; .arch x64
                    ; mov r11d, Rd(number(*from))
                    ; and r11d, BYTE mask
                );
                if extra != 0 {
                    dynasm!(self.ops(); .arch x64; add r11d, BYTE extra);
                }
                self.unary(Opcode::MovdFromInt, number(*to), &Place::Register(abi::SCRATCH), 0);
            }
        }
    }

    /// `to = op(a)`: a shift by a constant.
    fn shift(&mut self, opcode: Opcode, to: u8, a: u8, count: u8) {
        let vex = self.vex;
        if !vex && to != a {
            self.unary(Opcode::Movaps, to, &Place::Register(a), 0);
        }
        let (a, other) = if vex { (a, to) } else { (to, 0) };
        encode(self.ops(), vex, opcode, opcode.encoding().extension, other, &Place::Register(a), count);
    }

    /// `to` stays if the test fails, and becomes `a` otherwise.
    fn select(&mut self, to: u8, a: u8, test: Test) {
        if to == a {
            return;
        }
        let done = self.ops().new_dynamic_label();
        match test {
            Test::One(code) => self.jump_if(code.inverted(), done),
            Test::Both(one, two) => {
                self.jump_if(one.inverted(), done);
                self.jump_if(two.inverted(), done);
            }
            Test::Either(one, two) => {
                let changes = self.ops().new_dynamic_label();
                self.jump_if(one, changes);
                self.jump_if(two.inverted(), done);
                self.ops().dynamic_label(changes);
            }
        }
        self.unary(Opcode::Movaps, to, &Place::Register(a), 0);
        self.ops().dynamic_label(done);
    }

    /// A short jump to a label that is near.
    fn jump_if(&mut self, code: Cc, target: DynamicLabel) {
        let kind = X64Relocation::from_size(RelocationKind::Relative, RelocationSize::Byte);
        let ops = self.ops();
        ops.extend([0x70 | code as u8, 0]);
        ops.dynamic_relocation(target, 0, 1, 0, kind);
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
        let b = Place::Register(b);
        self.unary(compare, to, &b, 0);
        dynasm!(self.ops()
            ; .arch x64
            ; jne >differ
            ; jp >unordered
        );
        self.binary(if greater { Opcode::Andps } else { Opcode::Orps }, to, to, &b, 0);
        dynasm!(self.ops()
            ; .arch x64
            ; jmp >done
            ; unordered:
        );
        let nan = self.constant(canonical_nan(double));
        self.unary(if double { Opcode::Movsd } else { Opcode::Movss }, to, &nan, 0);
        dynasm!(self.ops()
            ; .arch x64
            ; jmp >done
            ; differ:
        );
        self.binary(extreme, to, to, &b, 0);
        dynasm!(self.ops(); .arch x64; done:);
    }

    /// `to` becomes canonical if it is a NaN.
    fn canonicalize(&mut self, double: bool, to: u8) {
        let (compare, load) =
            if double { (Opcode::Ucomisd, Opcode::Movsd) } else { (Opcode::Ucomiss, Opcode::Movss) };
        self.unary(compare, to, &Place::Register(to), 0);
        dynasm!(self.ops(); .arch x64; jnp >number);
        let nan = self.constant(canonical_nan(double));
        self.unary(load, to, &nan, 0);
        dynasm!(self.ops(); .arch x64; number:);
    }

    /// Half of a number whose highest bit is one is converted, and doubled. What gets lost in halving
    /// stays in the lowest bit, so that rounding sees it.
    fn convert_u64(&mut self, double: bool, to: u8, from: u8) {
        let (convert, add) = match double {
            false => (Opcode::Cvtsi2ssWide, Opcode::Addss),
            true => (Opcode::Cvtsi2sdWide, Opcode::Addsd),
        };
        dynasm!(self.ops()
            ; .arch x64
            ; test Rq(from), Rq(from)
            ; js >large
        );
        self.scalar(convert, to, &Place::Register(from), 0);
        dynasm!(self.ops()
            ; .arch x64
            ; jmp >done
            ; large:
            ; mov r11, Rq(from)
            ; shr r11, 1
            ; jnc >even
            ; or r11, 1
            ; even:
        );
        self.scalar(convert, to, &Place::Register(abi::SCRATCH), 0);
        self.binary(add, to, to, &Place::Register(to), 0);
        dynasm!(self.ops(); .arch x64; done:);
    }
}

/// Whether the operand is in a general-purpose register.
fn is_from_int(opcode: Opcode) -> bool {
    matches!(opcode, Opcode::Cvtsi2ss | Opcode::Cvtsi2ssWide | Opcode::Cvtsi2sd | Opcode::Cvtsi2sdWide)
}
