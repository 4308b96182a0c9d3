//! The host modules of `wz-imports` in a runtime. They are tested here because their own crate
//! knows no runtime.

use std::cell::Cell;
use std::io::Write;
use std::sync::{Arc, Mutex};

use wz::prelude::*;
use wz::{EngineKind, Error, ErrorKind, Trap};
use wz_imports::assemblyscript::{self, AssemblyScript};
use wz_imports::emscripten;

thread_local! {
    /// The engine of the test that runs on this thread.
    static ENGINE: Cell<EngineKind> = const { Cell::new(EngineKind::Auto) };
}

fn runtime() -> Runtime {
    Runtime::with_config(RuntimeConfig::new().with_engine(ENGINE.get())).unwrap()
}

fn on_each_engine(test: impl Fn()) {
    for engine in [EngineKind::Interpreter, EngineKind::Jit] {
        if engine.is_available() {
            ENGINE.set(engine);
            test();
        }
    }
}

/// What is written to it.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Texts at 4 (`hé`) and 16 (`a.ts`), as AssemblyScript has them.
const SCRIPT: &str = r#"(module
  (import "env" "abort" (func $abort (param i32 i32 i32 i32)))
  (import "env" "trace" (func $trace (param i32 i32 f64 f64 f64 f64 f64)))
  (import "env" "seed" (func $seed (result f64)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\04\00\00\00h\00\e9\00")
  (data (i32.const 12) "\08\00\00\00a\00.\00t\00s\00")
  (data (i32.const 40) "\03\00\00\00abc")
  (func (export "abort") (param i32 i32) (call $abort (local.get 0) (local.get 1) (i32.const 7) (i32.const 9)))
  (func (export "trace") (param i32 i32)
    (call $trace (local.get 0) (local.get 1)
      (f64.const 1) (f64.const 2.5) (f64.const 3) (f64.const 4) (f64.const 5)))
  (func (export "seed") (result f64) (call $seed)))"#;

fn script(host: &AssemblyScript) -> Module {
    let runtime = runtime();
    runtime.instantiate_host_module(&host.host_module()).unwrap();
    runtime.instantiate(wat::parse_str(SCRIPT).unwrap()).unwrap()
}

#[test]
fn assemblyscript_aborts_with_a_message() {
    on_each_engine(|| {
        let check = |message: u32, file: u32, expected: &str| {
            let output = Written::default();
            let module = script(&AssemblyScript::new().with_abort_output(output.clone()));
            let abort = module.typed_function::<(u32, u32), ()>("abort").unwrap();
            let error = abort.call((message, file)).unwrap_err();
            assert_eq!(error.exit_code(), Some(assemblyscript::ABORT_EXIT_CODE));
            assert_eq!(module.exit_code(), Some(255));
            assert_eq!(output.text(), expected);
        };
        check(4, 16, "hé at a.ts:7:9\n");
        check(16, 4, "a.ts at hé:7:9\n");
        // What is no text is not shown: no length before it, an odd length, nothing in the memory.
        for address in [0, 3, 44, 65_538, u32::MAX] {
            check(address, 16, "");
            check(4, address, "");
        }
    });
}

#[test]
fn assemblyscript_can_be_quiet() {
    on_each_engine(|| {
        let module = script(&AssemblyScript::new().with_abort_message_disabled());
        let abort = module.typed_function::<(u32, u32), ()>("abort").unwrap();
        assert_eq!(abort.call((4, 16)).unwrap_err().exit_code(), Some(255));
        script(&AssemblyScript::new())
            .typed_function::<(u32, i32), ()>("trace")
            .unwrap()
            .call((4, 5))
            .unwrap();
    });
}

#[test]
fn assemblyscript_traces() {
    on_each_engine(|| {
        let output = Written::default();
        let module = script(&AssemblyScript::new().with_trace_output(output.clone()));
        let trace = module.typed_function::<(u32, i32), ()>("trace").unwrap();
        for (message, count) in [(4, 0), (16, 2), (4, 9), (0, 1)] {
            trace.call((message, count)).unwrap();
        }
        assert_eq!(output.text(), "trace: hé\ntrace: a.ts 1,2.5\ntrace: hé 1,2.5,3,4,5\n");
    });
}

#[test]
fn assemblyscript_seeds() {
    on_each_engine(|| {
        let seed =
            |host: &AssemblyScript| script(host).typed_function::<(), f64>("seed").unwrap().call(()).unwrap();
        assert_eq!(seed(&AssemblyScript::new()), seed(&AssemblyScript::new()));
        assert_eq!(seed(&AssemblyScript::new().with_seed(|| 0.25)), 0.25);
    });
}

/// Its stack pointer is a global; the functions in its table lower it and may throw.
const PROGRAM: &str = r#"(module
  (import "env" "invoke_v" (func $invoke_v (param i32)))
  (import "env" "invoke_ij" (func $invoke_ij (param i32 i64) (result i32)))
  (import "env" "invoke_V" (func $invoke_vector (param i32 v128 f32) (result v128 f32)))
  (import "env" "_emscripten_throw_longjmp" (func $throw))
  (import "env" "emscripten_notify_memory_growth" (func $growth (param i32)))
  (type $vector (func (param v128 f32) (result v128 f32)))
  (memory 1)
  (table 8 funcref)
  (elem (i32.const 1) $quiet $throws $nested $traps $digits $vectors)
  (global $sp (export "sp") (mut i32) (i32.const 1000))
  (global $threw (export "threw") (mut i32) (i32.const 0))
  (global $value (mut i32) (i32.const 0))
  (func (export "SAVE") (result i32) (global.get $sp))
  (func (export "RESTORE") (param i32) (global.set $sp (local.get 0)))
  (func (export "setThrew") (param i32 i32)
    (global.set $threw (i32.add (global.get $threw) (local.get 0))) (global.set $value (local.get 1)))
  (func $quiet (global.set $sp (i32.const 900)))
  (func $throws (global.set $sp (i32.const 800)) (call $throw) (unreachable))
  (func $nested (global.set $sp (i32.const 700)) (call $invoke_v (i32.const 2)) (global.set $sp (i32.const 600)) (call $throw))
  (func $traps (global.set $sp (i32.const 500)) unreachable)
  (func $digits (param i64) (result i32)
    (if (i64.eqz (local.get 0)) (then (call $throw)))
    (i32.wrap_i64 (local.get 0)))
  (func $vectors (param v128 f32) (result v128 f32) (local.get 0) (f32.neg (local.get 1)))
  (func (export "v") (param i32) (call $growth (i32.const 0)) (call $invoke_v (local.get 0)))
  (func (export "ij") (param i32 i64) (result i32) (call $invoke_ij (local.get 0) (local.get 1)))
  (func (export "vector") (param i32 v128 f32) (result v128 f32)
    (call $invoke_vector (local.get 0) (local.get 1) (local.get 2)))
  (func (export "throw") (call $throw)))"#;

