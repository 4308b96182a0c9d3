//! The rules of simplification: random expressions over edge values compute the same with and
//! without them. The operators themselves are not in doubt here: both are evaluated alike.

use std::fmt::Write;

use crate::eval::Machine;
use crate::options::{Options, Passes};

use super::oracle::decoded;

const I32_BINARY: &[&str] = &[
    "add", "sub", "mul", "div_s", "div_u", "rem_s", "rem_u", "and", "or", "xor", "shl", "shr_s", "shr_u",
    "rotl", "rotr", "eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u",
];
const CONSTANTS: &[i64] = &[
    0,
    1,
    -1,
    2,
    3,
    4,
    7,
    8,
    10,
    16,
    24,
    31,
    32,
    33,
    48,
    63,
    64,
    100,
    127,
    128,
    255,
    256,
    641,
    0x7fff,
    0x8000,
    0xffff,
    0x1_0000,
    0xff00,
    1_000_000_007,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    -2,
    -3,
    -7,
    -8,
    -128,
    -0x8000_0000,
    i64::MAX,
    i64::MIN,
];

/// More than any module here takes: a loop that a rule made endless ends.
const STEPS: u64 = 10_000_000;

/// A generator of expressions.
struct Generator {
    state: u64,
}

impl Generator {
    fn below(&mut self, limit: usize) -> usize {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) as usize % limit
    }

    fn constant(&mut self, ty: &str) -> String {
        let value = CONSTANTS[self.below(CONSTANTS.len())];
        if ty == "i32" { format!("(i32.const {})", value as i32) } else { format!("(i64.const {value})") }
    }

    /// An expression of a type; parameters 0 and 1 are `i32`, 2 and 3 `i64`.
    fn expression(&mut self, ty: &str, depth: usize) -> String {
        let other = if ty == "i32" { "i64" } else { "i32" };
        if depth == 0 || self.below(8) == 0 {
            return if self.below(3) == 0 {
                self.constant(ty)
            } else {
                format!("(local.get {})", self.below(2) + if ty == "i32" { 0 } else { 2 })
            };
        }
        match self.below(12) {
            0 => {
                let name = ["clz", "ctz", "popcnt", "extend8_s", "extend16_s"][self.below(5)];
                format!("({ty}.{name} {})", self.expression(ty, depth - 1))
            }
            1 if ty == "i32" => {
                let name = ["i32.eqz", "i64.eqz", "i32.wrap_i64"][self.below(3)];
                let of = if name == "i32.eqz" { "i32" } else { "i64" };
                format!("({name} {})", self.expression(of, depth - 1))
            }
            1 => match self.below(3) {
                0 => format!("(i64.extend32_s {})", self.expression("i64", depth - 1)),
                1 => format!("(i64.extend_i32_s {})", self.expression("i32", depth - 1)),
                _ => format!("(i64.extend_i32_u {})", self.expression("i32", depth - 1)),
            },
            2 => {
                let (a, b) = (self.expression(ty, depth - 1), self.expression(ty, depth - 1));
                format!("(select {a} {b} {})", self.expression("i32", depth - 1))
            }
            3 if ty == "i64" => {
                let name = I32_BINARY[self.below(15)];
                let wide = |generator: &mut Self| {
                    format!("(i64.extend_i32_u {})", generator.expression("i32", depth - 1))
                };
                let (a, b) = (wide(self), wide(self));
                format!("(i64.{name} {a} {b})")
            }
            3 => format!("(i32.wrap_i64 {})", self.expression(other, depth - 1)),
            // Most rules are about a constant on one side.
            4..=8 => {
                let (name, of) = self.operator(ty);
                let (a, b) = (self.expression(of, depth - 1), self.constant(of));
                format!("({of}.{name} {a} {b})")
            }
            9 => {
                let (name, of) = self.operator(ty);
                let (a, b) = (self.constant(of), self.expression(of, depth - 1));
                format!("({of}.{name} {a} {b})")
            }
            _ => {
                let (name, of) = self.operator(ty);
                let (a, b) = (self.expression(of, depth - 1), self.expression(of, depth - 1));
                format!("({of}.{name} {a} {b})")
            }
        }
    }

    /// An operator that gives a type, and the type of its operands.
    fn operator(&mut self, ty: &str) -> (&'static str, &'static str) {
        if ty == "i64" {
            return (I32_BINARY[self.below(15)], "i64");
        }
        let number = self.below(I32_BINARY.len());
        let of = if number >= 15 && self.below(2) == 0 { "i64" } else { "i32" };
        (I32_BINARY[number], of)
    }
}

