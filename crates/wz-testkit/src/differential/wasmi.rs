//! [`Wasmi`]: the interpreter `wasmi` as an oracle. It shares no code with wz but `wasmparser`.

use std::panic::catch_unwind;

use wasmi::{Config, Engine, Extern, Instance, Linker, Module, Nullable, Ref, Store, TrapCode, Val, ValType};
use wz_api::{Trap, ValueType};

use super::{Call, Case, Datum, End, Observation, Oracle, State, hash};
use crate::generate::{PROVIDER_NAME, provider};

/// The seeds below 40,000 on which wasmi 2.0.0 is wrong: wasmtime or V8 agree with wz on each of them.
/// `fuzz`'s program `seeds` finds them; they change with the generators.
const WRONG_SEEDS: &[u64] = &[
    4, 312, 1_248, 2_497, 4_142, 4_714, 4_757, 5_375, 6_728, 7_133, 8_490, 8_493, 9_334, 9_838, 10_330,
    11_389, 11_536, 11_697, 12_584, 13_555, 14_765, 16_250, 18_301, 20_102, 20_774, 21_344, 21_476, 21_840,
    22_794, 23_344, 23_716, 23_802, 25_104, 25_457, 26_086, 28_133, 29_186, 29_350, 29_558, 31_012, 31_044,
    31_337, 32_160, 32_338, 32_800, 34_730, 35_130, 37_610, 37_817,
];

/// wasmi, with limits far above what generated modules need.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wasmi;

impl Wasmi {
    /// Whether it is known that wasmi, not wz, is wrong on the [case](Case::from_seed) of a seed.
    #[must_use]
    pub fn is_wrong(seed: u64) -> bool {
        WRONG_SEEDS.binary_search(&seed).is_ok()
    }
}

impl Oracle for Wasmi {
    fn name(&self) -> String {
        "wasmi".into()
    }

    /// A panic is a reason not to run it.
    fn run(&self, case: &Case) -> Result<Observation, String> {
        catch_unwind(|| observe(case)).unwrap_or_else(|_| Err("wasmi panicked".into()))
    }
}

fn observe(case: &Case) -> Result<Observation, String> {
    let mut config = Config::default();
    config.wasm_multi_memory(true).wasm_memory64(true).wasm_simd(true).wasm_tail_call(true);
    config.wasm_extended_const(true).set_max_recursion_depth(10_000);
    let engine = Engine::new(&config);
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    let text = |error: wasmi::Error| error.to_string();
    let compiled = Module::new(&engine, provider()).map_err(text)?;
    let provider = linker.instantiate_and_start(&mut store, &compiled).map_err(text)?;
    linker.instance(&mut store, PROVIDER_NAME, provider).map_err(text)?;
    let compiled = Module::new(&engine, &case.module).map_err(text)?;
    let module = match linker.instantiate_and_start(&mut store, &compiled) {
        Ok(module) => module,
        Err(error) => {
            let instantiation = (failure(&error), state(&mut store, &[provider]));
            return Ok(Observation { instantiation, calls: Vec::new() });
        }
    };
    let instances = [provider, module];
    let instantiation = (End::Returned(Vec::new()), state(&mut store, &instances));
    let mut observation = Observation { instantiation, calls: Vec::new() };
    let functions = module.exports(&store).filter_map(|export| {
        let name = export.name().to_owned();
        export.into_func().map(|function| (name, function))
    });
    let mut functions: Vec<_> = functions.collect();
    functions.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, function) in functions {
        let ty = function.ty(&store);
        let types: Vec<_> = ty.params().iter().map(|ty| value_type(*ty)).collect();
        let arguments = case.arguments(observation.calls.len(), &types);
        let values: Vec<_> = arguments.iter().zip(ty.params()).map(value).collect();
        let mut results: Vec<_> = ty.results().iter().map(|ty| Val::default_for_ty(*ty)).collect();
        let end = match function.call(&mut store, &values, &mut results) {
            Ok(()) => End::Returned(results.iter().map(datum).collect()),
            Err(error) => failure(&error),
        };
        let state = state(&mut store, &instances);
        observation.calls.push(Call { name, arguments, end, state, details: None });
    }
    Ok(observation)
}

fn value_type(ty: ValType) -> ValueType {
    match ty {
        ValType::I32 => ValueType::I32,
        ValType::I64 => ValueType::I64,
        ValType::F32 => ValueType::F32,
        ValType::F64 => ValueType::F64,
        ValType::V128 => ValueType::V128,
        ValType::FuncRef => ValueType::FuncRef,
        ValType::ExternRef => ValueType::ExternRef,
    }
}

fn value((datum, ty): (&Datum, &ValType)) -> Val {
    match datum {
        Datum::I32(bits) => Val::I32(*bits as i32),
        Datum::I64(bits) => Val::I64(*bits as i64),
        Datum::F32(bits) => Val::F32(wasmi::F32::from_bits(*bits)),
        Datum::F64(bits) => Val::F64(wasmi::F64::from_bits(*bits)),
        Datum::V128(bits) => Val::V128((*bits).into()),
        Datum::Reference { .. } => Val::default_for_ty(*ty),
    }
}

fn datum(value: &Val) -> Datum {
    match value {
        Val::I32(value) => Datum::I32(*value as u32),
        Val::I64(value) => Datum::I64(*value as u64),
        Val::F32(value) => Datum::F32(value.to_bits()),
        Val::F64(value) => Datum::F64(value.to_bits()),
        Val::V128(value) => Datum::V128(value.as_u128()),
        Val::FuncRef(function) => Datum::Reference { null: function.is_null() },
        Val::ExternRef(value) => Datum::Reference { null: value.is_null() },
    }
}

fn failure(error: &wasmi::Error) -> End {
    match error.as_trap_code() {
        Some(TrapCode::UnreachableCodeReached) => End::Trapped(Trap::Unreachable),
        Some(TrapCode::MemoryOutOfBounds) => End::Trapped(Trap::OutOfBoundsMemoryAccess),
        Some(TrapCode::TableOutOfBounds | TrapCode::IndirectCallToNull) => {
            End::Trapped(Trap::InvalidTableAccess)
        }
        Some(TrapCode::IntegerDivisionByZero) => End::Trapped(Trap::IntegerDivideByZero),
        Some(TrapCode::IntegerOverflow) => End::Trapped(Trap::IntegerOverflow),
        Some(TrapCode::BadConversionToInteger) => End::Trapped(Trap::InvalidConversionToInteger),
        Some(TrapCode::BadSignature) => End::Trapped(Trap::IndirectCallTypeMismatch),
        _ => End::Unclear(error.to_string()),
    }
}

fn state(store: &mut Store<()>, instances: &[Instance]) -> State {
    let mut state = State::default();
    for (position, instance) in instances.iter().enumerate() {
        let exports = instance.exports(&*store);
        let exports: Vec<_> =
            exports.map(|export| (format!("{position} {}", export.name()), export.into_extern())).collect();
        for (name, item) in exports {
            match item {
                Extern::Memory(memory) => {
                    let bytes = memory.data(&*store);
                    state.memories.push((name, bytes.len() as u64, hash(bytes)));
                }
                Extern::Global(global) => state.globals.push((name, datum(&global.get(&*store)))),
                Extern::Table(table) => {
                    let null = |index| {
                        matches!(
                            table.get(&*store, index),
                            Some(Ref::Func(Nullable::Null) | Ref::Extern(Nullable::Null))
                        )
                    };
                    state.tables.push((name, (0..table.size(&*store)).map(null).collect()));
                }
                Extern::Func(_) => {}
            }
        }
    }
    state.sorted()
}
