//! Every operator on numbers, over edge values and with operands from everywhere: the results are
//! those of `wz_core::numeric`.

mod common;

use std::fmt::Write;

use common::{call, instantiate, store};
use wz_api::{Module, Trap};
use wz_core::numeric;
use wz_decode::ops::{BinaryOp, UnaryOp};

/// A number as a slot holds it.
trait Number: Copy {
    const TYPE: &'static str;
    const EDGES: &'static [u64];
    fn of(bits: u64) -> Self;
    fn bits(self) -> u64;
    /// Text that gives the value of `inner` through another instruction.
    fn through(inner: &str) -> String;
    fn constant(bits: u64) -> String;
}

const F32_EDGES: &[u64] = &[
    0,
    0x8000_0000,
    0x3f80_0000,
    0xbfc0_0000,
    1,
    0x7f7f_ffff,
    0x7f80_0000,
    0xff80_0000,
    0x7fc0_0000,
    0xffc1_2345,
    0x4f00_0000,
    0xcf00_0001,
    0x5f80_0000,
    0x3f00_0000,
    0x4b00_0001,
];
const F64_EDGES: &[u64] = &[
    0,
    1 << 63,
    0x3ff0_0000_0000_0000,
    0xbff8_0000_0000_0000,
    1,
    0x7fef_ffff_ffff_ffff,
    0x7ff0_0000_0000_0000,
    0xfff0_0000_0000_0000,
    0x7ff8_0000_0000_0000,
    0xfff8_1234_5678_9abc,
    0x41e0_0000_0000_0000,
    0xc1e0_0000_0020_0000,
    0x43f0_0000_0000_0000,
    0x3fe0_0000_0000_0000,
];

macro_rules! numbers {
    ($($T:ident $name:literal $edges:expr, |$bits:ident| $of:expr, |$value:ident| $to:expr, |$inner:ident| $through:expr, |$c:ident| $constant:expr;)*) => {$(
        impl Number for $T {
            const TYPE: &'static str = $name;
            const EDGES: &'static [u64] = $edges;
            fn of($bits: u64) -> Self { $of }
            fn bits(self) -> u64 { let $value = self; $to }
            fn through($inner: &str) -> String { $through }
            fn constant($c: u64) -> String { $constant }
        }
    )*};
}

numbers! {
    i32 "i32" &[0, 1, 2, 0xffff_ffff, 0x7fff_ffff, 0x8000_0000, 31, 32, 0x7fff, 0x8000, 0xffff_8000, 0xffff_7fff, 0x1234_5678],
        |bits| bits as i32, |value| u64::from(value as u32),
        |inner| format!("(i32.or {inner} (i32.const 0))"), |c| format!("(i32.const {})", c as i32);
    i64 "i64" &[0, 1, 2, u64::MAX, i64::MAX as u64, 1 << 63, 63, 64, 0x7fff, 0x8000, 0xffff_ffff_ffff_8000, 0xffff_ffff_ffff_7fff, 0xffff_ffff, 0x1_0000_0000, 0x1234_5678_9abc_def0],
        |bits| bits as i64, |value| value as u64,
        |inner| format!("(i64.or {inner} (i64.const 0))"), |c| format!("(i64.const {})", c as i64);
    f32 "f32" F32_EDGES, |bits| f32::from_bits(bits as u32), |value| u64::from(value.to_bits()),
        |inner| format!("(f32.reinterpret_i32 (i32.reinterpret_f32 {inner}))"),
        |c| format!("(f32.reinterpret_i32 (i32.const {}))", c as i32);
    f64 "f64" F64_EDGES, |bits| f64::from_bits(bits), |value| value.to_bits(),
        |inner| format!("(f64.reinterpret_i64 (i64.reinterpret_f64 {inner}))"),
        |c| format!("(f64.const {})", literal(c));
}

