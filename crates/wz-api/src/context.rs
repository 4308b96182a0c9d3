//! [`Context`]: what a call carries besides its parameters: cancellation, a deadline and typed
//! values. An empty context costs nothing.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Cancellation, a deadline and typed values for calls. Contexts nest: a derived context sees
/// everything of its parent and is cancelled with it. Cheap to clone.
#[derive(Clone, Default)]
pub struct Context {
    node: Option<Arc<Node>>,
}

struct Node {
    parent: Context,
    entry: Entry,
    /// The earliest deadline of this node and its ancestors.
    deadline: Option<Instant>,
}

enum Entry {
    Cancel(CancelToken),
    Deadline,
    Value(TypeId, Arc<dyn Any + Send + Sync>),
}

impl Context {
    /// The empty context.
    #[must_use]
    pub const fn background() -> Self {
        Self { node: None }
    }

    /// Whether nothing was ever derived: it is [`background`](Self::background).
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub const fn is_background(&self) -> bool {
        self.node.is_none()
    }

    /// Derives a context that is done once the returned token is cancelled.
    #[must_use]
    pub fn with_cancel(&self) -> (Self, CancelToken) {
        let token = CancelToken::new();
        (self.with_cancel_token(&token), token)
    }

    /// Derives a context that is done once `token` is cancelled.
    #[must_use]
    pub fn with_cancel_token(&self, token: &CancelToken) -> Self {
        self.derive(Entry::Cancel(token.clone()), self.deadline())
    }

    /// Derives a context that is done at `deadline`, or when this one is, if that is earlier.
    #[must_use]
    pub fn with_deadline(&self, deadline: Instant) -> Self {
        let earliest = self.deadline().map_or(deadline, |own| own.min(deadline));
        self.derive(Entry::Deadline, Some(earliest))
    }

    /// Derives a context that is done after `timeout`. A timeout too long to be represented
    /// is no deadline.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        match Instant::now().checked_add(timeout) {
            Some(deadline) => self.with_deadline(deadline),
            None => self.clone(),
        }
    }

    /// Derives a context that carries `value`, found again by its type. A value of the same type
    /// in the parent is hidden.
    #[must_use]
    pub fn with_value<T: Any + Send + Sync>(&self, value: T) -> Self {
        self.derive(Entry::Value(TypeId::of::<T>(), Arc::new(value)), self.deadline())
    }

    /// The innermost value of type `T`.
    #[must_use]
    pub fn value<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.nodes().find_map(|node| match &node.entry {
            Entry::Value(id, value) if *id == TypeId::of::<T>() => value.downcast_ref(),
            _ => None,
        })
    }

    /// When the context is done at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.node.as_ref()?.deadline
    }

    /// Why the context is done, if it is.
    #[must_use]
    pub fn done(&self) -> Option<DoneReason> {
        self.node.as_ref()?;
        if self.cancel_tokens().any(|token| token.is_cancelled()) {
            return Some(DoneReason::Cancelled);
        }
        (self.deadline()? <= Instant::now()).then_some(DoneReason::DeadlineExceeded)
    }

    /// Whether the context can ever be done: it has a token or a deadline.
    #[must_use]
    pub fn can_be_done(&self) -> bool {
        self.deadline().is_some() || self.cancel_tokens().next().is_some()
    }

    /// The tokens that this context and its ancestors watch, innermost first.
    pub fn cancel_tokens(&self) -> impl Iterator<Item = &CancelToken> {
        self.nodes().filter_map(|node| match &node.entry {
            Entry::Cancel(token) => Some(token),
            _ => None,
        })
    }

    /// Whether both are the same context, not merely equal ones.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        match (&self.node, &other.node) {
            (None, None) => true,
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    fn derive(&self, entry: Entry, deadline: Option<Instant>) -> Self {
        Self { node: Some(Arc::new(Node { parent: self.clone(), entry, deadline })) }
    }

    fn nodes(&self) -> impl Iterator<Item = &Node> {
        std::iter::successors(self.node.as_deref(), |node| node.parent.node.as_deref())
    }
}

/// A long chain of contexts is freed without recursion.
impl Drop for Node {
    fn drop(&mut self) {
        let mut next = self.parent.node.take();
        while let Some(mut node) = next.and_then(Arc::into_inner) {
            next = node.parent.node.take();
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("deadline", &self.deadline())
            .field("done", &self.done())
            .finish_non_exhaustive()
    }
}

/// Why a [`Context`] is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DoneReason {
    /// A token was cancelled.
    Cancelled,
    /// The deadline passed.
    DeadlineExceeded,
}

