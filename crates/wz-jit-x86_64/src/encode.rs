//! The encoder of instructions over general-purpose registers. It takes the shortest form of each
//! operand: no prefix, index byte or displacement that says nothing.

use dynasmrt::DynamicLabel;
use wz_jit::mach::Reg;

use crate::address::{Address, Base};
use crate::assembler::Assembler;
use crate::condition::Cc;

/// An operand, allocated: a register or memory.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// A register by its number.
    Reg(u8),
    /// `[base + index * 2^scale_log2 + offset]`
    Memory { base: u8, index: Option<u8>, scale_log2: u8, offset: i32 },
}

impl Place {
    /// `[base + offset]`
    pub(crate) const fn at(base: u8, offset: i32) -> Self {
        Self::Memory { base, index: None, scale_log2: 0, offset }
    }
}

impl From<&Address> for Place {
    /// With registers that are allocated.
    fn from(address: &Address) -> Self {
        let number = |reg: Reg| reg.preg().hw_enc() as u8;
        let base = match address.base {
            Base::Reg(reg) => number(reg),
            Base::Pinned(register) => register,
        };
        let Address { scale_log2, offset, .. } = *address;
        Self::Memory { base, index: address.index.map(number), scale_log2, offset }
    }
}

/// An opcode: its byte, the map that it is in and the prefix that belongs to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opcode {
    byte: u8,
    map: u8,
    prefix: u8,
    /// Whether the register that is the ModRM operand is one of a byte.
    is_byte: bool,
}

impl Opcode {
    /// One byte.
    pub(crate) const fn one(byte: u8) -> Self {
        Self { byte, map: 0, prefix: 0, is_byte: false }
    }

    /// After `0f`.
    pub(crate) const fn two(byte: u8) -> Self {
        Self { byte, map: 1, prefix: 0, is_byte: false }
    }

    /// With the prefix `f3`.
    pub(crate) const fn f3(self) -> Self {
        Self { prefix: 0xf3, ..self }
    }

    /// With a register of a byte as the ModRM operand.
    pub(crate) const fn byte(self) -> Self {
        Self { is_byte: true, ..self }
    }
}

/// A short jump whose target is not known yet.
#[derive(Debug)]
#[must_use]
pub(crate) struct Skip {
    /// The end of the instruction.
    from: u32,
}

/// The number of a register of which all instructions without a prefix know.
const fn low(register: u8) -> u8 {
    register & 7
}

const fn high(register: u8) -> u8 {
    register >> 3
}

/// The bytes of an instruction while it is put together.
pub(crate) struct Bytes {
    bytes: [u8; 16],
    len: usize,
}

impl Bytes {
    #[inline]
    pub(crate) fn new() -> Self {
        Self { bytes: [0; 16], len: 0 }
    }

    #[inline]
    pub(crate) fn push(&mut self, byte: u8) {
        self.bytes[self.len & 15] = byte;
        self.len += 1;
    }

    #[inline]
    fn push_i32(&mut self, value: i32) {
        for byte in value.to_le_bytes() {
            self.push(byte);
        }
    }

    /// What there is.
    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len & 15]
    }

    /// The operands of an instruction: ModRM, index byte and displacement.
    #[inline]
    pub(crate) fn operands(&mut self, reg: u8, rm: Place) {
        let reg = low(reg) << 3;
        let (base, index, scale_log2, offset) = match rm {
            Place::Reg(rm) => return self.push(0xc0 | reg | low(rm)),
            Place::Memory { base, index, scale_log2, offset } => (base, index, scale_log2, offset),
        };
        // A base of 5 without displacement means something else, and so does one of 4 without an
        // index byte.
        let (mode, short) = match i8::try_from(offset) {
            Ok(0) if low(base) != 5 => (0, None),
            Ok(short) => (0x40, Some(short)),
            Err(_) => (0x80, None),
        };
        match index {
            None if low(base) != 4 => self.push(mode | reg | low(base)),
            None => {
                self.push(mode | reg | 4);
                self.push(0x20 | low(base));
            }
            Some(index) => {
                debug_assert!(index != 4, "the stack pointer cannot be an index");
                self.push(mode | reg | 4);
                self.push(scale_log2 << 6 | low(index) << 3 | low(base));
            }
        }
        match (mode, short) {
            (0x40, Some(short)) => self.push(short.to_le_bytes()[0]),
            (0x80, _) => self.push_i32(offset),
            _ => {}
        }
    }
}

