//! Loops: over memory up to its end and across, with several variables that change at once, and
//! nested ones with values that do not depend on all of them.

use super::access::Site;
use super::{Function, Memory, Shapes};
use crate::generate::programs::Type::{self, F32, F64, I32, I64, V128};

impl Shapes {
    /// Adds a function that goes through memory, forwards or backwards.
    pub(super) fn induction(&mut self) {
        let memory = self.below(self.memories.len() as u64) as usize;
        let Memory { wide, bytes, .. } = self.memories[memory];
        let mut f = Function::new(vec![I32]);
        let (index, address) = (f.local(I32), f.local(if wide { I64 } else { I32 }));
        let pointer = f.local(I32);
        let step = *self.random.pick(&[1_i64, 1, 2, 4, 8, 16, -1, -4, -8]);
        let rounds = 1 + self.below(24) as i64;
        let span = (step * rounds) as i32;
        let (shift, add, mask) = (self.below(4), self.near_zero(), self.below(4));
        let offset = *self.random.pick(&[0, 0, 4, 8, 64, 65_000, 0xffff_fff0]);

        // The address: (index << shift) + add, or & mask.
        let mut text = format!("(local.get {index})");
        if shift > 0 {
            text = format!("(i32.shl {text} (i32.const {shift}))");
        }
        if mask == 0 {
            text = format!("(i32.and {text} (i32.const 0x1ffff))");
        }
        if add != 0 {
            text = format!("(i32.add {text} (i32.const {add}))");
        }
        if wide {
            let extend = if self.chance(2) { "extend_i32_u" } else { "extend_i32_s" };
            text = format!("(i64.{extend} {text})");
        }
        let site = Site::new(memory, address, offset);
        let mut accesses = format!("(local.set {address} {text})\n");
        for _ in 0..1 + self.below(2) {
            let direct = self.chance(2);
            let at = if direct { text.clone() } else { format!("(local.get {address})") };
            let access = self.access(&mut f, &site, &at);
            accesses +=
                &if self.chance(4) { format!("(if {} (then\n{access}))\n", self.bit(&f)) } else { access };
        }
        accesses += &f.sink(I32, &format!("(local.get {pointer})"));
        accesses += &format!("(local.set {pointer} (i32.add (local.get {pointer}) (i32.const 12)))\n");

        // The last round's access is about at the end.
        let first = |shapes: &mut Self| {
            let slack = shapes.below(32) as i64 - 24;
            let last = (bytes as i64 + slack - offset as i64 - i64::from(add)) >> shift;
            last - if shapes.chance(4) { 0 } else { step * (rounds - 1) }
        };
        // The end is reached exactly, whatever the comparison.
        let fixed = self.chance(3).then(|| first(self) as i32);
        let end = match (fixed, self.chance(2)) {
            (Some(first), _) => format!("(i32.const {})", first.wrapping_add(span)),
            (None, true) => format!("(i32.add (local.get 0) (i32.const {span}))"),
            (None, false) => {
                let end = f.local(I32);
                accesses.insert_str(
                    0,
                    &format!("(local.set {end} (i32.add (local.get 0) (i32.const {span})))\n"),
                );
                format!("(local.get {end})")
            }
        };
        let stepped = format!("(i32.add (local.get {index}) (i32.const {step}))");
        let up = step > 0;
        let go_on = match self.below(4) {
            0 if up => "lt_u",
            1 if up => "lt_s",
            0 => "gt_u",
            1 => "gt_s",
            _ => "ne",
        };
        let start = fixed.map_or("(local.get 0)".to_owned(), |first| format!("(i32.const {first})"));
        let start = format!("(local.set {index} {start})\n(local.set {pointer} (i32.const 5))\n");
        let looped = match self.below(4) {
            0 => format!("(loop\n{accesses}(br_if 0 (i32.{go_on} (local.tee {index} {stepped}) {end})))\n"),
            1 => format!(
                "(loop\n{accesses}(local.set {index} {stepped})\n(br_if 0 (i32.{go_on} (local.get {index}) {end})))\n"
            ),
            2 => {
                // The index is tested before it is stepped: once more around.
                let swap = if go_on == "ne" { "eq" } else { "ne" };
                let test = if go_on == "ne" {
                    format!("(i32.{swap} (local.get {index}) {end})")
                } else {
                    format!("(i32.eqz (i32.{go_on} (local.get {index}) {end}))")
                };
                format!("(block (loop\n{accesses}(br_if 1 {test})\n(local.set {index} {stepped})\n(br 0)))\n")
            }
            _ => {
                // The test at the top; the first round may be left out.
                format!(
                    "(block (loop\n(br_if 1 (i32.eqz (i32.{go_on} (local.get {index}) {end})))\n\
                     {accesses}(local.set {index} {stepped})\n(br 0)))\n"
                )
            }
        };
        let body = format!(
            "{start}{looped}{}{}{}",
            f.sink(I32, &format!("(local.get {index})")),
            f.trace(),
            f.accumulated()
        );
        let mut drivers = Vec::new();
        for _ in 0..2 + self.below(3) {
            let start = first(self);
            let choices = self.below(64);
            drivers.push(vec![format!("(i32.const {})", start as i32), format!("(i32.const {choices})")]);
        }
        self.add(f, &[I64], &body, &drivers);
    }

