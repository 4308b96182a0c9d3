//! [`EngineKind`]: which engine runs the code. The one place that chooses an engine for the host.

use std::sync::{Arc, OnceLock};

use wz_api::Result;
use wz_core::engine::Engine;
use wz_interp::Interpreter;

use crate::jit::{self, JitConfig};

/// Which engine a runtime uses. All give the same results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EngineKind {
    /// The JIT where this machine supports it, and the interpreter elsewhere.
    #[default]
    Auto,
    /// The interpreter, which runs everywhere.
    Interpreter,
    /// The JIT. Without support for this machine, or if it refuses executable memory, a runtime is an
    /// error.
    Jit,
}

impl EngineKind {
    /// Whether a runtime can have this engine here and now.
    ///
    /// ```
    /// use wz::EngineKind;
    ///
    /// assert!(EngineKind::Auto.is_available() && EngineKind::Interpreter.is_available());
    /// ```
    #[must_use]
    pub fn is_available(self) -> bool {
        self.engine(&JitConfig::default()).is_ok()
    }

    /// The engine.
    ///
    /// # Errors
    /// If the JIT is asked for and not available, or its configuration has an error.
    pub(crate) fn engine(self, config: &JitConfig) -> Result<Arc<dyn Engine>> {
        match self {
            Self::Interpreter => Ok(interpreter()),
            Self::Jit => jit::engine(config).map_err(Into::into),
            Self::Auto => match jit::engine(config) {
                Err(jit::Failure::Unavailable(_)) => Ok(interpreter()),
                engine => engine.map_err(Into::into),
            },
        }
    }
}

/// The interpreter, which all runtimes of the process share.
fn interpreter() -> Arc<dyn Engine> {
    static INTERPRETER: OnceLock<Arc<Interpreter>> = OnceLock::new();
    INTERPRETER.get_or_init(|| Arc::new(Interpreter::new())).clone()
}