impl DoneReason {
    /// The exit code that a module gets which is closed for this reason.
    #[must_use]
    pub const fn exit_code(self) -> u32 {
        match self {
            Self::Cancelled => crate::ExitError::CONTEXT_CANCELED,
            Self::DeadlineExceeded => crate::ExitError::DEADLINE_EXCEEDED,
        }
    }
}

/// Cancels the contexts that were derived with it. Clones cancel the same contexts.
#[derive(Clone, Default)]
pub struct CancelToken {
    state: Arc<CancelState>,
}

#[derive(Default)]
struct CancelState {
    cancelled: AtomicBool,
    watchers: Mutex<Watchers>,
}

#[derive(Default)]
struct Watchers {
    next_id: u64,
    list: Vec<(u64, Arc<dyn Fn() + Send + Sync>)>,
}

impl CancelToken {
    /// A token that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels, once and for all, and tells everybody who watches.
    pub fn cancel(&self) {
        if self.state.cancelled.swap(true, Ordering::SeqCst) {
            return;
        }
        let list = std::mem::take(&mut self.watchers().list);
        for (_, wake) in list {
            wake();
        }
    }

    /// Whether [`cancel`](Self::cancel) was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.state.cancelled.load(Ordering::SeqCst)
    }

    /// Calls `wake` once when the token is cancelled (at once if it already is), until the
    /// returned registration is dropped. `wake` runs on the cancelling thread.
    #[must_use]
    pub fn watch(&self, wake: impl Fn() + Send + Sync + 'static) -> CancelWatch {
        let mut watchers = self.watchers();
        if self.is_cancelled() {
            drop(watchers);
            wake();
            return CancelWatch { token: self.clone(), id: u64::MAX };
        }
        let id = watchers.next_id;
        watchers.next_id += 1;
        watchers.list.push((id, Arc::new(wake)));
        drop(watchers);
        CancelWatch { token: self.clone(), id }
    }

    fn watchers(&self) -> std::sync::MutexGuard<'_, Watchers> {
        self.state.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CancelToken").field(&self.is_cancelled()).finish()
    }
}

/// A registration with [`CancelToken::watch`]; dropping it ends it.
#[derive(Debug)]
pub struct CancelWatch {
    token: CancelToken,
    id: u64,
}

impl Drop for CancelWatch {
    fn drop(&mut self) {
        self.token.watchers().list.retain(|(id, _)| *id != self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_type_innermost_first() {
        let cx = Context::background().with_value(1_u32).with_value("a").with_value(2_u32);
        assert_eq!(cx.value::<u32>(), Some(&2));
        assert_eq!(cx.value::<&str>(), Some(&"a"));
        assert_eq!(cx.value::<u64>(), None);
    }

    #[test]
    fn derived_contexts_are_done_with_their_parents() {
        let (parent, token) = Context::background().with_cancel();
        let child = parent.with_value(1_u8).with_timeout(Duration::from_secs(1000));
        assert_eq!(child.done(), None);
        token.cancel();
        assert_eq!(child.done(), Some(DoneReason::Cancelled));
        let past = Context::background().with_timeout(Duration::ZERO);
        assert_eq!(past.with_timeout(Duration::MAX).done(), Some(DoneReason::DeadlineExceeded));
    }

    #[test]
    fn watchers_are_woken_once_and_only_while_registered() {
        use std::sync::atomic::AtomicU32;
        let count = Arc::new(AtomicU32::new(0));
        let token = CancelToken::new();
        let wake = |count: &Arc<AtomicU32>| {
            let count = count.clone();
            move || {
                count.fetch_add(1, Ordering::SeqCst);
            }
        };
        let kept = token.watch(wake(&count));
        drop(token.watch(wake(&count)));
        token.cancel();
        token.cancel();
        assert_eq!(count.load(Ordering::SeqCst), 1);
        let _late = token.watch(wake(&count));
        assert_eq!(count.load(Ordering::SeqCst), 2);
        drop(kept);
    }

    #[test]
    fn a_million_nested_contexts_are_freed_without_overflow() {
        let mut cx = Context::background();
        for value in 0..1_000_000_u32 {
            cx = cx.with_value(value);
        }
        drop(cx);
    }
}
