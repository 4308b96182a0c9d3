//! Parameters and results of every type and number, in and out of guests and hosts.

use std::sync::Arc;

use dynasm::dynasm;
use dynasmrt::DynasmApi;
use wz_api::{Context, FunctionType, HostModule, Module, ValueType};
use wz_jit::runtime::module::CompiledFunction;
use wz_jit::runtime::slots::SlotRef;
use wz_jit_x86_64::abi::{CallLayout, INCOMING, Place};

use super::support::{Bodies, Hand, Instance, Request, add};

const ALL: [ValueType; 7] = [
    ValueType::I32,
    ValueType::I64,
    ValueType::F32,
    ValueType::F64,
    ValueType::V128,
    ValueType::FuncRef,
    ValueType::ExternRef,
];

/// Copies memory in steps of 8 bytes through `xmm15`.
fn copy(hand: &mut Hand, to: (u8, i32), from: (u8, i32), len: u32) {
    for offset in (0..len as i32).step_by(8) {
        dynasm!(hand.ops
            ; .arch x64
            ; movsd xmm15, [Rq(from.0) + from.1 + offset]
            ; movsd [Rq(to.0) + to.1 + offset], xmm15
        );
    }
}

/// Returns its parameters: they are in the registers of the results already.
fn identity(request: &Request<'_>) -> CompiledFunction {
    let layout = request.layout();
    let mut hand = Hand::leaf(request);
    copy(&mut hand, (10, 0), (5, INCOMING), layout.result_area_bytes);
    hand.end()
}

/// Calls a function of the same type with its own parameters and returns what it gets.
fn forward(request: &Request<'_>, target: Option<SlotRef>) -> CompiledFunction {
    let layout = request.layout();
    let mut hand = Hand::calling(request, layout.stack_bytes + 16);
    copy(&mut hand, (4, 0), (5, INCOMING), layout.stack_bytes);
    match target {
        Some(slot) => hand.call(slot),
        None => hand.call_import(0, 0),
    };
    hand.end()
}

/// Ends with a tail call with its own parameters.
fn tail(request: &Request<'_>) -> CompiledFunction {
    let layout = request.layout();
    let mut hand = Hand::calling(request, layout.stack_bytes);
    copy(&mut hand, (4, 0), (5, INCOMING), layout.stack_bytes);
    hand.tail_call(SlotRef::Function(0), layout.stack_bytes)
}

fn text(types: &[ValueType]) -> String {
    let names: String = types.iter().map(|ty| format!("{} ", ty.name())).collect();
    let gets: String = (0..types.len()).map(|index| format!("local.get {index} ")).collect();
    let function = |name: &str| format!(r#"(func (export "{name}") (type $t) {gets})"#);
    let functions: String = ["identity", "forward", "host", "tail"].map(function).concat();
    format!(
        r#"(module (type $t (func (param {names}) (result {names})))
            (import "host" "identity" (func (type $t))) {functions})"#
    )
}

fn bodies() -> Bodies {
    Bodies::new()
        .with("identity", identity)
        .with("forward", |request| forward(request, Some(SlotRef::Function(0))))
        .with("host", |request| forward(request, None))
        .with("tail", tail)
}

fn with_types(types: &[ValueType]) -> Instance {
    let store = bodies().store();
    let ty = FunctionType::new(types, types);
    let host = HostModule::new("host").with_function_raw("identity", ty, |_, _| Ok(()));
    store.instantiate_host(&Context::background(), &host).unwrap();
    let module = add(&store, &text(types));
    Instance { store, module }
}

/// Different words for every slot; null for references, the upper halves of small types zero.
fn words(types: &[ValueType]) -> Vec<u64> {
    let mut words = Vec::new();
    for ty in types {
        let word = (words.len() as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        match ty {
            ValueType::I32 | ValueType::F32 => words.push(word >> 32),
            ValueType::V128 => words.extend([word, !word]),
            ty if ty.is_reference() => words.push(0),
            _ => words.push(word),
        }
    }
    words
}

fn check(types: &[ValueType]) {
    let instance = with_types(types);
    let params = words(types);
    // Garbage in the upper halves of small types must not come back.
    let mut dirty = params.clone();
    let mut slot = 0;
    for ty in types {
        if matches!(ty, ValueType::I32 | ValueType::F32) {
            dirty[slot] |= 0xdead_beef << 32;
        }
        slot += ty.slots();
    }
    for name in ["identity", "forward", "host", "tail"] {
        let mut stack = dirty.clone();
        instance.exported_function(name).unwrap().call_with_stack(&mut stack).unwrap();
        assert!(stack == params, "{name} of {} values", types.len());
    }
}

#[test]
fn values_of_one_type_go_through_in_any_number() {
    for ty in ALL {
        for count in [0, 1, 2, 7, 8, 9, 10, 17, 64, 200, 1000] {
            check(&vec![ty; count]);
        }
    }
}

#[test]
fn values_of_mixed_types_go_through() {
    let mut state = 1_u64;
    for count in [2, 3, 5, 9, 15, 17, 20, 33, 100, 333, 1000] {
        for _ in 0..4 {
            let types: Vec<_> = (0..count)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    ALL[(state >> 33) as usize % ALL.len()]
                })
                .collect();
            check(&types);
        }
    }
}

/// One of many functions in an engine of its own, so that types are not shared.
#[test]
fn params_and_results_may_differ() {
    // Returns how many values it got on the stack, in bytes, in every result.
    let count = |request: &Request<'_>| {
        let layout = request.layout();
        let mut hand = Hand::leaf(request);
        let bytes = layout.stack_bytes as i32;
        for result in &layout.results {
            match result.place {
                Place::Int(register) => dynasm!(hand.ops; .arch x64; mov Rq(register), bytes),
                Place::Memory(at) => dynasm!(hand.ops; .arch x64; mov QWORD [r10 + at as i32], bytes),
                Place::Vector(_) => unreachable!("results are integers"),
            }
        }
        hand.end()
    };
    let store = Bodies::new().with("count", count).store();
    for params in [0, 1, 8, 9, 100, 1000] {
        for results in [0, 1, 8, 9, 100, 1000] {
            let module: Module = add(
                &store,
                &format!(
                    r#"(module (func (export "count") (param {}) (result {}) unreachable))"#,
                    "i64 ".repeat(params),
                    "i32 ".repeat(results)
                ),
            );
            let layout = CallLayout::new(&FunctionType::new(vec![ValueType::I64; params], []));
            let given = module.exported_function("count").unwrap().call(&vec![7; params]).unwrap();
            assert_eq!(given, vec![u64::from(layout.stack_bytes); results]);
        }
    }
}

#[test]
fn types_are_shared_between_stores() {
    let stubs = wz_jit::runtime::stubs::Stubs::get(&wz_jit_x86_64::X64).unwrap();
    let memory = wz_jit::runtime::code_memory::CodeMemory::unlimited();
    let own = wz_jit::runtime::code_memory::CodeArena::new(&memory, 0, 1 << 20, 0xcc).unwrap();
    let small = Arc::new(FunctionType::new([ValueType::I32, ValueType::F64], [ValueType::V128]));
    let large = Arc::new(FunctionType::new(vec![ValueType::I32; 100], []));
    let types = [small, large];
    let first = stubs.of_types(&types, &own).unwrap();
    let second = stubs.of_types(&types, &own).unwrap();
    assert_eq!(first[0].entry, second[0].entry);
    assert!(!own.contains(first[0].entry), "small types are everybody's");
    assert_ne!(first[1].entry, second[1].entry);
    assert!(own.contains(first[1].entry), "large types are the module's own");
}
