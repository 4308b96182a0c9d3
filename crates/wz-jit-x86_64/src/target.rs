//! [`X64Target`]: x86-64 as what modules are compiled for.

use std::sync::Arc;

use wz_decode::ModuleInfo;
use wz_jit::runtime::stubs::StubAssembler;
use wz_jit::target::{CodeOptions, Target};

use crate::assembler::{FunctionAssembler, finish};
use crate::features::Features;
use crate::isa::X64Isa;
use crate::stubs::X64;

/// The environment variable that limits what is used of the processor: names of features
/// separated by commas, or `base` or `all`.
const CPU_VARIABLE: &str = "WZ_CPU";

/// x86-64, with what the processor has beyond the base.
#[derive(Clone, Copy, Debug)]
pub struct X64Target {
    features: Features,
}

impl X64Target {
    /// Code that uses these features.
    #[must_use]
    pub const fn new(features: Features) -> Self {
        Self { features }
    }

    /// Code for the processor that this runs on; `None` if it lacks the base. The environment
    /// variable `WZ_CPU` limits the features: `base`, `all`, or names separated by commas. What is
    /// no name there is ignored.
    #[must_use]
    pub fn host() -> Option<Self> {
        let limit = std::env::var(CPU_VARIABLE).ok().and_then(|text| Features::parse(&text).ok());
        Some(Self::new(Features::detect()?.masked(limit.unwrap_or(Features::ALL))))
    }

    /// What is used of the processor.
    #[must_use]
    pub const fn features(&self) -> Features {
        self.features
    }
}

impl Target for X64Target {
    type Isa = X64Isa;

    fn isa(&self, info: &Arc<ModuleInfo>, options: CodeOptions) -> X64Isa {
        X64Isa::new(info, options, self.features)
    }

    fn assembler(&self) -> FunctionAssembler {
        FunctionAssembler::default()
    }

    fn finish(&self, assembler: FunctionAssembler) -> Vec<u8> {
        finish(assembler.ops)
    }

    fn stubs(&self) -> &'static dyn StubAssembler {
        &X64
    }

    fn fingerprint(&self) -> String {
        format!("x86-64 {}", self.features)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_tell_features_apart() {
        let base = X64Target::new(Features::BASE);
        let all = X64Target::new(Features::ALL);
        assert_eq!(base.fingerprint(), "x86-64 base");
        assert_eq!(all.fingerprint(), "x86-64 avx,avx2,fma,bmi1,bmi2,lzcnt,popcnt");
    }
}
