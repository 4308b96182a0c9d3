//! Functions on sockets: connections come from listeners that the embedder opened.

use std::net::Shutdown;

use wz_api::Caller;

use super::{Failure, Outcome, transfer};
use crate::abi::{Guest, checked_flags, fdflags, rights};
use crate::descriptor::{Descriptor, Object};
use crate::fs::{File, Interest, Socket};
use crate::state::WasiState;
use crate::{Errno, FsResult};

const RECEIVE_PEEK: u32 = 1;
const RECEIVE_WAIT_ALL: u32 = 2;

/// The socket behind a descriptor, with these rights; `ENOTSOCK` for anything else.
fn socket(descriptor: &Descriptor, needed: u64) -> FsResult<(&dyn File, &dyn Socket)> {
    let Object::File(file) = &descriptor.object else { return Err(Errno::NotSocket) };
    let socket = file.socket().ok_or(Errno::NotSocket)?;
    descriptor.require(needed)?;
    Ok((&**file, socket))
}

pub(super) fn sock_accept(caller: &mut Caller<'_>, fd: u32, flags: u32, accepted: u32) -> Outcome {
    let state = WasiState::of(caller);
    let descriptor = state.descriptors.get(fd)?;
    let (file, socket) = socket(&descriptor, rights::SOCK_ACCEPT)?;
    let flags = checked_flags(flags, fdflags::NONBLOCK)?;
    let guest = Guest::of(caller)?;
    guest.check(accepted, 4)?;
    // A connection is not taken off the queue for a descriptor that there is no number for.
    state.descriptors.check_room()?;
    let connection = loop {
        match socket.accept() {
            Err(Errno::Again) if !descriptor.is_nonblocking() => {
                transfer::wait(caller, file, Interest::Read)?;
            }
            Err(Errno::Interrupted) => check_interruption(caller)?,
            other => break other?,
        }
    };
    let number = state.descriptors.insert(Descriptor::file(connection, rights::SOCKET, flags))?;
    Ok(guest.write_u32(accepted, number)?)
}

fn check_interruption(caller: &Caller<'_>) -> Outcome {
    caller.interruption().map_or(Ok(()), |error| Err(Failure::Stop(error)))
}

pub(super) fn sock_recv(
    caller: &mut Caller<'_>,
    fd: u32,
    data: u32,
    count: u32,
    flags: u32,
    len: u32,
    out_flags: u32,
) -> Outcome {
    let descriptor = WasiState::of(caller).descriptors.get(fd)?;
    let (file, socket) = socket(&descriptor, rights::FD_READ)?;
    if flags & !(RECEIVE_PEEK | RECEIVE_WAIT_ALL) != 0 {
        return Err(Errno::NotSupported.into());
    }
    let (peek, wait_all) = (flags & RECEIVE_PEEK != 0, flags & RECEIVE_WAIT_ALL != 0);
    let guest = Guest::of(caller)?;
    guest.check(len, 4)?;
    guest.check(out_flags, 2)?;
    let mut ranges = guest.buffers(data, count)?;
    let mut done = 0;
    if peek {
        // What is peeked at stays in the queue, so waiting for all of it could wait for ever.
        while !ranges.is_empty() {
            match transfer::scatter(guest, &ranges, |chunk| socket.receive(chunk, true)) {
                Err(Errno::Again) if !descriptor.is_nonblocking() => {
                    transfer::wait(caller, file, Interest::Read)?;
                }
                Err(Errno::Interrupted) => check_interruption(caller)?,
                other => {
                    done = other? as u32;
                    break;
                }
            }
        }
    } else {
        loop {
            match transfer::read(caller, &descriptor, file, ranges.clone(), None) {
                Err(Failure::Errno(_)) if done > 0 => break,
                Ok(0) => break,
                other => {
                    let part = other?;
                    transfer::advance(&mut ranges, u64::from(part));
                    done += part;
                }
            }
            if !wait_all || ranges.is_empty() {
                break;
            }
        }
    }
    guest.write(u64::from(out_flags), &[0; 2])?;
    Ok(guest.write_u32(len, done)?)
}

pub(super) fn sock_send(
    caller: &mut Caller<'_>,
    fd: u32,
    data: u32,
    count: u32,
    flags: u32,
    len: u32,
) -> Outcome {
    let descriptor = WasiState::of(caller).descriptors.get(fd)?;
    let (file, _) = socket(&descriptor, rights::FD_WRITE)?;
    if flags != 0 {
        return Err(Errno::NotSupported.into());
    }
    let guest = Guest::of(caller)?;
    guest.check(len, 4)?;
    let ranges = guest.buffers(data, count)?;
    let done = transfer::write(caller, &descriptor, file, ranges, None)?;
    Ok(guest.write_u32(len, done)?)
}

pub(super) fn sock_shutdown(caller: &mut Caller<'_>, fd: u32, how: u32) -> Outcome {
    let descriptor = WasiState::of(caller).descriptors.get(fd)?;
    let (_, socket) = socket(&descriptor, rights::SOCK_SHUTDOWN)?;
    let how = match how {
        1 => Shutdown::Read,
        2 => Shutdown::Write,
        3 => Shutdown::Both,
        _ => return Err(Errno::Invalid.into()),
    };
    Ok(socket.shutdown(how)?)
}
