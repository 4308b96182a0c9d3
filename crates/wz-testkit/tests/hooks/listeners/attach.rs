//! Section 8: attaching and detaching while code runs.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use wz::experimental::{
    Attachment, FunctionListener, FunctionListenerFactory, StackIterator, attach_listeners,
};
use wz::{Context, Error, FunctionDefinition, HostModule, Module, ModuleConfig};
use wz_testkit::engines::for_each_engine;
use wz_testkit::fixture::Fixture;

use super::support::{Log, each_before, listening, logging};

/// Counts beginnings and ends, and sees when they do not pair.
#[derive(Default)]
struct Pairs {
    befores: AtomicU64,
    ends: AtomicU64,
    /// Must never be below 0.
    open: AtomicI64,
    unpaired: AtomicBool,
}

impl Pairs {
    fn end(&self) {
        self.ends.fetch_add(1, Ordering::Relaxed);
        if self.open.fetch_sub(1, Ordering::Relaxed) <= 0 {
            self.unpaired.store(true, Ordering::Relaxed);
        }
    }
}

/// One for each attachment, so that a `before` and an end of different attachments are told apart.
struct PairListener {
    all: Arc<Pairs>,
    own: AtomicI64,
    alive: Arc<AtomicI64>,
}

impl PairListener {
    fn factory(all: &Arc<Pairs>, alive: &Arc<AtomicI64>) -> impl FunctionListenerFactory + use<> {
        let (all, alive) = (all.clone(), alive.clone());
        alive.fetch_add(1, Ordering::Relaxed);
        let listener: Arc<dyn FunctionListener> = Arc::new(Self { all, own: AtomicI64::new(0), alive });
        move |definition: &FunctionDefinition| (definition.name() == "f").then(|| listener.clone())
    }
}

impl Drop for PairListener {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::Relaxed);
        if self.own.load(Ordering::Relaxed) != 0 {
            self.all.unpaired.store(true, Ordering::Relaxed);
        }
    }
}

impl FunctionListener for PairListener {
    fn before(
        &self,
        _: &Context,
        _: &Module,
        definition: &FunctionDefinition,
        params: &[u64],
        stack: &mut dyn StackIterator,
    ) -> Option<Context> {
        assert!(stack.next() && stack.function().definition().index() == definition.index());
        assert_eq!(stack.parameters(), Some(params));
        self.own.fetch_add(1, Ordering::Relaxed);
        self.all.befores.fetch_add(1, Ordering::Relaxed);
        self.all.open.fetch_add(1, Ordering::Relaxed);
        None
    }

    fn after(&self, _: &Context, _: &Module, _: &FunctionDefinition, _: &[u64]) {
        self.own.fetch_sub(1, Ordering::Relaxed);
        self.all.end();
    }

    fn abort(&self, _: &Context, _: &Module, _: &FunctionDefinition, _: &Error) {
        self.own.fetch_sub(1, Ordering::Relaxed);
        self.all.end();
    }
}

/// `run` calls `f` in a loop, directly, through a table and recursively, and every 64th run traps in
/// the middle of the recursion.
const LOAD: &str = r#"(module
  (type $t (func (param i32) (result i32)))
  (table funcref (elem $f))
  (func $f (type $t)
    (if (i32.lt_s (local.get 0) (i32.const 0)) (then unreachable))
    (if (result i32) (i32.and (local.get 0) (i32.const 3))
      (then (call $f (i32.sub (local.get 0) (i32.const 1))))
      (else (local.get 0))))
  (func (export "run") (param $n i32) (param $trap i32)
    (loop $again
      (drop (call $f (local.get $n)))
      (drop (call_indirect (type $t) (local.get $n) (i32.const 0)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (if (local.get $trap) (then (drop (call $f (i32.const -1)))))))"#;

/// Runs `LOAD` on another thread while `change` changes something, and gives what went wrong.
fn under_load(module: &Module, change: impl FnOnce()) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let load = || {
            let run = module.typed_function::<(i32, i32), ()>("run").unwrap();
            let mut round = 0_u32;
            while !stop.load(Ordering::Relaxed) {
                round += 1;
                let trap = round.is_multiple_of(64);
                assert_eq!(run.call((100, trap.into())).is_err(), trap);
            }
            round
        };
        let thread = scope.spawn(load);
        change();
        stop.store(true, Ordering::Relaxed);
        assert!(thread.join().unwrap() > 0);
    });
}

