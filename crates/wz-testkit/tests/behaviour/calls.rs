//! Calls from the host and of the host: arity and types, every value type in any number,
//! references, typed and untyped, nesting. On every engine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use wz::{Caller, ErrorKind, ExternRef, FunctionType, HostModule, Trap, V128, Value, ValueType};
use wz_testkit::engines::for_each_engine;
use wz_testkit::fixture::{Fixture, call, call_error};
use wz_testkit::random::Random;

#[test]
fn wrong_arguments_are_errors() {
    for_each_engine(|engine| {
        let module = Fixture::new((engine.config)())
            .module(r#"(module (func (export "f") (param i32 v128) (result i64) (i64.const 1)))"#);
        let function = module.exported_function("f").unwrap();
        let check = |result: wz::Result<()>, text: &str| {
            let error = result.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Argument(_)), "{error:?}");
            assert_eq!(error.to_string(), text);
        };
        check(function.call(&[1, 2]).map(drop), "expected 3 params, but passed 2");
        check(function.call(&[1, 2, 3, 4]).map(drop), "expected 3 params, but passed 4");
        check(function.call_with_stack(&mut [0; 2]), "need 3 params, but stack size is 2");
        check(function.call_values(&[Value::I32(1)]).map(drop), "expected 2 params, but passed 1");
        let wrong = [Value::I64(1), Value::V128(V128(1))];
        check(function.call_values(&wrong).map(drop), "param 0: expected i32, but passed i64");
        let error = function.typed::<(i32, V128), i32>().unwrap_err();
        assert!(error.to_string().ends_with("signature mismatch: i32v128_i32 != i32v128_i64"), "{error}");
        assert_eq!(function.call(&[1, 2, 3]).unwrap(), [1]);
        let mut stack = [1, 2, 3, 77];
        function.call_with_stack(&mut stack).unwrap();
        assert_eq!((stack[0], stack[3]), (1, 77));
        assert!(module.exported_function("g").is_none());
        let error = module.try_exported_function("g").unwrap_err();
        assert_eq!(error.to_string(), "\"g\" is not exported in module \"\"");
    });
}

const TYPES: [ValueType; 7] = [
    ValueType::I32,
    ValueType::I64,
    ValueType::F32,
    ValueType::F64,
    ValueType::V128,
    ValueType::FuncRef,
    ValueType::ExternRef,
];

fn random_value(ty: ValueType, random: &mut Random) -> Value {
    match ty {
        ValueType::I32 => Value::I32(random.word() as i32),
        ValueType::I64 => Value::I64(random.word() as i64),
        ValueType::F32 => Value::F32(f32::from_bits(random.word() as u32)),
        ValueType::F64 => Value::F64(f64::from_bits(random.word())),
        ValueType::V128 => Value::V128(V128(u128::from(random.word()) << 64 | u128::from(random.word()))),
        _ => Value::ExternRef(Some(ExternRef::new(random.word()))),
    }
}

/// Bits, so that NaNs are equal to themselves, and the host value behind a reference.
fn shown(value: &Value) -> String {
    match value {
        Value::F32(value) => format!("f32 {:#x}", value.to_bits()),
        Value::F64(value) => format!("f64 {:#x}", value.to_bits()),
        Value::ExternRef(Some(value)) => format!("extern {:?}", value.downcast_ref::<u64>()),
        other => format!("{other:?}"),
    }
}

