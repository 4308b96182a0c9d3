//! Paths that meet with several values: arms of `if`, branches out of blocks, `br_table`, and
//! locals that were set on the way. The values on different paths are mostly the same, or the same in
//! another order, so that a compiler that takes some for equal does so almost rightly.

use super::{Function, Shapes};
use crate::generate::programs::Type::{self, F64, I32, I64, V128};

impl Shapes {
    /// Adds a function in which paths meet.
    pub(super) fn joins(&mut self) {
        let params = self.types(1, 5);
        let mut f = Function::new(params);
        let kinds = self.kinds(&[&[I32], &[I32, I64], &[I32, I64, F64, V128]]);
        let types: Vec<_> = (0..2 + self.below(5)).map(|_| *self.random.pick(kinds)).collect();
        let locals: Vec<_> = types.iter().map(|ty| f.local(*ty)).collect();
        let mut body = String::new();
        for (local, ty) in locals.iter().zip(&types) {
            body += &format!("(local.set {local} {})\n", self.leaf(&f, *ty));
        }
        for _ in 0..1 + self.below(3) {
            body += &self.join(&mut f, &types, &locals);
            for (local, ty) in locals.iter().zip(&types) {
                body += &f.sink(*ty, &format!("(local.get {local})"));
            }
        }
        for local in &locals {
            body += &format!("(local.get {local}) ");
        }
        body += &f.accumulated();
        let results: Vec<_> = types.iter().copied().chain([I64]).collect();
        let mut drivers = self.drivers(&f);
        for driver in &mut drivers {
            driver[f.choices] = format!("(i32.const {})", self.below(64));
        }
        self.add(f, &results, &body, &drivers);
    }

    /// Values of these types, as one path has them.
    fn values(&mut self, f: &Function, types: &[Type]) -> Vec<String> {
        let mut values: Vec<String> = Vec::new();
        for (position, ty) in types.iter().enumerate() {
            // The same as one before, at times.
            let earlier = (0..position).find(|earlier| types[*earlier] == *ty && self.below(3) == 0);
            values.push(match earlier {
                Some(earlier) => values[earlier].clone(),
                None => self.leaf(f, *ty),
            });
        }
        values
    }

    /// The values of another path: some are others, or have changed places.
    fn varied(&mut self, f: &Function, types: &[Type], values: &[String]) -> Vec<String> {
        let mut varied = values.to_vec();
        for _ in 0..self.below(3) {
            let position = self.below(types.len() as u64) as usize;
            let other = self.below(types.len() as u64) as usize;
            match self.below(3) {
                0 if types[position] == types[other] => varied.swap(position, other),
                1 if types[position] == types[other] => varied[position] = varied[other].clone(),
                _ => varied[position] = self.leaf(f, types[position]),
            }
        }
        varied
    }

    fn join(&mut self, f: &mut Function, types: &[Type], locals: &[usize]) -> String {
        let names: Vec<_> = types.iter().map(|ty| ty.name()).collect();
        let names = format!("(result {})", names.join(" "));
        let set: String = locals.iter().rev().map(|local| format!("(local.set {local})\n")).collect();
        let values = self.values(f, types);
        let varied = self.varied(f, types, &values);
        let condition = self.bit(f);
        let (first, second) = (values.join(" "), varied.join(" "));
        match self.below(6) {
            0 => format!("(if {names} {condition} (then {first}) (else {second}))\n{set}"),
            1 => {
                let drops = "drop ".repeat(types.len());
                format!("(block {names}\n{first} {condition} br_if 0\n{drops}{second})\n{set}")
            }
            2 => {
                // Locals of one arm alone.
                let both = self.chance(2);
                let other = if both { format!(" (else {second} {set})") } else { String::new() };
                format!("(if {condition} (then {first} {set}){other})\n")
            }
            3 => {
                // What goes on from a branch that was not taken.
                let third = self.varied(f, types, &varied).join(" ");
                let another = self.bit(f);
                let drops = "drop ".repeat(types.len());
                format!(
                    "(block {names}\n{first} {condition} br_if 0\n{set}{second} {another} br_if 0\n{drops}{third})\n{set}"
                )
            }
            4 => self.switch(f, types, &names, &set, &values),
            _ => {
                let selects: String = types
                    .iter()
                    .zip(values.iter().zip(&varied))
                    .map(|(ty, (yes, no))| format!("(select (result {}) {yes} {no} {condition}) ", ty.name()))
                    .collect();
                format!("{selects}\n{set}")
            }
        }
    }

    /// A `br_table` that takes values along, some to the same places.
    fn switch(
        &mut self,
        f: &mut Function,
        types: &[Type],
        names: &str,
        set: &str,
        values: &[String],
    ) -> String {
        let cases = 1 + self.below(6) as usize;
        let mut text = format!("(block {names}\n").repeat(cases);
        let targets = if self.chance(4) { 12 } else { cases };
        let labels: Vec<_> = (0..targets).map(|_| self.below(cases as u64).to_string()).collect();
        let selector = match self.below(3) {
            0 => format!("(i32.and (local.get {}) (i32.const 7))", f.choices),
            1 => format!("(i32.shr_u (local.get {}) (i32.const 1))", f.choices),
            _ => format!("(local.get {})", f.choices),
        };
        text += &format!("{} {selector} (br_table {} 0)\n", values.join(" "), labels.join(" "));
        for case in 1..cases {
            // Out of the block of the case before, with its values on the stack.
            let values = self.varied(f, types, values).join(" ");
            let onward = match self.below(3) {
                0 => format!("(br {})", self.below((cases - case) as u64)),
                1 => format!("{} br_if {}", self.bit(f), self.below((cases - case) as u64)),
                _ => String::new(),
            };
            text += &format!(")\n{set}{values} {onward}\n");
        }
        text + ")\n" + set
    }
}