/// Sentence 8.2.
#[test]
fn attachments_under_load_lose_no_end() {
    attach_under_load(50_000);
}

/// Sentence 8.2.
#[test]
#[ignore = "takes long"]
fn a_million_attachments_under_load_lose_no_end() {
    attach_under_load(1_000_000);
}

fn attach_under_load(rounds: u32) {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let module = fixture.module(LOAD);
        let (all, alive) = (Arc::new(Pairs::default()), Arc::new(AtomicI64::new(0)));
        under_load(&module, || {
            // Half of them overlap another one.
            let mut kept: Option<Attachment> = None;
            let start = Instant::now();
            for round in 0..rounds {
                let attachment = attach_listeners(&module, &PairListener::factory(&all, &alive)).unwrap();
                if round % 4 == 0 {
                    kept = Some(attachment);
                }
                // Listeners do not pile up, however long calls run.
                if round % 10_000 == 0 {
                    assert!(alive.load(Ordering::Relaxed) < 10_000);
                }
            }
            println!("{}: {rounds} attached and detached in {:?}", engine.name, start.elapsed());
            // So that there were calls for certain.
            let attachment = attach_listeners(&module, &PairListener::factory(&all, &alive)).unwrap();
            let seen = all.befores.load(Ordering::Relaxed);
            while all.befores.load(Ordering::Relaxed) == seen {
                std::thread::yield_now();
            }
            drop((attachment, kept));
        });
        let (befores, ends) = (all.befores.load(Ordering::Relaxed), all.ends.load(Ordering::Relaxed));
        assert!(befores > 0);
        assert_eq!(befores, ends, "{}", engine.name);
        drop((module, fixture));
        assert!(!all.unpaired.load(Ordering::Relaxed), "{}", engine.name);
        assert_eq!(alive.load(Ordering::Relaxed), 0, "what is detached is freed");
    });
}

/// Sentence 8.3: one call that never ends does not keep what was detached during it.
#[test]
fn what_is_detached_is_freed_during_a_long_call() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let stop = Arc::new(AtomicBool::new(false));
        let host = HostModule::new("host").with_function("go_on", {
            let stop = stop.clone();
            move || i32::from(!stop.load(Ordering::Relaxed))
        });
        fixture.runtime.instantiate_host_module(&host).unwrap();
        let module = fixture.module(
            r#"(module (import "host" "go_on" (func $go_on (result i32)))
                (func $f (nop))
                (func (export "run") (loop (call $f) (br_if 0 (call $go_on)))))"#,
        );
        let (all, alive) = (Arc::new(Pairs::default()), Arc::new(AtomicI64::new(0)));
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| module.typed_function::<(), ()>("run").unwrap().call(()));
            for _ in 0..10_000 {
                drop(attach_listeners(&module, &PairListener::factory(&all, &alive)).unwrap());
            }
            assert!(alive.load(Ordering::Relaxed) < 1_000);
            stop.store(true, Ordering::Relaxed);
            thread.join().unwrap().unwrap();
        });
    });
}

