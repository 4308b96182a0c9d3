//! Traps: their kinds, where they happen, how their stack traces look, and that instances are
//! usable afterwards. On every engine.

use wz::{RuntimeConfig, Trap, Value};
use wz_testkit::engines::for_each_engine;
use wz_testkit::fixture::{Fixture, binary, call, call_error, code_offset};

/// A module whose export `run` calls a function with this body, which traps.
fn text(body: &str) -> String {
    format!(
        r#"(module $m
            (memory 1 1) (memory $wide i64 1 1) (data $passive "abc")
            (table $t 4 4 funcref) (table $values 2 2 externref) (elem (i32.const 1) $other) (elem $e func $other)
            (type $void (func))
            (func $inner {body})
            (func $other (param i64))
            (func (export "run") (call $inner)))"#
    )
}

fn check(body: &str, operator: &str, trap: Trap) {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let text = text(body);
        let module = fixture.module(&text);
        let bytes = binary(&text);
        for _ in 0..2 {
            let error = call_error(&module, "run", &[]);
            assert_eq!(error.trap(), Some(trap), "{body}: {error}");
            let frames: Vec<_> = error
                .backtrace()
                .expect("a backtrace")
                .frames()
                .iter()
                .map(|frame| (frame.definition.debug_name().to_owned(), frame.code_offset))
                .collect();
            let inner = code_offset(&bytes, 0, operator, 0);
            let outer = code_offset(&bytes, 2, "Call", 0);
            assert_eq!(frames, [("m.inner".into(), Some(inner)), ("m.$2".into(), Some(outer))], "{body}");
        }
    });
}

#[test]
fn unreachable() {
    check("unreachable", "Unreachable", Trap::Unreachable);
    check("(if (i32.const 1) (then (block nop unreachable)))", "Unreachable", Trap::Unreachable);
}

#[test]
fn divisions() {
    for ty in ["i32", "i64"] {
        let upper = ty.to_uppercase();
        for (name, operator) in [("div_s", "DivS"), ("div_u", "DivU"), ("rem_s", "RemS"), ("rem_u", "RemU")] {
            let body = format!("(local $zero {ty}) (drop ({ty}.{name} ({ty}.const 7) (local.get $zero)))");
            check(&body, &format!("{upper}{operator}"), Trap::IntegerDivideByZero);
            let body = format!("(drop ({ty}.{name} ({ty}.const 7) ({ty}.const 0)))");
            check(&body, &format!("{upper}{operator}"), Trap::IntegerDivideByZero);
        }
        let bits = if ty == "i32" { 31 } else { 63 };
        let body =
            format!("(drop ({ty}.div_s ({ty}.shl ({ty}.const 1) ({ty}.const {bits})) ({ty}.const -1)))");
        check(&body, &format!("{upper}DivS"), Trap::IntegerOverflow);
    }
}

#[test]
fn conversions() {
    for (name, operator) in [("i32.trunc_f32_s", "I32TruncF32S"), ("i64.trunc_f32_u", "I64TruncF32U")] {
        check(&format!("(drop ({name} (f32.const nan)))"), operator, Trap::InvalidConversionToInteger);
        check(&format!("(drop ({name} (f32.const 1e30)))"), operator, Trap::IntegerOverflow);
    }
    for (name, operator) in [("i32.trunc_f64_u", "I32TruncF64U"), ("i64.trunc_f64_s", "I64TruncF64S")] {
        check(&format!("(drop ({name} (f64.const nan)))"), operator, Trap::InvalidConversionToInteger);
        check(&format!("(drop ({name} (f64.const -1e30)))"), operator, Trap::IntegerOverflow);
    }
}

