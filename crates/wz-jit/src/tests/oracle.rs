//! The oracle: wasmi runs a module, the evaluator runs its SSA, and they have to agree.

use wasmi::{Engine, Instance, Linker, Module, Store, TrapCode, Val};
use wz_api::{Trap, ValueType};
use wz_decode::info::ExportItem;
use wz_decode::{DecodeOptions, ModuleInfo, decode};

use crate::eval::{Machine, Stop};
use crate::options::Options;

/// How often each exported function is called.
const CALLS: usize = 3;

/// What came of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// So many calls gave the same.
    Agreed(usize),
    /// A limit of one of them was in the way.
    Skipped(&'static str),
}

/// An instance of wasmi.
pub(super) struct Oracle {
    store: Store<()>,
    instance: Instance,
}

impl Oracle {
    pub(super) fn new(wasm: &[u8]) -> Result<Self, String> {
        let mut config = wasmi::Config::default();
        config.wasm_multi_memory(true).wasm_tail_call(true).wasm_extended_const(true).wasm_memory64(true);
        config.allow_start_fn(false);
        let engine = Engine::new(&config);
        let module = Module::new(&engine, wasm).map_err(|error| error.to_string())?;
        let mut store = Store::new(&engine, ());
        let instance = Linker::new(&engine)
            .instantiate_and_start(&mut store, &module)
            .map_err(|error| error.to_string())?;
        Ok(Self { store, instance })
    }

    pub(super) fn call(
        &mut self,
        info: &ModuleInfo,
        name: &str,
        args: &[u128],
    ) -> Result<Vec<u128>, TrapCode> {
        let Some(ExportItem::Function(index)) = info.export(name) else { panic!("{name} is no function") };
        let ty = info.function_type(index);
        let args: Vec<Val> = ty.params().iter().zip(args).map(|(ty, bits)| to_val(*ty, *bits)).collect();
        let mut results: Vec<Val> = ty.results().iter().map(|ty| to_val(*ty, 0)).collect();
        let function = self.instance.get_func(&self.store, name).expect("an exported function");
        match function.call(&mut self.store, &args, &mut results) {
            Ok(()) => Ok(results.iter().map(to_bits).collect()),
            Err(error) => Err(error.as_trap_code().unwrap_or_else(|| panic!("{error}"))),
        }
    }

    fn memory(&self, name: &str) -> &[u8] {
        self.instance.get_memory(&self.store, name).expect("an exported memory").data(&self.store)
    }

    fn global(&self, name: &str) -> u128 {
        to_bits(&self.instance.get_global(&self.store, name).expect("an exported global").get(&self.store))
    }
}

fn to_val(ty: ValueType, bits: u128) -> Val {
    match ty {
        ValueType::I32 => Val::I32(bits as i32),
        ValueType::I64 => Val::I64(bits as i64),
        ValueType::F32 => Val::F32(wasmi::F32::from_bits(bits as u32)),
        ValueType::F64 => Val::F64(wasmi::F64::from_bits(bits as u64)),
        ValueType::V128 => Val::V128(wasmi::V128::from(bits)),
        ValueType::FuncRef => Val::FuncRef(wasmi::Nullable::Null),
        _ => Val::ExternRef(wasmi::Nullable::Null),
    }
}

/// The bits; of a reference, whether it is null.
fn to_bits(value: &Val) -> u128 {
    match value {
        Val::I32(value) => value.cast_unsigned().into(),
        Val::I64(value) => value.cast_unsigned().into(),
        Val::F32(value) => value.to_bits().into(),
        Val::F64(value) => value.to_bits().into(),
        Val::V128(value) => value.as_u128(),
        Val::FuncRef(value) => u128::from(!value.is_null()),
        Val::ExternRef(value) => u128::from(!value.is_null()),
    }
}

/// Our bits as wasmi's: of a reference, whether it is null.
fn comparable(ty: ValueType, bits: u128) -> u128 {
    if ty.is_reference() { u128::from(bits != 0) } else { bits }
}

