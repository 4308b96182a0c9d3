//! Runs one module on several runtimes and compares what can be observed: results, memories,
//! globals, tables and the kinds of traps, after every call.
//!
//! [`Case`] says what is run, an [`Oracle`] runs it and gives an [`Observation`], [`compare`]
//! gives the first [`Difference`]. [`Wz`] and [`Wasmi`] are oracles; those that take long to
//! build are in `fuzz/`. [`Round`] is all that is run of a seed.

mod canaries;
mod fault;
mod miscompile;
mod round;
mod wasmi;
mod wz;

use std::fmt;
use std::hash::Hasher;

use wz_api::Trap;

pub use fault::{Fault, Faulty};
pub use miscompile::{Miscompile, Miscompiling};
pub use round::{Outcome, Round};
pub use wasmi::Wasmi;
pub use wz::Wz;

use crate::generate::{Purpose, module_from_bytes, module_from_seed, program_from_seed, shapes_from_seed};
use crate::random::Random;

/// A module and what is called with which arguments.
#[derive(Clone, Debug)]
pub struct Case {
    /// The module, which may import from [`provider`](crate::generate::provider).
    pub module: Vec<u8>,
    /// Determines the arguments.
    pub seed: u64,
}

impl Case {
    /// The case of a seed: even ones have modules of any kind; of the odd ones every other has a dense
    /// program, and every other the shapes that compilers get wrong.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        let module = match seed % 4 {
            0 | 2 => module_from_seed(seed, Purpose::Compare),
            1 => program_from_seed(seed),
            _ => shapes_from_seed(seed),
        };
        Self { module, seed }
    }

    /// The case of a fuzzer's input, if it makes one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_last()?;
        let seed = hash(rest);
        let module = match kind % 4 {
            0 => program_from_seed(seed),
            1 => shapes_from_seed(seed),
            _ => module_from_bytes(rest, Purpose::Compare)?,
        };
        Some(Self { module, seed })
    }

    /// The arguments for the call with this number; references are null.
    #[must_use]
    pub fn arguments(&self, call: usize, types: &[wz_api::ValueType]) -> Vec<Datum> {
        use wz_api::ValueType;
        const INTERESTING: [u64; 12] = [
            0,
            1,
            2,
            0x7fff_ffff,
            0x8000_0000,
            0xffff_ffff,
            0x1_0000_0000,
            i64::MAX as u64,
            i64::MIN as u64,
            u64::MAX,
            0x3ff0_0000_3f80_0000,
            0x7ff8_0000_7fc0_0000,
        ];
        let mut random = Random::new(self.seed ^ ((call as u64 + 1) << 32));
        let mut word = || if random.below(2) == 0 { *random.pick(&INTERESTING) } else { random.word() };
        let datum = |ty: &ValueType| match ty {
            ValueType::I32 => Datum::I32(word() as u32),
            ValueType::I64 => Datum::I64(word()),
            ValueType::F32 => Datum::F32(quiet_f32(word() as u32)),
            ValueType::F64 => Datum::F64(quiet_f64(word())),
            ValueType::V128 => Datum::V128(u128::from(word()) << 64 | u128::from(word())),
            _ => Datum::Reference { null: true },
        };
        types.iter().map(datum).collect()
    }
}

/// Only canonical NaNs go in: hosts may not keep others.
fn quiet_f32(bits: u32) -> u32 {
    if f32::from_bits(bits).is_nan() { 0x7fc0_0000 } else { bits }
}

fn quiet_f64(bits: u64) -> u64 {
    if f64::from_bits(bits).is_nan() { 0x7ff8 << 48 } else { bits }
}

/// Something that runs cases.
pub trait Oracle {
    /// The name of the runtime.
    fn name(&self) -> String;

    /// Runs a case: instantiates the provider and the module, then calls every exported function
    /// in order of the names, each time looking at everything that is exported.
    ///
    /// # Errors
    /// Why the runtime does not run it at all.
    fn run(&self, case: &Case) -> Result<Observation, String>;
}

/// What was seen of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// How instantiation ended, and the state after that.
    pub instantiation: (End, State),
    /// The calls.
    pub calls: Vec<Call>,
}

/// A call of an export.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The name of the export.
    pub name: String,
    /// What it was called with.
    pub arguments: Vec<Datum>,
    /// How it ended.
    pub end: End,
    /// The state after that.
    pub state: State,
    /// What only wz tells.
    pub details: Option<Details>,
}

/// What engines of wz have in common beyond what other runtimes do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// The trap that ended the call, whichever it is.
    pub trap: Option<Trap>,
    /// Where it happened: the functions' indices and the offsets of the operators, innermost first.
    pub frames: Vec<(u32, Option<u32>)>,
    /// The fuel that is left, if there is any.
    pub fuel: Option<u64>,
}

impl Details {
    /// Whether the call ended in a way that engines need not share.
    fn is_unclear(&self) -> bool {
        self.trap == Some(Trap::StackOverflow)
    }
}

impl Observation {
    /// Checks that nothing ended with an error that no generated module can cause.
    ///
    /// # Panics
    /// If something did.
    pub fn assert_no_failure(&self) {
        let ends = std::iter::once(&self.instantiation.0).chain(self.calls.iter().map(|call| &call.end));
        for end in ends {
            assert!(!matches!(end, End::Failed(_)), "{end:?}");
        }
    }
}

