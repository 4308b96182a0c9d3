//! Everything that can go wrong, as one word: [`Error`] boxes an [`ErrorKind`].
//! Texts follow wazero where wazero has one.

use std::error::Error as StdError;
use std::fmt;

use crate::backtrace::Backtrace;
/// The result of everything in wz that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of wz. One word; the details are in its [`kind`](Self::kind).
pub struct Error(Box<ErrorKind>);

/// What an [`Error`] is about.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The module is malformed or invalid.
    Module(ModuleError),
    /// The module cannot be instantiated with what it imports.
    Link(LinkError),
    /// The guest trapped.
    Trap(TrapError),
    /// The module was closed during or before the call, by itself or from outside.
    Exit(ExitError),
    /// A host function returned an error.
    Host(HostError),
    /// A configured or built-in limit was reached.
    Limit(String),
    /// The caller passed something that does not fit: arity, type, range or a foreign handle.
    Argument(String),
    /// A module's start function failed.
    Start {
        /// What failed, as `module[m] function[f]` or `start function[m.f]`.
        what: String,
        /// Why.
        source: Error,
    },
    /// An operation of the host system failed.
    System {
        /// What was attempted.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
}

impl Error {
    /// Boxes a kind.
    #[cold]
    #[must_use]
    pub fn new(kind: ErrorKind) -> Self {
        Self(Box::new(kind))
    }

    /// An error of a host function, from any message or error.
    #[cold]
    pub fn host(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(ErrorKind::Host(HostError { source: source.into(), backtrace: None }))
    }

