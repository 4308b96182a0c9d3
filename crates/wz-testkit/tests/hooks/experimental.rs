//! What `wz::experimental` has besides listeners, probes and events.

use std::sync::{Arc, Mutex};

use wz::experimental::fakes::{FakeModule, call_host_function};
use wz::experimental::{
    FunctionListener, FunctionListenerFactory, InternalModule, MultiFunctionListenerFactory, ProgramCounter,
    StackFrame, StackIterator, benchmark_function_listener, lookup_function, new_stack_iterator,
    with_function_listener_factory, with_import_resolver,
};
use wz::{
    Caller, Context, Error, FunctionDefinition, HostFunction, Module, ModuleConfig, Trap, Value, ValueType,
};
use wz_testkit::engines::for_each_engine;
use wz_testkit::fixture::{Fixture, binary};

const GUEST: &str = r#"(module
  (type $t (func (param i32) (result i32)))
  (table $t 3 funcref)
  (table $x 1 externref)
  (elem (i32.const 0) $double)
  (memory 2)
  (global $a i32 (i32.const 7))
  (global $b (mut i64) (i64.const 8))
  (func $double (type $t) (i32.mul (local.get 0) (i32.const 2)))
  (func $count (export "count") (global.set $b (i64.add (global.get $b) (i64.const 1)))))"#;

#[test]
fn internal_modules_have_what_is_not_exported() {
    for_each_engine(|engine| {
        let module = Fixture::new((engine.config)()).module(GUEST);
        let internal = InternalModule::new(&module);
        assert_eq!(internal.num_globals(), 2);
        assert!(matches!(internal.global(0).unwrap().get(), Value::I32(7)));
        let b = internal.global(1).unwrap();
        assert_eq!((b.ty(), b.to_string()), (ValueType::I64, "global(8)".into()));
        module.exported_function("count").unwrap().call(&[]).unwrap();
        assert_eq!(b.get_word(), 9);
        assert!(internal.global(2).is_none());
        assert_eq!((internal.num_functions(), internal.num_tables(), internal.num_memories()), (2, 2, 1));
        assert_eq!(internal.function(0).unwrap().call(&[21]).unwrap(), [42]);
        assert_eq!(internal.memory(0).unwrap().size(), 2 << 16);
        assert_eq!(internal.table(0).unwrap().size(), 3);
        assert!(
            internal.function(2).is_none() && internal.table(2).is_none() && internal.memory(1).is_none()
        );
    });
}

#[test]
fn functions_are_looked_up_as_call_indirect_does() {
    for_each_engine(|engine| {
        let module = Fixture::new((engine.config)()).module(GUEST);
        let i32 = [ValueType::I32];
        let double = lookup_function(&module, 0, 0_u32, &i32, &i32).unwrap();
        assert_eq!(double.call(&[4]).unwrap(), [8]);
        let fails = |table, offset: u64, params: &[ValueType]| {
            lookup_function(&module, table, offset, params, &i32).unwrap_err()
        };
        assert_eq!(fails(0, 0, &[]).trap(), Some(Trap::IndirectCallTypeMismatch));
        assert_eq!(fails(0, 1, &i32).trap(), Some(Trap::InvalidTableAccess));
        assert_eq!(fails(0, 3, &i32).trap(), Some(Trap::InvalidTableAccess));
        assert_eq!(fails(0, u64::MAX, &i32).trap(), Some(Trap::InvalidTableAccess));
        assert!(fails(1, 0, &i32).to_string().contains("holds no functions"));
        assert!(fails(2, 0, &i32).to_string().contains("has no table 2"));
    });
}

#[test]
fn import_resolvers_come_before_names() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let one = fixture.module(r#"(module (func (export "f") (result i32) (i32.const 1)))"#);
        let two = fixture.module(r#"(module (func (export "f") (result i32) (i32.const 2)))"#);
        let _env = fixture.named("env", r#"(module (func (export "f") (result i32) (i32.const 3)))"#);
        let compiled = fixture.compile(
            r#"(module (import "env" "f" (func $f (result i32))) (func (export "g") (result i32) (call $f)))"#,
        );
        let instance = |cx: &Context| {
            let config = ModuleConfig::new().with_name("");
            let module = fixture.runtime.instantiate_module_with(cx, &compiled, config).unwrap();
            module.typed_function::<(), i32>("g").unwrap().call(()).unwrap()
        };
        for (module, expected) in [(Some(one), 1), (Some(two), 2), (None, 3)] {
            let cx = with_import_resolver(&Context::background(), move |name| {
                assert_eq!(name, "env");
                module.clone()
            });
            assert_eq!(instance(&cx), expected);
        }
        assert_eq!(instance(&Context::background()), 3);
    });
}

