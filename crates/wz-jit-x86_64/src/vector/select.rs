//! Selection for operators over floats and vectors: which group does what.

use wz_api::ValueType;
use wz_core::numeric::{MayBeNan, result_may_be_nan};
use wz_jit::ir::{self, Op, Type};
use wz_jit::mach::{Lower, Reg};

use crate::features::Features;
use crate::inst::Inst;
use crate::isa::X64Isa;

use super::inst::{Form, Source, VectorInst};
use super::opcode::Opcode;
use super::selection::Selection;
use super::{binary, lanes, shuffle, unary};

/// Whether operands and result are integers.
fn is_int(params: &[ValueType], result: ValueType) -> bool {
    params.iter().chain([&result]).all(|ty| matches!(ty, ValueType::I32 | ValueType::I64))
}

/// Selects an instruction if it is one over floats or vectors. False if it is not.
pub fn select(isa: &X64Isa, cx: &mut Lower<'_, X64Isa>, inst: ir::Inst) -> bool {
    let f = cx.f;
    let args = f.args(inst);
    match f.inst(inst).op {
        Op::Unary(op) if !is_int(op.params(), op.result()) => {
            let mut s = Selection::new(isa, cx);
            with_nan(&mut s, inst, op, |s, to| unary::select(s, op, to, args[0]));
        }
        Op::Binary(op) if !is_int(op.params(), op.result()) => {
            let mut s = Selection::new(isa, cx);
            with_nan(&mut s, inst, op, |s, to| binary::select(s, op, to, args[0], args[1]));
        }
        Op::Ternary(op) => {
            let mut s = Selection::new(isa, cx);
            with_nan(&mut s, inst, op, |s, to| lanes::ternary(s, op, to, [args[0], args[1], args[2]]));
        }
        Op::ExtractLane(op, lane) => {
            let mut s = Selection::new(isa, cx);
            let to = s.cx.result(inst);
            shuffle::extract_lane(&mut s, op, lane, to, args[0]);
        }
        Op::ReplaceLane(op, lane) => {
            let mut s = Selection::new(isa, cx);
            let to = s.cx.result(inst);
            shuffle::replace_lane(&mut s, op, lane, to, args[0], args[1]);
        }
        Op::Shuffle(id) => {
            let mut s = Selection::new(isa, cx);
            let to = s.cx.result(inst);
            shuffle::shuffle(&mut s, f.shuffles[id.index()], to, args[0], args[1]);
        }
        _ => return false,
    }
    true
}

/// Selects an operator. In deterministic mode, NaNs become canonical.
fn with_nan(
    s: &mut Selection<'_, '_>,
    inst: ir::Inst,
    op: impl MayBeNan,
    select: impl FnOnce(&mut Selection<'_, '_>, Reg),
) {
    let to = s.cx.result(inst);
    let floats = result_may_be_nan(op).filter(|_| s.isa.options.deterministic);
    match floats {
        None => select(s, to),
        Some(floats) => {
            let machine_made = s.temp();
            select(s, machine_made);
            s.canonicalize_to(to, machine_made, floats);
        }
    }
}

/// Puts a constant of type `f32`, `f64` or `v128` into a register. Leaves the flags alone.
pub fn select_constant(isa: &X64Isa, cx: &mut Lower<'_, X64Isa>, to: Reg, ty: Type, bits: u128) {
    let vex = isa.features.has(Features::AVX);
    let opcode = match ty {
        Type::F32 => Opcode::Movss,
        Type::F64 => Opcode::Movsd,
        Type::V128 | Type::I32 | Type::I64 => Opcode::Movaps,
    };
    cx.push(Inst::Vector(match bits {
        0 => VectorInst::Zero { vex, to },
        u128::MAX => VectorInst::Ones { vex, to },
        _ => VectorInst::Unary { form: Form { opcode, vex, imm: 0 }, to, from: Source::constant(bits) },
    }));
}
