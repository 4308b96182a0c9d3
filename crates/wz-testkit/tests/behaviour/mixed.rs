//! Functions that have no machine code run in the interpreter: because they are too complex, because
//! there is no more memory for code, or because a test wants it so. What can be observed is the same.

use std::fmt::Write;
use std::sync::Arc;

use wz::experimental::with_function_listener_factory;
use wz::{
    CodeMemory, Context, EngineKind, HostModule, JitConfig, Module, ModuleConfig, Runtime, RuntimeConfig,
    Trap,
};
use wz_testkit::engines::{EngineUnderTest, engine, engines};
use wz_testkit::event_log::EventLog;
use wz_testkit::fixture::{Fixture, binary};

/// The mixtures, where there is a JIT.
fn mixtures() -> Vec<EngineUnderTest> {
    ["mixed", "mixed-third", "mixed-eager", "mixed-all", "jit-limited"]
        .into_iter()
        .filter_map(engine)
        .collect()
}

fn interpreter() -> EngineUnderTest {
    engines()[0]
}

/// What a call does: results or the trap and its frames.
fn outcome(module: &Module, name: &str, params: &[u64]) -> String {
    match module.exported_function(name).expect("an export").call(params) {
        Ok(results) => format!("{results:?}"),
        Err(error) => {
            let frames = error.backtrace().map(|backtrace| backtrace.frames()).unwrap_or_default();
            let frames: Vec<_> =
                frames.iter().map(|frame| (frame.definition.index(), frame.code_offset)).collect();
            format!("{:?} {frames:?}", error.trap())
        }
    }
}

/// Everything that calls of a module's exports do, without listeners and with them.
fn transcript(config: RuntimeConfig, text: &str, calls: &[(&str, &[u64])]) -> Vec<String> {
    let mut lines = Vec::new();
    for listen in [false, true] {
        let log = EventLog::with_frames();
        let cx = match listen {
            true => with_function_listener_factory(&Context::background(), Arc::new(log.clone())),
            false => Context::background(),
        };
        let runtime = Runtime::with_config(config.clone()).unwrap();
        let host = HostModule::new("host").with_function("twice", |value: i32| value.wrapping_mul(2));
        runtime.instantiate_host_module(&host).unwrap();
        let compiled = runtime.compile_with(&cx, binary(text)).unwrap();
        let module = runtime
            .instantiate_module_with(&Context::background(), &compiled, ModuleConfig::new().with_name(""))
            .unwrap();
        // The second time, functions know where others run.
        for _ in 0..2 {
            for (name, params) in calls {
                lines.push(format!("{name} {params:?}: {}", outcome(&module, name, params)));
                lines.append(&mut log.take());
            }
        }
    }
    lines
}

/// What every mixture does is what the interpreter does.
fn check(text: &str, calls: &[(&str, &[u64])]) {
    let expected = transcript((interpreter().config)(), text, calls);
    for engine in mixtures() {
        let lines = transcript((engine.config)(), text, calls);
        assert_eq!(lines.len(), expected.len(), "{}: {lines:#?}", engine.name);
        for (line, expected) in lines.iter().zip(&expected) {
            assert_eq!(line, expected, "{}", engine.name);
        }
    }
}

