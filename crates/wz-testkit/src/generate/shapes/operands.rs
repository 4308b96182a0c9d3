//! Integers in the ways that instructions have them as operands: constants at the ends of what fits, loads,
//! masks, single bits, extensions, differences; as conditions, as numbers, and divided by constants.

use super::{Function, Shapes};
use crate::generate::programs::Type::{self, F64, I32, I64, V128};

const NARROW: [i64; 14] =
    [0, 1, 2, -1, 7, 31, 0x7f, 0x80, 0xff, 0x8000, 0xffff, 0x4000_0000, i32::MAX as i64, i32::MIN as i64];
const WIDE: [i64; 12] = [
    0xffff_ffff,
    0x8000_0000,
    0x1_0000_0000,
    -0x8000_0000,
    -0x8000_0001,
    0x7fff_ffff_ffff_ffff,
    i64::MIN,
    1 << 40,
    0xffff_ffff_0000_0000_u64 as i64,
    63,
    64,
    -2,
];

impl Shapes {
    /// Adds a function of conditions.
    pub(super) fn conditions(&mut self) {
        let f = Function::new(vec![I32, I64, I32, I64]);
        let mut body = String::new();
        for number in 0..3 + self.below(6) {
            let ty = if self.chance(2) { I32 } else { I64 };
            let condition = self.condition(ty);
            body += &match self.below(6) {
                0 => format!("(if {condition} (then\n{}))\n", f.sink(I32, &format!("(i32.const {number})"))),
                1 => {
                    let (yes, no) = (self.below(2), self.below(3));
                    f.sink(I32, &format!("(select (i32.const {yes}) (i32.const {no}) {condition})"))
                }
                2 => {
                    let of = *self.random.pick(&[I32, I64, F64, V128]);
                    let (yes, no) = (self.leaf(&f, of), self.leaf(&f, of));
                    f.sink(of, &format!("(select {yes} {no} {condition})"))
                }
                3 => {
                    let sink = f.sink(I32, "(i32.popcnt (local.get 0))");
                    format!("(block (br_if 0 {condition})\n{sink})\n")
                }
                4 => {
                    let condition = f.sink(I32, &condition);
                    condition + &f.sink(ty, &self.integer(ty, 3))
                }
                _ => f.sink(I32, &condition),
            };
            if self.chance(4) {
                let local = if self.chance(2) { 0 } else { 2 };
                body += &format!("(local.set {local} {})\n", self.integer(I32, 2));
            }
        }
        body += &f.accumulated();
        let drivers: Vec<_> = (0..2 + self.below(3))
            .map(|_| [I32, I64, I32, I64, I32].map(|ty| self.edge(ty)).to_vec())
            .collect();
        self.add(f, &[I64], &body, &drivers);
    }

    /// A constant at an end of something.
    fn edge(&mut self, ty: Type) -> String {
        let value = match ty {
            I64 if self.chance(2) => *self.random.pick(&WIDE),
            _ => *self.random.pick(&NARROW),
        };
        match ty {
            I32 => format!("(i32.const {})", value as i32),
            _ => format!("(i64.const {value})"),
        }
    }

    fn condition(&mut self, ty: Type) -> String {
        let name = ty.name();
        if self.chance(5) {
            return format!("({name}.eqz {})", self.integer(ty, 3));
        }
        let op =
            *self.random.pick(&["eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u"]);
        if self.chance(4) {
            // Bits that are tested.
            let (left, mask) = (self.integer(ty, 1), self.edge(ty));
            return format!("({name}.{op} ({name}.and {left} {mask}) ({name}.const 0))");
        }
        let left = self.integer(ty, 3);
        let right = match self.below(4) {
            0 => self.integer(ty, 2),
            1 => format!("({name}.const 0)"),
            _ => self.edge(ty),
        };
        let (left, right) = if self.chance(8) { (right, left) } else { (left, right) };
        let condition = format!("({name}.{op} {left} {right})");
        if self.chance(5) { format!("(i32.eqz {condition})") } else { condition }
    }

