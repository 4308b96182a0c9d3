//! The operators that only compute, load or store, as one enumeration per shape: how many
//! operands they take and whether they have an immediate. A table lists everything there is to
//! know of an operator apart from what it computes. Control, locals, calls, references and bulk
//! operations have methods of their own in [`FunctionBuilder`](crate::FunctionBuilder).
//!
//! A row reads: variant, opcode, name in the text format, operand types, result type; then the
//! number of bytes accessed or of lanes; in brackets what is special. Opcodes with a prefix byte
//! have it above the lowest twelve bits. Operand types leave out the address of memory accesses,
//! because the memory decides it.

use wz_api::ValueType::{self, F32, F64, I32, I64, V128};

/// What a table says of one operator.
struct Facts {
    name: &'static str,
    opcode: u32,
    params: &'static [ValueType],
    result: Option<ValueType>,
    /// Bytes accessed, or lanes; 0 where there is neither.
    count: u8,
    flags: u8,
}

/// The operator traps on some operands.
const TRAPS: u8 = 1;
/// The operator compares two scalars; the result is 0 or 1.
const COMPARES: u8 = 2;
/// The operands may be swapped without changing any bit of the result.
const COMMUTES: u8 = 4;

const fn first(types: &[ValueType]) -> Option<ValueType> {
    if let [ty, ..] = types { Some(*ty) } else { None }
}