/// A literal of the text format.
fn literal(bits: u64) -> String {
    let value = f64::from_bits(bits);
    let sign = if value.is_sign_negative() { "-" } else { "" };
    match (value.is_nan(), value.is_infinite()) {
        (true, _) => format!("{sign}nan:{:#x}", bits & ((1 << 52) - 1)),
        (_, true) => format!("{sign}inf"),
        _ => format!("{value:?}"),
    }
}

/// What a function may give: a value or a trap.
trait Expected<T> {
    fn expected(self) -> Result<T, Trap>;
}
impl<T> Expected<T> for Result<T, Trap> {
    fn expected(self) -> Self {
        self
    }
}
macro_rules! certain {
    ($($T:ident)*) => {$(impl Expected<$T> for $T { fn expected(self) -> Result<$T, Trap> { Ok(self) } })*};
}
certain!(i32 i64 f32 f64);

fn is_nan(ty: &str, bits: u64) -> bool {
    match ty {
        "f32" => f32::from_bits(bits as u32).is_nan(),
        "f64" => f64::from_bits(bits).is_nan(),
        _ => false,
    }
}

/// Whether the operator moves bits, so that those of a NaN count.
fn moves_bits(name: &str) -> bool {
    ["abs", "neg", "copysign", "reinterpret"].iter().any(|part| name.contains(part))
}

fn compare(module: &Module, function: &str, params: &[u64], expected: Result<u64, Trap>, ty: &str) {
    let got = call(module, function, params).map(|results| results[0]).map_err(|error| error.trap().unwrap());
    let name = function.split('/').next().unwrap();
    let same = match (got, expected) {
        (Ok(got), Ok(expected)) if is_nan(ty, expected) && !moves_bits(name) => is_nan(ty, got),
        (got, expected) => got == expected,
    };
    assert!(same, "{function} {params:x?}: got {got:x?}, expected {expected:x?}");
}

