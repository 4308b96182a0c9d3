//! Modules that try to break the decoder or the walker: each is accepted or refused with a clear
//! error, with bounded time and memory and on a thread with a stack of 256 KiB.

mod support;

use std::fmt::Write;
use std::time::{Duration, Instant};

use support::check_walk;
use wasm_encoder::{
    BlockType, CodeSection, Encode, EntityType, ExportKind, ExportSection, Function, FunctionSection,
    ImportSection, Instruction, MemorySection, MemoryType, Module, RawSection, RefType, SectionId,
    TableSection, TableType, TypeSection, ValType,
};
use wz_api::{CoreFeatures, ErrorKind, ModuleError};
use wz_decode::{DecodeLimits, DecodeOptions, ModuleInfo, decode};

/// What became of a module.
#[derive(Debug)]
enum Outcome {
    Valid(Box<ModuleInfo>),
    Module(ModuleError),
    Limit(String),
}

impl Outcome {
    fn valid(self) -> ModuleInfo {
        match self {
            Self::Valid(info) => *info,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn invalid(self, part: &str) {
        let Self::Module(ModuleError { malformed: false, message, offset: Some(_) }) = &self else {
            panic!("{self:?}")
        };
        assert!(message.contains(part), "{message}");
    }

    #[track_caller]
    fn malformed(self, part: &str) {
        let Self::Module(ModuleError { malformed: true, message, offset: Some(_) }) = &self else {
            panic!("{self:?}")
        };
        assert!(message.contains(part), "{message}");
    }

    #[track_caller]
    fn limit(self, part: &str) {
        let Self::Limit(message) = &self else { panic!("{self:?}") };
        assert!(message.contains(part), "{message}");
    }
}

/// Runs on a thread with a small stack.
fn small_stack<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(256 << 10).spawn_scoped(scope, run);
        thread.unwrap().join().unwrap()
    })
}

fn decode_with(bytes: &[u8], options: &DecodeOptions) -> Outcome {
    small_stack(|| match decode(bytes, options) {
        Ok(info) => Outcome::Valid(Box::new(info)),
        Err(error) => match error.into_kind() {
            ErrorKind::Module(error) => {
                assert!(error.offset.is_none_or(|offset| offset <= bytes.len()), "{error}");
                Outcome::Module(error)
            }
            ErrorKind::Limit(message) => Outcome::Limit(message),
            other => panic!("{other:?}"),
        },
    })
}

fn decoded(bytes: &[u8]) -> Outcome {
    let started = Instant::now();
    let outcome = decode_with(bytes, &DecodeOptions::default());
    assert!(
        started.elapsed() < Duration::from_secs(60),
        "{} bytes took {:?}",
        bytes.len(),
        started.elapsed()
    );
    outcome
}

/// Decodes and walks a module.
fn walked(bytes: &[u8]) -> ModuleInfo {
    let info = decoded(bytes).valid();
    small_stack(|| check_walk(&info));
    info
}

/// A module with one function of this type and body.
fn with_function(params: &[ValType], results: &[ValType], function: &Function) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function(params.iter().copied(), results.iter().copied());
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut code = CodeSection::new();
    code.function(function);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&code);
    module.finish()
}

/// A module with one section of these bytes.
fn with_section(id: SectionId, data: &[u8]) -> Vec<u8> {
    let mut module = Module::new();
    module.section(&RawSection { id: id as u8, data });
    module.finish()
}

fn sample() -> Vec<u8> {
    let bytes = wat::parse_str(
        r#"(module $sample
          (type $t (func (param i32 v128) (result i64 funcref)))
          (import "a" "f" (func $f (type $t)))
          (import "a" "g" (global $g i32))
          (table $table 3 9 funcref)
          (memory $m 1 2) (memory $big i64 1)
          (global (mut f64) (f64.const nan:0x123))
          (global v128 (v128.const i64x2 1 2))
          (export "run" (func $run)) (export "m" (memory $m))
          (start $start)
          (elem (table $table) (offset (i32.add (global.get $g) (i32.const 1))) func $f $run)
          (elem $passive externref (ref.null extern))
          (elem declare func $start)
          (func $start)
          (func $run (type $t) (local f32 i64 i64)
            (block $b (result i32)
              (loop $l (br_if $l (i32.const 1)))
              (if (result i32) (local.get 0) (then (br $b (i32.const 5))) (else (i32.const 6)))
              (br_table $b $b (local.get 0)))
            (i64.load $big offset=4294967296 (i64.const 3))
            (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))
            (drop) (drop)
            (return_call_indirect (type $t) (i32.const 1) (local.get 1) (i32.const 0)))
          (data $d "hello")
          (data (memory $big) (i64.const 7) "world"))"#,
    );
    bytes.unwrap()
}

