//! Floats and vectors as conditions, and selects of them.

use wz_decode::ops::{BinaryOp, UnaryOp};
use wz_jit::ir::{self, Op, Type, Value};
use wz_jit::mach::{Lower, Reg};

use crate::condition::{Cc, Condition, Test};
use crate::features::Features;
use crate::inst::Inst;
use crate::isa::X64Isa;

use super::inst::VectorInst;
use super::opcode::Opcode;
use super::selection::{Predicate, Selection};

/// The condition that a comparison of floats is. `is_only_use`: whether nobody else selects it, so that
/// a load may be folded.
///
/// The processor says "below" of what cannot be compared, so that "above" is what is asked for, with
/// the operands in the order that it needs.
pub fn compare(
    isa: &X64Isa,
    cx: &mut Lower<'_, X64Isa>,
    comparison: ir::Inst,
    is_only_use: bool,
) -> Condition {
    use BinaryOp::*;
    let Op::Binary(op) = cx.f.inst(comparison).op else { unreachable!("{comparison} is no comparison") };
    let args = cx.f.args(comparison);
    let (a, b) = (args[0], args[1]);
    let mut s = Selection::new(isa, cx);
    let double = matches!(op, F64Eq | F64Ne | F64Lt | F64Gt | F64Le | F64Ge);
    let (a, b, test) = match op {
        // Whether it is a number.
        F32Eq | F64Eq if a == b => (a, b, Test::One(Cc::Np)),
        F32Ne | F64Ne if a == b => (a, b, Test::One(Cc::P)),
        F32Eq | F64Eq => {
            let (a, b) = s.swapped(a, b);
            (a, b, Test::Both(Cc::E, Cc::Np))
        }
        F32Ne | F64Ne => {
            let (a, b) = s.swapped(a, b);
            (a, b, Test::Either(Cc::Ne, Cc::P))
        }
        F32Gt | F64Gt => (a, b, Test::One(Cc::A)),
        F32Lt | F64Lt => (b, a, Test::One(Cc::A)),
        F32Ge | F64Ge => (a, b, Test::One(Cc::Ae)),
        F32Le | F64Le => (b, a, Test::One(Cc::Ae)),
        _ => unreachable!("{op} compares no floats"),
    };
    let b = if is_only_use { s.source(b) } else { s.constant_or_reg(b) };
    let a = s.reg(a);
    let (producer, of) = s.comparison(if double { Opcode::Ucomisd } else { Opcode::Ucomiss }, a, b);
    Condition { producer, of, test }
}

/// Whether an operator tests a vector.
#[must_use]
pub const fn is_test(op: UnaryOp) -> bool {
    use UnaryOp::*;
    matches!(op, V128AnyTrue | I8x16AllTrue | I16x8AllTrue | I32x4AllTrue | I64x2AllTrue)
}

/// The condition that a test of a vector is. `is_only_use` is as above.
pub fn test(
    isa: &X64Isa,
    cx: &mut Lower<'_, X64Isa>,
    op: UnaryOp,
    value: Value,
    is_only_use: bool,
) -> Condition {
    let mut s = Selection::new(isa, cx);
    let equal = match op {
        UnaryOp::I8x16AllTrue => Opcode::Pcmpeqb,
        UnaryOp::I16x8AllTrue => Opcode::Pcmpeqw,
        UnaryOp::I32x4AllTrue => Opcode::Pcmpeqd,
        UnaryOp::I64x2AllTrue => Opcode::Pcmpeqq,
        _ => {
            let (a, b) = tested(&mut s, value);
            return tests(&mut s, a, b, Cc::Ne);
        }
    };
    // That no lane is equal to zero.
    let a = if is_only_use { s.source(value) } else { s.constant_or_reg(value) };
    let zero = s.zero();
    let zeros = s.binary(equal, zero, a);
    tests(&mut s, zeros, zeros, Cc::E)
}

