//! Snapshots: guests go on where a host function returned earlier, with their frames as they were.

use std::sync::{Arc, Mutex};

use wz::experimental::{
    FunctionListener, Snapshot, StackIterator, attach_listeners, snapshot, with_function_listener_factory,
};
use wz::{Caller, Context, Error, FunctionDefinition, HostModule, Module, ModuleConfig};
use wz_testkit::engines::{EngineUnderTest, engine, for_each_variant};
use wz_testkit::fixture::{Fixture, binary};

type Taken = Arc<Mutex<Vec<Snapshot>>>;

/// What guests import: `save` takes a snapshot and returns 0, `restore` goes back to the last one,
/// `save` then returning the number that it is given. `call` calls an export of the caller.
fn host(taken: &Taken) -> HostModule {
    let (save, save2, restore) = (taken.clone(), taken.clone(), taken.clone());
    HostModule::new("env")
        .with_function("save", move |caller: &mut Caller<'_>| -> wz::Result<i32> {
            save.lock().unwrap().push(snapshot(caller)?);
            Ok(0)
        })
        .with_function("save2", move |caller: &mut Caller<'_>, a: i64| -> wz::Result<(i64, f64)> {
            save2.lock().unwrap().push(snapshot(caller)?);
            Ok((a, 0.0))
        })
        .with_function("restore", move |_: &mut Caller<'_>, value: i32| -> wz::Result<()> {
            let last = restore.lock().unwrap().last().cloned();
            Err(last.map_or_else(|| Error::host("none"), |last| last.restore(&[value as u32 as u64])))
        })
        .with_function("call", |caller: &mut Caller<'_>, value: i32| -> wz::Result<()> {
            caller.module().unwrap().typed_function::<i32, ()>("called")?.call_with(caller.context(), value)
        })
}

const GUEST: &str = r#"(module
  (import "env" "save" (func $save (result i32)))
  (import "env" "save2" (func $save2 (param i64) (result i64 f64)))
  (import "env" "restore" (func $restore (param i32)))
  (import "env" "call" (func $call (param i32)))
  (global $count (mut i32) (i32.const 0))
  (memory 1)
  (table 1 funcref) (elem (i32.const 0) $restore)

  (func $deep (param $depth i32) (param $value i32)
    (if (local.get $depth)
      (then (call $deep (i32.sub (local.get $depth) (i32.const 1)) (local.get $value)))
      (else (call_indirect (param i32) (local.get $value) (i32.const 0)))))
  ;; Goes down and back five times.
  (func $jump (export "jump") (param $depth i32) (result i32) (local $r i32) (local $kept i32)
    (local.set $kept (i32.const 7))
    (local.set $r (call $save))
    (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
    (if (i32.lt_u (local.get $r) (i32.const 5))
      (then
        (local.set $kept (i32.const 99))
        (call $deep (local.get $depth) (i32.add (local.get $r) (i32.const 1)))
        unreachable))
    (i32.add (i32.mul (local.get $r) (i32.const 1000))
      (i32.add (i32.mul (local.get $kept) (i32.const 10)) (i32.load (i32.const 0)))))

  ;; A function returns again after it has returned.
  (func $again (param i32) (result i32) (i32.add (call $save) (local.get 0)))
  (func (export "again") (result i32) (local $r i32) (local $own i32)
    (local.set $own (i32.const 1))
    (local.set $r (call $again (i32.const 10)))
    (local.set $own (i32.add (local.get $own) (i32.const 1)))
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (if (i32.lt_u (local.get $r) (i32.const 13))
      (then (call $restore (i32.sub (local.get $r) (i32.const 9))) unreachable))
    (i32.add (i32.mul (local.get $r) (i32.const 100))
      (i32.add (i32.mul (local.get $own) (i32.const 10)) (global.get $count))))

  ;; Back out of a call that a host function makes.
  (func (export "called") (param i32) (call $deep (i32.const 3) (local.get 0)))
  (func (export "through") (result i32) (local $r i32)
    (local.set $r (call $save))
    (if (i32.eqz (local.get $r)) (then (call $call (i32.const 42)) unreachable))
    (local.get $r))

  (func (export "restore") (param i32) (call $restore (local.get 0)))
  (func (export "save") (result i32) (call $save))
  (func (export "two") (result i64) (local $f f64)
    (call $save2 (i64.const 5)) (local.set $f)
    (if (f64.eq (local.get $f) (f64.const 0)) (then (call $restore (i32.const 1)))))
  (func (export "tail") (result i32) (return_call $save)))"#;