#[test]
fn memory_accesses() {
    let trap = Trap::OutOfBoundsMemoryAccess;
    for (body, operator) in [
        ("(drop (i32.load (i32.const 65533)))", "I32Load"),
        ("(drop (i32.load offset=65533 (i32.const 0)))", "I32Load"),
        ("(drop (i64.load32_u offset=4294967295 (i32.const -1)))", "I64Load32U"),
        ("(drop (i32.load8_s (i32.const -1)))", "I32Load8S"),
        ("(drop (f64.load (i32.const 65529)))", "F64Load"),
        ("(drop (v128.load (i32.const 65521)))", "V128Load"),
        ("(drop (v128.load8_lane 15 (i32.const 65536) (v128.const i64x2 0 0)))", "V128Load8Lane"),
        ("(i64.store8 (i32.const 65536) (i64.const 1))", "I64Store8"),
        ("(v128.store (i32.const 65521) (v128.const i64x2 0 0))", "V128Store"),
        ("(i32.store $wide (i64.const 65533) (i32.const 1))", "I32Store"),
        ("(drop (i64.load $wide (i64.const -8)))", "I64Load"),
        ("(drop (i32.load8_u $wide offset=0xffffffffffffffff (i64.const 1)))", "I32Load8U"),
        ("(memory.fill (i32.const 65000) (i32.const 1) (i32.const 537))", "MemoryFill"),
        ("(memory.copy (i32.const 0) (i32.const 65535) (i32.const 2))", "MemoryCopy"),
        ("(memory.copy $wide 0 (i64.const -1) (i32.const 0) (i32.const 1))", "MemoryCopy"),
        ("(memory.init $passive (i32.const 0) (i32.const 1) (i32.const 3))", "MemoryInit"),
    ] {
        check(body, operator, trap);
    }
}

#[test]
fn table_accesses() {
    let trap = Trap::InvalidTableAccess;
    for (body, operator) in [
        ("(drop (table.get $t (i32.const 4)))", "TableGet"),
        ("(table.set $values (i32.const -1) (ref.null extern))", "TableSet"),
        ("(table.fill $t (i32.const 3) (ref.null func) (i32.const 2))", "TableFill"),
        ("(table.copy $t $t (i32.const 3) (i32.const 0) (i32.const 2))", "TableCopy"),
        ("(table.init $t $e (i32.const 0) (i32.const 0) (i32.const 2))", "TableInit"),
        ("(call_indirect (type $void) (i32.const 4))", "CallIndirect"),
        ("(call_indirect (type $void) (i32.const 0))", "CallIndirect"),
    ] {
        check(body, operator, trap);
    }
    check("(call_indirect (type $void) (i32.const 1))", "CallIndirect", Trap::IndirectCallTypeMismatch);
}

#[test]
fn bulk_operators_write_nothing_when_out_of_bounds() {
    for_each_engine(|engine| {
        let module = Fixture::new((engine.config)()).module(
            r#"(module (memory (export "m") 1) (data $d "abc")
                (func (export "fill") (memory.fill (i32.const 65530) (i32.const 1) (i32.const 7)))
                (func (export "copy") (memory.copy (i32.const 65530) (i32.const 0) (i32.const 7)))
                (func (export "init") (memory.init $d (i32.const 65534) (i32.const 0) (i32.const 3))))"#,
        );
        let memory = module.exported_memory("m").unwrap();
        memory.fill(0_u32, 100_u32, 9).unwrap();
        for name in ["fill", "copy", "init"] {
            assert_eq!(call_error(&module, name, &[]).trap(), Some(Trap::OutOfBoundsMemoryAccess));
            assert_eq!(memory.read_vec(65_000_u32, 536_u32), Some(vec![0; 536]), "{name}");
        }
    });
}

#[test]
fn texts_are_wazeros() {
    for_each_engine(|engine| {
        let text = r#"(module $m
            (func $a (param i32) (result i32 i64) unreachable)
            (func $b (export "b") (call $a (i32.const 1)) drop drop))"#;
        let error = call_error(&Fixture::new((engine.config)()).module(text), "b", &[]);
        let bytes = binary(text);
        let expected = format!(
            "wasm error: unreachable\nwasm stack trace:\n\tm.a(i32) (i32,i64)\n\t\t{:#x}\n\tm.b()\n\t\t{:#x}",
            code_offset(&bytes, 0, "Unreachable", 0),
            code_offset(&bytes, 1, "Call", 0)
        );
        assert_eq!(error.to_string(), expected);
    });
}

#[test]
fn traces_go_through_imports_and_tables_and_tail_calls() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let _first = fixture.named(
            "first",
            r#"(module $first (func $down (export "down") (param i32) (result i32)
                (i32.div_u (i32.const 1) (local.get 0))))"#,
        );
        let second = fixture.module(
            r#"(module $second
                (import "first" "down" (func $down (param i32) (result i32)))
                (table funcref (elem $down $tail))
                (func $tail (param i32) (result i32) (return_call $down (local.get 0)))
                (func $indirect (param i32) (result i32)
                    (call_indirect (param i32) (result i32) (local.get 0) (local.get 0)))
                (func $both (export "both") (param i32) (result i32)
                    (call_indirect (param i32) (result i32) (i32.const 0) (i32.const 1))
                    (call $indirect (local.get 0)) i32.add))"#,
        );
        let names = |error: &wz::Error| -> Vec<String> {
            let frames = error.backtrace().unwrap().frames();
            frames.iter().map(|frame| frame.definition.debug_name().to_owned()).collect()
        };
        // The frame of the tail call is gone.
        let error = call_error(&second, "both", &[Value::I32(0)]);
        assert_eq!(names(&error), ["first.down", "second.both"]);
    });
}

