//! What an engine is to the core: [`Engine`] compiles modules, [`EngineModule`] is a compiled
//! module, [`ModuleCode`] is its code for one kind of instance and runs it. The core owns instances,
//! host calls, listeners and errors; an engine owns code and guest frames.
//!
//! # Running
//! `Function::call` checks arguments, native stack and closedness, makes an
//! [`Activation`] and calls [`ModuleCode::invoke`]. The engine
//! executes until the function returns, calling back into the core for host functions
//! (`Activation::call_host`), listeners (`listen_before`, `listen_after`, `listen_tail_call`) and
//! slow operators (`builtins`). When something ends the call early, the reason is put into the
//! activation (`raise_trap`, `raise`), the engine drops its frames and returns [`Raised`]. The
//! core then tells listeners (`abort`, innermost first) and hands the error to the caller.
//! Nothing unwinds through an engine.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

use wz_api::{CompileProgress, Result};
use wz_decode::ModuleInfo;
pub use wz_experimental::Unwalkable;

use crate::activation::Activation;
use crate::listing::CodeListing;
use crate::probes::FunctionProbes;
use crate::records::{FunctionRecord, InstanceContext};
use crate::snapshot::SavedFrames;

/// The call ends early; the reason is in the activation.
#[derive(Debug)]
pub struct Raised;

/// How modules are compiled.
#[derive(Clone, Debug)]
pub struct CompileOptions {
    /// Consume fuel.
    pub fuel: bool,
    /// Look at the activation's interrupt flag at function entries and loop headers.
    pub interruption: bool,
    /// Compile or translate everything at once instead of functions at their first call.
    pub eager: bool,
    /// Canonical NaNs and fixed results of relaxed operators.
    pub deterministic: bool,
    /// How many threads may compile.
    pub threads: usize,
    /// Whether running code notes where it is, if that is what
    /// [`Engine::interrupted_walk`] takes.
    pub sampling: bool,
}

/// An engine. One serves many runtimes.
pub trait Engine: Send + Sync + 'static {
    /// A short name: `interpreter`, `jit`.
    fn name(&self) -> &'static str;

    /// Prepares a module for running in one runtime. The result may be shared by instances.
    ///
    /// # Errors
    /// If the module exceeds a limit of the engine.
    fn compile(&self, module: &Arc<ModuleInfo>, options: &CompileOptions) -> Result<Arc<dyn EngineModule>>;

    /// As [`compile`](Self::compile), telling `progress` of the functions it compiles at once.
    ///
    /// # Errors
    /// See [`compile`](Self::compile).
    fn compile_watched(
        &self,
        module: &Arc<ModuleInfo>,
        options: &CompileOptions,
        progress: &CompileProgress,
    ) -> Result<Arc<dyn EngineModule>> {
        let _ = progress;
        self.compile(module, options)
    }

    /// Finds the next guest frame of `activation`, innermost first. A cursor starts as
    /// `FrameCursor::default()` and belongs to the engine from then on. Only called on the
    /// activation's thread while the engine is inside one of its calls to the core.
    fn next_frame(&self, activation: &Activation, cursor: &mut FrameCursor) -> Option<Frame>;

    /// Copies the frames of an activation whose guest has called a host function, for going back
    /// there: if [`Activation::take_restored`] gives them when the call has ended early, it goes on.
    /// None if that is not possible.
    fn save(&self, activation: &Activation) -> Option<SavedFrames> {
        let _ = activation;
        None
    }

    /// The function that an address in machine code is of. None if it is none of this engine's, or
    /// was freed.
    fn resolve(&self, address: usize) -> Option<CodeAddress> {
        let _ = address;
        None
    }

    /// What finds the guest frames of an activation in a signal handler.
    fn interrupted_walk(&self) -> InterruptedWalk {
        |_, _, _| Err(Unwalkable)
    }
}

/// What an address in machine code is.
#[derive(Clone, Debug)]
pub struct CodeAddress {
    /// The module.
    pub module: Arc<ModuleInfo>,
    /// The function's index, imports included.
    pub function: u32,
    /// The operator's offset in the body of the Code section.
    pub code_offset: u32,
}

