//! From an [`Opcode`] with operands to bytes.

use dynasmrt::relocations::{Relocation as _, RelocationKind, RelocationSize};
use dynasmrt::x64::X64Relocation;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi};

use crate::address::{Address, Base};
use crate::assembler::Assembler;

use super::opcode::{IMM, Opcode, VEX, WIDE};

/// The operand of an instruction that may be in a register or in memory.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// A register by its number.
    Register(u8),
    /// Memory, by allocated registers.
    Memory(Address),
    /// Where a label is.
    Label(DynamicLabel),
}

/// A memory operand's base, index and offset.
fn parts(address: &Address) -> (u8, Option<u8>, i32) {
    let base = match address.base {
        Base::Reg(reg) => reg.preg().hw_enc() as u8,
        Base::Pinned(register) => register,
    };
    (base, address.index.map(|index| index.preg().hw_enc() as u8), address.offset)
}

/// Encodes an instruction. `reg` is the operand that cannot be in memory, `other` the one that only
/// VEX forms have, 0 if this one has none. `imm` counts if the opcode has one.
pub(super) fn encode(
    ops: &mut Assembler,
    vex: bool,
    opcode: Opcode,
    reg: u8,
    other: u8,
    place: &Place,
    imm: u8,
) {
    let encoding = opcode.encoding();
    debug_assert!(vex || !encoding.has(VEX), "{opcode:?} needs AVX");
    let high = |register: u8| register >> 3;
    let (index_high, base_high) = match place {
        Place::Register(register) => (0, high(*register)),
        Place::Memory(address) => {
            let (base, index, _) = parts(address);
            (index.map_or(0, high), high(base))
        }
        Place::Label(_) => (0, 0),
    };
    let wide = u8::from(encoding.has(WIDE));
    if vex {
        let last = (!other & 15) << 3 | encoding.prefix;
        if encoding.map == 1 && wide | index_high | base_high == 0 {
            ops.extend([0xc5, (high(reg) ^ 1) << 7 | last]);
        } else {
            let second = (high(reg) ^ 1) << 7 | (index_high ^ 1) << 6 | (base_high ^ 1) << 5 | encoding.map;
            ops.extend([0xc4, second, wide << 7 | last]);
        }
    } else {
        if encoding.prefix != 0 {
            ops.push([0x66, 0xf3, 0xf2][usize::from(encoding.prefix) - 1]);
        }
        let rex = 0x40 | wide << 3 | high(reg) << 2 | index_high << 1 | base_high;
        if rex != 0x40 {
            ops.push(rex);
        }
        match encoding.map {
            1 => ops.push(0x0f),
            2 => ops.extend([0x0f, 0x38]),
            _ => ops.extend([0x0f, 0x3a]),
        }
    }
    ops.push(encoding.byte);
    let field = (reg & 7) << 3;
    match place {
        Place::Register(register) => ops.push(0xc0 | field | register & 7),
        Place::Memory(address) => encode_address(ops, field, address),
        Place::Label(_) => {
            ops.push(field | 5);
            ops.push_i32(0);
        }
    }
    let has_imm = encoding.has(IMM);
    if has_imm {
        ops.push(imm);
    }
    if let Place::Label(label) = place {
        let kind = X64Relocation::from_size(RelocationKind::Relative, RelocationSize::DWord);
        ops.dynamic_relocation(*label, 0, 4 + u8::from(has_imm), 0, kind);
    }
}

/// The ModRM byte of a memory operand, and what follows it.
fn encode_address(ops: &mut Assembler, field: u8, address: &Address) {
    let (base, index, offset) = parts(address);
    let short = i8::try_from(offset);
    // 5 without an offset means something else.
    let mode = match short {
        Ok(0) if base & 7 != 5 => 0,
        Ok(_) => 0x40,
        Err(_) => 0x80,
    };
    // 4 as a base means that there is a byte for the index.
    if index.is_some() || base & 7 == 4 {
        let index = index.unwrap_or(4);
        ops.extend([mode | field | 4, address.scale_log2 << 6 | (index & 7) << 3 | base & 7]);
    } else {
        ops.push(mode | field | base & 7);
    }
    match (mode, short) {
        (0x40, Ok(offset)) => ops.push_i8(offset),
        (0x80, _) => ops.push_i32(offset),
        _ => {}
    }
}
