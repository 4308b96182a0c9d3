//! The engines that tests run on. A test of behaviour is a function over a [`RuntimeConfig`] and
//! runs for each of them.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use wz::{EngineKind, RuntimeConfig};

/// An engine with the configuration that chooses it.
#[derive(Clone, Copy)]
pub struct EngineUnderTest {
    /// The name, as on the command line.
    pub name: &'static str,
    /// A configuration with defaults, but for the engine.
    pub config: fn() -> RuntimeConfig,
}

impl std::fmt::Debug for EngineUnderTest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Every engine there is.
#[must_use]
pub fn engines() -> &'static [EngineUnderTest] {
    &[EngineUnderTest {
        name: "interpreter",
        config: || RuntimeConfig::new().with_engine(EngineKind::Interpreter),
    }]
}

/// The engine of that name.
#[must_use]
pub fn engine(name: &str) -> Option<EngineUnderTest> {
    engines().iter().find(|engine| engine.name == name).copied()
}

/// Runs a test for every engine; a failure says for which.
pub fn for_each_engine(test: impl Fn(EngineUnderTest)) {
    for engine in engines() {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| test(*engine))) {
            eprintln!("failed on engine {}", engine.name);
            resume_unwind(panic);
        }
    }
}
