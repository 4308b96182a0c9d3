//! Arguments and environment: lists of NUL-terminated strings.

use wz_api::Caller;

use super::Outcome;
use crate::Errno;
use crate::abi::Guest;
use crate::state::WasiState;

pub(super) fn args_get(caller: &mut Caller<'_>, argv: u32, buf: u32) -> Outcome {
    write_strings(caller, &WasiState::of(caller).args, argv, buf)
}

pub(super) fn args_sizes_get(caller: &mut Caller<'_>, count: u32, len: u32) -> Outcome {
    write_sizes(caller, &WasiState::of(caller).args, count, len)
}

pub(super) fn environ_get(caller: &mut Caller<'_>, environ: u32, buf: u32) -> Outcome {
    write_strings(caller, &WasiState::of(caller).environ, environ, buf)
}

pub(super) fn environ_sizes_get(caller: &mut Caller<'_>, count: u32, len: u32) -> Outcome {
    write_sizes(caller, &WasiState::of(caller).environ, count, len)
}

fn size(strings: &[String]) -> u64 {
    strings.iter().map(|string| string.len() as u64 + 1).sum()
}

fn write_sizes(caller: &Caller<'_>, strings: &[String], count: u32, len: u32) -> Outcome {
    let guest = Guest::of(caller)?;
    guest.check(len, 4)?;
    guest.write_u32(count, u32::try_from(strings.len()).map_err(|_| Errno::Overflow)?)?;
    Ok(guest.write_u32(len, u32::try_from(size(strings)).map_err(|_| Errno::Overflow)?)?)
}

/// Writes pointers to `pointers` and the strings to `buf`, both or neither.
fn write_strings(caller: &Caller<'_>, strings: &[String], pointers: u32, buf: u32) -> Outcome {
    let guest = Guest::of(caller)?;
    guest.check(pointers, strings.len() as u64 * 4)?;
    guest.check(buf, size(strings))?;
    let mut at = u64::from(buf);
    for (index, string) in strings.iter().enumerate() {
        guest.write(u64::from(pointers) + index as u64 * 4, &(at as u32).to_le_bytes())?;
        guest.write(at, string.as_bytes())?;
        guest.write(at + string.len() as u64, &[0])?;
        at += string.len() as u64 + 1;
    }
    Ok(())
}