#[test]
fn calls_of_every_kind_are_the_same() {
    // Every function calls the next in another way; the last one traps, or calls the host.
    let text = r#"(module (import "host" "twice" (func $twice (param i32) (result i32)))
        (type $t (func (param i32) (result i32)))
        (table $t funcref (elem $a $b $c $d $e $f $twice $even $odd))
        (memory 1 4)
        (func $a (export "a") (type $t) (i32.add (call $b (local.get 0)) (i32.const 1)))
        (func $b (export "b") (type $t)
            (i32.add (call_indirect (type $t) (local.get 0) (i32.const 2)) (i32.const 1)))
        (func $c (export "c") (type $t) (return_call $d (i32.add (local.get 0) (i32.const 1))))
        (func $d (export "d") (type $t) (return_call_indirect (type $t) (local.get 0) (i32.const 4)))
        (func $e (export "e") (type $t) (local i64)
            (if (i32.eq (local.get 0) (i32.const 666)) (then (drop (i32.div_u (i32.const 1) (i32.const 0)))))
            (drop (memory.grow (i32.const 1)))
            (i32.store (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 4)) (local.get 0))
            (i32.add (call $f (i32.const 3)) (i32.add (call $twice (local.get 0)) (memory.size))))
        (func $f (export "f") (type $t)
            (i32.load (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 4))))
        (func $even (export "even") (type $t)
            (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 1))
                (else (call $odd (i32.sub (local.get 0) (i32.const 1))))))
        (func $odd (export "odd") (type $t)
            (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
                (else (call $even (i32.sub (local.get 0) (i32.const 1))))))
        (func (export "host") (type $t) (return_call $twice (local.get 0)))
        (func (export "far") (type $t) (return_call_indirect (type $t) (local.get 0) (i32.const 6))))"#;
    check(
        text,
        &[
            ("a", &[5]),
            ("a", &[665]),
            ("c", &[1]),
            ("d", &[7]),
            ("d", &[666]),
            ("e", &[666]),
            ("f", &[0]),
            ("even", &[20]),
            ("odd", &[20]),
            ("host", &[21]),
            ("far", &[22]),
        ],
    );
}

#[test]
fn values_of_every_type_pass_in_every_number() {
    for count in [1, 8, 9, 40] {
        let types: Vec<_> = ["i32", "f32", "v128", "f64", "i64"].into_iter().cycle().take(count).collect();
        let list = types.join(" ");
        let locals: String = (0..count).map(|local| format!("(local.get {local})")).collect();
        let slots: usize = types.iter().map(|ty| 1 + usize::from(*ty == "v128")).sum();
        let text = format!(
            r#"(module (type $t (func (param {list}) (result {list}))) (table funcref (elem $same $tail))
                (func $same (export "same") (type $t) {locals})
                (func $call (export "call") (type $t) {locals} (call $same))
                (func $tail (export "tail") (type $t) {locals} (return_call $call))
                (func $far (export "far") (type $t) {locals} (call_indirect (type $t) (i32.const 1)))
                (func $end (export "end") (type $t) {locals} (return_call_indirect (type $t) (i32.const 1)))
                (func $both (export "both") (type $t) {locals} (call $far) (call $end)))"#
        );
        let params: Vec<u64> = (0..slots as u64).map(|slot| slot * 0x0101 + 1).collect();
        let calls: Vec<(&str, &[u64])> =
            ["same", "call", "tail", "far", "end", "both"].map(|name| (name, &*params)).into();
        check(&text, &calls);
    }
}

/// Recursion through both engines is as deep as the guest's stacks allow, on any thread.
#[test]
fn recursion_takes_nothing_of_the_native_stack() {
    let text = r#"(module
        (func $down (export "down") (param i32) (result i32)
            (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
                (else (i32.add (call $next (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))))
        (func $next (param i32) (result i32) (call $down (local.get 0)))
        (func (export "forever") (param i32) (result i32) (call $again (local.get 0)))
        (func $again (param i32) (result i32) (i32.add (call 2 (local.get 0)) (i32.const 1))))"#;
    for engine in mixtures() {
        let work = move || {
            let module = Fixture::new((engine.config)()).module(text);
            let call = |name: &str, depth: u64| module.exported_function(name).unwrap().call(&[depth]);
            for _ in 0..2 {
                assert_eq!(call("down", 10_000).unwrap(), [10_000], "{}", engine.name);
                assert_eq!(
                    call("forever", 0).unwrap_err().trap(),
                    Some(Trap::StackOverflow),
                    "{}",
                    engine.name
                );
            }
        };
        std::thread::Builder::new().stack_size(256 << 10).spawn(work).unwrap().join().unwrap();
    }
}

/// A function that is quadratic in SSA: as many parameters of blocks as the product of locals and
/// branches.
fn complex() -> String {
    let count = 5_000;
    let mut text = String::from(
        r#"(module (import "host" "twice" (func $twice (param i32) (result i32))) (memory 1)
            (type $t (func (param i32) (result i32))) (table funcref (elem $complex $leaf))
            (func $leaf (export "leaf") (type $t) (local i64)
                (if (i32.eq (local.get 0) (i32.const 666)) (then unreachable)) (i32.add (local.get 0) (i32.const 1)))
            (func $complex (export "complex") (type $t) (local"#,
    );
    text += &" i32".repeat(count);
    text += ") (block ";
    for local in 1..=count {
        writeln!(
            text,
            "(local.set {local} (i32.load (local.get 0))) (br_if 0 (i32.load offset=4 (local.get 0)))"
        )
        .unwrap();
    }
    text += ")";
    for local in 1..=count {
        writeln!(text, "(i32.store offset=8 (local.get 0) (local.get {local}))").unwrap();
    }
    text += r#"(i32.add (call $leaf (local.get 0))
                (i32.add (call $twice (local.get 0)) (call_indirect (type $t) (local.get 0) (i32.const 1)))))
            (func $direct (export "direct") (type $t) (i32.add (call $complex (local.get 0)) (i32.const 1)))
            (func $tail (export "tail") (type $t) (return_call $complex (local.get 0)))
            (func (export "table") (type $t) (call_indirect (type $t) (local.get 0) (i32.const 0))))"#;
    text
}

