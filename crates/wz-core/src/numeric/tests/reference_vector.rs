//! All operators by name: scalars as they are, vectors lane by lane.

use wz_api::Trap;

use super::{join, mask, reference_float, reference_int, signed, split};

/// The width and number kind that a name of a type or shape begins with.
fn shape(name: &str) -> (u32, bool) {
    let digits: String = name[1..].chars().take_while(char::is_ascii_digit).collect();
    (digits.parse().expect("a type's width"), name.starts_with('f'))
}

/// What the operator of that name gives.
pub(super) fn of(name: &str, operands: &[u128]) -> Result<u128, Trap> {
    let (ty, op) = name.split_once('.').expect("a name has a type");
    let (width, is_float) = shape(ty);
    if ty == "v128" {
        return Ok(bitwise(op, operands));
    }
    let is_vector = ty.contains('x');
    if !is_vector {
        return scalar(op, width, is_float, operands);
    }
    let op = op.strip_prefix("relaxed_").unwrap_or(op);
    if let [a, b, c] = *operands {
        return Ok(ternary(op, width, a, b, c));
    }
    if let Some(result) = reshaped(op, width, operands) {
        return Ok(join(&result, width));
    }
    // A shift takes one count for all lanes.
    let lanes: Vec<Vec<u128>> = match (op, operands) {
        ("shl" | "shr_s" | "shr_u", &[a, count]) => {
            split(a, width).into_iter().map(|a| vec![a, count % u128::from(width)]).collect()
        }
        (_, operands) => {
            let split: Vec<_> = operands.iter().map(|operand| split(*operand, width)).collect();
            (0..128 / width as usize).map(|lane| split.iter().map(|lanes| lanes[lane]).collect()).collect()
        }
    };
    let compares = ["eq", "ne", "lt", "gt", "le", "ge"].contains(&op.trim_end_matches(['_', 's', 'u']));
    let mut results = Vec::new();
    for lane in lanes {
        let result = scalar(op, width, is_float, &lane)?;
        results.push(if compares { result * mask(width) } else { result });
    }
    Ok(join(&results, width))
}

/// What an operator gives that takes all bits as one.
fn bitwise(op: &str, operands: &[u128]) -> u128 {
    let bits = |index: usize| (0..128).map(move |bit| operands[index] >> bit & 1 == 1);
    let whole = |bits: Vec<bool>| bits.iter().rev().fold(0, |whole, bit| whole << 1 | u128::from(*bit));
    let two = |f: fn(bool, bool) -> bool| whole(bits(0).zip(bits(1)).map(|(a, b)| f(a, b)).collect());
    match op {
        "not" => whole(bits(0).map(|bit| !bit).collect()),
        "any_true" => bits(0).any(|bit| bit).into(),
        "and" => two(|a, b| a && b),
        "or" => two(|a, b| a || b),
        "xor" => two(|a, b| a != b),
        "andnot" => two(|a, b| a && !b),
        "bitselect" => {
            whole(bits(0).zip(bits(1)).zip(bits(2)).map(|((a, b), c)| if c { a } else { b }).collect())
        }
        _ => panic!("{op} is unknown"),
    }
}

/// What an operator gives that makes each lane of one or two, or is on scalars.
fn scalar(op: &str, width: u32, is_float: bool, operands: &[u128]) -> Result<u128, Trap> {
    let a = operands[0];
    let is_signed = op.ends_with("_s");
    if let Some(from) = op.strip_prefix("trunc_sat_") {
        return Ok(reference_float::saturated(a, shape(from).0, width, is_signed));
    }
    if let Some(from) = op.strip_prefix("trunc_f") {
        return reference_float::truncated(a, shape(&format!("f{from}")).0, width, is_signed);
    }
    if let Some(from) = op.strip_prefix("convert_") {
        return Ok(reference_float::converted(a, shape(from).0, width, is_signed));
    }
    match op {
        "wrap_i64" | "extend_i32_u" => return Ok(a & mask(32)),
        "extend_i32_s" => return Ok(signed(a, 32).cast_unsigned() & mask(64)),
        "promote_f32" | "demote_f64" => return Ok(reference_float::resized(a, width)),
        _ if op.starts_with("reinterpret_") => return Ok(a),
        _ => {}
    }
    match is_float {
        true => reference_float::of(op, width, operands).map(Ok),
        false => reference_int::of(op, width, operands),
    }
    .unwrap_or_else(|| panic!("{op} is unknown"))
}

