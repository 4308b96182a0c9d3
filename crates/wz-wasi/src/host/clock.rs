//! Reading clocks.

use wz_api::Caller;

use super::Outcome;
use crate::Errno;
use crate::abi::Guest;
use crate::clock::ClockId;
use crate::state::WasiState;

pub(super) fn clock_res_get(caller: &mut Caller<'_>, id: u32, resolution: u32) -> Outcome {
    let id = ClockId::from_raw(id).ok_or(Errno::Invalid)?;
    let guest = Guest::of(caller)?;
    Ok(guest.write_u64(resolution, WasiState::of(caller).clocks.resolution_ns(id))?)
}

pub(super) fn clock_time_get(caller: &mut Caller<'_>, id: u32, _precision: u64, timestamp: u32) -> Outcome {
    let id = ClockId::from_raw(id).ok_or(Errno::Invalid)?;
    let guest = Guest::of(caller)?;
    guest.check(timestamp, 8)?;
    Ok(guest.write_u64(timestamp, WasiState::of(caller).clocks.now_ns(id))?)
}
