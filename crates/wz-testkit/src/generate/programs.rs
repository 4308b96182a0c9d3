//! Generates programs in which every value matters: dense arithmetic over parameters, locals,
//! globals and memory, with control around it, whose results and variables are all observable.
//! `wasm-smith` covers what modules can be; this covers what operators do with operands of every
//! origin (constants, the same local twice, locals that are overwritten in between).
//!
//! Programs end, and never let the payload of a NaN be seen: every float goes through a function
//! that makes NaNs canonical before it is stored, returned or taken for bits.

use std::fmt::Write as _;

use crate::random::Random;

/// The binary module of a seed.
#[must_use]
pub fn program_from_seed(seed: u64) -> Vec<u8> {
    crate::fixture::binary(&Program::new(seed).text)
}

/// A type of generated values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    I32,
    I64,
    F32,
    F64,
    V128,
}

use Type::{F32, F64, I32, I64, V128};

impl Type {
    pub(super) fn name(self) -> &'static str {
        match self {
            I32 => "i32",
            I64 => "i64",
            F32 => "f32",
            F64 => "f64",
            V128 => "v128",
        }
    }
}

/// Operators by result: names separated by blanks, with the types of the operands.
const OPERATORS: &[(Type, &[Type], &str)] = &[
    (I32, &[I32], "i32.clz i32.ctz i32.popcnt i32.eqz i32.extend8_s i32.extend16_s"),
    (I32, &[I64], "i32.wrap_i64 i64.eqz"),
    (I32, &[F32], "i32.trunc_sat_f32_s i32.trunc_sat_f32_u"),
    (I32, &[F64], "i32.trunc_sat_f64_s i32.trunc_sat_f64_u"),
    (
        I32,
        &[I32, I32],
        "i32.add i32.sub i32.mul i32.and i32.or i32.xor i32.shl i32.shr_s i32.shr_u i32.rotl i32.rotr i32.eq \
         i32.ne i32.lt_s i32.lt_u i32.gt_s i32.gt_u i32.le_s i32.le_u i32.ge_s i32.ge_u",
    ),
    (
        I32,
        &[I64, I64],
        "i64.eq i64.ne i64.lt_s i64.lt_u i64.gt_s i64.gt_u i64.le_s i64.le_u i64.ge_s i64.ge_u",
    ),
    (I32, &[F32, F32], "f32.eq f32.ne f32.lt f32.gt f32.le f32.ge"),
    (I32, &[F64, F64], "f64.eq f64.ne f64.lt f64.gt f64.le f64.ge"),
    (
        I32,
        &[V128],
        "v128.any_true i8x16.all_true i8x16.bitmask i16x8.bitmask i32x4.all_true i64x2.bitmask \
         i8x16.extract_lane_s$7 i16x8.extract_lane_u$3 i32x4.extract_lane$2",
    ),
    (I64, &[I64], "i64.clz i64.ctz i64.popcnt i64.extend8_s i64.extend16_s i64.extend32_s"),
    (I64, &[I32], "i64.extend_i32_s i64.extend_i32_u"),
    (I64, &[F32], "i64.trunc_sat_f32_s i64.trunc_sat_f32_u"),
    (I64, &[F64], "i64.trunc_sat_f64_s i64.trunc_sat_f64_u"),
    (I64, &[V128], "i64x2.extract_lane$0 i64x2.extract_lane$1"),
    (
        I64,
        &[I64, I64],
        "i64.add i64.sub i64.mul i64.and i64.or i64.xor i64.shl i64.shr_s i64.shr_u i64.rotl i64.rotr",
    ),
    (F32, &[F32], "f32.abs f32.neg f32.ceil f32.floor f32.trunc f32.nearest f32.sqrt"),
    (F32, &[I32], "f32.convert_i32_s f32.convert_i32_u f32.reinterpret_i32"),
    (F32, &[I64], "f32.convert_i64_s f32.convert_i64_u"),
    (F32, &[F64], "f32.demote_f64"),
    (F32, &[F32, F32], "f32.add f32.sub f32.mul f32.div f32.min f32.max"),
    (F64, &[F64], "f64.abs f64.neg f64.ceil f64.floor f64.trunc f64.nearest f64.sqrt"),
    (F64, &[I32], "f64.convert_i32_s f64.convert_i32_u"),
    (F64, &[I64], "f64.convert_i64_s f64.convert_i64_u f64.reinterpret_i64"),
    (F64, &[F32], "f64.promote_f32"),
    (F64, &[F64, F64], "f64.add f64.sub f64.mul f64.div f64.min f64.max"),
    (V128, &[I32], "i8x16.splat i16x8.splat i32x4.splat"),
    (V128, &[I64], "i64x2.splat"),
    (
        V128,
        &[V128],
        "v128.not i8x16.abs i8x16.neg i8x16.popcnt i16x8.abs i32x4.neg i64x2.abs i16x8.extend_low_i8x16_s \
         i32x4.extend_high_i16x8_u i64x2.extend_low_i32x4_s i16x8.extadd_pairwise_i8x16_s \
         i32x4.extadd_pairwise_i16x8_u i32x4.trunc_sat_f32x4_s i32x4.trunc_sat_f64x2_u_zero",
    ),
    (
        V128,
        &[V128, V128],
        "v128.and v128.or v128.xor v128.andnot i8x16.add i8x16.sub i8x16.add_sat_s i8x16.sub_sat_u i8x16.min_s \
         i8x16.max_u i8x16.avgr_u i8x16.eq i8x16.lt_u i8x16.swizzle i8x16.narrow_i16x8_s i16x8.mul i16x8.add_sat_u \
         i16x8.gt_s i16x8.q15mulr_sat_s i16x8.narrow_i32x4_u i16x8.extmul_low_i8x16_s i32x4.add i32x4.mul \
         i32x4.min_u i32x4.le_s i32x4.dot_i16x8_s i32x4.extmul_high_i16x8_u i64x2.add i64x2.mul i64x2.ge_s \
         i64x2.extmul_low_i32x4_u f32x4.lt f64x2.ge \
         i8x16.shuffle$0$17$2$19$4$21$6$23$31$9$29$11$27$13$25$15",
    ),
    (
        V128,
        &[V128, I32],
        "i8x16.shl i8x16.shr_s i16x8.shr_u i32x4.shl i64x2.shr_s i64x2.shr_u i32x4.replace_lane$1",
    ),
    (V128, &[V128, I64], "i64x2.replace_lane$1"),
    (V128, &[V128, V128, V128], "v128.bitselect"),
];

