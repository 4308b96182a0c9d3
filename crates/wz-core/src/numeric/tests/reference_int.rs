//! Integer operators by name, on integers of any width up to 64 bits.

use wz_api::Trap;

use super::{mask, signed};

/// What an operator with integer operands of that width gives, if it is one. The name is without
/// the type.
pub(super) fn of(name: &str, width: u32, operands: &[u128]) -> Option<Result<u128, Trap>> {
    let &[a, ref rest @ ..] = operands else { return None };
    let a = a & mask(width);
    match *rest {
        [] => unary(name, width, a),
        [b] => binary(name, width, a, b & mask(width)),
        _ => return None,
    }
    .map(|result| Ok(result?.cast_unsigned() & mask(width)))
}

fn unary(name: &str, width: u32, a: u128) -> Option<Result<i128, Trap>> {
    let bits = || (0..width).map(|bit| a >> bit & 1 == 1);
    let extended = |from: u32| signed(a & mask(from), from);
    Some(Ok(match name {
        "eqz" => i128::from(a == 0),
        "clz" => bits().rev().take_while(|bit| !bit).count() as i128,
        "ctz" => bits().take_while(|bit| !bit).count() as i128,
        "popcnt" => bits().filter(|bit| *bit).count() as i128,
        "extend8_s" => extended(8),
        "extend16_s" => extended(16),
        "extend32_s" => extended(32),
        "abs" => signed(a, width).abs(),
        "neg" => -signed(a, width),
        _ => return None,
    }))
}

fn binary(name: &str, width: u32, a: u128, b: u128) -> Option<Result<i128, Trap>> {
    // The suffix says what the operands are.
    let (name, is_signed) = match name.strip_suffix("_u") {
        Some(name) => (name, false),
        None => (name.strip_suffix("_s").unwrap_or(name), true),
    };
    let number = |bits: u128| if is_signed { signed(bits, width) } else { bits.cast_signed() };
    let (x, y) = (number(a), number(b));
    let (least, greatest) = match is_signed {
        true => (-1_i128 << (width - 1), (1_i128 << (width - 1)) - 1),
        false => (0, (1_i128 << width) - 1),
    };
    let count = (b % u128::from(width)) as u32;
    let bits_back = width - count;
    Some(Ok(match name {
        "add" => x + y,
        "sub" => x - y,
        "mul" => x.wrapping_mul(y),
        "div" | "rem" if y == 0 => return Some(Err(Trap::IntegerDivideByZero)),
        "div" if x / y > greatest => return Some(Err(Trap::IntegerOverflow)),
        "div" => x / y,
        "rem" => x % y,
        "and" => x & y,
        "or" => x | y,
        "xor" => x ^ y,
        "andnot" => x & !y,
        "shl" => x << count,
        "shr" => x >> count,
        "rotl" => (a << count | a >> bits_back).cast_signed(),
        "rotr" => (a >> count | a << bits_back).cast_signed(),
        "add_sat" => (x + y).clamp(least, greatest),
        "sub_sat" => (x - y).clamp(least, greatest),
        "min" => x.min(y),
        "max" => x.max(y),
        "avgr" => (x + y + 1).div_euclid(2),
        "q15mulr_sat" => (x * y + 0x4000).div_euclid(0x8000).clamp(least, greatest),
        _ => i128::from(compare(name, x, y)?),
    }))
}

/// What a comparison says, if it is one.
pub(super) fn compare<T: PartialOrd>(name: &str, x: T, y: T) -> Option<bool> {
    Some(match name {
        "eq" => x == y,
        "ne" => x != y,
        "lt" => x < y,
        "gt" => x > y,
        "le" => x <= y,
        "ge" => x >= y,
        _ => return None,
    })
}
