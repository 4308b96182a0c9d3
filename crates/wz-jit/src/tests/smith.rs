//! Modules of wasm-smith, from fixed seeds.

use arbitrary::Unstructured;

use super::oracle::{Outcome, compare, decoded};
use super::variants;

/// A module that imports nothing, exports everything and always ends.
pub(super) fn module(seed: u64) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 2048];
    let mut state = seed.wrapping_mul(2) + 1;
    for byte in &mut bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *byte = (state >> 56) as u8;
    }
    let config = wasm_smith::Config {
        max_imports: 0,
        min_funcs: 1,
        max_funcs: 6,
        min_exports: 1,
        export_everything: true,
        max_memories: 2,
        max_tables: 2,
        max_memory32_bytes: 1 << 21,
        max_memory64_bytes: 1 << 21,
        max_table_elements: 1_000,
        max_instructions: 200,
        canonicalize_nans: true,
        allow_start_export: false,
        exceptions_enabled: false,
        gc_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        relaxed_simd_enabled: false,
        custom_page_sizes_enabled: false,
        compact_imports_enabled: false,
        tail_call_enabled: true,
        memory64_enabled: seed.is_multiple_of(4),
        simd_enabled: seed.is_multiple_of(2),
        ..wasm_smith::Config::default()
    };
    let mut module = wasm_smith::Module::new(config, &mut Unstructured::new(&bytes)).ok()?;
    module.ensure_termination(2_000).ok()?;
    Some(module.to_bytes())
}

/// Runs the modules of some seeds; each with a few of the variants, in turn.
fn run(seeds: std::ops::Range<u64>, per_module: usize) -> (usize, usize) {
    let variants = variants();
    let (mut agreed, mut skipped) = (0, 0);
    for seed in seeds {
        let Some(wasm) = module(seed) else { continue };
        let info = decoded(&wasm);
        for number in 0..per_module {
            let variant = variants[(seed as usize * per_module + number) % variants.len()];
            let outcome = std::panic::catch_unwind(|| compare(&wasm, &info, variant, seed));
            match outcome {
                Ok(Outcome::Agreed(calls)) => agreed += calls,
                Ok(Outcome::Skipped(reason)) => {
                    if std::env::var_os("WZ_VERBOSE").is_some() {
                        eprintln!("seed {seed}: {reason}");
                    }
                    skipped += 1;
                }
                Err(panic) => {
                    let path = std::env::temp_dir().join(format!("wz-jit-smith-{seed}.wasm"));
                    std::fs::write(&path, &wasm).expect("a place for the module");
                    eprintln!("seed {seed}, in {}", path.display());
                    std::panic::resume_unwind(panic);
                }
            }
        }
    }
    (agreed, skipped)
}

#[test]
fn agrees_with_wasmi() {
    let (agreed, skipped) = run(0..120, 3);
    assert!(agreed > 500, "only {agreed} calls were compared, {skipped} modules skipped");
}

/// More of the same: `WZ_SEEDS=1000..2000 cargo test --release -p wz-jit many_seeds -- --ignored`.
#[test]
#[ignore = "takes as long as it is told to"]
fn many_seeds() {
    let range = std::env::var("WZ_SEEDS").unwrap_or_else(|_| "0..10000".to_owned());
    let (start, end) = range.split_once("..").expect("a range");
    let seeds = start.parse().expect("a number")..end.parse().expect("a number");
    let (agreed, skipped) = run(seeds, 4);
    eprintln!("{agreed} calls agreed, {skipped} runs skipped");
}
