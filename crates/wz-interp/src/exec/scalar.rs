//! Operators on numbers: arithmetic, comparisons, conversions.

use wz_api::Trap;
use wz_core::numeric;
use wz_decode::ops::{BinaryOp, UnaryOp};

use super::op::{Op, fields};
use super::operand::{Acc, Imm, Outcome, Scalar, Sink, Slot, Source, ToAcc, ToSlot};
use super::{Instruction, Regs, Stop};
use std::marker::PhantomData;

/// An operator that takes two numbers.
pub(crate) trait Binary {
    /// The left operand.
    type A: Scalar;
    /// The right operand.
    type B: Scalar;
    /// The result.
    type R: Scalar;
    /// The name in the text format.
    const NAME: &'static str;
    /// Computes.
    fn apply(a: Self::A, b: Self::B) -> Result<Self::R, Trap>;
}

/// An operator that takes one number.
pub(crate) trait Unary {
    /// The operand.
    type A: Scalar;
    /// The result.
    type R: Scalar;
    /// The name.
    const NAME: &'static str;
    /// Computes.
    fn apply(a: Self::A) -> Result<Self::R, Trap>;
}

/// The variants of an operator with two operands, by [`Pair`]; each first with the result in the
/// accumulator, then in a slot too.
pub(crate) struct BinaryOps {
    /// Indexed by `pair as usize`, then by whether the result goes to a slot.
    pub(crate) forms: [[Op; 2]; 7],
}

/// Where two operands come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Pair {
    /// Two slots.
    SlotSlot,
    /// Accumulator and slot.
    AccSlot,
    /// Slot and constant.
    SlotImm,
    /// Accumulator and constant.
    AccImm,
    /// Slot and accumulator.
    SlotAcc,
    /// Constant and slot.
    ImmSlot,
    /// Constant and accumulator.
    ImmAcc,
}

/// The variants of an operator with one operand: from a slot, from the accumulator; each first
/// with the result in the accumulator, then in a slot too.
pub(crate) type UnaryOps = [[Op; 2]; 2];

struct BinaryInstruction<O, A, B, R>(PhantomData<(O, A, B, R)>);

impl<O: Binary, A: Source<O::A>, B: Source<O::B>, R: Sink> Instruction for BinaryInstruction<O, A, B, R> {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has the operands that its type says.
        unsafe {
            let value = O::apply(A::get(regs), B::get(regs))?;
            R::put(regs, value);
            regs.advance(2 + A::WORDS + B::WORDS);
        }
        Ok(())
    }
}

struct UnaryInstruction<O, A, R>(PhantomData<(O, A, R)>);

impl<O: Unary, A: Source<O::A>, R: Sink> Instruction for UnaryInstruction<O, A, R> {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has the operands that its type says.
        unsafe {
            let value = O::apply(A::get(regs))?;
            R::put(regs, value);
            regs.advance(2);
        }
        Ok(())
    }
}

const fn binary_op<O: Binary, A: Source<O::A>, B: Source<O::B>, R: Sink>() -> Op {
    Op::new::<BinaryInstruction<O, A, B, R>>(
        O::NAME,
        2 + A::WORDS + B::WORDS,
        fields([R::FIELD, A::FIELD, B::FIELD]),
    )
}

const fn pair<O: Binary, A: Source<O::A>, B: Source<O::B>>() -> [Op; 2] {
    [binary_op::<O, A, B, ToAcc>(), binary_op::<O, A, B, ToSlot>()]
}

/// All variants. Operators whose operands may be swapped never get the last three.
const fn all_pairs<O: Binary>() -> BinaryOps {
    BinaryOps {
        forms: [
            pair::<O, Slot<1>, Slot<2>>(),
            pair::<O, Acc, Slot<1>>(),
            pair::<O, Slot<1>, Imm>(),
            pair::<O, Acc, Imm>(),
            pair::<O, Slot<1>, Acc>(),
            pair::<O, Imm, Slot<1>>(),
            pair::<O, Imm, Acc>(),
        ],
    }
}