#[test]
fn ten_thousand_functions_are_attached_in_under_a_second() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let functions: String =
            (0..10_000).map(|at| format!("(func $f{at} (result i32) (i32.const {at}))")).collect();
        let calls: String = (0..10_000).map(|at| format!("(drop (call $f{at}))")).collect();
        let module = fixture.module(&format!(r#"(module {functions} (func (export "run") {calls}))"#));
        let run = module.typed_function::<(), ()>("run").unwrap();
        run.call(()).unwrap();
        let count = Arc::new(AtomicU64::new(0));
        let factory = each_before({
            let count = count.clone();
            move |_, _, _, _, _| _ = count.fetch_add(1, Ordering::Relaxed)
        });
        let start = Instant::now();
        let attachment = attach_listeners(&module, &*factory).unwrap();
        let attached = start.elapsed();
        run.call(()).unwrap();
        assert_eq!(count.load(Ordering::Relaxed), 10_001);
        let start = Instant::now();
        attachment.detach();
        let detached = start.elapsed();
        run.call(()).unwrap();
        assert_eq!(count.load(Ordering::Relaxed), 10_001);
        println!("{}: attached in {attached:?}, detached in {detached:?}", engine.name);
        assert!(attached < Duration::from_secs(1) && detached < Duration::from_secs(1));
    });
}

const NESTED: &str = r#"(module
  (import "host" "change" (func $change))
  (func $inner (call $change))
  (func $outer (export "run") (call $inner) (call $inner)))"#;

/// Runs `NESTED`; `change` is called by the host function the first time.
fn changing(prepare: impl Fn(&Module, &Arc<Log>) -> Option<Attachment>, change: Change, expected: &[&str]) {
    for_each_engine(|engine| {
        let log = Arc::new(Log::default());
        let fixture = Fixture::new((engine.config)());
        let attachment: Arc<Mutex<Option<Attachment>>> = Arc::default();
        let module: Arc<Mutex<Option<Module>>> = Arc::default();
        let host = HostModule::new("host").with_function("change", {
            let (attachment, module, log) = (attachment.clone(), module.clone(), log.clone());
            move || {
                if let Some(module) = module.lock().unwrap().take() {
                    let new = match change {
                        Change::Attach => Some(attach_listeners(&module, &*logging(&log, "")).unwrap()),
                        Change::Detach => None,
                    };
                    let old = std::mem::replace(&mut *attachment.lock().unwrap(), new);
                    drop(old);
                }
            }
        });
        fixture.runtime.instantiate_host_module(&host).unwrap();
        let guest = fixture.module(NESTED);
        *attachment.lock().unwrap() = prepare(&guest, &log);
        *module.lock().unwrap() = Some(guest.clone());
        guest.typed_function::<(), ()>("run").unwrap().call(()).unwrap();
        assert_eq!(log.take(), expected, "{}", engine.name);
    });
}

#[derive(Clone, Copy)]
enum Change {
    Attach,
    Detach,
}

/// Sentence 8.1.
#[test]
fn calls_that_are_running_keep_what_they_began_with() {
    changing(|_, _| None, Change::Attach, &["> inner() 0", "< inner() 1"]);
    changing(
        |module, log| Some(attach_listeners(module, &*logging(log, "")).unwrap()),
        Change::Detach,
        &["> outer() 0", "> inner() 1", "< inner() 2", "< outer() 1"],
    );
}

/// Sentence 8.4.
#[test]
fn a_compiled_module_is_attached_to_in_all_its_instances() {
    for_each_engine(|engine| {
        let log = Arc::new(Log::default());
        let fixture = Fixture::new((engine.config)());
        let compiled = fixture.compile(r#"(module (func $f (export "f")))"#);
        let instance = || {
            let config = ModuleConfig::new().with_name("");
            fixture.runtime.instantiate_module(&compiled, config).unwrap()
        };
        let call = |module: &Module| {
            module.typed_function::<(), ()>("f").unwrap().call(()).unwrap();
            log.take()
        };
        let before = instance();
        let attachment = compiled.attach_listeners(&*logging(&log, "A"));
        let after = instance();
        let own = attach_listeners(&after, &*logging(&log, "B")).unwrap();
        assert_eq!(call(&before), ["A> f() 0", "A< f() 1"]);
        assert_eq!(call(&after), ["A> f() 0", "B> f() 1", "A< f() 2", "B< f() 2"]);
        attachment.detach();
        assert_eq!(call(&before), [""; 0]);
        assert_eq!(call(&after), ["B> f() 0", "B< f() 1"]);
        assert_eq!(call(&instance()), [""; 0]);
        own.keep();
        assert_eq!(call(&after).len(), 2);
    });
}

/// Sentence 8.4.
#[test]
fn host_modules_are_attached_to() {
    for_each_engine(|engine| {
        let log = Arc::new(Log::default());
        let fixture = Fixture::new((engine.config)());
        let host = HostModule::new("host").with_function("add", |a: i32, b: i32| a + b);
        let host = fixture.runtime.instantiate_host_module(&host).unwrap();
        let module = fixture.module(
            r#"(module (import "host" "add" (func $add (param i32 i32) (result i32)))
                (func (export "run") (result i32) (call $add (i32.const 1) (i32.const 2))))"#,
        );
        let run = module.typed_function::<(), i32>("run").unwrap();
        let attachment = attach_listeners(&host, &*logging(&log, "")).unwrap();
        assert_eq!(run.call(()).unwrap(), 3);
        assert_eq!(log.take(), ["> add(1,2) 0", "< add(3) 1"]);
        drop(attachment);
        assert_eq!(run.call(()).unwrap(), 3);
        assert_eq!(log.take(), [""; 0]);
    });
}

