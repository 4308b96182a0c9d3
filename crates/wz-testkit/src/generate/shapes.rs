//! Generates modules that are made of what compilers get wrong: addresses that wrap or end near the
//! end of a memory, checks that others make needless, loops over memory, several values that meet
//! where paths do, calls with many parameters, tables, and traps between effects.
//!
//! A module has a few functions, each of one shape, and *drivers*: exported functions without
//! parameters that call them with arguments that lead to an edge. Every value goes into the
//! accumulator of its function, and before what may trap that goes into a global, so that it is
//! seen. Floats are moved and their signs changed, never computed with: there are no NaNs whose
//! payload is the runtime's choice.

mod access;
mod address;
mod calls;
mod effects;
mod joins;
mod loops;
mod operands;
mod tables;

use std::fmt::Write as _;

use super::programs::Type::{self, F32, F64, I32, I64, V128};
use crate::random::Random;

/// The binary module of a seed.
#[must_use]
pub fn shapes_from_seed(seed: u64) -> Vec<u8> {
    crate::fixture::binary(&text(seed))
}

fn text(seed: u64) -> String {
    let mut shapes = Shapes::new(seed);
    let functions = 2 + shapes.below(4);
    for _ in 0..functions {
        match shapes.below(20) {
            0..=3 => shapes.accesses(),
            4..=6 => shapes.induction(),
            7..=9 => shapes.joins(),
            10..=11 => shapes.carried(),
            12..=13 => shapes.calls(),
            14 => shapes.nest(),
            15 => shapes.tables(),
            16 => shapes.effects(),
            17 => shapes.divisions(),
            _ => shapes.conditions(),
        }
    }
    shapes.finish()
}

/// A linear memory.
#[derive(Clone, Copy, Debug)]
struct Memory {
    /// Whether its addresses have 64 bits.
    wide: bool,
    /// How many it begins with.
    bytes: u64,
    /// Whether it has a maximum, so that runtimes agree on how far it grows.
    grows: bool,
}

/// A function that was generated.
struct Signature {
    params: Vec<Type>,
    results: Vec<Type>,
}

struct Shapes {
    random: Random,
    /// The functions.
    text: String,
    imports: String,
    head: String,
    functions: Vec<Signature>,
    memories: Vec<Memory>,
    imports_memory: bool,
}

/// How many functions the table can have.
const TABLE_FUNCTIONS: usize = 6;
const TABLE_SIZE: u64 = 10;
const TABLE_MAX: u64 = 14;

impl Shapes {
    fn new(seed: u64) -> Self {
        let mut shapes = Self {
            random: Random::new(seed),
            text: String::new(),
            imports: String::new(),
            head: String::new(),
            functions: Vec::new(),
            memories: Vec::new(),
            imports_memory: false,
        };
        shapes.imports += r#"(module
(import "provider" "first" (func $first (param i32 i64) (result i32)))
(import "provider" "swap" (func $swap (param f64 f32) (result f32 f64)))
(import "provider" "vector" (func $vector (param v128) (result v128)))
(import "provider" "store" (func $store (param i32 i32)))
(import "provider" "grow" (func $grow (result i32)))
(import "provider" "i64 mut" (global $one (mut i64)))
(import "provider" "i64 mut" (global $same (mut i64)))
"#;
        let memories = if shapes.chance(4) { 2 } else { 1 };
        for index in 0..memories {
            shapes.memory(index);
        }
        shapes
    }

