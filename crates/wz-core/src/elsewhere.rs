//! Mixed mode: an engine has functions of its instances run by another engine, because it has no
//! code for them. The first is the instance's *home*; what the second one runs is *elsewhere*.
//!
//! # How the engines meet
//! A *run* is a call of a function that is elsewhere, with what it calls there. Home begins it, and is
//! told at each [`Step`] what comes next: the run is over, or home is to call a function and then to
//! resume the run. So calls between the engines take nothing of the native stack, however deep they
//! nest: between two steps a run exists in memory only.
//!
//! - A run belongs to the activation that is running: fuel, interruption, listeners and what ends the
//!   call are the activation's.
//! - Functions of the same instance that are elsewhere, too, may be called within the run. Home is
//!   asked for those that it has code for, and those of other instances. Host functions are called
//!   from within.
//! - A tail call that would leave the outermost function of a run ends the run ([`Step::TailCall`]),
//!   so that tail calls between engines run in constant space.
//! - A walk over frames is home's. It asks for the frames of a run with
//!   [`ElsewhereModule::next_frame`].
//!
//! A thread's runs are nested. One whose guest is left for good (a trap further in) is discarded.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use wz_decode::ModuleInfo;

use crate::activation::Activation;
use crate::engine::{CompileOptions, Frame, FrameCursor, Raised, Unwalkable};
use crate::probes::FunctionProbes;
use crate::records::{FunctionRecord, InstanceContext};
use crate::snapshot::SavedFrames;

/// An engine that can run functions of instances that another engine made.
pub trait Elsewhere: Send + Sync + fmt::Debug {
    /// What runs functions of this module.
    fn module(&self, info: &Arc<ModuleInfo>, options: &CompileOptions) -> Arc<dyn ElsewhereModule>;
}

/// A module whose functions can be run elsewhere.
pub trait ElsewhereModule: Send + Sync + fmt::Debug {
    /// Begins a run.
    ///
    /// # Errors
    /// [`Raised`], with the reason in the activation; the run is over.
    ///
    /// # Safety
    /// The activation is the thread's innermost, and the context of a living instance of the module.
    /// The slots hold the parameters and have room for the results, until the run is over.
    unsafe fn begin(&self, call: &ElsewhereCall<'_>) -> Result<Step, Raised>;

    /// Goes on with a run, whose last step was [`Step::Call`]: the function returned.
    ///
    /// # Errors
    /// As for [`begin`](Self::begin).
    ///
    /// # Safety
    /// The run is the thread's innermost, and has not been resumed since that step.
    unsafe fn resume(&self, run: *const ()) -> Result<Step, Raised>;

    /// Ends a run, and all that were begun later on this thread.
    ///
    /// # Safety
    /// The run's last step was [`Step::Call`] or [`Step::TailCall`]. Nothing that was begun later is
    /// inside a step.
    unsafe fn discard(&self, run: *const ());

    /// The next frame of a run, innermost first; as
    /// [`Engine::next_frame`](crate::engine::Engine::next_frame). The cursor's first three words are
    /// for this. They are not all 0 afterwards.
    ///
    /// # Safety
    /// On the thread of the run, which is in a call to the core, or after [`Step::Call`].
    unsafe fn next_frame(&self, run: *const (), cursor: &mut FrameCursor) -> Option<Frame>;

    /// Visits the frames of a run, innermost first, wherever the thread is, as
    /// [`Engine::interrupted_walk`](crate::engine::Engine::interrupted_walk). Async-signal-safe.
    ///
    /// # Errors
    /// If a function was not compiled for that ([`CompileOptions::sampling`]).
    ///
    /// # Safety
    /// On the thread of the run, which is not over.
    unsafe fn walk_interrupted(
        &self,
        run: *const (),
        visit: &mut dyn FnMut(&Frame),
    ) -> Result<(), Unwalkable>;

    /// Copies a run and all that were begun later on this thread: at the last step of the innermost,
    /// or, `in_host_call`, at the call of a host function that is going on in it. None if that is not
    /// possible.
    ///
    /// # Safety
    /// The run is the outermost of its activation, on this thread.
    unsafe fn save(&self, run: *const (), in_host_call: bool) -> Option<SavedFrames>;

    /// Puts back what was saved.
    ///
    /// # Safety
    /// It was saved in the activation that is running, which has no runs now.
    unsafe fn restore(&self, saved: &SavedFrames);

    /// Goes on with a run that was restored and is the innermost: the host function that it had called
    /// returned these results.
    ///
    /// # Errors
    /// As for [`begin`](Self::begin).
    ///
    /// # Safety
    /// It was saved in that host function's call, and the results are of its type.
    unsafe fn resume_restored(&self, run: *const (), results: &[u64]) -> Result<Step, Raised>;

    /// Whether calls to this defined function within a run tell the core. Calls that are running
    /// keep their version.
    fn set_listened(&self, defined_index: u32, listened: bool);

    /// Which probes this defined function has, in calls that begin from now on. Calls that are
    /// running keep their version.
    fn set_probes(&self, defined_index: u32, probes: Option<Arc<FunctionProbes>>);
}

/// A call of a function that is elsewhere.
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
    /// Where home finds the run, whose frames it may want: set before anything is called, and null
    /// before the run is over.
    pub run: &'a Cell<*const ()>,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The function returned, its results are in the slots. The run is over.
    Returned,
    /// Home is to call this guest function and then to resume the run. `values` are its parameters,
    /// and where its results go.
    Call {
        /// The function, of an instance of home's.
        record: *const FunctionRecord,
        /// As many slots as parameters or results take, whichever are more.
        values: *mut u64,
    },
    /// Home is to discard the run, and then to call this guest function, whose results are those of
    /// the function that was elsewhere.
    TailCall {
        /// The function, of an instance of home's.
        record: *const FunctionRecord,
        /// Its parameters.
        arguments: *const u64,
    },
}
