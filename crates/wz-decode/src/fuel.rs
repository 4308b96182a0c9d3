//! What operators cost when fuel is metered. The same on every engine: the walker adds up what is
//! known statically and places the points that charge it; engines add what depends on a length.
//!
//! # Costs
//! - `nop`, `drop`, `block`, `loop`, `else` and `end` cost nothing, every other operator 1 unit.
//! - An operator that works on a run of bytes or elements (`memory.fill`, `memory.copy`,
//!   `memory.init`, `memory.grow`, `table.fill`, `table.copy`, `table.init`, `table.grow`) costs
//!   in addition [`bulk_units`] of the run's length. Engines charge that when they execute the
//!   operator, before it takes effect and whether or not it then fails or traps. The length of
//!   `memory.grow` is in bytes.
//!
//! # Points
//! Code between two places where control can split or merge is a segment: it is executed from its
//! start, and in full unless it traps. A segment begins at the start of the function, of a loop,
//! of both arms of an `if`, after a `br_if`, after a call, and after the `end` of a block or `if`
//! that a branch can reach. It is charged as a whole and before anything in it takes effect, at
//! the first operator in it that costs anything. What was charged is never given back.

/// How many bytes an operator on a run of bytes moves for one unit.
pub const BYTES_PER_UNIT: u64 = 64;

/// How many elements an operator on a run of elements moves for one unit.
pub const ELEMENTS_PER_UNIT: u64 = 8;

/// The units for a run of `len` things of which `per_unit` cost one unit, rounded down: what is
/// shorter is paid for with the operator itself.
#[must_use]
pub const fn bulk_units(len: u64, per_unit: u64) -> u64 {
    len / per_unit
}

/// The units for a run of `len` bytes.
#[must_use]
pub const fn byte_units(len: u64) -> u64 {
    bulk_units(len, BYTES_PER_UNIT)
}

/// The units for a run of `len` elements.
#[must_use]
pub const fn element_units(len: u64) -> u64 {
    bulk_units(len, ELEMENTS_PER_UNIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_runs_are_free() {
        assert_eq!((byte_units(63), byte_units(64), byte_units(6400)), (0, 1, 100));
        assert_eq!((element_units(7), element_units(8)), (0, 1));
    }
}