/// Edge values of both types.
const INPUTS: &[u64] = &[
    0,
    1,
    2,
    7,
    0x7f,
    0x80,
    0xff,
    0x8000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    u64::MAX,
    1 << 63,
    0x1234_5678_9abc_def0,
];

fn compare(text: &str, functions: usize) {
    let wasm = wat::parse_str(text).expect("a module");
    let info = decoded(&wasm);
    let plain = Options { passes: Passes::NONE, ..Options::default() };
    let mut plain = Machine::new(&info, plain, STEPS).expect("an instance");
    let mut simplified = Machine::new(&info, Options::default(), STEPS).expect("an instance");
    for function in 0..functions as u32 {
        for (number, a) in INPUTS.iter().enumerate() {
            for b in [INPUTS[(number * 7 + 3) % INPUTS.len()], *a] {
                let args = [u128::from(*a as u32), u128::from(b as u32), (*a).into(), b.into()];
                let expected = plain.call(function, &args);
                let found = simplified.call(function, &args);
                let line = text.lines().nth(function as usize + 1).unwrap_or_default();
                assert_eq!(found, expected, "{line} of {args:x?}");
            }
        }
    }
}

fn check_seed(seed: u64, functions: usize) {
    let mut generator = Generator { state: seed };
    let mut text = "(module\n".to_owned();
    for number in 0..functions {
        let ty = if number % 2 == 0 { "i32" } else { "i64" };
        let depth = 2 + generator.below(3);
        let body = generator.expression(ty, depth);
        writeln!(text, "(func (param i32 i32 i64 i64) (result {ty}) {body})").expect("text");
    }
    text.push(')');
    compare(&text, functions);
}

#[test]
fn expressions() {
    for seed in 0..6 {
        check_seed(seed, 300);
    }
}

#[test]
#[ignore = "minutes"]
fn many_expressions() {
    for seed in 100..2_000 {
        check_seed(seed, 300);
    }
}

#[test]
fn division_by_constants() {
    let divisors = [
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        9,
        10,
        11,
        12,
        13,
        25,
        60,
        100,
        125,
        625,
        641,
        1000,
        4096,
        65_535,
        65_537,
        274_177,
        1_000_000_007,
        0x7fff_ffff,
        -1,
        -2,
        -3,
        -5,
        -7,
        -10,
        -4096,
        -0x7fff_ffff,
        i64::from(i32::MIN),
        0xffff_fffe_u32 as i32 as i64,
    ];
    let mut text = "(module\n".to_owned();
    let mut functions = 0;
    for divisor in divisors {
        for ty in ["i32", "i64"] {
            for name in ["div_s", "div_u", "rem_s", "rem_u"] {
                let local = if ty == "i32" { 0 } else { 2 };
                writeln!(
                    text,
                    "(func (param i32 i32 i64 i64) (result {ty}) ({ty}.{name} (local.get {local}) ({ty}.const {divisor})))"
                )
                .expect("text");
                functions += 1;
            }
        }
    }
    text.push(')');
    compare(&text, functions);
}

