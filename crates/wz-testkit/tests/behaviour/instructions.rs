//! Every operator that computes, loads or stores, alone in a function, over edge values, on every
//! engine, against the evaluation that folds constants (`wz_core::numeric::eval`). Each is tried in
//! the forms in which compilers select different instructions for it: with a constant on either
//! side, with a loaded operand, with the same operand twice, as a condition, and with a user
//! that relies on the upper half of the result.

use wz::{Function, Module};
use wz_api::{Trap, ValueType};
use wz_core::numeric::eval;
use wz_decode::ops::{
    BinaryOp, ExtractLaneOp, LoadLaneOp, LoadOp, ReplaceLaneOp, StoreLaneOp, StoreOp, TernaryOp, UnaryOp,
};
use wz_testkit::engines::for_each_engine;
use wz_testkit::fixture::Fixture;

const I32S: &[u32] = &[
    0,
    1,
    2,
    3,
    7,
    8,
    15,
    16,
    31,
    32,
    33,
    63,
    64,
    100,
    127,
    128,
    255,
    256,
    0x7fff,
    0x8000,
    0xffff,
    0x1_0000,
    0x1234_5678,
    0x7fff_ffff,
    0x8000_0000,
    0x8000_0001,
    0xdead_beef,
    0xffff_ff80,
    0xffff_8000,
    0xffff_fffe,
    0xffff_ffff,
];
const I64S: &[u64] = &[
    0,
    1,
    2,
    3,
    8,
    31,
    32,
    63,
    64,
    65,
    127,
    128,
    255,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x1234_5678_9abc_def0,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0x8000_0000_0000_0001,
    0xffff_ffff_8000_0000,
    0xffff_ffff_7fff_ffff,
    0xffff_ffff_ffff_ff80,
    0xffff_ffff_ffff_fffe,
    0xffff_ffff_ffff_ffff,
];

fn f32s() -> Vec<u128> {
    let values = [
        0.0,
        0.25,
        0.5,
        0.999_999_94,
        1.0,
        1.5,
        2.5,
        3.5,
        4.5,
        127.0,
        255.5,
        1e10,
        8_388_607.5,
        8_388_608.0,
        16_777_215.0,
        2_147_483_500.0,
        2_147_483_648.0,
        4_294_967_000.0,
        4_294_967_300.0,
        9_223_371_500_000_000_000.0,
        9_223_372_000_000_000_000.0,
        18_446_742_000_000_000_000.0,
        18_446_744_000_000_000_000.0,
        f32::MIN_POSITIVE,
        f32::MAX,
        f32::INFINITY,
    ];
    let mut bits: Vec<u128> =
        values.into_iter().flat_map(|v: f32| [v, -v]).map(|v| v.to_bits().into()).collect();
    bits.extend([1, 0x8000_0001, 0x7fc0_0000, 0xffc0_0000, 0x7fa0_0001, 0xff80_0001, 0x7fff_ffff]);
    bits
}

fn f64s() -> Vec<u128> {
    let values = [
        0.0,
        0.25,
        0.5,
        0.999_999_999_999_999_9,
        1.0,
        1.5,
        2.5,
        3.5,
        4.5,
        1e10,
        1e300,
        1e-300,
        2_147_483_647.0,
        2_147_483_647.9,
        2_147_483_648.0,
        2_147_483_648.9,
        2_147_483_649.0,
        4_294_967_295.0,
        4_294_967_295.9,
        4_294_967_296.0,
        4_503_599_627_370_495.5,
        4_503_599_627_370_496.0,
        9_007_199_254_740_993.0,
        9_223_372_036_854_774_784.0,
        9_223_372_036_854_775_808.0,
        18_446_744_073_709_549_568.0,
        18_446_744_073_709_551_616.0,
        f64::MIN_POSITIVE,
        f64::MAX,
        f64::INFINITY,
    ];
    let mut bits: Vec<u128> =
        values.into_iter().flat_map(|v: f64| [v, -v]).map(|v| v.to_bits().into()).collect();
    bits.extend([
        1,
        0x8000_0000_0000_0001,
        0x7ff8_0000_0000_0000,
        0xfff8_0000_0000_0000,
        0x7ff4_0000_0000_0001,
        0xfff0_0000_0000_0001,
    ]);
    bits
}