#[test]
fn every_prefix_of_a_module() {
    let bytes = sample();
    walked(&bytes);
    let mut valid = Vec::new();
    for len in 0..bytes.len() {
        match decoded(&bytes[..len]) {
            Outcome::Valid(_) => valid.push(len),
            Outcome::Module(error) => assert!(error.offset.is_some(), "{error}"),
            Outcome::Limit(message) => panic!("{message}"),
        }
    }
    // Up to the end of a section, and before the functions are declared.
    assert!(valid.len() <= 4 && valid[0] == 8, "{valid:?}");
}

#[test]
fn every_byte_of_a_module_changed() {
    let bytes = sample();
    for position in 0..bytes.len() {
        for byte in [0x00, 0x01, 0x40, 0x7f, 0x80, 0xff, bytes[position] ^ 0x01, bytes[position] ^ 0x10] {
            let mut changed = bytes.clone();
            changed[position] = byte;
            if let Ok(info) = decode(changed, &DecodeOptions { threads: 1, ..DecodeOptions::default() }) {
                check_walk(&info);
                for function in 0..info.functions.len() as u32 {
                    assert_eq!(info.function_definition(function).index(), function);
                }
            }
        }
    }
}

#[test]
fn random_bytes() {
    let mut state = 0x1234_5678_9abc_def0_u64;
    for round in 0..20_000 {
        let mut bytes = b"\0asm\x01\0\0\0".to_vec();
        for _ in 0..round % 100 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            // Mostly small numbers, as in modules.
            bytes.push(if state & 3 == 0 { state >> 8 } else { state >> 8 & 0x0f } as u8);
        }
        if let Ok(info) = decode(bytes, &DecodeOptions { threads: 1, ..DecodeOptions::default() }) {
            check_walk(&info);
        }
    }
}

#[test]
fn what_is_not_a_module() {
    decoded(b"").malformed("unexpected end");
    decoded(b"\0asm").malformed("unexpected end");
    decoded(b"#!/bin/sh").malformed("magic");
    decoded(b"\0asm\x02\0\0\0").malformed("version");
    decoded(b"\0asm\x0d\0\x01\0").malformed("components are not supported");
}

#[test]
fn counts_that_are_not_kept() {
    let most = b"\xff\xff\xff\xff\x0f";
    for id in (1..=12).filter(|id| *id != SectionId::Start as u8) {
        let started = Instant::now();
        let mut module = Module::new();
        module.section(&RawSection { id, data: most });
        match decoded(&module.finish()) {
            Outcome::Module(error) => assert!(error.malformed, "section {id}: {error}"),
            other => panic!("section {id}: {other:?}"),
        }
        assert!(started.elapsed() < Duration::from_secs(1));
    }
    // As many as are allowed, and none there.
    for (id, count) in
        [(SectionId::Type, 1_000_000_u32), (SectionId::Export, 1_000_000), (SectionId::Element, 100_000)]
    {
        let mut data = Vec::new();
        count.encode(&mut data);
        decoded(&with_section(id, &data)).malformed("unexpected end");
    }
    // Counts inside of types, bodies and operators.
    decoded(&with_section(SectionId::Type, b"\x01\x60\xff\xff\xff\xff\x0f")).malformed("");
    let mut body = Function::new([]);
    body.raw(*b"\x00\x0e\xff\xff\xff\xff\x0f");
    decoded(&with_function(&[], &[], &body)).malformed("");
}

