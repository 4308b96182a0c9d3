//! How functions get code: lazily, eagerly, together, or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dynasm::dynasm;
use dynasmrt::DynasmApi;
use wz_api::{Error, FunctionType, Trap, ValueType};
use wz_core::elsewhere::{Elsewhere, ElsewhereCall, ElsewhereModule, Step};
use wz_core::engine::{CompileOptions, Frame, FrameCursor, Raised, Unwalkable};
use wz_core::probes::FunctionProbes;
use wz_core::snapshot::SavedFrames;
use wz_decode::ModuleInfo;
use wz_jit::runtime::code_memory;
use wz_jit::runtime::code_memory::CodeMemory;
use wz_jit::runtime::slots::SlotRef;

use super::support::{Bodies, Hand, HandEngine, add, call, instance, trap_of};

/// `f0` to `f9` add their number.
fn adders() -> Bodies {
    (0..10).fold(Bodies::new(), |bodies, number| {
        bodies.with(&format!("f{number}"), move |request| {
            let mut hand = Hand::leaf(request);
            dynasm!(hand.ops; .arch x64; add rax, number);
            hand.end()
        })
    })
}

fn text() -> String {
    let function = |number| format!(r#"(func (export "f{number}") (param i64) (result i64) local.get 0)"#);
    format!("(module {})", (0..10).map(function).collect::<String>())
}

fn check(bodies: Bodies, configure: impl FnOnce(&mut wz_core::StoreConfig), compiled_at_first: usize) {
    let compiled = bodies.compiled.clone();
    let store = bodies.engine().store(configure);
    let module = add(&store, &text());
    let mut first = true;
    for _ in 0..2 {
        for number in 0..10 {
            assert_eq!(call(&module, &format!("f{number}"), &[100]).unwrap(), [100 + number]);
            if std::mem::take(&mut first) {
                assert_eq!(compiled.load(Ordering::SeqCst), compiled_at_first);
            }
        }
    }
    assert_eq!(compiled.load(Ordering::SeqCst), 10);
}

#[test]
fn functions_are_compiled_when_they_are_to_be() {
    check(adders(), |_| {}, 1);
    check(adders().together(), |_| {}, 10);
    for threads in [1, 2, 8] {
        check(
            adders(),
            |config| {
                config.eager = true;
                config.threads = threads;
            },
            10,
        );
    }
}

/// Runs functions as if they added 1000.
#[derive(Clone, Debug, Default)]
struct Thousand(Arc<AtomicUsize>);

impl Elsewhere for Thousand {
    fn module(&self, _: &Arc<ModuleInfo>, _: &CompileOptions) -> Arc<dyn ElsewhereModule> {
        Arc::new(self.clone())
    }
}

impl ElsewhereModule for Thousand {
    unsafe fn begin(&self, call: &ElsewhereCall<'_>) -> Result<Step, Raised> {
        self.0.fetch_add(1, Ordering::SeqCst);
        assert!(!call.listened);
        // SAFETY: the functions have one parameter and one result.
        unsafe {
            if *call.slots == 666 {
                return Err(call.activation.raise_trap(Trap::IntegerOverflow));
            }
            *call.slots += 1000 + u64::from(call.function) * 10_000;
        }
        Ok(Step::Returned)
    }

    unsafe fn resume(&self, _: *const ()) -> Result<Step, Raised> {
        unreachable!("runs have one step")
    }

    unsafe fn discard(&self, _: *const ()) {
        unreachable!("runs have one step")
    }

    unsafe fn next_frame(&self, _: *const (), _: &mut FrameCursor) -> Option<Frame> {
        None
    }

    unsafe fn walk_interrupted(&self, _: *const (), _: &mut dyn FnMut(&Frame)) -> Result<(), Unwalkable> {
        Err(Unwalkable)
    }

    unsafe fn save(&self, _: *const (), _: bool) -> Option<SavedFrames> {
        None
    }

    unsafe fn restore(&self, _: &SavedFrames) {
        unreachable!("nothing is saved")
    }

    unsafe fn resume_restored(&self, _: *const (), _: &[u64]) -> Result<Step, Raised> {
        unreachable!("nothing is saved")
    }

    fn set_listened(&self, _: u32, _: bool) {}

    fn set_probes(&self, _: u32, _: Option<Arc<FunctionProbes>>) {}
}

#[test]
fn without_executable_memory_functions_run_elsewhere() {
    let elsewhere = Arc::new(Thousand::default());
    let memory = CodeMemory::unlimited();
    let bodies = adders().with("f9", |request| {
        let mut hand = Hand::calling(request, 0);
        hand.at(3).call(SlotRef::Function(1)).call(SlotRef::Function(0));
        hand.end()
    });
    let engine = HandEngine { elsewhere: Some(elsewhere.clone()), memory: memory.clone(), bodies };
    let store = engine.store(|_| {});
    let module = add(&store, &text());
    assert_eq!(call(&module, "f0", &[1]).unwrap(), [1]);
    assert_eq!(call(&module, "f9", &[1]).unwrap(), [2]);
    memory.refuse(true);
    for round in 1..4 {
        assert_eq!(call(&module, "f2", &[1]).unwrap(), [21_001]);
        assert_eq!(elsewhere.0.load(Ordering::SeqCst), round);
    }
    let error = call(&module, "f3", &[666]).unwrap_err();
    assert_eq!(error.trap(), Some(Trap::IntegerOverflow));
    assert_eq!(call(&module, "f9", &[1]).unwrap(), [2], "what is compiled stays");
    // Functions run where they were sent, new ones are compiled again.
    memory.refuse(false);
    assert_eq!(call(&module, "f2", &[1]).unwrap(), [21_001]);
    assert_eq!(call(&module, "f4", &[1]).unwrap(), [5]);
}

#[test]
fn without_anything_to_run_them_calls_fail() {
    let memory = CodeMemory::unlimited();
    let engine = HandEngine { elsewhere: None, memory: memory.clone(), bodies: adders() };
    let store = engine.store(|_| {});
    let module = add(&store, &text());
    memory.refuse(true);
    let error = call(&module, "f1", &[1]).unwrap_err();
    assert!(error.to_string().contains("executable memory is refused"), "{error}");
    memory.refuse(false);
    assert_eq!(call(&module, "f1", &[1]).unwrap(), [2]);
}

#[test]
fn a_module_is_refused_as_a_whole_when_not_even_stubs_fit() {
    let memory = CodeMemory::unlimited();
    memory.refuse(true);
    let engine = HandEngine { elsewhere: None, memory, bodies: adders() };
    let store = engine.store(|_| {});
    let compiled = store.compile(&wz_api::Context::background(), wat::parse_str(text()).unwrap());
    assert!(compiled.unwrap_err().to_string().contains("refused"));
}

#[test]
fn errors_of_the_compiler_are_errors_of_the_call() {
    let bodies = Bodies::new().fallible("bad", |_| Err(Error::limit("too large"))).with("good", |request| {
        let mut hand = Hand::calling(request, 0);
        hand.at(8).call(SlotRef::Function(0));
        hand.end()
    });
    let instance = instance(bodies, r#"(module (func (export "bad")) (func (export "good")))"#);
    for name in ["bad", "good", "bad"] {
        let error = instance.call(name, &[]).unwrap_err();
        assert!(error.to_string().contains("too large"), "{error}");
        assert_eq!(trap_of(&error).0, None);
    }
}

/// Lazily compiled functions find all arguments as they were passed.
#[test]
fn the_lazy_stub_preserves_arguments() {
    let mixed = [ValueType::I64, ValueType::V128, ValueType::F64, ValueType::I32];
    let types: Vec<_> = mixed.into_iter().cycle().take(24).collect();
    let names: String = types.iter().map(|ty| format!("{} ", ty.name())).collect();
    let same = |request: &super::support::Request<'_>| {
        let layout = request.layout();
        let mut hand = Hand::leaf(request);
        for offset in (0..layout.result_area_bytes as i32).step_by(8) {
            dynasm!(hand.ops; .arch x64; mov r11, [rbp + 16 + offset]; mov [r10 + offset], r11);
        }
        hand.end()
    };
    let instance = instance(
        Bodies::new().with("same", same),
        &format!(r#"(module (func (export "same") (param {names}) (result {names}) unreachable))"#),
    );
    let slots = FunctionType::new(types, []).param_slots() as u64;
    let words: Vec<_> = (1..=slots).collect();
    for _ in 0..2 {
        assert_eq!(instance.call("same", &words).unwrap(), words);
    }
}

#[test]
fn code_goes_with_the_module() {
    let memory = CodeMemory::unlimited();
    for _ in 0..50 {
        let engine = HandEngine { elsewhere: None, memory: memory.clone(), bodies: adders() };
        let store = engine.store(|config| config.eager = true);
        let module = add(&store, &text());
        assert_eq!(call(&module, "f7", &[1]).unwrap(), [8]);
        assert!(memory.used_bytes() > 0);
    }
    // Other tests may be running guests for a moment.
    while memory.used_bytes() > 0 {
        code_memory::collect();
        std::thread::yield_now();
    }
}