    fn memory(&mut self, index: usize) {
        let wide = self.chance(5);
        if index == 0 && self.chance(8) {
            self.imports_memory = true;
            let (name, ty) = if wide { ("memory64", "i64 1 2") } else { ("memory", "1 4") };
            let _ = writeln!(self.imports, "(import \"provider\" \"{name}\" (memory {ty}))");
            self.memories.push(Memory { wide, bytes: 65_536, grows: true });
            return;
        }
        let min = *self.random.pick(&[1, 1, 1, 1, 1, 2, 2, 0]);
        let max = match self.below(8) {
            0 => String::new(),
            1..=3 => min.to_string(),
            _ => (min + 1).to_string(),
        };
        let ty = if wide { "i64" } else { "" };
        let _ = writeln!(self.head, "(memory (export \"memory{index}\") {ty} {min} {max})");
        self.memories.push(Memory { wide, bytes: min * 65_536, grows: !max.is_empty() });
        if min > 0 {
            let ty = if wide { "i64" } else { "i32" };
            let bytes = self.random.bytes(48);
            let start = self.data(&bytes);
            let end = self.data(&bytes[7..39]);
            let at = min * 65_536 - 32;
            let _ = writeln!(self.head, "(data (memory {index}) ({ty}.const 0) \"{start}\")");
            let _ = writeln!(self.head, "(data (memory {index}) ({ty}.const {at}) \"{end}\")");
        }
    }

