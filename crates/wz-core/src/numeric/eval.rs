//! The operators by number: what they make of operands given as bits. For folding constants, and
//! the reference that engines are compared with.
//!
//! An operand or result of less than 128 bits is the low bits; the bits above are zero in results
//! and do not matter in operands.

use wz_api::{Trap, V128};
use wz_decode::ops::{
    BinaryOp, ExtractLaneOp, LoadLaneOp, LoadOp, ReplaceLaneOp, StoreLaneOp, StoreOp, TernaryOp, UnaryOp,
};

use super::*;

/// What an operator takes.
trait Operand {
    fn of(bits: u128) -> Self;
}

/// What an operator gives.
trait Outcome {
    fn bits(self) -> Result<u128, Trap>;
}

/// A row reads: type, its value of bits, its bits.
macro_rules! operands {
    ($($T:ident: |$bits:ident| $of:expr, |$value:ident| $to:expr;)+) => {$(
        impl Operand for $T {
            fn of($bits: u128) -> Self { $of }
        }

        impl Outcome for $T {
            fn bits(self) -> Result<u128, Trap> {
                let $value = self;
                Ok($to)
            }
        }
    )+};
}

operands! {
    u8: |bits| bits as Self, |value| value.into();
    i32: |bits| bits as Self, |value| value.cast_unsigned().into();
    i64: |bits| bits as Self, |value| value.cast_unsigned().into();
    f32: |bits| Self::from_bits(bits as u32), |value| value.to_bits().into();
    f64: |bits| Self::from_bits(bits as u64), |value| value.to_bits().into();
    V128: |bits| Self(bits), |value| value.0;
}

impl<T: Outcome> Outcome for Result<T, Trap> {
    fn bits(self) -> Result<u128, Trap> {
        self?.bits()
    }
}

/// A function of operands that are given as bits.
trait Function<Operands, const COUNT: usize> {
    fn evaluate(&self, operands: [u128; COUNT]) -> Result<u128, Trap>;
}

impl<F: Fn(A) -> R, A: Operand, R: Outcome> Function<(A,), 1> for F {
    fn evaluate(&self, [a]: [u128; 1]) -> Result<u128, Trap> {
        self(A::of(a)).bits()
    }
}

impl<F: Fn(A, B) -> R, A: Operand, B: Operand, R: Outcome> Function<(A, B), 2> for F {
    fn evaluate(&self, [a, b]: [u128; 2]) -> Result<u128, Trap> {
        self(A::of(a), B::of(b)).bits()
    }
}

impl<F: Fn(A, B, C) -> R, A: Operand, B: Operand, C: Operand, R: Outcome> Function<(A, B, C), 3> for F {
    fn evaluate(&self, [a, b, c]: [u128; 3]) -> Result<u128, Trap> {
        self(A::of(a), B::of(b), C::of(c)).bits()
    }
}

