//! Guests are interrupted by signals at random instants, and their stacks walked in the handler:
//! every walk is complete and right, or says that it could not be made.
//!
//! What is right is known from listeners, which saw every call of the same program before: who is
//! called from which operator of whom.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::collections::{HashMap, HashSet};
use std::ffi::c_void;
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use wz::experimental::{StackIterator, attach_listeners};
use wz::sampling::{CodeId, code_id, walk_interrupted};
use wz::{Caller, Context, FunctionDefinition, HostModule, Module};
use wz_testkit::engines::{EngineUnderTest, engine, engines};
use wz_testkit::fixture::{Fixture, binary};

#[path = "../../wz-jit/tests/shared/interrupted_thread.rs"]
mod interrupted_thread;

const GUEST: &str = r#"(module
  (import "env" "back" (func $back (param i32) (result i32)))
  (import "env" "nothing" (func $nothing))
  (type $t (func (param i32) (result i32)))
  (memory 1)
  (table 4 funcref)
  (elem (i32.const 0) $leaf $mid $fib $wide)
  (func $leaf (type $t)
    (i32.add (i32.load (i32.and (local.get 0) (i32.const 1020))) (i32.const 3)))
  (func $fib (type $t)
    (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
      (then (call $leaf (local.get 0)))
      (else (i32.add
        (call $fib (i32.sub (local.get 0) (i32.const 1)))
        (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
  (func $wide (type $t) (local $sum i64)
    (loop $again
      (local.set $sum (i64.add (local.get $sum) (call $many
        (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6)
        (i64.const 7) (i64.const 8) (i64.const 9) (i64.const 10) (i64.const 11) (i64.const 12))))
      (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (i32.wrap_i64 (local.get $sum)))
  (func $many (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64) (result i64)
    (call $nothing)
    (i64.add (local.get 11) (i64.extend_i32_u (call $leaf (i32.wrap_i64 (local.get 4))))))
  (func $tail (type $t) (return_call_indirect (type $t) (local.get 0) (i32.const 0)))
  (func $mid (type $t) (local $i i32)
    (loop $again
      (drop (call_indirect (type $t) (local.get $i) (i32.const 0)))
      (drop (call $tail (local.get $i)))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get 0))))
    (local.get $i))
  (func $inner (export "inner") (type $t)
    (drop (memory.grow (i32.const 0)))
    (call_indirect (type $t) (local.get 0) (i32.const 2)))
  (func (export "trap") (type $t) (call $deep (local.get 0)))
  (func $deep (type $t) (i32.load (i32.const 0x10000)))
  (func (export "run") (type $t)
    (drop (call $fib (i32.const 8)))
    (drop (call $mid (i32.const 6)))
    (drop (call $wide (i32.const 9)))
    (drop (call $back (i32.const 5)))
    (call $tail (i32.const 1))))"#;

/// A function: of the guest, or the host's.
type Function = (bool, u32);
/// A caller, where it calls, and what.
type Edge = (Function, u32, Function);

/// Room for the frames of a walk, and for how many walks.
const FRAMES: usize = 48;
const SAMPLES: usize = 1 << 14;

/// A walk: how many frames, the program counter, and the frames, each in three words.
struct Samples {
    words: Box<[AtomicU64]>,
    taken: AtomicUsize,
    unwalkable: AtomicUsize,
    idle: AtomicUsize,
}

const WORDS: usize = 2 + FRAMES * 3;

/// The tests share what the handler writes to.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// What the handler writes to.
static SAMPLES_NOW: AtomicPtr<Samples> = AtomicPtr::new(std::ptr::null_mut());

extern "C" fn sample(_: libc::c_int, _: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: it is leaked.
    let Some(samples) = (unsafe { SAMPLES_NOW.load(Ordering::Acquire).as_ref() }) else { return };
    let number = samples.taken.load(Ordering::Relaxed);
    if !interrupted_thread::is_this() || number >= SAMPLES {
        return;
    }
    let words = &samples.words[number * WORDS..][..WORDS];
    let mut depth = 0;
    // SAFETY: on the interrupted thread, with what the handler got.
    let walked = unsafe {
        walk_interrupted(context, &mut |frame| {
            if depth < FRAMES {
                let at = 2 + depth * 3;
                words[at].store(frame.code.0, Ordering::Relaxed);
                words[at + 1].store(frame.function.into(), Ordering::Relaxed);
                words[at + 2].store(frame.code_offset.into(), Ordering::Relaxed);
            }
            depth += 1;
        })
    };
    let counter = match (walked, depth) {
        (Err(_), _) => &samples.unwalkable,
        (Ok(()), 0) => &samples.idle,
        _ => {
            // SAFETY: the system gives the registers.
            let registers = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
            words[0].store(depth as u64, Ordering::Relaxed);
            words[1].store(registers[libc::REG_RIP as usize] as u64, Ordering::Relaxed);
            &samples.taken
        }
    };
    counter.fetch_add(1, Ordering::Relaxed);
}

/// The edges that listeners see.
fn edges_of(module: &Module, env: &Module, run: impl Fn()) -> HashSet<Edge> {
    let edges: Arc<Mutex<HashSet<Edge>>> = Arc::default();
    let add = Arc::clone(&edges);
    let listener =
        move |_: &Context, _: &Module, _: &FunctionDefinition, _: &[u64], stack: &mut dyn StackIterator| {
            let mut callee = None;
            while stack.next() {
                let function = stack.function();
                let own = (!function.definition().is_host_function(), function.definition().index());
                let offset = function.source_offset_for_pc(stack.program_counter()) as u32;
                if let Some(callee) = callee {
                    add.lock().unwrap().insert((own, offset, callee));
                }
                callee = Some(own);
            }
        };
    let listener: Arc<dyn wz::experimental::FunctionListener> = Arc::new(listener);
    let factory = move |_: &FunctionDefinition| Some(listener.clone());
    let attached = [attach_listeners(module, &factory).unwrap(), attach_listeners(env, &factory).unwrap()];
    run();
    drop(attached);
    std::mem::take(&mut *edges.lock().unwrap())
}

/// Interrupts a thread that runs the guest, and gives the walks.
fn interrupt(run: &(impl Fn() + Sync), time: Duration) -> &'static Samples {
    let samples: &'static Samples = Box::leak(Box::new(Samples {
        words: std::iter::repeat_with(AtomicU64::default).take(SAMPLES * WORDS).collect(),
        taken: AtomicUsize::new(0),
        unwalkable: AtomicUsize::new(0),
        idle: AtomicUsize::new(0),
    }));
    SAMPLES_NOW.store(std::ptr::from_ref(samples).cast_mut(), Ordering::Release);
    interrupted_thread::interrupt(libc::SIGUSR2, time, Duration::from_micros(30), run);
    SAMPLES_NOW.store(std::ptr::null_mut(), Ordering::Release);
    samples
}