/// Vectors whose lanes are edge values of some lane type, mixed.
fn v128s() -> Vec<u128> {
    let mut vectors = vec![0, u128::MAX, 0x0706_0504_0302_0100_0f0e_0d0c_0b0a_0908, 1 << 127];
    let mut lanes = |width: u32, values: &[u128]| {
        let count = 128 / width as usize;
        let mask = if width == 64 { u128::from(u64::MAX) } else { (1 << width) - 1 };
        for start in (0..values.len()).step_by((count / 2).max(1)) {
            let lane = |at: usize| (values[(start + at * 3) % values.len()] & mask) << (at as u32 * width);
            vectors.push((0..count).map(lane).fold(0, |all, lane| all | lane));
        }
    };
    lanes(8, &[0, 1, 2, 15, 16, 17, 0x7e, 0x7f, 0x80, 0x81, 0xfe, 0xff, 0x55, 0xaa]);
    lanes(
        16,
        &[0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7ffe, 0x7fff, 0x8000, 0x8001, 0xff80, 0xff7f, 0xffff, 0x1234],
    );
    lanes(32, &I32S.iter().map(|v| u128::from(*v)).collect::<Vec<_>>());
    lanes(64, &I64S.iter().map(|v| u128::from(*v)).collect::<Vec<_>>());
    lanes(32, &f32s());
    lanes(64, &f64s());
    vectors
}

fn edges(ty: ValueType) -> Vec<u128> {
    match ty {
        ValueType::I32 => I32S.iter().map(|v| u128::from(*v)).collect(),
        ValueType::I64 => I64S.iter().map(|v| u128::from(*v)).collect(),
        ValueType::F32 => f32s(),
        ValueType::F64 => f64s(),
        _ => v128s(),
    }
}

/// Few of them, for constants in code.
fn few(ty: ValueType) -> Vec<u128> {
    let all = edges(ty);
    let step = match ty {
        ValueType::I32 | ValueType::I64 => 2,
        _ => all.len() / 6 + 1,
    };
    all.into_iter().step_by(step).collect()
}

fn constant(ty: ValueType, bits: u128) -> String {
    match ty {
        ValueType::I32 => format!("(i32.const {})", bits as i32),
        ValueType::I64 => format!("(i64.const {})", bits as i64),
        ValueType::F32 => format!("(f32.reinterpret_i32 (i32.const {}))", bits as i32),
        ValueType::F64 => format!("(f64.reinterpret_i64 (i64.const {}))", bits as i64),
        _ => format!("(v128.const i64x2 {} {})", bits as i64, (bits >> 64) as i64),
    }
}

fn name(ty: ValueType) -> &'static str {
    match ty {
        ValueType::I32 => "i32",
        ValueType::I64 => "i64",
        ValueType::F32 => "f32",
        ValueType::F64 => "f64",
        _ => "v128",
    }
}

fn params(types: &[ValueType]) -> String {
    types.iter().map(|ty| format!(" (param {})", name(*ty))).collect()
}

/// Slots of values, one after the other.
fn slots(types: &[ValueType], values: &[u128], room: usize) -> Vec<u64> {
    let mut slots = Vec::new();
    for (ty, bits) in types.iter().zip(values) {
        slots.push(*bits as u64);
        if *ty == ValueType::V128 {
            slots.push((*bits >> 64) as u64);
        }
    }
    slots.resize(slots.len().max(room), 0);
    slots
}

type Outcome = Result<u128, Trap>;

/// What has to come of operands.
type Expected = Box<dyn Fn(&[u128]) -> Outcome>;

