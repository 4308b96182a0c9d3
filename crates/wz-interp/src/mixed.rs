//! [`MixedModule`]: functions of another engine's instances, run here because that engine has no code
//! for them.
//!
//! The bytecode differs in calls only. A function's slot holds its bytecode once it was sent here, or
//! a stub that leaves the machine for the other engine; records lead to slots of the same instance, or
//! out. So calls between functions that are here cost what they cost otherwise.

use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use wz_core::elsewhere::{ElsewhereCall, ElsewhereModule, TailCall};
use wz_core::engine::{CompileOptions, Frame, FrameCursor, Raised};
use wz_decode::ModuleInfo;

use crate::entry::{self, Start};
use crate::frames;
use crate::machine::Machine;
use crate::module::InterpreterModule;

/// A module of another engine.
#[derive(Debug)]
pub(crate) struct MixedModule {
    module: InterpreterModule,
    /// The code of the functions that were sent here, plain and listened; null if there is none.
    entries: Box<[[AtomicPtr<u64>; 2]]>,
}

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
        let code = self.module.version(function, listened);
        self.module.translate(function);
        // The module keeps the code.
        let entry = code.entry();
        self.entries[function as usize][usize::from(listened)].store(entry.cast_mut(), Ordering::Release);
        entry
    }

    fn is_here(&self, function: u32) -> bool {
        let is_known = |entry: &AtomicPtr<u64>| !entry.load(Ordering::Acquire).is_null();
        self.entries[function as usize].iter().any(is_known)
    }
}

impl ElsewhereModule for MixedModule {
    unsafe fn run(&self, call: &ElsewhereCall<'_>, leave: &mut dyn FnMut(TailCall)) -> Result<(), Raised> {
        let start = Start {
            code: self.entry(call.function, call.listened),
            cx: call.context,
            signature: self.module.signature(call.function),
            stack: call.slots,
            mixed: &raw const self.module,
        };
        // SAFETY: as the caller says; the code stays as long as the module.
        unsafe { entry::run(call.activation, &start, |machine| call.state.set(machine.cast()), leave) }
    }

    unsafe fn next_frame(&self, call: &ElsewhereCall<'_>, cursor: &mut FrameCursor) -> Option<Frame> {
        // SAFETY: the state is set while the machine runs, and only to it; it has called out.
        unsafe { frames::next_frame_of(call.state.get().cast::<Machine>().as_ref()?, cursor) }
    }

    fn set_listened(&self, defined_index: u32, listened: bool) {
        self.module.listen(defined_index, listened);
        if self.is_here(defined_index) {
            self.module.translate(defined_index);
        }
    }
}