    fn integer(&mut self, ty: Type, depth: u32) -> String {
        let name = ty.name();
        let (first, second) = if ty == I32 { (0, 2) } else { (1, 3) };
        if depth == 0 {
            return match self.below(4) {
                0 => self.edge(ty),
                1 => format!("(local.get {second})"),
                _ => format!("(local.get {first})"),
            };
        }
        let inner = self.integer(ty, depth - 1);
        match self.below(16) {
            0..=1 => inner,
            2..=4 => format!("({name}.and {inner} {})", self.edge(ty)),
            5 => format!("({name}.and {inner} (local.get {second}))"),
            6 => format!("({name}.and {inner} ({name}.shl ({name}.const 1) (local.get {second})))"),
            7 => format!("({name}.and ({name}.shr_u {inner} (local.get {second})) ({name}.const 1))"),
            8 => {
                let op = *self.random.pick(&["sub", "xor", "add", "or", "mul", "rotl"]);
                format!("({name}.{op} {inner} {})", self.integer(ty, depth - 1))
            }
            9 => {
                let op = *self.random.pick(&["add", "sub", "xor", "or", "mul", "shl", "shr_s", "rotr"]);
                format!("({name}.{op} {inner} {})", self.edge(ty))
            }
            10 => {
                let op = *self.random.pick(&["extend8_s", "extend16_s", "clz", "ctz", "popcnt"]);
                format!("({name}.{op} {inner})")
            }
            11 => {
                let other = self.integer(if ty == I32 { I64 } else { I32 }, depth - 1);
                let extend = if self.chance(2) { "i64.extend_i32_u" } else { "i64.extend_i32_s" };
                if ty == I32 { format!("(i32.wrap_i64 {other})") } else { format!("({extend} {other})") }
            }
            12 if ty == I64 => format!("(i64.extend32_s {inner})"),
            13..=14 => self.small_load(ty),
            _ => self.condition_as(ty),
        }
    }

    fn condition_as(&mut self, ty: Type) -> String {
        let op = *self.random.pick(&["eq", "ne", "lt_s", "lt_u", "gt_s", "ge_u"]);
        let right = self.edge(I32);
        let condition = format!("(i32.{op} (local.get 0) {right})");
        if ty == I32 { condition } else { format!("(i64.extend_i32_u {condition})") }
    }

    /// A load from where bytes are.
    fn small_load(&mut self, ty: Type) -> String {
        let memory = self.memories.len() - 1;
        let narrow = "(i32.and (local.get 0) (i32.const 31))";
        let address = match self.memories[memory].wide {
            true => format!("(i64.extend_i32_u {narrow})"),
            false => narrow.to_owned(),
        };
        let op = match ty {
            I32 => *self.random.pick(&["load", "load", "load8_s", "load8_u", "load16_s", "load16_u"]),
            _ => *self.random.pick(&["load", "load", "load32_u", "load32_s", "load16_u", "load8_s"]),
        };
        format!("({}.{op} {memory} {address})", ty.name())
    }

    /// Adds a function that divides by constants.
    pub(super) fn divisions(&mut self) {
        let f = Function::new(vec![I32, I64]);
        let mut body = String::new();
        let mut divisors = Vec::new();
        for _ in 0..2 + self.below(4) {
            let ty = if self.chance(3) { I32 } else { I64 };
            let bits = if ty == I32 { 32 } else { 64 };
            let divisor = match self.below(4) {
                0 => 3 + self.below(1000),
                1 => (1_u64 << self.below(bits)).wrapping_add(self.below(3)).wrapping_sub(1),
                _ => self.random.word() >> self.below(64),
            };
            let divisor = if ty == I32 { u64::from(divisor as u32) } else { divisor };
            let divisor = if divisor == 0 { 7 } else { divisor };
            divisors.push(divisor);
            let op = *self.random.pick(&["div_u", "div_u", "div_s", "rem_u", "rem_s"]);
            let (local, name) = if ty == I32 { (0, "i32") } else { (1, "i64") };
            let constant = if ty == I32 { i64::from(divisor as i32) } else { divisor as i64 };
            body += &f.sink(ty, &format!("({name}.{op} (local.get {local}) ({name}.const {constant}))"));
        }
        body += &f.accumulated();
        let mut drivers = Vec::new();
        for _ in 0..3 + self.below(3) {
            // About multiples, the greatest most of all.
            let divisor = *self.random.pick(&divisors);
            let mut near = |limit: u64| {
                let most = limit / divisor;
                let quotient = match self.random.below(3) {
                    0 => self.random.word() % most.saturating_add(1),
                    _ => most - self.random.below(3).min(most),
                };
                quotient.wrapping_mul(divisor).wrapping_add(self.random.below(3)).wrapping_sub(1)
            };
            let (narrow, wide) = (near(u32::MAX.into()), near(u64::MAX));
            let signed = near(i64::MAX as u64);
            let wide = if self.chance(3) { signed.wrapping_neg() } else { wide };
            drivers.push(vec![
                format!("(i32.const {})", narrow as i32),
                format!("(i64.const {})", wide as i64),
                "(i32.const 0)".to_owned(),
            ]);
        }
        self.add(f, &[I64], &body, &drivers);
    }
}
