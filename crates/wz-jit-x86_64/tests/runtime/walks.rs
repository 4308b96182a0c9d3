//! Walks from signal handlers: interrupted anywhere, they give the right frames or say that they
//! cannot.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dynasm::dynasm;
use dynasmrt::{DynasmApi, DynasmLabelApi};
use wz_api::{Context, HostModule};
use wz_jit::runtime::builtins::Builtin;
use wz_jit::runtime::slots::SlotRef;
use wz_jit::runtime::walk::Walk;

use super::support::{Bodies, Hand, add, call};

#[path = "../../../wz-jit/tests/shared/interrupted_thread.rs"]
mod interrupted_thread;

/// Walks by depth; those that could not be; and those with a frame that is wrong.
static DEPTHS: [AtomicU64; 8] = [const { AtomicU64::new(0) }; 8];
static UNWALKABLE: AtomicU64 = AtomicU64::new(0);
static WRONG: AtomicU64 = AtomicU64::new(0);
static EXAMPLE: [AtomicU64; 8] = [const { AtomicU64::new(0) }; 8];

const LEAF: u32 = 1;
const MIDDLE: u32 = 2;
const OUTER: u32 = 3;
const LARGE: u32 = 4;

/// Whether the frames, innermost first, are ones that the program can have.
fn is_possible(frames: &[(u32, u32)]) -> bool {
    let Some((outermost, inner)) = frames.split_last() else { return true };
    if outermost.0 != OUTER || (!inner.is_empty() && outermost.1 != 30) {
        return false;
    }
    let Some((second, inner)) = inner.split_last() else { return true };
    match second.0 {
        // Called, or reached by a tail call.
        LEAF | LARGE => inner.is_empty(),
        MIDDLE => match inner {
            [] => true,
            [innermost] => innermost.0 == LEAF && second.1 == 20,
            _ => false,
        },
        _ => false,
    }
}

extern "C" fn walk(_: libc::c_int, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
    if !interrupted_thread::is_this() {
        return;
    }
    // SAFETY: on the interrupted thread, with what the handler got.
    let Ok(mut walk) = (unsafe { Walk::from_signal(context) }) else {
        UNWALKABLE.fetch_add(1, Ordering::Relaxed);
        return;
    };
    let (mut frames, mut depth) = ([(0, 0); 8], 0);
    // SAFETY: as above.
    while let Some(frame) = unsafe { walk.next() } {
        if depth < frames.len() {
            frames[depth] = (frame.function, frame.code_offset);
        }
        depth += 1;
    }
    DEPTHS[depth.min(7)].fetch_add(1, Ordering::Relaxed);
    if depth > 7 || !is_possible(&frames[..depth]) {
        WRONG.fetch_add(1, Ordering::Relaxed);
        for (example, (function, offset)) in EXAMPLE.iter().zip(frames) {
            example.store(u64::from(function) * 1000 + u64::from(offset), Ordering::Relaxed);
        }
    }
}

fn bodies() -> Bodies {
    Bodies::new()
        .with("leaf", |request| {
            let mut hand = Hand::leaf(request);
            hand.at(10);
            dynasm!(hand.ops; .arch x64; add rax, 1);
            hand.end()
        })
        .with("middle", |request| {
            let mut hand = Hand::calling(request, 32);
            hand.at(20).call(SlotRef::Function(0));
            hand.at(21).call_import(0, 0);
            hand.at(22).builtin(Builtin::RefFunc, 1);
            hand.at(23).builtin(Builtin::Interrupted, 0);
            hand.at(24);
            let outgoing = 32;
            hand.tail_call(SlotRef::Function(3), outgoing)
        })
        .with("outer", |request| {
            let mut hand = Hand::calling(request, 8);
            hand.at(29);
            dynasm!(hand.ops; .arch x64; mov DWORD [rbp - 16], 20_000; again:);
            hand.at(30).call(SlotRef::Function(1));
            hand.at(31);
            dynasm!(hand.ops; .arch x64; sub DWORD [rbp - 16], 1; jnz <again);
            hand.end()
        })
        .with("large", |request| {
            let mut hand = Hand::calling(request, 100_000);
            hand.at(40);
            hand.end()
        })
}

#[test]
fn interrupted_threads_are_walked_correctly_or_not_at_all() {
    interrupted_thread::handle(libc::SIGUSR1, walk);
    let store = bodies().store();
    let host = HostModule::new("host").with_function("nothing", || {
        std::hint::black_box(());
    });
    store.instantiate_host(&Context::background(), &host).unwrap();
    // `large` takes four parameters on the stack, more than `middle` has.
    let ints = "i64 ".repeat(12);
    let module = add(
        &store,
        &format!(
            r#"(module (import "host" "nothing" (func))
                (func (export "leaf")) (func (export "middle")) (func (export "outer"))
                (func (export "large") (param {ints})))"#
        ),
    );
    interrupted_thread::interrupt(
        libc::SIGUSR1,
        Duration::from_secs(3),
        Duration::from_micros(20),
        move || {
            call(&module, "outer", &[]).unwrap();
        },
    );
    let depths: Vec<_> = DEPTHS.iter().map(|count| count.load(Ordering::Relaxed)).collect();
    let example: Vec<_> = EXAMPLE.iter().map(|word| word.load(Ordering::Relaxed)).collect();
    let unwalkable = UNWALKABLE.load(Ordering::Relaxed);
    assert_eq!(WRONG.load(Ordering::Relaxed), 0, "{depths:?} {example:?}");
    let walked: u64 = depths.iter().sum();
    assert!(depths[1] > 0 && depths[2] > 0, "{depths:?}");
    assert!(unwalkable * 2 < walked, "{unwalkable} not walked, {walked} walked");
}