/// Sentence 8.5.
#[test]
fn listeners_attach_and_detach_in_callbacks() {
    for_each_engine(|engine| {
        let log = Arc::new(Log::default());
        let fixture = Fixture::new((engine.config)());
        let module = fixture.module(r#"(module (func $f (export "f")))"#);
        let attached: Arc<Mutex<Option<Attachment>>> = Arc::default();
        let toggle = each_before({
            let (log, attached) = (log.clone(), attached.clone());
            move |_, module, _, _, _| {
                let mut attached = attached.lock().unwrap();
                *attached = match attached.take() {
                    None => Some(attach_listeners(module, &*logging(&log, "")).unwrap()),
                    Some(_) => None,
                };
            }
        });
        let _toggle = attach_listeners(&module, &*toggle).unwrap();
        let f = module.typed_function::<(), ()>("f").unwrap();
        // Attached by the first call, told of the second, which detaches it.
        let expected: [&[&str]; 4] = [&[], &["> f() 0", "< f() 1"], &[], &["> f() 0", "< f() 1"]];
        for lines in expected {
            f.call(()).unwrap();
            assert_eq!(log.take(), lines, "{}", engine.name);
        }
    });
}

/// Sentence 8.6.
#[test]
fn an_attachment_does_not_keep_its_module() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let module = fixture.module(r#"(module (func $f (export "f")))"#);
        let listener: Arc<dyn FunctionListener> = Arc::new(
            |_: &Context, _: &Module, _: &FunctionDefinition, _: &[u64], _: &mut dyn StackIterator| {},
        );
        let alive: Weak<dyn FunctionListener> = Arc::downgrade(&listener);
        let factory = move |_: &FunctionDefinition| Some(listener.clone());
        let attachment = attach_listeners(&module, &factory).unwrap();
        drop((module, factory));
        assert!(alive.upgrade().is_none(), "the module is freed, and with it its listeners");
        attachment.detach();
    });
}

/// Sentence 6.1 holds for what is attached too: an instance may be compiled with listeners,
/// instantiated with listeners, and get more.
#[test]
fn attached_listeners_come_last() {
    for_each_engine(|engine| {
        let log = Arc::new(Log::default());
        let fixture = Fixture::new((engine.config)());
        let cx = |label| listening(&logging(&log, label));
        let wasm = wz_testkit::fixture::binary(r#"(module (func $f (export "f")))"#);
        let compiled = fixture.runtime.compile_with(&cx("A"), wasm).unwrap();
        let module =
            fixture.runtime.instantiate_module_with(&cx("B"), &compiled, ModuleConfig::new()).unwrap();
        let _attachment = attach_listeners(&module, &*logging(&log, "C")).unwrap();
        module.typed_function::<(), ()>("f").unwrap().call(()).unwrap();
        assert_eq!(
            log.take(),
            ["A> f() 0", "B> f() 1", "C> f() 2", "A< f() 3", "B< f() 3", "C< f() 3"],
            "{}",
            engine.name
        );
    });
}
