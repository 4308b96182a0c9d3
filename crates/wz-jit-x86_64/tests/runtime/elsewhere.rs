//! Mixed mode: functions without a body made by hand run in the interpreter. What can be observed is
//! the same as if the interpreter ran them all.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use dynasm::dynasm;
use dynasmrt::{DynasmApi, DynasmLabelApi};
use wz_api::{Caller, Context, Error, HostModule, Module, Result, Trap};
use wz_core::{Fuel, InstanceOptions, Store, StoreConfig, with_fuel};
use wz_experimental::with_function_listener_factory;
use wz_interp::Interpreter;
use wz_jit::runtime::builtins::Builtin;
use wz_jit::runtime::code_memory::CodeMemory;
use wz_jit::runtime::module::CompiledFunction;
use wz_jit::runtime::slots::SlotRef;

use super::listeners::{Log, Logger};
use super::support::{Bodies, Hand, HandEngine, Request, add, call, trap_of};
use super::tail_calls::step;

fn mixed(bodies: Bodies) -> HandEngine {
    HandEngine { elsewhere: Some(Arc::new(Interpreter::new())), memory: CodeMemory::unlimited(), bodies }
}

fn interpreter(configure: impl FnOnce(&mut StoreConfig)) -> Store {
    let mut config = StoreConfig::new(Arc::new(Interpreter::new()));
    configure(&mut config);
    Store::new(config).unwrap()
}

/// A module in a store of its own, with listeners that log if asked to.
fn listened(store: Store, text: &str, log: Option<&Log>) -> Module {
    let cx = Context::background();
    let cx = match log {
        Some(log) => with_function_listener_factory(&cx, Arc::new(Logger(log.clone()))),
        None => cx,
    };
    let compiled = store.compile(&cx, wat::parse_str(text).unwrap()).unwrap();
    let module = store.instantiate(&Context::background(), &compiled, InstanceOptions::default()).unwrap();
    std::mem::forget(store);
    module
}

/// Calls the next function with its parameter and adds 1; the call is at this offset.
fn forward(request: &Request<'_>, next: u32, offset: u32) -> CompiledFunction {
    let mut hand = Hand::calling(request, 0);
    hand.at(offset).call(SlotRef::Function(next));
    dynasm!(hand.ops; .arch x64; add eax, 1);
    hand.end()
}

/// Traps if its parameter is 666, at this offset.
fn end(request: &Request<'_>, offset: u32) -> CompiledFunction {
    let mut hand = Hand::leaf(request);
    dynasm!(hand.ops; .arch x64; cmp eax, 666; je >bad);
    let frame = hand.frame;
    frame.end(&mut hand.ops);
    dynasm!(hand.ops; .arch x64; bad:);
    hand.at(offset).trap(Trap::Unreachable);
    hand.finish()
}

/// How functions call the next one.
const CALLS: [&str; 2] =
    ["(call $NEXT (local.get 0))", "(call_indirect (type $t) (local.get 0) (i32.const NEXT))"];

/// `f0` to `f4` call each other, the last one traps if the parameter is 666.
fn chain(call: &str) -> String {
    let forward = |number: u32| {
        let call =
            call.replace("$NEXT", &format!("$f{}", number + 1)).replace("NEXT", &(number + 1).to_string());
        format!(r#"(func $f{number} (export "f{number}") (type $t) (i32.add {call} (i32.const 1)))"#)
    };
    let forwards: String = (0..4).map(forward).collect();
    format!(
        r#"(module (type $t (func (param i32) (result i32))) (table 5 funcref)
            (elem (i32.const 0) $f0 $f1 $f2 $f3 $f4) {forwards}
            (func $f4 (export "f4") (type $t) (local i64)
                (if (i32.eq (local.get 0) (i32.const 666)) (then unreachable)) (local.get 0)))"#
    )
}

