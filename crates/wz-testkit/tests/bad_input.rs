//! Bad modules: truncated, random, mutated, deeply nested, with huge counts and extreme limits.
//! Each gives an error, with the offset where there is one, in bounded time and memory, and
//! nothing panics. On every engine.

use std::time::{Duration, Instant};

use wz::{ErrorKind, ModuleConfig, Runtime};
use wz_testkit::engines::for_each_engine;
use wz_testkit::fixture::{Fixture, binary};
use wz_testkit::generate::{Purpose, module_from_seed, program_from_seed};
use wz_testkit::random::Random;

/// The time that anything here may take on a busy machine without optimization.
const PATIENCE: Duration = Duration::from_secs(20);

/// Compiles, and instantiates if that worked; gives the error.
fn load(runtime: &Runtime, module: &[u8]) -> Option<wz::Error> {
    let config = ModuleConfig::new().with_name("").with_start_functions([""; 0]);
    let instance = runtime.compile(module).and_then(|compiled| runtime.instantiate_module(&compiled, config));
    instance.err()
}

fn small(engine: wz_testkit::engines::EngineUnderTest) -> Fixture {
    Fixture::new((engine.config)().with_memory_limit_pages(64).with_table_limit_elements(10_000))
}

#[test]
fn every_truncation_is_malformed_and_says_where() {
    for_each_engine(|engine| {
        let fixture = small(engine);
        for module in [program_from_seed(1), module_from_seed(3, Purpose::Execute)] {
            let step = 1 + module.len() / 700;
            for len in (0..module.len()).step_by(step) {
                let Err(error) = fixture.runtime.compile(&module[..len]) else {
                    // A cut between sections can leave a module.
                    continue;
                };
                match error.kind() {
                    ErrorKind::Module(problem) => {
                        let offset = problem.offset.unwrap_or_else(|| panic!("no offset at {len}: {error}"));
                        assert!(offset <= len, "offset {offset} of {len}");
                        assert!(error.to_string().contains("offset 0x"), "{error}");
                    }
                    other => panic!("cut at {len}: {other:?}"),
                }
            }
        }
    });
}

#[test]
fn random_bytes_and_mutations_do_not_panic() {
    for_each_engine(|engine| {
        let fixture = small(engine);
        let mut random = Random::new(42);
        for _ in 0..300 {
            let len = random.below(200) as usize;
            let mut module = b"\0asm\x01\0\0\0".to_vec();
            module.extend(random.bytes(len));
            drop(load(&fixture.runtime, &module));
            drop(load(&fixture.runtime, &module[4..]));
        }
        for seed in 0..60 {
            let module = if seed % 2 == 0 {
                program_from_seed(seed)
            } else {
                module_from_seed(seed, Purpose::Execute)
            };
            for _ in 0..10 {
                let mut mutated = module.clone();
                for _ in 0..1 + random.below(4) {
                    let at = random.below(mutated.len() as u64) as usize;
                    match random.below(3) {
                        0 => mutated[at] = random.word() as u8,
                        1 => mutated[at] ^= 1 << random.below(8),
                        _ => drop(mutated.remove(at)),
                    }
                }
                // What is valid nevertheless is compiled, not run: a mutated module need not end.
                drop(fixture.runtime.compile(&mutated));
            }
        }
    });
}

#[test]
fn errors_have_the_offset_of_what_is_wrong() {
    for_each_engine(|engine| {
        let fixture = small(engine);
        for (bytes, malformed, offset) in [
            (&b""[..], true, 0),
            (b"\0asm", true, 4),
            (b"\0asm\x02\0\0\0", true, 4),
            (b"nope\x01\0\0\0", true, 0),
            (b"\0asm\x01\0\0\0\x63", true, 8),
        ] {
            let error = load(&fixture.runtime, bytes).expect("an error");
            let ErrorKind::Module(problem) = error.kind() else { panic!("{error:?}") };
            assert_eq!(problem.malformed, malformed, "{error}");
            assert!(problem.offset.is_some_and(|at| at.abs_diff(offset) <= 4), "{error}");
        }
        let text = "(module (func nop nop (drop (i32.add (i32.const 1) (i64.const 2)))))";
        let module = wat::parse_str(text).unwrap();
        let error = load(&fixture.runtime, &module).expect("an error");
        let ErrorKind::Module(problem) = error.kind() else { panic!("{error:?}") };
        let add = module.iter().position(|byte| *byte == 0x6a).unwrap();
        assert!(!problem.malformed && problem.offset == Some(add), "{error}, at {add:#x}");
    });
}

/// A section of that id with that content.
fn section(id: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![id];
    leb128(&mut bytes, content.len() as u64);
    bytes.extend_from_slice(content);
    bytes
}

