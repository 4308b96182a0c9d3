//! [`Selection`]: what instructions over vectors are selected with. Methods that end in `_to` write
//! a given register, the others a new one, which they give.

use regalloc2::RegClass;
use wz_core::numeric::Floats;
use wz_jit::ir::{self, Type, Value};
use wz_jit::mach::{Lower, Reg};

use crate::features::Features;
use crate::inst::Inst;
use crate::isa::X64Isa;
use crate::memory;

use super::code::canonical_nan;
use super::inst::{Form, Source, VectorInst};
use super::opcode::{COMMUTES, Opcode};

/// What compares lanes of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Predicate {
    Equal = 0,
    Less = 1,
    LessOrEqual = 2,
    Unordered = 3,
    NotEqual = 4,
    NotLess = 5,
}

/// The selection of one instruction of the function.
pub(super) struct Selection<'a, 'b> {
    pub(super) isa: &'a X64Isa,
    pub(super) cx: &'a mut Lower<'b, X64Isa>,
    /// Whether instructions are in their VEX form.
    pub(super) vex: bool,
    /// The load that was folded. There is at most one.
    folded: Option<ir::Inst>,
}

impl<'a, 'b> Selection<'a, 'b> {
    pub(super) fn new(isa: &'a X64Isa, cx: &'a mut Lower<'b, X64Isa>) -> Self {
        let vex = isa.features.has(Features::AVX);
        Self { isa, cx, vex, folded: None }
    }

    pub(super) fn has(&self, features: Features) -> bool {
        self.isa.features.has(features)
    }

    // Operands.

    pub(super) fn temp(&mut self) -> Reg {
        self.cx.temp(RegClass::Float)
    }

    /// The register that an operand is in.
    pub(super) fn reg(&mut self, value: Value) -> Reg {
        self.cx.in_reg(value)
    }

    /// An operand that may be a constant or, if it has no other use, a load. It must be used by one
    /// instruction.
    pub(super) fn source(&mut self, value: Value) -> Source {
        if let Some(constant) = self.constant_source(value) {
            return constant;
        }
        let bytes = self.cx.ty(value).bits() / 8;
        // Without VEX, 16 bytes in memory would have to be aligned.
        if (bytes < 16 || self.vex)
            && let Some((address, load)) = memory::fold_load(self.isa, self.cx, value, bytes)
        {
            debug_assert!(self.folded.is_none(), "two loads are folded");
            self.folded = Some(load);
            return Source::Memory(address);
        }
        self.reg(value).into()
    }

    /// An operand that may be a constant. It may be used by any number of instructions.
    pub(super) fn constant_or_reg(&mut self, value: Value) -> Source {
        self.constant_source(value).unwrap_or_else(|| self.reg(value).into())
    }

    fn constant_source(&self, value: Value) -> Option<Source> {
        // Zero in a register costs nothing.
        let is_float = matches!(self.cx.ty(value), Type::F32 | Type::F64 | Type::V128);
        let bits = self.cx.f.constant(value).filter(|bits| *bits != 0 && is_float)?;
        Some(Source::constant(bits))
    }

    /// Two operands, swapped if only the first can be a memory operand.
    pub(super) fn swapped(&self, a: Value, b: Value) -> (Value, Value) {
        let foldable = |value: Value| {
            self.cx.f.constant(value).is_some()
                || self.cx.foldable_load(value).is_some() && (self.vex || self.cx.ty(value) != Type::V128)
        };
        if foldable(a) && !foldable(b) { (b, a) } else { (a, b) }
    }

    // Instructions.

    pub(super) fn push(&mut self, inst: VectorInst) {
        self.cx.push(Inst::Vector(inst));
    }

    /// Adds an instruction with an operand that may be the folded load.
    fn push_with(&mut self, source: Source, inst: VectorInst) {
        match (source, self.folded) {
            (Source::Memory(_), Some(load)) => self.cx.push_of(Inst::Vector(inst), load),
            _ => self.push(inst),
        }
    }

    pub(super) fn form(&self, opcode: Opcode, imm: u8) -> Form {
        Form { opcode, vex: self.vex, imm }
    }

    pub(super) fn move_to(&mut self, to: Reg, from: Reg) {
        self.push(VectorInst::Move(to, from));
    }

    pub(super) fn zero(&mut self) -> Reg {
        let to = self.temp();
        self.push(VectorInst::Zero { vex: self.vex, to });
        to
    }

    pub(super) fn ones(&mut self) -> Reg {
        let to = self.temp();
        self.push(VectorInst::Ones { vex: self.vex, to });
        to
    }

    /// A constant in a register.
    pub(super) fn constant(&mut self, bits: u128) -> Reg {
        self.unary(Opcode::Movaps, Source::constant(bits), 0)
    }

    pub(super) fn unary_to(&mut self, to: Reg, opcode: Opcode, from: impl Into<Source>, imm: u8) {
        let (form, from) = (self.form(opcode, imm), from.into());
        self.push_with(from, VectorInst::Unary { form, to, from });
    }

    pub(super) fn unary(&mut self, opcode: Opcode, from: impl Into<Source>, imm: u8) -> Reg {
        let to = self.temp();
        self.unary_to(to, opcode, from, imm);
        to
    }

    /// An instruction that writes the low lane only.
    pub(super) fn scalar_to(&mut self, to: Reg, opcode: Opcode, from: impl Into<Source>, imm: u8) {
        let (form, from) = (self.form(opcode, imm), from.into());
        self.push_with(from, VectorInst::Scalar { form, to, from });
    }