fn install() {
    interrupted_thread::handle(libc::SIGUSR2, sample);
}

/// Which listeners there are meanwhile.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Listening {
    None,
    Empty,
    Walking,
}

fn check(engine: EngineUnderTest, listening: Listening) {
    let fixture = Fixture::new((engine.config)().with_sampling(true));
    let env = fixture.host(&HostModule::new("env").with_function("nothing", || {}).with_function(
        "back",
        |caller: &mut Caller<'_>, value: i32| -> wz::Result<i32> {
            caller.module().unwrap().typed_function::<i32, i32>("inner")?.call(value)
        },
    ));
    let module = fixture.module(GUEST);
    let run = || {
        module.typed_function::<i32, i32>("run").unwrap().call(0).unwrap();
        module.typed_function::<i32, i32>("trap").unwrap().call(0).unwrap_err();
    };
    let edges = edges_of(&module, &env, run);
    let roots: HashSet<u32> =
        ["run", "trap"].map(|name| module.exported_function(name).unwrap().definition().index()).into();
    let listener: Arc<dyn wz::experimental::FunctionListener> = Arc::new(
        move |_: &Context, _: &Module, _: &FunctionDefinition, _: &[u64], stack: &mut dyn StackIterator| {
            while listening == Listening::Walking && stack.next() {}
        },
    );
    let factory = |_: &FunctionDefinition| (listening != Listening::None).then(|| listener.clone());
    let _attached = [attach_listeners(&module, &factory), attach_listeners(&env, &factory)];
    let samples = interrupt(&run, Duration::from_millis(1500));

    let codes: HashMap<CodeId, bool> =
        HashMap::from([(code_id(&module).unwrap(), true), (code_id(&env).unwrap(), false)]);
    let (taken, unwalkable) =
        (samples.taken.load(Ordering::Relaxed), samples.unwalkable.load(Ordering::Relaxed));
    let mut resolved = 0;
    for sample in samples.words.chunks(WORDS).take(taken) {
        let word = |at: usize| sample[at].load(Ordering::Relaxed);
        let depth = word(0) as usize;
        assert!(depth <= FRAMES, "{depth} frames");
        let frames: Vec<(Function, u32)> = (0..depth)
            .map(|frame| {
                let code = CodeId(word(2 + frame * 3));
                let known = codes.get(&code);
                let is_guest = *known.unwrap_or_else(|| panic!("{code:?} of {codes:?}, {frame} of {depth}"));
                ((is_guest, word(3 + frame * 3) as u32), word(4 + frame * 3) as u32)
            })
            .collect();
        for pair in frames.windows(2) {
            let edge = (pair[1].0, pair[1].1, pair[0].0);
            assert!(edges.contains(&edge), "{edge:?} in {frames:?}");
        }
        let outermost = frames.last().unwrap().0;
        assert!(outermost.0 && roots.contains(&outermost.1), "{frames:?}");
        // Where the guest's own code was interrupted, its address says the same.
        if let Some((definition, offset)) = fixture.runtime.resolve_code_address(word(1) as usize) {
            resolved += 1;
            assert_eq!(((true, definition.index()), offset), frames[0], "{frames:?}");
        }
    }
    println!(
        "{} {listening:?}: {taken} walked, {unwalkable} not walkable, {} idle, {resolved} in code",
        engine.name,
        samples.idle.load(Ordering::Relaxed)
    );
    assert!(taken > 1000, "{taken}");
    assert!(unwalkable * 100 < taken, "{unwalkable} of {taken} were not walkable");
    assert_eq!(resolved > 0, !["interpreter", "mixed-all"].contains(&engine.name));
}

