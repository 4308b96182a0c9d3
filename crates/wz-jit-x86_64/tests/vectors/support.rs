//! Modules of functions that are compared with what they have to give.

use std::rc::Rc;
use std::sync::Arc;

use wz_api::{Context, Function, Trap, ValueType};
use wz_core::numeric::Floats;
use wz_core::{InstanceOptions, Store, StoreConfig};
use wz_jit::engine::{EngineOptions, JitEngine};
use wz_jit_x86_64::X64Target;
use wz_jit_x86_64::features::Features;

use crate::values::edges;

pub(crate) type Outcome = Result<u128, Trap>;
pub(crate) type Operands = Box<dyn Fn(&[u128]) -> Vec<u128>>;
pub(crate) type Expected = Rc<dyn Fn(&[u128]) -> Outcome>;

/// A function, and what it has to give.
pub(crate) struct Case {
    pub(crate) name: String,
    /// The body, after the parameters.
    pub(crate) body: String,
    pub(crate) params: Vec<ValueType>,
    pub(crate) result: ValueType,
    /// What of the result may be a NaN of the machine's choice.
    pub(crate) floats: Option<Floats>,
    /// The operator's operands, of the function's.
    pub(crate) operands: Operands,
    /// What it gives for them.
    pub(crate) expected: Expected,
}

/// The sets of features between which selection differs, as far as this processor has them, and
/// whether to be deterministic.
fn modes() -> Vec<(Features, bool)> {
    let here = Features::detect().unwrap();
    let avx = Features::BASE.with(Features::AVX);
    let modes = [
        (Features::BASE, false),
        (Features::BASE, true),
        (avx, false),
        (Features::ALL, false),
        (Features::ALL, true),
    ];
    let mut modes = modes.map(|(set, deterministic)| (set.masked(here), deterministic)).to_vec();
    modes.dedup();
    modes
}

pub(crate) fn type_name(ty: ValueType) -> &'static str {
    match ty {
        ValueType::I32 => "i32",
        ValueType::I64 => "i64",
        ValueType::F32 => "f32",
        ValueType::F64 => "f64",
        _ => "v128",
    }
}

/// A constant. NaNs are not written as such, because text has no way to write them all.
pub(crate) fn constant(ty: ValueType, bits: u128) -> String {
    let number = |is_nan: bool, text: String, nan: String| if is_nan { nan } else { text };
    match ty {
        ValueType::I32 => format!("(i32.const {})", bits as i32),
        ValueType::I64 => format!("(i64.const {})", bits as i64),
        ValueType::F32 => {
            let x = f32::from_bits(bits as u32);
            let nan = format!("{}nan:{:#x}", if x.is_sign_negative() { "-" } else { "" }, bits & 0x7f_ffff);
            format!("(f32.const {})", number(x.is_nan(), format!("{x:?}"), nan))
        }
        ValueType::F64 => {
            let x = f64::from_bits(bits as u64);
            let payload = bits & 0xf_ffff_ffff_ffff;
            let nan = format!("{}nan:{payload:#x}", if x.is_sign_negative() { "-" } else { "" });
            format!("(f64.const {})", number(x.is_nan(), format!("{x:?}"), nan))
        }
        _ => format!("(v128.const i64x2 {} {})", bits as i64, (bits >> 64) as i64),
    }
}

fn run(function: &Function, values: &[u128]) -> Outcome {
    let ty = function.ty();
    let mut slots = Vec::with_capacity(8);
    for (ty, bits) in ty.params().iter().zip(values) {
        slots.push(*bits as u64);
        if *ty == ValueType::V128 {
            slots.push((*bits >> 64) as u64);
        }
    }
    slots.resize(slots.len().max(2), 0);
    match function.call_with_stack(&mut slots) {
        Ok(()) if ty.results() == [ValueType::V128] => Ok(u128::from(slots[0]) | u128::from(slots[1]) << 64),
        Ok(()) => Ok(slots[0].into()),
        Err(error) => Err(error.trap().unwrap_or_else(|| panic!("{error}"))),
    }
}