#[test]
fn frames_listeners_and_traps_are_the_same_in_every_mixture() {
    for (text, listen) in
        CALLS.iter().map(|call| chain(call)).flat_map(|text| [(text.clone(), false), (text, true)])
    {
        let log = Log::default();
        let module = listened(interpreter(|_| {}), &text, listen.then_some(&log));
        let expected = call(&module, "f0", &[5]).unwrap();
        let trap = trap_of(&call(&module, "f0", &[666]).unwrap_err());
        assert_eq!((trap.0, trap.1.len()), (Some(Trap::Unreachable), 5));
        let offsets: HashMap<u32, u32> =
            trap.1.iter().map(|(function, offset)| (*function, offset.unwrap())).collect();
        let expected_log = log.lock().unwrap().clone();
        for mask in 0..32_u32 {
            let bodies =
                (0..5).filter(|number| mask & (1 << number) != 0).fold(Bodies::new(), |bodies, number| {
                    let offset = offsets[&number];
                    bodies.with(&format!("f{number}"), move |request| match number {
                        4 => end(request, offset),
                        _ => forward(request, number + 1, offset),
                    })
                });
            let log = Log::default();
            let module = listened(mixed(bodies).store(|_| {}), &text, listen.then_some(&log));
            // The second time, functions know of each other that they are elsewhere.
            for round in 0..2 {
                assert_eq!(call(&module, "f0", &[5]).unwrap(), expected, "{mask:b}");
                assert_eq!(trap_of(&call(&module, "f0", &[666]).unwrap_err()), trap, "{mask:b} {round}");
                assert_eq!(std::mem::take(&mut *log.lock().unwrap()), expected_log, "{mask:b} {round}");
            }
        }
    }
}

/// What `step` does, in text.
fn step_text(counts: &[u32], index: usize) -> String {
    let (count, next) = (counts[index], (index + 1) % counts.len());
    let check = |position: u32| {
        format!("(br_if $bad (i64.ne (local.get {position}) (i64.add (local.get 0) (i64.const {position}))))")
    };
    let checks: String = (1..count).map(check).collect();
    let argument = |position: u32| format!("(i64.add (local.get 0) (i64.const {}))", i64::from(position) - 1);
    let arguments: String = (0..counts[next]).map(argument).collect();
    format!(
        r#"(func $f{index} (export "f{index}") (param {})
            (block $bad {checks} (if (i64.eqz (local.get 0)) (then return)) (return_call $f{next} {arguments}))
            unreachable)"#,
        "i64 ".repeat(count as usize)
    )
}

#[test]
fn tail_calls_between_engines_run_in_constant_space() {
    let work = || {
        for counts in [&[1, 1][..], &[8, 9], &[1, 30, 4], &[12, 10, 8, 9, 11, 40, 3], &[1, 200, 2, 900, 9]] {
            let text: String = (0..counts.len()).map(|index| step_text(counts, index)).collect();
            let text = format!("(module {text})");
            for mask in [0b0101_0101_u32, 0b1001_0010, 0b1111_1110, 0b0000_0001, 0] {
                let by_hand = (0..counts.len()).filter(|index| mask & (1 << index) != 0);
                let bodies = by_hand.fold(Bodies::new(), |bodies, index| {
                    let next = (index + 1) % counts.len();
                    bodies.with(&format!("f{index}"), move |request| step(request, next as u32, counts[next]))
                });
                let store = mixed(bodies).store(|config| config.max_stack_bytes = 128 * 1024);
                let module = add(&store, &text);
                for start in 0..counts.len() {
                    let rounds = 100_000 / u64::from(counts.iter().sum::<u32>());
                    let params: Vec<_> =
                        (0..u64::from(counts[start])).map(|position| rounds + position).collect();
                    call(&module, &format!("f{start}"), &params).unwrap();
                }
            }
        }
    };
    std::thread::Builder::new().stack_size(256 << 10).spawn(work).unwrap().join().unwrap();
}