/// A condition in code, and when it holds.
type Conditional = (&'static str, fn(u32) -> bool);

fn run(function: &Function, values: &[u128]) -> Outcome {
    let ty = function.ty();
    let mut slots = slots(ty.params(), values, 2);
    match function.call_with_stack(&mut slots) {
        Ok(()) if ty.results() == [ValueType::V128] => Ok(u128::from(slots[0]) | u128::from(slots[1]) << 64),
        Ok(()) => Ok(slots[0].into()),
        Err(error) => Err(error.trap().unwrap_or_else(|| panic!("{error}"))),
    }
}

/// Whether two results are the same, or, of operators that may choose a NaN, both NaN where one is.
fn same(op: &str, ty: ValueType, found: Outcome, expected: Outcome) -> bool {
    let (Ok(a), Ok(b)) = (found, expected) else { return found == expected };
    if a == b {
        return true;
    }
    // These move bits.
    let exact = ["abs", "neg", "copysign", "reinterpret", "splat", "lane", "load", "select", "pmin", "pmax"];
    if exact.iter().any(|part| op.contains(part)) && !op.contains("relaxed_m") {
        return false;
    }
    let width = match (ty, op.split('.').next()) {
        (ValueType::F32, _) | (ValueType::V128, Some("f32x4")) => 32,
        (ValueType::F64, _) | (ValueType::V128, Some("f64x2")) => 64,
        _ => return false,
    };
    let lanes = if ty == ValueType::V128 { 128 / width } else { 1 };
    (0..lanes).all(|lane| {
        let (a, b) = ((a >> (lane * width)) as u64, (b >> (lane * width)) as u64);
        match width {
            32 => {
                let is_nan = |bits: u64| f32::from_bits(bits as u32).is_nan();
                a as u32 == b as u32 || is_nan(a) && is_nan(b)
            }
            _ => a == b || f64::from_bits(a).is_nan() && f64::from_bits(b).is_nan(),
        }
    })
}

/// A function of a module under test: how it is called, and what it has to give.
struct Case {
    op: String,
    text: String,
    params: Vec<ValueType>,
    result: ValueType,
    expected: Expected,
}

/// Runs cases over all edge values of their parameters.
fn check(cases: Vec<Case>) {
    let mut text = String::from("(module (memory (export \"memory\") 1)\n");
    for (index, case) in cases.iter().enumerate() {
        text += &format!(
            "(func (export \"{index}\"){} (result {}) {})\n",
            params(&case.params),
            name(case.result),
            case.text
        );
    }
    text += ")";
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let module: Module = fixture.module(&text);
        for (index, case) in cases.iter().enumerate() {
            let function = module.exported_function(&index.to_string()).expect("an export");
            let values: Vec<_> = case.params.iter().map(|ty| edges(*ty)).collect();
            // Of three operands, or two vectors, not all combinations.
            let stride = match (case.params.as_slice(), values.len()) {
                ([ValueType::V128, ValueType::V128], _) => 3,
                (_, 3..) => 37,
                _ => 1,
            };
            let count: usize = values.iter().map(Vec::len).product();
            for number in (0..count).step_by(stride) {
                let mut rest = number;
                let operands: Vec<_> = values
                    .iter()
                    .map(|values| {
                        let value = values[rest % values.len()];
                        rest /= values.len();
                        value
                    })
                    .collect();
                let (found, expected) = (run(&function, &operands), (case.expected)(&operands));
                assert!(
                    same(&case.op, case.result, found, expected),
                    "{}: {}{:x?} gives {found:x?}, not {expected:x?}",
                    case.op,
                    case.text,
                    operands
                );
            }
        }
    });
}

/// The operator with another around it, which makes something of its result.
fn user(base: &Case, text: &str, result: ValueType, of: fn(u128) -> u128) -> Case {
    let reference = reference(&base.op);
    Case {
        op: base.op.clone(),
        text: text.replace('@', &base.text),
        params: base.params.clone(),
        result,
        expected: Box::new(move |values| reference(values).map(of)),
    }
}