macro_rules! operators {
    (
        $(#[$doc:meta])*
        pub enum $Enum:ident;
        $(
            $Variant:ident = $opcode:literal $name:literal ($($param:ident),*) $(-> $result:ident)?
            $(, $count:literal $unit:ident)? $([$($flag:ident),*])?;
        )*
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $Enum {
            $(#[doc = concat!("`", $name, "`")] $Variant,)*
        }

        impl $Enum {
            /// Every operator of this shape, in order of discriminant from 0.
            pub const ALL: &[Self] = &[$(Self::$Variant),*];

            const fn facts(self) -> &'static Facts {
                const FACTS: &[Facts; $Enum::ALL.len()] = &[$(
                    Facts {
                        name: $name,
                        opcode: $opcode,
                        params: &[$($param),*],
                        result: first(&[$($result)?]),
                        count: 0 $(+ $count)?,
                        flags: 0 $($(| $flag)*)?,
                    }
                ),*];
                &FACTS[self as usize]
            }

            /// The name in the text format.
            #[must_use]
            pub const fn name(self) -> &'static str {
                self.facts().name
            }

            /// The opcode; a prefix byte stands above the lowest twelve bits.
            #[must_use]
            pub const fn opcode(self) -> u32 {
                self.facts().opcode
            }

            /// The types of the operands in order, without the address of a memory access.
            #[must_use]
            pub const fn params(self) -> &'static [ValueType] {
                self.facts().params
            }
        }

        impl std::fmt::Display for $Enum {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

operators! {
    /// An operator that takes one value and gives one: tests, arithmetic, conversions, splats.
    pub enum UnaryOp;
    I32Eqz = 0x45 "i32.eqz" (I32) -> I32;

    I64Eqz = 0x50 "i64.eqz" (I64) -> I32;

    I32Clz = 0x67 "i32.clz" (I32) -> I32;
    I32Ctz = 0x68 "i32.ctz" (I32) -> I32;
    I32Popcnt = 0x69 "i32.popcnt" (I32) -> I32;

    I64Clz = 0x79 "i64.clz" (I64) -> I64;
    I64Ctz = 0x7a "i64.ctz" (I64) -> I64;
    I64Popcnt = 0x7b "i64.popcnt" (I64) -> I64;

    F32Abs = 0x8b "f32.abs" (F32) -> F32;
    F32Neg = 0x8c "f32.neg" (F32) -> F32;
    F32Ceil = 0x8d "f32.ceil" (F32) -> F32;
    F32Floor = 0x8e "f32.floor" (F32) -> F32;
    F32Trunc = 0x8f "f32.trunc" (F32) -> F32;
    F32Nearest = 0x90 "f32.nearest" (F32) -> F32;
    F32Sqrt = 0x91 "f32.sqrt" (F32) -> F32;

    F64Abs = 0x99 "f64.abs" (F64) -> F64;
    F64Neg = 0x9a "f64.neg" (F64) -> F64;
    F64Ceil = 0x9b "f64.ceil" (F64) -> F64;
    F64Floor = 0x9c "f64.floor" (F64) -> F64;
    F64Trunc = 0x9d "f64.trunc" (F64) -> F64;
    F64Nearest = 0x9e "f64.nearest" (F64) -> F64;
    F64Sqrt = 0x9f "f64.sqrt" (F64) -> F64;

    I32WrapI64 = 0xa7 "i32.wrap_i64" (I64) -> I32;
    I32TruncF32S = 0xa8 "i32.trunc_f32_s" (F32) -> I32 [TRAPS];
    I32TruncF32U = 0xa9 "i32.trunc_f32_u" (F32) -> I32 [TRAPS];
    I32TruncF64S = 0xaa "i32.trunc_f64_s" (F64) -> I32 [TRAPS];
    I32TruncF64U = 0xab "i32.trunc_f64_u" (F64) -> I32 [TRAPS];

    I64ExtendI32S = 0xac "i64.extend_i32_s" (I32) -> I64;
    I64ExtendI32U = 0xad "i64.extend_i32_u" (I32) -> I64;
    I64TruncF32S = 0xae "i64.trunc_f32_s" (F32) -> I64 [TRAPS];
    I64TruncF32U = 0xaf "i64.trunc_f32_u" (F32) -> I64 [TRAPS];
    I64TruncF64S = 0xb0 "i64.trunc_f64_s" (F64) -> I64 [TRAPS];
    I64TruncF64U = 0xb1 "i64.trunc_f64_u" (F64) -> I64 [TRAPS];

    F32ConvertI32S = 0xb2 "f32.convert_i32_s" (I32) -> F32;
    F32ConvertI32U = 0xb3 "f32.convert_i32_u" (I32) -> F32;
    F32ConvertI64S = 0xb4 "f32.convert_i64_s" (I64) -> F32;
    F32ConvertI64U = 0xb5 "f32.convert_i64_u" (I64) -> F32;
    F32DemoteF64 = 0xb6 "f32.demote_f64" (F64) -> F32;

    F64ConvertI32S = 0xb7 "f64.convert_i32_s" (I32) -> F64;
    F64ConvertI32U = 0xb8 "f64.convert_i32_u" (I32) -> F64;
    F64ConvertI64S = 0xb9 "f64.convert_i64_s" (I64) -> F64;
    F64ConvertI64U = 0xba "f64.convert_i64_u" (I64) -> F64;
    F64PromoteF32 = 0xbb "f64.promote_f32" (F32) -> F64;

    I32ReinterpretF32 = 0xbc "i32.reinterpret_f32" (F32) -> I32;

    I64ReinterpretF64 = 0xbd "i64.reinterpret_f64" (F64) -> I64;

    F32ReinterpretI32 = 0xbe "f32.reinterpret_i32" (I32) -> F32;

    F64ReinterpretI64 = 0xbf "f64.reinterpret_i64" (I64) -> F64;

    I32Extend8S = 0xc0 "i32.extend8_s" (I32) -> I32;
    I32Extend16S = 0xc1 "i32.extend16_s" (I32) -> I32;

    I64Extend8S = 0xc2 "i64.extend8_s" (I64) -> I64;
    I64Extend16S = 0xc3 "i64.extend16_s" (I64) -> I64;
    I64Extend32S = 0xc4 "i64.extend32_s" (I64) -> I64;

    I32TruncSatF32S = 0xfc_000 "i32.trunc_sat_f32_s" (F32) -> I32;
    I32TruncSatF32U = 0xfc_001 "i32.trunc_sat_f32_u" (F32) -> I32;
    I32TruncSatF64S = 0xfc_002 "i32.trunc_sat_f64_s" (F64) -> I32;
    I32TruncSatF64U = 0xfc_003 "i32.trunc_sat_f64_u" (F64) -> I32;

    I64TruncSatF32S = 0xfc_004 "i64.trunc_sat_f32_s" (F32) -> I64;
    I64TruncSatF32U = 0xfc_005 "i64.trunc_sat_f32_u" (F32) -> I64;
    I64TruncSatF64S = 0xfc_006 "i64.trunc_sat_f64_s" (F64) -> I64;
    I64TruncSatF64U = 0xfc_007 "i64.trunc_sat_f64_u" (F64) -> I64;

    I8x16Splat = 0xfd_00f "i8x16.splat" (I32) -> V128;

    I16x8Splat = 0xfd_010 "i16x8.splat" (I32) -> V128;

    I32x4Splat = 0xfd_011 "i32x4.splat" (I32) -> V128;

    I64x2Splat = 0xfd_012 "i64x2.splat" (I64) -> V128;

    F32x4Splat = 0xfd_013 "f32x4.splat" (F32) -> V128;

    F64x2Splat = 0xfd_014 "f64x2.splat" (F64) -> V128;

    V128Not = 0xfd_04d "v128.not" (V128) -> V128;
    V128AnyTrue = 0xfd_053 "v128.any_true" (V128) -> I32;

    I8x16Abs = 0xfd_060 "i8x16.abs" (V128) -> V128;
    I8x16Neg = 0xfd_061 "i8x16.neg" (V128) -> V128;
    I8x16Popcnt = 0xfd_062 "i8x16.popcnt" (V128) -> V128;
    I8x16AllTrue = 0xfd_063 "i8x16.all_true" (V128) -> I32;
    I8x16Bitmask = 0xfd_064 "i8x16.bitmask" (V128) -> I32;

    I16x8ExtAddPairwiseI8x16S = 0xfd_07c "i16x8.extadd_pairwise_i8x16_s" (V128) -> V128;
    I16x8ExtAddPairwiseI8x16U = 0xfd_07d "i16x8.extadd_pairwise_i8x16_u" (V128) -> V128;
    I16x8Abs = 0xfd_080 "i16x8.abs" (V128) -> V128;
    I16x8Neg = 0xfd_081 "i16x8.neg" (V128) -> V128;
    I16x8AllTrue = 0xfd_083 "i16x8.all_true" (V128) -> I32;
    I16x8Bitmask = 0xfd_084 "i16x8.bitmask" (V128) -> I32;
    I16x8ExtendLowI8x16S = 0xfd_087 "i16x8.extend_low_i8x16_s" (V128) -> V128;
    I16x8ExtendHighI8x16S = 0xfd_088 "i16x8.extend_high_i8x16_s" (V128) -> V128;
    I16x8ExtendLowI8x16U = 0xfd_089 "i16x8.extend_low_i8x16_u" (V128) -> V128;
    I16x8ExtendHighI8x16U = 0xfd_08a "i16x8.extend_high_i8x16_u" (V128) -> V128;

    I32x4ExtAddPairwiseI16x8S = 0xfd_07e "i32x4.extadd_pairwise_i16x8_s" (V128) -> V128;
    I32x4ExtAddPairwiseI16x8U = 0xfd_07f "i32x4.extadd_pairwise_i16x8_u" (V128) -> V128;
    I32x4Abs = 0xfd_0a0 "i32x4.abs" (V128) -> V128;
    I32x4Neg = 0xfd_0a1 "i32x4.neg" (V128) -> V128;
    I32x4AllTrue = 0xfd_0a3 "i32x4.all_true" (V128) -> I32;
    I32x4Bitmask = 0xfd_0a4 "i32x4.bitmask" (V128) -> I32;
    I32x4ExtendLowI16x8S = 0xfd_0a7 "i32x4.extend_low_i16x8_s" (V128) -> V128;
    I32x4ExtendHighI16x8S = 0xfd_0a8 "i32x4.extend_high_i16x8_s" (V128) -> V128;
    I32x4ExtendLowI16x8U = 0xfd_0a9 "i32x4.extend_low_i16x8_u" (V128) -> V128;
    I32x4ExtendHighI16x8U = 0xfd_0aa "i32x4.extend_high_i16x8_u" (V128) -> V128;

    I64x2Abs = 0xfd_0c0 "i64x2.abs" (V128) -> V128;
    I64x2Neg = 0xfd_0c1 "i64x2.neg" (V128) -> V128;
    I64x2AllTrue = 0xfd_0c3 "i64x2.all_true" (V128) -> I32;
    I64x2Bitmask = 0xfd_0c4 "i64x2.bitmask" (V128) -> I32;
    I64x2ExtendLowI32x4S = 0xfd_0c7 "i64x2.extend_low_i32x4_s" (V128) -> V128;
    I64x2ExtendHighI32x4S = 0xfd_0c8 "i64x2.extend_high_i32x4_s" (V128) -> V128;
    I64x2ExtendLowI32x4U = 0xfd_0c9 "i64x2.extend_low_i32x4_u" (V128) -> V128;
    I64x2ExtendHighI32x4U = 0xfd_0ca "i64x2.extend_high_i32x4_u" (V128) -> V128;

    F32x4Ceil = 0xfd_067 "f32x4.ceil" (V128) -> V128;
    F32x4Floor = 0xfd_068 "f32x4.floor" (V128) -> V128;
    F32x4Trunc = 0xfd_069 "f32x4.trunc" (V128) -> V128;
    F32x4Nearest = 0xfd_06a "f32x4.nearest" (V128) -> V128;
    F32x4Abs = 0xfd_0e0 "f32x4.abs" (V128) -> V128;
    F32x4Neg = 0xfd_0e1 "f32x4.neg" (V128) -> V128;
    F32x4Sqrt = 0xfd_0e3 "f32x4.sqrt" (V128) -> V128;

    F64x2Ceil = 0xfd_074 "f64x2.ceil" (V128) -> V128;
    F64x2Floor = 0xfd_075 "f64x2.floor" (V128) -> V128;
    F64x2Trunc = 0xfd_07a "f64x2.trunc" (V128) -> V128;
    F64x2Nearest = 0xfd_094 "f64x2.nearest" (V128) -> V128;
    F64x2Abs = 0xfd_0ec "f64x2.abs" (V128) -> V128;
    F64x2Neg = 0xfd_0ed "f64x2.neg" (V128) -> V128;
    F64x2Sqrt = 0xfd_0ef "f64x2.sqrt" (V128) -> V128;

    I32x4TruncSatF32x4S = 0xfd_0f8 "i32x4.trunc_sat_f32x4_s" (V128) -> V128;
    I32x4TruncSatF32x4U = 0xfd_0f9 "i32x4.trunc_sat_f32x4_u" (V128) -> V128;

    F32x4ConvertI32x4S = 0xfd_0fa "f32x4.convert_i32x4_s" (V128) -> V128;
    F32x4ConvertI32x4U = 0xfd_0fb "f32x4.convert_i32x4_u" (V128) -> V128;

    I32x4TruncSatF64x2SZero = 0xfd_0fc "i32x4.trunc_sat_f64x2_s_zero" (V128) -> V128;
    I32x4TruncSatF64x2UZero = 0xfd_0fd "i32x4.trunc_sat_f64x2_u_zero" (V128) -> V128;

    F64x2ConvertLowI32x4S = 0xfd_0fe "f64x2.convert_low_i32x4_s" (V128) -> V128;
    F64x2ConvertLowI32x4U = 0xfd_0ff "f64x2.convert_low_i32x4_u" (V128) -> V128;

    F32x4DemoteF64x2Zero = 0xfd_05e "f32x4.demote_f64x2_zero" (V128) -> V128;

    F64x2PromoteLowF32x4 = 0xfd_05f "f64x2.promote_low_f32x4" (V128) -> V128;

    I32x4RelaxedTruncF32x4S = 0xfd_101 "i32x4.relaxed_trunc_f32x4_s" (V128) -> V128;
    I32x4RelaxedTruncF32x4U = 0xfd_102 "i32x4.relaxed_trunc_f32x4_u" (V128) -> V128;
    I32x4RelaxedTruncF64x2SZero = 0xfd_103 "i32x4.relaxed_trunc_f64x2_s_zero" (V128) -> V128;
    I32x4RelaxedTruncF64x2UZero = 0xfd_104 "i32x4.relaxed_trunc_f64x2_u_zero" (V128) -> V128;
}

operators! {
    /// An operator that takes two values and gives one: comparisons, arithmetic, vector shifts.
    pub enum BinaryOp;
    I32Eq = 0x46 "i32.eq" (I32, I32) -> I32 [COMPARES, COMMUTES];
    I32Ne = 0x47 "i32.ne" (I32, I32) -> I32 [COMPARES, COMMUTES];
    I32LtS = 0x48 "i32.lt_s" (I32, I32) -> I32 [COMPARES];
    I32LtU = 0x49 "i32.lt_u" (I32, I32) -> I32 [COMPARES];
    I32GtS = 0x4a "i32.gt_s" (I32, I32) -> I32 [COMPARES];
    I32GtU = 0x4b "i32.gt_u" (I32, I32) -> I32 [COMPARES];
    I32LeS = 0x4c "i32.le_s" (I32, I32) -> I32 [COMPARES];
    I32LeU = 0x4d "i32.le_u" (I32, I32) -> I32 [COMPARES];
    I32GeS = 0x4e "i32.ge_s" (I32, I32) -> I32 [COMPARES];
    I32GeU = 0x4f "i32.ge_u" (I32, I32) -> I32 [COMPARES];

    I64Eq = 0x51 "i64.eq" (I64, I64) -> I32 [COMPARES, COMMUTES];
    I64Ne = 0x52 "i64.ne" (I64, I64) -> I32 [COMPARES, COMMUTES];
    I64LtS = 0x53 "i64.lt_s" (I64, I64) -> I32 [COMPARES];
    I64LtU = 0x54 "i64.lt_u" (I64, I64) -> I32 [COMPARES];
    I64GtS = 0x55 "i64.gt_s" (I64, I64) -> I32 [COMPARES];
    I64GtU = 0x56 "i64.gt_u" (I64, I64) -> I32 [COMPARES];
    I64LeS = 0x57 "i64.le_s" (I64, I64) -> I32 [COMPARES];
    I64LeU = 0x58 "i64.le_u" (I64, I64) -> I32 [COMPARES];
    I64GeS = 0x59 "i64.ge_s" (I64, I64) -> I32 [COMPARES];
    I64GeU = 0x5a "i64.ge_u" (I64, I64) -> I32 [COMPARES];

    F32Eq = 0x5b "f32.eq" (F32, F32) -> I32 [COMPARES, COMMUTES];
    F32Ne = 0x5c "f32.ne" (F32, F32) -> I32 [COMPARES, COMMUTES];
    F32Lt = 0x5d "f32.lt" (F32, F32) -> I32 [COMPARES];
    F32Gt = 0x5e "f32.gt" (F32, F32) -> I32 [COMPARES];
    F32Le = 0x5f "f32.le" (F32, F32) -> I32 [COMPARES];
    F32Ge = 0x60 "f32.ge" (F32, F32) -> I32 [COMPARES];

    F64Eq = 0x61 "f64.eq" (F64, F64) -> I32 [COMPARES, COMMUTES];
    F64Ne = 0x62 "f64.ne" (F64, F64) -> I32 [COMPARES, COMMUTES];
    F64Lt = 0x63 "f64.lt" (F64, F64) -> I32 [COMPARES];
    F64Gt = 0x64 "f64.gt" (F64, F64) -> I32 [COMPARES];
    F64Le = 0x65 "f64.le" (F64, F64) -> I32 [COMPARES];
    F64Ge = 0x66 "f64.ge" (F64, F64) -> I32 [COMPARES];

    I32Add = 0x6a "i32.add" (I32, I32) -> I32 [COMMUTES];
    I32Sub = 0x6b "i32.sub" (I32, I32) -> I32;
    I32Mul = 0x6c "i32.mul" (I32, I32) -> I32 [COMMUTES];
    I32DivS = 0x6d "i32.div_s" (I32, I32) -> I32 [TRAPS];
    I32DivU = 0x6e "i32.div_u" (I32, I32) -> I32 [TRAPS];
    I32RemS = 0x6f "i32.rem_s" (I32, I32) -> I32 [TRAPS];
    I32RemU = 0x70 "i32.rem_u" (I32, I32) -> I32 [TRAPS];
    I32And = 0x71 "i32.and" (I32, I32) -> I32 [COMMUTES];
    I32Or = 0x72 "i32.or" (I32, I32) -> I32 [COMMUTES];
    I32Xor = 0x73 "i32.xor" (I32, I32) -> I32 [COMMUTES];
    I32Shl = 0x74 "i32.shl" (I32, I32) -> I32;
    I32ShrS = 0x75 "i32.shr_s" (I32, I32) -> I32;
    I32ShrU = 0x76 "i32.shr_u" (I32, I32) -> I32;
    I32Rotl = 0x77 "i32.rotl" (I32, I32) -> I32;
    I32Rotr = 0x78 "i32.rotr" (I32, I32) -> I32;

    I64Add = 0x7c "i64.add" (I64, I64) -> I64 [COMMUTES];
    I64Sub = 0x7d "i64.sub" (I64, I64) -> I64;
    I64Mul = 0x7e "i64.mul" (I64, I64) -> I64 [COMMUTES];
    I64DivS = 0x7f "i64.div_s" (I64, I64) -> I64 [TRAPS];
    I64DivU = 0x80 "i64.div_u" (I64, I64) -> I64 [TRAPS];
    I64RemS = 0x81 "i64.rem_s" (I64, I64) -> I64 [TRAPS];
    I64RemU = 0x82 "i64.rem_u" (I64, I64) -> I64 [TRAPS];
    I64And = 0x83 "i64.and" (I64, I64) -> I64 [COMMUTES];
    I64Or = 0x84 "i64.or" (I64, I64) -> I64 [COMMUTES];
    I64Xor = 0x85 "i64.xor" (I64, I64) -> I64 [COMMUTES];
    I64Shl = 0x86 "i64.shl" (I64, I64) -> I64;
    I64ShrS = 0x87 "i64.shr_s" (I64, I64) -> I64;
    I64ShrU = 0x88 "i64.shr_u" (I64, I64) -> I64;
    I64Rotl = 0x89 "i64.rotl" (I64, I64) -> I64;
    I64Rotr = 0x8a "i64.rotr" (I64, I64) -> I64;

    F32Add = 0x92 "f32.add" (F32, F32) -> F32;
    F32Sub = 0x93 "f32.sub" (F32, F32) -> F32;
    F32Mul = 0x94 "f32.mul" (F32, F32) -> F32;
    F32Div = 0x95 "f32.div" (F32, F32) -> F32;
    F32Min = 0x96 "f32.min" (F32, F32) -> F32;
    F32Max = 0x97 "f32.max" (F32, F32) -> F32;
    F32Copysign = 0x98 "f32.copysign" (F32, F32) -> F32;

    F64Add = 0xa0 "f64.add" (F64, F64) -> F64;
    F64Sub = 0xa1 "f64.sub" (F64, F64) -> F64;
    F64Mul = 0xa2 "f64.mul" (F64, F64) -> F64;
    F64Div = 0xa3 "f64.div" (F64, F64) -> F64;
    F64Min = 0xa4 "f64.min" (F64, F64) -> F64;
    F64Max = 0xa5 "f64.max" (F64, F64) -> F64;
    F64Copysign = 0xa6 "f64.copysign" (F64, F64) -> F64;

    I8x16Swizzle = 0xfd_00e "i8x16.swizzle" (V128, V128) -> V128;
    I8x16Eq = 0xfd_023 "i8x16.eq" (V128, V128) -> V128 [COMMUTES];
    I8x16Ne = 0xfd_024 "i8x16.ne" (V128, V128) -> V128 [COMMUTES];
    I8x16LtS = 0xfd_025 "i8x16.lt_s" (V128, V128) -> V128;
    I8x16LtU = 0xfd_026 "i8x16.lt_u" (V128, V128) -> V128;
    I8x16GtS = 0xfd_027 "i8x16.gt_s" (V128, V128) -> V128;
    I8x16GtU = 0xfd_028 "i8x16.gt_u" (V128, V128) -> V128;
    I8x16LeS = 0xfd_029 "i8x16.le_s" (V128, V128) -> V128;
    I8x16LeU = 0xfd_02a "i8x16.le_u" (V128, V128) -> V128;
    I8x16GeS = 0xfd_02b "i8x16.ge_s" (V128, V128) -> V128;
    I8x16GeU = 0xfd_02c "i8x16.ge_u" (V128, V128) -> V128;

    I16x8Eq = 0xfd_02d "i16x8.eq" (V128, V128) -> V128 [COMMUTES];
    I16x8Ne = 0xfd_02e "i16x8.ne" (V128, V128) -> V128 [COMMUTES];
    I16x8LtS = 0xfd_02f "i16x8.lt_s" (V128, V128) -> V128;
    I16x8LtU = 0xfd_030 "i16x8.lt_u" (V128, V128) -> V128;
    I16x8GtS = 0xfd_031 "i16x8.gt_s" (V128, V128) -> V128;
    I16x8GtU = 0xfd_032 "i16x8.gt_u" (V128, V128) -> V128;
    I16x8LeS = 0xfd_033 "i16x8.le_s" (V128, V128) -> V128;
    I16x8LeU = 0xfd_034 "i16x8.le_u" (V128, V128) -> V128;
    I16x8GeS = 0xfd_035 "i16x8.ge_s" (V128, V128) -> V128;
    I16x8GeU = 0xfd_036 "i16x8.ge_u" (V128, V128) -> V128;

    I32x4Eq = 0xfd_037 "i32x4.eq" (V128, V128) -> V128 [COMMUTES];
    I32x4Ne = 0xfd_038 "i32x4.ne" (V128, V128) -> V128 [COMMUTES];
    I32x4LtS = 0xfd_039 "i32x4.lt_s" (V128, V128) -> V128;
    I32x4LtU = 0xfd_03a "i32x4.lt_u" (V128, V128) -> V128;
    I32x4GtS = 0xfd_03b "i32x4.gt_s" (V128, V128) -> V128;
    I32x4GtU = 0xfd_03c "i32x4.gt_u" (V128, V128) -> V128;
    I32x4LeS = 0xfd_03d "i32x4.le_s" (V128, V128) -> V128;
    I32x4LeU = 0xfd_03e "i32x4.le_u" (V128, V128) -> V128;
    I32x4GeS = 0xfd_03f "i32x4.ge_s" (V128, V128) -> V128;
    I32x4GeU = 0xfd_040 "i32x4.ge_u" (V128, V128) -> V128;

    I64x2Eq = 0xfd_0d6 "i64x2.eq" (V128, V128) -> V128 [COMMUTES];
    I64x2Ne = 0xfd_0d7 "i64x2.ne" (V128, V128) -> V128 [COMMUTES];
    I64x2LtS = 0xfd_0d8 "i64x2.lt_s" (V128, V128) -> V128;
    I64x2GtS = 0xfd_0d9 "i64x2.gt_s" (V128, V128) -> V128;
    I64x2LeS = 0xfd_0da "i64x2.le_s" (V128, V128) -> V128;
    I64x2GeS = 0xfd_0db "i64x2.ge_s" (V128, V128) -> V128;

    F32x4Eq = 0xfd_041 "f32x4.eq" (V128, V128) -> V128 [COMMUTES];
    F32x4Ne = 0xfd_042 "f32x4.ne" (V128, V128) -> V128 [COMMUTES];
    F32x4Lt = 0xfd_043 "f32x4.lt" (V128, V128) -> V128;
    F32x4Gt = 0xfd_044 "f32x4.gt" (V128, V128) -> V128;
    F32x4Le = 0xfd_045 "f32x4.le" (V128, V128) -> V128;
    F32x4Ge = 0xfd_046 "f32x4.ge" (V128, V128) -> V128;

    F64x2Eq = 0xfd_047 "f64x2.eq" (V128, V128) -> V128 [COMMUTES];
    F64x2Ne = 0xfd_048 "f64x2.ne" (V128, V128) -> V128 [COMMUTES];
    F64x2Lt = 0xfd_049 "f64x2.lt" (V128, V128) -> V128;
    F64x2Gt = 0xfd_04a "f64x2.gt" (V128, V128) -> V128;
    F64x2Le = 0xfd_04b "f64x2.le" (V128, V128) -> V128;
    F64x2Ge = 0xfd_04c "f64x2.ge" (V128, V128) -> V128;

    V128And = 0xfd_04e "v128.and" (V128, V128) -> V128 [COMMUTES];
    V128AndNot = 0xfd_04f "v128.andnot" (V128, V128) -> V128;
    V128Or = 0xfd_050 "v128.or" (V128, V128) -> V128 [COMMUTES];
    V128Xor = 0xfd_051 "v128.xor" (V128, V128) -> V128 [COMMUTES];

    I8x16NarrowI16x8S = 0xfd_065 "i8x16.narrow_i16x8_s" (V128, V128) -> V128;
    I8x16NarrowI16x8U = 0xfd_066 "i8x16.narrow_i16x8_u" (V128, V128) -> V128;
    I8x16Shl = 0xfd_06b "i8x16.shl" (V128, I32) -> V128;
    I8x16ShrS = 0xfd_06c "i8x16.shr_s" (V128, I32) -> V128;
    I8x16ShrU = 0xfd_06d "i8x16.shr_u" (V128, I32) -> V128;
    I8x16Add = 0xfd_06e "i8x16.add" (V128, V128) -> V128 [COMMUTES];
    I8x16AddSatS = 0xfd_06f "i8x16.add_sat_s" (V128, V128) -> V128 [COMMUTES];
    I8x16AddSatU = 0xfd_070 "i8x16.add_sat_u" (V128, V128) -> V128 [COMMUTES];
    I8x16Sub = 0xfd_071 "i8x16.sub" (V128, V128) -> V128;
    I8x16SubSatS = 0xfd_072 "i8x16.sub_sat_s" (V128, V128) -> V128;
    I8x16SubSatU = 0xfd_073 "i8x16.sub_sat_u" (V128, V128) -> V128;
    I8x16MinS = 0xfd_076 "i8x16.min_s" (V128, V128) -> V128 [COMMUTES];
    I8x16MinU = 0xfd_077 "i8x16.min_u" (V128, V128) -> V128 [COMMUTES];
    I8x16MaxS = 0xfd_078 "i8x16.max_s" (V128, V128) -> V128 [COMMUTES];
    I8x16MaxU = 0xfd_079 "i8x16.max_u" (V128, V128) -> V128 [COMMUTES];
    I8x16AvgrU = 0xfd_07b "i8x16.avgr_u" (V128, V128) -> V128 [COMMUTES];

    I16x8Q15MulrSatS = 0xfd_082 "i16x8.q15mulr_sat_s" (V128, V128) -> V128 [COMMUTES];
    I16x8NarrowI32x4S = 0xfd_085 "i16x8.narrow_i32x4_s" (V128, V128) -> V128;
    I16x8NarrowI32x4U = 0xfd_086 "i16x8.narrow_i32x4_u" (V128, V128) -> V128;
    I16x8Shl = 0xfd_08b "i16x8.shl" (V128, I32) -> V128;
    I16x8ShrS = 0xfd_08c "i16x8.shr_s" (V128, I32) -> V128;
    I16x8ShrU = 0xfd_08d "i16x8.shr_u" (V128, I32) -> V128;
    I16x8Add = 0xfd_08e "i16x8.add" (V128, V128) -> V128 [COMMUTES];
    I16x8AddSatS = 0xfd_08f "i16x8.add_sat_s" (V128, V128) -> V128 [COMMUTES];
    I16x8AddSatU = 0xfd_090 "i16x8.add_sat_u" (V128, V128) -> V128 [COMMUTES];
    I16x8Sub = 0xfd_091 "i16x8.sub" (V128, V128) -> V128;
    I16x8SubSatS = 0xfd_092 "i16x8.sub_sat_s" (V128, V128) -> V128;
    I16x8SubSatU = 0xfd_093 "i16x8.sub_sat_u" (V128, V128) -> V128;
    I16x8Mul = 0xfd_095 "i16x8.mul" (V128, V128) -> V128 [COMMUTES];
    I16x8MinS = 0xfd_096 "i16x8.min_s" (V128, V128) -> V128 [COMMUTES];
    I16x8MinU = 0xfd_097 "i16x8.min_u" (V128, V128) -> V128 [COMMUTES];
    I16x8MaxS = 0xfd_098 "i16x8.max_s" (V128, V128) -> V128 [COMMUTES];
    I16x8MaxU = 0xfd_099 "i16x8.max_u" (V128, V128) -> V128 [COMMUTES];
    I16x8AvgrU = 0xfd_09b "i16x8.avgr_u" (V128, V128) -> V128 [COMMUTES];
    I16x8ExtMulLowI8x16S = 0xfd_09c "i16x8.extmul_low_i8x16_s" (V128, V128) -> V128 [COMMUTES];
    I16x8ExtMulHighI8x16S = 0xfd_09d "i16x8.extmul_high_i8x16_s" (V128, V128) -> V128 [COMMUTES];
    I16x8ExtMulLowI8x16U = 0xfd_09e "i16x8.extmul_low_i8x16_u" (V128, V128) -> V128 [COMMUTES];
    I16x8ExtMulHighI8x16U = 0xfd_09f "i16x8.extmul_high_i8x16_u" (V128, V128) -> V128 [COMMUTES];

    I32x4Shl = 0xfd_0ab "i32x4.shl" (V128, I32) -> V128;
    I32x4ShrS = 0xfd_0ac "i32x4.shr_s" (V128, I32) -> V128;
    I32x4ShrU = 0xfd_0ad "i32x4.shr_u" (V128, I32) -> V128;
    I32x4Add = 0xfd_0ae "i32x4.add" (V128, V128) -> V128 [COMMUTES];
    I32x4Sub = 0xfd_0b1 "i32x4.sub" (V128, V128) -> V128;
    I32x4Mul = 0xfd_0b5 "i32x4.mul" (V128, V128) -> V128 [COMMUTES];
    I32x4MinS = 0xfd_0b6 "i32x4.min_s" (V128, V128) -> V128 [COMMUTES];
    I32x4MinU = 0xfd_0b7 "i32x4.min_u" (V128, V128) -> V128 [COMMUTES];
    I32x4MaxS = 0xfd_0b8 "i32x4.max_s" (V128, V128) -> V128 [COMMUTES];
    I32x4MaxU = 0xfd_0b9 "i32x4.max_u" (V128, V128) -> V128 [COMMUTES];
    I32x4DotI16x8S = 0xfd_0ba "i32x4.dot_i16x8_s" (V128, V128) -> V128 [COMMUTES];
    I32x4ExtMulLowI16x8S = 0xfd_0bc "i32x4.extmul_low_i16x8_s" (V128, V128) -> V128 [COMMUTES];
    I32x4ExtMulHighI16x8S = 0xfd_0bd "i32x4.extmul_high_i16x8_s" (V128, V128) -> V128 [COMMUTES];
    I32x4ExtMulLowI16x8U = 0xfd_0be "i32x4.extmul_low_i16x8_u" (V128, V128) -> V128 [COMMUTES];
    I32x4ExtMulHighI16x8U = 0xfd_0bf "i32x4.extmul_high_i16x8_u" (V128, V128) -> V128 [COMMUTES];

    I64x2Shl = 0xfd_0cb "i64x2.shl" (V128, I32) -> V128;
    I64x2ShrS = 0xfd_0cc "i64x2.shr_s" (V128, I32) -> V128;
    I64x2ShrU = 0xfd_0cd "i64x2.shr_u" (V128, I32) -> V128;
    I64x2Add = 0xfd_0ce "i64x2.add" (V128, V128) -> V128 [COMMUTES];
    I64x2Sub = 0xfd_0d1 "i64x2.sub" (V128, V128) -> V128;
    I64x2Mul = 0xfd_0d5 "i64x2.mul" (V128, V128) -> V128 [COMMUTES];
    I64x2ExtMulLowI32x4S = 0xfd_0dc "i64x2.extmul_low_i32x4_s" (V128, V128) -> V128 [COMMUTES];
    I64x2ExtMulHighI32x4S = 0xfd_0dd "i64x2.extmul_high_i32x4_s" (V128, V128) -> V128 [COMMUTES];
    I64x2ExtMulLowI32x4U = 0xfd_0de "i64x2.extmul_low_i32x4_u" (V128, V128) -> V128 [COMMUTES];
    I64x2ExtMulHighI32x4U = 0xfd_0df "i64x2.extmul_high_i32x4_u" (V128, V128) -> V128 [COMMUTES];

    F32x4Add = 0xfd_0e4 "f32x4.add" (V128, V128) -> V128;
    F32x4Sub = 0xfd_0e5 "f32x4.sub" (V128, V128) -> V128;
    F32x4Mul = 0xfd_0e6 "f32x4.mul" (V128, V128) -> V128;
    F32x4Div = 0xfd_0e7 "f32x4.div" (V128, V128) -> V128;
    F32x4Min = 0xfd_0e8 "f32x4.min" (V128, V128) -> V128;
    F32x4Max = 0xfd_0e9 "f32x4.max" (V128, V128) -> V128;
    F32x4PMin = 0xfd_0ea "f32x4.pmin" (V128, V128) -> V128;
    F32x4PMax = 0xfd_0eb "f32x4.pmax" (V128, V128) -> V128;

    F64x2Add = 0xfd_0f0 "f64x2.add" (V128, V128) -> V128;
    F64x2Sub = 0xfd_0f1 "f64x2.sub" (V128, V128) -> V128;
    F64x2Mul = 0xfd_0f2 "f64x2.mul" (V128, V128) -> V128;
    F64x2Div = 0xfd_0f3 "f64x2.div" (V128, V128) -> V128;
    F64x2Min = 0xfd_0f4 "f64x2.min" (V128, V128) -> V128;
    F64x2Max = 0xfd_0f5 "f64x2.max" (V128, V128) -> V128;
    F64x2PMin = 0xfd_0f6 "f64x2.pmin" (V128, V128) -> V128;
    F64x2PMax = 0xfd_0f7 "f64x2.pmax" (V128, V128) -> V128;

    I8x16RelaxedSwizzle = 0xfd_100 "i8x16.relaxed_swizzle" (V128, V128) -> V128;

    F32x4RelaxedMin = 0xfd_10d "f32x4.relaxed_min" (V128, V128) -> V128;
    F32x4RelaxedMax = 0xfd_10e "f32x4.relaxed_max" (V128, V128) -> V128;

    F64x2RelaxedMin = 0xfd_10f "f64x2.relaxed_min" (V128, V128) -> V128;
    F64x2RelaxedMax = 0xfd_110 "f64x2.relaxed_max" (V128, V128) -> V128;

    I16x8RelaxedQ15mulrS = 0xfd_111 "i16x8.relaxed_q15mulr_s" (V128, V128) -> V128 [COMMUTES];
    I16x8RelaxedDotI8x16I7x16S = 0xfd_112 "i16x8.relaxed_dot_i8x16_i7x16_s" (V128, V128) -> V128;
}

operators! {
    /// A vector operator that takes three values and gives one.
    pub enum TernaryOp;
    V128Bitselect = 0xfd_052 "v128.bitselect" (V128, V128, V128) -> V128;
    F32x4RelaxedMadd = 0xfd_105 "f32x4.relaxed_madd" (V128, V128, V128) -> V128;
    F32x4RelaxedNmadd = 0xfd_106 "f32x4.relaxed_nmadd" (V128, V128, V128) -> V128;
    F64x2RelaxedMadd = 0xfd_107 "f64x2.relaxed_madd" (V128, V128, V128) -> V128;
    F64x2RelaxedNmadd = 0xfd_108 "f64x2.relaxed_nmadd" (V128, V128, V128) -> V128;
    I8x16RelaxedLaneselect = 0xfd_109 "i8x16.relaxed_laneselect" (V128, V128, V128) -> V128;
    I16x8RelaxedLaneselect = 0xfd_10a "i16x8.relaxed_laneselect" (V128, V128, V128) -> V128;
    I32x4RelaxedLaneselect = 0xfd_10b "i32x4.relaxed_laneselect" (V128, V128, V128) -> V128;
    I64x2RelaxedLaneselect = 0xfd_10c "i64x2.relaxed_laneselect" (V128, V128, V128) -> V128;
    I32x4RelaxedDotI8x16I7x16AddS = 0xfd_113 "i32x4.relaxed_dot_i8x16_i7x16_add_s" (V128, V128, V128) -> V128;
}

operators! {
    /// A load: takes an address.
    pub enum LoadOp;
    I32Load = 0x28 "i32.load" () -> I32, 4 bytes;
    I64Load = 0x29 "i64.load" () -> I64, 8 bytes;
    F32Load = 0x2a "f32.load" () -> F32, 4 bytes;
    F64Load = 0x2b "f64.load" () -> F64, 8 bytes;
    I32Load8S = 0x2c "i32.load8_s" () -> I32, 1 bytes;
    I32Load8U = 0x2d "i32.load8_u" () -> I32, 1 bytes;
    I32Load16S = 0x2e "i32.load16_s" () -> I32, 2 bytes;
    I32Load16U = 0x2f "i32.load16_u" () -> I32, 2 bytes;
    I64Load8S = 0x30 "i64.load8_s" () -> I64, 1 bytes;
    I64Load8U = 0x31 "i64.load8_u" () -> I64, 1 bytes;
    I64Load16S = 0x32 "i64.load16_s" () -> I64, 2 bytes;
    I64Load16U = 0x33 "i64.load16_u" () -> I64, 2 bytes;
    I64Load32S = 0x34 "i64.load32_s" () -> I64, 4 bytes;
    I64Load32U = 0x35 "i64.load32_u" () -> I64, 4 bytes;
    V128Load = 0xfd_000 "v128.load" () -> V128, 16 bytes;
    V128Load8x8S = 0xfd_001 "v128.load8x8_s" () -> V128, 8 bytes;
    V128Load8x8U = 0xfd_002 "v128.load8x8_u" () -> V128, 8 bytes;
    V128Load16x4S = 0xfd_003 "v128.load16x4_s" () -> V128, 8 bytes;
    V128Load16x4U = 0xfd_004 "v128.load16x4_u" () -> V128, 8 bytes;
    V128Load32x2S = 0xfd_005 "v128.load32x2_s" () -> V128, 8 bytes;
    V128Load32x2U = 0xfd_006 "v128.load32x2_u" () -> V128, 8 bytes;
    V128Load8Splat = 0xfd_007 "v128.load8_splat" () -> V128, 1 bytes;
    V128Load16Splat = 0xfd_008 "v128.load16_splat" () -> V128, 2 bytes;
    V128Load32Splat = 0xfd_009 "v128.load32_splat" () -> V128, 4 bytes;
    V128Load64Splat = 0xfd_00a "v128.load64_splat" () -> V128, 8 bytes;
    V128Load32Zero = 0xfd_05c "v128.load32_zero" () -> V128, 4 bytes;
    V128Load64Zero = 0xfd_05d "v128.load64_zero" () -> V128, 8 bytes;
}

operators! {
    /// A store: takes an address and a value.
    pub enum StoreOp;
    I32Store = 0x36 "i32.store" (I32), 4 bytes;
    I64Store = 0x37 "i64.store" (I64), 8 bytes;
    F32Store = 0x38 "f32.store" (F32), 4 bytes;
    F64Store = 0x39 "f64.store" (F64), 8 bytes;
    I32Store8 = 0x3a "i32.store8" (I32), 1 bytes;
    I32Store16 = 0x3b "i32.store16" (I32), 2 bytes;
    I64Store8 = 0x3c "i64.store8" (I64), 1 bytes;
    I64Store16 = 0x3d "i64.store16" (I64), 2 bytes;
    I64Store32 = 0x3e "i64.store32" (I64), 4 bytes;
    V128Store = 0xfd_00b "v128.store" (V128), 16 bytes;
}

operators! {
    /// A load into one lane: takes an address and a vector.
    pub enum LoadLaneOp;
    V128Load8Lane = 0xfd_054 "v128.load8_lane" (V128) -> V128, 1 bytes;
    V128Load16Lane = 0xfd_055 "v128.load16_lane" (V128) -> V128, 2 bytes;
    V128Load32Lane = 0xfd_056 "v128.load32_lane" (V128) -> V128, 4 bytes;
    V128Load64Lane = 0xfd_057 "v128.load64_lane" (V128) -> V128, 8 bytes;
}

operators! {
    /// A store of one lane: takes an address and a vector.
    pub enum StoreLaneOp;
    V128Store8Lane = 0xfd_058 "v128.store8_lane" (V128), 1 bytes;
    V128Store16Lane = 0xfd_059 "v128.store16_lane" (V128), 2 bytes;
    V128Store32Lane = 0xfd_05a "v128.store32_lane" (V128), 4 bytes;
    V128Store64Lane = 0xfd_05b "v128.store64_lane" (V128), 8 bytes;
}

operators! {
    /// Takes a lane out of a vector.
    pub enum ExtractLaneOp;
    I8x16ExtractLaneS = 0xfd_015 "i8x16.extract_lane_s" (V128) -> I32, 16 lanes;
    I8x16ExtractLaneU = 0xfd_016 "i8x16.extract_lane_u" (V128) -> I32, 16 lanes;
    I16x8ExtractLaneS = 0xfd_018 "i16x8.extract_lane_s" (V128) -> I32, 8 lanes;
    I16x8ExtractLaneU = 0xfd_019 "i16x8.extract_lane_u" (V128) -> I32, 8 lanes;
    I32x4ExtractLane = 0xfd_01b "i32x4.extract_lane" (V128) -> I32, 4 lanes;
    I64x2ExtractLane = 0xfd_01d "i64x2.extract_lane" (V128) -> I64, 2 lanes;
    F32x4ExtractLane = 0xfd_01f "f32x4.extract_lane" (V128) -> F32, 4 lanes;
    F64x2ExtractLane = 0xfd_021 "f64x2.extract_lane" (V128) -> F64, 2 lanes;
}

operators! {
    /// Replaces a lane of a vector.
    pub enum ReplaceLaneOp;
    I8x16ReplaceLane = 0xfd_017 "i8x16.replace_lane" (V128, I32) -> V128, 16 lanes;
    I16x8ReplaceLane = 0xfd_01a "i16x8.replace_lane" (V128, I32) -> V128, 8 lanes;
    I32x4ReplaceLane = 0xfd_01c "i32x4.replace_lane" (V128, I32) -> V128, 4 lanes;
    I64x2ReplaceLane = 0xfd_01e "i64x2.replace_lane" (V128, I64) -> V128, 2 lanes;
    F32x4ReplaceLane = 0xfd_020 "f32x4.replace_lane" (V128, F32) -> V128, 4 lanes;
    F64x2ReplaceLane = 0xfd_022 "f64x2.replace_lane" (V128, F64) -> V128, 2 lanes;
}

macro_rules! result_of {
    ($($Enum:ident)*) => {$(
        impl $Enum {
            /// The type of the result.
            #[must_use]
            pub const fn result(self) -> ValueType {
                match self.facts().result {
                    Some(ty) => ty,
                    None => panic!("every row of this table has a result"),
                }
            }
        }
    )*};
}

result_of! { UnaryOp BinaryOp TernaryOp LoadOp LoadLaneOp ExtractLaneOp ReplaceLaneOp }

macro_rules! bytes_of {
    ($($Enum:ident)*) => {$(
        impl $Enum {
            /// The width of the access in bytes.
            #[must_use]
            pub const fn bytes(self) -> u32 {
                self.facts().count as u32
            }

            /// Whether the operator can trap: every memory access can.
            #[must_use]
            pub const fn can_trap(self) -> bool {
                true
            }
        }
    )*};
}

bytes_of! { LoadOp StoreOp LoadLaneOp StoreLaneOp }

macro_rules! traps_of {
    ($($Enum:ident)*) => {$(
        impl $Enum {
            /// Whether the operator traps on some operands.
            #[must_use]
            pub const fn can_trap(self) -> bool {
                self.facts().flags & TRAPS != 0
            }
        }
    )*};
}

traps_of! { UnaryOp BinaryOp TernaryOp ExtractLaneOp ReplaceLaneOp }

impl StoreOp {
    /// The type of the value stored.
    #[must_use]
    pub const fn value(self) -> ValueType {
        self.params()[0]
    }
}

impl ExtractLaneOp {
    /// How many lanes the vector has.
    #[must_use]
    pub const fn lanes(self) -> u8 {
        self.facts().count
    }
}

impl ReplaceLaneOp {
    /// How many lanes the vector has.
    #[must_use]
    pub const fn lanes(self) -> u8 {
        self.facts().count
    }
}

impl BinaryOp {
    /// Whether the operator compares two scalars and gives 0 or 1.
    #[must_use]
    pub const fn is_comparison(self) -> bool {
        self.facts().flags & COMPARES != 0
    }

    /// Whether the operands may be swapped without changing any bit of the result. Not true of
    /// floating-point arithmetic, where machines take a NaN's payload from the first operand.
    #[must_use]
    pub const fn is_commutative(self) -> bool {
        self.facts().flags & COMMUTES != 0
    }
}
