//! The compiler of functions over the toy instruction set: what of it does not depend on one.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::thread;

use wz_api::{ErrorKind, Result};
use wz_decode::ModuleInfo;

use super::decoded;
use super::toy::{Toy, ToyAssembler};
use crate::compile::{Compilation, Compiler, DumpFolder};
use crate::options::Options;
use crate::runtime::module::{CompiledFunction, FunctionCompiler, Version};
use crate::runtime::stubs::StubAssembler;
use crate::target::{CodeOptions, Target};

/// The toy, whose code is a byte for each instruction.
#[derive(Debug)]
struct ToyTarget;

impl Target for ToyTarget {
    type Isa = Toy;

    fn isa(&self, _: &Arc<ModuleInfo>, options: CodeOptions) -> Toy {
        assert!(!options.explicit_checks || options.deterministic, "these tests ask for both");
        Toy
    }

    fn assembler(&self) -> ToyAssembler {
        ToyAssembler::default()
    }

    fn finish(&self, assembler: ToyAssembler) -> Vec<u8> {
        let byte = |code: &super::toy::ToyCode| {
            let mut hasher = DefaultHasher::new();
            format!("{code:?}").hash(&mut hasher);
            hasher.finish() as u8
        };
        assembler.code.iter().map(byte).collect()
    }

    fn stubs(&self) -> &'static dyn StubAssembler {
        unreachable!("nothing is run")
    }

    fn fingerprint(&self) -> String {
        "toy".to_owned()
    }
}

fn module(text: &str) -> Arc<ModuleInfo> {
    Arc::new(decoded(&wat::parse_str(text).expect("a module")))
}

fn compiler(info: &Arc<ModuleInfo>) -> Compiler<ToyTarget> {
    Compiler::new(&Compilation::new(ToyTarget), info, Options::default(), false)
}

fn compile_all(compiler: &Compiler<ToyTarget>, info: &Arc<ModuleInfo>) -> Vec<CompiledFunction> {
    let compile = |function| compiler.compile(info, function, Version::Plain).expect("a simple function");
    (0..info.bodies.len() as u32).map(compile).collect()
}

