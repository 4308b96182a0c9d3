//! Script values: what arguments are as [`Value`]s, and whether results fit what scripts expect,
//! bit for bit, NaN classes and alternatives included.

use wast::core::{AbstractHeapType, HeapType, NanPattern, V128Pattern, WastArgCore, WastRetCore};
use wast::{WastArg, WastRet};
use wz_api::{ExternRef, V128, Value};

/// The host value that `ref.extern N` stands for.
#[derive(Debug)]
struct HostNumber(u32);

/// An argument as a value.
///
/// # Errors
/// What the argument is, if wz has no such value.
pub(crate) fn argument(argument: &WastArg<'_>) -> Result<Value, String> {
    let WastArg::Core(core) = argument else {
        return Err(format!("argument {argument:?} is not a core value"));
    };
    Ok(match core {
        WastArgCore::I32(value) => Value::I32(*value),
        WastArgCore::I64(value) => Value::I64(*value),
        WastArgCore::F32(value) => Value::F32(f32::from_bits(value.bits)),
        WastArgCore::F64(value) => Value::F64(f64::from_bits(value.bits)),
        WastArgCore::V128(value) => Value::V128(V128::from_bytes(value.to_le_bytes())),
        WastArgCore::RefExtern(number) => Value::ExternRef(Some(ExternRef::new(HostNumber(*number)))),
        WastArgCore::RefNull(ty) => match null_kind(ty) {
            Some(NullKind::Func) => Value::FuncRef(None),
            Some(NullKind::Extern) => Value::ExternRef(None),
            None => return Err(format!("argument {core:?} is of a type that wz does not have")),
        },
        WastArgCore::RefHost(_) => {
            return Err(format!("argument {core:?} is of a type that wz does not have"));
        }
    })
}

/// Whether `actual` fits `expected`.
pub(crate) fn matches(expected: &WastRet<'_>, actual: &Value) -> bool {
    match expected {
        WastRet::Core(core) => matches_core(core, actual),
        _ => false,
    }
}