/// What an operator gives, by its name.
fn reference(op: &str) -> Expected {
    if let Some(op) = UnaryOp::ALL.iter().copied().find(|known| known.name() == op) {
        return Box::new(move |values| eval::unary(op, values[0]));
    }
    if let Some(op) = BinaryOp::ALL.iter().copied().find(|known| known.name() == op) {
        return Box::new(move |values| eval::binary(op, values[0], values[1]));
    }
    let op = TernaryOp::ALL.iter().copied().find(|known| known.name() == op).expect("an operator");
    Box::new(move |values| eval::ternary(op, values[0], values[1], values[2]))
}

const CONDITIONS: &[&str] = &[
    "(if (result i32) @ (then (i32.const 7)) (else (i32.const 9)))",
    "(select (i32.const 7) (i32.const 9) @)",
    "(block (br_if 0 @) (return (i32.const 9))) (i32.const 7)",
    "(if (result i32) (i32.eqz @) (then (i32.const 9)) (else (i32.const 7)))",
];

fn chosen(bits: u128) -> u128 {
    if bits as u32 == 0 { 9 } else { 7 }
}

/// All forms of an operator over values.
fn forms(op: &str, types: &[ValueType], result: ValueType) -> Vec<Case> {
    let local = |index: usize| format!("(local.get {index})");
    let all: String = (0..types.len()).map(local).collect();
    let plain = Case {
        op: op.into(),
        text: format!("({op} {all})"),
        params: types.to_vec(),
        result,
        expected: reference(op),
    };
    let mut cases = Vec::new();
    if result == ValueType::I32 {
        for condition in CONDITIONS {
            cases.push(user(&plain, condition, ValueType::I32, chosen));
        }
        cases.push(user(&plain, "(i64.extend_i32_u @)", ValueType::I64, |bits| u128::from(bits as u32)));
    }
    cases.push(plain);
    // Loaded operands, from memory that the function fills.
    for index in 0..types.len() {
        let ty = name(types[index]);
        let operands: String = (0..types.len())
            .map(|other| if other == index { format!("({ty}.load (i32.const 32))") } else { local(other) })
            .collect();
        cases.push(Case {
            op: op.into(),
            text: format!("({ty}.store (i32.const 32) (local.get {index})) ({op} {operands})"),
            params: types.to_vec(),
            result,
            expected: reference(op),
        });
    }
    if let [a, b] = *types {
        for (index, ty) in [(0, a), (1, b)] {
            for bits in few(ty) {
                let constant = constant(ty, bits);
                let text = match index {
                    0 => format!("({op} {constant} (local.get 0))"),
                    _ => format!("({op} (local.get 0) {constant})"),
                };
                let reference = reference(op);
                let expected: Expected = match index {
                    0 => Box::new(move |values| reference(&[bits, values[0]])),
                    _ => Box::new(move |values| reference(&[values[0], bits])),
                };
                let params = vec![if index == 0 { b } else { a }];
                cases.push(Case { op: op.into(), text, params, result, expected });
            }
        }
        if a == b {
            let reference = reference(op);
            cases.push(Case {
                op: op.into(),
                text: format!("({op} (local.get 0) (local.get 0))"),
                params: vec![a],
                result,
                expected: Box::new(move |values| reference(&[values[0], values[0]])),
            });
        }
    }
    cases
}

#[test]
fn unary() {
    check(UnaryOp::ALL.iter().flat_map(|op| forms(op.name(), op.params(), op.result())).collect());
}

/// The binary operators, in parts that run at the same time.
fn binary_where(is_in_part: impl Fn(&str) -> bool) {
    let part = BinaryOp::ALL.iter().filter(|op| is_in_part(op.name()));
    check(part.flat_map(|op| forms(op.name(), op.params(), op.result())).collect());
}

