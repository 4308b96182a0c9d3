//! Edge values.

use wz_api::ValueType;

const I32: &[u32] = &[
    0,
    1,
    2,
    7,
    8,
    15,
    16,
    31,
    32,
    63,
    64,
    127,
    128,
    255,
    0x7fff,
    0x8000,
    0xffff,
    0x00ff_ff80,
    0x0100_0001,
    0x7fff_ff80,
    0x7fff_ffff,
    0x8000_0000,
    0x8000_0001,
    0xffff_ff7f,
    0xffff_ff80,
    0xffff_ffff,
    0xdead_beef,
];
const I64: &[u64] = &[
    0,
    1,
    2,
    3,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x1_0000_0001,
    0x7fff_ffff_0000_0001,
    0x8000_0000_0000_0000,
    0x8000_0000_0000_0001,
    0x8000_0000_0000_0400,
    0x8000_0000_0000_0401,
    0x8000_0080_0000_0000,
    0x8000_0080_0000_0001,
    0x0020_0000_0000_0001,
    0x7fff_ffff_ffff_fdff,
    0x7fff_ffff_ffff_fe00,
    0x7fff_ffbf_ffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0xffff_ffff_7fff_ffff,
    0xffff_ffff_8000_0000,
    0xffff_ffff_ffff_fbff,
    0xffff_ffff_ffff_ffff,
    0x1234_5678_9abc_def0,
];
const F32: &[f32] = &[
    0.0,
    0.3,
    0.5,
    0.999_999_94,
    1.0,
    1.5,
    2.5,
    3.0,
    126.9,
    255.5,
    32_768.0,
    8_388_607.5,
    8_388_609.0,
    16_777_216.0,
    2_147_483_520.0,
    2_147_483_648.0,
    2_147_483_904.0,
    4_294_967_040.0,
    4_294_967_296.0,
    9_223_371_487_098_961_920.0,
    9_223_372_036_854_775_808.0,
    9_223_373_136_366_403_584.0,
    18_446_742_974_197_923_840.0,
    18_446_744_073_709_551_616.0,
    f32::MIN_POSITIVE,
    1e-45,
    f32::MAX,
    f32::INFINITY,
];
const F64: &[f64] = &[
    0.0,
    0.3,
    0.5,
    0.999_999_999_999_999_9,
    1.0,
    1.5,
    2.5,
    3.0,
    1e-310,
    1e-40,
    1.000_000_059_604_644_8,
    16_777_217.0,
    2_147_483_647.0,
    2_147_483_647.5,
    2_147_483_648.0,
    2_147_483_648.5,
    2_147_483_649.0,
    4_294_967_294.5,
    4_294_967_295.0,
    4_294_967_295.5,
    4_294_967_296.0,
    4_503_599_627_370_495.5,
    4_503_599_627_370_497.0,
    9_223_372_036_854_774_784.0,
    9_223_372_036_854_775_808.0,
    9_223_372_036_854_777_856.0,
    18_446_744_073_709_549_568.0,
    18_446_744_073_709_551_616.0,
    3.5e38,
    f64::MIN_POSITIVE,
    f64::MAX,
    f64::INFINITY,
];
const F32_NAN: &[u32] = &[0x7fc0_0000, 0xffc0_0000, 0x7fa0_0001, 0xff80_0001, 0x7fff_ffff, 0xffe0_0000];
const F64_NAN: &[u64] = &[
    0x7ff8_0000_0000_0000,
    0xfff8_0000_0000_0000,
    0x7ff4_0000_0000_0001,
    0xfff0_0000_0000_0001,
    0x7fff_ffff_ffff_ffff,
    0xfff8_1234_0000_0000,
];

fn f32s() -> Vec<u128> {
    let numbers = F32.iter().flat_map(|x| [*x, -x]).map(|x| x.to_bits());
    numbers.chain(F32_NAN.iter().copied()).map(u128::from).collect()
}

fn f64s() -> Vec<u128> {
    let numbers = F64.iter().flat_map(|x| [*x, -x]).map(|x| x.to_bits());
    numbers.chain(F64_NAN.iter().copied()).map(u128::from).collect()
}

/// Vectors with all of some lanes' values in some place, each beside others.
fn v128s() -> Vec<u128> {
    let mut vectors = vec![0, u128::MAX, 0x0706_0504_0302_0100_1f0f_100e_800d_0a0b];
    let mut lanes = |width: usize, values: &[u128]| {
        let count = 128 / width;
        let lane = |start: usize, place: usize| values[(start + place * 5) % values.len()];
        for start in (0..values.len()).step_by(count / 2) {
            let vector = (0..count).fold(0, |vector, place| vector | lane(start, place) << (place * width));
            vectors.push(vector);
        }
    };
    let bytes = [0, 1, 2, 0x0f, 0x10, 0x11, 0x55, 0x70, 0x7e, 0x7f, 0x80, 0x81, 0xaa, 0xf0, 0xfe, 0xff];
    lanes(8, &bytes);
    lanes(16, &[0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7f80, 0x7fff, 0x8000, 0x8001, 0xff7f, 0xff80, 0xffff]);
    lanes(32, &I32.iter().map(|x| u128::from(*x)).collect::<Vec<_>>());
    lanes(64, &I64.iter().map(|x| u128::from(*x)).collect::<Vec<_>>());
    lanes(32, &f32s());
    lanes(64, &f64s());
    vectors
}

/// The edge values of a type.
pub(crate) fn edges(ty: ValueType) -> Vec<u128> {
    match ty {
        ValueType::I32 => I32.iter().map(|x| u128::from(*x)).collect(),
        ValueType::I64 => I64.iter().map(|x| u128::from(*x)).collect(),
        ValueType::F32 => f32s(),
        ValueType::F64 => f64s(),
        _ => v128s(),
    }
}

/// A few of them, for constants; more if they are how far something is shifted.
pub(crate) fn some(ty: ValueType, shifts: bool) -> Vec<u128> {
    let edges = edges(ty);
    let step = match ty {
        ValueType::I32 if shifts => 1,
        ValueType::F32 | ValueType::F64 => 9,
        _ => 13,
    };
    edges.into_iter().step_by(step).collect()
}
