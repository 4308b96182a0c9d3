//! How fast modules are decoded and validated, and how fast the walker is by itself, in bytes of
//! module per second. The module is generated: code as a compiler of C makes it. A file of your
//! own is measured too: `WZ_BENCH_MODULE=some.wasm cargo bench -p wz-decode`.

#[path = "support/null.rs"]
mod null;

use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use null::Null;
use wasm_encoder::{
    BlockType, CodeSection, Function, FunctionSection, Instruction as I, MemArg, MemArgTarget, MemorySection,
    MemoryType, Module, TypeSection, ValType,
};
use wz_decode::{DecodeOptions, ModuleInfo, WalkOptions, decode, walk};

/// A module of about 8 MB: functions with locals, loops, branches, loads, stores and calls.
fn generated() -> Arc<[u8]> {
    const FUNCTIONS: u32 = 20_000;
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32, ValType::I32], [ValType::I32]);
    let mut functions = FunctionSection::new();
    let mut code = CodeSection::new();
    for index in 0..FUNCTIONS {
        functions.function(0);
        let mut function = Function::new([(6, ValType::I32), (2, ValType::F64)]);
        // A little noise that is the same each time, so that branch predictors do not learn it.
        let mut state = index.wrapping_mul(0x9e37_79b9) | 1;
        for _ in 0..24 {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            statement(&mut function, state, index);
        }
        function.instruction(&I::LocalGet(2)).instruction(&I::End);
        code.function(&function);
    }
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&memories).section(&code);
    module.finish().into()
}

fn statement(function: &mut Function, random: u32, index: u32) {
    let local = random >> 8 & 7;
    let other = random >> 11 & 7;
    let at = |offset: u32| {
        let target = MemArgTarget::Memory(0);
        MemArg { offset: u64::from(offset % 4096), align: 0, target, ordering: None }
    };
    let mut emit = |instructions: &[I<'_>]| {
        for instruction in instructions {
            function.instruction(instruction);
        }
    };
    match random % 6 {
        0 => emit(&[
            I::LocalGet(local),
            I::LocalGet(other),
            I::I32Const(random as i32 >> 16),
            I::I32Add,
            I::I32Load(at(random >> 5)),
            I::I32Xor,
            I::LocalSet(other),
        ]),
        1 => emit(&[
            I::LocalGet(local),
            I::LocalGet(other),
            I::I32Const(3),
            I::I32Shl,
            I::I32Add,
            I::LocalTee(other),
            I::LocalGet(local),
            I::I32Store(at(random >> 7)),
        ]),
        2 => emit(&[
            I::Block(BlockType::Empty),
            I::LocalGet(local),
            I::I32Const(random as i32 >> 12),
            I::I32LtS,
            I::BrIf(0),
            I::LocalGet(local),
            I::LocalGet(other),
            I::Call(random % (index + 1)),
            I::LocalSet(2),
            I::End,
        ]),
        3 => emit(&[
            I::Loop(BlockType::Empty),
            I::LocalGet(other),
            I::I32Const(1),
            I::I32Sub,
            I::LocalTee(other),
            I::BrIf(0),
            I::End,
        ]),
        4 => emit(&[
            I::LocalGet(local),
            I::I32Eqz,
            I::If(BlockType::Result(ValType::I32)),
            I::LocalGet(other),
            I::I32Load8U(at(random >> 9)),
            I::Else,
            I::I32Const(-1),
            I::End,
            I::LocalSet(local),
        ]),
        _ => emit(&[
            I::LocalGet(8),
            I::LocalGet(9),
            I::F64Mul,
            I::LocalGet(local),
            I::F64ConvertI32S,
            I::F64Add,
            I::LocalSet(8),
        ]),
    }
}

fn walk_all(info: &ModuleInfo, fuel: bool) -> Null {
    let mut null = Null::default();
    for position in 0..info.bodies.len() as u32 {
        walk(info, info.imported.functions + position, &WalkOptions { fuel }, &mut null);
    }
    null
}

fn benches(criterion: &mut Criterion) {
    let mut modules = vec![("generated".to_owned(), generated())];
    if let Ok(path) = std::env::var("WZ_BENCH_MODULE") {
        let bytes = std::fs::read(&path).expect("the file that WZ_BENCH_MODULE names");
        modules.push((path, bytes.into()));
    }
    for (name, bytes) in modules {
        let mut group = criterion.benchmark_group(&name);
        group.sample_size(20).throughput(Throughput::Bytes(bytes.len() as u64));
        for threads in [1, 0] {
            let options = DecodeOptions { threads, ..DecodeOptions::default() };
            let what = if threads == 1 { "decode/1 thread" } else { "decode/all threads" };
            group.bench_function(what, |bencher| {
                bencher.iter(|| decode(Arc::clone(&bytes), &options).expect("a valid module"));
            });
        }
        let info = decode(Arc::clone(&bytes), &DecodeOptions::default()).expect("a valid module");
        group.bench_function("walk", |bencher| bencher.iter(|| walk_all(&info, false)));
        group.bench_function("walk/fuel", |bencher| bencher.iter(|| walk_all(&info, true)));
    }
}

criterion_group!(all, benches);
criterion_main!(all);
