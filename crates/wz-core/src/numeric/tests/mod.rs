//! Every operator, as [`eval`](super::eval) finds it by its number, against a second definition
//! that finds it by its name and computes with integers that are wide enough, lane by lane.

mod cases;
mod reference_float;
mod reference_int;
mod reference_vector;

use wz_api::{Trap, ValueType};
use wz_decode::ops::{
    BinaryOp, ExtractLaneOp, LoadLaneOp, LoadOp, ReplaceLaneOp, StoreLaneOp, StoreOp, TernaryOp, UnaryOp,
};

use super::{Floats, eval, result_may_be_nan};

/// A sequence of numbers that look random.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

/// The lanes of that many bits, lane 0 first.
fn split(bits: u128, width: u32) -> Vec<u128> {
    (0..128 / width).map(|lane| bits >> (lane * width) & mask(width)).collect()
}

/// The vector with these lanes.
fn join(lanes: &[u128], width: u32) -> u128 {
    assert_eq!(lanes.len() as u32 * width, 128);
    lanes.iter().rev().fold(0, |bits, lane| bits.checked_shl(width).unwrap_or(0) | lane & mask(width))
}

/// The low bits.
fn mask(width: u32) -> u128 {
    u128::MAX >> (128 - width)
}

/// What the low bits mean as a signed integer.
fn signed(bits: u128, width: u32) -> i128 {
    (bits << (128 - width)).cast_signed() >> (128 - width)
}

/// Operands of a type: edges, then random ones.
fn operands(ty: ValueType, random: usize) -> Vec<u128> {
    const F32: [u32; 26] = [
        0,
        1,
        0x007f_ffff,
        0x0080_0000,
        0x3eff_ffff,
        0x3f00_0000,
        0x3f00_0001,
        0x3f7f_ffff,
        0x3f80_0000,
        0x3f80_0001,
        0x3fc0_0000,
        0x4020_0000,
        0x4b00_0000,
        0x4aff_ffff,
        0x4b7f_ffff,
        0x4eff_ffff,
        0x4f00_0000,
        0x4f7f_ffff,
        0x4f80_0000,
        0x5eff_ffff,
        0x5f00_0000,
        0x7f7f_ffff,
        0x7f80_0000,
        0x7f80_0001,
        0x7fc0_0000,
        0x7fe1_2345,
    ];
    const F64: [f64; 26] = [
        0.0,
        f64::MIN_POSITIVE,
        0.5,
        0.499_999_999_999_999_94,
        0.500_000_000_000_000_1,
        1.0,
        1.5,
        2.5,
        0.1,
        1.0 - f64::EPSILON / 2.0,
        2_147_483_647.0,
        2_147_483_647.5,
        2_147_483_648.0,
        2_147_483_648.999,
        2_147_483_649.0,
        4_294_967_295.9,
        4_294_967_296.0,
        4_503_599_627_370_495.5,
        4_503_599_627_370_496.0,
        9_223_372_036_854_774_784.0,
        9_223_372_036_854_775_808.0,
        18_446_744_073_709_549_568.0,
        18_446_744_073_709_551_616.0,
        3.402_823_56e38,
        f64::MAX,
        f64::INFINITY,
    ];
    const F64_NAN: [u64; 3] = [0x7ff8_0000_0000_0000, 0x7ff0_0000_0000_0001, 0x7ffc_dead_beef_0001];
    let mut numbers = Numbers(0x1234_5678_9abc_def1);
    let mut any = |count: usize| (0..count).map(|_| numbers.next()).collect::<Vec<_>>();
    let edges = |width: u32| {
        let top = 1_i128 << (width - 1);
        [0, 1, 2, 7, 8, 15, 16, 31, 32, 63, 64, -1, -2, -128, 127, top - 1, -top, -top + 1, top / 2, top / 3]
            .map(|edge| edge.cast_unsigned() & mask(width))
    };
    match ty {
        ValueType::I32 => {
            let random = any(random).into_iter().map(|bits| u128::from(bits) & mask(32) >> (bits >> 59));
            edges(32).into_iter().chain(random).collect()
        }
        ValueType::I64 => {
            let random = any(random).into_iter().map(|bits| u128::from(bits) >> (bits & 63));
            edges(64).into_iter().chain(random).collect()
        }
        ValueType::F32 => {
            let edges = F32.into_iter().flat_map(|bits| [bits, bits | 1 << 31]);
            edges.chain(any(random).into_iter().map(|bits| bits as u32)).map(u128::from).collect()
        }
        ValueType::F64 => {
            let edges =
                F64.map(f64::to_bits).into_iter().chain(F64_NAN).flat_map(|bits| [bits, bits | 1 << 63]);
            let random = any(2 * random).into_iter().enumerate();
            // Of random bits few are in the range of integers, hence the second half.
            let random = random.map(|(index, bits)| match index % 2 {
                0 => bits,
                _ => (bits as i64 as f64 / 65536_f64.powi((bits >> 8 & 3) as i32)).to_bits(),
            });
            edges.chain(random).map(u128::from).collect()
        }
        ValueType::V128 => {
            let lanes = [
                (8, edges(8).to_vec()),
                (16, edges(16).to_vec()),
                (32, operands(ValueType::I32, 4)),
                (64, operands(ValueType::I64, 4)),
                (32, operands(ValueType::F32, 40)),
                (64, operands(ValueType::F64, 20)),
            ];
            let edges = lanes.into_iter().flat_map(|(width, lanes)| {
                let (count, lanes) = (128 / width as usize, lanes.into_iter().cycle());
                let chunk = move |chunk: usize| {
                    lanes.clone().skip(chunk * (count + 1)).take(count).collect::<Vec<_>>()
                };
                (0..10).map(move |index| join(&chunk(index), width))
            });
            let random = any(2 * random);
            edges.chain(random.chunks(2).map(|two| u128::from(two[0]) << 64 | u128::from(two[1]))).collect()
        }
        _ => unreachable!("operators on numbers have no references"),
    }
}

