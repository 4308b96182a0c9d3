//! Where in the source code something comes from: [`SourceLocation`].

use std::fmt;

/// A place in source code, by the debug information of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceLocation {
    /// The path, as the compiler wrote it down.
    pub file: String,
    /// The line, counted from 1.
    pub line: Option<u32>,
    /// The column, counted from 1.
    pub column: Option<u32>,
    /// The function, demangled.
    pub function: Option<String>,
    /// Whether that function was inlined at the next location.
    pub inlined: bool,
}

/// Prints `file:line:column`, as far as these are known.
impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        for number in [self.line, self.line.and(self.column)].into_iter().flatten() {
            write!(f, ":{number}")?;
        }
        Ok(())
    }
}

/// What knows the source of a module.
#[doc(hidden)]
pub trait Symbols: Send + Sync + fmt::Debug {
    /// The places that the operator at an offset in the body of the Code section comes from,
    /// innermost inlined function first.
    fn locations(&self, code_offset: u32) -> Vec<SourceLocation>;
    /// The name that a mangled one stands for.
    fn demangle(&self, name: &str) -> Option<String>;
}