    pub(super) fn binary_imm_to(&mut self, to: Reg, opcode: Opcode, a: Reg, b: impl Into<Source>, imm: u8) {
        let (form, b) = (self.form(opcode, imm), b.into());
        self.push_with(b, VectorInst::Binary { form, to, a, b });
    }

    pub(super) fn binary_imm(&mut self, opcode: Opcode, a: Reg, b: impl Into<Source>, imm: u8) -> Reg {
        let to = self.temp();
        self.binary_imm_to(to, opcode, a, b, imm);
        to
    }

    pub(super) fn binary_to(&mut self, to: Reg, opcode: Opcode, a: Reg, b: impl Into<Source>) {
        self.binary_imm_to(to, opcode, a, b, 0);
    }

    pub(super) fn binary(&mut self, opcode: Opcode, a: Reg, b: impl Into<Source>) -> Reg {
        self.binary_imm(opcode, a, b, 0)
    }

    /// An instruction of two operands of the operator.
    pub(super) fn values_to(&mut self, to: Reg, opcode: Opcode, a: Value, b: Value) {
        let (a, b) = if opcode.encoding().has(COMMUTES) { self.swapped(a, b) } else { (a, b) };
        let b = self.source(b);
        let a = self.reg(a);
        self.binary_to(to, opcode, a, b);
    }

    /// The same.
    pub(super) fn values(&mut self, opcode: Opcode, a: Value, b: Value) -> Reg {
        let to = self.temp();
        self.values_to(to, opcode, a, b);
        to
    }

    /// A shift of lanes by a constant.
    pub(super) fn shift_to(&mut self, to: Reg, opcode: Opcode, a: Reg, count: u8) {
        let form = self.form(opcode, count);
        self.push(VectorInst::Shift { form, to, a });
    }

    pub(super) fn shift(&mut self, opcode: Opcode, a: Reg, count: u8) -> Reg {
        let to = self.temp();
        self.shift_to(to, opcode, a, count);
        to
    }

    /// `mask ? b : a`, by the highest bit of each byte, or of each lane of `f32` or `f64`.
    pub(super) fn blend_to(&mut self, to: Reg, opcode: Opcode, a: Reg, b: impl Into<Source>, mask: Reg) {
        let opcode = match opcode {
            Opcode::Pblendvb if self.vex => Opcode::Vpblendvb,
            Opcode::Blendvps if self.vex => Opcode::Vblendvps,
            Opcode::Blendvpd if self.vex => Opcode::Vblendvpd,
            other => other,
        };
        let (form, b) = (self.form(opcode, 0), b.into());
        self.push_with(b, VectorInst::Blend { form, to, a, b, mask });
    }

    /// An instruction that sets the flags, and the load that it does, if any.
    pub(super) fn comparison(&mut self, opcode: Opcode, a: Reg, b: Source) -> (Inst, Option<ir::Inst>) {
        let form = self.form(opcode, 0);
        let of = self.folded.filter(|_| matches!(b, Source::Memory(_)));
        (Inst::Vector(VectorInst::Compare { form, a, b }), of)
    }

    // Sequences.

    /// Inverts every bit.
    pub(super) fn not_to(&mut self, to: Reg, a: Reg) {
        self.binary_to(to, Opcode::Pxor, a, Source::constant(u128::MAX));
    }

    /// Compares lanes of numbers.
    pub(super) fn compare(
        &mut self,
        double: bool,
        predicate: Predicate,
        a: Reg,
        b: impl Into<Source>,
    ) -> Reg {
        let opcode = if double { Opcode::Cmppd } else { Opcode::Cmpps };
        self.binary_imm(opcode, a, b, predicate as u8)
    }

    /// Compares single numbers.
    pub(super) fn compare_scalar(
        &mut self,
        double: bool,
        predicate: Predicate,
        a: Reg,
        b: impl Into<Source>,
    ) -> Reg {
        let opcode = if double { Opcode::Cmpsd } else { Opcode::Cmpss };
        self.binary_imm(opcode, a, b, predicate as u8)
    }

    /// Replaces the lanes where a mask has ones by the canonical NaN.
    pub(super) fn replace_nan_to(&mut self, to: Reg, double: bool, a: Reg, mask: Reg) {
        let nan = canonical_nan(double);
        if self.vex {
            self.blend_to(to, Opcode::Blendvps, a, Source::constant(nan), mask);
        } else {
            // Ones, of which those go that the NaN has not.
            let ones = self.binary(Opcode::Orps, a, mask);
            let excess = self.binary(Opcode::Andps, mask, Source::constant(!nan));
            self.binary_to(to, Opcode::Xorps, ones, excess);
        }
    }

    /// Makes NaNs canonical.
    pub(super) fn canonicalize_to(&mut self, to: Reg, from: Reg, floats: Floats) {
        let vex = self.vex;
        match floats {
            Floats::F32 => self.push(VectorInst::Canonicalize { vex, double: false, to, from }),
            Floats::F64 => self.push(VectorInst::Canonicalize { vex, double: true, to, from }),
            Floats::F32x4 | Floats::F64x2 => {
                let double = floats == Floats::F64x2;
                let mask = self.compare(double, Predicate::Unordered, from, from);
                self.replace_nan_to(to, double, from, mask);
            }
        }
    }
}
