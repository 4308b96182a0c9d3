//! What is encoded, as a disassembler sees it.

use iced_x86::{Decoder, DecoderOptions, Instruction, OpKind, Register};

use crate::encode::Place as Operand;

use super::encode::{Place, encode};
use super::opcode::{IMM, Opcode, STORES, VEX, WIDE};

fn decoded(bytes: &[u8], what: &str) -> Instruction {
    let mut decoder = Decoder::new(64, bytes, DecoderOptions::NONE);
    let inst = decoder.decode();
    assert!(!inst.is_invalid(), "{what}: {bytes:x?} is no instruction");
    assert_eq!(inst.len(), bytes.len(), "{what}: {bytes:x?} is {inst:?}");
    inst
}

/// The mnemonic that the name of an opcode stands for.
fn mnemonic(opcode: Opcode, vex: bool) -> String {
    let name = format!("{opcode:?}").to_lowercase();
    let name = name.trim_end_matches("by").trim_end_matches("wide");
    let name = name.trim_end_matches("fromint").trim_end_matches("toint");
    if vex && !name.starts_with('v') { format!("v{name}") } else { name.to_owned() }
}

/// The first registers of the kinds that there are, of which each has 16.
const FIRST: [Register; 3] = [Register::EAX, Register::RAX, Register::XMM0];

/// The number of a register of any kind, and which kind.
fn kind(register: Register) -> (Register, u8) {
    let of = |first: Register| (register as u8).checked_sub(first as u8).filter(|number| *number < 16);
    let found = FIRST.into_iter().find_map(|first| Some((first, of(first)?)));
    found.unwrap_or_else(|| panic!("{register:?} is no operand"))
}

fn number(register: Register) -> u8 {
    kind(register).1
}

fn operands(inst: &Instruction) -> Vec<OpKind> {
    (0..inst.op_count()).map(|index| inst.op_kind(index)).collect()
}

#[test]
fn opcodes_are_their_mnemonics() {
    for opcode in Opcode::ALL {
        let encoding = opcode.encoding();
        for vex in [false, true] {
            // `pblendvb` and the like are other instructions with VEX.
            let is_implicit = matches!(opcode, Opcode::Pblendvb | Opcode::Blendvps | Opcode::Blendvpd);
            if !vex && encoding.has(VEX) || vex && is_implicit {
                continue;
            }
            for (reg, rm) in [(1, 2), (9, 2), (1, 10), (15, 14)] {
                let mut ops = crate::assembler::new();
                let reg = if encoding.extension == 0 { reg } else { encoding.extension };
                // None is the same as the first number.
                encode(&mut ops, vex, *opcode, reg, 0, Place::register(rm), 0x35);
                let what = format!("{opcode:?}, VEX: {vex}");
                let inst = decoded(&ops.finish(), &what);
                let found = format!("{:?}", inst.mnemonic()).to_lowercase();
                assert_eq!(found, mnemonic(*opcode, vex), "{what}");
                let registers: Vec<_> = (0..inst.op_count())
                    .filter(|index| inst.op_kind(*index) == OpKind::Register)
                    .map(|index| inst.op_register(index))
                    .collect();
                let is_wide = registers.iter().any(|register| kind(*register).0 == Register::RAX);
                assert_eq!(is_wide, encoding.has(WIDE), "{what}: {inst}");
                // The mask of these is in that byte.
                let is_blend = matches!(opcode, Opcode::Vpblendvb | Opcode::Vblendvps | Opcode::Vblendvpd);
                let has_imm = operands(&inst).contains(&OpKind::Immediate8) || is_blend;
                assert_eq!(has_imm, encoding.has(IMM), "{what}: {inst}");
                let stores = encoding.has(STORES);
                if encoding.extension == 0 {
                    let (first, last) = if stores { (rm, reg) } else { (reg, rm) };
                    assert_eq!(number(registers[0]), first, "{what}: {inst}");
                    let place = registers.len() - if is_blend { 2 } else { 1 };
                    assert_eq!(number(registers[place]), last, "{what}: {inst}");
                }
            }
        }
    }
}

#[test]
fn memory_operands() {
    for vex in [false, true] {
        for opcode in [Opcode::Addps, Opcode::Pshufb, Opcode::Pblendw, Opcode::Cvttsd2siWide] {
            for base in [0, 3, 4, 5, 12, 13, 15] {
                for index in [None, Some(1), Some(5), Some(12), Some(13)] {
                    for offset in [0, 1, -128, 128, 0x1234_5678, i32::MIN] {
                        let mut ops = crate::assembler::new();
                        let operand = Operand::Memory { base, index, scale_log2: 0, offset };
                        encode(&mut ops, vex, opcode, 9, 0, Place::Operand(operand), 7);
                        let inst = decoded(&ops.finish(), "memory");
                        assert_eq!(number(inst.memory_base()), base);
                        assert_eq!(
                            Some(inst.memory_index()).filter(|it| *it != Register::None).map(number),
                            index
                        );
                        assert_eq!(inst.memory_displacement64() as i32, offset);
                    }
                }
            }
        }
    }
}

/// Constants are counted from the end of the instruction, whether a byte follows or not.
#[test]
fn constants() {
    for vex in [false, true] {
        for opcode in [Opcode::Addps, Opcode::Pblendw] {
            let mut assembler = crate::assembler::FunctionAssembler::default();
            let label = assembler.constant(u128::MAX);
            encode(&mut assembler.ops, vex, opcode, 9, 0, Place::Label(label), 7);
            assembler.put_constants();
            let bytes = assembler.ops.finish();
            let mut decoder = Decoder::new(64, &bytes, DecoderOptions::NONE);
            let inst = decoder.decode();
            assert_eq!(inst.memory_base(), Register::RIP);
            assert_eq!(inst.memory_displacement64(), 16);
            assert_eq!(bytes[16..], [0xff; 16]);
        }
    }
}
