//! Effects and traps in between: what has happened before a trap is seen, and what comes after it has
//! not happened.

use super::access::Site;
use super::{Function, Shapes};
use crate::generate::programs::Type::{self, I32, I64};

impl Shapes {
    /// Adds a function of effects and operators that may trap.
    pub(super) fn effects(&mut self) {
        let mut f = Function::new(vec![I32, I64, I32]);
        let memory = self.below(self.memories.len() as u64) as usize;
        let wide = self.memories[memory].wide;
        let address = f.local(if wide { I64 } else { I32 });
        let base = if wide { "(i64.extend_i32_u (local.get 2))" } else { "(local.get 2)" };
        let mut body = format!("(local.set {address} {base})\n");
        let site = Site::new(memory, address, 0);
        for _ in 0..3 + self.below(6) {
            let narrow = *self.random.pick(&["div_s", "div_u", "rem_s", "rem_u"]);
            let divisor = match self.below(3) {
                0 => "(local.get 0)".to_owned(),
                1 => self.bit(&f),
                _ => format!("(i32.const {})", self.random.pick(&[-1, 3, 7, 10, i32::MIN])),
            };
            let (a, b) = (self.leaf(&f, I32), self.leaf(&f, I64));
            body += &match self.below(12) {
                0..=1 => f.sink(I32, &format!("(i32.{narrow} {a} {divisor})")),
                2 => f.sink(I64, &format!("(i64.{narrow} {b} (local.get 1))")),
                3 => {
                    let ty = if self.chance(2) { I32 } else { I64 };
                    f.sink(ty, &self.conversion(ty))
                }
                4..=5 => {
                    let at = format!("(local.get {address})");
                    self.access(&mut f, &site, &at)
                }
                6 => format!("(if {} (then unreachable))\n", self.bit(&f)),
                7..=8 => {
                    // Two imports of one global.
                    let (one, other) = if self.chance(2) { ("one", "same") } else { ("same", "one") };
                    let before = f.sink(I64, &format!("(global.get ${one})"));
                    let set = format!("(global.set ${other} {b})\n");
                    before + &set + &f.sink(I64, &format!("(global.get ${one})"))
                }
                9..=10 => format!("(call $store {a} {divisor})\n"),
                _ => format!("(if {} (then (return (i64.const {}))))\n", self.bit(&f), self.below(99)),
            };
            if self.chance(2) {
                body += &f.trace();
            }
        }
        body += &f.trace();
        body += &f.accumulated();
        let bytes = self.memories[memory].bytes;
        let mut drivers = self.drivers(&f);
        for driver in &mut drivers {
            let address = (bytes + 8).wrapping_sub(self.below(40)) as u32;
            driver[2] = format!("(i32.const {})", address as i32);
            driver[f.choices] = format!("(i32.const {})", self.below(64));
        }
        self.add(f, &[I64], &body, &drivers);
    }

    /// A conversion of a float about the ends of what can be converted.
    fn conversion(&mut self, ty: Type) -> String {
        const DOUBLES: [&str; 16] = [
            "-2147483648",
            "-2147483648.5",
            "-2147483648.9999995",
            "-2147483649",
            "2147483647",
            "2147483647.5",
            "2147483648",
            "4294967295",
            "4294967295.5",
            "4294967296",
            "-0.5",
            "-1",
            "-9223372036854775808",
            "-9223372036854777856",
            "9223372036854775808",
            "18446744073709549568",
        ];
        const SINGLES: [&str; 9] = [
            "-2147483648",
            "-2147483904",
            "2147483520",
            "2147483648",
            "4294967040",
            "4294967296",
            "-0.99",
            "-9223372036854775808",
            "18446742974197923840",
        ];
        let sign = *self.random.pick(&["s", "u"]);
        let trap = *self.random.pick(&["trunc", "trunc", "trunc_sat"]);
        let condition = "(i32.and (local.get 0) (i32.const 1))";
        let (from, value) = match self.below(4) {
            0 => ("f64", "(f64.reinterpret_i64 (local.get 1))".to_owned()),
            1 => {
                let (a, b) = (*self.random.pick(&SINGLES), *self.random.pick(&SINGLES));
                ("f32", format!("(select (f32.const {a}) (f32.const {b}) {condition})"))
            }
            _ => {
                let (a, b) = (*self.random.pick(&DOUBLES), *self.random.pick(&DOUBLES));
                ("f64", format!("(select (f64.const {a}) (f64.const {b}) {condition})"))
            }
        };
        format!("({}.{trap}_{from}_{sign} {value})", ty.name())
    }
}