#[test]
fn binary_scalar() {
    binary_where(|name| ["i32.", "i64.", "f32.", "f64."].iter().any(|ty| name.starts_with(ty)));
}

#[test]
fn binary_i8x16_and_i16x8() {
    binary_where(|name| name.starts_with("i8x16.") || name.starts_with("i16x8."));
}

#[test]
fn binary_other_vectors() {
    binary_where(|name| {
        ["i32x4.", "i64x2.", "f32x4.", "f64x2.", "v128."].iter().any(|ty| name.starts_with(ty))
    });
}

#[test]
fn ternary() {
    check(TernaryOp::ALL.iter().flat_map(|op| forms(op.name(), op.params(), op.result())).collect());
}

#[test]
fn lanes() {
    let mut cases = Vec::new();
    for op in ExtractLaneOp::ALL.iter().copied() {
        for lane in 0..op.lanes() {
            let result = op.result();
            let text = format!("({op} {lane} (local.get 0))");
            let expected = Box::new(move |values: &[u128]| eval::extract_lane(op, lane, values[0]));
            cases.push(Case { op: op.name().into(), text, params: vec![ValueType::V128], result, expected });
            if result == ValueType::I32 {
                cases.push(Case {
                    op: op.name().into(),
                    text: format!("(i64.extend_i32_u ({op} {lane} (local.get 0)))"),
                    params: vec![ValueType::V128],
                    result: ValueType::I64,
                    expected: Box::new(move |values: &[u128]| eval::extract_lane(op, lane, values[0])),
                });
            }
        }
    }
    for op in ReplaceLaneOp::ALL.iter().copied() {
        for lane in 0..op.lanes() {
            let text = format!("({op} {lane} (local.get 0) (local.get 1))");
            let expected =
                Box::new(move |values: &[u128]| eval::replace_lane(op, lane, values[0], values[1]));
            let params = op.params().to_vec();
            cases.push(Case { op: op.name().into(), text, params, result: ValueType::V128, expected });
        }
    }
    check(cases);
}

#[test]
fn shuffles() {
    let mut patterns: Vec<[u8; 16]> = vec![
        std::array::from_fn(|lane| lane as u8),
        std::array::from_fn(|lane| lane as u8 + 16),
        [0; 16],
        [31; 16],
        std::array::from_fn(|lane| 15 - lane as u8),
        // Interleaving, of every width and half.
        [0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23],
        [8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31],
        [16, 0, 17, 1, 18, 2, 19, 3, 20, 4, 21, 5, 22, 6, 23, 7],
        [0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23],
        [8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31],
        [0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23],
        [8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31],
        [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23],
        [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31],
        // Both operands the other way, whole lanes, and blends.
        [4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11],
        [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7],
        [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27],
        [0, 1, 18, 19, 4, 5, 22, 23, 8, 9, 26, 27, 12, 13, 30, 31],
        [0, 17, 2, 19, 4, 21, 6, 23, 8, 25, 10, 27, 12, 29, 14, 31],
        [2, 3, 0, 1, 6, 7, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15],
        [0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 8, 9, 14, 15, 12, 13],
    ];
    // Every rotation of both together.
    patterns.extend((1..32_u8).map(|by| std::array::from_fn(|lane| (lane as u8 + by) % 32)));
    let mut state = 1_u64;
    patterns.extend((0..40).map(|_| {
        std::array::from_fn(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 59) as u8
        })
    }));
    let mut cases = Vec::new();
    for lanes in patterns {
        let list: Vec<_> = lanes.iter().map(ToString::to_string).collect();
        let list = list.join(" ");
        for (text, params, same) in [
            (format!("(i8x16.shuffle {list} (local.get 0) (local.get 1))"), 2, false),
            (format!("(i8x16.shuffle {list} (local.get 0) (local.get 0))"), 1, true),
        ] {
            cases.push(Case {
                op: "i8x16.shuffle".into(),
                text,
                params: vec![ValueType::V128; params],
                result: ValueType::V128,
                expected: Box::new(move |values| {
                    Ok(eval::shuffle(lanes, values[0], values[if same { 0 } else { 1 }]))
                }),
            });
        }
    }
    check(cases);
}