/// Whether bits are a NaN, and which: whether it is quiet, and whether it is canonical.
fn nan(double: bool, bits: u64) -> Option<(bool, bool)> {
    let (is_nan, payload, quiet) = match double {
        true => (f64::from_bits(bits).is_nan(), bits & 0xf_ffff_ffff_ffff, 1 << 51),
        false => (f32::from_bits(bits as u32).is_nan(), bits & 0x7f_ffff, 1 << 22),
    };
    is_nan.then_some((payload & quiet != 0, payload == quiet))
}

fn lanes(double: bool, bits: u128) -> Vec<u64> {
    match double {
        true => vec![bits as u64, (bits >> 64) as u64],
        false => (0..4).map(|lane| u64::from((bits >> (32 * lane)) as u32)).collect(),
    }
}

/// Whether a result is one of those that the specification allows.
fn is_allowed(floats: Floats, found: u128, expected: u128, operands: &[u128]) -> bool {
    let double = matches!(floats, Floats::F64 | Floats::F64x2);
    let only_canonical = [false, true].into_iter().all(|double| {
        let mut nans =
            operands.iter().flat_map(|bits| lanes(double, *bits)).filter_map(|bits| nan(double, bits));
        nans.all(|(_, is_canonical)| is_canonical)
    });
    lanes(double, found).iter().zip(lanes(double, expected)).all(|(found, expected)| {
        match (nan(double, *found), nan(double, expected)) {
            (Some((is_quiet, is_canonical)), Some(_)) => is_quiet && (is_canonical || !only_canonical),
            _ => *found == expected,
        }
    })
}

/// Runs all functions over edge values, with all features, in both modes.
pub(crate) fn check(cases: &[Case]) {
    for (features, deterministic) in modes() {
        for chunk in cases.chunks(1000) {
            check_with(chunk, features, deterministic);
        }
    }
}

fn check_with(cases: &[Case], features: Features, deterministic: bool) {
    let mut text = String::from("(module (memory 1)\n");
    for (index, case) in cases.iter().enumerate() {
        let params: String = case.params.iter().map(|ty| format!(" {}", type_name(*ty))).collect();
        let result = type_name(case.result);
        text += &format!("(func (export \"{index}\") (param{params}) (result {result}) {})\n", case.body);
    }
    text += ")";
    let engine = JitEngine::new(X64Target::new(features), EngineOptions::default()).unwrap();
    let mut config = StoreConfig::new(Arc::new(engine));
    config.deterministic = deterministic;
    config.features = wz_api::CoreFeatures::ALL;
    let store = Store::new(config).unwrap();
    let cx = Context::background();
    let compiled = store.compile(&cx, wat::parse_str(&text).unwrap()).unwrap();
    let module = store.instantiate(&cx, &compiled, InstanceOptions::default()).unwrap();
    for (index, case) in cases.iter().enumerate() {
        let function = module.exported_function(&index.to_string()).unwrap();
        let values: Vec<_> = case.params.iter().map(|ty| edges(*ty)).collect();
        let count: usize = values.iter().map(Vec::len).product();
        // Not all combinations, but all values.
        let stride = (count / 400) | 1;
        for number in (0..count).step_by(stride) {
            let mut rest = number;
            let mut given = Vec::with_capacity(4);
            for values in &values {
                given.push(values[rest % values.len()]);
                rest /= values.len();
            }
            let operands = (case.operands)(&given);
            let (found, expected) = (run(&function, &given), (case.expected)(&operands));
            let is_right = match (case.floats, found, expected) {
                (Some(floats), Ok(found), Ok(expected)) if deterministic => {
                    found == floats.canonicalize(expected)
                }
                (Some(floats), Ok(found), Ok(expected)) => is_allowed(floats, found, expected, &operands),
                _ => found == expected,
            };
            assert!(
                is_right,
                "{} {operands:x?} gives {found:x?}, not {expected:x?}, with {features}, \
                 deterministic: {deterministic}\n{}",
                case.name, case.body
            );
        }
    }
}
