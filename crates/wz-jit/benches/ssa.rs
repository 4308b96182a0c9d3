//! How fast operators become optimized SSA: bytes of bodies per second on one thread, over the
//! programs in `~/.cache/wz-programs` if there are any, else over those of the tree.

use std::path::{Path, PathBuf};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use wz_decode::{DecodeOptions, ModuleInfo, decode};
use wz_jit::{Context, Options, Passes};

/// The modules in a folder that can be decoded, with their names.
fn modules(folder: &Path) -> Vec<(String, ModuleInfo)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let module = |path: PathBuf| {
        let name = path.file_stem()?.to_str()?.to_owned();
        let bytes = std::fs::read(&path).ok().filter(|bytes| bytes.starts_with(b"\0asm"))?;
        Some((name, decode(bytes, &DecodeOptions::default()).ok()?))
    };
    files.into_iter().filter_map(module).collect()
}

fn ssa(criterion: &mut Criterion) {
    let cached = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache/wz-programs"));
    let mut programs = cached.map(|folder| modules(&folder)).unwrap_or_default();
    if programs.is_empty() {
        programs = modules(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/programs"));
    }
    let mut group = criterion.benchmark_group("ssa");
    group.sample_size(10);
    for (name, info) in &programs {
        let bytes: usize = info.bodies.iter().map(|body| body.range.len()).sum();
        group.throughput(Throughput::Bytes(bytes as u64));
        for (what, passes) in [("built", Passes::SIMPLIFY.with(Passes::NUMBER)), ("optimized", Passes::ALL)] {
            let options = Options { passes, ..Options::default() };
            let mut context = Context::default();
            group.bench_function(format!("{name}/{what}"), |bencher| {
                bencher.iter(|| {
                    for function in info.imported.functions..info.functions.len() as u32 {
                        // A function that is too complex counts as its time.
                        let _ = context.compile(info, function, &options);
                    }
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, ssa);
criterion_main!(benches);
