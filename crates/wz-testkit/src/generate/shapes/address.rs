//! [`Chain`]: the computation of an address, which the generator follows, so that arguments can be
//! chosen that lead where the generator wants.

use super::{Memory, Shapes};

/// A step of the computation.
#[derive(Clone, Copy, Debug)]
enum Step {
    Add(u64),
    Sub(u64),
    And(u64),
    Or(u64),
    Xor(u64),
    Shl(u32),
    ShrU(u32),
    Mul(u64),
    /// Adds the second parameter.
    AddSecond,
    ExtendU,
    ExtendS,
    Wrap,
}

/// What leads from a parameter of type `i32` to an address.
#[derive(Clone, Debug)]
pub(super) struct Chain(Vec<Step>);

const CONSTANTS: [u64; 22] = [
    1,
    2,
    3,
    4,
    8,
    12,
    16,
    31,
    64,
    255,
    4096,
    65_528,
    65_536,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_0000,
    0xffff_ff80,
    0xffff_fff0,
    0xffff_fff8,
    0xffff_fffc,
    0xffff_fffe,
    0xffff_ffff,
];
const MASKS: [u64; 12] = [
    0xff,
    0xfff8,
    0xfff,
    0xffff,
    0xf_ffff,
    0x1_ffff,
    0x7fff_ffff,
    0xffff_fffc,
    0xffff_fff0,
    0xffff_0000,
    0x8000_ffff,
    0xc000_ffff,
];

impl Chain {
    /// The address that arguments lead to.
    pub(super) fn address(&self, first: u32, second: u32) -> u64 {
        let mut wide = false;
        self.0.iter().fold(u64::from(first), |x, step| {
            let second = if wide { i64::from(second as i32) as u64 } else { second.into() };
            let result = match *step {
                Step::Add(by) => x.wrapping_add(by),
                Step::Sub(by) => x.wrapping_sub(by),
                Step::And(mask) => x & mask,
                Step::Or(bits) => x | bits,
                Step::Xor(bits) => x ^ bits,
                Step::Shl(by) => x << by,
                Step::ShrU(by) => x >> by,
                Step::Mul(by) => x.wrapping_mul(by),
                Step::AddSecond => x.wrapping_add(second),
                Step::ExtendU | Step::Wrap => x,
                Step::ExtendS => i64::from(x as u32 as i32) as u64,
            };
            match step {
                Step::ExtendU | Step::ExtendS => wide = true,
                Step::Wrap => wide = false,
                _ => {}
            }
            if wide { result } else { u64::from(result as u32) }
        })
    }

    /// A first argument that leads to an address, if there is one that is easily found.
    pub(super) fn argument_for(&self, address: u64, second: u32) -> u32 {
        let mut wide = self.0.iter().fold(false, |wide, step| match step {
            Step::ExtendU | Step::ExtendS => true,
            Step::Wrap => false,
            _ => wide,
        });
        let argument = self.0.iter().rev().fold(address, |x, step| {
            let second = if wide { i64::from(second as i32) as u64 } else { second.into() };
            match *step {
                Step::Add(by) => x.wrapping_sub(by),
                Step::Sub(by) => x.wrapping_add(by),
                Step::And(_) => x,
                Step::Or(bits) => x & !bits,
                Step::Xor(bits) => x ^ bits,
                Step::Shl(by) => x >> by,
                Step::ShrU(by) => x << by,
                Step::Mul(by) => {
                    // The inverse of an odd number, by Newton's method.
                    let mut inverse = by;
                    for _ in 0..6 {
                        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(by.wrapping_mul(inverse)));
                    }
                    x.wrapping_mul(inverse)
                }
                Step::AddSecond => x.wrapping_sub(second),
                Step::ExtendU | Step::ExtendS => {
                    wide = false;
                    x
                }
                Step::Wrap => {
                    wide = true;
                    x
                }
            }
        });
        argument as u32
    }

    /// The text, over the two first parameters.
    pub(super) fn text(&self, swap: bool) -> String {
        let mut wide = false;
        self.0.iter().fold("(local.get 0)".to_owned(), |inner, step| {
            let ty = if wide { "i64" } else { "i32" };
            let number = |value: u64| {
                if wide { (value as i64).to_string() } else { (value as u32 as i32).to_string() }
            };
            let constant = |value: u64| format!("({ty}.const {})", number(value));
            let either = |op: &str, value: String| match swap {
                true => format!("({ty}.{op} {value} {inner})"),
                false => format!("({ty}.{op} {inner} {value})"),
            };
            match *step {
                Step::Add(by) => either("add", constant(by)),
                Step::Sub(by) => format!("({ty}.sub {inner} {})", constant(by)),
                Step::And(mask) => either("and", constant(mask)),
                Step::Or(bits) => either("or", constant(bits)),
                Step::Xor(bits) => either("xor", constant(bits)),
                Step::Shl(by) => format!("({ty}.shl {inner} {})", constant(by.into())),
                Step::ShrU(by) => format!("({ty}.shr_u {inner} {})", constant(by.into())),
                Step::Mul(by) => either("mul", constant(by)),
                Step::AddSecond if wide => either("add", "(i64.extend_i32_s (local.get 1))".into()),
                Step::AddSecond => either("add", "(local.get 1)".into()),
                Step::ExtendU => {
                    wide = true;
                    format!("(i64.extend_i32_u {inner})")
                }
                Step::ExtendS => {
                    wide = true;
                    format!("(i64.extend_i32_s {inner})")
                }
                Step::Wrap => {
                    wide = false;
                    format!("(i32.wrap_i64 {inner})")
                }
            }
        })
    }
}

