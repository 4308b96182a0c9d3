//! Tests of the whole way from operators to optimized SSA, with the evaluator.

mod adversarial;
mod compile;
mod golden;
mod oracle;
mod probes;
mod programs;
mod rules;
mod smith;
mod toy;

use crate::options::{Options, Passes};

pub(crate) use oracle::decoded;

/// The options that differential tests go through: every pass alone, every pass left out, and
/// what else changes the code.
fn variants() -> Vec<Options> {
    let with = |passes: Passes| Options { passes, explicit_checks: true, ..Options::default() };
    let mut variants = vec![
        Options::default(),
        with(Passes::NONE),
        with(Passes::ALL),
        Options { fuel: true, interrupt: true, ..Options::default() },
    ];
    for (_, pass) in Passes::NAMES {
        variants.push(with(pass));
        variants.push(with(Passes::ALL.without(pass)));
    }
    variants
}
