//! The run-time parts of the JIT with functions assembled by hand: everything but the compiler is
//! what the engine uses.
#![allow(clippy::useless_conversion, reason = "`dynasm!` converts the numbers of registers")]
#![cfg(all(target_arch = "x86_64", unix))]

mod calls;
mod elsewhere;
mod faults;
mod listeners;
mod nesting;
mod signatures;
mod stacks;
mod support;
mod tail_calls;
mod threads;
mod traps;
mod versions;
mod walks;
