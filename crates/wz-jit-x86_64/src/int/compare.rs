//! Selection of comparisons and conditions: an instruction that sets the flags, and what to ask of
//! them.

use wz_decode::ops::{BinaryOp, UnaryOp};
use wz_jit::ir::{Inst, Op, Value};
use wz_jit::mach::Lower;

use super::inst::{IntInst, Size};
use super::operand::{Cx, Kind, binary_of, immediate, load, low_in_reg, low_of, only_use_of, push, unary_of};
use crate::address::Rm;
use crate::condition::{Cc, Condition, Test};
use crate::inst::Inst as Machine;
use crate::isa::X64Isa;
use crate::vector;

/// The code for a comparison of integers, and their width.
fn comparison(op: BinaryOp) -> Option<(Cc, Size)> {
    use BinaryOp::*;
    use Size::{S32, S64};
    Some(match op {
        I32Eq => (Cc::E, S32),
        I32Ne => (Cc::Ne, S32),
        I32LtS => (Cc::L, S32),
        I32LtU => (Cc::B, S32),
        I32GtS => (Cc::G, S32),
        I32GtU => (Cc::A, S32),
        I32LeS => (Cc::Le, S32),
        I32LeU => (Cc::Be, S32),
        I32GeS => (Cc::Ge, S32),
        I32GeU => (Cc::Ae, S32),
        I64Eq => (Cc::E, S64),
        I64Ne => (Cc::Ne, S64),
        I64LtS => (Cc::L, S64),
        I64LtU => (Cc::B, S64),
        I64GtS => (Cc::G, S64),
        I64GtU => (Cc::A, S64),
        I64LeS => (Cc::Le, S64),
        I64LeU => (Cc::Be, S64),
        I64GeS => (Cc::Ge, S64),
        I64GeU => (Cc::Ae, S64),
        _ => return None,
    })
}

fn is_float_comparison(op: BinaryOp) -> bool {
    op.is_comparison() && comparison(op).is_none()
}

/// The code for the comparison with the operands swapped.
const fn swapped(code: Cc) -> Cc {
    match code {
        Cc::B => Cc::A,
        Cc::A => Cc::B,
        Cc::Be => Cc::Ae,
        Cc::Ae => Cc::Be,
        Cc::L => Cc::G,
        Cc::G => Cc::L,
        Cc::Le => Cc::Ge,
        Cc::Ge => Cc::Le,
        other => other,
    }
}

/// Whether a value of type `i32` is not zero, as a condition: comparisons are folded.
pub fn condition(isa: &X64Isa, cx: &mut Lower<'_, X64Isa>, value: Value) -> Condition {
    let (mut value, mut inverted) = (value, false);
    // Whether everything on the way is folded, so that loads may be.
    let mut is_only_use = true;
    let condition = loop {
        is_only_use &= cx.use_count(value) == 1;
        let Some(inst) = cx.pure_def(value) else { break None };
        let args = cx.f.args(inst);
        match cx.f.inst(inst).op {
            Op::Unary(UnaryOp::I32Eqz) => {
                value = args[0];
                inverted = !inverted;
            }
            Op::Unary(UnaryOp::I64Eqz) => {
                inverted = !inverted;
                break Some(is_not_zero(isa, cx, Size::S64, args[0], is_only_use));
            }
            Op::Unary(op) if vector::is_test(op) => {
                break Some(vector::test(isa, cx, op, args[0], is_only_use));
            }
            Op::Binary(op) if is_float_comparison(op) => {
                break Some(vector::compare(isa, cx, inst, is_only_use));
            }
            Op::Binary(op) => {
                break comparison(op).map(|op| compare(isa, cx, op, (args[0], args[1]), is_only_use));
            }
            _ => break None,
        }
    };
    // The operand of a branch or of `eqz`, which has no other use if `is_only_use`.
    let condition = match condition {
        Some(condition) => condition,
        None => is_not_zero(isa, cx, Size::S32, value, true),
    };
    if inverted { Condition { test: condition.test.inverted(), ..condition } } else { condition }
}

