//! Close notifiers: told before a module closes.

use std::sync::Arc;

use wz_api::Context;

/// Is notified *before* a module is closed, once per module.
pub trait CloseNotifier: Send + Sync {
    /// The module is about to be closed; `exit_code` is 0 on success or if there is none. The
    /// module closes unconditionally. Must not panic.
    fn close_notify(&self, cx: &Context, exit_code: u32);
}

/// A closure is a notifier.
impl<F: Fn(&Context, u32) + Send + Sync> CloseNotifier for F {
    fn close_notify(&self, cx: &Context, exit_code: u32) {
        self(cx, exit_code);
    }
}

#[derive(Clone)]
struct NotifierValue(Arc<dyn CloseNotifier>);

/// Derives a context with which instantiated modules notify `notifier` when they close.
#[must_use]
pub fn with_close_notifier(cx: &Context, notifier: Arc<dyn CloseNotifier>) -> Context {
    cx.with_value(NotifierValue(notifier))
}

/// The innermost notifier of a context.
#[must_use]
pub fn close_notifier(cx: &Context) -> Option<&Arc<dyn CloseNotifier>> {
    cx.value::<NotifierValue>().map(|value| &value.0)
}
