//! Listened functions: wrappers around plain bodies, and bodies that tell themselves.

use std::sync::{Arc, Mutex};

use dynasm::dynasm;
use dynasmrt::DynasmApi;
use wz_api::{Context, Error, FunctionDefinition, Module, Trap};
use wz_core::InstanceOptions;
use wz_experimental::{FunctionListener, FunctionListenerFactory, StackIterator};
use wz_jit::runtime::builtins::Builtin;
use wz_jit::runtime::module::Version;
use wz_jit::runtime::slots::SlotRef;

use super::support::{Bodies, Hand, call};

pub(super) type Log = Arc<Mutex<Vec<String>>>;

/// Notes what it is told, with the frames.
#[derive(Clone)]
pub(super) struct Logger(pub(super) Log);

impl Logger {
    fn note(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }
}

impl FunctionListener for Logger {
    fn before(
        &self,
        _: &Context,
        _: &Module,
        definition: &FunctionDefinition,
        params: &[u64],
        stack: &mut dyn StackIterator,
    ) -> Option<Context> {
        let mut frames = Vec::new();
        while stack.next() {
            let pc = stack.program_counter();
            let offset = stack.function().source_offset_for_pc(pc);
            frames.push(format!("{}@{offset}", stack.function().definition().index()));
        }
        self.note(format!("before {} {params:?} {}", definition.index(), frames.join(" ")));
        None
    }

    fn after(&self, _: &Context, _: &Module, definition: &FunctionDefinition, results: &[u64]) {
        self.note(format!("after {} {results:?}", definition.index()));
    }

    fn abort(&self, _: &Context, _: &Module, definition: &FunctionDefinition, error: &Error) {
        self.note(format!("abort {} {:?}", definition.index(), error.trap()));
    }

    fn tail_call(&self, _: &Context, _: &Module, definition: &FunctionDefinition) {
        self.note(format!("tail call {}", definition.index()));
    }
}

impl FunctionListenerFactory for Logger {
    fn new_function_listener(&self, _: &FunctionDefinition) -> Option<Arc<dyn FunctionListener>> {
        Some(Arc::new(self.clone()))
    }
}

fn listened(bodies: Bodies, text: &str) -> (Module, Log) {
    let log = Log::default();
    let factory = Arc::new(Logger(log.clone()));
    let cx = wz_experimental::with_function_listener_factory(&Context::background(), factory);
    let store = bodies.store();
    let compiled = store.compile(&cx, wat::parse_str(text).unwrap()).unwrap();
    let module = store.instantiate(&Context::background(), &compiled, InstanceOptions::default()).unwrap();
    std::mem::forget(store);
    (module, log)
}

fn bodies() -> Bodies {
    Bodies::new()
        .with("inner", |request| {
            let mut hand = Hand::leaf(request);
            dynasm!(hand.ops; .arch x64; add eax, 1);
            hand.end()
        })
        .with("outer", |request| {
            let mut hand = Hand::calling(request, 0);
            hand.at(50).call(SlotRef::Function(0));
            dynasm!(hand.ops; .arch x64; add eax, 1);
            hand.end()
        })
        .with("trap", |request| {
            let mut hand = Hand::calling(request, 0);
            hand.at(60).call(SlotRef::Function(1));
            hand.at(61).trap(Trap::IntegerOverflow);
            hand.finish()
        })
}

const TEXT: &str = r#"(module
    (func (export "inner") (param i32) (result i32) (local i64 i64) local.get 0)
    (func (export "outer") (param i32) (result i32) local.get 0)
    (func (export "trap") (param i32) (result i32) local.get 0))"#;

#[test]
fn wrappers_tell_before_and_after_with_frames() {
    let (module, log) = listened(bodies(), TEXT);
    for _ in 0..2 {
        log.lock().unwrap().clear();
        assert_eq!(call(&module, "outer", &[7]).unwrap(), [9]);
        let told = log.lock().unwrap().clone();
        assert_eq!(told, ["before 1 [7] 1@10", "before 0 [7] 0@5 1@50", "after 0 [8]", "after 1 [9]"]);
    }
}

