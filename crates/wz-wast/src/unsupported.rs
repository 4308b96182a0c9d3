//! [`Unsupported`]: the proposals that wz does not have, the only reasons for which a directive
//! may be a known failure; and whether a module needs one of them.

use std::fmt;

use wasmparser::{Validator, WasmFeatures};

/// A proposal that wz does not have, or another reason that is not wz's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unsupported {
    /// Typed function references.
    FunctionReferences,
    /// Garbage-collected structs and arrays, and what builds on them.
    Gc,
    /// Exception handling.
    Exceptions,
    /// Shared memories and atomics.
    Threads,
    /// Pages of one byte.
    CustomPageSizes,
    /// 128-bit additions and wide multiplications.
    WideArithmetic,
    /// Custom descriptors of GC types.
    CustomDescriptors,
    /// Stack switching.
    StackSwitching,
    /// Assertions on the content of custom sections.
    Custom,
    /// The exception handling that was withdrawn.
    Legacy,
    /// What an old script says and the specification changed since.
    Superseded,
}

/// The lines of old scripts that say what the specification changed since.
const SUPERSEDED: &[(&str, &[usize])] = &[
    // Until bulk memory, segments were checked before any was written, and a link error if one
    // did not fit. Now those before it are written, and it is a trap.
    ("proposals/mutable-global/linking.wast", &[206, 227, 236, 238, 248, 298, 334, 342, 344, 354]),
    // Until the final reference types, unreachable operands of `br_table` had one type.
    ("proposals/reference-types/unreached-invalid.wast", &[539]),
];

const NAMES: &[(Unsupported, &str)] = &[
    (Unsupported::FunctionReferences, "function-references"),
    (Unsupported::Gc, "gc"),
    (Unsupported::Exceptions, "exceptions"),
    (Unsupported::Threads, "threads"),
    (Unsupported::CustomPageSizes, "custom-page-sizes"),
    (Unsupported::WideArithmetic, "wide-arithmetic"),
    (Unsupported::CustomDescriptors, "custom-descriptors"),
    (Unsupported::StackSwitching, "stack-switching"),
    (Unsupported::Custom, "custom"),
    (Unsupported::Legacy, "legacy"),
    (Unsupported::Superseded, "superseded"),
];

impl Unsupported {
    /// The name, as in lists of known failures.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(one, _)| *one == self).map_or("", |(_, name)| name)
    }

    /// The proposal of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        NAMES.iter().find(|(_, text)| *text == name).map(|(one, _)| *one)
    }

    /// Whether the specification changed since a script of the crate said something else there.
    #[must_use]
    pub fn superseded(path: &str, line: usize) -> Option<Self> {
        let listed = SUPERSEDED.iter().any(|(script, lines)| *script == path && lines.contains(&line));
        listed.then_some(Self::Superseded)
    }

    /// What `module` needs beyond what wz has: something if the module is valid with a proposal
    /// that wz does not have and invalid without. None if wz has to judge the module itself.
    #[must_use]
    pub fn needed_by(module: &[u8]) -> Option<Self> {
        let references = WasmFeatures::FUNCTION_REFERENCES;
        let valid = |more| Validator::new_with_features(supported() | more).validate_all(module).is_ok();
        if valid(WasmFeatures::empty()) {
            return None;
        }
        let candidates = [
            (Self::FunctionReferences, references),
            (Self::Gc, references | WasmFeatures::GC),
            (Self::Exceptions, WasmFeatures::EXCEPTIONS),
            (Self::Exceptions, WasmFeatures::EXCEPTIONS | references | WasmFeatures::GC),
            (Self::Threads, WasmFeatures::THREADS),
            (Self::CustomPageSizes, WasmFeatures::CUSTOM_PAGE_SIZES),
            (Self::WideArithmetic, WasmFeatures::WIDE_ARITHMETIC),
            (Self::CustomDescriptors, references | WasmFeatures::GC | WasmFeatures::CUSTOM_DESCRIPTORS),
            (Self::StackSwitching, references | WasmFeatures::STACK_SWITCHING),
            (Self::Legacy, WasmFeatures::LEGACY_EXCEPTIONS),
        ];
        candidates.iter().find(|(_, features)| valid(*features)).map(|(one, _)| *one)
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What wz has. `GC_TYPES` only says that references have types at all.
fn supported() -> WasmFeatures {
    WasmFeatures::WASM2
        | WasmFeatures::GC_TYPES
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::TAIL_CALL
        | WasmFeatures::MULTI_MEMORY
        | WasmFeatures::MEMORY64
        | WasmFeatures::RELAXED_SIMD
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<Unsupported>) {
        assert_eq!(Unsupported::needed_by(&wat::parse_str(text).unwrap()), expected, "{text}");
    }

    #[test]
    fn only_missing_proposals_excuse() {
        check("(module (func (param v128) (result i64 i64) return_call 0))", None);
        check("(module (memory i64 1) (memory 1) (table i64 1 externref))", None);
        check("(module (func (result i32) f32.const 0))", None);
        check("(module (type $t (func)) (func (param (ref $t))))", Some(Unsupported::FunctionReferences));
        check("(module (type (struct)))", Some(Unsupported::Gc));
        check("(module (tag))", Some(Unsupported::Exceptions));
        check("(module (memory 1 1 shared))", Some(Unsupported::Threads));
        check("(module (memory 1 (pagesize 1)))", Some(Unsupported::CustomPageSizes));
    }
}