/// `middle` is entered from code, and calls what it ends with a tail call.
#[test]
fn tail_calls_out_of_inner_frames_return_to_them() {
    let types = "i32 f32 v128 f64 i64 ".repeat(8);
    let names: String = (0..40).map(|local| format!("(local.get {local})")).collect();
    let same = |request: &Request<'_>| {
        let layout = request.layout();
        let mut hand = Hand::leaf(request);
        for offset in (0..layout.result_area_bytes as i32).step_by(8) {
            dynasm!(hand.ops; .arch x64; mov r11, [rbp + 16 + offset]; mov [r10 + offset], r11);
        }
        hand.end()
    };
    for by_hand in [&["same"][..], &[], &["same", "through"]] {
        // A function that has all parameters where its callee has them.
        let through = |request: &Request<'_>| {
            let layout = request.layout();
            let mut hand = Hand::calling(request, layout.stack_bytes);
            for offset in (0..layout.stack_bytes as i32).step_by(8) {
                dynasm!(hand.ops; .arch x64; mov r11, [rbp + 16 + offset]; mov [rsp + offset], r11);
            }
            hand.tail_call(SlotRef::Function(2), layout.stack_bytes)
        };
        let mut bodies = Bodies::new();
        for name in by_hand {
            bodies = match *name {
                "same" => bodies.with("same", same),
                _ => bodies.with("through", through),
            };
        }
        let module = listened(
            mixed(bodies).store(|_| {}),
            &format!(
                r#"(module (type $t (func (param {types}) (result {types}))) (table funcref (elem $same $tail))
                    (func $same (export "same") (type $t) {names})
                    (func $through (export "through") (type $t) {names} (return_call $tail))
                    (func $tail (export "tail") (type $t) {names} (return_call $same))
                    (func $far (export "far") (type $t) {names} (return_call_indirect (type $t) (i32.const 1)))
                    (func (export "call") (type $t) {names} (call $tail))
                    (func (export "both") (type $t) {names} (call $far) (call $through)))"#
            ),
            None,
        );
        let words: Vec<u64> = (0..48).map(|slot| if slot % 6 < 2 { slot + 1 } else { !slot }).collect();
        for _ in 0..2 {
            for name in ["same", "through", "tail", "far", "call", "both"] {
                assert_eq!(call(&module, name, &words).unwrap(), words, "{name}");
            }
        }
    }
}

#[test]
fn functions_that_end_with_tail_calls_tell_that_elsewhere_too() {
    let text = r#"(module
        (func $end (export "end") (param i32) (result i32) (local i64)
            (if (i32.eq (local.get 0) (i32.const 666)) (then unreachable)) (local.get 0))
        (func $tail (export "tail") (param i32) (result i32) (return_call $end (local.get 0)))
        (func $run (export "run") (param i32) (result i32) (i32.add (call $tail (local.get 0)) (i32.const 1))))"#;
    let log = Log::default();
    let module = listened(interpreter(|_| {}), text, Some(&log));
    let results = call(&module, "run", &[5]).unwrap();
    let trap = trap_of(&call(&module, "run", &[666]).unwrap_err());
    let expected = log.lock().unwrap().clone();
    assert_eq!(expected.iter().filter(|line| line.starts_with("tail call")).count(), 2);
    let offset = |function| trap.1.iter().find(|frame| frame.0 == function).unwrap().1.unwrap();
    let (end_at, run_at) = (offset(0), offset(2));
    for mask in 0..4 {
        let mut bodies = Bodies::new().telling("tail");
        if mask & 1 != 0 {
            bodies = bodies.with("end", move |request| end(request, end_at));
        }
        if mask & 2 != 0 {
            bodies = bodies.with("run", move |request| forward(request, 1, run_at));
        }
        let log = Log::default();
        let module = listened(mixed(bodies).store(|_| {}), text, Some(&log));
        for _ in 0..2 {
            assert_eq!(call(&module, "run", &[5]).unwrap(), results);
            assert_eq!(trap_of(&call(&module, "run", &[666]).unwrap_err()), trap);
            assert_eq!(std::mem::take(&mut *log.lock().unwrap()), expected, "{mask}");
        }
    }
}

#[test]
fn recursion_through_both_engines_overflows() {
    // `even` by hand calls `odd`, which is elsewhere; alone, it calls itself there.
    let text = r#"(module
        (func $even (export "even") (param i32) (result i32) (i32.add (call $odd (local.get 0)) (i32.const 1)))
        (func $odd (export "odd") (param i32) (result i32)
            (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
                (else (i32.add (call $even (i32.sub (local.get 0) (i32.const 1))) (i32.const 1))))))"#;
    for size in [256 << 10, 2 << 20] {
        for by_hand in [true, false] {
            let work = move || {
                let bodies = Bodies::new();
                let bodies = match by_hand {
                    true => bodies.with("even", |request| forward(request, 1, 7)),
                    false => bodies,
                };
                let store = mixed(bodies).store(|config| config.max_stack_bytes = 1 << 20);
                let module = add(&store, text);
                for _ in 0..3 {
                    let error = call(&module, "even", &[u64::from(u32::MAX)]).unwrap_err();
                    let (trap, trace) = trap_of(&error);
                    assert_eq!(trap, Some(Trap::StackOverflow));
                    assert!(trace.len() > 10, "{}", trace.len());
                    for pair in trace.windows(2) {
                        assert_ne!(pair[0].0, pair[1].0, "functions alternate");
                    }
                    assert_eq!(trace.last().unwrap().0, 0);
                    // The native stack is not what ends.
                    assert_eq!(call(&module, "even", &[1500]).unwrap(), [3001]);
                }
            };
            std::thread::Builder::new().stack_size(size).spawn(work).unwrap().join().unwrap();
        }
    }
}

