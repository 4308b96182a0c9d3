//! [`Features`]: what the processor can do beyond what every x86-64 that wz runs on can.

use std::fmt;

/// A set of features of the processor. The base, which everything needs, is SSE4.1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Features(u8);

impl Features {
    /// AVX: three-operand forms of vector instructions.
    pub const AVX: Self = Self(1);
    /// AVX2: integer vector instructions of AVX, broadcasts from registers.
    pub const AVX2: Self = Self(1 << 1);
    /// FMA: fused multiplication and addition.
    pub const FMA: Self = Self(1 << 2);
    /// BMI1: `andn`, `blsr`, `tzcnt`.
    pub const BMI1: Self = Self(1 << 3);
    /// BMI2: shifts that leave the flags alone, `rorx`, `mulx`.
    pub const BMI2: Self = Self(1 << 4);
    /// LZCNT.
    pub const LZCNT: Self = Self(1 << 5);
    /// POPCNT.
    pub const POPCNT: Self = Self(1 << 6);

    /// Nothing beyond the base.
    pub const BASE: Self = Self(0);
    /// Everything that is known.
    pub const ALL: Self = Self((1 << 7) - 1);

    /// The names, in order.
    pub const NAMES: [(&'static str, Self); 7] = [
        ("avx", Self::AVX),
        ("avx2", Self::AVX2),
        ("fma", Self::FMA),
        ("bmi1", Self::BMI1),
        ("bmi2", Self::BMI2),
        ("lzcnt", Self::LZCNT),
        ("popcnt", Self::POPCNT),
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

    /// What is in both sets; what implies something that is missing is left out too: AVX2 and FMA
    /// need AVX.
    #[must_use]
    pub const fn masked(self, mask: Self) -> Self {
        let both = Self(self.0 & mask.0);
        if both.has(Self::AVX) { both } else { Self(both.0 & !(Self::AVX2.0 | Self::FMA.0)) }
    }

    /// What the processor that this runs on can do; `None` if not even the base. On other
    /// architectures the base, so that code can be looked at anywhere.
    #[must_use]
    pub fn detect() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected as has;
            if !has!("sse4.1") {
                return None;
            }
            let detected = [
                (has!("avx"), Self::AVX),
                (has!("avx2"), Self::AVX2),
                (has!("fma"), Self::FMA),
                (has!("bmi1"), Self::BMI1),
                (has!("bmi2"), Self::BMI2),
                (has!("lzcnt"), Self::LZCNT),
                (has!("popcnt"), Self::POPCNT),
            ];
            let mut set = Self::BASE;
            for (is_there, feature) in detected {
                if is_there {
                    set = set.with(feature);
                }
            }
            Some(set.masked(Self::ALL))
        }
        #[cfg(not(target_arch = "x86_64"))]
        Some(Self::BASE)
    }

    /// Parses names separated by commas; `base` adds nothing, `all` everything.
    ///
    /// # Errors
    /// The first name that is not one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut set = Self::BASE;
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            set = match entry {
                "base" => set,
                "all" => Self::ALL,
                name => match Self::NAMES.iter().find(|(known, _)| *known == name) {
                    Some((_, feature)) => set.with(*feature),
                    None => return Err(name.to_owned()),
                },
            };
        }
        Ok(set.masked(Self::ALL))
    }
}

impl fmt::Display for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (name, feature) in Self::NAMES {
            if self.has(feature) {
                write!(f, "{separator}{name}")?;
                separator = ",";
            }
        }
        if separator.is_empty() { f.write_str("base") } else { Ok(()) }
    }
}

impl fmt::Debug for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Features({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(Features::parse("base"), Ok(Features::BASE));
        assert_eq!(Features::parse("all"), Ok(Features::ALL));
        assert_eq!(Features::parse(&Features::ALL.to_string()), Ok(Features::ALL));
        assert_eq!(Features::parse("avx2"), Ok(Features::BASE), "AVX2 needs AVX");
        assert_eq!(Features::parse("avx, avx2"), Ok(Features::AVX.with(Features::AVX2)));
        assert_eq!(Features::parse("avx3"), Err("avx3".to_owned()));
        assert_eq!(Features::BASE.to_string(), "base");
    }
}
