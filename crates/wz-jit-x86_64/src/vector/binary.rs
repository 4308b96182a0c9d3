//! Selection for operators with two operands, except comparisons of single numbers.

use wz_decode::ops::BinaryOp;
use wz_jit::ir::Value;
use wz_jit::mach::Reg;

use super::opcode::Opcode;
use super::selection::{Predicate, Selection};
use super::{lanes, scalar, shift, shuffle};

/// Selects an operator.
pub(super) fn select(s: &mut Selection<'_, '_>, op: BinaryOp, to: Reg, a: Value, b: Value) {
    use BinaryOp::*;
    use Opcode as O;
    match op {
        F32Add => scalar::commuted(s, O::Addss, to, a, b),
        F32Sub => s.values_to(to, O::Subss, a, b),
        F32Mul => scalar::commuted(s, O::Mulss, to, a, b),
        F32Div => s.values_to(to, O::Divss, a, b),
        F32Min => scalar::extreme(s, false, false, to, a, b),
        F32Max => scalar::extreme(s, false, true, to, a, b),
        F32Copysign => scalar::copysign(s, false, to, a, b),
        F64Add => scalar::commuted(s, O::Addsd, to, a, b),
        F64Sub => s.values_to(to, O::Subsd, a, b),
        F64Mul => scalar::commuted(s, O::Mulsd, to, a, b),
        F64Div => s.values_to(to, O::Divsd, a, b),
        F64Min => scalar::extreme(s, true, false, to, a, b),
        F64Max => scalar::extreme(s, true, true, to, a, b),
        F64Copysign => scalar::copysign(s, true, to, a, b),

        I8x16Swizzle | I8x16RelaxedSwizzle => shuffle::swizzle(s, to, a, b),

        I8x16Eq => s.values_to(to, O::Pcmpeqb, a, b),
        I16x8Eq => s.values_to(to, O::Pcmpeqw, a, b),
        I32x4Eq => s.values_to(to, O::Pcmpeqd, a, b),
        I64x2Eq => s.values_to(to, O::Pcmpeqq, a, b),
        I8x16Ne => lanes::not_equal(s, O::Pcmpeqb, to, a, b),
        I16x8Ne => lanes::not_equal(s, O::Pcmpeqw, to, a, b),
        I32x4Ne => lanes::not_equal(s, O::Pcmpeqd, to, a, b),
        I64x2Ne => lanes::not_equal(s, O::Pcmpeqq, to, a, b),
        I8x16GtS => s.values_to(to, O::Pcmpgtb, a, b),
        I16x8GtS => s.values_to(to, O::Pcmpgtw, a, b),
        I32x4GtS => s.values_to(to, O::Pcmpgtd, a, b),
        I64x2GtS => lanes::greater_i64x2(s, to, a, b, true),
        I8x16LtS => s.values_to(to, O::Pcmpgtb, b, a),
        I16x8LtS => s.values_to(to, O::Pcmpgtw, b, a),
        I32x4LtS => s.values_to(to, O::Pcmpgtd, b, a),
        I64x2LtS => lanes::greater_i64x2(s, to, b, a, true),
        I64x2LeS => lanes::greater_i64x2(s, to, a, b, false),
        I64x2GeS => lanes::greater_i64x2(s, to, b, a, false),
        // The operand that is the lesser is not greater.
        I8x16LeS => lanes::is_extreme(s, O::Pminsb, O::Pcmpeqb, to, a, b, true),
        I8x16LeU => lanes::is_extreme(s, O::Pminub, O::Pcmpeqb, to, a, b, true),
        I16x8LeS => lanes::is_extreme(s, O::Pminsw, O::Pcmpeqw, to, a, b, true),
        I16x8LeU => lanes::is_extreme(s, O::Pminuw, O::Pcmpeqw, to, a, b, true),
        I32x4LeS => lanes::is_extreme(s, O::Pminsd, O::Pcmpeqd, to, a, b, true),
        I32x4LeU => lanes::is_extreme(s, O::Pminud, O::Pcmpeqd, to, a, b, true),
        I8x16GeS => lanes::is_extreme(s, O::Pmaxsb, O::Pcmpeqb, to, a, b, true),
        I8x16GeU => lanes::is_extreme(s, O::Pmaxub, O::Pcmpeqb, to, a, b, true),
        I16x8GeS => lanes::is_extreme(s, O::Pmaxsw, O::Pcmpeqw, to, a, b, true),
        I16x8GeU => lanes::is_extreme(s, O::Pmaxuw, O::Pcmpeqw, to, a, b, true),
        I32x4GeS => lanes::is_extreme(s, O::Pmaxsd, O::Pcmpeqd, to, a, b, true),
        I32x4GeU => lanes::is_extreme(s, O::Pmaxud, O::Pcmpeqd, to, a, b, true),
        I8x16LtU => lanes::is_extreme(s, O::Pmaxub, O::Pcmpeqb, to, a, b, false),
        I16x8LtU => lanes::is_extreme(s, O::Pmaxuw, O::Pcmpeqw, to, a, b, false),
        I32x4LtU => lanes::is_extreme(s, O::Pmaxud, O::Pcmpeqd, to, a, b, false),
        I8x16GtU => lanes::is_extreme(s, O::Pminub, O::Pcmpeqb, to, a, b, false),
        I16x8GtU => lanes::is_extreme(s, O::Pminuw, O::Pcmpeqw, to, a, b, false),
        I32x4GtU => lanes::is_extreme(s, O::Pminud, O::Pcmpeqd, to, a, b, false),

        F32x4Eq => compare(s, false, Predicate::Equal, to, a, b),
        F32x4Ne => compare(s, false, Predicate::NotEqual, to, a, b),
        F32x4Lt => compare(s, false, Predicate::Less, to, a, b),
        F32x4Gt => compare(s, false, Predicate::Less, to, b, a),
        F32x4Le => compare(s, false, Predicate::LessOrEqual, to, a, b),
        F32x4Ge => compare(s, false, Predicate::LessOrEqual, to, b, a),
        F64x2Eq => compare(s, true, Predicate::Equal, to, a, b),
        F64x2Ne => compare(s, true, Predicate::NotEqual, to, a, b),
        F64x2Lt => compare(s, true, Predicate::Less, to, a, b),
        F64x2Gt => compare(s, true, Predicate::Less, to, b, a),
        F64x2Le => compare(s, true, Predicate::LessOrEqual, to, a, b),
        F64x2Ge => compare(s, true, Predicate::LessOrEqual, to, b, a),

        V128And => s.values_to(to, O::Pand, a, b),
        V128AndNot if let Some(bits) = s.cx.f.constant(b) => scalar::masked(s, O::Pand, to, a, !bits),
        // The processor inverts the first operand.
        V128AndNot => s.values_to(to, O::Pandn, b, a),
        V128Or => s.values_to(to, O::Por, a, b),
        V128Xor => s.values_to(to, O::Pxor, a, b),

        I8x16NarrowI16x8S => s.values_to(to, O::Packsswb, a, b),
        I8x16NarrowI16x8U => s.values_to(to, O::Packuswb, a, b),
        I16x8NarrowI32x4S => s.values_to(to, O::Packssdw, a, b),
        I16x8NarrowI32x4U => s.values_to(to, O::Packusdw, a, b),

        I8x16Shl | I8x16ShrS | I8x16ShrU | I16x8Shl | I16x8ShrS | I16x8ShrU | I32x4Shl | I32x4ShrS
        | I32x4ShrU | I64x2Shl | I64x2ShrS | I64x2ShrU => shift::select(s, op, to, a, b),

        I8x16Add => s.values_to(to, O::Paddb, a, b),
        I8x16AddSatS => s.values_to(to, O::Paddsb, a, b),
        I8x16AddSatU => s.values_to(to, O::Paddusb, a, b),
        I8x16Sub => s.values_to(to, O::Psubb, a, b),
        I8x16SubSatS => s.values_to(to, O::Psubsb, a, b),
        I8x16SubSatU => s.values_to(to, O::Psubusb, a, b),
        I8x16MinS => s.values_to(to, O::Pminsb, a, b),
        I8x16MinU => s.values_to(to, O::Pminub, a, b),
        I8x16MaxS => s.values_to(to, O::Pmaxsb, a, b),
        I8x16MaxU => s.values_to(to, O::Pmaxub, a, b),
        I8x16AvgrU => s.values_to(to, O::Pavgb, a, b),
        I16x8Add => s.values_to(to, O::Paddw, a, b),
        I16x8AddSatS => s.values_to(to, O::Paddsw, a, b),
        I16x8AddSatU => s.values_to(to, O::Paddusw, a, b),
        I16x8Sub => s.values_to(to, O::Psubw, a, b),
        I16x8SubSatS => s.values_to(to, O::Psubsw, a, b),
        I16x8SubSatU => s.values_to(to, O::Psubusw, a, b),
        I16x8Mul => s.values_to(to, O::Pmullw, a, b),
        I16x8MinS => s.values_to(to, O::Pminsw, a, b),
        I16x8MinU => s.values_to(to, O::Pminuw, a, b),
        I16x8MaxS => s.values_to(to, O::Pmaxsw, a, b),
        I16x8MaxU => s.values_to(to, O::Pmaxuw, a, b),
        I16x8AvgrU => s.values_to(to, O::Pavgw, a, b),
        I16x8Q15MulrSatS | I16x8RelaxedQ15mulrS => lanes::q15mulr(s, to, a, b),
        I32x4Add => s.values_to(to, O::Paddd, a, b),
        I32x4Sub => s.values_to(to, O::Psubd, a, b),
        I32x4Mul => s.values_to(to, O::Pmulld, a, b),
        I32x4MinS => s.values_to(to, O::Pminsd, a, b),
        I32x4MinU => s.values_to(to, O::Pminud, a, b),
        I32x4MaxS => s.values_to(to, O::Pmaxsd, a, b),
        I32x4MaxU => s.values_to(to, O::Pmaxud, a, b),
        I32x4DotI16x8S => s.values_to(to, O::Pmaddwd, a, b),
        I64x2Add => s.values_to(to, O::Paddq, a, b),
        I64x2Sub => s.values_to(to, O::Psubq, a, b),
        I64x2Mul => lanes::multiply_i64x2(s, to, a, b),

        I16x8ExtMulLowI8x16S => lanes::extmul_low(s, O::Pmovsxbw, O::Pmullw, to, a, b),
        I16x8ExtMulLowI8x16U => lanes::extmul_low(s, O::Pmovzxbw, O::Pmullw, to, a, b),
        I16x8ExtMulHighI8x16S => lanes::extmul_high_signed_bytes(s, to, a, b),
        I16x8ExtMulHighI8x16U => lanes::extmul_high_unsigned_bytes(s, to, a, b),
        I32x4ExtMulLowI16x8S => lanes::extmul_of_halves(s, O::Pmulhw, O::Punpcklwd, to, a, b),
        I32x4ExtMulHighI16x8S => lanes::extmul_of_halves(s, O::Pmulhw, O::Punpckhwd, to, a, b),
        I32x4ExtMulLowI16x8U => lanes::extmul_of_halves(s, O::Pmulhuw, O::Punpcklwd, to, a, b),
        I32x4ExtMulHighI16x8U => lanes::extmul_of_halves(s, O::Pmulhuw, O::Punpckhwd, to, a, b),
        I64x2ExtMulLowI32x4S => lanes::extmul_of_words(s, O::Pmuldq, 0x50, to, a, b),
        I64x2ExtMulHighI32x4S => lanes::extmul_of_words(s, O::Pmuldq, 0xfa, to, a, b),
        I64x2ExtMulLowI32x4U => lanes::extmul_of_words(s, O::Pmuludq, 0x50, to, a, b),
        I64x2ExtMulHighI32x4U => lanes::extmul_of_words(s, O::Pmuludq, 0xfa, to, a, b),
        I16x8RelaxedDotI8x16I7x16S => {
            let (a, b) = (s.reg(a), s.reg(b));
            lanes::dot_i8x16_to(s, to, a, b);
        }

        F32x4Add => scalar::commuted(s, O::Addps, to, a, b),
        F32x4Sub => s.values_to(to, O::Subps, a, b),
        F32x4Mul => scalar::commuted(s, O::Mulps, to, a, b),
        F32x4Div => s.values_to(to, O::Divps, a, b),
        F32x4Min | F32x4RelaxedMin => lanes::extreme(s, false, O::Minps, O::Orps, to, a, b),
        F32x4Max | F32x4RelaxedMax => lanes::extreme(s, false, O::Maxps, O::Andps, to, a, b),
        // The processor takes the second operand if in doubt, these the first.
        F32x4PMin => s.values_to(to, O::Minps, b, a),
        F32x4PMax => s.values_to(to, O::Maxps, b, a),
        F64x2Add => scalar::commuted(s, O::Addpd, to, a, b),
        F64x2Sub => s.values_to(to, O::Subpd, a, b),
        F64x2Mul => scalar::commuted(s, O::Mulpd, to, a, b),
        F64x2Div => s.values_to(to, O::Divpd, a, b),
        F64x2Min | F64x2RelaxedMin => lanes::extreme(s, true, O::Minpd, O::Orps, to, a, b),
        F64x2Max | F64x2RelaxedMax => lanes::extreme(s, true, O::Maxpd, O::Andps, to, a, b),
        F64x2PMin => s.values_to(to, O::Minpd, b, a),
        F64x2PMax => s.values_to(to, O::Maxpd, b, a),

        F32Eq | F32Ne | F32Lt | F32Gt | F32Le | F32Ge | F64Eq | F64Ne | F64Lt | F64Gt | F64Le | F64Ge
        | I32Eq | I32Ne | I32LtS | I32LtU | I32GtS | I32GtU | I32LeS | I32LeU | I32GeS | I32GeU | I64Eq
        | I64Ne | I64LtS | I64LtU | I64GtS | I64GtU | I64LeS | I64LeU | I64GeS | I64GeU | I32Add | I32Sub
        | I32Mul | I32DivS | I32DivU | I32RemS | I32RemU | I32And | I32Or | I32Xor | I32Shl | I32ShrS
        | I32ShrU | I32Rotl | I32Rotr | I64Add | I64Sub | I64Mul | I64DivS | I64DivU | I64RemS | I64RemU
        | I64And | I64Or | I64Xor | I64Shl | I64ShrS | I64ShrU | I64Rotl | I64Rotr => {
            unreachable!("{op} is over integers or a comparison")
        }
    }
}

fn compare(s: &mut Selection<'_, '_>, double: bool, predicate: Predicate, to: Reg, a: Value, b: Value) {
    let b = s.source(b);
    let a = s.reg(a);
    let opcode = if double { Opcode::Cmppd } else { Opcode::Cmpps };
    s.binary_imm_to(to, opcode, a, b, predicate as u8);
}
