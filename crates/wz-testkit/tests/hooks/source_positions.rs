//! Source positions from DWARF: the traces of real programs, compared with `testdata/debug/golden`.
//! `WZ_BLESS=1` writes these anew.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use wz::experimental::{StackIterator, attach_listeners};
use wz::{Context, FunctionDefinition, Module, ModuleConfig};
use wz_testkit::engines::{EngineUnderTest, for_each_engine};
use wz_testkit::fixture::Fixture;

fn testdata(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(path)
}

fn module(engine: EngineUnderTest, wasm: &[u8], debug_info: bool) -> Module {
    let fixture = Fixture::new((engine.config)().with_debug_info(debug_info));
    let compiled = fixture.runtime.compile(wasm).unwrap();
    let config = ModuleConfig::new().with_name("").with_start_functions([""; 0]);
    fixture.runtime.instantiate_module(&compiled, config).unwrap()
}

/// Calls an export that traps.
fn check(program: &str, export: &str, params: &[u64], golden: &str) {
    let golden = testdata(&format!("debug/golden/{golden}.txt"));
    let wasm = fs::read(testdata(program)).unwrap();
    for_each_engine(|engine| {
        let error = module(engine, &wasm, true).exported_function(export).unwrap().call(params).unwrap_err();
        let text = format!("{error}\n");
        if std::env::var_os("WZ_BLESS").is_some() {
            fs::write(&golden, &text).unwrap();
        }
        assert_eq!(text, fs::read_to_string(&golden).unwrap(), "{program} on {}", engine.name);

        // Without the debug information, the same frames and offsets.
        let plain = module(engine, &wasm, false).exported_function(export).unwrap().call(params).unwrap_err();
        assert!(plain.backtrace().unwrap().frames().iter().all(|frame| frame.source_locations().is_empty()));
        let offsets = |error: &wz::Error| {
            let frames = error.backtrace().unwrap().frames();
            frames.iter().map(|frame| (frame.definition.index(), frame.code_offset)).collect::<Vec<_>>()
        };
        assert_eq!(offsets(&error), offsets(&plain));
    });
}

#[test]
fn traces_of_c() {
    check("programs/trap.wasm", "_start", &[], "trap");
}

#[test]
fn traces_of_cpp_are_demangled() {
    check("debug/classes.wasm", "run", &[1], "classes");
}

#[test]
fn traces_of_rust_with_inlined_functions() {
    check("debug/inlined.wasm", "run", &[0xffff_fff0], "inlined");
}

/// Inlined functions are not frames of their own.
#[test]
fn inlined_functions_are_places_of_one_frame() {
    for_each_engine(|engine| {
        let wasm = fs::read(testdata("debug/inlined.wasm")).unwrap();
        let error =
            module(engine, &wasm, true).exported_function("run").unwrap().call(&[0xffff_fff0]).unwrap_err();
        let frames = error.backtrace().unwrap().frames();
        assert_eq!(frames.len(), 2);
        let places = frames[0].source_locations();
        let functions: Vec<_> = places.iter().filter_map(|place| place.function.as_deref()).collect();
        assert_eq!(functions.last(), Some(&"inlined::shapes::measure"), "{functions:?}");
        assert!(functions.len() >= 3, "{functions:?}");
        assert!(places.iter().rev().skip(1).all(|place| place.inlined));
        assert!(places.iter().all(|place| place.file.starts_with("/") && place.line.is_some()));
    });
}

/// Listeners see the places of every frame.
#[test]
fn stack_frames_know_their_source() {
    for_each_engine(|engine| {
        let wasm = fs::read(testdata("programs/trap.wasm")).unwrap();
        let module = module(engine, &wasm, true);
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let lines = seen.clone();
        let before = move |_: &Context,
                           _: &Module,
                           definition: &FunctionDefinition,
                           _: &[u64],
                           stack: &mut dyn StackIterator| {
            if definition.name() != "inner" {
                return;
            }
            while stack.next() {
                let place = stack.function().source_locations_for_pc(stack.program_counter());
                let line = place.first().and_then(|place| place.line).unwrap_or_default();
                lines.lock().unwrap().push(format!("{}:{line}", stack.function().definition().name()));
            }
        };
        let listener: Arc<dyn wz::experimental::FunctionListener> = Arc::new(before);
        let factory = move |_: &FunctionDefinition| Some(listener.clone());
        let _attachment = attach_listeners(&module, &factory).unwrap();
        module.exported_function("_start").unwrap().call(&[]).unwrap_err();
        assert_eq!(seen.lock().unwrap()[1..], ["middle:15", "outer:20", "_start:23"]);
    });
}

/// Debug information that is damaged in any byte gives some trace or other, without a panic.
#[test]
fn damaged_debug_information_is_no_problem() {
    for_each_engine(|engine| {
        let wasm = fs::read(testdata("debug/inlined.wasm")).unwrap();
        let debug = wasm.windows(11).position(|bytes| bytes == b".debug_info").unwrap() - 64;
        let start = wasm.windows(7).position(|bytes| bytes == b".debug_").unwrap().min(debug + 64) + 16;
        for at in (start..wasm.len()).step_by(23) {
            for value in [0x00, 0x7f, 0xff] {
                let mut damaged = wasm.clone();
                damaged[at] = value;
                let fixture = Fixture::new((engine.config)());
                // Lengths of sections may be hit.
                let Ok(compiled) = fixture.runtime.compile(&damaged) else { continue };
                let config = ModuleConfig::new().with_name("").with_start_functions([""; 0]);
                let module = fixture.runtime.instantiate_module(&compiled, config).unwrap();
                let error = module.exported_function("run").unwrap().call(&[0xffff_fff0]).unwrap_err();
                assert!(
                    error
                        .to_string()
                        .starts_with("wasm error: out of bounds memory access\nwasm stack trace:\n")
                );
            }
        }
    });
}
