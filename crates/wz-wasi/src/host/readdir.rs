//! Reading directories. A cookie is a position in the listing that the descriptor took when it was
//! read from the start, so it means the same however the directory changes; reading from the start
//! again sees the changes.

use std::sync::{Arc, PoisonError};

use wz_api::Caller;

use super::Outcome;
use crate::Errno;
use crate::abi::{self, Guest, rights};
use crate::descriptor::Listing;
use crate::state::WasiState;

pub(super) fn fd_readdir(
    caller: &mut Caller<'_>,
    fd: u32,
    buf: u32,
    len: u32,
    cookie: u64,
    used: u32,
) -> Outcome {
    let state = WasiState::of(caller);
    let descriptor = state.descriptors.get(fd)?;
    let directory = descriptor.as_directory(rights::FD_READDIR)?;
    let guest = Guest::of(caller)?;
    guest.check(buf, u64::from(len))?;
    guest.check(used, 4)?;
    let listing = {
        let mut current = directory.listing.lock().unwrap_or_else(PoisonError::into_inner);
        if cookie == 0 {
            // Given back before it is charged again.
            *current = None;
        }
        match &*current {
            Some(listing) => listing.clone(),
            None => {
                let new = Arc::new(Listing::read(&*directory.directory, &state.descriptors.listed)?);
                current.insert(new).clone()
            }
        }
    };
    let entries = usize::try_from(cookie).ok().and_then(|at| listing.entries().get(at..));
    let entries = entries.ok_or(Errno::NoEntry)?;
    let mut written = 0;
    for (index, entry) in entries.iter().enumerate() {
        let next = cookie + index as u64 + 1;
        let name_len = u32::try_from(entry.name.len()).map_err(|_| Errno::Overflow)?;
        let header = abi::dirent(next, entry.inode, name_len, entry.file_type as u8);
        // What does not fit is cut off, be it within the header: a full buffer tells the guest to
        // go on at the last cookie that it got, with a larger one if it got none.
        for part in [&header[..], entry.name.as_bytes()] {
            let part = &part[..part.len().min((len - written) as usize)];
            guest.write(u64::from(buf) + u64::from(written), part)?;
            written += part.len() as u32;
        }
        if written == len {
            break;
        }
    }
    Ok(guest.write_u32(used, written)?)
}