/// Parameters go to the guest, to the host and back as results, in the opposite order.
fn check_reversal(count: usize, types: &[ValueType]) {
    for_each_engine(|engine| {
        let params: Vec<_> = types.iter().copied().cycle().take(count).collect();
        let results: Vec<_> = params.iter().rev().copied().collect();
        let names = |types: &[ValueType]| types.iter().map(|ty| ty.name()).collect::<Vec<_>>().join(" ");
        let fixture = Fixture::new((engine.config)());
        let ty = FunctionType::new(params.clone(), results.clone());
        let inner = params.clone();
        fixture.host(&HostModule::new("host").with_function_raw("reverse", ty, move |_, slots| {
            let mut groups = Vec::new();
            let mut at = 0;
            for ty in &inner {
                groups.push(slots[at..at + ty.slots()].to_vec());
                at += ty.slots();
            }
            let reversed: Vec<u64> = groups.into_iter().rev().flatten().collect();
            slots[..reversed.len()].copy_from_slice(&reversed);
            Ok(())
        }));
        let gets: String = (0..count).map(|index| format!("local.get {index} ")).collect();
        let (params_text, results_text) = (names(&params), names(&results));
        let module = fixture.module(&format!(
            r#"(module
                (type $t (func (param {params_text}) (result {results_text})))
                (import "host" "reverse" (func $reverse (type $t)))
                (func $inner (type $t) {gets} call $reverse)
                (func (export "direct") (type $t) {gets} call $inner)
                (func (export "indirect") (type $t) {gets} i32.const 0 call_indirect (type $t))
                (func (export "tail") (type $t) {gets} return_call $inner)
                (table funcref (elem $inner)))"#
        ));
        let mut random = Random::new(count as u64);
        let arguments: Vec<_> = params.iter().map(|ty| random_value(*ty, &mut random)).collect();
        let expected: Vec<_> = arguments.iter().rev().map(shown).collect();
        for name in ["direct", "indirect", "tail"] {
            let results: Vec<_> = call(&module, name, &arguments).unwrap().iter().map(shown).collect();
            assert_eq!(results, expected, "{name} with {count} of {types:?}");
        }
    });
}

#[test]
fn any_number_of_parameters_and_results_of_every_type() {
    for count in [0, 1, 2, 3, 8, 9, 16, 17, 100] {
        check_reversal(
            count,
            &[ValueType::I32, ValueType::V128, ValueType::F32, ValueType::I64, ValueType::F64],
        );
    }
    for ty in TYPES.into_iter().filter(|ty| *ty != ValueType::FuncRef) {
        for count in [1, 5, 1_000] {
            check_reversal(count, &[ty]);
        }
    }
    check_reversal(1_000, &[ValueType::F64, ValueType::V128, ValueType::I32, ValueType::ExternRef]);
}

#[test]
fn typed_calls_and_closures_of_every_type() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        type All = (i32, u32, i64, u64, f32, f64, V128);
        fixture.host(&HostModule::new("host").with_function(
            "all",
            |a: i32, b: u32, c: i64, d: u64, e: f32, f: f64, g: V128| -> All {
                (a - 1, b + 1, c - 1, d + 1, e * 2.0, f / 2.0, V128(!g.0))
            },
        ));
        let module = fixture.module(
            r#"(module
                (type $t (func (param i32 i32 i64 i64 f32 f64 v128) (result i32 i32 i64 i64 f32 f64 v128)))
                (import "host" "all" (func $all (type $t)))
                (func (export "all") (type $t)
                    local.get 0 local.get 1 local.get 2 local.get 3 local.get 4 local.get 5 local.get 6
                    call $all))"#,
        );
        let function = module.typed_function::<All, All>("all").unwrap();
        let results =
            function.call((i32::MIN + 1, 3_000_000_000, -1, u64::MAX - 1, 1.5, 3.0, V128(1))).unwrap();
        assert_eq!(results, (i32::MIN, 3_000_000_001, -2, u64::MAX, 3.0, 1.5, V128(!1)));
    });
}

