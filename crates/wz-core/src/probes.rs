//! Probes in a module's code: what engines are told of them ([`FunctionProbes`]), and which there
//! are (`ModuleProbes`).
//!
//! A function that has probes gets code of its own, for calls that begin later. Counting is the
//! code's matter: the counter does not move, so that it is one instruction. Everything else comes
//! to [`Activation::probe`].

use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use wz_api::{Error, FunctionDefinition, Result};
use wz_decode::ModuleInfo;
use wz_experimental::{
    Attachment, Counters, Probe, ProbeAction, ProbeOutcome, ProbePoint, ProbeSite, Probes,
};

use crate::activation::Activation;
use crate::compiled::CompiledModule;
use crate::engine::Raised;
use crate::listen::AttachmentId;
use crate::reclaim;
use crate::records::InstanceContext;
use crate::walk::StackWalk;

/// The probes of one function, in the order in which code comes to them: those of its entry, then
/// by offset; at one place in the order in which they were attached. Engines keep it as long as
/// code with these probes can run.
#[derive(Debug)]
pub struct FunctionProbes {
    list: Box<[Arc<ProbeRecord>]>,
}

impl FunctionProbes {
    /// All of them.
    #[must_use]
    pub fn records(&self) -> &[Arc<ProbeRecord>] {
        &self.list
    }

    /// The probes of the function's entry: after `listen_before`, once per call.
    #[must_use]
    pub fn at_entry(&self) -> &[Arc<ProbeRecord>] {
        let end = self.list.partition_point(|record| record.offset().is_none());
        &self.list[..end]
    }

    /// The probes before the operator at an offset in the body of the Code section.
    #[must_use]
    pub fn at(&self, code_offset: u32) -> &[Arc<ProbeRecord>] {
        let start = self.list.partition_point(|record| record.offset() < Some(code_offset));
        let end = self.list.partition_point(|record| record.offset() <= Some(code_offset));
        &self.list[start..end]
    }
}

/// A probe as code knows it: by its address.
pub struct ProbeRecord {
    point: ProbePoint,
    action: Action,
    definition: FunctionDefinition,
    /// The offset of the operator that comes next.
    code_offset: u32,
    /// Code with it may still run, but nothing happens.
    removed: AtomicBool,
    attachment: AttachmentId,
    module: Weak<crate::compiled::Inner>,
}

enum Action {
    Count { counters: Counters, index: usize, limit: Option<u64>, atomic: bool },
    Call(Arc<dyn Probe>),
}

/// What code does at a probe.
#[derive(Clone, Copy, Debug)]
pub enum ProbeCode<'a> {
    /// Adds one to the counter.
    Count {
        /// The counter, which does not move.
        counter: &'a AtomicU64,
        /// Whether that is to be one atomic operation; otherwise a load and a store.
        atomic: bool,
    },
    /// Adds one to the counter if it is below the limit; calls [`Activation::probe`] if it then has
    /// reached the limit.
    CountUpTo {
        /// The counter, which does not move.
        counter: &'a AtomicU64,
        /// The limit.
        limit: u64,
        /// As above.
        atomic: bool,
        /// Whether it is detached: then it does not count any more.
        removed: &'a AtomicBool,
    },
    /// Calls [`Activation::probe`].
    Call,
}

impl ProbeRecord {
    /// What code does.
    #[must_use]
    pub fn code(&self) -> ProbeCode<'_> {
        match &self.action {
            Action::Call(_) => ProbeCode::Call,
            Action::Count { counters, index, limit, atomic } => {
                let (counter, atomic) = (&counters.cells()[*index], *atomic);
                match *limit {
                    None => ProbeCode::Count { counter, atomic },
                    Some(limit) => ProbeCode::CountUpTo { counter, limit, atomic, removed: &self.removed },
                }
            }
        }
    }

    /// The offset in the body of the Code section of the operator that it comes before; none for the
    /// entry.
    #[must_use]
    pub fn offset(&self) -> Option<u32> {
        match self.point {
            ProbePoint::Entry(_) => None,
            ProbePoint::Offset(offset) => Some(offset),
        }
    }

    /// Detaches it.
    fn remove(&self) {
        if self.removed.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Some(module) = self.module.upgrade() {
            let function = self.definition.index();
            CompiledModule::from_inner(module).change_probes(function, |list| {
                list.retain(|record| !std::ptr::eq(&raw const **record, self));
            });
        }
    }
}

impl fmt::Debug for ProbeRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProbeRecord").field("point", &self.point).finish_non_exhaustive()
    }
}

/// The probes of a module's functions, by index.
#[derive(Debug, Default)]
pub(crate) struct ModuleProbes(HashMap<u32, Vec<Arc<ProbeRecord>>>);

