//! [`Cc`]: the processor's condition codes; [`Test`]: what of them a condition is; [`Condition`]: an
//! instruction that sets the flags and the test of them.

use crate::inst::Inst;

/// A condition code, by its number in instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Cc {
    /// Overflow.
    O,
    /// No overflow.
    No,
    /// Below, unsigned; carry.
    B,
    /// Above or equal, unsigned; no carry.
    Ae,
    /// Equal; zero.
    E,
    /// Not equal; not zero.
    Ne,
    /// Below or equal, unsigned.
    Be,
    /// Above, unsigned.
    A,
    /// Negative.
    S,
    /// Not negative.
    Ns,
    /// Parity even: unordered.
    P,
    /// Parity odd: ordered.
    Np,
    /// Less, signed.
    L,
    /// Greater or equal, signed.
    Ge,
    /// Less or equal, signed.
    Le,
    /// Greater, signed.
    G,
}

impl Cc {
    const ALL: [Self; 16] = [
        Self::O,
        Self::No,
        Self::B,
        Self::Ae,
        Self::E,
        Self::Ne,
        Self::Be,
        Self::A,
        Self::S,
        Self::Ns,
        Self::P,
        Self::Np,
        Self::L,
        Self::Ge,
        Self::Le,
        Self::G,
    ];

    /// The opposite.
    #[must_use]
    pub const fn inverted(self) -> Self {
        Self::ALL[self as usize ^ 1]
    }
}

/// What of the flags a condition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    /// One code.
    One(Cc),
    /// Both codes hold.
    Both(Cc, Cc),
    /// One of two codes holds.
    Either(Cc, Cc),
}

impl Test {
    /// The opposite.
    #[must_use]
    pub const fn inverted(self) -> Self {
        match self {
            Self::One(code) => Self::One(code.inverted()),
            Self::Both(a, b) => Self::Either(a.inverted(), b.inverted()),
            Self::Either(a, b) => Self::Both(a.inverted(), b.inverted()),
        }
    }
}

/// An instruction that sets the flags, not pushed yet, and the test of them. What reads the flags
/// is pushed right after it; whoever does so asks for all other registers before, because putting
/// a constant into a register may change the flags.
#[derive(Clone, Debug)]
pub struct Condition {
    /// Sets the flags.
    pub producer: Inst,
    /// The instruction of the function to push it for, if it does a folded load.
    pub of: Option<wz_jit::ir::Inst>,
    /// What to ask of the flags.
    pub test: Test,
}