#[test]
fn references_make_the_round_trip() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        fixture.host(
            &HostModule::new("host")
                .with_function("pass", |function: Option<wz::Function>, value: Option<ExternRef>| {
                    (value, function)
                }),
        );
        let module = fixture.module(
            r#"(module
                (import "host" "pass" (func $pass (param funcref externref) (result externref funcref)))
                (global $g (mut externref) (ref.null extern))
                (table $t 1 funcref)
                (func $seven (export "seven") (result i32) (i32.const 7))
                (func (export "pass") (param funcref externref) (result externref funcref) (local funcref)
                    (call $pass (local.get 0) (local.get 1)) (local.set 2) (global.set $g)
                    (table.set $t (i32.const 0) (local.get 2))
                    (global.get $g) (table.get $t (i32.const 0)))
                (func (export "is_null") (param externref) (result i32) (ref.is_null (local.get 0)))
                (func (export "call") (result i32) (call_indirect (result i32) (i32.const 0))))"#,
        );
        let seven = module.exported_function("seven").unwrap();
        let value = ExternRef::new(String::from("host value"));
        let arguments = [Value::FuncRef(Some(seven.clone())), Value::ExternRef(Some(value.clone()))];
        let results = call(&module, "pass", &arguments).unwrap();
        let [Value::ExternRef(Some(given)), Value::FuncRef(Some(function))] = &results[..] else {
            panic!("{results:?}")
        };
        assert!(given.same(&value) && function.same(&seven));
        assert_eq!(given.downcast_ref::<String>().unwrap(), "host value");
        assert_eq!(function.call(&[]).unwrap(), [7]);
        assert!(matches!(call(&module, "call", &[]).unwrap()[..], [Value::I32(7)]));

        // Null differs from every host value, also from one that is zero.
        let nulls = [Value::FuncRef(None), Value::ExternRef(None)];
        let results = call(&module, "pass", &nulls).unwrap();
        assert!(matches!(results[..], [Value::ExternRef(None), Value::FuncRef(None)]), "{results:?}");
        for (value, expected) in [(None, 1), (Some(ExternRef::new(0_u64)), 0), (Some(ExternRef::new(())), 0)]
        {
            let results = call(&module, "is_null", &[Value::ExternRef(value)]).unwrap();
            assert!(matches!(results[..], [Value::I32(null)] if null == expected), "{results:?}");
        }
    });
}

#[test]
fn handles_of_another_runtime_are_errors() {
    for_each_engine(|engine| {
        let text = r#"(module (table (export "t") 1 funcref) (global (export "g") (mut funcref) (ref.null func))
            (func (export "f") (param funcref)))"#;
        let (here, there) = (Fixture::new((engine.config)()), Fixture::new((engine.config)()));
        let (here, there) = (here.module(text), there.module(text));
        let foreign = Value::FuncRef(there.exported_function("f"));
        let is_argument =
            |error: wz::Error| assert!(matches!(error.kind(), ErrorKind::Argument(_)), "{error}");
        is_argument(call_error(&here, "f", std::slice::from_ref(&foreign)));
        is_argument(here.exported_table("t").unwrap().set(0_u32, foreign.clone()).unwrap_err());
        is_argument(here.exported_table("t").unwrap().grow(1_u32, foreign.clone()).unwrap_err());
        is_argument(here.exported_global("g").unwrap().set(foreign).unwrap_err());
    });
}

#[test]
fn words_that_are_no_references_are_errors() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let ty = FunctionType::new([], [ValueType::ExternRef, ValueType::FuncRef]);
        fixture.host(&HostModule::new("host").with_function_raw("forge", ty, |_, slots| {
            slots[..2].copy_from_slice(&[0x1234_5678, 0x8765_4321]);
            Ok(())
        }));
        let module = fixture.module(
            r#"(module
                (import "host" "forge" (func $forge (result externref funcref)))
                (table 1 funcref)
                (func (export "in") (param funcref externref))
                (func $out (export "out") (local funcref)
                    (call $forge) (local.set 0) drop (table.set (i32.const 0) (local.get 0)))
                (func (export "run") (call $out) (call_indirect (i32.const 0))))"#,
        );
        assert!(module.exported_function("in").unwrap().call(&[0xdead_beef, 1 << 40]).is_err());
        for name in ["out", "run"] {
            let error = call_error(&module, name, &[]);
            assert!(error.trap().is_none(), "{error}");
        }
    });
}