fn fixture(engine: EngineUnderTest) -> (Fixture, Module, Taken) {
    let fixture = Fixture::new((engine.config)());
    let taken = Taken::default();
    fixture.host(&host(&taken));
    let module = fixture.module(GUEST);
    (fixture, module, taken)
}

/// Every engine, and mixtures of them: frames of both are on the stack then.
fn for_each_mixture(test: impl Fn(EngineUnderTest)) {
    for_each_variant(&test);
    ["mixed-all", "mixed-eager", "mixed-third"].into_iter().filter_map(engine).for_each(|engine| {
        println!("{}", engine.name);
        test(engine);
    });
}

fn run(module: &Module, name: &str, params: &[u64]) -> wz::Result<u64> {
    module.exported_function(name).unwrap().call(params).map(|results| results.first().copied().unwrap_or(0))
}

#[test]
fn frames_are_as_they_were_and_memory_is_not() {
    for_each_mixture(|engine| {
        let (_fixture, module, _) = fixture(engine);
        for (depth, times) in [(0, 6), (10, 12), (2000, 18)] {
            assert_eq!(run(&module, "jump", &[depth]).unwrap(), 5070 + times, "{}", engine.name);
        }
    });
}

#[test]
fn functions_return_again() {
    for_each_mixture(|engine| {
        let (_fixture, module, _) = fixture(engine);
        // Locals of the caller are as they were, the global counts.
        assert_eq!(run(&module, "again", &[]).unwrap(), 1324, "{}", engine.name);
        assert_eq!(run(&module, "again", &[]).unwrap(), 1328, "{}", engine.name);
    });
}

#[test]
fn restoring_passes_through_host_functions() {
    for_each_mixture(|engine| {
        let (_fixture, module, _) = fixture(engine);
        assert_eq!(run(&module, "through", &[]).unwrap(), 42, "{}", engine.name);
    });
}

#[test]
fn what_cannot_be_restored_is_an_error() {
    for_each_mixture(|engine| {
        let (_fixture, module, taken) = fixture(engine);
        run(&module, "save", &[]).unwrap();
        let error = run(&module, "restore", &[1]).unwrap_err();
        let expected = "unhandled snapshot restore, this generally indicates restore was called from a \
                        different exported function invocation than snapshot";
        assert!(error.to_string().starts_with(expected), "{error}");
        let elsewhere = {
            let (_other, module, _) = fixture(engine);
            let host = HostModule::new("other").with_function("restore", {
                let taken = taken.clone();
                move || -> wz::Result<()> { Err(taken.lock().unwrap()[0].restore(&[1])) }
            });
            _other.host(&host);
            let guest = _other
                .module(r#"(module (import "other" "restore" (func $f)) (func (export "f") (call $f)))"#);
            drop(module);
            run(&guest, "f", &[]).unwrap_err()
        };
        assert!(elsewhere.to_string().starts_with(expected), "{elsewhere}");
        // `save2` has two results.
        let error = run(&module, "two", &[]).unwrap_err();
        assert!(error.to_string().contains("expected 2 results"), "{error}");
        if ["interpreter", "mixed-all"].contains(&engine.name) {
            assert!(run(&module, "tail", &[]).unwrap_err().to_string().contains("no snapshot"));
        }
        // Called by the host itself, there is no guest to go back to.
        let save = module.exported_function("save").unwrap();
        assert_eq!(save.call(&[]).unwrap(), [0]);
    });
}

/// Functions that call each other, so that frames of both engines alternate where there are two.
const ALTERNATING: &str = r#"(module
  (import "env" "save" (func $save (result i32)))
  (import "env" "restore" (func $restore (param i32)))
  (import "env" "call" (func $call (param i32)))
  (global $count (mut i32) (i32.const 0))
  (global $sum (mut i32) (i32.const 0))
  (table 2 funcref) (elem (i32.const 0) $even $odd)
  (func $even (param $n i32) (result i32) (local $own i32)
    (local.set $own (local.get $n))
    (if (i32.eqz (local.get $n)) (then (return (call $save))))
    (i32.add (call $odd (i32.sub (local.get $n) (i32.const 1))) (local.get $own)))
  (func $odd (param $n i32) (result i32) (local $own i32)
    (local.set $own (local.get $n))
    (i32.add
      (call_indirect (param i32) (result i32) (i32.sub (local.get $n) (i32.const 1)) (i32.const 0))
      (local.get $own)))
  (func $deeper (param $n i32) (param $value i32)
    (if (i32.eqz (local.get $n)) (then (call $restore (local.get $value)) unreachable))
    (call $deepest (i32.sub (local.get $n) (i32.const 1)) (local.get $value)))
  (func $deepest (param $n i32) (param $value i32)
    (call $deeper (local.get $n) (local.get $value)))
  ;; Everything that was on the stack has returned when it is put back, and something else is there.
  (func $sum (export "sum") (param $n i32) (result i32) (local $result i32)
    (local.set $result (call $even (local.get $n)))
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (if (i32.lt_u (global.get $count) (i32.const 4))
      (then (call $deeper (local.get $n) (global.get $count)) unreachable))
    (global.set $count (i32.const 0))
    (local.get $result))
  (func (export "called") (param i32) (global.set $sum (call $sum (local.get 0))))
  (func $nest (param $n i32) (result i32)
    (call $call (local.get $n))
    (i32.add (global.get $sum) (local.get $n)))
  ;; The same in a call that a host function makes, while frames wait further out.
  (func (export "nested") (param $n i32) (result i32)
    (i32.add (call $nest (local.get $n)) (call $nest (i32.const 2)))))"#;

