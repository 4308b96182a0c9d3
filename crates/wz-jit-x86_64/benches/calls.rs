//! What it costs to get into a guest and out of it.

#![cfg(all(target_arch = "x86_64", unix))]

#[path = "../tests/runtime/support.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod support;

use criterion::{Criterion, criterion_group, criterion_main};
use dynasm::dynasm;
use dynasmrt::{DynasmApi, DynasmLabelApi};
use wz_api::{Context, HostModule};
use wz_jit::runtime::builtins::Builtin;
use wz_jit::runtime::slots::SlotRef;

use support::{Bodies, Hand, add};

/// Calls in the guest per call of it.
const ROUNDS: i32 = 1000;

/// A function that does something so many times, with its counter on the stack.
fn repeating(
    request: &support::Request<'_>,
    body: impl Fn(&mut Hand),
) -> wz_jit::runtime::module::CompiledFunction {
    let mut hand = Hand::calling(request, 16);
    dynasm!(hand.ops
        ; .arch x64
        ; mov DWORD [rbp - 16], ROUNDS
        ; again:
        ; mov eax, 1
    );
    body(&mut hand);
    dynasm!(hand.ops
        ; .arch x64
        ; sub DWORD [rbp - 16], 1
        ; jnz <again
    );
    hand.end()
}

fn calls(criterion: &mut Criterion) {
    let bodies = Bodies::new()
        .with("add", |request| {
            let mut hand = Hand::leaf(request);
            dynasm!(hand.ops; .arch x64; add eax, ecx);
            hand.end()
        })
        .with("nothing", |request| Hand::leaf(request).end())
        .with("host", |request| repeating(request, |hand| _ = hand.call_import(0, 0)))
        .with("guest", |request| repeating(request, |hand| _ = hand.call(SlotRef::Function(1))))
        .with("builtin", |request| repeating(request, |hand| _ = hand.builtin(Builtin::RefFunc, 0)))
        .with("interrupted", |request| repeating(request, |hand| _ = hand.builtin(Builtin::Interrupted, 0)));
    let store = bodies.store();
    let host = HostModule::new("host").with_function("one", |value: i32| value + 1);
    store.instantiate_host(&Context::background(), &host).unwrap();
    let module = add(
        &store,
        r#"(module
            (import "host" "one" (func (param i32) (result i32)))
            (func (export "add") (param i32 i32) (result i32) i32.const 0)
            (func (export "nothing"))
            (func (export "host"))
            (func (export "guest"))
            (func (export "builtin"))
            (func (export "interrupted")))"#,
    );
    let function = |name: &str| module.exported_function(name).unwrap();
    let mut group = criterion.benchmark_group("calls");
    let add = function("add");
    let cx = Context::background();
    group.bench_function("host to guest, words", |bencher| {
        let mut stack = [1, 2];
        bencher.iter(|| {
            stack[1] = 2;
            add.call_with_stack_with(&cx, &mut stack).unwrap();
        });
    });
    let typed = add.typed::<(i32, i32), i32>().unwrap();
    group.bench_function("host to guest, typed", |bencher| {
        bencher.iter(|| typed.call_with(&cx, (1, 2)).unwrap());
    });
    for name in ["host", "guest", "builtin", "interrupted"] {
        let function = function(name);
        group.throughput(criterion::Throughput::Elements(ROUNDS as u64));
        group.bench_function(format!("guest to {name}, times {ROUNDS}"), |bencher| {
            bencher.iter(|| function.call_with_stack_with(&cx, &mut []).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, calls);
criterion_main!(benches);
