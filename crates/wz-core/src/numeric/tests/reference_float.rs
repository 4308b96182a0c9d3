//! Floating-point operators by name, on `f64`: what is rounded to an `f64` first and to an `f32`
//! then is rounded as at once, for one addition, subtraction, multiplication, division or square
//! root. Conversions are made of integers that hold the number.

use wz_api::Trap;

use super::reference_int::compare;
use super::{mask, signed};

/// What bits of that width mean; a NaN is not kept.
fn number(bits: u128, width: u32) -> f64 {
    if width == 32 { f32::from_bits(bits as u32).into() } else { f64::from_bits(bits as u64) }
}

/// The bits of a result that was rounded to an `f64`.
fn bits(value: f64, width: u32) -> u128 {
    match (value.is_nan(), width) {
        (true, 32) => 0x7fc0_0000,
        (true, _) => 0x7ff8_0000_0000_0000,
        (_, 32) => (value as f32).to_bits().into(),
        _ => value.to_bits().into(),
    }
}

/// What an operator with floating-point operands of that width gives, if it is one.
pub(super) fn of(name: &str, width: u32, operands: &[u128]) -> Option<u128> {
    let sign = 1 << (width - 1);
    match *operands {
        [a] => {
            let a = a & mask(width);
            let x = number(a, width);
            Some(match name {
                "abs" => a & !sign,
                "neg" => a ^ sign,
                "sqrt" => bits(x.sqrt(), width),
                "ceil" | "floor" | "trunc" | "nearest" => bits(rounded(name, x), width),
                _ => return None,
            })
        }
        [a, b] => {
            let (a, b) = (a & mask(width), b & mask(width));
            let (x, y) = (number(a, width), number(b, width));
            // In the order of these integers -0 is less than +0.
            let order =
                |bits: u128| if bits & sign == 0 { bits as i128 } else { -1 - (bits & !sign) as i128 };
            let unordered = x.is_nan() || y.is_nan();
            Some(match name {
                "add" => bits(x + y, width),
                "sub" => bits(x - y, width),
                "mul" => bits(x * y, width),
                "div" => bits(x / y, width),
                "copysign" => a & !sign | b & sign,
                "min" | "max" if unordered => bits(f64::NAN, width),
                "min" => std::cmp::min_by_key(a, b, |bits| order(*bits)),
                "max" => std::cmp::max_by_key(a, b, |bits| order(*bits)),
                "pmin" => {
                    if y < x {
                        b
                    } else {
                        a
                    }
                }
                "pmax" => {
                    if x < y {
                        b
                    } else {
                        a
                    }
                }
                _ => compare(name, x, y)?.into(),
            })
        }
        _ => None,
    }
}

/// Rounds to an integer.
fn rounded(name: &str, x: f64) -> f64 {
    if x.is_nan() || x.abs() >= 4_503_599_627_370_496.0 {
        return x;
    }
    let inner = x as i64;
    let rest = x - inner as f64;
    let up = match name {
        "ceil" => rest > 0.0,
        "nearest" => rest > 0.5 || rest == 0.5 && inner % 2 != 0,
        _ => false,
    };
    let down = match name {
        "floor" => rest < 0.0,
        "nearest" => rest < -0.5 || rest == -0.5 && inner % 2 != 0,
        _ => false,
    };
    ((inner + i64::from(up) - i64::from(down)) as f64).copysign(x)
}

/// The number without its fraction; out of range of everything if it is too great. None of a NaN.
fn integer(x: f64) -> Option<i128> {
    let magnitude = x.to_bits() & mask(63) as u64;
    let exponent = (magnitude >> 52) as i32 - 1075;
    let significand = i128::from(magnitude & mask(52) as u64 | 1 << 52);
    let whole = match exponent {
        -1075..=-53 => 0,
        -52..=-1 => significand >> -exponent,
        0..=70 => significand << exponent,
        _ if x.is_nan() => return None,
        _ => i128::MAX,
    };
    Some(if x.is_sign_negative() { -whole } else { whole })
}

/// Truncates bits of one width to an integer of another.
pub(super) fn truncated(a: u128, from: u32, to: u32, is_signed: bool) -> Result<u128, Trap> {
    let whole = integer(number(a, from)).ok_or(Trap::InvalidConversionToInteger)?;
    let (least, greatest) = match is_signed {
        true => (-1_i128 << (to - 1), (1_i128 << (to - 1)) - 1),
        false => (0, (1_i128 << to) - 1),
    };
    if (least..=greatest).contains(&whole) {
        Ok(whole.cast_unsigned() & mask(to))
    } else {
        Err(Trap::IntegerOverflow)
    }
}

/// The same, with the nearest of the range and zero for NaN.
pub(super) fn saturated(a: u128, from: u32, to: u32, is_signed: bool) -> u128 {
    let negative = a >> (from - 1) & 1 == 1;
    truncated(a, from, to, is_signed).unwrap_or_else(|trap| match (trap, negative, is_signed) {
        (Trap::InvalidConversionToInteger, ..) | (_, true, false) => 0,
        (_, true, true) => 1 << (to - 1),
        (_, false, true) => mask(to - 1),
        (_, false, false) => mask(to),
    })
}

/// The nearest number to an integer, put together of its significant bits.
pub(super) fn converted(a: u128, from: u32, to: u32, is_signed: bool) -> u128 {
    let value = if is_signed { signed(a, from) } else { (a & mask(from)).cast_signed() };
    let (digits, bias) = if to == 32 { (24, 127) } else { (53, 1023) };
    let (mut magnitude, mut exponent) = (value.unsigned_abs(), 0);
    if magnitude == 0 {
        return 0;
    }
    let excess = (128 - magnitude.leading_zeros()).saturating_sub(digits);
    let (rest, half) = (magnitude & ((1 << excess) - 1), (1 << excess) >> 1);
    magnitude >>= excess;
    exponent += excess;
    if excess > 0 && (rest > half || rest == half && magnitude & 1 == 1) {
        magnitude += 1;
    }
    let length = 128 - magnitude.leading_zeros();
    let significand =
        if length > digits { magnitude >> (length - digits) } else { magnitude << (digits - length) };
    let biased = u128::from(bias + exponent + length - 1);
    u128::from(value < 0) << (to - 1) | biased << (digits - 1) | significand & mask(digits - 1)
}

/// Makes an `f32` of an `f64`, by way of all its decimal digits, or an `f64` of an `f32`.
pub(super) fn resized(a: u128, to: u32) -> u128 {
    let x = number(a, 96 - to);
    match to {
        _ if x.is_nan() => bits(x, to),
        32 => format!("{x:.1100}").parse::<f32>().expect("digits make a number").to_bits().into(),
        _ => bits(x, 64),
    }
}
