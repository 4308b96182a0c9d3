//! [`MixedModule`]: functions of another engine's instances, run here because that engine has no code
//! for them.
//!
//! The bytecode differs in calls only. A function's slot holds its bytecode once it was sent here, or
//! a stub that leaves the machine for the other engine; records lead to slots of the same instance, or
//! out. So calls between functions that are here cost what they cost otherwise.
//!
//! A [`Run`] is on the machine's stack below its frames, so that it outlives the native frames that
//! begin and resume it. Runs of an activation are one after the other there.

use std::cell::Cell;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering, compiler_fence};

use wz_api::Trap;
use wz_core::elsewhere::{ElsewhereCall, ElsewhereModule, Step};
use wz_core::engine::{CompileOptions, Frame, FrameCursor, Raised, Unwalkable};
use wz_core::probes::FunctionProbes;
use wz_core::snapshot::SavedFrames;
use wz_decode::ModuleInfo;

use crate::code::Code;
use crate::entry::{Start, raise};
use crate::exec::host::At;
use crate::exec::{Regs, Stop, call, dispatch};
use crate::frames;
use crate::machine::{Entry, Left, Machine};
use crate::module::InterpreterModule;
use crate::snapshot::SavedRuns;

/// A module of another engine.
#[derive(Debug)]
pub(crate) struct MixedModule {
    module: InterpreterModule,
    /// The code of the functions that were sent here, plain and listened, with the probes that they
    /// have; null if there is none.
    entries: Box<[[AtomicPtr<u64>; 2]]>,
}

/// A call of a function that runs here, and what it calls here.
#[repr(C)]
struct Run {
    /// First, so that it is found from the thread's machine.
    machine: Machine,
    entry: Entry,
    start: Start,
    /// The first frame.
    sp: *mut u64,
    /// Where home finds the run, until it is over.
    place: *const Cell<*const ()>,
}

const _: () = assert!(align_of::<Run>() <= align_of::<u64>(), "runs are where slots are");

impl MixedModule {
    pub(crate) fn new(info: &Arc<ModuleInfo>, options: &CompileOptions) -> Self {
        let entries = info.bodies.iter().map(|_| Default::default()).collect();
        Self { module: InterpreterModule::mixed(info, options), entries }
    }

    /// The code of a function that runs here.
    #[inline]
    fn entry(&self, function: u32, listened: bool) -> *const u64 {
        let known = self.entries[function as usize][usize::from(listened)].load(Ordering::Acquire);
        if known.is_null() { self.translate(function, listened) } else { known }
    }

    /// Translates a function, and the version that functions which run here call.
    #[cold]
    fn translate(&self, function: u32, listened: bool) -> *const u64 {
        // The module keeps the code until all calls have ended that may have found it here.
        let place = &self.entries[function as usize][usize::from(listened)];
        let note = |code: &Code| place.store(code.entry().cast_mut(), Ordering::Release);
        let code = self.module.version(function, listened, note);
        self.module.translate(function);
        code.entry()
    }

    fn is_here(&self, function: u32) -> bool {
        let is_known = |entry: &AtomicPtr<u64>| !entry.load(Ordering::Acquire).is_null();
        self.entries[function as usize].iter().any(is_known)
    }
}

impl ElsewhereModule for MixedModule {
    unsafe fn begin(&self, call: &ElsewhereCall<'_>) -> Result<Step, Raised> {
        let start = Start {
            code: self.entry(call.function, call.listened),
            cx: call.context,
            signature: self.module.signature(call.function),
            stack: call.slots,
        };
        let entry = Entry::new(call.activation)?;
        let machine = entry.machine(call.activation, call::EXIT.word(), &raw const self.module);
        let run = entry.sp.cast::<Run>();
        // SAFETY: as the caller says; the run is in the stack if its frame begins there.
        unsafe {
            let sp = entry.sp.wrapping_add(size_of::<Run>().div_ceil(size_of::<u64>()));
            if !start.fits(&machine, sp) {
                return Err(call.activation.raise_trap(Trap::StackOverflow));
            }
            run.write(Run { machine, entry, start, sp, place: call.run });
            let machine = &raw mut (*run).machine;
            (*run).entry.make_current(machine);
            // Signal handlers find it there.
            compiler_fence(Ordering::Release);
            call.run.set(run.cast_const().cast());
            stopped(run, start.execute(machine, sp))
        }
    }

    unsafe fn resume(&self, run: *const ()) -> Result<Step, Raised> {
        let run = run.cast::<Run>().cast_mut();
        // SAFETY: as the caller says, the run has left the machine.
        unsafe { stopped(run, dispatch::execute(Regs::after(&raw mut (*run).machine))) }
    }