#[test]
fn host_functions_see_the_caller() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        fixture.host(&HostModule::new("host").with_function(
            "inspect",
            |caller: &mut Caller<'_>, at: u32| -> i32 {
                let module = caller.module().expect("a guest calls");
                assert_eq!(module.name(), "guest");
                assert_eq!(
                    caller.extension::<AtomicU32>().map(|state| state.fetch_add(1, Ordering::SeqCst)),
                    Some(41)
                );
                let memory = caller.memory().expect("the guest's memory");
                assert!(memory.write_u8(at + 1, 9).is_some() && memory.write_u8(65_536_u32, 9).is_none());
                memory.read_u8(at).map_or(-1, i32::from)
            },
        ));
        let guest = fixture.configured(
            r#"(module
                (import "host" "inspect" (func $inspect (param i32) (result i32)))
                (memory 1) (data (i32.const 100) "\05\06")
                (func (export "run") (result i32)
                    (i32.add (call $inspect (i32.const 100)) (i32.load8_u (i32.const 101)))))"#,
            wz::ModuleConfig::new().with_name("guest").with(AtomicU32::new(41)),
        );
        assert!(matches!(call(&guest, "run", &[]).unwrap()[..], [Value::I32(14)]));
        assert_eq!(guest.extension::<AtomicU32>().unwrap().load(Ordering::SeqCst), 42);
    });
}

#[test]
fn errors_of_host_functions_come_back_as_they_were() {
    #[derive(Debug)]
    struct Mine(u32);
    impl std::fmt::Display for Mine {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "mine {}", self.0)
        }
    }
    impl std::error::Error for Mine {}

    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        fixture.host(
            &HostModule::new("host")
                .with_function("fail", |code: u32| -> wz::Result<()> { Err(wz::Error::host(Mine(code))) })
                .with_function("trap", || -> wz::Result<()> { Err(Trap::IntegerOverflow.into()) })
                .with_function("exit", |code: u32| -> wz::Result<()> { Err(wz::Error::exit(code)) }),
        );
        let module = fixture.module(
            r#"(module $guest
                (import "host" "fail" (func $fail (param i32)))
                (import "host" "trap" (func $trap))
                (func (export "fail") (call $fail (i32.const 3)))
                (func (export "trap") (call $trap)))"#,
        );
        let error = call_error(&module, "fail", &[]);
        assert_eq!(error.downcast_host_ref::<Mine>().map(|mine| mine.0), Some(3));
        let frames = error.backtrace().expect("where it was called").frames();
        let names: Vec<_> = frames.iter().map(|frame| frame.definition.debug_name()).collect();
        assert_eq!(names, ["host.fail", "guest.$2"]);
        assert!(
            error
                .to_string()
                .starts_with("mine 3\nwasm stack trace:\n\thost.fail(i32)\n\tguest.$2()\n\t\t0x"),
            "{error}"
        );
        assert_eq!(call_error(&module, "trap", &[]).trap(), Some(Trap::IntegerOverflow));

        let exits = fixture.module(
            r#"(module (import "host" "exit" (func $exit (param i32)))
                (func (export "exit") (call $exit (i32.const 42)) unreachable))"#,
        );
        let error = call_error(&exits, "exit", &[]);
        assert_eq!((error.exit_code(), exits.exit_code()), (Some(42), Some(42)));
        assert_eq!(error.to_string(), "module closed with exit_code(42)");
        assert_eq!(call_error(&exits, "exit", &[]).exit_code(), Some(42), "it stays closed");
    });
}