impl Activation {
    /// Execution is at a probe that calls, or that has counted up to its limit. The function is the
    /// innermost one that `Engine::next_frame` gives.
    ///
    /// # Errors
    /// If the embedder's function panicked.
    ///
    /// # Safety
    /// `context` is of the instance that runs; `record` is one of the probes of the code that runs.
    pub unsafe fn probe(
        &self,
        context: *const InstanceContext,
        record: *const ProbeRecord,
    ) -> Result<(), Raised> {
        // SAFETY: as the caller says; the engine keeps the probes of code that runs.
        let record = unsafe { &*record };
        let Action::Call(probe) = &record.action else {
            record.remove();
            return Ok(());
        };
        if record.removed.load(Ordering::Relaxed) {
            return Ok(());
        }
        // SAFETY: no event of this activation is going on.
        let module = unsafe { self.module_of(context) };
        let ProbeRecord { definition, point, code_offset, .. } = record;
        let fired = self.outside(|| {
            catch_unwind(AssertUnwindSafe(|| {
                let site = ProbeSite { definition, point: *point, code_offset: *code_offset };
                probe.fire(self.context(), module, &site, &mut StackWalk::of(self, None))
            }))
        });
        match fired {
            Ok(ProbeOutcome::Keep) => Ok(()),
            Ok(ProbeOutcome::Remove) => {
                record.remove();
                Ok(())
            }
            Err(payload) => Err(self.raise_panic(payload)),
        }
    }
}

impl CompiledModule {
    /// Attaches probes to the code of the module, which all its instances run, until the attachment
    /// is dropped. Other threads may run the functions meanwhile; calls that are running keep
    /// the code that they began with.
    ///
    /// # Errors
    /// If a point does not exist, or the engine has no probes.
    pub fn attach_probes(&self, probes: &Probes) -> Result<Attachment> {
        let attachment = AttachmentId::new();
        let mut placed: HashMap<u32, Vec<Arc<ProbeRecord>>> = HashMap::new();
        let mut operators = Operators(self.info(), HashMap::new());
        for (point, action) in probes.list() {
            let (function, code_offset) = operators.place(*point)?;
            let action = match action.clone() {
                ProbeAction::Call(probe) => Action::Call(probe),
                ProbeAction::Count { counters, index, limit } => {
                    Action::Count { counters, index, limit, atomic: probes.is_atomic() }
                }
            };
            placed.entry(function).or_default().push(Arc::new(ProbeRecord {
                point: *point,
                action,
                definition: self.info().function_definition(function),
                code_offset,
                removed: AtomicBool::new(false),
                attachment,
                module: Arc::downgrade(self.inner()),
            }));
        }
        if !placed.is_empty() && !self.engine_module().has_probes() {
            return Err(Error::argument("the engine has no probes"));
        }
        let functions: Vec<u32> = placed.keys().copied().collect();
        for (function, mut records) in placed {
            self.change_probes(function, |list| list.append(&mut records));
        }
        let module = Arc::downgrade(self.inner());
        Ok(Attachment::new(move || {
            let Some(module) = module.upgrade() else { return };
            let module = Self::from_inner(module);
            for function in functions {
                module.change_probes(function, |list| {
                    for record in list.extract_if(.., |record| record.attachment == attachment) {
                        record.removed.store(true, Ordering::Relaxed);
                    }
                });
            }
        }))
    }

    /// The offsets in the body of the Code section at which the basic blocks of a function begin.
    ///
    /// # Errors
    /// If the function does not exist or is imported.
    pub fn block_entries(&self, function: u32) -> Result<Vec<u32>> {
        check_function(self.info(), function)?;
        Ok(wz_decode::block_entries(self.info(), function))
    }

    fn change_probes(&self, function: u32, change: impl FnOnce(&mut Vec<Arc<ProbeRecord>>)) {
        let mut probes = self.probes().lock();
        let list = probes.0.entry(function).or_default();
        // Probes are the embedder's: what goes is dropped outside of the lock.
        let old = list.clone();
        change(list);
        let mut sorted = list.clone();
        sorted.sort_by_key(|record| record.offset());
        let new = (!sorted.is_empty()).then(|| Arc::new(FunctionProbes { list: sorted.into() }));
        if list.is_empty() {
            probes.0.remove(&function);
        }
        let defined = function - self.info().imported.functions;
        self.engine_module().set_probes(defined, new);
        drop(probes);
        drop(old);
        reclaim::collect();
    }
}

fn check_function(info: &ModuleInfo, function: u32) -> Result<()> {
    let defined = info.imported.functions..info.functions.len() as u32;
    match defined.contains(&function) {
        true => Ok(()),
        false => Err(Error::argument(format!("the module defines no function {function}"))),
    }
}

/// The operators of functions.
struct Operators<'a>(&'a ModuleInfo, HashMap<u32, Vec<u32>>);

impl Operators<'_> {
    fn of(&mut self, function: u32) -> &[u32] {
        self.1.entry(function).or_insert_with(|| wz_decode::operator_offsets(self.0, function))
    }

    /// The function that a point is in, and the offset of the operator there.
    fn place(&mut self, point: ProbePoint) -> Result<(u32, u32)> {
        let info = self.0;
        match point {
            ProbePoint::Entry(function) => {
                check_function(info, function)?;
                Ok((function, self.of(function)[0]))
            }
            ProbePoint::Offset(offset) => {
                let position = info.code_start + offset as usize;
                let defined = info.bodies.partition_point(|body| body.range.end <= position);
                let function = info.imported.functions + defined as u32;
                let found = info.bodies.get(defined).is_some_and(|body| body.range.contains(&position));
                match found && self.of(function).binary_search(&offset).is_ok() {
                    true => Ok((function, offset)),
                    false => Err(Error::argument(format!("there is no operator at offset 0x{offset:x}"))),
                }
            }
        }
    }
}