    unsafe fn discard(&self, run: *const ()) {
        loop {
            let current = Entry::current().cast::<Run>();
            // SAFETY: the runs that were begun later are on the way, and nothing else, because
            // nothing is inside a step.
            unsafe { end(current.cast_mut()) };
            if current.cast() == run {
                return;
            }
        }
    }

    unsafe fn next_frame(&self, run: *const (), cursor: &mut FrameCursor) -> Option<Frame> {
        // SAFETY: the run is on this thread, and has called out.
        unsafe { frames::next_frame_of(&(*run.cast::<Run>()).machine, cursor) }
    }

    unsafe fn walk_interrupted(
        &self,
        run: *const (),
        visit: &mut dyn FnMut(&Frame),
    ) -> Result<(), Unwalkable> {
        // SAFETY: the run is on this thread, and not over.
        unsafe { frames::walk_noted(&(*run.cast::<Run>()).machine, visit) }
    }

    unsafe fn save(&self, run: *const (), in_host_call: bool) -> Option<SavedFrames> {
        // SAFETY: as the caller says, the machine is that of the innermost run.
        unsafe {
            let machine = Entry::current();
            if in_host_call {
                call::host_call_words((*machine).ip)?;
            }
            let entry = &(*run.cast::<Run>()).entry;
            let saved = SavedRuns::copy(run.cast(), machine, entry)?;
            Some(Arc::new(saved))
        }
    }

    unsafe fn restore(&self, saved: &SavedFrames) {
        let saved = saved.downcast_ref::<SavedRuns>().expect("this engine saved it");
        // SAFETY: as the caller says; the run was the outermost, and its entry holds the stack from
        // now on.
        unsafe {
            let run = saved.put_back().cast::<Run>();
            let entry = &(*run).entry;
            std::mem::forget(entry.stack().cloned());
            entry.make_current(saved.current());
        }
    }

    unsafe fn resume_restored(&self, run: *const (), results: &[u64]) -> Result<Step, Raised> {
        let run = run.cast::<Run>().cast_mut();
        // SAFETY: as the caller says, the machine is as it was when it called the host function.
        unsafe {
            let machine = &raw mut (*run).machine;
            let Machine { ip, sp, cx, .. } = *machine;
            let words = call::host_call_words(ip).expect("it was looked at when the run was saved");
            let regs = Regs::after_host(machine, At { ip, sp, cx }, words, results);
            stopped(run, dispatch::execute(regs))
        }
    }

    fn set_listened(&self, defined_index: u32, listened: bool) {
        self.module.listen(defined_index, listened);
        if self.is_here(defined_index) {
            self.module.translate(defined_index);
        }
    }

    fn set_probes(&self, defined_index: u32, probes: Option<Arc<FunctionProbes>>) {
        self.module.probe(defined_index, probes, || {
            for entry in &self.entries[defined_index as usize] {
                entry.store(std::ptr::null_mut(), Ordering::Release);
            }
        });
    }
}

/// What comes next after a run's machine stopped.
///
/// # Safety
/// The run is the thread's innermost.
unsafe fn stopped(run: *mut Run, stop: Stop) -> Result<Step, Raised> {
    // SAFETY: as the caller says; headers are written by calls.
    unsafe {
        match stop {
            Stop::LEAVE => {
                let machine = &mut (*run).machine;
                let Left { record, values, header } = machine.left;
                let [ip, sp, cx] = header.cast::<[u64; 3]>().read().map(|word| word as usize);
                if ip == (&raw const machine.exit).addr() {
                    return Ok(Step::TailCall { record, arguments: values });
                }
                // The innermost frame is the caller's, from now on.
                let ip = std::ptr::with_exposed_provenance::<u64>(ip);
                let sp = std::ptr::with_exposed_provenance_mut(sp);
                let cx = std::ptr::with_exposed_provenance(cx);
                if machine.note.get().is_some() {
                    // Where it goes on is noted, which says where it called.
                    machine.note.set(ip, sp, cx);
                }
                let ip = ip.sub(1);
                machine.called_out(ip, sp, cx);
                machine.top = header.add(3);
                Ok(Step::Call { record, values })
            }
            Stop::RETURNED => {
                (*run).start.returned((*run).sp);
                end(run);
                Ok(Step::Returned)
            }
            stop => {
                let raised = raise(&*(*run).machine.activation, stop);
                end(run);
                Err(raised)
            }
        }
    }
}

/// Ends a run: the thread's machine is the one around it again.
///
/// # Safety
/// The run is the thread's innermost.
unsafe fn end(run: *mut Run) {
    // SAFETY: as the caller says; the run is not used any more. What it is on may be freed. Where home
    // finds it is on the guest's stack, whose frames are there, or are gone and nothing else is there.
    unsafe {
        (*(*run).place).set(ptr::null());
        compiler_fence(Ordering::Release);
        drop((&raw const (*run).entry).read());
    }
}
