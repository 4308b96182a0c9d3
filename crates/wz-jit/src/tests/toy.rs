//! A toy instruction set, whose instructions the evaluator performs: with four and three registers,
//! it shows whether lowering, register allocation and emission keep programs what they are. It
//! folds a load into an operator, and a comparison into a branch.

mod isa;
mod run;

use wz_decode::info::ExportItem;

use crate::Context;
use crate::eval::{Machine, Stop};
use crate::mach::{Allocator, Lowering, MachineFunction, Metadata, emit};
use crate::options::{Options, Passes};

use super::oracle::{arguments, decoded};
pub(super) use isa::{Toy, ToyAssembler, ToyCode};

/// Compiles a function for the toy, runs it, and has the evaluator run it: they have to agree.
/// How many calls were compared.
fn check(wasm: &[u8], options: Options, seed: u64) -> usize {
    let info = decoded(wasm);
    let machine = || Machine::new(&info, Options { passes: Passes::NONE, ..options }, 100_000);
    let (Ok(mut ours), Ok(mut theirs)) = (machine(), machine()) else { return 0 };
    let isa = Toy;
    let (mut context, mut allocator) = (Context::default(), Allocator::default());
    let (mut lowering, mut code) = (Lowering::default(), MachineFunction::default());
    let mut metadata = Metadata::default();
    let mut calls = 0;
    for export in &info.exports {
        let ExportItem::Function(function) = export.item else { continue };
        context.compile(&info, function, &options).expect("a simple function");
        let f = &context.function;
        let frame = lowering.run(&isa, f, &mut code);
        let output = allocator.run(&code, isa::env(), true);
        let mut assembler = ToyAssembler::default();
        emit(&isa, f, &mut code, output, frame, &mut assembler, &mut metadata);
        check_metadata(&metadata, &assembler);
        let ty = info.function_type(function);
        for call in 0..2 {
            let args = arguments(ty.params(), call, seed);
            let found = run::run(&mut ours, f, &assembler, &args);
            let expected = theirs.call(function, &args);
            if let (Err(Stop::Limit(_)), _) | (_, Err(Stop::Limit(_))) = (&found, &expected) {
                return calls;
            }
            assert_eq!(found, expected, "{:?}({args:x?}) with {options:?}", export.name);
            calls += 1;
        }
    }
    assert!(ours.memories == theirs.memories, "memories with {options:?}");
    assert_eq!(ours.globals, theirs.globals, "globals with {options:?}");
    calls
}

fn check_metadata(metadata: &Metadata, assembler: &ToyAssembler) {
    assert!(metadata.operators.is_sorted_by_key(|(at, _)| *at));
    assert!(metadata.calls.is_sorted() && metadata.traps.is_sorted_by_key(|(at, _)| *at));
    assert_eq!(metadata.len_bytes as usize, assembler.code.len());
}

#[test]
fn smith_modules() {
    let calls = run_seeds(0..60);
    assert!(calls > 100, "only {calls} calls were compared");
}

/// More of the same, as in the tests of SSA.
#[test]
#[ignore = "minutes"]
fn many_seeds() {
    eprintln!("{} calls agreed", run_seeds(1_000..6_000));
}

fn run_seeds(seeds: std::ops::Range<u64>) -> usize {
    let mut calls = 0;
    for seed in seeds {
        let Some(wasm) = super::smith::module(seed) else { continue };
        let passes = if seed % 3 == 0 { Passes::NONE } else { Passes::ALL };
        let result =
            std::panic::catch_unwind(|| check(&wasm, Options { passes, ..Options::default() }, seed));
        calls += result.unwrap_or_else(|panic| {
            eprintln!("seed {seed}");
            std::panic::resume_unwind(panic)
        });
    }
    calls
}

