//! Calls: results, traps, errors and panics of host functions, nesting, fuel.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use wz_api::{
    Caller, Context, Error, ErrorKind, ExternRef, FunctionType, HostModule, Trap, Value, ValueType,
};

use crate::testing::FakeEngine;
use crate::{Fuel, InstanceOptions, Store, StoreConfig, with_fuel};

const MODULE: &str = r#"(module $m (import "env" "host" (func $host (param i32) (result i32)))
    (func $middle (param i32) (result i32) unreachable)
    (func $outer (export "outer") (param i32) (result i32) unreachable)
    (memory 1))"#;

/// `outer` calls `middle` calls the host function.
fn engine() -> FakeEngine {
    FakeEngine::default().with("outer", |call| call.call(1)).with("middle", |call| call.call(0))
}

fn store(engine: FakeEngine, host: HostModule) -> Store {
    let store = engine.store();
    store.instantiate_host(&Context::background(), &host).unwrap();
    store
}

#[test]
fn values_pass_through_to_the_host_and_back() {
    let host = HostModule::new("env").with_function("host", |caller: &mut Caller<'_>, value: i32| {
        assert_eq!(caller.module().unwrap().name(), "m");
        assert_eq!(caller.memory().unwrap().size(), 65_536);
        assert_eq!(caller.extension::<&str>(), Some(&"state"));
        assert!(caller.interruption().is_none() && caller.fuel().is_none());
        value + 1
    });
    let store = store(engine(), host);
    let options = InstanceOptions::default().with_extension("state");
    let module = store.text_with(&Context::background(), MODULE, options).unwrap();
    assert_eq!(module.typed_function::<i32, i32>("outer").unwrap().call(41).unwrap(), 42);
    assert_eq!(module.exported_function("outer").unwrap().call(&[1]).unwrap(), [2]);
}

#[test]
fn host_errors_get_the_frames_they_pass() {
    let host = HostModule::new("env")
        .with_function("host", |_: i32| -> wz_api::Result<i32> { Err(Error::host("broken")) });
    let store = store(engine(), host);
    let module = store.text(MODULE).unwrap();
    let error = module.exported_function("outer").unwrap().call(&[1]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "broken\nwasm stack trace:\n\tenv.host(i32) i32\n\tm.middle(i32) i32\n\t\t0x10\n\tm.outer(i32) i32\n\t\t0x20"
    );
    assert!(!module.is_closed());
}

#[test]
fn traps_of_nested_calls_keep_the_inner_frames() {
    let host = HostModule::new("env").with_function("host", |caller: &mut Caller<'_>, value: i32| {
        let inner = caller.module().unwrap().typed_function::<i32, i32>("inner")?;
        inner.call_with(caller.context(), value)
    });
    let text = MODULE
        .replace("(memory 1)", r#"(func $inner (export "inner") (param i32) (result i32) unreachable)"#);
    let store = store(engine().with("inner", |call| Err(call.trap(Trap::IntegerOverflow))), host);
    let module = store.text(&text).unwrap();
    let error = module.exported_function("outer").unwrap().call(&[1]).unwrap_err();
    assert_eq!(error.trap(), Some(Trap::IntegerOverflow));
    let frames: Vec<_> =
        error.backtrace().unwrap().frames().iter().map(|frame| frame.definition.name()).collect();
    assert_eq!(frames, ["inner", "host", "middle", "outer"]);
    assert!(
        error
            .to_string()
            .starts_with("wasm error: integer overflow\nwasm stack trace:\n\tm.inner(i32) i32\n\t\t0x30")
    );
}

#[test]
fn panics_of_host_functions_arrive_outside() {
    let host = HostModule::new("env").with_function("host", |_: i32| -> i32 { panic!("payload") });
    let store = store(engine(), host);
    let function = store.text(MODULE).unwrap().exported_function("outer").unwrap();
    let payload = catch_unwind(AssertUnwindSafe(|| function.call(&[1]))).unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"payload"));
    // The thread's state is as before.
    let payload = catch_unwind(AssertUnwindSafe(|| function.call(&[1]))).unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"payload"));
}

#[test]
fn exits_of_host_functions_close_the_calling_module() {
    let host =
        HostModule::new("env").with_function("host", |_: i32| -> wz_api::Result<i32> { Err(Error::exit(4)) });
    let store = store(engine(), host);
    let module = store.text(MODULE).unwrap();
    let function = module.exported_function("outer").unwrap();
    assert!(matches!(function.call(&[1]).unwrap_err().kind(), ErrorKind::Exit(_)));
    assert_eq!(module.exit_code(), Some(4));
    assert_eq!(function.call(&[1]).unwrap_err().to_string(), "module closed with exit_code(4)");
    assert!(store.module("m").is_none());
}

#[test]
fn a_module_closed_during_the_call_gives_its_exit_error() {
    let host = HostModule::new("env").with_function("host", |caller: &mut Caller<'_>, value: i32| {
        caller.module().unwrap().close_with_exit_code(2).unwrap();
        value
    });
    let store = store(engine(), host);
    let function = store.text(MODULE).unwrap().exported_function("outer").unwrap();
    assert_eq!(function.call(&[1]).unwrap_err().exit_code(), Some(2));
}

