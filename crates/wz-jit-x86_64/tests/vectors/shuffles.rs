//! Shuffles: those that the processor has instructions for, and others.

use std::rc::Rc;

use wz_api::ValueType;
use wz_core::numeric::eval;

use crate::support::{Case, check};

fn case(lanes: [u8; 16], body: String, operands: fn(&[u128]) -> [u128; 2], params: usize) -> Case {
    Case {
        name: format!("shuffle {lanes:?}"),
        body,
        params: vec![ValueType::V128; params],
        result: ValueType::V128,
        floats: None,
        operands: Box::new(move |x| operands(x).into()),
        expected: Rc::new(move |x| Ok(eval::shuffle(lanes, x[0], x[1]))),
    }
}

/// A shuffle of two operands, of one twice, and of one and zero.
fn cases(lanes: [u8; 16]) -> [Case; 4] {
    let text: String = lanes.iter().map(|lane| format!(" {lane}")).collect();
    let shuffle = |a: &str, b: &str| format!("(i8x16.shuffle{text} {a} {b})");
    let (a, b, zero) = ("(local.get 0)", "(local.get 1)", "(v128.const i64x2 0 0)");
    [
        case(lanes, shuffle(a, b), |x| [x[0], x[1]], 2),
        case(lanes, shuffle(a, a), |x| [x[0], x[0]], 1),
        case(lanes, shuffle(a, zero), |x| [x[0], 0], 1),
        case(lanes, shuffle(zero, a), |x| [0, x[0]], 1),
    ]
}

fn from(lane: impl Fn(u8) -> u8) -> [u8; 16] {
    std::array::from_fn(|index| lane(index as u8) % 32)
}

#[test]
fn regular() {
    let mut shuffles = Vec::new();
    for start in 0..32 {
        // Rotations, splats, shifts with what comes in from the other operand.
        shuffles.push(from(|lane| lane + start));
        shuffles.push(from(|_| start));
        shuffles.push(from(|lane| if lane < start { 16 } else { lane - start }));
        shuffles.push(from(|lane| if lane + start < 16 { lane + start } else { 16 }));
        // Reversed.
        shuffles.push(from(|lane| (start + 15).wrapping_sub(lane)));
        // Blends.
        shuffles.push(from(|lane| if start >> (lane / 4) & 1 != 0 { lane } else { lane + 16 }));
        shuffles.push(from(|lane| if start >> (lane / 2 % 5) & 1 != 0 { lane } else { lane + 16 }));
        shuffles.push(from(|lane| if start >> (lane % 5) & 1 != 0 { lane } else { lane + 16 }));
    }
    for width in [1, 2, 4, 8] {
        for (first, second) in [(0, 16), (16, 0), (0, 0), (16, 16), (0, 8), (8, 16)] {
            for half in [0, 8] {
                shuffles.push(from(|lane| {
                    let operand = if (lane / width).is_multiple_of(2) { first } else { second };
                    operand + half + lane / (2 * width) * width + lane % width
                }));
            }
        }
    }
    // Words and halves by places.
    for places in 0_u32..256 {
        let place = |index: u8| (places >> (2 * index) & 3) as u8;
        if places.is_multiple_of(3) {
            shuffles.push(from(|lane| place(lane / 4) * 4 + lane % 4));
            shuffles.push(from(|lane| place(lane / 4) * 4 + lane % 4 + if lane < 8 { 0 } else { 16 }));
            shuffles.push(from(|lane| place(lane / 4) * 4 + lane % 4 + if lane < 8 { 16 } else { 0 }));
        }
        if places.is_multiple_of(7) {
            shuffles.push(from(|lane| if lane < 8 { place(lane / 2) * 2 + lane % 2 } else { lane }));
            shuffles.push(from(|lane| if lane < 8 { lane } else { place(lane / 2 - 4) * 2 + lane % 2 + 8 }));
        }
    }
    let cases: Vec<Case> = shuffles.into_iter().flat_map(cases).collect();
    check(&cases);
}

#[test]
fn irregular() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let cases: Vec<Case> =
        (0..60).flat_map(|_| cases(std::array::from_fn(|_| (next() % 32) as u8))).collect();
    check(&cases);
}
