//! Host closures over a few numbers, which code calls with the values in registers: every order of
//! types, what they fail with, and what may come between. On every engine.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use wz::{Error, ErrorKind, HostModule, Module, Value};
use wz_testkit::engines::for_each_engine;
use wz_testkit::fixture::{Fixture, call_error};

/// The value type of a Rust type, a value of it by number, and its bits.
macro_rules! value {
    (i32, $n:expr) => {
        (-1_000_003_i32).wrapping_mul($n)
    };
    (i64, $n:expr) => {
        (-1_000_000_000_000_007_i64).wrapping_mul($n)
    };
    (f32, $n:expr) => {
        f32::from_bits(0x7fa0_0000 | $n)
    };
    (f64, $n:expr) => {
        -1.5e300 * f64::from($n)
    };
}
macro_rules! bits {
    (i32, $value:expr) => {
        u64::from($value as u32)
    };
    (i64, $value:expr) => {
        $value as u64
    };
    (f32, $value:expr) => {
        u64::from($value.to_bits())
    };
    (f64, $value:expr) => {
        $value.to_bits()
    };
}

/// Has a guest call a host function with all of its parameters after a filling of registers, and checks
/// what the function gets and what the guest gets.
macro_rules! signature {
    ($engine:expr, ($($name:ident: $ty:ident = $n:literal),*) -> $result:ident) => {{
        let expected = vec![$(bits!($ty, value!($ty, $n))),*];
        let result = value!($result, 9);
        let seen = Arc::new(std::sync::Mutex::new(Vec::<Vec<u64>>::new()));
        let log = seen.clone();
        let host = HostModule::new("env").with_function("f", move |$($name: $ty),*| {
            log.lock().unwrap().push(vec![$(bits!($ty, $name)),*]);
            result
        });
        let params: [&str; _] = [$(stringify!($ty)),*];
        let params = params.join(" ");
        let gets: String = (0..expected.len()).map(|i| format!("(local.get {i})")).collect();
        let text = format!(
            r#"(module
                (import "env" "f" (func $f (param {params}) (result {result})))
                (table funcref (elem $f))
                (type $t (func (param {params}) (result {result})))
                (func (export "direct") (param {params}) (result {result}) (call $f {gets}))
                (func (export "indirect") (param {params}) (result {result})
                    (call_indirect (type $t) {gets} (i32.const 0)))
                (func (export "tail") (param {params}) (result {result}) (return_call $f {gets}))
                (func (export "twice") (param {params}) (result {result})
                    (drop (call $f {gets})) (call $f {gets})))"#,
            result = stringify!($result),
        );
        let fixture = Fixture::new(($engine.config)());
        fixture.host(&host);
        let module = fixture.module(&text);
        for (name, calls) in [("direct", 1), ("indirect", 1), ("tail", 1), ("twice", 2)] {
            let function = module.exported_function(name).unwrap();
            assert_eq!(function.call(&expected).unwrap(), [bits!($result, result)], "{name} {text}");
            assert_eq!(seen.lock().unwrap().drain(..).collect::<Vec<_>>(), vec![expected.clone(); calls]);
        }
    }};
}

#[test]
fn values_arrive_in_every_order_of_types() {
    for_each_engine(|engine| {
        signature!(engine, () -> i32);
        signature!(engine, () -> f64);
        signature!(engine, (a: i32 = 1) -> i32);
        signature!(engine, (a: f32 = 1) -> f32);
        signature!(engine, (a: i64 = 1, b: i64 = 2) -> i64);
        signature!(engine, (a: f64 = 1, b: i32 = 2) -> f32);
        signature!(engine, (a: i32 = 1, b: i64 = 2, c: i32 = 3) -> i64);
        signature!(engine, (a: i64 = 1, b: f32 = 2, c: i64 = 3) -> f64);
        signature!(engine, (a: i32 = 1, b: i32 = 2, c: i32 = 3, d: i32 = 4) -> i32);
        signature!(engine, (a: f32 = 1, b: f64 = 2, c: f32 = 3, d: f64 = 4) -> i64);
        signature!(engine, (a: i64 = 1, b: i64 = 2, c: i64 = 3, d: i64 = 4, e: i64 = 5) -> i64);
        signature!(engine, (a: f64 = 1, b: f64 = 2, c: f64 = 3, d: f64 = 4, e: f64 = 5) -> f64);
        signature!(engine, (a: f32 = 1, b: i64 = 2, c: f64 = 3, d: i32 = 4, e: i64 = 5) -> f32);
        signature!(engine, (a: i64 = 1, b: f32 = 2, c: i32 = 3, d: f64 = 4, e: i32 = 5) -> i32);
        // Too many for registers: by slots.
        signature!(engine, (a: i64 = 1, b: i64 = 2, c: i64 = 3, d: i64 = 4, e: i64 = 5, f: i32 = 6) -> i64);
    });
}

