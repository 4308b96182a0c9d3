//! The JIT behind the facade: which engine a runtime gets, where machine code goes, and how the JIT
//! is configured. On machines that it does not support, that a runtime with it is an error.

mod support;

use std::sync::Arc;

use support::{fails, wasm};
use wz::prelude::*;
use wz::{CodeMemory, CompileProgress, EngineKind, ErrorKind, JitConfig, Trap};

fn is_supported() -> bool {
    EngineKind::Jit.is_available()
}

/// A configuration with code memory of its own.
fn with_memory(memory: &Arc<CodeMemory>) -> RuntimeConfig {
    RuntimeConfig::new().with_jit(JitConfig::new().with_code_memory(memory))
}

const FIB: &str = r#"(module
    (memory (export "memory") 1)
    (func $fib (export "fib") (param i32) (result i32)
        (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
            (then (local.get 0))
            (else (i32.add
                (call $fib (i32.sub (local.get 0) (i32.const 1)))
                (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
    (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))"#;

fn fib(runtime: &Runtime) -> i32 {
    let module = runtime.instantiate(wasm(FIB)).unwrap();
    module.typed_function::<i32, i32>("fib").unwrap().call(10).unwrap()
}

#[test]
fn the_jit_is_there_where_it_should_be() {
    let expected = cfg!(all(target_arch = "x86_64", any(target_os = "linux", target_os = "macos")));
    assert_eq!(is_supported(), expected);
    if !expected {
        fails(Runtime::with_config(RuntimeConfig::jit()), "the JIT is not available");
    }
}

#[test]
fn auto_is_the_jit_where_there_is_one() {
    let memory = CodeMemory::unlimited();
    let runtime = Runtime::with_config(with_memory(&memory)).unwrap();
    let module = runtime.instantiate(wasm(FIB)).unwrap();
    let before = memory.used_bytes();
    assert_eq!(module.typed_function::<i32, i32>("fib").unwrap().call(10).unwrap(), 55);
    assert_eq!(memory.used_bytes() > before, is_supported());
    let interpreter = Runtime::with_config(RuntimeConfig::interpreter().with_jit(JitConfig::new())).unwrap();
    assert_eq!(fib(&interpreter), 55);
}

#[test]
fn refused_memory_means_the_interpreter_or_an_error() {
    let memory = CodeMemory::unlimited();
    memory.refuse(true);
    assert_eq!(fib(&Runtime::with_config(with_memory(&memory)).unwrap()), 55);
    assert_eq!(memory.used_bytes(), 0);
    let jit = with_memory(&memory).with_engine(EngineKind::Jit);
    let error = Runtime::with_config(jit.clone()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Limit(_)), "{error:?}");
    fails::<()>(Err(error), "the JIT is not available: ");
    memory.refuse(false);
    if is_supported() {
        assert_eq!(fib(&Runtime::with_config(jit).unwrap()), 55);
    }
}

#[test]
fn what_has_no_room_for_code_runs_all_the_same() {
    let count = 200;
    let function = |number: u32| {
        let callee = (number + 1) % count;
        format!(
            "(func $f{number} (export \"f{number}\") (param i32) (result i32)
                (if (i32.eqz (local.get 0)) (then (return (i32.const {number}))))
                {}
                (call $f{callee} (i32.sub (local.get 0) (i32.const 1))))",
            "(i32.store (i32.const 0) (i32.mul (i32.load (i32.const 0)) (i32.load (i32.const 4))))"
                .repeat(40)
        )
    };
    let module = wasm(&format!("(module (memory 1) {})", (0..count).map(function).collect::<String>()));
    let limit = 64 << 10;
    let memory = CodeMemory::limited(limit);
    for eager in [false, true] {
        let runtime = Runtime::with_config(with_memory(&memory).with_eager_compilation(eager)).unwrap();
        let module = runtime.instantiate(&module).unwrap();
        for start in [0, 150] {
            let run = module.typed_function::<i32, i32>(&format!("f{start}")).unwrap();
            assert_eq!(run.call(1000).unwrap(), (start + 1000) % count as i32);
        }
        if is_supported() {
            assert!((limit / 2..=limit).contains(&memory.used_bytes()), "{eager} {}", memory.used_bytes());
        }
    }
}

#[test]
fn machine_code_goes_with_its_module() {
    let memory = CodeMemory::unlimited();
    for eager in [false, true] {
        let config = with_memory(&memory).with_eager_compilation(eager);
        assert_eq!(fib(&Runtime::with_config(config).unwrap()), 55);
        for _ in 0..1000 {
            if memory.used_bytes() == 0 {
                break;
            }
            // Entering a guest collects what others have left.
            assert_eq!(fib(&Runtime::new()), 55);
            std::thread::yield_now();
        }
        assert_eq!(memory.used_bytes(), 0);
    }
}

#[test]
fn what_is_compiled_does_not_depend_on_threads() {
    if !is_supported() {
        return;
    }
    let functions: String = (0..3000)
        .map(|number| format!("(func (param i64) (result i64) (i64.mul (local.get 0) (i64.const {number})))"))
        .collect();
    let module = wasm(&format!("(module {functions})"));
    let used = [1, 2, 7].map(|threads| {
        let memory = CodeMemory::unlimited();
        let config = with_memory(&memory).with_eager_compilation(true).with_compilation_threads(threads);
        let runtime = Runtime::with_config(config).unwrap();
        let _compiled = runtime.compile(&module).unwrap();
        memory.used_bytes()
    });
    assert!(used[0] > 3000 * 16 && used.iter().all(|bytes| *bytes == used[0]), "{used:?}");
}

#[test]
fn explicit_checks_and_old_processors_give_the_same() {
    for checked in [false, true] {
        for cpu in ["base", "all"] {
            let jit = JitConfig::new().with_explicit_checks(checked).with_cpu_features(cpu);
            let runtime = Runtime::with_config(RuntimeConfig::new().with_jit(jit)).unwrap();
            let module = runtime.instantiate(wasm(FIB)).unwrap();
            let load = module.typed_function::<i32, i32>("load").unwrap();
            assert_eq!(load.call(65_532).unwrap(), 0);
            for address in [65_533, i32::MAX, -1] {
                assert_eq!(load.call(address).unwrap_err().trap(), Some(Trap::OutOfBoundsMemoryAccess));
            }
        }
    }
}

#[test]
fn names_that_are_none_are_errors() {
    if !is_supported() {
        return;
    }
    let config = |jit: JitConfig| Runtime::with_config(RuntimeConfig::new().with_jit(jit));
    fails(
        config(JitConfig::new().with_cpu_features("base,steam")),
        "there is no processor feature \"steam\"",
    );
    fails(config(JitConfig::new().with_passes("-steam")), "there is no optimization \"steam\"");
    config(JitConfig::new().with_passes("-gvn")).unwrap();
}

/// A module has code of its own for instances whose memories are not all guarded.
#[test]
fn instances_share_code_of_their_kind() {
    let same = |text: &str| {
        let runtime = Runtime::new();
        let compiled = runtime.compile(wasm(text)).unwrap();
        let code = |guarded| compiled.engine_module().clone().code(guarded).unwrap().context_data();
        assert_eq!((code(true), code(false)), (code(true), code(false)));
        code(true) == code(false)
    };
    assert_eq!(same("(module (memory 1) (func))"), !is_supported());
    assert!(same("(module (func))"), "what has no memory has nothing to check");
}

#[test]
fn compiling_everything_tells_how_far_it_is() {
    let counts = |config: RuntimeConfig| {
        let progress = CompileProgress::new();
        let runtime = Runtime::with_config(config).unwrap();
        runtime.compile_with(&progress.in_context(&Context::background()), wasm(FIB)).unwrap();
        let (done, all) = progress.counts();
        assert_eq!(done, all);
        all
    };
    if is_supported() {
        let lazy = counts(RuntimeConfig::jit());
        assert!(lazy > 0);
        assert_eq!(counts(RuntimeConfig::jit().with_eager_compilation(true)), 2 * lazy);
    }
}
