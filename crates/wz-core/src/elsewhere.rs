//! Mixed mode: an engine has functions of its instances run by another engine, because it has no
//! code for them. The first is the instance's *home*; what the second one runs is *elsewhere*.
//!
//! # How the engines meet
//! - Home calls [`ElsewhereModule::run`] with parameters in slots, in the activation that is
//!   running: fuel, interruption, listeners and what ends the call are the activation's.
//! - The function calls functions of its instance that have code at home, and functions of other
//!   instances, with [`Activation::call_guest`], which enters their homes again. Calls between
//!   functions that are elsewhere may stay there.
//! - A tail call that would leave the outermost function of a run ends the run instead, with a
//!   [`TailCall`]. Home makes that call when the frames of the run are gone, so that tail calls between
//!   engines run in constant space.
//! - A walk over frames is home's. It asks for the frames of a run with
//!   [`ElsewhereModule::next_frame`].

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use wz_api::Trap;
use wz_decode::ModuleInfo;

use crate::activation::Activation;
use crate::engine::{CompileOptions, Frame, FrameCursor, Raised};
use crate::instance::Instance;
use crate::records::{FunctionRecord, InstanceContext};

/// An engine that can run functions of instances that another engine made.
pub trait Elsewhere: Send + Sync + fmt::Debug {
    /// What runs functions of this module.
    fn module(&self, info: &Arc<ModuleInfo>, options: &CompileOptions) -> Arc<dyn ElsewhereModule>;
}

/// A module whose functions can be run elsewhere.
pub trait ElsewhereModule: Send + Sync + fmt::Debug {
    /// Runs a function. If it ends with a tail call that leaves the run, `leave` is told that, and the
    /// slots do not have the results.
    ///
    /// # Errors
    /// [`Raised`], with the reason in the activation.
    ///
    /// # Safety
    /// The activation is the thread's innermost, the context of a living instance of the module,
    /// and the slots hold the parameters and have room for the results.
    unsafe fn run(&self, call: &ElsewhereCall<'_>, leave: &mut dyn FnMut(TailCall)) -> Result<(), Raised>;

    /// The next frame of a run, innermost first; as
    /// [`Engine::next_frame`](crate::engine::Engine::next_frame). The cursor's first three words are
    /// for this.
    ///
    /// # Safety
    /// On the thread of the run, which is in a call to the core or to another engine.
    unsafe fn next_frame(&self, call: &ElsewhereCall<'_>, cursor: &mut FrameCursor) -> Option<Frame>;

    /// Whether calls to this defined function within a run tell the core. Calls that are running
    /// keep their version.
    fn set_listened(&self, defined_index: u32, listened: bool);
}

/// A run: a call of a function that is elsewhere.
#[derive(Debug)]
pub struct ElsewhereCall<'a> {
    /// The activation that is running.
    pub activation: &'a Activation,
    /// The instance whose function it is.
    pub context: *const InstanceContext,
    /// The function's index among the defined ones.
    pub function: u32,
    /// Whether it tells listeners of this call itself.
    pub listened: bool,
    /// Parameters in, results out.
    pub slots: *mut u64,
    /// For whoever runs it; null at the start.
    pub state: Cell<*const ()>,
}

/// How a run ended, if not by returning: with a call that is to be made when the run is over, and
/// whose results are those of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TailCall {
    /// The function: a guest's.
    pub record: *const FunctionRecord,
    /// Where the parameters are, until this was told.
    pub arguments: *const u64,
}

impl Activation {
    /// Calls a guest function from one that runs elsewhere, by way of its own engine. `slots` holds
    /// the parameters and gets the results.
    ///
    /// # Errors
    /// If the function does not return, or there is no native stack left.
    ///
    /// # Safety
    /// The activation is the thread's innermost, and the caller's frames can be walked. `record` is
    /// a published guest record of an instance that takes part in the call; `slots` has room for
    /// parameters and results.
    pub unsafe fn call_guest(&self, record: *const FunctionRecord, slots: *mut u64) -> Result<(), Raised> {
        if !self.has_native_stack() {
            return Err(self.raise_trap(Trap::StackOverflow));
        }
        // SAFETY: as the caller says.
        unsafe {
            let instance = Instance::of_context((*record).context.load(Ordering::Acquire));
            instance.code().invoke(self, &*record, slots)
        }
    }
}