/// What a vector operator gives whose lanes do not stand for themselves, if it is one: its lanes.
fn reshaped(op: &str, width: u32, operands: &[u128]) -> Option<Vec<u128>> {
    let (count, a, half) = (128 / width as usize, operands[0], width / 2);
    let b = operands.get(1).copied().unwrap_or(0);
    let is_signed = op.ends_with("_s");
    let number = |bits: u128, width: u32| if is_signed { signed(bits, width) } else { bits.cast_signed() };
    let narrow = |operand: u128, lane: usize| number(operand >> (lane as u32 * half) & mask(half), half);
    let lanes =
        |lane: &dyn Fn(usize) -> i128| Some((0..count).map(|index| lane(index).cast_unsigned()).collect());
    let zeros = |lanes: Vec<u128>| Some(lanes.into_iter().chain([0, 0]).collect());
    // A scalar, as the lowest lane of a vector.
    let alone =
        |value: u128| Some((0..count).map(|lane| if lane == 0 { value } else { value >> 127 }).collect());
    let first = if op.contains("_high_") { count } else { 0 };
    match op {
        "splat" => Some(vec![a; count]),
        "all_true" => alone(split(a, width).iter().all(|lane| *lane != 0).into()),
        "bitmask" => {
            let signs =
                split(a, width).into_iter().enumerate().map(|(lane, bits)| bits >> (width - 1) << lane);
            let signs: u128 = signs.sum();
            Some(split(signs, width))
        }
        "swizzle" => lanes(&|lane| *split(a, 8).get(split(b, 8)[lane] as usize).unwrap_or(&0) as i128),
        "q15mulr_s" => lanes(&|lane| {
            let product = signed(split(a, 16)[lane], 16) * signed(split(b, 16)[lane], 16);
            (product + 0x4000).div_euclid(0x8000).min(0x7fff)
        }),
        "dot_i16x8_s" => {
            lanes(&|lane| (0..2).map(|next| narrow(a, 2 * lane + next) * narrow(b, 2 * lane + next)).sum())
        }
        "dot_i8x16_i7x16_s" => lanes(&|lane| {
            let sum =
                (0..2).map(|next| narrow(a, 2 * lane + next) * narrow(b, 2 * lane + next)).sum::<i128>();
            sum.clamp(-0x8000, 0x7fff)
        }),
        "promote_low_f32x4" => {
            Some((0..2).map(|lane| reference_float::resized(split(a, 32)[lane], 64)).collect())
        }
        "demote_f64x2_zero" => {
            zeros(split(a, 64).into_iter().map(|lane| reference_float::resized(lane, 32)).collect())
        }
        "trunc_sat_f64x2_s_zero" | "trunc_f64x2_s_zero" => zeros(
            split(a, 64).into_iter().map(|lane| reference_float::saturated(lane, 64, 32, true)).collect(),
        ),
        "trunc_sat_f64x2_u_zero" | "trunc_f64x2_u_zero" => zeros(
            split(a, 64).into_iter().map(|lane| reference_float::saturated(lane, 64, 32, false)).collect(),
        ),
        "trunc_f32x4_s" | "trunc_f32x4_u" => Some(
            split(a, 32)
                .into_iter()
                .map(|lane| reference_float::saturated(lane, 32, 32, is_signed))
                .collect(),
        ),
        "convert_low_i32x4_s" | "convert_low_i32x4_u" => Some(
            (0..2).map(|lane| reference_float::converted(split(a, 32)[lane], 32, 64, is_signed)).collect(),
        ),
        _ if op.starts_with("extend_") => lanes(&|lane| narrow(a, lane + first)),
        _ if op.starts_with("extmul_") => lanes(&|lane| narrow(a, lane + first) * narrow(b, lane + first)),
        _ if op.starts_with("extadd_") => lanes(&|lane| narrow(a, 2 * lane) + narrow(a, 2 * lane + 1)),
        _ if op.starts_with("narrow_") => {
            let (least, greatest) = match is_signed {
                true => (-1_i128 << (width - 1), (1_i128 << (width - 1)) - 1),
                false => (0, (1_i128 << width) - 1),
            };
            let wide: Vec<u128> = [a, b].into_iter().flat_map(|operand| split(operand, 2 * width)).collect();
            lanes(&|lane| signed(wide[lane], 2 * width).clamp(least, greatest))
        }
        _ => None,
    }
}

/// What a relaxed operator with three operands gives.
fn ternary(op: &str, width: u32, a: u128, b: u128, c: u128) -> u128 {
    let lanes = |f: &dyn Fn(&[u128]) -> u128| {
        let lane = |lane: usize| f(&[a, b, c].map(|operand| split(operand, width)[lane]));
        join(&(0..128 / width as usize).map(lane).collect::<Vec<_>>(), width)
    };
    let float = |op: &str, operands: &[u128]| reference_float::of(op, width, operands).expect("known");
    match op {
        "laneselect" => bitwise("bitselect", &[a, b, c]),
        "madd" => lanes(&|x| float("add", &[float("mul", &x[..2]), x[2]])),
        "nmadd" => lanes(&|x| float("add", &[float("mul", &[float("neg", &x[..1]), x[1]]), x[2]])),
        "dot_i8x16_i7x16_add_s" => {
            let dots = reshaped("dot_i8x16_i7x16_s", 16, &[a, b]).expect("known");
            let sums = reshaped("extadd_pairwise_i16x8_s", 32, &[join(&dots, 16)]).expect("known");
            of("i32x4.add", &[join(&sums, 32), c]).expect("additions do not trap")
        }
        _ => panic!("{op} is unknown"),
    }
}

/// What a load gives of the bytes in memory.
pub(super) fn load(name: &str, bytes: &[u8]) -> u128 {
    let whole = bytes.iter().rev().fold(0, |whole, byte| whole << 8 | u128::from(*byte));
    let (ty, op) = name.split_once(".load").expect("a load");
    let width = 8 * bytes.len() as u32;
    if op.ends_with("splat") {
        return join(&vec![whole; 128 / width as usize], width);
    }
    if let Some((from, _)) = op.split_once('x') {
        let from: u32 = from.parse().expect("a width");
        return of(
            &format!(
                "i{0}x{1}.extend_low_i{from}x{2}{3}",
                2 * from,
                64 / from,
                128 / from,
                &op[op.len() - 2..]
            ),
            &[whole],
        )
        .expect("extensions do not trap");
    }
    if op.ends_with("_s") { signed(whole, width).cast_unsigned() & mask(shape(ty).0) } else { whole }
}