#[test]
fn panics_of_host_functions_resume_in_the_caller() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let calls = Arc::new(AtomicU32::new(0));
        let counter = calls.clone();
        fixture.host(&HostModule::new("host").with_function("panic", move |really: i32| {
            counter.fetch_add(1, Ordering::SeqCst);
            if really != 0 {
                std::panic::panic_any(1234_u16);
            }
        }));
        let module = fixture.module(
            r#"(module
                (import "host" "panic" (func $panic (param i32)))
                (func $down (param i32 i32)
                    (if (local.get 0)
                        (then (call $down (i32.sub (local.get 0) (i32.const 1)) (local.get 1)))
                        (else (call $panic (local.get 1)))))
                (func (export "run") (param i32) (call $down (i32.const 100) (local.get 0))))"#,
        );
        for round in 0..3 {
            let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                drop(call(&module, "run", &[Value::I32(1)]));
            }));
            assert_eq!(panic.unwrap_err().downcast_ref::<u16>(), Some(&1234), "round {round}");
            call(&module, "run", &[Value::I32(0)]).unwrap();
        }
        assert_eq!(calls.load(Ordering::SeqCst), 6);
        assert!(!module.is_closed());
    });
}

/// A fixture whose guest calls the host, which calls the guest, and so on for `n` rounds.
fn mutual(engine: wz_testkit::engines::EngineUnderTest) -> (Fixture, wz::Module) {
    let fixture = Fixture::new((engine.config)());
    fixture.host(&HostModule::new("host").with_function("again", |caller: &mut Caller<'_>, rounds: i32| {
        let module = caller.module().expect("a guest calls");
        let run = module.typed_function::<i32, i32>("run")?;
        run.call_with(caller.context(), rounds)
    }));
    let module = fixture.module(
        r#"(module
            (import "host" "again" (func $again (param i32) (result i32)))
            (func (export "run") (param i32) (result i32)
                (if (result i32) (local.get 0)
                    (then (i32.add (i32.const 1) (call $again (i32.sub (local.get 0) (i32.const 1)))))
                    (else (i32.const 0)))))"#,
    );
    (fixture, module)
}

#[test]
fn guest_and_host_can_nest() {
    for_each_engine(|engine| {
        let (_fixture, module) = mutual(engine);
        assert!(matches!(call(&module, "run", &[Value::I32(50)]).unwrap()[..], [Value::I32(50)]));
    });
}

#[test]
fn nesting_without_end_is_a_stack_overflow_on_any_thread() {
    for stack_bytes in [256 << 10, 1 << 20, 8 << 20] {
        for_each_engine(|engine| {
            let thread = std::thread::Builder::new().stack_size(stack_bytes).spawn(move || {
                let (_fixture, module) = mutual(engine);
                for _ in 0..2 {
                    let error = call_error(&module, "run", &[Value::I32(i32::MAX)]);
                    assert_eq!(error.trap(), Some(Trap::StackOverflow), "{error}");
                }
                assert!(matches!(call(&module, "run", &[Value::I32(2)]).unwrap()[..], [Value::I32(2)]));
            });
            thread.unwrap().join().unwrap();
        });
    }
}

#[test]
fn guest_recursion_does_not_use_the_native_stack() {
    for_each_engine(|engine| {
        let thread = std::thread::Builder::new().stack_size(256 << 10).spawn(move || {
            let module = Fixture::new((engine.config)().with_max_stack_bytes(64 << 20)).module(
                r#"(module (func $sum (export "sum") (param i32) (result i64)
                    (if (result i64) (local.get 0)
                        (then (i64.add (i64.extend_i32_u (local.get 0)) (call $sum (i32.sub (local.get 0) (i32.const 1)))))
                        (else (i64.const 0)))))"#,
            );
            let results = call(&module, "sum", &[Value::I32(100_000)]).unwrap();
            assert!(matches!(results[..], [Value::I64(5_000_050_000)]), "{results:?}");
        });
        thread.unwrap().join().unwrap();
    });
}