fn leb128(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn module(sections: &[Vec<u8>]) -> Vec<u8> {
    [b"\0asm\x01\0\0\0".to_vec(), sections.concat()].concat()
}

fn number(value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    leb128(&mut bytes, value);
    bytes
}

const HUGE: u64 = u32::MAX as u64;

#[test]
fn huge_counts_are_errors_at_once() {
    let function = || [section(1, b"\x01\x60\0\0"), section(3, b"\x01\0")].concat();
    let body =
        |content: &[u8]| section(10, &[number(1), number(content.len() as u64), content.to_vec()].concat());
    let cases = [
        ("types", module(&[section(1, &number(HUGE))])),
        ("params", module(&[section(1, &[&b"\x01\x60"[..], &number(HUGE)].concat())])),
        ("imports", module(&[section(2, &number(HUGE))])),
        ("functions", module(&[section(1, b"\x01\x60\0\0"), section(3, &number(HUGE))])),
        ("tables", module(&[section(4, &number(HUGE))])),
        ("memories", module(&[section(5, &number(HUGE))])),
        ("globals", module(&[section(6, &number(HUGE))])),
        ("exports", module(&[section(7, &number(HUGE))])),
        ("elements", module(&[section(9, &number(HUGE))])),
        ("code", module(&[function(), section(10, &number(HUGE))])),
        ("data", module(&[section(11, &number(HUGE))])),
        ("data count", module(&[section(12, &number(HUGE))])),
        ("name", module(&[section(0, &number(HUGE))])),
        ("section", module(&[[vec![1], number(HUGE)].concat()])),
        ("body", module(&[function(), section(10, &[number(1), number(HUGE)].concat())])),
        ("locals", module(&[function(), body(&[number(1), number(HUGE), b"\x7f\x0b".to_vec()].concat())])),
        (
            "locals in sum",
            module(&[
                function(),
                body(
                    &[
                        number(3),
                        [number(0x7fff_ffff), b"\x7f".to_vec()].concat().repeat(3),
                        b"\x0b".to_vec(),
                    ]
                    .concat(),
                ),
            ]),
        ),
        (
            "br_table",
            module(&[
                function(),
                body(&[b"\0\x41\0\x0e".to_vec(), number(HUGE), b"\0\x0b".to_vec()].concat()),
            ]),
        ),
    ];
    for_each_engine(|engine| {
        let fixture = small(engine);
        for (name, module) in &cases {
            let started = Instant::now();
            let error = load(&fixture.runtime, module).unwrap_or_else(|| panic!("{name} is accepted"));
            assert!(matches!(error.kind(), ErrorKind::Module(_) | ErrorKind::Limit(_)), "{name}: {error:?}");
            assert!(started.elapsed() < Duration::from_secs(2), "{name} took {:?}", started.elapsed());
        }
    });
}

#[test]
fn extreme_limits_are_errors() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)());
        for text in [
            "(module (memory i64 0x1_0000_0000_0000))",
            "(module (memory i64 0x1000_0000))",
            "(module (table 0xffff_ffff funcref))",
            "(module (table i64 0xffff_ffff_ffff_ffff funcref))",
            "(module (table i64 0x1000_0000_0000_0000 externref))",
        ] {
            let error = load(&fixture.runtime, &binary(text)).unwrap_or_else(|| panic!("{text} is accepted"));
            assert!(!error.to_string().is_empty());
        }
        // Extreme maxima alone are fine: nothing is reserved for them that is not there.
        for text in [
            "(module (memory 0 65536))",
            "(module (memory i64 0 0x1_0000_0000_0000))",
            "(module (table 0 0xffff_ffff funcref))",
            "(module (table i64 0 0xffff_ffff_ffff_ffff funcref))",
        ] {
            let error = load(&fixture.runtime, &binary(text));
            assert!(error.is_none(), "{text}: {error:?}");
        }
    });
}

#[test]
fn configured_limits_are_errors() {
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)().with_instance_limit(3).with_module_limit_bytes(100));
        let large = binary(&format!("(module (memory 1) (data (i32.const 0) \"{}\"))", "x".repeat(100)));
        let error = load(&fixture.runtime, &large).expect("an error");
        assert!(error.to_string().contains("100"), "{error}");
        let modules: Vec<_> = (0..3).map(|_| fixture.module("(module)")).collect();
        let error = fixture.try_module("(module)").unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Limit(_)), "{error:?}");
        drop(modules);
        assert!(fixture.try_module("(module)").is_ok(), "what is freed can be had again");
        for pages in [65_537, u64::MAX] {
            assert!(Runtime::with_config((engine.config)().with_memory_limit_pages(pages)).is_err());
        }
    });
}