/// The variants of an operator whose operands the translator swaps so that it needs only four.
const fn four_pairs<O: Binary>() -> BinaryOps {
    let slot_acc = pair::<O, Acc, Slot<1>>();
    BinaryOps {
        forms: [
            pair::<O, Slot<1>, Slot<2>>(),
            slot_acc,
            pair::<O, Slot<1>, Imm>(),
            pair::<O, Acc, Imm>(),
            slot_acc,
            slot_acc,
            slot_acc,
        ],
    }
}

const fn unary_ops<O: Unary>() -> UnaryOps {
    const fn op<O: Unary, A: Source<O::A>, R: Sink>() -> Op {
        Op::new::<UnaryInstruction<O, A, R>>(O::NAME, 2, fields([R::FIELD, A::FIELD]))
    }
    [[op::<O, Slot<1>, ToAcc>(), op::<O, Slot<1>, ToSlot>()], [op::<O, Acc, ToAcc>(), op::<O, Acc, ToSlot>()]]
}

/// The operator that gives the same with its operands swapped, if there is one.
pub(crate) fn swapped(op: BinaryOp) -> Option<BinaryOp> {
    use BinaryOp as B;
    if op.is_commutative() {
        return Some(op);
    }
    Some(match op {
        B::I32LtS => B::I32GtS,
        B::I32LtU => B::I32GtU,
        B::I32GtS => B::I32LtS,
        B::I32GtU => B::I32LtU,
        B::I32LeS => B::I32GeS,
        B::I32LeU => B::I32GeU,
        B::I32GeS => B::I32LeS,
        B::I32GeU => B::I32LeU,
        B::I64LtS => B::I64GtS,
        B::I64LtU => B::I64GtU,
        B::I64GtS => B::I64LtS,
        B::I64GtU => B::I64LtU,
        B::I64LeS => B::I64GeS,
        B::I64LeU => B::I64GeU,
        B::I64GeS => B::I64LeS,
        B::I64GeU => B::I64LeU,
        B::F32Lt => B::F32Gt,
        B::F32Gt => B::F32Lt,
        B::F32Le => B::F32Ge,
        B::F32Ge => B::F32Le,
        B::F64Lt => B::F64Gt,
        B::F64Gt => B::F64Lt,
        B::F64Le => B::F64Ge,
        B::F64Ge => B::F64Le,
        _ => return None,
    })
}

// The four operations are the machine's here, not `numeric`'s: those make sure that a NaN is
// quiet in spite of what the compiler may know of the operands, and it knows nothing of operands
// in slots. One test checks that both agree.
macro_rules! machine_arithmetic {
    ($($name:ident $T:ident $op:tt;)*) => {$(
        #[inline(always)]
        fn $name(a: $T, b: $T) -> $T {
            a $op b
        }
    )*};
}
machine_arithmetic! {
    f32_add f32 +; f32_sub f32 -; f32_mul f32 *; f32_div f32 /;
    f64_add f64 +; f64_sub f64 -; f64_mul f64 *; f64_div f64 /;
}

/// Lists the operators on two numbers. A row reads: variant, operands, result, function,
/// which variants there are.
macro_rules! binary_operators {
    ($($Op:ident($A:ident, $B:ident) -> $R:ident = $function:path, $pairs:ident;)* => vectors $($Vector:ident)*) => {
        /// The operators as types.
        pub(crate) mod binary {
            $(pub(crate) struct $Op;)*
        }
        $(
            impl Binary for binary::$Op {
                type A = $A;
                type B = $B;
                type R = $R;
                const NAME: &'static str = BinaryOp::$Op.name();
                #[inline(always)]
                fn apply(a: $A, b: $B) -> Result<$R, Trap> {
                    Outcome::<$R>::outcome($function(a, b))
                }
            }
        )*
        /// The instructions for an operator on numbers; `None` for vectors.
        pub(crate) fn binary_ops(op: BinaryOp) -> Option<&'static BinaryOps> {
            Some(match op {
                $(BinaryOp::$Op => const { &$pairs::<binary::$Op>() },)*
                $(BinaryOp::$Vector)|* => return None,
            })
        }
    };
}

