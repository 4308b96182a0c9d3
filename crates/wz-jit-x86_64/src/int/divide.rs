//! Selection of division. By a constant of 64 bits, it multiplies by the reciprocal (Granlund and
//! Montgomery, "Division by Invariant Integers using Multiplication"; those of 32 bits are such
//! multiplications already).

use wz_jit::ir::{Inst, Value};
use wz_jit::mach::Reg;

use super::arithmetic::mul_by;
use super::inst::{AluOp, IntInst, ShiftOp, Size};
use super::operand::{Cx, Kind, constant, low_in_reg, operand, push, temp};
use crate::address::Rm;
use crate::isa::X64Isa;

pub(super) fn divide(
    isa: &X64Isa,
    cx: Cx<'_, '_>,
    inst: Inst,
    (kind, size): (Kind, Size),
    a: Value,
    b: Value,
) {
    let to = cx.result(inst);
    let signed = matches!(kind, Kind::DivS | Kind::RemS);
    let remainder = matches!(kind, Kind::RemS | Kind::RemU);
    let known = cx.f.constant_int(b);
    if let (Some(divisor), Size::S64) = (known, size)
        && let Some(reciprocal) = Reciprocal::of(divisor, signed)
    {
        let a = low_in_reg(cx, a, size);
        let quotient = if remainder { temp(cx) } else { to };
        reciprocal.multiply(cx, quotient, a);
        if remainder {
            let product = temp(cx);
            mul_by(cx, product, size, quotient, divisor);
            push(cx, IntInst::Alu { op: AluOp::Sub, size, to, left: a, right: Rm::Reg(product) }, None);
        }
        return;
    }
    let minus_one = if size.is_wide() { u64::MAX } else { u32::MAX.into() };
    let zero = known.is_none_or(|known| known == 0);
    let may_be_minus_one = signed && known.is_none_or(|known| known == minus_one);
    let overflow = may_be_minus_one && !remainder;
    let dividend = low_in_reg(cx, a, size);
    // A check needs the divisor in a register; else it may be a load.
    let (divisor, load) = if zero || overflow {
        let divisor = low_in_reg(cx, b, size);
        push(cx, IntInst::DivideCheck { size, zero, overflow, dividend, divisor }, None);
        (Rm::Reg(divisor), None)
    } else {
        operand(isa, cx, b, size)
    };
    let high = temp(cx);
    let extend = if signed {
        IntInst::SignHigh { size, to: high, from: dividend }
    } else {
        IntInst::ZeroHigh { to: high }
    };
    push(cx, extend, None);
    let minus_one = may_be_minus_one && remainder;
    push(cx, IntInst::Divide { size, signed, remainder, minus_one, to, low: dividend, high, divisor }, load);
}

/// How to divide 64 bits by a constant: multiply, take the upper half, shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reciprocal {
    /// 64 bits; of a factor that has 65, the lower ones.
    factor: u64,
    /// Whether the factor has 65 bits: the dividend is added to the upper half. For signed numbers,
    /// whether the factor is negative if taken as signed.
    adds: bool,
    /// How far the dividend is shifted first. 0 for signed numbers.
    first_shift: u8,
    /// How far the upper half is shifted.
    shift: u8,
    /// Whether operands are signed.
    signed: bool,
    /// Whether the quotient is negated: the divisor is negative.
    negated: bool,
}

impl Reciprocal {
    /// The reciprocal of a divisor; `None` for those of which there is none: 0, 1, -1, the least
    /// number, and the greatest unsigned ones.
    pub(super) fn of(divisor: u64, signed: bool) -> Option<Self> {
        if signed { Self::signed(divisor.cast_signed()) } else { Self::unsigned(divisor) }
    }

