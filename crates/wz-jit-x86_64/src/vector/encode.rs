//! From an [`Opcode`] with operands to bytes.

use dynasmrt::DynamicLabel;

use crate::assembler::Assembler;
use crate::encode::{Bytes, Place as Operand, high_bits};

use super::opcode::{IMM, Opcode, VEX, WIDE};

/// The operand of an instruction that may be in a register or in memory.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// A register or memory.
    Operand(Operand),
    /// Where a label is.
    Label(DynamicLabel),
}

impl Place {
    /// A register by its number.
    pub(super) const fn register(number: u8) -> Self {
        Self::Operand(Operand::Reg(number))
    }
}

/// Encodes an instruction. `reg` is the operand that cannot be in memory, `other` the one that only
/// VEX forms have, 0 if this one has none. `imm` counts if the opcode has one.
pub(super) fn encode(
    ops: &mut Assembler,
    vex: bool,
    opcode: Opcode,
    reg: u8,
    other: u8,
    place: Place,
    imm: u8,
) {
    let encoding = opcode.encoding();
    debug_assert!(vex || !encoding.has(VEX), "{opcode:?} needs AVX");
    let mut bytes = Bytes::new();
    let (index_high, base_high) = match place {
        Place::Operand(operand) => high_bits(operand),
        Place::Label(_) => (0, 0),
    };
    let (reg_high, wide) = (reg >> 3, u8::from(encoding.has(WIDE)));
    if vex {
        let last = (!other & 15) << 3 | encoding.prefix;
        if encoding.map == 1 && wide | index_high | base_high == 0 {
            bytes.push(0xc5);
            bytes.push((reg_high ^ 1) << 7 | last);
        } else {
            bytes.push(0xc4);
            bytes.push((reg_high ^ 1) << 7 | (index_high ^ 1) << 6 | (base_high ^ 1) << 5 | encoding.map);
            bytes.push(wide << 7 | last);
        }
    } else {
        if encoding.prefix != 0 {
            bytes.push([0x66, 0xf3, 0xf2][usize::from(encoding.prefix) - 1]);
        }
        let rex = wide << 3 | reg_high << 2 | index_high << 1 | base_high;
        if rex != 0 {
            bytes.push(0x40 | rex);
        }
        bytes.push(0x0f);
        match encoding.map {
            1 => {}
            2 => bytes.push(0x38),
            _ => bytes.push(0x3a),
        }
    }
    bytes.push(encoding.byte);
    let has_imm = encoding.has(IMM);
    match place {
        Place::Operand(operand) => {
            bytes.operands(reg, operand);
            if has_imm {
                bytes.push(imm);
            }
            ops.put(bytes.as_slice());
        }
        Place::Label(label) => {
            // A distance from the end of the instruction.
            bytes.push((reg & 7) << 3 | 5);
            ops.put(bytes.as_slice());
            ops.put_distance(label.get_id() as u32, has_imm.into());
            if has_imm {
                ops.put(&[imm]);
            }
        }
    }
}