#[test]
fn deep_recursion_overflows_as_a_trap_and_can_be_repeated() {
    for_each_engine(|engine| {
        let module = Fixture::new((engine.config)()).module(
            r#"(module (global $depth (export "depth") (mut i32) (i32.const 0))
                (func $down (export "down") (global.set $depth (i32.add (global.get $depth) (i32.const 1))) (call $down))
                (func $wide (export "wide") (param i64 i64 i64 i64) (result i64)
                    (local i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 v128 v128 v128 v128)
                    (i64.add (call $wide (local.get 0) (local.get 1) (local.get 2) (local.get 3)) (local.get 0)))
                (func (export "fine") (result i32) (i32.const 1)))"#,
        );
        for _ in 0..3 {
            let error = call_error(&module, "down", &[]);
            assert_eq!(error.trap(), Some(Trap::StackOverflow));
            let depth = error.backtrace().unwrap().frames().len();
            assert!(depth > 1_000, "the trace has every frame, not {depth}");
        }
        let wide = [0_i64; 4].map(Value::I64);
        assert_eq!(call_error(&module, "wide", &wide).trap(), Some(Trap::StackOverflow));
        assert!(matches!(call(&module, "fine", &[]).unwrap()[..], [Value::I32(1)]));
    });
}

#[test]
fn the_stack_is_as_large_as_configured() {
    for_each_engine(|engine| {
        let depth = |config: RuntimeConfig| {
            let module = Fixture::new(config).module(
                r#"(module (global $depth (export "depth") (mut i32) (i32.const 0))
                    (func $down (export "down")
                        (global.set $depth (i32.add (global.get $depth) (i32.const 1))) (call $down)))"#,
            );
            assert_eq!(call_error(&module, "down", &[]).trap(), Some(Trap::StackOverflow));
            module.exported_global("depth").unwrap().get_word()
        };
        let small = depth((engine.config)().with_max_stack_bytes(64 << 10));
        let large = depth((engine.config)().with_max_stack_bytes(4 << 20));
        assert!(small > 100 && large > small * 16, "{small} and {large}");
    });
}

#[test]
fn traps_in_start_functions_say_so() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let error = fixture.try_module("(module $m (start $s) (func $s unreachable))").unwrap_err();
        assert_eq!(error.trap(), Some(Trap::Unreachable));
        assert!(
            error.to_string().starts_with("start function[m.s] failed: wasm error: unreachable"),
            "{error}"
        );
        let compiled = fixture.compile(r#"(module (func (export "_start") unreachable))"#);
        let config = wz::ModuleConfig::new().with_name("x");
        let error = fixture.runtime.instantiate_module(&compiled, config).unwrap_err();
        assert!(
            error.to_string().starts_with("module[x] function[_start] failed: wasm error: unreachable"),
            "{error}"
        );
        assert!(fixture.runtime.module("x").is_none(), "it does not stay behind");
    });
}

/// Code that cannot be reached, of every shape that translators get wrong, does not run.
#[test]
fn unreachable_code_is_not_run() {
    for_each_engine(|engine| {
        let module = Fixture::new((engine.config)()).module(
            r#"(module
                (func (export "a") (result i32) (return (i32.const 1)) (i32.div_u (i32.const 1) (i32.const 0)))
                (func (export "b") (result i32) (block (result i32) (br 0 (i32.const 2)) unreachable))
                (func (export "c") (result i32)
                    (loop (result i32) (if (i32.const 1) (then (return (i32.const 3)) (br 1))) (i32.const 4)))
                (func (export "d") (result i32) (block (br_table 0 0 (i32.const 9)) unreachable) (i32.const 5))
                (func (export "e") (result i32) (block $b (br $b) (drop (i32.add))) (i32.const 6)))"#,
        );
        for (name, expected) in [("a", 1), ("b", 2), ("c", 3), ("d", 5), ("e", 6)] {
            let results = call(&module, name, &[]).unwrap();
            assert!(matches!(results[..], [Value::I32(value)] if value == expected), "{name}: {results:?}");
        }
    });
}
