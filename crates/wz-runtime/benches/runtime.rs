//! What an embedder pays: compiling, instantiating, calling in and out, executing.

use std::hint::black_box;
use std::path::Path;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use wz::prelude::*;

/// A function to call, and a loop that calls the import `env.next`.
const SMALL: &str = r#"(module
    (import "env" "next" (func $next (param i32) (result i32)))
    (memory 1)
    (data (i32.const 16) "hello")
    (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)
    (func (export "loop") (param $n i32) (result i32)
        (local $value i32)
        (loop $again
            (local.set $value (call $next (local.get $value)))
            (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $value)))"#;

fn calls(c: &mut Criterion) {
    let runtime = Runtime::new();
    runtime
        .host_module_builder("env")
        .function("next", |value: i32| value.wrapping_add(3))
        .instantiate()
        .expect("the host module fits");
    let compiled =
        runtime.compile(wat::parse_str(SMALL).expect("it is well-formed")).expect("the module is valid");
    c.bench_function("instantiate", |bencher| {
        bencher.iter_batched(
            || ModuleConfig::new().with_name(""),
            |config| runtime.instantiate_module(&compiled, config).expect("it links"),
            BatchSize::SmallInput,
        );
    });
    let module = runtime.instantiate_module(&compiled, ModuleConfig::new()).expect("it links");
    let add = module.typed_function::<(i32, i32), i32>("add").expect("it is exported");
    c.bench_function("call host to guest", |bencher| {
        bencher.iter(|| add.call(black_box((1, 2))).expect("it does not trap"));
    });
    let run = module.typed_function::<i32, i32>("loop").expect("it is exported");
    let mut group = c.benchmark_group("call guest to host");
    group.throughput(Throughput::Elements(1000));
    group.bench_function("1000 calls", |bencher| {
        bencher.iter(|| run.call(black_box(1000)).expect("it does not trap"));
    });
    group.finish();
}

fn programs(c: &mut Criterion) {
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata");
    let wasm = std::fs::read(testdata.join("programs/rust-wc.wasm")).expect("it is in the tree");
    let runtime = Runtime::new();
    let mut group = c.benchmark_group("compile");
    group.throughput(Throughput::Bytes(wasm.len() as u64));
    group.bench_function("rust-wc", |bencher| {
        bencher.iter(|| runtime.compile(&wasm[..]).expect("it is valid"));
    });
    group.finish();
    let mut group = c.benchmark_group("execute");
    group.sample_size(10);
    for name in ["fib", "sieve", "matmul", "sha256"] {
        let wasm = std::fs::read(testdata.join(format!("bench/{name}.wasm"))).expect("it is in the tree");
        let module = runtime
            .instantiate_with(&Context::background(), wasm, ModuleConfig::new().with_name(""))
            .expect("it links");
        let run = module.typed_function::<i32, i64>("run").expect("it is exported");
        group.bench_function(name, |bencher| bencher.iter(|| run.call(black_box(1)).expect("it runs")));
    }
    group.finish();
}

criterion_group!(benches, calls, programs);
criterion_main!(benches);