#[test]
fn tail_calls_run_in_constant_stack_whatever_their_signatures() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)().with_max_stack_bytes(64 << 10));
        let module = fixture.module(
            r#"(module
                (type $few (func (param i32) (result i32)))
                (type $many (func (param i32 i64 i64 i64 i64 v128 v128 v128 f64 f64 i32 i32) (result i32)))
                (table funcref (elem $few $many))
                (func $few (export "run") (type $few)
                    (if (i32.eqz (local.get 0)) (then (return (i32.const 77))))
                    (i32.sub (local.get 0) (i32.const 1))
                    i64.const 1 i64.const 2 i64.const 3 i64.const 4
                    v128.const i64x2 1 1 v128.const i64x2 1 1 v128.const i64x2 1 1
                    f64.const 1 f64.const 2 i32.const 5 i32.const 6
                    return_call $many)
                (func $many (type $many)
                    (if (i32.eqz (local.get 0)) (then (return (i32.add (local.get 10) (local.get 11)))))
                    (return_call_indirect (type $few) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))))"#,
        );
        for (rounds, expected) in [(100_000, 77), (100_001, 11)] {
            let results = call(&module, "run", &[Value::I32(rounds)]).unwrap();
            assert!(matches!(results[..], [Value::I32(value)] if value == expected), "{results:?}");
        }
    });
}

#[test]
fn tail_calls_through_imports_and_to_the_host() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)().with_max_stack_bytes(64 << 10));
        fixture.host(&HostModule::new("host").with_function("negative", |value: i64| -value));
        let _first = fixture.named(
            "first",
            r#"(module (table (export "t") 1 funcref)
                (func (export "down") (param i64) (result i64)
                    (return_call_indirect (param i64) (result i64) (local.get 0) (i32.const 0))))"#,
        );
        let second = fixture.module(
            r#"(module
                (import "first" "down" (func $down (param i64) (result i64)))
                (import "first" "t" (table 1 funcref))
                (import "host" "negative" (func $negative (param i64) (result i64)))
                (memory 1)
                (global $seen (mut i64) (i64.const 0))
                (func $run (export "run") (param i64) (result i64)
                    ;; The instance's own state, also after having left it through a tail call.
                    (i64.store (i32.const 8) (i64.add (i64.load (i32.const 8)) (i64.const 1)))
                    (if (i64.eqz (local.get 0)) (then (return_call $negative (i64.load (i32.const 8)))))
                    (return_call $down (i64.sub (local.get 0) (i64.const 1))))
                (elem (i32.const 0) $run))"#,
        );
        let results = call(&second, "run", &[Value::I64(50_000)]).unwrap();
        assert!(matches!(results[..], [Value::I64(-50_001)]), "{results:?}");
    });
}

#[test]
fn host_modules_functions_are_not_called_directly() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let host = fixture.host(&HostModule::new("host").with_function("f", || {}));
        assert!(host.exported_function("f").is_none());
        let error = host.try_exported_function("f").unwrap_err();
        assert_eq!(error.to_string(), "directly calling host function is not supported");
        let definitions = host.exported_function_definitions();
        assert!(definitions["f"].is_host_function());
    });
}

#[test]
fn nested_blocks_as_deep_as_allowed() {
    for_each_engine(|engine| {
        let depth = 2_000;
        let text = format!(
            r#"(module (func (export "run") (param i32) (result i32) {} (br_if {} (i32.const 5) (local.get 0)) drop {} {}))"#,
            "(block (result i32) ".repeat(depth),
            depth - 1,
            "(i32.const 1)",
            ")".repeat(depth),
        );
        let module = Fixture::new((engine.config)()).module(&text);
        for (param, expected) in [(1, 5), (0, 1)] {
            let results = call(&module, "run", &[Value::I32(param)]).unwrap();
            assert!(matches!(results[..], [Value::I32(value)] if value == expected), "{results:?}");
        }
    });
}