const LOOP: &str = r#"(module
    (import "env" "f" (func $f (param i32) (result i32)))
    (func (export "run") (param $n i32) (result i32)
        (local $sum i32)
        (loop $again
            (local.set $sum (i32.add (local.get $sum) (call $f (local.get $n))))
            (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $sum)))"#;

fn sum(module: &Module, n: i32) -> i32 {
    module.typed_function::<i32, i32>("run").unwrap().call(n).unwrap()
}

#[test]
fn errors_and_panics_end_the_call() {
    for_each_engine(|engine| {
        let host = HostModule::new("env").with_function("f", |n: i32| match n {
            3 => Err(Error::host("three")),
            77 => panic!("seventy-seven"),
            99 => Err(Error::exit(5)),
            n => Ok(n),
        });
        let fixture = Fixture::new((engine.config)());
        fixture.host(&host);
        let module = fixture.module(LOOP);
        for _ in 0..3 {
            let error = call_error(&module, "run", &[Value::I32(10)]);
            assert!(matches!(error.kind(), ErrorKind::Host(_)), "{error:?}");
            assert!(error.to_string().starts_with("three"), "{error}");
            let names: Vec<_> = error
                .backtrace()
                .unwrap()
                .frames()
                .iter()
                .map(|frame| frame.definition.debug_name().to_string())
                .collect();
            assert_eq!(names, ["env.f", ".$1"]);
            assert_eq!(sum(&module, 2), 3);
            let run = module.exported_function("run").unwrap();
            let panic =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run.call(&[80]))).unwrap_err();
            assert_eq!(panic.downcast_ref::<&str>(), Some(&"seventy-seven"));
        }
        let error = call_error(&module, "run", &[Value::I32(100)]);
        assert_eq!(error.exit_code(), Some(5));
        assert_eq!(
            call_error(&module, "run", &[Value::I32(1)]).exit_code(),
            Some(5),
            "an exit closes the module"
        );
    });
}

#[test]
fn a_module_that_is_closed_meanwhile_ends_when_the_function_returns() {
    for_each_engine(|engine| {
        let own: Arc<OnceLock<Module>> = Arc::default();
        let calls = Arc::new(AtomicU32::new(0));
        let (module, count) = (own.clone(), calls.clone());
        let host = HostModule::new("env").with_function("f", move |n: i32| {
            count.fetch_add(1, Ordering::Relaxed);
            if n == 5 {
                module.get().unwrap().close_with_exit_code(7).unwrap();
            }
            n
        });
        let fixture = Fixture::new((engine.config)());
        fixture.host(&host);
        // Another module's end is none of it.
        let other = fixture.module("(module)");
        let module = fixture.module(LOOP);
        own.set(module.clone()).unwrap();
        assert_eq!(sum(&module, 4), 10);
        other.close().unwrap();
        assert_eq!(sum(&module, 4), 10);
        calls.store(0, Ordering::Relaxed);
        assert_eq!(call_error(&module, "run", &[Value::I32(9)]).exit_code(), Some(7));
        assert_eq!(calls.load(Ordering::Relaxed), 5, "9, 8, 7, 6, 5");
    });
}

#[test]
fn calls_may_nest() {
    for_each_engine(|engine| {
        let own: Arc<OnceLock<Module>> = Arc::default();
        let module = own.clone();
        let host = HostModule::new("env").with_function("f", move |n: i32| -> wz::Result<i32> {
            if n <= 1 {
                return Ok(1);
            }
            let run = module.get().unwrap().typed_function::<i32, i32>("run")?;
            run.call(n / 2)
        });
        let fixture = Fixture::new((engine.config)());
        fixture.host(&host);
        let module = fixture.module(LOOP);
        own.set(module.clone()).unwrap();
        fn expected(n: i32) -> i32 {
            (1..=n).map(|n| if n <= 1 { 1 } else { expected(n / 2) }).sum()
        }
        assert_eq!(sum(&module, 40), expected(40));
    });
}
