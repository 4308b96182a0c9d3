//! Selection for operators over integers.

use wz_decode::ops::UnaryOp::{self, *};
use wz_jit::ir::{self, Op, Type};
use wz_jit::mach::{Lower, Reg};

use super::inst::{CountOp, Extension, IntInst, Size};
use super::operand::{Kind, in_reg, load, low_in_reg, operand, push, push_constant};
use super::{arithmetic, bits, compare, control, divide, shift};
use crate::address::Rm;
use crate::isa::X64Isa;

/// Selects an instruction if it is one of these. False if it is not.
pub fn select(isa: &X64Isa, cx: &mut Lower<'_, X64Isa>, inst: ir::Inst) -> bool {
    match cx.f.inst(inst).op {
        Op::Unary(op) => unary(isa, cx, inst, op),
        Op::Binary(op) => {
            let [a, b] = *cx.f.args(inst) else { return false };
            let Some((kind, size)) = Kind::of(op) else {
                if op.is_comparison() {
                    compare::set(isa, cx, inst);
                    return true;
                }
                return false;
            };
            match kind {
                Kind::Add => arithmetic::add(isa, cx, inst, size, a, b),
                Kind::Sub => arithmetic::sub(isa, cx, inst, size, a, b),
                Kind::Mul => arithmetic::mul(isa, cx, inst, size, a, b),
                Kind::And => bits::and(isa, cx, inst, size, a, b),
                Kind::Or => bits::or(isa, cx, inst, size, a, b),
                Kind::Xor => bits::xor(isa, cx, inst, size, a, b),
                Kind::Shl | Kind::ShrS | Kind::ShrU | Kind::Rotl | Kind::Rotr => {
                    shift::shift(isa, cx, inst, (kind, size), a, b);
                }
                Kind::DivS | Kind::DivU | Kind::RemS | Kind::RemU => {
                    divide::divide(isa, cx, inst, (kind, size), a, b);
                }
            }
            true
        }
        Op::Select => {
            control::select(isa, cx, inst);
            true
        }
        Op::Branch(_) => {
            control::branch(isa, cx, inst);
            true
        }
        Op::Switch(id) => {
            control::switch(cx, inst, id);
            true
        }
        _ => false,
    }
}

/// Puts an integer constant into a register. Leaves the flags alone only if `bits` is not 0.
pub fn select_constant(_: &X64Isa, cx: &mut Lower<'_, X64Isa>, to: Reg, ty: Type, bits: u64) {
    push_constant(cx, to, if ty == Type::I32 { bits & u64::from(u32::MAX) } else { bits });
}

fn unary(isa: &X64Isa, cx: &mut Lower<'_, X64Isa>, inst: ir::Inst, op: UnaryOp) -> bool {
    let a = cx.f.args(inst)[0];
    match op {
        I32Eqz | I64Eqz => compare::set(isa, cx, inst),
        I32Clz => bits::count(isa, cx, inst, CountOp::Lzcnt, Size::S32, a),
        I64Clz => bits::count(isa, cx, inst, CountOp::Lzcnt, Size::S64, a),
        I32Ctz => bits::count(isa, cx, inst, CountOp::Tzcnt, Size::S32, a),
        I64Ctz => bits::count(isa, cx, inst, CountOp::Tzcnt, Size::S64, a),
        I32Popcnt => bits::count(isa, cx, inst, CountOp::Popcnt, Size::S32, a),
        I64Popcnt => bits::count(isa, cx, inst, CountOp::Popcnt, Size::S64, a),
        I64ExtendI32U => {
            let to = cx.result(inst);
            // A load clears the upper half, and any other operator has.
            match load(isa, cx, a, Size::S32) {
                Some((from, load)) => push(cx, IntInst::Extend { op: Extension::U32, to, from }, Some(load)),
                None => {
                    let from = in_reg(cx, a);
                    push(cx, IntInst::Alias { to, from }, None);
                }
            }
        }
        I64ExtendI32S => {
            let to = cx.result(inst);
            let (from, load) = operand(isa, cx, a, Size::S32);
            push(cx, IntInst::Extend { op: Extension::S32To64, to, from }, load);
        }
        I32WrapI64 => extend(cx, inst, Extension::U32, a),
        I64Extend32S => extend(cx, inst, Extension::S32To64, a),
        I32Extend8S => extend(cx, inst, Extension::S8To32, a),
        I32Extend16S => extend(cx, inst, Extension::S16To32, a),
        I64Extend8S => extend(cx, inst, Extension::S8To64, a),
        I64Extend16S => extend(cx, inst, Extension::S16To64, a),
        _ => return false,
    }
    true
}

/// An extension of what is in a register.
fn extend(cx: &mut Lower<'_, X64Isa>, inst: ir::Inst, op: Extension, a: ir::Value) {
    let to = cx.result(inst);
    let from = Rm::Reg(low_in_reg(cx, a, Size::S32));
    push(cx, IntInst::Extend { op, to, from }, None);
}