impl Shapes {
    /// A computation for addresses of a memory.
    pub(super) fn chain(&mut self, memory: Memory) -> Chain {
        let most = if self.chance(3) { 1 } else { 4 };
        let mut steps = self.steps(most);
        let extend = |shapes: &mut Self| if shapes.chance(2) { Step::ExtendU } else { Step::ExtendS };
        if memory.wide {
            steps.push(extend(self));
            steps.extend(self.steps(most.min(3)));
        } else if self.chance(6) {
            steps.push(extend(self));
            steps.extend(self.steps(3));
            steps.push(Step::Wrap);
            steps.extend(self.steps(2));
        }
        Chain(steps)
    }

    fn steps(&mut self, most: u64) -> Vec<Step> {
        (0..self.below(most)).map(|_| self.step()).collect()
    }

    fn step(&mut self) -> Step {
        let constant = *self.random.pick(&CONSTANTS);
        match self.below(16) {
            0..=4 => Step::Add(constant),
            5..=6 => Step::Sub(constant),
            7..=10 => Step::And(*self.random.pick(&MASKS)),
            11 => Step::Or(constant),
            12 => Step::Xor(constant),
            13 => match self.below(3) {
                0 => Step::ShrU(1 + self.below(18) as u32),
                _ => Step::Shl(1 + self.below(4) as u32),
            },
            14 => Step::Mul(*self.random.pick(&[3, 5, 9, 12_345])),
            _ => Step::AddSecond,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_lead_to_addresses_mostly() {
        let mut shapes = Shapes::new(1);
        let mut found = 0;
        for round in 0..1000 {
            let wide = round % 2 == 0;
            let chain = shapes.chain(Memory { wide, bytes: 65_536, grows: true });
            let (address, second) = (65_500 + round % 64, shapes.random.word() as u32);
            let argument = chain.argument_for(address, second);
            found += u32::from(chain.address(argument, second) == address);
        }
        assert!(found > 400, "{found}");
    }

    #[test]
    fn what_is_followed_is_what_is_computed() {
        for seed in 0..300 {
            let mut shapes = Shapes::new(seed);
            let chain = shapes.chain(Memory { wide: seed % 2 == 0, bytes: 65_536, grows: true });
            let ty = if seed % 2 == 0 { "i64" } else { "i32" };
            let text = chain.text(seed % 3 == 0);
            let module = format!("(module (func (export \"f\") (param i32 i32) (result {ty}) {text}))");
            let fixture = crate::fixture::Fixture::new(wz::RuntimeConfig::new());
            let function = fixture.module(&module).exported_function("f").unwrap();
            let (first, second) = (shapes.random.word() as u32, shapes.random.word() as u32);
            let result = function.call(&[first.into(), second.into()]).unwrap()[0];
            assert_eq!(result, chain.address(first, second), "{text}");
        }
    }
}