#[test]
fn interrupted_guests_are_walked() {
    let _one = ONE_AT_A_TIME.lock();
    install();
    let variants = ["jit-eager-checked-base", "mixed-third", "mixed-all"];
    for engine in engines().iter().copied().chain(variants.into_iter().filter_map(engine)) {
        for listening in [Listening::None, Listening::Empty, Listening::Walking] {
            check(engine, listening);
        }
    }
}

/// Code can be resolved as long as it is there.
#[test]
fn addresses_are_resolved_until_code_is_freed() {
    let _one = ONE_AT_A_TIME.lock();
    install();
    let Some(engine) = engine("jit") else { return };
    let fixture = Fixture::new((engine.config)());
    let module = fixture.runtime.instantiate(binary(
        r#"(module (func $spin (export "spin") (param i32) (loop $l
            (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"#,
    ));
    let module = module.unwrap();
    let run = || module.typed_function::<i32, ()>("spin").unwrap().call(200_000).unwrap();
    let samples = interrupt(&run, Duration::from_millis(200));
    let taken = samples.taken.load(Ordering::Relaxed);
    let addresses: Vec<_> = samples
        .words
        .chunks(WORDS)
        .take(taken)
        .map(|sample| sample[1].load(Ordering::Relaxed) as usize)
        .collect();
    let resolve = |address: &usize| fixture.runtime.resolve_code_address(*address);
    let inside: Vec<_> = addresses.iter().copied().filter(|address| resolve(address).is_some()).collect();
    assert!(!inside.is_empty(), "{taken}");
    assert!(inside.iter().all(|address| resolve(address).unwrap().0.name() == "spin"));
    drop(module);
    let begun = Instant::now();
    while inside.iter().any(|address| resolve(address).is_some()) {
        assert!(begun.elapsed() < Duration::from_secs(10), "the code was not freed");
        // What waits is freed when something else goes.
        drop(fixture.module("(module (func (export \"f\")))"));
    }
}

/// Code of the interpreter that does not note where it is cannot be walked, and a walk says so; neither
/// can functions of the JIT's that run there.
#[test]
fn code_without_notes_is_not_walkable() {
    let _one = ONE_AT_A_TIME.lock();
    install();
    for engine in ["interpreter", "mixed-all"].into_iter().filter_map(engine) {
        let module = Fixture::new((engine.config)()).module(
            r#"(module (func $leaf) (func (export "spin") (param i32) (loop $l (call $leaf)
                (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"#,
        );
        let run = || module.typed_function::<i32, ()>("spin").unwrap().call(50_000).unwrap();
        let samples = interrupt(&run, Duration::from_millis(200));
        assert_eq!(samples.taken.load(Ordering::Relaxed), 0, "{}", engine.name);
        assert!(samples.unwalkable.load(Ordering::Relaxed) > 100, "{}", engine.name);
    }
}
