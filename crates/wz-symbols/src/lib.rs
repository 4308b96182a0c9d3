//! Where in the source code WebAssembly comes from, by its DWARF, and what mangled names mean. It
//! knows nothing of how modules are decoded or run.
//!
//! [`ModuleSymbols`] is made of a module's bytes and looks at them when it is first asked.
#![forbid(unsafe_code)]

mod demangle;
mod dwarf;
mod sections;

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use wz_api::{SourceLocation, Symbols};

pub use demangle::demangle;
use dwarf::Dwarf;

/// The source positions of a module.
pub struct ModuleSymbols {
    bytes: Arc<[u8]>,
    /// None: there is no DWARF, or it is not valid.
    dwarf: OnceLock<Option<Mutex<Dwarf>>>,
}

impl ModuleSymbols {
    /// The symbols of a module in the binary format.
    #[must_use]
    pub fn new(bytes: Arc<[u8]>) -> Self {
        Self { bytes, dwarf: OnceLock::new() }
    }
}

impl Symbols for ModuleSymbols {
    fn locations(&self, code_offset: u32) -> Vec<SourceLocation> {
        let dwarf = self.dwarf.get_or_init(|| Dwarf::of_module(&self.bytes).map(Mutex::new));
        let Some(dwarf) = dwarf else { return Vec::new() };
        dwarf.lock().unwrap_or_else(PoisonError::into_inner).locations(code_offset)
    }

    fn demangle(&self, name: &str) -> Option<String> {
        demangle(name)
    }
}

impl fmt::Debug for ModuleSymbols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModuleSymbols").field("module_bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}