    fn near_zero(&mut self) -> i32 {
        *self.random.pick(&[0, 0, 0, 4, 8, 100, -8, -100, 4096])
    }

    /// Adds a function with a loop whose variables are exchanged, shifted and changed at once.
    pub(super) fn carried(&mut self) {
        let params = self.types(0, 4);
        let mut f = Function::new(params);
        // Few types, so that many can be exchanged; integers alone at times.
        let kinds = self.kinds(&[&[I32], &[I32, I64], &[I32, F64, V128], &[I64, F32]]);
        let count = 2 + self.below(6) as usize;
        let types: Vec<_> = (0..count).map(|_| *self.random.pick(kinds)).collect();
        let first: Vec<_> = types.iter().map(|ty| self.leaf(&f, *ty)).collect();
        let variables: Vec<_> = types.iter().map(|ty| f.local(*ty)).collect();
        let counter = f.local(I32);
        let next = self.exchanged(&f, &types, &variables);
        let mut body = String::new();
        for (variable, mut value) in variables.iter().zip(&first) {
            // Some begin alike.
            let alike = self.below(count as u64) as usize;
            if types[alike] == f.variables[*variable] && self.chance(3) {
                value = &first[alike];
            }
            body += &format!("(local.set {variable} {value})\n");
        }
        let rounds = match self.chance(2) {
            true => format!("(i32.const {})", 1 + self.below(9)),
            false => format!("(i32.add (i32.and (local.get {}) (i32.const 7)) (i32.const 1))", f.choices),
        };
        body += &format!("(local.set {counter} {rounds})\n");
        let condition = format!("(local.tee {counter} (i32.sub (local.get {counter}) (i32.const 1)))");
        let names: Vec<_> = types.iter().map(|ty| ty.name()).collect();
        let names = names.join(" ");
        let set: String =
            variables.iter().rev().map(|variable| format!("(local.set {variable})\n")).collect();
        let get: String = variables.iter().map(|variable| format!("(local.get {variable}) ")).collect();
        let mut inner = String::new();
        if self.chance(2) {
            let other = self.exchanged(&f, &types, &variables);
            let condition = format!(
                "(i32.and (i32.shr_u (local.get {}) (i32.and (local.get {counter}) (i32.const 3))) (i32.const 1))",
                f.choices
            );
            let both = self.chance(2);
            inner += &format!("(if {condition} (then\n{other}{set})");
            if both {
                inner += &format!(" (else\n{}{set})", self.exchanged(&f, &types, &variables));
            }
            inner += ")\n";
        }
        if self.chance(3) {
            let which = self.below(count as u64) as usize;
            inner += &f.sink(types[which], &format!("(local.get {})", variables[which]));
        }
        body += &match self.below(3) {
            // Parameters of the loop.
            0 => format!(
                "{get}(loop (param {names}) (result {names})\n{set}{inner}{next}(br_if 0 {condition}))\n{set}"
            ),
            1 => format!("(loop\n{inner}{next}{set}(br_if 0 {condition}))\n"),
            _ => {
                // What is left when the loop ends is what was before the exchange.
                format!("(block (loop\n{inner}(br_if 1 (i32.eqz {condition}))\n{next}{set}(br 0)))\n")
            }
        };
        for (variable, ty) in variables.iter().zip(&types) {
            body += &f.sink(*ty, &format!("(local.get {variable})"));
        }
        body += &get;
        body += &f.accumulated();
        let results: Vec<_> = types.iter().copied().chain([I64]).collect();
        let drivers = self.drivers(&f);
        self.add(f, &results, &body, &drivers);
    }