    /// A limit that was reached.
    #[cold]
    pub fn limit(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Limit(message.into()))
    }

    /// An argument that does not fit.
    #[cold]
    pub fn argument(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Argument(message.into()))
    }

    /// A failed operation of the host system.
    #[cold]
    pub fn system(what: impl Into<String>, source: std::io::Error) -> Self {
        Self::new(ErrorKind::System { what: what.into(), source })
    }

    /// A host function that ends the guest with this exit code (what WASI's `proc_exit` returns).
    #[cold]
    #[must_use]
    pub fn exit(code: u32) -> Self {
        Self::new(ErrorKind::Exit(ExitError { code }))
    }

    /// What the error is about.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0
    }

    /// What the error is about, for changing or taking it apart.
    #[must_use]
    pub fn into_kind(self) -> ErrorKind {
        *self.0
    }

    /// What the error is about, mutable.
    pub fn kind_mut(&mut self) -> &mut ErrorKind {
        &mut self.0
    }

    /// The trap, if the guest trapped; looks through [`ErrorKind::Start`].
    #[must_use]
    pub fn trap(&self) -> Option<Trap> {
        match self.kind() {
            ErrorKind::Trap(error) => Some(error.trap),
            ErrorKind::Start { source, .. } => source.trap(),
            _ => None,
        }
    }

    /// The exit code, if the module was closed; looks through [`ErrorKind::Start`].
    #[must_use]
    pub fn exit_code(&self) -> Option<u32> {
        match self.kind() {
            ErrorKind::Exit(error) => Some(error.code),
            ErrorKind::Start { source, .. } => source.exit_code(),
            _ => None,
        }
    }

    /// Where in the guest the error happened; looks through [`ErrorKind::Start`].
    #[must_use]
    pub fn backtrace(&self) -> Option<&Backtrace> {
        match self.kind() {
            ErrorKind::Trap(error) => Some(&error.backtrace),
            ErrorKind::Host(error) => error.backtrace.as_ref(),
            ErrorKind::Start { source, .. } => source.backtrace(),
            _ => None,
        }
    }

    /// The error of the host function that caused this, as its own type.
    pub fn downcast_host_ref<T: StdError + 'static>(&self) -> Option<&T> {
        match self.kind() {
            ErrorKind::Host(error) => error.source.downcast_ref(),
            ErrorKind::Start { source, .. } => source.downcast_host_ref(),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            ErrorKind::Module(error) => error.fmt(f),
            ErrorKind::Link(error) => error.fmt(f),
            ErrorKind::Trap(error) => error.fmt(f),
            ErrorKind::Exit(error) => error.fmt(f),
            ErrorKind::Host(error) => error.fmt(f),
            ErrorKind::Limit(message) | ErrorKind::Argument(message) => f.write_str(message),
            ErrorKind::Start { what, source } => write!(f, "{what} failed: {source}"),
            ErrorKind::System { what, source } => write!(f, "{what}: {source}"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self.kind() {
            ErrorKind::Host(error) => Some(&*error.source),
            ErrorKind::Start { source, .. } => Some(source),
            ErrorKind::System { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<Trap> for Error {
    #[cold]
    fn from(trap: Trap) -> Self {
        Self::new(ErrorKind::Trap(TrapError { trap, backtrace: Backtrace::default() }))
    }
}

impl From<ExitError> for Error {
    #[cold]
    fn from(error: ExitError) -> Self {
        Self::new(ErrorKind::Exit(error))
    }
}

impl From<LinkError> for Error {
    #[cold]
    fn from(error: LinkError) -> Self {
        Self::new(ErrorKind::Link(error))
    }
}

impl From<ModuleError> for Error {
    #[cold]
    fn from(error: ModuleError) -> Self {
        Self::new(ErrorKind::Module(error))
    }
}

/// Why a guest was stopped by itself (specification, section 4: "trap").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Trap {
    /// `unreachable` was executed.
    Unreachable = 1,
    /// A memory access left the memory.
    OutOfBoundsMemoryAccess,
    /// A table access left the table, or `call_indirect` met a null or absent entry.
    InvalidTableAccess,
    /// `call_indirect` met a function of another type.
    IndirectCallTypeMismatch,
    /// An integer was divided by zero.
    IntegerDivideByZero,
    /// An integer operation has no representable result.
    IntegerOverflow,
    /// NaN was converted to an integer.
    InvalidConversionToInteger,
    /// The guest's or the native stack is used up.
    StackOverflow,
    /// The configured fuel is used up.
    OutOfFuel,
    /// An atomic access was not aligned.
    UnalignedAtomic,
    /// An atomic wait met a memory that is not shared.
    ExpectedSharedMemory,
    /// Too many agents wait on one address.
    TooManyWaiters,
    /// An exception left the outermost function.
    UncaughtException,
    /// A null reference was used.
    NullReference,
}

impl Trap {
    /// Every trap, in order of discriminant from 1.
    pub const ALL: [Self; 14] = [
        Self::Unreachable,
        Self::OutOfBoundsMemoryAccess,
        Self::InvalidTableAccess,
        Self::IndirectCallTypeMismatch,
        Self::IntegerDivideByZero,
        Self::IntegerOverflow,
        Self::InvalidConversionToInteger,
        Self::StackOverflow,
        Self::OutOfFuel,
        Self::UnalignedAtomic,
        Self::ExpectedSharedMemory,
        Self::TooManyWaiters,
        Self::UncaughtException,
        Self::NullReference,
    ];

    /// The text, as in `wasm error: <text>`.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::OutOfBoundsMemoryAccess => "out of bounds memory access",
            Self::InvalidTableAccess => "invalid table access",
            Self::IndirectCallTypeMismatch => "indirect call type mismatch",
            Self::IntegerDivideByZero => "integer divide by zero",
            Self::IntegerOverflow => "integer overflow",
            Self::InvalidConversionToInteger => "invalid conversion to integer",
            Self::StackOverflow => "stack overflow",
            Self::OutOfFuel => "all fuel consumed",
            Self::UnalignedAtomic => "unaligned atomic",
            Self::ExpectedSharedMemory => "expected shared memory",
            Self::TooManyWaiters => "too many waiters",
            Self::UncaughtException => "uncaught exception",
            Self::NullReference => "null reference",
        }
    }

    /// The trap with this discriminant.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code).checked_sub(1)?).copied()
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

/// A trap and where it happened.
#[derive(Clone, Debug)]
pub struct TrapError {
    /// Why.
    pub trap: Trap,
    /// Where: innermost frame first.
    pub backtrace: Backtrace,
}

impl fmt::Display for TrapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wasm error: {}{}", self.trap, self.backtrace)
    }
}

/// An error that a host function returned, and where it was called.
#[derive(Debug)]
pub struct HostError {
    /// What the host function returned.
    pub source: Box<dyn StdError + Send + Sync>,
    /// The guest frames that called it, innermost first; set when the error leaves the guest.
    pub backtrace: Option<Backtrace>,
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)?;
        self.backtrace.as_ref().map_or(Ok(()), |backtrace| backtrace.fmt(f))
    }
}

/// A module was closed, by itself (`proc_exit`) or from outside, and the call ended with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExitError {
    /// The exit code.
    pub code: u32,
}