binary_operators! {
    I32Eq(i32, i32) -> i32 = numeric::i32_eq, four_pairs;
    I32Ne(i32, i32) -> i32 = numeric::i32_ne, four_pairs;
    I32LtS(i32, i32) -> i32 = numeric::i32_lt_s, four_pairs;
    I32LtU(i32, i32) -> i32 = numeric::i32_lt_u, four_pairs;
    I32GtS(i32, i32) -> i32 = numeric::i32_gt_s, four_pairs;
    I32GtU(i32, i32) -> i32 = numeric::i32_gt_u, four_pairs;
    I32LeS(i32, i32) -> i32 = numeric::i32_le_s, four_pairs;
    I32LeU(i32, i32) -> i32 = numeric::i32_le_u, four_pairs;
    I32GeS(i32, i32) -> i32 = numeric::i32_ge_s, four_pairs;
    I32GeU(i32, i32) -> i32 = numeric::i32_ge_u, four_pairs;
    I64Eq(i64, i64) -> i32 = numeric::i64_eq, four_pairs;
    I64Ne(i64, i64) -> i32 = numeric::i64_ne, four_pairs;
    I64LtS(i64, i64) -> i32 = numeric::i64_lt_s, four_pairs;
    I64LtU(i64, i64) -> i32 = numeric::i64_lt_u, four_pairs;
    I64GtS(i64, i64) -> i32 = numeric::i64_gt_s, four_pairs;
    I64GtU(i64, i64) -> i32 = numeric::i64_gt_u, four_pairs;
    I64LeS(i64, i64) -> i32 = numeric::i64_le_s, four_pairs;
    I64LeU(i64, i64) -> i32 = numeric::i64_le_u, four_pairs;
    I64GeS(i64, i64) -> i32 = numeric::i64_ge_s, four_pairs;
    I64GeU(i64, i64) -> i32 = numeric::i64_ge_u, four_pairs;
    F32Eq(f32, f32) -> i32 = numeric::f32_eq, four_pairs;
    F32Ne(f32, f32) -> i32 = numeric::f32_ne, four_pairs;
    F32Lt(f32, f32) -> i32 = numeric::f32_lt, four_pairs;
    F32Gt(f32, f32) -> i32 = numeric::f32_gt, four_pairs;
    F32Le(f32, f32) -> i32 = numeric::f32_le, four_pairs;
    F32Ge(f32, f32) -> i32 = numeric::f32_ge, four_pairs;
    F64Eq(f64, f64) -> i32 = numeric::f64_eq, four_pairs;
    F64Ne(f64, f64) -> i32 = numeric::f64_ne, four_pairs;
    F64Lt(f64, f64) -> i32 = numeric::f64_lt, four_pairs;
    F64Gt(f64, f64) -> i32 = numeric::f64_gt, four_pairs;
    F64Le(f64, f64) -> i32 = numeric::f64_le, four_pairs;
    F64Ge(f64, f64) -> i32 = numeric::f64_ge, four_pairs;

    I32Add(i32, i32) -> i32 = numeric::i32_add, four_pairs;
    I32Sub(i32, i32) -> i32 = numeric::i32_sub, all_pairs;
    I32Mul(i32, i32) -> i32 = numeric::i32_mul, four_pairs;
    I32DivS(i32, i32) -> i32 = numeric::i32_div_s, all_pairs;
    I32DivU(i32, i32) -> i32 = numeric::i32_div_u, all_pairs;
    I32RemS(i32, i32) -> i32 = numeric::i32_rem_s, all_pairs;
    I32RemU(i32, i32) -> i32 = numeric::i32_rem_u, all_pairs;
    I32And(i32, i32) -> i32 = numeric::i32_and, four_pairs;
    I32Or(i32, i32) -> i32 = numeric::i32_or, four_pairs;
    I32Xor(i32, i32) -> i32 = numeric::i32_xor, four_pairs;
    I32Shl(i32, i32) -> i32 = numeric::i32_shl, all_pairs;
    I32ShrS(i32, i32) -> i32 = numeric::i32_shr_s, all_pairs;
    I32ShrU(i32, i32) -> i32 = numeric::i32_shr_u, all_pairs;
    I32Rotl(i32, i32) -> i32 = numeric::i32_rotl, all_pairs;
    I32Rotr(i32, i32) -> i32 = numeric::i32_rotr, all_pairs;
    I64Add(i64, i64) -> i64 = numeric::i64_add, four_pairs;
    I64Sub(i64, i64) -> i64 = numeric::i64_sub, all_pairs;
    I64Mul(i64, i64) -> i64 = numeric::i64_mul, four_pairs;
    I64DivS(i64, i64) -> i64 = numeric::i64_div_s, all_pairs;
    I64DivU(i64, i64) -> i64 = numeric::i64_div_u, all_pairs;
    I64RemS(i64, i64) -> i64 = numeric::i64_rem_s, all_pairs;
    I64RemU(i64, i64) -> i64 = numeric::i64_rem_u, all_pairs;
    I64And(i64, i64) -> i64 = numeric::i64_and, four_pairs;
    I64Or(i64, i64) -> i64 = numeric::i64_or, four_pairs;
    I64Xor(i64, i64) -> i64 = numeric::i64_xor, four_pairs;
    I64Shl(i64, i64) -> i64 = numeric::i64_shl, all_pairs;
    I64ShrS(i64, i64) -> i64 = numeric::i64_shr_s, all_pairs;
    I64ShrU(i64, i64) -> i64 = numeric::i64_shr_u, all_pairs;
    I64Rotl(i64, i64) -> i64 = numeric::i64_rotl, all_pairs;
    I64Rotr(i64, i64) -> i64 = numeric::i64_rotr, all_pairs;
    F32Add(f32, f32) -> f32 = f32_add, all_pairs;
    F32Sub(f32, f32) -> f32 = f32_sub, all_pairs;
    F32Mul(f32, f32) -> f32 = f32_mul, all_pairs;
    F32Div(f32, f32) -> f32 = f32_div, all_pairs;
    F32Min(f32, f32) -> f32 = numeric::f32_min, all_pairs;
    F32Max(f32, f32) -> f32 = numeric::f32_max, all_pairs;
    F32Copysign(f32, f32) -> f32 = numeric::f32_copysign, all_pairs;
    F64Add(f64, f64) -> f64 = f64_add, all_pairs;
    F64Sub(f64, f64) -> f64 = f64_sub, all_pairs;
    F64Mul(f64, f64) -> f64 = f64_mul, all_pairs;
    F64Div(f64, f64) -> f64 = f64_div, all_pairs;
    F64Min(f64, f64) -> f64 = numeric::f64_min, all_pairs;
    F64Max(f64, f64) -> f64 = numeric::f64_max, all_pairs;
    F64Copysign(f64, f64) -> f64 = numeric::f64_copysign, all_pairs;
    => vectors
    I8x16Swizzle I8x16Eq I8x16Ne I8x16LtS I8x16LtU I8x16GtS I8x16GtU I8x16LeS I8x16LeU I8x16GeS
    I8x16GeU I16x8Eq I16x8Ne I16x8LtS I16x8LtU I16x8GtS I16x8GtU I16x8LeS I16x8LeU I16x8GeS I16x8GeU
    I32x4Eq I32x4Ne I32x4LtS I32x4LtU I32x4GtS I32x4GtU I32x4LeS I32x4LeU I32x4GeS I32x4GeU I64x2Eq
    I64x2Ne I64x2LtS I64x2GtS I64x2LeS I64x2GeS F32x4Eq F32x4Ne F32x4Lt F32x4Gt F32x4Le F32x4Ge
    F64x2Eq F64x2Ne F64x2Lt F64x2Gt F64x2Le F64x2Ge V128And V128AndNot V128Or V128Xor
    I8x16NarrowI16x8S I8x16NarrowI16x8U I8x16Shl I8x16ShrS I8x16ShrU I8x16Add I8x16AddSatS
    I8x16AddSatU I8x16Sub I8x16SubSatS I8x16SubSatU I8x16MinS I8x16MinU I8x16MaxS I8x16MaxU
    I8x16AvgrU I16x8Q15MulrSatS I16x8NarrowI32x4S I16x8NarrowI32x4U I16x8Shl I16x8ShrS I16x8ShrU
    I16x8Add I16x8AddSatS I16x8AddSatU I16x8Sub I16x8SubSatS I16x8SubSatU I16x8Mul I16x8MinS
    I16x8MinU I16x8MaxS I16x8MaxU I16x8AvgrU I16x8ExtMulLowI8x16S I16x8ExtMulHighI8x16S
    I16x8ExtMulLowI8x16U I16x8ExtMulHighI8x16U I32x4Shl I32x4ShrS I32x4ShrU I32x4Add I32x4Sub
    I32x4Mul I32x4MinS I32x4MinU I32x4MaxS I32x4MaxU I32x4DotI16x8S I32x4ExtMulLowI16x8S
    I32x4ExtMulHighI16x8S I32x4ExtMulLowI16x8U I32x4ExtMulHighI16x8U I64x2Shl I64x2ShrS I64x2ShrU
    I64x2Add I64x2Sub I64x2Mul I64x2ExtMulLowI32x4S I64x2ExtMulHighI32x4S I64x2ExtMulLowI32x4U
    I64x2ExtMulHighI32x4U F32x4Add F32x4Sub F32x4Mul F32x4Div F32x4Min F32x4Max F32x4PMin F32x4PMax
    F64x2Add F64x2Sub F64x2Mul F64x2Div F64x2Min F64x2Max F64x2PMin F64x2PMax I8x16RelaxedSwizzle
    F32x4RelaxedMin F32x4RelaxedMax F64x2RelaxedMin F64x2RelaxedMax I16x8RelaxedQ15mulrS
    I16x8RelaxedDotI8x16I7x16S
}