/// Whether a lane is a NaN that is not canonical.
fn is_odd_nan(bits: u128, width: u32) -> bool {
    let (magnitude, infinity, quiet) = match width {
        32 => (bits & mask(31), 0x7f80_0000, 0x0040_0000),
        _ => (bits & mask(63), 0x7ff0_0000_0000_0000, 0x0008_0000_0000_0000),
    };
    magnitude > infinity && magnitude != infinity | quiet
}

/// Asserts that a result is right: the same, or a NaN that it may be.
fn check(
    name: &str,
    nan: Option<Floats>,
    operands: &[u128],
    actual: Result<u128, Trap>,
    expected: Result<u128, Trap>,
) {
    if actual == expected {
        return;
    }
    let context = format!("{name} of {operands:x?}: {actual:x?}, expected {expected:x?}");
    let (Some(floats), Ok(actual), Ok(expected)) = (nan, actual, expected) else { panic!("{context}") };
    let width = if matches!(floats, Floats::F32 | Floats::F32x4) { 32 } else { 64 };
    let operand_width = if name.contains("mote") { 96 - width } else { width };
    let odd = |bits: &u128| split(*bits, operand_width).iter().any(|lane| is_odd_nan(*lane, operand_width));
    for (actual, expected) in split(actual, width).into_iter().zip(split(expected, width)) {
        let quiet = if width == 32 { 0x7fc0_0000 } else { 0x7ff8_0000_0000_0000 };
        let is_quiet = |bits: u128| bits & quiet == quiet;
        assert!(actual == expected || is_quiet(actual) && is_quiet(expected), "{context}");
        assert!(!is_odd_nan(actual, width) || operands.iter().any(odd), "{context}: not canonical");
    }
}

#[test]
fn unary_operators_are_right() {
    for &op in UnaryOp::ALL {
        for a in operands(op.params()[0], 2000) {
            let expected = reference_vector::of(op.name(), &[a]);
            check(op.name(), result_may_be_nan(op), &[a], eval::unary(op, a), expected);
        }
    }
}

#[test]
fn binary_operators_are_right() {
    for &op in BinaryOp::ALL {
        let [first, second] = op.params() else { panic!("{op} has two operands") };
        let (firsts, seconds) = (operands(*first, 12), operands(*second, 12));
        for (&a, &b) in firsts.iter().flat_map(|a| seconds.iter().map(move |b| (a, b))) {
            let expected = reference_vector::of(op.name(), &[a, b]);
            check(op.name(), result_may_be_nan(op), &[a, b], eval::binary(op, a, b), expected);
        }
    }
}