const PROGRAM: &str = r#"(module
    (import "" "" (func $host (param i32)))
    (memory 1)
    (func $leaf (param i32) (result i32) (i32.load offset=4 (local.get 0)))
    (func $calls (param i32 i32)
        (loop $next
            (call $host (call $leaf (local.get 0)))
            (call $host (i32.div_u (local.get 0) (local.get 1)))
            (br_if $next (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
    (func $tail (param i32) (return_call $calls (local.get 0) (i32.const 1))))"#;

#[test]
fn functions_come_with_what_the_run_time_needs() {
    let info = module(PROGRAM);
    let compiler = compiler(&info);
    let functions = compile_all(&compiler, &info);
    let [leaf, calls, tail] = &functions[..] else { panic!("three functions") };
    assert_eq!(functions.iter().map(|compiled| compiled.info.function).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(leaf.info.memory_count, 1);
    let returns = (0..=calls.code.len() as u32).filter(|at| calls.info.calls.lookup(*at).is_some()).count();
    assert_eq!(returns, 3);
    let offsets: Vec<_> =
        (0..calls.code.len() as u32).filter_map(|at| calls.info.pc_map.lookup(at)).collect();
    assert_eq!(offsets.len(), calls.code.len());
    let body = |function: usize| {
        let range = &info.bodies[function].range;
        (range.start - info.code_start) as u32..(range.end - info.code_start) as u32
    };
    assert!(offsets.iter().all(|offset| body(1).contains(offset)), "{offsets:?} in {:?}", body(1));
    assert!(!tail.code.is_empty());
    assert_eq!([0, 1, 2].map(|function| compiler.tells_listeners(&info, function)), [false, false, true]);
}

#[test]
fn code_does_not_depend_on_threads_or_order() {
    for seed in 0..20 {
        let Some(wasm) = super::smith::module(seed) else { continue };
        let info = Arc::new(decoded(&wasm));
        let expected = compile_all(&compiler(&info), &info);
        let compiler = compiler(&info);
        thread::scope(|scope| {
            let work = |start: usize| {
                let (compiler, info, expected) = (&compiler, &info, &expected);
                move || {
                    let count = expected.len();
                    for function in (0..count).map(|number| (number * 7 + start) % count) {
                        let compiled =
                            compiler.compile(info, function as u32, Version::Plain).expect("simple");
                        assert_eq!(compiled.code, expected[function].code);
                        assert_eq!(compiled.info.pc_map, expected[function].info.pc_map);
                    }
                }
            };
            (0..4).for_each(|start| drop(scope.spawn(work(start))));
        });
    }
}

#[test]
fn functions_that_are_too_complex_are_limits() {
    let info = module(&too_complex());
    let error = compiler(&info).compile(&info, 0, Version::Plain).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Limit(_)), "{error}");
    assert_eq!(error.to_string(), "function[0]: function is too complex to compile");
}

/// A function whose SSA form grows with the product of its locals and merges.
fn too_complex() -> String {
    let count = 5_000;
    let lines = |line: &dyn Fn(usize) -> String| (1..=count).map(line).collect::<String>();
    let body = lines(&|local| {
        format!("(local.set {local} (i32.load (local.get 0))) (br_if 0 (i32.load (local.get 0)))")
    });
    let reads = lines(&|local| format!("(i32.store (local.get 0) (local.get {local}))"));
    format!("(module (memory 1) (func (param i32) (local {}) (block {body}) {reads}))", "i32 ".repeat(count))
}

/// A panic in the compiler is an error of the call, and leaves the compiler in order.
#[test]
fn mistakes_of_the_compiler_are_errors() {
    let info = module(PROGRAM);
    // The toy's target refuses these options.
    let options = Options { explicit_checks: true, ..Options::default() };
    let compiler = Compiler::new(&Compilation::new(ToyTarget), &info, options, false);
    let error = compiler.compile(&info, 0, Version::Plain).unwrap_err();
    assert_eq!(error.to_string(), "compiling function[1]: these tests ask for both");
    assert!(!matches!(error.kind(), ErrorKind::Limit(_)), "it is not run elsewhere unnoticed");
}

/// Compiling on threads with little of their stack left is compiling elsewhere.
#[test]
fn little_native_stack_is_enough() {
    let nested = format!("(module (func {} {}))", "(block ".repeat(2_000), ")".repeat(2_000));
    for text in [PROGRAM, &nested] {
        let info = module(text);
        let run = {
            let info = info.clone();
            move || compile_all(&compiler(&info), &info).len()
        };
        let thread = thread::Builder::new().stack_size(128 << 10).spawn(run).expect("a thread");
        assert_eq!(thread.join().expect("no overflow"), info.bodies.len());
    }
}

#[test]
fn explanations_have_every_stage_and_every_byte() -> Result<()> {
    let info = module(PROGRAM);
    let compiler = compiler(&info);
    let explanation = compiler.explain(1)?;
    let stages: Vec<_> = explanation.stages.iter().map(|stage| stage.stage).collect();
    assert_eq!((stages.first(), stages.last()), (Some(&"build"), Some(&"allocate")));
    assert!(stages.contains(&"select"));
    assert_eq!(explanation.code, compiler.compile(&info, 1, Version::Plain)?.code);
    let mut end = 0;
    for (range, _) in &explanation.operators {
        assert_eq!(range.start, end);
        end = range.end;
    }
    assert_eq!(end as usize, explanation.code.len());
    Ok(())
}

#[test]
fn dumps_go_to_a_folder() {
    let folder = std::env::temp_dir().join(format!("wz-jit-dump-{}", std::process::id()));
    let info = module(PROGRAM);
    let compiler = compiler(&info).with_dump(Some(Arc::new(DumpFolder::new(&folder, "2"))));
    compile_all(&compiler, &info);
    let files: Vec<_> = std::fs::read_dir(&folder).expect("the folder").flatten().collect();
    let text = std::fs::read_to_string(files[0].path()).expect("the file");
    std::fs::remove_dir_all(&folder).expect("the folder goes");
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].file_name(), "module.2.plain.txt");
    assert!(text.starts_with(";; ") && text.contains("-- select\n") && text.contains("-- code, "), "{text}");
}

#[test]
fn fingerprints_tell_what_code_depends_on() {
    let info = module("(module)");
    let text = |options: Options, deterministic: bool| {
        Compiler::new(&Compilation::new(ToyTarget), &info, options, deterministic).fingerprint()
    };
    let plain = Options::default();
    let texts = [
        text(plain, false),
        text(plain, true),
        text(Options { fuel: true, ..plain }, false),
        text(Options { interrupt: true, ..plain }, false),
        text(Options { explicit_checks: true, ..plain }, false),
        text(Options { passes: crate::Passes::NONE, ..plain }, false),
    ];
    for (number, text) in texts.iter().enumerate() {
        assert!(text.starts_with("toy; "));
        assert!(!texts[..number].contains(text), "{text}");
    }
}
