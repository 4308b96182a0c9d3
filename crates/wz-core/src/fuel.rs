//! [`Fuel`]: what metered calls consume.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wz_api::Context;

/// A tank of fuel. Clones share it. Calls find it in their context, see [`with_fuel`].
///
/// A call takes all that is in the tank and puts back what is left when it ends, and while it is
/// in host functions. One thread at a time can thus run on a tank: others find it empty.
#[derive(Clone, Debug)]
pub struct Fuel(Arc<AtomicU64>);

impl Fuel {
    /// A tank with this many units.
    #[must_use]
    pub fn new(units: u64) -> Self {
        Self(Arc::new(AtomicU64::new(units)))
    }

    /// The units left; 0 while a guest runs on them.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Adds units; at most `u64::MAX` are kept. What is added while a guest runs counts from its
    /// next host call.
    pub fn add(&self, units: u64) {
        let sum = |remaining: u64| Some(remaining.saturating_add(units));
        // `sum` always gives a value, so that this cannot fail.
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, sum);
    }

    /// Takes `units` out, if there are as many; if not, the tank is empty.
    pub(crate) fn consume(&self, units: u64) -> bool {
        let take = |remaining: u64| Some(remaining.saturating_sub(units));
        let before = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, take);
        before.unwrap_or_default() >= units
    }

    /// Takes everything out.
    pub(crate) fn take(&self) -> u64 {
        self.0.swap(0, Ordering::AcqRel)
    }
}

/// Derives a context whose calls consume from this tank.
#[must_use]
pub fn with_fuel(cx: &Context, fuel: &Fuel) -> Context {
    cx.with_value(fuel.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tanks_are_shared_and_do_not_overflow() {
        let fuel = Fuel::new(10);
        let cx = with_fuel(&Context::background(), &fuel);
        let tank = cx.value::<Fuel>().unwrap();
        assert!(tank.consume(4));
        assert_eq!(fuel.remaining(), 6);
        assert!(!tank.consume(7));
        assert_eq!(fuel.remaining(), 0);
        fuel.add(5);
        assert_eq!((tank.take(), fuel.remaining()), (5, 0));
        fuel.add(u64::MAX);
        fuel.add(u64::MAX);
        assert_eq!(fuel.remaining(), u64::MAX);
    }
}