/// Loads by result, and stores by operand.
pub(super) const LOADS: &[(Type, &str)] = &[
    (I32, "i32.load i32.load8_s i32.load8_u i32.load16_s i32.load16_u"),
    (I64, "i64.load i64.load8_s i64.load8_u i64.load16_s i64.load16_u i64.load32_s i64.load32_u"),
    (F32, "f32.load"),
    (F64, "f64.load"),
    (V128, "v128.load v128.load8_splat v128.load32_splat v128.load8x8_s v128.load16x4_u v128.load64_zero"),
];
pub(super) const STORES: &[(Type, &str)] = &[
    (I32, "i32.store i32.store8 i32.store16"),
    (I64, "i64.store i64.store8 i64.store16 i64.store32"),
    (F32, "f32.store"),
    (F64, "f64.store"),
    (V128, "v128.store"),
];

const PRELUDE: &str = "(module
(memory (export \"memory\") 1 2)
(data (i32.const 0) \"\\00\\01\\7f\\80\\ff\\fe\\55\\aa 0123456789 the quick brown fox\\ff\\ff\\ff\\ff\\00\\00\\c0\\7f\")
(func $canonical_f32 (param f32) (result f32)
  (select (local.get 0) (f32.const nan) (f32.eq (local.get 0) (local.get 0))))
(func $canonical_f64 (param f64) (result f64)
  (select (local.get 0) (f64.const nan) (f64.eq (local.get 0) (local.get 0))))
";

const MAX_FUNCTIONS: u64 = 5;

/// The first elements are the functions, the others are written to.
const TABLE_SIZE: u64 = 12;

/// A function that was generated.
struct Signature {
    params: Vec<Type>,
    results: Vec<Type>,
}

struct Program {
    random: Random,
    text: String,
    functions: Vec<Signature>,
    globals: Vec<Type>,
    /// The parameters and locals of the function that is being generated, without loop counters.
    locals: Vec<Type>,
    counters: usize,
    loop_depth: usize,
    calls_left: usize,
}

impl Program {
    fn new(seed: u64) -> Self {
        let mut program = Self {
            random: Random::new(seed),
            text: PRELUDE.into(),
            functions: Vec::new(),
            globals: Vec::new(),
            locals: Vec::new(),
            counters: 0,
            loop_depth: 0,
            calls_left: 0,
        };
        for index in 0..6 {
            let ty = program.ty();
            program.globals.push(ty);
            let value = program.constant(ty);
            let _ = writeln!(
                program.text,
                "(global $g{index} (export \"g{index}\") (mut {}) {value})",
                ty.name()
            );
        }
        let _ = writeln!(program.text, "(table (export \"table\") {TABLE_SIZE} funcref)");
        let functions = 1 + program.random.below(MAX_FUNCTIONS) as usize;
        for _ in 0..functions {
            program.function();
        }
        let names: Vec<_> = (0..functions).map(|index| format!("$f{index}")).collect();
        let _ = writeln!(program.text, "(elem (i32.const 0) {}))", names.join(" "));
        program
    }

    fn chance(&mut self, of: u64) -> bool {
        self.random.below(of) == 0
    }

    /// A type; integers are twice as frequent as others.
    fn ty(&mut self) -> Type {
        *self.random.pick(&[I32, I32, I64, I64, F32, F64, V128])
    }

    fn function(&mut self) {
        let count = self.random.below(5) as usize;
        let params: Vec<_> = (0..count).map(|_| self.ty()).collect();
        let count = 1 + self.random.below(3) as usize;
        let results: Vec<_> = (0..count).map(|_| self.ty()).collect();
        let count = 2 + self.random.below(5) as usize;
        let locals: Vec<_> = (0..count).map(|_| self.ty()).collect();
        self.locals = params.iter().chain(&locals).copied().collect();
        (self.counters, self.loop_depth, self.calls_left) = (0, 0, 2);

        let mut body = String::new();
        for _ in 0..2 + self.random.below(6) {
            body += &self.statement(3);
        }
        // What the locals are in the end is seen in globals.
        for global in 0..self.globals.len() {
            let ty = self.globals[global];
            if let Some(local) = self.local(ty) {
                let value = self.sink(ty, format!("(local.get {local})"));
                let _ = writeln!(body, "(global.set $g{global} {value})");
            }
        }
        for ty in &results {
            let value = self.expression(*ty, 4);
            body += &self.sink(*ty, value);
        }
        let index = self.functions.len();
        let list = |keyword: &str, types: &[Type]| {
            let names: Vec<_> = types.iter().map(|ty| ty.name()).collect();
            format!("({keyword} {})", names.join(" "))
        };
        let counters = vec![I32; self.counters];
        let _ = writeln!(
            self.text,
            "(func $f{index} (export \"f{index}\") {} {} {} {}\n{body})",
            list("param", &params),
            list("result", &results),
            list("local", &locals),
            list("local", &counters),
        );
        self.functions.push(Signature { params, results });
    }

    /// A local of that type.
    fn local(&mut self, ty: Type) -> Option<usize> {
        let fitting: Vec<_> = (0..self.locals.len()).filter(|index| self.locals[*index] == ty).collect();
        (!fitting.is_empty()).then(|| *self.random.pick(&fitting))
    }

    fn constant(&mut self, ty: Type) -> String {
        let word = match self.random.below(4) {
            0 => *self.random.pick(&[0, 1, 2, 31, 32, 63, 64, 0x7f, 0x80, 0xff, 0xffff]),
            1 => *self.random.pick(&[
                i32::MIN as u32 as u64,
                i32::MAX as u64,
                u64::MAX,
                1 << 63,
                u64::MAX >> 1,
            ]),
            2 => self.random.word() % 256,
            _ => self.random.word(),
        };
        let float =
            *self.random.pick(&["0", "-0", "1", "-1.5", "0.1", "1e10", "-3e9", "1e30", "inf", "-inf", "nan"]);
        match ty {
            I32 => format!("(i32.const {})", word as i32),
            I64 => format!("(i64.const {})", word as i64),
            F32 => format!("(f32.const {float})"),
            F64 => format!("(f64.const {float})"),
            V128 => format!("(v128.const i64x2 {} {})", word as i64, self.random.word() as i64),
        }
    }

    /// The value where it can be seen: NaNs are canonical from here on.
    fn sink(&mut self, ty: Type, value: String) -> String {
        match ty {
            F32 => format!("(call $canonical_f32 {value})"),
            F64 => format!("(call $canonical_f64 {value})"),
            _ => value,
        }
    }

    /// An address that is in bounds, mostly.
    fn address(&mut self, depth: u32) -> String {
        let offset = *self.random.pick(&[0, 0, 1, 7, 16, 255, 32_000]);
        let mask = if self.chance(40) { 0x1_ffff } else { 0x7fff };
        let value = self.expression(I32, depth.saturating_sub(1));
        format!("offset={offset} (i32.and {value} (i32.const {mask}))")
    }

    fn expression(&mut self, ty: Type, depth: u32) -> String {
        if depth == 0 || self.chance(6) {
            return match self.random.below(4) {
                0 => self.constant(ty),
                1 => self.global(ty),
                _ => match self.local(ty) {
                    Some(local) => format!("(local.get {local})"),
                    None => self.constant(ty),
                },
            };
        }
        match self.random.below(16) {
            0 => self.load(ty, depth),
            1 => {
                let condition = self.expression(I32, depth - 1);
                let (yes, no) = (self.expression(ty, depth - 1), self.expression(ty, depth - 1));
                let ty = ty.name();
                if self.chance(2) {
                    format!("(if (result {ty}) {condition} (then {yes}) (else {no}))")
                } else {
                    format!("(select {yes} {no} {condition})")
                }
            }
            2 => match self.local(ty) {
                Some(local) => format!("(local.tee {local} {})", self.expression(ty, depth - 1)),
                None => self.constant(ty),
            },
            3 => {
                let (value, condition) = (self.expression(ty, depth - 1), self.expression(I32, depth - 1));
                let other = self.expression(ty, depth - 1);
                format!("(block (result {}) {value} {condition} br_if 0 drop {other})", ty.name())
            }
            4 => self.call(ty, depth).unwrap_or_else(|| self.constant(ty)),
            5 if matches!(ty, I32 | I64) => self.division(ty, depth),
            6 if matches!(ty, I32 | I64) => {
                let (bits, from) = if ty == I32 { (F32, "f32") } else { (F64, "f64") };
                let value = self.expression(bits, depth - 1);
                format!("({}.reinterpret_{from} {})", ty.name(), self.sink(bits, value))
            }
            7 if matches!(ty, F32 | F64) => {
                let (value, sign) = (self.expression(ty, depth - 1), self.expression(ty, depth - 1));
                format!("({}.copysign {value} {})", ty.name(), self.sink(ty, sign))
            }
            _ => self.operator(ty, depth),
        }
    }

    fn global(&mut self, ty: Type) -> String {
        let fitting: Vec<_> = (0..self.globals.len()).filter(|index| self.globals[*index] == ty).collect();
        if fitting.is_empty() {
            return self.constant(ty);
        }
        format!("(global.get $g{})", self.random.pick(&fitting))
    }

    fn operator(&mut self, ty: Type, depth: u32) -> String {
        let rows: Vec<_> = OPERATORS.iter().filter(|(result, ..)| *result == ty).collect();
        // Every operator is as likely as any other of its result.
        let all: Vec<_> = rows
            .iter()
            .flat_map(|(_, operands, names)| names.split(' ').map(move |name| (*operands, name)))
            .collect();
        let (operands, name) = *self.random.pick(&all);
        let mut text = format!("({}", name.replace('$', " "));
        let same = operands.len() > 1 && self.chance(8);
        let first = self.expression(operands[0], depth - 1);
        for (position, operand) in operands.iter().enumerate() {
            let value = match position {
                0 => first.clone(),
                _ if same && *operand == operands[0] => match self.local(*operand) {
                    Some(local) => format!("(local.get {local})"),
                    None => self.constant(*operand),
                },
                _ => self.expression(*operand, depth - 1),
            };
            // Bits of floats inside vectors are never seen, those of others only through `sink`.
            text += &format!(" {value}");
        }
        text + ")"
    }

    fn division(&mut self, ty: Type, depth: u32) -> String {
        let name = *self.random.pick(&["div_s", "div_u", "rem_s", "rem_u"]);
        let (left, right) = (self.expression(ty, depth - 1), self.expression(ty, depth - 1));
        let ty = ty.name();
        if self.chance(16) {
            return format!("({ty}.{name} {left} {right})");
        }
        // Neither zero nor minus one.
        format!("({ty}.{name} {left} ({ty}.or ({ty}.and {right} ({ty}.const 0xfffff)) ({ty}.const 1)))")
    }

    fn load(&mut self, ty: Type, depth: u32) -> String {
        let names = LOADS.iter().find(|(result, _)| *result == ty).map_or("", |(_, names)| names);
        let names: Vec<_> = names.split(' ').collect();
        let name = *self.random.pick(&names);
        // What lies in memory may be any NaN.
        let load = format!("({name} {})", self.address(depth));
        self.sink(ty, load)
    }

    /// A call of a function that came before, so that there is no recursion.
    fn call(&mut self, ty: Type, depth: u32) -> Option<String> {
        let fitting: Vec<_> = (0..self.functions.len())
            .filter(|index| self.functions[*index].results.last() == Some(&ty))
            .collect();
        if fitting.is_empty() || self.calls_left == 0 || self.loop_depth > 0 {
            return None;
        }
        self.calls_left -= 1;
        let index = *self.random.pick(&fitting);
        let params = self.functions[index].params.clone();
        let results = self.functions[index].results.clone();
        let mut arguments = String::new();
        for param in &params {
            let value = self.expression(*param, depth - 1);
            arguments += &self.sink(*param, value);
        }
        let call = if self.chance(2) {
            let names = |types: &[Type]| types.iter().map(|ty| ty.name()).collect::<Vec<_>>().join(" ");
            let (params, results) = (names(&params), names(&results));
            format!("(call_indirect (param {params}) (result {results}) {arguments} (i32.const {index}))")
        } else {
            format!("(call $f{index} {arguments})")
        };
        if results.len() == 1 {
            return Some(call);
        }
        // The last result stays, the others go where they can be seen.
        let mut text = format!("(block (result {}) {call} ", ty.name());
        let keep = self.local(ty);
        match keep {
            Some(local) => text += &format!("local.set {local} "),
            None => return None,
        }
        for ty in results[..results.len() - 1].iter().rev() {
            let local = self.local(*ty).filter(|local| Some(*local) != keep);
            text += &local.map_or("drop ".into(), |local| format!("local.set {local} "));
        }
        Some(text + &format!("(local.get {}))", keep?))
    }

    fn statement(&mut self, depth: u32) -> String {
        let ty = self.ty();
        match self.random.below(if depth == 0 { 6 } else { 11 }) {
            0 => {
                let address = self.address(2);
                let names = STORES.iter().find(|(operand, _)| *operand == ty).map_or("", |(_, names)| names);
                let names: Vec<_> = names.split(' ').collect();
                let name = *self.random.pick(&names);
                let value = self.expression(ty, 3);
                format!("({name} {address} {})\n", self.sink(ty, value))
            }
            1 => {
                let global = self.random.below(self.globals.len() as u64) as usize;
                let ty = self.globals[global];
                let value = self.expression(ty, 3);
                format!("(global.set $g{global} {})\n", self.sink(ty, value))
            }
            2..=4 => match self.local(ty) {
                Some(local) => format!("(local.set {local} {})\n", self.expression(ty, 4)),
                None => format!("(drop {})\n", self.expression(ty, 2)),
            },
            5 => {
                let index = MAX_FUNCTIONS + self.random.below(TABLE_SIZE - MAX_FUNCTIONS);
                let value = match self.functions.len() as u64 {
                    0 => "(ref.null func)".into(),
                    _ if self.chance(3) => {
                        format!("(table.get (i32.const {}))", self.random.below(TABLE_SIZE))
                    }
                    functions => format!("(ref.func $f{})", self.random.below(functions)),
                };
                format!("(table.set (i32.const {index}) {value})\n")
            }
            6 => {
                let condition = self.expression(I32, 3);
                let (yes, no) = (self.statements(depth), self.statements(depth));
                format!("(if {condition} (then {yes}) (else {no}))\n")
            }
            7 => self.switch(depth),
            8 if self.loop_depth < 2 => {
                let number = self.counters;
                self.counters += 1;
                self.loop_depth += 1;
                let body = self.statements(depth);
                self.loop_depth -= 1;
                let counter = format!("{}", self.locals.len() + number);
                format!(
                    "(local.set {counter} (i32.const {}))\n(loop\n{body}(br_if 0 (local.tee {counter} \
                     (i32.sub (local.get {counter}) (i32.const 1)))))\n",
                    1 + self.random.below(4)
                )
            }
            9 => {
                let operator = *self.random.pick(&["memory.fill", "memory.copy"]);
                let (to, from) = (self.expression(I32, 2), self.expression(I32, 2));
                let len = self.random.below(300);
                let mask = "(i32.const 0x3fff)";
                format!("({operator} (i32.and {to} {mask}) (i32.and {from} {mask}) (i32.const {len}))\n")
            }
            _ => {
                let condition = self.expression(I32, 3);
                let before = self.statement(depth - 1);
                let after = self.statement(depth - 1);
                format!("(block\n{before}(br_if 0 {condition})\n{after})\n")
            }
        }
    }

    fn statements(&mut self, depth: u32) -> String {
        (0..1 + self.random.below(3)).map(|_| self.statement(depth - 1)).collect()
    }

    fn switch(&mut self, depth: u32) -> String {
        let selector = self.expression(I32, 2);
        let cases = 1 + self.random.below(4) as usize;
        let mut text = "(block ".repeat(cases + 1);
        let labels: Vec<_> = (0..cases).map(|_| self.random.below(cases as u64 + 1).to_string()).collect();
        let mask = self.random.pick(&["3", "7"]);
        text += &format!("(br_table {} 0 (i32.and {selector} (i32.const {mask})))", labels.join(" "));
        for case in 0..=cases {
            text += ")\n";
            if case < cases {
                text += &self.statement(depth - 1);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Unsupported;

    #[test]
    fn programs_are_valid_and_reproducible() {
        for seed in 0..200 {
            let module = program_from_seed(seed);
            assert_eq!(module, program_from_seed(seed));
            assert_eq!(Unsupported::needed_by(&module), None);
            let mut validator = wasmparser::Validator::new();
            if let Err(error) = validator.validate_all(&module) {
                panic!("seed {seed}: {error}\n{}", Program::new(seed).text);
            }
        }
    }
}
