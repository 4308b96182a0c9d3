//! [`Options`]: how functions are compiled, and [`Passes`]: which optimizations are on.

use std::fmt;

/// How a function is compiled up to optimized SSA.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Which optimizations are on.
    pub passes: Passes,
    /// Whether to place points that consume fuel.
    pub fuel: bool,
    /// Whether to look at the activation's interrupt flag where the function starts and where
    /// loops do.
    pub interrupt: bool,
    /// Whether memory accesses are checked by code, not by guard pages: then it pays to know
    /// which need none.
    pub explicit_checks: bool,
    /// Whether to check every stage, which debug builds always do.
    pub verify: bool,
}

/// A set of optimizations. Everything computes the same without any; they have switches so that
/// a miscompilation can be bisected.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Passes(u16);

impl Passes {
    /// Folding of constants and algebraic simplification while SSA is built.
    pub const SIMPLIFY: Self = Self(1);
    /// Numbering of pure values while SSA is built.
    pub const NUMBER: Self = Self(1 << 1);
    /// Reads of globals after reads and writes in the same stretch of code.
    pub const GLOBALS: Self = Self(1 << 2);
    /// Blocks with one way in are joined with the block before.
    pub const MERGE: Self = Self(1 << 3);
    /// Numbering of values over the dominator tree, across merges.
    pub const GVN: Self = Self(1 << 4);
    /// Hoisting of loop-invariant values.
    pub const HOIST: Self = Self(1 << 5);
    /// What is known of the bounds of memory accesses.
    pub const BOUNDS: Self = Self(1 << 6);
    /// Unused instructions and parameters are dropped.
    pub const DEAD: Self = Self(1 << 7);
    /// Cold blocks go out of line, and loops have one branch per iteration.
    pub const LAYOUT: Self = Self(1 << 8);

    /// Every optimization.
    pub const ALL: Self = Self((1 << 9) - 1);
    /// No optimization.
    pub const NONE: Self = Self(0);

    /// The names, in order.
    pub const NAMES: [(&'static str, Self); 9] = [
        ("simplify", Self::SIMPLIFY),
        ("number", Self::NUMBER),
        ("globals", Self::GLOBALS),
        ("merge", Self::MERGE),
        ("gvn", Self::GVN),
        ("hoist", Self::HOIST),
        ("bounds", Self::BOUNDS),
        ("dead", Self::DEAD),
        ("layout", Self::LAYOUT),
    ];

    /// Whether all of these are in the set.
    #[inline]
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The set with these added.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The set with these taken out.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Parses a list of names separated by commas. A name adds a pass, a name after `-` takes
    /// one out; `all` and `none` stand for all and no passes. If the first entry takes a pass
    /// out, the list starts from all passes, otherwise from none.
    ///
    /// # Errors
    /// The first name that is not one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut set = if text.trim_start().starts_with('-') { Self::ALL } else { Self::NONE };
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (name, remove) = entry.strip_prefix('-').map_or((entry, false), |name| (name, true));
            let passes = match name {
                "all" => Self::ALL,
                "none" => Self::NONE,
                name => match Self::NAMES.iter().find(|(known, _)| *known == name) {
                    Some((_, pass)) => *pass,
                    None => return Err(name.to_owned()),
                },
            };
            set = if remove { set.without(passes) } else { set.with(passes) };
        }
        Ok(set)
    }
}

impl Default for Passes {
    fn default() -> Self {
        Self::ALL
    }
}

impl fmt::Display for Passes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (name, pass) in Self::NAMES {
            if self.has(pass) {
                write!(f, "{separator}{name}")?;
                separator = ",";
            }
        }
        if separator.is_empty() { f.write_str("none") } else { Ok(()) }
    }
}

impl fmt::Debug for Passes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Passes({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_passes() {
        assert_eq!(Passes::parse("all"), Ok(Passes::ALL));
        assert_eq!(Passes::parse(""), Ok(Passes::NONE));
        assert_eq!(Passes::parse("gvn, dead"), Ok(Passes::GVN.with(Passes::DEAD)));
        assert_eq!(Passes::parse("-gvn"), Ok(Passes::ALL.without(Passes::GVN)));
        assert_eq!(Passes::parse("gvm"), Err("gvm".to_owned()));
        assert_eq!(Passes::parse(&Passes::ALL.to_string()), Ok(Passes::ALL));
        assert_eq!(Passes::NONE.to_string(), "none");
    }
}
