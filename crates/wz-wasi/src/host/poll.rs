//! Waiting for clocks, files, pipes, terminals and sockets at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wz_api::Caller;

use super::{Failure, Outcome};
use crate::abi::{self, Guest, rights};
use crate::clock::{ClockId, Sleep};
use crate::descriptor::{Descriptor, Object};
use crate::fs::{Interest, Readiness};
use crate::state::WasiState;
use crate::wait::{Target, Waiter};
use crate::{Errno, FsResult};

/// The most subscriptions that one call takes.
const MAX_SUBSCRIPTIONS: u32 = 1 << 16;
const SUBSCRIPTION_LEN: u64 = 48;
const EVENT_LEN: u64 = 32;

/// The time of a clock's subscription counts from 0, not from now.
const CLOCK_ABSOLUTE: u16 = 1;

/// What somebody waits for, and under which name.
struct Subscription {
    userdata: u64,
    kind: u8,
    event: Event,
}

enum Event {
    /// It cannot be waited for.
    Failed(Errno),
    /// A clock; how many nanoseconds are left.
    Clock { left_ns: u64 },
    /// A stream.
    Stream { descriptor: Arc<Descriptor>, interest: Interest },
}

pub(super) fn poll_oneoff(
    caller: &mut Caller<'_>,
    subscriptions: u32,
    events: u32,
    count: u32,
    nevents: u32,
) -> Outcome {
    if count == 0 || count > MAX_SUBSCRIPTIONS {
        return Err(Errno::Invalid.into());
    }
    let guest = Guest::of(caller)?;
    guest.check(subscriptions, u64::from(count) * SUBSCRIPTION_LEN)?;
    guest.check(events, u64::from(count) * EVENT_LEN)?;
    guest.check(nevents, 4)?;
    let state = WasiState::of(caller);
    let mut list = Vec::with_capacity(count as usize);
    for index in 0..count {
        let at = u64::from(subscriptions) + u64::from(index) * SUBSCRIPTION_LEN;
        list.push(parse(state, &guest.read_array(at)?)?);
    }
    let ready = wait(caller, state, &list)?;
    for (index, bytes) in ready.iter().enumerate() {
        guest.write(u64::from(events) + index as u64 * EVENT_LEN, bytes)?;
    }
    Ok(guest.write_u32(nevents, ready.len() as u32)?)
}

fn parse(state: &WasiState, bytes: &[u8; SUBSCRIPTION_LEN as usize]) -> FsResult<Subscription> {
    let u64_at = |at: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[at..at + 8]);
        u64::from_le_bytes(word)
    };
    let id = u64_at(16) as u32;
    let kind = bytes[8];
    let event = match kind {
        0 => clock(state, id, u64_at(24), u64_at(40) as u16),
        1 => stream(state, id, Interest::Read),
        2 => stream(state, id, Interest::Write),
        _ => return Err(Errno::Invalid),
    };
    Ok(Subscription { userdata: u64_at(0), kind, event: event.unwrap_or_else(Event::Failed) })
}

fn clock(state: &WasiState, id: u32, timeout: u64, flags: u16) -> FsResult<Event> {
    let id = match ClockId::from_raw(id).ok_or(Errno::Invalid)? {
        // A thread that waits uses no CPU time: it would wait for ever.
        ClockId::ProcessCpu | ClockId::ThreadCpu => return Err(Errno::NotSupported),
        id => id,
    };
    Ok(Event::Clock {
        left_ns: match flags {
            0 => timeout,
            CLOCK_ABSOLUTE => timeout.saturating_sub(state.clocks.now_ns(id)),
            _ => return Err(Errno::Invalid),
        },
    })
}

fn stream(state: &WasiState, fd: u32, interest: Interest) -> FsResult<Event> {
    let descriptor = state.descriptors.get(fd)?;
    if let Object::File(_) = &descriptor.object {
        descriptor.require(match interest {
            Interest::Read => rights::FD_READ,
            Interest::Write => rights::FD_WRITE,
        })?;
        descriptor.require(rights::POLL_FD_READWRITE)?;
    }
    Ok(Event::Stream { descriptor, interest })
}

impl Subscription {
    /// The event that guests get if there is one: clocks are due that had no more than
    /// `elapsed_ns` left.
    fn look(&self, elapsed_ns: Option<u64>) -> Option<[u8; 32]> {
        let (errno, bytes, hangup) = match &self.event {
            Event::Failed(errno) => (*errno, 0, false),
            Event::Clock { left_ns } if elapsed_ns.is_some_and(|elapsed| *left_ns <= elapsed) => {
                (Errno::Success, 0, false)
            }
            Event::Clock { .. } => return None,
            Event::Stream { descriptor, interest } => match &descriptor.object {
                Object::Directory(_) => (Errno::Success, 0, false),
                Object::File(file) => match file.readiness(*interest) {
                    Readiness::Pending => return None,
                    Readiness::Ready { bytes, hangup } => (Errno::Success, bytes, hangup),
                },
            },
        };
        Some(abi::event(self.userdata, errno, self.kind, bytes, hangup))
    }
}

/// Waits until there is an event, and gives all that there are.
fn wait(caller: &Caller<'_>, state: &WasiState, list: &[Subscription]) -> Result<Vec<[u8; 32]>, Failure> {
    let look = |elapsed_ns: Option<u64>| -> Vec<_> {
        list.iter().filter_map(|subscription| subscription.look(elapsed_ns)).collect()
    };
    let ready = look(Some(0));
    if !ready.is_empty() {
        // A guest that does nothing but poll what is ready must end too when it should.
        return caller.interruption().map_or(Ok(ready), |error| Err(Failure::Stop(error)));
    }
    let shortest_ns = list.iter().filter_map(|subscription| match subscription.event {
        Event::Clock { left_ns } => Some(left_ns),
        _ => None,
    });
    let shortest_ns = shortest_ns.min();
    let targets: Vec<_> = list.iter().filter_map(target).collect();
    let started = Instant::now();
    let elapsed_ns = match (shortest_ns, state.clocks.sleep()) {
        (Some(shortest_ns), Sleep::Skip) => Some(shortest_ns),
        (Some(shortest_ns), Sleep::Custom(sleep)) => {
            sleep(Duration::from_nanos(shortest_ns));
            Some(shortest_ns)
        }
        (Some(shortest_ns), Sleep::System) => {
            // A deadline that does not fit never comes.
            let deadline = started.checked_add(Duration::from_nanos(shortest_ns));
            let stream_is_ready = Waiter::new(caller)?.wait(&targets, deadline)?;
            let elapsed_ns = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
            Some(if stream_is_ready { elapsed_ns } else { elapsed_ns.max(shortest_ns) })
        }
        (None, _) => {
            Waiter::new(caller)?.wait(&targets, None)?;
            None
        }
    };
    if let Some(error) = caller.interruption() {
        return Err(Failure::Stop(error));
    }
    let ready = look(elapsed_ns);
    if ready.is_empty() {
        // Another thread took what was there: POSIX calls that EINTR, which guests retry.
        return Err(Errno::Interrupted.into());
    }
    Ok(ready)
}

fn target(subscription: &Subscription) -> Option<Target<'_>> {
    match &subscription.event {
        Event::Stream { descriptor, interest } => match &descriptor.object {
            Object::File(file) => Some(Target { file: &**file, interest: *interest }),
            Object::Directory(_) => None,
        },
        _ => None,
    }
}
