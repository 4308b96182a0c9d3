//! [`Backtrace`]: where in guests and hosts an error happened.

use std::fmt;
use std::sync::Arc;

use crate::definition::FunctionDefinition;
use crate::source::{SourceLocation, Symbols};

/// The guest and host frames that were active, innermost first.
///
/// Prints as wazero's stack trace: a line `wasm stack trace:`, then per frame a tab, the
/// signature and, on a line of its own, the offset in the Code section's body. Where the module has
/// DWARF, the offset is followed by the place in the source code, and that by those of the functions
/// that it was inlined into.
///
/// ```text
/// wasm stack trace:
///     app.main(i32) i32
///         0x25: /src/main.rs:10:5 (inlined)
///               /src/main.rs:6:5
/// ```
#[derive(Clone, Debug, Default)]
pub struct Backtrace {
    frames: Arc<[BacktraceFrame]>,
}

impl Backtrace {
    /// A backtrace of these frames, innermost first.
    pub fn new(frames: impl Into<Arc<[BacktraceFrame]>>) -> Self {
        Self { frames: frames.into() }
    }

    /// The frames, innermost first.
    #[must_use]
    pub fn frames(&self) -> &[BacktraceFrame] {
        &self.frames
    }
}

impl fmt::Display for Backtrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.frames.is_empty() {
            return Ok(());
        }
        f.write_str("\nwasm stack trace:")?;
        self.frames().iter().try_for_each(|frame| write!(f, "\n{frame}"))
    }
}

/// One frame of a [`Backtrace`].
#[derive(Clone, Debug)]
pub struct BacktraceFrame {
    /// The function.
    pub definition: FunctionDefinition,
    /// The offset of the operator in the body of the Code section, for guest functions.
    pub code_offset: Option<u32>,
    symbols: Option<Arc<dyn Symbols>>,
}

impl BacktraceFrame {
    /// A frame without anything known of its source.
    #[must_use]
    pub fn new(definition: FunctionDefinition, code_offset: Option<u32>) -> Self {
        Self { definition, code_offset, symbols: None }
    }

    /// The same with what knows the source.
    #[doc(hidden)]
    #[must_use]
    pub fn with_symbols(mut self, symbols: Option<Arc<dyn Symbols>>) -> Self {
        self.symbols = symbols;
        self
    }

    /// The places in the source code, by the module's DWARF: the innermost inlined function first,
    /// the one that the frame is of last. Empty if there is none. The DWARF is parsed when it is
    /// first asked for.
    #[must_use]
    pub fn source_locations(&self) -> Vec<SourceLocation> {
        let known = self.symbols.as_ref().zip(self.code_offset);
        known.map(|(symbols, offset)| symbols.locations(offset)).unwrap_or_default()
    }

    /// The function's [signature](FunctionDefinition::signature), with its name demangled.
    #[must_use]
    pub fn signature(&self) -> String {
        let signature = self.definition.signature();
        let (name, full) = (self.definition.name(), self.definition.debug_name());
        let demangled = self.symbols.as_ref().and_then(|symbols| symbols.demangle(name));
        match (demangled, full.strip_suffix(name), signature.strip_prefix(full)) {
            (Some(demangled), Some(module), Some(types)) => format!("{module}{demangled}{types}"),
            _ => signature,
        }
    }
}

/// Prints the lines of the frame, the first of which is the signature.
impl fmt::Display for BacktraceFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\t{}", self.signature())?;
        let Some(offset) = self.code_offset else { return Ok(()) };
        let offset = format!("0x{offset:x}");
        write!(f, "\n\t\t{offset}")?;
        for (position, location) in self.source_locations().iter().enumerate() {
            match position {
                0 => write!(f, ": {location}")?,
                _ => write!(f, "\n\t\t{:width$}{location}", "", width = offset.len() + 2)?,
            }
            if location.inlined {
                f.write_str(" (inlined)")?;
            }
        }
        Ok(())
    }
}