/// The bits of prefixes for the index and the base.
pub(crate) fn high_bits(rm: Place) -> (u8, u8) {
    match rm {
        Place::Reg(rm) => (0, high(rm)),
        Place::Memory { base, index, .. } => (index.map_or(0, high), high(base)),
    }
}

impl Assembler {
    /// An instruction with a register or a digit, and a register or memory.
    #[inline]
    pub(crate) fn op(&mut self, wide: bool, opcode: Opcode, reg: u8, rm: Place) {
        let mut bytes = Bytes::new();
        if opcode.prefix != 0 {
            bytes.push(opcode.prefix);
        }
        let (x, b) = high_bits(rm);
        let rex = u8::from(wide) << 3 | high(reg) << 2 | x << 1 | b;
        let is_new_byte = opcode.is_byte && matches!(rm, Place::Reg(4..));
        if rex != 0 || is_new_byte {
            bytes.push(0x40 | rex);
        }
        if opcode.map == 1 {
            bytes.push(0x0f);
        }
        bytes.push(opcode.byte);
        bytes.operands(reg, rm);
        self.put(bytes.as_slice());
    }

    /// An instruction of the BMI extensions, with three operands: `prefix` is 0 for none, 1 for
    /// `66`, 2 for `f3`, 3 for `f2`; `map` is 2 for `0f 38`, 3 for `0f 3a`.
    pub(crate) fn op_vex(
        &mut self,
        wide: bool,
        (prefix, map, opcode): (u8, u8, u8),
        reg: u8,
        second: u8,
        rm: Place,
    ) {
        let mut bytes = Bytes::new();
        let (x, b) = high_bits(rm);
        bytes.push(0xc4);
        bytes.push((high(reg) ^ 1) << 7 | (x ^ 1) << 6 | (b ^ 1) << 5 | map);
        bytes.push(u8::from(wide) << 7 | (!second & 15) << 3 | prefix);
        bytes.push(opcode);
        bytes.operands(reg, rm);
        self.put(bytes.as_slice());
    }

    /// An instruction whose register is in the opcode.
    pub(crate) fn op_short(&mut self, wide: bool, opcode: u8, reg: u8) {
        let rex = u8::from(wide) << 3 | high(reg);
        if rex != 0 {
            self.put(&[0x40 | rex]);
        }
        self.put(&[opcode | low(reg)]);
    }

    /// Eight bits.
    pub(crate) fn put_i8(&mut self, value: i8) {
        self.put(&value.to_le_bytes());
    }

    /// 32 bits.
    pub(crate) fn put_i32(&mut self, value: i32) {
        self.put(&value.to_le_bytes());
    }

    /// Puts a constant into a register. Leaves the flags alone only if it is not 0.
    pub(crate) fn mov_constant(&mut self, to: u8, bits: u64) {
        if bits == 0 {
            self.op(false, Opcode::one(0x31), to, Place::Reg(to));
        } else if let Ok(short) = u32::try_from(bits) {
            self.op_short(false, 0xb8, to);
            self.put(&short.to_le_bytes());
        } else if let Ok(short) = i32::try_from(bits.cast_signed()) {
            self.op(true, Opcode::one(0xc7), 0, Place::Reg(to));
            self.put_i32(short);
        } else {
            self.op_short(true, 0xb8, to);
            self.put(&bits.to_le_bytes());
        }
    }

    /// One of the eight operators `add or adc sbb and sub xor cmp`, by its number, with a constant
    /// on the right.
    pub(crate) fn arithmetic(&mut self, wide: bool, number: u8, left: Place, right: i32) {
        if let Ok(short) = i8::try_from(right) {
            self.op(wide, Opcode::one(0x83), number, left);
            self.put_i8(short);
        } else if let Place::Reg(0) = left {
            self.op_short(wide, number << 3 | 5, 0);
            self.put_i32(right);
        } else {
            self.op(wide, Opcode::one(0x81), number, left);
            self.put_i32(right);
        }
    }

