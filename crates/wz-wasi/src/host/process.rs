//! Ending and yielding.

use wz_api::{Caller, Error};

use super::{Failure, Outcome};
use crate::Errno;
use crate::state::WasiState;

/// Ends the guest; the runtime closes the module.
pub(super) fn proc_exit(_: &mut Caller<'_>, code: u32) -> wz_api::Result<()> {
    Err(Error::exit(code))
}

/// Signals were taken out of WASI before anybody used them.
pub(super) fn proc_raise(_: &mut Caller<'_>, _signal: u32) -> Outcome {
    Err(Errno::NoSystem.into())
}

/// A guest that only ever yields must end too when it should.
pub(super) fn sched_yield(caller: &mut Caller<'_>) -> Outcome {
    WasiState::of(caller).clocks.yield_now();
    caller.interruption().map_or(Ok(()), |error| Err(Failure::Stop(error)))
}
