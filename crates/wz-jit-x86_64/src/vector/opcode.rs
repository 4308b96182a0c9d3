//! [`Opcode`]: the instructions over vector registers that have the regular form: a prefix, a
//! map, a byte, then a ModRM byte with what follows it. The table is all that there is to know
//! of each; [`encode`](super::encode) makes bytes of it.

/// How an instruction is encoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Encoding {
    /// The prefix, as VEX numbers them: none, `66`, `f3`, `f2`.
    pub(super) prefix: u8,
    /// The map: `0f`, `0f 38`, `0f 3a`.
    pub(super) map: u8,
    /// The byte.
    pub(super) byte: u8,
    /// What is in the register's place of the ModRM byte, where that is part of the opcode.
    pub(super) extension: u8,
    /// What is special.
    pub(super) flags: u8,
}

impl Encoding {
    pub(super) const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// A byte follows.
pub(super) const IMM: u8 = 1;
/// The integer operand has 64 bits.
pub(super) const WIDE: u8 = 1 << 1;
/// What is written is the operand that may be memory.
pub(super) const STORES: u8 = 1 << 2;
/// There is the VEX form only.
pub(super) const VEX: u8 = 1 << 3;
/// The operands may be swapped without changing any bit of the result.
pub(super) const COMMUTES: u8 = 1 << 4;

const NP: u8 = 0;
const P66: u8 = 1;
const PF3: u8 = 2;
const PF2: u8 = 3;
const M0F: u8 = 1;
const M38: u8 = 2;
const M3A: u8 = 3;

/// A row reads: name, prefix, map, byte, extension, flags.
macro_rules! opcodes {
    ($($name:ident = $prefix:ident $map:ident $byte:literal $(/ $extension:literal)? $(| $flag:ident)*;)*) => {
        /// An instruction by its mnemonic, without the `v` of VEX forms that have another form too.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        #[allow(missing_docs)]
        pub enum Opcode { $($name,)* }

        impl Opcode {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            pub(super) const fn encoding(self) -> &'static Encoding {
                const ENCODINGS: &[Encoding; Opcode::ALL.len()] = &[$(Encoding {
                    prefix: $prefix,
                    map: $map,
                    byte: $byte,
                    extension: 0 $(+ $extension)?,
                    flags: 0 $(| $flag)*,
                }),*];
                &ENCODINGS[self as usize]
            }
        }
    };
}

