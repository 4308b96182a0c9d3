//! [`InstanceListeners`]: the listeners of an instance's functions, which are attached and
//! detached while other threads may run them.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use crate::compiled::CompiledModule;
use crate::listen::{AttachmentId, FunctionListeners, ListenerCell, ListenerSlot, Made, Retired};

/// The listeners of an instance.
#[derive(Default)]
pub(crate) struct InstanceListeners {
    /// By function index, once any function was listened to.
    slots: OnceLock<Box<[ListenerSlot]>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    functions: HashMap<u32, FunctionListeners>,
    /// The functions of each attachment.
    attachments: HashMap<AttachmentId, Vec<u32>>,
    retired: Retired,
}

impl InstanceListeners {
    /// Adds listeners to functions of an instance of `compiled`, after those that they have,
    /// unless this attachment has been made already. From `published` code finds them.
    pub(crate) fn attach(
        &self,
        compiled: &CompiledModule,
        published: &AtomicPtr<ListenerSlot>,
        id: AttachmentId,
        made: &[Made],
    ) {
        if made.is_empty() {
            return;
        }
        let slots = self.slots.get_or_init(|| {
            std::iter::repeat_with(ListenerSlot::new).take(compiled.info().functions.len()).collect()
        });
        published.store(slots.as_ptr().cast_mut(), Ordering::Release);
        let mut garbage = Vec::new();
        let mut state = self.state.lock();
        let State { functions, attachments, retired } = &mut *state;
        if attachments.contains_key(&id) {
            return;
        }
        attachments.insert(id, made.iter().map(|made| made.function).collect());
        for made in made {
            let listeners = functions.entry(made.function).or_default();
            let begins = listeners.is_empty();
            let old = listeners.add(id, made, &slots[made.function as usize]);
            garbage.append(&mut retired.add(old));
            if begins {
                compiled.count_listened(made.function, true);
            }
        }
        drop(state);
        // Listeners are the embedder's: they are dropped outside of the lock.
        drop(garbage);
    }

    /// Takes an attachment's listeners away. Calls that are running keep them.
    pub(crate) fn detach(&self, compiled: &CompiledModule, id: AttachmentId) {
        let Some(slots) = self.slots.get() else { return };
        let mut garbage = Vec::new();
        let mut state = self.state.lock();
        let State { functions, attachments, retired } = &mut *state;
        for function in attachments.remove(&id).unwrap_or_default() {
            let Some(listeners) = functions.get_mut(&function) else { continue };
            let old = listeners.remove(id, &slots[function as usize]);
            garbage.append(&mut retired.add(old));
            if listeners.is_empty() {
                functions.remove(&function);
                compiled.count_listened(function, false);
            }
        }
        drop(state);
        drop(garbage);
    }

    /// The instance is being freed.
    pub(crate) fn dropped(&mut self, compiled: &CompiledModule) {
        for function in self.state.get_mut().functions.keys() {
            compiled.count_listened(*function, false);
        }
    }
}

impl fmt::Debug for InstanceListeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstanceListeners").finish_non_exhaustive()
    }
}

/// The listeners of one host function, for whoever calls it.
pub(crate) struct HostListeners {
    slot: ListenerSlot,
    state: Mutex<(FunctionListeners, Retired)>,
}

impl HostListeners {
    pub(crate) fn new() -> Self {
        Self { slot: ListenerSlot::new(), state: Mutex::default() }
    }

    /// Where they are found.
    #[inline]
    pub(crate) fn slot(&self) -> &ListenerSlot {
        &self.slot
    }

    /// Adds listeners. `changed` is told whether there are any, in the order of changes.
    pub(crate) fn attach(&self, id: AttachmentId, made: &Made, changed: impl FnOnce(bool)) {
        self.change(|listeners, slot| listeners.add(id, made, slot), changed);
    }

    /// Takes an attachment's listeners away, telling `changed` as [`attach`](Self::attach) does.
    pub(crate) fn detach(&self, id: AttachmentId, changed: impl FnOnce(bool)) {
        self.change(|listeners, slot| listeners.remove(id, slot), changed);
    }

    fn change(
        &self,
        change: impl FnOnce(&mut FunctionListeners, &ListenerSlot) -> Option<Arc<ListenerCell>>,
        changed: impl FnOnce(bool),
    ) {
        let mut state = self.state.lock();
        let (listeners, retired) = &mut *state;
        let garbage = retired.add(change(listeners, &self.slot));
        changed(!listeners.is_empty());
        drop(state);
        drop(garbage);
    }
}

impl fmt::Debug for HostListeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostListeners").finish_non_exhaustive()
    }
}
