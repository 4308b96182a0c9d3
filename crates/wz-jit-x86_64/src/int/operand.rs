//! Operands of instructions over integers: constants, loads and registers.

use regalloc2::RegClass;
use wz_decode::ops::{BinaryOp, UnaryOp};
use wz_jit::ir::{self, Op, Type, Value};
use wz_jit::mach::{Lower, Reg};

use super::inst::{IntInst, Size};
use crate::address::Rm;
use crate::inst::Inst;
use crate::isa::X64Isa;
use crate::memory::fold_load;

/// What is selected from.
pub(super) type Cx<'a, 'b> = &'a mut Lower<'b, X64Isa>;

/// The register that an integer is in. What only clears the upper half of a register is looked
/// through: it is clear already.
pub fn in_reg(cx: Cx<'_, '_>, value: Value) -> Reg {
    let mut value = value;
    while let Some((UnaryOp::I64ExtendI32U, inner)) = unary_of(cx, value) {
        value = inner;
    }
    cx.in_reg(value)
}

/// A register with an operand in its lowest `size`. The upper half may be anything for
/// [`Size::S32`].
pub(super) fn low_in_reg(cx: Cx<'_, '_>, value: Value, size: Size) -> Reg {
    let value = low_of(cx, value, size);
    in_reg(cx, value)
}

/// The value itself, or a longer one of which only the low half is used.
pub(super) fn low_of(cx: Cx<'_, '_>, value: Value, size: Size) -> Value {
    match unary_of(cx, value) {
        Some((UnaryOp::I32WrapI64, inner)) if size == Size::S32 && cx.use_count(value) == 1 => inner,
        _ => value,
    }
}

/// A constant as an immediate operand, which is sign-extended.
pub(super) fn immediate(cx: Cx<'_, '_>, value: Value, size: Size) -> Option<i32> {
    let bits = cx.f.constant_int(value)?;
    match size {
        Size::S32 => Some(bits as u32 as i32),
        Size::S64 => i32::try_from(bits.cast_signed()).ok(),
    }
}

/// A load as an operand, and the instruction of the function that it is.
pub(super) fn load(isa: &X64Isa, cx: Cx<'_, '_>, value: Value, size: Size) -> Option<(Rm, ir::Inst)> {
    let (address, load) = fold_load(isa, cx, value, size.bytes())?;
    Some((Rm::Memory(address), load))
}

/// An operand that may be a load, and the instruction of the function that does it.
pub(super) fn operand(isa: &X64Isa, cx: Cx<'_, '_>, value: Value, size: Size) -> (Rm, Option<ir::Inst>) {
    match load(isa, cx, value, size) {
        Some((memory, load)) => (memory, Some(load)),
        None => (Rm::Reg(low_in_reg(cx, value, size)), None),
    }
}

/// Adds an instruction that may do a load.
pub(super) fn push(cx: Cx<'_, '_>, inst: IntInst, load: Option<ir::Inst>) {
    match load {
        Some(load) => cx.push_of(Inst::Int(inst), load),
        None => cx.push(Inst::Int(inst)),
    }
}

/// A register for an intermediate result.
pub(super) fn temp(cx: Cx<'_, '_>) -> Reg {
    cx.temp(RegClass::Int)
}

/// A register with a constant.
pub(super) fn constant(cx: Cx<'_, '_>, bits: u64) -> Reg {
    let to = temp(cx);
    push_constant(cx, to, bits);
    to
}

pub(super) fn push_constant(cx: Cx<'_, '_>, to: Reg, bits: u64) {
    push(cx, IntInst::Constant { to, low: bits as u32, high: (bits >> 32) as u32 }, None);
}

/// The operands of a pure operator that computes a value.
pub(super) fn binary_of(cx: Cx<'_, '_>, value: Value) -> Option<(BinaryOp, Value, Value)> {
    let inst = cx.pure_def(value)?;
    match (cx.f.inst(inst).op, cx.f.args(inst)) {
        (Op::Binary(op), [a, b]) => Some((op, *a, *b)),
        _ => None,
    }
}

/// The same for operators with one operand.
pub(super) fn unary_of(cx: Cx<'_, '_>, value: Value) -> Option<(UnaryOp, Value)> {
    let inst = cx.pure_def(value)?;
    match (cx.f.inst(inst).op, cx.f.args(inst)) {
        (Op::Unary(op), [a]) => Some((op, *a)),
        _ => None,
    }
}

/// The integer operators with two operands, without their width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Add,
    Sub,
    Mul,
    DivS,
    DivU,
    RemS,
    RemU,
    And,
    Or,
    Xor,
    Shl,
    ShrS,
    ShrU,
    Rotl,
    Rotr,
}

impl Kind {
    /// The operator and its width, if it computes an integer from integers.
    pub(super) fn of(op: BinaryOp) -> Option<(Self, Size)> {
        use BinaryOp::*;
        use Size::{S32, S64};
        Some(match op {
            I32Add => (Self::Add, S32),
            I64Add => (Self::Add, S64),
            I32Sub => (Self::Sub, S32),
            I64Sub => (Self::Sub, S64),
            I32Mul => (Self::Mul, S32),
            I64Mul => (Self::Mul, S64),
            I32DivS => (Self::DivS, S32),
            I64DivS => (Self::DivS, S64),
            I32DivU => (Self::DivU, S32),
            I64DivU => (Self::DivU, S64),
            I32RemS => (Self::RemS, S32),
            I64RemS => (Self::RemS, S64),
            I32RemU => (Self::RemU, S32),
            I64RemU => (Self::RemU, S64),
            I32And => (Self::And, S32),
            I64And => (Self::And, S64),
            I32Or => (Self::Or, S32),
            I64Or => (Self::Or, S64),
            I32Xor => (Self::Xor, S32),
            I64Xor => (Self::Xor, S64),
            I32Shl => (Self::Shl, S32),
            I64Shl => (Self::Shl, S64),
            I32ShrS => (Self::ShrS, S32),
            I64ShrS => (Self::ShrS, S64),
            I32ShrU => (Self::ShrU, S32),
            I64ShrU => (Self::ShrU, S64),
            I32Rotl => (Self::Rotl, S32),
            I64Rotl => (Self::Rotl, S64),
            I32Rotr => (Self::Rotr, S32),
            I64Rotr => (Self::Rotr, S64),
            _ => return None,
        })
    }
}

/// The operands of a value, if this operator computes it and nothing else uses it.
pub(super) fn only_use_of(cx: Cx<'_, '_>, value: Value, kind: Kind, size: Size) -> Option<(Value, Value)> {
    if cx.use_count(value) != 1 {
        return None;
    }
    let (op, a, b) = binary_of(cx, value)?;
    (Kind::of(op) == Some((kind, size))).then_some((a, b))
}

/// The width of a type.
pub(super) fn size_of_type(ty: Type) -> Size {
    if ty == Type::I64 { Size::S64 } else { Size::S32 }
}