/// Defines an evaluator: operators and their functions, first those of scalars, then those that
/// have vectors among their operands and results.
macro_rules! evaluator {
    ($(#[$doc:meta])* $name:ident($op:ident: $Op:ident, $($x:ident: $X:ident),+) of $operands:expr; {
        $($Scalar:ident = $scalar:ident,)*
    } {
        $($Vector:ident = $vector:ident,)*
    }) => {
        $(#[$doc])*
        pub fn $name($op: $Op, $($x: $X),+) -> Result<u128, Trap> {
            match $op {
                $($Op::$Scalar => $scalar.evaluate($operands),)*
                $($Op::$Vector => $vector::<V128>.evaluate($operands),)*
            }
        }
    };
}

evaluator! {
    /// What an operator with one operand gives.
    ///
    /// # Errors
    /// The trap, if it traps.
    unary(op: UnaryOp, a: u128) of [a]; {
        I32Eqz = i32_eqz,
        I64Eqz = i64_eqz,
        I32Clz = i32_clz, I32Ctz = i32_ctz, I32Popcnt = i32_popcnt,
        I64Clz = i64_clz, I64Ctz = i64_ctz, I64Popcnt = i64_popcnt,
        F32Abs = f32_abs, F32Neg = f32_neg, F32Ceil = f32_ceil, F32Floor = f32_floor,
        F32Trunc = f32_trunc, F32Nearest = f32_nearest, F32Sqrt = f32_sqrt,
        F64Abs = f64_abs, F64Neg = f64_neg, F64Ceil = f64_ceil, F64Floor = f64_floor,
        F64Trunc = f64_trunc, F64Nearest = f64_nearest, F64Sqrt = f64_sqrt,
        I32WrapI64 = i32_wrap_i64, I32TruncF32S = i32_trunc_f32_s, I32TruncF32U = i32_trunc_f32_u,
        I32TruncF64S = i32_trunc_f64_s, I32TruncF64U = i32_trunc_f64_u,
        I64ExtendI32S = i64_extend_i32_s, I64ExtendI32U = i64_extend_i32_u,
        I64TruncF32S = i64_trunc_f32_s, I64TruncF32U = i64_trunc_f32_u, I64TruncF64S = i64_trunc_f64_s,
        I64TruncF64U = i64_trunc_f64_u,
        F32ConvertI32S = f32_convert_i32_s, F32ConvertI32U = f32_convert_i32_u,
        F32ConvertI64S = f32_convert_i64_s, F32ConvertI64U = f32_convert_i64_u,
        F32DemoteF64 = f32_demote_f64,
        F64ConvertI32S = f64_convert_i32_s, F64ConvertI32U = f64_convert_i32_u,
        F64ConvertI64S = f64_convert_i64_s, F64ConvertI64U = f64_convert_i64_u,
        F64PromoteF32 = f64_promote_f32,
        I32ReinterpretF32 = i32_reinterpret_f32,
        I64ReinterpretF64 = i64_reinterpret_f64,
        F32ReinterpretI32 = f32_reinterpret_i32,
        F64ReinterpretI64 = f64_reinterpret_i64,
        I32Extend8S = i32_extend8_s, I32Extend16S = i32_extend16_s,
        I64Extend8S = i64_extend8_s, I64Extend16S = i64_extend16_s, I64Extend32S = i64_extend32_s,
        I32TruncSatF32S = i32_trunc_sat_f32_s, I32TruncSatF32U = i32_trunc_sat_f32_u,
        I32TruncSatF64S = i32_trunc_sat_f64_s, I32TruncSatF64U = i32_trunc_sat_f64_u,
        I64TruncSatF32S = i64_trunc_sat_f32_s, I64TruncSatF32U = i64_trunc_sat_f32_u,
        I64TruncSatF64S = i64_trunc_sat_f64_s, I64TruncSatF64U = i64_trunc_sat_f64_u,
    } {
        I8x16Splat = i8x16_splat,
        I16x8Splat = i16x8_splat,
        I32x4Splat = i32x4_splat,
        I64x2Splat = i64x2_splat,
        F32x4Splat = f32x4_splat,
        F64x2Splat = f64x2_splat,
        V128Not = v128_not, V128AnyTrue = v128_any_true,
        I8x16Abs = i8x16_abs, I8x16Neg = i8x16_neg, I8x16Popcnt = i8x16_popcnt,
        I8x16AllTrue = i8x16_all_true, I8x16Bitmask = i8x16_bitmask,
        I16x8ExtAddPairwiseI8x16S = i16x8_extadd_pairwise_i8x16_s,
        I16x8ExtAddPairwiseI8x16U = i16x8_extadd_pairwise_i8x16_u, I16x8Abs = i16x8_abs,
        I16x8Neg = i16x8_neg, I16x8AllTrue = i16x8_all_true, I16x8Bitmask = i16x8_bitmask,
        I16x8ExtendLowI8x16S = i16x8_extend_low_i8x16_s,
        I16x8ExtendHighI8x16S = i16x8_extend_high_i8x16_s,
        I16x8ExtendLowI8x16U = i16x8_extend_low_i8x16_u,
        I16x8ExtendHighI8x16U = i16x8_extend_high_i8x16_u,
        I32x4ExtAddPairwiseI16x8S = i32x4_extadd_pairwise_i16x8_s,
        I32x4ExtAddPairwiseI16x8U = i32x4_extadd_pairwise_i16x8_u, I32x4Abs = i32x4_abs,
        I32x4Neg = i32x4_neg, I32x4AllTrue = i32x4_all_true, I32x4Bitmask = i32x4_bitmask,
        I32x4ExtendLowI16x8S = i32x4_extend_low_i16x8_s,
        I32x4ExtendHighI16x8S = i32x4_extend_high_i16x8_s,
        I32x4ExtendLowI16x8U = i32x4_extend_low_i16x8_u,
        I32x4ExtendHighI16x8U = i32x4_extend_high_i16x8_u,
        I64x2Abs = i64x2_abs, I64x2Neg = i64x2_neg, I64x2AllTrue = i64x2_all_true,
        I64x2Bitmask = i64x2_bitmask, I64x2ExtendLowI32x4S = i64x2_extend_low_i32x4_s,
        I64x2ExtendHighI32x4S = i64x2_extend_high_i32x4_s,
        I64x2ExtendLowI32x4U = i64x2_extend_low_i32x4_u,
        I64x2ExtendHighI32x4U = i64x2_extend_high_i32x4_u,
        F32x4Ceil = f32x4_ceil, F32x4Floor = f32x4_floor, F32x4Trunc = f32x4_trunc,
        F32x4Nearest = f32x4_nearest, F32x4Abs = f32x4_abs, F32x4Neg = f32x4_neg, F32x4Sqrt = f32x4_sqrt,
        F64x2Ceil = f64x2_ceil, F64x2Floor = f64x2_floor, F64x2Trunc = f64x2_trunc,
        F64x2Nearest = f64x2_nearest, F64x2Abs = f64x2_abs, F64x2Neg = f64x2_neg, F64x2Sqrt = f64x2_sqrt,
        I32x4TruncSatF32x4S = i32x4_trunc_sat_f32x4_s, I32x4TruncSatF32x4U = i32x4_trunc_sat_f32x4_u,
        F32x4ConvertI32x4S = f32x4_convert_i32x4_s, F32x4ConvertI32x4U = f32x4_convert_i32x4_u,
        I32x4TruncSatF64x2SZero = i32x4_trunc_sat_f64x2_s_zero,
        I32x4TruncSatF64x2UZero = i32x4_trunc_sat_f64x2_u_zero,
        F64x2ConvertLowI32x4S = f64x2_convert_low_i32x4_s,
        F64x2ConvertLowI32x4U = f64x2_convert_low_i32x4_u,
        F32x4DemoteF64x2Zero = f32x4_demote_f64x2_zero,
        F64x2PromoteLowF32x4 = f64x2_promote_low_f32x4,
        I32x4RelaxedTruncF32x4S = i32x4_relaxed_trunc_f32x4_s,
        I32x4RelaxedTruncF32x4U = i32x4_relaxed_trunc_f32x4_u,
        I32x4RelaxedTruncF64x2SZero = i32x4_relaxed_trunc_f64x2_s_zero,
        I32x4RelaxedTruncF64x2UZero = i32x4_relaxed_trunc_f64x2_u_zero,
    }
}

evaluator! {
    /// What an operator with two operands gives.
    ///
    /// # Errors
    /// The trap, if it traps.
    binary(op: BinaryOp, a: u128, b: u128) of [a, b]; {
        I32Eq = i32_eq, I32Ne = i32_ne, I32LtS = i32_lt_s, I32LtU = i32_lt_u, I32GtS = i32_gt_s,
        I32GtU = i32_gt_u, I32LeS = i32_le_s, I32LeU = i32_le_u, I32GeS = i32_ge_s, I32GeU = i32_ge_u,
        I64Eq = i64_eq, I64Ne = i64_ne, I64LtS = i64_lt_s, I64LtU = i64_lt_u, I64GtS = i64_gt_s,
        I64GtU = i64_gt_u, I64LeS = i64_le_s, I64LeU = i64_le_u, I64GeS = i64_ge_s, I64GeU = i64_ge_u,
        F32Eq = f32_eq, F32Ne = f32_ne, F32Lt = f32_lt, F32Gt = f32_gt, F32Le = f32_le, F32Ge = f32_ge,
        F64Eq = f64_eq, F64Ne = f64_ne, F64Lt = f64_lt, F64Gt = f64_gt, F64Le = f64_le, F64Ge = f64_ge,
        I32Add = i32_add, I32Sub = i32_sub, I32Mul = i32_mul, I32DivS = i32_div_s, I32DivU = i32_div_u,
        I32RemS = i32_rem_s, I32RemU = i32_rem_u, I32And = i32_and, I32Or = i32_or, I32Xor = i32_xor,
        I32Shl = i32_shl, I32ShrS = i32_shr_s, I32ShrU = i32_shr_u, I32Rotl = i32_rotl,
        I32Rotr = i32_rotr,
        I64Add = i64_add, I64Sub = i64_sub, I64Mul = i64_mul, I64DivS = i64_div_s, I64DivU = i64_div_u,
        I64RemS = i64_rem_s, I64RemU = i64_rem_u, I64And = i64_and, I64Or = i64_or, I64Xor = i64_xor,
        I64Shl = i64_shl, I64ShrS = i64_shr_s, I64ShrU = i64_shr_u, I64Rotl = i64_rotl,
        I64Rotr = i64_rotr,
        F32Add = f32_add, F32Sub = f32_sub, F32Mul = f32_mul, F32Div = f32_div, F32Min = f32_min,
        F32Max = f32_max, F32Copysign = f32_copysign,
        F64Add = f64_add, F64Sub = f64_sub, F64Mul = f64_mul, F64Div = f64_div, F64Min = f64_min,
        F64Max = f64_max, F64Copysign = f64_copysign,
    } {
        I8x16Swizzle = i8x16_swizzle, I8x16Eq = i8x16_eq, I8x16Ne = i8x16_ne, I8x16LtS = i8x16_lt_s,
        I8x16LtU = i8x16_lt_u, I8x16GtS = i8x16_gt_s, I8x16GtU = i8x16_gt_u, I8x16LeS = i8x16_le_s,
        I8x16LeU = i8x16_le_u, I8x16GeS = i8x16_ge_s, I8x16GeU = i8x16_ge_u,
        I16x8Eq = i16x8_eq, I16x8Ne = i16x8_ne, I16x8LtS = i16x8_lt_s, I16x8LtU = i16x8_lt_u,
        I16x8GtS = i16x8_gt_s, I16x8GtU = i16x8_gt_u, I16x8LeS = i16x8_le_s, I16x8LeU = i16x8_le_u,
        I16x8GeS = i16x8_ge_s, I16x8GeU = i16x8_ge_u,
        I32x4Eq = i32x4_eq, I32x4Ne = i32x4_ne, I32x4LtS = i32x4_lt_s, I32x4LtU = i32x4_lt_u,
        I32x4GtS = i32x4_gt_s, I32x4GtU = i32x4_gt_u, I32x4LeS = i32x4_le_s, I32x4LeU = i32x4_le_u,
        I32x4GeS = i32x4_ge_s, I32x4GeU = i32x4_ge_u,
        I64x2Eq = i64x2_eq, I64x2Ne = i64x2_ne, I64x2LtS = i64x2_lt_s, I64x2GtS = i64x2_gt_s,
        I64x2LeS = i64x2_le_s, I64x2GeS = i64x2_ge_s,
        F32x4Eq = f32x4_eq, F32x4Ne = f32x4_ne, F32x4Lt = f32x4_lt, F32x4Gt = f32x4_gt,
        F32x4Le = f32x4_le, F32x4Ge = f32x4_ge,
        F64x2Eq = f64x2_eq, F64x2Ne = f64x2_ne, F64x2Lt = f64x2_lt, F64x2Gt = f64x2_gt,
        F64x2Le = f64x2_le, F64x2Ge = f64x2_ge,
        V128And = v128_and, V128AndNot = v128_andnot, V128Or = v128_or, V128Xor = v128_xor,
        I8x16NarrowI16x8S = i8x16_narrow_i16x8_s, I8x16NarrowI16x8U = i8x16_narrow_i16x8_u,
        I8x16Shl = i8x16_shl, I8x16ShrS = i8x16_shr_s, I8x16ShrU = i8x16_shr_u, I8x16Add = i8x16_add,
        I8x16AddSatS = i8x16_add_sat_s, I8x16AddSatU = i8x16_add_sat_u, I8x16Sub = i8x16_sub,
        I8x16SubSatS = i8x16_sub_sat_s, I8x16SubSatU = i8x16_sub_sat_u, I8x16MinS = i8x16_min_s,
        I8x16MinU = i8x16_min_u, I8x16MaxS = i8x16_max_s, I8x16MaxU = i8x16_max_u,
        I8x16AvgrU = i8x16_avgr_u,
        I16x8Q15MulrSatS = i16x8_q15mulr_sat_s, I16x8NarrowI32x4S = i16x8_narrow_i32x4_s,
        I16x8NarrowI32x4U = i16x8_narrow_i32x4_u, I16x8Shl = i16x8_shl, I16x8ShrS = i16x8_shr_s,
        I16x8ShrU = i16x8_shr_u, I16x8Add = i16x8_add, I16x8AddSatS = i16x8_add_sat_s,
        I16x8AddSatU = i16x8_add_sat_u, I16x8Sub = i16x8_sub, I16x8SubSatS = i16x8_sub_sat_s,
        I16x8SubSatU = i16x8_sub_sat_u, I16x8Mul = i16x8_mul, I16x8MinS = i16x8_min_s,
        I16x8MinU = i16x8_min_u, I16x8MaxS = i16x8_max_s, I16x8MaxU = i16x8_max_u,
        I16x8AvgrU = i16x8_avgr_u, I16x8ExtMulLowI8x16S = i16x8_extmul_low_i8x16_s,
        I16x8ExtMulHighI8x16S = i16x8_extmul_high_i8x16_s,
        I16x8ExtMulLowI8x16U = i16x8_extmul_low_i8x16_u,
        I16x8ExtMulHighI8x16U = i16x8_extmul_high_i8x16_u,
        I32x4Shl = i32x4_shl, I32x4ShrS = i32x4_shr_s, I32x4ShrU = i32x4_shr_u, I32x4Add = i32x4_add,
        I32x4Sub = i32x4_sub, I32x4Mul = i32x4_mul, I32x4MinS = i32x4_min_s, I32x4MinU = i32x4_min_u,
        I32x4MaxS = i32x4_max_s, I32x4MaxU = i32x4_max_u, I32x4DotI16x8S = i32x4_dot_i16x8_s,
        I32x4ExtMulLowI16x8S = i32x4_extmul_low_i16x8_s,
        I32x4ExtMulHighI16x8S = i32x4_extmul_high_i16x8_s,
        I32x4ExtMulLowI16x8U = i32x4_extmul_low_i16x8_u,
        I32x4ExtMulHighI16x8U = i32x4_extmul_high_i16x8_u,
        I64x2Shl = i64x2_shl, I64x2ShrS = i64x2_shr_s, I64x2ShrU = i64x2_shr_u, I64x2Add = i64x2_add,
        I64x2Sub = i64x2_sub, I64x2Mul = i64x2_mul, I64x2ExtMulLowI32x4S = i64x2_extmul_low_i32x4_s,
        I64x2ExtMulHighI32x4S = i64x2_extmul_high_i32x4_s,
        I64x2ExtMulLowI32x4U = i64x2_extmul_low_i32x4_u,
        I64x2ExtMulHighI32x4U = i64x2_extmul_high_i32x4_u,
        F32x4Add = f32x4_add, F32x4Sub = f32x4_sub, F32x4Mul = f32x4_mul, F32x4Div = f32x4_div,
        F32x4Min = f32x4_min, F32x4Max = f32x4_max, F32x4PMin = f32x4_pmin, F32x4PMax = f32x4_pmax,
        F64x2Add = f64x2_add, F64x2Sub = f64x2_sub, F64x2Mul = f64x2_mul, F64x2Div = f64x2_div,
        F64x2Min = f64x2_min, F64x2Max = f64x2_max, F64x2PMin = f64x2_pmin, F64x2PMax = f64x2_pmax,
        I8x16RelaxedSwizzle = i8x16_relaxed_swizzle,
        F32x4RelaxedMin = f32x4_relaxed_min, F32x4RelaxedMax = f32x4_relaxed_max,
        F64x2RelaxedMin = f64x2_relaxed_min, F64x2RelaxedMax = f64x2_relaxed_max,
        I16x8RelaxedQ15mulrS = i16x8_relaxed_q15mulr_s,
        I16x8RelaxedDotI8x16I7x16S = i16x8_relaxed_dot_i8x16_i7x16_s,
    }
}

evaluator! {
    /// What an operator with three operands gives.
    ///
    /// # Errors
    /// The trap, if it traps.
    ternary(op: TernaryOp, a: u128, b: u128, c: u128) of [a, b, c]; {
    } {
        V128Bitselect = v128_bitselect,
        F32x4RelaxedMadd = f32x4_relaxed_madd, F32x4RelaxedNmadd = f32x4_relaxed_nmadd,
        F64x2RelaxedMadd = f64x2_relaxed_madd, F64x2RelaxedNmadd = f64x2_relaxed_nmadd,
        I8x16RelaxedLaneselect = i8x16_relaxed_laneselect,
        I16x8RelaxedLaneselect = i16x8_relaxed_laneselect,
        I32x4RelaxedLaneselect = i32x4_relaxed_laneselect,
        I64x2RelaxedLaneselect = i64x2_relaxed_laneselect,
        I32x4RelaxedDotI8x16I7x16AddS = i32x4_relaxed_dot_i8x16_i7x16_add_s,
    }
}

evaluator! {
    /// What an operator that takes out a lane gives.
    ///
    /// # Errors
    /// The trap, if it traps.
    extract_lane(op: ExtractLaneOp, lane: u8, a: u128) of [a, lane.into()]; {
    } {
        I8x16ExtractLaneS = i8x16_extract_lane_s, I8x16ExtractLaneU = i8x16_extract_lane_u,
        I16x8ExtractLaneS = i16x8_extract_lane_s, I16x8ExtractLaneU = i16x8_extract_lane_u,
        I32x4ExtractLane = i32x4_extract_lane,
        I64x2ExtractLane = i64x2_extract_lane,
        F32x4ExtractLane = f32x4_extract_lane,
        F64x2ExtractLane = f64x2_extract_lane,
    }
}

evaluator! {
    /// What an operator that replaces a lane gives.
    ///
    /// # Errors
    /// The trap, if it traps.
    replace_lane(op: ReplaceLaneOp, lane: u8, a: u128, b: u128) of [a, lane.into(), b]; {
    } {
        I8x16ReplaceLane = i8x16_replace_lane,
        I16x8ReplaceLane = i16x8_replace_lane,
        I32x4ReplaceLane = i32x4_replace_lane,
        I64x2ReplaceLane = i64x2_replace_lane,
        F32x4ReplaceLane = f32x4_replace_lane,
        F64x2ReplaceLane = f64x2_replace_lane,
    }
}

/// What `i8x16.shuffle` gives.
#[must_use]
pub fn shuffle(lanes: [u8; 16], a: u128, b: u128) -> u128 {
    i8x16_shuffle(lanes, V128(a), V128(b)).0
}

/// The bytes that were loaded, as an array.
fn exactly<const LEN: usize>(bytes: &[u8]) -> [u8; LEN] {
    bytes.try_into().expect("as many bytes as the operator loads")
}

/// Defines the evaluator of loads: operators and their functions, in two lists as above.
macro_rules! load_evaluator {
    ($($Scalar:ident = $scalar:ident,)* ; $($Vector:ident = $vector:ident,)*) => {
        /// What a load gives of the bytes that it loads, [`LoadOp::bytes`] many.
        ///
        /// # Panics
        /// If it is another number of bytes.
        #[must_use]
        pub fn load(op: LoadOp, bytes: &[u8]) -> u128 {
            let result = match op {
                $(LoadOp::$Scalar => $scalar(exactly(bytes)).bits(),)*
                $(LoadOp::$Vector => $vector::<V128>(exactly(bytes)).bits(),)*
            };
            result.expect("loads as such do not trap")
        }
    };
}

load_evaluator! {
    I32Load = i32_load,
    I64Load = i64_load,
    F32Load = f32_load,
    F64Load = f64_load,
    I32Load8S = i32_load8_s, I32Load8U = i32_load8_u, I32Load16S = i32_load16_s,
    I32Load16U = i32_load16_u,
    I64Load8S = i64_load8_s, I64Load8U = i64_load8_u, I64Load16S = i64_load16_s,
    I64Load16U = i64_load16_u, I64Load32S = i64_load32_s, I64Load32U = i64_load32_u,
    ;
    V128Load = v128_load, V128Load8x8S = v128_load8x8_s, V128Load8x8U = v128_load8x8_u,
    V128Load16x4S = v128_load16x4_s, V128Load16x4U = v128_load16x4_u, V128Load32x2S = v128_load32x2_s,
    V128Load32x2U = v128_load32x2_u, V128Load8Splat = v128_load8_splat,
    V128Load16Splat = v128_load16_splat, V128Load32Splat = v128_load32_splat,
    V128Load64Splat = v128_load64_splat, V128Load32Zero = v128_load32_zero,
    V128Load64Zero = v128_load64_zero,
}

/// What a load into a lane gives of the bytes that it loads, [`LoadLaneOp::bytes`] many.
///
/// # Panics
/// If it is another number of bytes.
#[must_use]
pub fn load_lane(op: LoadLaneOp, bytes: &[u8], lane: u8, a: u128) -> u128 {
    match op {
        LoadLaneOp::V128Load8Lane => v128_load8_lane(exactly(bytes), V128(a), lane).0,
        LoadLaneOp::V128Load16Lane => v128_load16_lane(exactly(bytes), V128(a), lane).0,
        LoadLaneOp::V128Load32Lane => v128_load32_lane(exactly(bytes), V128(a), lane).0,
        LoadLaneOp::V128Load64Lane => v128_load64_lane(exactly(bytes), V128(a), lane).0,
    }
}

/// What a store stores, [`StoreOp::bytes`] many: the low bytes always.
#[must_use]
pub fn store(op: StoreOp, a: u128) -> Vec<u8> {
    a.to_le_bytes()[..op.bytes() as usize].to_vec()
}

/// What a store of a lane stores.
#[must_use]
pub fn store_lane(op: StoreLaneOp, a: u128, lane: u8) -> Vec<u8> {
    match op {
        StoreLaneOp::V128Store8Lane => v128_store8_lane(V128(a), lane).to_vec(),
        StoreLaneOp::V128Store16Lane => v128_store16_lane(V128(a), lane).to_vec(),
        StoreLaneOp::V128Store32Lane => v128_store32_lane(V128(a), lane).to_vec(),
        StoreLaneOp::V128Store64Lane => v128_store64_lane(V128(a), lane).to_vec(),
    }
}
