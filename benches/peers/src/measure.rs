//! Interleaved measurement, and what is computed from it.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::clock::Clock;

/// Something that is measured. Owned by the row that measures it.
pub type Subject<'a> = Box<dyn FnMut() -> Result<()> + 'a>;

/// The nanoseconds that a subject took in each round.
#[derive(Clone, Debug, Default)]
pub struct Samples(pub Vec<f64>);

impl Samples {
    pub fn median(&self) -> f64 {
        median(self.0.clone())
    }

    pub fn min(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// Each sample divided by `count`.
    pub fn per(mut self, count: u32) -> Self {
        self.0.iter_mut().for_each(|sample| *sample /= f64::from(count));
        self
    }

    /// How long this takes in relation to another that was measured in the same rounds: the median of the rounds'
    /// ratios, so that a machine that is slower for some rounds is so for both.
    pub fn ratio(&self, other: &Self) -> f64 {
        median(self.0.iter().zip(&other.0).map(|(this, other)| this / other).collect())
    }
}

/// The middle value; of an even number, the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}

/// The geometric mean.
pub fn geometric_mean(values: &[f64]) -> f64 {
    (values.iter().map(|value| value.ln()).sum::<f64>() / values.len() as f64).exp()
}

/// Measures the subjects in rounds: one after the other in each, beginning with another one each time. No round
/// begins after `budget`. A subject that fails is left out from then on.
pub fn interleaved(
    clock: Clock,
    rounds: usize,
    budget: Duration,
    subjects: &mut [Subject<'_>],
) -> Vec<Result<Samples>> {
    let begin = Instant::now();
    let mut samples: Vec<_> = subjects.iter().map(|_| Ok(Samples::default())).collect();
    for round in 0..rounds {
        if round > 0 && begin.elapsed() > budget {
            break;
        }
        for turn in 0..subjects.len() {
            let index = (turn + round) % subjects.len();
            let Ok(Samples(taken)) = &mut samples[index] else { continue };
            let start = clock.now();
            let result = subjects[index]();
            taken.push((clock.now() - start).as_nanos() as f64);
            if let Err(error) = result {
                samples[index] = Err(error);
            }
        }
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_paired() {
        let (one, other) = (Samples(vec![1.0, 20.0, 3.0]), Samples(vec![2.0, 40.0, 6.0]));
        assert_eq!(one.ratio(&other), 0.5);
        assert_eq!(one.median(), 3.0);
        assert_eq!(one.min(), 1.0);
        assert_eq!(Samples(vec![4.0, 2.0]).median(), 3.0);
    }

    #[test]
    fn means_are_geometric() {
        assert!((geometric_mean(&[0.5, 2.0, 8.0]) - 2.0).abs() < 1e-12);
    }

    #[test]
    fn every_subject_gets_every_round() {
        let counts = std::cell::RefCell::new(String::new());
        let subject = |name| -> Subject<'_> { Box::new(|| Ok(counts.borrow_mut().push(name))) };
        let mut subjects = [subject('a'), subject('b'), subject('c')];
        let rounds = |samples: &Result<Samples>| samples.as_ref().unwrap().0.len();
        let samples = interleaved(Clock::Wall, 3, Duration::from_secs(60), &mut subjects);
        assert_eq!(*counts.borrow(), "abcbcacab");
        assert!(samples.iter().all(|samples| rounds(samples) == 3));
        let samples = interleaved(Clock::Wall, 3, Duration::ZERO, &mut subjects);
        assert!(samples.iter().all(|samples| rounds(samples) == 1));
    }

    #[test]
    fn who_fails_is_left_out() {
        let mut calls = 0;
        let failing: Subject<'_> = Box::new(|| {
            calls += 1;
            anyhow::ensure!(calls < 2, "no");
            Ok(())
        });
        let mut subjects = [failing, Box::new(|| Ok(()))];
        let samples = interleaved(Clock::Wall, 4, Duration::from_secs(60), &mut subjects);
        drop(subjects);
        assert!(samples[0].is_err());
        assert_eq!(samples[1].as_ref().unwrap().0.len(), 4);
        assert_eq!(calls, 2);
    }
}