/// Lists the operators on one number. A row reads: variant, operand, result, function.
macro_rules! unary_operators {
    ($($Op:ident($A:ident) -> $R:ident = $function:path;)* => vectors $($Vector:ident)*) => {
        /// The operators as types.
        mod unary {
            $(pub(super) struct $Op;)*
        }
        $(
            impl Unary for unary::$Op {
                type A = $A;
                type R = $R;
                const NAME: &'static str = UnaryOp::$Op.name();
                #[inline(always)]
                fn apply(a: $A) -> Result<$R, Trap> {
                    Outcome::<$R>::outcome($function(a))
                }
            }
        )*
        /// The instructions for an operator on a number that gives one; `None` if vectors occur.
        pub(crate) fn unary_op(op: UnaryOp) -> Option<&'static UnaryOps> {
            Some(match op {
                $(UnaryOp::$Op => const { &unary_ops::<unary::$Op>() },)*
                $(UnaryOp::$Vector)|* => return None,
            })
        }
    };
}

unary_operators! {
    I32Eqz(i32) -> i32 = numeric::i32_eqz;
    I64Eqz(i64) -> i32 = numeric::i64_eqz;
    I32Clz(i32) -> i32 = numeric::i32_clz;
    I32Ctz(i32) -> i32 = numeric::i32_ctz;
    I32Popcnt(i32) -> i32 = numeric::i32_popcnt;
    I64Clz(i64) -> i64 = numeric::i64_clz;
    I64Ctz(i64) -> i64 = numeric::i64_ctz;
    I64Popcnt(i64) -> i64 = numeric::i64_popcnt;
    F32Abs(f32) -> f32 = numeric::f32_abs;
    F32Neg(f32) -> f32 = numeric::f32_neg;
    F32Ceil(f32) -> f32 = numeric::f32_ceil;
    F32Floor(f32) -> f32 = numeric::f32_floor;
    F32Trunc(f32) -> f32 = numeric::f32_trunc;
    F32Nearest(f32) -> f32 = numeric::f32_nearest;
    F32Sqrt(f32) -> f32 = numeric::f32_sqrt;
    F64Abs(f64) -> f64 = numeric::f64_abs;
    F64Neg(f64) -> f64 = numeric::f64_neg;
    F64Ceil(f64) -> f64 = numeric::f64_ceil;
    F64Floor(f64) -> f64 = numeric::f64_floor;
    F64Trunc(f64) -> f64 = numeric::f64_trunc;
    F64Nearest(f64) -> f64 = numeric::f64_nearest;
    F64Sqrt(f64) -> f64 = numeric::f64_sqrt;
    I32WrapI64(i64) -> i32 = numeric::i32_wrap_i64;
    I32TruncF32S(f32) -> i32 = numeric::i32_trunc_f32_s;
    I32TruncF32U(f32) -> i32 = numeric::i32_trunc_f32_u;
    I32TruncF64S(f64) -> i32 = numeric::i32_trunc_f64_s;
    I32TruncF64U(f64) -> i32 = numeric::i32_trunc_f64_u;
    I64ExtendI32S(i32) -> i64 = numeric::i64_extend_i32_s;
    I64ExtendI32U(i32) -> i64 = numeric::i64_extend_i32_u;
    I64TruncF32S(f32) -> i64 = numeric::i64_trunc_f32_s;
    I64TruncF32U(f32) -> i64 = numeric::i64_trunc_f32_u;
    I64TruncF64S(f64) -> i64 = numeric::i64_trunc_f64_s;
    I64TruncF64U(f64) -> i64 = numeric::i64_trunc_f64_u;
    F32ConvertI32S(i32) -> f32 = numeric::f32_convert_i32_s;
    F32ConvertI32U(i32) -> f32 = numeric::f32_convert_i32_u;
    F32ConvertI64S(i64) -> f32 = numeric::f32_convert_i64_s;
    F32ConvertI64U(i64) -> f32 = numeric::f32_convert_i64_u;
    F32DemoteF64(f64) -> f32 = numeric::f32_demote_f64;
    F64ConvertI32S(i32) -> f64 = numeric::f64_convert_i32_s;
    F64ConvertI32U(i32) -> f64 = numeric::f64_convert_i32_u;
    F64ConvertI64S(i64) -> f64 = numeric::f64_convert_i64_s;
    F64ConvertI64U(i64) -> f64 = numeric::f64_convert_i64_u;
    F64PromoteF32(f32) -> f64 = numeric::f64_promote_f32;
    I32ReinterpretF32(f32) -> i32 = numeric::i32_reinterpret_f32;
    I64ReinterpretF64(f64) -> i64 = numeric::i64_reinterpret_f64;
    F32ReinterpretI32(i32) -> f32 = numeric::f32_reinterpret_i32;
    F64ReinterpretI64(i64) -> f64 = numeric::f64_reinterpret_i64;
    I32Extend8S(i32) -> i32 = numeric::i32_extend8_s;
    I32Extend16S(i32) -> i32 = numeric::i32_extend16_s;
    I64Extend8S(i64) -> i64 = numeric::i64_extend8_s;
    I64Extend16S(i64) -> i64 = numeric::i64_extend16_s;
    I64Extend32S(i64) -> i64 = numeric::i64_extend32_s;
    I32TruncSatF32S(f32) -> i32 = numeric::i32_trunc_sat_f32_s;
    I32TruncSatF32U(f32) -> i32 = numeric::i32_trunc_sat_f32_u;
    I32TruncSatF64S(f64) -> i32 = numeric::i32_trunc_sat_f64_s;
    I32TruncSatF64U(f64) -> i32 = numeric::i32_trunc_sat_f64_u;
    I64TruncSatF32S(f32) -> i64 = numeric::i64_trunc_sat_f32_s;
    I64TruncSatF32U(f32) -> i64 = numeric::i64_trunc_sat_f32_u;
    I64TruncSatF64S(f64) -> i64 = numeric::i64_trunc_sat_f64_s;
    I64TruncSatF64U(f64) -> i64 = numeric::i64_trunc_sat_f64_u;
    => vectors
    I8x16Splat I16x8Splat I32x4Splat I64x2Splat F32x4Splat F64x2Splat V128Not V128AnyTrue I8x16Abs
    I8x16Neg I8x16Popcnt I8x16AllTrue I8x16Bitmask I16x8ExtAddPairwiseI8x16S
    I16x8ExtAddPairwiseI8x16U I16x8Abs I16x8Neg I16x8AllTrue I16x8Bitmask I16x8ExtendLowI8x16S
    I16x8ExtendHighI8x16S I16x8ExtendLowI8x16U I16x8ExtendHighI8x16U I32x4ExtAddPairwiseI16x8S
    I32x4ExtAddPairwiseI16x8U I32x4Abs I32x4Neg I32x4AllTrue I32x4Bitmask I32x4ExtendLowI16x8S
    I32x4ExtendHighI16x8S I32x4ExtendLowI16x8U I32x4ExtendHighI16x8U I64x2Abs I64x2Neg I64x2AllTrue
    I64x2Bitmask I64x2ExtendLowI32x4S I64x2ExtendHighI32x4S I64x2ExtendLowI32x4U
    I64x2ExtendHighI32x4U F32x4Ceil F32x4Floor F32x4Trunc F32x4Nearest F32x4Abs F32x4Neg F32x4Sqrt
    F64x2Ceil F64x2Floor F64x2Trunc F64x2Nearest F64x2Abs F64x2Neg F64x2Sqrt I32x4TruncSatF32x4S
    I32x4TruncSatF32x4U F32x4ConvertI32x4S F32x4ConvertI32x4U I32x4TruncSatF64x2SZero
    I32x4TruncSatF64x2UZero F64x2ConvertLowI32x4S F64x2ConvertLowI32x4U F32x4DemoteF64x2Zero
    F64x2PromoteLowF32x4 I32x4RelaxedTruncF32x4S I32x4RelaxedTruncF32x4U I32x4RelaxedTruncF64x2SZero
    I32x4RelaxedTruncF64x2UZero
}

/// Makes a NaN canonical: in deterministic mode after what may give another.
struct CanonicalF32;
impl Unary for CanonicalF32 {
    type A = f32;
    type R = f32;
    const NAME: &'static str = "f32.canonical";
    #[inline(always)]
    fn apply(a: f32) -> Result<f32, Trap> {
        Ok(if a.is_nan() { f32::from_bits(0x7fc0_0000) } else { a })
    }
}

/// The same for `f64`.
struct CanonicalF64;
impl Unary for CanonicalF64 {
    type A = f64;
    type R = f64;
    const NAME: &'static str = "f64.canonical";
    #[inline(always)]
    fn apply(a: f64) -> Result<f64, Trap> {
        Ok(if a.is_nan() { f64::from_bits(0x7ff8_0000_0000_0000) } else { a })
    }
}

/// `f32.canonical`.
pub(crate) static CANONICAL_F32: UnaryOps = unary_ops::<CanonicalF32>();
/// `f64.canonical`.
pub(crate) static CANONICAL_F64: UnaryOps = unary_ops::<CanonicalF64>();