opcodes! {
    // Moves.
    Movaps = NP M0F 0x28;
    Movss = PF3 M0F 0x10;
    Movsd = PF2 M0F 0x10;
    Movups = NP M0F 0x10;
    MovdFromInt = P66 M0F 0x6e;
    MovqFromInt = P66 M0F 0x6e | WIDE;
    MovdToInt = P66 M0F 0x7e | STORES;
    MovqToInt = P66 M0F 0x7e | STORES | WIDE;
    Movmskps = NP M0F 0x50;
    Movmskpd = P66 M0F 0x50;
    Pmovmskb = P66 M0F 0xd7;

    // Single numbers.
    Addss = PF3 M0F 0x58;
    Addsd = PF2 M0F 0x58;
    Mulss = PF3 M0F 0x59;
    Mulsd = PF2 M0F 0x59;
    Subss = PF3 M0F 0x5c;
    Subsd = PF2 M0F 0x5c;
    Divss = PF3 M0F 0x5e;
    Divsd = PF2 M0F 0x5e;
    Minss = PF3 M0F 0x5d;
    Minsd = PF2 M0F 0x5d;
    Maxss = PF3 M0F 0x5f;
    Maxsd = PF2 M0F 0x5f;
    Sqrtss = PF3 M0F 0x51;
    Sqrtsd = PF2 M0F 0x51;
    Roundss = P66 M3A 0x0a | IMM;
    Roundsd = P66 M3A 0x0b | IMM;
    Cmpss = PF3 M0F 0xc2 | IMM;
    Cmpsd = PF2 M0F 0xc2 | IMM;
    Ucomiss = NP M0F 0x2e;
    Ucomisd = P66 M0F 0x2e;
    Cvtss2sd = PF3 M0F 0x5a;
    Cvtsd2ss = PF2 M0F 0x5a;
    Cvtsi2ss = PF3 M0F 0x2a;
    Cvtsi2ssWide = PF3 M0F 0x2a | WIDE;
    Cvtsi2sd = PF2 M0F 0x2a;
    Cvtsi2sdWide = PF2 M0F 0x2a | WIDE;
    Cvttss2si = PF3 M0F 0x2c;
    Cvttss2siWide = PF3 M0F 0x2c | WIDE;
    Cvttsd2si = PF2 M0F 0x2c;
    Cvttsd2siWide = PF2 M0F 0x2c | WIDE;

    // Vectors of numbers.
    Addps = NP M0F 0x58;
    Addpd = P66 M0F 0x58;
    Mulps = NP M0F 0x59;
    Mulpd = P66 M0F 0x59;
    Subps = NP M0F 0x5c;
    Subpd = P66 M0F 0x5c;
    Divps = NP M0F 0x5e;
    Divpd = P66 M0F 0x5e;
    Minps = NP M0F 0x5d;
    Minpd = P66 M0F 0x5d;
    Maxps = NP M0F 0x5f;
    Maxpd = P66 M0F 0x5f;
    Sqrtps = NP M0F 0x51;
    Sqrtpd = P66 M0F 0x51;
    Roundps = P66 M3A 0x08 | IMM;
    Roundpd = P66 M3A 0x09 | IMM;
    Cmpps = NP M0F 0xc2 | IMM;
    Cmppd = P66 M0F 0xc2 | IMM;
    Cvtdq2ps = NP M0F 0x5b;
    Cvttps2dq = PF3 M0F 0x5b;
    Cvtdq2pd = PF3 M0F 0xe6;
    Cvttpd2dq = P66 M0F 0xe6;
    Cvtps2pd = NP M0F 0x5a;
    Cvtpd2ps = P66 M0F 0x5a;

    // Bits.
    Andps = NP M0F 0x54 | COMMUTES;
    Andnps = NP M0F 0x55;
    Orps = NP M0F 0x56 | COMMUTES;
    Xorps = NP M0F 0x57 | COMMUTES;
    Pand = P66 M0F 0xdb | COMMUTES;
    Pandn = P66 M0F 0xdf;
    Por = P66 M0F 0xeb | COMMUTES;
    Pxor = P66 M0F 0xef | COMMUTES;
    Ptest = P66 M38 0x17;

    // Vectors of integers.
    Paddb = P66 M0F 0xfc | COMMUTES;
    Paddw = P66 M0F 0xfd | COMMUTES;
    Paddd = P66 M0F 0xfe | COMMUTES;
    Paddq = P66 M0F 0xd4 | COMMUTES;
    Psubb = P66 M0F 0xf8;
    Psubw = P66 M0F 0xf9;
    Psubd = P66 M0F 0xfa;
    Psubq = P66 M0F 0xfb;
    Paddsb = P66 M0F 0xec | COMMUTES;
    Paddsw = P66 M0F 0xed | COMMUTES;
    Paddusb = P66 M0F 0xdc | COMMUTES;
    Paddusw = P66 M0F 0xdd | COMMUTES;
    Psubsb = P66 M0F 0xe8;
    Psubsw = P66 M0F 0xe9;
    Psubusb = P66 M0F 0xd8;
    Psubusw = P66 M0F 0xd9;
    Pminsb = P66 M38 0x38 | COMMUTES;
    Pminsw = P66 M0F 0xea | COMMUTES;
    Pminsd = P66 M38 0x39 | COMMUTES;
    Pminub = P66 M0F 0xda | COMMUTES;
    Pminuw = P66 M38 0x3a | COMMUTES;
    Pminud = P66 M38 0x3b | COMMUTES;
    Pmaxsb = P66 M38 0x3c | COMMUTES;
    Pmaxsw = P66 M0F 0xee | COMMUTES;
    Pmaxsd = P66 M38 0x3d | COMMUTES;
    Pmaxub = P66 M0F 0xde | COMMUTES;
    Pmaxuw = P66 M38 0x3e | COMMUTES;
    Pmaxud = P66 M38 0x3f | COMMUTES;
    Pavgb = P66 M0F 0xe0 | COMMUTES;
    Pavgw = P66 M0F 0xe3 | COMMUTES;
    Pabsb = P66 M38 0x1c;
    Pabsw = P66 M38 0x1d;
    Pabsd = P66 M38 0x1e;
    Pmullw = P66 M0F 0xd5 | COMMUTES;
    Pmulld = P66 M38 0x40 | COMMUTES;
    Pmulhw = P66 M0F 0xe5 | COMMUTES;
    Pmulhuw = P66 M0F 0xe4 | COMMUTES;
    Pmulhrsw = P66 M38 0x0b | COMMUTES;
    Pmuludq = P66 M0F 0xf4 | COMMUTES;
    Pmuldq = P66 M38 0x28 | COMMUTES;
    Pmaddwd = P66 M0F 0xf5 | COMMUTES;
    Pmaddubsw = P66 M38 0x04;
    Pcmpeqb = P66 M0F 0x74 | COMMUTES;
    Pcmpeqw = P66 M0F 0x75 | COMMUTES;
    Pcmpeqd = P66 M0F 0x76 | COMMUTES;
    Pcmpeqq = P66 M38 0x29 | COMMUTES;
    Pcmpgtb = P66 M0F 0x64;
    Pcmpgtw = P66 M0F 0x65;
    Pcmpgtd = P66 M0F 0x66;
    // SSE4.2, which AVX implies.
    Vpcmpgtq = P66 M38 0x37 | VEX;

    // Shifts, by the low 64 bits of a vector, and by a constant.
    Psllw = P66 M0F 0xf1;
    Pslld = P66 M0F 0xf2;
    Psllq = P66 M0F 0xf3;
    Psrlw = P66 M0F 0xd1;
    Psrld = P66 M0F 0xd2;
    Psrlq = P66 M0F 0xd3;
    Psraw = P66 M0F 0xe1;
    Psrad = P66 M0F 0xe2;
    PsllwBy = P66 M0F 0x71 / 6 | IMM;
    PslldBy = P66 M0F 0x72 / 6 | IMM;
    PsllqBy = P66 M0F 0x73 / 6 | IMM;
    PsrlwBy = P66 M0F 0x71 / 2 | IMM;
    PsrldBy = P66 M0F 0x72 / 2 | IMM;
    PsrlqBy = P66 M0F 0x73 / 2 | IMM;
    PsrawBy = P66 M0F 0x71 / 4 | IMM;
    PsradBy = P66 M0F 0x72 / 4 | IMM;
    PslldqBy = P66 M0F 0x73 / 7 | IMM;
    PsrldqBy = P66 M0F 0x73 / 3 | IMM;

    // Widths of lanes.
    Pmovsxbw = P66 M38 0x20;
    Pmovsxwd = P66 M38 0x23;
    Pmovsxdq = P66 M38 0x25;
    Pmovzxbw = P66 M38 0x30;
    Pmovzxwd = P66 M38 0x33;
    Pmovzxdq = P66 M38 0x35;
    Packsswb = P66 M0F 0x63;
    Packuswb = P66 M0F 0x67;
    Packssdw = P66 M0F 0x6b;
    Packusdw = P66 M38 0x2b;

    // Places of lanes.
    Pshufb = P66 M38 0x00;
    Pshufd = P66 M0F 0x70 | IMM;
    Pshuflw = PF2 M0F 0x70 | IMM;
    Pshufhw = PF3 M0F 0x70 | IMM;
    Shufps = NP M0F 0xc6 | IMM;
    Punpcklbw = P66 M0F 0x60;
    Punpcklwd = P66 M0F 0x61;
    Punpckldq = P66 M0F 0x62;
    Punpcklqdq = P66 M0F 0x6c;
    Punpckhbw = P66 M0F 0x68;
    Punpckhwd = P66 M0F 0x69;
    Punpckhdq = P66 M0F 0x6a;
    Punpckhqdq = P66 M0F 0x6d;
    Unpcklps = NP M0F 0x14;
    Unpcklpd = P66 M0F 0x14;
    Palignr = P66 M3A 0x0f | IMM;
    Pblendw = P66 M3A 0x0e | IMM;
    Blendps = P66 M3A 0x0c | IMM;
    Movddup = PF2 M0F 0x12;
    Insertps = P66 M3A 0x21 | IMM;
    Pinsrb = P66 M3A 0x20 | IMM;
    Pinsrw = P66 M0F 0xc4 | IMM;
    Pinsrd = P66 M3A 0x22 | IMM;
    Pinsrq = P66 M3A 0x22 | IMM | WIDE;
    Pextrb = P66 M3A 0x14 | IMM | STORES;
    Pextrw = P66 M3A 0x15 | IMM | STORES;
    Pextrd = P66 M3A 0x16 | IMM | STORES;
    Pextrq = P66 M3A 0x16 | IMM | STORES | WIDE;
    Vpermilps = P66 M3A 0x04 | IMM | VEX;
    Vbroadcastss = P66 M38 0x18 | VEX;
    Vpbroadcastb = P66 M38 0x78 | VEX;
    Vpbroadcastw = P66 M38 0x79 | VEX;

    // Blends by the sign bits of a mask: in `xmm0`, or in the byte that follows.
    Pblendvb = P66 M38 0x10;
    Blendvps = P66 M38 0x14;
    Blendvpd = P66 M38 0x15;
    Vpblendvb = P66 M3A 0x4c | IMM | VEX;
    Vblendvps = P66 M3A 0x4a | IMM | VEX;
    Vblendvpd = P66 M3A 0x4b | IMM | VEX;
}
