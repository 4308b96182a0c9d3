//! [`Pattern`]: what of the processor a constant shuffle of bytes is.

use super::opcode::Opcode;

/// How a shuffle is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    /// It is the first operand.
    Identity,
    /// `op(a)` with a byte.
    Unary(Opcode, u8),
    /// `op(a)`: a shift of the whole vector by bytes.
    Shift(Opcode, u8),
    /// `op(a, a)` with a byte.
    Twice(Opcode, u8),
    /// `pshufb` of the first operand.
    Bytes([u8; 16]),
    /// `op(a, b)` with a byte.
    Binary(Opcode, u8),
    /// `op(b, a)` with a byte.
    Swapped(Opcode, u8),
    /// Bytes at their places, of the second operand where the mask is not zero.
    Blend([u8; 16]),
    /// `pshufb` of each operand.
    Both([u8; 16], [u8; 16]),
}

/// A lane that is zero, in `pshufb`.
const ZERO: u8 = 0x80;

/// The lanes and operands so that a shuffle of one operand is one of the first, and that zeros are in
/// the second.
pub(super) fn normalized<T: Copy + PartialEq>(
    lanes: [u8; 16],
    a: T,
    b: T,
    is_zero: impl Fn(T) -> bool,
) -> ([u8; 16], T, T) {
    if a == b {
        (lanes.map(|lane| lane & 15), a, b)
    } else if is_zero(a) || lanes.iter().all(|lane| *lane >= 16) {
        (lanes.map(|lane| lane ^ 16), b, a)
    } else {
        (lanes, a, b)
    }
}

/// What a shuffle is. `zero`: whether the second operand is zero.
pub(super) fn find(lanes: [u8; 16], zero: bool) -> Pattern {
    if lanes.iter().all(|lane| *lane < 16) { find_one(lanes) } else { find_two(lanes, zero) }
}

/// The lanes in units of `N` bytes, if they are such.
fn units<const COUNT: usize>(lanes: &[u8; 16]) -> Option<[u8; COUNT]> {
    let width = 16 / COUNT;
    let mut units = [0; COUNT];
    for (unit, bytes) in units.iter_mut().zip(lanes.chunks_exact(width)) {
        let in_order = bytes.iter().zip(bytes[0]..).all(|(lane, expected)| *lane == expected);
        if usize::from(bytes[0]) % width != 0 || !in_order {
            return None;
        }
        *unit = bytes[0] / width as u8;
    }
    Some(units)
}

/// Four numbers below 4 in a byte.
fn places(places: &[u8]) -> u8 {
    places.iter().rev().fold(0, |byte, place| byte << 2 | place & 3)
}

/// How far the lanes are rotated, if they are consecutive modulo a number.
fn rotation(lanes: &[u8; 16], modulus: u8) -> Option<u8> {
    let first = lanes[0];
    (0..16).all(|lane| lanes[usize::from(lane)] == (first + lane) % modulus).then_some(first)
}

/// Operators that interleave halves: whether the low ones, and how wide the lanes are.
const INTERLEAVES: [(Opcode, bool, u8); 8] = [
    (Opcode::Punpcklbw, true, 1),
    (Opcode::Punpcklwd, true, 2),
    (Opcode::Punpckldq, true, 4),
    (Opcode::Punpcklqdq, true, 8),
    (Opcode::Punpckhbw, false, 1),
    (Opcode::Punpckhwd, false, 2),
    (Opcode::Punpckhdq, false, 4),
    (Opcode::Punpckhqdq, false, 8),
];

/// What interleaves operands of which the bytes count from `a` and from `b`.
fn interleave(lanes: &[u8; 16], a: u8, b: u8) -> Option<Opcode> {
    let is = |low: bool, width: u8| {
        (0..16_u8).all(|lane| {
            let (pair, within) = (lane / (2 * width), lane % width);
            let operand = if (lane / width).is_multiple_of(2) { a } else { b };
            let half = if low { 0 } else { 8 };
            lanes[usize::from(lane)] == operand + half + pair * width + within
        })
    };
    INTERLEAVES.iter().find(|(_, low, width)| is(*low, *width)).map(|(opcode, _, _)| *opcode)
}

