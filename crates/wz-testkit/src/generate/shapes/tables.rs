//! Tables: elements about the end, and operators that move several.

use super::{Function, Shapes, TABLE_MAX, TABLE_SIZE};
use crate::generate::programs::Type::{I32, I64};

impl Shapes {
    /// Adds a function that uses the table.
    pub(super) fn tables(&mut self) {
        let mut f = Function::new(vec![I32, I32]);
        let mut body = String::new();
        for _ in 0..2 + self.below(5) {
            let index = self.index();
            let other = self.index();
            let len = match self.chance(3) {
                true => "(local.get 1)".to_owned(),
                false => format!("(i32.const {})", self.below(5)),
            };
            let reference = match self.below(3) {
                0 => "(ref.null func)".to_owned(),
                1 => "(ref.func $first)".to_owned(),
                _ => format!("(table.get {other})"),
            };
            body += &f.trace();
            body += &match self.below(10) {
                0..=1 => f.sink(I32, &format!("(ref.is_null (table.get {index}))")),
                2..=3 => format!("(table.set {index} {reference})\n"),
                4 => {
                    let by = self.below(3);
                    f.sink(I32, &format!("(table.grow {reference} (i32.const {by}))"))
                }
                5 => f.sink(I32, "(table.size)"),
                6 => format!("(table.fill {index} {reference} {len})\n"),
                7 => format!("(table.copy {index} {other} {len})\n"),
                8 => format!("(table.init $passive {index} {other} {len})\n"),
                _ => {
                    let (a, b) = (self.leaf(&f, I32), self.leaf(&f, I64));
                    f.sink(I32, &format!("(call_indirect (param i32 i64) (result i32) {a} {b} {index})"))
                }
            };
        }
        if self.chance(8) {
            body += "(elem.drop $passive)\n";
        }
        body += &f.trace();
        body += &f.accumulated();
        let mut drivers = Vec::new();
        for _ in 0..1 + self.below(4) {
            let near = *self.random.pick(&[0, 1, TABLE_SIZE - 1, TABLE_SIZE, TABLE_MAX, 0xffff_ffff]);
            let (len, choices) = (self.below(6), self.below(64));
            drivers.push(vec![
                format!("(i32.const {})", near as u32 as i32),
                format!("(i32.const {len})"),
                format!("(i32.const {choices})"),
            ]);
        }
        let _ = f.local(I32);
        self.add(f, &[I64], &body, &drivers);
    }

    fn index(&mut self) -> String {
        match self.below(5) {
            0 => format!("(i32.const {})", self.below(TABLE_SIZE + 2)),
            1 => "(i32.add (local.get 0) (i32.const 1))".to_owned(),
            2 => "(i32.sub (local.get 0) (i32.const 1))".to_owned(),
            3 => format!("(i32.and (local.get 0) (i32.const {}))", self.random.pick(&[7, 15])),
            _ => "(local.get 0)".to_owned(),
        }
    }
}