fn binary<A: Number, B: Number, R: Number>(name: &str, oracle: impl Fn(A, B) -> Result<R, Trap>) {
    let (a, b, r) = (A::TYPE, B::TYPE, R::TYPE);
    let mut text = String::from("(module\n");
    let mut function = |form: &str, params: &str, body: &str| {
        let _ =
            writeln!(text, "(func (export \"{name}/{form}\") {params} (result {r}) (local $l {r}) {body})");
    };
    let (x, y) = ("(local.get 0)", "(local.get 1)");
    let two = format!("(param {a} {b})");
    let op = |x: &str, y: &str| format!("({name} {x} {y})");
    function("ss", &two, &op(x, y));
    function("as", &two, &op(&A::through(x), y));
    function("sa", &two, &op(x, &B::through(y)));
    function("aa", &two, &op(&A::through(x), &B::through(y)));
    function("set", &two, &format!("(local.set $l {}) (local.get $l)", op(x, y)));
    function("tee", &two, &format!("(drop (local.tee $l {})) (local.get $l)", op(&A::through(x), y)));
    function("kept", &two, &format!("{} (drop {}) ", op(x, y), op(&A::through(x), &B::through(y))));
    if a == b {
        function("same", &format!("(param {a})"), &op(x, x));
    }
    if r == "i32" {
        function(
            "if",
            &two,
            &format!("(if (result i32) {} (then (i32.const 1)) (else (i32.const 0)))", op(x, y)),
        );
        function(
            "not",
            &two,
            &format!(
                "(if (result i32) (i32.eqz {}) (then (i32.const 0)) (else (i32.const 1)))",
                op(&A::through(x), y)
            ),
        );
        function(
            "br",
            &two,
            &format!("(block (br_if 0 {}) (return (i32.const 0))) (i32.const 1)", op(x, &B::through(y))),
        );
        function("select", &two, &format!("(select (i32.const 1) (i32.const 0) {})", op(x, y)));
        function(
            "select_not",
            &two,
            &format!(
                "(local.set $l (i32.const 1)) (select (i32.const 0) (local.get $l) (i32.eqz {}))",
                op(&A::through(x), y)
            ),
        );
    }
    for (index, value) in B::EDGES.iter().enumerate() {
        let y = B::constant(*value);
        function(&format!("si{index}"), &format!("(param {a})"), &op(x, &y));
        function(&format!("ai{index}"), &format!("(param {a})"), &op(&A::through(x), &y));
        if r == "i32" {
            function(
                &format!("ifi{index}"),
                &format!("(param {a})"),
                &format!("(if (result i32) {} (then (i32.const 1)) (else (i32.const 0)))", op(x, &y)),
            );
            function(
                &format!("choose{index}"),
                &format!("(param {a})"),
                &format!("(select (i32.const 1) (i32.const 0) {})", op(x, &y)),
            );
        }
    }
    for (index, value) in A::EDGES.iter().enumerate() {
        let x = A::constant(*value);
        function(&format!("is{index}"), &format!("(param {b})"), &op(&x, "(local.get 0)"));
        function(&format!("ia{index}"), &format!("(param {b})"), &op(&x, &B::through("(local.get 0)")));
        for (other, value) in B::EDGES.iter().enumerate().take(4) {
            function(&format!("ii{index}_{other}"), "", &op(&x, &B::constant(*value)));
        }
    }
    text.push(')');
    let store = store();
    let module = instantiate(&store, &text);
    let tests = ["eq", "ne", "lt", "gt", "le", "ge"];
    let is_test = r == "i32" && tests.iter().any(|test| name[4..].starts_with(test));
    for (row, x) in A::EDGES.iter().enumerate() {
        for (column, y) in B::EDGES.iter().enumerate() {
            let expected = oracle(A::of(*x), B::of(*y)).map(R::bits);
            let check = |form: String, params: &[u64], expected| {
                compare(&module, &format!("{name}/{form}"), params, expected, r);
            };
            for form in ["ss", "as", "sa", "aa", "set", "tee", "kept"] {
                check(form.into(), &[*x, *y], expected);
            }
            if a == b && row == column {
                check("same".into(), &[*x], expected);
            }
            let truth = expected.map(|value| u64::from(value != 0));
            if r == "i32" {
                for form in ["if", "not", "br", "select", "select_not"] {
                    check(form.into(), &[*x, *y], truth);
                }
                check(format!("ifi{column}"), &[*x], truth);
                check(format!("choose{column}"), &[*x], truth);
            }
            assert!(!is_test || expected == truth, "comparisons give 0 or 1");
            check(format!("si{column}"), &[*x], expected);
            check(format!("ai{column}"), &[*x], expected);
            check(format!("is{row}"), &[*y], expected);
            check(format!("ia{row}"), &[*y], expected);
            if column < 4 {
                check(format!("ii{row}_{column}"), &[], expected);
            }
        }
    }
}

fn unary<A: Number, R: Number>(name: &str, oracle: impl Fn(A) -> Result<R, Trap>) {
    let (a, r) = (A::TYPE, R::TYPE);
    let mut text = String::from("(module\n");
    let mut function = |form: &str, params: &str, body: &str| {
        let _ =
            writeln!(text, "(func (export \"{name}/{form}\") {params} (result {r}) (local $l {r}) {body})");
    };
    let x = "(local.get 0)";
    let one = format!("(param {a})");
    function("s", &one, &format!("({name} {x})"));
    function("a", &one, &format!("({name} {})", A::through(x)));
    function("set", &one, &format!("(local.set $l ({name} {x})) (local.get $l)"));
    if r == "i32" {
        function(
            "if",
            &one,
            &format!("(if (result i32) ({name} {x}) (then (i32.const 1)) (else (i32.const 0)))"),
        );
    }
    for (index, value) in A::EDGES.iter().enumerate() {
        function(&format!("i{index}"), "", &format!("({name} {})", A::constant(*value)));
    }
    text.push(')');
    let store = store();
    let module = instantiate(&store, &text);
    for (index, x) in A::EDGES.iter().enumerate() {
        let expected = oracle(A::of(*x)).map(R::bits);
        for form in ["s", "a", "set"] {
            compare(&module, &format!("{name}/{form}"), &[*x], expected, r);
        }
        if r == "i32" {
            compare(&module, &format!("{name}/if"), &[*x], expected.map(|value| u64::from(value != 0)), r);
        }
        compare(&module, &format!("{name}/i{index}"), &[], expected, r);
    }
}

