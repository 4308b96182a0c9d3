//! The bounds of the native stack where they are not known: the depth of nesting is limited
//! instead.

use std::ops::Range;

/// Nothing is known.
pub(crate) fn stack_bounds() -> Option<Range<usize>> {
    None
}
