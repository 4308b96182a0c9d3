//! [`Probe`]: what code does at a probe, and [`ProbeList`]: those of a function.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use wz_core::probes::{FunctionProbes, ProbeCode, ProbeRecord};

/// What code does at a probe. Counters and records are given by their addresses, which do not change
/// as long as there is code with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Probe {
    /// Adds one to a counter.
    Count {
        /// The counter.
        counter: usize,
        /// Whether that is one atomic operation.
        atomic: bool,
        /// Whether code reaches the counter with 32 bits, wherever it will be.
        near: bool,
    },
    /// Adds one to a counter if it is below the limit, and calls the core if it then has reached that.
    CountUpTo {
        /// The counter.
        counter: usize,
        /// The limit.
        limit: u64,
        /// Whether no count is lost and the limit is never passed, whatever others do.
        atomic: bool,
        /// The byte that is not 0 once it does not count any more.
        removed: usize,
        /// The probe, for the core.
        record: usize,
    },
    /// Calls the core.
    Call {
        /// The probe, for the core.
        record: usize,
    },
}

impl Probe {
    /// The name of what it does.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count { atomic: false, .. } => "count",
            Self::Count { atomic: true, .. } => "count_atomic",
            Self::CountUpTo { atomic: false, .. } => "count_up_to",
            Self::CountUpTo { atomic: true, .. } => "count_up_to_atomic",
            Self::Call { .. } => "call",
        }
    }
}

/// The probes of a function, in the order in which code comes to them: those of the entry, then by the
/// offset in the body of the Code section of the operator that they come before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbeList(Vec<(Option<u32>, Probe)>);

impl ProbeList {
    /// No probes.
    pub const NONE: &'static Self = &Self(Vec::new());

    /// Probes with their offsets; none for the entry. At one place they keep their order.
    #[must_use]
    pub fn new(mut probes: Vec<(Option<u32>, Probe)>) -> Self {
        probes.sort_by_key(|(offset, _)| *offset);
        Self(probes)
    }

    /// What the core wants of a function whose code will be somewhere in a range of addresses. It may run as
    /// long as there are these probes.
    #[must_use]
    pub fn of(probes: &FunctionProbes, code: &Range<usize>) -> Self {
        let is_near = |counter: usize| {
            let farthest = counter.abs_diff(code.start).max(counter.abs_diff(code.end));
            farthest < i32::MAX as usize
        };
        let address = |counter: &AtomicU64| std::ptr::from_ref(counter).expose_provenance();
        let probe = |own: &Arc<ProbeRecord>| {
            let record = Arc::as_ptr(own).expose_provenance();
            match own.code() {
                ProbeCode::Count { counter, atomic } => {
                    let counter = address(counter);
                    Probe::Count { counter, atomic, near: is_near(counter) }
                }
                ProbeCode::CountUpTo { counter, limit, atomic, removed } => {
                    let removed = std::ptr::from_ref(removed).expose_provenance();
                    Probe::CountUpTo { counter: address(counter), limit, atomic, removed, record }
                }
                ProbeCode::Call => Probe::Call { record },
            }
        };
        Self(probes.records().iter().map(|record| (record.offset(), probe(record))).collect())
    }

    /// Whether there are none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those of the entry, or those before the operator at an offset.
    pub fn at(&self, offset: Option<u32>) -> impl Iterator<Item = Probe> + use<'_> {
        let start = self.0.partition_point(|(at, _)| *at < offset);
        self.0[start..].iter().take_while(move |(at, _)| *at == offset).map(|(_, probe)| *probe)
    }
}