#[test]
fn functions_that_are_too_complex_run_all_the_same() {
    let text = complex();
    let calls: [(&str, &[u64]); 9] = [
        ("complex", &[40]),
        ("complex", &[666]),
        ("complex", &[65_536]),
        ("direct", &[40]),
        ("direct", &[666]),
        ("tail", &[40]),
        ("tail", &[666]),
        ("table", &[65_536]),
        ("leaf", &[666]),
    ];
    let expected = transcript((interpreter().config)(), &text, &calls);
    let Some(jit) = engine("jit") else { return };
    let eager = engine("jit-eager").expect("what there is of the JIT there is eagerly");
    for jit in [jit, eager] {
        let lines = transcript((jit.config)(), &text, &calls);
        for (line, expected) in lines.iter().zip(&expected) {
            assert_eq!(line, expected, "{}", jit.name);
        }
        assert_eq!(lines.len(), expected.len());
        // The JIT has no code of it, but of the others.
        let runtime = Runtime::with_config((jit.config)()).unwrap();
        let compiled = runtime.compile(binary(&text)).unwrap();
        assert!(compiled.listing(1).is_some_and(|listing| listing.language != "bytecode"));
        assert!(compiled.listing(2).is_none_or(|listing| listing.language == "bytecode"));
    }
}

/// The memory for code is used up while a program runs: what has code keeps it, the rest runs in the
/// interpreter.
#[test]
fn memory_for_code_that_is_used_up_is_no_error() {
    if engine("jit").is_none() {
        return;
    }
    let mut text = String::from("(module");
    for function in 0..100 {
        let next = match function {
            99 => "(if (i32.eq (local.get 0) (i32.const 666)) (then unreachable)) (local.get 0)".into(),
            _ => format!("(i32.add (call {} (local.get 0)) (i32.const 1))", function + 1),
        };
        write!(text, r#"(func (export "f{function}") (param i32) (result i32) {next})"#).unwrap();
    }
    text += ")";
    let calls: [(&str, &[u64]); 3] = [("f0", &[5]), ("f0", &[666]), ("f50", &[1])];
    let expected = transcript((interpreter().config)(), &text, &calls);
    // A configuration's memory is shared by the runtimes that are made with it.
    for kibibytes in [0, 4, 8, 64, 256] {
        for eager in [false, true] {
            let jit = JitConfig::new().with_code_memory(&CodeMemory::limited(kibibytes << 10));
            let config = RuntimeConfig::new().with_engine(EngineKind::Jit).with_jit(jit.clone());
            let lines = transcript(config.with_eager_compilation(eager), &text, &calls);
            assert_eq!(lines, expected, "{kibibytes} KiB, eager: {eager}");
        }
    }
}
