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

/// What functions are assembled into: with labels by number, and constants that come after the code.
#[derive(Debug)]
pub struct FunctionAssembler {
    /// The code.
    pub ops: Assembler,
    /// The constants, and the label of each.
    constants: Vec<(u128, dynasmrt::DynamicLabel)>,
    labels: Vec<dynasmrt::DynamicLabel>,
}

impl Default for FunctionAssembler {
    fn default() -> Self {
        Self { ops: new(), constants: Vec::new(), labels: Vec::new() }
    }
}

impl FunctionAssembler {
    /// The label of a constant of 16 bytes, 16-byte aligned, after the code: `[=>label]`.
    pub fn constant(&mut self, bits: u128) -> dynasmrt::DynamicLabel {
        if let Some((_, label)) = self.constants.iter().find(|(known, _)| *known == bits) {
            return *label;
        }
        let label = self.ops.new_dynamic_label();
        self.constants.push((bits, label));
        label
    }
}

impl wz_jit::mach::Assembler for FunctionAssembler {
    fn offset(&self) -> u32 {
        len_bytes(&self.ops)
    }

    fn new_label(&mut self) -> wz_jit::mach::Label {
        self.labels.push(self.ops.new_dynamic_label());
        wz_jit::mach::Label(self.labels.len() as u32 - 1)
    }

    fn bind(&mut self, label: wz_jit::mach::Label) {
        use dynasmrt::DynasmLabelApi as _;
        self.ops.dynamic_label(self.labels[label.0 as usize]);
    }
}