fn find_one(lanes: [u8; 16]) -> Pattern {
    if rotation(&lanes, 16) == Some(0) {
        return Pattern::Identity;
    }
    if let Some(words) = units::<4>(&lanes) {
        return Pattern::Unary(Opcode::Pshufd, places(&words));
    }
    if let Some(halves) = units::<8>(&lanes) {
        let is_low = |lanes: &[u8]| lanes.iter().all(|lane| *lane < 4);
        let is_high = |lanes: &[u8]| lanes.iter().all(|lane| *lane >= 4);
        if is_low(&halves[..4]) && halves[4..] == [4, 5, 6, 7] {
            return Pattern::Unary(Opcode::Pshuflw, places(&halves[..4]));
        }
        if is_high(&halves[4..]) && halves[..4] == [0, 1, 2, 3] {
            return Pattern::Unary(Opcode::Pshufhw, places(&halves[4..]));
        }
    }
    if let Some(opcode) = interleave(&lanes, 0, 0) {
        return Pattern::Twice(opcode, 0);
    }
    if let Some(distance) = rotation(&lanes, 16) {
        return Pattern::Twice(Opcode::Palignr, distance);
    }
    Pattern::Bytes(lanes)
}

fn find_two(lanes: [u8; 16], zero: bool) -> Pattern {
    if let Some(opcode) = interleave(&lanes, 0, 16) {
        return Pattern::Binary(opcode, 0);
    }
    if let Some(opcode) = interleave(&lanes, 16, 0) {
        return Pattern::Swapped(opcode, 0);
    }
    if zero && let Some(pattern) = find_with_zero(lanes) {
        return pattern;
    }
    // What is consecutive across the end of an operand. The processor's first operand is the upper one.
    match rotation(&lanes, 32) {
        Some(distance @ ..16) => return Pattern::Swapped(Opcode::Palignr, distance),
        Some(distance) => return Pattern::Binary(Opcode::Palignr, distance - 16),
        None => {}
    }
    let of_b = lanes.map(|lane| if lane >= 16 { 0xff } else { 0 });
    let stays = lanes.iter().enumerate().all(|(place, lane)| usize::from(lane & 15) == place);
    if let (true, Some(halves)) = (stays, units::<8>(&lanes)) {
        let mask = halves.iter().rev().fold(0, |mask, lane| mask << 1 | lane >> 3);
        return Pattern::Binary(Opcode::Pblendw, mask);
    }
    if let Some(words) = units::<4>(&lanes) {
        let is_a = |lanes: &[u8]| lanes.iter().all(|lane| *lane < 4);
        let is_b = |lanes: &[u8]| lanes.iter().all(|lane| *lane >= 4);
        if is_a(&words[..2]) && is_b(&words[2..]) {
            return Pattern::Binary(Opcode::Shufps, places(&words));
        }
        if is_b(&words[..2]) && is_a(&words[2..]) {
            return Pattern::Swapped(Opcode::Shufps, places(&words));
        }
    }
    if stays && !zero {
        return Pattern::Blend(of_b);
    }
    let only = |of_b: bool| lanes.map(|lane| if (lane >= 16) == of_b { lane & 15 } else { ZERO });
    if zero { Pattern::Bytes(only(false)) } else { Pattern::Both(only(false), only(true)) }
}