/// Gives the guest frames of an activation, innermost first, in a signal handler: the thread was
/// interrupted anywhere, not only inside a call to the core. Takes no lock and allocates nothing. The
/// second argument is what the handler got as its third, if the activation is the innermost.
///
/// It fails if the frames cannot be found from there; those that were given are not all then.
///
/// # Safety
/// The activation is of the calling thread, on which the signal is being handled.
pub type InterruptedWalk = unsafe fn(
    &Activation,
    Option<NonNull<c_void>>,
    &mut dyn FnMut(&Frame),
) -> std::result::Result<(), Unwalkable>;

/// A compiled module in one runtime.
pub trait EngineModule: Send + Sync + 'static {
    /// The code for an instance. `guarded` says that all memories of the instance, imported ones
    /// included, are [guarded](crate::MemoryInstance::is_guarded), so that accesses need not
    /// be checked.
    ///
    /// # Errors
    /// If the engine has no room for that code.
    fn code(self: Arc<Self>, guarded: bool) -> Result<Arc<dyn ModuleCode>>;

    /// The code of this defined function (imports not counted), for people. None if the engine
    /// cannot show it.
    fn listing(&self, defined_index: u32) -> Option<CodeListing> {
        let _ = defined_index;
        None
    }

    /// Whether calls to this defined function tell the core (`listen_before` and so on). Calls
    /// that are running keep their version. May be called while other threads run the function.
    fn set_listened(&self, defined_index: u32, listened: bool);

    /// Whether the engine executes probes.
    fn has_probes(&self) -> bool {
        false
    }

    /// Which probes this defined function has, in calls that begin from now on; none to have no
    /// trace of them. Calls that are running keep their version. May be called while other threads
    /// run the function, and by the function itself. Only if there are probes.
    fn set_probes(&self, defined_index: u32, probes: Option<Arc<FunctionProbes>>) {
        let _ = (defined_index, probes);
    }
}

/// The code of a module that its instances run, all of them or those of one kind.
pub trait ModuleCode: Send + Sync + 'static {
    /// What [`InstanceContext::engine_data`] holds for instances of this module.
    fn context_data(&self) -> *const ();

    /// What [`FunctionRecord::target`] holds for this defined function (imports not counted).
    fn target(&self, defined_index: u32) -> *const ();

    /// What [`invoke`](Self::invoke) wants to be told beside the record of this function (imports
    /// counted): found once by whoever calls often. It lives as long as the code.
    fn entry(&self, index: u32) -> *const ();

    /// Runs a guest function of this module. `stack` has room for the parameters, which it
    /// holds, and for the results, which are left there.
    ///
    /// # Errors
    /// [`Raised`], with the reason in the activation.
    ///
    /// # Safety
    /// `record` is a published guest record of an instance of this module that stays alive for
    /// the call, `entry` what [`entry`](Self::entry) gives for the function, `activation` is the
    /// thread's innermost, and `stack` is long enough.
    unsafe fn invoke(
        &self,
        activation: &Activation,
        record: &FunctionRecord,
        entry: *const (),
        stack: *mut u64,
    ) -> Result<(), Raised>;

    /// The offset in the body of the Code section for a program counter of a [`Frame`] of this
    /// module; none if it is not one.
    fn code_offset(&self, program_counter: u64) -> Option<u32> {
        u32::try_from(program_counter).ok()
    }
}

/// A position in a walk over guest frames; what the words mean is the engine's matter.
#[derive(Clone, Copy, Debug, Default)]
pub struct FrameCursor {
    /// Whether the walk began.
    pub started: bool,
    /// For the engine.
    pub words: [usize; 6],
}

/// A guest frame.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// The instance whose code runs.
    pub context: *const InstanceContext,
    /// The function's index in its module, imports included.
    pub function: u32,
    /// The offset of the operator in the body of the Code section: the one that called out, or
    /// that calls the next inner frame.
    pub code_offset: u32,
    /// An opaque number for the place in the code; `code_offset` for engines without another.
    pub program_counter: u64,
    /// The parameters' slots, where the engine still has them (they may have been assigned to).
    pub params: Option<*const u64>,
}
