//! [`Target`]: what compiling modules needs of an instruction set, and [`CodeOptions`]: what the
//! code of a body depends on apart from its function.

use std::fmt;
use std::sync::Arc;

use wz_decode::ModuleInfo;

use crate::mach::Isa;
use crate::runtime::stubs::StubAssembler;

/// What the code of a body depends on apart from its function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CodeOptions {
    /// Memory accesses are checked by code, not by guard pages.
    pub explicit_checks: bool,
    /// NaNs are canonical, and relaxed operators give the results of `wz_core::numeric`.
    pub deterministic: bool,
    /// The body tells listeners itself, by the builtins `Listen*`.
    pub listened: bool,
}

/// An instruction set that modules are compiled for.
pub trait Target: Send + Sync + fmt::Debug + 'static {
    /// The instruction set, over the functions of one module.
    type Isa: Isa<Inst: Send> + Send;

    /// The instruction set for bodies of a module. Made once for many functions.
    fn isa(&self, info: &Arc<ModuleInfo>, options: CodeOptions) -> Self::Isa;

    /// An empty assembler.
    fn assembler(&self) -> <Self::Isa as Isa>::Assembler;

    /// The bytes that were assembled.
    fn finish(&self, assembler: <Self::Isa as Isa>::Assembler) -> Vec<u8>;

    /// Assembles stubs.
    fn stubs(&self) -> &'static dyn StubAssembler;

    /// The instruction set and the features of the processor that are used, as text: code for one
    /// is not code for another.
    fn fingerprint(&self) -> String;
}
