//! [`Assembler`]: what code is assembled into. Nothing assembled here can fail to be finished:
//! labels are local and bound.

use dynasmrt::{DynasmApi, VecAssembler, x64::X64Relocation};

/// An assembler for x86-64.
pub type Assembler = VecAssembler<X64Relocation>;

/// An empty assembler.
pub(crate) fn new() -> Assembler {
    VecAssembler::new(0)
}

/// How many bytes have been assembled.
pub(crate) fn len_bytes(ops: &Assembler) -> u32 {
    ops.offset().0 as u32
}

/// The bytes.
pub(crate) fn finish(ops: Assembler) -> Vec<u8> {
    ops.finalize().expect("every label is bound and within reach")
}