/// The condition of a branch that compares `x` with a constant, where `x + step` goes on to the next
/// round of a loop: that one is compared, so that `x` need not be kept beside it.
pub(super) fn next_round(cx: Cx<'_, '_>, branch: Inst, value: Value) -> Option<Condition> {
    let (code, size, x, constant) = match (unary_of(cx, value), binary_of(cx, value)) {
        (Some((UnaryOp::I32Eqz, x)), _) => (Cc::E, Size::S32, x, 0),
        (Some((UnaryOp::I64Eqz, x)), _) => (Cc::E, Size::S64, x, 0),
        (_, Some((op, x, constant))) => {
            let (code, size) = comparison(op)?;
            (code, size, x, cx.f.constant_int(constant)?)
        }
        _ => return None,
    };
    if !matches!(code, Cc::E | Cc::Ne) || cx.f.def_inst(x).is_some() {
        return None;
    }
    let f = cx.f;
    for edge in f.op_edges(f.inst(branch).op) {
        // What such a block passes on is known before the branch.
        let [jump] = *f.block_insts(f.edges[edge as usize].to) else { continue };
        let Op::Jump(edge) = f.inst(jump).op else { continue };
        for next in f.edge_args(edge) {
            let Some((op, of, step)) = binary_of(cx, *next) else { continue };
            if Kind::of(op) != Some((Kind::Add, size)) || of != x {
                continue;
            }
            let step = f.constant_int(step)?;
            let bits = constant.wrapping_add(step);
            let right = match size {
                Size::S32 => Some(bits as u32 as i32),
                Size::S64 => i32::try_from(bits.cast_signed()).ok(),
            };
            let right = right?;
            let left = Rm::Reg(low_in_reg(cx, *next, size));
            let producer = match right {
                0 => IntInst::IsZero { size, from: left },
                _ => IntInst::CmpImm { size, left, right },
            };
            return Some(one(producer, None, code));
        }
    }
    None
}

/// Selects a comparison or `eqz` whose result is used as a number.
pub(super) fn set(isa: &X64Isa, cx: Cx<'_, '_>, inst: Inst) {
    let to = cx.result(inst);
    let args = cx.f.args(inst);
    let condition = match cx.f.inst(inst).op {
        Op::Unary(UnaryOp::I32Eqz) => invert(condition(isa, cx, args[0])),
        Op::Unary(_) => invert(is_not_zero(isa, cx, Size::S64, args[0], true)),
        Op::Binary(op) => match comparison(op) {
            Some(op) => compare(isa, cx, op, (args[0], args[1]), true),
            None => vector::compare(isa, cx, inst, true),
        },
        op => unreachable!("{op:?} is no comparison"),
    };
    push_producer(cx, &condition);
    push(cx, IntInst::Set { test: condition.test, to }, None);
}

fn invert(condition: Condition) -> Condition {
    Condition { test: condition.test.inverted(), ..condition }
}

/// Adds what sets the flags.
pub(super) fn push_producer(cx: Cx<'_, '_>, condition: &Condition) {
    match condition.of {
        Some(load) => cx.push_of(condition.producer.clone(), load),
        None => cx.push(condition.producer.clone()),
    }
}

fn one(producer: IntInst, of: Option<Inst>, code: Cc) -> Condition {
    Condition { producer: Machine::Int(producer), of, test: Test::One(code) }
}

/// A comparison of integers. Loads may be folded if nothing but the instruction that is selected
/// uses the comparison.
fn compare(
    isa: &X64Isa,
    cx: Cx<'_, '_>,
    (code, size): (Cc, Size),
    (a, b): (Value, Value),
    is_only_use: bool,
) -> Condition {
    let (code, a, b) = match cx.f.constant_int(a) {
        Some(_) if cx.f.constant_int(b).is_none() => (swapped(code), b, a),
        _ => (code, a, b),
    };
    if let Some(right) = immediate(cx, b, size) {
        if right == 0 {
            return compare_zero(isa, cx, code, size, a, is_only_use);
        }
        let (left, of) = match load_if(isa, cx, a, size, is_only_use) {
            Some((memory, load)) => (memory, Some(load)),
            None => (Rm::Reg(low_in_reg(cx, a, size)), None),
        };
        return one(IntInst::CmpImm { size, left, right }, of, code);
    }
    if let Some((right, load)) = load_if(isa, cx, b, size, is_only_use) {
        let left = low_in_reg(cx, a, size);
        return one(IntInst::Cmp { size, left, right }, Some(load), code);
    }
    if let Some((right, load)) = load_if(isa, cx, a, size, is_only_use) {
        let left = low_in_reg(cx, b, size);
        return one(IntInst::Cmp { size, left, right }, Some(load), swapped(code));
    }
    let left = low_in_reg(cx, a, size);
    let right = Rm::Reg(low_in_reg(cx, b, size));
    one(IntInst::Cmp { size, left, right }, None, code)
}