#[test]
fn traps_abort_listened_frames() {
    let (module, log) = listened(bodies(), TEXT);
    let error = call(&module, "trap", &[1]).unwrap_err();
    let (trap, trace) = super::support::trap_of(&error);
    assert_eq!((trap, trace), (Some(Trap::IntegerOverflow), vec![(2, Some(61))]));
    let told = log.lock().unwrap().clone();
    assert_eq!(told.last().unwrap(), "abort 2 Some(IntegerOverflow)");
    assert_eq!(told.iter().filter(|line| line.starts_with("abort")).count(), 1);
    assert_eq!(told.iter().filter(|line| line.starts_with("after 0")).count(), 1);
}

#[test]
fn wrappers_pass_every_kind_of_value() {
    // More values than registers, in both directions.
    let types = "i32 f32 v128 f64 i64 ".repeat(8);
    let text = format!(r#"(module (func (export "same") (param {types}) (result {types}) unreachable))"#);
    let same = |request: &super::support::Request<'_>| {
        let layout = request.layout();
        let mut hand = Hand::leaf(request);
        for offset in (0..layout.result_area_bytes as i32).step_by(8) {
            dynasm!(hand.ops
                ; .arch x64
                ; movsd xmm15, [rbp + 16 + offset]
                ; movsd [r10 + offset], xmm15
            );
        }
        hand.end()
    };
    let (module, log) = listened(Bodies::new().with("same", same), &text);
    let words: Vec<u64> = (0..48).map(|slot| if slot % 6 < 2 { slot + 1 } else { !slot }).collect();
    assert_eq!(call(&module, "same", &words).unwrap(), words);
    let told = log.lock().unwrap().clone();
    assert_eq!(told[0], format!("before 0 {words:?} 0@3"));
    assert_eq!(told[1], format!("after 0 {words:?}"));
}

#[test]
fn attaching_and_detaching_is_for_calls_from_then_on() {
    let store = bodies().store();
    let cx = Context::background();
    let compiled = store.compile(&cx, wat::parse_str(TEXT).unwrap()).unwrap();
    let module = store.instantiate(&cx, &compiled, InstanceOptions::default()).unwrap();
    let engine = compiled.engine_module();
    assert_eq!(call(&module, "outer", &[1]).unwrap(), [3]);
    for _ in 0..1000 {
        for function in 0..3 {
            engine.set_listened(function, true);
        }
        assert_eq!(call(&module, "outer", &[1]).unwrap(), [3]);
        for function in 0..3 {
            engine.set_listened(function, false);
        }
        assert_eq!(call(&module, "outer", &[1]).unwrap(), [3]);
    }
}

/// A function with tail calls has a body that tells listeners itself.
#[test]
fn bodies_that_make_tail_calls_tell_themselves() {
    let bodies = Bodies::new()
        .with("end", |request| Hand::leaf(request).end())
        .with("tail", |request| {
            let mut hand = Hand::calling(request, 32);
            if request.version == Version::Listened {
                dynasm!(hand.ops
                    ; .arch x64
                    ; mov eax, eax
                    ; mov [rbp - 16], rax
                    ; lea rax, [rbp - 16]
                );
                hand.at(9).builtin(Builtin::ListenBefore, 1);
                hand.builtin(Builtin::ListenTailCall, 1);
                dynasm!(hand.ops; .arch x64; mov rax, [rbp - 16]);
            }
            hand.tail_call(SlotRef::Function(0), 0)
        })
        .telling("tail");
    let compiled = bodies.compiled.clone();
    let text = r#"(module
        (func (export "end") (param i32) (result i32) local.get 0)
        (func (export "tail") (param i32) (result i32) local.get 0))"#;
    let (module, log) = listened(bodies, text);
    assert_eq!(call(&module, "tail", &[5]).unwrap(), [5]);
    let told = log.lock().unwrap().clone();
    assert_eq!(told, ["before 1 [5] 1@9", "tail call 1", "before 0 [5] 0@3", "after 0 [5]"]);
    assert_eq!(compiled.load(std::sync::atomic::Ordering::SeqCst), 2);
}
