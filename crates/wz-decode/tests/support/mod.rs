//! What several test files need.
#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod checker;
pub(crate) mod ssa;

use std::panic::{AssertUnwindSafe, catch_unwind};

use wz_decode::{DecodeOptions, ModuleInfo, WalkOptions, decode, walk};

/// Decodes a module in the text format, with all features.
pub(crate) fn module(wat: &str) -> ModuleInfo {
    let bytes = wat::parse_str(wat).expect("test modules are well-formed");
    decode(bytes, &DecodeOptions::default()).expect("test modules are valid")
}

/// Walks all functions of a module with the checker, with and without fuel. How many operators
/// were reachable.
pub(crate) fn check_walk(info: &ModuleInfo) -> usize {
    let mut operators = 0;
    for position in 0..info.bodies.len() {
        let function = info.imported.functions + position as u32;
        for fuel in [false, true] {
            let mut checker = checker::Checker::new(info, function, fuel);
            let walked =
                catch_unwind(AssertUnwindSafe(|| walk(info, function, &WalkOptions { fuel }, &mut checker)));
            if let Err(panic) = walked {
                eprintln!("in function {function} at {:?}", checker.position());
                std::panic::resume_unwind(panic);
            }
            operators += checker.finish();
        }
        // The other builder has assertions too, and its dump checks what it made.
        let mut ssa = ssa::Ssa::default();
        walk(info, function, &WalkOptions::default(), &mut ssa);
        ssa.dump();
    }
    operators
}
