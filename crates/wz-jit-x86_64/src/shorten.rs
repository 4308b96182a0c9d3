//! Shorter forms of instructions: `dynasm!` does not know the registers that it is given when code
//! runs, and takes the form that all of them have.

use crate::assembler::Assembler;

/// Instructions with a register of a byte, of which the prefix `40` tells `spl` from `ah`.
const fn has_byte_register(map: u8, opcode: u8) -> bool {
    map == 0 && (matches!(opcode, 0x84 | 0x86 | 0x88 | 0x8a) || opcode < 0x40 && opcode & 5 == 0)
}

/// An instruction, taken apart.
#[derive(Clone, Copy)]
struct Parts {
    /// Where the prefix is that has the upper bits of registers, if there is one: `40`–`4f` or VEX.
    rex: Option<usize>,
    /// Where the ModRM byte is.
    modrm: usize,
    map: u8,
    opcode: u8,
    /// Whether the index is one of the upper registers.
    has_high_index: bool,
}

impl Parts {
    fn of(bytes: &[u8]) -> Option<Self> {
        let mut at = bytes.iter().position(|byte| !matches!(byte, 0x66 | 0xf2 | 0xf3))?;
        let first = bytes[at];
        if first == 0xc4 {
            let [_, high, _, opcode, ..] = bytes[at..] else { return None };
            let (map, has_high_index) = (high & 31, high & 0x40 == 0);
            return Some(Self { rex: Some(at), modrm: at + 4, map, opcode, has_high_index });
        }
        let rex = (first & 0xf0 == 0x40).then_some(at);
        at += usize::from(rex.is_some());
        let map = match bytes[at..] {
            [0x0f, 0x38, ..] => 2,
            [0x0f, 0x3a, ..] => 3,
            [0x0f, ..] => 1,
            _ => 0,
        };
        at += usize::from(map).min(2);
        let opcode = *bytes.get(at)?;
        Some(Self { rex, modrm: at + 1, map, opcode, has_high_index: rex.is_some() && first & 2 != 0 })
    }
}

impl Assembler {
    /// Makes the last instruction shorter, which has a memory operand with a base and without a
    /// label, and begins at an offset.
    pub(crate) fn shorten(&mut self, start: u32) {
        let start = start as usize;
        let Some(parts) = Parts::of(&self.bytes()[start..]) else { return };
        let at = start + parts.modrm;
        self.shorten_operand(at, parts.has_high_index);
        let Some(rex) = parts.rex.map(|rex| start + rex) else { return };
        let bytes = self.bytes_mut();
        if bytes[rex] == 0xc4 {
            // The short form knows the first map only, and the lower half of registers.
            if bytes[rex + 1] & 0x7f == 0x61 && bytes[rex + 2] & 0x80 == 0 {
                bytes[rex + 2] |= bytes[rex + 1] & 0x80;
                bytes[rex + 1] = 0xc5;
                bytes.remove(rex);
            }
        } else if bytes[rex] == 0x40 && !has_byte_register(parts.map, parts.opcode) {
            bytes.remove(rex);
        }
    }

    /// The same for the operand whose ModRM byte is at an offset.
    fn shorten_operand(&mut self, at: usize, has_high_index: bool) {
        let bytes = self.bytes_mut();
        let modrm = bytes[at];
        if modrm >> 6 == 3 {
            return;
        }
        let mut base = modrm & 7;
        let mut displacement = at + 1;
        if base == 4 {
            let sib = bytes[at + 1];
            base = sib & 7;
            if sib & 0x38 == 0x20 && !has_high_index && base != 4 {
                bytes[at] = modrm & !7 | base;
                bytes.remove(at + 1);
            } else {
                displacement += 1;
            }
        }
        let short = match modrm >> 6 {
            1 => bytes[displacement].cast_signed(),
            2 => {
                let Some(long) = bytes.get(displacement..displacement + 4) else { return };
                let long = i32::from_le_bytes([long[0], long[1], long[2], long[3]]);
                let Ok(short) = i8::try_from(long) else { return };
                bytes[at] = bytes[at] & 0x3f | 0x40;
                bytes.drain(displacement + 1..displacement + 4);
                short
            }
            _ => return,
        };
        // Without a displacement, a base of 5 would mean something else.
        if short == 0 && base != 5 {
            bytes[at] &= 0x3f;
            bytes.remove(displacement);
        }
    }
}

#[cfg(test)]
mod tests {
    use dynasm::dynasm;
    use dynasmrt::DynasmApi;
    use iced_x86::{Decoder, DecoderOptions, Formatter, Instruction, IntelFormatter};

    use crate::address::{Address, Base};
    use crate::address::{with_address, with_memory};
    use crate::assembler;
    use wz_jit::mach::Reg;

    fn text(code: &[u8]) -> (String, usize) {
        let mut decoder = Decoder::new(64, code, DecoderOptions::NONE);
        let mut instruction = Instruction::default();
        decoder.decode_out(&mut instruction);
        assert_eq!(instruction.len(), code.len(), "{code:x?} is one instruction");
        let mut text = String::new();
        IntelFormatter::new().format(&instruction, &mut text);
        (text, code.len())
    }

    /// Every kind of instruction with every register and displacement: the text stays, and nothing
    /// shorter says the same.
    #[test]
    fn short_forms_say_the_same() {
        let mut shorter = 0;
        for register in 0..16_u8 {
            for base in 0..16_u8 {
                for index in (0..17_u8).filter(|index| *index != 4) {
                    for offset in [0, 1, -128, 127, 128, -129, 1 << 20] {
                        shorter += check(register, base, index, offset);
                    }
                }
            }
        }
        assert!(shorter > 100_000, "only {shorter} instructions are shorter");
    }

    fn check(register: u8, base: u8, index: u8, offset: i32) -> usize {
        let address = Address {
            base: Base::Pinned(base),
            index: (index < 16).then(|| Reg::physical(crate::isa::int(index))),
            scale_log2: index % 4,
            offset,
        };
        let mut shorter = 0;
        macro_rules! both {
            ($($instruction:tt)*) => {{
                let mut long = assembler::new();
                with_address!(long, address, $($instruction)*);
                let long = assembler::finish(long);
                let mut short = assembler::new();
                dynasm!(short; .arch x64; nop);
                with_memory!(short, address, $($instruction)*);
                let short = assembler::finish(short);
                let ((long, long_len), (short, short_len)) = (text(&long), text(&short[1..]));
                assert_eq!(long, short);
                assert!(short_len <= long_len);
                shorter += long_len - short_len;
            }};
        }
        both!(mov Rd(register), DWORD @);
        both!(mov Rq(register), QWORD @);
        both!(mov BYTE @, Rb(register));
        both!(mov WORD @, Rw(register));
        both!(movzx Rd(register), BYTE @);
        both!(mov DWORD @, 0x1234_5678);
        both!(mov BYTE @, 5);
        both!(cmp QWORD @, 0x1234);
        both!(movups OWORD @, Rx(register));
        both!(pinsrb Rx(register), BYTE @, 3);
        both!(pmovsxbw Rx(register), QWORD @);
        both!(vbroadcastss Rx(register), DWORD @);
        both!(vaddss Rx(register), Rx(3), DWORD @);
        both!(vmovups OWORD @, Rx(register));
        shorter
    }
}
