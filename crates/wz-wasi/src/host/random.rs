//! Random bytes.

use wz_api::Caller;

use super::{Failure, Outcome};
use crate::abi::Guest;
use crate::state::WasiState;

/// How much is made at once, whatever a guest asks for.
const CHUNK: usize = 64 * 1024;

pub(super) fn random_get(caller: &mut Caller<'_>, buf: u32, len: u32) -> Outcome {
    let guest = Guest::of(caller)?;
    guest.check(buf, u64::from(len))?;
    let state = WasiState::of(caller);
    let mut chunk = vec![0; CHUNK.min(len as usize)];
    let (mut at, mut left) = (u64::from(buf), len as usize);
    while left > 0 {
        let part = &mut chunk[..left.min(CHUNK)];
        state.random.fill(part)?;
        guest.write(at, part)?;
        at += part.len() as u64;
        left -= part.len();
        if let Some(error) = caller.interruption() {
            return Err(Failure::Stop(error));
        }
    }
    Ok(())
}
