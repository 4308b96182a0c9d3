//! [`Attachment`]: something that was attached to running code.

use std::fmt;

/// Something that was attached at run time, until this is dropped.
///
/// Detaching concerns calls that begin later: calls that are running keep what they began with. It
/// may happen on any thread, also within a callback.
#[must_use = "dropping it detaches"]
pub struct Attachment(Option<Box<dyn FnOnce() + Send + Sync>>);

impl Attachment {
    /// An attachment that is ended by `detach`.
    #[doc(hidden)]
    pub fn new(detach: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(detach)))
    }

    /// Detaches, as dropping does.
    pub fn detach(self) {
        drop(self);
    }

    /// Leaves it attached for as long as what it is attached to lives.
    pub fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        if let Some(detach) = self.0.take() {
            detach();
        }
    }
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment").finish_non_exhaustive()
    }
}