/// Many values at once, in registers of both kinds, over a loop and a call.
#[test]
fn spills() {
    let text = "(module
        (memory (export \"memory\") 1)
        (func $callee (export \"callee\") (param i32 f64) (result f64 i32) (local.get 1) (local.get 0))
        (func (export \"f\") (param i32 i64 f32 f64 i32 i64 f32 f64) (result i32 f64 i64) (local i32 i64 f64 v128 i32 f64)
            (local.set 8 (i32.const 9))
            (local.set 11 (v128.load (i32.const 16)))
            (loop $next
                (local.set 9 (i64.add (i64.mul (local.get 1) (local.get 5)) (i64.extend_i32_u (local.get 8))))
                (local.set 10 (f64.add (f64.mul (local.get 3) (local.get 7)) (f64.promote_f32 (local.get 2))))
                (call $callee (i32.add (local.get 8) (local.get 4)) (local.get 10))
                (local.set 12)
                (local.set 13)
                (i32.store (i32.const 4) (i32.add (local.get 12) (i32.load (i32.const 4))))
                (f64.store (i32.const 8) (local.get 13))
                (v128.store (i32.const 32) (i8x16.add (local.get 11) (v128.load (i32.const 32))))
                (i64.store (i32.const 64) (i64.add (local.get 9) (i64.load (i32.const 64))))
                (br_if $next (local.tee 8 (i32.sub (local.get 8) (i32.const 1)))))
            (i32.add (local.get 0) (local.get 8))
            (f64.add (local.get 10) (f64.promote_f32 (local.get 6)))
            (i64.xor (local.get 9) (local.get 5))))";
    assert_eq!(check(&wat::parse_str(text).expect("a module"), Options::default(), 5), 4);
}

/// Loops that lead nowhere, and blocks without code.
#[test]
fn empty_blocks() {
    let text = "(module
        (func (export \"f\") (param i32) (result i32)
            (block $out (loop $forever (br_if $out (local.get 0)) (unreachable)))
            (block $a (block $b (block $c (br_table $a $b $c $a (local.get 0))) (br $b)) (br $a))
            (if (local.get 0) (then) (else))
            (local.get 0))
        (func (export \"swap\") (param i32 i32 i32) (result i32 i32)
            (local i32)
            (loop $next
                (local.set 3 (local.get 1))
                (local.set 1 (local.get 2))
                (local.set 2 (local.get 3))
                (br_if $next (local.tee 0 (i32.and (i32.sub (local.get 0) (i32.const 1)) (i32.const 7)))))
            (local.get 1) (local.get 2)))";
    assert_eq!(check(&wat::parse_str(text).expect("a module"), Options::default(), 5), 4);
}

/// Loads that may be folded into their users, and loads that may not: a store, a call or a trap is
/// in between, or there is another user.
#[test]
fn folded_loads() {
    let text = "(module
        (memory (export \"memory\") 1)
        (func $poke (export \"poke\") (i32.store (i32.const 8) (i32.const 77)))
        (func (export \"near\") (param i32) (result i32)
            (i32.add (local.get 0) (i32.load (i32.const 8))))
        (func (export \"store_between\") (param i32) (result i32) (local i32)
            (local.set 1 (i32.load (i32.const 8)))
            (i32.store (i32.const 8) (local.get 0))
            (i32.add (local.get 0) (local.get 1)))
        (func (export \"call_between\") (param i32) (result i32) (local i32)
            (local.set 1 (i32.load (i32.const 8)))
            (call $poke)
            (i32.sub (local.get 0) (local.get 1)))
        (func (export \"trap_between\") (param i32) (result i32) (local i32 i32)
            (local.set 1 (i32.load offset=65534 (local.get 0)))
            (local.set 2 (i32.div_u (i32.const 1) (local.get 0)))
            (i32.add (i32.xor (local.get 2) (local.get 0)) (local.get 1)))
        (func (export \"used_twice\") (param i32) (result i32) (local i32)
            (local.set 1 (i32.load (i32.const 8)))
            (i32.store (i32.const 12) (i32.add (local.get 0) (local.get 1)))
            (i32.sub (local.get 0) (local.get 1)))
        (func (export \"another_block\") (param i32) (result i32) (local i32)
            (local.set 1 (i32.load (i32.const 8)))
            (if (local.get 0) (then (i32.store (i32.const 8) (i32.const 5))))
            (i32.add (local.get 0) (local.get 1))))";
    let wasm = wat::parse_str(text).expect("a module");
    for seed in 0..8 {
        assert_eq!(check(&wasm, Options::default(), seed), 14);
    }
}
