//! [`Wasmtime`]: the compiler `wasmtime` as an oracle.

use wasmtime::{Config, Engine, Extern, HeapType, Instance, Linker, Module, Ref, Store, Val, ValType};
use wz_api::{Trap, ValueType};
use wz_testkit::differential::{Call, Case, Datum, End, Observation, Oracle, State, hash};
use wz_testkit::generate::{PROVIDER_NAME, provider};

/// wasmtime with Cranelift.
#[derive(Clone)]
pub struct Wasmtime {
    engine: Engine,
}

impl Wasmtime {
    /// wasmtime with what generated modules need.
    ///
    /// # Panics
    /// If wasmtime does not run on this machine.
    #[must_use]
    pub fn new() -> Self {
        let mut config = Config::new();
        config.wasm_multi_memory(true).wasm_memory64(true).wasm_simd(true).wasm_tail_call(true);
        config.wasm_extended_const(true).wasm_relaxed_simd(true);
        Self { engine: Engine::new(&config).expect("wasmtime runs on this machine") }
    }
}

impl Default for Wasmtime {
    fn default() -> Self {
        Self::new()
    }
}

impl Oracle for Wasmtime {
    fn name(&self) -> String {
        "wasmtime".into()
    }

    fn run(&self, case: &Case) -> Result<Observation, String> {
        let text = |error: wasmtime::Error| format!("{error:?}");
        let mut store = Store::new(&self.engine, ());
        let mut linker = Linker::new(&self.engine);
        let compiled = Module::new(&self.engine, provider()).map_err(text)?;
        let provider = linker.instantiate(&mut store, &compiled).map_err(text)?;
        linker.instance(&mut store, PROVIDER_NAME, provider).map_err(text)?;
        let compiled = Module::new(&self.engine, &case.module).map_err(text)?;
        let module = match linker.instantiate(&mut store, &compiled) {
            Ok(module) => module,
            Err(error) => {
                let instantiation = (failure(&error), state(&mut store, &[provider]));
                return Ok(Observation { instantiation, calls: Vec::new() });
            }
        };
        let instances = [provider, module];
        let instantiation = (End::Returned(Vec::new()), state(&mut store, &instances));
        let mut observation = Observation { instantiation, calls: Vec::new() };
        let mut functions: Vec<_> = module
            .exports(&mut store)
            .filter_map(|export| {
                let name = export.name().to_owned();
                export.into_func().map(|function| (name, function))
            })
            .collect();
        functions.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, function) in functions {
            let ty = function.ty(&store);
            let types: Vec<_> = ty.params().map(|ty| value_type(&ty)).collect();
            let arguments = case.arguments(observation.calls.len(), &types);
            let values: Vec<_> = arguments.iter().zip(&types).map(value).collect();
            let mut results = vec![Val::I32(0); ty.results().len()];
            let end = match function.call(&mut store, &values, &mut results) {
                Ok(()) => End::Returned(results.iter().map(datum).collect()),
                Err(error) => failure(&error),
            };
            let state = state(&mut store, &instances);
            observation.calls.push(Call { name, arguments, end, state, details: None });
        }
        Ok(observation)
    }
}

fn value_type(ty: &ValType) -> ValueType {
    match ty {
        ValType::I32 => ValueType::I32,
        ValType::I64 => ValueType::I64,
        ValType::F32 => ValueType::F32,
        ValType::F64 => ValueType::F64,
        ValType::V128 => ValueType::V128,
        ValType::Ref(ty) if matches!(ty.heap_type(), HeapType::Extern) => ValueType::ExternRef,
        ValType::Ref(_) => ValueType::FuncRef,
    }
}

fn value((datum, ty): (&Datum, &ValueType)) -> Val {
    match datum {
        Datum::I32(bits) => Val::I32(*bits as i32),
        Datum::I64(bits) => Val::I64(*bits as i64),
        Datum::F32(bits) => Val::F32(*bits),
        Datum::F64(bits) => Val::F64(*bits),
        Datum::V128(bits) => Val::V128((*bits).into()),
        Datum::Reference { .. } if *ty == ValueType::ExternRef => Val::ExternRef(None),
        Datum::Reference { .. } => Val::FuncRef(None),
    }
}

fn datum(value: &Val) -> Datum {
    match value {
        Val::I32(value) => Datum::I32(*value as u32),
        Val::I64(value) => Datum::I64(*value as u64),
        Val::F32(bits) => Datum::F32(*bits),
        Val::F64(bits) => Datum::F64(*bits),
        Val::V128(value) => Datum::V128(value.as_u128()),
        Val::FuncRef(function) => Datum::Reference { null: function.is_none() },
        Val::ExternRef(value) => Datum::Reference { null: value.is_none() },
        other => panic!("generated modules have no values like {other:?}"),
    }
}

fn failure(error: &wasmtime::Error) -> End {
    let trap = match error.downcast_ref::<wasmtime::Trap>() {
        Some(wasmtime::Trap::UnreachableCodeReached) => Trap::Unreachable,
        Some(wasmtime::Trap::MemoryOutOfBounds | wasmtime::Trap::HeapMisaligned) => Trap::OutOfBoundsMemoryAccess,
        Some(wasmtime::Trap::TableOutOfBounds | wasmtime::Trap::IndirectCallToNull) => Trap::InvalidTableAccess,
        Some(wasmtime::Trap::BadSignature) => Trap::IndirectCallTypeMismatch,
        Some(wasmtime::Trap::IntegerDivisionByZero) => Trap::IntegerDivideByZero,
        Some(wasmtime::Trap::IntegerOverflow) => Trap::IntegerOverflow,
        Some(wasmtime::Trap::BadConversionToInteger) => Trap::InvalidConversionToInteger,
        _ => return End::Unclear(format!("{error:?}")),
    };
    End::Trapped(trap)
}

fn state(store: &mut Store<()>, instances: &[Instance]) -> State {
    let mut state = State::default();
    for (position, instance) in instances.iter().enumerate() {
        let exports: Vec<_> = instance
            .exports(&mut *store)
            .map(|export| (format!("{position} {}", export.name()), export.into_extern()))
            .collect();
        for (name, item) in exports {
            match item {
                Extern::Memory(memory) => {
                    let bytes = memory.data(&*store);
                    state.memories.push((name, bytes.len() as u64, hash(bytes)));
                }
                Extern::Global(global) => {
                    let value = global.get(&mut *store);
                    state.globals.push((name, datum(&value)));
                }
                Extern::Table(table) => {
                    let size = table.size(&*store);
                    let mut null = |index| {
                        matches!(table.get(&mut *store, index), Some(Ref::Func(None) | Ref::Extern(None)))
                    };
                    state.tables.push((name, (0..size).map(&mut null).collect()));
                }
                _ => {}
            }
        }
    }
    state.sorted()
}
