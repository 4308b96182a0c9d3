//! [`CoreFeatures`]: which proposals a runtime accepts.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

use crate::error::{Error, Result};

/// A set of WebAssembly features. Prints as `a|b|c`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CoreFeatures(u32);

macro_rules! features {
    ($($name:ident = $bit:literal $text:literal $doc:literal;)*) => {
        impl CoreFeatures {
            $(#[doc = $doc] pub const $name: Self = Self(1 << $bit);)*
        }
        const NAMES: &[(CoreFeatures, &str)] = &[$((CoreFeatures::$name, $text)),*];
    };
}

features! {
    MUTABLE_GLOBAL = 0 "mutable-global" "Importing and exporting mutable globals.";
    SIGN_EXTENSION_OPS = 1 "sign-extension-ops" "`i32.extend8_s` and its siblings.";
    MULTI_VALUE = 2 "multi-value" "Several results; block parameters.";
    NON_TRAPPING_FLOAT_TO_INT_CONVERSION = 3 "nontrapping-float-to-int-conversion" "`i32.trunc_sat_f32_s` and its siblings.";
    BULK_MEMORY_OPERATIONS = 4 "bulk-memory-operations" "`memory.copy`, `memory.fill`, passive segments, table copies.";
    REFERENCE_TYPES = 5 "reference-types" "`externref`, `funcref` as values, several tables.";
    SIMD = 6 "simd" "128-bit vectors.";
    EXTENDED_CONST = 7 "extended-const" "Arithmetic in constant expressions.";
    TAIL_CALL = 8 "tail-call" "`return_call` and `return_call_indirect`.";
    MULTI_MEMORY = 9 "multi-memory" "Several memories in a module.";
    MEMORY64 = 10 "memory64" "Memories and tables with 64-bit addresses.";
    RELAXED_SIMD = 11 "relaxed-simd" "Vector operations whose result may depend on the machine.";
}

impl CoreFeatures {
    /// No feature beyond the first version of WebAssembly.
    pub const NONE: Self = Self(0);
    /// What WebAssembly 1.0 (2019-12-05) has.
    pub const V1: Self = Self::MUTABLE_GLOBAL;
    /// What WebAssembly 2.0 has.
    pub const V2: Self = Self(0x7f);
    /// Every finished proposal that wz implements: the default.
    pub const ALL: Self = Self(0xfff);

    /// Whether all of `features` are in the set.
    #[must_use]
    pub const fn is_enabled(self, features: Self) -> bool {
        self.0 & features.0 == features.0
    }

    /// The set with `features` in it or not.
    #[must_use]
    pub const fn set_enabled(self, features: Self, enabled: bool) -> Self {
        Self(if enabled { self.0 | features.0 } else { self.0 & !features.0 })
    }

    /// Checks that all of `features` are in the set.
    ///
    /// # Errors
    /// `feature "x" is disabled` for the first that is not.
    pub fn require_enabled(self, features: Self) -> Result<()> {
        match NAMES.iter().find(|(one, _)| features.is_enabled(*one) && !self.is_enabled(*one)) {
            None => Ok(()),
            Some((_, name)) => Err(Error::argument(format!("feature \"{name}\" is disabled"))),
        }
    }

    /// The feature of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        NAMES.iter().find(|(_, text)| *text == name).map(|(feature, _)| *feature)
    }

    /// Every feature with its name.
    #[must_use]
    pub fn names() -> &'static [(Self, &'static str)] {
        NAMES
    }
}

impl Default for CoreFeatures {
    fn default() -> Self {
        Self::ALL
    }
}

impl BitOr for CoreFeatures {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for CoreFeatures {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl fmt::Display for CoreFeatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = NAMES.iter().filter(|(feature, _)| self.is_enabled(*feature));
        for (position, (_, name)) in names.enumerate() {
            let separator = if position == 0 { "" } else { "|" };
            write!(f, "{separator}{name}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for CoreFeatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_print_and_require() {
        let set = CoreFeatures::V1 | CoreFeatures::SIMD;
        assert_eq!(set.to_string(), "mutable-global|simd");
        assert!(CoreFeatures::V2.is_enabled(set));
        let without = CoreFeatures::V2.set_enabled(CoreFeatures::SIMD, false);
        let error = without.require_enabled(CoreFeatures::SIMD).unwrap_err();
        assert_eq!(error.to_string(), "feature \"simd\" is disabled");
        assert_eq!(CoreFeatures::from_name("tail-call"), Some(CoreFeatures::TAIL_CALL));
        assert_eq!(
            CoreFeatures::names().iter().fold(CoreFeatures::NONE, |all, (one, _)| all | *one),
            CoreFeatures::ALL
        );
    }
}