/// The dividends where a reciprocal is off by one first: multiples of the divisor and their
/// neighbours.
#[test]
fn division_near_multiples() {
    let divisors: [i32; 12] = [3, 5, 7, 10, 641, 1000, 65_537, 1_000_000_007, -3, -7, -1000, 0x7fff_ffff];
    let mut text = "(module\n".to_owned();
    for divisor in divisors {
        for name in ["div_s", "div_u", "rem_s", "rem_u"] {
            writeln!(
                text,
                "(func (param i32) (result i32) (i32.{name} (local.get 0) (i32.const {divisor})))"
            )
            .expect("text");
        }
    }
    text.push(')');
    let info = decoded(&wat::parse_str(&text).expect("a module"));
    let mut machine = Machine::new(&info, Options::default(), STEPS).expect("an instance");
    for (number, divisor) in divisors.into_iter().enumerate() {
        for step in 0..64_u32 {
            let multiple =
                (u32::MAX / 64 * step / divisor.unsigned_abs()).wrapping_mul(divisor.unsigned_abs());
            for x in [multiple.wrapping_sub(1), multiple, multiple.wrapping_add(1)] {
                let s = x as i32;
                let u = divisor as u32;
                let expected = [s.wrapping_div(divisor) as u32, x / u, s.wrapping_rem(divisor) as u32, x % u];
                for (operator, expected) in expected.into_iter().enumerate() {
                    let found = machine.call((number * 4 + operator) as u32, &[x.into()]);
                    assert_eq!(found, Ok(vec![expected.into()]), "{x:#x} by {divisor}, operator {operator}");
                }
            }
        }
    }
}

/// Conditions that were branched on before, in both arms and after.
#[test]
fn known_conditions() {
    let test = "(i32.lt_s (local.get 0) (local.get 1))";
    let choose = format!("(select (i32.const 1) (i32.const 2) {test})");
    let not = format!("(select (i32.const 4) (i32.const 8) (i32.eqz {test}))");
    let both = format!("(i32.add {choose} {not})");
    let bodies = [
        format!("(if (result i32) {test} (then {both}) (else (i32.mul (i32.const 16) {both})))"),
        format!("(if (result i32) (i32.eqz {test}) (then {both}) (else (i32.mul (i32.const 16) {both})))"),
        format!("(block (br_if 0 {test}) (return {both})) (i32.mul (i32.const 16) {both})"),
        format!("(block (br_if 0 (i32.eqz {test})) (return {both})) (i32.mul (i32.const 16) {both})"),
        format!("(block (if {test} (then (nop)))) {both}"),
        format!("(block (loop (br_if 1 {test}) (br_if 1 (i32.const 1)) (br 0))) {both}"),
        "(if (result i32) (local.get 0) (then (select (i32.const 1) (i32.const 2) (local.get 0)))
            (else (select (i32.const 4) (i32.const 8) (local.get 0))))"
            .replace('\n', " "),
    ];
    let functions = bodies.len();
    let mut text = "(module\n".to_owned();
    for body in bodies {
        writeln!(text, "(func (param i32 i32 i64 i64) (result i32) {body})").expect("text");
    }
    text.push(')');
    compare(&text, functions);
}

/// What depends on state that a loop changes stays in the loop, and so does what may trap.
#[test]
fn not_invariant() {
    let text = "(module
(func (param i32 i32 i64 i64) (result i32) (local i32)
    (loop
        (local.set 4 (i32.add (local.get 4) (i32.mul (global.get $g) (local.get 0))))
        (global.set $g (i32.add (global.get $g) (i32.const 3)))
        (br_if 0 (i32.rem_u (global.get $g) (i32.const 7))))
    (local.get 4))
(func (param i32 i32 i64 i64) (result i32) (local i32)
    (loop
        (local.set 4 (i32.mul (i32.load8_u (i32.const 16)) (i32.const 3)))
        (i32.store8 (i32.const 16) (i32.add (local.get 4) (i32.const 1)))
        (br_if 0 (i32.lt_u (local.get 4) (i32.const 100))))
    (local.get 4))
(func (param i32 i32 i64 i64) (result i32) (local i32)
    (local.set 4 (i32.const 3))
    (block
        (loop
            (br_if 1 (i32.eqz (local.get 4)))
            (local.set 4 (i32.sub (local.get 4) (i32.const 1)))
            (if (local.get 1) (then (drop (i32.div_u (local.get 0) (local.get 1)))))
            (br 0)))
    (local.get 4))
(memory 1) (global $g (mut i32) (i32.const 1)))";
    compare(text, 3);
}