    fn data(&mut self, bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "\\{byte:02x}");
            text
        })
    }

    fn finish(self) -> String {
        let Self { text, imports, head, functions, .. } = self;
        let names = |count: usize| (0..count).map(|index| format!("$f{index} ")).collect::<String>();
        let (all, some) = (names(functions.len()), names(functions.len().min(TABLE_FUNCTIONS)));
        format!(
            "{imports}{head}(global $trace (export \"trace\") (mut i64) (i64.const 0))\n\
             (table $t (export \"table\") {TABLE_SIZE} {TABLE_MAX} funcref)\n\
             (elem (i32.const 1) {some})\n(elem (i32.const 8) $first $vector)\n(elem $passive func {all})\n{text})\n"
        )
    }

    fn chance(&mut self, of: u64) -> bool {
        self.random.below(of) == 0
    }

    fn below(&mut self, end: u64) -> u64 {
        self.random.below(end)
    }

    fn ty(&mut self) -> Type {
        *self.random.pick(&[I32, I32, I32, I64, I64, F32, F64, V128])
    }

    /// One of some choices of types.
    fn kinds(&mut self, choices: &[&'static [Type]]) -> &'static [Type] {
        choices[self.below(choices.len() as u64) as usize]
    }

    fn types(&mut self, from: u64, to: u64) -> Vec<Type> {
        (0..from + self.below(to - from)).map(|_| self.ty()).collect()
    }

    /// A constant; any bits.
    fn constant(&mut self, ty: Type) -> String {
        const INTERESTING: [u64; 12] =
            [0, 1, 2, 7, 31, 63, 0x7f, 0xffff, 0x7fff_ffff, 0x8000_0000, 1 << 63, u64::MAX];
        let mut word = || match self.random.below(3) {
            0 => self.random.word(),
            _ => *self.random.pick(&INTERESTING),
        };
        match ty {
            I32 => format!("(i32.const {})", word() as i32),
            I64 => format!("(i64.const {})", word() as i64),
            F32 => format!("(f32.reinterpret_i32 (i32.const {}))", word() as i32),
            F64 => format!("(f64.const {})", word() as i32),
            V128 => format!("(v128.const i64x2 {} {})", word() as i64, word() as i64),
        }
    }

    /// A value of that type: a parameter or local, a constant, another value with something done to it.
    fn leaf(&mut self, f: &Function, ty: Type) -> String {
        let fitting: Vec<_> = (0..f.variables.len()).filter(|index| f.variables[*index] == ty).collect();
        if fitting.is_empty() || self.chance(5) {
            return self.constant(ty);
        }
        let local = format!("(local.get {})", self.random.pick(&fitting));
        if self.chance(3) { self.changed(ty, local) } else { local }
    }

    /// The value with something done to it.
    fn changed(&mut self, ty: Type, value: String) -> String {
        let constant = self.constant(ty);
        match ty {
            I32 | I64 => {
                let op = *self.random.pick(&["add", "sub", "xor", "rotl", "mul", "and", "shr_u"]);
                format!("({}.{op} {value} {constant})", ty.name())
            }
            F32 | F64 => format!("({}.neg {value})", ty.name()),
            V128 => {
                let op = *self.random.pick(&["i32x4.add", "i8x16.sub", "v128.xor", "i64x2.add"]);
                format!("({op} {value} {constant})")
            }
        }
    }

    /// Whether a bit of the last parameter is set.
    fn bit(&mut self, f: &Function) -> String {
        let bit = 1_u32 << self.below(6);
        format!("(i32.and (local.get {}) (i32.const {bit}))", f.choices)
    }

    /// Adds a function, with its drivers' arguments.
    fn add(&mut self, f: Function, results: &[Type], body: &str, drivers: &[Vec<String>]) -> usize {
        let index = self.functions.len();
        let list = |keyword: &str, types: &[Type]| {
            let names: Vec<_> = types.iter().map(|ty| ty.name()).collect();
            format!("({keyword} {})", names.join(" "))
        };
        let (params, locals) = f.variables.split_at(f.params);
        let _ = writeln!(
            self.text,
            "(func $f{index} (export \"f{index}\") {} {} {}\n{body})",
            list("param", params),
            list("result", results),
            list("local", locals),
        );
        for (number, arguments) in drivers.iter().enumerate() {
            let arguments = arguments.join(" ");
            let _ = writeln!(
                self.text,
                "(func (export \"f{index}_{number}\") {} (call $f{index} {arguments}))",
                list("result", results)
            );
        }
        self.functions.push(Signature { params: params.to_vec(), results: results.to_vec() });
        index
    }

    /// Arguments by their types.
    fn arguments(&mut self, types: &[Type]) -> Vec<String> {
        types.iter().map(|ty| self.constant(*ty)).collect()
    }
}

/// The variables of a function that is being generated.
struct Function {
    params: usize,
    variables: Vec<Type>,
    /// The parameter of type `i32` whose bits decide.
    choices: usize,
    /// The local of type `i64` that everything goes into.
    accumulator: usize,
    /// A local of type `v128`.
    vector: usize,
}

impl Function {
    /// A function with these parameters, and one whose bits decide.
    fn new(mut params: Vec<Type>) -> Self {
        let choices = params.len();
        params.push(I32);
        let count = params.len();
        params.extend([I64, V128]);
        Self { params: count, variables: params, choices, accumulator: count, vector: count + 1 }
    }

    /// A new local.
    fn local(&mut self, ty: Type) -> usize {
        self.variables.push(ty);
        self.variables.len() - 1
    }

    /// Has the accumulator depend on a value.
    fn sink(&self, ty: Type, value: &str) -> String {
        let bits = match ty {
            I32 => format!("(i64.extend_i32_u {value})"),
            I64 => value.to_owned(),
            F32 => format!("(i64.extend_i32_u (i32.reinterpret_f32 {value}))"),
            F64 => format!("(i64.reinterpret_f64 {value})"),
            V128 => {
                let vector = self.vector;
                format!(
                    "(i64.add (i64x2.extract_lane 0 (local.tee {vector} {value})) \
                     (i64.rotl (i64x2.extract_lane 1 (local.get {vector})) (i64.const 5)))"
                )
            }
        };
        let accumulator = self.accumulator;
        format!(
            "(local.set {accumulator} (i64.add (i64.rotl (local.get {accumulator}) (i64.const 9)) {bits}))\n"
        )
    }

    /// Shows the accumulator, whatever happens next.
    fn trace(&self) -> String {
        format!("(global.set $trace (local.get {}))\n", self.accumulator)
    }

    fn accumulated(&self) -> String {
        format!("(local.get {})\n", self.accumulator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Unsupported;

    #[test]
    fn modules_are_valid_and_reproducible() {
        for seed in 0..400 {
            let module = shapes_from_seed(seed);
            assert_eq!(module, shapes_from_seed(seed));
            assert_eq!(Unsupported::needed_by(&module), None);
            let mut validator = wasmparser::Validator::new();
            if let Err(error) = validator.validate_all(&module) {
                panic!("seed {seed}: {error}\n{}", text(seed));
            }
        }
    }
}