struct Depth(u32);

/// Writes its name, the depth of the context and the top of the stack.
struct Noting(&'static str, Arc<Mutex<Vec<String>>>);

impl Noting {
    fn add(&self, event: &str, cx: &Context, rest: &str) {
        let depth = cx.value::<Depth>().map_or(0, |depth| depth.0);
        self.1.lock().unwrap().push(format!("{} {event} {depth} {rest}", self.0));
    }
}

impl FunctionListener for Noting {
    fn before(
        &self,
        cx: &Context,
        _: &Module,
        _: &FunctionDefinition,
        params: &[u64],
        stack: &mut dyn StackIterator,
    ) -> Option<Context> {
        let mut frames = Vec::new();
        while stack.next() {
            frames.push(format!(
                "{}{:?}@{}",
                stack.function().definition().name(),
                stack.parameters().unwrap_or_default(),
                stack.function().source_offset_for_pc(stack.program_counter())
            ));
        }
        self.add("before", cx, &format!("{params:?} {}", frames.join(" ")));
        let depth = cx.value::<Depth>().map_or(0, |depth| depth.0);
        (self.0 != "quiet").then(|| cx.with_value(Depth(depth + 1)))
    }

    fn after(&self, cx: &Context, _: &Module, _: &FunctionDefinition, results: &[u64]) {
        self.add("after", cx, &format!("{results:?}"));
    }

    fn abort(&self, cx: &Context, _: &Module, _: &FunctionDefinition, error: &Error) {
        self.add("abort", cx, &error.trap().unwrap().to_string());
    }
}

#[test]
fn several_factories_are_one() {
    for_each_engine(|engine| {
        let log = Arc::default();
        let make = |name: &'static str| {
            let listener: Arc<dyn FunctionListener> = Arc::new(Noting(name, Arc::clone(&log)));
            let factory: Arc<dyn FunctionListenerFactory> =
                Arc::new(move |definition: &FunctionDefinition| {
                    (definition.name() != "skipped" && (name == "A" || definition.name() == "f"))
                        .then(|| listener.clone())
                });
            factory
        };
        let multi = MultiFunctionListenerFactory::new([make("A"), make("quiet"), make("B")]);
        let cx = with_function_listener_factory(&Context::background(), Arc::new(multi));
        let fixture = Fixture::new((engine.config)());
        let wasm = binary(
            r#"(module
                (func $f (export "f") (param i32) (result i32) (call $skipped) (call $one) (local.get 0))
                (func $skipped) (func $one) (func $traps (export "traps") unreachable))"#,
        );
        let module = fixture.runtime.instantiate_with(&cx, wasm, ModuleConfig::new()).unwrap();
        module.exported_function("f").unwrap().call(&[5]).unwrap();
        let lines: Vec<String> = std::mem::take(&mut *log.lock().unwrap());
        let lines: Vec<_> = lines.iter().map(|line| line.split('@').next().unwrap()).collect();
        assert_eq!(
            lines,
            [
                "A before 0 [5] f[5]",
                "quiet before 1 [5] f[5]",
                "B before 1 [5] f[5]",
                "A before 2 [] one[]",
                "A after 3 []",
                "A after 2 [5]",
                "quiet after 2 [5]",
                "B after 2 [5]",
            ],
            "{}",
            engine.name
        );
        module.exported_function("traps").unwrap().call(&[]).unwrap_err();
        assert_eq!(log.lock().unwrap()[1], "A abort 1 unreachable");
    });
}