/// How something ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// With these results.
    Returned(Vec<Datum>),
    /// With a trap.
    Trapped(Trap),
    /// With an error that no generated module can cause: a difference to every end.
    Failed(String),
    /// In a way that is the runtime's own matter, such as its limits: what comes after cannot be
    /// compared.
    Unclear(String),
}

/// A value as its bits, so that NaNs are equal to themselves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Datum {
    /// An `i32`.
    I32(u32),
    /// An `i64`.
    I64(u64),
    /// An `f32`.
    F32(u32),
    /// An `f64`.
    F64(u64),
    /// A `v128`.
    V128(u128),
    /// A reference; which one is not compared.
    Reference {
        /// Whether it is null.
        null: bool,
    },
}

impl fmt::Debug for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::I32(bits) => write!(f, "i32 {bits:#x}"),
            Self::I64(bits) => write!(f, "i64 {bits:#x}"),
            Self::F32(bits) => write!(f, "f32 {bits:#x}"),
            Self::F64(bits) => write!(f, "f64 {bits:#x}"),
            Self::V128(bits) => write!(f, "v128 {bits:#x}"),
            Self::Reference { null } => f.write_str(if *null { "null" } else { "reference" }),
        }
    }
}

/// What is exported, of the provider and of the module, in order of the names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// The memories: name, size and hash of the content.
    pub memories: Vec<(String, u64, u64)>,
    /// The globals.
    pub globals: Vec<(String, Datum)>,
    /// The tables: name and, for each element, whether it is null.
    pub tables: Vec<(String, Vec<bool>)>,
}

impl State {
    /// Brings everything into the order in which it is compared.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.memories.sort();
        self.globals.sort_by(|a, b| a.0.cmp(&b.0));
        self.tables.sort();
        self
    }
}

/// The hash that oracles use for the content of memories.
#[must_use]
pub fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

/// The first thing that two observations do not have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// In which call; none: during instantiation.
    pub call: Option<String>,
    /// What differs.
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.call {
            Some(name) => write!(f, "after calling \"{name}\": {}", self.what),
            None => write!(f, "after instantiation: {}", self.what),
        }
    }
}

/// Compares two observations up to where one of them becomes unclear; what only wz tells, if both
/// are of wz.
///
/// # Errors
/// The first difference.
pub fn compare(left: &Observation, right: &Observation) -> Result<(), Difference> {
    let ((end, state), (other_end, other_state)) = (&left.instantiation, &right.instantiation);
    let differs =
        |call: Option<&str>, what: String| Err(Difference { call: call.map(ToOwned::to_owned), what });
    if matches!(end, End::Unclear(_)) || matches!(other_end, End::Unclear(_)) {
        return Ok(());
    }
    if let Some(what) = difference(end, other_end, state, other_state) {
        return differs(None, what);
    }
    for (call, other) in left.calls.iter().zip(&right.calls) {
        let name = Some(call.name.as_str());
        if call.name != other.name {
            return differs(name, format!("the other called {:?}", other.name));
        }
        let both = call.details.as_ref().zip(other.details.as_ref());
        let unclear = matches!(call.end, End::Unclear(_)) || matches!(other.end, End::Unclear(_));
        // What is the runtime's own matter is that of all engines of wz, but for the stack's depth.
        if unclear && both.is_none_or(|(left, right)| left.is_unclear() || right.is_unclear()) {
            return Ok(());
        }
        if let Some(what) = difference(&call.end, &other.end, &call.state, &other.state) {
            return differs(name, what);
        }
        if let Some((left, right)) = both.filter(|(left, right)| left != right) {
            return differs(name, format!("{left:?} and {right:?}"));
        }
    }
    if left.calls.len() != right.calls.len() {
        return differs(None, format!("{} and {} calls", left.calls.len(), right.calls.len()));
    }
    Ok(())
}

fn difference(end: &End, other_end: &End, state: &State, other_state: &State) -> Option<String> {
    if end != other_end || matches!(end, End::Failed(_)) {
        return Some(format!("{end:?} and {other_end:?}"));
    }
    (state != other_state).then(|| state_difference(state, other_state))
}

fn state_difference(left: &State, right: &State) -> String {
    fn first<T: fmt::Debug + PartialEq>(what: &str, left: &[T], right: &[T]) -> Option<String> {
        let pair = left.iter().zip(right).find(|(left, right)| left != right);
        let pair = pair.map(|(left, right)| format!("{what} {left:?} and {right:?}"));
        pair.or_else(|| {
            (left.len() != right.len()).then(|| format!("{} and {} {what}", left.len(), right.len()))
        })
    }
    first("memory", &left.memories, &right.memories)
        .or_else(|| first("global", &left.globals, &right.globals))
        .or_else(|| first("table", &left.tables, &right.tables))
        .unwrap_or_default()
}

/// What came of running a case on two runtimes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They agree.
    Same,
    /// One of them does not run the case.
    Skipped(String),
    /// They differ.
    Different(Difference),
}

/// Runs a case on two runtimes and compares.
#[must_use]
pub fn judge(left: &dyn Oracle, right: &dyn Oracle, case: &Case) -> Verdict {
    let observations = left.run(case).and_then(|left| Ok((left, right.run(case)?)));
    match observations {
        Err(why) => Verdict::Skipped(why),
        Ok((left, right)) => compare(&left, &right).map_or_else(Verdict::Different, |()| Verdict::Same),
    }
}
