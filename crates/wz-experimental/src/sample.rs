//! What walks over interrupted stacks give: [`SampledFrame`]. Frames are numbers, because signal
//! handlers can do little more than copy; [`code_id`] says of which module they are.

use std::fmt;

use wz_api::{Module, Result};

use crate::hooks::hooks;

/// Which compiled module, or host module, a function is of. Instances of one compiled module have
/// it in common. No two of a process are the same, not even one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CodeId(#[doc(hidden)] pub u64);

/// A function on the stack of a thread that was interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SampledFrame {
    /// Which module's function it is.
    pub code: CodeId,
    /// The function's index in that module, imports included.
    pub function: u32,
    /// Where in the body of the Code section it is: the operator that is executed, or the call of
    /// the next inner function. 0 for functions of the host.
    pub code_offset: u32,
}

/// A stack cannot be walked from where the thread is: its frames are just being made or taken down,
/// or the engine does not know where they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unwalkable;

impl fmt::Display for Unwalkable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the stack cannot be walked from here")
    }
}

impl std::error::Error for Unwalkable {}

/// What [`SampledFrame::code`] is for the functions of a module.
///
/// # Errors
/// If the module is not a runtime's.
pub fn code_id(module: &Module) -> Result<CodeId> {
    Ok(hooks(module)?.0.code_id())
}
