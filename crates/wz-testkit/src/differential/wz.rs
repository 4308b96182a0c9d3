//! [`Wz`]: wz itself as an oracle, on one engine.

use std::fmt;
use std::sync::Arc;

use wz::experimental::with_memory_allocator;
use wz::{Context, Fuel, Module, ModuleConfig, Runtime, with_fuel};
use wz_api::{Backtrace, Error, ErrorKind, Trap, V128, Value};

use super::canaries::Canaries;
use super::{Call, Case, Datum, Details, End, Observation, Oracle, State, hash};
use crate::engines::EngineUnderTest;
use crate::generate::{PROVIDER_NAME, provider};

/// Fuel for a whole case: generated modules end by themselves long before.
const FUEL: u64 = 100_000_000;

/// wz on one engine.
#[derive(Clone, Copy, Debug)]
pub struct Wz {
    /// The engine.
    pub engine: EngineUnderTest,
    /// How much fuel there is for all calls; none: code does not count.
    pub fuel: Option<u64>,
    /// Whether code looks whether it is interrupted, which it never is.
    pub interruptible: bool,
    /// Whether memories are checked by code, lie among other bytes, and nothing but checks keeps
    /// guests from these.
    pub canaries: bool,
}

impl Oracle for Wz {
    fn name(&self) -> String {
        format!("wz {self}")
    }

    fn run(&self, case: &Case) -> Result<Observation, String> {
        self.run_in(case, &Context::background())
    }
}

impl fmt::Display for Wz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.engine.name)?;
        match self.fuel {
            None => {}
            Some(FUEL) => f.write_str(" +fuel")?,
            Some(fuel) => write!(f, " +{fuel} fuel")?,
        }
        f.write_str(if self.interruptible { " +interruptible" } else { "" })?;
        f.write_str(if self.canaries { " +canaries" } else { "" })
    }
}

impl Wz {
    /// wz on one engine, with fuel.
    #[must_use]
    pub fn new(engine: EngineUnderTest) -> Self {
        Self { engine, fuel: Some(FUEL), interruptible: false, canaries: false }
    }

    /// Runs a case with the listeners of a context.
    ///
    /// # Errors
    /// If there is nothing to observe.
    pub fn run_in(&self, case: &Case, cx: &Context) -> Result<Observation, String> {
        if !self.canaries {
            return self.observe(case, cx);
        }
        let canaries = Canaries::default();
        let cx = with_memory_allocator(cx, Arc::new(canaries.clone()));
        let mut observation = self.observe(case, &cx)?;
        if canaries.are_broken() {
            observation.instantiation.0 = End::Failed("bytes around a memory were changed".into());
        }
        Ok(observation)
    }

    fn observe(&self, case: &Case, cx: &Context) -> Result<Observation, String> {
        let config = (self.engine.config)()
            .with_fuel(self.fuel.is_some())
            .with_close_on_context_done(self.interruptible)
            .with_memory_limit_pages(64)
            .with_memory64_limit_pages(64)
            .with_table_limit_elements(1_000);
        let runtime = Runtime::with_config(config).map_err(|error| error.to_string())?;
        let tank = self.fuel.map(Fuel::new);
        let cx = tank.as_ref().map_or_else(|| cx.clone(), |tank| with_fuel(cx, tank));
        let instantiate = |module: &[u8], name: &str| {
            let compiled = runtime.compile(module)?;
            let config = ModuleConfig::new().with_name(name).with_start_functions([""; 0]);
            runtime.instantiate_module_with(&cx, &compiled, config)
        };
        let provider = instantiate(provider(), PROVIDER_NAME).map_err(|error| error.to_string())?;
        let module = match instantiate(&case.module, "") {
            Ok(module) => module,
            Err(error) => {
                let instantiation = (failure(&error), state(&[&provider]));
                return Ok(Observation { instantiation, calls: Vec::new() });
            }
        };
        let instances = [&provider, &module];
        let mut observation =
            Observation { instantiation: (End::Returned(Vec::new()), state(&instances)), calls: Vec::new() };
        for name in module.exported_function_definitions().into_keys() {
            let Some(function) = module.exported_function(&name) else {
                return Err(format!("no function under the exported name {name}"));
            };
            let arguments = case.arguments(observation.calls.len(), function.ty().params());
            let values: Vec<_> = arguments.iter().zip(function.ty().params()).map(value).collect();
            let result = function.call_values_with(&cx, &values);
            let details = Some(Details {
                trap: result.as_ref().err().and_then(Error::trap),
                frames: result.as_ref().err().map(frames).unwrap_or_default(),
                fuel: tank.as_ref().map(Fuel::remaining),
            });
            let end = match result {
                Ok(results) => End::Returned(results.iter().map(datum).collect()),
                Err(error) => failure(&error),
            };
            let (name, state) = (name.to_string(), state(&instances));
            observation.calls.push(Call { name, arguments, end, state, details });
        }
        Ok(observation)
    }
}