#[test]
fn endless_nesting_is_a_stack_overflow_on_small_threads_too() {
    let depth = Arc::new(AtomicU32::new(0));
    let counted = depth.clone();
    let host = HostModule::new("env").with_function("host", move |caller: &mut Caller<'_>, value: i32| {
        counted.fetch_add(1, Ordering::Relaxed);
        caller.module().unwrap().typed_function::<i32, i32>("outer")?.call(value)
    });
    let store = store(engine(), host);
    let function = store.text(MODULE).unwrap().exported_function("outer").unwrap();
    let run = move || {
        let error = function.call(&[1]).unwrap_err();
        assert_eq!(error.trap(), Some(Trap::StackOverflow));
        error.backtrace().unwrap().frames().len() as u32
    };
    let frames = std::thread::Builder::new().stack_size(256 * 1024).spawn(run).unwrap().join().unwrap();
    assert!(depth.load(Ordering::Relaxed) > 2);
    assert_eq!(frames, 3 * depth.load(Ordering::Relaxed));
}

#[test]
fn references_cross_as_words() {
    let host = HostModule::new("env").with_function_raw(
        "host",
        FunctionType::new([ValueType::ExternRef], [ValueType::ExternRef]),
        |_, slots| {
            slots[0] = if slots[0] == 1 { 1 } else { 99 };
            Ok(())
        },
    );
    let store = store(FakeEngine::default().with("pass", |call| call.call(0)), host);
    let text = r#"(module (import "env" "host" (func (param externref) (result externref)))
        (func $pass (export "pass") (param externref) (result externref) unreachable)
        (table (export "t") 1 externref))"#;
    let module = store.text(text).unwrap();
    let (value, other) = (ExternRef::new(1_u8), ExternRef::new(2_u8));
    let pass = module.typed_function::<Option<ExternRef>, Option<ExternRef>>("pass").unwrap();
    assert!(pass.call(Some(value.clone())).unwrap().unwrap().same(&value));
    let error = pass.call(Some(other.clone())).unwrap_err();
    assert!(error.to_string().starts_with("0x63 is not a host value of this runtime"), "{error}");
    let table = module.exported_table("t").unwrap();
    table.set(0_u32, Some(other.clone())).unwrap();
    let Some(Value::ExternRef(Some(found))) = table.get(0_u32) else { panic!("a value") };
    assert!(found.same(&other));
}

#[test]
fn functions_that_host_functions_invent_are_refused() {
    let host = HostModule::new("env").with_function_raw(
        "host",
        FunctionType::new([], [ValueType::FuncRef]),
        |_, slots| {
            slots[0] = 0x1234;
            Ok(())
        },
    );
    let store = store(FakeEngine::default().with("f", |call| call.call(0)), host);
    let text = r#"(module (import "env" "host" (func (result funcref))) (func $f (export "f") (result funcref) unreachable))"#;
    let error = store.text(text).unwrap().exported_function("f").unwrap().call(&[]).unwrap_err();
    assert!(error.to_string().starts_with("0x1234 is not a function of this runtime"), "{error}");
}

#[test]
fn fuel_is_one_tank_for_all_nested_calls() {
    let burn = |call: &crate::testing::Call<'_>, units: u64| {
        let fuel = &call.activation.fuel;
        match fuel.get().checked_sub(units) {
            Some(rest) => {
                fuel.set(rest);
                Ok(())
            }
            None => Err(call.trap(Trap::OutOfFuel)),
        }
    };
    let engine = FakeEngine::default()
        .with("outer", move |call| {
            burn(call, 10)?;
            call.call(0)?;
            burn(call, 10)
        })
        .with("inner", move |call| burn(call, 5));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let host = HostModule::new("env").with_function("host", move |caller: &mut Caller<'_>, value: i32| {
        log.lock().unwrap().push(caller.fuel());
        caller.consume_fuel(1)?;
        // Another context: the tank is the outer call's nevertheless.
        caller.module().unwrap().exported_function("inner").unwrap().call(&[])?;
        log.lock().unwrap().push(caller.fuel());
        Ok::<_, Error>(value)
    });
    let text = MODULE.replace("(memory 1)", r#"(func $inner (export "inner"))"#);
    let store = Store::new(StoreConfig { fuel: true, ..engine.config() }).unwrap();
    store.instantiate_host(&Context::background(), &host).unwrap();
    let function = store.text(&text).unwrap().exported_function("outer").unwrap();

    let fuel = Fuel::new(100);
    function.call_with(&with_fuel(&Context::background(), &fuel), &[1]).unwrap();
    assert_eq!(fuel.remaining(), 100 - 26);
    assert_eq!(std::mem::take(&mut *seen.lock().unwrap()), [Some(90), Some(84)]);

    let fuel = Fuel::new(20);
    let error = function.call_with(&with_fuel(&Context::background(), &fuel), &[1]).unwrap_err();
    assert_eq!((error.trap(), fuel.remaining()), (Some(Trap::OutOfFuel), 4));

    let fuel = Fuel::new(10);
    let error = function.call_with(&with_fuel(&Context::background(), &fuel), &[1]).unwrap_err();
    assert_eq!(error.trap(), Some(Trap::OutOfFuel));
    assert_eq!(error.backtrace().unwrap().frames()[0].definition.name(), "host");

    seen.lock().unwrap().clear();
    function.call(&[1]).unwrap();
    assert_eq!(seen.lock().unwrap()[0], Some(u64::MAX));
}

#[test]
fn threads_may_call_one_instance_at_once() {
    let host = HostModule::new("env").with_function("host", |value: i32| value + 1);
    let store = store(engine(), host);
    let function = store.text(MODULE).unwrap().typed_function::<i32, i32>("outer").unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let function = &function;
            scope.spawn(move || {
                for round in 0..1000 {
                    assert_eq!(function.call(thread + round).unwrap(), thread + round + 1);
                }
            });
        }
    });
}
