//! [`InstanceEvents`]: who is told of what happens to an instance besides calls.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;
use wz_api::{Context, Error};
use wz_experimental::{Event, EventKinds, EventListener, StackIterator};

use crate::activation::{Activation, Payload};
use crate::instance::Instance;
use crate::listen::AttachmentId;
use crate::walk::StackWalk;

type List = Arc<[(AttachmentId, EventKinds, Arc<dyn EventListener>)]>;

/// The event listeners of an instance, in the order in which they were attached.
#[derive(Default)]
pub(crate) struct InstanceEvents {
    list: Mutex<Option<List>>,
}

impl InstanceEvents {
    /// `published` gets the kinds that anybody wants.
    pub(crate) fn attach(&self, published: &AtomicU32, id: AttachmentId, listener: Arc<dyn EventListener>) {
        let kinds = listener.kinds();
        self.change(published, |list| {
            let new = (id, kinds, listener);
            Some(list.iter().flat_map(|list| list.iter().cloned()).chain([new]).collect())
        });
    }

    pub(crate) fn detach(&self, published: &AtomicU32, id: AttachmentId) {
        self.change(published, |list| {
            let left: List = list?.iter().filter(|(own, ..)| *own != id).cloned().collect();
            (!left.is_empty()).then_some(left)
        });
    }

    fn change(&self, published: &AtomicU32, change: impl FnOnce(Option<&List>) -> Option<List>) {
        let mut list = self.list.lock();
        let new = change(list.as_ref());
        let mut kinds = EventKinds::NONE;
        for (_, own, _) in new.iter().flat_map(|list| list.iter()) {
            kinds |= *own;
        }
        published.store(kinds.bits(), Ordering::Relaxed);
        let old = std::mem::replace(&mut *list, new);
        drop(list);
        // Listeners are the embedder's: they are dropped outside of the lock.
        drop(old);
    }

    fn list(&self) -> Option<List> {
        self.list.lock().clone()
    }
}

impl fmt::Debug for InstanceEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstanceEvents").finish_non_exhaustive()
    }
}

/// Tells the listeners of an instance. All are told; the first panic is given back.
///
/// `activation` is the call that it happens in, if it happens in one; `params` those of the
/// innermost function, if they are known better than its frame knows them.
#[cold]
pub(crate) fn tell(
    instance: &Instance,
    cx: &Context,
    activation: Option<&Activation>,
    params: Option<&[u64]>,
    event: &Event<'_>,
) -> Result<(), Payload> {
    let (Some(list), Some(module)) = (instance.events().list(), instance.module()) else { return Ok(()) };
    let mut result = Ok(());
    for (_, kinds, listener) in list.iter() {
        if !kinds.contains(event.kind()) {
            continue;
        }
        let tell = || {
            catch_unwind(AssertUnwindSafe(|| match activation {
                None => listener.event(cx, &module, event, &mut NoStack),
                Some(activation) => {
                    let mut stack = StackWalk::of(activation, params);
                    listener.event(cx, &module, event, &mut stack);
                }
            }))
        };
        let told = match activation {
            None => tell(),
            Some(activation) => activation.outside(tell),
        };
        result = result.and(told);
    }
    result
}

/// The stack where no guest runs.
struct NoStack;

impl StackIterator for NoStack {
    fn next(&mut self) -> bool {
        false
    }
    fn function(&self) -> &dyn wz_experimental::InternalFunction {
        panic!("`next` gave false")
    }
    fn program_counter(&self) -> wz_experimental::ProgramCounter {
        panic!("`next` gave false")
    }
    fn parameters(&self) -> Option<&[u64]> {
        None
    }
    fn reset(&mut self) {}
}

impl Activation {
    /// A guest trapped with this error.
    #[cold]
    pub(crate) fn tell_trap(&self, instance: &Instance, error: &Error) -> Result<(), Payload> {
        match instance.wants(EventKinds::TRAP) {
            true => tell(instance, self.context(), Some(self), None, &Event::Trap { error }),
            false => Ok(()),
        }
    }
}

/// Something was grown by the guest that runs on this thread. A panic of a listener is kept for
/// the end of the call.
#[cold]
pub(crate) fn tell_grown(instance: &Instance, event: &Event<'_>) {
    let thread = crate::thread::Thread::current();
    let Some(activation) = thread.activation() else { return };
    if let Err(payload) = tell(instance, activation.context(), Some(activation), None, event) {
        activation.defer_panic(payload);
    }
}