fn frames(error: &Error) -> Vec<(u32, Option<u32>)> {
    let frames = error.backtrace().map(Backtrace::frames).unwrap_or_default();
    frames.iter().map(|frame| (frame.definition.index(), frame.code_offset)).collect()
}

fn value((datum, ty): (&Datum, &wz_api::ValueType)) -> Value {
    match datum {
        Datum::I32(bits) => Value::I32(*bits as i32),
        Datum::I64(bits) => Value::I64(*bits as i64),
        Datum::F32(bits) => Value::F32(f32::from_bits(*bits)),
        Datum::F64(bits) => Value::F64(f64::from_bits(*bits)),
        Datum::V128(bits) => Value::V128(V128(*bits)),
        Datum::Reference { .. } => Value::default_of(*ty),
    }
}

fn datum(value: &Value) -> Datum {
    match value {
        Value::I32(value) => Datum::I32(*value as u32),
        Value::I64(value) => Datum::I64(*value as u64),
        Value::F32(value) => Datum::F32(value.to_bits()),
        Value::F64(value) => Datum::F64(value.to_bits()),
        Value::V128(value) => Datum::V128(value.0),
        Value::FuncRef(function) => Datum::Reference { null: function.is_none() },
        Value::ExternRef(value) => Datum::Reference { null: value.is_none() },
        other => unreachable!("a value of type {}", other.ty()),
    }
}

fn failure(error: &Error) -> End {
    match (error.trap(), error.kind()) {
        (Some(Trap::StackOverflow | Trap::OutOfFuel), _) | (_, ErrorKind::Limit(_)) => {
            End::Unclear(error.to_string())
        }
        (Some(trap), _) => End::Trapped(trap),
        (None, _) => End::Failed(error.to_string()),
    }
}

fn state(instances: &[&Module]) -> State {
    let mut state = State::default();
    for (position, instance) in instances.iter().enumerate() {
        let label = |name: &str| format!("{position} {name}");
        for name in instance.exported_memory_definitions().into_keys() {
            let memory = instance.exported_memory(&name).expect("a memory under its exported name");
            let bytes = memory.read_vec(0_u32, memory.size()).expect("all of a memory can be read");
            state.memories.push((label(&name), memory.size(), hash(&bytes)));
        }
        for name in instance.exported_global_definitions().into_keys() {
            let global = instance.exported_global(&name).expect("a global under its exported name");
            state.globals.push((label(&name), datum(&global.get())));
        }
        for name in instance.exported_table_definitions().into_keys() {
            let table = instance.exported_table(&name).expect("a table under its exported name");
            let null =
                |index| table.get(index).map(|value| datum(&value)) == Some(Datum::Reference { null: true });
            state.tables.push((label(&name), (0..table.size()).map(null).collect()));
        }
    }
    state.sorted()
}