#[test]
fn deep_nesting() {
    const DEPTH: u32 = 50_000;
    for start in [
        &[Instruction::Block(BlockType::Empty)][..],
        &[Instruction::Loop(BlockType::Empty)],
        &[Instruction::I32Const(1), Instruction::If(BlockType::Empty)],
        &[Instruction::Block(BlockType::Empty), Instruction::I32Const(1), Instruction::BrIf(0)],
    ] {
        let mut function = Function::new([]);
        for _ in 0..DEPTH {
            for instruction in start {
                function.instruction(instruction);
            }
        }
        for _ in 0..=DEPTH {
            function.instruction(&Instruction::End);
        }
        walked(&with_function(&[], &[], &function));
        // The same where it cannot be reached.
        let mut function = Function::new([]);
        function.instruction(&Instruction::Unreachable);
        for _ in 0..DEPTH {
            for instruction in start {
                function.instruction(instruction);
            }
        }
        for _ in 0..=DEPTH {
            function.instruction(&Instruction::End);
        }
        walked(&with_function(&[], &[], &function));
    }
    let mut open = Function::new([]);
    for _ in 0..DEPTH {
        open.instruction(&Instruction::Block(BlockType::Empty));
    }
    decoded(&with_function(&[], &[], &open)).malformed("");
}

#[test]
fn many_operands_wait_for_ends_that_are_not_reached() {
    let mut function = Function::new([]);
    for _ in 0..2_000 {
        function.instruction(&Instruction::I32Const(1)).instruction(&Instruction::Block(BlockType::Empty));
    }
    function.instruction(&Instruction::Unreachable);
    for _ in 0..2_000 {
        function.instruction(&Instruction::End).instruction(&Instruction::Drop);
    }
    function.instruction(&Instruction::End);
    walked(&with_function(&[], &[], &function));
}

#[test]
fn a_large_br_table() {
    let mut function = Function::new([]);
    function.instruction(&Instruction::Block(BlockType::Empty));
    let targets: Vec<u32> = (0..70_000).map(|position| position % 2).collect();
    function.instruction(&Instruction::LocalGet(0)).instruction(&Instruction::BrTable(targets.into(), 1));
    function.instruction(&Instruction::End).instruction(&Instruction::End);
    walked(&with_function(&[ValType::I32], &[], &function));
}

#[test]
fn many_locals() {
    let function = |groups: &[(u32, ValType)]| {
        let mut function = Function::new(groups.iter().copied());
        function.instruction(&Instruction::LocalGet(groups.iter().map(|(count, _)| count).sum::<u32>() - 1));
        function.instruction(&Instruction::Drop).instruction(&Instruction::End);
        with_function(&[], &[], &function)
    };
    walked(&function(&[(50_000, ValType::V128)]));
    walked(&function(&[(1, ValType::I32), (49_999, ValType::F64)]));
    walked(&function(&[(1, ValType::I64); 50_000]));
    decoded(&function(&[(50_001, ValType::I32)])).invalid("locals");
    // The sum does not fit.
    let mut module = wat::parse_str("(module (func (local i32 i64)))").unwrap();
    let locals = module.windows(5).rposition(|five| five == [2, 1, 0x7f, 1, 0x7e]).unwrap();
    module.splice(locals..locals + 5, *b"\x02\xff\xff\xff\xff\x0f\x7f\x02\x7e");
    let (body, section) = (module[locals - 1] + 4, module[locals - 3] + 4);
    (module[locals - 1], module[locals - 3]) = (body, section);
    assert!(matches!(decoded(&module), Outcome::Module(_)));
}

#[test]
fn many_parameters_and_results() {
    let types = |count| vec![ValType::V128; count];
    let mut function = Function::new([]);
    for local in 0..1000 {
        function.instruction(&Instruction::LocalGet(local));
    }
    function.instruction(&Instruction::Call(0));
    function.instruction(&Instruction::Loop(BlockType::FunctionType(0)));
    function.instruction(&Instruction::I32Const(1)).instruction(&Instruction::BrIf(0));
    function.instruction(&Instruction::End).instruction(&Instruction::End);
    walked(&with_function(&types(1000), &types(1000), &function));
    decoded(&with_function(&types(1001), &[], &Function::new([]))).malformed("");
    decoded(&with_function(&[], &types(1001), &Function::new([]))).malformed("");
}

#[test]
fn a_million_types() {
    let types = |count: u32| {
        let mut data = Vec::new();
        count.encode(&mut data);
        for _ in 0..count {
            data.extend([0x60, 0x01, 0x7f, 0x00]);
        }
        with_section(SectionId::Type, &data)
    };
    // As many as are accepted take long without optimization.
    let count = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };
    assert_eq!(decoded(&types(count)).valid().types.len(), count as usize);
    decoded(&types(1_000_001)).limit("1000001 types");
}

