//! Which traps fit the texts that scripts give: kinds are compared, not messages.

use wz_api::Trap;

/// Whether `trap` is what a script means by `text`. Texts may be prefixes, as in the reference
/// interpreter's own check. A text that is not known fits nothing.
#[must_use]
pub fn trap_matches(text: &str, trap: Trap) -> bool {
    use Trap::*;
    let kinds: &[Trap] = match text {
        "unreachable" => &[Unreachable],
        "out of bounds memory access" => &[OutOfBoundsMemoryAccess],
        "out of bounds table access" | "undefined element" | "undefined" => &[InvalidTableAccess],
        // Scripts of the first bulk-memory proposal say only this of memories and tables.
        "out of bounds" => &[OutOfBoundsMemoryAccess, InvalidTableAccess],
        "integer divide by zero" => &[IntegerDivideByZero],
        "integer overflow" => &[IntegerOverflow],
        "invalid conversion to integer" => &[InvalidConversionToInteger],
        "indirect call type mismatch" | "indirect call" => &[IndirectCallTypeMismatch],
        "call stack exhausted" => &[StackOverflow],
        "unaligned atomic" => &[UnalignedAtomic],
        "expected shared memory" => &[ExpectedSharedMemory],
        "uncaught exception" | "unhandled exception" => &[UncaughtException],
        "null reference" | "null function reference" => &[NullReference],
        _ if text.starts_with("uninitialized") => &[InvalidTableAccess],
        _ => &[],
    };
    kinds.contains(&trap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_apart() {
        for (text, trap, fits) in [
            ("integer overflow", Trap::IntegerOverflow, true),
            ("integer overflow", Trap::IntegerDivideByZero, false),
            ("uninitialized element 7", Trap::InvalidTableAccess, true),
            ("out of bounds table access", Trap::OutOfBoundsMemoryAccess, false),
            ("cast failure", Trap::Unreachable, false),
        ] {
            assert_eq!(trap_matches(text, trap), fits, "{text}");
        }
    }
}
