//! Probes in SSA: whatever passes there are, they are come to in the same order and as often as without any,
//! also up to a trap.

use wz_decode::info::ExportItem;
use wz_decode::{ModuleInfo, operator_offsets};

use crate::eval::{Machine, Stop};
use crate::ir::{Probe, ProbeList};
use crate::options::{Options, Passes};

use super::oracle::{arguments, decoded};
use super::smith::module;
use super::variants;

/// Counts each operator: the counter is its offset.
fn counting(info: &ModuleInfo, function: u32) -> ProbeList {
    let count =
        |offset: u32| (Some(offset), Probe::Count { counter: offset as usize, atomic: false, near: false });
    let entry = (None, Probe::Call { record: function as usize });
    let operators = operator_offsets(info, function).into_iter().map(count);
    ProbeList::new([entry].into_iter().chain(operators).collect())
}

/// What a call of each export gives, and which probes it came to.
fn observe(info: &ModuleInfo, options: Options, seed: u64) -> Option<Vec<(String, Vec<Probe>)>> {
    let mut machine = Machine::new(info, options, 3_000_000).ok()?;
    machine.probes =
        (0..info.functions.len() as u32).map(|function| (function, counting(info, function))).collect();
    let mut observed = Vec::new();
    for export in &info.exports {
        let ExportItem::Function(function) = export.item else { continue };
        let args = arguments(info.function_type(function).params(), observed.len() % 3, seed);
        let outcome = machine.call(function, &args);
        if matches!(outcome, Err(Stop::Limit(_))) {
            return None;
        }
        observed.push((format!("{outcome:?}"), std::mem::take(&mut machine.fired)));
    }
    Some(observed)
}

#[test]
fn probes_stay_where_they_are() {
    let variants = variants();
    let (mut compared, mut fired) = (0, 0);
    for seed in 0..120 {
        let Some(wasm) = module(seed) else { continue };
        let info = decoded(&wasm);
        let none = Options { passes: Passes::NONE, ..Options::default() };
        let Some(expected) = observe(&info, none, seed) else { continue };
        fired += expected.iter().map(|(_, fired)| fired.len()).sum::<usize>();
        for number in 0..4 {
            let options = variants[(seed as usize * 4 + number) % variants.len()];
            let Some(observed) = observe(&info, options, seed) else { continue };
            assert!(observed == expected, "seed {seed}, {options:?}");
            compared += observed.len();
        }
    }
    assert!(compared > 500 && fired > 10_000, "only {compared} calls were compared, with {fired} probes");
}

/// A function without probes is the same as one that never had some, and one with counters has nothing else.
#[test]
fn probes_add_nothing_else() {
    let text = r#"(module (memory 1) (func (param i32) (result i32)
        (loop $l (br_if $l (i32.load (local.tee 0 (i32.sub (local.get 0) (i32.const 4)))))) (local.get 0)))"#;
    let info = decoded(&wat::parse_str(text).unwrap());
    let mut context = crate::Context::default();
    let options = Options::default();
    let plain = crate::dump::dump(context.compile(&info, 0, &options).unwrap());
    let probed = crate::dump::dump(context.compile_probed(&info, 0, &options, &counting(&info, 0)).unwrap());
    let without: String =
        probed.lines().filter(|line| !line.contains("probe.")).map(|line| format!("{line}\n")).collect();
    assert_eq!(without, plain);
    assert_ne!(probed, plain);
    assert_eq!(crate::dump::dump(context.compile(&info, 0, &options).unwrap()), plain);
}