fn program(save: &str, restore: &str) -> Module {
    let source = PROGRAM.replace("SAVE", save).replace("RESTORE", restore);
    let runtime = runtime();
    let compiled = runtime.compile(wat::parse_str(source).unwrap()).unwrap();
    let host = emscripten::host_module_for(&compiled.imported_functions()).unwrap();
    runtime.instantiate_host_module(&host).unwrap();
    runtime.instantiate_module(&compiled, ModuleConfig::new()).unwrap()
}

fn modern() -> Module {
    program("emscripten_stack_get_current", "_emscripten_stack_restore")
}

fn invoke(module: &Module, index: u32) -> Result<(), Error> {
    module.typed_function::<u32, ()>("v").unwrap().call(index)
}

#[track_caller]
fn check_state(module: &Module, stack_pointer: u64, threw: u64) {
    let global = |name| module.exported_global(name).unwrap().get_word();
    assert_eq!((global("sp"), global("threw")), (stack_pointer, threw));
}

#[test]
fn emscripten_invokes_functions_of_the_table() {
    on_each_engine(|| {
        let module = modern();
        invoke(&module, 1).unwrap();
        check_state(&module, 900, 0);
        assert_eq!(module.typed_function::<(u32, i64), i32>("ij").unwrap().call((5, 77)).unwrap(), 77);
        let vector = module.typed_function::<(u32, wz::V128, f32), (wz::V128, f32)>("vector").unwrap();
        let bits = wz::V128(0x0123_4567_89ab_cdef_0011_2233_4455_6677);
        assert_eq!(vector.call((6, bits, 1.5)).unwrap(), (bits, -1.5));
    });
}

#[test]
fn emscripten_catches_longjmp() {
    on_each_engine(|| {
        for module in [modern(), program("stackSave", "stackRestore")] {
            invoke(&module, 2).unwrap();
            check_state(&module, 1000, 1);
            // The inner one is caught by the inner call, the other by the outer.
            invoke(&module, 3).unwrap();
            check_state(&module, 1000, 3);
            // There is a result nevertheless: 0.
            let ij = module.typed_function::<(u32, i64), i32>("ij").unwrap();
            assert_eq!(ij.call((5, 0)).unwrap(), 0);
            check_state(&module, 1000, 4);
        }
    });
}

#[test]
fn emscripten_passes_other_errors_on() {
    on_each_engine(|| {
        let module = modern();
        assert_eq!(invoke(&module, 4).unwrap_err().trap(), Some(Trap::Unreachable));
        check_state(&module, 500, 0);
        // As call_indirect: a null, an index out of range, another type.
        assert_eq!(invoke(&module, 0).unwrap_err().trap(), Some(Trap::InvalidTableAccess));
        assert_eq!(invoke(&module, 99).unwrap_err().trap(), Some(Trap::InvalidTableAccess));
        assert_eq!(invoke(&module, 5).unwrap_err().trap(), Some(Trap::IndirectCallTypeMismatch));
        // Nothing around it catches it.
        let error = module.typed_function::<(), ()>("throw").unwrap().call(()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Host(_)));
        assert!(error.to_string().starts_with("_emscripten_throw_longjmp outside of invoke_*"), "{error}");
        // What the program does not export is said.
        let error = invoke(&program("other", "_emscripten_stack_restore"), 1).unwrap_err();
        assert!(error.to_string().contains("to export emscripten_stack_get_current or stackSave"), "{error}");
    });
}

#[test]
fn emscripten_gives_only_what_is_imported() {
    on_each_engine(|| {
        let runtime = runtime();
        let compiled = runtime.compile(wat::parse_str("(module)").unwrap()).unwrap();
        let host = emscripten::host_module_for(&compiled.imported_functions()).unwrap();
        assert_eq!((host.name(), host.functions().len()), ("env", 0));
    });
}
