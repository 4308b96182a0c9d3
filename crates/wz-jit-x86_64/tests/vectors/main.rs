//! Every operator over floats and vectors, alone in a function, over edge values, against the
//! evaluation that folds constants: with every set of features that changes what is selected, and in
//! deterministic mode and not. Operands are in registers, in memory, constant, or the same twice.
#![cfg(all(target_arch = "x86_64", unix))]

mod conditions;
mod operators;
mod shuffles;
mod support;
mod values;
