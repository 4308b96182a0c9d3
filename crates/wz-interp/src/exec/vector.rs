//! Operators on vectors. Vectors are two neighbouring slots; they never are in an accumulator.

use std::marker::PhantomData;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::compiler_fence;

use wz_core::numeric::{self, Bytes};
use wz_decode::ops::{BinaryOp, ExtractLaneOp, ReplaceLaneOp, TernaryOp, UnaryOp};

use super::op::{Field, Op, fields};
use super::operand::{Acc, Imm, Sink, Slot, Source, ToAcc, ToSlot};
use super::{Instruction, Regs, Stop};

/// The vector in the slots from the one in field `I`.
///
/// # Safety
/// The instruction has the operand, and the frame the slots.
#[inline(always)]
pub(super) unsafe fn read<const I: usize>(regs: &Regs) -> Bytes {
    // SAFETY: the caller says so; slots are aligned for bytes.
    unsafe { regs.slot(regs.u16::<I>()).cast::<Bytes>().read() }
}

/// Writes the vector in the slots from the one in field `I`.
///
/// # Safety
/// The instruction has the operand, and the frame the slots.
#[inline(always)]
pub(super) unsafe fn write<const I: usize>(regs: &Regs, value: Bytes) {
    // SAFETY: the caller says so; slots are aligned for bytes.
    unsafe { regs.slot(regs.u16::<I>()).cast::<Bytes>().write(value) }
}

/// Something computed of vectors in fields 1, 2, 3 and a number that comes from `S`.
trait Compute<S> {
    /// Computes and writes the result.
    ///
    /// # Safety
    /// As for [`Instruction::run`].
    unsafe fn compute(regs: &mut Regs);
}

struct Computing<O, S>(PhantomData<(O, S)>);
impl<O: Compute<S>, S> Instruction for Computing<O, S> {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has the operands that its type says.
        unsafe {
            O::compute(regs);
            regs.advance(2);
        }
        Ok(())
    }
}

const TO: Field = Field::ToVector(0);
const A: Field = Field::Vector(1);
const B: Field = Field::Vector(2);

const fn op<O: Compute<S>, S>(name: &'static str, operands: [Field; 6]) -> Op {
    Op::new::<Computing<O, S>>(name, 2, operands)
}

// Arithmetic of lanes is the machine's, for the reason given in `scalar`.
macro_rules! machine_arithmetic {
    ($($name:ident [$T:ident; $count:literal] $op:tt;)*) => {$(
        #[inline(always)]
        fn $name(a: Bytes, b: Bytes) -> Bytes {
            let ((a, _), (b, _)) = (a.as_chunks(), b.as_chunks());
            let mut bytes = [0; 16];
            let (lanes, _) = bytes.as_chunks_mut();
            let mut lane = 0;
            while lane < $count {
                let result = $T::from_le_bytes(a[lane]) $op $T::from_le_bytes(b[lane]);
                lanes[lane] = result.to_le_bytes();
                lane += 1;
            }
            bytes
        }
    )*};
}

machine_arithmetic! {
    f32x4_add [f32; 4] +; f32x4_sub [f32; 4] -; f32x4_mul [f32; 4] *; f32x4_div [f32; 4] /;
    f64x2_add [f64; 2] +; f64x2_sub [f64; 2] -; f64x2_mul [f64; 2] *; f64x2_div [f64; 2] /;
}

#[inline(always)]
fn f32x4_relaxed_madd(a: Bytes, b: Bytes, c: Bytes) -> Bytes {
    f32x4_add(f32x4_mul(a, b), c)
}

#[inline(always)]
fn f32x4_relaxed_nmadd(a: Bytes, b: Bytes, c: Bytes) -> Bytes {
    f32x4_sub(c, f32x4_mul(a, b))
}

#[inline(always)]
fn f64x2_relaxed_madd(a: Bytes, b: Bytes, c: Bytes) -> Bytes {
    f64x2_add(f64x2_mul(a, b), c)
}

#[inline(always)]
fn f64x2_relaxed_nmadd(a: Bytes, b: Bytes, c: Bytes) -> Bytes {
    f64x2_sub(c, f64x2_mul(a, b))
}

