//! [`Faulty`]: an oracle that reports something else than it saw. Tests of the harness: every
//! fault must be found.

use wz_api::Trap;

use super::{Call, Case, Datum, End, Observation, Oracle};

/// What is reported wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The lowest bit of an integer result is another.
    LowBitOfResult,
    /// The highest bit of an integer result is another: a wrong extension.
    HighBitOfResult,
    /// The sign of a float result is another.
    SignOfResult,
    /// A NaN has another payload.
    PayloadOfNan,
    /// The upper half of a vector result is lost.
    HalfOfVector,
    /// A null reference is none.
    NullOfReference,
    /// A call's writes to memories are lost.
    DroppedWrite,
    /// A memory's growth is lost.
    DroppedGrowth,
    /// A call's writes to globals are lost.
    DroppedGlobal,
    /// A call's writes to tables are lost.
    DroppedElement,
    /// A trap is of another kind.
    KindOfTrap,
    /// A trap does not happen.
    MissedTrap,
    /// A trap happens where none should.
    InventedTrap,
    /// The last call is not made.
    MissedCall,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 14] = [
        Self::LowBitOfResult,
        Self::HighBitOfResult,
        Self::SignOfResult,
        Self::PayloadOfNan,
        Self::HalfOfVector,
        Self::NullOfReference,
        Self::DroppedWrite,
        Self::DroppedGrowth,
        Self::DroppedGlobal,
        Self::DroppedElement,
        Self::KindOfTrap,
        Self::MissedTrap,
        Self::InventedTrap,
        Self::MissedCall,
    ];

    /// Injects the fault once, at the first place where it changes something, and says whether
    /// there was one.
    #[must_use]
    pub fn inject(self, observation: &mut Observation) -> bool {
        if self == Self::MissedCall {
            return observation.calls.pop().is_some();
        }
        let mut before = observation.instantiation.1.clone();
        let mut injected = false;
        for Call { end, state, .. } in &mut observation.calls {
            if matches!(end, End::Unclear(_)) {
                break;
            }
            if injected {
                continue;
            }
            let unchanged = state.clone();
            injected = match self {
                Self::DroppedWrite => state.memories.iter_mut().zip(&before.memories).any(|(now, before)| {
                    let differs = now.1 == before.1 && now.2 != before.2;
                    now.2 = before.2;
                    differs
                }),
                Self::DroppedGrowth => {
                    state.memories.iter_mut().zip(&before.memories).any(|(now, before)| {
                        let differs = now.1 != before.1;
                        now.1 = before.1;
                        differs
                    })
                }
                Self::DroppedGlobal => replace(&mut state.globals, &before.globals),
                Self::DroppedElement => replace(&mut state.tables, &before.tables),
                _ => self.inject_into_end(end),
            };
            before = unchanged;
        }
        injected
    }

    fn inject_into_end(self, end: &mut End) -> bool {
        match (self, &mut *end) {
            (Self::KindOfTrap, End::Trapped(trap)) => {
                *trap = if *trap == Trap::IntegerOverflow {
                    Trap::IntegerDivideByZero
                } else {
                    Trap::IntegerOverflow
                };
                true
            }
            (Self::MissedTrap, End::Trapped(_)) => {
                *end = End::Returned(Vec::new());
                true
            }
            (Self::InventedTrap, End::Returned(_)) => {
                *end = End::Trapped(Trap::Unreachable);
                true
            }
            (_, End::Returned(values)) => values.iter_mut().any(|value| self.inject_into_value(value)),
            _ => false,
        }
    }

    fn inject_into_value(self, value: &mut Datum) -> bool {
        let faulty = match (self, *value) {
            (Self::LowBitOfResult, Datum::I32(bits)) => Datum::I32(bits ^ 1),
            (Self::LowBitOfResult, Datum::I64(bits)) => Datum::I64(bits ^ 1),
            (Self::HighBitOfResult, Datum::I32(bits)) => Datum::I32(bits ^ 1 << 31),
            (Self::HighBitOfResult, Datum::I64(bits)) => Datum::I64(bits ^ 1 << 63),
            (Self::SignOfResult, Datum::F32(bits)) => Datum::F32(bits ^ 1 << 31),
            (Self::SignOfResult, Datum::F64(bits)) => Datum::F64(bits ^ 1 << 63),
            (Self::PayloadOfNan, Datum::F32(bits)) if f32::from_bits(bits).is_nan() => Datum::F32(bits ^ 1),
            (Self::PayloadOfNan, Datum::F64(bits)) if f64::from_bits(bits).is_nan() => Datum::F64(bits ^ 1),
            (Self::HalfOfVector, Datum::V128(bits)) => Datum::V128(bits & u128::from(u64::MAX)),
            (Self::NullOfReference, Datum::Reference { null }) => Datum::Reference { null: !null },
            _ => return false,
        };
        let changed = faulty != *value;
        *value = faulty;
        changed
    }
}

fn replace<T: Clone + PartialEq>(now: &mut Vec<T>, before: &[T]) -> bool {
    let differs = now.as_slice() != before;
    before.clone_into(now);
    differs
}

/// An oracle with a fault.
#[derive(Clone, Copy, Debug)]
pub struct Faulty<O> {
    /// The oracle.
    pub inner: O,
    /// The fault.
    pub fault: Fault,
}

impl<O: Oracle> Oracle for Faulty<O> {
    fn name(&self) -> String {
        format!("{} with fault {:?}", self.inner.name(), self.fault)
    }

    fn run(&self, case: &Case) -> Result<Observation, String> {
        let mut observation = self.inner.run(case)?;
        if self.fault.inject(&mut observation) {
            Ok(observation)
        } else {
            Err("the fault does not apply".into())
        }
    }
}
