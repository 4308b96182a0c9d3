//! [`Round`]: what is run of a seed. Every seed runs on wasmi, on the interpreter, and on the JIT in one
//! way of compiling and running; which, goes around with the seeds, so that some thousand of them have
//! been everywhere.

use super::{Case, Difference, Observation, Oracle, Wasmi, Wz, compare};
use crate::engines::{EngineUnderTest, engine};
use crate::random::Random;

/// The ways of compiling, by the names of their [engines](crate::engines::engine). Those with a
/// `true` run with memories that nothing but checks protects.
const WAYS: [(&str, bool); 10] = [
    ("jit", false),
    ("jit-checked", true),
    ("jit-base", false),
    ("jit-eager-checked-base", true),
    ("jit", false),
    ("mixed", false),
    ("jit-eager-checked", true),
    ("jit-limited", false),
    ("jit-unsimplified", false),
    ("jit-unoptimized", false),
];

/// What is run of a seed.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// The interpreter.
    pub interpreter: Wz,
    /// The JIT, where there is one.
    pub jit: Option<Wz>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All agree.
    Same,
    /// wasmi does not run it, and the engines agree.
    Skipped(String),
    /// The engines agree with each other, but not with wasmi, which may be wrong.
    WasmiDiffers(Difference),
    /// The engines differ.
    EnginesDiffer(Difference),
}

impl Round {
    /// The round of a seed.
    ///
    /// # Panics
    /// If there is no interpreter.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x0005_eed0_f0da_7a11);
        // Neighbours are modules of different kinds: each of these meets all ways.
        let way = WAYS[(seed / 4 % WAYS.len() as u64) as usize];
        let fuel = match random.below(8) {
            0..=2 => None,
            // Few have enough.
            3 => Some(random.below(2_000)),
            _ => Wz::new(interpreter()).fuel,
        };
        let interruptible = random.below(4) == 0;
        let with = |engine, canaries| Wz { engine, fuel, interruptible, canaries };
        Self { interpreter: with(interpreter(), false), jit: engine(way.0).map(|engine| with(engine, way.1)) }
    }

    /// Runs a case.
    #[must_use]
    pub fn run(&self, case: &Case) -> Outcome {
        let wasmi = Wasmi.run(case);
        let expected = match self.interpreter.run(case) {
            Ok(observation) => observation,
            Err(why) => return Outcome::EnginesDiffer(does_not_run(&self.interpreter, &why)),
        };
        let given = match self.jit.map(|jit| (jit, jit.run(case))) {
            None => None,
            Some((_, Ok(observation))) => Some(observation),
            Some((jit, Err(why))) => return Outcome::EnginesDiffer(does_not_run(&jit, &why)),
        };
        self.judge(wasmi, &expected, given.as_ref())
    }

    fn judge(
        &self,
        wasmi: Result<Observation, String>,
        expected: &Observation,
        given: Option<&Observation>,
    ) -> Outcome {
        if let Some(given) = given
            && let Err(difference) = compare(expected, given)
        {
            return Outcome::EnginesDiffer(difference);
        }
        match wasmi {
            Err(why) => Outcome::Skipped(why),
            Ok(wasmi) => compare(expected, &wasmi).map_or_else(Outcome::WasmiDiffers, |()| Outcome::Same),
        }
    }
}

fn interpreter() -> EngineUnderTest {
    engine("interpreter").expect("the interpreter is everywhere")
}

fn does_not_run(wz: &Wz, why: &str) -> Difference {
    Difference { call: None, what: format!("{wz} does not run it: {why}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_go_everywhere() {
        let rounds: Vec<_> = (0..400).map(Round::of_seed).collect();
        let has =
            |what: &dyn Fn(&Wz) -> bool| rounds.iter().filter(|round| what(&round.interpreter)).count() > 20;
        assert!(has(&|wz| wz.fuel.is_none()) && has(&|wz| wz.interruptible));
        assert!(has(&|wz| wz.fuel.is_some_and(|fuel| fuel < 2_000)));
        let all = WAYS.map(|(name, _)| name).iter().all(|name| engine(name).is_some());
        assert_eq!(all, wz::EngineKind::Jit.is_available());
    }
}
