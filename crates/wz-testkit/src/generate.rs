//! Generates modules: with `wasm-smith`, from a seed or from a fuzzer's bytes, for everything that
//! modules can be; [programs](program_from_seed) of dense arithmetic; and [shapes](shapes_from_seed) that
//! compilers get wrong. Generated modules end by themselves and export everything they have.

mod programs;
mod shapes;

use std::sync::LazyLock;

use arbitrary::Unstructured;
use wasm_smith::Config;

pub use programs::program_from_seed;
pub use shapes::shapes_from_seed;

use crate::random::Random;

/// What generated modules are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be compared with other runtimes: nothing whose result the specification leaves open.
    Compare,
    /// To be executed by wz alone: everything that wz has.
    Execute,
}

/// How many calls and loop iterations a generated module makes before it traps. Few enough that
/// recursion overflows no runtime's stack.
const MODULE_FUEL: u32 = 1_000;

/// The largest memory of generated modules.
const MAX_MEMORY_BYTES: u64 = 4 * 65_536;

/// The name that generated modules import from; instantiate [`provider`] under it.
pub const PROVIDER_NAME: &str = "provider";

/// The module that generated modules import from: every kind of item, of several types. Nothing
/// in it computes with floats, so that every runtime gives the same bits.
const PROVIDER: &str = r#"(module
    (memory (export "memory") 1 4)
    (memory (export "memory64") i64 1 2)
    (table $functions (export "functions") 10 20 funcref)
    (table (export "values") 5 10 externref)
    (table (export "table64") i64 3 6 funcref)
    (global (export "i32") i32 (i32.const 7))
    (global (export "i64 mut") (mut i64) (i64.const -3))
    (global (export "f64 mut") (mut f64) (f64.const 1.5))
    (global (export "v128 mut") (mut v128) (v128.const i64x2 1 2))
    (global $calls (export "calls") (mut i32) (i32.const 0))
    (func $count (global.set $calls (i32.add (global.get $calls) (i32.const 1))))
    (func $first (export "first") (param i32 i64) (result i32)
        (call $count) (i32.xor (local.get 0) (i32.wrap_i64 (local.get 1))))
    (func $swap (export "swap") (param f64 f32) (result f32 f64)
        (call $count) local.get 1 local.get 0)
    (func (export "vector") (param v128) (result v128)
        (call $count) (v128.not (local.get 0)))
    (func (export "references") (param funcref externref) (result externref funcref)
        (call $count) local.get 1 local.get 0)
    (func (export "store") (param i32 i32)
        (call $count) (i32.store8 (i32.and (local.get 0) (i32.const 0xffff)) (local.get 1)))
    (func (export "grow") (result i32) (memory.grow (i32.const 1)))
    (elem (i32.const 1) $first $swap))"#;

/// The imports that generated modules choose from.
const IMPORTS: &str = r#"(module
    (import "provider" "memory" (memory 1 4))
    (import "provider" "memory64" (memory i64 1 2))
    (import "provider" "functions" (table 10 20 funcref))
    (import "provider" "values" (table 5 10 externref))
    (import "provider" "table64" (table i64 3 6 funcref))
    (import "provider" "i32" (global i32))
    (import "provider" "i64 mut" (global (mut i64)))
    (import "provider" "f64 mut" (global (mut f64)))
    (import "provider" "v128 mut" (global (mut v128)))
    (import "provider" "first" (func (param i32 i64) (result i32)))
    (import "provider" "swap" (func (param f64 f32) (result f32 f64)))
    (import "provider" "vector" (func (param v128) (result v128)))
    (import "provider" "references" (func (param funcref externref) (result externref funcref)))
    (import "provider" "store" (func (param i32 i32)))
    (import "provider" "grow" (func (result i32))))"#;

/// The module that generated modules import from.
#[must_use]
pub fn provider() -> &'static [u8] {
    static BINARY: LazyLock<Vec<u8>> = LazyLock::new(|| crate::fixture::binary(PROVIDER));
    &BINARY
}

fn imports() -> Vec<u8> {
    static BINARY: LazyLock<Vec<u8>> = LazyLock::new(|| crate::fixture::binary(IMPORTS));
    BINARY.clone()
}

/// The module of a seed.
#[must_use]
pub fn module_from_seed(seed: u64, purpose: Purpose) -> Vec<u8> {
    let mut random = Random::new(seed);
    loop {
        let len = 256 << random.below(6);
        let bytes = random.bytes(len);
        if let Some(module) = module_from_bytes(&bytes, purpose) {
            return module;
        }
    }
}

/// The module of a fuzzer's input, if it makes one.
#[must_use]
pub fn module_from_bytes(bytes: &[u8], purpose: Purpose) -> Option<Vec<u8>> {
    let mut input = Unstructured::new(bytes);
    let config = config(&mut input, purpose).ok()?;
    let mut module = wasm_smith::Module::new(config, &mut input).ok()?;
    module.ensure_termination(MODULE_FUEL).ok()?;
    Some(module.to_bytes())
}

/// A configuration within what wz has and what is quick to run. Sizes are drawn, so that some
/// modules have a few large functions and others many small ones.
fn config(input: &mut Unstructured<'_>, purpose: Purpose) -> arbitrary::Result<Config> {
    let compare = purpose == Purpose::Compare;
    Ok(Config {
        available_imports: Some(imports()),
        export_everything: true,
        canonicalize_nans: compare,
        relaxed_simd_enabled: !compare,
        allow_floats: input.ratio(9, 10)?,
        simd_enabled: input.ratio(1, 2)?,
        disallow_traps: input.ratio(1, 2)?,
        bulk_memory_enabled: true,
        extended_const_enabled: true,
        memory64_enabled: true,
        multi_value_enabled: true,
        reference_types_enabled: true,
        saturating_float_to_int_enabled: true,
        sign_extension_ops_enabled: true,
        tail_call_enabled: true,
        exceptions_enabled: false,
        gc_enabled: false,
        compact_imports_enabled: false,
        custom_page_sizes_enabled: false,
        shared_everything_threads_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        min_funcs: 1,
        max_funcs: input.int_in_range(1..=12)?,
        max_instructions: *input.choose(&[20, 100, 400])?,
        max_imports: input.int_in_range(0..=10)?,
        max_globals: 8,
        max_memories: 3,
        max_tables: 3,
        max_data_segments: 4,
        max_element_segments: 4,
        max_elements: 10,
        max_memory32_bytes: MAX_MEMORY_BYTES,
        max_memory64_bytes: u128::from(MAX_MEMORY_BYTES),
        memory_max_size_required: true,
        max_table_elements: 100,
        table_max_size_required: true,
        ..Config::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Unsupported;

    #[test]
    fn modules_are_the_same_for_the_same_seed_and_within_what_wz_has() {
        for seed in 0..100 {
            for purpose in [Purpose::Compare, Purpose::Execute] {
                let module = module_from_seed(seed, purpose);
                assert_eq!(module, module_from_seed(seed, purpose));
                assert_eq!(Unsupported::needed_by(&module), None, "seed {seed}");
                let all = wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::all());
                let mut all = all;
                all.validate_all(&module).unwrap();
            }
        }
    }
}
