//! What the interpreter costs: translating, calling, executing small kernels.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use wz_api::{Caller, Context, HostModule, Module};
use wz_core::engine::CompileOptions;
use wz_core::{InstanceOptions, Store, StoreConfig};
use wz_decode::{DecodeOptions, decode};
use wz_interp::Interpreter;

fn store() -> Store {
    Store::new(StoreConfig::new(Arc::new(Interpreter::new()))).unwrap()
}

fn instantiate(store: &Store, text: &str) -> Module {
    let cx = Context::background();
    let compiled = store.compile(&cx, wat::parse_str(text).unwrap()).unwrap();
    store.instantiate(&cx, &compiled, InstanceOptions::default()).unwrap()
}

/// Translates many copies of a function of ordinary operators.
fn translate(criterion: &mut Criterion) {
    let function = r#"(func (param i32 i32) (result i32) (local i32 i64 f64)
        (loop
            (if (i32.and (local.get 0) (i32.const 1))
                (then (local.set 2 (i32.add (local.get 2) (i32.load offset=8 (i32.shl (local.get 1) (i32.const 2))))))
                (else (local.set 3 (i64.mul (i64.extend_i32_u (local.get 2)) (i64.const 0x9e3779b97f4a7c15)))))
            (local.set 4 (f64.add (local.get 4) (f64.convert_i64_s (local.get 3))))
            (i32.store (local.get 1) (call 0 (local.get 2) (i32.const 1)))
            (br_if 0 (i32.lt_s (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (local.get 1))))
        (local.get 2))"#;
    let text = format!("(module (memory 1) {})", function.repeat(2000));
    let info = Arc::new(decode(wat::parse_str(&text).unwrap(), &DecodeOptions::default()).unwrap());
    let bytes: usize = info.bodies.iter().map(|body| body.range.len()).sum();
    let options = CompileOptions {
        fuel: false,
        interruption: false,
        eager: true,
        deterministic: false,
        threads: 1,
        sampling: false,
    };
    let mut group = criterion.benchmark_group("translate");
    group.throughput(Throughput::Bytes(bytes as u64));
    group.bench_function("2000 functions", |bencher| {
        bencher.iter(|| black_box(Interpreter::code_bytes(&info, &options)));
    });
    group.finish();
}

fn execute(criterion: &mut Criterion) {
    let store = store();
    let kernels = [
        (
            "fib 20",
            20,
            r#"(func $run (export "run") (param i32) (result i32)
                (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (local.get 0))
                    (else (i32.add (call $run (i32.sub (local.get 0) (i32.const 1)))
                        (call $run (i32.sub (local.get 0) (i32.const 2)))))))"#,
        ),
        (
            "sieve 10000",
            10_000,
            r#"(func (export "run") (param $n i32) (result i32) (local $i i32) (local $j i32)
                (memory.fill (i32.const 0) (i32.const 0) (local.get $n))
                (local.set $i (i32.const 2))
                (loop $outer
                    (block $composite
                        (br_if $composite (i32.load8_u (local.get $i)))
                        (br_if $composite (i32.le_u (local.get $n) (local.tee $j (i32.mul (local.get $i) (local.get $i)))))
                        (loop $inner
                            (i32.store8 (local.get $j) (i32.const 1))
                            (br_if $inner (i32.lt_u (local.tee $j (i32.add (local.get $j) (local.get $i))) (local.get $n)))))
                    (br_if $outer (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000))))
                (i32.load8_u (i32.const 91)))"#,
        ),
        (
            "f64 sum of squares 10000",
            10_000,
            r#"(func (export "run") (param $n i32) (result f64) (local $x f64) (local $sum f64)
                (loop
                    (local.set $x (f64.add (local.get $x) (f64.const 0.5)))
                    (local.set $sum (f64.add (local.get $sum) (f64.mul (local.get $x) (local.get $x))))
                    (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                (local.get $sum))"#,
        ),
    ];
    for (name, param, function) in kernels {
        let module = instantiate(&store, &format!("(module (memory 1) {function})"));
        let run = module.exported_function("run").unwrap();
        let mut stack = [0_u64; 4];
        criterion.bench_function(&format!("execute/{name}"), |bencher| {
            bencher.iter(|| {
                stack[0] = param;
                run.call_with_stack(&mut stack).unwrap();
                black_box(stack[0])
            });
        });
    }
}

fn calls(criterion: &mut Criterion) {
    let store = store();
    let host = HostModule::new("host")
        .with_function("host", |_: &mut Caller<'_>, x: i32| Ok::<i32, wz_api::Error>(x));
    store.instantiate_host(&Context::background(), &host).unwrap();
    let module = instantiate(
        &store,
        r#"(module (import "host" "host" (func $host (param i32) (result i32)))
            (type $t (func (param i32) (result i32)))
            (table 1 funcref) (elem (i32.const 0) $guest)
            (func $guest (export "guest") (type $t) (local.get 0))
            (func (export "direct") (type $t) (loop (drop (call $guest (i32.const 1)))
                (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (i32.const 0))
            (func (export "indirect") (type $t) (loop (drop (call_indirect (type $t) (i32.const 1) (i32.const 0)))
                (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (i32.const 0))
            (func (export "host") (type $t) (loop (drop (call $host (i32.const 1)))
                (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (i32.const 0)))"#,
    );
    let mut stack = [0_u64; 4];
    let guest = module.exported_function("guest").unwrap();
    criterion.bench_function("call/guest from host", |bencher| {
        bencher.iter(|| {
            guest.call_with_stack(&mut stack).unwrap();
            black_box(stack[0])
        });
    });
    let mut group = criterion.benchmark_group("call");
    group.throughput(Throughput::Elements(1000));
    for name in ["direct", "indirect", "host"] {
        let run = module.exported_function(name).unwrap();
        group.bench_function(format!("1000 {name}"), |bencher| {
            bencher.iter(|| {
                stack[0] = 1000;
                run.call_with_stack(&mut stack).unwrap();
            });
        });
    }
    group.finish();
}

criterion_group!(benches, translate, execute, calls);
criterion_main!(benches);
