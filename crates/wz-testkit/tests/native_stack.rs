//! The interpreter's dispatch takes nothing of the native stack: every operator in a loop, on a
//! thread whose stack would not last for that many calls. A handler that calls the next one instead
//! of jumping to it, which only optimized builds can have, overflows here.

use std::fmt::Write as _;

use wz_api::ValueType;
use wz_decode::ops::{
    BinaryOp, ExtractLaneOp, LoadLaneOp, LoadOp, ReplaceLaneOp, StoreLaneOp, StoreOp, TernaryOp, UnaryOp,
};
use wz_testkit::engines::for_each_engine;
use wz_testkit::fixture::Fixture;

/// How often a loop runs. The smallest frame of a handler that calls has 64 bytes.
const TIMES: u32 = 20_000;
const STACK_BYTES: usize = 512 << 10;

/// A local of the type, of which each function has three.
fn local(ty: ValueType, number: usize) -> String {
    let kind = match ty {
        ValueType::I32 => 0,
        ValueType::I64 => 1,
        ValueType::F32 => 2,
        ValueType::F64 => 3,
        _ => 4,
    };
    format!("(local.get {})", 3 * kind + number)
}

/// Sets the third local of the type.
fn keep(ty: ValueType, value: &str) -> String {
    local(ty, 2).replace("local.get", "local.set").replace(')', &format!(" {value})"))
}

fn loop_around(text: &mut String, body: &str) {
    let number = text.matches("(func (export").count();
    write!(
        text,
        r#"(func (export "{number}") (local i32 i32 i32 i64 i64 i64 f32 f32 f32 f64 f64 f64 v128 v128 v128) (local $n i32)
        (local.set 0 (i32.const 1)) (local.set 1 (i32.const 1)) (local.set 3 (i64.const 1)) (local.set 4 (i64.const 1))
        (loop $again {body}
            (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const {TIMES})))))
        "#
    )
    .expect("written");
}

fn operators(text: &mut String) {
    let mut computed = |op: &str, params: &[ValueType], result: ValueType| {
        let args: String = params.iter().enumerate().map(|(number, ty)| local(*ty, number % 2)).collect();
        let mut body = keep(result, &format!("({op} {args})"));
        body +=
            &keep(result, &format!("({op} {})", args.replace("(local.get 0)", "(i32.load (i32.const 8))")));
        loop_around(text, &body);
    };
    for op in UnaryOp::ALL {
        computed(op.name(), op.params(), op.result());
    }
    for op in BinaryOp::ALL {
        computed(op.name(), op.params(), op.result());
    }
    for op in TernaryOp::ALL {
        computed(op.name(), op.params(), op.result());
    }
    for op in ExtractLaneOp::ALL {
        computed(&format!("{op} 1"), op.params(), op.result());
    }
    for op in ReplaceLaneOp::ALL {
        computed(&format!("{op} 1"), op.params(), op.result());
    }
    computed("i8x16.shuffle 0 1 2 3 17 5 6 7 8 19 10 11 12 31 14 15", &[ValueType::V128; 2], ValueType::V128);
}

fn accesses(text: &mut String) {
    let address = "(local.get 0)";
    for memory in ["", "1"] {
        for op in LoadOp::ALL {
            loop_around(text, &keep(op.result(), &format!("({op} {memory} offset=8 {address})")));
        }
        for op in StoreOp::ALL {
            loop_around(text, &format!("({op} {memory} offset=8 {address} {})", local(op.value(), 0)));
        }
        for op in LoadLaneOp::ALL {
            let load = format!("({op} {memory} offset=8 1 {address} {})", local(ValueType::V128, 0));
            loop_around(text, &keep(ValueType::V128, &load));
        }
        for op in StoreLaneOp::ALL {
            let vector = local(ValueType::V128, 0);
            loop_around(text, &format!("({op} {memory} offset=8 1 {address} {vector})"));
        }
        for body in [
            format!("(memory.fill {memory} {address} {address} (i32.const 9))"),
            format!("(memory.copy {memory} {memory} {address} (i32.const 64) (i32.const 9))"),
            format!("(memory.init {memory} $data {address} (i32.const 0) (i32.const 2))"),
            format!("(local.set 2 (memory.size {memory}))"),
            format!("(local.set 2 (memory.grow {memory} (i32.const 0)))"),
        ] {
            loop_around(text, &body);
        }
    }
}

fn the_rest(text: &mut String) {
    for body in [
        "(global.set $i (i32.add (global.get $i) (local.get 0)))",
        "(global.set $v (v128.not (global.get $v)))",
        "(global.set $d (f64.neg (global.get $d)))",
        "(local.set 2 (select (local.get 0) (local.get 1) (local.get $n)))",
        "(local.set 14 (select (local.get 12) (local.get 13) (i64.eqz (local.get 3))))",
        "(block $a (block $b (block $c (br_table $a $b $c (local.get $n))) (br $a)))",
        "(if (i32.and (local.get $n) (i32.const 1)) (then (local.set 2 (local.get 0))) (else (local.set 2 (local.get 1))))",
        "(local.set 2 (call $one (local.get 0)))",
        "(local.set 2 (call_indirect (type $one) (local.get 0) (i32.const 1)))",
        "(local.set 2 (call $tail (local.get 0)))",
        "(table.set (i32.const 2) (table.get (local.get 0)))",
        "(local.set 2 (table.size)) (local.set 2 (table.grow (ref.null func) (i32.const 0)))",
        "(table.fill (i32.const 2) (ref.func $one) (i32.const 2))",
        "(table.copy (i32.const 2) (local.get 0) (i32.const 1))",
        "(table.init $funcs (i32.const 2) (i32.const 0) (i32.const 1))",
        "(local.set 2 (ref.is_null (table.get (local.get 0))))",
        "(local.set 2 (call $host (local.get 0)))",
    ] {
        loop_around(text, body);
    }
}

#[test]
fn operators_take_nothing_of_the_native_stack() {
    let mut text = String::from(
        r#"(module (type $one (func (param i32) (result i32)))
        (import "env" "host" (func $host (param i32) (result i32)))
        (memory 1) (memory 1) (table 8 funcref) (elem (i32.const 1) func $one) (elem $funcs func $one)
        (data $data "\01\02") (data (i32.const 8) "\01")
        (global $i (mut i32) (i32.const 0)) (global $d (mut f64) (f64.const 1)) (global $v (mut v128) (v128.const i64x2 0 0))
        "#,
    );
    operators(&mut text);
    accesses(&mut text);
    the_rest(&mut text);
    let functions = text.matches("(func (export").count();
    text +=
        "(func $one (type $one) (local.get 0)) (func $tail (type $one) (return_call $one (local.get 0))))";
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let host = fixture.runtime.host_module_builder("env");
        host.function("host", |value: i32| value).instantiate().expect("a host module");
        let module = fixture.module(&text);
        std::thread::scope(|scope| {
            let calls = || {
                for number in 0..functions {
                    let function = module.exported_function(&number.to_string()).expect("an export");
                    function.call(&[]).unwrap_or_else(|error| panic!("{number}: {error}"));
                }
            };
            let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
            thread.spawn_scoped(scope, calls).expect("a thread").join().expect("no panic");
        });
    });
}