#[test]
fn leaving_and_coming_back_leaves_the_native_stack_as_it_was() {
    // Every way out of functions elsewhere, on a small native stack.
    let text = r#"(module (type $t (func (param i32) (result i32))) (table funcref (elem $next))
        (func $next (export "next") (type $t) (i32.add (local.get 0) (i32.const 1)))
        (func $tail (type $t) (return_call $next (local.get 0)))
        (func $far (type $t) (return_call_indirect (type $t) (local.get 0) (i32.const 0)))
        (func (export "run") (type $t) (local $i i32)
            (loop $l
                (local.set $i (call $next (local.get $i)))
                (local.set $i (call_indirect (type $t) (local.get $i) (i32.const 0)))
                (local.set $i (call $tail (local.get $i)))
                (local.set $i (call $far (local.get $i)))
                (br_if $l (i32.lt_u (local.get $i) (local.get 0))))
            (local.get $i)))"#;
    let next = |request: &Request<'_>| {
        let mut hand = Hand::leaf(request);
        dynasm!(hand.ops; .arch x64; add eax, 1);
        hand.end()
    };
    let work = move || {
        let module = listened(mixed(Bodies::new().with("next", next)).store(|_| {}), text, None);
        assert_eq!(call(&module, "run", &[400_000]).unwrap(), [400_000]);
    };
    std::thread::Builder::new().stack_size(256 << 10).spawn(work).unwrap().join().unwrap();
}

#[test]
fn what_grows_on_one_side_is_seen_on_the_other() {
    let text = r#"(module (memory 1)
        (func $grow (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
        (func $read (export "read") (param i32) (result i32) (i32.load (local.get 0)))
        (func (export "run") (param i32) (result i32)
            (drop (call $read (i32.const 0)))
            (drop (call $grow (i32.const 1)))
            (i32.store (i32.add (local.get 0) (i32.const 65536)) (i32.const 77))
            (call $read (i32.add (local.get 0) (i32.const 65536)))))"#;
    let grow = |request: &Request<'_>| {
        let mut hand = Hand::calling(request, 0);
        dynasm!(hand.ops; .arch x64; mov eax, eax);
        hand.at(1).builtin(Builtin::MemoryGrow, 0);
        hand.end()
    };
    let read = |request: &Request<'_>| {
        let mut hand = Hand::leaf(request);
        hand.at(2);
        dynasm!(hand.ops; .arch x64; mov eax, eax; mov eax, [r15 + rax]);
        hand.end()
    };
    for mask in 0..4 {
        let mut bodies = Bodies::new();
        if mask & 1 != 0 {
            bodies = bodies.with("grow", grow);
        }
        if mask & 2 != 0 {
            bodies = bodies.with("read", read);
        }
        let module = listened(mixed(bodies).store(|_| {}), text, None);
        for round in 0..4 {
            assert_eq!(call(&module, "run", &[round * 65536]).unwrap(), [77]);
        }
        let error = call(&module, "read", &[5 * 65536]).unwrap_err();
        assert_eq!(error.trap(), Some(Trap::OutOfBoundsMemoryAccess));
    }
}