    /// The variables in another order, some changed, as values on the stack.
    fn exchanged(&mut self, f: &Function, types: &[Type], variables: &[usize]) -> String {
        let mut text = String::new();
        for (position, ty) in types.iter().enumerate() {
            let same: Vec<_> = (0..types.len()).filter(|other| types[*other] == *ty).collect();
            let from = match self.below(4) {
                0 => position,
                1 => *same.iter().find(|other| **other > position).unwrap_or(&same[0]),
                _ => *self.random.pick(&same),
            };
            let value = format!("(local.get {})", variables[from]);
            text += &match self.below(5) {
                0 => self.changed(*ty, value),
                1 if self.chance(4) => self.leaf(f, *ty),
                _ => value,
            };
            text.push(' ');
        }
        text + "\n"
    }

    /// Adds a function with loops in loops, whose inner ones compute what does not change in them.
    pub(super) fn nest(&mut self) {
        let mut f = Function::new(vec![I32, I64, I32]);
        let counters: Vec<_> = (0..2 + self.below(2)).map(|_| f.local(I32)).collect();
        let memory = self.below(self.memories.len() as u64) as usize;
        let address = f.local(if self.memories[memory].wide { I64 } else { I32 });
        let mut open = String::new();
        let mut close = String::new();
        for (depth, counter) in counters.iter().enumerate() {
            let rounds = 1 + self.below(4);
            open += &format!("(local.set {counter} (i32.const {rounds}))\n(block (loop\n");
            open += &self.invariants(&mut f, &counters[..=depth]);
            if self.chance(3) {
                let condition = self.bit(&f);
                let levels = 1 + 2 * self.below(depth as u64 + 1);
                open += &format!("(br_if {levels} (i32.and {condition} (local.get {counter})))\n");
            }
            let rest = self.invariants(&mut f, &counters[..=depth]);
            let next = format!("(local.tee {counter} (i32.sub (local.get {counter}) (i32.const 1)))");
            close.insert_str(0, &format!("{rest}(br_if 0 {next})))\n"));
        }
        let site = Site::new(memory, address, 0);
        let access = self.access(&mut f, &site, &format!("(local.get {address})"));
        let body = format!("{open}{access}{close}{}", f.accumulated());
        let drivers = self.drivers(&f);
        self.add(f, &[I64], &body, &drivers);
    }

    /// Values of some loops' counters and of what does not change, computed under a condition or not.
    fn invariants(&mut self, f: &mut Function, counters: &[usize]) -> String {
        let mut text = String::new();
        for _ in 0..1 + self.below(2) {
            let value = |shapes: &mut Self| match shapes.below(4) {
                0 => format!("(local.get {})", shapes.random.pick(counters)),
                1 => "(i32.wrap_i64 (local.get 1))".to_owned(),
                2 => "(local.get 2)".to_owned(),
                _ => "(local.get 0)".to_owned(),
            };
            let (a, b, c) = (value(self), value(self), value(self));
            let op = *self.random.pick(&["mul", "div_u", "rem_s", "div_s", "popcnt", "rotl", "add"]);
            let inner = match op {
                "popcnt" => format!("(i32.popcnt (i32.mul {a} {b}))"),
                // Some divide by zero where nobody else does.
                "div_u" | "rem_s" | "div_s" if self.chance(3) => format!("(i32.{op} {a} {b})"),
                "div_u" | "rem_s" | "div_s" => format!("(i32.{op} {a} (i32.or {b} (i32.const 5)))"),
                _ => format!("(i32.{op} {a} {b})"),
            };
            let value = match self.below(3) {
                0 => format!("(i32.mul {inner} {c})"),
                1 => format!("(i32.xor {inner} (i32.ctz {c}))"),
                _ => inner,
            };
            let sink = f.sink(I32, &value);
            text += &match self.below(3) {
                0 => format!("(if {} (then\n{}{sink}))\n", self.bit(f), f.trace()),
                1 => f.trace() + &sink,
                _ => sink,
            };
        }
        text
    }

    /// Arguments for some drivers.
    pub(super) fn drivers(&mut self, f: &Function) -> Vec<Vec<String>> {
        let types = f.variables[..f.params].to_vec();
        (0..1 + self.below(3)).map(|_| self.arguments(&types)).collect()
    }
}
