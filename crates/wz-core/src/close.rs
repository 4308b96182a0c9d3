//! [`Closing`]: whether an instance is closed, and what happens when it is.
//!
//! Once per instance and in this order: event listeners and the close notifier are told; the exit code is set, from
//! when on calls fail; the name is free; running calls and blocked host functions are woken; the
//! hooks of the instance run. An instance that is freed without having been closed gets the
//! notifier and the hooks with code 0.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::Mutex;
use wz_api::Context;
use wz_experimental::{CloseNotifier, Event, EventKinds};

use crate::activation::Payload;
use crate::config::CloseHook;
use crate::instance::Instance;
use crate::instance_events;
use crate::store::StoreInner;

/// How many instances of the process were closed. Counted when calls of one fail already.
pub static CLOSES: AtomicU64 = AtomicU64::new(0);

/// Set in the state of a closed instance, beside its exit code.
const CLOSED: u64 = 1 << 32;

/// The life of an instance as far as it can be closed.
pub(crate) struct Closing {
    /// 0, or `CLOSED` and the exit code.
    state: AtomicU64,
    begun: AtomicBool,
    notifier: Option<Arc<dyn CloseNotifier>>,
    /// The instance of a guest, whose event listeners are told.
    guest: OnceLock<Weak<Instance>>,
    hooks: Mutex<Vec<CloseHook>>,
    /// Where the store lists the instance.
    slot: usize,
    /// Whether calls that entered another instance may be in this one.
    met_others: AtomicBool,
}

impl Closing {
    pub(crate) fn new(slot: usize, cx: &Context, hooks: Vec<CloseHook>) -> Self {
        Self {
            state: AtomicU64::new(0),
            begun: AtomicBool::new(false),
            notifier: wz_experimental::close_notifier(cx).cloned(),
            guest: OnceLock::new(),
            hooks: Mutex::new(hooks),
            slot,
            met_others: AtomicBool::new(false),
        }
    }

    /// It is the closing of this instance.
    pub(crate) fn is_of(&self, instance: Weak<Instance>) {
        // It is told once, when the instance is made.
        let _ = self.guest.set(instance);
    }

    /// Another instance can call functions of this one from now on.
    pub(crate) fn meets_others(&self) {
        self.met_others.store(true, Ordering::SeqCst);
    }

    pub(crate) fn slot(&self) -> usize {
        self.slot
    }

    /// Whether it is not closed.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.state.load(Ordering::SeqCst) == 0
    }

    #[inline]
    pub(crate) fn exit_code(&self) -> Option<u32> {
        match self.state.load(Ordering::SeqCst) {
            0 => None,
            state => Some(state as u32),
        }
    }

    /// Closes, unless that has begun already. A panic of a notifier or hook goes on when
    /// everything else is done.
    pub(crate) fn close(&self, store: &StoreInner, cx: &Context, exit_code: u32) {
        if self.begun.swap(true, Ordering::SeqCst) {
            return;
        }
        let mut panic = self.tell(cx, exit_code).err();
        if let Some(notifier) = &self.notifier {
            let told = catch_unwind(AssertUnwindSafe(|| notifier.close_notify(cx, exit_code)));
            panic = panic.or(told.err());
        }
        self.state.store(CLOSED | u64::from(exit_code), Ordering::SeqCst);
        CLOSES.fetch_add(1, Ordering::SeqCst);
        store.closed_instance(self.slot, self.met_others.load(Ordering::SeqCst));
        panic = self.run_hooks(exit_code).or(panic);
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    /// Tells event listeners.
    fn tell(&self, cx: &Context, exit_code: u32) -> Result<(), Payload> {
        match self.guest.get().and_then(Weak::upgrade) {
            Some(instance) if instance.wants(EventKinds::CLOSE) => {
                instance_events::tell(&instance, cx, None, None, &Event::Close { exit_code })
            }
            _ => Ok(()),
        }
    }

    /// The instance is being freed.
    pub(crate) fn dropped(&mut self) {
        if *self.begun.get_mut() {
            return;
        }
        let notify = |notifier: &Arc<dyn CloseNotifier>| notifier.close_notify(&Context::background(), 0);
        let panic =
            self.notifier.as_ref().and_then(|one| catch_unwind(AssertUnwindSafe(|| notify(one))).err());
        // Freeing happens in destructors, also while a thread panics: what went wrong ends here.
        drop((panic, self.run_hooks(0)));
    }

    fn run_hooks(&self, exit_code: u32) -> Option<Box<dyn std::any::Any + Send>> {
        let hooks = std::mem::take(&mut *self.hooks.lock());
        let mut panic = None;
        for hook in hooks {
            panic = catch_unwind(AssertUnwindSafe(|| hook(exit_code))).err().or(panic);
        }
        panic
    }
}

impl fmt::Debug for Closing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closing").field("exit_code", &self.exit_code()).finish_non_exhaustive()
    }
}
