//! Which functions are listened to: [`ListenerCell`], what belongs to a listened function, and
//! [`ListenerSlot`], where it is found. The events themselves are in [`events`](crate::events).

use std::fmt;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use parking_lot::Mutex;
use wz_api::FunctionDefinition;
use wz_experimental::FunctionListener;

/// The listeners of a function and what they are told.
pub(crate) struct ListenerCell {
    /// In the order in which they were attached.
    pub(crate) listeners: Box<[Arc<dyn FunctionListener>]>,
    pub(crate) definition: FunctionDefinition,
    pub(crate) param_slots: u32,
    pub(crate) result_slots: u32,
}

impl ListenerCell {
    pub(crate) fn new(
        listeners: impl Into<Box<[Arc<dyn FunctionListener>]>>,
        definition: FunctionDefinition,
    ) -> Arc<Self> {
        let ty = definition.ty();
        let (param_slots, result_slots) = (ty.param_slots() as u32, ty.result_slots() as u32);
        Arc::new(Self { listeners: listeners.into(), definition, param_slots, result_slots })
    }
}

impl fmt::Debug for ListenerCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenerCell")
            .field("definition", &self.definition)
            .field("listeners", &self.listeners.len())
            .finish()
    }
}

/// Where code finds the listeners of a function, without a lock and without counting references:
/// what was ever in the slot stays in its [`Retired`] list until the owner of both is freed.
#[derive(Debug)]
pub(crate) struct ListenerSlot(AtomicPtr<ListenerCell>);

impl ListenerSlot {
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// The listeners at this moment; null if there are none.
    #[inline]
    pub(crate) fn get(&self) -> *const ListenerCell {
        self.0.load(Ordering::Acquire)
    }

    /// Changes the listeners for calls from now on.
    pub(crate) fn set(&self, cell: Option<Arc<ListenerCell>>, retired: &Retired) {
        let pointer = cell.as_ref().map_or(ptr::null(), Arc::as_ptr);
        if let Some(cell) = cell {
            let mut kept = retired.0.lock();
            if !kept.iter().any(|known| Arc::ptr_eq(known, &cell)) {
                kept.push(cell);
            }
        }
        self.0.store(pointer.cast_mut(), Ordering::Release);
    }
}

/// What slots hold or held. Calls in flight may still look at it.
#[derive(Debug, Default)]
pub(crate) struct Retired(Mutex<Vec<Arc<ListenerCell>>>);