fn trap_of(code: TrapCode) -> Option<Trap> {
    Some(match code {
        TrapCode::UnreachableCodeReached => Trap::Unreachable,
        TrapCode::MemoryOutOfBounds => Trap::OutOfBoundsMemoryAccess,
        TrapCode::TableOutOfBounds | TrapCode::IndirectCallToNull => Trap::InvalidTableAccess,
        TrapCode::IntegerDivisionByZero => Trap::IntegerDivideByZero,
        TrapCode::IntegerOverflow => Trap::IntegerOverflow,
        TrapCode::BadConversionToInteger => Trap::InvalidConversionToInteger,
        TrapCode::BadSignature => Trap::IndirectCallTypeMismatch,
        _ => return None,
    })
}

pub(crate) fn decoded(wasm: &[u8]) -> ModuleInfo {
    let options = DecodeOptions { threads: 1, ..DecodeOptions::default() };
    decode(wasm, &options).unwrap_or_else(|error| panic!("{error}"))
}

/// The arguments of the calls: edges first, then what is in the seed.
pub(super) fn arguments(types: &[ValueType], call: usize, seed: u64) -> Vec<u128> {
    const EDGES: [u64; 8] = [0, 1, u64::MAX, 0x8000_0000, 0x7fff_ffff, 1 << 63, 0x3ff0_0000_0000_0000, 0xff];
    let value = |number: usize| {
        let at = seed.wrapping_add((call * 31 + number) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        if call + 1 < CALLS { EDGES[(at >> 61) as usize] } else { at >> (at & 63) }
    };
    let bits = |(number, ty): (usize, &ValueType)| match ty {
        ValueType::I32 | ValueType::F32 => u128::from(value(number) as u32),
        ValueType::I64 | ValueType::F64 => value(number).into(),
        ValueType::V128 => u128::from(value(number)) << 64 | u128::from(value(number + 7)),
        _ => 0,
    };
    types.iter().enumerate().map(bits).collect()
}

/// Runs everything that a module exports with both, and compares results, traps, memories and
/// globals. Panics if they differ.
pub(super) fn compare(wasm: &[u8], info: &ModuleInfo, options: Options, seed: u64) -> Outcome {
    let mut oracle = match Oracle::new(wasm) {
        Ok(oracle) => oracle,
        Err(_) => return Outcome::Skipped("wasmi refuses"),
    };
    let mut machine = match Machine::new(info, options, 400_000) {
        Ok(machine) => machine,
        Err(Stop::Limit(limit)) => return Outcome::Skipped(limit),
        Err(Stop::Trap(trap)) => panic!("instantiation traps: {}", trap.message()),
    };
    let mut calls = 0;
    for export in &info.exports {
        let ExportItem::Function(function) = export.item else { continue };
        let ty = info.function_type(function);
        for call in 0..CALLS {
            let args = arguments(ty.params(), call, seed);
            let ours = machine.call(function, &args);
            if let Err(Stop::Limit(limit)) = ours {
                return Outcome::Skipped(limit);
            }
            let theirs = oracle.call(info, &export.name, &args);
            let what = format!("{:?}({args:x?}) with {options:?}", export.name);
            match (ours, theirs) {
                (Err(Stop::Trap(Trap::StackOverflow)), _) | (_, Err(TrapCode::StackOverflow)) => {
                    return Outcome::Skipped("stack");
                }
                (Ok(ours), Ok(theirs)) => {
                    let ours: Vec<_> =
                        ours.iter().zip(ty.results()).map(|(bits, ty)| comparable(*ty, *bits)).collect();
                    assert_eq!(ours, theirs, "results of {what}");
                }
                (Err(Stop::Trap(ours)), Err(code)) => match trap_of(code) {
                    Some(theirs) => assert_eq!(ours, theirs, "trap of {what}"),
                    None => return Outcome::Skipped("a limit of wasmi"),
                },
                (ours, theirs) => panic!("{what}: {ours:?}, not {theirs:?}"),
            }
            calls += 1;
        }
    }
    for export in &info.exports {
        match export.item {
            ExportItem::Memory(memory) => {
                let (ours, theirs) = (&machine.memories[memory as usize], oracle.memory(&export.name));
                assert!(ours == theirs, "memory {memory} with {options:?}");
            }
            ExportItem::Global(global) => {
                let ours = comparable(info.globals[global as usize].value, machine.globals[global as usize]);
                assert_eq!(ours, oracle.global(&export.name), "global {global} with {options:?}");
            }
            ExportItem::Function(_) | ExportItem::Table(_) => {}
        }
    }
    Outcome::Agreed(calls)
}
