//! What happens to an instance besides calls of its functions: [`Event`] and [`EventListener`].

use std::fmt;
use std::ops::{BitOr, BitOrAssign};
use std::sync::Arc;

use wz_api::{Context, Error, FunctionDefinition, Module};

use crate::stack::StackIterator;

/// Something that happened to an instance.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// `memory.grow` was executed. Growing through a handle is no event.
    MemoryGrow {
        /// The memory's index.
        memory: u32,
        /// How many pages were asked for.
        delta_pages: u64,
        /// The size before, in pages; none if it failed.
        previous_pages: Option<u64>,
    },
    /// `table.grow` was executed.
    TableGrow {
        /// The table's index.
        table: u32,
        /// How many elements were asked for.
        delta: u64,
        /// The size before, in elements; none if it failed.
        previous: Option<u64>,
    },
    /// The guest trapped in a function of this instance. Listeners of functions are told `abort`
    /// afterwards.
    Trap {
        /// The trap with its backtrace.
        error: &'a Error,
    },
    /// The instance calls a function of the host, which is about to run.
    HostCall {
        /// The host function.
        definition: &'a FunctionDefinition,
        /// Its parameters as words.
        params: &'a [u64],
    },
    /// The instance is initialized. Its start function has not run.
    Instantiate,
    /// The instance is about to be closed. An instance that is freed without having been closed
    /// tells only its close notifier.
    Close {
        /// The exit code.
        exit_code: u32,
    },
}

impl Event<'_> {
    /// Which kind it is.
    #[must_use]
    pub fn kind(&self) -> EventKinds {
        match self {
            Self::MemoryGrow { .. } => EventKinds::MEMORY_GROW,
            Self::TableGrow { .. } => EventKinds::TABLE_GROW,
            Self::Trap { .. } => EventKinds::TRAP,
            Self::HostCall { .. } => EventKinds::HOST_CALL,
            Self::Instantiate => EventKinds::INSTANTIATE,
            Self::Close { .. } => EventKinds::CLOSE,
        }
    }
}

/// A set of kinds of events.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct EventKinds(u32);

impl EventKinds {
    /// None.
    pub const NONE: Self = Self(0);
    /// [`Event::MemoryGrow`]
    pub const MEMORY_GROW: Self = Self(1);
    /// [`Event::TableGrow`]
    pub const TABLE_GROW: Self = Self(1 << 1);
    /// [`Event::Trap`]
    pub const TRAP: Self = Self(1 << 2);
    /// [`Event::HostCall`]
    pub const HOST_CALL: Self = Self(1 << 3);
    /// [`Event::Instantiate`]
    pub const INSTANTIATE: Self = Self(1 << 4);
    /// [`Event::Close`]
    pub const CLOSE: Self = Self(1 << 5);
    /// All of them.
    pub const ALL: Self = Self((1 << 6) - 1);

    /// Whether all of `other` are among these.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// As a number, for keeping it in an atomic.
    #[doc(hidden)]
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }
}

impl BitOr for EventKinds {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for EventKinds {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl fmt::Debug for EventKinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = ["memory.grow", "table.grow", "trap", "host call", "instantiate", "close"];
        let set = names.iter().enumerate().filter(|(bit, _)| self.0 & (1 << bit) != 0);
        f.debug_set().entries(set.map(|(_, name)| name)).finish()
    }
}

/// Is told of the events of the instances that it is attached to, with
/// [`with_event_listener`] or [`attach_event_listener`](crate::attach_event_listener).
pub trait EventListener: Send + Sync {
    /// Which events it wants. Asked once, when it is attached; others cost nothing.
    fn kinds(&self) -> EventKinds {
        EventKinds::ALL
    }

    /// Something happened to `module`. `cx` is the context of the call that it happened in; `stack`
    /// begins with the innermost function, which is the called one for [`Event::HostCall`], and has
    /// no entries where no guest runs.
    ///
    /// A panic goes on in the host's call; where the event does not end the guest's call, when
    /// that has ended.
    fn event(&self, cx: &Context, module: &Module, event: &Event<'_>, stack: &mut dyn StackIterator);
}

/// A closure is a listener for every event.
impl<F> EventListener for F
where
    F: Fn(&Context, &Module, &Event<'_>, &mut dyn StackIterator) + Send + Sync,
{
    fn event(&self, cx: &Context, module: &Module, event: &Event<'_>, stack: &mut dyn StackIterator) {
        self(cx, module, event, stack);
    }
}

#[derive(Clone)]
struct ListenerValue(Arc<dyn EventListener>);

/// Derives a context with which instantiated modules tell `listener` their events.
#[must_use]
pub fn with_event_listener(cx: &Context, listener: Arc<dyn EventListener>) -> Context {
    cx.with_value(ListenerValue(listener))
}

/// The innermost event listener of a context.
#[must_use]
pub fn event_listener(cx: &Context) -> Option<&Arc<dyn EventListener>> {
    cx.value::<ListenerValue>().map(|value| &value.0)
}