    fn unsigned(divisor: u64) -> Option<Self> {
        if !(2..=1 << 63).contains(&divisor) {
            return None;
        }
        let reciprocal =
            Self { factor: 0, adds: false, first_shift: 0, shift: 0, signed: false, negated: false };
        // The least factor: with m = ceil(2^(64+s) / d), every quotient is right if m * d exceeds
        // 2^(64+s) by no more than 2^s.
        let log = 64 - (divisor - 1).leading_zeros();
        let factor = |divisor: u64, shift: u32| (1_u128 << (64 + shift)).div_ceil(u128::from(divisor));
        for shift in 0..log.min(63) + 1 {
            let factor = factor(divisor, shift);
            let Ok(short) = u64::try_from(factor) else { continue };
            let excess = u128::from(short).wrapping_mul(divisor.into()).wrapping_sub(1 << (64 + shift));
            if excess <= 1 << shift {
                return Some(Self { factor: short, shift: shift as u8, ..reciprocal });
            }
        }
        // An even divisor: shift the dividend first, which then has fewer bits.
        let zeros = divisor.trailing_zeros();
        if zeros > 0 {
            let inner = Self::unsigned_short(divisor >> zeros, 64 - zeros)?;
            return Some(Self { first_shift: zeros as u8, ..inner });
        }
        let factor = factor(divisor, log) - (1 << 64);
        Some(Self { factor: factor as u64, adds: true, shift: (log - 1) as u8, ..reciprocal })
    }

    /// The reciprocal for dividends of so many bits, less than 64.
    fn unsigned_short(divisor: u64, bits: u32) -> Option<Self> {
        for shift in 0..64 {
            let factor = (1_u128 << (64 + shift)).div_ceil(u128::from(divisor));
            let Ok(short) = u64::try_from(factor) else { continue };
            let excess = u128::from(short).wrapping_mul(divisor.into()).wrapping_sub(1 << (64 + shift));
            if excess <= 1 << (64 + shift - bits) {
                return Some(Self {
                    factor: short,
                    adds: false,
                    first_shift: 0,
                    shift: shift as u8,
                    signed: false,
                    negated: false,
                });
            }
        }
        None
    }

    fn signed(divisor: i64) -> Option<Self> {
        let magnitude = divisor.unsigned_abs();
        if !(2..1 << 63).contains(&magnitude) {
            return None;
        }
        // With m = floor(2^(64+s) / |d|) + 1, the quotient is floor(a * m / 2^(64+s)), plus one if a
        // is negative, if m * |d| exceeds 2^(64+s) by no more than 2^(s+1).
        for shift in 0..63 {
            let power = 1_u128 << (64 + shift);
            let factor = power / u128::from(magnitude) + 1;
            let Ok(short) = u64::try_from(factor) else { continue };
            if factor * u128::from(magnitude) - power <= 1 << (shift + 1) {
                return Some(Self {
                    factor: short,
                    adds: short.cast_signed() < 0,
                    first_shift: 0,
                    shift: shift as u8,
                    signed: true,
                    negated: divisor < 0,
                });
            }
        }
        None
    }

    /// `to = a / divisor`
    fn multiply(self, cx: Cx<'_, '_>, to: Reg, a: Reg) {
        let size = Size::S64;
        let a = shifted(cx, ShiftOp::Shr, a, self.first_shift);
        let factor = constant(cx, self.factor);
        let high = temp(cx);
        push(cx, IntInst::MulHigh { signed: self.signed, to: high, left: factor, right: Rm::Reg(a) }, None);
        let op = AluOp::Add;
        if self.signed {
            let sum = if self.adds { added(cx, op, high, a) } else { high };
            let floor = shifted(cx, ShiftOp::Sar, sum, self.shift);
            let negative = shifted(cx, ShiftOp::Shr, a, 63);
            if self.negated {
                // -(floor + negative), where both shifts can give the negated sign.
                let sum = added(cx, op, floor, negative);
                let op = super::inst::UnaryOp::Neg;
                push(cx, IntInst::Unary { op, size, to, from: sum }, None);
            } else {
                push(cx, IntInst::Alu { op, size, to, left: floor, right: Rm::Reg(negative) }, None);
            }
        } else if self.adds {
            // floor((a + high) / 2), whose sum has 65 bits.
            let rest = added(cx, AluOp::Sub, a, high);
            let half = shifted(cx, ShiftOp::Shr, rest, 1);
            let sum = added(cx, op, half, high);
            shift_to(cx, to, ShiftOp::Shr, sum, self.shift);
        } else {
            shift_to(cx, to, ShiftOp::Shr, high, self.shift);
        }
    }
}