#[test]
fn many_imports_and_exports() {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let (mut imports, mut exports) = (ImportSection::new(), ExportSection::new());
    for index in 0..100_000 {
        imports.import("env", "f", EntityType::Function(0));
        exports.export(&format!("f{index}"), ExportKind::Func, index);
    }
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&exports);
    let info = decoded(&module.finish()).valid();
    assert_eq!(info.export("f99999"), Some(wz_decode::info::ExportItem::Function(99_999)));
    for index in 0..100_000 {
        assert_eq!(info.function_definition(index).export_names().len(), 1);
    }
}

#[test]
fn one_function_exported_many_times() {
    let mut exports = String::new();
    for index in 0..5_000 {
        write!(exports, "(export \"{index}\" (func 0))").unwrap();
    }
    let info = support::module(&format!("(module (func) {exports})"));
    assert_eq!(info.function_definition(0).export_names().len(), 5_000);
    let twice = wat::parse_str("(module (func (export \"a\") (export \"a\")))").unwrap();
    decoded(&twice).invalid("duplicate export name");
}

#[test]
fn limits_of_memories_and_tables() {
    let memory = |minimum, maximum, memory64| {
        let mut memories = MemorySection::new();
        memories.memory(MemoryType { minimum, maximum, memory64, shared: false, page_size_log2: None });
        let mut module = Module::new();
        module.section(&memories);
        decoded(&module.finish())
    };
    assert_eq!(memory(65_536, Some(65_536), false).valid().memories[0].min_pages, 65_536);
    memory(65_537, None, false).invalid("memory size");
    memory(1, Some(65_537), false).invalid("memory size");
    memory(2, Some(1), false).invalid("minimum must not be greater than maximum");
    assert_eq!(memory(1 << 48, None, true).valid().memories[0].min_pages, 1 << 48);
    assert_eq!(memory(0, Some(1 << 48), true).valid().memories[0].max_pages, Some(1 << 48));
    memory((1 << 48) + 1, None, true).invalid("memory size");
    memory(u64::MAX, Some(u64::MAX), true).invalid("memory size");

    let table = |minimum, maximum, table64| {
        let mut tables = TableSection::new();
        tables.table(TableType { element_type: RefType::FUNCREF, minimum, maximum, table64, shared: false });
        let mut module = Module::new();
        module.section(&tables);
        decoded(&module.finish())
    };
    let most = u64::from(u32::MAX);
    assert_eq!(table(most, Some(most), false).valid().tables[0].min, most);
    table(most + 1, None, false).invalid("table size");
    assert_eq!(table(u64::MAX, Some(u64::MAX), true).valid().tables[0].max, Some(u64::MAX));
    table(1, Some(0), true).invalid("minimum must not be greater than maximum");
}

#[test]
fn configured_limits() {
    let limited =
        |limits: DecodeLimits| decode_with(&sample(), &DecodeOptions { limits, ..DecodeOptions::default() });
    let default = DecodeLimits::default;
    limited(DecodeLimits { module_bytes: 100, ..default() }).limit("bytes, the limit is 100");
    limited(DecodeLimits { types: 1, ..default() }).limit("types, the limit is 1");
    limited(DecodeLimits { imports: 1, ..default() }).limit("2 imports");
    limited(DecodeLimits { functions: 0, ..default() }).limit("1 functions");
    limited(DecodeLimits { functions: 2, ..default() }).limit("3 functions");
    limited(DecodeLimits { tables: 0, ..default() }).limit("tables");
    limited(DecodeLimits { memories: 1, ..default() }).limit("2 memories");
    limited(DecodeLimits { globals: 2, ..default() }).limit("3 globals");
    limited(DecodeLimits { exports: 1, ..default() }).limit("exports");
    limited(DecodeLimits { elements: 2, ..default() }).limit("element segments");
    limited(DecodeLimits { data: 1, ..default() }).limit("data segments");
    limited(DecodeLimits { body_bytes: 20, ..default() }).limit("a function body");
}

#[test]
fn a_body_that_is_too_long() {
    let mut function = Function::new([]);
    for _ in 0..7_700_000 {
        function.instruction(&Instruction::Nop);
    }
    function.instruction(&Instruction::End);
    decoded(&with_function(&[], &[], &function)).limit("a function body");
}