#[test]
fn other_instances_and_hosts_are_reached_through_imports_and_tables() {
    // Functions of the same module, but of another instance with another memory.
    let text = r#"(module
        (import "env" "read" (func $import (param i32) (result i32)))
        (import "host" "twice" (func $twice (param i32) (result i32)))
        (memory 1)
        (type $t (func (param i32) (result i32)))
        (table $table (export "table") 3 funcref) (elem (i32.const 0) $import $own $twice)
        (func $set (export "set") (param i32) (i32.store (i32.const 0) (local.get 0)))
        (func $own (export "own") (param i32) (result i32)
            (i32.add (i32.load (local.get 0)) (call $twice (i32.const 4))))
        (func (export "all") (param i32) (result i32)
            (i32.add (call $import (local.get 0)) (i32.add (call_indirect (type $t) (local.get 0) (i32.const 0))
                (i32.add (call_indirect (type $t) (local.get 0) (i32.const 1))
                    (call_indirect (type $t) (i32.const 7) (i32.const 2))))))
        (func (export "tail_import") (param i32) (result i32) (return_call $import (local.get 0)))
        (func (export "tail_host") (param i32) (result i32) (return_call $twice (local.get 0)))
        (func (export "tail_table") (param i32) (result i32)
            (return_call_indirect (type $t) (i32.const 0) (local.get 0)))
        (func $inner (param i32) (result i32) (return_call $import (local.get 0)))
        (func (export "nested") (param i32) (result i32)
            (drop (call $inner (local.get 0)))
            (i32.add (call $inner (local.get 0)) (i32.load (local.get 0)))))"#;
    let end = r#"(module (memory 1) (data (i32.const 0) "\64")
        (func (export "read") (param i32) (result i32) (i32.load (local.get 0))))"#;
    let read = |request: &Request<'_>| {
        let mut hand = Hand::leaf(request);
        dynasm!(hand.ops; .arch x64; mov eax, eax; mov eax, [r15 + rax]);
        hand.end()
    };
    for bodies in [Bodies::new(), Bodies::new().with("read", read)] {
        let store = mixed(bodies).store(|_| {});
        let host = HostModule::new("host").with_function("twice", |value: i32| value * 2);
        let cx = Context::background();
        store.instantiate_host(&cx, &host).unwrap();
        let env = store.compile(&cx, wat::parse_str(end).unwrap()).unwrap();
        let options = || InstanceOptions { name: Some("env".into()), ..InstanceOptions::default() };
        let _first = store.instantiate(&cx, &env, options()).unwrap();
        let compiled = store.compile(&cx, wat::parse_str(text).unwrap()).unwrap();
        let second = store.instantiate(&cx, &compiled, InstanceOptions::default()).unwrap();
        call(&second, "set", &[1]).unwrap();
        let own = 1 + 8;
        for _ in 0..2 {
            assert_eq!(call(&second, "all", &[0]).unwrap(), [100 + 100 + own + 14]);
            assert_eq!(call(&second, "tail_import", &[0]).unwrap(), [100]);
            assert_eq!(call(&second, "tail_host", &[8]).unwrap(), [16]);
            assert_eq!(call(&second, "tail_table", &[0]).unwrap(), [100]);
            assert_eq!(call(&second, "tail_table", &[1]).unwrap(), [own]);
            assert_eq!(call(&second, "nested", &[0]).unwrap(), [101]);
        }
    }
}

#[test]
fn fuel_and_interruption_are_the_activations() {
    let text = r#"(module
        (func $loop (export "loop") (param i32) (result i32)
            (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get 0))
        (func (export "f0") (param i32) (result i32) (i32.add (call $loop (local.get 0)) (i32.const 1)))
        (func (export "forever") (loop (br 0))))"#;
    let left = |store: &Store, units: u64| {
        let fuel = Fuel::new(units);
        let module = add(store, text);
        let cx = with_fuel(&Context::background(), &fuel);
        let result = module.exported_function("f0").unwrap().call_with(&cx, &[1000]);
        (result.map_err(|error| error.trap()), fuel.remaining())
    };
    let expected = interpreter(|config| config.fuel = true);
    let store = mixed(Bodies::new()).store(|config| config.fuel = true);
    for units in [0, 1, 2, 3, 5, 1000, 3000, 4000, 5000, 10_000] {
        assert_eq!(left(&store, units), left(&expected, units), "{units}");
    }
    let store = mixed(Bodies::new()).store(|config| config.close_on_context_done = true);
    let module = add(&store, text);
    let cx = Context::background().with_timeout(Duration::from_millis(50));
    let error = module.exported_function("forever").unwrap().call_with(&cx, &[]).unwrap_err();
    assert_eq!(error.exit_code(), Some(wz_api::ExitError::DEADLINE_EXCEEDED), "{error}");
}

