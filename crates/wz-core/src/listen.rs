//! Which functions are listened to: [`ListenerCell`], what belongs to a listened function,
//! [`ListenerSlot`], where it is found, and [`FunctionListeners`], what changes it. The events
//! themselves are in [`events`](crate::events).

use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use wz_api::FunctionDefinition;
use wz_experimental::{FunctionListener, FunctionListenerFactory};

use crate::reclaim;

/// The listeners of a function and what they are told.
pub(crate) struct ListenerCell {
    /// The only one of them, if there is but one.
    only: Option<NonNull<dyn FunctionListener>>,
    /// In the order in which they were attached.
    listeners: Box<[Arc<dyn FunctionListener>]>,
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
        let listeners = listeners.into();
        let only = match &*listeners {
            [only] => Some(NonNull::from_ref(&**only)),
            _ => None,
        };
        Arc::new(Self { only, listeners, definition, param_slots, result_slots })
    }

    /// The listeners, in the order in which they were attached.
    pub(crate) fn listeners(&self) -> &[Arc<dyn FunctionListener>] {
        &self.listeners
    }

    /// The only listener, if there is but one: found with fewer loads.
    #[inline(always)]
    pub(crate) fn only(&self) -> Option<&dyn FunctionListener> {
        // SAFETY: it is one of those that the cell has.
        self.only.map(|only| unsafe { only.as_ref() })
    }
}

// SAFETY: listeners are `Send` and `Sync`, and the pointer is to one that the cell has.
unsafe impl Send for ListenerCell {}
// SAFETY: as above.
unsafe impl Sync for ListenerCell {}

impl fmt::Debug for ListenerCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenerCell")
            .field("definition", &self.definition)
            .field("listeners", &self.listeners.len())
            .finish()
    }
}

/// Where code finds the listeners of a function, without a lock and without counting references:
/// see [`reclaim`](crate::reclaim).
#[derive(Debug)]
pub(crate) struct ListenerSlot(AtomicPtr<ListenerCell>);

impl ListenerSlot {
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// The listeners at this moment; null if there are none. For calls of the function, which
    /// keep it with `Entry::protect`.
    #[inline]
    pub(crate) fn get(&self) -> *const ListenerCell {
        self.0.load(Ordering::Acquire)
    }

    /// Changes the listeners for calls from now on.
    fn set(&self, cell: Option<&Arc<ListenerCell>>) {
        self.0.store(cell.map_or(ptr::null_mut(), |cell| Arc::as_ptr(cell).cast_mut()), Ordering::SeqCst);
    }
}

/// What a factory made for a function.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) function: u32,
    pub(crate) listener: Arc<dyn FunctionListener>,
    pub(crate) definition: FunctionDefinition,
}

impl Made {
    /// The listeners that a factory makes for functions. It is asked outside of locks.
    pub(crate) fn by(
        factory: &dyn FunctionListenerFactory,
        definitions: impl Iterator<Item = (u32, FunctionDefinition)>,
    ) -> Vec<Self> {
        let made = |(function, definition): (u32, FunctionDefinition)| {
            let listener = factory.new_function_listener(&definition)?;
            Some(Self { function, listener, definition })
        };
        definitions.filter_map(made).collect()
    }
}

/// The number of an attachment. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AttachmentId(u64);

impl AttachmentId {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// The listeners of one function, in the order in which they were attached.
#[derive(Default)]
pub(crate) struct FunctionListeners {
    list: Vec<(AttachmentId, Arc<dyn FunctionListener>)>,
    /// What the slot holds.
    cell: Option<Arc<ListenerCell>>,
}

impl FunctionListeners {
    /// Adds a listener. Gives the cell that is not in the slot any more.
    #[must_use]
    pub(crate) fn add(
        &mut self,
        id: AttachmentId,
        made: &Made,
        slot: &ListenerSlot,
    ) -> Option<Arc<ListenerCell>> {
        self.list.push((id, made.listener.clone()));
        self.update(&made.definition, slot)
    }

    /// Takes the listeners of an attachment away. Gives the cell that is not in the slot any more.
    #[must_use]
    pub(crate) fn remove(&mut self, id: AttachmentId, slot: &ListenerSlot) -> Option<Arc<ListenerCell>> {
        let definition = self.cell.as_ref()?.definition.clone();
        self.list.retain(|(own, _)| *own != id);
        self.update(&definition, slot)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn update(&mut self, definition: &FunctionDefinition, slot: &ListenerSlot) -> Option<Arc<ListenerCell>> {
        let listeners: Vec<_> = self.list.iter().map(|(_, listener)| listener.clone()).collect();
        let cell = (!listeners.is_empty()).then(|| ListenerCell::new(listeners, definition.clone()));
        slot.set(cell.as_ref());
        std::mem::replace(&mut self.cell, cell)
    }
}

/// Cells that are in no slot any more, though frames may hold them.
#[derive(Default)]
pub(crate) struct Retired {
    cells: Vec<Arc<ListenerCell>>,
    /// How many there may be before it is looked which can be freed.
    limit: usize,
}

impl Retired {
    /// Adds a cell. Gives those that nobody holds, to be dropped outside of locks.
    #[must_use]
    pub(crate) fn add(&mut self, cell: Option<Arc<ListenerCell>>) -> Vec<Arc<ListenerCell>> {
        self.cells.extend(cell);
        if self.cells.len() <= self.limit {
            return Vec::new();
        }
        let free = reclaim::unprotected(&mut self.cells);
        self.limit = self.cells.len() * 2 + 64;
        free
    }
}