fn added(cx: Cx<'_, '_>, op: AluOp, left: Reg, right: Reg) -> Reg {
    let to = temp(cx);
    push(cx, IntInst::Alu { op, size: Size::S64, to, left, right: Rm::Reg(right) }, None);
    to
}

fn shifted(cx: Cx<'_, '_>, op: ShiftOp, from: Reg, amount: u8) -> Reg {
    if amount == 0 {
        return from;
    }
    let to = temp(cx);
    shift_to(cx, to, op, from, amount);
    to
}

fn shift_to(cx: Cx<'_, '_>, to: Reg, op: ShiftOp, from: Reg, amount: u8) {
    let inst = match amount {
        0 => IntInst::Alias { to, from },
        amount => IntInst::ShiftImm { op, size: Size::S64, to, from, amount },
    };
    push(cx, inst, None);
}

#[cfg(test)]
mod tests {
    use super::Reciprocal;

    /// What the selected instructions compute.
    fn divide(reciprocal: Reciprocal, a: u64) -> u64 {
        let Reciprocal { factor, adds, first_shift, shift, signed, negated } = reciprocal;
        if signed {
            let a = a.cast_signed();
            let product = i128::from(a) * i128::from(factor.cast_signed());
            let mut high = (product >> 64) as i64;
            if adds {
                high = high.wrapping_add(a);
            }
            let quotient = (high >> shift).wrapping_add((a.cast_unsigned() >> 63).cast_signed());
            return if negated { quotient.wrapping_neg() } else { quotient }.cast_unsigned();
        }
        let a = a >> first_shift;
        let high = ((u128::from(a) * u128::from(factor)) >> 64) as u64;
        if adds { (((a - high) >> 1) + high) >> shift } else { high >> shift }
    }

    fn edges() -> Vec<u64> {
        let mut edges: Vec<u64> =
            (0..64).flat_map(|bit| (0..5).map(move |d| (1_u64 << bit).wrapping_add(d))).collect();
        edges.extend((0..64).flat_map(|bit| (1..5).map(move |d| (1_u64 << bit).wrapping_sub(d))));
        edges.extend((0..40).map(|n| u64::MAX - n));
        edges.extend((2..200).map(|n| u64::MAX / n));
        edges.extend((0..200).map(|n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        edges.extend(0..200);
        edges.sort_unstable();
        edges.dedup();
        edges
    }

    #[test]
    fn reciprocals_divide() {
        let edges = edges();
        for divisor in &edges {
            if let Some(unsigned) = Reciprocal::of(*divisor, false) {
                // The worst dividends are next to multiples.
                let multiples = edges.iter().flat_map(|edge| {
                    let multiple = edge / divisor * divisor;
                    [*edge, multiple, multiple.wrapping_sub(1)]
                });
                for a in multiples {
                    assert_eq!(divide(unsigned, a), a / divisor, "{a} / {divisor}: {unsigned:?}");
                }
            }
            if let Some(signed) = Reciprocal::of(*divisor, true) {
                let divisor = divisor.cast_signed();
                for a in &edges {
                    let a = a.cast_signed();
                    let multiple = a / divisor * divisor;
                    for a in [a, multiple, multiple.wrapping_sub(1), multiple.wrapping_add(1)] {
                        let quotient = divide(signed, a.cast_unsigned()).cast_signed();
                        assert_eq!(quotient, a / divisor, "{a} / {divisor}: {signed:?}");
                    }
                }
            }
        }
        for divisor in [0, 1] {
            assert_eq!(Reciprocal::of(divisor, false), None);
            assert_eq!(Reciprocal::of(divisor, true), None);
        }
        for divisor in [-1, i64::MIN] {
            assert_eq!(Reciprocal::of(divisor.cast_unsigned(), true), None);
        }
    }
}