/// Two registers such that the bits that both have are those of a vector.
fn tested(s: &mut Selection<'_, '_>, value: Value) -> (Reg, Reg) {
    if let Some(inst) = s.cx.pure_def(value)
        && s.cx.f.inst(inst).op == Op::Binary(BinaryOp::V128And)
        && s.cx.use_count(value) == 1
    {
        let args = s.cx.f.args(inst);
        return (s.reg(args[0]), s.reg(args[1]));
    }
    let a = s.reg(value);
    (a, a)
}

fn tests(s: &mut Selection<'_, '_>, a: Reg, b: Reg, code: Cc) -> Condition {
    let (producer, of) = s.comparison(Opcode::Ptest, a, b.into());
    Condition { producer, of, test: Test::One(code) }
}

/// Selects an [`Op::Select`] of floats by a comparison of such without a branch, if that is good.
/// False if not.
pub fn select_compared(isa: &X64Isa, cx: &mut Lower<'_, X64Isa>, inst: ir::Inst) -> bool {
    use BinaryOp::*;
    let [condition, a, b] = *cx.f.args(inst) else { return false };
    let double = match cx.ty(a) {
        Type::F32 => false,
        Type::F64 => true,
        Type::I32 | Type::I64 | Type::V128 => return false,
    };
    let Some(comparison) = cx.pure_def(condition) else { return false };
    let Op::Binary(op) = cx.f.inst(comparison).op else { return false };
    let args = cx.f.args(comparison);
    let (x, y) = (args[0], args[1]);
    if cx.ty(x) != cx.ty(a) {
        return false;
    }
    let (predicate, x, y) = match op {
        F32Eq | F64Eq => (Predicate::Equal, x, y),
        F32Ne | F64Ne => (Predicate::NotEqual, x, y),
        F32Lt | F64Lt => (Predicate::Less, x, y),
        F32Le | F64Le => (Predicate::LessOrEqual, x, y),
        F32Gt | F64Gt => (Predicate::Less, y, x),
        F32Ge | F64Ge => (Predicate::LessOrEqual, y, x),
        _ => return false,
    };
    let mut s = Selection::new(isa, cx);
    let to = s.cx.result(inst);
    if predicate == Predicate::Less && ((a, b) == (x, y) || (a, b) == (y, x)) {
        // The processor takes the second operand unless the first is less, or greater.
        let (least, greatest) =
            if double { (Opcode::Minsd, Opcode::Maxsd) } else { (Opcode::Minss, Opcode::Maxss) };
        let opcode = if a == x { least } else { greatest };
        let (a, b) = (s.reg(a), s.reg(b));
        s.binary_to(to, opcode, a, b);
        return true;
    }
    if !s.vex {
        return false;
    }
    let (x, y) = (s.reg(x), s.constant_or_reg(y));
    let mask = s.compare_scalar(double, predicate, x, y);
    if s.cx.f.constant(b) == Some(0) {
        let a = s.constant_or_reg(a);
        s.binary_to(to, Opcode::Andps, mask, a);
    } else if s.cx.f.constant(a) == Some(0) {
        let b = s.constant_or_reg(b);
        s.binary_to(to, Opcode::Andnps, mask, b);
    } else {
        let (b, a) = (s.reg(b), s.constant_or_reg(a));
        s.blend_to(to, if double { Opcode::Blendvpd } else { Opcode::Blendvps }, b, a, mask);
    }
    true
}

/// Selects an [`Op::Select`] of floats or vectors, whose condition was made from its first operand.
pub fn select_by(isa: &X64Isa, cx: &mut Lower<'_, X64Isa>, inst: ir::Inst, condition: Condition) {
    let args = cx.f.args(inst);
    let (a, b) = (args[1], args[2]);
    // Rather overwrite what is used nowhere else.
    let (test, a, b) = if cx.use_count(a) == 1 && cx.use_count(b) > 1 {
        (condition.test.inverted(), b, a)
    } else {
        (condition.test, a, b)
    };
    let (a, b) = (cx.in_reg(a), cx.in_reg(b));
    let to = cx.result(inst);
    cx.push_of(condition.producer, condition.of.unwrap_or(inst));
    let vex = isa.features.has(Features::AVX);
    cx.push(Inst::Vector(VectorInst::Select { vex, to, a, b, test }));
}