fn matches_core(expected: &WastRetCore<'_>, actual: &Value) -> bool {
    match (expected, actual) {
        (WastRetCore::Either(cases), _) => cases.iter().any(|case| matches_core(case, actual)),
        (WastRetCore::I32(expected), Value::I32(actual)) => expected == actual,
        (WastRetCore::I64(expected), Value::I64(actual)) => expected == actual,
        (WastRetCore::F32(expected), Value::F32(actual)) => f32_matches(expected, actual.to_bits()),
        (WastRetCore::F64(expected), Value::F64(actual)) => f64_matches(expected, actual.to_bits()),
        (WastRetCore::V128(expected), Value::V128(actual)) => v128_matches(expected, *actual),
        (WastRetCore::RefNull(ty), Value::FuncRef(None)) => {
            ty.as_ref().is_none_or(|ty| null_kind(ty) == Some(NullKind::Func))
        }
        (WastRetCore::RefNull(ty), Value::ExternRef(None)) => {
            ty.as_ref().is_none_or(|ty| null_kind(ty) == Some(NullKind::Extern))
        }
        (WastRetCore::RefExtern(None), Value::ExternRef(Some(_))) => true,
        (WastRetCore::RefExtern(Some(number)), Value::ExternRef(Some(actual))) => {
            actual.downcast_ref::<HostNumber>().is_some_and(|actual| actual.0 == *number)
        }
        // The index only says which kind of function; scripts never give one that can be checked.
        (WastRetCore::RefFunc(_), Value::FuncRef(Some(_))) => true,
        _ => false,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum NullKind {
    Func,
    Extern,
}

/// Which of the two kinds of null a heap type has. The bottom types have the null of their top.
fn null_kind(ty: &HeapType<'_>) -> Option<NullKind> {
    match ty {
        HeapType::Abstract { shared: false, ty: AbstractHeapType::Func | AbstractHeapType::NoFunc } => {
            Some(NullKind::Func)
        }
        HeapType::Abstract { shared: false, ty: AbstractHeapType::Extern | AbstractHeapType::NoExtern } => {
            Some(NullKind::Extern)
        }
        _ => None,
    }
}

/// Specification, section 4.3.3: a canonical NaN has only the most significant bit of the
/// payload, an arithmetic NaN has at least that one. The sign is free.
fn f32_matches(expected: &NanPattern<wast::token::F32>, actual: u32) -> bool {
    match expected {
        NanPattern::CanonicalNan => actual & 0x7fff_ffff == 0x7fc0_0000,
        NanPattern::ArithmeticNan => actual & 0x7fc0_0000 == 0x7fc0_0000,
        NanPattern::Value(value) => value.bits == actual,
    }
}

fn f64_matches(expected: &NanPattern<wast::token::F64>, actual: u64) -> bool {
    match expected {
        NanPattern::CanonicalNan => actual & (u64::MAX >> 1) == 0x7ff8 << 48,
        NanPattern::ArithmeticNan => actual & (0x7ff8 << 48) == 0x7ff8 << 48,
        NanPattern::Value(value) => value.bits == actual,
    }
}

fn v128_matches(expected: &V128Pattern, actual: V128) -> bool {
    let bytes = actual.to_bytes();
    let mut lanes = Lanes(&bytes);
    match expected {
        V128Pattern::I8x16(expected) => expected.iter().all(|lane| lane.to_le_bytes() == lanes.next()),
        V128Pattern::I16x8(expected) => expected.iter().all(|lane| lane.to_le_bytes() == lanes.next()),
        V128Pattern::I32x4(expected) => expected.iter().all(|lane| lane.to_le_bytes() == lanes.next()),
        V128Pattern::I64x2(expected) => expected.iter().all(|lane| lane.to_le_bytes() == lanes.next()),
        V128Pattern::F32x4(expected) => {
            expected.iter().all(|lane| f32_matches(lane, u32::from_le_bytes(lanes.next())))
        }
        V128Pattern::F64x2(expected) => {
            expected.iter().all(|lane| f64_matches(lane, u64::from_le_bytes(lanes.next())))
        }
    }
}

/// Takes a vector apart, lane 0 first.
struct Lanes<'a>(&'a [u8]);

impl Lanes<'_> {
    fn next<const LEN: usize>(&mut self) -> [u8; LEN] {
        let (lane, rest) = self.0.split_first_chunk().expect("16 bytes are all lanes together");
        self.0 = rest;
        *lane
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wast::parser::{ParseBuffer, parse};

    fn check(pattern: &str, actual: impl Into<Value>, fits: bool) {
        let buffer = ParseBuffer::new(pattern).unwrap();
        let expected = parse::<WastRet<'_>>(&buffer).unwrap();
        assert_eq!(matches(&expected, &actual.into()), fits, "{pattern}");
    }

    #[test]
    fn numbers_are_compared_bit_for_bit() {
        check("i32.const -1", -1, true);
        check("i32.const -1", -1_i64, false);
        check("f32.const 0", 0.0_f32, true);
        check("f32.const 0", -0.0_f32, false);
        check("f64.const nan:0x4000000000000", f64::from_bits(0x7ff4 << 48), true);
        check("f64.const nan:0x4000000000000", f64::from_bits(0x7ff8 << 48), false);
        check("either (i32.const 1) (i32.const 2)", 2, true);
        check("either (i32.const 1) (i32.const 2)", 3, false);
    }

    #[test]
    fn nan_classes() {
        check("f32.const nan:canonical", f32::from_bits(0xffc0_0000), true);
        check("f32.const nan:canonical", f32::from_bits(0x7fc0_0001), false);
        check("f32.const nan:arithmetic", f32::from_bits(0x7fc0_0001), true);
        check("f32.const nan:arithmetic", f32::from_bits(0x7fa0_0000), false);
        check("f64.const nan:arithmetic", f64::INFINITY, false);
        check("f64.const nan:canonical", f64::from_bits(0xfff8 << 48), true);
    }

    #[test]
    fn lanes_are_compared_one_by_one() {
        let one_nan = V128(u128::from(0x7fc0_0000_u32) << 32);
        check("v128.const f32x4 0 nan:canonical 0 0", one_nan, true);
        check("v128.const f32x4 nan:canonical 0 0 0", one_nan, false);
        check("v128.const i64x2 0 1", V128(1 << 64), true);
        check("v128.const i8x16 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0", V128(1 << 64), false);
    }

    #[test]
    fn references_keep_their_kind_and_number() {
        check("ref.null func", None::<wz_api::Function>, true);
        check("ref.null extern", None::<wz_api::Function>, false);
        check("ref.null", None::<ExternRef>, true);
        check("ref.extern 0", None::<ExternRef>, false);
        check("ref.extern 1", Some(ExternRef::new(HostNumber(1))), true);
        check("ref.extern 2", Some(ExternRef::new(HostNumber(1))), false);
        check("ref.func", None::<wz_api::Function>, false);
    }
}