    /// `jmp`
    pub(crate) fn jump(&mut self, target: DynamicLabel) {
        match self.short_distance(target) {
            Some(distance) => {
                self.put(&[0xeb]);
                self.put_short_distance(target.get_id() as u32, distance);
            }
            None => {
                self.put(&[0xe9]);
                self.put_distance(target.get_id() as u32, 0);
            }
        }
    }

    /// `jcc`
    pub(crate) fn jump_if(&mut self, code: Cc, target: DynamicLabel) {
        match self.short_distance(target) {
            Some(distance) => {
                self.put(&[0x70 | code as u8]);
                self.put_short_distance(target.get_id() as u32, distance);
            }
            None => {
                self.put(&[0x0f, 0x80 | code as u8]);
                self.put_distance(target.get_id() as u32, 0);
            }
        }
    }

    /// A short jump forward over what comes up to [`end_skip`](Self::end_skip), if a code holds.
    pub(crate) fn skip_if(&mut self, code: Cc) -> Skip {
        self.put(&[0x70 | code as u8, 0]);
        Skip { from: crate::assembler::len_bytes(self) }
    }

    /// The same without a condition.
    pub(crate) fn skip(&mut self) -> Skip {
        self.put(&[0xeb, 0]);
        Skip { from: crate::assembler::len_bytes(self) }
    }

    /// Where a short jump leads.
    pub(crate) fn end_skip(&mut self, skip: Skip) {
        self.set_short_distance(skip.from);
    }

    /// The distance of a label that is bound from the end of a short jump.
    fn short_distance(&self, target: DynamicLabel) -> Option<i8> {
        let position = self.position(target.get_id() as u32)?;
        let end = crate::assembler::len_bytes(self) + 2;
        i8::try_from(i64::from(position) - i64::from(end)).ok()
    }

