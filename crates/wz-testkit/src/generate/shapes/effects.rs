//! Effects and traps in between: what has happened before a trap is seen, and what comes after it has
//! not happened.

use super::access::Site;
use super::{Function, Shapes};
use crate::generate::programs::Type::{I32, I64};

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
            body += &match self.below(9) {
                0..=1 => f.sink(I32, &format!("(i32.{narrow} {a} {divisor})")),
                2 => f.sink(I64, &format!("(i64.{narrow} {b} (local.get 1))")),
                3 => {
                    let from = *self.random.pick(&[
                        "(f64.convert_i64_s (local.get 1))",
                        "(f64.reinterpret_i64 (local.get 1))",
                        "(f64.mul (f64.convert_i32_s (local.get 0)) (f64.const 4))",
                    ]);
                    let op = *self.random.pick(&["trunc_f64_s", "trunc_f64_u", "trunc_sat_f64_s"]);
                    match self.chance(2) {
                        true => f.sink(I32, &format!("(i32.{op} {from})")),
                        false => f.sink(I64, &format!("(i64.{op} {from})")),
                    }
                }
                4..=5 => {
                    let at = format!("(local.get {address})");
                    self.access(&mut f, &site, &at)
                }
                6 => format!("(if {} (then unreachable))\n", self.bit(&f)),
                7 => format!("(call $store {a} {divisor})\n"),
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
}