/// Lists operators. A row reads: name, function, operands, result.
macro_rules! operators {
    ($test:ident $names:ident $check:ident; $($name:literal $function:ident($($A:ident),+) -> $R:ident;)*) => {
        const $names: &[&str] = &[$($name),*];

        #[test]
        fn $test() {
            $(operators!(@ $check $name $function($($A),+) -> $R);)*
        }
    };
    (@ binary $name:literal $function:ident($A:ident, $B:ident) -> $R:ident) => {
        binary::<$A, $B, $R>($name, |a, b| Expected::<$R>::expected(numeric::$function(a, b)));
    };
    (@ unary $name:literal $function:ident($A:ident) -> $R:ident) => {
        unary::<$A, $R>($name, |a| Expected::<$R>::expected(numeric::$function(a)));
    };
}

operators! { binary_operators BINARY binary;
    "i32.eq" i32_eq(i32, i32) -> i32;
    "i32.ne" i32_ne(i32, i32) -> i32;
    "i32.lt_s" i32_lt_s(i32, i32) -> i32;
    "i32.lt_u" i32_lt_u(i32, i32) -> i32;
    "i32.gt_s" i32_gt_s(i32, i32) -> i32;
    "i32.gt_u" i32_gt_u(i32, i32) -> i32;
    "i32.le_s" i32_le_s(i32, i32) -> i32;
    "i32.le_u" i32_le_u(i32, i32) -> i32;
    "i32.ge_s" i32_ge_s(i32, i32) -> i32;
    "i32.ge_u" i32_ge_u(i32, i32) -> i32;
    "i64.eq" i64_eq(i64, i64) -> i32;
    "i64.ne" i64_ne(i64, i64) -> i32;
    "i64.lt_s" i64_lt_s(i64, i64) -> i32;
    "i64.lt_u" i64_lt_u(i64, i64) -> i32;
    "i64.gt_s" i64_gt_s(i64, i64) -> i32;
    "i64.gt_u" i64_gt_u(i64, i64) -> i32;
    "i64.le_s" i64_le_s(i64, i64) -> i32;
    "i64.le_u" i64_le_u(i64, i64) -> i32;
    "i64.ge_s" i64_ge_s(i64, i64) -> i32;
    "i64.ge_u" i64_ge_u(i64, i64) -> i32;
    "f32.eq" f32_eq(f32, f32) -> i32;
    "f32.ne" f32_ne(f32, f32) -> i32;
    "f32.lt" f32_lt(f32, f32) -> i32;
    "f32.gt" f32_gt(f32, f32) -> i32;
    "f32.le" f32_le(f32, f32) -> i32;
    "f32.ge" f32_ge(f32, f32) -> i32;
    "f64.eq" f64_eq(f64, f64) -> i32;
    "f64.ne" f64_ne(f64, f64) -> i32;
    "f64.lt" f64_lt(f64, f64) -> i32;
    "f64.gt" f64_gt(f64, f64) -> i32;
    "f64.le" f64_le(f64, f64) -> i32;
    "f64.ge" f64_ge(f64, f64) -> i32;
    "i32.add" i32_add(i32, i32) -> i32;
    "i32.sub" i32_sub(i32, i32) -> i32;
    "i32.mul" i32_mul(i32, i32) -> i32;
    "i32.div_s" i32_div_s(i32, i32) -> i32;
    "i32.div_u" i32_div_u(i32, i32) -> i32;
    "i32.rem_s" i32_rem_s(i32, i32) -> i32;
    "i32.rem_u" i32_rem_u(i32, i32) -> i32;
    "i32.and" i32_and(i32, i32) -> i32;
    "i32.or" i32_or(i32, i32) -> i32;
    "i32.xor" i32_xor(i32, i32) -> i32;
    "i32.shl" i32_shl(i32, i32) -> i32;
    "i32.shr_s" i32_shr_s(i32, i32) -> i32;
    "i32.shr_u" i32_shr_u(i32, i32) -> i32;
    "i32.rotl" i32_rotl(i32, i32) -> i32;
    "i32.rotr" i32_rotr(i32, i32) -> i32;
    "i64.add" i64_add(i64, i64) -> i64;
    "i64.sub" i64_sub(i64, i64) -> i64;
    "i64.mul" i64_mul(i64, i64) -> i64;
    "i64.div_s" i64_div_s(i64, i64) -> i64;
    "i64.div_u" i64_div_u(i64, i64) -> i64;
    "i64.rem_s" i64_rem_s(i64, i64) -> i64;
    "i64.rem_u" i64_rem_u(i64, i64) -> i64;
    "i64.and" i64_and(i64, i64) -> i64;
    "i64.or" i64_or(i64, i64) -> i64;
    "i64.xor" i64_xor(i64, i64) -> i64;
    "i64.shl" i64_shl(i64, i64) -> i64;
    "i64.shr_s" i64_shr_s(i64, i64) -> i64;
    "i64.shr_u" i64_shr_u(i64, i64) -> i64;
    "i64.rotl" i64_rotl(i64, i64) -> i64;
    "i64.rotr" i64_rotr(i64, i64) -> i64;
    "f32.add" f32_add(f32, f32) -> f32;
    "f32.sub" f32_sub(f32, f32) -> f32;
    "f32.mul" f32_mul(f32, f32) -> f32;
    "f32.div" f32_div(f32, f32) -> f32;
    "f32.min" f32_min(f32, f32) -> f32;
    "f32.max" f32_max(f32, f32) -> f32;
    "f32.copysign" f32_copysign(f32, f32) -> f32;
    "f64.add" f64_add(f64, f64) -> f64;
    "f64.sub" f64_sub(f64, f64) -> f64;
    "f64.mul" f64_mul(f64, f64) -> f64;
    "f64.div" f64_div(f64, f64) -> f64;
    "f64.min" f64_min(f64, f64) -> f64;
    "f64.max" f64_max(f64, f64) -> f64;
    "f64.copysign" f64_copysign(f64, f64) -> f64;
}