#[test]
fn selects() {
    let mut cases = Vec::new();
    for ty in [ValueType::I32, ValueType::I64, ValueType::F32, ValueType::F64, ValueType::V128] {
        let conditions: &[Conditional] = &[
            ("(local.get 2)", |c| c != 0),
            ("(i32.eqz (local.get 2))", |c| c == 0),
            ("(i32.lt_s (local.get 2) (i32.const 16))", |c| (c as i32) < 16),
            ("(i32.gt_u (i32.const 64) (local.get 2))", |c| 64 > c),
            ("(i32.and (local.get 2) (i32.const 4))", |c| c & 4 != 0),
            ("(f32.lt (f32.convert_i32_s (local.get 2)) (f32.const 2.5))", |c| (c as i32 as f32) < 2.5),
            ("(f64.ne (f64.convert_i32_u (local.get 2)) (f64.const 8))", |c| c != 8),
            ("(f32.eq (f32.reinterpret_i32 (local.get 2)) (f32.const 0))", |c| f32::from_bits(c) == 0.0),
            ("(f32.ne (f32.reinterpret_i32 (local.get 2)) (f32.reinterpret_i32 (local.get 2)))", |c| {
                f32::from_bits(c).is_nan()
            }),
        ];
        for (text, holds) in conditions {
            let holds = *holds;
            cases.push(Case {
                op: "select".into(),
                text: format!("(select (result {}) (local.get 0) (local.get 1) {text})", name(ty)),
                params: vec![ty, ty, ValueType::I32],
                result: ty,
                expected: Box::new(move |values| {
                    Ok(if holds(values[2] as u32) { values[0] } else { values[1] })
                }),
            });
        }
    }
    check(cases);
}