    /// Instructions without effect, this many bytes.
    pub(crate) fn nops(&mut self, mut len: usize) {
        const NOPS: [&[u8]; 9] = [
            &[0x90],
            &[0x66, 0x90],
            &[0x0f, 0x1f, 0],
            &[0x0f, 0x1f, 0x40, 0],
            &[0x0f, 0x1f, 0x44, 0, 0],
            &[0x66, 0x0f, 0x1f, 0x44, 0, 0],
            &[0x0f, 0x1f, 0x80, 0, 0, 0, 0],
            &[0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0],
            &[0x66, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0],
        ];
        while len > 0 {
            let nop = NOPS[len.min(NOPS.len()) - 1];
            self.put(nop);
            len -= nop.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use iced_x86::{Decoder, DecoderOptions, Formatter, Instruction, IntelFormatter};

    use super::*;
    use crate::assembler;

    const QUADS: [&str; 16] = [
        "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
        "r14", "r15",
    ];
    const DOUBLES: [&str; 16] = [
        "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "r8d", "r9d", "r10d", "r11d", "r12d", "r13d",
        "r14d", "r15d",
    ];
    const BYTES: [&str; 16] = [
        "al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil", "r8b", "r9b", "r10b", "r11b", "r12b", "r13b",
        "r14b", "r15b",
    ];

    /// What a disassembler makes of the only instruction.
    fn text(assemble: impl FnOnce(&mut Assembler)) -> String {
        let mut ops = assembler::new();
        assemble(&mut ops);
        let code = assembler::finish(ops);
        let mut instruction = Instruction::default();
        Decoder::new(64, &code, DecoderOptions::NONE).decode_out(&mut instruction);
        assert_eq!(instruction.len(), code.len(), "{code:x?} is one instruction");
        let mut text = String::new();
        IntelFormatter::new().format(&instruction, &mut text);
        text
    }

    fn name(wide: bool, register: u8) -> &'static str {
        let names = if wide { QUADS } else { DOUBLES };
        names[usize::from(register)]
    }

    /// Memory operands of every form, as the disassembler writes them.
    fn places() -> Vec<(Place, String)> {
        let mut places = Vec::new();
        for base in 0..16_u8 {
            for index in [None, Some(0), Some(3), Some(5), Some(11), Some(12), Some(13)] {
                for (offset, tail) in
                    [(0, ""), (1, "+1"), (-128, "-80h"), (128, "+80h"), (i32::MIN, "-80000000h")]
                {
                    let scale_log2 = base % 4;
                    let mut text = format!("[{}", QUADS[usize::from(base)]);
                    if let Some(index) = index {
                        text += "+";
                        text += QUADS[usize::from(index)];
                        if scale_log2 > 0 {
                            text += &format!("*{}", 1 << scale_log2);
                        }
                    }
                    text += tail;
                    text += "]";
                    places.push((Place::Memory { base, index, scale_log2, offset }, text));
                }
            }
        }
        places
    }

    #[test]
    fn operands_of_every_form() {
        for wide in [false, true] {
            for register in 0..16 {
                for other in 0..16 {
                    let (a, b) = (name(wide, register), name(wide, other));
                    let add = text(|ops| ops.op(wide, Opcode::one(0x03), register, Place::Reg(other)));
                    assert_eq!(add, format!("add {a},{b}"));
                    let byte = BYTES[usize::from(other)];
                    let extend =
                        text(|ops| ops.op(wide, Opcode::two(0xb6).byte(), register, Place::Reg(other)));
                    assert_eq!(extend, format!("movzx {a},{byte}"));
                    let count = text(|ops| ops.op(wide, Opcode::two(0xb8).f3(), register, Place::Reg(other)));
                    assert_eq!(count, format!("popcnt {a},{b}"));
                }
                for (place, memory) in places() {
                    let a = name(wide, register);
                    let add = text(|ops| ops.op(wide, Opcode::one(0x03), register, place));
                    assert_eq!(add, format!("add {a},{memory}"));
                    let shift = text(|ops| ops.op_vex(wide, (1, 2, 0xf7), register, 9, place));
                    assert_eq!(shift, format!("shlx {a},{memory},{}", name(wide, 9)));
                }
            }
        }
    }

    #[test]
    fn constants() {
        for register in 0..16 {
            let set = |bits| text(|ops| ops.mov_constant(register, bits));
            let (wide, narrow) = (name(true, register), name(false, register));
            assert_eq!(set(0), format!("xor {narrow},{narrow}"));
            assert_eq!(set(9), format!("mov {narrow},9"));
            assert_eq!(set(0xffff_ffff), format!("mov {narrow},0FFFFFFFFh"));
            assert_eq!(set(u64::MAX - 1), format!("mov {wide},0FFFFFFFFFFFFFFFEh"));
            assert_eq!(set(0x1_2345_6789), format!("mov {wide},123456789h"));
            for (number, operator) in
                ["add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"].iter().enumerate()
            {
                for (right, shown) in [(5, "5"), (127, "7Fh"), (128, "80h"), (0x12345, "12345h")] {
                    let place = Place::Reg(register);
                    let with = text(|ops| ops.arithmetic(false, number as u8, place, right));
                    assert_eq!(with, format!("{operator} {narrow},{shown}"));
                    let with = text(|ops| ops.arithmetic(true, number as u8, place, right));
                    assert_eq!(with, format!("{operator} {wide},{shown}"));
                }
            }
        }
    }

    #[test]
    fn nops_fill() {
        for len in 0..40 {
            let mut ops = assembler::new();
            ops.nops(len);
            let code = assembler::finish(ops);
            assert_eq!(code.len(), len);
            let mut decoder = Decoder::new(64, &code, DecoderOptions::NONE);
            assert!(decoder.iter().all(|one| one.mnemonic() == iced_x86::Mnemonic::Nop));
        }
    }

    #[test]
    fn jumps_back_are_short_where_they_reach() {
        for len in [0, 1, 125, 126, 127, 128, 300] {
            let mut ops = assembler::new();
            let top = ops.new_dynamic_label();
            dynasmrt::DynasmLabelApi::dynamic_label(&mut ops, top);
            ops.nops(len);
            ops.jump(top);
            let code = assembler::finish(ops);
            let jump = Decoder::with_ip(64, &code[len..], len as u64, DecoderOptions::NONE).decode();
            assert_eq!((jump.near_branch_target(), jump.len()), (0, if len <= 126 { 2 } else { 5 }));
        }
    }
}