/// Nested deeply, on a small stack.
#[test]
fn deep_nesting_needs_no_native_stack() {
    let function =
        [section(1, b"\x01\x60\0\0"), section(3, b"\x01\0"), section(7, b"\x01\x03run\0\0")].concat();
    let body = |content: Vec<u8>| {
        let content = [b"\0".to_vec(), content, b"\x0b".to_vec()].concat();
        module(&[function.clone(), section(10, &[number(1), number(content.len() as u64), content].concat())])
    };
    const DEPTH: usize = 50_000;
    let cases = [
        ("blocks", body([b"\x02\x40".repeat(DEPTH), b"\x0b".repeat(DEPTH)].concat()), true),
        ("loops", body([b"\x03\x40".repeat(DEPTH), b"\x0b".repeat(DEPTH)].concat()), true),
        ("ifs", body([b"\x41\x01\x04\x40".repeat(DEPTH), b"\x0b".repeat(DEPTH)].concat()), true),
        ("operands", body([b"\x41\x01".repeat(DEPTH), b"\x1a".repeat(DEPTH)].concat()), true),
        ("unclosed blocks", body(b"\x02\x40".repeat(DEPTH)), false),
        (
            "unreachable blocks",
            body([b"\0".to_vec(), b"\x02\x40".repeat(DEPTH), b"\x0b".repeat(DEPTH)].concat()),
            true,
        ),
    ];
    for_each_engine(|engine| {
        let cases = cases.clone();
        let thread = std::thread::Builder::new().stack_size(256 << 10).spawn(move || {
            let fixture = small(engine);
            for (name, module, valid) in &cases {
                let started = Instant::now();
                let compiled = fixture.runtime.compile(module);
                match compiled {
                    Ok(compiled) => {
                        assert!(valid, "{name} is accepted");
                        let config = ModuleConfig::new().with_name("");
                        let instance = fixture.runtime.instantiate_module(&compiled, config).unwrap();
                        drop(instance.exported_function("run").unwrap().call(&[]));
                    }
                    // A limit on nesting is fine as well, if it says so.
                    Err(error) => {
                        let limit = error.to_string().contains("limit") || error.to_string().contains("too ");
                        assert!(!valid || limit, "{name}: {error}");
                    }
                }
                assert!(started.elapsed() < PATIENCE, "{name} took {:?}", started.elapsed());
            }
        });
        thread.unwrap().join().unwrap();
    });
}

/// Large in one dimension each, and valid: everything runs, in time about proportional to the
/// size.
#[test]
fn large_functions_are_compiled_in_time() {
    let large_table = format!(
        r#"(module (func (export "run") (param i32) (result i32)
            (block (block (br_table {} 1 (local.get 0))) (return (i32.const 7))) (i32.const 8)))"#,
        "0 ".repeat(50_000)
    );
    let many_locals = format!(
        r#"(module (func (export "run") (param i32) (result i32) (local {}) (local.set 40000 (local.get 0)) (local.get 40000)))"#,
        "i32 ".repeat(45_000)
    );
    let long = format!(
        r#"(module (func (export "run") (param i32) (result i32) (local i32) {} (local.get 1)))"#,
        "(local.set 1 (i32.add (local.get 1) (local.get 0)))".repeat(100_000)
    );
    let many_functions = format!(
        r#"(module {} (func (export "run") (param i32) (result i32) (call 29999 (local.get 0))))"#,
        "(func (param i32) (result i32) (local.get 0))".repeat(30_000)
    );
    for_each_engine(|engine| {
        let fixture = small(engine);
        for (name, text, expected) in [
            ("br_table", &large_table, 7),
            ("locals", &many_locals, 3),
            ("long", &long, 300_000),
            ("functions", &many_functions, 3),
        ] {
            let module = binary(text);
            let started = Instant::now();
            let compiled = fixture.runtime.compile(&module).unwrap_or_else(|error| panic!("{name}: {error}"));
            let config = ModuleConfig::new().with_name("");
            let instance = fixture.runtime.instantiate_module(&compiled, config).unwrap();
            let results = instance.exported_function("run").unwrap().call(&[3]).unwrap();
            assert_eq!(results, [expected], "{name}");
            assert!(started.elapsed() < PATIENCE, "{name} took {:?}", started.elapsed());
        }
    });
}

#[test]
fn odd_names_and_custom_sections_are_harmless() {
    let name_section = |content: &[u8]| section(0, &[&b"\x04name"[..], content].concat());
    let function =
        [section(1, b"\x01\x60\0\0"), section(3, b"\x01\0"), section(7, b"\x01\x03run\0\0")].concat();
    let code = section(10, b"\x01\x03\0\0\x0b");
    let cases = [
        ("garbage", name_section(b"\xff\xff\xff\xff")),
        ("huge map", name_section(&[&b"\x01\x05"[..], &number(HUGE)].concat())),
        ("unsorted", name_section(b"\x01\x07\x02\x05\x01a\0\x01b")),
        ("not UTF-8", name_section(b"\x01\x04\x01\0\x01\xff")),
        ("out of range", name_section(b"\x01\x04\x01\x63\x01a")),
        ("twice", [name_section(b"\x01\x04\x01\0\x01a"), name_section(b"\x01\x04\x01\0\x01b")].concat()),
        ("escape", name_section(b"\x01\x05\x01\0\x02\x1b[")),
        ("empty custom", section(0, b"\0")),
    ];
    for_each_engine(|engine| {
        let fixture = Fixture::new((engine.config)().with_custom_sections(true));
        for (name, custom) in &cases {
            let bytes = module(&[function.clone(), code.clone(), custom.clone()]);
            let compiled = fixture.runtime.compile(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
            let config = ModuleConfig::new().with_name("");
            let instance = fixture.runtime.instantiate_module(&compiled, config).unwrap();
            let error = instance.exported_function("run").unwrap().call(&[]).unwrap_err();
            assert_eq!(error.trap(), Some(wz::Trap::Unreachable), "{name}: {error}");
        }
    });
}