/// Loads and stores of every kind at addresses that are constants, variables and far from the
/// offset, up to the last byte of the memory.
#[test]
fn accesses() {
    const PAGE: usize = 65_536;
    let places: &[(&str, usize)] = &[
        ("(i32.const 100)", 0),
        ("(local.get 0)", 0),
        ("(i32.add (local.get 0) (i32.const 4))", 0),
        ("(i32.shl (i32.and (local.get 0) (i32.const 0xff)) (i32.const 3))", 8),
        ("(i32.wrap_i64 (i64.extend_i32_s (local.get 0)))", 3),
    ];
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let mut text = String::from("(module (memory (export \"memory\") 1)\n");
        for (number, (place, offset)) in places.iter().enumerate() {
            for op in LoadOp::ALL {
                let ty = name(op.result());
                text += &format!(
                    "(func (export \"{op}{number}\") (param i32) (result {ty}) ({op} offset={offset} {place}))\n"
                );
            }
            for op in StoreOp::ALL {
                let ty = name(op.value());
                text += &format!(
                    "(func (export \"{op}{number}\") (param i32 {ty}) ({op} offset={offset} {place} (local.get 1)))\n"
                );
                for (nth, bits) in few(op.value()).into_iter().enumerate() {
                    let constant = constant(op.value(), bits);
                    text += &format!(
                        "(func (export \"{op}{number}c{nth}\") (param i32) ({op} offset={offset} {place} {constant}))\n"
                    );
                }
            }
            for op in LoadLaneOp::ALL {
                for lane in 0..16 / op.bytes() {
                    text += &format!(
                        "(func (export \"{op}{number}l{lane}\") (param i32 v128) (result v128)
                            ({op} offset={offset} {lane} {place} (local.get 1)))\n"
                    );
                }
            }
            for op in StoreLaneOp::ALL {
                for lane in 0..16 / op.bytes() {
                    text += &format!(
                        "(func (export \"{op}{number}l{lane}\") (param i32 v128)
                            ({op} offset={offset} {lane} {place} (local.get 1)))\n"
                    );
                }
            }
        }
        text += ")";
        let module = fixture.module(&text);
        let memory = module.memory().expect("a memory");
        let pattern: Vec<u8> = (0..PAGE).map(|at| (at * 7 + at / 251 + (at >> 3) * 129) as u8).collect();
        let function = |name: String| module.exported_function(&name).expect("an export");
        let address = |number: usize, param: u32| {
            let operand = match number {
                0 => 100,
                1 | 4 => param,
                2 => param.wrapping_add(4),
                _ => (param & 0xff) << 3,
            };
            u64::from(operand) + places[number].1 as u64
        };
        let inputs = [
            0,
            1,
            77,
            0xff,
            0x8001,
            65_519,
            65_520,
            65_531,
            65_532,
            65_535,
            65_536,
            0x8000_0000,
            0xffff_fffe,
        ];
        let range = |number: usize, param: u32, bytes: u32| {
            let start = address(number, param);
            (start + u64::from(bytes) <= PAGE as u64).then(|| start as usize..start as usize + bytes as usize)
        };
        let out = Err(Trap::OutOfBoundsMemoryAccess);
        for (number, (place, _)) in places.iter().enumerate() {
            for param in inputs {
                memory.write(0_u32, &pattern).expect("in bounds");
                for op in LoadOp::ALL {
                    let found = run(&function(format!("{op}{number}")), &[param.into()]);
                    let expected = range(number, param, op.bytes())
                        .map_or(out, |range| Ok(eval::load(*op, &pattern[range])));
                    assert_eq!(found, expected, "{op} {} {param:x}", place);
                }
                let vector = 0x0f1e_2d3c_4b5a_6978_8796_a5b4_c3d2_e1f0;
                for op in LoadLaneOp::ALL {
                    for lane in 0..(16 / op.bytes()) as u8 {
                        let found = run(&function(format!("{op}{number}l{lane}")), &[param.into(), vector]);
                        let expected = range(number, param, op.bytes())
                            .map_or(out, |range| Ok(eval::load_lane(*op, &pattern[range], lane, vector)));
                        assert_eq!(found, expected, "{op} {lane} {} {param:x}", place);
                    }
                }
                let stored = |name: String, params: &[u128], bytes: Vec<u8>| {
                    memory.write(0_u32, &pattern).expect("in bounds");
                    let found = run(&function(name.clone()), params).map(|_| ());
                    let mut after = pattern.clone();
                    let expected = match range(number, param, bytes.len() as u32) {
                        None => Err(Trap::OutOfBoundsMemoryAccess),
                        Some(range) => {
                            after[range].copy_from_slice(&bytes);
                            Ok(())
                        }
                    };
                    assert_eq!(found, expected, "{name} {} {params:x?}", place);
                    let memory = memory.read_vec(0_u32, PAGE as u64).expect("in bounds");
                    assert!(memory == after, "{name} {} {params:x?}: memory", place);
                };
                for op in StoreOp::ALL {
                    let value = 0x8182_8384_8586_8788_898a_8b8c_8d8e_8f80_u128;
                    let bytes = eval::store(*op, value);
                    stored(format!("{op}{number}"), &[param.into(), value], bytes);
                    for (nth, bits) in few(op.value()).into_iter().enumerate() {
                        stored(format!("{op}{number}c{nth}"), &[param.into()], eval::store(*op, bits));
                    }
                }
                for op in StoreLaneOp::ALL {
                    for lane in 0..(16 / op.bytes()) as u8 {
                        let bytes = eval::store_lane(*op, vector, lane);
                        stored(format!("{op}{number}l{lane}"), &[param.into(), vector], bytes);
                    }
                }
            }
        }
    });
}