#[test]
fn ternary_operators_are_right() {
    for &op in TernaryOp::ALL {
        let vectors = operands(ValueType::V128, 500);
        for (index, &a) in vectors.iter().enumerate() {
            for step in 1..20 {
                let [b, c] = [step, 3 * step].map(|step| vectors[(index + step) % vectors.len()]);
                let expected = reference_vector::of(op.name(), &[a, b, c]);
                check(op.name(), result_may_be_nan(op), &[a, b, c], eval::ternary(op, a, b, c), expected);
            }
        }
    }
}

#[test]
fn lanes_are_taken_and_replaced() {
    let vectors = operands(ValueType::V128, 50);
    for (&op, &a) in ExtractLaneOp::ALL.iter().flat_map(|op| vectors.iter().map(move |a| (op, a))) {
        let width = 128 / u32::from(op.lanes());
        for lane in 0..op.lanes() {
            let bits = split(a, width)[usize::from(lane)];
            let result = if op.result() == ValueType::I64 { 64 } else { 32 };
            let signed = signed(bits, width).cast_unsigned() & mask(result.max(width));
            let expected = if op.name().ends_with("_s") { signed } else { bits };
            assert_eq!(eval::extract_lane(op, lane, a), Ok(expected), "{op} {lane} {a:x}");
        }
    }
    for (&op, &a) in ReplaceLaneOp::ALL.iter().flat_map(|op| vectors.iter().map(move |a| (op, a))) {
        let width = 128 / u32::from(op.lanes());
        for (lane, &value) in (0..op.lanes()).zip(&operands(op.params()[1], 20)) {
            let mut lanes = split(a, width);
            lanes[usize::from(lane)] = value;
            let expected = join(&lanes, width);
            assert_eq!(eval::replace_lane(op, lane, a, value), Ok(expected), "{op} {lane} {a:x} {value:x}");
        }
    }
}

#[test]
fn loads_and_stores_are_right() {
    let vectors = operands(ValueType::V128, 50);
    for (&op, &a) in LoadOp::ALL.iter().flat_map(|op| vectors.iter().map(move |a| (op, a))) {
        let bytes = &a.to_le_bytes()[..op.bytes() as usize];
        assert_eq!(eval::load(op, bytes), reference_vector::load(op.name(), bytes), "{op} {bytes:x?}");
    }
    for (&op, &a) in StoreOp::ALL.iter().flat_map(|op| vectors.iter().map(move |a| (op, a))) {
        let bytes = eval::store(op, a);
        assert!(bytes.len() == op.bytes() as usize && a.to_le_bytes().starts_with(&bytes), "{op} {a:x}");
    }
    for (&op, &a) in LoadLaneOp::ALL.iter().flat_map(|op| vectors.iter().map(move |a| (op, a))) {
        let count = op.bytes() as usize;
        for lane in 0..16 / count {
            let (bytes, at) = (&(!a).to_le_bytes()[..count], lane * count..(lane + 1) * count);
            let mut expected = a.to_le_bytes();
            expected[at.clone()].copy_from_slice(bytes);
            assert_eq!(
                eval::load_lane(op, bytes, lane as u8, a).to_le_bytes(),
                expected,
                "{op} {lane} {a:x}"
            );
            let (stored, from) = (StoreLaneOp::ALL[op as usize], &a.to_le_bytes()[at]);
            assert_eq!(eval::store_lane(stored, a, lane as u8), from, "{stored} {lane} {a:x}");
        }
    }
}

#[test]
fn shuffles_are_right() {
    let mut numbers = Numbers(99);
    let vectors = operands(ValueType::V128, 200);
    for pair in vectors.windows(2) {
        let lanes: [u8; 16] = std::array::from_fn(|_| (numbers.next() % 32) as u8);
        let both: Vec<u8> = pair.iter().flat_map(|vector| vector.to_le_bytes()).collect();
        let expected = lanes.map(|lane| both[usize::from(lane)]);
        assert_eq!(eval::shuffle(lanes, pair[0], pair[1]).to_le_bytes(), expected, "{lanes:?} {pair:x?}");
    }
}