/// Host functions called from elsewhere call back; their errors and panics pass through.
#[test]
fn hosts_call_back_from_elsewhere() {
    let text = r#"(module
        (import "host" "back" (func $back (param i32) (result i32)))
        (func $run (export "run") (param i32) (result i32)
            (i32.add (call $back (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))
        (func $go (export "go") (param i32) (result i32) (call $run (local.get 0))))"#;
    let go = |request: &Request<'_>| {
        let mut hand = Hand::calling(request, 0);
        hand.at(3).call(SlotRef::Function(0));
        hand.end()
    };
    for bodies in [Bodies::new(), Bodies::new().with("go", go)] {
        let store = mixed(bodies).store(|_| {});
        let back = |caller: &mut Caller<'_>, depth: i32| -> Result<i32> {
            match depth {
                0 => Ok(100),
                -1 => Err(Error::host("enough")),
                -2 => std::panic::panic_any("panic"),
                _ => {
                    let function = caller.module().unwrap().exported_function("go").unwrap();
                    function.typed::<i32, i32>()?.call(depth)
                }
            }
        };
        let host = HostModule::new("host").with_function("back", back);
        store.instantiate_host(&Context::background(), &host).unwrap();
        let module = add(&store, text);
        for depth in [1, 2, 20] {
            assert_eq!(call(&module, "go", &[depth]).unwrap(), [100 + depth]);
        }
        let error = call(&module, "go", &[0]).unwrap_err();
        let functions: Vec<_> = trap_of(&error).1.iter().map(|frame| frame.0).collect();
        assert_eq!(functions, [0, 1, 2], "{error}");
        let work = || call(&module, "go", &[u64::from(-1_i32 as u32)]);
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"panic"));
        let error = call(&module, "go", &[1 << 20]).unwrap_err();
        assert_eq!(error.trap(), Some(Trap::StackOverflow));
        assert_eq!(call(&module, "go", &[1]).unwrap(), [101]);
    }
}

/// A trap discards the runs of its activation, and no others.
#[test]
fn runs_around_a_trap_that_is_handled_go_on() {
    let text = r#"(module
        (import "host" "try" (func $try (param i32) (result i32)))
        (func $trap (export "trap") (param i32) (result i32) unreachable)
        (func $leave (param i32) (result i32) (i32.add (call $trap (local.get 0)) (i32.const 1)))
        (func $deep (export "deep") (param i32) (result i32) (i32.add (call $leave (local.get 0)) (i32.const 1)))
        (func $host (export "host") (param i32) (result i32) (call $try (local.get 0)))
        (func $run (export "run") (param i32) (result i32)
            (if (result i32) (i32.eqz (local.get 0)) (then (call $deep (i32.const 0)))
                (else (i32.add (call $host (local.get 0)) (call $host (i32.const 0)))))))"#;
    let trap = |request: &Request<'_>| {
        let mut hand = Hand::leaf(request);
        hand.at(1).trap(Trap::IntegerOverflow);
        hand.finish()
    };
    let host = |request: &Request<'_>| {
        let mut hand = Hand::calling(request, 0);
        hand.at(2).call_import(0, 0);
        hand.end()
    };
    let all = || Bodies::new().with("trap", trap).with("host", host);
    for (bodies, expected) in [(Bodies::new(), Trap::Unreachable), (all(), Trap::IntegerOverflow)] {
        let store = mixed(bodies).store(|_| {});
        // Gives 1000 for a trap.
        let handle = move |caller: &mut Caller<'_>, depth: i32| -> Result<i32> {
            let run = caller.module().unwrap().exported_function("run").unwrap();
            match run.typed::<i32, i32>()?.call((depth - 1).max(0)) {
                Ok(value) => Ok(value),
                Err(error) => {
                    assert_eq!(error.trap(), Some(expected));
                    assert_eq!(
                        trap_of(&error).1.iter().map(|frame| frame.0).collect::<Vec<_>>(),
                        [1, 2, 3, 5]
                    );
                    Ok(1000)
                }
            }
        };
        let functions = HostModule::new("host").with_function("try", handle);
        store.instantiate_host(&Context::background(), &functions).unwrap();
        let module = add(&store, text);
        for depth in [1, 2, 5] {
            assert_eq!(call(&module, "run", &[depth]).unwrap(), [1000 * (depth + 1)]);
        }
    }
}

