//! The timer: one thread per process that calls back at deadlines. It starts with the first
//! deadline that somebody waits for.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

type Wake = Arc<dyn Fn() + Send + Sync>;

#[derive(Default)]
struct Timer {
    state: Mutex<State>,
    earlier: Condvar,
}

#[derive(Default)]
struct State {
    running: bool,
    /// Until when the thread sleeps, unless it is woken: none for as long as nothing comes.
    sleeps_until: Option<Instant>,
    next_id: u64,
    entries: BTreeMap<(Instant, u64), Wake>,
}

fn process_timer() -> &'static Timer {
    static TIMER: OnceLock<Timer> = OnceLock::new();
    TIMER.get_or_init(Timer::default)
}

/// Calls `wake` at `deadline` on the timer's thread, until the registration is dropped. `wake`
/// is short, does not panic, and may be called right now if the deadline has passed.
#[must_use]
pub(crate) fn at(deadline: Instant, wake: impl Fn() + Send + Sync + 'static) -> TimerRegistration {
    let timer = process_timer();
    let mut state = timer.state.lock();
    if !state.running {
        let spawned = std::thread::Builder::new().name("wz-timer".into()).spawn(|| process_timer().run());
        // Without a thread the next registration tries again; calls still look at their deadline
        // when they begin and end.
        state.running = spawned.is_ok();
    }
    let key = (deadline, state.next_id);
    state.next_id += 1;
    state.entries.insert(key, Arc::new(wake));
    // It is woken for earlier deadlines only, so that calls that come and go do not wake it.
    if state.sleeps_until.is_none_or(|sleeps_until| deadline < sleeps_until) {
        state.sleeps_until = Some(deadline);
        timer.earlier.notify_one();
    }
    TimerRegistration(key)
}

impl Timer {
    fn run(&self) {
        let mut state = self.state.lock();
        loop {
            let next = state.entries.keys().next().map(|(deadline, _)| *deadline);
            state.sleeps_until = next;
            let Some(deadline) = next else {
                self.earlier.wait(&mut state);
                continue;
            };
            if deadline > Instant::now() {
                self.earlier.wait_until(&mut state, deadline);
                continue;
            }
            if let Some((_, wake)) = state.entries.pop_first() {
                parking_lot::MutexGuard::unlocked(&mut state, || wake());
            }
        }
    }
}

/// A registration of [`at`]; dropping it ends it.
#[derive(Debug)]
pub(crate) struct TimerRegistration((Instant, u64));

impl Drop for TimerRegistration {
    fn drop(&mut self) {
        let removed = process_timer().state.lock().entries.remove(&self.0);
        drop(removed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    #[test]
    fn calls_back_in_order_of_deadlines() {
        let (sender, receiver) = mpsc::channel();
        let now = Instant::now();
        let send = |text: &'static str| {
            let sender = sender.clone();
            move || sender.send(text).unwrap()
        };
        let _late = at(now + Duration::from_millis(40), send("late"));
        let ended = at(now + Duration::from_millis(20), send("ended"));
        let _early = at(now + Duration::from_millis(10), send("early"));
        drop(ended);
        let wait = || receiver.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!([wait(), wait()], ["early", "late"]);
        assert!(now.elapsed() >= Duration::from_millis(40));
        let _past = at(now, send("past"));
        assert_eq!(wait(), "past");
    }
}