/// Composed of what the compiler makes vector instructions of.
#[inline(always)]
fn bitselect(a: Bytes, b: Bytes, mask: Bytes) -> Bytes {
    numeric::v128_or(numeric::v128_and(a, mask), numeric::v128_andnot(b, mask))
}

/// How an operator on vectors is executed.
pub(crate) enum VectorBinary {
    /// Of two vectors.
    Vectors(&'static Op),
    /// Of a vector and a number: in the slot in field 2, in the accumulator, a constant.
    Shift(&'static [Op; 3]),
}

/// Lists the operators with two operands. A row reads: variant, function.
macro_rules! binary_operators {
    (vectors $($Op:ident = $function:path;)* => shifts $($Shift:ident = $shift:path;)* => numbers $($Number:ident)*) => {
        mod binary {
            $(pub(super) struct $Op;)*
            $(pub(super) struct $Shift;)*
        }
        $(
            impl Compute<()> for binary::$Op {
                #[inline(always)]
                unsafe fn compute(regs: &mut Regs) {
                    // SAFETY: the instruction has the operands.
                    unsafe { write::<0>(regs, $function(read::<1>(regs), read::<2>(regs))) }
                }
            }
        )*
        $(
            impl<S: Source<i32>> Compute<S> for binary::$Shift {
                #[inline(always)]
                unsafe fn compute(regs: &mut Regs) {
                    // SAFETY: the instruction has the operands.
                    unsafe { write::<0>(regs, $shift(read::<1>(regs), S::get(regs))) }
                }
            }
        )*
        /// The instructions for an operator with two operands; `None` if it takes no vector.
        pub(crate) fn vector_binary(of: BinaryOp) -> Option<VectorBinary> {
            Some(match of {
                $(BinaryOp::$Op => VectorBinary::Vectors(const {
                    &op::<binary::$Op, ()>(BinaryOp::$Op.name(), fields([TO, A, B]))
                }),)*
                $(BinaryOp::$Shift => VectorBinary::Shift(const {
                    &[
                        op::<binary::$Shift, Slot<2>>(BinaryOp::$Shift.name(), fields([TO, A, Field::Slot(2)])),
                        op::<binary::$Shift, Acc>(BinaryOp::$Shift.name(), fields([TO, A, Field::Acc])),
                        op::<binary::$Shift, Imm>(BinaryOp::$Shift.name(), fields([TO, A, Field::Number(3)])),
                    ]
                }),)*
                $(BinaryOp::$Number)|* => return None,
            })
        }
    };
}

binary_operators! {
    vectors
    I8x16Swizzle = numeric::i8x16_swizzle;
    I8x16Eq = numeric::i8x16_eq;
    I8x16Ne = numeric::i8x16_ne;
    I8x16LtS = numeric::i8x16_lt_s;
    I8x16LtU = numeric::i8x16_lt_u;
    I8x16GtS = numeric::i8x16_gt_s;
    I8x16GtU = numeric::i8x16_gt_u;
    I8x16LeS = numeric::i8x16_le_s;
    I8x16LeU = numeric::i8x16_le_u;
    I8x16GeS = numeric::i8x16_ge_s;
    I8x16GeU = numeric::i8x16_ge_u;
    I16x8Eq = numeric::i16x8_eq;
    I16x8Ne = numeric::i16x8_ne;
    I16x8LtS = numeric::i16x8_lt_s;
    I16x8LtU = numeric::i16x8_lt_u;
    I16x8GtS = numeric::i16x8_gt_s;
    I16x8GtU = numeric::i16x8_gt_u;
    I16x8LeS = numeric::i16x8_le_s;
    I16x8LeU = numeric::i16x8_le_u;
    I16x8GeS = numeric::i16x8_ge_s;
    I16x8GeU = numeric::i16x8_ge_u;
    I32x4Eq = numeric::i32x4_eq;
    I32x4Ne = numeric::i32x4_ne;
    I32x4LtS = numeric::i32x4_lt_s;
    I32x4LtU = numeric::i32x4_lt_u;
    I32x4GtS = numeric::i32x4_gt_s;
    I32x4GtU = numeric::i32x4_gt_u;
    I32x4LeS = numeric::i32x4_le_s;
    I32x4LeU = numeric::i32x4_le_u;
    I32x4GeS = numeric::i32x4_ge_s;
    I32x4GeU = numeric::i32x4_ge_u;
    I64x2Eq = numeric::i64x2_eq;
    I64x2Ne = numeric::i64x2_ne;
    I64x2LtS = numeric::i64x2_lt_s;
    I64x2GtS = numeric::i64x2_gt_s;
    I64x2LeS = numeric::i64x2_le_s;
    I64x2GeS = numeric::i64x2_ge_s;
    F32x4Eq = numeric::f32x4_eq;
    F32x4Ne = numeric::f32x4_ne;
    F32x4Lt = numeric::f32x4_lt;
    F32x4Gt = numeric::f32x4_gt;
    F32x4Le = numeric::f32x4_le;
    F32x4Ge = numeric::f32x4_ge;
    F64x2Eq = numeric::f64x2_eq;
    F64x2Ne = numeric::f64x2_ne;
    F64x2Lt = numeric::f64x2_lt;
    F64x2Gt = numeric::f64x2_gt;
    F64x2Le = numeric::f64x2_le;
    F64x2Ge = numeric::f64x2_ge;
    V128And = numeric::v128_and;
    V128AndNot = numeric::v128_andnot;
    V128Or = numeric::v128_or;
    V128Xor = numeric::v128_xor;
    I8x16NarrowI16x8S = numeric::i8x16_narrow_i16x8_s;
    I8x16NarrowI16x8U = numeric::i8x16_narrow_i16x8_u;
    I8x16Add = numeric::i8x16_add;
    I8x16AddSatS = numeric::i8x16_add_sat_s;
    I8x16AddSatU = numeric::i8x16_add_sat_u;
    I8x16Sub = numeric::i8x16_sub;
    I8x16SubSatS = numeric::i8x16_sub_sat_s;
    I8x16SubSatU = numeric::i8x16_sub_sat_u;
    I8x16MinS = numeric::i8x16_min_s;
    I8x16MinU = numeric::i8x16_min_u;
    I8x16MaxS = numeric::i8x16_max_s;
    I8x16MaxU = numeric::i8x16_max_u;
    I8x16AvgrU = numeric::i8x16_avgr_u;
    I16x8Q15MulrSatS = numeric::i16x8_q15mulr_sat_s;
    I16x8NarrowI32x4S = numeric::i16x8_narrow_i32x4_s;
    I16x8NarrowI32x4U = numeric::i16x8_narrow_i32x4_u;
    I16x8Add = numeric::i16x8_add;
    I16x8AddSatS = numeric::i16x8_add_sat_s;
    I16x8AddSatU = numeric::i16x8_add_sat_u;
    I16x8Sub = numeric::i16x8_sub;
    I16x8SubSatS = numeric::i16x8_sub_sat_s;
    I16x8SubSatU = numeric::i16x8_sub_sat_u;
    I16x8Mul = numeric::i16x8_mul;
    I16x8MinS = numeric::i16x8_min_s;
    I16x8MinU = numeric::i16x8_min_u;
    I16x8MaxS = numeric::i16x8_max_s;
    I16x8MaxU = numeric::i16x8_max_u;
    I16x8AvgrU = numeric::i16x8_avgr_u;
    I16x8ExtMulLowI8x16S = numeric::i16x8_extmul_low_i8x16_s;
    I16x8ExtMulHighI8x16S = numeric::i16x8_extmul_high_i8x16_s;
    I16x8ExtMulLowI8x16U = numeric::i16x8_extmul_low_i8x16_u;
    I16x8ExtMulHighI8x16U = numeric::i16x8_extmul_high_i8x16_u;
    I32x4Add = numeric::i32x4_add;
    I32x4Sub = numeric::i32x4_sub;
    I32x4Mul = numeric::i32x4_mul;
    I32x4MinS = numeric::i32x4_min_s;
    I32x4MinU = numeric::i32x4_min_u;
    I32x4MaxS = numeric::i32x4_max_s;
    I32x4MaxU = numeric::i32x4_max_u;
    I32x4DotI16x8S = numeric::i32x4_dot_i16x8_s;
    I32x4ExtMulLowI16x8S = numeric::i32x4_extmul_low_i16x8_s;
    I32x4ExtMulHighI16x8S = numeric::i32x4_extmul_high_i16x8_s;
    I32x4ExtMulLowI16x8U = numeric::i32x4_extmul_low_i16x8_u;
    I32x4ExtMulHighI16x8U = numeric::i32x4_extmul_high_i16x8_u;
    I64x2Add = numeric::i64x2_add;
    I64x2Sub = numeric::i64x2_sub;
    I64x2Mul = numeric::i64x2_mul;
    I64x2ExtMulLowI32x4S = numeric::i64x2_extmul_low_i32x4_s;
    I64x2ExtMulHighI32x4S = numeric::i64x2_extmul_high_i32x4_s;
    I64x2ExtMulLowI32x4U = numeric::i64x2_extmul_low_i32x4_u;
    I64x2ExtMulHighI32x4U = numeric::i64x2_extmul_high_i32x4_u;
    F32x4Add = f32x4_add;
    F32x4Sub = f32x4_sub;
    F32x4Mul = f32x4_mul;
    F32x4Div = f32x4_div;
    F32x4Min = numeric::f32x4_min;
    F32x4Max = numeric::f32x4_max;
    F32x4PMin = numeric::f32x4_pmin;
    F32x4PMax = numeric::f32x4_pmax;
    F64x2Add = f64x2_add;
    F64x2Sub = f64x2_sub;
    F64x2Mul = f64x2_mul;
    F64x2Div = f64x2_div;
    F64x2Min = numeric::f64x2_min;
    F64x2Max = numeric::f64x2_max;
    F64x2PMin = numeric::f64x2_pmin;
    F64x2PMax = numeric::f64x2_pmax;
    I8x16RelaxedSwizzle = numeric::i8x16_relaxed_swizzle;
    F32x4RelaxedMin = numeric::f32x4_relaxed_min;
    F32x4RelaxedMax = numeric::f32x4_relaxed_max;
    F64x2RelaxedMin = numeric::f64x2_relaxed_min;
    F64x2RelaxedMax = numeric::f64x2_relaxed_max;
    I16x8RelaxedQ15mulrS = numeric::i16x8_relaxed_q15mulr_s;
    I16x8RelaxedDotI8x16I7x16S = numeric::i16x8_relaxed_dot_i8x16_i7x16_s;
    => shifts
    I8x16Shl = numeric::i8x16_shl;
    I8x16ShrS = numeric::i8x16_shr_s;
    I8x16ShrU = numeric::i8x16_shr_u;
    I16x8Shl = numeric::i16x8_shl;
    I16x8ShrS = numeric::i16x8_shr_s;
    I16x8ShrU = numeric::i16x8_shr_u;
    I32x4Shl = numeric::i32x4_shl;
    I32x4ShrS = numeric::i32x4_shr_s;
    I32x4ShrU = numeric::i32x4_shr_u;
    I64x2Shl = numeric::i64x2_shl;
    I64x2ShrS = numeric::i64x2_shr_s;
    I64x2ShrU = numeric::i64x2_shr_u;
    => numbers
    I32Eq I32Ne I32LtS I32LtU I32GtS I32GtU I32LeS I32LeU I32GeS I32GeU I64Eq I64Ne I64LtS I64LtU
    I64GtS I64GtU I64LeS I64LeU I64GeS I64GeU F32Eq F32Ne F32Lt F32Gt F32Le F32Ge F64Eq F64Ne F64Lt
    F64Gt F64Le F64Ge I32Add I32Sub I32Mul I32DivS I32DivU I32RemS I32RemU I32And I32Or I32Xor
    I32Shl I32ShrS I32ShrU I32Rotl I32Rotr I64Add I64Sub I64Mul I64DivS I64DivU I64RemS I64RemU
    I64And I64Or I64Xor I64Shl I64ShrS I64ShrU I64Rotl I64Rotr F32Add F32Sub F32Mul F32Div F32Min
    F32Max F32Copysign F64Add F64Sub F64Mul F64Div F64Min F64Max F64Copysign
}

/// How an operator on or to a vector is executed.
pub(crate) enum VectorUnary {
    /// A vector of a vector.
    Map(&'static Op),
    /// An `i32` of a vector: in the accumulator, in the slot in field 0 too.
    Test(&'static [Op; 2]),
    /// A vector of a number: in the slot in field 1, in the accumulator.
    Splat(&'static [Op; 2]),
}

/// Lists the operators with one operand. A row reads: variant, operand if it is a number, function.
macro_rules! unary_operators {
    (
        maps $($Op:ident = $function:path;)*
        => tests $($Test:ident = $test:path;)*
        => splats $($Splat:ident($T:ident) = $splat:path;)*
        => numbers $($Number:ident)*
    ) => {
        mod unary {
            $(pub(super) struct $Op;)*
            $(pub(super) struct $Test;)*
            $(pub(super) struct $Splat;)*
        }
        $(
            impl Compute<()> for unary::$Op {
                #[inline(always)]
                unsafe fn compute(regs: &mut Regs) {
                    // SAFETY: the instruction has the operands.
                    unsafe { write::<0>(regs, $function(read::<1>(regs))) }
                }
            }
        )*
        $(
            impl<R: Sink> Compute<R> for unary::$Test {
                #[inline(always)]
                unsafe fn compute(regs: &mut Regs) {
                    // SAFETY: the instruction has the operands.
                    unsafe { R::put::<i32>(regs, $test(read::<1>(regs))) }
                }
            }
        )*
        $(
            impl<S: Source<$T>> Compute<S> for unary::$Splat {
                #[inline(always)]
                unsafe fn compute(regs: &mut Regs) {
                    // SAFETY: the instruction has the operands.
                    unsafe { write::<0>(regs, $splat(S::get(regs))) }
                }
            }
        )*
        /// The instructions for an operator with one operand; `None` if no vector occurs.
        pub(crate) fn vector_unary(of: UnaryOp) -> Option<VectorUnary> {
            Some(match of {
                $(UnaryOp::$Op => VectorUnary::Map(const {
                    &op::<unary::$Op, ()>(UnaryOp::$Op.name(), fields([TO, A]))
                }),)*
                $(UnaryOp::$Test => VectorUnary::Test(const {
                    &[
                        op::<unary::$Test, ToAcc>(UnaryOp::$Test.name(), fields([Field::ToAcc, A])),
                        op::<unary::$Test, ToSlot>(UnaryOp::$Test.name(), fields([Field::ToSlot(0), A])),
                    ]
                }),)*
                $(UnaryOp::$Splat => VectorUnary::Splat(const {
                    &[
                        op::<unary::$Splat, Slot<1>>(UnaryOp::$Splat.name(), fields([TO, Field::Slot(1)])),
                        op::<unary::$Splat, Acc>(UnaryOp::$Splat.name(), fields([TO, Field::Acc])),
                    ]
                }),)*
                $(UnaryOp::$Number)|* => return None,
            })
        }
    };
}

unary_operators! {
    maps
    V128Not = numeric::v128_not;
    I8x16Abs = numeric::i8x16_abs;
    I8x16Neg = numeric::i8x16_neg;
    I8x16Popcnt = numeric::i8x16_popcnt;
    I16x8ExtAddPairwiseI8x16S = numeric::i16x8_extadd_pairwise_i8x16_s;
    I16x8ExtAddPairwiseI8x16U = numeric::i16x8_extadd_pairwise_i8x16_u;
    I16x8Abs = numeric::i16x8_abs;
    I16x8Neg = numeric::i16x8_neg;
    I16x8ExtendLowI8x16S = numeric::i16x8_extend_low_i8x16_s;
    I16x8ExtendHighI8x16S = numeric::i16x8_extend_high_i8x16_s;
    I16x8ExtendLowI8x16U = numeric::i16x8_extend_low_i8x16_u;
    I16x8ExtendHighI8x16U = numeric::i16x8_extend_high_i8x16_u;
    I32x4ExtAddPairwiseI16x8S = numeric::i32x4_extadd_pairwise_i16x8_s;
    I32x4ExtAddPairwiseI16x8U = numeric::i32x4_extadd_pairwise_i16x8_u;
    I32x4Abs = numeric::i32x4_abs;
    I32x4Neg = numeric::i32x4_neg;
    I32x4ExtendLowI16x8S = numeric::i32x4_extend_low_i16x8_s;
    I32x4ExtendHighI16x8S = numeric::i32x4_extend_high_i16x8_s;
    I32x4ExtendLowI16x8U = numeric::i32x4_extend_low_i16x8_u;
    I32x4ExtendHighI16x8U = numeric::i32x4_extend_high_i16x8_u;
    I64x2Abs = numeric::i64x2_abs;
    I64x2Neg = numeric::i64x2_neg;
    I64x2ExtendLowI32x4S = numeric::i64x2_extend_low_i32x4_s;
    I64x2ExtendHighI32x4S = numeric::i64x2_extend_high_i32x4_s;
    I64x2ExtendLowI32x4U = numeric::i64x2_extend_low_i32x4_u;
    I64x2ExtendHighI32x4U = numeric::i64x2_extend_high_i32x4_u;
    F32x4Ceil = numeric::f32x4_ceil;
    F32x4Floor = numeric::f32x4_floor;
    F32x4Trunc = numeric::f32x4_trunc;
    F32x4Nearest = numeric::f32x4_nearest;
    F32x4Abs = numeric::f32x4_abs;
    F32x4Neg = numeric::f32x4_neg;
    F32x4Sqrt = numeric::f32x4_sqrt;
    F64x2Ceil = numeric::f64x2_ceil;
    F64x2Floor = numeric::f64x2_floor;
    F64x2Trunc = numeric::f64x2_trunc;
    F64x2Nearest = numeric::f64x2_nearest;
    F64x2Abs = numeric::f64x2_abs;
    F64x2Neg = numeric::f64x2_neg;
    F64x2Sqrt = numeric::f64x2_sqrt;
    I32x4TruncSatF32x4S = numeric::i32x4_trunc_sat_f32x4_s;
    I32x4TruncSatF32x4U = numeric::i32x4_trunc_sat_f32x4_u;
    F32x4ConvertI32x4S = numeric::f32x4_convert_i32x4_s;
    F32x4ConvertI32x4U = numeric::f32x4_convert_i32x4_u;
    I32x4TruncSatF64x2SZero = numeric::i32x4_trunc_sat_f64x2_s_zero;
    I32x4TruncSatF64x2UZero = numeric::i32x4_trunc_sat_f64x2_u_zero;
    F64x2ConvertLowI32x4S = numeric::f64x2_convert_low_i32x4_s;
    F64x2ConvertLowI32x4U = numeric::f64x2_convert_low_i32x4_u;
    F32x4DemoteF64x2Zero = numeric::f32x4_demote_f64x2_zero;
    F64x2PromoteLowF32x4 = numeric::f64x2_promote_low_f32x4;
    I32x4RelaxedTruncF32x4S = numeric::i32x4_relaxed_trunc_f32x4_s;
    I32x4RelaxedTruncF32x4U = numeric::i32x4_relaxed_trunc_f32x4_u;
    I32x4RelaxedTruncF64x2SZero = numeric::i32x4_relaxed_trunc_f64x2_s_zero;
    I32x4RelaxedTruncF64x2UZero = numeric::i32x4_relaxed_trunc_f64x2_u_zero;
    => tests
    V128AnyTrue = numeric::v128_any_true;
    I8x16AllTrue = numeric::i8x16_all_true;
    I8x16Bitmask = numeric::i8x16_bitmask;
    I16x8AllTrue = numeric::i16x8_all_true;
    I16x8Bitmask = numeric::i16x8_bitmask;
    I32x4AllTrue = numeric::i32x4_all_true;
    I32x4Bitmask = numeric::i32x4_bitmask;
    I64x2AllTrue = numeric::i64x2_all_true;
    I64x2Bitmask = numeric::i64x2_bitmask;
    => splats
    I8x16Splat(i32) = numeric::i8x16_splat;
    I16x8Splat(i32) = numeric::i16x8_splat;
    I32x4Splat(i32) = numeric::i32x4_splat;
    I64x2Splat(i64) = numeric::i64x2_splat;
    F32x4Splat(f32) = numeric::f32x4_splat;
    F64x2Splat(f64) = numeric::f64x2_splat;
    => numbers
    I32Eqz I64Eqz I32Clz I32Ctz I32Popcnt I64Clz I64Ctz I64Popcnt F32Abs F32Neg F32Ceil F32Floor
    F32Trunc F32Nearest F32Sqrt F64Abs F64Neg F64Ceil F64Floor F64Trunc F64Nearest F64Sqrt
    I32WrapI64 I32TruncF32S I32TruncF32U I32TruncF64S I32TruncF64U I64ExtendI32S I64ExtendI32U
    I64TruncF32S I64TruncF32U I64TruncF64S I64TruncF64U F32ConvertI32S F32ConvertI32U F32ConvertI64S
    F32ConvertI64U F32DemoteF64 F64ConvertI32S F64ConvertI32U F64ConvertI64S F64ConvertI64U
    F64PromoteF32 I32ReinterpretF32 I64ReinterpretF64 F32ReinterpretI32 F64ReinterpretI64
    I32Extend8S I32Extend16S I64Extend8S I64Extend16S I64Extend32S I32TruncSatF32S I32TruncSatF32U
    I32TruncSatF64S I32TruncSatF64U I64TruncSatF32S I64TruncSatF32U I64TruncSatF64S I64TruncSatF64U
}

/// Lists the operators with three operands. A row reads: variant, function.
macro_rules! ternary_operators {
    ($($Op:ident = $function:path;)*) => {
        mod ternary {
            $(pub(super) struct $Op;)*
        }
        $(
            impl Compute<()> for ternary::$Op {
                #[inline(always)]
                unsafe fn compute(regs: &mut Regs) {
                    // SAFETY: the instruction has the operands.
                    unsafe {
                        let value = $function(read::<1>(regs), read::<2>(regs), read::<3>(regs));
                        // Four slots at once would need more registers than there are.
                        compiler_fence(SeqCst);
                        write::<0>(regs, value);
                    }
                }
            }
        )*
        /// The instruction for an operator with three operands.
        pub(crate) fn vector_ternary(of: TernaryOp) -> &'static Op {
            match of {
                $(TernaryOp::$Op => const {
                    &op::<ternary::$Op, ()>(TernaryOp::$Op.name(), fields([TO, A, B, Field::Vector(3)]))
                },)*
            }
        }
    };
}

ternary_operators! {
    V128Bitselect = bitselect;
    F32x4RelaxedMadd = f32x4_relaxed_madd;
    F32x4RelaxedNmadd = f32x4_relaxed_nmadd;
    F64x2RelaxedMadd = f64x2_relaxed_madd;
    F64x2RelaxedNmadd = f64x2_relaxed_nmadd;
    I8x16RelaxedLaneselect = bitselect;
    I16x8RelaxedLaneselect = bitselect;
    I32x4RelaxedLaneselect = bitselect;
    I64x2RelaxedLaneselect = bitselect;
    I32x4RelaxedDotI8x16I7x16AddS = numeric::i32x4_relaxed_dot_i8x16_i7x16_add_s;
}

/// Lists the operators that take a lane out; it is in field 2. A row reads: variant, result,
/// function.
macro_rules! extract_operators {
    ($($Op:ident -> $R:ident = $function:path;)*) => {
        mod extract {
            $(pub(super) struct $Op;)*
        }
        $(
            impl<R: Sink> Compute<R> for extract::$Op {
                #[inline(always)]
                unsafe fn compute(regs: &mut Regs) {
                    // SAFETY: the instruction has the operands.
                    unsafe { R::put::<$R>(regs, $function(read::<1>(regs), regs.u16::<2>() as u8)) }
                }
            }
        )*
        /// The instructions that take out a lane: to the accumulator, to a slot too.
        pub(crate) fn extract_lane(of: ExtractLaneOp) -> &'static [Op; 2] {
            match of {
                $(ExtractLaneOp::$Op => const {
                    &[
                        op::<extract::$Op, ToAcc>(ExtractLaneOp::$Op.name(), fields([Field::ToAcc, A, Field::Small(2)])),
                        op::<extract::$Op, ToSlot>(ExtractLaneOp::$Op.name(), fields([Field::ToSlot(0), A, Field::Small(2)])),
                    ]
                },)*
            }
        }
    };
}

extract_operators! {
    I8x16ExtractLaneS -> i32 = numeric::i8x16_extract_lane_s;
    I8x16ExtractLaneU -> i32 = numeric::i8x16_extract_lane_u;
    I16x8ExtractLaneS -> i32 = numeric::i16x8_extract_lane_s;
    I16x8ExtractLaneU -> i32 = numeric::i16x8_extract_lane_u;
    I32x4ExtractLane -> i32 = numeric::i32x4_extract_lane;
    I64x2ExtractLane -> i64 = numeric::i64x2_extract_lane;
    F32x4ExtractLane -> f32 = numeric::f32x4_extract_lane;
    F64x2ExtractLane -> f64 = numeric::f64x2_extract_lane;
}

/// Lists the operators that replace the lane in field 2. A row reads: variant, number, function.
macro_rules! replace_operators {
    ($($Op:ident($T:ident) = $function:path;)*) => {
        mod replace {
            $(pub(super) struct $Op;)*
        }
        $(
            impl<S: Source<$T>> Compute<S> for replace::$Op {
                #[inline(always)]
                unsafe fn compute(regs: &mut Regs) {
                    // SAFETY: the instruction has the operands.
                    unsafe { write::<0>(regs, $function(read::<1>(regs), regs.u16::<2>() as u8, S::get(regs))) }
                }
            }
        )*
        /// The instructions that replace a lane by a number in the slot in field 3, and in the
        /// accumulator.
        pub(crate) fn replace_lane(of: ReplaceLaneOp) -> &'static [Op; 2] {
            match of {
                $(ReplaceLaneOp::$Op => const {
                    &[
                        op::<replace::$Op, Slot<3>>(ReplaceLaneOp::$Op.name(), fields([TO, A, Field::Small(2), Field::Slot(3)])),
                        op::<replace::$Op, Acc>(ReplaceLaneOp::$Op.name(), fields([TO, A, Field::Small(2), Field::Acc])),
                    ]
                },)*
            }
        }
    };
}

replace_operators! {
    I8x16ReplaceLane(i32) = numeric::i8x16_replace_lane;
    I16x8ReplaceLane(i32) = numeric::i16x8_replace_lane;
    I32x4ReplaceLane(i32) = numeric::i32x4_replace_lane;
    I64x2ReplaceLane(i64) = numeric::i64x2_replace_lane;
    F32x4ReplaceLane(f32) = numeric::f32x4_replace_lane;
    F64x2ReplaceLane(f64) = numeric::f64x2_replace_lane;
}

/// `i8x16.shuffle`: the lanes are the third and fourth words.
struct Shuffle;
impl Instruction for Shuffle {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has the operands.
        unsafe {
            let lanes = regs.ip.add(2).cast::<Bytes>().read();
            write::<0>(regs, numeric::i8x16_shuffle(lanes, read::<1>(regs), read::<2>(regs)));
            regs.advance(4);
        }
        Ok(())
    }
}

/// `i8x16.shuffle`.
pub(crate) static SHUFFLE: Op =
    Op::new::<Shuffle>("i8x16.shuffle", 4, fields([TO, A, B, Field::Word(2), Field::Word(3)]));

/// Makes the lanes of floating-point numbers that are NaN canonical.
struct CanonicalF32x4;
struct CanonicalF64x2;

impl Compute<()> for CanonicalF32x4 {
    #[inline(always)]
    unsafe fn compute(regs: &mut Regs) {
        // SAFETY: the instruction has the operands.
        let mut bytes = unsafe { read::<1>(regs) };
        for lane in bytes.as_chunks_mut().0 {
            if f32::from_le_bytes(*lane).is_nan() {
                *lane = 0x7fc0_0000_u32.to_le_bytes();
            }
        }
        // SAFETY: as above.
        unsafe { write::<0>(regs, bytes) }
    }
}

impl Compute<()> for CanonicalF64x2 {
    #[inline(always)]
    unsafe fn compute(regs: &mut Regs) {
        // SAFETY: the instruction has the operands.
        let mut bytes = unsafe { read::<1>(regs) };
        for lane in bytes.as_chunks_mut().0 {
            if f64::from_le_bytes(*lane).is_nan() {
                *lane = 0x7ff8_0000_0000_0000_u64.to_le_bytes();
            }
        }
        // SAFETY: as above.
        unsafe { write::<0>(regs, bytes) }
    }
}

/// In deterministic mode after what may give other NaNs.
pub(crate) static CANONICAL_F32X4: Op = op::<CanonicalF32x4, ()>("f32x4.canonical", fields([TO, A]));
/// The same for `f64`.
pub(crate) static CANONICAL_F64X2: Op = op::<CanonicalF64x2, ()>("f64x2.canonical", fields([TO, A]));