#[test]
fn the_first_error_is_reported_whatever_the_threads() {
    let mut wat = String::from("(module");
    for function in 0..6_000 {
        let operator = if function % 1000 == 700 { "i64.add" } else { "i32.add" };
        write!(wat, "(func (param i32) (result i32) local.get 0 i32.const 1000000 {operator} local.get 0")
            .unwrap();
        wat.push_str(" i32.mul i32.const 1 i32.add i32.const 2 i32.sub i32.const 77777777 i32.xor)");
    }
    wat.push(')');
    let bytes = wat::parse_str(wat).unwrap();
    let mut outcomes = [1, 2, 3, 8].into_iter().flat_map(|threads| [threads; 5]).map(|threads| {
        let options = DecodeOptions { threads, ..DecodeOptions::default() };
        match decode_with(&bytes, &options) {
            Outcome::Module(error) => error,
            other => panic!("{other:?}"),
        }
    });
    let first = outcomes.next().unwrap();
    assert!(!first.malformed && first.message.contains("type mismatch"), "{first}");
    assert!(outcomes.all(|outcome| outcome == first));
}

#[test]
fn disabled_features_are_named() {
    let check = |feature: CoreFeatures, wat: &str| {
        let bytes = wat::parse_str(format!("(module {wat})")).unwrap();
        assert!(matches!(decoded(&bytes), Outcome::Valid(_)), "{wat}");
        let features = CoreFeatures::ALL.set_enabled(feature, false);
        let Outcome::Module(error) =
            decode_with(&bytes, &DecodeOptions { features, ..DecodeOptions::default() })
        else {
            panic!("{wat}")
        };
        assert!(error.message.contains(&format!("feature \"{feature}\" is disabled")), "{wat}: {error}");
    };
    check(CoreFeatures::MUTABLE_GLOBAL, "(global (export \"g\") (mut i32) (i32.const 0))");
    check(CoreFeatures::SIGN_EXTENSION_OPS, "(func (drop (i32.extend8_s (i32.const 0))))");
    check(CoreFeatures::MULTI_VALUE, "(func (result i32 i32) unreachable)");
    check(CoreFeatures::MULTI_VALUE, "(func (param i32) local.get 0 (block (param i32) drop))");
    check(
        CoreFeatures::NON_TRAPPING_FLOAT_TO_INT_CONVERSION,
        "(func (drop (i32.trunc_sat_f32_s (f32.const 0))))",
    );
    check(CoreFeatures::BULK_MEMORY_OPERATIONS, "(memory 1) (data \"passive\")");
    check(
        CoreFeatures::BULK_MEMORY_OPERATIONS,
        "(memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))",
    );
    check(CoreFeatures::REFERENCE_TYPES, "(func (param externref))");
    check(CoreFeatures::REFERENCE_TYPES, "(table 1 funcref) (table 1 funcref)");
    check(
        CoreFeatures::REFERENCE_TYPES,
        "(table 1 funcref) (table 1 funcref) (func (call_indirect 1 (i32.const 0)))",
    );
    check(CoreFeatures::SIMD, "(func (param v128))");
    check(CoreFeatures::SIMD, "(func (drop (v128.const i64x2 0 0)))");
    check(CoreFeatures::EXTENDED_CONST, "(global i32 (i32.add (i32.const 1) (i32.const 2)))");
    check(CoreFeatures::TAIL_CALL, "(func (return_call 0))");
    check(CoreFeatures::MULTI_MEMORY, "(memory 1) (memory 1)");
    check(CoreFeatures::MULTI_MEMORY, "(memory 1) (memory 1) (func (drop (memory.size 1)))");
    check(CoreFeatures::MULTI_MEMORY, "(memory 1) (memory 1) (func (drop (i32.load 1 (i32.const 0))))");
    check(CoreFeatures::MEMORY64, "(memory i64 1)");
    check(CoreFeatures::MEMORY64, "(table i64 1 funcref)");
    check(
        CoreFeatures::RELAXED_SIMD,
        "(func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0))))",
    );
}

#[test]
fn unsupported_features_are_named() {
    let check = |feature: &str, wat: &str| {
        let bytes = wat::parse_str(format!("(module {wat})")).unwrap();
        let Outcome::Module(error) = decoded(&bytes) else { panic!("{wat}") };
        assert!(error.message.contains(&format!("feature \"{feature}\" is not supported")), "{wat}: {error}");
    };
    check("threads", "(memory 1 1 shared)");
    check("threads", "(memory 1) (func (drop (i32.atomic.load (i32.const 0))))");
    check("gc", "(type (struct))");
    check("exceptions", "(tag)");
    check("function-references", "(type $t (func)) (func (param (ref $t)))");
}
