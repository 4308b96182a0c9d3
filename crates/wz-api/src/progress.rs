//! [`CompileProgress`]: how far the compilation of a module is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Context;

/// How far compilation is, for whoever shows it. Clones are the same counters; carried by a context
/// ([`in_context`](Self::in_context)) to where a module is compiled.
///
/// What is counted are bytes of functions' bodies, once per step over them: a step announces its
/// bytes when it begins, so that the whole grows while compilation goes on.
#[derive(Clone, Debug, Default)]
pub struct CompileProgress(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    done: AtomicU64,
    all: AtomicU64,
}

impl CompileProgress {
    /// Nothing done, nothing to do.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Derives a context in which compilation counts here.
    #[must_use]
    pub fn in_context(&self, cx: &Context) -> Context {
        cx.with_value(self.clone())
    }

    /// The counters that a context carries.
    #[must_use]
    pub fn of_context(cx: &Context) -> Option<&Self> {
        cx.value()
    }

    /// So many more bytes will be gone over.
    pub fn announce(&self, bytes: u64) {
        self.0.all.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So many more bytes have been gone over.
    pub fn advance(&self, bytes: u64) {
        self.0.done.fetch_add(bytes, Ordering::Relaxed);
    }

    /// How many bytes have been gone over, and how many there are in all, so far.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.0.done.load(Ordering::Relaxed), self.0.all.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_count_together() {
        let progress = CompileProgress::new();
        let cx = progress.in_context(&Context::background());
        let inner = CompileProgress::of_context(&cx).unwrap();
        inner.announce(10);
        inner.advance(4);
        assert_eq!(progress.counts(), (4, 10));
        assert!(CompileProgress::of_context(&Context::background()).is_none());
    }
}
