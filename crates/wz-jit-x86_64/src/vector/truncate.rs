//! [`Truncation`]: single numbers to integers.
//!
//! The processor's conversion gives the least integer for what it cannot convert. That is what is
//! looked for first; what comes after is rare.

use dynasm::dynasm;
use dynasmrt::{DynasmApi, DynasmLabelApi};
use wz_api::Trap;

use crate::condition::Cc;

use super::code::{Code, SCRATCH, SCRATCH_PLACE};
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
        self.unary(truncation.compare(), from, &SCRATCH_PLACE, 0);
    }

    fn truncate_signed(&mut self, truncation: Truncation, to: u8, from: u8) {
        self.unary(truncation.convert(truncation.wide), to, &Place::Register(from), 0);
        if truncation.wide {
            dynasm!(self.ops(); .arch x64; cmp Rq(to), 1);
        } else {
            dynasm!(self.ops(); .arch x64; cmp Rd(to), 1);
        }
        dynasm!(self.ops(); .arch x64; jno >done);
        self.compare_with_zero(truncation, from);
        if truncation.saturating {
            dynasm!(self.ops()
                ; .arch x64
                ; jp >nan
                ; jbe >done
            );
            if truncation.wide {
                dynasm!(self.ops(); .arch x64; mov Rq(to), QWORD i64::MAX);
            } else {
                dynasm!(self.ops(); .arch x64; mov Rd(to), i32::MAX);
            }
            dynasm!(self.ops()
                ; .arch x64
                ; jmp >done
                ; nan:
                ; xor Rd(to), Rd(to)
            );
        } else {
            self.trap_if(Cc::P, Trap::InvalidConversionToInteger);
            self.trap_if(Cc::A, Trap::IntegerOverflow);
            // Only what truncates to the least integer is left to be told apart.
            let (bound, outside) = match (truncation.wide, truncation.double) {
                (false, true) => (-TWO_31 - 1.0, Cc::Be),
                (false, false) => (-TWO_31, Cc::B),
                (true, _) => (-TWO_63, Cc::B),
            };
            let bound = self.constant(truncation.bits(bound));
            self.unary(truncation.compare(), from, &bound, 0);
            self.trap_if(outside, Trap::IntegerOverflow);
        }
        dynasm!(self.ops(); .arch x64; done:);
    }

    /// By way of 64 signed bits, among which all results are.
    fn truncate_u32(&mut self, truncation: Truncation, to: u8, from: u8) {
        self.unary(truncation.convert(true), to, &Place::Register(from), 0);
        dynasm!(self.ops()
            ; .arch x64
            ; mov r11, Rq(to)
            ; shr r11, 32
            ; jz >done
        );
        if truncation.saturating {
            self.compare_with_zero(truncation, from);
            // NaN is not above either.
            dynasm!(self.ops()
                ; .arch x64
                ; ja >large
                ; xor Rd(to), Rd(to)
                ; jmp >done
                ; large:
                ; mov Rd(to), -1
            );
        } else {
            self.trap_inconvertible(truncation, from);
        }
        dynasm!(self.ops(); .arch x64; done:);
    }

    fn truncate_u64(&mut self, truncation: Truncation, to: u8, from: u8) {
        let convert = truncation.convert(true);
        self.unary(convert, to, &Place::Register(from), 0);
        dynasm!(self.ops()
            ; .arch x64
            ; test Rq(to), Rq(to)
            ; jns >done
        );
        if truncation.saturating {
            self.compare_with_zero(truncation, from);
            dynasm!(self.ops()
                ; .arch x64
                ; ja >positive
                ; xor Rd(to), Rd(to)
                ; jmp >done
                ; positive:
            );
        }
        // What is at least 2^63 is converted without it.
        let two_63 = self.constant(truncation.bits(TWO_63));
        let subtract = if truncation.double { Opcode::Subsd } else { Opcode::Subss };
        self.binary(subtract, SCRATCH, from, &two_63, 0);
        self.unary(convert, to, &SCRATCH_PLACE, 0);
        dynasm!(self.ops()
            ; .arch x64
            ; test Rq(to), Rq(to)
            ; jns >fits
        );
        if truncation.saturating {
            dynasm!(self.ops()
                ; .arch x64
                ; mov Rq(to), -1
                ; jmp >done
            );
        } else {
            self.trap_inconvertible(truncation, from);
        }
        dynasm!(self.ops()
            ; .arch x64
            ; fits:
            ; btc Rq(to), 63
            ; done:
        );
    }

    /// Traps for a number that has no integer.
    fn trap_inconvertible(&mut self, truncation: Truncation, from: u8) {
        self.unary(truncation.compare(), from, &Place::Register(from), 0);
        self.trap_if(Cc::P, Trap::InvalidConversionToInteger);
        self.trap_if(Cc::Np, Trap::IntegerOverflow);
    }
}
