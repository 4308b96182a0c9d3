//! [`EngineKind`]: which engine runs the code. The one place that chooses an engine for the host.

use std::sync::{Arc, OnceLock};

use wz_core::engine::Engine;
use wz_interp::Interpreter;

/// Which engine a runtime uses. Both give the same results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EngineKind {
    /// The fastest that this machine has.
    #[default]
    Auto,
    /// The interpreter, which runs everywhere.
    Interpreter,
}

impl EngineKind {
    /// The engine, which all runtimes of the process share.
    pub(crate) fn engine(self) -> Arc<dyn Engine> {
        static INTERPRETER: OnceLock<Arc<Interpreter>> = OnceLock::new();
        match self {
            Self::Auto | Self::Interpreter => {
                INTERPRETER.get_or_init(|| Arc::new(Interpreter::new())).clone()
            }
        }
    }
}