#[test]
fn frames_of_both_engines_are_put_back() {
    for_each_mixture(|engine| {
        let fixture = Fixture::new((engine.config)());
        fixture.host(&host(&Taken::default()));
        let module = fixture.module(ALTERNATING);
        for n in [0, 2, 10, 400] {
            let sum = n * (n + 1) / 2 + 3;
            assert_eq!(run(&module, "sum", &[n]).unwrap(), sum, "{}", engine.name);
            assert_eq!(run(&module, "nested", &[n]).unwrap(), sum + n + 6 + 2, "{}", engine.name);
        }
    });
}

/// Writes down what it is told, and derives a context per call.
struct Log(Mutex<Vec<String>>);

#[derive(Clone)]
struct Path(String);

impl Log {
    fn add(&self, event: char, cx: &Context, name: &str) {
        let path = cx.value::<Path>().map_or("", |path| &path.0);
        self.0.lock().unwrap().push(format!("{event}{name} {path}"));
    }
}

impl FunctionListener for Log {
    fn before(
        &self,
        cx: &Context,
        _: &Module,
        definition: &FunctionDefinition,
        _: &[u64],
        _: &mut dyn StackIterator,
    ) -> Option<Context> {
        self.add('>', cx, definition.name());
        let path = cx.value::<Path>().map_or("", |path| &path.0);
        Some(cx.with_value(Path(format!("{path}/{}", definition.name()))))
    }

    fn after(&self, cx: &Context, _: &Module, definition: &FunctionDefinition, _: &[u64]) {
        self.add('<', cx, definition.name());
    }

    fn abort(&self, cx: &Context, _: &Module, definition: &FunctionDefinition, error: &Error) {
        assert!(error.to_string().starts_with("unhandled snapshot restore"), "{error}");
        self.add('!', cx, definition.name());
    }
}

#[test]
fn listeners_are_told_what_is_left_and_contexts_are_those_of_then() {
    for_each_mixture(|engine| {
        let fixture = Fixture::new((engine.config)());
        let taken = Taken::default();
        let env = fixture.host(&host(&taken));
        let log = Arc::new(Log(Mutex::default()));
        let listener: Arc<dyn FunctionListener> = log.clone();
        let factory = Arc::new(move |_: &FunctionDefinition| Some(listener.clone()));
        let _env = attach_listeners(&env, &*factory).unwrap();
        let cx = with_function_listener_factory(&Context::background(), factory);
        let module =
            fixture.runtime.instantiate_with(&cx, binary(GUEST), ModuleConfig::new().with_name("")).unwrap();
        let lines = |name: &str, params: &[u64]| {
            run(&module, name, params).unwrap();
            std::mem::take(&mut *log.0.lock().unwrap())
        };
        let mut expected: Vec<String> = [">jump ", ">save /jump", "<save /jump/save"].map(Into::into).into();
        for _ in 0..5 {
            expected.extend(
                [
                    ">deep /jump",
                    ">deep /jump/deep",
                    ">restore /jump/deep/deep",
                    "!restore /jump/deep/deep/restore",
                    "!deep /jump/deep/deep",
                    "!deep /jump/deep",
                ]
                .map(Into::into),
            );
        }
        expected.push("</jump".replace("</", "<").replace("jump", "jump /jump"));
        assert_eq!(lines("jump", &[1]), expected, "{}", engine.name);

        // `$again` had its `after`: it is not told of a second time, but its context is there.
        let once = [">restore /", "!restore //restore"];
        let expected: Vec<_> = [
            &["> ", ">again /", ">save //again", "<save //again/save", "<again //again"][..],
            &once,
            &once,
            &once,
            &["< /"],
        ]
        .concat();
        assert_eq!(lines("again", &[]), expected, "{}", engine.name);
    });
}