#[test]
fn stacks_are_made_of_frames() {
    let module = FakeModule::new("m")
        .with_function("f", HostFunction::new(|value: i32| value))
        .with_function("g", HostFunction::new(|| {}))
        .build();
    let frame = |name: &str, params: &[u64], pc| StackFrame {
        function: module.exported_function(name).unwrap(),
        params: params.to_vec(),
        results: vec![9],
        program_counter: ProgramCounter(pc),
        source_offset: pc * 10,
    };
    let frames = [frame("g", &[], 1), frame("f", &[3], 2)];
    let mut stack = new_stack_iterator(&frames);
    for _ in 0..2 {
        // The last one is the top.
        assert!(stack.next());
        assert_eq!(stack.function().definition().debug_name(), "m.f");
        assert_eq!(stack.parameters(), Some(&[3][..]));
        assert_eq!(stack.function().source_offset_for_pc(stack.program_counter()), 20);
        assert_eq!(stack.function().source_offset_for_pc(ProgramCounter(3)), 0);
        assert!(stack.next());
        assert_eq!(stack.function().definition().debug_name(), "m.g");
        assert!(!stack.next() && !stack.next());
        stack.reset();
    }

    // Index 0 is the top.
    let log = Arc::default();
    let listener = Noting("A", Arc::clone(&log));
    benchmark_function_listener(2, &module, &[frame("f", &[3], 2), frame("g", &[], 1)], &listener).unwrap();
    let expected = ["A before 0 [3] f[3]@20 g[]@10", "A after 1 [9]"].repeat(2);
    assert_eq!(*log.lock().unwrap(), expected);
    assert!(benchmark_function_listener(1, &module, &[], &listener).is_err());
}

#[test]
fn host_functions_run_in_fakes() {
    struct State(u32);
    let function = HostFunction::new(|caller: &mut Caller<'_>, at: u32| -> wz::Result<u32> {
        let memory = caller.memory().unwrap();
        memory.write_u32(at, 77).ok_or_else(|| Error::host("outside"))?;
        let module = caller.module().unwrap();
        let back = module.typed_function::<u32, u32>("back")?.call(memory.grow(1_u32).unwrap_or(99) as u32)?;
        module.exported_global("g").unwrap().set(back as i32)?;
        Ok(back + caller.extension::<State>().unwrap().0)
    });
    let module = FakeModule::new("app")
        .with_memory(1, Some(2))
        .with_global("g", 1_i32, true)
        .with_extension(State(1000))
        .with_function("back", HostFunction::new(|value: u32| value + 10))
        .build();
    let call = |function: &HostFunction, params: &[u64]| {
        call_host_function(function, &module, &Context::background(), params)
    };
    assert_eq!(call(&function, &[65_532]).unwrap(), [1011]);
    assert_eq!(module.memory().unwrap().read_u32(65_532_u32), Some(77));
    assert_eq!(module.memory().unwrap().pages(), 2);
    assert!(matches!(module.exported_global("g").unwrap().get(), Value::I32(11)));
    assert_eq!(call(&function, &[0]).unwrap(), [1109]);
    assert_eq!(call(&function, &[u64::from(u32::MAX)]).unwrap_err().to_string(), "outside");
    assert!(call(&function, &[]).unwrap_err().to_string().contains("expected 1 params"));
    assert!(!module.is_closed());
    let exit = HostFunction::new(|| -> wz::Result<()> { Err(Error::exit(3)) });
    assert_eq!(call(&exit, &[]).unwrap_err().exit_code(), Some(3));
    assert_eq!(module.exit_code(), Some(3));

    // WASI runs on it too.
    let module = FakeModule::new("app").with_memory(1, None).build();
    let wasi = wz::wasi::snapshot_preview1();
    let (_, random_get) = wasi.functions().iter().find(|(name, _)| **name == *"random_get").unwrap();
    let cx = Context::background();
    assert_eq!(call_host_function(random_get, &module, &cx, &[0, 8]).unwrap().len(), 1);
}

/// A runtime refuses what is not its own.
#[test]
fn fakes_are_no_modules_of_a_runtime() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        let fake = FakeModule::new("env").with_function("f", HostFunction::new(|| {})).build();
        let compiled = fixture.compile(r#"(module (import "env" "f" (func)))"#);
        let cx = with_import_resolver(&Context::background(), move |_| Some(fake.clone()));
        let result = fixture.runtime.instantiate_module_with(&cx, &compiled, ModuleConfig::new());
        assert!(result.is_err(), "{}", engine.name);
    });
}