/// A shuffle of an operand and zeros.
fn find_with_zero(lanes: [u8; 16]) -> Option<Pattern> {
    let shift = |place: &dyn Fn(u8, u8) -> Option<u8>, opcode| {
        (1..16)
            .find(|count| {
                (0..16).all(|lane| {
                    let found = lanes[usize::from(lane)];
                    match place(lane, *count) {
                        Some(expected) => found == expected,
                        None => found >= 16,
                    }
                })
            })
            .map(|count| Pattern::Shift(opcode, count))
    };
    let left = |lane: u8, count: u8| lane.checked_sub(count);
    let right = |lane: u8, count: u8| Some(lane + count).filter(|place| *place < 16);
    shift(&left, Opcode::PslldqBy).or_else(|| shift(&right, Opcode::PsrldqBy))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lanes(lane: impl Fn(u8) -> u8) -> [u8; 16] {
        std::array::from_fn(|index| lane(index as u8))
    }

    #[test]
    fn of_one_operand() {
        let find = |lane: &dyn Fn(u8) -> u8| find(lanes(lane), false);
        assert_eq!(find(&|lane| lane), Pattern::Identity);
        assert_eq!(find(&|lane| lane ^ 4), Pattern::Unary(Opcode::Pshufd, 0xb1));
        assert_eq!(
            find(&|lane| if lane < 8 { lane ^ 6 } else { lane }),
            Pattern::Unary(Opcode::Pshuflw, 0x1b)
        );
        assert_eq!(
            find(&|lane| if lane < 8 { lane } else { lane ^ 6 }),
            Pattern::Unary(Opcode::Pshufhw, 0x1b)
        );
        assert_eq!(find(&|lane| lane / 2), Pattern::Twice(Opcode::Punpcklbw, 0));
        assert_eq!(find(&|lane| (lane + 3) % 16), Pattern::Twice(Opcode::Palignr, 3));
        assert_eq!(find(&|lane| 15 - lane), Pattern::Bytes(lanes(|lane| 15 - lane)));
    }

    #[test]
    fn of_two_operands() {
        let find = |lane: &dyn Fn(u8) -> u8| find(lanes(lane), false);
        let alternate = |first: u8, second: u8| {
            move |lane: u8| lane / 2 + if lane.is_multiple_of(2) { first } else { second }
        };
        assert_eq!(find(&alternate(0, 16)), Pattern::Binary(Opcode::Punpcklbw, 0));
        assert_eq!(find(&alternate(24, 8)), Pattern::Swapped(Opcode::Punpckhbw, 0));
        assert_eq!(find(&|lane| lane + 5), Pattern::Swapped(Opcode::Palignr, 5));
        assert_eq!(find(&|lane| (lane + 21) % 32), Pattern::Binary(Opcode::Palignr, 5));
        let halves = |lane: u8| if (lane / 2).is_multiple_of(2) { lane } else { lane + 16 };
        assert_eq!(find(&halves), Pattern::Binary(Opcode::Pblendw, 0xaa));
        let words = |lane: u8| if lane < 8 { lane ^ 4 } else { lane + 16 };
        assert_eq!(find(&words), Pattern::Binary(Opcode::Shufps, 0xe1));
        let bytes = |lane: u8| if lane.is_multiple_of(2) { lane } else { lane + 16 };
        assert_eq!(find(&bytes), Pattern::Blend(lanes(|lane| if lane.is_multiple_of(2) { 0 } else { 0xff })));
        let any = |lane: u8| if lane == 3 { 16 } else { 15 - lane };
        let of_a = lanes(|lane| if lane == 3 { ZERO } else { 15 - lane });
        let of_b = lanes(|lane| if lane == 3 { 0 } else { ZERO });
        assert_eq!(find(&any), Pattern::Both(of_a, of_b));
    }

    #[test]
    fn with_zero() {
        let find = |lane: &dyn Fn(u8) -> u8| find(lanes(lane), true);
        assert_eq!(find(&|lane| if lane < 3 { 16 } else { lane - 3 }), Pattern::Shift(Opcode::PslldqBy, 3));
        assert_eq!(find(&|lane| if lane > 9 { 31 } else { lane + 6 }), Pattern::Shift(Opcode::PsrldqBy, 6));
        let even = |lane: u8| if lane.is_multiple_of(2) { lane } else { 16 };
        assert_eq!(
            find(&even),
            Pattern::Bytes(lanes(|lane| if lane.is_multiple_of(2) { lane } else { ZERO }))
        );
        assert_eq!(normalized([31; 16], 1, 2, |_| false), ([15; 16], 2, 1));
        assert_eq!(normalized([31; 16], 1, 1, |_| false), ([15; 16], 1, 1));
        assert_eq!(normalized([1; 16], 1, 2, |operand| operand == 1), ([17; 16], 2, 1));
    }
}