fn load_if(isa: &X64Isa, cx: Cx<'_, '_>, value: Value, size: Size, may: bool) -> Option<(Rm, Inst)> {
    if may { load(isa, cx, value, size) } else { None }
}

fn is_not_zero(isa: &X64Isa, cx: Cx<'_, '_>, size: Size, value: Value, is_only_use: bool) -> Condition {
    compare_zero(isa, cx, Cc::Ne, size, value, is_only_use)
}

/// A comparison with zero. That of an `and` is a test.
fn compare_zero(
    isa: &X64Isa,
    cx: Cx<'_, '_>,
    code: Cc,
    size: Size,
    value: Value,
    is_only_use: bool,
) -> Condition {
    let value = low_of(cx, value, size);
    if let Some((a, b)) = only_use_of(cx, value, Kind::And, size) {
        return test(isa, cx, code, size, (a, b), is_only_use);
    }
    let (left, of) = match load_if(isa, cx, value, size, is_only_use) {
        Some((memory, load)) => (memory, Some(load)),
        None => (Rm::Reg(low_in_reg(cx, value, size)), None),
    };
    let producer = match code {
        Cc::E | Cc::Ne => IntInst::IsZero { size, from: left },
        _ => IntInst::CmpImm { size, left, right: 0 },
    };
    one(producer, of, code)
}

/// A comparison of `a & b` with zero.
fn test(
    isa: &X64Isa,
    cx: Cx<'_, '_>,
    code: Cc,
    size: Size,
    (a, b): (Value, Value),
    is_only_use: bool,
) -> Condition {
    let (a, b) = if cx.f.constant_int(a).is_some() { (b, a) } else { (a, b) };
    let is_equality = matches!(code, Cc::E | Cc::Ne);
    if let Some(bits) = cx.f.constant_int(b) {
        let fits = i32::try_from(bits.cast_signed()).is_ok();
        let (size, right) = match size {
            Size::S32 => (size, Some(bits as u32 as i32)),
            // 32 bits tell as much if no others are tested, and the sign is none of them.
            Size::S64 if bits <= 0x7fff_ffff || bits <= u32::MAX.into() && is_equality => {
                (Size::S32, Some(bits as u32 as i32))
            }
            Size::S64 => (size, fits.then_some(bits as i32)),
        };
        if let Some(right) = right {
            let (left, of) = match load_if(isa, cx, a, size, is_only_use) {
                Some((memory, load)) => (memory, Some(load)),
                None => (Rm::Reg(low_in_reg(cx, a, size)), None),
            };
            return match (left, u8::try_from(right)) {
                (Rm::Reg(left), Ok(right)) if is_equality => one(IntInst::TestByte { left, right }, of, code),
                (left, _) => one(IntInst::TestImm { size, left, right }, of, code),
            };
        }
        if bits.is_power_of_two() && is_equality {
            let from = low_in_reg(cx, a, size);
            let bit = bits.trailing_zeros() as u8;
            return one(IntInst::BitTestImm { size, from, bit }, None, carry(code));
        }
    }
    if is_equality {
        for (x, y) in [(a, b), (b, a)] {
            // x & (1 << n)
            if let Some((unit, bit)) = only_use_of(cx, y, Kind::Shl, size)
                && cx.f.constant_int(unit) == Some(1)
            {
                let (from, bit) = (low_in_reg(cx, x, size), low_in_reg(cx, bit, size));
                return one(IntInst::BitTest { size, from, bit }, None, carry(code));
            }
            // (x >> n) & 1
            if cx.f.constant_int(y) == Some(1)
                && let Some((from, bit)) = only_use_of(cx, x, Kind::ShrU, size)
                && cx.f.constant_int(bit).is_none()
            {
                let (from, bit) = (low_in_reg(cx, from, size), low_in_reg(cx, bit, size));
                return one(IntInst::BitTest { size, from, bit }, None, carry(code));
            }
        }
    }
    let (right, of) = match load_if(isa, cx, b, size, is_only_use) {
        Some((memory, load)) => (memory, Some(load)),
        None => (Rm::Reg(low_in_reg(cx, b, size)), None),
    };
    let left = low_in_reg(cx, a, size);
    one(IntInst::Test { size, left, right }, of, code)
}

/// What to ask of the carry if a bit that was tested is to be zero, or not.
const fn carry(code: Cc) -> Cc {
    if matches!(code, Cc::E) { Cc::Ae } else { Cc::B }
}
