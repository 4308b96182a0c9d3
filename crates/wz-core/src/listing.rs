//! [`CodeListing`]: an engine's code of one function, for people.

/// An engine's code of one function, in order of addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeListing {
    /// What code it is: `bytecode`, `x86-64`.
    pub language: &'static str,
    /// What there is to know of the whole, for example how long a frame is.
    pub summary: String,
    /// The instructions.
    pub lines: Vec<CodeLine>,
}

/// An instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeLine {
    /// Where it is, counted from the start of the function's code.
    pub address: u64,
    /// The operator it comes from: its offset in the body of the Code section. None for what
    /// belongs to no operator.
    pub code_offset: Option<u32>,
    /// Whether branches lead here.
    pub is_target: bool,
    /// Its bytes, if it is machine code.
    pub bytes: Vec<u8>,
    /// Its name and operands.
    pub text: String,
}
