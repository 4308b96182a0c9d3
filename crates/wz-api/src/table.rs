//! The [`Table`] handle.

use std::fmt;
use std::sync::Arc;

use crate::definition::TableDefinition;
use crate::error::{Error, Result};
use crate::sealed::TableInner;
use crate::types::ValueType;
use crate::value::Value;

/// A table of an instance. Cheap to clone.
#[derive(Clone)]
pub struct Table {
    inner: Arc<dyn TableInner>,
}

impl Table {
    /// Wraps what an engine provides.
    #[doc(hidden)]
    pub fn from_inner(inner: Arc<dyn TableInner>) -> Self {
        Self { inner }
    }

    /// What is behind the handle.
    #[doc(hidden)]
    #[must_use]
    pub fn inner(&self) -> &Arc<dyn TableInner> {
        &self.inner
    }

    /// What the defining module says of this table.
    #[must_use]
    pub fn definition(&self) -> TableDefinition {
        self.inner.definition()
    }

    /// The type of the elements.
    #[must_use]
    pub fn element_type(&self) -> ValueType {
        self.definition().ty.element
    }

    /// The current number of elements.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.inner.size()
    }

    /// The element at `index`, `None` out of range.
    #[must_use]
    pub fn get(&self, index: impl Into<u64>) -> Option<Value> {
        self.inner.get(index.into())
    }

    /// Changes the element at `index`.
    ///
    /// # Errors
    /// If the index is out of range, the value is of another type or of another runtime.
    pub fn set(&self, index: impl Into<u64>, value: impl Into<Value>) -> Result<()> {
        let (index, value) = (index.into(), value.into());
        self.check(&value)?;
        if self.inner.set(index, &value)? {
            return Ok(());
        }
        Err(Error::argument(format!("table index {index} out of range: size is {}", self.size())))
    }

    /// Grows by `delta` elements that are `init` and gives the size before, or `None` if that
    /// exceeds the maximum or a limit.
    ///
    /// # Errors
    /// If `init` is of another type or of another runtime.
    pub fn grow(&self, delta: impl Into<u64>, init: impl Into<Value>) -> Result<Option<u64>> {
        let init = init.into();
        self.check(&init)?;
        self.inner.grow(delta.into(), &init)
    }

    fn check(&self, value: &Value) -> Result<()> {
        let element = self.element_type();
        if value.ty() == element {
            return Ok(());
        }
        Err(Error::argument(format!("expected {element}, but passed {}", value.ty())))
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("size", &self.size()).finish_non_exhaustive()
    }
}
