//! Calls: parameters and results of all types, more than there are registers; values that are needed
//! after calls, more than there are registers; recursion, tail calls, calls of other instances.

use super::{Function, Shapes, TABLE_FUNCTIONS, TABLE_SIZE};
use crate::generate::programs::Type::{self, F32, F64, I32, I64, V128};

impl Shapes {
    /// Adds a function with many parameters that calls itself, and one that calls it.
    pub(super) fn calls(&mut self) {
        let params = self.many_types(0);
        let results = self.many_types(1);
        let f = Function::new(params.clone());
        let index = self.functions.len();
        let choices = f.choices;
        // The last parameter says how deep it goes.
        let depth = format!("(local.get {choices})");
        let less = format!("(i32.sub {depth} (i32.const 1))");
        let next: Vec<_> = params.iter().map(|ty| self.leaf(&f, *ty)).chain([less]).collect();
        let next = next.join(" ");
        let last: Vec<_> = results.iter().map(|ty| self.leaf(&f, *ty)).collect();
        let last = last.join(" ");
        let names: Vec<_> = results.iter().map(|ty| ty.name()).collect();
        let names = names.join(" ");
        let mut f = f;
        let again = match self.below(4) {
            0 => format!("{next} (return_call $f{index})"),
            1 => {
                let list: Vec<_> = params.iter().chain(&[I32]).map(|ty| ty.name()).collect();
                let here = if index < TABLE_FUNCTIONS { index + 1 } else { 0 };
                let list = list.join(" ");
                let how = *self.random.pick(&["return_call_indirect", "call_indirect"]);
                format!("({how} (param {list}) (result {names}) {next} (i32.const {here}))")
            }
            2 => format!("{next} (call $f{index})"),
            _ => {
                // The results, with what was there before the call.
                let locals: Vec<_> = results.iter().map(|ty| f.local(*ty)).collect();
                let set: String = locals.iter().rev().map(|local| format!("(local.set {local})\n")).collect();
                let mut text = format!("{next} (call $f{index})\n{set}");
                for (local, ty) in locals.iter().zip(&results) {
                    let value = format!("(local.get {local})");
                    let value = match (ty, self.chance(2)) {
                        (I32 | I64, true) => {
                            let other = self.leaf(&f, *ty);
                            format!("({}.add {value} {other})", ty.name())
                        }
                        (V128, true) => format!("(i32x4.sub {value} {})", self.leaf(&f, V128)),
                        (F32 | F64, true) => {
                            format!("({}.copysign {value} {})", ty.name(), self.leaf(&f, *ty))
                        }
                        _ => value,
                    };
                    text += &value;
                    text.push(' ');
                }
                text
            }
        };
        // Called by anybody, with any depth.
        let bounded = format!("(local.set {choices} (i32.and {depth} (i32.const 7)))\n");
        let body = format!("{bounded}(if (result {names}) (i32.eqz {depth}) (then {last}) (else {again}))\n");
        let drivers = self.drivers(&f);
        let callee = self.add(f, &results, &body, &drivers);
        self.caller(callee);
    }

    /// Types of parameters or results: at times so many of a kind that not all are in registers.
    fn many_types(&mut self, least: u64) -> Vec<Type> {
        match self.below(4) {
            0 => {
                let kinds = self.kinds(&[&[I32, I64], &[F32, F64, V128]]);
                (0..7 + self.below(12)).map(|_| *self.random.pick(kinds)).collect()
            }
            1 => self.types(8, 24),
            _ => self.types(least, 8),
        }
    }

    /// Adds a function that has many values while it calls others.
    fn caller(&mut self, callee: usize) {
        let params = self.types(1, 6);
        let mut f = Function::new(params);
        let kinds = self.kinds(&[&[I32, I64], &[F64, V128], &[I32, I64, F32, F64, V128]]);
        let live: Vec<_> = (0..4 + self.below(24)).map(|_| *self.random.pick(kinds)).collect();
        let locals: Vec<_> = live.iter().map(|ty| f.local(*ty)).collect();
        let mut body = String::new();
        for (local, ty) in locals.iter().zip(&live) {
            let value = self.leaf(&f, *ty);
            body += &format!("(local.set {local} {})\n", self.changed(*ty, value));
        }
        for _ in 0..1 + self.below(3) {
            body += &self.call(&mut f, callee);
            let which = self.below(live.len() as u64) as usize;
            body += &f.sink(live[which], &format!("(local.get {})", locals[which]));
        }
        for (local, ty) in locals.iter().zip(&live) {
            body += &f.sink(*ty, &format!("(local.get {local})"));
        }
        body += &f.trace();
        body += &f.accumulated();
        let drivers = self.drivers(&f);
        self.add(f, &[I64], &body, &drivers);
    }

    /// A call whose results are all seen.
    fn call(&mut self, f: &mut Function, callee: usize) -> String {
        match self.below(9) {
            0 => {
                let (a, b) = (self.leaf(f, I32), self.leaf(f, I64));
                f.sink(I32, &format!("(call $first {a} {b})"))
            }
            1 => {
                let vector = self.leaf(f, V128);
                f.sink(V128, &format!("(call $vector {vector})"))
            }
            2 => {
                let (a, b) = (self.leaf(f, F64), self.leaf(f, F32));
                let (x, y) = (f.local(F32), f.local(F64));
                format!("(call $swap {a} {b})\n(local.set {y})\n(local.set {x})\n")
                    + &f.sink(F32, &format!("(local.get {x})"))
                    + &f.sink(F64, &format!("(local.get {y})"))
            }
            3 => f.sink(I32, "(call $grow)"),
            how => {
                let (params, results) =
                    (self.functions[callee].params.clone(), self.functions[callee].results.clone());
                let arguments: Vec<_> = params.iter().map(|ty| self.leaf(f, *ty)).collect();
                let arguments = arguments.join(" ");
                let mut text = if how < 7 {
                    format!("(call $f{callee} {arguments})\n")
                } else {
                    let names =
                        |types: &[Type]| types.iter().map(|ty| ty.name()).collect::<Vec<_>>().join(" ");
                    let (params, results) = (names(&params), names(&results));
                    let any = self.chance(6);
                    let element = match any {
                        true => format!("(i32.and (local.get {}) (i32.const 15))", f.choices),
                        false => format!("(i32.const {})", (callee as u64 + 1).min(TABLE_SIZE)),
                    };
                    let trace = f.trace();
                    format!(
                        "{trace}(call_indirect (param {params}) (result {results}) {arguments} {element})\n"
                    )
                };
                let locals: Vec<_> = results.iter().map(|ty| f.local(*ty)).collect();
                for local in locals.iter().rev() {
                    text += &format!("(local.set {local})\n");
                }
                for (local, ty) in locals.iter().zip(&results) {
                    text += &f.sink(*ty, &format!("(local.get {local})"));
                }
                text
            }
        }
    }
}
