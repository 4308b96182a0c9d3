//! [`Miscompiling`]: an oracle that executes another operator than the module has, as a wrong
//! compiler would. Tests of the generators as much as of the comparison: every wrong operator
//! must be noticed within a bounded number of seeds.

use wasmparser::{Parser, Payload};

use super::{Case, Observation, Oracle};

/// An operator of one byte that is taken for another with the same operands and result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Miscompile {
    /// What it is.
    pub name: &'static str,
    /// The operator's byte.
    pub from: u8,
    /// The byte of what it is taken for.
    pub to: u8,
}

const fn miscompile(name: &'static str, from: u8, to: u8) -> Miscompile {
    Miscompile { name, from, to }
}

impl Miscompile {
    /// Wrong compilations of the kinds that runtimes have shipped.
    pub const ALL: [Self; 16] = [
        miscompile("i32.add as i32.sub", 0x6a, 0x6b),
        miscompile("i64.and as i64.or", 0x83, 0x84),
        miscompile("i32.lt_s as i32.lt_u", 0x48, 0x49),
        miscompile("i32.eq as i32.ne", 0x46, 0x47),
        miscompile("i32.eqz as i32.clz", 0x45, 0x67),
        miscompile("i32.shl as i32.shr_u", 0x74, 0x76),
        miscompile("i64.shr_s as i64.shr_u", 0x87, 0x88),
        miscompile("i64.rotl as i64.rotr", 0x89, 0x8a),
        miscompile("i64.extend_i32_s as i64.extend_i32_u", 0xac, 0xad),
        miscompile("i32.extend8_s as i32.extend16_s", 0xc0, 0xc1),
        miscompile("i64.mul as i64.add", 0x7e, 0x7c),
        miscompile("i32.div_s as i32.rem_s", 0x6d, 0x6f),
        miscompile("f64.neg as f64.abs", 0x9a, 0x99),
        miscompile("f64.add as f64.mul", 0xa0, 0xa2),
        miscompile("f32.min as f32.max", 0x96, 0x97),
        miscompile("i32.load8_s as i32.load8_u", 0x2c, 0x2d),
    ];

    /// The module with every such operator replaced; none if it has none.
    #[must_use]
    pub fn apply(self, module: &[u8]) -> Option<Vec<u8>> {
        let mut output = module.to_vec();
        for payload in Parser::new(0).parse_all(module) {
            let Payload::CodeSectionEntry(body) = payload.ok()? else { continue };
            for operator in body.get_operators_reader().ok()?.into_iter_with_offsets() {
                let at = usize::try_from(operator.ok()?.1).ok()?;
                if output[at] == self.from {
                    output[at] = self.to;
                }
            }
        }
        (output != module).then_some(output)
    }
}

/// An oracle that miscompiles.
#[derive(Clone, Copy, Debug)]
pub struct Miscompiling<O> {
    /// The oracle.
    pub inner: O,
    /// What it gets wrong.
    pub miscompile: Miscompile,
}

impl<O: Oracle> Oracle for Miscompiling<O> {
    fn name(&self) -> String {
        format!("{} with {}", self.inner.name(), self.miscompile.name)
    }

    fn run(&self, case: &Case) -> Result<Observation, String> {
        let module = self.miscompile.apply(&case.module).ok_or("it has no such operator")?;
        self.inner.run(&Case { module, seed: case.seed })
    }
}