operators! { unary_operators UNARY unary;
    "i32.eqz" i32_eqz(i32) -> i32;
    "i64.eqz" i64_eqz(i64) -> i32;
    "i32.clz" i32_clz(i32) -> i32;
    "i32.ctz" i32_ctz(i32) -> i32;
    "i32.popcnt" i32_popcnt(i32) -> i32;
    "i64.clz" i64_clz(i64) -> i64;
    "i64.ctz" i64_ctz(i64) -> i64;
    "i64.popcnt" i64_popcnt(i64) -> i64;
    "f32.abs" f32_abs(f32) -> f32;
    "f32.neg" f32_neg(f32) -> f32;
    "f32.ceil" f32_ceil(f32) -> f32;
    "f32.floor" f32_floor(f32) -> f32;
    "f32.trunc" f32_trunc(f32) -> f32;
    "f32.nearest" f32_nearest(f32) -> f32;
    "f32.sqrt" f32_sqrt(f32) -> f32;
    "f64.abs" f64_abs(f64) -> f64;
    "f64.neg" f64_neg(f64) -> f64;
    "f64.ceil" f64_ceil(f64) -> f64;
    "f64.floor" f64_floor(f64) -> f64;
    "f64.trunc" f64_trunc(f64) -> f64;
    "f64.nearest" f64_nearest(f64) -> f64;
    "f64.sqrt" f64_sqrt(f64) -> f64;
    "i32.wrap_i64" i32_wrap_i64(i64) -> i32;
    "i32.trunc_f32_s" i32_trunc_f32_s(f32) -> i32;
    "i32.trunc_f32_u" i32_trunc_f32_u(f32) -> i32;
    "i32.trunc_f64_s" i32_trunc_f64_s(f64) -> i32;
    "i32.trunc_f64_u" i32_trunc_f64_u(f64) -> i32;
    "i64.extend_i32_s" i64_extend_i32_s(i32) -> i64;
    "i64.extend_i32_u" i64_extend_i32_u(i32) -> i64;
    "i64.trunc_f32_s" i64_trunc_f32_s(f32) -> i64;
    "i64.trunc_f32_u" i64_trunc_f32_u(f32) -> i64;
    "i64.trunc_f64_s" i64_trunc_f64_s(f64) -> i64;
    "i64.trunc_f64_u" i64_trunc_f64_u(f64) -> i64;
    "f32.convert_i32_s" f32_convert_i32_s(i32) -> f32;
    "f32.convert_i32_u" f32_convert_i32_u(i32) -> f32;
    "f32.convert_i64_s" f32_convert_i64_s(i64) -> f32;
    "f32.convert_i64_u" f32_convert_i64_u(i64) -> f32;
    "f32.demote_f64" f32_demote_f64(f64) -> f32;
    "f64.convert_i32_s" f64_convert_i32_s(i32) -> f64;
    "f64.convert_i32_u" f64_convert_i32_u(i32) -> f64;
    "f64.convert_i64_s" f64_convert_i64_s(i64) -> f64;
    "f64.convert_i64_u" f64_convert_i64_u(i64) -> f64;
    "f64.promote_f32" f64_promote_f32(f32) -> f64;
    "i32.reinterpret_f32" i32_reinterpret_f32(f32) -> i32;
    "i64.reinterpret_f64" i64_reinterpret_f64(f64) -> i64;
    "f32.reinterpret_i32" f32_reinterpret_i32(i32) -> f32;
    "f64.reinterpret_i64" f64_reinterpret_i64(i64) -> f64;
    "i32.extend8_s" i32_extend8_s(i32) -> i32;
    "i32.extend16_s" i32_extend16_s(i32) -> i32;
    "i64.extend8_s" i64_extend8_s(i64) -> i64;
    "i64.extend16_s" i64_extend16_s(i64) -> i64;
    "i64.extend32_s" i64_extend32_s(i64) -> i64;
    "i32.trunc_sat_f32_s" i32_trunc_sat_f32_s(f32) -> i32;
    "i32.trunc_sat_f32_u" i32_trunc_sat_f32_u(f32) -> i32;
    "i32.trunc_sat_f64_s" i32_trunc_sat_f64_s(f64) -> i32;
    "i32.trunc_sat_f64_u" i32_trunc_sat_f64_u(f64) -> i32;
    "i64.trunc_sat_f32_s" i64_trunc_sat_f32_s(f32) -> i64;
    "i64.trunc_sat_f32_u" i64_trunc_sat_f32_u(f32) -> i64;
    "i64.trunc_sat_f64_s" i64_trunc_sat_f64_s(f64) -> i64;
    "i64.trunc_sat_f64_u" i64_trunc_sat_f64_u(f64) -> i64;
}

#[test]
fn every_operator_on_numbers_is_listed() {
    let numbers = |types: &[wz_api::ValueType]| types.iter().all(|ty| *ty != wz_api::ValueType::V128);
    for op in BinaryOp::ALL.iter().filter(|op| numbers(op.params()) && numbers(&[op.result()])) {
        assert!(BINARY.contains(&op.name()), "{op}");
    }
    for op in UnaryOp::ALL.iter().filter(|op| numbers(op.params()) && numbers(&[op.result()])) {
        assert!(UNARY.contains(&op.name()), "{op}");
    }
}
