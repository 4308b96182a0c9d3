//! [`Truncation`]: single numbers to integers.
//!
//! The processor's conversion gives the least integer for what it cannot convert. That is what is
//! looked for first; what comes after is rare.

use wz_api::Trap;

use crate::abi;
use crate::condition::Cc;
use crate::encode::{Opcode as IntOpcode, Place as Operand};

use super::code::{Arithmetic, Code, SCRATCH, SCRATCH_PLACE};
use super::encode::Place;
use super::opcode::Opcode;

/// A conversion of a number to an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncation {
    /// Whether the number is an `f64`.
    pub double: bool,
    /// Whether the integer is an `i64`.
    pub wide: bool,
    /// Whether the integer is signed.
    pub signed: bool,
    /// Whether what does not fit gives the nearest integer, and NaN zero, instead of a trap.
    pub saturating: bool,
}

impl Truncation {
    const fn convert(self, wide: bool) -> Opcode {
        match (self.double, wide) {
            (false, false) => Opcode::Cvttss2si,
            (false, true) => Opcode::Cvttss2siWide,
            (true, false) => Opcode::Cvttsd2si,
            (true, true) => Opcode::Cvttsd2siWide,
        }
    }

    const fn compare(self) -> Opcode {
        if self.double { Opcode::Ucomisd } else { Opcode::Ucomiss }
    }

    /// The bits of a number that both types have.
    fn bits(self, number: f64) -> u128 {
        if self.double { number.to_bits().into() } else { (number as f32).to_bits().into() }
    }
}

const TWO_31: f64 = 2_147_483_648.0;
const TWO_63: f64 = 9_223_372_036_854_775_808.0;

impl Code<'_, '_> {
    /// `to` becomes the integer of `from`.
    pub(super) fn truncate(&mut self, truncation: Truncation, to: u8, from: u8) {
        match (truncation.signed, truncation.wide) {
            (true, _) => self.truncate_signed(truncation, to, from),
            (false, false) => self.truncate_u32(truncation, to, from),
            (false, true) => self.truncate_u64(truncation, to, from),
        }
    }

    fn compare_with_zero(&mut self, truncation: Truncation, from: u8) {
        self.zero(SCRATCH);
        self.unary(truncation.compare(), from, SCRATCH_PLACE, 0);
    }

    fn truncate_signed(&mut self, truncation: Truncation, to: u8, from: u8) {
        let wide = truncation.wide;
        self.unary(truncation.convert(wide), to, Place::register(from), 0);
        // Only the least integer overflows.
        self.arithmetic(wide, Arithmetic::Compare, to, 1);
        let done = self.skip_if(Cc::No);
        self.compare_with_zero(truncation, from);
        if truncation.saturating {
            let nan = self.skip_if(Cc::P);
            let least = self.skip_if(Cc::Be);
            self.ops().mov_constant(to, if wide { i64::MAX as u64 } else { i32::MAX as u64 });
            let greatest = self.skip();
            self.end_skips([nan]);
            self.ops().mov_constant(to, 0);
            return self.end_skips([done, least, greatest]);
        }
        self.trap_if(Cc::P, Trap::InvalidConversionToInteger);
        self.trap_if(Cc::A, Trap::IntegerOverflow);
        // What truncates to the least integer is left to be told from what is less.
        let (bound, outside) = match (wide, truncation.double) {
            (false, true) => (-TWO_31 - 1.0, Cc::Be),
            (false, false) => (-TWO_31, Cc::B),
            (true, _) => (-TWO_63, Cc::B),
        };
        let bound = self.constant(truncation.bits(bound));
        self.unary(truncation.compare(), from, bound, 0);
        self.trap_if(outside, Trap::IntegerOverflow);
        self.end_skips([done]);
    }

    /// By way of 64 signed bits, among which all results are.
    fn truncate_u32(&mut self, truncation: Truncation, to: u8, from: u8) {
        self.unary(truncation.convert(true), to, Place::register(from), 0);
        self.move_int(true, abi::SCRATCH, to);
        self.shift_right_int(abi::SCRATCH, 32);
        let done = self.skip_if(Cc::E);
        if truncation.saturating {
            self.compare_with_zero(truncation, from);
            // NaN is not above either.
            let large = self.skip_if(Cc::A);
            self.ops().mov_constant(to, 0);
            let zero = self.skip();
            self.end_skips([large]);
            self.ops().mov_constant(to, u32::MAX.into());
            self.end_skips([zero]);
        } else {
            self.trap_inconvertible(truncation, from);
        }
        self.end_skips([done]);
    }

    fn truncate_u64(&mut self, truncation: Truncation, to: u8, from: u8) {
        let convert = truncation.convert(true);
        self.unary(convert, to, Place::register(from), 0);
        self.test_int(to);
        let done = self.skip_if(Cc::Ns);
        let zero = truncation.saturating.then(|| {
            self.compare_with_zero(truncation, from);
            let positive = self.skip_if(Cc::A);
            self.ops().mov_constant(to, 0);
            let zero = self.skip();
            self.end_skips([positive]);
            zero
        });
        // What is at least 2^63 is converted without it.
        let two_63 = self.constant(truncation.bits(TWO_63));
        let subtract = if truncation.double { Opcode::Subsd } else { Opcode::Subss };
        self.binary(subtract, SCRATCH, from, two_63, 0);
        self.unary(convert, to, SCRATCH_PLACE, 0);
        self.test_int(to);
        let fits = self.skip_if(Cc::Ns);
        let greatest = truncation.saturating.then(|| {
            self.ops().mov_constant(to, u64::MAX);
            self.skip()
        });
        if !truncation.saturating {
            self.trap_inconvertible(truncation, from);
        }
        self.end_skips([fits]);
        // btc to, 63
        self.ops().op(true, IntOpcode::two(0xba), 7, Operand::Reg(to));
        self.ops().put_i8(63);
        self.end_skips([done]);
        for skip in [zero, greatest].into_iter().flatten() {
            self.end_skips([skip]);
        }
    }

    /// Traps for a number that has no integer.
    fn trap_inconvertible(&mut self, truncation: Truncation, from: u8) {
        self.unary(truncation.compare(), from, Place::register(from), 0);
        self.trap_if(Cc::P, Trap::InvalidConversionToInteger);
        self.trap_if(Cc::Np, Trap::IntegerOverflow);
    }
}
