//! The [`Global`] handle.

use std::fmt;
use std::sync::Arc;

use crate::definition::GlobalDefinition;
use crate::error::{Error, Result};
use crate::sealed::GlobalInner;
use crate::types::ValueType;
use crate::value::Value;

/// A global of an instance. Cheap to clone.
#[derive(Clone)]
pub struct Global {
    inner: Arc<dyn GlobalInner>,
}

impl Global {
    /// Wraps what an engine provides.
    #[doc(hidden)]
    pub fn from_inner(inner: Arc<dyn GlobalInner>) -> Self {
        Self { inner }
    }

    /// What is behind the handle.
    #[doc(hidden)]
    #[must_use]
    pub fn inner(&self) -> &Arc<dyn GlobalInner> {
        &self.inner
    }

    /// What the defining module says of this global.
    #[must_use]
    pub fn definition(&self) -> GlobalDefinition {
        self.inner.definition()
    }

    /// The type of the value.
    #[must_use]
    pub fn ty(&self) -> ValueType {
        self.definition().ty.value
    }

    /// Whether [`set`](Self::set) can succeed.
    #[must_use]
    pub fn is_mutable(&self) -> bool {
        self.definition().ty.mutable
    }

    /// The current value.
    #[must_use]
    pub fn get(&self) -> Value {
        self.inner.get()
    }

    /// The current value as a word, see [`encode_i32`](crate::encode_i32) and its siblings; the
    /// low half of a `v128`, an opaque word for references.
    #[must_use]
    pub fn get_word(&self) -> u64 {
        self.inner.get_words()[0]
    }

    /// Changes the value.
    ///
    /// # Errors
    /// If the global is immutable, the value is of another type or of another runtime.
    pub fn set(&self, value: impl Into<Value>) -> Result<()> {
        let (value, ty) = (value.into(), self.definition().ty);
        if !ty.mutable {
            return Err(Error::argument("global is immutable"));
        }
        if value.ty() != ty.value {
            return Err(Error::argument(format!("expected {}, but passed {}", ty.value, value.ty())));
        }
        self.inner.set(&value)
    }
}

/// Prints `global(value)`.
impl fmt::Display for Global {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "global({})", self.get())
    }
}

impl fmt::Debug for Global {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Global").field("ty", &self.definition().ty).field("value", &self.get()).finish()
    }
}
