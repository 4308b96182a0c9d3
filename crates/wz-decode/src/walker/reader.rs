//! [`Reader`]: reads operators and immediates of a validated body. What validation has
//! established is not checked again; the end of the body is, because slices check it.

use wz_api::ValueType;

use super::invalid;
use crate::builder::MemArg;
use crate::opcode::{MISC, Opcode, PLAIN, VECTOR};

/// A place in a body.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

/// What a construct is annotated with.
pub(crate) enum BlockType {
    Empty,
    Result(ValueType),
    Index(u32),
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// The offset of the next byte.
    #[inline]
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    #[inline]
    pub(crate) fn byte(&mut self) -> u8 {
        let byte = self.bytes[self.position];
        self.position += 1;
        byte
    }

    fn bytes<const LEN: usize>(&mut self) -> [u8; LEN] {
        let Some(bytes) = self.bytes[self.position..].first_chunk() else { invalid() };
        self.position += LEN;
        *bytes
    }

    /// The next operator, without its immediates.
    #[inline]
    pub(crate) fn opcode(&mut self) -> Opcode {
        match PLAIN[usize::from(self.byte())] {
            Opcode::PrefixMisc => Opcode::after(&MISC, self.u32()),
            Opcode::PrefixVector => Opcode::after(&VECTOR, self.u32()),
            opcode => opcode,
        }
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> u32 {
        let byte = self.byte();
        if byte < 0x80 { u32::from(byte) } else { self.unsigned(byte) as u32 }
    }

    #[inline]
    pub(crate) fn u64(&mut self) -> u64 {
        let byte = self.byte();
        if byte < 0x80 { u64::from(byte) } else { self.unsigned(byte) }
    }

    /// The rest of an unsigned LEB128 number after its first byte.
    fn unsigned(&mut self, first: u8) -> u64 {
        let mut value = u64::from(first & 0x7f);
        let mut shift = 7;
        loop {
            let byte = self.byte();
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return value;
            }
            shift += 7;
        }
    }

    #[inline]
    pub(crate) fn i32(&mut self) -> i32 {
        self.i64() as i32
    }

    #[inline]
    pub(crate) fn i64(&mut self) -> i64 {
        let byte = self.byte();
        // The sign is bit 6.
        if byte < 0x80 { i64::from((byte << 1) as i8 >> 1) } else { self.signed(byte) }
    }

    /// The rest of a signed LEB128 number after its first byte.
    fn signed(&mut self, first: u8) -> i64 {
        let mut value = i64::from(first & 0x7f);
        let mut shift = 7;
        loop {
            let byte = self.byte();
            value |= i64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                let unused = 64_u32.saturating_sub(shift);
                return value << unused >> unused;
            }
        }
    }

    pub(crate) fn f32(&mut self) -> u32 {
        u32::from_le_bytes(self.bytes())
    }

    pub(crate) fn f64(&mut self) -> u64 {
        u64::from_le_bytes(self.bytes())
    }

    pub(crate) fn v128(&mut self) -> u128 {
        u128::from_le_bytes(self.bytes())
    }

    pub(crate) fn lanes(&mut self) -> [u8; 16] {
        self.bytes()
    }

    #[inline]
    pub(crate) fn mem_arg(&mut self) -> MemArg {
        let flags = self.u32();
        // Bit 6 says that a memory's index follows.
        let memory = if flags & 0x40 == 0 { 0 } else { self.u32() };
        MemArg { memory, offset: self.u64(), align: (flags & 0x3f) as u8 }
    }

    pub(crate) fn value_type(&mut self) -> ValueType {
        let byte = match self.byte() {
            // The long form of a nullable reference: its heap type follows.
            0x63 => self.byte(),
            byte => byte,
        };
        let Some(ty) = ValueType::from_byte(byte) else { invalid() };
        ty
    }

    #[inline]
    pub(crate) fn block_type(&mut self) -> BlockType {
        match self.bytes[self.position] {
            0x40 => {
                self.position += 1;
                BlockType::Empty
            }
            // A negative number of one byte is a value type, what else is an index.
            0x41..=0x7f => BlockType::Result(self.value_type()),
            _ => BlockType::Index(self.i64() as u32),
        }
    }

    /// Reads over the immediates of an operator.
    pub(crate) fn skip_immediates(&mut self, opcode: Opcode) {
        match opcode {
            Opcode::Block | Opcode::Loop | Opcode::If => {
                self.block_type();
            }
            Opcode::Br
            | Opcode::BrIf
            | Opcode::Call
            | Opcode::ReturnCall
            | Opcode::LocalGet
            | Opcode::LocalSet
            | Opcode::LocalTee
            | Opcode::GlobalGet
            | Opcode::GlobalSet
            | Opcode::TableGet
            | Opcode::TableSet
            | Opcode::MemorySize
            | Opcode::MemoryGrow
            | Opcode::MemoryFill
            | Opcode::RefFunc
            | Opcode::DataDrop
            | Opcode::ElemDrop
            | Opcode::TableGrow
            | Opcode::TableSize
            | Opcode::TableFill => {
                self.u32();
            }
            Opcode::CallIndirect
            | Opcode::ReturnCallIndirect
            | Opcode::MemoryInit
            | Opcode::MemoryCopy
            | Opcode::TableInit
            | Opcode::TableCopy => {
                self.u32();
                self.u32();
            }
            Opcode::BrTable => {
                for _ in 0..=self.u32() {
                    self.u32();
                }
            }
            Opcode::SelectTyped => {
                for _ in 0..self.u32() {
                    self.value_type();
                }
            }
            Opcode::I32Const | Opcode::I64Const => {
                self.i64();
            }
            Opcode::RefNull | Opcode::ExtractLane(_) | Opcode::ReplaceLane(_) => self.position += 1,
            Opcode::F32Const => self.position += 4,
            Opcode::F64Const => self.position += 8,
            Opcode::V128Const | Opcode::Shuffle => self.position += 16,
            Opcode::Load(_) | Opcode::Store(_) => {
                self.mem_arg();
            }
            Opcode::LoadLane(_) | Opcode::StoreLane(_) => {
                self.mem_arg();
                self.position += 1;
            }
            Opcode::Unreachable
            | Opcode::Nop
            | Opcode::Else
            | Opcode::End
            | Opcode::Return
            | Opcode::Drop
            | Opcode::Select
            | Opcode::RefIsNull
            | Opcode::Unary(_)
            | Opcode::Binary(_)
            | Opcode::Ternary(_) => {}
            Opcode::Unknown | Opcode::PrefixMisc | Opcode::PrefixVector => invalid(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let mut reader = Reader::new(&[0x7f, 0x80, 0x7f, 0xff, 0xff, 0xff, 0xff, 0x07, 0x40, 0x3f]);
        assert_eq!((reader.i32(), reader.i32(), reader.i32()), (-1, -128, i32::MAX));
        assert_eq!((reader.i64(), reader.i64()), (-64, 63));
        let mut reader = Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0x80, 0x80, 0x80, 0x80, 0x78]);
        assert_eq!((reader.u32(), reader.i32()), (u32::MAX, i32::MIN));
        let min = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f];
        assert_eq!(Reader::new(&min).i64(), i64::MIN);
        let max = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(Reader::new(&max).u64(), u64::MAX);
    }
}