impl ExitError {
    /// The exit code of a module that was closed because its context was cancelled.
    pub const CONTEXT_CANCELED: u32 = 0xffff_ffff;
    /// The exit code of a module that was closed because its deadline passed.
    pub const DEADLINE_EXCEEDED: u32 = 0xefff_ffff;
}

impl fmt::Display for ExitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Self::CONTEXT_CANCELED => f.write_str("module closed with context canceled"),
            Self::DEADLINE_EXCEEDED => f.write_str("module closed with context deadline exceeded"),
            code => write!(f, "module closed with exit_code({code})"),
        }
    }
}

/// A module is malformed or invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleError {
    /// Whether the binary format is malformed, or a rule of validation is broken.
    pub malformed: bool,
    /// What is wrong.
    pub message: String,
    /// The byte offset in the module, where it is known.
    pub offset: Option<usize>,
}

impl fmt::Display for ModuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.offset.map_or(Ok(()), |offset| write!(f, " (at offset 0x{offset:x})"))
    }
}

/// Imports that cannot be satisfied: every one of them, not only the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkError {
    /// The imports that are missing or do not match, in the order of the import section.
    pub imports: Vec<ImportError>,
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, import) in self.imports.iter().enumerate() {
            if position > 0 {
                f.write_str("\n")?;
            }
            import.fmt(f)?;
        }
        Ok(())
    }
}

/// One import that cannot be satisfied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportError {
    /// The name of the module imported from.
    pub module: String,
    /// The name of the item.
    pub name: String,
    /// The kind that the import asks for.
    pub kind: crate::ExternType,
    /// Why it cannot be satisfied.
    pub problem: ImportProblem,
}

/// Why an import cannot be satisfied.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImportProblem {
    /// No module of that name is instantiated.
    NoModule,
    /// The module exports nothing under that name.
    NoExport,
    /// The export is of another kind.
    Kind {
        /// The kind of the export.
        given: crate::ExternType,
    },
    /// The export, a table or memory, is smaller than the import asks for.
    Minimum {
        /// What the import asks for, in elements or pages.
        expected: u64,
        /// What the export has.
        given: u64,
    },
    /// The export, a table or memory, may grow beyond what the import allows.
    Maximum {
        /// What the import allows, in elements or pages.
        expected: u64,
        /// The maximum of the export, if it has one.
        given: Option<u64>,
    },
    /// The export is of another type; both as text.
    Type {
        /// What differs, for example `signature mismatch`.
        what: String,
        /// What the import asks for.
        expected: String,
        /// What the export is.
        given: String,
    },
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { module, name, kind, problem } = self;
        match problem {
            ImportProblem::NoModule => write!(f, "module[{module}] not instantiated"),
            ImportProblem::NoExport => write!(f, "\"{name}\" is not exported in module \"{module}\""),
            ImportProblem::Kind { given } => write!(
                f,
                "import {kind}[{module}.{name}]: export \"{name}\" in module \"{module}\" is a {given}, not a {kind}"
            ),
            ImportProblem::Minimum { expected, given } => {
                write!(f, "import {kind}[{module}.{name}]: minimum size mismatch: {expected} > {given}")
            }
            ImportProblem::Maximum { expected, given: Some(given) } => {
                write!(f, "import {kind}[{module}.{name}]: maximum size mismatch: {expected} < {given}")
            }
            ImportProblem::Maximum { expected, given: None } => write!(
                f,
                "import {kind}[{module}.{name}]: maximum size mismatch: {expected}, but actual has no max"
            ),
            ImportProblem::Type { what, expected, given } => {
                write!(f, "import {kind}[{module}.{name}]: {what}: {expected} != {given}")
            }
        }
    }
}

const _: () = assert!(size_of::<Error>() == size_of::<usize>());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_texts_are_wazeros() {
        for (code, text) in [
            (3, "module closed with exit_code(3)"),
            (0xffff_ffff, "module closed with context canceled"),
            (0xefff_ffff, "module closed with context deadline exceeded"),
        ] {
            assert_eq!(ExitError { code }.to_string(), text);
        }
    }

    #[test]
    fn traps_know_their_codes() {
        for trap in Trap::ALL {
            assert_eq!(Trap::from_code(trap as u8), Some(trap));
        }
        assert_eq!(Trap::from_code(0), None);
        assert_eq!(Trap::from_code(Trap::ALL.len() as u8 + 1), None);
    }
}
