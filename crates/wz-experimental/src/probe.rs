//! Probes: counters and callbacks at places in code, attached and detached while it runs.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wz_api::{Context, FunctionDefinition, Module};

use crate::stack::StackIterator;

/// Numbers that code counts up. They do not move, so that counting is one instruction. Clones are
/// the same numbers.
#[derive(Clone)]
pub struct Counters(Arc<[AtomicU64]>);

impl Counters {
    /// `len` zeros.
    #[must_use]
    pub fn new(len: usize) -> Self {
        Self(std::iter::repeat_with(AtomicU64::default).take(len).collect())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A number.
    ///
    /// # Panics
    /// If the index is out of range.
    #[must_use]
    pub fn get(&self, index: usize) -> u64 {
        self.0[index].load(Ordering::Relaxed)
    }

    /// All numbers.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u64> {
        self.0.iter().map(|counter| counter.load(Ordering::Relaxed)).collect()
    }

    /// Sets all to zero. What is counted at the same time may be lost.
    pub fn reset(&self) {
        for counter in &*self.0 {
            counter.store(0, Ordering::Relaxed);
        }
    }

    /// The numbers themselves.
    #[doc(hidden)]
    #[must_use]
    pub fn cells(&self) -> &Arc<[AtomicU64]> {
        &self.0
    }
}

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.to_vec()).finish()
    }
}

/// A place in a module's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProbePoint {
    /// The entry of the defined function with this index (imports count), once per call, after
    /// the `before` of listeners.
    Entry(u32),
    /// The operator at this offset in the body of the Code section: each time before it is
    /// executed. A branch to the end of a block or `if` goes to the operator behind its `end`, one
    /// to a loop to the operator behind `loop`. Operators that cannot be reached never fire.
    Offset(u32),
}

/// Whether a probe stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProbeOutcome {
    /// It stays.
    Keep,
    /// It is detached: it is not told again, and code that is entered later is without it.
    Remove,
}

/// Where a probe fired.
#[derive(Clone, Copy, Debug)]
pub struct ProbeSite<'a> {
    /// The function.
    pub definition: &'a FunctionDefinition,
    /// What was asked for.
    pub point: ProbePoint,
    /// The offset in the body of the Code section of the operator that comes next.
    pub code_offset: u32,
}

/// Is called when execution comes to a place.
pub trait Probe: Send + Sync {
    /// Execution in `module` is at the place. `stack` begins with the function that it is in. A
    /// panic ends the call, as that of a host function does.
    fn fire(
        &self,
        cx: &Context,
        module: &Module,
        site: &ProbeSite<'_>,
        stack: &mut dyn StackIterator,
    ) -> ProbeOutcome;
}

/// A closure is a probe.
impl<F> Probe for F
where
    F: Fn(&Context, &Module, &ProbeSite<'_>, &mut dyn StackIterator) -> ProbeOutcome + Send + Sync,
{
    fn fire(
        &self,
        cx: &Context,
        module: &Module,
        site: &ProbeSite<'_>,
        stack: &mut dyn StackIterator,
    ) -> ProbeOutcome {
        self(cx, module, site, stack)
    }
}

/// What happens at a place.
#[doc(hidden)]
#[derive(Clone)]
#[allow(missing_debug_implementations)]
pub enum ProbeAction {
    /// Counts up.
    Count { counters: Counters, index: usize, limit: Option<u64> },
    /// Calls.
    Call(Arc<dyn Probe>),
}

/// A set of probes to be attached at once, with [`attach_probes`](crate::attach_probes) or the
/// method of compiled modules. At one place they fire in the order in which they were added.
///
/// ```
/// use wz_experimental::{Counters, ProbePoint, Probes};
///
/// let counters = Counters::new(2);
/// let probes = Probes::new()
///     .count(ProbePoint::Entry(0), &counters, 0)
///     // Only whether it is reached at all.
///     .count_up_to(ProbePoint::Offset(31), &counters, 1, 1);
/// assert_eq!(probes.len(), 2);
/// ```
#[derive(Clone, Default)]
pub struct Probes {
    list: Vec<(ProbePoint, ProbeAction)>,
    atomic: bool,
}

impl Probes {
    /// No probes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one to a counter each time.
    ///
    /// # Panics
    /// If there is no such counter.
    #[must_use]
    pub fn count(self, point: ProbePoint, counters: &Counters, index: usize) -> Self {
        self.with(point, counters, index, None)
    }

    /// Adds one to a counter each time until it is `limit`, then the probe is detached.
    ///
    /// # Panics
    /// If there is no such counter.
    #[must_use]
    pub fn count_up_to(self, point: ProbePoint, counters: &Counters, index: usize, limit: u64) -> Self {
        self.with(point, counters, index, Some(limit))
    }

    fn with(mut self, point: ProbePoint, counters: &Counters, index: usize, limit: Option<u64>) -> Self {
        assert!(index < counters.len(), "there is no counter {index}, only {}", counters.len());
        self.list.push((point, ProbeAction::Count { counters: counters.clone(), index, limit }));
        self
    }

    /// Calls `probe` each time.
    #[must_use]
    pub fn call(mut self, point: ProbePoint, probe: Arc<dyn Probe>) -> Self {
        self.list.push((point, ProbeAction::Call(probe)));
        self
    }

    /// Whether counts are exact when several threads run the code. Without this, threads may miss
    /// each other's counts; with it, counting costs more.
    #[must_use]
    pub fn exact_under_threads(mut self, exact: bool) -> Self {
        self.atomic = exact;
        self
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The places and what happens there.
    #[doc(hidden)]
    #[must_use]
    pub fn list(&self) -> &[(ProbePoint, ProbeAction)] {
        &self.list
    }

    #[doc(hidden)]
    #[must_use]
    pub fn is_atomic(&self) -> bool {
        self.atomic
    }
}

impl fmt::Debug for Probes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list.iter().map(|(point, _)| point)).finish()
    }
}