/// Code memory is used up in the middle: what has code keeps it, the rest runs elsewhere.
#[test]
fn programs_go_on_when_code_memory_is_used_up() {
    let text = chain(CALLS[0]);
    let bodies = || {
        (0..4).fold(Bodies::new().with("f4", |request| end(request, 1)), |bodies, number| {
            bodies.with(&format!("f{number}"), move |request| forward(request, number + 1, 1))
        })
    };
    for pages in 0..7 {
        let memory = CodeMemory::unlimited();
        let engine = HandEngine { memory: memory.clone(), ..mixed(bodies()) };
        let _kept = add(&engine.store(|_| {}), &text);
        // The thunks, which the limit does not concern.
        let needed = memory.used_bytes();
        for listen in [false, true] {
            let log = Log::default();
            let memory = CodeMemory::limited(needed + pages * 4096);
            let engine = HandEngine { memory: memory.clone(), ..mixed(bodies()) };
            let module = listened(engine.store(|_| {}), &text, listen.then_some(&log));
            for _ in 0..2 {
                assert_eq!(call(&module, "f0", &[5]).unwrap(), [9]);
                let (trap, trace) = trap_of(&call(&module, "f0", &[666]).unwrap_err());
                assert_eq!(trap, Some(Trap::Unreachable));
                assert_eq!(trace.iter().map(|frame| frame.0).collect::<Vec<_>>(), [4, 3, 2, 1, 0]);
                let told = std::mem::take(&mut *log.lock().unwrap());
                let count = |what: &str| told.iter().filter(|line| line.starts_with(what)).count();
                let expected = if listen { (10, 5, 5) } else { (0, 0, 0) };
                assert_eq!((count("before"), count("after"), count("abort")), expected, "{pages}");
            }
            // As many functions have code as there are pages.
            assert!(listen || memory.used_bytes() == needed + pages.min(5) * 4096, "{pages}");
        }
    }
}

/// Where there is no memory for wrappers, listened functions run elsewhere, and as before afterwards.
#[test]
fn listeners_are_told_without_memory_for_wrappers() {
    let log = Log::default();
    let memory = CodeMemory::unlimited();
    let bodies = Bodies::new().with("f4", |request| end(request, 1));
    let engine = HandEngine { memory: memory.clone(), ..mixed(bodies) };
    let store = engine.store(|_| {});
    let cx = Context::background();
    let compiled = store.compile(&cx, wat::parse_str(chain(CALLS[0])).unwrap()).unwrap();
    let plain = store.instantiate(&cx, &compiled, InstanceOptions::default()).unwrap();
    assert_eq!(call(&plain, "f4", &[5]).unwrap(), [5]);
    memory.refuse(true);
    let listening = with_function_listener_factory(&cx, Arc::new(Logger(log.clone())));
    for _ in 0..3 {
        let module = store.instantiate(&listening, &compiled, InstanceOptions::default()).unwrap();
        assert_eq!(call(&module, "f4", &[5]).unwrap(), [5]);
        let told = std::mem::take(&mut *log.lock().unwrap());
        assert!(told[0].starts_with("before 4 [5] 4@"), "{told:?}");
        assert_eq!(told[1..], ["after 4 [5]"]);
        assert_eq!(call(&module, "f0", &[5]).unwrap(), [9]);
        assert_eq!(std::mem::take(&mut *log.lock().unwrap()).len(), 10);
        drop(module);
        assert_eq!(call(&plain, "f0", &[5]).unwrap(), [9]);
        assert!(log.lock().unwrap().is_empty());
    }
}

#[test]
fn versions_change_while_threads_run_elsewhere() {
    let bodies =
        Bodies::new().with("f1", |request| forward(request, 2, 1)).with("f4", |request| end(request, 1));
    let store = mixed(bodies).store(|_| {});
    let cx = Context::background();
    let compiled = store.compile(&cx, wat::parse_str(chain(CALLS[0])).unwrap()).unwrap();
    let module = store.instantiate(&cx, &compiled, InstanceOptions::default()).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for round in 0..3000 {
                    assert_eq!(call(&module, "f0", &[round % 600]).unwrap(), [round % 600 + 4]);
                }
                done.store(true, std::sync::atomic::Ordering::Relaxed);
            });
        }
        while !done.load(std::sync::atomic::Ordering::Relaxed) {
            for function in 0..5 {
                compiled.engine_module().set_listened(function, true);
            }
            for function in 0..5 {
                compiled.engine_module().set_listened(function, false);
            }
        }
    });
}
